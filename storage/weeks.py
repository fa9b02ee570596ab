"""What the weekly messages of coaches read: their athletes' weeks, and the figures of the whole club.

`histories` is five statements, however many athletes there are. `club` is five, and goes through everybody who runs,
one person at a time: what it keeps is counts and the few names that are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dialogs import answering, concerns, lists, timing
from dialogs.levels import Level
from dialogs.model import Json, Person, Snapshot, Training
from dialogs.scripts.checkin import ITEMS
from storage import attention, codec, training
from storage.schema import escalation, journal, person

WEEK = timedelta(days=7)
SILENT = 12  # names shown
LATE = 12
BATCH = 500
_LEVELS = (Level.NOW.value, Level.TODAY.value, Level.CONCERN.value)

_ATHLETES = (
    sa.select(*(person.c[name] for name in sorted(codec.COLUMNS)), person.c.facts)
    .where(person.c.runs)
    .order_by(person.c.id)
    .execution_options(yield_per=BATCH)  # never all of them at once in memory
)
# What makes a day answered, as in a coach's own week: an item of the check-in, or a pain.
_CHECKED = sa.and_(journal.c.kind == "answer", journal.c.name.in_((*ITEMS, "pain_level")))
# By person, so that the index on (person, day) is what is read: one date less than a week for each.
_ANSWERED = (
    sa.select(
        person.c.id,
        sa.func.count(sa.distinct(sa.case((_CHECKED, journal.c.day)))),
        sa.func.count(journal.c.id),
    )
    .join(journal, journal.c.person_id == person.c.id)
    .where(
        person.c.runs,
        journal.c.day > sa.bindparam("since"),
        journal.c.by_id == journal.c.person_id,
        journal.c.kind.in_(("answer", "words")),
    )
    .group_by(person.c.id)
)
_RAISED = sa.select(escalation.c.level, escalation.c.raised_at, escalation.c.acked_at, escalation.c.closed_at).where(
    escalation.c.raised_at >= sa.bindparam("since"),
    escalation.c.level.in_(_LEVELS),
    escalation.c.flag != attention.DRILL,
)
_OPEN = (
    sa.select(
        escalation.c.short, escalation.c.level, escalation.c.raised_at, escalation.c.acked_at, person.c.name,
        person.c.coach_id,
    )
    .join(person, person.c.id == escalation.c.athlete_id)
    .where(escalation.c.closed_at.is_(None), escalation.c.acked_at.is_(None), escalation.c.flag != attention.DRILL)
    .order_by(escalation.c.raised_at)
)  # fmt: skip


def histories(tx: sa.Connection, known: Snapshot) -> dict[int, Training]:
    """What the rule book looks at, of each athlete whom this coach has today."""
    me = known.person
    if me is None:
        return {}
    return training.read(tx, [one for one in known.athletes if answering.is_mine(known, me, one)], known.now)


def club(tx: sa.Connection, now: datetime) -> dict[str, Json]:
    """The figures of the last seven days, named as the text of the head coach's week names them. Spans are seconds; a
    worry that nobody has yet counts with what it has waited until `now`."""
    since = now - WEEK
    coaches = {one.id: one for one in attention.coaches(tx)}
    answered = {id: (days, lines) for id, days, lines in tx.execute(_ANSWERED, {"since": since.date()})}
    asked = said = athletes = 0
    silent: list[dict[str, Json]] = []
    silent_count = 0
    rows = tx.execute(_ATHLETES).mappings()
    for one in map(codec.person_from, rows):
        there = timing.local_date(one.zone, now)
        if one.drill or one.consent_at is None:
            continue
        athletes += 1
        days, lines = answered.get(one.id, (0, 0))
        expected = _asked(one, there) if lists.unasked_why(one, there) is None else 0
        asked += max(expected, days)
        said += days
        if expected and not lines:
            silent_count += 1
            if len(silent) < SILENT:
                silent.append({"name": one.name, "coach": _name(coaches, one.coach_id)})
    late = _late(tx, coaches, now)
    return {
        "athletes": athletes,
        "asked": asked,
        "answered": said,
        "silent": silent,
        "silent_more": max(silent_count - len(silent), 0),
        "response": _response(tx, since, now),
        "coaches": _coaches(tx, coaches, now),
        "late": late[:LATE],
        "late_more": max(len(late) - LATE, 0),
    }


def _asked(one: Person, today: date) -> int:
    """On how many of the seven days up to today they may have been asked, today only if they have been."""
    return lists.missed(one, today - WEEK, today) + (one.asked_on is not None and one.asked_on >= today)


def _response(tx: sa.Connection, since: datetime, now: datetime) -> list[dict[str, Json]]:
    """By level, the worst first: how long until a human said "I have it"."""
    found: dict[str, list[tuple[float, bool]]] = {}
    for level, raised, acked, closed in tx.execute(_RAISED, {"since": since}):
        taken = acked or closed
        found.setdefault(level, []).append((((taken or now) - raised).total_seconds(), taken is not None))
    return [
        {
            "level": level,
            "raised": len(spans),
            "acked": sum(taken for _, taken in spans),
            "median": quantile(sorted(span for span, _ in spans), 0.5),
            "p90": quantile(sorted(span for span, _ in spans), 0.9),
            "worst": max(span for span, _ in spans),
        }
        for level in _LEVELS
        if (spans := found.get(level))
    ]


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of these that at least this share of them does not exceed; of ascending ones, not none."""
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]


def _coaches(tx: sa.Connection, coaches: dict[int, Person], now: datetime) -> list[dict[str, Json]]:
    """What interrupted each of them, from the same figures as the head coach's page."""
    rows: list[dict[str, Any]] = [dict(one) for one in attention.club(tx, now)]
    found = [
        {"name": _name(coaches, one["coach"]), "athletes": one["athletes"], "paged": one["paged"]}
        for one in rows
        if one["athletes"] or one["paged"]
    ]
    return sorted(found, key=lambda one: (-one["paged"], one["name"] or ""))


def _late(tx: sa.Connection, coaches: dict[int, Person], now: datetime) -> list[dict[str, Json]]:
    """What nobody has, longer than its level allows, the oldest first."""
    return [
        {
            "short": row.short,
            "athlete": row.name,
            "coach": _name(coaches, row.coach_id),
            "age": (now - row.raised_at).total_seconds(),
        }
        for row in tx.execute(_OPEN)
        if now - row.raised_at > concerns.WAITS.get(Level(row.level), concerns.WAITS[Level.CONCERN])
    ]


def _name(coaches: dict[int, Person], id: int | None) -> str | None:
    return coaches[id].name if id in coaches else None
