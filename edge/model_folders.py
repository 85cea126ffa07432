"""Where bundles are: a name to a folder, or to a single .onnx file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from edge.active import active, state_folder
from edge.errors import ModelError
from edge.manifest import DETECTORS
from edge.manifest_check import MANIFEST

SYSTEM_FOLDER = state_folder() / "models"


def shipped_folders() -> list[Path]:
    """Where the models are that came with heychip: an installed package, or the repository's own folder."""
    spec = find_spec("heychip_models")
    places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    root = Path(__file__).resolve().parent.parent
    if (root / "pyproject.toml").is_file():  # an installed edge has strangers beside it
        places.append(root / "models")
    return list(dict.fromkeys(place for place in places if place.is_dir()))  # editable: hooks are named, too


def folders() -> list[Path]:
    """Where a name is looked up, first to last."""
    asked = os.environ.get("HEYCHIP_MODELS")
    return [*([Path(asked)] if asked else []), Path("models"), SYSTEM_FOLDER, *shipped_folders()]


def known_bundles() -> dict[str, Path]:
    """Every bundle that can be named, and where it is. Of two with one name, the first is meant.

    Broken ones are among them, a folder without its manifest or a link to nothing, so that `models` tells.
    """
    found: dict[str, Path] = {}
    for folder in folders():
        for name, place in active(folder).items():
            found.setdefault(name, place)
        try:
            entries = sorted(folder.iterdir())
        except OSError:  # most of these folders are not there on most machines
            continue
        for path in entries:
            if path.name.startswith("."):
                continue
            if path.suffix == ".onnx":
                found.setdefault(path.stem, path)
            elif _is_there(path / MANIFEST) or _is_there(path / DETECTORS) or not _is_there(path):
                found.setdefault(path.name, path)
    return found


def find_bundle(where: str | Path) -> Path:
    """The folder or .onnx file that a name or a path means. ModelError, with the nearest name, where none."""
    text = str(where)
    if not text.strip() or not text.isprintable():
        raise ModelError(repr(text), "is no name of a bundle")
    path = Path(where)
    if isinstance(where, Path) or os.sep in text or text.endswith(".onnx") or _is_there(path / MANIFEST):
        candidates = [path]
    else:
        names = dict.fromkeys((text, text.replace(" ", "_"), text.lower().replace(" ", "_")))
        candidates = [place for at in folders() for place in _places(at, names)]
    for candidate in candidates:
        if _is_there(candidate):
            return candidate
        if os.path.lexists(candidate) and candidate.is_symlink():
            reason = f"is a link to {candidate.readlink()}, which is not there"
            raise ModelError(candidate, reason, "copy the bundle again, or mend the link")
    raise ModelError(where, "there is no such bundle", _hint(path.stem))


def _places(folder: Path, names: Iterable[str]) -> Iterator[Path]:
    """Where a bundle of one of these names may be: the activated one first."""
    in_use = active(folder)
    yield from (in_use[name] for name in names if name in in_use)
    yield from (folder / f"{name}{end}" for name in names for end in ("", ".onnx"))


def is_shipped(path: Path) -> bool:
    """Whether a bundle lies where heychip's own models lie."""
    return path.resolve().parent in [place.resolve() for place in shipped_folders()]


def _is_there(path: Path) -> bool:
    """Whether it exists and may be looked at; `Path.exists` raises where a folder above is closed to us."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def _hint(name: str) -> str:
    from difflib import get_close_matches

    names = list(known_bundles())
    if near := get_close_matches(name.lower().replace(" ", "_"), names, n=3):
        return f"did you mean {' or '.join(near)}?"
    there = f"there are {', '.join(names)}" if names else "none is installed"
    return f"{there}; bundles are looked for in {', '.join(str(folder) for folder in folders())}"
