"""Options may stand before, between and behind what a command is given."""

from __future__ import annotations

import pytest

from edge.cli import build_parser
from edge.commands.replay import split
from synth.cli import parser


@pytest.mark.parametrize(
    ("line", "models", "files"),
    [
        ("--models a -- x.wav", "a", "x.wav"),
        ("x.wav --models a", "a", "x.wav"),
        ("--models a b x.wav y.WAV", "a b", "x.wav y.WAV"),
        ("--models a x.wave --trace z.wav", "a", "x.wave z.wav"),
        ("x.wav --models a y.wav", "a", "x.wav y.wav"),
        ("x.wav --models a y.wav --models b z.wav x.wav", "a b", "x.wav y.wav z.wav x.wav"),
        ("x.wav --trace y.wav --jobs 2 z.wav", "hey_chip", "x.wav y.wav z.wav"),
        ("--models a.onnx x.wav", "a.onnx", "x.wav"),
        ("--models=x.wav", "hey_chip", "x.wav"),
        ("strange.name --models a", "a", "strange.name"),
        ("strange --models a x.wav --trace stranger", "a", "strange x.wav stranger"),
        ("--models a -- -x.wav -y", "a", "-x.wav -y"),
    ],
)
def test_recordings_may_stand_anywhere(line: str, models: str, files: str) -> None:
    """Before, between and behind the options: `--models` is greedy, but what ends in .wav is a recording, and
    they stay in the order in which they were given."""
    args = build_parser(["replay"]).parse_args(["replay", *line.split()])
    found = split(args.models or ["hey_chip"], args.files, args.command_line)
    assert found == (models.split(), files.split())


@pytest.mark.parametrize(
    ("line", "name", "found"),
    [
        ("look a.jpg --model m b.jpg --every 2 c.jpg", "images", ["a.jpg", "b.jpg", "c.jpg"]),
        ("models verify a --json b", "bundles", ["a", "b"]),
        ("memory mark 1 --folder f 2 yes", "numbers", [1, 2]),
        ("say hello --json", "text", "hello"),
    ],
)
def test_the_other_commands_take_them_so_too(line: str, name: str, found: object) -> None:
    """Pictures, bundles and numbers go on behind an option."""
    assert getattr(build_parser().parse_args(line.split()), name) == found


def test_and_so_does_the_desktop() -> None:
    """Recordings for a new word, bundles to be judged; what is missing or unknown is refused as ever."""
    enroll = parser().parse_args(["enroll", "a.wav", "--word", "chip", "b.wav", "--out", "d", "c.wav"])
    assert [path.name for path in enroll.recordings] == ["a.wav", "b.wav", "c.wav"]
    judged = parser().parse_args(["evaluate", "a", "--positives", "p", "b", "--negatives", "n", "c"])
    assert judged.bundles == ["a", "b", "c"]
    for line in ("enroll --word chip --out d", "enroll a.wav --out d", "enroll a.wav --wort chip --out d"):
        with pytest.raises(SystemExit) as ended:
            parser().parse_args(line.split())
        assert ended.value.code == 2
