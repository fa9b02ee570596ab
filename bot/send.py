"""Sending: what the outbox holds goes to Telegram, and what became of it goes back. All limits and retries
live here.

    [outbox] --lease, one commit--> on the way, many at once --> Telegram
        ^------ what came back, in the commit that leases the next ------'

One sender per bot token at a time (a lease in the database), because the limits belong to the token. A round
of the Courier is one transaction: write down what came back, take what may leave. It waits for its calls a
fraction of a second only: one call that hangs must not hold up a page to a coach, so it stays on the way
while others go.

Lanes. The outbox gives pages first, then replies, then prompts. Of 30 messages a second the lower lanes get
25, and of the calls on the way four are kept free: a page never finds the token or the wire used up by
check-ins.

What a failure means (SendError says which it is):
    never sent            again later, for every message alike: 1, 2, 4 ... seconds; nobody reads it twice
    maybe delivered       `once` (check-ins, nags): "unknown", not sent again. All others: again, marked as a
                          repeat
    429                   that chat is quiet for the time named. Two chats within seconds: it is the token,
                          and the lower lanes are quiet. Pages to other chats go on
    blocked, no such chat dead, and whoever stands next must hear at once: `on_unreachable`
    refused for its form  a page goes again as plain text; anything else is dead, and logged
    of a group's topic    bot.topics decides: another topic, or the private chat
Quiet hours and expiry are judged here, at the moment of sending, because a message may have waited.

A sender that was stopped past its lease (a suspended machine) does not send what it holds: another has taken
over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bot import charts, topics
from bot.config import Limits
from bot.held import DbCall
from bot.metrics import Metrics
from bot.refusals import SendError
from bot.telegram import Api
from dialogs.model import Lane
from dialogs.timing import quiet_until
from storage import lease, outbox
from storage import topics as stored_topics
from storage.outbox import Leased

log = logging.getLogger(__name__)

# Not as many as are on the way: on a Sunday evening thousands of pictures must not take the cores from the replies.
DRAWERS = ThreadPoolExecutor(2, "draw")

# Runs the work in a writing transaction on the database's thread, and commits.
OnUnreachable = Callable[[sa.Connection, Leased, datetime], None]

SENDER_LEASE_S = 15.0
ROUND_S = 0.2  # how long a round waits for its calls; an ordinary one takes 0.05
KEPT_FREE = 4  # places on the way that only pages may take
DELIVER_S = 25.0  # for one row, with all the calls it needs
MARGIN = timedelta(seconds=40)  # a delivery begins only with this much of its row's lease left
LONGEST_PAUSE_S: Mapping[bool, float] = {True: 15.0, False: 60.0}  # between tries; True: a page
UNNAMED_FLOOD_S = 5.0  # a 429 that names no time
TOKEN_FLOOD_WITHIN_S = 5.0  # 429s of two chats this close together mean the token, not the chats
UNREACHABLE = ("blocked", "chat_not_found")


# --- how fast ----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Bucket:
    """Holds up to `size` tokens, fills by `rate` a second. Below 0 when a row took more than was there."""

    rate: float
    size: float
    at: datetime
    tokens: float = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = self.size

    def fill(self, now: datetime) -> float:
        """Tokens at `now`. A clock that goes backwards brings none, and does not stall the bucket either."""
        passed = max(0.0, (now - self.at).total_seconds())
        self.tokens = min(self.size, self.tokens + passed * self.rate)
        self.at = now
        return self.tokens

    def full_at(self, wanted: float) -> datetime:
        return self.at + timedelta(seconds=max(0.0, wanted - self.tokens) / self.rate)


@dataclass(slots=True)
class Pause:
    """Quiet for `seconds` from `since`; never longer, wherever the clock goes."""

    since: datetime
    seconds: float

    def left(self, now: datetime) -> float:
        self.since = min(self.since, now)
        return self.seconds - (now - self.since).total_seconds()


class Pace:
    """Telegram's limits, in the memory of a token's one sender. Edits count for the token only."""

    def __init__(self, limits: Limits, now: datetime) -> None:
        self._limits = limits
        rest = limits.per_second - limits.reserved
        # Half a second's worth may leave at once; a full second's worth on top of a second's refill would be
        # twice 30.
        self._all = Bucket(limits.per_second, max(1.0, limits.per_second / 2), now)
        self._lower = Bucket(rest, max(1.0, rest / 2), now)
        self._chats: dict[int, Bucket] = {}
        self._pauses: dict[int, Pause] = {}
        self._lower_pause: Pause | None = None

    def room(self, now: datetime) -> tuple[int, int]:
        """How many messages may leave now: of all lanes, and of the lanes below the pages."""
        everything, lower = self._all.fill(now), self._lower.fill(now)
        if self._lower_pause and self._lower_pause.left(now) > 0:
            lower = 0.0
        return max(0, int(everything)), max(0, min(int(everything), int(lower)))

    def resting(self, now: datetime) -> list[int]:
        """The chats that nothing may be sent to now. Forgets those that have recovered."""
        self._pauses = {chat: pause for chat, pause in self._pauses.items() if pause.left(now) > 0}
        self._chats = {chat: bucket for chat, bucket in self._chats.items() if bucket.fill(now) < bucket.size}
        return [*self._pauses, *(chat for chat, bucket in self._chats.items() if bucket.tokens < 1)]

    def take(self, row: Leased, now: datetime) -> None:
        """Count what sending `row` will use up."""
        if row.toast:
            return
        messages = 2 if row.payload.get("attach") else 1
        self._all.fill(now)
        self._all.tokens -= messages
        if row.lane > Lane.SAFETY:
            self._lower.fill(now)
            self._lower.tokens -= messages
        if row.edit and row.message_id is not None:
            return
        bucket = self._chats.get(row.chat_id)
        if bucket is None:
            bucket = self._chats[row.chat_id] = self._new(row.chat_id, now)
        bucket.fill(now)
        bucket.tokens -= messages

    def also(self, chat_id: int, messages: int, now: datetime) -> None:
        """Count what came into a chat beside a row: Telegram's own notes about a topic."""
        for bucket in (self._all, self._chats.get(chat_id)):
            if bucket is not None:
                bucket.fill(now)
                bucket.tokens -= messages

    def _new(self, chat_id: int, now: datetime) -> Bucket:
        if chat_id > 0:  # a person; groups have negative ids
            return Bucket(self._limits.per_chat, max(1.0, self._limits.burst), now)
        # In any minute no more than what is allowed, so what may leave at once is taken off what comes after it.
        burst = max(1.0, self._limits.per_group_minute / 4)
        return Bucket(max(self._limits.per_group_minute - burst, 1.0) / 60, burst, now)

    def flooded(self, chat_id: int, retry_after: float | None, now: datetime) -> datetime:
        """A 429 came for `chat_id`; gives the end of its pause. Whether the token is meant, we must guess."""
        seconds = retry_after if retry_after and retry_after > 0 else UNNAMED_FLOOD_S
        others = (pause for chat, pause in self._pauses.items() if chat != chat_id)
        if any(pause.seconds - pause.left(now) <= TOKEN_FLOOD_WITHIN_S for pause in others):
            self._lower_pause = Pause(now, seconds)
        self._pauses[chat_id] = Pause(now, seconds)
        return now + timedelta(seconds=seconds)

    def next_at(self, now: datetime) -> datetime | None:
        """When more may leave than now (as far as limits go); None: no limit holds anything."""
        resting = set(self.resting(now))
        ends = [now + timedelta(seconds=pause.left(now)) for pause in self._pauses.values()]
        ends += [
            bucket.full_at(1) for chat, bucket in self._chats.items() if chat in resting and chat not in self._pauses
        ]
        ends += [bucket.full_at(1) for bucket in (self._all, self._lower) if bucket.fill(now) < 1]
        if self._lower_pause and self._lower_pause.left(now) > 0:
            ends.append(now + timedelta(seconds=self._lower_pause.left(now)))
        return min(ends, default=None)


# --- the courier -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row: the id it has at Telegram, or why it was not sent (a 429: quiet until)."""

    row: Leased
    message_id: int | None = None
    error: SendError | None = None
    quiet_until: datetime | None = None


@dataclass(slots=True)
class Courier:
    """The sender of one bot token. `name` is the token's (never the token itself), `owner` this process's.

    `clock` gives the instant (aware, UTC). `on_unreachable` runs in the transaction that buries a row which
    its recipient can never read: it marks the person and, where the row has a `short`, makes the next one
    hear now.
    """

    db_call: DbCall
    api: Api
    pace: Pace
    clock: Callable[[], datetime]
    on_unreachable: OnUnreachable
    name: str
    owner: str
    metrics: Metrics = field(default_factory=Metrics)
    concurrency: int = 32
    _ours_until: datetime | None = None
    _on_the_way: dict[asyncio.Task[Result], int] = field(default_factory=dict)  # with the chat it goes to
    _came_back: list[Result] = field(default_factory=list)

    async def send_some(self) -> bool:
        """One round. True: there was work, or some is still on the way, so come again at once.

        What came back is kept until it is written down, so that a database that fails for a while (its error
        is
        raised) makes nobody read anything twice.
        """
        now, came_back = self.clock(), list(self._came_back)
        every_lane, lower = self.pace.room(now)
        free = self.concurrency - len(self._on_the_way)
        every_lane, lower = min(every_lane, free), min(lower, free - KEPT_FREE)
        busy = {*self.pace.resting(now), *self._on_the_way.values()}

        def round(tx: sa.Connection) -> list[Leased]:
            self._record_all(tx, came_back, now)
            if not self._may_send(tx, now):
                return []
            rows = outbox.lease(
                tx,
                now,
                owner=self.owner,
                limit=lower if lower > 0 else max(0, every_lane),
                busy_chats=busy,
                max_lane=None if lower > 0 else Lane.SAFETY,
            )
            return [row for row in rows if not _held(tx, row, now)]

        rows: list[Leased] = await self.db_call(round)
        self._written(came_back)
        for row in rows:
            self._on_the_way[asyncio.create_task(self._deliver(row))] = row.chat_id
        await self._wait(ROUND_S)
        return bool(rows or came_back or self._came_back or self._on_the_way)

    @property
    def busy(self) -> bool:
        """Something is on its way, or has come back and is not written down yet."""
        return bool(self._on_the_way or self._came_back)

    async def drain(self, seconds: float) -> None:
        """Before a stop: wait for what is on the way, write it down, let another process send."""
        await self._wait(seconds)
        came_back = list(self._came_back)

        def finish(tx: sa.Connection) -> None:
            self._record_all(tx, came_back, self.clock())
            lease.release(tx, self.name, self.owner)
            self._ours_until = None

        await self.db_call(finish)
        self._written(came_back)
        for task in self._on_the_way:  # its row's lease runs out, and then it counts as "maybe delivered"
            task.cancel()

    def next_at(self) -> datetime | None:
        """When the limits allow more than now; None: they hold nothing. The outbox has its own hours."""
        return self.pace.next_at(self.clock())

    def _may_send(self, tx: sa.Connection, now: datetime) -> bool:
        """One sender per token. The lease is renewed at half its time: a write each round would cost an fsync."""
        left = (self._ours_until - now).total_seconds() if self._ours_until else 0.0
        if SENDER_LEASE_S / 2 < left <= SENDER_LEASE_S:
            return True
        ours = lease.hold(tx, self.name, self.owner, now, SENDER_LEASE_S)
        self._ours_until = now + timedelta(seconds=SENDER_LEASE_S) if ours else None
        return ours

    def _written(self, came_back: Sequence[Result]) -> None:
        del self._came_back[: len(came_back)]
        for result in came_back:
            self.metrics.came_back(result.row, result.error)

    async def _wait(self, seconds: float) -> None:
        if not self._on_the_way:
            return
        done, _ = await asyncio.wait(self._on_the_way, timeout=seconds)
        for task in done:
            del self._on_the_way[task]
            self._came_back.append(task.result())

    async def _deliver(self, row: Leased) -> Result:
        now = self.clock()
        if now > row.lease_until - MARGIN:  # we were stopped for a while: another one may be sending it
            return Result(row, error=SendError("late"))
        self.pace.take(row, now)
        try:
            async with asyncio.timeout(DELIVER_S):
                return Result(row, await self._to_telegram(row))
        except SendError as error:
            flood = error.kind == "flood"
            until = self.pace.flooded(row.chat_id, error.retry_after, self.clock()) if flood else None
            return Result(row, error=error, quiet_until=until)
        except TimeoutError:
            return Result(row, error=SendError("timeout", maybe_delivered=True))
        except Exception as error:  # a payload we cannot read: our own mistake, which a repeat does not mend
            return Result(row, error=SendError(type(error).__name__, permanent=True))

    async def _to_telegram(self, row: Leased) -> int | None:
        deliver = self.api.deliver
        payload = await _drawn(row)
        if topics.is_for_one(row):
            ready = await topics.prepared(self.api, self.db_call, row, self.clock())
            self.pace.also(row.chat_id, ready.notes, self.clock())
            payload = ready.payload
        try:
            return await deliver(row.chat_id, payload, message_id=row.message_id, repeat=row.repeat)
        except Exception as error:
            refused = not isinstance(error, SendError) or (
                error.permanent and not error.maybe_delivered and error.kind not in (*UNREACHABLE, "migrated")
            )
            if not refused or not _is_page(row) or topics.is_for_one(row):
                raise
            kind = error.kind if isinstance(error, SendError) else type(error).__name__
            log.error("send.refused kind=%s row=%d", kind, row.id)  # goes again as plain text
        return await deliver(row.chat_id, row.payload, repeat=row.repeat, bare=True)

    def _record_all(self, tx: sa.Connection, results: Collection[Result], now: datetime) -> None:
        outbox.sent_all(tx, {each.row.id: each.message_id for each in results if each.error is None}, now)
        for result in results:
            if result.error is not None:
                self._record_failure(tx, result.row, result.error, result.quiet_until, now)

    def _record_failure(
        self, tx: sa.Connection, row: Leased, error: SendError, quiet_until: datetime | None, now: datetime
    ) -> None:
        log.warning("send.failed kind=%s lane=%d row=%d try=%d", error.kind, row.lane, row.id, row.attempts + 1)
        later = quiet_until or now + timedelta(seconds=pause_s(row))
        if error.kind == "late":
            outbox.hold(tx, row.id, now)
        elif topics.is_for_one(row) and topics.failed(tx, row, error, now):
            pass
        elif error.migrate_to is not None:
            stored_topics.moved(tx, row.chat_id, error.migrate_to)
            outbox.retry(tx, row.id, now, error.kind, repeat=error.maybe_delivered)
        elif error.permanent:
            outbox.dead(tx, row.id, now, error.kind)
            if error.kind in UNREACHABLE or _is_page(row):
                self.on_unreachable(tx, row, now)
            elif error.kind not in topics.LOST:
                log.error("send.dead kind=%s lane=%d row=%d", error.kind, row.lane, row.id)
        elif error.maybe_delivered and row.once:
            outbox.unknown(tx, row.id, now)
        elif error.kind == "flood" and not error.maybe_delivered:
            outbox.hold(tx, row.id, later)
        else:
            outbox.retry(tx, row.id, later, error.kind, repeat=error.maybe_delivered)


def pause_s(row: Leased) -> float:
    """Seconds until the next try of a row: 1, 2, 4 ... at most 60, for a page at most 15."""
    return min(2.0 ** min(row.attempts, 10), LONGEST_PAUSE_S[_is_page(row)])


def _held(tx: sa.Connection, row: Leased, now: datetime) -> bool:
    """Whether `row` has to wait for the end of its reader's night; then it is put back until then."""
    if not row.quiet or row.recipient is None:
        return False
    person = row.recipient
    until = quiet_until(person.zone, person.quiet_from, person.quiet_to, now)
    if until is None:
        return False
    outbox.hold(tx, row.id, until)
    return True


async def _drawn(row: Leased) -> Mapping[str, Any]:
    """The payload with its picture drawn of the facts that stand there; in a thread, since drawing takes a tenth of a
    second. What cannot be drawn leaves as its text alone: that is worth more than nothing."""
    wanted = row.payload.get("picture")
    if not wanted:
        return row.payload
    try:
        drawing = asyncio.get_running_loop().run_in_executor(DRAWERS, charts.picture, wanted["name"], wanted["facts"])
        return {**row.payload, "picture": await drawing}
    except Exception as error:
        log.error("send.not_drawn error=%s row=%d", type(error).__name__, row.id)
        return {name: value for name, value in row.payload.items() if name != "picture"}


def _is_page(row: Leased) -> bool:
    """Somebody's safety may hang on it: pages, and what the athlete of an escalation is told."""
    return row.lane == Lane.SAFETY or row.short is not None
