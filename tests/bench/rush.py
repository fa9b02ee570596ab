"""Two thousand check-ins fall due at one instant, and in the middle of it athletes report chest pain.

Telegram takes 30 messages a second, so the check-ins need more than a minute; a page to a coach must not stand in
their queue. Limits are on in the sandbox (429) and in the service, both as they are in earnest. Everybody has joined;
there is a coach for each fifty athletes. Those who write have no check-in due themselves.

    a page       seconds from the athlete's message to the page on the coach's phone
    a check-in   seconds from its hour to its arrival
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.clock import Clock
from bot.sandbox.botapi import BotApi
from bot.sandbox.server import serve
from bot.sandbox.state import Delivered
from storage.db import open_db
from tests.bench import club, machine
from tests.bench.machine import TOKEN, Cores, percentile

WORDS = "Chest pain since the second kilometre, and I feel dizzy"
PAGED = re.compile(r"Runner(\d+)")
ASKED = "How did you sleep?"
PER_SECOND = 25.0  # what the service leaves to check-ins, of Telegram's 30
LEAD_S = 2.0  # from the planning to the hour
GRACE_S = 1.0  # afterwards, for what might come twice
PATIENCE_S = 120.0  # beyond the time that the limits ask for


@dataclass(frozen=True, slots=True)
class Spread:
    p50: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True)
class Rush:
    """Seconds and counts; `lost` and `twice` must be 0."""

    checkins: int
    arrived: int
    twice: int
    checkin_s: Spread | None
    pages: int
    lost: int
    pages_twice: int
    page_s: Spread | None
    refused: int  # calls that Telegram answered with an error, 429 above all
    cpu_s: float


@dataclass(slots=True)
class _Phones:
    """What arrived on whose phone, and when."""

    expected: tuple[int, int]
    coaches: range
    wrote_at: dict[int, float] = field(default_factory=dict)
    paged_at: dict[int, list[float]] = field(default_factory=dict)
    asked_at: dict[int, list[float]] = field(default_factory=dict)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def sees(self, one: Delivered) -> None:
        if one.method != "sendMessage":
            return
        if one.chat_id in self.coaches:
            found = PAGED.search(one.text)
            if found and "hest pain" in one.text:
                self.paged_at.setdefault(int(found[1]), []).append(time.monotonic())
        elif ASKED in one.text:
            self.asked_at.setdefault(one.chat_id, []).append(time.monotonic())
        if (len(self.asked_at), len(self.paged_at)) == self.expected:
            self.done.set()


async def run(folder: Path, cores: Cores, *, checkins: int, pages: int) -> Rush:
    """On SQLite. Raises RuntimeError where the service ends by itself."""
    athletes = checkins + pages
    coaches = max(1, athletes // 50)
    clock = Clock()
    api = BotApi(token=TOKEN, now=clock.now)
    zone = club.zone_at(10, clock.now())
    url = f"sqlite:///{folder / 'rush.db'}"
    club.make(url, clock.now(), athletes=athletes, coaches=coaches, zone=zone)
    seats = range(club.FIRST_COACH + 1, club.FIRST_COACH + coaches + 1)
    for user in (*seats, *range(club.FIRST_ATHLETE + 1, club.FIRST_ATHLETE + athletes + 1)):
        api.add_user(user, f"User{user}").started = True
    phones = _Phones((checkins, pages), seats)
    async with serve(api) as address:
        with machine.service(url, address, "", cores.bot, folder / "rush.log") as process:
            while not api.calls["getUpdates"]:
                process.check()
                await asyncio.sleep(0.05)
            await process.quiet()
            api.on_accept = phones.sees
            before = process.cpu_s()
            hour = clock.now() + timedelta(seconds=LEAD_S)
            rang_at = time.monotonic() + LEAD_S
            base = open_db(url)
            try:
                club.due_at(base, hour, checkins, zone=zone, now=clock.now())
            finally:
                base.close()
            every = checkins / PER_SECOND / pages
            writers = range(checkins + 1, athletes + 1)
            try:
                async with asyncio.timeout(LEAD_S + checkins / PER_SECOND + PATIENCE_S):
                    for number in writers:
                        await asyncio.sleep(max(0.0, rang_at + (number - checkins) * every - time.monotonic()))
                        phones.wrote_at[number] = time.monotonic()
                        api.user_says(club.FIRST_ATHLETE + number, WORDS)
                    await phones.done.wait()
            except TimeoutError:
                process.check()  # what has not arrived by now is told in the figures
            await asyncio.sleep(GRACE_S)
            cpu = process.cpu_s() - before
            await process.stop()
    sent = sum(api.calls[name] for name in ("sendMessage", "editMessageText", "answerCallbackQuery"))
    waits = [arrived[0] - phones.wrote_at[number] for number, arrived in phones.paged_at.items()]
    return Rush(
        checkins=checkins,
        arrived=len(phones.asked_at),
        twice=sum(len(times) > 1 for times in phones.asked_at.values()),
        checkin_s=_spread([times[0] - rang_at for times in phones.asked_at.values()]),
        pages=pages,
        lost=pages - len(waits),
        pages_twice=sum(len(times) > 1 for times in phones.paged_at.values()),
        page_s=_spread(waits),
        refused=sent - len(api.ledger),
        cpu_s=cpu,
    )


def _spread(values: list[float]) -> Spread | None:
    return Spread(percentile(values, 50), percentile(values, 99), max(values)) if values else None


def faults(told: dict[str, Any]) -> list[str]:
    found = []
    if told["lost"] or told["arrived"] != told["checkins"]:
        found.append(f"{told['lost']} pages and {told['checkins'] - told['arrived']} check-ins did not arrive")
    if told["twice"]:
        found.append(f"{told['twice']} check-ins came twice")
    return found
