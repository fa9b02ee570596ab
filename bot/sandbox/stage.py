"""A whole club in one process: the real service, the sandbox's Bot API, people with phones, a clock that is turned.

The service is the one that runs in earnest: same settings, same database, real HTTP on loopback. Only its loops are
not started; the stage takes the same single steps instead, until there is nothing to do, and then turns the clock to
the next thing that falls due. So a week takes seconds, nothing depends on how fast the machine is, and no hour in
between is left out. `aidstation play`, the tests and the sandbox page all live on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Literal

from bot import app as service
from bot.app import App
from bot.clock import Clock
from bot.config import Settings
from bot.handle import Dice
from bot.sandbox.botapi import BotApi
from bot.sandbox.limits import Limits
from bot.sandbox.phone import Phone
from bot.sandbox.server import serve
from dialogs import timing
from storage import people
from storage.db import migrate

TOKEN = "1000001:sandbox"  # noqa: S105 - the sandbox's own, valid nowhere else
NAME = "aid_station_sandbox_bot"
SOON = timedelta(seconds=90)  # waits shorter than this are the limits' and retries' own: settling sits them out
FIRST_USER = 2001


@dataclass(slots=True)
class Stage:
    api: BotApi
    clock: Clock
    settings: Settings
    app: App
    loops_run: bool = False  # the service works by itself: settling then means waiting until it is idle
    phones: dict[str, Phone] = field(default_factory=dict)
    _users: itertools.count[int] = field(default_factory=lambda: itertools.count(FIRST_USER))

    @property
    def now(self) -> datetime:
        return self.clock.now()

    # --- time -------------------------------------------------------------------------------------------------

    async def settle(self) -> datetime | None:
        """Work until there is nothing left to do now, or in the next seconds; gives when there is again."""
        while True:
            if self.loops_run:
                await self._wait_until_idle()
            else:
                while await self._step():
                    pass
            at = await self.app.next_at()
            if at is None or at > self.now + SOON:
                return at
            self.clock.turn_to(max(at, self.now + timedelta(milliseconds=200)))

    async def travel(self, to: datetime, *, on_step: Callable[[datetime], None] | None = None) -> None:
        """Live through the time until `to`, stopping wherever something falls due."""
        at = await self.settle()
        while at is not None and at <= to:
            self.clock.turn_to(max(at, self.now))
            if on_step is not None:
                on_step(self.now)
            at = await self.settle()
        self.clock.turn_to(to)
        await self.settle()

    async def _step(self) -> bool:
        if self.settings.mode == "webhook":
            received = await self._delivered()
        else:
            # A fetch with nothing to fetch would only cost time; one more comes after each batch, to confirm it.
            received = bool(self.api.updates.pending) and await self.app.receive_once()
        handled = await self.app.handle_once()
        sent = await self.app.send_once()
        if received or handled or sent:
            return True
        return await self.app.fetch_once() or await self.app.transcribe_once()  # each look costs, and few are for these

    async def _wait_until_idle(self) -> None:
        """At most ten real seconds: with a fault switched on there may be no rest, and the clock turns even so."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                quiet = 0
                while quiet < 2:
                    self.app.nudge()
                    await asyncio.sleep(0.01)
                    waiting = bool(self.api.updates.info()["pending_update_count"])
                    quiet = quiet + 1 if not waiting and await self.app.idle() else 0

    async def _delivered(self) -> bool:
        """Let the sandbox post what it has; True while some is on its way."""
        await asyncio.sleep(0.002)
        return bool(self.api.updates.info()["pending_update_count"])

    # --- people -----------------------------------------------------------------------------------------------

    def phone(self, name: str) -> Phone:
        """A phone in somebody's hand, whom the bot does not know yet."""
        phone = Phone(self.api, next(self._users), name)
        self.phones[name] = phone
        return phone

    async def invite(self, name: str, *, coach: Phone | None = None) -> str:
        """The code of a seat: a coach's, or an athlete's with this coach. As the operator does it."""

        def seat() -> str:
            with self.app.base.read() as tx:
                everyone = people.everyone(tx)
            coach_id = next(one.id for one in everyone if one.user_id == coach.user_id) if coach else None
            return service.keep_seat(self.app.base, self.now, name, coach_id, self.app.dice)

        return await self.app.in_thread(seat)

    async def coach(self, name: str, *, place: str = "London", hour: str = "07:00") -> Phone:
        """A coach who has joined."""
        phone = self.phone(name)
        phone.starts(await self.invite(name))
        for said in (place, hour):
            await self.settle()
            phone.says(said)
        await self.settle()
        phone.new()
        return phone

    async def athlete(
        self,
        name: str,
        coach: Phone,
        *,
        place: str = "London",
        hour: str = "07:00",
        injuries: str = "none",
        goal: str = "none",
    ) -> Phone:
        """An athlete who has joined, by the same taps and words as everybody."""
        phone = self.phone(name)
        phone.starts(await self.invite(name, coach=coach))
        await self.settle()
        for answer in ("I am 18 or over", "I agree"):
            phone.taps(answer)
            await self.settle()
        phone.says(place)
        await self.settle()
        phone.says(hour)
        await self.settle()
        phone.taps("Done")
        for said in (injuries, goal):
            await self.settle()
            phone.says(said)
        await self.settle()
        phone.new()
        coach.new()
        return phone

    async def lay(self, coach: Phone, name: str, week: str, *, ahead: int = 0) -> None:
        """A coach lays a week of the library for an athlete, by taps: this week (from today on), or the next one."""
        coach.says(f"/plan {name}{' next' if ahead else ''}")
        for label in ("Lay a week", week, f"Tell {name}"):
            await self.settle()
            coach.taps(label)
        await self.settle()


@contextlib.asynccontextmanager
async def opened(
    database_url: str,
    now: datetime,
    *,
    mode: Literal["polling", "webhook"] = "polling",
    settings: Settings | None = None,
    dice: Dice | None = None,
) -> AsyncIterator[Stage]:
    """A stage on this (empty or existing) database at this instant. Everything is closed at the end. `dice`: chance
    that can be had again, for whoever compares what was said letter by letter."""
    clock = Clock(stopped_at=now)
    api = BotApi(token=TOKEN, now=clock.now, username=NAME)
    api.limits = Limits(lambda: clock.now().timestamp())  # the limits live in the turned time, like everything else
    async with serve(api) as url:
        base = settings or Settings()
        chosen = replace(base, telegram_bot_token=TOKEN, telegram_api_url=url, database_url=database_url, mode=mode)
        chosen = replace(chosen, webhook_listen=("127.0.0.1", 0))
        if mode == "webhook":
            chosen = replace(chosen, webhook_secret="sandbox-secret")  # noqa: S106
        await asyncio.to_thread(migrate, database_url)
        async with running(api, clock, chosen) as app:
            app.dice = dice
            yield Stage(api, clock, chosen, app)


@contextlib.asynccontextmanager
async def running(api: BotApi, clock: Clock, settings: Settings) -> AsyncIterator[App]:
    """The service on the stage, stepped by hand; with webhooks its web server is up."""
    async with contextlib.AsyncExitStack() as stack:
        app = await stack.enter_async_context(service.opened(settings, TOKEN, clock))
        await app.introduce()
        if settings.mode == "webhook":
            url = await stack.enter_async_context(app.web())
            await app.api.set_webhook(f"{url}{settings.webhook_path}", settings.webhook_secret or "")
        yield app


def next_morning(now: datetime, zone: str, at: time = time(6, 55)) -> datetime:
    """The next 6:55 in this zone: just before most check-ins."""
    found = timing.next_ask(timing.Rhythm(zone, at), now, None)
    return found[1] if found else now + timedelta(days=1)
