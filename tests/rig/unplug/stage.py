"""One event, played: a room, somebody in it who says the word, the daemon, and what came of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edge.wav import open_wav, write_wav
from tests.rig.pulse import PulseRoom
from tests.rig.unplug.child import REPOSITORY, Child, Voice

WORD_S = (1.6, 2.8)  # of the golden recording of hey_chip: the word, and not much else
RESTART_S = 1.0
BACK_WITHIN_S = 10.0
ENDS_WITHIN_S = 5.0


class Stage:
    """What an event may use. `mark` at the moment of the event, `returned` when the device is there again."""

    def __init__(self, folder: Path, *, backend: str) -> None:
        folder.mkdir(parents=True, mode=0o700)
        self.folder, self.backend = folder, backend
        self.room = PulseRoom(folder)
        self.word = folder / "word.wav"
        with open_wav(REPOSITORY / "models" / "hey_chip" / "golden.wav") as recording:
            start, end = (round(s * recording.rate_hz) for s in WORD_S)
            write_wav(self.word, recording.read(start, end - start)[:, 0], recording.rate_hz)
        self.sink, self.return_s = "room", 0.0
        self.env = self.room.env
        self.marks: list[float] = []
        self.ends: list[Callable[[], None]] = []
        """what else is to be ended in the end"""
        self.child: Child | None = None
        self.say: Callable[[], None] = self._play

    def _play(self) -> None:
        command = ["paplay", f"--device={self.sink}", str(self.word)]
        subprocess.run(command, env=self.room.env, check=True, timeout=4, capture_output=True)
        time.sleep(0.3)

    def listen(self, *, device: str = "default") -> Child:
        """Start the daemon."""
        self.child = Child(
            self.folder / "child",
            self.env,
            backend=self.backend,
            device=device,
            restart_s=RESTART_S,
        )
        return self.child

    def hears(self) -> None:
        """Wait until the daemon has heard the word."""
        assert self.child is not None
        self.child.wait("event", "heard")

    def mark(self) -> None:
        """Now it happens (again)."""
        self.marks.append(time.monotonic())

    def returned(self) -> None:
        """Now the device is there again."""
        self.return_s = time.monotonic()


@dataclass
class Result:
    """What came of one event."""

    title: str
    backend: str
    heard_s: float | None = None
    """from the device's return to the first word that was heard"""
    exits: list[tuple[float, str]] = field(default_factory=list)
    """seconds after the event, and the exit code, of each end of the process before SIGTERM"""
    why: list[str] = field(default_factory=list)
    """what the daemon said of it"""
    end_code: int = -1
    end_s: float = 0.0
    story: str = ""

    @property
    def problems(self) -> list[str]:
        """What is not as it should be, on a machine of any speed."""
        found = ["never heard again"] if self.heard_s is None else []
        found += [f"ended with exit code {code}" for _, code in self.exits if code != "1"]
        return found + ([f"SIGTERM: exit code {self.end_code}"] if self.end_code else [])

    @property
    def slow(self) -> list[str]:
        """What took longer than is promised."""
        found = []
        if self.heard_s is not None and self.heard_s > BACK_WITHIN_S:
            found.append(f"heard again only after {self.heard_s:.1f} s")
        found += [f"ended {s:.1f} s after the event" for s, _ in self.exits if s > BACK_WITHIN_S]
        return found + ([f"SIGTERM took {self.end_s:.1f} s"] if self.end_s > ENDS_WITHIN_S else [])


def play(title: str, event: Callable[[Stage], object], folder: Path, backend: str) -> Result:
    """Play one event. Raises nothing of the daemon's; see the result's problems."""
    stage, result = Stage(folder, backend=backend), Result(title, backend)
    voice = Voice(lambda: stage.say())  # noqa: PLW0108 - what is said may change
    try:
        try:
            event(stage)
            assert stage.child is not None
            heard = stage.child.wait("event", "heard", after_s=stage.return_s, timeout_s=25)
            result.heard_s = heard.at_s - stage.return_s
        except TimeoutError as error:
            result.why.append(str(error).split("\n", 1)[0])
        assert stage.child is not None
        for told in stage.child.since(0.0, "exit"):
            result.exits.append((told.at_s - cause_s(stage, told.at_s), told.what))
        result.why += reasons(stage.child, stage.marks[0])
        result.end_code, result.end_s = stage.child.end()
    finally:
        if stage.child is not None:
            stage.child.kill()
            result.story = stage.child.story()
        voice.hush()
        for end in (*stage.ends, stage.room.kill):
            end()
    return result


def cause_s(stage: Stage, end_s: float) -> float:
    """When what ended the process happened: the first event after it last listened, or else the last."""
    assert stage.child is not None
    before = [mark for mark in stage.marks if mark < end_s]
    listened = [t.at_s for t in stage.child.told if t.what == "LISTENING" and t.at_s < end_s]
    return min([mark for mark in before if mark > max(listened, default=0.0)], default=max(before))


def reasons(child: Child, after_s: float) -> list[str]:
    """Why the daemon lost its microphone, or ended, each once and in its order."""
    rows = [t for t in child.told if t.at_s > after_s - 0.1]
    said = [str(t.row.get("why", "")) for t in rows if t.kind == "event"]
    logged = [t.what.split("why=", 1)[1].strip('"') for t in rows if t.kind == "log" and "why=" in t.what]
    return [text.split("\\n")[0].split(" (")[0] for text in dict.fromkeys(said + logged) if text]
