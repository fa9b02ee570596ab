"""A metronome, and nothing more: every few seconds it nudges the loop, which asks the database what is due.

The only file that imports APScheduler. It schedules no person's hour: a job more than a second late would be
dropped, a local hour fires twice in the autumn night, and two processes cannot share its store. A missed beat
is harmless here, because the database still knows what is due; so beats may be any amount late and are folded
into one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC

from apscheduler.schedulers.asyncio import AsyncIOScheduler

EVERY_S = 5.0  # what is due leaves at most this much late


@contextmanager
def ticking(nudge: Callable[[], None], every_s: float = EVERY_S) -> Iterator[None]:
    """Call `nudge` in the running loop every `every_s` seconds, until the block is left."""

    async def beat() -> None:  # a coroutine function runs in the loop itself, a plain one in a thread
        nudge()

    scheduler = AsyncIOScheduler(timezone=UTC)
    scheduler.add_job(beat, "interval", seconds=every_s, misfire_grace_time=None, coalesce=True, max_instances=1)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
