"""What the rule book looks at, of one athlete or of several: five statements, however many they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from dialogs.model import Person, Record, Snapshot, Training
from storage import plans, proposals
from storage.journal import LINE
from storage.schema import journal
from storage.unread import Trainings

DAYS = 40  # the last 28 days, which are somebody's own usual, as they were seen some days ago
DECIDED = timedelta(days=8)
UNDO = timedelta(days=14)
HISTORY_DAYS = 100  # "what would this rule have done in the last 8 weeks?", and the 28 days before, with a margin

_RECORDS = (
    sa.select(journal.c.person_id, *LINE)
    .where(
        journal.c.person_id.in_(sa.bindparam("people", expanding=True)),
        journal.c.day >= sa.bindparam("since"),
        journal.c.kind.in_(("answer", "step")),
    )
    .order_by(journal.c.at, journal.c.id)
)


def unread(me: Person | None, athletes: Sequence[Person]) -> Trainings:
    """The training of those into whose a turn of `me` may look: their own and their athletes'. Who is joining (0) has
    none yet."""
    if me is None:
        return Trainings(frozenset({0}), {0: Training()})
    return Trainings(frozenset({me.id, *(one.id for one in athletes)}))


def with_training(tx: sa.Connection, known: Snapshot, whose: Collection[int]) -> Trainings:
    """The training of this snapshot, with that of `whose` read, as far as it may be."""
    before = known.training if isinstance(known.training, Trainings) else unread(known.person, known.athletes)
    near = [one for one in (known.person, *known.athletes) if one is not None and one.id in whose]
    more = read(tx, near, known.now, own=known.person.id if known.person is not None else 0)
    return Trainings(before.whose, {**before.read, **more})


def together(tx: sa.Connection, known: Sequence[Snapshot]) -> list[Snapshot]:
    """The same snapshots, each of another athlete who does not coach, with their own training read: five statements
    for all of them."""
    if not known:
        return []
    athletes = [one.person for one in known if one.person is not None]
    found = read(tx, athletes, known[0].now)
    return [
        replace(one, training=Trainings(frozenset({one.person.id}), {one.person.id: found[one.person.id]}))
        for one in known
        if one.person is not None
    ]


def histories(tx: sa.Connection, known: Snapshot) -> dict[int, Training]:
    """The last HISTORY_DAYS of this coach's own athletes."""
    me = known.person.id if known.person is not None else None
    return read(tx, [one for one in known.athletes if one.coach_id == me], known.now, HISTORY_DAYS)


def read(
    tx: sa.Connection, athletes: Sequence[Person], now: datetime, days: int = DAYS, own: int = 0
) -> dict[int, Training]:
    """The training of these people, by their ids: journal and plan of the last `days` days.

    `settings` are their coach's, for all and for this one. What somebody has set as a coach themselves comes only where
    they are `own`, whose turn it is, and then all of it: it names athletes who are nobody else's business.
    """
    if not athletes:
        return {}
    ids = [one.id for one in athletes]
    since = now.date() - timedelta(days=days)
    coaches = {one.coach_id for one in athletes if one.coach_id is not None}
    plan = plans.current_of(tx, ids, since)
    records = _records(tx, ids, since)
    settings = proposals.settings_of(tx, coaches, ids, own)
    wishes = proposals.recent_of(tx, ids, now - DECIDED)
    changes = plans.changes_of(tx, ids, now - (UNDO if days == DAYS else timedelta(days=days)))
    return {
        one.id: Training(
            plan=plan[one.id],
            records=tuple(records[one.id]),
            settings=tuple(
                each
                for each in settings
                if (each.coach_id == one.coach_id and each.athlete_id in (None, one.id))
                or (each.coach_id == one.id == own)
            ),
            proposals=tuple(each for each in wishes if each.athlete_id == one.id),
            changes=changes[one.id],
        )
        for one in athletes
    }


def _records(tx: sa.Connection, people: Sequence[int], since: date) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {one: [] for one in people}
    for row in tx.execute(_RECORDS, {"people": people, "since": since}):
        found[row[0]].append(Record(*row[1:]))
    return found
