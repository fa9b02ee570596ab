"""The time as the service knows it; the only reader of the wall clock.

Everybody else gets the time as an argument. A sandbox turns or stops this clock, and replicas set theirs by the
database's, since leases, hours and limits are compared between them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage import db
from storage.db import Database

log = logging.getLogger(__name__)

CLOCK_OFF = timedelta(seconds=0.5)  # less than that is the way to the database and back


@dataclass(slots=True)
class Clock:
    """The time as the service knows it: the wall clock, unless a sandbox has turned or stopped it.

    `skew` is how far this machine's clock is behind the database's. Leases, hours and limits are compared between
    replicas, so that all go by one clock.
    """

    ahead: timedelta = timedelta(0)
    stopped_at: datetime | None = None
    skew: timedelta = timedelta(0)

    def now(self) -> datetime:
        """An aware UTC instant."""
        return self.stopped_at or machine_now() + self.skew + self.ahead

    def turn_to(self, instant: datetime) -> None:
        """Only the sandbox turns the clock, and only forwards."""
        if self.stopped_at is not None:
            self.stopped_at = max(instant, self.stopped_at)
        else:
            self.ahead = max(self.ahead, instant - machine_now() - self.skew)

    def set_by(self, read: Callable[[], datetime]) -> None:
        """Go by another clock, which `read` asks; an answer that took long says nothing."""
        asked = machine_now()
        theirs = read()
        took = machine_now() - asked
        skew = theirs - asked - took / 2
        if timedelta(0) <= took < CLOCK_OFF and abs(skew - self.skew) > CLOCK_OFF:
            log.warning("clock.set seconds=%.1f", skew.total_seconds())
            self.skew = skew


def machine_now() -> datetime:
    """What this machine holds for the time."""
    return datetime.now(UTC)


def set_clock(clock: Clock, base: Database) -> None:
    """Go by the database's clock where replicas share one; on SQLite there is but one machine."""
    if not base.is_sqlite:
        with base.read() as tx:
            clock.set_by(lambda: db.clock(tx))
