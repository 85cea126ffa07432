"""The lines to be spoken: one a line in a text file, drawn at random without repeating too soon."""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Collection, Sequence
from pathlib import Path

from edge.errors import ConfigError

MAX_BYTES = 1_000_000
ALLOWED = ("word", "member", "label", "score")
SHIPPED = Path(__file__).parent / "phrases"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class Phrases:
    """A shuffled bag of lines. What was among the last third of the lines to be drawn never comes next.

    `{word}` and its like are replaced as plain text: there are no format strings, so a line cannot reach into
    anything. A placeholder that is not in `allowed` is a mistake when the lines are loaded.
    """

    def __init__(
        self,
        source: Path | str | Sequence[str],
        seed: int | None = None,
        *,
        allowed: Collection[str] = ALLOWED,
    ) -> None:
        """`source` is a phrase file or the lines themselves. Raises ConfigError with all that is wrong."""
        where = source if isinstance(source, (str, Path)) else "text"
        lines = read_lines(source) if isinstance(source, (str, Path)) else list(source)
        problems = wrong_placeholders(lines, allowed) or ([] if lines else ["no line to say"])
        if problems:
            raise ConfigError(where, problems)
        self.lines = tuple(dict.fromkeys(lines))  # a line that stands twice would sound twice in a row
        self._random = random.Random(seed)  # noqa: S311 - nobody guards a secret with a greeting
        self._bag: list[str] = []
        self._recent: deque[str] = deque(maxlen=max(len(self.lines) // 3, min(len(self.lines) - 1, 1)))

    def pick(self, **placeholders: object) -> str:
        """The next line with its placeholders filled; one that is not given becomes nothing."""
        if not self._bag:
            self._bag = self._random.sample(self.lines, len(self.lines))
        line = next(line for line in self._bag if line not in self._recent)
        self._bag.remove(line)
        self._recent.append(line)
        return fill(line, placeholders)


def fill(line: str, placeholders: dict[str, object]) -> str:
    """`line` with `{name}` replaced by its value as text. Nothing inside a value is looked at again."""
    return _PLACEHOLDER.sub(lambda match: str(placeholders.get(match[1].strip(), "")), line)


def wrong_placeholders(lines: Sequence[str], allowed: Collection[str]) -> list[str]:
    """One sentence for every placeholder that nobody fills."""
    expected = ", ".join(f"{{{name}}}" for name in allowed)
    return [
        f'unknown placeholder {{{name}}} in "{line[:60]}" (known here: {expected})'
        for line in lines
        for name in _PLACEHOLDER.findall(line)
        if name.strip() not in allowed
    ]


def read_lines(path: Path | str) -> list[str]:
    """The lines of a phrase file, without comments (#) and blanks. Raises ConfigError."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(path, [f"phrase file cannot be read: {error.strerror}"]) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(path, [f"phrase file is larger than {MAX_BYTES // 1_000_000} MB"])
    try:
        lines = [line.strip() for line in data.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(path, [f"phrase file is not UTF-8 (line {line}); save it as UTF-8"]) from error
    spoken = [line for line in lines if line and not line.startswith("#")]
    if not spoken:
        raise ConfigError(path, ["phrase file has no lines; write one phrase a line"])
    return spoken
