"""`aidstation triage`: read messages from a file, or judge the reading against labels. Nothing leaves the machine.

In: one JSON object a line, {"id", "text", "lang"?}. Out: {"id", "level", "themes", "ask", "because"}, one a line, in
order; `level` is urgent, concern, note or none, `because` are half-open spans into the text, in code points. With
--score the lines also have `level` and `themes` (and, if they like, `kinds`), and a table comes out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any, TextIO

from bot.admin import Complaint
from bot.config import Settings
from dialogs.levels import Level
from dialogs.words import score, triage
from dialogs.words.score import Judged, Share
from dialogs.words.triage import Reading

AT_ONCE = 16  # texts read together: twice as many a second as one by one; with more, their numbers leave the cache
HANDS = min(4, os.cpu_count() or 1)  # lots read side by side: most of the time is in numpy, which lets others run
COLUMNS = (
    "urgent recall", "urgent recall, asking", "the coach hears: recall", "the coach hears: precision",
    "false alarms: pushed", "false alarms: asked", "themes: micro-F1",
)  # fmt: skip


def command(settings: Settings, asked: argparse.Namespace) -> int:
    name = asked.score or asked.file
    try:
        opened: AbstractContextManager[TextIO] = nullcontext(sys.stdin) if name == "-" else open(name, encoding="utf-8")
        with opened as file:
            if asked.score:
                print(table(_judged(_lines(file))))
            else:
                write(file, sys.stdout)
    except BrokenPipeError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise Complaint(f"{name} cannot be read ({type(error).__name__})") from None
    return 0


def write(file: Iterable[str], to: TextIO) -> None:
    """Judge every line of `file`. Raises Complaint that names the line that is no message."""
    for line, reading in _all(_lines(file)):
        found = {
            "id": line["id"],
            "level": score.level_of(reading.level),
            "themes": list(reading.themes),
            "ask": reading.ask is not None,
            "because": [list(span) for span in reading.because],
        }
        to.write(json.dumps(found, ensure_ascii=False) + "\n")
        to.flush()


def _all(lines: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Reading]]:
    """Every line with how it was read, in order; some lots at a time, so that a file may be as long as it likes."""
    rest = iter(lines)
    _read([{"text": ""}])  # loads what reading needs: once, and not in each thread
    with ThreadPoolExecutor(HANDS) as hands:
        while some := list(islice(rest, AT_ONCE * HANDS * 2)):
            lots = [some[at : at + AT_ONCE] for at in range(0, len(some), AT_ONCE)]
            for lot, readings in zip(lots, hands.map(_read, lots), strict=True):
                yield from zip(lot, readings, strict=True)


def _read(lines: Sequence[dict[str, Any]]) -> list[Reading]:
    """A reader that fails must not cost anybody the human: then each is read alone, and what fails is a concern."""
    texts, languages = [one["text"] for one in lines], [one.get("lang") for one in lines]
    try:
        return triage.read_all(texts, languages)
    except Exception:
        if len(lines) == 1:
            return [Reading(Level.CONCERN, (), "unread", (), crisis=False)]
        return [reading for line in lines for reading in _read([line])]


def _lines(file: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        found = _message(line)
        if found is None:
            raise Complaint(f'line {number} is no message: {{"id": ..., "text": "..."}} is needed')
        yield found


def _message(line: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads(line)
        return (
            found
            if isinstance(found["text"], str) and isinstance(found.get("lang"), str | None) and "id" in found
            else None
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _judged(lines: Iterable[dict[str, Any]]) -> list[Judged]:
    known = list(lines)
    for number, line in enumerate(known, start=1):
        if line.get("level") not in score.LEVELS or not isinstance(line.get("themes"), list):
            raise Complaint(f"message {number} has no label: level ({', '.join(score.LEVELS)}) and themes are needed")
    judged = []
    for line, reading in _all(known):
        groups = (f"language {line.get('lang') or 'en'}", *(f"kind {kind}" for kind in line.get("kinds", ())))
        labels, level = frozenset(map(str, line["themes"])), score.level_of(reading.level)
        judged.append(Judged(line["level"], labels, level, frozenset(reading.themes), bool(reading.ask), groups))
    return judged


def table(judged: Sequence[Judged]) -> str:
    """The figures of all messages, then one line for each language and each kind."""
    lines = [f"{len(judged)} messages; shares with their 95 % interval (Wilson)", ""]
    lines += [f"{name:<28} {_share(share)}" for name, share in score.figures(judged).items()]
    if found := score.groups(judged):
        lines += ["", "   n | " + " | ".join(COLUMNS)]
        for name, group in found.items():
            figures = score.figures(group)
            lines.append(f"{len(group):>4} | " + " | ".join(_share(figures[one]) for one in COLUMNS) + f" | {name}")
    return "\n".join(lines)


def _share(share: Share) -> str:
    if share.value is None or share.interval is None:
        return "-"
    return f"{share.value:.3f} [{share.interval[0]:.2f}-{share.interval[1]:.2f}] {share.hits}/{share.all}"
