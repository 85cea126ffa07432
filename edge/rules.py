"""What follows from what happens: the [[rules]] of the configuration."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge.config import Config
from edge.events import Heard, Mood, Pressed, Seen, Started
from edge.hours import Hours, local_now
from edge.phrases import Phrases, fill
from edge.rule_config import RuleConfig, word_key

Happening = Heard | Seen | Mood | Pressed | Started
TRIGGER_OF: dict[type, str] = {
    Heard: "heard",
    Seen: "seen",
    Mood: "mood",
    Pressed: "button",
    Started: "start",
}
"""the key of a rule that waits for it"""
ALWAYS = Hours()
_PART_OF_A_TOPIC = str.maketrans("/+#", "___")


@dataclass(frozen=True)
class Say:
    """A line to be spoken."""

    text: str
    file: str = ""
    """a recording that is played instead"""


@dataclass(frozen=True)
class Run:
    """A program to be started; never through a shell."""

    argv: tuple[str, ...]


@dataclass(frozen=True)
class Photo:
    """A picture is to be kept."""

    fresh: bool
    """one that is taken now, and not the one in which something was seen"""


@dataclass(frozen=True)
class Light:
    """A light is to be shown: a colour, a plain LED by name, "off" or "mood"."""

    colour: str
    for_s: float | None
    """None: until something else is shown"""


@dataclass(frozen=True)
class Publish:
    """A message for the MQTT broker."""

    topic: str
    message: str


Action = Say | Run | Photo | Light | Publish


@dataclass(frozen=True)
class Sight:
    """What the eyes know at this moment."""

    faces: int | None = None
    """how many there are; None where they cannot tell: no camera, darkness, a frozen picture"""
    joy: float = 0.0
    """the moving average, 0..1"""


class Rules:
    """Every rule whose trigger and conditions fit acts, in the order of the file."""

    def __init__(
        self,
        config: Config,
        *,
        seed: int | None = None,
        local: Callable[[], datetime.datetime] = local_now,
    ) -> None:
        """`local` gives the time of day, for `between` and `days` alone."""
        self._rules = [
            _Rule(rule, None if seed is None else seed + i, local) for i, rule in enumerate(config.rules)
        ]

    def step(self, event: Happening, now_s: float, sight: Sight | None = None) -> list[Action]:
        """The actions that follow. `now_s` is any clock that never goes back, and the same one in every call:
        the monotonic clock or the time of the stream, not the time of day."""
        known = sight or Sight()
        return [action for rule in self._rules for action in rule.step(event, now_s, known)]


class _Rule:
    """One rule, the bag of its lines, when it last acted and how often it has."""

    def __init__(self, rule: RuleConfig, seed: int | None, local: Callable[[], datetime.datetime]) -> None:
        self._rule, self._local = rule, local
        self._phrases = Phrases(rule.lines, seed) if rule.lines else None
        self._last_s = -float("inf")
        self._count = 0

    def step(self, event: Happening, now_s: float, sight: Sight) -> list[Action]:
        if not (self._fits(event) and self._may(now_s, sight)):
            return []
        self._last_s, self._count = now_s, self._count + 1
        values = _values(event, sight) | {"count": self._count}
        return self._actions(values, fresh=not isinstance(event, (Seen, Mood)))

    def _fits(self, event: Happening) -> bool:
        wanted, found = getattr(self._rule, TRIGGER_OF[type(event)]), name_of(event)
        if isinstance(event, Started):
            return bool(wanted)
        return wanted == "*" or (bool(wanted) and word_key(wanted) == word_key(found))

    def _may(self, now_s: float, sight: Sight) -> bool:
        """Whether its conditions hold. What the eyes cannot tell holds nobody back: in the dark, and where
        the camera fails, the ears go on alone."""
        rule = self._rule
        if now_s - self._last_s < rule.every_s:
            return False
        if rule.face is not None and sight.faces is not None and rule.face != (sight.faces > 0):
            return False
        if rule.between is None and not rule.days:
            return True
        return (rule.between or ALWAYS).allow(self._local(), rule.days)

    def _actions(self, values: dict[str, object], *, fresh: bool) -> list[Action]:
        rule = self._rule
        actions: list[Action] = []
        if rule.light:
            actions.append(Light(rule.light.colour, rule.light.for_s or None))
        if rule.photo:
            actions.append(Photo(fresh))
        if self._phrases:
            line = self._phrases.pick(**values)
            actions.append(Say(line.text, line.file))
        if rule.run:
            actions.append(Run(tuple(fill(argument, values) for argument in rule.run)))
        if rule.mqtt:
            actions.append(Publish(_topic(rule.mqtt.topic, values), fill(rule.mqtt.message, values)))
        return actions


def name_of(event: Happening) -> str:
    """What a rule would call it: the word, the label, the mood, the button; "start" at the start."""
    if isinstance(event, Heard):
        return event.word
    if isinstance(event, Seen):
        return event.label
    if isinstance(event, Mood):
        return event.name
    return event.button if isinstance(event, Pressed) else "start"


def _topic(topic: str, values: Mapping[str, object]) -> str:
    """A topic whose placeholders cannot add levels to it, or wildcards."""
    return fill(topic, {name: str(value).translate(_PART_OF_A_TOPIC) for name, value in values.items()})


def _values(event: Happening, sight: Sight) -> dict[str, object]:
    """What the placeholders of a rule become."""
    joy, faces = (event.joy, event.faces) if isinstance(event, Mood) else (sight.joy, sight.faces or 0)
    values: dict[str, object] = {"name": name_of(event), "joy": f"{joy:.2f}", "faces": faces}
    if isinstance(event, Heard):
        return values | {"word": event.word, "member": event.member, "score": f"{event.score:.2f}"}
    if isinstance(event, Seen):
        label = event.label.replace("_", " ")
        return values | {"label": label, "name": label, "score": f"{event.score:.2f}"}
    return values
