"""How long what only serves the work is kept: a sweep, called once an hour by whoever holds the lease.

    handled updates       `inbox` days     their keys are what knows an update that comes again
    finished messages     `outbox` days    to strangers and groups, files of an export, addresses of a calendar:
                                           `strangers` days
    rung wakeups          `due` days
    used or stale seats   `invite` days

Answers, words, plans, escalations and dead letters stay: people decide about those. Rows go by five hundred in a
transaction, found by a reading one that stops nobody, and there is no state but the rows: a crash in between, or two
sweeps at once, are harmless. Whoever was erased in the last days is erased again, which takes what another turn wrote
in the same instant, and the words in which others were told (see storage.rights). SQLite's file is then written anew:
secure_delete clears a row where it lies, but not the copy that stayed behind when its page was rearranged before.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from storage import rights
from storage.db import Database
from storage.schema import due, inbox, invite, outbox, status_is

BATCH = 500
FRESH = timedelta(hours=3)  # so long the file is written anew for an erasure: one sweep of these may find it busy
AGAIN = timedelta(days=2)  # so long an erasure is repeated: longer than the quiet hours that a last word waits for


def sweep(base: Database, now: datetime, days: Mapping[str, int], go_on: Callable[[], bool] = lambda: True) -> int:
    """Delete what is over; returns how many rows. In short transactions of its own, so call it outside of any.

    `days` are those on top, counted from when a row was finished (a message: from when it was written). `go_on` is
    asked between two transactions: a stop does not wait for a long sweep.
    """
    swept = sum(_sweep(base, table, over, go_on) for table, over in _over(now, days))
    with base.read() as tx:
        gone = rights.erased_since(tx, now - AGAIN)
    again = 0
    for person_id, receipt, at in gone:
        with base.begin() as tx:
            again += sum(rights.erase(tx, person_id, receipt, at).values())
    if base.is_sqlite:
        if again or any(at >= now - FRESH for _, _, at in gone):
            _by_itself(base, "VACUUM")
        # What was deleted stands in the log of writes until that is written over: make it empty now.
        _by_itself(base, "PRAGMA wal_checkpoint(TRUNCATE)")
    return swept + again


def _over(now: datetime, days: Mapping[str, int]) -> list[tuple[sa.Table, sa.ColumnElement[bool]]]:
    def before(what: str) -> datetime:
        return now - timedelta(days=days[what])

    finished = outbox.c.status.not_in(("pending", "leased"))
    passing = sa.or_(
        outbox.c.to_person.is_(None),
        *(sa.func.substr(outbox.c.key, 1, len(kind)) == kind for kind in ("export:", "calendar:")),
    )
    return [
        (inbox, sa.and_(status_is(inbox, "done"), inbox.c.finished_at < before("inbox"))),
        (outbox, sa.and_(finished, outbox.c.created_at < before("outbox"))),
        (outbox, sa.and_(finished, passing, outbox.c.created_at < before("strangers"))),
        (due, sa.and_(due.c.status.in_(("done", "dropped")), due.c.finished_at < before("due"))),
        (invite, sa.func.coalesce(invite.c.used_at, invite.c.expires_at) < before("invite")),
    ]


def _sweep(base: Database, table: sa.Table, over: sa.ColumnElement[bool], go_on: Callable[[], bool]) -> int:
    find = sa.select(table.c.id).where(over).order_by(table.c.id).limit(BATCH)
    swept = 0
    while go_on():
        with base.read() as tx:
            found = tx.execute(find).scalars().all()
        if not found:
            break
        with base.begin() as tx:
            swept += tx.execute(sa.delete(table).where(table.c.id.in_(found), over)).rowcount
    return swept


def _by_itself(base: Database, statement: str) -> None:
    """SQLite does this outside of any transaction. Whoever is in the way keeps it for an hour more."""
    with base.engine.connect() as connection, contextlib.suppress(sqlite3.OperationalError):
        raw = connection.connection.driver_connection
        if raw is not None:
            raw.execute(statement).close()
