"""Reading words so that a failing reader costs nobody their human, and keeping what was judged beside the words."""

from __future__ import annotations

from dataclasses import replace

from dialogs import escalation
from dialogs.draft import Draft
from dialogs.levels import Level
from dialogs.scripts.availability import only_days
from dialogs.words import phrases, triage
from dialogs.words.triage import Reading


def read(text: str) -> Reading:
    """How soon, and why; the flag of what touches on wanting to live is always `escalation.CRISIS`."""
    try:
        reading = _by_the_book(text) if only_days(text) else triage.read(text)
    except Exception:
        return Reading(Level.CONCERN, (), "unread", (), crisis=False)
    return replace(reading, flag=escalation.CRISIS) if reading.crisis else reading


def _by_the_book(text: str) -> Reading:
    """ "Mon no, Fri 20 min" answers the weekly question. The network was never shown a list of days, and hears in it
    whatever its noise makes of it."""
    found = phrases.read(text)
    return Reading(found.level, found.themes, found.flag, found.because, found.crisis)


def read_answer(text: str) -> Reading:
    """What was typed into a form. A town, an hour or an old injury is not what the network was shown: the book alone
    reads it, and only what is urgent counts."""
    found = phrases.read(text)
    if found.level < Level.TODAY:
        return Reading(min(found.level, Level.NOTE), found.themes, None, (), crisis=False)
    flag = escalation.CRISIS if found.crisis else found.flag
    return Reading(found.level, found.themes, flag, found.because, found.crisis)


def note(draft: Draft, reading: Reading) -> None:
    """Into the athlete's journal, for whoever asks why; a coach's "useful" or "not useful" will stand beside it."""
    judged = {"level": reading.level.value, "flag": reading.flag, "themes": list(reading.themes), "ask": reading.ask}
    draft.record("step", "judged", judged | {"because": [list(span) for span in reading.because]})
