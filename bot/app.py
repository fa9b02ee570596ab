"""The composition root: which parts there are, which loops run, and the only caller of the wall clock.

    receive   polls (or is called by) Telegram and stores; never waits for anything else
    handle    one row of work at a time, in the database's thread
    send      what the outbox holds, as fast as the limits allow

Loops are dumb: do one thing, come again at once if there was work, else wait for a nudge. A commit nudges the next
loop, so that an answer leaves right away; the metronome nudges all of them, so that nothing depends on a nudge.
An error in a round is logged by its class and the loop goes on: no failure of one part makes another one deaf.

Database work is synchronous and runs in threads of its own: one for SQLite (one writer at a time anyway), four for
PostgreSQL. The event loop does nothing but wait for the network.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import TypeVar

import sqlalchemy as sa

from bot import handle, tick
from bot.config import Settings
from bot.receive import poll_forever, poll_once
from bot.send import Courier, Pace
from bot.telegram import Api, SendError, Wire
from bot.web import make_app, serve_web
from dialogs import help_numbers, places, render
from dialogs.joining import INVITE_LIVES
from dialogs.words import triage
from storage import club, db, due, inbox, outbox, people
from storage.db import Database
from storage.inbox import Incoming

log = logging.getLogger(__name__)

T = TypeVar("T")

BEAT_S = 1.0  # what is due leaves at most this much late, also for a replica that was not nudged
TROUBLE_S = 1.0  # between two tries while the database is away
DRAIN_S = 8.0  # for messages on their way, before a stop
MENU = ("checkin", "session", "coach", "pause", "settings", "help")


@dataclass(slots=True)
class Clock:
    """The time as the service knows it: the wall clock, unless a sandbox has turned or stopped it."""

    ahead: timedelta = timedelta(0)
    stopped_at: datetime | None = None

    def now(self) -> datetime:
        """An aware UTC instant."""
        return self.stopped_at or datetime.now(UTC) + self.ahead

    def turn_to(self, instant: datetime) -> None:
        """Only the sandbox turns the clock, and only forwards."""
        if self.stopped_at is not None:
            self.stopped_at = max(instant, self.stopped_at)
        else:
            self.ahead = max(self.ahead, instant - datetime.now(UTC))


@dataclass(slots=True)
class App:
    """One running service. `start()` and `run()` are apart, so that a sandbox can take single steps instead."""

    settings: Settings
    clock: Clock
    base: Database
    api: Api
    token: str
    owner: str
    threads: ThreadPoolExecutor
    courier: Courier
    bot: str = "bot"
    health: str | None = None  # the kind of the last failure to fetch, None while all is well
    offset: int | None = None
    _work: asyncio.Event = field(default_factory=asyncio.Event)
    _post: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def bot_id(self) -> int:
        return int(self.token.split(":")[0])

    # --- the database, off the event loop ---------------------------------------------------------------------

    async def in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    async def transact(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction, in the database's thread."""
        return await self.in_thread(lambda: _in_one(self.base, work))

    async def store(self, rows: Sequence[Incoming]) -> None:
        """Commit updates to the inbox. Only when this has returned may Telegram hear that they are here."""
        await self.transact(lambda tx: inbox.accept(tx, rows, self.clock.now()))

    # --- single steps -----------------------------------------------------------------------------------------

    async def receive_once(self) -> bool:
        """Fetch what is there now, without waiting."""
        self.offset = await poll_once(self.api, self.store, self.offset, bot_id=self.bot_id, wait_s=0)
        return self.offset is not None

    async def handle_once(self) -> bool:
        return await self.in_thread(lambda: handle.handle_one(self.base, self.clock.now(), _dice, self.bot))

    async def send_once(self) -> bool:
        return await self.courier.send_some()

    async def idle(self) -> bool:
        """Nothing is to be done at this instant (what waits for a later one does not count)."""
        now = self.clock.now()

        def look(tx: sa.Connection) -> bool:
            at = due.next_at(tx)
            return not inbox.waiting(tx, now) and (at is None or at > now) and not outbox.sendable(tx, now)

        return not self.courier.busy and await self.transact(look)

    async def next_at(self) -> datetime | None:
        """The next instant at which something falls due."""

        def look(tx: sa.Connection) -> list[datetime | None]:
            return [due.next_at(tx), outbox.next_at(tx), inbox.next_at(tx)]

        times = [*await self.transact(look), self.courier.next_at()]
        return min((at for at in times if at is not None), default=None)

    # --- running ----------------------------------------------------------------------------------------------

    def nudge(self) -> None:
        """There may be work."""
        self._work.set()
        self._post.set()

    async def introduce(self) -> None:
        """Learn the bot's name, show the menu of commands. Never fatal: a bot that starts during an outage starts."""
        known: str | None = await self.transact(lambda tx: club.recall(tx, "bot_username"))
        self.bot = known or self.bot
        try:
            self.bot = str((await self.api.get_me())["username"])
            await self.in_thread(lambda: remember_bot_name(self.base, self.bot))
            menu = [(name, render.label("en", f"menu.{name}", {})) for name in MENU]
            await self.api.set_commands(menu)
        except SendError as error:
            log.warning("start.telegram_away kind=%s", error.kind)

    async def run(self) -> None:
        """Until cancelled."""
        await self.introduce()
        async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            stack.enter_context(tick.ticking(self.nudge, BEAT_S))
            tasks.create_task(self._handling())
            tasks.create_task(self._sending())
            tasks.create_task(asyncio.to_thread(_warm))
            if self.settings.mode == "webhook":
                await stack.enter_async_context(self.web())
                tasks.create_task(self._announce_webhook())
            else:
                tasks.create_task(self._polling())

    async def _polling(self) -> None:
        await self._remove_webhook()
        await poll_forever(
            self.api,
            self.store,
            bot_id=self.bot_id,
            nudge=self.nudge,
            health=self._note_health,
            sleep=self._rest,
            jitter=SystemRandom().random,
        )

    async def _rest(self, seconds: float) -> None:
        """Between two fetches, the first of which failed. A webhook left behind answers each of them with 409."""
        if self.health == "conflict":
            await self._remove_webhook()
        await asyncio.sleep(seconds)

    async def _remove_webhook(self) -> None:
        """Best effort: polling begins whatever comes of it, since a bot that waits here would be deaf."""
        try:
            await self.api.delete_webhook()
        except SendError as error:
            log.warning("receive.webhook_stays kind=%s", error.kind)

    def _note_health(self, kind: str | None) -> None:
        self.health = kind

    def web(self) -> contextlib.AbstractAsyncContextManager[str]:
        web = make_app(
            self.store,
            bot_id=self.bot_id,
            secret=self.settings.webhook_secret or "",
            path=self.settings.webhook_path,
            nudge=self.nudge,
        )
        return serve_web(web, self.settings.webhook_listen)

    async def _announce_webhook(self) -> None:
        url, secret = self.settings.webhook_url or "", self.settings.webhook_secret or ""
        await _until_done(lambda: self.api.set_webhook(url, secret), "set_webhook")

    async def _handling(self) -> None:
        await self._loop("handle", self.handle_once, self._work, lambda: BEAT_S, then=self._post)

    async def _sending(self) -> None:
        await self._loop("send", self.send_once, self._post, self._until_allowed)

    def _until_allowed(self) -> float:
        at = self.courier.next_at()
        return BEAT_S if at is None else min(BEAT_S, max(0.01, (at - self.clock.now()).total_seconds()))

    async def _loop(
        self,
        name: str,
        step: Callable[[], Awaitable[bool]],
        nudged: asyncio.Event,
        rest_s: Callable[[], float],
        then: asyncio.Event | None = None,
    ) -> None:
        """Steps until cancelled; `then` is nudged after each one that did something."""
        while True:
            nudged.clear()
            try:
                worked = await step()
            except Exception as error:  # a loop that ends is a worry that is lost
                if isinstance(error, db.Conflict):  # another replica was first: take the turn again
                    log.info("%s.again", name)
                    continue
                log.error("%s.trouble error=%s", name, type(error).__name__)
                await asyncio.sleep(TROUBLE_S)
                continue
            if worked:
                if then is not None:
                    then.set()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest_s()):
                    await nudged.wait()


@contextlib.asynccontextmanager
async def opened(settings: Settings, token: str, clock: Clock | None = None) -> AsyncIterator[App]:
    """Everything a service needs, opened and, at the end, put down in order. The schema must be current.

    Raises ValueError where the help numbers are missing: without them nothing starts.
    """
    help_numbers.load()
    clock = clock or Clock()
    base = db.open_db(settings.database_url)
    threads = ThreadPoolExecutor(1 if base.is_sqlite else 4, thread_name_prefix="db")
    wire = Wire()
    await wire.initialize()
    api = Api(token, settings.telegram_api_url, wire)

    async def transact(work: Callable[[sa.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, lambda: _in_one(base, work))

    owner = secrets.token_hex(8)
    courier = Courier(
        db_call=transact,
        api=api,
        pace=Pace(settings.limits, clock.now()),
        clock=clock.now,
        on_unreachable=handle.unreachable,
        name=f"sender:{hashlib.sha256(token.encode()).hexdigest()[:16]}",
        owner=owner,
    )
    try:
        yield App(settings, clock, base, api, token, owner, threads, courier)
    finally:
        with contextlib.suppress(Exception):  # the database may be the reason why we stop
            await courier.drain(DRAIN_S)
        threads.shutdown(wait=True)
        await wire.shutdown()
        base.close()


async def bot_name(settings: Settings) -> str | None:
    """The bot's user name, asked of Telegram; None without a token or an answer."""
    if settings.telegram_bot_token is None:
        return None
    wire = Wire()
    await wire.initialize()
    try:
        me = await Api(settings.telegram_bot_token, settings.telegram_api_url, wire).get_me()
        return str(me["username"])
    except SendError:
        return None
    finally:
        await wire.shutdown()


def remember_bot_name(base: Database, name: str) -> None:
    """So that a coach's `/invite` and the next `aidstation invite` need not ask."""
    with base.begin() as tx:
        club.remember(tx, "bot_username", name)


def keep_seat(base: Database, now: datetime, name: str, coach_id: int | None = None) -> str:
    """The operator's invitation: a coach's, or an athlete's of this coach. Gives the code; only its hash is kept."""
    code = _dice()[:32]
    with base.begin() as tx:
        people.create_invite(tx, name=name, code=code, now=now, expires_at=now + INVITE_LIVES, coach_id=coach_id)
    return code


def _in_one(base: Database, work: Callable[[sa.Connection], T]) -> T:
    with base.begin() as tx:
        return work(tx)


def _warm() -> None:
    """Load what the first athlete would have to wait for: the phrases (0.4 s) and the places (1 s)."""
    triage.read("")
    places.warm()


def _dice() -> str:
    return secrets.token_hex(32)


async def _until_done(call: Callable[[], Awaitable[None]], name: str) -> None:
    """Telegram may be away when we start: ask again until it has answered."""
    pause = 1.0
    while True:
        try:
            await call()
            return
        except SendError as error:
            log.warning("start.%s kind=%s", name, error.kind)
            await asyncio.sleep(min(pause, 30.0))
            pause *= 2
