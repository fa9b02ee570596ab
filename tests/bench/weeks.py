"""A Sunday evening: a coach's week of 25 athletes with its pictures, and the weeks of thousands while athletes tap.

    a coach's week   in this process, on one core: from the claim of the wakeup to the last picture, nothing is sent
    the weeks        `aidstation run` on one core, the sandbox on another, with Telegram's limits in both: a message
                     each, with a picture. Meanwhile some athletes answer their check-in, at a thumb's pace

Everybody has DAYS days of answers in the journal and a plan for the next days.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot import charts
from bot.clock import Clock
from bot.handle import handle_one
from bot.metrics import Metrics
from bot.sandbox.botapi import BotApi
from bot.sandbox.server import serve
from bot.sandbox.state import Delivered
from dialogs import timing
from storage.db import Database, open_db
from storage.schema import Instant, due, journal, outbox, person, session, version
from tests.bench import club, machine
from tests.bench.checkins import AGAIN, ANSWER, OURS
from tests.bench.machine import TOKEN, Cores, on_core, percentile

DAYS = 28
TAPPERS = 6
THUMB_S = 2.0  # between reading a question and tapping: three replies a second, which go first
EACH = 1  # messages of one week, where its words have room below the picture
PER_SECOND = 25.0  # what the service leaves to them, of Telegram's 30
PATIENCE_S = 300.0
WORDS = "legs like lead after the night shift, but i went out and it got better"


@dataclass(frozen=True, slots=True)
class Weeks:
    """`coach_*`: seconds of a coach's week of `coach_of` athletes. `twice` and `lost` must be 0. `least_mib` and
    `most_mib`: the process's memory when a tenth of the weeks was sent, and at its most."""

    coach_of: int
    coach_s: float
    coach_cpu_s: float
    pictures: int
    weeks: int
    seconds: float
    cpu_s: float
    lost: int
    twice: int
    taps: int
    tap_p50_ms: float
    tap_p99_ms: float
    least_mib: float
    most_mib: float


async def run(folder: Path, cores: Cores, *, weeks: int, each: int = 25) -> Weeks:
    """On SQLite. Raises RuntimeError where the service ends by itself."""
    coach_s, coach_cpu_s, pictures = _coachs(folder, cores, each)
    clock = Clock()
    now = clock.now()
    zone = club.zone_at(18, now)
    url = f"sqlite:///{folder / 'weeks.db'}"
    club.make(url, now, athletes=weeks + TAPPERS, coaches=max(1, weeks // each), zone=zone, weekly=True)
    base = open_db(url)
    try:
        _fill(base, now, zone)
    finally:
        base.close()
    api = BotApi(token=TOKEN, now=clock.now)
    users = range(club.FIRST_ATHLETE + 1, club.FIRST_ATHLETE + weeks + TAPPERS + 1)
    for user in (*users, *range(club.FIRST_COACH + 1, club.FIRST_COACH + max(1, weeks // each) + 1)):
        api.add_user(user, f"User{user}").started = True
    people = _People(api, weeks, set(users[weeks:]))
    async with serve(api) as address:
        with machine.service(url, address, "", cores.bot, folder / "weeks.log") as process:
            while not api.calls["getUpdates"]:
                process.check()
                await asyncio.sleep(0.05)
            await process.quiet()
            people.loop = asyncio.get_running_loop()
            api.on_accept = people.sees
            for user in users[weeks:]:
                api.user_says(user, "/checkin")
            began, cpu = time.perf_counter(), process.cpu_s()
            base = open_db(url)
            try:
                _due(base, weeks, now=clock.now(), zone=zone)
            finally:
                base.close()
            least = 0.0
            try:
                async with asyncio.timeout(weeks * EACH / PER_SECOND * 2 + PATIENCE_S):
                    while not people.done.is_set():
                        process.check()
                        await asyncio.sleep(0.5)
                        if not least and sum(people.weeks.values()) > weeks * EACH / 10:
                            least = process.peak_mib()
            except TimeoutError:
                pass  # what has not arrived by now is told in the figures
            seconds, cpu = time.perf_counter() - began, process.cpu_s() - cpu
            most = process.peak_mib()
            people.done.set()
            await process.stop()
    return Weeks(
        coach_of=each, coach_s=coach_s, coach_cpu_s=coach_cpu_s, pictures=pictures, weeks=weeks, seconds=seconds,
        cpu_s=cpu, lost=sum(people.weeks[user] < EACH for user in users[:weeks]),
        twice=sum(count > EACH for count in people.weeks.values()), taps=len(people.waits),
        tap_p50_ms=percentile(people.waits or [0.0], 50) * 1000,
        tap_p99_ms=percentile(people.waits or [0.0], 99) * 1000, least_mib=least, most_mib=most,
    )  # fmt: skip


# --- whose week it is, and who taps ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _People:
    api: BotApi
    count: int
    tappers: set[int]
    loop: asyncio.AbstractEventLoop | None = None
    weeks: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)
    _tapped_at: dict[int, float] = field(default_factory=dict)

    def sees(self, one: Delivered) -> None:
        if one.chat_id in self.tappers:
            self._read(one)
        elif one.method in ("sendPhoto", "sendMessage"):
            self.weeks[one.chat_id] += 1
            if sum(self.weeks.values()) >= self.count * EACH:
                self.done.set()

    def _read(self, one: Delivered) -> None:
        if one.method not in ("sendMessage", "editMessageText") or not any(text in one.text for text in OURS):
            return
        tapped = self._tapped_at.pop(one.chat_id, None)
        if tapped is not None:
            self.waits.append(time.perf_counter() - tapped)
        label = AGAIN if OURS[-1] in one.text else ANSWER
        data = next((button.data for row in one.buttons for button in row if label in button.text), None)
        if data is not None and one.message_id is not None and self.loop is not None and not self.done.is_set():
            self.loop.call_later(THUMB_S, self._tap, one.chat_id, one.message_id, data)

    def _tap(self, user: int, message_id: int, data: str) -> None:
        self._tapped_at[user] = time.perf_counter()
        self.api.user_taps(user, user, message_id, data)


# --- a coach's ------------------------------------------------------------------------------------------------------


def _coachs(folder: Path, cores: Cores, each: int) -> tuple[float, float, int]:
    """Seconds, seconds of CPU, and how many pictures."""
    now = Clock().now()
    zone = club.zone_at(17, now)
    url = f"sqlite:///{folder / 'coach.db'}"
    club.make(url, now, athletes=each, coaches=1, zone=zone, weekly=True)
    base = open_db(url)
    numbers = itertools.count(1)
    try:
        _fill(base, now, zone)
        _wake(base, "coachweek", sa.select(person.c.id).where(person.c.coaches), now=now, zone=zone)
        with on_core(cores.bot):
            began, cpu = time.perf_counter(), time.process_time()
            while handle_one(base, now, lambda: f"{next(numbers):064x}", "bench_bot", Metrics()):
                pass
            with base.read() as tx:
                payloads = tx.execute(sa.select(outbox.c.payload)).scalars().all()
            wanted = [one["picture"] for one in payloads if one.get("picture")]
            for one in wanted:
                charts.picture(one["name"], one["facts"])
            return time.perf_counter() - began, time.process_time() - cpu, len(wanted)
    finally:
        base.close()


def _fill(base: Database, now: datetime, zone: str) -> None:
    """Four weeks of answers, a line in their own words, and a plan."""
    club.lived(base, now, zone=zone, days=DAYS)
    today = timing.local_date(zone, now)
    runs = person.c.runs
    with base.begin() as tx:
        said = {
            "person_id": person.c.id, "by_id": person.c.id, "kind": sa.literal("words"), "name": sa.literal("free"),
            "at": sa.literal(now - timedelta(days=2), Instant()), "day": sa.literal(today - timedelta(days=2)),
            "words": sa.literal(WORDS), "cause": sa.literal("bench"), "saved_at": sa.literal(now, Instant()),
        }  # fmt: skip
        tx.execute(sa.insert(journal).from_select(list(said), sa.select(*said.values()).where(runs)))
        made = {
            "person_id": person.c.id, "number": sa.literal(1), "actor": sa.literal("coach"),
            "cause": sa.literal("import"), "at": sa.literal(now - timedelta(days=20), Instant()),
            "saved_at": sa.literal(now, Instant()),
        }  # fmt: skip
        tx.execute(sa.insert(version).from_select(list(made), sa.select(*made.values()).where(runs)))
        for ahead, kind in ((-5, "easy"), (-3, "speed"), (-1, "long"), (2, "easy"), (4, "hills"), (6, "long")):
            row = {
                "person_id": person.c.id, "uid": sa.literal(f"s{ahead}"),
                "day": sa.literal(today + timedelta(days=ahead)), "kind": sa.literal(kind),
                "facts": sa.literal({"minutes": 60}, session.c.facts.type), "since": sa.literal(1),
            }  # fmt: skip
            tx.execute(sa.insert(session).from_select(list(row), sa.select(*row.values()).where(runs)))
    club.analyze(base)


def _due(base: Database, weeks: int, *, now: datetime, zone: str) -> None:
    first = sa.select(person.c.id).where(person.c.runs).order_by(person.c.id).limit(weeks)
    _wake(base, "week", first, now=now, zone=zone)


def _wake(base: Database, kind: str, who: sa.Select[tuple[int]], *, now: datetime, zone: str) -> None:
    """These weekly messages are due a second ago."""
    each, day = who.subquery("each"), timing.local_date(zone, now)
    at = now - timedelta(seconds=1)
    row = {
        "person_id": each.c.id, "kind": sa.literal(kind),
        "key": sa.literal(f"{kind}:") + sa.cast(each.c.id, sa.Text) + sa.literal(f":{day}"),
        "at": sa.literal(at, Instant()), "ready_at": sa.literal(at, Instant()), "day": sa.literal(day),
        "data": sa.literal({}, due.c.data.type), "status": sa.literal("open"), "attempts": sa.literal(0),
        "created_at": sa.literal(now, Instant()),
    }  # fmt: skip
    with base.begin() as tx:
        tx.execute(sa.insert(due).from_select(list(row), sa.select(*row.values())))


def faults(told: dict[str, Any]) -> list[str]:
    found = []
    if told["lost"] or told["twice"]:
        found.append(f"{told['lost']} weeks did not arrive whole, {told['twice']} more than once")
    if told["pictures"] != told["coach_of"]:
        found.append(f"{told['pictures']} pictures for {told['coach_of']} athletes")
    return found
