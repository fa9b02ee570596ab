"""How the work stands: what waits and since when, which worries are open, what could not be done at all.

For whoever watches (`/metrics`, `aidstation doctor`), while the service works. So it reads in a reading transaction,
goes through indexes that hold unfinished rows only, and counts no further than COUNTED: a hundred thousand rows that
are done, or that wait, make nothing here slower. No word, no name and no id of a person leaves this module, but for the
keys of dead letters and the names that `Club` gives to the operator.

What lags is what somebody waits for:
    inbox    every update that is not finished, since it came
    due      what should have rung, since its hour; also while it rests between two tries. Not what is held while
             somebody outside is waited for (storage.due): a voice note whose words a program writes down, a file at
             Telegram. That may take its time, and its own loop says how it goes
    outbox   every message that is not away, since it was written. One that is held until its reader's morning lags
             only from then on

Nothing lags where check-ins ring and none of them becomes a message, and then nobody is asked, and nobody knows. So it
is counted how many of the last day's check-ins have left (`Asked`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dialogs.levels import Level
from dialogs.model import Lane
from storage.attention import DRILL
from storage.due import HELD
from storage.schema import due, escalation, inbox, outbox, person, status_is

COUNTED = 10_000  # "that many or more"
NAMED = 20  # people, for the operator
RECENT = timedelta(days=7)  # for what is over: Acks and dead letters
ASKED = 200  # check-ins that are looked at, the latest ones: the question is whether it is none of them
ASKED_FROM, ASKED_TO = timedelta(days=1), timedelta(minutes=30)  # ago; a message takes a while in the bulk of a morning
RESTS = timedelta(minutes=5)  # a due row between two tries is ready again within this: handle.LONGEST_PAUSE
UNREACHABLE = ("blocked", "chat_not_found", "no_rights", "not_in_group")
AGES: tuple[tuple[str, timedelta], ...] = (
    ("under 15 min", timedelta(minutes=15)),
    ("under 1 h", timedelta(hours=1)),
    ("under 1 d", timedelta(days=1)),
    ("older", timedelta.max),
)
LEVELS = tuple(level for level in Level if level is not Level.NONE)


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many rows wait (no further than COUNTED), and for how many seconds the oldest of them does."""

    count: int = 0
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Open:
    """Escalations of one level that are not closed: how many by age (as AGES), unacked and acked; and for how many
    seconds the oldest unacked one has been waiting for a human."""

    unacked: tuple[int, ...] = (0,) * len(AGES)
    acked: tuple[int, ...] = (0,) * len(AGES)
    oldest_unacked_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Acks:
    """From raised to "I have it", in seconds, over the Acks of the last seven days; None where there was none."""

    count: int = 0
    median_s: float | None = None
    p90_s: float | None = None
    max_s: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Of the check-ins whose hour came within the last day (ASKED at the most): how many there were, and how many have
    left as a message."""

    due: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Gauges:
    inbox: Waiting
    due: Waiting
    outbox: Mapping[Lane, Waiting]
    dead: Mapping[str, int]  # by table, over the last seven days
    open: Mapping[Level, Open]
    acks: Mapping[Level, Acks]
    coaches: Mapping[str, int]  # reachable, unreachable, not_started
    asked: Asked = Asked()


@dataclass(frozen=True, slots=True)
class Club:
    """Who cannot be reached or has nobody, by name, for the operator's eyes."""

    people: int
    coaches: tuple[str, ...]
    silent_coaches: tuple[str, ...]
    silent_athletes: tuple[str, ...]
    without_coach: tuple[str, ...]


_now = sa.bindparam("now", type_=inbox.c.received_at.type)
_recent = sa.bindparam("recent", type_=inbox.c.received_at.type)


def _waiting(
    name: str, since: sa.ColumnElement[Any], *where: sa.ColumnElement[bool], by: Any
) -> sa.Select[str, int, Any]:
    """One row: its name, how many rows there are, and the earliest `since` among them."""
    some = sa.select(since.label("since")).where(*where).order_by(*by).limit(COUNTED).subquery()
    return sa.select(sa.literal_column(f"'{name}'", sa.Text()), sa.func.count(), sa.func.min(some.c.since))


def _dead(table: sa.Table, at: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]) -> sa.Select[str, int, Any]:
    return _waiting(f"dead {table.name}", at, status_is(table, "dead"), at >= _recent, *where, by=(at,))


# Held until morning is only what minds the hour, and has not failed: a failed one is wanted, whatever the hour.
_held = sa.and_(outbox.c.quiet, outbox.c.attempts == 0)
_wanted_since = sa.case((_held, outbox.c.not_before), else_=outbox.c.created_at)
_went_wrong = sa.or_(outbox.c.error_class.is_(None), outbox.c.error_class.not_in(UNREACHABLE))

_QUEUES = sa.union_all(
    _waiting("inbox", inbox.c.received_at, status_is(inbox, "new"), by=(inbox.c.id,)),
    _waiting(
        "due",
        due.c.at,
        status_is(due, "open"),
        due.c.kind.not_in(HELD),
        due.c.ready_at <= sa.bindparam("soon", type_=due.c.ready_at.type),
        due.c.at <= _now,
        by=(due.c.ready_at, due.c.id),
    ),
    *(
        _waiting(
            f"outbox {int(lane)}",
            _wanted_since,
            status_is(outbox, "pending"),
            outbox.c.lane == int(lane),
            sa.or_(~_held, outbox.c.not_before <= _now),
            by=(outbox.c.lane, outbox.c.id),
        )
        for lane in Lane
    ),
    *(
        _waiting(
            f"outbox {int(lane)}",
            _wanted_since,
            status_is(outbox, "leased"),
            outbox.c.lane == int(lane),
            by=(outbox.c.chat_id,),
        )
        for lane in Lane
    ),
    _dead(inbox, inbox.c.finished_at),
    _dead(due, due.c.finished_at),
    _dead(outbox, outbox.c.created_at, _went_wrong),
)

_older = [
    sa.func.count(sa.case((escalation.c.raised_at <= sa.bindparam(f"age{n}", type_=escalation.c.raised_at.type), 1)))
    for n in range(len(AGES) - 1)
]
_acked = escalation.c.acked_at.is_not(None)
_OPEN = (
    sa.select(escalation.c.level, _acked, sa.func.count(), sa.func.min(escalation.c.raised_at), *_older)
    .where(escalation.c.closed_at.is_(None), escalation.c.flag != DRILL)
    .group_by(escalation.c.level, _acked)
)
_ACKS = (
    sa.select(escalation.c.level, escalation.c.raised_at, escalation.c.acked_at)
    .where(escalation.c.acked_at.is_not(None), escalation.c.acked_at >= _recent, escalation.c.flag != DRILL)
    .order_by(escalation.c.acked_at.desc())
    .limit(COUNTED)
)
_state = sa.case(
    (person.c.chat_id.is_(None), sa.literal_column("'not_started'")),
    (person.c.reachable, sa.literal_column("'reachable'")),
    else_=sa.literal_column("'unreachable'"),
)
_rung = (
    sa.select(due.c.key)
    .where(
        due.c.kind == sa.literal_column("'checkin'"),
        due.c.at.between(
            sa.bindparam("asked_from", type_=due.c.at.type), sa.bindparam("asked_to", type_=due.c.at.type)
        ),
    )
    .order_by(due.c.at.desc())
    .limit(ASKED)
    .subquery()
)
# What was superseded was met by its reader's own hand; of what is unknown it is not known that it did not arrive.
# A message is looked up by its key, one by one: as a join, PostgreSQL would read all there are.
_became = sa.select(outbox.c.status).where(outbox.c.key == _rung.c.key).scalar_subquery()
_left = sa.case((_became.in_(("sent", "unknown", "superseded")), 1))
_ASKED = sa.select(sa.func.count(), sa.func.count(_left)).select_from(_rung)
_COACHES = sa.select(_state, sa.func.count()).where(person.c.coaches).group_by(_state)

_coach = person.alias("coach")
_PEOPLE = sa.select(sa.func.count()).select_from(person).where(sa.or_(person.c.runs, person.c.coaches))
_ALL_COACHES = (
    sa.select(person.c.name, person.c.chat_id.is_not(None), person.c.reachable)
    .where(person.c.coaches)
    .order_by(person.c.joined_at.is_(None), person.c.joined_at, person.c.id)
)
_SILENT = sa.select(person.c.name).where(person.c.runs, ~person.c.coaches, ~person.c.reachable).order_by(person.c.id)
_ALONE = (
    sa.select(person.c.name)
    .outerjoin(_coach, sa.and_(_coach.c.id == person.c.coach_id, _coach.c.coaches))
    .where(person.c.runs, _coach.c.id.is_(None))
    .order_by(person.c.id)
)


def read(tx: sa.Connection, now: datetime) -> Gauges:
    """All figures at `now`, by five statements."""
    recent = now - RECENT
    waiting: dict[str, list[tuple[int, datetime | None]]] = {}
    for name, count, since in tx.execute(_QUEUES, {"now": now, "soon": now + RESTS, "recent": recent}):
        waiting.setdefault(name, []).append((count, since))
    return Gauges(
        inbox=_together(waiting["inbox"], now),
        due=_together(waiting["due"], now),
        outbox={lane: _together(waiting[f"outbox {int(lane)}"], now) for lane in Lane},
        dead={table.name: waiting[f"dead {table.name}"][0][0] for table in (inbox, due, outbox)},
        open=_open(tx, now),
        acks=_acks(tx, recent),
        coaches={"reachable": 0, "unreachable": 0, "not_started": 0}
        | {state: count for state, count in tx.execute(_COACHES)},
        asked=Asked(*tx.execute(_ASKED, {"asked_from": now - ASKED_FROM, "asked_to": now - ASKED_TO}).one()),
    )


def _together(parts: list[tuple[int, datetime | None]], now: datetime) -> Waiting:
    since = min((at for _, at in parts if at is not None), default=now)
    return Waiting(sum(count for count, _ in parts), max(0.0, (now - since).total_seconds()))


def _open(tx: sa.Connection, now: datetime) -> dict[Level, Open]:
    rows = tx.execute(_OPEN, {f"age{n}": now - limit for n, (_, limit) in enumerate(AGES[:-1])})
    counts: dict[tuple[Level, bool], tuple[int, ...]] = {}
    oldest: dict[Level, float] = {}
    for level, acked, count, since, *older in rows:
        at_least = (count, *older)  # as old as the beginning of each age, or older
        ages = tuple(here - further for here, further in zip(at_least, (*older, 0), strict=True))
        counts[Level(level), bool(acked)] = ages
        if not acked:
            oldest[Level(level)] = max(0.0, (now - since).total_seconds())
    none = Open()
    return {
        level: Open(
            counts.get((level, False), none.unacked), counts.get((level, True), none.acked), oldest.get(level, 0.0)
        )
        for level in LEVELS
    }


def _acks(tx: sa.Connection, recent: datetime) -> dict[Level, Acks]:
    took: dict[Level, list[float]] = {level: [] for level in LEVELS}
    for level, raised_at, acked_at in tx.execute(_ACKS, {"recent": recent}):
        took.setdefault(Level(level), []).append(max(0.0, (acked_at - raised_at).total_seconds()))
    return {
        level: Acks(
            len(times),
            statistics.median(times),
            sorted(times)[math.ceil(0.9 * len(times)) - 1],
            max(times),
        )
        if times
        else Acks()
        for level, times in took.items()
    }


def dead_keys(tx: sa.Connection, now: datetime, most: int = 10) -> list[tuple[str, str, str]]:
    """The newest dead letters of the last seven days: table, key (of an outbox row: its number), class of the error."""
    found: list[tuple[str, str, str]] = []
    for table, key, at, where in (
        (inbox, inbox.c.key, inbox.c.finished_at, sa.true()),
        (due, due.c.key, due.c.finished_at, sa.true()),
        (outbox, sa.cast(outbox.c.id, sa.Text), outbox.c.created_at, _went_wrong),
    ):
        query = sa.select(key, table.c.error_class).where(status_is(table, "dead"), at >= _recent, where)
        rows = tx.execute(query.order_by(at.desc()).limit(most), {"recent": now - RECENT})
        found += [(table.name, str(name), str(error or "unknown")) for name, error in rows]
    return found


def club(tx: sa.Connection, most: int = NAMED) -> Club:
    """Who cannot be reached or has nobody; no more than `most` names of athletes each. Reads every person."""
    coaches = [(name, started and reachable) for name, started, reachable in tx.execute(_ALL_COACHES)]
    return Club(
        people=tx.execute(_PEOPLE).scalar_one(),
        coaches=tuple(name for name, _ in coaches),
        silent_coaches=tuple(name for name, heard in coaches if not heard),
        silent_athletes=tuple(tx.execute(_SILENT.limit(most)).scalars()),
        without_coach=tuple(tx.execute(_ALONE.limit(most)).scalars()),
    )
