"""`heychip memory`, and the way of a recording from the daemon to where it is learned from."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from daemon_rig import RECORDED
from tones import silence, tone, tone_bundle

from edge.bundle import load_bundle
from edge.commands import memory as command
from edge.commands.run import build
from edge.config import Config, ListenConfig, RuleConfig, SpeechConfig, load_config
from edge.daemon import Daemon
from edge.errors import UsageError
from edge.eventlog import EventLog
from edge.events import Chunk
from edge.fakes import FakeMicrophone
from edge.listener import Listener
from edge.memories import Memories, find, read_memories
from edge.memory_config import MemoryConfig
from edge.parts import Ear, Parts
from edge.replay import replay, samples_of
from edge.resample import Resampler
from synth.own_recordings import read_recordings
from synth.recordings import audio_files

FACTS = {"kind": "heard", "word": "hey chip", "margin": 1.25}


def run(folder: Path, *words: str) -> int:
    """The command as `heychip` would run it."""
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["memory", words[0], "--folder", str(folder), *words[1:]])
    code: int = args.main(args)
    return code


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder of four moments: the golden recording of the shipped bundle, at different loudness."""
    call = samples_of(load_bundle("hey_chip").path / "golden.wav")
    store = Memories(tmp_path / "memory")
    store.open()
    for k in range(4):
        store.keep(call * np.float32(0.9**k), {**FACTS, "word": "hey chip" if k < 3 else "other"})
    store.close()
    return tmp_path / "memory"


def test_the_daemon_keeps_what_it_hears(tmp_path: Path) -> None:
    """The whole daemon, but for its microphone: a word is kept, in the folder that the configuration names,
    with the time of the stream and the microphone's name, and replay hears the word in it."""
    bundle = str(tone_bundle(tmp_path))
    config = Config(
        microphone=RECORDED, listen=ListenConfig(bundles=(bundle,), release=0.5),
        speech=SpeechConfig(backend="silent"),
        memory=MemoryConfig(folder=str(tmp_path / "memory"), near=0.5),
        rules=(RuleConfig(heard="*", text="yes", lines=("yes",)),),
    )  # fmt: skip
    parts = build(config)
    assert parts.ear is not None
    sound = np.concatenate([silence(5), tone(1), silence(1.5), tone(0.9)]).astype(np.float32)
    chunks = [Chunk(piece[:, None], 16_000) for piece in np.split(sound, range(1600, len(sound), 1600))]
    ear = Ear(lambda: FakeMicrophone(chunks), Resampler, parts.ear.listener)
    with (tmp_path / "out").open("w") as out:
        assert Daemon(config, Parts(parts.speech, ear, None, parts.memory), tell=EventLog(out=out)).run() == 0
    rows = [json.loads(line) for line in (tmp_path / "out").read_text().splitlines()]
    told = [row for row in rows if row["event"] in {"heard", "gated"}]
    memories = read_memories(tmp_path / "memory")
    assert [one.facts["kind"] for one in memories] == [row["event"] for row in told]
    assert len(memories) == 2
    for row, one in zip(told, memories, strict=True):
        assert (one.facts["time_s"], one.facts["margin"]) == (row["time_s"], row["score"])
        assert one.facts["device"] == "fake"
        events = replay(Listener([load_bundle(bundle)]), one.wav)["events"]
        assert "tone" in [event["word"] for event in events]


def test_nothing_is_kept_unless_it_is_asked_for(tmp_path: Path) -> None:
    """The default configuration, and the one that is shipped, remember nothing."""
    assert Config().memory.folder == ""
    example = Path(__file__).parents[2] / "systemd" / "heychip.toml"
    assert load_config(example).memory.folder == ""
    config = Config(listen=ListenConfig(bundles=(str(tone_bundle(tmp_path)),)),
                    speech=SpeechConfig(backend="silent"))  # fmt: skip
    assert build(config).memory is None


def test_list_and_path(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each, or all that is known as JSON; the path of a recording, to play it."""
    assert run(kept, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[0].split()[:5] == ["1", "heard", "hey", "chip", "+1.25"]
    assert run(kept, "list", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["number"] for row in rows] == [1, 2, 3, 4]
    assert run(kept, "path", "3") == 0
    assert capsys.readouterr().out.strip() == rows[2]["file"]


def test_marked_and_exported_it_is_there_to_learn_from(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Marks decide the folder; `heychip-synth enroll` takes the positives and `evaluate` finds all of them;
    a mark that changed moves a file at the next export."""
    out = tmp_path / "out"
    run(kept, "mark", "1", "2", "3", "yes")
    run(kept, "mark", "4", "no")
    assert run(kept, "export", str(out)) == 0
    assert "3 positives, 1 negatives, 0 unmarked" in capsys.readouterr().out
    positives = audio_files(out / "positives")
    assert len(positives) == 3
    assert len(audio_files(out / "negatives")) == 1
    assert all(0.3 < len(one.word) / 16_000 < 2 for one in read_recordings(positives))
    run(kept, "mark", "3", "unmark")
    assert run(kept, "export", str(out), "--word", "Hey_Chip") == 0
    assert [len(audio_files(out / name)) for name in ("positives", "negatives", "unmarked")] == [2, 1, 1]
    assert find(kept, 3).label == ""


def test_forgetting(kept: Path) -> None:
    """Some or all, but never all by a slip."""
    run(kept, "forget", "2")
    assert [one.number for one in read_memories(kept)] == [1, 3, 4]
    for words in (["forget"], ["forget", "1", "--all"]):
        with pytest.raises(UsageError, match="give numbers, or --all"):
            run(kept, *words)
    run(kept, "forget", "--all")
    assert [path.name for path in kept.iterdir()] == [".lock"]


def test_where_nothing_is_kept(tmp_path: Path) -> None:
    """A configuration without a folder, and a folder that is not there yet, are told of with the remedy."""
    (tmp_path / "heychip.toml").write_text('[events]\nfile = "events.jsonl"\n')
    args = argparse.Namespace(config=str(tmp_path / "heychip.toml"), folder=None)
    with pytest.raises(UsageError, match="nothing is kept"):
        command.where(args)
    with pytest.raises(UsageError, match="no such folder; the daemon makes it"):
        run(tmp_path / "none", "list")
