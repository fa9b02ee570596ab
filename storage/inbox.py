"""What came in, kept raw from before Telegram hears "received" until it is handled.

    accept -> new --claim, handle, done, one commit--> done
                \\--fail(retry_at)--> new, later      \\--fail(None)--> dead: a human gets it as it is

A row is claimed inside the transaction that handles it, so that a crash is a rollback and needs no cleaning
up. Order is kept per person (`who`): while an earlier row of the same `who` is not finished, also one that
waits for its next try, the later ones wait. A row that fails again and again goes dead and stops blocking.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from storage import bell
from storage.schema import inbox, status_is, upsert


@dataclass(frozen=True, slots=True)
class Incoming:
    """`key` is Telegram's own (update id, with the bot's), `who` whom to keep in order (chat or user)."""

    key: str
    who: str
    raw: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row whose turn it is. `attempts` counts the failures so far."""

    id: int
    key: str
    who: str
    raw: str
    attempts: int
    received_at: datetime


_earlier = inbox.alias("earlier")
_new = status_is(inbox, "new")

_ACCEPT = upsert(inbox).on_conflict_do_nothing(index_elements=["key"])
_STORED = sa.select(inbox.c.key, inbox.c.raw).where(inbox.c.key.in_(sa.bindparam("keys", expanding=True)))
_CLAIM = (
    sa.select(inbox.c.id, inbox.c.key, inbox.c.who, inbox.c.raw, inbox.c.attempts, inbox.c.received_at)
    .where(_new, inbox.c.not_before <= sa.bindparam("now"))
    .where(~sa.exists().where(_earlier.c.who == inbox.c.who, status_is(_earlier, "new"), _earlier.c.id < inbox.c.id))
    .order_by(inbox.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(skip_locked=True)  # SQLite has no such clause and needs none: BEGIN IMMEDIATE
)
_DONE = (
    sa.update(inbox)
    .where(inbox.c.id == sa.bindparam("row_id"), _new)
    .values(status="done", finished_at=sa.bindparam("now"))
)
_FAIL = (
    sa.update(inbox)
    .where(inbox.c.id == sa.bindparam("row_id"), _new)
    .values(
        status=sa.bindparam("status"),
        attempts=inbox.c.attempts + 1,
        not_before=sa.bindparam("not_before"),
        finished_at=sa.bindparam("finished_at"),
        error_class=sa.bindparam("error_class"),
    )
)
_WAITING = sa.select(sa.func.count()).where(_new, inbox.c.not_before <= sa.bindparam("now"))
_DEAD = sa.select(sa.func.count()).where(status_is(inbox, "dead"))
_NEXT = sa.select(sa.func.min(inbox.c.not_before)).where(
    _new,
    ~sa.exists().where(_earlier.c.who == inbox.c.who, status_is(_earlier, "new"), _earlier.c.id < inbox.c.id),
)


def accept(tx: sa.Connection, rows: Sequence[Incoming], now: datetime) -> int:
    """Store what came in; returns how many rows are new.

    The same update again is ignored. The same key with other content is not the same update (Telegram's ids
    may start anew after a week without any): it is kept under key:hash, never lost in silence. Whose words were erased
    (storage.rights) has a row without any: whatever comes under its key is what was erased.
    """
    if not rows:
        return 0
    added = tx.execute(_ACCEPT, [_row(row, row.key, now) for row in rows]).rowcount
    bell.ring(tx)
    if added == len(rows):
        return added
    stored = {key: raw for key, raw in tx.execute(_STORED, {"keys": [row.key for row in rows]})}
    others = [row for row in rows if stored[row.key] not in (row.raw, "")]
    if others:
        added += tx.execute(_ACCEPT, [_row(row, f"{row.key}:{_hash(row.raw)}", now) for row in others]).rowcount
    return added


def _row(row: Incoming, key: str, now: datetime) -> dict[str, object]:
    return {
        "key": key,
        "who": row.who,
        "raw": row.raw,
        "status": "new",
        "attempts": 0,
        "not_before": now,
        "received_at": now,
    }


def _hash(raw: str) -> str:
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def claim(tx: sa.Connection, now: datetime) -> Claimed | None:
    """The oldest row that is ready and whose `who` has no earlier unfinished one; locked until `tx` ends."""
    return next(iter(claim_some(tx, now, 1)), None)


def claim_some(tx: sa.Connection, now: datetime, most: int) -> list[Claimed]:
    """As `claim`, up to `most` rows, oldest first. Each is of another `who`: no row stands before one of its own."""
    return [Claimed(*row) for row in tx.execute(_CLAIM, {"now": now, "most": most})]


def done(tx: sa.Connection, id: int, now: datetime) -> None:
    """It is handled; in the same transaction as its effects."""
    done_all(tx, [id], now)


def done_all(tx: sa.Connection, ids: Sequence[int], now: datetime) -> None:
    """They are handled; in the same transaction as their effects."""
    tx.execute(_DONE, [{"row_id": id, "now": now} for id in ids])


def fail(tx: sa.Connection, id: int, now: datetime, *, error_class: str, retry_at: datetime | None) -> None:
    """Its turn failed and was rolled back; this belongs into a transaction of its own.

    With `retry_at` it comes again then; with None it is dead, and somebody must tell a human. `error_class`
    is the name of the exception's class, never its text, which may hold an athlete's words.
    """
    tx.execute(
        _FAIL,
        {
            "row_id": id,
            "status": "dead" if retry_at is None else "new",
            "not_before": retry_at or now,
            "finished_at": now if retry_at is None else None,
            "error_class": error_class,
        },
    )


def waiting(tx: sa.Connection, now: datetime) -> int:
    """How many rows are not finished, but for those that wait for the hour of their next try."""
    return tx.execute(_WAITING, {"now": now}).scalar_one()


def dead(tx: sa.Connection) -> int:
    """How many updates could not be handled at all."""
    return tx.execute(_DEAD).scalar_one()


def next_at(tx: sa.Connection) -> datetime | None:
    """When `claim` may next find something (maybe in the past); None: nothing is unfinished."""
    return tx.execute(_NEXT).scalar()
