"""What follows when something is heard or seen: the [[rules]] of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from edge.config import Config, RuleConfig, word_key
from edge.events import Heard, Seen
from edge.phrases import Phrases, fill


@dataclass(frozen=True)
class Say:
    """A line to be spoken."""

    text: str


@dataclass(frozen=True)
class Run:
    """A program to be started; never through a shell."""

    argv: tuple[str, ...]


Action = Say | Run


class Rules:
    """Every rule whose trigger fits acts, in the order of the file, none more often than its `every_s`."""

    def __init__(self, config: Config, *, seed: int | None = None) -> None:
        self._rules = [_Rule(rule, None if seed is None else seed + i) for i, rule in enumerate(config.rules)]

    def step(self, event: Heard | Seen, now_s: float) -> list[Action]:
        """The actions that follow. `now_s` is any clock that never goes back, and the same one in every call:
        the monotonic clock or the time of the stream, not the time of day."""
        return [action for rule in self._rules for action in rule.step(event, now_s)]


class _Rule:
    """One rule, the bag of its lines and when it last acted."""

    def __init__(self, rule: RuleConfig, seed: int | None) -> None:
        self._rule = rule
        self._phrases = Phrases(rule.lines, seed) if rule.lines else None
        self._last_s = -float("inf")

    def step(self, event: Heard | Seen, now_s: float) -> list[Action]:
        if not self._fits(event) or now_s - self._last_s < self._rule.every_s:
            return []
        self._last_s = now_s
        values = _values(event)
        actions: list[Action] = []
        if self._phrases:
            actions.append(Say(self._phrases.pick(**values)))
        if self._rule.run:
            actions.append(Run(tuple(fill(argument, values) for argument in self._rule.run)))
        return actions

    def _fits(self, event: Heard | Seen) -> bool:
        wanted, found = (
            (self._rule.heard, event.word) if isinstance(event, Heard) else (self._rule.seen, event.label)
        )
        return wanted == "*" or (bool(wanted) and word_key(wanted) == word_key(found))


def _values(event: Heard | Seen) -> dict[str, object]:
    """What the placeholders of a rule become."""
    if isinstance(event, Heard):
        return {"word": event.word, "member": event.member, "score": f"{event.score:.2f}"}
    return {"label": event.label.replace("_", " "), "score": f"{event.score:.2f}"}
