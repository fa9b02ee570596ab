"""The composition root: which parts there are, and which loops run.

    receive   polls (or is called by) Telegram and stores; never waits for anything else
    handle    one row of work at a time, in the database's thread
    send      what the outbox holds, as fast as the limits allow
    fetch     one file at a time that a coach has sent (bot.fetch), or one look at who is in a group (bot.groups)
    voice     one voice note at a time, where a program is named that writes down what is said (bot.transcribe)

Loops are dumb: do one thing, come again at once if there was work, else wait for a nudge. A commit nudges the next
loop, so that an answer leaves right away; the metronome nudges all of them, so that nothing depends on a nudge.
An error in a round is logged by its class and the loop goes on: no failure of one part makes another one deaf.

Database work is synchronous and runs in threads of its own: one for SQLite (one writer at a time anyway), four for
PostgreSQL. The event loop does nothing but wait for the network.

Who else runs. On SQLite nobody (storage.alone), so whatever is leased at the start was leased by the dead, and is taken
up at once. On PostgreSQL the processes of one bot are equal, but for two leases: one of them sends, and updates come in
one way, to one that polls or to any number that Telegram calls. All go by the database's clock.

A stop (`run` is cancelled) begins nothing new and gives what is under way STOP_S seconds in all: the step of each loop,
webhook calls, messages on their way to Telegram, and writing down what became of them. What takes longer is left to its
lease. A voice note is not waited for: its program ends at once, and the note is taken up again.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from random import SystemRandom
from typing import TypeVar

import sqlalchemy as sa

from bot import fetch, groups, handle, start, tick, transcribe
from bot.clock import Clock, set_clock
from bot.config import Program, Settings, SettingsError
from bot.metrics import LOOP_S, Metrics, Watch
from bot.receive import poll_forever, poll_once
from bot.refusals import SendError
from bot.send import Courier, Pace
from bot.telegram import Api, Wire
from bot.web import Kept, make_app, plan_of, serve_web
from dialogs import help_numbers, places
from dialogs.joining import INVITE_LIVES
from dialogs.rules.book import shipped
from dialogs.words import triage
from storage import bell, club, db, due, inbox, keeping, lease, outbox, people
from storage.db import Database
from storage.inbox import Incoming

log = logging.getLogger(__name__)

T = TypeVar("T")

BEAT_S = 1.0  # what is due leaves at most this much late, also for a replica that was not nudged
TROUBLE_S = 1.0  # between two tries while the database is away
STOP_S = 8.0  # for all of a stop; supervisors kill after 10
WRITING_S = 1.5  # of these, kept for writing down what came back
KEEPING = "keeping"
KEEP_S, KEEP_FIRST_S = 3600.0, 60.0  # between two sweeps of old rows; a start has better things to do
KEEP_LEASE_S = 60.0  # two sweeps at once are harmless, so nobody who died is waited for long
CLOCK_S = 10.0  # between two looks at the database's clock
VOICE = "voice"
VOICE_S = transcribe.HOLD.total_seconds()  # a try may take so long, and the loop come round no earlier
FETCH_S = fetch.HOLD.total_seconds()


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
    reader: ThreadPoolExecutor  # one thread beside them, for whoever may wait
    courier: Courier
    metrics: Metrics
    watch: Watch
    bot: str = "bot"
    new_bot: bool = False  # the operator says that it is meant: the database has served another bot before
    health: str | None = None  # the kind of the last failure to fetch, None while all is well
    offset: int | None = None
    _work: asyncio.Event = field(default_factory=asyncio.Event)
    _post: asyncio.Event = field(default_factory=asyncio.Event)
    _voice: asyncio.Event = field(default_factory=asyncio.Event)
    _files: asyncio.Event = field(default_factory=asyncio.Event)
    _hears: bool = False  # the words of a voice note are being written down
    _fetches: bool = False  # a file is on its way here
    may_receive: asyncio.Event = field(default_factory=asyncio.Event)
    _began_at: float = 0.0  # the event loop's time, like the next one
    _stop_by: float | None = None
    _conflicts: int = 0
    _calendars: Kept = field(default_factory=dict)
    address: str | None = None  # where health, metrics and calendars are served
    dice: handle.Dice | None = None  # None: real chance; a stage that shall be played again brings its own
    for_ourselves: bool = False  # the sandbox's: whoever follows a link sits at this machine
    _introduced: bool = False  # this bot belongs to this database, so what comes for it may be stored

    @property
    def bot_id(self) -> int:
        return int(self.token.split(":")[0])

    @property
    def public_address(self) -> str | None:
        """Where phones reach what we serve, for links; None: nowhere."""
        return self.settings.address or (self.address if self.for_ourselves else None)

    @property
    def ingress(self) -> str:
        """The name of the lease for how updates come in."""
        return f"ingress:{_hidden(self.token)}"

    # --- the database, off the event loop ---------------------------------------------------------------------

    async def in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work)

    async def transact(self, work: Callable[[sa.Connection], T]) -> T:
        """Run `work` in one transaction, in the database's thread."""
        return await self.in_thread(lambda: _in_one(self.base, work))

    async def calendar(self, code: str) -> str | None:
        """The calendar of whoever was given this code; None: nobody. One at a time, and no turn waits for it."""
        read = functools.partial(plan_of, self.base, code, self.clock.now(), self._calendars)
        return await asyncio.get_running_loop().run_in_executor(self.reader, read)

    async def store(self, rows: Sequence[Incoming]) -> None:
        """Commit updates to the inbox. Only when this has returned may Telegram hear that they are here."""
        self.metrics.received(await self.transact(lambda tx: inbox.accept(tx, rows, self.clock.now())))

    # --- single steps -----------------------------------------------------------------------------------------

    async def receive_once(self) -> bool:
        """Fetch what is there now, without waiting."""
        self.offset = await poll_once(self.api, self.store, self.offset, bot_id=self.bot_id, wait_s=0)
        return self.offset is not None

    async def handle_once(self) -> bool:
        but = due.HELD if self.settings.transcribe else (due.FETCH, due.LOOK)
        return await self.in_thread(
            lambda: handle.handle_one(
                self.base, self.clock.now(), self.dice or _dice, self.bot, self.metrics, but, self.public_address
            )
        )

    async def transcribe_once(self) -> bool:
        program = self.settings.transcribe
        if program is None:
            return False
        self._hears = True
        try:
            return await transcribe.transcribe_one(self.transact, self.api, program, self.clock.now, self.metrics)
        finally:
            self._hears = False

    async def fetch_once(self) -> bool:
        self._fetches = True
        try:
            fetched = await fetch.fetch_one(self.transact, self.api, self.clock.now, self.metrics)
            looked = await groups.look_one(self.transact, self.api, self.clock.now, self.metrics)
            return fetched or looked
        finally:
            self._fetches = False

    async def send_once(self) -> bool:
        return await self.courier.send_some()

    async def idle(self) -> bool:
        """Nothing is to be done at this instant (what waits for a later one does not count)."""
        now = self.clock.now()

        def look(tx: sa.Connection) -> bool:
            at = due.next_at(tx)
            return not inbox.waiting(tx, now) and (at is None or at > now) and not outbox.sendable(tx, now)

        busy = self.courier.busy or self._hears or self._fetches
        return not busy and await self.transact(look)

    async def next_at(self) -> datetime | None:
        """The next instant at which something falls due."""

        def look(tx: sa.Connection) -> list[datetime | None]:
            return [due.next_at(tx), outbox.next_at(tx), inbox.next_at(tx)]

        times = [*await self.transact(look), self.courier.next_at()]
        return min((at for at in times if at is not None), default=None)

    async def keep_once(self) -> int:
        """Delete what is over, unless another process is at it; how many rows. In a thread of its own: a long look at
        old rows must not hold up a page."""
        now = self.clock.now()
        if not await self.transact(lambda tx: lease.hold(tx, KEEPING, self.owner, now, KEEP_LEASE_S)):
            return 0
        days = asdict(self.settings.keep)
        swept = await asyncio.to_thread(keeping.sweep, self.base, now, days, lambda: not self.metrics.stopping)
        await self.transact(lambda tx: lease.release(tx, KEEPING, self.owner))
        return swept

    # --- running ----------------------------------------------------------------------------------------------

    def nudge(self) -> None:
        """There may be work."""
        self._work.set()
        self._post.set()
        self._voice.set()
        self._files.set()

    def _beat(self) -> None:
        self.metrics.beat("metronome")
        self.nudge()

    async def introduce(self) -> None:
        """Learn the bot's name, show the menu of commands. Raises SettingsError; see bot.start."""
        await start.introduce(self)
        self._introduced = True

    async def run(self) -> None:
        """Until cancelled. Raises SettingsError where this process must not run, or not beside another one.

        Health and metrics are served first and last: who watches sees a start that waits, and a stop.
        """
        async with self._listening():
            await self._run()

    async def _run(self) -> None:
        self._began_at = asyncio.get_running_loop().time()
        self._stop_by, self.metrics.stopping = None, False
        try:
            if self.base.is_sqlite:
                await start.insist(self, start.inherit)
            await self.introduce()
            with tick.ticking(self._beat, BEAT_S), bell.listening(self.base, self._rung()):
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._handling())
                    tasks.create_task(self._sending())
                    tasks.create_task(self._fetching())
                    tasks.create_task(asyncio.to_thread(_warm))
                    tasks.create_task(self._keeping())
                    if self.settings.transcribe:
                        tasks.create_task(self._transcribing(self.settings.transcribe))
                    tasks.create_task(self._announcing() if self.settings.mode == "webhook" else self._polling())
                    if self.base.is_sqlite:
                        self.may_receive.set()
                    else:
                        tasks.create_task(start.hold_ingress(self))
                        tasks.create_task(self._keeping_time())
        except BaseExceptionGroup as group:
            refused = group.subgroup(SettingsError)
            raise (refused.exceptions[0] if refused else group) from None

    def time_left(self) -> float:
        """Seconds that a stop has left; the first question begins it."""
        now = asyncio.get_running_loop().time()
        self._stop_by = self._stop_by or now + STOP_S
        self.metrics.stopping = True
        return max(0.0, self._stop_by - now)

    def _rung(self) -> Callable[[], None]:
        """A nudge from another thread."""
        loop = asyncio.get_running_loop()

        def ring() -> None:
            with contextlib.suppress(RuntimeError):  # the loop may have ended
                loop.call_soon_threadsafe(self.nudge)

        return ring

    async def _keeping(self) -> None:
        pause = KEEP_FIRST_S
        while True:
            await asyncio.sleep(pause)
            pause = KEEP_S
            try:
                await self.keep_once()
            except Exception as error:
                log.error("loop.trouble loop=%s error=%s", KEEPING, type(error).__name__)

    async def _keeping_time(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_S)
            with contextlib.suppress(Exception):  # a database that is away is noticed elsewhere
                await self.in_thread(lambda: set_clock(self.clock, self.base))

    async def _polling(self) -> None:
        await self.may_receive.wait()
        self.metrics.polls()
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
        elif self.health == "two_polls":
            self._conflicts += 1
            start.refuse_two_polls(self._conflicts, asyncio.get_running_loop().time() - self._began_at)
        await asyncio.sleep(seconds)

    async def _remove_webhook(self) -> None:
        """Best effort: polling begins whatever comes of it, since a bot that waits here would be deaf."""
        try:
            await self.api.delete_webhook()
        except SendError as error:
            log.warning("receive.webhook_stays kind=%s", error.kind)

    def _note_health(self, kind: str | None) -> None:
        self.health = kind
        self.metrics.fetched(kind)

    def web(self) -> contextlib.AbstractAsyncContextManager[str]:
        web = make_app(
            self.store if self.settings.mode == "webhook" else None,
            bot_id=self.bot_id,
            secret=self.settings.webhook_secret or "",
            path=self.settings.webhook_path,
            nudge=self.nudge,
            may_store=lambda: self._introduced,
            metrics=self.metrics,
            watch=self.watch,
            plan=self.calendar,
        )
        return serve_web(web, self.settings.webhook_listen, self.time_left)

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        """Serve while the block runs. By polling we can do without where only the default address is taken."""
        async with contextlib.AsyncExitStack() as stack:
            try:
                self.address = await stack.enter_async_context(self.web())
            except OSError as error:
                host, port = self.settings.webhook_listen
                if self.settings.listen_given or self.settings.mode == "webhook":
                    raise SettingsError(
                        f"cannot listen on {host}:{port} ({error.strerror}): name a free one in WEBHOOK_LISTEN"
                    ) from None
                log.warning("web.not_served port=%d error=%s", port, type(error).__name__)
            yield

    async def _announcing(self) -> None:
        """Tell Telegram where to call us, for as long as it takes."""
        self.metrics.webhook = "not announced yet"
        await self.may_receive.wait()
        url, secret = self.settings.webhook_url or "", self.settings.webhook_secret or ""

        async def announce() -> None:
            try:
                await self.api.set_webhook(url, secret)
            except SendError as error:
                self.metrics.webhook, self.metrics.telegram = f"not announced yet ({error.kind})", error.kind
                raise
            self.metrics.webhook = self.metrics.telegram = "ok"

        await _until_done(announce, "set_webhook")

    async def _handling(self) -> None:
        await self._loop("handle", self.handle_once, self._work, lambda: BEAT_S, then=self._post)

    async def _sending(self) -> None:
        await self._loop("send", self.send_once, self._post, self._until_allowed)

    async def _fetching(self) -> None:
        once = self.fetch_once
        await self._loop("fetch", once, self._files, lambda: BEAT_S, then=self._work, within_s=FETCH_S, cut_short=True)

    async def _transcribing(self, program: Program) -> None:
        if transcribe.find(program) is None:
            log.error("transcribe.no_program program=%s", program.arguments[0])
        await asyncio.to_thread(transcribe.sweep)
        once = self.transcribe_once
        await self._loop(VOICE, once, self._voice, lambda: BEAT_S, then=self._work, within_s=VOICE_S, cut_short=True)

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
        within_s: float = LOOP_S,
        cut_short: bool = False,
    ) -> None:
        """Steps until cancelled; `then` is nudged after each one that did something. `cut_short`: a stop ends a step,
        which puts down by itself what it holds."""
        while True:
            self.metrics.beat(name, within_s)
            nudged.clear()
            doing = asyncio.ensure_future(step())
            try:
                worked = await asyncio.shield(doing)
            except asyncio.CancelledError:
                # Most steps cut short would leave messages leased that nobody sends: check-ins would be lost over it.
                if cut_short:
                    doing.cancel()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.gather(doing, return_exceptions=True), self.time_left())
                raise
            except Exception as error:  # a loop that ends is a worry that is lost
                if isinstance(error, db.Conflict):  # another replica was first: take the turn again
                    log.info("loop.again loop=%s", name)
                    continue
                log.error("loop.trouble loop=%s error=%s", name, type(error).__name__)
                self.metrics.failed(name, type(error).__name__)
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
    with contextlib.suppress(Exception):  # a database that is away is waited for, later
        await asyncio.get_running_loop().run_in_executor(threads, lambda: set_clock(clock, base))
    wire = Wire()
    await wire.initialize()
    api = Api(token, settings.telegram_api_url, wire)

    async def transact(work: Callable[[sa.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, lambda: _in_one(base, work))

    owner, metrics = secrets.token_hex(8), Metrics()
    courier = Courier(
        db_call=transact,
        api=api,
        pace=Pace(settings.limits, clock.now()),
        clock=clock.now,
        on_unreachable=handle.unreachable,
        name=f"sender:{_hidden(token)}",
        owner=owner,
        metrics=metrics,
    )
    watch = Watch(db.open_db(settings.database_url), clock.now)
    reader = ThreadPoolExecutor(1, thread_name_prefix="reader")
    app = App(settings, clock, base, api, token, owner, threads, reader, courier, metrics, watch)
    try:
        yield app
    finally:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(app.time_left()):
                await _settle(app)
        threads.shutdown(wait=True)
        reader.shutdown(wait=True, cancel_futures=True)
        await wire.shutdown()
        base.close()


async def _settle(app: App) -> None:
    """Let what is on the way arrive, write it down, and let others go on at once."""
    try:
        await app.courier.drain(app.time_left() - WRITING_S)
        await app.transact(lambda tx: lease.release(tx, app.ingress, app.owner))
    except Exception as error:  # the database may be the reason why we stop
        log.error("stop.trouble error=%s", type(error).__name__)


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


def keep_seat(
    base: Database, now: datetime, name: str, coach_id: int | None = None, dice: handle.Dice | None = None
) -> str:
    """The operator's invitation: a coach's, or an athlete's of this coach. Gives the code; only its hash is kept."""
    code = (dice or _dice)()[:32]
    with base.begin() as tx:
        people.create_invite(tx, name=name, code=code, now=now, expires_at=now + INVITE_LIVES, coach_id=coach_id)
    return code


def erase(base: Database, now: datetime, person_id: int) -> None:
    """The operator's erasure."""
    handle.erase(base, now, _dice, "bot", person_id)


def leave(base: Database, now: datetime, person_id: int) -> None:
    """The operator's end of somebody's work as a coach."""
    handle.leave(base, now, _dice, "bot", person_id)


def _in_one(base: Database, work: Callable[[sa.Connection], T]) -> T:
    with base.begin() as tx:
        return work(tx)


def _warm() -> None:
    """Load what the first athlete would have to wait for: the phrases (0.4 s), places (1 s) and rule book (0.3 s)."""
    triage.read("")
    places.warm()
    shipped()


def _hidden(token: str) -> str:
    """A name for the token in the database, which tells nothing of it."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


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
            log.warning("start.again call=%s kind=%s", name, error.kind)
            await asyncio.sleep(min(pause, 30.0))
            pause *= 2
