"""Activation: a bundle is copied, checked, heard, and then put into use by the renaming of one small file.

At whatever point the power goes, the bundle in use is the old one or the new one, and whole: a version is
copied under another name, flushed, renamed, flushed, and then the file that names it is replaced.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from edge.active import ACTIVE, KEPT, active, kept, state_folder, versions
from edge.bundle import Bundle, load_bundle, read_files
from edge.errors import ModelError
from edge.files import make_folder, sweep, sync, sync_tree, write_whole
from edge.hearing_trial import hear_first
from edge.manifest_check import MANIFEST
from edge.model_folders import folders

KEEP = 3  # versions of each bundle: the one in use, and two to go back to
LOCK = ".lock"


def models_folder() -> Path:
    """Where bundles are activated: $HEYCHIP_MODELS, or the folder of the service."""
    return Path(os.environ.get("HEYCHIP_MODELS") or state_folder() / "models")


def activate(
    where: str | Path, *, name: str = "", folder: Path | None = None, hears: Path | None = None
) -> tuple[Path, Mapping[str, float]]:
    """Put a bundle into use under its own name, or `name`; gives where it is now, and the margins that it had
    on what it was tried with. `hears`: a recording in which it must hear its word.

    Raises ModelError where the bundle is not whole, cannot be run, does not hear what it must or hears what
    it must not, and where another activation is going on; then all is as it was.
    """
    folder = folder or models_folder()
    bundle = load_bundle(where)
    name = name or bundle.path.resolve().name.removesuffix(".onnx")
    if not name.replace("_", "").replace("-", "").isalnum():
        raise ModelError(name, "is no name for a bundle", "letters, digits, _ and - only; give one with --as")
    with locked(folder):
        rows = versions(folder)
        _tidy(folder, rows)
        version = f"{_highest(folder, rows) + 1:06d}"
        fresh = folder / KEPT / f"{version}.new"
        try:
            margins = hear_first(_copy(bundle, fresh, name), hears)
            _own(folder / KEPT, folder)
            sync_tree(fresh)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        fresh.rename(folder / KEPT / version)
        sync(folder / KEPT)
        rows[name] = [version, *rows.get(name, [])][:KEEP]
        _write(folder, rows)
        _tidy(folder, rows)
        place = kept(folder, name, version)
        assert place is not None  # noqa: S101 - it was put there just now
        return place, margins


def roll_back(name: str, folder: Path | None = None) -> Path:
    """Take the version before the one in use; gives where it is. Raises ModelError where there is none."""
    folder = folder or models_folder()
    with locked(folder):
        rows = versions(folder)
        if name not in rows:
            raise ModelError(name, f"was not activated in {folder}", "`heychip models list` shows them all")
        older = [one for one in rows.pop(name)[1:] if kept(folder, name, one)]
        place = kept(folder, name, older[0]) if older else _unactivated(folder, name)
        if place is None:
            raise ModelError(name, "has no version to go back to", "activate another bundle")
        _write(folder, {**rows, name: older} if older else rows)
        return place


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One activation at a time. Raises ModelError where another goes on, or where we may not write."""
    try:
        if not folder.is_dir():
            make_folder(folder)
            _own(folder, folder.parent)
        lock = os.open(folder / LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise ModelError(folder, f"cannot be written to: {error.strerror}", "try it with sudo") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise ModelError(folder, "another activation is going on there", "wait for its end") from error
    except OSError as error:
        reason = f"cannot be written to: {error.strerror}"
        raise ModelError(folder, reason, "try it with sudo; is there room?") from error
    finally:
        os.close(lock)


def _copy(bundle: Bundle, fresh: Path, name: str) -> Bundle:
    """The bundle's files, each with the sha256 that its manifest gives, and no others; read back."""
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    if not bundle.path.is_dir():
        target = fresh / f"{name}.onnx"
        target.write_bytes(bundle.onnx)
        return load_bundle(target)
    listed = bundle.manifest.files
    for file, data in read_files(bundle.path, listed, keep=listed).items():
        target = fresh / name / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (fresh / name / MANIFEST).write_bytes((bundle.path / MANIFEST).read_bytes())
    return load_bundle(fresh / name)


def _unactivated(folder: Path, name: str) -> Path | None:
    """What the name means where nothing was activated in this folder: copied by hand, or shipped."""
    for at in (folder, *folders()):  # the folder is among them, perhaps by a relative name
        in_use = None if at.resolve() == folder.resolve() else active(at).get(name)
        for place in (in_use, at / name, at / f"{name}.onnx"):
            if place is not None and place.exists():
                return place
    return None


def _write(folder: Path, rows: Mapping[str, list[str]]) -> None:
    write_whole(folder / ACTIVE, (json.dumps(rows, indent=1) + "\n").encode())


def _tidy(folder: Path, rows: Mapping[str, list[str]]) -> None:
    """Remove versions that nobody can go back to, and what a power cut has left."""
    sweep(folder / ACTIVE)
    named = {version for row in rows.values() for version in row}
    with suppress(FileNotFoundError):
        for path in (folder / KEPT).iterdir():
            if path.name not in named:
                shutil.rmtree(path, ignore_errors=True)


def _highest(folder: Path, rows: Mapping[str, list[str]]) -> int:
    there = (path.name for path in (folder / KEPT).glob("[0-9]*"))
    named = (one for row in rows.values() for one in row)
    return max((int(one) for one in (*there, *named) if one.isdecimal()), default=0)


def _own(path: Path, like: Path) -> None:
    """What root activates belongs to the service, which must be able to go back by itself."""
    if os.geteuid() != 0:
        return
    owner = like.stat()
    for place, _, names in os.walk(path):
        for one in (Path(place), *(Path(place, name) for name in names)):
            os.chown(one, owner.st_uid, owner.st_gid)
