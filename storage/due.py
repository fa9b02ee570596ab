"""What shall happen when: one row per wakeup, with a key that is unique for ever (kind:person:local-date).

    put -> open --claim, turn, done, one commit--> done
             |\\--fail--> open again at `retry_at`, or dead
             \\--cancel--> deleted

A key that has rung never rings again: two replicas, a restart or the autumn hour may put it as often as they
like. While the row is open, a put of the same key moves it. A cancelled row is deleted, because it never
rang: the athlete who changes the hour must still be asked today, under the same key.

Mark a row `done` before the turn's outcome is saved: then a turn that puts its own key again is refused, and
does not move the row it stands on.

Some kinds take longer than any transaction, because somebody outside is waited for: HELD (bot.transcribe, bot.fetch,
bot.groups).
Whoever works on one of them holds it instead:

    open --hold--> open, nobody else's for a while --done, with what follows from it--> done
                                    |\\--give_back--> open again at `retry_at`, or dead
                                    \\--(killed)--> open again when the while is over

There a try counts when it begins, and not when it has failed: what kills the whole process would come for ever.

A row of kind PLANFILE brings a whole file to its turn. When that is done nobody needs it here any more, and it goes:
else each plan would lie in the database, and in its backups, for as long as old wakeups are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa

from dialogs.model import Json, Wakeup
from storage.schema import due, status_is, upsert

TRANSCRIBE = "transcribe"  # a voice note whose words somebody may write down
FETCH = "fetch"  # a file that a coach has sent, still at Telegram
PLANFILE = "planfile"  # the same file, here
LOOK = "look"  # at who is in a group
HELD = (TRANSCRIBE, FETCH, LOOK)


@dataclass(frozen=True, slots=True)
class ClaimedDue:
    """A row whose hour has come. Judge lateness by `at`, which a retry does not change."""

    id: int
    person_id: int
    kind: str
    key: str
    at: datetime
    day: date | None
    data: Mapping[str, Json]
    attempts: int


_open = status_is(due, "open")
_new = upsert(due)
_PUT = _new.on_conflict_do_update(
    index_elements=["key"],
    set_={name: _new.excluded[name] for name in ("at", "ready_at", "day", "data")},
    where=sa.and_(_open, due.c.person_id == _new.excluded.person_id),
)
_FIRST = (
    sa.select(due.c.id, due.c.person_id, due.c.kind, due.c.key, due.c.at, due.c.day, due.c.data, due.c.attempts)
    .where(_open, due.c.ready_at <= sa.bindparam("now"))
    .order_by(due.c.ready_at, due.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_CLAIM = _FIRST.where(due.c.kind.not_in(sa.bindparam("but", expanding=True)))
_CLAIM_KIND = _FIRST.where(due.c.kind == sa.bindparam("kind"))
_FINISH = (
    sa.update(due)
    .where(due.c.id == sa.bindparam("row_id"), _open)
    .values(
        status="done",
        finished_at=sa.bindparam("now"),
        data=sa.case((due.c.kind == PLANFILE, sa.literal({}, due.c.data.type)), else_=due.c.data),
    )
)
_FAIL = (
    sa.update(due)
    .where(due.c.id == sa.bindparam("row_id"), _open)
    .values(
        status=sa.bindparam("status"),
        attempts=due.c.attempts + 1,
        ready_at=sa.func.coalesce(sa.bindparam("retry_at", type_=due.c.ready_at.type), due.c.ready_at),
        finished_at=sa.bindparam("finished_at"),
        error_class=sa.bindparam("error_class"),
    )
)
# Held by somebody: a try has begun, and nothing says yet how it ended.
_HOLD = (
    sa.update(due)
    .where(due.c.id == sa.bindparam("row_id"), _open)
    .values(
        attempts=due.c.attempts + 1, ready_at=sa.bindparam("until", type_=due.c.ready_at.type), error_class=sa.null()
    )
)
_GIVE_BACK = (
    sa.update(due)
    .where(due.c.id == sa.bindparam("row_id"), _open, due.c.attempts == sa.bindparam("tried"))
    .values(
        status=sa.bindparam("status"),
        attempts=sa.bindparam("counted"),
        ready_at=sa.func.coalesce(sa.bindparam("retry_at", type_=due.c.ready_at.type), due.c.ready_at),
        finished_at=sa.bindparam("finished_at"),
        error_class=sa.bindparam("error_class"),
    )
)
_TAKE_UP = (
    sa.update(due)
    .where(_open, due.c.kind.in_(HELD), due.c.attempts > 0, due.c.error_class.is_(None))
    .values(ready_at=due.c.at)
)
# Not LIKE: there % and _ are wild, and on SQLite "Ask" equals "ask".
_prefix = sa.bindparam("prefix", type_=sa.Text())
_CANCEL = sa.delete(due).where(
    due.c.person_id == sa.bindparam("person"),
    _open,
    sa.func.substr(due.c.key, 1, sa.func.length(_prefix)) == _prefix,
)
_NEXT = sa.select(sa.func.min(due.c.ready_at)).where(_open)


def put(tx: sa.Connection, person_id: int, wakeup: Wakeup, now: datetime) -> bool:
    """Plan it; True if it is planned now (new, or an open row moved to `wakeup.at`), False if it was refused.

    Refused are a key that has rung or is dead, and the key of another person.
    """
    row = {
        "person_id": person_id,
        "kind": wakeup.kind,
        "key": wakeup.key,
        "at": wakeup.at,
        "ready_at": wakeup.at,
        "day": wakeup.day,
        "data": dict(wakeup.data),
        "status": "open",
        "attempts": 0,
        "created_at": now,
    }
    return tx.execute(_PUT, row).rowcount == 1


def claim(tx: sa.Connection, now: datetime, but: Collection[str] = ()) -> ClaimedDue | None:
    """The row that has waited longest, locked until `tx` ends; None: nothing is due. `but`: kinds that others take."""
    row = tx.execute(_CLAIM, {"now": now, "but": sorted(but)}).first()
    return None if row is None else ClaimedDue(*row)


def done(tx: sa.Connection, id: int, now: datetime) -> bool:
    """It has rung; in the same transaction as its effects. False: it was not open any more, and has none."""
    return tx.execute(_FINISH, {"row_id": id, "now": now}).rowcount == 1


def fail(tx: sa.Connection, id: int, now: datetime, *, error_class: str, retry_at: datetime | None) -> None:
    """Its turn failed and was rolled back: try again at `retry_at`, or give up (None) and tell a human.

    `error_class` is the name of the exception's class, never its text.
    """
    values = {"row_id": id, "retry_at": retry_at, "error_class": error_class}
    if retry_at is None:
        tx.execute(_FAIL, {**values, "status": "dead", "finished_at": now})
    else:
        tx.execute(_FAIL, {**values, "status": "open", "finished_at": None})


def hold(tx: sa.Connection, kind: str, now: datetime, until: datetime) -> ClaimedDue | None:
    """The row of this kind (of HELD) that has waited longest, as it stands when its next try has begun (and counts);
    until `until` nobody else is given it. None: there is none."""
    row = tx.execute(_CLAIM_KIND, {"now": now, "kind": kind}).first()
    if row is None:
        return None
    tx.execute(_HOLD, {"row_id": row.id, "until": until})
    found = ClaimedDue(*row)
    return replace(found, attempts=found.attempts + 1)


def give_back(
    tx: sa.Connection, held: ClaimedDue, now: datetime, *, error_class: str | None, retry_at: datetime | None
) -> bool:
    """Its try has failed: the next one at `retry_at`, or none (None). Without an `error_class` it was broken off, and
    does not count. False: it is not this try's any more, but done, cancelled or held anew, and stays as it is."""
    values = {
        "row_id": held.id,
        "tried": held.attempts,
        "counted": held.attempts - (error_class is None),
        "status": "dead" if retry_at is None else "open",
        "retry_at": retry_at,
        "finished_at": now if retry_at is None else None,
        "error_class": error_class,
    }
    return tx.execute(_GIVE_BACK, values).rowcount == 1


def take_up(tx: sa.Connection) -> None:
    """Nobody holds anything: for whoever knows that all others are dead (storage.alone). The tries count."""
    tx.execute(_TAKE_UP)


def cancel(tx: sa.Connection, person_id: int, prefix: str) -> int:
    """Delete this person's open rows whose key begins with `prefix`, letter for letter. Returns how many."""
    return tx.execute(_CANCEL, {"person": person_id, "prefix": prefix}).rowcount


def next_at(tx: sa.Connection) -> datetime | None:
    """When the next row is due (maybe in the past); None: nothing is planned."""
    return tx.execute(_NEXT).scalar()
