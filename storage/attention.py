"""What has claimed the coaches' attention: for budgets, for the head coach's page, and for the report of a drill."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dialogs.levels import Level
from dialogs.model import Json, Person, Record, Snapshot
from storage import codec
from storage.journal import LINE
from storage.schema import escalation, journal, outbox, person

TWO_DAYS = timedelta(days=2)  # an athlete's turn asks how much has come to the coach today
FOUR_WEEKS = timedelta(days=28)
WEEK = timedelta(days=7)
DRILL = "drill"  # the flag of a practice alarm, which counts nowhere

_STEPS = (
    sa.select(*LINE, journal.c.person_id)
    .join(person, person.c.id == journal.c.person_id)
    .where(
        person.c.runs,
        sa.or_(
            person.c.coach_id.in_(sa.bindparam("coaches", expanding=True)),
            person.c.id.in_(sa.bindparam("athletes", expanding=True)),
        ),
        journal.c.day >= sa.bindparam("since"),
        journal.c.kind == "step",
        journal.c.name.in_(("paged", "proposed", "useful")),
    )
    .order_by(journal.c.at, journal.c.id)
)
_ATHLETES = sa.select(person.c.coach_id, sa.func.count()).where(person.c.runs).group_by(person.c.coach_id)
_waits = sa.and_(escalation.c.acked_at.is_(None), escalation.c.closed_at.is_(None))
_OPEN = (
    sa.select(
        person.c.coach_id,
        sa.func.count(sa.case((_waits, 1))),
        sa.func.count(sa.case((sa.and_(escalation.c.acked_at.is_not(None), escalation.c.closed_at.is_(None)), 1))),
        sa.func.min(sa.case((_waits, escalation.c.raised_at))),
    )
    .join(person, person.c.id == escalation.c.athlete_id)
    .where(escalation.c.closed_at.is_(None), escalation.c.flag != DRILL)
    .group_by(person.c.coach_id)
)
_PAGED = (
    sa.select(person.c.coach_id, sa.func.count())
    .join(person, person.c.id == escalation.c.athlete_id)
    .where(
        escalation.c.raised_at >= sa.bindparam("since"),
        escalation.c.level.in_((Level.NOW.value, Level.TODAY.value)),
        escalation.c.flag != DRILL,
    )
    .group_by(person.c.coach_id)
)
_COACHES = (
    sa.select(*(person.c[name] for name in sorted(codec.COLUMNS)), person.c.facts)
    .where(person.c.coaches)
    .order_by(person.c.joined_at.is_(None), person.c.joined_at, person.c.id)
)
_sendings = sa.select(outbox.c.to_person, outbox.c.created_at, outbox.c.sent_at, outbox.c.status).order_by(outbox.c.id)
_SENDINGS = _sendings.where(outbox.c.short == sa.bindparam("short"), outbox.c.about != outbox.c.to_person)
_QUESTIONS = _sendings.where(outbox.c.key.in_(sa.bindparam("keys", expanding=True)))


def steps(tx: sa.Connection, known: Snapshot) -> tuple[Record, ...]:
    """Snapshot.steps for this turn."""
    me = known.person
    if me is None:
        return ()
    own = {me.id} if me.coaches else {me.coach_id, known.coach.id if known.coach else None}
    since = known.now - (FOUR_WEEKS if me.coaches else TWO_DAYS)
    values: dict[str, Any] = {
        "coaches": [id for id in own if id is not None],
        "athletes": [one.id for one in known.athletes],
        "since": since.date(),
    }
    return tuple(Record(*tuple(row)) for row in tx.execute(_STEPS, values))


def club(tx: sa.Connection, now: datetime) -> tuple[dict[str, Json], ...]:
    """Of each coach, and of None for whom nobody coaches: how many athletes there are, how much of theirs is `open`
    (nobody has it) or `taken`, since when the `oldest` waits (an ISO instant), and how many pages they have `paged` in
    the last seven days."""
    found: dict[int | None, dict[str, Json]] = {}

    def of(coach: int | None) -> dict[str, Json]:
        empty: dict[str, Json] = {"coach": coach, "athletes": 0, "open": 0, "taken": 0, "oldest": None, "paged": 0}
        return found.setdefault(coach, empty)

    for one in coaches(tx):
        of(one.id)
    for coach, count in tx.execute(_ATHLETES):
        of(coach)["athletes"] = count
    for coach, waits, taken, oldest in tx.execute(_OPEN):
        of(coach).update(open=waits, taken=taken, oldest=oldest.isoformat() if oldest else None)
    for coach, count in tx.execute(_PAGED, {"since": now - WEEK}):
        of(coach)["paged"] = count
    return tuple(found.values())


def coaches(tx: sa.Connection) -> tuple[Person, ...]:
    """All coaches, the head coach first, also those who have not pressed Start."""
    return tuple(codec.person_from(row) for row in tx.execute(_COACHES).mappings())


def questions(tx: sa.Connection, athlete: int, today: date, days: int = 8) -> tuple[dict[str, Json], ...]:
    """The check-ins that were put for this athlete on the last local dates, as `sendings` shows pages. Found by their
    keys, which name the date: so the index of the keys is all that is read."""
    keys = [f"checkin:{athlete}:{today - timedelta(days=ago)}" for ago in range(days)]
    return _sent(tx.execute(_QUESTIONS, {"keys": keys}))


def sendings(tx: sa.Connection, short: str) -> tuple[dict[str, Json], ...]:
    """The pages of this escalation: to whom, when put and when sent (ISO instants; None: not sent), how it stands."""
    return _sent(tx.execute(_SENDINGS, {"short": short}))


def _sent(rows: Iterable[Any]) -> tuple[dict[str, Json], ...]:
    return tuple(
        {"to": to, "put": put.isoformat(), "sent": sent.isoformat() if sent else None, "status": status}
        for to, put, sent, status in rows
    )
