"""Programs that speak: those that hang, fail or print something else cost one text."""

from __future__ import annotations

from pathlib import Path

import pytest

from synth.voices import VoiceError
from synth.voices.process import run_program, samples_of


def test_programs_that_misbehave(tmp_path: Path) -> None:
    """Missing, hanging, failing: each is a VoiceError that names the program; what hangs is killed with its
    children."""
    with pytest.raises(VoiceError, match="nosuch: cannot be started"):
        run_program(["nosuch"])
    with pytest.raises(VoiceError, match=r"ended with 3 .*why"):
        run_program(["sh", "-c", "echo why >&2; exit 3"])
    mark = tmp_path / "late"
    with pytest.raises(VoiceError, match="no answer"):
        run_program(["sh", "-c", f"(sleep 0.6; touch {mark}) & wait"], timeout_s=0.2)
    run_program(["sleep", "0.7"])
    assert not mark.exists()


@pytest.mark.parametrize(
    "wav",
    [b"", b"<html>", b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd",
     b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\x02\0\x10\0data\x02\0\0\0ab"],
)  # fmt: skip
def test_what_is_no_wav_is_refused(wav: bytes) -> None:
    """An engine that prints something else than sound is a VoiceError, never a crash or a clip."""
    with pytest.raises(VoiceError):
        samples_of(wav, "engine")
