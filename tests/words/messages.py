"""The labelled messages, as they lie in `tests/words/messages/*.tsv`. What columns and labels mean: README.md there.

`writer` and `situation` are what is held out by: of the test's writers and of its own situations the training has seen
nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dialogs.levels import Level
from dialogs.words.network import THEMES

CLOSE = 2.0  # what keeps closest to the examples of the labelling standard, in difficulty and mix, counts twice
FOLDER = Path(__file__).parent / "messages"
KINDS = (
    "plain", "typo", "nopunct", "slang", "emoji", "autocorrect", "negation", "past", "other-person", "hypothetical",
    "sarcasm", "idiom", "cheerful-alarm", "minimising", "no-pain-word", "numbers", "last-clause", "indirect-suicidal",
    "under-eating", "nonnative", "long", "question", "denial",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    level: Level
    themes: tuple[str, ...]
    kinds: tuple[str, ...]
    writer: str
    situation: str
    lang: str
    text: str
    weight: float = 1.0  # how much it counts in training


def load(*names: str) -> list[Message]:
    """The messages of these files, in their order. Raises ValueError that names file and line."""
    return [message for name in names for message in _read(FOLDER / f"{name}.tsv")]


def stamp(names: Sequence[str]) -> str:
    """A name for what these files hold: the weights carry that of what they were made of, and a test compares."""
    found = hashlib.sha256()
    for name in names:
        found.update((FOLDER / f"{name}.tsv").read_bytes())
    return found.hexdigest()[:32]


def training() -> list[str]:
    """The names of the files that may be learned from."""
    return sorted(path.stem for path in FOLDER.glob("train-*.tsv"))


def _read(path: Path) -> list[Message]:
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != 7:
            raise ValueError(f"{path.name}:{number}: {len(fields)} fields, and not 7")
        level, themes, kinds, writer, situation, lang, text = fields
        message = Message(
            Level(level),
            tuple(themes.split(",")) if themes != "-" else (),
            tuple(kinds.split(",")),
            writer,
            situation,
            lang,
            text.replace("\\n", "\n"),
            CLOSE if path.stem.startswith("train-manner") else 1.0,
        )
        if unknown := {*message.themes} - {*THEMES} | {*message.kinds} - {*KINDS}:
            raise ValueError(f"{path.name}:{number}: {sorted(unknown)[0]!r} is no theme and no kind")
        found.append(message)
    return found
