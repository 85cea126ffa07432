"""Bundles: read, and checked byte by byte before ONNX Runtime sees any of it.

A bundle is a folder with a manifest that gives the sha256 of every file in it. A single .onnx file in the
manner of openWakeWord, one score in 0..1, is taken for a bundle of one member. Nothing here is unpickled,
evaluated or followed out of the folder.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge.detectors import check_contract
from edge.errors import ModelError
from edge.files import sha256_of
from edge.manifest import DETECTORS, VISION_KINDS, Manifest, Member, check_common, parse, read_json
from edge.manifest_check import MANIFEST
from edge.model_folders import find_bundle, is_shipped, known_bundles
from edge.onnx_scan import CLASSIFIER_CAP_BYTES, HOTWORD_CAP_BYTES, scan

__all__ = [
    "Bundle", "FileCheck", "find_bundle", "known_bundles", "load_bundle", "read_files", "read_manifest",
    "told", "verify_bundle",
]  # fmt: skip

MANIFEST_CAP_BYTES = 4 * 2**20
_AGAIN = "copy the whole folder again; `heychip models verify` checks every file"
_UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", "~")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Bundle:
    """A hotword model that has been read and checked, but not run."""

    path: Path
    """the folder, or the single .onnx file"""
    manifest: Manifest
    """what it says of itself"""
    onnx: bytes = field(repr=False)
    """the model"""
    probability: bool = False
    """whether the model gives a score in 0..1 (openWakeWord) and not logits"""
    shipped: bool = False
    """whether it came with heychip, and so was tried when heychip was built"""


@dataclass(frozen=True)
class FileCheck:
    """What became of one file of a bundle."""

    file: str
    """its name in the folder"""
    state: str
    """ok, changed, missing, refused or left over"""
    note: str = ""
    """what is wrong, in words"""

    @property
    def bad(self) -> bool:
        """Whether the bundle is refused for it; a leftover beside whole files does no harm."""
        return self.state not in ("ok", "left over")


def load_bundle(where: str | Path) -> Bundle:
    """Read and check a bundle, by name or path. ModelError says all that is wrong with its manifest."""
    path = find_bundle(where)
    if path.suffix == ".onnx" and not path.is_dir():
        beside = path.parent / MANIFEST
        if path.name == DETECTORS and beside.is_file():  # the model of a bundle: its manifest goes with it
            return _load_folder(path.parent)
        return _load_file(path)
    if not path.is_dir():
        raise ModelError(path, "is neither a folder nor an .onnx file", "give the folder with the manifest")
    return _load_folder(path)


def _load_folder(folder: Path) -> Bundle:
    name = folder.resolve().name
    if name.endswith(_UNFINISHED) or (name.startswith(".") and "." in name[1:]):
        raise ModelError(folder, "is a copy that was not finished, by its name", _AGAIN)
    manifest = parse(read_manifest(folder), folder / MANIFEST)
    onnx = read_files(folder, manifest.files, keep={DETECTORS})[DETECTORS]
    where = folder / DETECTORS
    summary = scan(onnx, where, cap_bytes=HOTWORD_CAP_BYTES)
    check_contract(summary.inputs, summary.outputs, len(manifest.members), where)
    if left := leftovers(folder, manifest.files):
        _log.warning("event=copy_cut_short path=%s left=%s", folder, ",".join(left))
    return Bundle(folder, manifest, onnx, shipped=is_shipped(folder))


def _load_file(path: Path) -> Bundle:
    onnx = read_inside(path.parent, path.name, HOTWORD_CAP_BYTES, links=True)
    summary = scan(onnx, path)
    check_contract(summary.inputs, summary.outputs, 1, path, probability=True)
    member = Member(path.stem, "openWakeWord", 0.0)  # a logit of 0 is a score of 0.5, the custom there
    manifest = Manifest(word=path.stem, members=(member,), files={path.name: sha256_of(onnx)})
    return Bundle(path, manifest, onnx, probability=True)


def told(bundle: Bundle) -> dict[str, str]:
    """Which bundle it is: its name, and the sha256 of its manifest, which has those of all files."""
    name = bundle.path.stem if bundle.path.suffix == ".onnx" else bundle.path.resolve().name
    file = bundle.path / MANIFEST if bundle.path.is_dir() else bundle.path
    return {"bundle": name, "bundle_sha256": sha256_of(file.read_bytes())}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The table of a folder's manifest, of any kind. ModelError where there is none or it is no JSON."""
    if not os.path.lexists(folder / MANIFEST):
        left = leftovers(folder, ())
        reason = f"has no {MANIFEST}, so nothing in it can be checked"
        reason += f"; a copy was cut short ({', '.join(left)})" if left else ""
        raise ModelError(folder, reason, _AGAIN)
    return read_json(read_inside(folder, MANIFEST, MANIFEST_CAP_BYTES), folder / MANIFEST)


def read_files(folder: Path, listed: Mapping[str, str], *, keep: Collection[str]) -> dict[str, bytes]:
    """Compare every file with its sha256; give the bytes of those to `keep`. ModelError: what differs."""
    kept, bad = {}, []
    for name, digest in listed.items():
        check, data = _compare(folder, name, digest)
        if check.state != "ok":
            bad.append(f"{name} is {check.state}: {check.note}")
        elif name in keep:
            kept[name] = data
    if bad:
        bad += [f"{name} is left over: a copy was cut short" for name in leftovers(folder, listed)]
        reason = bad[0] if len(bad) == 1 else "".join(f"\n  - {line}" for line in bad)
        raise ModelError(folder, reason, _AGAIN)
    return kept


def read_inside(folder: Path, name: str, cap_bytes: int, *, links: bool = False) -> bytes:
    """The bytes of a plain file in a folder. ModelError where it is missing, too large, a pipe, or elsewhere.

    `links` allows a link that leaves the folder, for a file that a person has named.
    """
    path = folder / name
    try:
        real = path.resolve(strict=True)
        if not links and not real.is_relative_to(folder.resolve()):
            raise ModelError(path, "is a link that leaves the folder", "copy the file itself into the folder")
        status = real.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ModelError(path, "is not a plain file")
        if status.st_size > cap_bytes:
            found, allowed = f"{status.st_size / 2**20:.1f} MB", f"{cap_bytes / 2**20:.0f} MB"
            raise ModelError(path, f"has {found}, more than the {allowed} that are allowed")
        with real.open("rb") as file:
            return file.read(cap_bytes)
    except FileNotFoundError:
        what = "is a link to something that is not there" if path.is_symlink() else "is missing"
        raise ModelError(path, what, "copy the bundle again") from None
    except (OSError, RuntimeError, ValueError) as error:  # permissions, a dying card, links in a circle
        raise ModelError(path, f"cannot be read: {error}", "look at its permissions and the disk") from error


def _compare(folder: Path, name: str, wanted: str) -> tuple[FileCheck, bytes]:
    """Compare one file with its sha256; gives its bytes too."""
    try:
        data = read_inside(folder, name, CLASSIFIER_CAP_BYTES)
    except ModelError as error:
        state = "refused" if os.path.lexists(folder / name) else "missing"
        return FileCheck(name, state, error.reason), b""
    if (found := sha256_of(data)) != wanted:
        return FileCheck(name, "changed", f"its sha256 begins with {found[:12]}, not {wanted[:12]}"), b""
    return FileCheck(name, "ok"), data


def verify_bundle(where: str | Path) -> list[FileCheck]:
    """The state of every file of a bundle, its manifest first; nothing is raised, and no file is run."""
    try:
        path = find_bundle(where)
        if not path.is_dir():
            load_bundle(path)
            return [FileCheck(path.name, "ok", "has no manifest, so there is no sha256 to compare with")]
        raw = read_manifest(path)
        kind = str(raw["kind"]) if raw.get("kind") in VISION_KINDS else "hotword"
        listed = check_common(raw, kind, path / MANIFEST)
        checks = [_compare(path, name, digest)[0] for name, digest in listed.items()]
        if kind == "hotword" and not any(check.bad for check in checks):
            _load_folder(path)
        checks += [FileCheck(name, "left over", "a copy was cut short") for name in leftovers(path, listed)]
    except ModelError as error:
        name = Path(error.path).name or error.path
        return [FileCheck(name, "refused" if os.path.lexists(error.path) else "missing", error.reason)]
    return [FileCheck(MANIFEST, "ok"), *checks]


def leftovers(folder: Path, listed: Collection[str]) -> list[str]:
    """Temporary names that a copy or a write leaves behind when the power goes."""
    ours = tuple(f".{name[:40]}." for name in (MANIFEST, DETECTORS, *listed))
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise ModelError(folder, f"cannot be read: {error}", "look at its permissions") from error
    return [name for name in names if name.startswith(ours) or name.endswith(_UNFINISHED)]
