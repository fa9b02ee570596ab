"""The labelled messages, as they lie in `tests/words/messages/*.tsv`. What columns and labels mean: README.md there.

`writer` and `situation` are what is held out by: of the test's writers and of its own situations the training has seen
nothing. Most messages were labelled twice, the second time by a reader who saw the words alone; where the two differ,
both labels stand in the file (`concern|today`, `pain,stress?`) and each is learned by half.
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
    also: Level | None = None  # what the other reader found, where the two differ
    doubtful: frozenset[str] = frozenset()  # those of the themes that one of the two readers gave


def load(*names: str) -> list[Message]:
    """The messages of these files, in their order. Raises ValueError that names file and line."""
    return [message for name in names for message in _read(FOLDER / f"{name}.tsv")]


Label = tuple[Level, frozenset[str]]  # level and themes


def readings(name: str) -> list[tuple[Label, Label, Label]]:
    """What three people found in each message of this held-out file, in its order: its writer first, then two who saw
    the words alone."""
    found = []
    for line in (FOLDER / "held-out-readings.txt").read_text(encoding="utf-8").splitlines():
        file, _, *labels = line.split("\t")
        if file == name:
            first, second, third = (_label(*label.split(" ")) for label in labels)
            found.append((first, second, third))
    return found


def _label(level: str, themes: str) -> Label:
    return Level(level), frozenset(themes.split(",") if themes != "-" else ())


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
        levels, labels, kinds, writer, situation, lang, text = fields
        level, _, also = levels.partition("|")
        themes = labels.split(",") if labels != "-" else []
        message = Message(
            Level(level),
            tuple(theme.rstrip("?") for theme in themes),
            tuple(kinds.split(",")),
            writer,
            situation,
            lang,
            text.replace("\\n", "\n"),
            CLOSE if path.stem.startswith("train-manner") else 1.0,
            Level(also) if also else None,
            frozenset(theme.rstrip("?") for theme in themes if theme.endswith("?")),
        )
        if unknown := {*message.themes} - {*THEMES} | {*message.kinds} - {*KINDS}:
            raise ValueError(f"{path.name}:{number}: {sorted(unknown)[0]!r} is no theme and no kind")
        found.append(message)
    return found
