"""How well the messages held out are read, as `docs/words.md` shows it.

.venv/bin/python -m tests.words.figures            the table
.venv/bin/python -m tests.words.figures --misses   what is misread, for whoever wants to know why; not to tune on
.venv/bin/python -m tests.words.figures --jsonl    the test as `aidstation triage --score` takes it
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import cache

from dialogs.words import score, triage
from dialogs.words.score import Judged, Share
from tests.words import messages
from tests.words.messages import Message

HEADLINES = (
    "urgent recall", "urgent recall, asking", "the coach hears: recall", "the coach hears: precision",
    "false alarms: pushed", "false alarms: asked", "themes: micro-F1",
)  # fmt: skip
FOUND_BY = (
    ("test-standard", "English, like the standard"),
    ("test", "English, as hard as can be"),
    ("test-chatter", "English, ordinary weeks"),
    ("test-languages", "Spanish, French, German"),
    ("test-plain", "plain words, four languages"),
)


@cache
def judged(name: str) -> tuple[tuple[Message, Judged], ...]:
    """Every message of this file and how it was read. No language is told: it is found out, as in the service."""
    known = messages.load(name)
    found = []
    for at in range(0, len(known), 32):
        some = known[at : at + 32]
        for message, reading in zip(some, triage.read_all([one.text for one in some]), strict=True):
            groups = (f"`{message.lang}`", *message.kinds)
            labels, read = frozenset(message.themes), frozenset(reading.themes)
            level = score.level_of(reading.level)
            found.append(
                (message, Judged(score.level_of(message.level), labels, level, read, bool(reading.ask), groups))
            )
    return tuple(found)


def people(name: str) -> list[Judged]:
    """One person's labels held against another's; both saw nothing but the words."""
    return [
        Judged(score.level_of(second[0]), second[1], score.level_of(third[0]), third[1], asked=False)
        for _, second, third in messages.readings(name)
    ]


def table() -> str:
    """Markdown: one column for each held-out file, then a line for each language and kind of the test."""
    sets = {title: [one for _, one in judged(name)] for name, title in FOUND_BY}
    sets["one person against another"] = [one for name, _ in FOUND_BY for one in people(name)]
    lines = ["| figure | " + " | ".join(f"{title} ({len(some)})" for title, some in sets.items()) + " |"]
    lines.append("|---" * (len(sets) + 1) + "|")
    for name in HEADLINES:
        lines.append(f"| {name} | " + " | ".join(_share(score.figures(some)[name]) for some in sets.values()) + " |")
    lines += ["", "| kind, language | n | " + " | ".join(HEADLINES) + " |", "|---" * (len(HEADLINES) + 2) + "|"]
    both = [one for name in ("test-standard", "test", "test-languages") for _, one in judged(name)]
    for group, some in score.groups(both).items():
        found = score.figures(some)
        lines.append(f"| {group} | {len(some)} | " + " | ".join(_short(found[name]) for name in HEADLINES) + " |")
    return "\n".join(lines)


def _share(share: Share) -> str:
    if share.value is None or share.interval is None:
        return "–"
    return f"{share.value:.2f} ({share.interval[0]:.2f}–{share.interval[1]:.2f})"


def _short(share: Share) -> str:
    return "–" if share.value is None else f"{share.value:.2f} of {share.all}"


def misses(found: Sequence[tuple[Message, Judged]]) -> list[str]:
    return [
        f"{one.level} read as {one.read_level}{' and asked' if one.asked else ''}: {message.text}"
        for message, one in found
        if one.level != one.read_level
    ]


def main() -> int:
    if "--jsonl" in sys.argv:
        for number, (message, one) in enumerate(judged("test-standard")):
            row = {"id": number, "text": message.text, "lang": message.lang, "level": one.level}
            print(json.dumps(row | {"themes": list(message.themes), "kinds": list(message.kinds)}, ensure_ascii=False))
    elif "--misses" in sys.argv:
        for name, _ in FOUND_BY:
            print("\n".join(misses(judged(name))))
    elif "--dev" in sys.argv:
        found = score.figures([one for _, one in judged("dev")])
        print("\n".join(f"{name}: {_share(found[name])}" for name in HEADLINES))
    else:
        print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
