"""The speech that a word is told from: made once, kept, and made anew where what is kept is broken."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.backbone import CONTEXT, SIZE
from edge.errors import UsageError
from edge.events import RATE_HZ
from edge.wav import write_wav
from synth import backdrop as room
from synth import enroll_parts
from synth.backdrop import Backdrop, backdrop
from synth.speeds import SPEEDS

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not here")
SENTENCES = {"train": 24, "choose": 16, "report": 8}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Backdrop]:
    """A cache with a small backdrop in it, and that backdrop."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        return cache, backdrop((), "marmalade", jobs=1, cache=cache)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)


def small(patch: pytest.MonkeyPatch) -> None:
    """A few sentences of synthetic voices, and nothing that happens to be on this machine."""
    patch.setattr(enroll_parts, "SENTENCES", SENTENCES)
    patch.setattr("synth.negatives.sources", lambda: ())


def counted(patch: pytest.MonkeyPatch, stop_after: int = 100) -> list[int]:
    """How many jobs each later call of `listen` is given; Ctrl-C comes after so many calls."""
    calls: list[int] = []
    listen = room.listen

    def spy(jobs: list, *rest: object) -> object:
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        calls.append(len(jobs))
        return listen(jobs, *rest)  # type: ignore[arg-type]

    patch.setattr(room, "listen", spy)
    return calls


def copied(kept: tuple[Path, Backdrop], folder: Path) -> Path:
    """The cache once more, to be spoiled."""
    shutil.copytree(kept[0], folder / "cache")
    return folder / "cache"


def spoilt(data: bytes, left: float) -> bytes:
    """A part of `data`, or, below nothing, something else."""
    return data[: int(len(data) * left)] if left >= 0 else b"PK is no archive"


def same(first: Backdrop, second: Backdrop) -> bool:
    """Whether two are equal in all that is trained on."""
    return all(
        np.array_equal(getattr(first.ways[way], name), getattr(second.ways[way], name))
        for way in first.ways
        for name in ("rows", "first", "label", "stream", "natural")
    ) and all(np.array_equal(a, b) for a, b in zip(first.scenery.talk, second.scenery.talk, strict=True))


def test_it_holds_other_speech_in_three_ways(kept: tuple[Path, Backdrop]) -> None:
    """Every way has hours of windows without the word; what is put around the word is of the train way."""
    found = kept[1]
    assert list(found.ways) == ["train", "choose", "report"]
    for way, examples in found.ways.items():
        assert examples.rows.shape[1] == SIZE and examples.first.max() + CONTEXT == len(examples.rows)
        assert (examples.label == 0).all() and examples.natural.all()
        assert found.hours(way) == pytest.approx(examples.hours)
        assert len(np.unique(examples.stream)) == SENTENCES[way] / 8 * (1 if way == "report" else 2)
    assert found.scenery.talk and len(found.scenery.rooms) == enroll_parts.ROOMS
    assert all(np.abs(sound).max() <= 0.51 for sound in found.scenery.talk)


def test_it_is_made_once(kept: tuple[Path, Backdrop], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second time nothing is listened to, whatever the word, and what comes is the same."""
    calls = counted(monkeypatch)
    assert same(backdrop((), "banana", jobs=1, cache=kept[0]), kept[1])
    assert calls == []


@pytest.mark.parametrize("left", [0.5, 0.0, -1.0])
def test_a_broken_file_is_made_anew(
    left: float, kept: tuple[Path, Backdrop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut in half, empty or of something else: that file alone is made again, and is as it was."""
    cache = copied(kept, tmp_path)
    broken = next((cache / "backdrop").glob("spoken-report-*.npz"))
    whole = broken.read_bytes()
    broken.write_bytes(spoilt(whole, left))
    rooms = next((cache / "backdrop").glob("rooms-*.npz"))
    rooms.write_bytes(spoilt(rooms.read_bytes(), left))
    calls = counted(monkeypatch)
    assert same(backdrop((), "marmalade", jobs=1, cache=cache), kept[1])
    assert calls == [SENTENCES["report"] // 8]
    assert broken.read_bytes() == whole


def test_ctrl_c_leaves_what_is_finished(
    kept: tuple[Path, Backdrop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the first part, the next run makes only the others; nothing half done stays behind."""
    cache = copied(kept, tmp_path)
    for file in (cache / "backdrop").glob("spoken-*.npz"):
        file.unlink()
    with monkeypatch.context() as patch:
        counted(patch, stop_after=1)
        with pytest.raises(KeyboardInterrupt):
            backdrop((), "marmalade", jobs=1, cache=cache)
    calls = counted(monkeypatch)
    assert same(backdrop((), "marmalade", jobs=1, cache=cache), kept[1])
    assert len(calls) == 2
    assert not list((cache / "backdrop").glob("work-*"))


def test_at_other_speeds_it_is_heard_hop_by_hop(
    kept: tuple[Path, Backdrop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What thresholds and figures are found on, and nothing else, is listened to at the speeds of a second
    look, once; what was kept before is as it was, and a sentence with the word is left out at every speed."""
    cache, plain = copied(kept, tmp_path), kept[1]
    before = {file: file.read_bytes() for file in (cache / "backdrop").iterdir()}
    calls = counted(monkeypatch)
    found = backdrop((), "marmalade", jobs=1, cache=cache, speeds=SPEEDS)
    assert calls == [2 * SENTENCES["choose"] // 8] * 2 + [SENTENCES["report"] // 8] * 2
    assert same(found, plain)
    assert all(file.read_bytes() == data for file, data in before.items())
    for way in ("choose", "report"):
        for speed, heard in zip((1.0, *SPEEDS), found.heard(way), strict=True):
            assert np.array_equal(heard.stream, plain.ways[way].stream)
            assert len(heard.rows) == pytest.approx(len(plain.ways[way].rows) / speed, rel=0.05)
    word = max(enroll_parts.spoken(cache, 1)[0]["choose"][0].split(), key=len).strip(".,!?")
    fewer = backdrop((), word, jobs=1, cache=cache, speeds=SPEEDS)
    assert len(calls) == 2 * len(SPEEDS)
    hops = [len(heard.first) for heard in fewer.heard("choose")]
    assert len(set(hops)) == 1 and hops[0] < len(plain.ways["choose"].first)


def test_what_was_made_of_other_sounds_is_told_of(kept: tuple[Path, Backdrop], tmp_path: Path) -> None:
    """A voice that failed when one speed was listened to and not at another: an error with the remedy."""
    cache = copied(kept, tmp_path)
    backdrop((), "marmalade", jobs=1, cache=cache, speeds=SPEEDS)
    other, report = (next((cache / "backdrop").glob(f"spoken-{name}-*.npz"))
                     for name in ("choose-at-0.88", "report-at-0.88"))  # fmt: skip
    shutil.copy(report, other)
    with pytest.raises(UsageError, match="delete the folder"):
        backdrop((), "marmalade", jobs=1, cache=cache, speeds=SPEEDS)


def test_sentences_with_the_word_are_left_out(kept: tuple[Path, Backdrop]) -> None:
    """The stream of a sentence with the word in it is no negative; the others stay."""
    texts, _ = enroll_parts.spoken(kept[0], 1)
    word = max(texts["train"][10].split(), key=len).strip(".,!?")
    fewer = backdrop((), word, jobs=1, cache=kept[0])
    holding = {k // 8 for k, text in enumerate(texts["train"]) if word.casefold() in text.casefold()}
    streams = len(np.unique(fewer.ways["train"].stream))
    assert 1 in holding
    assert streams <= 2 * (SENTENCES["train"] // 8 - 1)
    assert set(np.unique(fewer.ways["train"].clip) // 8).isdisjoint({1})


def test_a_folder_of_ones_own_is_listened_to(
    kept: tuple[Path, Backdrop], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its recordings are added in all the ways they fall into; one that is added later is noticed."""
    rng = np.random.default_rng(0)
    for k in range(9):
        sound = (rng.standard_normal(5 * RATE_HZ) * 0.1).astype(np.float32)
        write_wav(tmp_path / "own" / f"{k % 3}" / f"{k}.wav", sound, RATE_HZ)
    cache = copied(kept, tmp_path)
    own = backdrop([tmp_path / "own"], "marmalade", jobs=1, cache=cache)
    for way in own.ways:
        assert own.hours(way) > kept[1].hours(way)
    assert own.sources[-1].licence == "the user's own"
    calls = counted(monkeypatch)
    backdrop([tmp_path / "own"], "marmalade", jobs=1, cache=cache)
    assert calls == []
    write_wav(tmp_path / "own" / "0" / "more.wav", np.full(RATE_HZ, 0.1, np.float32), RATE_HZ)
    backdrop([tmp_path / "own"], "marmalade", jobs=1, cache=cache)
    assert calls


def test_without_any_speech_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine, no package and no folder: an error with the remedy."""
    monkeypatch.setattr(enroll_parts, "ENGINES", ())
    with pytest.raises(UsageError, match=r"no other speech.*apt-get install espeak-ng"):
        backdrop((), "marmalade", jobs=1, cache=tmp_path)
