"""Everyday sentences to be read aloud as negatives: ordinary speech, commands to others, greetings, single
words.

They are made from templates and word lists written for this project (`text/en`); other languages have a
shorter list of whole sentences (`text/<language>.txt`) or none, and then numbers, which every voice reads in
its own language.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from edge.errors import UsageError

TEXT = Path(__file__).parent / "text"

# (kind, share of the sentences)
SHARES = {
    "templates": 0.56,
    "everyday": 0.06,
    "commands": 0.12,
    "greetings": 0.12,
    "numbers": 0.06,
    "words": 0.08,
}
TRIES = 60  # in a row without a new sentence: this kind is used up


@functools.cache
def lines(name: str) -> tuple[str, ...]:
    """The lines of `text/<name>.txt`, without remarks; empty where there is no such file."""
    path = TEXT / f"{name}.txt"
    if not path.exists():
        return ()
    return tuple(
        line for raw in path.read_text("utf-8").splitlines() if (line := raw.strip()) and line[0] != "#"
    )


@functools.cache
def slots() -> dict[str, tuple[str, ...]]:
    """The fillings of each {slot}."""
    found: dict[str, tuple[str, ...]] = {}
    name = ""
    for line in lines("en/slots"):
        if line.startswith("["):
            name = line.strip("[]")
            found[name] = ()
        else:
            found[name] += tuple(part.strip() for part in line.split(",") if part.strip())
    return found


@functools.cache
def common_words() -> tuple[str, ...]:
    """About 1,500 common English words, in the order of the alphabet."""
    return tuple(sorted({word for line in lines("en/words") for word in line.split()}))


def sentences(n: int, seed: int = 0, avoid: str = "", lang: str = "en-us") -> list[str]:
    """`n` different texts, the same for the same seed, none with the words of `avoid` in a row.

    `Computers` and `computer's` count as `computer`. Raises UsageError where a language has fewer than `n`.
    """
    rng = random.Random(f"sentences/{seed}")
    makers = english(rng) if lang.lower().startswith("en") else foreign(rng, lang)
    contains = matcher(avoid)
    found: dict[str, None] = {}
    misses = dict.fromkeys(makers, 0)
    while len(found) < n:
        if not makers:
            raise UsageError(f"only {len(found)} different sentences can be made for {lang}, not {n}")
        kind = rng.choices(list(makers), [SHARES[kind] for kind in makers])[0]
        text = makers[kind]()
        if text in found or contains(text):
            misses[kind] += 1
            if misses[kind] >= TRIES:
                del makers[kind]
            continue
        found[text], misses[kind] = None, 0
    return list(found)


def matcher(phrase: str) -> Callable[[str], bool]:
    """Says whether a text has the words of the phrase in a row; for an empty phrase, never."""
    words = re.findall(r"[^\W_]+(?:'[^\W_]+)*", phrase.casefold())
    if not words:
        return lambda _: False
    row = r"[\W_]*".join(map(re.escape, words))  # "snow boy", "snow-boy" and "snowboy" are one
    seen = re.compile(rf"(?<![^\W_]){row}(?:['\u2019]?(?:s|es))?(?![^\W_])")
    return lambda text: seen.search(text.casefold()) is not None


def english(rng: random.Random) -> dict[str, Callable[[], str]]:
    """A maker of sentences for each kind."""
    everyday = shuffled(lines("en/everyday"), rng)
    singles = shuffled(common_words(), rng)
    return {
        "templates": lambda: sentence(fill(rng.choice(lines("en/templates")), rng)),
        "everyday": lambda: next(everyday),
        "commands": lambda: fill(rng.choice(lines("en/commands")), rng),
        "greetings": lambda: fill(rng.choice(lines("en/greetings")), rng),
        "numbers": lambda: number(rng),
        "words": lambda: ", ".join(next(singles) for _ in range(rng.choice((1, 1, 1, 2, 3)))),
    }


def foreign(rng: random.Random, lang: str) -> dict[str, Callable[[], str]]:
    """The makers for a language other than English."""
    own = lines(lang.lower().split("-")[0])
    makers: dict[str, Callable[[], str]] = {"numbers": lambda: number(rng, words=False)}
    if own:
        everyday = shuffled(own, rng)
        pairs = [part.strip() for line in own for part in re.split(r"[.,;:!?¿¡]", line) if part.strip()]
        makers["everyday"] = lambda: next(everyday)
        makers["templates"] = lambda: sentence(", ".join(rng.sample(pairs, rng.choice((1, 2)))))
    return makers


def shuffled(texts: tuple[str, ...], rng: random.Random) -> Iterator[str]:
    """All texts in a random order, again and again."""
    order = list(texts)
    while order:
        rng.shuffle(order)
        yield from order


def fill(template: str, rng: random.Random) -> str:
    """A template with its {slots} filled, no filling twice."""
    used: set[str] = set()

    def one(match: re.Match[str]) -> str:
        name = match.group(1)
        article, name = (name[:2], name[2:]) if name.startswith("a ") else ("", name)
        word = rng.choice([text for text in slots()[name] if text not in used])
        used.add(word)
        plural = word.startswith(("a ", "an ", "pair ", "some "))
        if not article or (plural and not word.startswith("pair ")):
            return word
        return ("an " if word[0] in "aeiou" else "a ") + word

    return re.sub(r"\{([a-z ]+)\}", one, template)


def sentence(text: str) -> str:
    """With a capital first and a mark at the end."""
    return text[:1].upper() + text[1:] + ("" if text[-1] in ".?!" else ".")


def number(rng: random.Random, *, words: bool = True) -> str:
    """Numbers, times and rows of digits: a voice says them in the words of its language."""
    few, more, kind = rng.randrange(2, 100), rng.randrange(2, 60), rng.randrange(7)
    if kind == 0:
        return ", ".join(str(rng.randrange(10)) for _ in range(rng.randrange(3, 8)))
    plain = {
        1: str(rng.randrange(1, 2_030)),
        2: f"{rng.randrange(1, 24)}:{rng.randrange(10, 60)}",
        3: f"{few}, {few + 1}, {few + 2}",
        4: f"{few} times {more}" if words else f"{few} + {more}",
        5: f"{few}.{more}",
        6: f"{few} percent" if words else f"{few} %",
    }
    return plain[kind]
