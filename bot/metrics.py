"""What can be seen of a running service from outside: its counters, whether its loops move, how its database stands.

    Metrics   counts what this process does, and notes when each loop last came round; one object per App
    Watch     looks at the database, on a connection and a thread of its own

Everything here goes to the operator's monitoring (bot/web.py), so no label ever holds a name, a word or the id of a
person: lanes, levels, classes of errors and kinds of events only. Time is the monotonic clock: one that is set, or
turned by the sandbox, must not make a loop look stuck.

The Watch asks on a connection of its own, newly made, because the question is whether the database can be used now;
and in a daemon thread that nobody waits for, because a server that is stopped but not gone answers never, and must
hang neither the answer nor the service's end. One look at a time, at most every FRESH_S: however many ask, the database
feels nothing of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import Counter, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry

from dialogs.events import Due, Event
from dialogs.model import Lane
from storage import db, gauges
from storage.db import Database
from storage.gauges import Gauges

if TYPE_CHECKING:
    from bot.refusals import SendError
    from storage.outbox import Leased

disable_created_metrics()  # type: ignore[no-untyped-call]  # else each counter shows a second series, with the instant of its birth

FRESH_S = 3.0  # a look at the database is repeated for this long
PATIENCE_S = 2.0  # for one look; whoever asks us gives up after five to ten

# How long a loop may take to come round. A long poll takes 30 s, and a pause after a failure as much.
RECEIVE_S = 90.0
LOOP_S = 30.0
AWAY = ("network", "timeout", "server", "unauthorized")  # kinds of SendError that say that Telegram is, and not why

RESULTS = ("sent", "again", "unknown", "dead")
_KIND = re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,60}")


def name(lane: Lane) -> str:
    return lane.name.lower()


class Metrics(Collector):
    """Counters of one process, and what it knows of itself. Counting is safe from any thread.

    `webhook` is "ok", or why Telegram does not call us yet; None where we poll. `telegram` is "ok", or the kind of the
    last failure.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self.stopping = False
        self.webhook: str | None = None
        self.telegram = "ok"
        self._clock = clock
        self._beats: dict[str, tuple[float, float]] = {}  # when a loop last came round, and how long it may take
        self._fetched: float | None = None
        self._look = Look()
        self._build = (version("aidstation"), db.HEAD)

        def counter(what: str, help: str, *labels: str) -> Counter:
            return Counter(f"aidstation_{what}", help, labels, registry=self.registry)

        self._updates = counter("updates_received", "Updates that are new and stored.")
        self._turns = counter("turns", "Turns that were committed, by kind of event.", "event")
        self._messages = counter(
            "messages",
            "Calls that came back, by what became of the message: sent, again (later), unknown (may have arrived, "
            "and is not repeated), dead.",
            "lane",
            "result",
        )
        self._floods = counter("floods", "Answers 429 from Telegram.")
        self._errors = counter("errors", "What went wrong, by place and class.", "where", "kind")
        for lane in Lane:  # a series that begins at 1 has not risen, for whoever asks how much it rose
            for result in RESULTS:
                self._messages.labels(name(lane), result)
        ProcessCollector(registry=self.registry)
        self.registry.register(self)

    # --- counting ---------------------------------------------------------------------------------------------

    def received(self, updates: int) -> None:
        self._updates.inc(updates)

    def turned(self, event: Event) -> None:
        """A turn is committed."""
        kind = type(event).__name__
        self._turns.labels(f"{kind}.{_plain(event.kind)}" if isinstance(event, Due) else kind).inc()

    def failed(self, where: str, kind: str) -> None:
        """Something went wrong; `kind` is the class of the error, or SendError's own."""
        self._errors.labels(where, _plain(kind)).inc()

    def came_back(self, row: Leased, error: SendError | None) -> None:
        """A message's call has come back, and this is written down."""
        self.telegram = error.kind if error is not None and error.kind in AWAY else "ok"
        if error is None:
            self._messages.labels(name(row.lane), "sent").inc()
            return
        self.failed("send", error.kind)
        if error.kind == "flood":
            self._floods.inc()
        if error.permanent and error.migrate_to is None:
            result = "dead"
        else:
            result = "unknown" if error.maybe_delivered and row.once else "again"
        self._messages.labels(name(row.lane), result).inc()

    # --- the loops --------------------------------------------------------------------------------------------

    def beat(self, loop: str, within_s: float = LOOP_S) -> None:
        """This loop has come round, and will again within so many seconds."""
        self._beats[loop] = (self._clock(), within_s)

    def fetched(self, failure: str | None) -> None:
        """Telegram has been asked for updates; `failure` is the kind of what went wrong."""
        self.beat("receive", RECEIVE_S)
        self.telegram = failure or "ok"
        if failure is None:
            self._fetched = self._clock()
        else:
            self.failed("receive", failure)

    def polls(self) -> None:
        """From now on we fetch: the age of the last fetch is counted from here."""
        self.beat("receive", RECEIVE_S)
        self._fetched = self._clock()

    def stuck(self) -> dict[str, int]:
        """The loops that have not come round in time, and for how many seconds."""
        now = self._clock()
        return {loop: int(now - at) for loop, (at, within_s) in self._beats.items() if now - at > within_s}

    # --- showing ----------------------------------------------------------------------------------------------

    def text(self, look: Look) -> bytes:
        """All of it in Prometheus's text format, with these figures of the database."""
        self._look = look
        return generate_latest(self.registry)

    def describe(self) -> Iterator[Metric]:
        """Asked when we are registered: our names are found by collecting, and clash with nobody's."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        now = self._clock()
        yield _gauge("build_info", "Which release this is, and its schema.", ("version", "schema"), {self._build: 1})
        yield _gauge("stopping", "1: this process is about to end.", (), {(): self.stopping})
        if self.webhook is not None:
            yield _gauge("webhook_announced", "1: Telegram knows where to call us.", (), {(): self.webhook == "ok"})
        lags = {(loop,): now - at for loop, (at, _) in self._beats.items()}
        yield _gauge("loop_lag_seconds", "Since this loop last came round.", ("loop",), lags)
        if self._fetched is not None:
            age = {(): now - self._fetched}
            yield _gauge("last_fetch_age_seconds", "Since Telegram last answered a fetch (polling only).", (), age)
        yield _gauge("database_up", "1: the database has answered.", (), {(): self._look.state is not None})
        if self._look.gauges is not None:
            yield from _families(self._look.gauges)


def _plain(kind: str) -> str:
    """A label holds a name from the code and nothing else, whatever an error calls itself."""
    return kind if _KIND.fullmatch(kind) else "other"


def _gauge(what: str, help: str, labels: Sequence[str], values: Mapping[Any, float]) -> Metric:
    family = GaugeMetricFamily(f"aidstation_{what}", help, labels=labels)
    for given, value in values.items():
        family.add_metric(given, value)
    return family


def _families(seen: Gauges) -> Iterator[Metric]:
    for what, rows in (("inbox", seen.inbox), ("due", seen.due)):
        yield _gauge(f"{what}_waiting", "Rows that wait, up to 10000.", (), {(): rows.count})
        yield _gauge(f"{what}_lag_seconds", "For how long the oldest of them has waited.", (), {(): rows.lag_s})
    lanes = {(name(lane),): rows for lane, rows in seen.outbox.items()}
    waiting = {lane: rows.count for lane, rows in lanes.items()}
    lag = {lane: rows.lag_s for lane, rows in lanes.items()}
    yield _gauge("outbox_waiting", "Messages that should be away, up to 10000 of each lane.", ("lane",), waiting)
    yield _gauge("outbox_lag_seconds", "For how long the oldest of them has waited.", ("lane",), lag)

    ages = {
        (level.value, acked, age): count
        for level, found in seen.open.items()
        for acked, counts in (("no", found.unacked), ("yes", found.acked))
        for (age, _), count in zip(gauges.AGES, counts, strict=True)
    }
    yield _gauge("escalations_open", "Escalations that are not closed.", ("level", "acked", "age"), ages)
    oldest = {(level.value,): found.oldest_unacked_s for level, found in seen.open.items()}
    what = "escalation_oldest_unacked_seconds"
    yield _gauge(what, "For how long the oldest open one has waited for a human.", ("level",), oldest)
    took = {
        (level.value, stat): value
        for level, found in seen.acks.items()
        for stat, value in (("median", found.median_s), ("p90", found.p90_s), ("max", found.max_s))
        if value is not None
    }
    yield _gauge("ack_seconds", "From raised to acked, over the last seven days.", ("level", "stat"), took)
    acks = {(level.value,): found.count for level, found in seen.acks.items()}
    yield _gauge("acks", "Escalations acked in the last seven days.", ("level",), acks)

    yield _gauge("checkins_due", "Check-ins whose hour came in the last day, up to 200.", (), {(): seen.asked.due})
    yield _gauge("checkins_sent", "How many of these have left as a message.", (), {(): seen.asked.sent})
    dead = {(table,): count for table, count in seen.dead.items()}
    yield _gauge("dead_letters", "Rows given up in the last seven days.", ("table",), dead)
    coaches = {(state,): count for state, count in seen.coaches.items()}
    yield _gauge("coaches", "Coaches, by whether they can be rung.", ("state",), coaches)


# --- the database, looked at from aside ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """`state` None: it did not answer, and `trouble` is why. Figures only of a schema that is ours."""

    state: db.State | None = None
    trouble: str = "not looked at yet"
    gauges: Gauges | None = None


@dataclass(slots=True)
class Watch:
    """A database as seen at most FRESH_S ago. `now` gives the service's instant (aware, UTC)."""

    base: Database  # nobody else's: its connections are closed after each look
    now: Callable[[], datetime]
    clock: Callable[[], float] = time.monotonic
    _last: Look = field(default_factory=Look)
    _at: float = -math.inf
    _looking: asyncio.Future[Look] | None = None

    async def look(self) -> Look:
        """Never raises, and never takes longer than PATIENCE_S."""
        if self.clock() - self._at < FRESH_S:
            return self._last
        if self._looking is None or self._looking.done():
            self._looking = _in_daemon(lambda: look_at(self.base, self.now()))
        try:
            async with asyncio.timeout(PATIENCE_S):
                self._last = await asyncio.shield(self._looking)
        except TimeoutError:
            self._last = Look(trouble=f"no answer within {PATIENCE_S:.0f} s")
        self._at = self.clock()
        return self._last


def look_at(base: Database, now: datetime) -> Look:
    """Look once, on a new connection. An SQLite file that is gone is not made anew: an empty club in place of none."""
    try:
        file = base.engine.url.database
        if base.is_sqlite and file and not Path(file.removeprefix("file:").partition("?")[0]).exists():
            return Look(trouble="the file is gone")
        try:
            state = db.state(base)
            if state != "current":
                return Look(state, f"{state} than this release" if state != "empty" else state)
            with base.read() as tx:
                return Look(state, "", gauges.read(tx, now))
        finally:
            base.close()
    except Exception as error:  # its class alone: the text may hold the address
        return Look(trouble=type(error).__name__)


def _in_daemon(work: Callable[[], Look]) -> asyncio.Future[Look]:
    """Run `work` in a thread that ends with the process, whatever it waits for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Look] = loop.create_future()

    def done(look: Look) -> None:
        if not future.done():
            future.set_result(look)

    def run() -> None:
        found = work()
        with contextlib.suppress(RuntimeError):  # the loop has ended in the meantime
            loop.call_soon_threadsafe(done, found)

    threading.Thread(target=run, name="watch", daemon=True).start()
    return future
