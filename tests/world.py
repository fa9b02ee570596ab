"""A club in a test: the real service on a real database and real HTTP, people with phones, and a clock that is turned.

    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim, zone="Europe/Riga")
    await world.fast_forward_to("07:00", zone="Europe/Riga")
    ann.sees("How did you sleep?")
    await ann.taps("2")
    await world.crash_and_restart()

Whatever somebody does is followed by `settle`: the service works until nothing is left to do at that instant. Where a
test wants to stand in between, it uses `ann.phone`, which acts and does not wait. The judge is what the people see and
the sandbox's ledger, seldom the database.

At the end of each test `check` asks for a clean house: every update handled, no message on its way or of unknown fate,
nothing dead, and no line of ERROR or worse in the log, unless the test has announced it (and then it must be there).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal, TypeVar

import sqlalchemy as sa

from bot.app import App
from bot.clock import Clock
from bot.config import Settings
from bot.sandbox import stage
from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.phone import Bubble, Phone
from bot.sandbox.stage import Stage
from bot.sandbox.state import Delivered
from dialogs import timing
from dialogs.model import Escalation, Outcome, Person, Record, Snapshot, Wakeup
from storage import due, journal, outcomes, people, schema
from storage.db import is_transient

T = TypeVar("T")

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)  # a Monday, and London's own noon
COUNTRIES = {"Europe/London": "GB", "Europe/Riga": "LV", "America/Denver": "US", "Australia/Sydney": "AU"}
SHOWN = {"sendMessage", "sendPhoto", "sendVoice", "sendDocument", "copyMessage", "editMessageText"}

Before = Literal["confirm", "handle", "send", "record"]


@dataclass(slots=True, eq=False)
class Someone:
    """A person with a phone. What they do is settled before it returns; what they see is there already."""

    world: World
    phone: Phone

    @property
    def name(self) -> str:
        return self.phone.name

    @property
    def chat_id(self) -> int:
        return self.phone.user_id

    async def starts(self, code: str | None = None) -> None:
        self.phone.starts(code)
        await self.world.settle()

    async def says(self, *texts: str, reply_to: str | None = None) -> None:
        for text in texts:
            self.phone.says(text, reply_to)
            await self.world.settle()

    async def taps(self, *labels: str) -> None:
        for label in labels:
            self.phone.taps(label)
            await self.world.settle()

    async def taps_data(self, data: str, message_id: int | None = None) -> None:
        """Any callback data, as a changed client sends it."""
        self.phone.taps_data(message_id or self.phone.last.message_id, data)
        await self.world.settle()

    async def edits(self, old: str, new: str) -> None:
        self.phone.edits(old, new)
        await self.world.settle()

    async def sends(self, kind: str, **details: Any) -> None:
        """A voice note, photo, sticker ..."""
        self.world.api.user_sends(self.chat_id, kind, **details)
        await self.world.settle()

    async def blocks(self) -> None:
        self.phone.blocks()
        await self.world.settle()

    async def unblocks(self) -> None:
        self.phone.unblocks()
        await self.world.settle()

    def sees(self, fragment: str) -> Bubble:
        """The first new bubble with these words; it and those before it are then seen."""
        return self.phone.sees(fragment)

    def sees_notice(self, fragment: str) -> None:
        """The last pop-up that answered a tap."""
        shown = [notice.text for notice in self.phone.notices]
        assert shown and fragment in shown[-1], f"{self.name} sees no notice {fragment!r}, but {shown}"

    def sees_nothing_more(self) -> None:
        self.phone.sees_nothing_more()

    def looks(self) -> list[Bubble]:
        """All that is new, which is then seen."""
        return self.phone.new()

    def got(self, fragment: str, since: datetime | None = None) -> list[Delivered]:
        """What Telegram accepted for this person with these words in it, edits not counted."""
        return [
            one
            for one in self.world.ledger
            if one.chat_id == self.chat_id
            and one.method in SHOWN - {"editMessageText"}
            and fragment in one.text
            and (since is None or one.at >= since)
        ]

    @property
    def known(self) -> Person:
        """As the database has them."""
        return next(one for one in self.world.everyone() if one.user_id == self.chat_id)

    def short(self) -> str:
        """The short id on the newest page or list this person has got."""
        texts = [bubble.text for bubble in self.phone.screen() if not bubble.mine and "#" in bubble.text]
        return texts[-1].partition("#")[2][:5]


@dataclass(slots=True, eq=False)
class World:
    stage: Stage
    stack: contextlib.AsyncExitStack
    errors: list[logging.LogRecord] = field(default_factory=list)
    announced: dict[str, int] = field(default_factory=dict)
    expected: set[str] = field(default_factory=set)

    # --- what there is ----------------------------------------------------------------------------------------

    @property
    def api(self) -> BotApi:
        return self.stage.api

    @property
    def app(self) -> App:
        return self.stage.app

    @property
    def now(self) -> datetime:
        return self.stage.now

    @property
    def ledger(self) -> list[Delivered]:
        return self.api.ledger

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        with self.app.base.read() as tx:
            return work(tx)

    def everyone(self) -> tuple[Person, ...]:
        return self.read(people.everyone)

    def journal(self, someone: Someone) -> tuple[Record, ...]:
        """Everything in this person's journal, oldest first."""
        return self.read(lambda tx: journal.records(tx, someone.known.id, date.min))

    def escalations(self) -> list[Escalation]:
        """All there ever were, oldest first."""
        rows = self.read(lambda tx: tx.execute(sa.select(schema.escalation)).mappings().all())
        return sorted((journal.escalation_from(row) for row in rows), key=lambda one: one.id)

    def rows(self, table: sa.Table, **equal: object) -> list[dict[str, Any]]:
        query = sa.select(table).order_by(table.c.id)
        for name, value in equal.items():
            query = query.where(table.c[name] == value)
        return [dict(row) for row in self.read(lambda tx: tx.execute(query).mappings().all())]

    def count(self) -> dict[str, int]:
        """How many rows each table has."""
        tables = schema.metadata.sorted_tables
        return self.read(
            lambda tx: {
                one.name: tx.execute(sa.select(sa.func.count()).select_from(one)).scalar_one() for one in tables
            }
        )

    # --- who there is -----------------------------------------------------------------------------------------

    def stranger(self, name: str, **about: Any) -> Someone:
        """Somebody with a phone whom the bot does not know."""
        someone = Someone(self, self.stage.phone(name))
        if "language_code" in about:
            self.api.users[someone.chat_id].language_code = about["language_code"]
        return someone

    async def coach(self, name: str, **about: Any) -> Someone:
        """A coach who joined earlier; `about` are fields of Person. Their list comes at `ask_at`."""
        someone = self._moves_in(name, {"coaches": True} | about)
        hour = someone.known.ask_at
        await someone.says(f"/hour {hour:%H:%M}")  # plans the morning list
        someone.looks()
        return someone

    async def athlete(self, name: str, coach: Someone | None = None, **about: Any) -> Someone:
        """An athlete who joined earlier; `about` are fields of Person. The next check-in is planned."""
        coach_id = coach.known.id if coach else None
        someone = self._moves_in(name, {"runs": True, "coach_id": coach_id} | about)
        await someone.says("/resume")
        someone.looks()
        return someone

    def squad(self, coach: Someone, abouts: Sequence[dict[str, Any]]) -> list[Someone]:
        """Many athletes at once, as `athlete` makes one: Runner1, Runner2 ..."""
        everyone = []
        coach_id = coach.known.id
        with self.app.base.begin() as tx:
            for number, about in enumerate(abouts, start=1):
                someone = self.stranger(f"Runner{number}")
                self.api.users[someone.chat_id].started = True
                person = self._person(someone, {"runs": True, "coach_id": coach_id} | about)
                id = outcomes.save(tx, Snapshot(self.now, ""), Outcome(person=person), (), "world", self.now).person_id
                rhythm = timing.Rhythm(person.zone, person.ask_at)
                found = timing.next_ask(rhythm, self.now, None)
                assert id is not None and found is not None
                day, at = found
                due.put(tx, id, Wakeup("checkin", f"checkin:{id}:{day}", at, day), self.now)
                everyone.append(someone)
        return everyone

    def _moves_in(self, name: str, about: dict[str, Any]) -> Someone:
        someone = self.stranger(name)
        person = self._person(someone, about)
        with self.app.base.begin() as tx:
            outcomes.save(tx, Snapshot(self.now, ""), Outcome(person=person), (), "world", self.now)
        return someone

    def _person(self, someone: Someone, about: dict[str, Any]) -> Person:
        zone = about.get("zone", "Europe/London")
        own = {"zone": zone, "country": COUNTRIES.get(zone), "place": zone.rpartition("/")[2], "joined_at": self.now}
        # Without the weekly message, which would come into every longer story.
        fields = {**own, "consent_at": self.now, "weekly": False, **about}
        return Person(0, someone.name, someone.chat_id, someone.chat_id, **fields)

    # --- time -------------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Work until nothing is left to do at this instant."""
        async with asyncio.timeout(60):
            await self.stage.settle()

    async def replicas_handle(self, count: int = 2) -> None:
        """Handle what waits, by several at once, each of whom tries again where another was first."""

        async def replica() -> None:
            working = True
            while working:
                try:
                    working = await self.app.handle_once()
                except Exception as error:
                    if not is_transient(error):
                        raise

        await asyncio.gather(*(replica() for _ in range(count)))

    async def fast_forward(self, **duration: float) -> None:
        """Live through this long, as for timedelta."""
        await self.stage.travel(self.now + timedelta(**duration))

    async def fast_forward_to(self, wall: str, *, zone: str = "Europe/London", day: date | None = None) -> datetime:
        """Live on until the wall of `zone` next shows this time (on `day`); gives the instant."""
        at = self.next_time(wall, zone=zone, day=day)
        await self.stage.travel(at)
        return at

    def next_time(self, wall: str, *, zone: str = "Europe/London", day: date | None = None) -> datetime:
        first = day or timing.local_date(zone, self.now)
        for ahead in range(4):
            at = timing.instant_of(zone, first + timedelta(days=ahead), time.fromisoformat(wall))
            if at is not None and at > self.now:
                return at
        raise AssertionError(f"{zone} has no {wall} in the next days")

    # --- what goes wrong --------------------------------------------------------------------------------------

    def fault(self, kind: str | int, method: str | None = "sendMessage", **more: Any) -> Fault:
        """Something goes wrong with the next call of this method."""
        fault = Fault(kind, method, **more)
        self.api.faults.append(fault)
        return fault

    def announce(self, *lines: str) -> None:
        """The log will hold an ERROR line that contains this, and must."""
        for line in lines:
            self.announced.setdefault(line, 0)

    def expect(self, *states: str) -> None:
        """Rows like "outbox unknown" or "inbox dead" may be left at the end."""
        self.expected.update(states)

    async def crash_and_restart(
        self,
        *,
        before: Before | None = None,
        down: timedelta = timedelta(0),
        then: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """End the service as SIGKILL does, and open another one on the same database and the same Telegram.

        `before`: it gets just so far with what is waiting now, and dies before it takes this step. `down`: so long it
        stays away.
        """
        await self._work_until(before)
        await self._die()
        if down:
            self.stage.clock.turn_to(self.now + down)
        if then is not None:
            await then()
        self.stage.app = await self.stack.enter_async_context(
            stage.running(self.api, self.stage.clock, self.stage.settings)
        )
        await self.settle()

    async def _work_until(self, before: Before | None) -> None:
        if before is None:
            return
        offset = self.app.offset
        while self.api.updates.pending and await self.app.receive_once():
            if before == "confirm":
                self.app.offset = offset
                return
        if before == "handle":
            return
        while await self.app.handle_once():
            pass
        if before == "record":
            for method in ("sendMessage", "editMessageText"):
                self.api.hold[method] = asyncio.Event()
            accepted = len(self.ledger)
            while len(self.ledger) == accepted:
                await self.app.send_once()

    async def _die(self) -> None:
        """No drain, no hand-over: what was on its way is on its way, the leases run on."""
        courier = self.app.courier
        on_the_way = list(courier._on_the_way)
        courier._on_the_way.clear()
        for task in on_the_way:
            task.cancel()
        await asyncio.gather(*on_the_way, return_exceptions=True)
        courier.db_call = _dead
        if self.api.updates.webhook is not None:  # nobody listens there any more
            self.api.updates.webhook = replace(self.api.updates.webhook, url="http://127.0.0.1:9/")
        for event in self.api.hold.values():
            event.set()
        self.api.hold.clear()
        self.app.threads.shutdown(wait=True)
        self.app.base.close()

    @contextlib.asynccontextmanager
    async def live(self) -> AsyncIterator[None]:
        """Inside the block the service runs by its own loops, and the clock goes on by itself (polling only)."""
        clock = self.stage.clock
        clock.ahead, clock.stopped_at = self.now - Clock().now(), None
        running = asyncio.create_task(self.app.run())
        self.stage.loops_run = True
        try:
            yield
        finally:
            self.stage.loops_run = False
            clock.stopped_at = self.now
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    # --- the end ----------------------------------------------------------------------------------------------

    async def check(self) -> None:
        """A clean house, but for what was announced."""
        self.api.faults.clear()
        await self.settle()
        left = {f"inbox {row['status']}" for row in self.rows(schema.inbox) if row["status"] != "done"}
        left |= {
            f"outbox {row['status']}"
            for row in self.rows(schema.outbox)
            if row["status"] in ("leased", "unknown", "dead")
            or (row["status"] == "pending" and row["not_before"] <= self.now)
        }
        left |= {f"due {row['status']}" for row in self.rows(schema.due) if row["status"] == "dead"}
        assert left <= self.expected, f"left behind: {sorted(left - self.expected)}"
        for record in self.errors:
            line = record.getMessage()
            found = [announced for announced in self.announced if announced in line]
            assert found, f"an error that nobody announced: {record.name} {line}"
            self.announced[found[0]] += 1
        missing = [line for line, times in self.announced.items() if not times]
        assert not missing, f"announced, but never logged: {missing}"


async def _dead(_work: Callable[[sa.Connection], Any]) -> Any:
    raise ConnectionError("this process is dead")


class _Errors(logging.Handler):
    def __init__(self, into: list[logging.LogRecord]) -> None:
        super().__init__(logging.ERROR)
        self.into = into

    def emit(self, record: logging.LogRecord) -> None:
        self.into.append(record)


@contextlib.asynccontextmanager
async def opened(
    database_url: str,
    *,
    mode: Literal["polling", "webhook"] = "polling",
    now: datetime = NOON,
    settings: Settings | None = None,
) -> AsyncIterator[World]:
    """A world on a migrated database; `check` at its end, unless the test has failed already. `settings`: what does not
    say who and where it is."""
    errors: list[logging.LogRecord] = []
    handler = _Errors(errors)
    logging.getLogger().addHandler(handler)
    try:
        async with (
            stage.opened(database_url, now, mode=mode, settings=settings) as club,
            contextlib.AsyncExitStack() as stack,
        ):
            club.api.updates.backoff = 0.01  # a webhook that failed is tried again at once
            world = World(club, stack, errors)
            yield world
            await world.check()
    finally:
        logging.getLogger().removeHandler(handler)
