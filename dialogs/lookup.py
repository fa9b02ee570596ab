"""What a coach looks up about all of their athletes: who is quiet, who said these words, and two weeks as one picture.

    /quiet          who has been asked and has not been heard from, since when, and their last words
    /find WORDS     in the own athletes' words, newest first; never in another coach's
    /roster         rows athletes, columns days, drawn by bot.charts

A day of the roster has one state. It is what was answered, and where nothing was, why: a gap is a gap and no zero.

    usual    answered, and nothing of the next two         low      an item at 1 or 2 of 5
    pain     a pain was told (it wins over "low")          silent   no answer came
    paused   on a pause                                    off      a day off, not here yet, or today before the answer
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta

from dialogs import desk, lists, summary, timing
from dialogs.draft import Draft
from dialogs.model import Json, Person, Picture, Record
from dialogs.scripts.checkin import ITEMS

QUIET_DAYS = 60  # how far back their last words are looked for
QUIET_ROOM = 20
AROUND = 80  # signs shown on each side of what was found
FIND_LEAST = 2
FIND_MOST = 100
ROSTER_DAYS = 14
ROSTER_ROOM = 25  # rows of one picture: a phone shows no more of them readably
_DAY = timedelta(days=1)


def quiet(draft: Draft, rest: str) -> None:
    """/quiet"""
    own = desk.own(draft)
    asked = [one for one in own if lists.unasked_why(one, draft.today) is None]
    seen = {one.about: one.day for one in draft.look("seen", [one.id for one in asked], days=QUIET_DAYS)}
    silent = []
    for one in asked:
        count = lists.missed(one, seen.get(one.id), timing.local_date(one.zone, draft.now))
        if count >= lists.SILENT_AFTER:
            silent.append(one)
    last = {one.about: one for one in draft.look("last", [one.id for one in silent], days=QUIET_DAYS)}
    silent.sort(key=lambda one: (seen.get(one.id, date.min), one.name.casefold()))
    facts: dict[str, Json] = {
        "silent": [
            _silent(one, lists.heard(one, seen.get(one.id), draft.today - QUIET_DAYS * _DAY), last.get(one.id))
            for one in silent[:QUIET_ROOM]
        ],
        "more": max(len(silent) - QUIET_ROOM, 0),
        "unasked": [
            {"name": one.name, "why": why, "until": one.paused_until.isoformat() if one.paused_until else None}
            for one in own
            if (why := lists.unasked_why(one, draft.today)) is not None
        ],
        "others": len(asked) - len(silent),
        "days": QUIET_DAYS,
    }
    draft.say("desk.quiet", facts)


def _silent(athlete: Person, seen: date | None, last: Record | None) -> dict[str, Json]:
    return {
        "name": athlete.name,
        "since": seen.isoformat() if seen else None,
        "words": desk.start_of(last.words or "", lists.SAID_LENGTH) if last else None,
        "day": last.day.isoformat() if last else None,
    }


# --- find -----------------------------------------------------------------------------------------------------------


def find(draft: Draft, rest: str) -> None:
    """/find WORDS"""
    words = rest.strip()[:FIND_MOST]
    if len(words) < FIND_LEAST:
        draft.say("desk.find_what")
        return
    own = {one.id: one.name for one in desk.own(draft)}
    found = draft.look("find", sorted(own), words=words)
    hits = [
        {"athlete": own[one.about or 0], "day": one.day.isoformat(), **around(one.words or "", words)}
        for one in found
        if one.about in own
    ]
    draft.say("desk.found", {"looked_for": words, "hits": hits})


def around(text: str, words: str) -> dict[str, Json]:
    """The stretch of `text` in which `words` stand, and where there: half-open, in code points."""
    hit = re.search(re.escape(words), text, re.IGNORECASE)
    start, end = hit.span() if hit else (0, 0)
    first, last = max(start - AROUND, 0), min(end + AROUND, len(text))
    before, behind = "… " if first else "", " …" if last < len(text) else ""
    at = start - first + len(before)
    return {"words": f"{before}{text[first:last]}{behind}", "because": [[at, at + end - start]] if hit else []}


# --- the roster -----------------------------------------------------------------------------------------------------


def roster(draft: Draft, rest: str) -> None:
    """/roster"""
    own = desk.own(draft)
    if not own:
        draft.say("coach.athletes", {"athletes": []})
        return
    found = draft.look("days", [one.id for one in own], days=ROSTER_DAYS)
    days = [draft.today - ago * _DAY for ago in range(ROSTER_DAYS - 1, -1, -1)]
    columns = [{"day": one.day, "month": one.month, "weekday": one.weekday()} for one in days]
    for at in range(0, len(own), ROSTER_ROOM):
        page = own[at : at + ROSTER_ROOM]
        rows = [
            {"name": one.name, "cells": cells(one, [each for each in found if each.about == one.id], days)}
            for one in page
        ]
        facts: dict[str, Json] = {"columns": columns, "rows": rows, "first": at + 1, "of": len(own)}
        draft.say("desk.roster", {"first": at + 1, "last": at + len(page), "of": len(own)},
                  picture=Picture("roster", facts))  # fmt: skip


def cells(athlete: Person, records: Iterable[Record], days: list[date]) -> list[dict[str, Json]]:
    """The state of each of these days (see the top), with the pain where there was one."""
    records = tuple(records)
    joined = timing.local_date(athlete.zone, athlete.consent_at) if athlete.consent_at else date.max
    spans = summary.pauses(athlete, records)
    paused = {day for day in days if any(begun <= day < back for begun, back in spans)}
    return [_cell(athlete, summary.answers_of(records, day), day, joined, paused, days[-1]) for day in days]


def _cell(
    athlete: Person, answers: dict[str, Json], day: date, joined: date, paused: set[date], today: date
) -> dict[str, Json]:
    pain = answers.get("pain_level")
    items = [answers.get(name) for name in ITEMS]
    if isinstance(pain, int) and pain > 0:
        return {"state": "pain", "pain": pain}
    if any(isinstance(one, int) and one <= summary.LOW for one in items):
        return {"state": "low", "pain": None}
    if pain is not None or any(one is not None for one in items):
        return {"state": "usual", "pain": None}
    if day in paused:
        return {"state": "paused", "pain": None}
    unasked = day < joined or day.weekday() in athlete.days_off or day == today
    return {"state": "off" if unasked else "silent", "pain": None}
