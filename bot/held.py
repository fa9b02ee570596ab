"""A due row that is held while something slow is done for it: a program, a download, a look into a group.

No transaction waits for that. The row is nobody else's meanwhile (storage.due.hold); whoever is cancelled gives it back
at once, and of whoever is killed it is ready again when the hold ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa

from storage import due
from storage.due import ClaimedDue

DbCall = Callable[[Callable[[sa.Connection], Any]], Awaitable[Any]]  # runs what it is given in one transaction
T = TypeVar("T")


async def done_or_back(db_call: DbCall, row: ClaimedDue, now: Callable[[], datetime], work: Awaitable[T]) -> T:
    """What comes of `work`. Cancelled, the row is given back, and the try does not count as failed."""
    try:
        return await work
    except asyncio.CancelledError:
        with suppress(Exception):  # then it is ready when the hold ends
            await db_call(lambda tx: due.give_back(tx, row, now(), error_class=None, retry_at=now()))
        raise


def again_at(row: ClaimedDue, error: Exception, now: datetime, pauses: Sequence[timedelta]) -> datetime | None:
    """When to try again: after this try's pause, or later where the error names a time. None: never; it is permanent,
    or there have been as many tries as there are pauses, and one more."""
    if row.attempts > len(pauses) or getattr(error, "permanent", False):
        return None
    named = timedelta(seconds=getattr(error, "retry_after", None) or 0)
    return now + max(named, pauses[row.attempts - 1])
