"""The morning lists of a thousand coaches with 25 athletes each fall due at one instant, and athletes tap meanwhile.

Everybody has a week of answers in the journal. Of each coach's athletes some have said something since the last list,
some have a concern that nobody has. The service's own steps are timed, from the claim of a wakeup to the commit of what
shall be sent; nothing is sent. Between the lists come check-ins, one after each TAP_EVERY lists: how long such an
update waits and is worked on is what an athlete's reply costs meanwhile, the sending aside.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.clock import Clock
from bot.handle import handle_one
from bot.metrics import Metrics
from dialogs import timing
from storage import inbox
from storage.db import Database, open_db
from storage.schema import Instant, due, escalation, journal, outbox, person
from tests.bench import club
from tests.bench.machine import Cores, on_core, percentile

DAYS = 7
TAP_EVERY = 20
SAID_EVERY, WORRY_EVERY = 5, 12  # of the athletes: each fifth has written, each twelfth has a concern


@dataclass(frozen=True, slots=True)
class Desk:
    """`messages`: put for the coaches. `statements`: of one list, all in all. `tap_*`: milliseconds of an update that
    came while a list was being made, until its answer was put."""

    coaches: int
    athletes: int
    seconds: float
    cpu_s: float
    handled: int
    messages: int
    statements: float
    taps: int
    tap_p50_ms: float
    tap_p99_ms: float


def run(folder: Path, cores: Cores, *, coaches: int, each: int = 25) -> Desk:
    """On SQLite, in this process, on the bot's core."""
    clock = Clock()
    now = clock.now()
    zone = club.zone_at(10, now)
    url = f"sqlite:///{folder / 'desk.db'}"
    club.make(url, now, athletes=coaches * each, coaches=coaches, zone=zone)
    base = open_db(url)
    try:
        club.lived(base, now, zone=zone, days=DAYS)
        _fill(base, now, zone, coaches)
        club.analyze(base)
        with on_core(cores.bot):
            return _measure(base, now, coaches, coaches * each)
    finally:
        base.close()


def _fill(base: Database, now: datetime, zone: str, coaches: int) -> None:
    """What was said, what is open, and the lists, due a second ago."""
    ago = now - timedelta(hours=3)
    day = timing.local_date(zone, ago)
    place = person.c.id // coaches  # among a coach's athletes, who come round in turns
    with base.begin() as tx:
        words = {
            "person_id": person.c.id, "by_id": person.c.id, "kind": sa.literal("words"), "name": sa.literal("free"),
            "at": sa.literal(ago, Instant()), "day": sa.literal(day), "words": sa.literal("long day, legs like lead"),
            "cause": sa.literal("bench"), "saved_at": sa.literal(ago, Instant()),
        }  # fmt: skip
        said = sa.select(*words.values()).where(person.c.runs, place % SAID_EVERY == 0)
        tx.execute(sa.insert(journal).from_select(list(words), said))
        worry = {
            "short": sa.literal("B") + sa.cast(person.c.id, sa.Text), "athlete_id": person.c.id,
            "level": sa.literal("concern"), "flag": sa.literal("missed-periods"),
            "words": sa.literal("i have missed my periods for four months"), "raised_at": sa.literal(ago, Instant()),
            "step": sa.literal(0), "next_at": sa.literal(now, Instant()), "version": sa.literal(1),
            "cause": sa.literal("bench"),
        }  # fmt: skip
        open_ = sa.select(*worry.values()).where(person.c.runs, place % WORRY_EVERY == 0)
        tx.execute(sa.insert(escalation).from_select(list(worry), open_))
        at = now - timedelta(seconds=1)
        row = {
            "person_id": person.c.id, "kind": sa.literal("list"),
            "key": sa.literal("list:") + sa.cast(person.c.id, sa.Text) + sa.literal(f":{day}:bench"),
            "at": sa.literal(at, Instant()), "ready_at": sa.literal(at, Instant()), "day": sa.literal(day),
            "data": sa.literal({}, due.c.data.type), "status": sa.literal("open"), "attempts": sa.literal(0),
            "created_at": sa.literal(now, Instant()),
        }  # fmt: skip
        lists = sa.select(*row.values()).where(person.c.coaches)
        tx.execute(sa.insert(due).from_select(list(row), lists))


def _measure(base: Database, now: datetime, coaches: int, athletes: int) -> Desk:
    metrics, numbers, made = Metrics(), itertools.count(1), 0
    waits: list[float] = []

    def work() -> bool:
        return handle_one(base, now, lambda: f"{next(numbers):064x}", "bench_bot", metrics)

    with _counted(base) as counts:
        began, cpu = time.perf_counter(), time.process_time()
        while True:
            began_list = time.perf_counter()
            if not work():
                break
            made += 1
            if made % TAP_EVERY == 0:  # it has come as soon as this list was begun: the worst place in the line
                list_s = time.perf_counter() - began_list
                statements = counts[0]
                _write(base, len(waits), athletes, now)
                began_update = time.perf_counter()
                work()
                waits.append((list_s + time.perf_counter() - began_update) * 1000)
                counts[0] = statements
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    with base.read() as tx:
        left = sa.select(sa.func.count()).where(due.c.kind == "list", due.c.key.like("%:bench"), due.c.status == "open")
        handled = coaches - tx.execute(left).scalar_one()
        messages = tx.execute(sa.select(sa.func.count()).where(outbox.c.to_person <= coaches)).scalar_one()
    return Desk(
        coaches, athletes, seconds, cpu, handled, messages, counts[0] / max(made, 1),
        len(waits), percentile(waits or [0.0], 50), percentile(waits or [0.0], 99),
    )  # fmt: skip


def _write(base: Database, number: int, athletes: int, now: datetime) -> None:
    """One athlete's update, accepted."""
    user = club.FIRST_ATHLETE + 1 + number % athletes
    who = {"id": user, "is_bot": False, "first_name": "Runner"}
    message = {
        "message_id": 1, "date": int(now.timestamp()), "chat": {"id": user, "type": "private", "first_name": "Runner"},
        "from": who, "text": "/checkin", "entities": [{"type": "bot_command", "offset": 0, "length": 8}],
    }  # fmt: skip
    raw = json.dumps({"update_id": number + 1, "message": message})
    with base.begin() as tx:
        inbox.accept(tx, [inbox.Incoming(f"bench:{number}", str(user), raw)], now)


@contextmanager
def _counted(base: Database) -> Iterator[list[int]]:
    seen = [0]

    def note(*_: Any) -> None:
        seen[0] += 1

    sa.event.listen(base.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(base.engine, "before_cursor_execute", note)


def faults(told: dict[str, Any]) -> list[str]:
    return [] if told["handled"] == told["coaches"] else [f"{told['coaches'] - told['handled']} lists were not made"]
