"""Files that coaches send: from Telegram to a turn, because no turn can wait for a download.

    fetch_one(db_call, api, now, metrics) -> bool      "there was work, come again at once"

A turn leaves a due row of kind "fetch" for each file that is meant to be read (a plan). This loop alone takes them:

    hold        the row that has waited longest is nobody else's for HOLD, and its try counts; one commit
    download    from Telegram, at most MOST bytes, into memory
    done        the row is done, and a due row of kind "planfile" is there, from which a turn goes on; ONE commit

The second row carries all that the first one held, and `content` (base64), or `failed`, the short kind of what went
wrong. So the coach hears of each file that they have sent, once, also of one that never came.

No transaction is open while we wait for Telegram. So a kill at any moment repeats the download, when HOLD is over (on
SQLite at the next start), and never doubles what follows: the second commit finds the row done, and changes nothing.

A try that fails is repeated after a pause, TRIES times in all; then the row is dead. What is too large is nobody's
failure: the row is done, and only the coach hears of it. Somebody waits, so the pauses are short. No name of a file and
nothing of what is in it reaches a log line.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.held import DbCall, again_at, done_or_back
from bot.metrics import Metrics
from bot.refusals import SendError
from bot.telegram import Api
from dialogs.model import Json, Wakeup
from dialogs.plan_reading import MAX_BYTES
from storage import due
from storage.due import ClaimedDue

log = logging.getLogger(__name__)

PAUSES = (timedelta(seconds=10), timedelta(minutes=1))  # behind the first try, and the second
TRIES = len(PAUSES) + 1
HOLD = timedelta(minutes=3)  # longer than any try can take: two answers of Telegram's
MOST = MAX_BYTES  # what no plan can have need not come here
TOO_BIG = "too_big"


class Unfinished(Exception):
    """The last try never ended: it took the whole service down with it, or the machine."""

    kind = "unfinished"


async def fetch_one(db_call: DbCall, api: Api, now: Callable[[], datetime], metrics: Metrics) -> bool:
    """Take up the file that has waited longest. False: none is ready at `now`.

    Raises what the database raises; the row is then ready again after HOLD. Cancelled, it gives the row back.
    """
    row: ClaimedDue | None = await db_call(lambda tx: due.hold(tx, due.FETCH, now(), now() + HOLD))
    if row is None:
        return False
    try:
        if row.attempts > TRIES:
            raise Unfinished
        content = await done_or_back(db_call, row, now, _content(api, row))
    except Exception as error:
        await _note_failure(db_call, row, error, now, metrics)
        return True
    await db_call(lambda tx: _finish(tx, row, now(), content=base64.b64encode(content).decode("ascii")))
    return True


async def _content(api: Api, row: ClaimedDue) -> bytes:
    """Raises SendError: what Telegram says of its size is believed where it is too large, and else looked at."""
    path = await api.get_file(str(row.data["file_id"]), MOST)
    return await api.download(path, MOST)


def _finish(tx: sa.Connection, row: ClaimedDue, now: datetime, **found: Json) -> None:
    """Nothing, where somebody else was first, or the coach has been erased meanwhile."""
    if due.done(tx, row.id, now):
        _hand_over(tx, row, now, **found)


def _hand_over(tx: sa.Connection, row: ClaimedDue, now: datetime, **found: Json) -> None:
    data = {**row.data, **found}
    key = f"{due.PLANFILE}:{row.key.partition(':')[2]}"
    due.put(tx, row.person_id, Wakeup(due.PLANFILE, key, now, data=data), now)


async def _note_failure(
    db_call: DbCall, row: ClaimedDue, error: Exception, now: Callable[[], datetime], metrics: Metrics
) -> None:
    kind = error.kind if isinstance(error, SendError | Unfinished) else type(error).__name__
    if kind == TOO_BIG:
        await db_call(lambda tx: _finish(tx, row, now(), failed=kind))
        return
    retry_at = again_at(row, error, now(), PAUSES)
    metrics.failed("fetch", kind)
    ours = await db_call(lambda tx: _put_down(tx, row, now(), kind, retry_at))
    if ours and retry_at is None:
        log.error("fetch.dead key=%s kind=%s try=%d", row.key, kind, row.attempts)
    else:
        log.warning("fetch.failed key=%s kind=%s try=%d", row.key, kind, row.attempts)


def _put_down(tx: sa.Connection, row: ClaimedDue, now: datetime, kind: str, retry_at: datetime | None) -> bool:
    ours = due.give_back(tx, row, now, error_class=kind, retry_at=retry_at)
    if ours and retry_at is None:
        _hand_over(tx, row, now, failed=kind)
    return ours
