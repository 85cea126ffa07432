"""One camera, several that look; faces feed the moods; what is known of now is known to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest

from edge.classifier import Classifier, ClassifierError
from edge.commands.run import _eye
from edge.config import load_config
from edge.errors import ConfigError
from edge.events import Face, Frame, Mood, Seen
from edge.eyes import FRESH_S, Eyes
from edge.faces import Faces
from edge.fakes import FakeCamera, FakeClassifier
from edge.mood import Moods, Steady
from edge.mood_config import MoodConfig
from edge.parts import Eye, Looking

FACES = Path(__file__).with_name("faces")
CAT = Path(__file__).resolve().parents[2] / "demo" / "pictures" / "cat.jpg"


class FakeFaces:
    """Sees in each picture as many faces as the next number says, all of joy 0.9; -1 is darkness."""

    def __init__(self, counts: Iterator[int]) -> None:
        self._counts = counts

    def classify(self, frame: Frame) -> Seen:
        count = next(self._counts)
        if count < 0:
            return Seen("", 0.0, frame.source, dark=True)
        found = tuple(Face((0.0, 0.0, 9.0, 9.0), 0.9, 0.9) for _ in range(count))
        return Seen("face" if found else "", 0.9 if found else 0.0, frame.source, (), found)


class Broken:
    """Fails on every picture."""

    def classify(self, frame: Frame) -> Seen:
        raise ClassifierError(f"{frame.source}: odd")


class Room:
    """Eyes on a fake camera with a clock that goes a second with each picture."""

    def __init__(self, *lookers: Looking, faces: Looking | None = None, frozen_frames: int = 0) -> None:
        self.now_s, self.seen, self.moods, self.glows = 0.0, list[str](), list[Mood](), list[float]()
        steady = [(looker, Steady(2)) for looker in lookers]
        moods = Moods(MoodConfig(frames=2, dwell_s=0.0, nobody_frames=2, frozen_frames=frozen_frames))
        eye = Eye(lambda: FakeCamera(lambda: "cat"), *steady[0], tuple(steady[1:]), faces, moods)
        self.eyes = Eyes(
            eye,
            1.0,
            see=lambda seen: self.seen.append(seen.label),
            feel=self.moods.append,
            glow=self.glows.append,
            now_s=lambda: self.now_s,
        )

    def pictures(self, count: int) -> None:
        for _ in range(count):
            self.now_s += 1.0
            self.eyes.step()


def test_both_look_at_every_picture() -> None:
    """A cat and a face in the same pictures are both told, each by a steadiness of its own."""
    finder = FakeFaces(repeat(1))
    room = Room(finder, FakeClassifier(), faces=finder)
    room.pictures(4)
    assert room.seen == ["face", "cat"]
    assert [mood.name for mood in room.moods] == ["joy"]
    assert room.glows == [0.9] * 4


def test_one_that_fails_does_not_blind_the_other() -> None:
    """A looker that fails on a picture is skipped; the other one's cat is told."""
    room = Room(Broken(), FakeClassifier())
    room.pictures(3)
    assert room.seen == ["cat"]
    assert room.eyes.skipped == 3


def test_faces_now_is_known_only_while_it_is_fresh() -> None:
    """-1 before the first picture, in the dark, and where the last picture is too old; else the count."""
    finder = FakeFaces(iter([2, 0, -1, 1]))
    room = Room(finder, faces=finder)
    assert room.eyes.faces_now == -1
    counts = []
    for _ in range(4):
        room.pictures(1)
        counts.append(room.eyes.faces_now)
    assert counts == [2, 0, -1, 1]
    room.now_s += FRESH_S
    assert room.eyes.faces_now == 1
    room.now_s += 0.1
    assert room.eyes.faces_now == -1


def test_without_a_finder_of_faces_nobody_knows_who_is_there() -> None:
    """Eyes that only know things say -1, and have no moods."""
    room = Room(FakeClassifier())
    room.pictures(5)
    assert (room.eyes.faces_now, room.moods, room.glows) == (-1, [], [])


def test_an_empty_room_does_not_glow() -> None:
    """`glow` is told after pictures with a face only; nobody is a mood."""
    finder = FakeFaces(iter([1, 1, 0, 0, 0]))
    room = Room(finder, faces=finder)
    room.pictures(5)
    assert len(room.glows) == 2
    assert [mood.name for mood in room.moods] == ["joy", "nobody"]


def test_equal_pictures_are_a_frozen_camera() -> None:
    """A camera that gives the very same pixels again and again is told as frozen."""
    finder = FakeFaces(repeat(1))
    room = Room(finder, faces=finder, frozen_frames=5)
    room.pictures(10)
    assert [mood.name for mood in room.moods] == ["joy", "frozen"]


def test_the_latest_picture_is_kept_with_its_faces() -> None:
    """For photos: the newest frame and what each that looked at it saw in it."""
    finder = FakeFaces(iter([1, 2]))
    room = Room(FakeClassifier(), finder, faces=finder)
    assert room.eyes.latest is None
    room.pictures(2)
    assert room.eyes.latest is not None
    frame, seens = room.eyes.latest
    assert np.all(frame.pixels == 128)
    assert [len(seen.faces) for seen in seens] == [0, 2]


def configured(folder: Path, model: str) -> Path:
    file = folder / "heychip.toml"
    file.write_text(f'[camera]\nbackend = "folder"\nfolder = "."\nmodel = {model}\n[mood]\nframes = 4\n')
    return file


def test_the_configuration_names_one_model_or_several(tmp_path: Path) -> None:
    """["faces", "things"] makes both, with the labels of both, and moods by the numbers of [mood]."""
    eye, labels = _eye(load_config(configured(tmp_path, '["faces", "things"]')))
    assert eye is not None
    assert isinstance(eye.classifier, Faces)
    assert [type(looker) for looker, _ in eye.more] == [Classifier]
    assert eye.faces is eye.classifier
    assert eye.moods is not None
    assert eye.moods._config.frames == 4
    assert labels is not None
    assert {"face", "espresso"} <= set(labels)
    alone, _ = _eye(load_config(configured(tmp_path, '"things"')))
    assert alone is not None
    assert (alone.faces, alone.moods, alone.more) == (None, None, ())


def test_real_pictures_make_real_moods(tmp_path: Path) -> None:
    """A folder camera with a smiling face, a serious one and a cat: joy, then sad, then nobody, each once."""
    pytest.importorskip("PIL")
    shown = {"1.jpg": FACES / "smiling.jpg", "2.jpg": FACES / "serious.jpg", "3.jpg": CAT}
    for name, source in shown.items():
        (tmp_path / name).write_bytes(source.read_bytes())
    file = tmp_path / "heychip.toml"
    file.write_text(
        '[camera]\nbackend = "folder"\nfolder = "."\nmodel = "faces"\nsteady_frames = 4\n'
        "[mood]\nframes = 4\ndwell_s = 0\n"
    )
    eye, _ = _eye(load_config(file))
    assert eye is not None
    moods: list[Mood] = []
    glows: list[float] = []
    now_s = 0.0
    eyes = Eyes(eye, 1.0, see=lambda _: None, feel=moods.append, glow=glows.append, now_s=lambda: now_s)
    for _ in range(12):
        now_s += 1.0
        eyes.step()
    assert [mood.name for mood in moods] == ["joy", "calm", "sad", "nobody"]
    assert glows == sorted(glows, reverse=True)
    assert glows[0] > 0.9 > glows[4]
    assert eyes.faces_now == 0


@pytest.mark.parametrize("model", ["[]", "7", '""', '["faces", "faces"]', '["faces", 1]'])
def test_models_that_cannot_be_meant_are_mistakes(tmp_path: Path, model: str) -> None:
    """No name, no text, or one name twice: said with the key."""
    with pytest.raises(ConfigError, match=r"camera\.model"):
        load_config(configured(tmp_path, model))
