# ruff: noqa: RUF001  # the letters of IPA look like others on purpose
"""How Kokoro-82M reads: its symbols with their ids, and its way of writing what espeak-ng says."""

from __future__ import annotations

import re

from . import same_language
from .ipa import clauses

# first id, then the symbols that follow each other
_ROWS = (
    (0, "$;:,.!?"), (9, '—…"()“” ̃ʣʥʦʨᵝꭧAI'), (31, "O"), (33, "Q"), (35, "ST"), (39, "W"),
    (41, "Yᵊabcdef"), (50, "hijklmnopqrstuvwxyzɑɐɒæ"), (75, "βɔɕç"), (80, "ɖðʤə"), (85, "ɚɛɜ"),
    (90, "ɟ"), (92, "ɡ"), (99, "ɥ"), (101, "ɨɪʝ"), (110, "ɯɰŋɳɲɴø"), (118, "ɸθœ"), (123, "ɹ"),
    (125, "ɾɻ"), (128, "ʁɽʂʃʈʧ"), (135, "ʊʋ"), (138, "ʌɣɤ"), (142, "χʎ"), (147, "ʒʔ"), (156, "ˈˌː"),
    (162, "ʰ"), (164, "ʲ"), (169, "↓"), (171, "→↗↘"), (177, "ᵻ"),
)  # fmt: skip

VOCABULARY = {symbol: first + place for first, row in _ROWS for place, symbol in enumerate(row)}

# How the model writes what espeak-ng says (--tie=^), after the table of its own front end,
# misaki (Apache-2.0).
TIED = {
    "a^ɪ": "I", "a^ʊ": "W", "d^z": "ʣ", "d^ʒ": "ʤ", "e^ɪ": "A", "o^ʊ": "O", "ə^ʊ": "Q", "t^s": "ʦ",
    "t^ʃ": "ʧ", "ɔ^ɪ": "Y",
}  # fmt: skip
ENGLISH = {
    "ə^l": "ᵊl", "ʔˌn": "tᵊn", "ʔn": "tᵊn", "ʔ": "t", "ɐ": "ə", "ɚ": "əɹ", "x": "k", "ç": "k", "r": "ɹ",
    "ʲ": "",
}  # fmt: skip
AMERICAN = {"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪə": "iə", "oː": "ɔ", "ː": "", "o": "ɔ", "ɾ": "T"}
BRITISH = {"e^ə": "ɛː", "iə": "ɪə", "i^ə": "ɪə"}


def front_end(text: str, lang: str) -> str:
    """Phonemes with their stress and the text's punctuation, as the model reads them."""
    return "".join(
        _spelled(ipa, lang) + (mark + " " if mark else "") for ipa, mark in clauses(text, lang, "^")
    ).strip()


def _spelled(ipa: str, lang: str) -> str:
    tables = [TIED]
    if same_language(lang, "en"):
        tables += [ENGLISH, AMERICAN if lang.startswith("en-us") else BRITISH]
    for table in tables:
        for old, new in table.items():
            ipa = ipa.replace(old, new)
    ipa = re.sub("(\\S)\u0329", "ᵊ\\1", ipa)  # a syllabic consonant
    return (
        ipa.replace("^", "")
        .replace("-", "")
        .replace("g", "ɡ")
        .replace("\u0303", "" if lang[:2] == "en" else "\u0303")
    )
