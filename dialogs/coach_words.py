"""What a coach wishes for in plain words: "who needs me", "show Ann", "plan Ann next week".

A table of patterns and of the commands that they mean. A pattern that ends in somebody's name counts only where it is
the name of one of the coach's athletes: everything else is no wish, and goes to nobody. A coach who runs is heard as an
athlete first: what reads like a worry of their own is never taken for a wish.
"""

from __future__ import annotations

import re

from dialogs import desk, judging
from dialogs.draft import Draft
from dialogs.levels import Level

PLAIN = (  # the whole of what was said -> a command
    (r"who needs me(?: first| today| now)?|who is first|(?:the |my )?list", "today"),
    (r"what(?:'s| is) open|(?:the |my )?queue|all that is open", "queue"),
    (r"who(?:'s| is) (?:quiet|silent)|who (?:has gone|went) quiet", "quiet"),
    (r"(?:show )?(?:me )?(?:the |my )?roster", "roster"),
    (r"(?:the )?rules|(?:the )?rule book", "rules"),
    (r"(?:my |the )?athletes", "athletes"),
    (r"help|what can (?:you|i) do", "help"),
)
NAMED = (  # what stands before a name, and whether more may follow it
    (r"(?:show|who is|how is|open)(?: me)?", "athlete", False),
    (r"plan(?: for| of)?", "plan", True),
    (r"write(?: to)?", "write", False),
    (r"note(?: on| about| for)?", "note", True),
)
SPANS = ("", "next", "next week", "this week", "week")
_PLAIN = tuple((re.compile(pattern, re.IGNORECASE), command) for pattern, command in PLAIN)
_NAMED = tuple(
    (re.compile(rf"(?:{pattern})\s+(?P<rest>.+)", re.IGNORECASE | re.DOTALL), command, more)
    for pattern, command, more in NAMED
)
_FIND = re.compile(r"(?:find|search(?: for)?|who said)\s+(?P<rest>.+)", re.IGNORECASE)


def wish(draft: Draft, text: str) -> tuple[str, str] | None:
    """The command that is meant, and what stands behind it."""
    said = " ".join(text.split(" ")).replace("’", "'").strip(" \n\t.!?")
    found = _meant(draft, said)
    if found is not None and draft.person.runs:
        reading = judging.read(text)
        if reading.level > Level.NONE or reading.ask is not None:
            return None
    return found


def _meant(draft: Draft, said: str) -> tuple[str, str] | None:
    for pattern, command in _PLAIN:
        if pattern.fullmatch(said):
            return command, ""
    for pattern, command, more in _NAMED:
        hit = pattern.fullmatch(said)
        if hit is None or not desk.is_named(draft, hit["rest"]):
            continue
        behind = desk.behind_name(draft, hit["rest"])
        if command == "plan" and behind.casefold() not in SPANS:
            return None
        return (command, hit["rest"]) if more or not behind else None
    hit = _FIND.fullmatch(said)
    return ("find", hit["rest"].strip("\"'“”")) if hit and not draft.person.runs else None
