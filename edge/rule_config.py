"""[[rules]]: a trigger each, conditions, and what follows; how they are read, and what may be wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge import config_check as check
from edge import hours
from edge.errors import ConfigError
from edge.hours import Hours
from edge.mqtt_config import topic_problem
from edge.phrases import SHIPPED, Phrases, wrong_placeholders

TRIGGERS = ("heard", "seen", "mood", "button", "start")
ACTIONS = ("say", "text", "photo", "light", "run", "mqtt")
MOODS = ("joy", "sad", "calm", "nobody", "dark", "frozen")
MOOD = "mood"  # a light that follows it again
ANYWHERE = ("name", "count", "faces", "joy")
"""placeholders of every rule: what set it off, how often it has acted, and what the eyes last knew"""
PLACEHOLDERS = {"heard": ("word", "member", "score", *ANYWHERE), "seen": ("label", "score", *ANYWHERE)}


@dataclass(frozen=True)
class LightConfig:
    """light = "orange", or light = { colour = "orange", for_s = 5 }"""

    colour: str = check.key("", check.text(empty=False))
    """a colour, the name of a plain LED, "off", or "mood": to follow the mood again"""
    for_s: float = check.key(0.0, check.number(0, 86_400))
    """after which it follows the mood again; 0 is until something else is shown"""


@dataclass(frozen=True)
class MessageConfig:
    """mqtt = { topic = "…", message = "…" }"""

    topic: str = check.key("", check.text(empty=False))
    message: str = check.key("", check.text())


def light(value: object) -> LightConfig:
    """Checks `light`; whether there is such a light, [lights] knows."""
    return _table(LightConfig, {"colour": value} if isinstance(value, str) else value, "colour")


def message(value: object) -> MessageConfig:
    """Checks `mqtt`."""
    given = _table(MessageConfig, value, "topic")
    if wrong := topic_problem(given.topic):
        raise check.Wrong(wrong)
    return given


def _table(cls: type[check.T], value: object, needed: str) -> check.T:
    """A small table as `cls`. Raises Wrong with all that is wrong in it."""
    names = ", ".join(f"{name} = …" for name in check.keys_of(cls))
    if not isinstance(value, dict):
        raise check.Wrong(f"expected a table {{ {names} }}")
    problems: list[str] = []
    read = check.read_table(cls, value, where="", base=Path(), problems=problems)
    if not problems and not getattr(read, needed):
        problems.append(f"expected {needed} = … in it")
    if problems:
        raise check.Wrong("; ".join(problems))
    return read


@dataclass(frozen=True)
class RuleConfig:
    """[[rules]]: one trigger (heard, seen, mood, button or start), conditions (face, every_s, between, days),
    and what follows (say or text, photo, light, run, mqtt)"""

    name: str = check.key("", check.text())
    heard: str = check.key("", check.text(empty=False))
    seen: str = check.key("", check.text(empty=False))
    mood: str = check.key("", check.choice(*MOODS, "*"))
    button: str = check.key("", check.text(empty=False))
    start: bool = check.key(False, check.flag)
    face: bool | None = check.key(None, check.flag)
    """whether a face must be there (true) or must not (false); where the eyes cannot tell, the rule acts"""
    every_s: float = check.key(0.0, check.number(0, 604_800))
    """not more often than; by the monotonic clock"""
    between: Hours | None = check.key(None, hours.hours)  # noqa: RUF009 - a field
    """by the time of day, as `days` is"""
    days: tuple[str, ...] = check.key((), hours.days)
    say: str = check.key("", check.text(empty=False))
    """a phrase file, or the name of a shipped one"""
    text: str = check.key("", check.text(empty=False))
    photo: bool = check.key(False, check.flag)
    light: LightConfig | None = check.key(None, light)  # noqa: RUF009
    run: tuple[str, ...] = check.key((), check.texts)
    mqtt: MessageConfig | None = check.key(None, message)  # noqa: RUF009
    lines: tuple[str, ...] = ()
    """what `say` or `text` came to: the lines to choose from"""

    @property
    def trigger(self) -> str:
        """Which of TRIGGERS it waits for."""
        return next((name for name in TRIGGERS if getattr(self, name)), "")

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Those that its lines, arguments and messages may hold."""
        return PLACEHOLDERS.get(self.trigger, ANYWHERE)


def read_rules(tables: object, base: Path, problems: list[str]) -> tuple[RuleConfig, ...]:
    """All [[rules]], each with the lines that it may say. Mistakes go to `problems`."""
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        problems.append(f"rules: found {check.show(tables)}, expected tables; begin each rule with [[rules]]")
        return ()
    return tuple(_rule(table, f"rules number {i}: ", base, problems) for i, table in enumerate(tables, 1))


def _rule(table: Mapping[str, object], where: str, base: Path, problems: list[str]) -> RuleConfig:
    before = len(problems)
    rule = check.read_table(RuleConfig, table, where=where, base=base, problems=problems)
    if len(problems) > before:
        return rule  # what follows would only repeat those mistakes in other words
    if sum(bool(getattr(rule, name)) for name in TRIGGERS) != 1:
        problems.append(f"{where}expected one trigger: {', '.join(TRIGGERS[:-1])} or {TRIGGERS[-1]} = true")
        return rule
    if rule.say and rule.text:
        problems.append(f"{where}expected say (a phrase file) or text (one line), found both")
    elif not any(getattr(rule, name) for name in ACTIONS):
        problems.append(f"{where}nothing would follow; give {', '.join(ACTIONS[:-1])} or {ACTIONS[-1]}")
    filled = {"run": rule.run, "mqtt": (rule.mqtt.topic, rule.mqtt.message) if rule.mqtt else ()}
    for key, texts in filled.items():
        problems += [f"{where}{key}: {wrong}" for wrong in wrong_placeholders(texts, rule.placeholders)]
    return _with_lines(rule, where, base, problems) if rule.say or rule.text else rule


def _with_lines(rule: RuleConfig, where: str, base: Path, problems: list[str]) -> RuleConfig:
    """The rule with what it may say."""
    try:
        source = _phrase_file(rule.say, base) if rule.say else [rule.text]
        phrases = Phrases(source, allowed=rule.placeholders, base=base)
    except ConfigError as error:
        place = f"say: {error.path}" if rule.say else "text"
        problems += [f"{where}{place}: {wrong}" for wrong in error.problems]
        return rule
    return replace(rule, lines=phrases.lines)


def _phrase_file(say: str, base: Path) -> Path:
    """A shipped phrase file by its plain name (greeting, seen, joy, sad), else a path."""
    shipped = SHIPPED / f"{say}.txt"
    return shipped if "/" not in say and shipped.is_file() else Path(check.resolve(say, base, "file"))


def word_key(word: str) -> str:
    """A word as it is compared: hey_chip, Hey Chip and "hey  chip" are one."""
    return " ".join(re.sub(r"[_-]", " ", word).casefold().split())


def unknown(
    rules: Iterable[RuleConfig], trigger: str, known: Sequence[str] | None, who: str = "no model knows"
) -> list[str]:
    """A sentence for every rule that waits for what nobody tells. Where `known` is None, all is well."""
    problems = []
    for i, rule in enumerate(rules, 1):
        wanted = getattr(rule, trigger)
        if known is None or wanted in {"", "*"} or word_key(wanted) in {word_key(k) for k in known}:
            continue
        some = f" (known: {', '.join(list(known)[:8]) or 'none'}{'…' if len(known) > 8 else ''})"
        hint = check.nearest(wanted, known) or some
        problems.append(f'rules number {i}: {trigger}: {who} "{wanted}"{hint}')
    return problems


def doubles(rules: Iterable[RuleConfig]) -> list[str]:
    """The names that more than one rule has."""
    names = [rule.name for rule in rules if rule.name]
    return sorted({name for name in names if names.count(name) > 1}, key=names.index)


def without(rules: Iterable[RuleConfig], key: str, why: str) -> list[str]:
    """A sentence for every rule that asks, with this key, for what nothing here can do."""
    nothing = getattr(RuleConfig(), key)
    asks = [i for i, rule in enumerate(rules, 1) if getattr(rule, key) != nothing]
    return [f"rules number {i}: {key}: {why}" for i in asks]

