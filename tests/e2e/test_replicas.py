"""Two equal processes on one PostgreSQL, called by Telegram through one address, and either may go at any time.

Both are the real service, forked by a nursery each (`killable`). Telegram calls a small TCP proxy, which asks the two
in turn, and the other one where the first does not listen: what any load balancer does. Everything that is judged is
read from the sandbox's ledger and from the database:
    words      once in the journal, in the order in which each athlete has said them; a page to the coach at least once
    pages      said again only with the mark of a repeat
    check-in   at most once for a person and a date
    the rest   nothing waits, nothing is leased, nothing is dead

The dead leave leases behind that run out by themselves. In the everyday run these are a tenth as long as in life, all
in proportion (SHORT); AIDSTATION_LONG=1 takes them as they are, and kills more often.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.clock import Clock
from dialogs.model import Person, Wakeup
from storage import due as dues
from storage.db import open_db, state
from storage.schema import due, inbox, journal, lease, outbox
from tests.e2e.test_killed import SECRET, Club, Nursery, a_club, a_free_port

LONG = os.environ.get("AIDSTATION_LONG") == "1"
SHORT = {
    "storage.outbox.LEASE_SECONDS": 6.0,
    "bot.send.MARGIN": 4.0,
    "bot.send.DELIVER_S": 2.5,
    "bot.send.SENDER_LEASE_S": 1.5,
    "bot.start.INGRESS_LEASE_S": 1.5,
    "storage.db.STOPPED_SECONDS": 6,
}
KILLS = 60 if LONG else 12
PATIENCE_S = 180.0 if LONG else 60.0

pytestmark = pytest.mark.timeout(1200 if LONG else 300)
on_postgres = pytest.mark.parametrize("migrated_database_url", ["postgres"], indirect=True)


@pytest.fixture(scope="module")
def shared_nurseries() -> Iterator[tuple[Nursery, Nursery]]:
    both = Nursery(), Nursery()
    yield both
    for nursery in both:
        nursery.close()


@pytest.fixture
def nurseries(shared_nurseries: tuple[Nursery, Nursery]) -> Iterator[tuple[Nursery, Nursery]]:
    yield shared_nurseries
    for nursery in shared_nurseries:
        if nursery.child is not None:
            with suppress(ProcessLookupError):
                os.kill(nursery.child, signal.SIGCONT)
        nursery.ends_child()


@dataclass(slots=True)
class Replica:
    """One of the two: where it listens, its log, and its process while it lives."""

    club: Club
    nursery: Nursery
    name: str
    port: int
    order: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    pid: int = 0

    @property
    def log(self) -> Path:
        return self.club.folder / f"log-{self.name}"

    @property
    def turns(self) -> Path:
        return self.club.folder / f"turns-{self.name}"

    @property
    def armed(self) -> Path:
        return self.club.folder / f"armed-{self.name}"

    def is_born(self, **more: Any) -> None:
        env = {**self.club.env, "WEBHOOK_LISTEN": f"127.0.0.1:{self.port}", **self.env}
        order = {
            "step": "",
            "nth": 1,
            "ahead": self.club.clock.ahead.total_seconds(),
            "armed": str(self.armed),
            "log": str(self.log),
            "turns": str(self.turns),
            "constants": {} if LONG else SHORT,
            "env": {name: value for name, value in env.items() if value},
        }
        self.pid = self.nursery.bears({**order, **self.order, **more})

    async def ends(self) -> int:
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self.nursery.child_ends()
        except TimeoutError:
            raise AssertionError(f"{self.name} does not end\n{self.said()}") from None

    async def is_signalled(self, how: signal.Signals) -> None:
        os.kill(self.pid, how)
        code = await self.ends()
        assert code == -how or (how == signal.SIGTERM and code == 0), f"{self.name} ended with {code}\n{self.said()}"

    def said(self) -> str:
        return f"{self.name}:\n{self.log.read_text()[-4000:]}" if self.log.exists() else self.name

    async def listens(self) -> None:
        """Until it serves; a call that comes before is the other one's."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.01)


@dataclass(slots=True)
class Replicas:
    club: Club
    a: Replica
    b: Replica
    athletes: list[Person] = field(default_factory=list)
    words: list[str] = field(default_factory=list)

    @property
    def both(self) -> tuple[Replica, Replica]:
        return self.a, self.b

    async def until(self, seen: Callable[[], object]) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not seen():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError("\n".join((self.club.report(), self.a.said(), self.b.said()))) from None

    async def are_healed(self) -> None:
        await self.until(lambda: not self.club.api.updates.pending and not self.club.unfinished())

    def sender(self) -> str | None:
        """Who may send, by the database."""
        rows = self.club.rows(sa.select(lease.c.owner).where(lease.c.name.startswith("sender:")))
        return rows[0].owner if rows else None

    def things_happen(self, dice: random.Random) -> None:
        """Somebody says three things in a row, and somebody's check-in falls due."""
        person, hers = self.club.somebody_runs()
        self.athletes.append(person)
        for part in ("my chest hurts", "it got worse", "I feel dizzy"):
            said = f"{part}, number {len(self.words):04}."
            self.words.append(said)
            hers.says(said)
        if dice.random() < 0.7:
            self.club.a_checkin_falls_due()

    def are_whole(self) -> None:
        club = self.club
        for table in (inbox, due, outbox):
            assert not club.rows(sa.select(table.c.id).where(table.c.status == "dead")), club.report()
        kept = [
            row.words for row in club.rows(sa.select(journal).where(journal.c.kind == "words").order_by(journal.c.id))
        ]
        assert sorted(kept) == sorted(self.words), "words are missing, or there twice"
        for person in self.athletes:
            rows = club.rows(sa.select(journal).where(journal.c.person_id == person.id).order_by(journal.c.id))
            hers = [row.words for row in rows if row.kind == "words"]
            assert hers == sorted(hers, key=lambda said: said[-5:]), f"out of order: {hers}"
        pages = [one for one in club.api.ledger if one.chat_id == club.coach.chat_id and one.method == "sendMessage"]
        for said in self.words:
            if said.startswith("my chest"):
                assert [page for page in pages if said in page.text], f"{said!r} has not reached the coach"
        self.checkins_came_once()
        for row in club.rows(sa.select(outbox).where(~outbox.c.edit, ~outbox.c.toast)):
            prefix, copies = row.payload.get("repeat_prefix"), club.copies(row.chat_id, row.payload["text"])
            assert copies or row.once or row.status in ("silenced", "superseded"), (
                f"row {row.id} ({row.status}) is lost"
            )
            if prefix:
                for copy in copies[1:]:
                    assert copy.html == f"{prefix}\n{row.payload['text']}", "a page is repeated and does not say so"

    def checkins_came_once(self) -> None:
        for person_id, hers in self.club.asked.items():
            row = self.club.rows(sa.select(outbox).where(outbox.c.to_person == person_id, outbox.c.once))[0]
            asked = [one for one in self.club.api.ledger if one.chat_id == hers.user_id]
            assert len(asked) <= 1, f"{hers.name} was asked {len(asked)} times"
            assert asked or row.status == "unknown", f"the check-in of {hers.name} is {row.status} and never came"


@asynccontextmanager
async def proxy(ports: tuple[int, int]) -> AsyncIterator[int]:
    """Each connection goes to the next of the two, or to the other one where that does not listen."""
    turn = 0

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turn
        turn += 1
        for port in (ports[turn % 2], ports[(turn + 1) % 2]):
            with suppress(OSError):
                theirs = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_pass(reader, theirs[1]), _pass(theirs[0], writer), return_exceptions=True)
                theirs[1].close()
                break
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        with suppress(OSError):
            writer.close()


@asynccontextmanager
async def two(
    url: str, nurseries: tuple[Nursery, Nursery], folder: Path, *, called: str = "both"
) -> AsyncIterator[Replicas]:
    """The club and its two processes, none of them born yet. Telegram calls `called`: "both" (in turn), "b"."""
    ports = a_free_port(), a_free_port()
    clock = Clock()
    async with proxy(ports) as balanced, a_club(url, "webhook", folder, clock) as club:
        port = balanced if called == "both" else ports[1]
        club.env["WEBHOOK_URL"] = f"http://127.0.0.1:{port}/telegram"
        a, b = (Replica(club, nursery, name, port) for nursery, name, port in zip(nurseries, "ab", ports, strict=True))
        try:
            yield Replicas(club, a, b)
        finally:
            await club.api.updates.close()  # what is pending is not called any more


# --- the work is shared -------------------------------------------------------------------------------------------


@on_postgres
async def test_either_may_be_killed_at_any_time_and_nothing_is_lost(
    migrated_database_url: str, nurseries: tuple[Nursery, Nursery], tmp_path: Path
) -> None:
    dice = random.Random(11)
    async with two(migrated_database_url, nurseries, tmp_path) as replicas:
        for replica in replicas.both:
            replica.is_born()
            await replica.listens()
        for number in range(KILLS):
            for _ in range(3):
                replicas.things_happen(dice)
            await asyncio.sleep(dice.uniform(0.0, 0.4))
            replica = replicas.both[number % 2]
            await replica.is_signalled(signal.SIGTERM if number % 3 == 2 else signal.SIGKILL)
            await asyncio.sleep(dice.uniform(0.0, 0.3))
            replica.is_born()
            if dice.random() < 0.5:  # else the next one dies while this one starts
                await replica.listens()
        await replicas.are_healed()
        replicas.are_whole()
        rounds = [replica.turns.stat().st_size for replica in replicas.both]
        # How much of it each gets is the machine's affair: a round takes all that waits, and a busy core few rounds.
        assert min(rounds) > 1, f"the work is not shared: {rounds}"
        for replica in replicas.both:
            await replica.is_signalled(signal.SIGTERM)


@on_postgres
async def test_a_rolling_restart_says_nothing_twice(
    migrated_database_url: str, nurseries: tuple[Nursery, Nursery], tmp_path: Path
) -> None:
    dice = random.Random(5)
    async with two(migrated_database_url, nurseries, tmp_path) as replicas:
        for replica in replicas.both:
            replica.is_born()
            await replica.listens()
        for replica in replicas.both:
            for _ in range(5):
                replicas.things_happen(dice)
            await asyncio.sleep(dice.uniform(0.05, 0.2))
            await replica.is_signalled(signal.SIGTERM)
            replica.is_born()
            await replica.listens()
        await replicas.are_healed()
        replicas.are_whole()
        repeats = replicas.club.rows(sa.select(outbox.c.id, outbox.c.status).where(outbox.c.repeat))
        assert not repeats, replicas.club.report()
        said = Counter((one.chat_id, one.html) for one in replicas.club.api.ledger if one.method == "sendMessage")
        assert len(replicas.club.asked) == len([one for one in said if one[0] in _chats(replicas)])
        for replica in replicas.both:
            await replica.is_signalled(signal.SIGTERM)


def _chats(replicas: Replicas) -> list[int]:
    return [hers.user_id for hers in replicas.club.asked.values()]


@on_postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_both_may_migrate_an_empty_database_at_the_same_start(
    database_url: str, migrated_database_url: str, nurseries: tuple[Nursery, Nursery], tmp_path: Path
) -> None:
    async with two(migrated_database_url, nurseries, tmp_path) as replicas:
        for replica in replicas.both:
            replica.env["DATABASE_URL"] = database_url
            replica.is_born()
        for replica in replicas.both:
            await replica.listens()
            await replica.is_signalled(signal.SIGTERM)
        base = open_db(database_url)
        assert state(base) == "current"
        base.close()


@on_postgres
@pytest.mark.parametrize("step", ["leased", "accepted"] if LONG else ["accepted"])
async def test_a_sender_that_was_stopped_past_its_lease_says_nothing_twice_when_it_goes_on(
    migrated_database_url: str, nurseries: tuple[Nursery, Nursery], tmp_path: Path, step: str
) -> None:
    """SIGSTOP in the worst instants: it holds messages, and has not asked Telegram yet, or not heard its answer."""
    async with two(migrated_database_url, nurseries, tmp_path) as replicas:
        club = replicas.club
        replicas.a.is_born(step=step, stops=True)
        await replicas.until(replicas.sender)
        first = replicas.sender()
        for _ in range(4):
            club.a_checkin_falls_due()
        replicas.a.armed.touch()
        await replicas.until(lambda: not replicas.a.armed.exists())
        replicas.b.is_born()
        await replicas.b.listens()
        replicas.things_happen(random.Random(1))
        await replicas.until(lambda: replicas.sender() != first)
        await replicas.are_healed()  # without the one that is stopped
        os.kill(replicas.a.pid, signal.SIGCONT)
        await replicas.b.is_signalled(signal.SIGTERM)
        replicas.things_happen(random.Random(1))  # and it works on as if nothing had been
        await replicas.are_healed()
        replicas.are_whole()
        await replicas.a.is_signalled(signal.SIGTERM)


# --- their clocks -------------------------------------------------------------------------------------------------


@on_postgres
@pytest.mark.parametrize("minutes", [10, -10] if LONG else [10])
async def test_replicas_whose_clocks_differ_by_ten_minutes_go_by_the_databases(
    migrated_database_url: str, nurseries: tuple[Nursery, Nursery], tmp_path: Path, minutes: int
) -> None:
    async with two(migrated_database_url, nurseries, tmp_path) as replicas:
        club = replicas.club
        replicas.a.order["wrong"] = minutes * 60
        person, hers = club.somebody_runs()
        at = club.clock.now() + timedelta(minutes=5)
        with club.base.begin() as tx:  # an hour that one of the clocks has passed already
            assert dues.put(tx, person.id, Wakeup("checkin", "early", at, at.date()), club.clock.now())
        replicas.a.is_born()
        await replicas.until(replicas.sender)
        first = replicas.sender()
        replicas.b.is_born()
        await replicas.b.listens()
        for _ in range(8):  # longer than the lease, and the other one asks for it all the time
            replicas.things_happen(random.Random(2))
            await asyncio.sleep(0.3)
            assert replicas.sender() == first, "there were two senders"
        await replicas.are_healed()
        await replicas.a.is_signalled(signal.SIGKILL)
        replicas.things_happen(random.Random(2))
        await replicas.are_healed()  # in time: the lease of the dead is not ten minutes long
        assert replicas.sender() not in (None, first)
        replicas.are_whole()
        assert not club.rows(sa.select(outbox.c.id).where(outbox.c.repeat)), "somebody alive was taken for dead"
        assert not [one for one in club.api.ledger if one.chat_id == hers.user_id], "asked five minutes early"
        assert "clock.set" in replicas.a.log.read_text() and "clock.set" not in replicas.b.log.read_text()
        await replicas.b.is_signalled(signal.SIGTERM)


# --- the bell -----------------------------------------------------------------------------------------------------


@on_postgres
async def test_a_reply_handled_by_one_is_sent_by_the_other_without_waiting_for_its_beat(
    migrated_database_url: str, nurseries: tuple[Nursery, Nursery], tmp_path: Path
) -> None:
    """Their beats are an hour apart, so that nothing but the bell can wake them."""
    async with two(migrated_database_url, nurseries, tmp_path, called="b") as replicas:
        club = replicas.club
        no_beat = {"bot.app.BEAT_S": 3600.0}
        replicas.a.is_born(constants={**no_beat, "bot.send.SENDER_LEASE_S": 600.0})
        await replicas.until(replicas.sender)
        replicas.b.is_born(constants=no_beat)
        await replicas.b.listens()
        first = replicas.sender()
        replicas.things_happen(random.Random(3))
        await replicas.until(lambda: [one for one in club.api.ledger if one.chat_id == club.coach.chat_id])
        assert replicas.b.turns.exists() and replicas.sender() == first
        for replica in replicas.both:
            await replica.is_signalled(signal.SIGKILL)


# --- who receives -------------------------------------------------------------------------------------------------


POLLS = {"AIDSTATION_MODE": "polling", "WEBHOOK_URL": "", "WEBHOOK_SECRET": ""}


@on_postgres
async def test_a_second_poller_is_refused_and_a_killed_one_is_followed(
    migrated_database_url: str, nurseries: tuple[Nursery, Nursery], tmp_path: Path
) -> None:
    async with two(migrated_database_url, nurseries, tmp_path) as replicas:
        club = replicas.club
        for replica in replicas.both:
            replica.env.update(POLLS)
        replicas.a.is_born()
        await replicas.until(lambda: club.api.calls["getUpdates"])
        replicas.b.is_born()
        assert await replicas.b.ends() == 1
        assert "another process receives for this bot" in replicas.b.log.read_text()
        assert "two_polls" not in replicas.a.log.read_text(), "it was refused too late"
        replicas.b.env |= {
            "AIDSTATION_MODE": "webhook",
            "WEBHOOK_URL": club.env["WEBHOOK_URL"],
            "WEBHOOK_SECRET": SECRET,
        }
        replicas.b.is_born()
        assert await replicas.b.ends() == 1
        assert "a process that polls runs on this database" in replicas.b.log.read_text()
        assert not club.api.calls["setWebhook"]
        replicas.b.env.update(POLLS)

        await replicas.a.is_signalled(signal.SIGKILL)
        replicas.b.is_born()  # it waits until the lease of the dead has run out
        replicas.things_happen(random.Random(4))
        await replicas.are_healed()
        replicas.are_whole()
        await replicas.b.is_signalled(signal.SIGTERM)
        assert not club.rows(sa.select(lease)), "a lease was not given back"
        replicas.a.is_born()  # after a clean stop nobody has to wait
        replicas.things_happen(random.Random(4))
        await replicas.are_healed()
        replicas.are_whole()
        await replicas.a.is_signalled(signal.SIGTERM)


@on_postgres
async def test_who_polls_beside_processes_that_are_called_is_refused_and_takes_their_webhook_not_away(
    migrated_database_url: str, nurseries: tuple[Nursery, Nursery], tmp_path: Path
) -> None:
    async with two(migrated_database_url, nurseries, tmp_path) as replicas:
        club = replicas.club
        replicas.a.is_born()
        await replicas.until(lambda: club.api.updates.webhook)
        replicas.b.env.update(POLLS)
        replicas.b.is_born()
        assert await replicas.b.ends() == 1
        assert "another process receives for this bot" in replicas.b.log.read_text()
        assert club.api.updates.webhook and not club.api.calls["deleteWebhook"]
        replicas.things_happen(random.Random(6))
        await replicas.are_healed()
        replicas.are_whole()
        await replicas.a.is_signalled(signal.SIGTERM)
