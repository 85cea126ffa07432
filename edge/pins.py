"""The pins of the board, through gpiozero, for lights and buttons; with a remedy where there are none.

lgpio, which gpiozero uses, makes a named pipe in the working directory when it is imported, fails where it
may not write there, changes the working directory of the whole process to LG_WD where that is set, and leaves
the pipe behind (gpiozero issue 1106, lg issues 12 and 22). So it is given a folder of its own, which is
removed as soon as both ends of the pipe are open, and the working directory is put back.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.errors import DeviceError

REMEDY = (
    "on a Raspberry Pi: sudo apt-get install python3-lgpio, pip install heychip[pi] into a venv with "
    "--system-site-packages, and the user in the group gpio; elsewhere take the pins out of the configuration"
)


def pin_factory() -> Any:
    """gpiozero's, which is one for the process. Raises DeviceError where there is no gpiozero or no pin."""
    try:
        from gpiozero import Device
        from gpiozero.exc import BadPinFactory
    except ImportError as error:
        raise DeviceError(f"the pins cannot be reached: {error}; {REMEDY}") from error
    if Device.pin_factory is not None:
        return Device.pin_factory
    with warnings.catch_warnings(record=True) as tried, _own_folder():
        warnings.simplefilter("always")
        try:
            Device.ensure_pin_factory()
        except (BadPinFactory, ImportError, OSError) as error:
            ways = (str(one.message).removeprefix("Falling back from ") for one in tried)
            why = "; ".join(dict.fromkeys(ways)) or str(error)
            raise DeviceError(f"the pins cannot be reached: {why}; {REMEDY}") from error
    return Device.pin_factory


def board() -> str:
    """What the pins are of, and which library reaches them. Raises DeviceError."""
    factory = pin_factory()
    by = type(factory).__name__.removesuffix("Factory").lower()
    try:
        return f"{factory.board_info.description} (through {by})"
    except Exception as error:  # a board that gpiozero does not know
        raise DeviceError(f"the pins cannot be reached: {error}; {REMEDY}") from error


@contextmanager
def _own_folder() -> Iterator[None]:
    """While lgpio is imported."""
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY)  # also where the folder has no path any more
    given = os.environ.get("LG_WD")
    folder = _make_folder()
    if folder:
        os.environ["LG_WD"] = folder
    try:
        yield
    finally:
        os.fchdir(before)
        os.close(before)
        if given is None:
            os.environ.pop("LG_WD", None)
        else:
            os.environ["LG_WD"] = given
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def _make_folder() -> str | None:
    """A new folder where we may write: in memory if there is a choice, and not on the card."""
    for name in ("LG_WD", "RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR", "", "STATE_DIRECTORY"):
        place = os.environ.get(name, "").split(":")[0]
        if name and not place:
            continue
        try:
            return tempfile.mkdtemp(prefix=".heychip-pins-", dir=place or None)
        except OSError:
            continue
    return None
