"""A season as one reads it: each coach's Sunday, each athlete's six weeks, without what is the same every day.

It is made of the ledger, so of what was said at the time and not of what a bubble became; so a season that is played
longer has the shorter one as its beginning. Left out are the questions of the daily check-in and of a session, what
stands in their place when they are answered, and the coach's work at the plan: what was done about them stands in one
line, as it was tapped.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from datetime import datetime, time

from bot.sandbox import season
from bot.sandbox.phone import Phone
from bot.sandbox.stage import Stage
from bot.sandbox.state import Delivered

WIDTH = 88
SHOWN = ("sendMessage", "sendPhoto")
_DAILY = re.compile(
    r"(?:Good morning|Hello), \w+\. How did you sleep\?|How did the session go\?|Which one was it\?"
    r"|Kept in your words\.|Once a week, four taps|\w+ has laid out your week"
)
_PAGE = re.compile(r"Your athletes’ week|The club’s week|A draft to ")
Steps = Iterable[tuple[datetime, str, tuple[str, ...]]]


def sundays(club: Stage, coach: Phone, athletes: Iterable[str]) -> str:
    """All that the coach's weeks said, page by page."""
    cards = tuple(athletes)
    lines: list[str] = []
    for one in _got(club, coach):
        card = one.method == "sendPhoto" and one.text.startswith(cards)
        if card or _PAGE.match(one.text):
            lines += _block(one.at, one.text, head=one.text.startswith("Your athletes’ week"))
    return "\n".join(lines).strip() + "\n"


def athlete(club: Stage, phone: Phone, steps: Steps) -> str:
    """What this athlete did, wrote and read."""
    told: list[tuple[datetime, int, list[str]]] = []
    for at, who, done in steps:
        if who == phone.name and done:
            told.append((at, 0, _wrapped(f"{at:%a %d %b %H:%M}  > ", _said(done))))
    for one in _got(club, phone):
        if not _DAILY.match(one.text):
            told.append((one.at, 1, _block(one.at, one.text)))
    told.sort(key=lambda each: (each[0], each[1]))
    return "\n".join(line for _, _, lines in told for line in lines).strip() + "\n"


def _got(club: Stage, phone: Phone) -> list[Delivered]:
    """What they were sent since the season began: how one comes in stands elsewhere."""
    said = (one for one in club.api.ledger if one.chat_id == phone.chat_id and one.method in SHOWN)
    return [one for one in said if one.at >= season.instant("UTC", 0, time(0))]


def _said(steps: Iterable[str]) -> str:
    return " ".join(step if step.startswith(("[", "/")) else f"“{step}”" for step in steps)


def _block(at: datetime, text: str, *, head: bool = False) -> list[str]:
    rule = ["", "=" * WIDTH] if head else []
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, WIDTH - 4) or [""]]
    return [*rule, f"{at:%a %d %b %H:%M}", *(f"    {line}".rstrip() for line in lines), ""]


def _wrapped(first: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=" " * len(first))
