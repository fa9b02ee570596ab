"""The open house: what `aidstation run` starts without a token. The real service, three phones, a clock to turn.

Kim is a coach, Ann runs and has joined, Ben holds an invitation that he has not opened. It is a morning, and Ann's
check-in has just come. If Ben says that he is under 18, a fourth phone appears: Linda's, to whom he forwards his link.
The line on top of the page says what to try next, by what the phones show.

Everything is made anew at each start: a sandbox keeps nothing. So its database is a file of its own, named by the port
that it holds, which no second sandbox can hold; and one that was named by DATABASE_URL must be empty, because real
people's data would be mixed with made-up ones if somebody once forgot the token.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from bot import app as service
from bot.clock import Clock
from bot.config import Settings, SettingsError
from bot.sandbox.botapi import BotApi
from bot.sandbox.limits import Limits
from bot.sandbox.phone import Phone
from bot.sandbox.server import PageHooks, PhoneCard, serve
from bot.sandbox.stage import NAME, TOKEN, Stage, next_morning
from dialogs import render, timing
from storage import club, db, people

log = logging.getLogger(__name__)

HOME = "London"
ZONE = "Europe/London"
PORT = 8765
FOLDER = Path("data")
LINK = re.compile(r"\?start=(\w+)")


@dataclass(slots=True)
class House:
    """What the page shows. There is no stage, and the clock stands still, until everybody has moved in."""

    clock: Clock
    cards: tuple[PhoneCard, ...] = ()
    stage: Stage | None = None
    trouble: str = ""
    _turning: asyncio.Lock = field(default_factory=asyncio.Lock)

    def phones(self) -> tuple[PhoneCard, ...]:
        """Who holds a phone. If Ben says that he is under 18, Linda holds one, too, with the link that he forwards."""
        if self.stage is None:
            return self.cards
        shown = [LINK.search(one.text) for one in self.stage.phones["Ben"].screen() if not one.mine]
        code = next((one[1] for one in reversed(shown) if one is not None), None)
        if code is None:
            return self.cards
        linda = self.stage.phones.get("Linda") or self.stage.phone("Linda")
        return (*self.cards, PhoneCard(linda.user_id, "Linda", "guardian", code))

    def now(self) -> datetime:
        return timing.local(ZONE, self.clock.now())

    def note(self) -> str:
        """What a newcomer may try next."""
        if self.trouble:
            return self.trouble
        if self.stage is None:
            return "The club is moving in: a few seconds ..."
        ann, ben, kim = (self.stage.phones[name] for name in ("Ann", "Ben", "Kim"))
        if _offers(kim, "button.ack"):
            return "Kim’s phone has rung. Press “I have it” there, and see what Ann reads."
        if _offers(ann, "button.usual", newest=1):
            return (
                "Good morning! Answer Ann’s check-in: tap “Something hurts” for a sore shin, "
                "or just write “my shin hurts at night”. Then watch Kim’s phone."
            )
        linda = next((one for one in self.phones() if one.name == "Linda"), None)
        if linda is not None and not self.stage.api.users[linda.user_id].started:
            return "Ben is under 18, so a guardian reads along. Linda’s phone has the link: press START on it."
        if not self.stage.api.users[ben.user_id].started:
            return "Ben has not joined yet: press START on his phone, and answer him in."
        return (
            "Turn the clock: “next morning” brings the next check-in. Or write “chest pain” as Ann, let Kim sleep, "
            "and turn it by 10 minutes."
        )

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


def _offers(phone: Phone, label: str, *, newest: int = 0) -> bool:
    """One of the phone's (newest) bubbles has this button."""
    text = render.label("en", label, {})
    return any(text in one.labels for one in phone.screen()[-newest:])


@contextlib.asynccontextmanager
async def opened(settings: Settings, *, own_database: bool, port: int = PORT) -> AsyncIterator[str]:
    """The house, open at the address that this gives; the page fills within the next second or two.

    `own_database`: no DATABASE_URL was given. Raises SettingsError where one was given and it is not empty.
    """
    if not own_database:
        await asyncio.to_thread(_refuse_a_lived_in, settings.database_url)
    clock = Clock()
    house = House(clock)
    api = BotApi(token=TOKEN, now=clock.now, username=NAME)
    api.limits = Limits(lambda: clock.now().timestamp())
    hooks = PageHooks(house.phones, house.now, house.turn, house.note)
    async with contextlib.AsyncExitStack() as stack:
        url = await _serve(stack, api, hooks, port)
        if own_database:
            file = FOLDER / f"sandbox-{urlsplit(url).port}.db"
            _sweep(file)
            stack.callback(_sweep, file)
            settings = replace(settings, database_url=f"sqlite:///{file}")
        settings = replace(settings, telegram_bot_token=TOKEN, telegram_api_url=url, mode="polling")
        if not settings.listen_given:  # a real service on this machine, or a second sandbox, has the usual port
            settings = replace(settings, webhook_listen=("127.0.0.1", 0))
        await asyncio.to_thread(db.migrate, settings.database_url)
        app = await stack.enter_async_context(service.opened(settings, TOKEN, clock))
        app.for_ourselves = True
        running = asyncio.create_task(app.run())
        stage = Stage(api, clock, settings, app, loops_run=True)
        filling = asyncio.create_task(_fill(house, stage))
        try:
            yield url
        finally:
            for task in (filling, running):
                task.cancel()
            await asyncio.gather(filling, running, return_exceptions=True)


def _sweep(file: Path) -> None:
    """The database and what SQLite keeps beside it."""
    for leftover in file.parent.glob(f"{file.name}*"):
        leftover.unlink()


def _refuse_a_lived_in(url: str) -> None:
    base = db.open_db(url)
    try:
        schema = db.state(base)
        lived_in = schema not in ("empty", "current")
        if schema == "current":
            with base.read() as tx:
                lived_in = bool(people.everyone(tx))
    finally:
        base.close()
    if lived_in:
        raise SettingsError(
            "there is no TELEGRAM_BOT_TOKEN, and the database of DATABASE_URL holds people whom the sandbox must not "
            "mix with its own: set the token, or name an empty database"
        )


async def _serve(stack: contextlib.AsyncExitStack, api: BotApi, hooks: PageHooks, port: int) -> str:
    """On the usual port, or on any free one where that is taken."""
    try:
        return await stack.enter_async_context(serve(api, port=port, page=hooks))
    except OSError:
        return await stack.enter_async_context(serve(api, port=0, page=hooks))


def _take_minors(base: db.Database) -> None:
    with base.begin() as tx:
        club.remember(tx, club.MINORS, "on")


async def _fill(house: House, stage: Stage) -> None:
    try:
        await stage.app.in_thread(lambda: _take_minors(stage.app.base))
        kim = await stage.coach("Kim", place=HOME)
        ann = await stage.athlete("Ann", kim, place=HOME, goal="a first marathon in spring")
        await stage.lay(kim, "Ann", "Build week")
        await stage.lay(kim, "Ann", "Build week", ahead=1)
        ann.new()
        kim.new()
        ben = stage.phone("Ben")
        code = await stage.invite("Ben", coach=kim)
        house.cards = (
            PhoneCard(ann.user_id, "Ann", "athlete"),
            PhoneCard(ben.user_id, "Ben", "athlete", code),
            PhoneCard(kim.user_id, "Kim", "coach"),
        )
        house.stage = stage
        await house.turn("next morning")
    except Exception as error:  # else nobody would hear of it, and the page would wait for ever
        log.exception("sandbox.trouble")
        house.trouble = f"The club could not move in ({type(error).__name__}). The log says more; please start again."
        stage.api.touch()
