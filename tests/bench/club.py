"""Clubs of any size, put into a database by a few statements: 100,000 athletes take seconds, not an hour.

Everybody has joined, agreed and is reachable; athlete number n is `Runner<n>`, user FIRST_ATHLETE + n;
coach number n is `Coach<n>`, user FIRST_COACH + n.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from dialogs import timing
from dialogs.model import Person
from storage import codec
from storage.db import Database, migrate, open_db
from storage.schema import Instant, due, journal, person

FIRST_COACH = 1000
FIRST_ATHLETE = 1_000_000
ITEMS = ("sleep", "fatigue", "soreness", "stress", "mood")


def zone_at(hour: int, now: datetime) -> str:
    """A zone in which it is about this hour: nobody has quiet hours, and the date does not change half-way."""
    offset = (hour - now.hour + 12) % 24 - 12
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"


def make(
    url: str,
    now: datetime,
    *,
    athletes: int,
    coaches: int = 1,
    ask_at: time = time(7),
    zone: str,
    weekly: bool = False,
) -> None:
    """A fresh database with this club in it. Everybody's check-in of tomorrow is planned, as it always is; `weekly`:
    they want the weekly message."""
    migrate(url)
    base = open_db(url)
    try:
        with base.begin() as tx:
            for number in range(1, coaches + 1):
                who = Person(0, f"Coach{number}", zone=zone, coaches=True, consent_at=now, joined_at=now, weekly=weekly)
                _people(tx, who, FIRST_COACH + number, count=1)
            runner = Person(
                0, "Runner", runs=True, zone=zone, ask_at=ask_at, consent_at=now - timedelta(days=60), joined_at=now,
                weekly=weekly, week_next=timing.local_date(zone, now),
            )  # fmt: skip
            _people(tx, runner, FIRST_ATHLETE + 1, count=athletes, coaches=coaches)
            tomorrow = timing.local_date(zone, now) + timedelta(days=1)
            at = timing.instant_of(zone, tomorrow, ask_at)
            assert at is not None
            _plan(tx, sa.select(person.c.id).where(person.c.runs), tomorrow, at, now)
    finally:
        base.close()


def due_at(base: Database, at: datetime, count: int, *, zone: str, now: datetime) -> None:
    """The check-ins of the first `count` athletes fall due at this instant, instead of tomorrow."""
    with base.begin() as tx:
        first = sa.select(person.c.id).where(person.c.runs).order_by(person.c.id).limit(count)
        tx.execute(sa.delete(due).where(due.c.person_id.in_(first)))
        _plan(tx, first, timing.local_date(zone, at), at, now)


def lived(base: Database, now: datetime, *, zone: str, days: int) -> None:
    """So many days of answered check-ins in everybody's journal."""
    with base.begin() as tx:
        for ago in range(1, days + 1):
            at = now - timedelta(days=ago)
            for name in ITEMS:
                fields = {
                    "person_id": person.c.id,
                    "by_id": person.c.id,
                    "kind": sa.literal("answer"),
                    "name": sa.literal(name),
                    "at": sa.literal(at, Instant()),
                    "day": sa.literal(timing.local_date(zone, at)),
                    "value": sa.literal(4, journal.c.value.type),
                    "cause": sa.literal("bench"),
                    "saved_at": sa.literal(at, Instant()),
                }
                rows = sa.select(*fields.values()).where(person.c.runs)
                tx.execute(sa.insert(journal).from_select(list(fields), rows))


def _people(tx: sa.Connection, who: Person, first: int, *, count: int, coaches: int = 0) -> None:
    start = sa.select(sa.literal(1).label("i")).cte("n", recursive=True)
    n = start.union_all(sa.select(start.c.i + 1).where(start.c.i < count))
    row = codec.person_row(who)
    fields: dict[str, Any] = {
        name: sa.literal(value, person.c[name].type) for name, value in row.items() if value is not None
    }
    if who.runs:
        fields["name"] = sa.literal(who.name) + sa.cast(n.c.i, sa.Text)
        fields["coach_id"] = 1 + n.c.i % coaches  # the coaches came first
    fields["chat_id"] = fields["user_id"] = first + n.c.i - 1
    fields["version"] = sa.literal(1)
    tx.execute(sa.insert(person).from_select(list(fields), sa.select(*fields.values()).select_from(n)))


def _plan(tx: sa.Connection, who: sa.Select[tuple[int]], day: object, at: datetime, now: datetime) -> None:
    each = who.subquery("each")
    fields: dict[str, Any] = {
        "person_id": each.c.id,
        "kind": sa.literal("checkin"),
        "key": sa.literal("checkin:") + sa.cast(each.c.id, sa.Text) + sa.literal(f":{day}"),
        "at": sa.literal(at, Instant()),
        "ready_at": sa.literal(at, Instant()),
        "day": sa.literal(day, sa.Date()),
        "data": sa.literal({}, due.c.data.type),
        "status": sa.literal("open"),
        "attempts": sa.literal(0),
        "created_at": sa.literal(now, Instant()),
    }
    tx.execute(sa.insert(due).from_select(list(fields), sa.select(*fields.values())))


def analyze(base: Database) -> None:
    """Let the planner look at what was filled in; a database that has grown by itself has done so long ago."""
    with base.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
