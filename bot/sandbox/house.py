"""The open house: what `aidstation run` starts without a token. The real service, three phones, a clock to turn.

Kim is a coach, Ann runs and has joined, Ben holds an invitation that he has not opened. It is a morning, and Ann's
check-in has just come. Everything is made anew at each start: a sandbox keeps nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path

from bot import app as service
from bot.app import Clock
from bot.config import Settings
from bot.sandbox.botapi import BotApi
from bot.sandbox.limits import Limits
from bot.sandbox.server import PageHooks, PhoneCard, serve
from bot.sandbox.stage import NAME, TOKEN, Stage, next_morning
from dialogs import timing
from storage.db import migrate

HOME = "London"
ZONE = "Europe/London"
PORT = 8765
DATABASE = Path("data/sandbox.db")


@dataclass(slots=True)
class House:
    """What the page shows while the house fills."""

    clock: Clock
    cards: list[PhoneCard] = field(default_factory=list)
    note: str = "The club is moving in ..."
    stage: Stage | None = None
    _turning: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> datetime:
        return timing.local(ZONE, self.clock.now())

    async def turn(self, step: str) -> None:
        """Live on until the step's end: every hour on the way is lived through, none is jumped over."""
        async with self._turning:
            if self.stage is not None:
                await self.stage.travel(_target(step, self.clock.now()))


def _target(step: str, now: datetime) -> datetime:
    match step.casefold().replace(" ", ""):
        case "+10min":
            return now + timedelta(minutes=10)
        case "+1hour":
            return now + timedelta(hours=1)
        case "nextmorning":
            return next_morning(now, ZONE, time(7, 0)) + timedelta(minutes=1)
        case "nextsunday":
            _day, at = timing.next_weekday_at(ZONE, 6, time(8, 0), now)
            return at
        case _:
            raise ValueError("a clock that knows +10min, +1hour, next morning, next Sunday")


@contextlib.asynccontextmanager
async def opened(settings: Settings, *, own_database: bool, port: int = PORT) -> AsyncIterator[str]:
    """The house, open at the address that this gives; the page fills within the next second or two.

    `own_database`: no DATABASE_URL was given, so a file of the sandbox's own is used, and emptied first.
    """
    if own_database:
        DATABASE.parent.mkdir(parents=True, exist_ok=True)
        for leftover in DATABASE.parent.glob(f"{DATABASE.name}*"):
            leftover.unlink()
        settings = replace(settings, database_url=f"sqlite:///{DATABASE}")
    clock = Clock()
    house = House(clock)
    api = BotApi(token=TOKEN, now=clock.now, username=NAME)
    api.limits = Limits(lambda: clock.now().timestamp())
    hooks = PageHooks(lambda: tuple(house.cards), house.now, house.turn, lambda: house.note)
    async with contextlib.AsyncExitStack() as stack:
        url = await _serve(stack, api, hooks, port)
        settings = replace(settings, telegram_bot_token=TOKEN, telegram_api_url=url, mode="polling")
        await asyncio.to_thread(migrate, settings.database_url)
        app = await stack.enter_async_context(service.opened(settings, TOKEN, clock))
        running = asyncio.create_task(app.run())
        stage = Stage(api, clock, settings, app, loops_run=True)
        filling = asyncio.create_task(_fill(house, stage))
        try:
            yield url
        finally:
            for task in (filling, running):
                task.cancel()
            await asyncio.gather(filling, running, return_exceptions=True)


async def _serve(stack: contextlib.AsyncExitStack, api: BotApi, hooks: PageHooks, port: int) -> str:
    """On the usual port, or on any free one where that is taken."""
    try:
        return await stack.enter_async_context(serve(api, port=port, page=hooks))
    except OSError:
        return await stack.enter_async_context(serve(api, port=0, page=hooks))


async def _fill(house: House, stage: Stage) -> None:
    kim = await stage.coach("Kim", place=HOME)
    house.cards.append(PhoneCard(kim.user_id, "Kim", "coach"))
    ann = await stage.athlete("Ann", kim, place=HOME, goal="a first marathon in spring")
    ben = stage.phone("Ben")
    code = await stage.invite("Ben", coach=kim)
    house.cards[:] = [
        PhoneCard(ann.user_id, "Ann", "athlete"),
        PhoneCard(ben.user_id, "Ben", "athlete", code),
        PhoneCard(kim.user_id, "Kim", "coach"),
    ]
    house.stage = stage
    house.note = "Answer Ann’s check-in, report a sore shin, and watch Kim’s phone. Ben has not joined yet."
    await house.turn("next morning")
