"""The lines to be spoken: one a line in a text file, drawn at random without repeating too soon.

    Hello, traveller.              a line
    [x3] Hello again.              drawn three times as often as the others
    @hello.wav                     a recording, played as it is; beside the phrase file, or a path from there
    [x2] @laughs/short.wav         both
    # what is said on Sundays      a comment
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.errors import ConfigError, WavError

MAX_BYTES = 1_000_000
MAX_WEIGHT = 99
ALLOWED = ("word", "member", "label", "score", "name", "count", "faces", "joy")
SHIPPED = Path(__file__).parent / "phrases"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_WEIGHT = re.compile(r"\[x\s*([-+.\d][^\]]*)\]\s*")  # a digit after the x: what people say does not begin so


@dataclass(frozen=True)
class Line:
    """What may be said."""

    text: str
    """the line; of a recording how it was written, `@hello.wav`"""
    file: str = ""
    """a recording that is played instead"""
    weight: int = 1
    """how many times as often as others it is drawn"""

    @property
    def written(self) -> str:
        """As a phrase file would have it, with the whole path of a recording."""
        weight = f"[x{self.weight}] " if self.weight > 1 else ""
        return weight + (f"@{self.file}" if self.file else self.text)


class Phrases:
    """A shuffled bag of lines. What was among the last third of the lines to be drawn never comes next, and
    that goes before their weights: of two lines, each comes every other time whatever they weigh.

    `{word}` and its like are replaced as plain text: there are no format strings, so a line cannot reach into
    anything. A placeholder that is not in `allowed` is a mistake when the lines are loaded.
    """

    def __init__(
        self,
        source: Path | str | Sequence[str],
        seed: int | None = None,
        *,
        allowed: Collection[str] = ALLOWED,
        base: Path | None = None,
    ) -> None:
        """`source` is a phrase file or the lines themselves, whose recordings are looked for from the folder
        `base`. Raises ConfigError with all that is wrong."""
        from_file = isinstance(source, (str, Path))
        where = Path(source) if isinstance(source, (str, Path)) else "text"
        raw = read_lines(source) if isinstance(source, (str, Path)) else list(source)
        folder = Path(where).parent if from_file else (base or Path())
        found: dict[str, Line] = {}  # a line that stands twice would sound twice in a row
        problems = [] if raw else ["no line to say"]
        for one in raw:
            try:
                line = parse(one, folder)
            except ValueError as error:
                problems.append(str(error))
                continue
            problems += [] if line.file else wrong_placeholders([line.text], allowed)
            found.setdefault(line.file or line.text, line)
        if problems:
            raise ConfigError(where, problems)
        self._lines = tuple(found.values())
        self.lines = tuple(line.written for line in self._lines)
        """as `Line.written`: from these the same phrases can be made again"""
        self._random = random.Random(seed)  # noqa: S311 - nobody guards a secret with a greeting
        self._bag: list[Line] = []
        count = len(self._lines)
        self._recent: deque[Line] = deque(maxlen=max(count // 3, min(count - 1, 1)))

    def pick(self, **placeholders: object) -> Line:
        """The next line with its placeholders filled; one that is not given becomes nothing."""
        line = next((line for line in self._bag if line not in self._recent), None)
        if line is None:  # the bag is empty, or holds only more of what was just said
            weighed = [line for line in self._lines for _ in range(line.weight)]
            self._bag = self._random.sample(weighed, len(weighed))
            line = next(line for line in self._bag if line not in self._recent)
        self._bag.remove(line)
        self._recent.append(line)
        return line if line.file else replace(line, text=fill(line.text, placeholders))


def parse(raw: str, folder: Path) -> Line:
    """A line of a phrase file in `folder`. Raises ValueError with what is wrong."""
    weight, text = 1, raw
    if found := _WEIGHT.match(raw):
        text = raw[found.end() :]
        if not found[1].isdecimal() or not 1 <= int(found[1]) <= MAX_WEIGHT:
            raise ValueError(f'expected [x1] to [x{MAX_WEIGHT}] before a line, found "{found[0].strip()}"')
        weight = int(found[1])
        if not text:
            raise ValueError(f'nothing to say after "{found[0].strip()}"')
    if not text.startswith("@"):
        return Line(text, weight=weight)
    if not text.lower().endswith(".wav"):
        raise ValueError(f'a line that begins with @ names a wav file, as in @hello.wav; found "{text[:60]}"')
    file = folder / text[1:].strip()
    _check(file)
    return Line(text, str(file), weight)


def _check(file: Path) -> None:
    """Whether a recording can be read, by its header. ValueError where it cannot."""
    from edge.wav import open_wav

    try:
        open_wav(file, warn=lambda _: None).close()
    except WavError as error:
        raise ValueError(f"recording {error}") from error


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
