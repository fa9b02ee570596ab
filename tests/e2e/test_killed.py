"""The service is killed by SIGKILL at every step, and nothing is lost, and nothing is said twice without need.

The sandbox's Bot API runs here, over real HTTP; the service is another process (`killable`) with a real database file,
and is killed ten times at each step, by polling and by webhook, then started again as it is. A death is healed by the
next life, which is itself killed: every other one while it heals, the others when new things happen afterwards. It
kills itself, but for the step "unanswered": Telegram has accepted, its answer never leaves, and we kill from here.
At the end of this file the plain command is killed and stopped, to show that the nursery is no trick.

Every life begins 61 seconds after the last one by the clock of Telegram and of the service, so that the leases of the
dead (60 s for a message, 15 s for the sender) have run out. No constant of the service is changed for that. It is noon
in the club, nobody has quiet hours, and every tap comes home before Telegram forgets it (150 s).

In each life two athletes say what must reach their coach, each in words that nobody else uses; a third one's check-in
falls due; earlier check-ins are answered by a tap, and the coach acks what has arrived. It is judged only at the end,
by the sandbox's ledger and the database:
    words      once in the journal; a page to the coach at least once; an answer to the athlete
    a repeat   only of what Telegram accepted in a life that ended with the row still leased; a page says that it is one
    check-in   at most once for a person and a date; missing only where a life ended with its row leased
    taps       each one counted, once
    the rest   nothing new in the inbox, nothing leased or waiting in the outbox, nothing dead
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa

from bot.clock import Clock
from bot.sandbox.botapi import BotApi
from bot.sandbox.phone import Phone
from bot.sandbox.server import serve
from bot.sandbox.state import Delivered
from dialogs.model import Person, Wakeup
from storage import due as dues
from storage.db import Database, open_db
from storage.outbox import LEASE_SECONDS
from storage.schema import due, escalation, inbox, journal, outbox
from tests.e2e.killable import STEPS
from tests.storage.club import join

Mode = Literal["polling", "webhook"]
MODES: tuple[Mode, ...] = ("polling", "webhook")

UNANSWERED = "unanswered"
# In each life there are at least so many updates and turns at which it may die; messages are five at least.
MEETINGS = {"fetched": 2, "stored": 2, "confirmed": 2, "handled": 3, "committed": 3, UNANSWERED: 3}

ROOT = Path(__file__).parents[2]
TOKEN = "1000001:killed"
SECRET = "told-to-nobody"
AFTER_A_DEATH = timedelta(seconds=LEASE_SECONDS + 1)
PATIENCE_S = 60.0  # for anything that must happen; only a failing test waits so long
NEVER_QUIET = {"quiet_from": time(0), "quiet_to": time(0)}
LIMITS = "[limits]\nper_second = 1000.0\nper_chat = 1000.0\nburst = 1000\n"  # the limits are not what is tested here


class Nursery:
    """The process from which all killable ones are forked."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.e2e.killable"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.child: int | None = None
        self._hears("ready")

    def bears(self, order: dict[str, Any]) -> int:
        """A child with this order; gives its process id."""
        assert self.process.stdin and self.child is None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        self.child = self._hears("born")
        return self.child

    async def child_ends(self) -> int:
        """Wait for its end; gives its exit code, negative for a signal."""
        assert self.process.stdout
        told = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.process.stdout, told.set)  # a thread could not be given up
        try:
            await told.wait()
        finally:
            asyncio.get_running_loop().remove_reader(self.process.stdout)
        code = self._hears("ended")
        self.child = None
        return code

    def ends_child(self) -> None:
        """After a test that failed half-way."""
        if self.child is not None:
            with suppress(ProcessLookupError):
                os.kill(self.child, signal.SIGKILL)
            self._hears("ended")
            self.child = None

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()

    def _hears(self, what: str) -> int:
        assert self.process.stdout
        word, _, number = self.process.stdout.readline().decode().strip().partition(" ")
        assert word == what, f"the nursery says {word!r}, not {what!r}"
        return int(number or 0)


@pytest.fixture(scope="session")
def shared_nursery() -> Iterator[Nursery]:
    nursery = Nursery()
    try:
        yield nursery
    finally:
        nursery.close()


@pytest.fixture
def nursery(shared_nursery: Nursery) -> Iterator[Nursery]:
    yield shared_nursery
    shared_nursery.ends_child()


@dataclass(slots=True)
class Life:
    """One life of the service: when it was born, and which outbox rows were leased when it had ended."""

    born: datetime
    leased: frozenset[int] = frozenset()


@dataclass(slots=True)
class Club:
    """The sandbox, its people, and what they have said and done. The service runs elsewhere."""

    api: BotApi
    clock: Clock
    base: Database
    env: dict[str, str]
    folder: Path
    coach: Person
    kim: Phone
    lives: list[Life] = field(default_factory=list)
    words: dict[str, Person] = field(default_factory=dict)  # what was said, and who said it
    asked: dict[int, Phone] = field(default_factory=dict)  # whose check-in fell due, by person id
    answered: list[int] = field(default_factory=list)  # who has tapped an answer
    acked: list[str] = field(default_factory=list)  # the shorts that Kim has tapped
    elsewhere: list[str] = field(default_factory=list)  # lives that did not end where they should
    _next_chat: int = 600

    # --- people -----------------------------------------------------------------------------------------------

    def somebody_runs(self) -> tuple[Person, Phone]:
        self._next_chat += 1
        name = f"Ann {self._next_chat}"
        with self.base.begin() as tx:
            person = join(
                tx,
                name,
                self._next_chat,
                runs=True,
                coach_id=self.coach.id,
                consent_at=self.clock.now(),
                **NEVER_QUIET,
            )
        return person, phone(self.api, self._next_chat, name)

    def somebody_worries(self) -> str:
        person, hers = self.somebody_runs()
        said = f"my chest hurts and I am dizzy, number {len(self.words) + 1:03}."
        self.words[said] = person
        hers.says(said)
        return said

    def a_checkin_falls_due(self) -> None:
        person, hers = self.somebody_runs()
        now = self.clock.now()
        key = f"checkin:{person.id}:{now.date()}"
        with self.base.begin() as tx:
            assert dues.put(tx, person.id, Wakeup("checkin", key, now - timedelta(seconds=3), now.date()), now)
        self.asked[person.id] = hers

    def things_happen(self) -> None:
        """At least two words and one check-in, and a tap for whatever can be tapped; all in one instant."""
        self.a_checkin_falls_due()
        self.somebody_worries()
        for person_id, hers in self.asked.items():
            if person_id not in self.answered and hers.unseen():
                hers.taps("All as usual")
                self.answered.append(person_id)
        for bubble in self.kim.screen():
            for button in (button for row in bubble.buttons for button in row):
                short = (button.data or "").removeprefix("ack:")
                if short != button.data and short not in self.acked:
                    self.kim.taps_data(bubble.message_id, str(button.data))
                    self.acked.append(short)
        self.somebody_worries()

    # --- the service's lives ----------------------------------------------------------------------------------

    @property
    def armed(self) -> Path:
        return self.folder / "armed"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def is_born(self, nursery: Nursery, step: str = "", nth: int = 1) -> int:
        if self.lives:
            self.clock.ahead += AFTER_A_DEATH
        self.begins_a_life()
        ahead = self.clock.ahead.total_seconds()
        order = {
            "step": "" if step == UNANSWERED else step,
            "nth": nth,
            "ahead": ahead,
            "armed": str(self.armed),
            "log": str(self.log),
        }
        return nursery.bears({**order, "env": self.env})

    def begins_a_life(self) -> None:
        self.lives.append(Life(self.clock.now()))

    async def lives_and_dies(self, nursery: Nursery, step: str, number: int) -> None:
        """One life, and its death at `step`: while it heals the last one (odd numbers), or afterwards."""
        nth = 1 + number // 2 % MEETINGS.get(step, 5)
        self.disarm()
        if number % 2:
            self.things_happen()
            self.armed.touch()
            pid = self.is_born(nursery, step, nth)
            if step == UNANSWERED:
                self.kill_unanswered(pid, nth)
        else:
            self.somebody_worries()
            pid = self.is_born(nursery, step, nth)
            await self.is_healed()
            if step == UNANSWERED:
                self.kill_unanswered(pid, nth)
            self.armed.touch()
            self.things_happen()
        try:
            async with asyncio.timeout(PATIENCE_S):
                code = await nursery.child_ends()
        except TimeoutError:
            raise AssertionError(f"life {number} does not come to {step}\n{self.report()}") from None
        assert code == -signal.SIGKILL, f"life {number} ended with {code}\n{self.report()}"
        await self.ended()
        for _ in range(200):  # on a busy machine the sandbox may not have read yet what the dead have sent
            if SCENE[step](self):
                return
            await asyncio.sleep(0.01)
        self.elsewhere.append(f"life {number} at {step}")

    def kill_unanswered(self, pid: int, aim: int) -> None:
        """Kill from outside in the instant in which Telegram accepts a page (1), a check-in (2), an answer (3)."""

        def kill(delivered: Delivered) -> None:
            checkins = [hers.user_id for hers in self.asked.values()]
            kind = 1 if delivered.chat_id == self.coach.chat_id else 2 if delivered.chat_id in checkins else 3
            if delivered.method == "sendMessage" and kind == aim:
                self.api.on_accept = None
                os.kill(pid, signal.SIGKILL)

        self.api.on_accept = kill

    def disarm(self) -> None:
        self.armed.unlink(missing_ok=True)
        self.api.on_accept = None

    async def ended(self) -> None:
        """Let the sandbox read what the dead have still sent, and note what they had on their way."""
        for _ in range(20):
            await asyncio.sleep(0.001)
        rows = self.rows(sa.select(outbox.c.id).where(outbox.c.status == "leased"))
        self.lives[-1].leased = frozenset(row.id for row in rows)

    async def is_healed(self) -> None:
        """Wait until the service has nothing left to do, by what Telegram and the database show."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self.api.updates.pending or self.unfinished():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"it does not heal\n{self.report()}") from None

    async def lives_on(self, nursery: Nursery) -> None:
        """The last life: it heals what is left, and ends as an operator ends it."""
        self.disarm()
        pid = self.is_born(nursery)
        await self.is_healed()
        os.kill(pid, signal.SIGTERM)
        assert await nursery.child_ends() == 0, self.report()
        await self.ended()

    # --- what is there ----------------------------------------------------------------------------------------

    def rows(self, statement: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
        with self.base.read() as tx:
            return tx.execute(statement).all()

    def unfinished(self) -> list[str]:
        """What is still to be done, as text."""
        now = self.clock.now()
        waiting = (
            sa.select(inbox.c.key).where(inbox.c.status == "new"),
            sa.select(due.c.key).where(due.c.status == "open", due.c.at <= now),
            sa.select(sa.cast(outbox.c.id, sa.Text)).where(outbox.c.status.in_(("pending", "leased"))),
        )
        with self.base.read() as tx:
            return [str(key) for statement in waiting for key in tx.execute(statement).scalars()]

    def keys(self, status: str) -> set[str]:
        return {row.key for row in self.rows(sa.select(inbox.c.key).where(inbox.c.status == status))}

    def pending_keys(self) -> set[str]:
        return {f"{TOKEN.split(':')[0]}:{pending.update_id}" for pending in self.api.updates.pending}

    def copies(self, chat_id: int, html: str) -> list[Delivered]:
        """How often the chat was sent this text, as a repeat or not; edits do not count."""
        sent = [one for one in self.api.ledger if one.method == "sendMessage" and one.chat_id == chat_id]
        return [one for one in sent if one.html == html or one.html.endswith(f"\n{html}")]

    def life_of(self, delivered: Delivered) -> Life:
        return [life for life in self.lives if life.born <= delivered.at][-1]

    def report(self) -> str:
        log = self.log.read_text(errors="replace")[-4000:] if self.log.exists() else "(none)"
        return f"unfinished: {self.unfinished()}\nat Telegram: {self.pending_keys()}\nlog:\n{log}"

    # --- the judgement ----------------------------------------------------------------------------------------

    def is_whole(self) -> None:
        """Nothing is lost, nothing is said twice without need; see the top."""
        assert not self.unfinished() and not self.pending_keys(), self.report()
        for table in (inbox, due, outbox):
            assert not self.rows(sa.select(table.c.id).where(table.c.status == "dead")), self.report()
        for said, person in self.words.items():
            kept = self.rows(sa.select(journal.c.id).where(journal.c.kind == "words", journal.c.words == said))
            assert len(kept) == 1, f"{said!r} is in the journal {len(kept)} times\n{self.report()}"
            assert self.pages_of(said), f"{said!r} has not reached the coach\n{self.report()}"
            assert any(one.chat_id == person.chat_id for one in self.api.ledger), f"no answer to {said!r}"
        for person_id, hers in self.asked.items():
            asked = [one for one in self.api.ledger if one.chat_id == hers.user_id and one.method == "sendMessage"]
            assert len(asked) <= 1, f"{hers.name} was asked {len(asked)} times\n{hers.transcript()}"
            row = self.rows(sa.select(outbox).where(outbox.c.to_person == person_id, outbox.c.once))[0]
            on_the_way = any(row.id in life.leased for life in self.lives)
            assert row.status == ("unknown" if on_the_way else "sent"), f"check-in {row.key} is {row.status}"
            assert asked or on_the_way, f"check-in {row.key} was lost, and nobody died over it"
        for person_id in self.answered:
            answers = sa.select(journal.c.name).where(journal.c.person_id == person_id, journal.c.kind == "answer")
            names = [row.name for row in self.rows(answers)]
            assert sorted(names) == ["fatigue", "mood", "sleep", "soreness", "stress"], f"{person_id}: {names}"
        acks = sa.select(escalation.c.short).where(escalation.c.owner_id == self.coach.id)
        assert sorted(row.short for row in self.rows(acks)) == sorted(self.acked)
        self.repeats_are_needed()
        # A death may come at another place on a busy machine. It must lose nothing either, but it proves less.
        assert len(self.elsewhere) <= 1, f"nothing is lost, but these deaths prove nothing: {self.elsewhere}"

    def pages_of(self, said: str) -> list[Delivered]:
        sent = [one for one in self.api.ledger if one.method == "sendMessage" and one.chat_id == self.coach.chat_id]
        return [one for one in sent if said in one.text]

    def repeats_are_needed(self) -> None:
        for row in self.rows(sa.select(outbox).where(~outbox.c.edit, ~outbox.c.toast)):
            text, prefix = row.payload["text"], row.payload.get("repeat_prefix")
            copies = self.copies(row.chat_id, text)
            for copy in copies[:-1]:
                assert row.id in self.life_of(copy).leased, f"said again without need: {copies}"
            assert len({self.life_of(copy).born for copy in copies}) == len(copies), f"twice in one life: {copies}"
            if prefix:
                for copy in copies[1:]:
                    assert copy.html == f"{prefix}\n{text}", "a page is repeated, and does not say so"


def phone(api: BotApi, chat: int, name: str) -> Phone:
    hers = Phone(api, chat, name)
    api.users[chat].started = True
    return hers


# What must be true after a death at each step, lest a test pass because it killed in the wrong place.
SCENE: dict[str, Callable[[Club], object]] = {
    "fetched": lambda club: club.pending_keys() - club.keys("new") - club.keys("done"),
    "stored": lambda club: club.pending_keys() & (club.keys("new") | club.keys("done")),
    "confirmed": lambda club: club.keys("new") - club.pending_keys(),
    "handled": lambda club: club.unfinished(),
    "committed": lambda club: _since_birth(club, inbox.c.finished_at) or _since_birth(club, due.c.finished_at),
    "leased": lambda club: [id for id in club.lives[-1].leased if not _accepted(club, id)],
    "accepted": lambda club: [id for id in club.lives[-1].leased if _accepted(club, id)],
    UNANSWERED: lambda club: [id for id in club.lives[-1].leased if _accepted(club, id)],
    "recorded": lambda club: _since_birth(club, outbox.c.sent_at),
}


def _since_birth(club: Club, column: sa.Column[Any]) -> Sequence[sa.Row[Any]]:
    return club.rows(sa.select(column).where(column >= club.lives[-1].born))


def _accepted(club: Club, id: int) -> bool:
    """Whether Telegram has accepted this row in the life that has just ended."""
    row = club.rows(sa.select(outbox).where(outbox.c.id == id))[0]
    mine = [one for one in club.api.ledger if one.chat_id == row.chat_id and one.at >= club.lives[-1].born]
    text = row.payload["text"]  # none where only buttons are taken off
    return bool(text) and any(one.html.endswith(text) for one in mine)


@asynccontextmanager
async def a_club(url: str, mode: Mode, folder: Path, clock: Clock | None = None) -> AsyncIterator[Club]:
    """A club with a coach, on this migrated database, at noon."""
    if clock is None:
        clock = Clock()
        clock.turn_to((clock.now() + timedelta(days=1)).replace(hour=12, minute=0, second=0))
    api = BotApi(token=TOKEN, now=clock.now)
    api.limits = False
    api.updates.backoff = 0.005
    (folder / "limits.toml").write_text(LIMITS)
    env = {
        "PATH": os.defpath,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "DATABASE_URL": url,
        "AIDSTATION_CONFIG": str(folder / "limits.toml"),
        "AIDSTATION_MODE": mode,
    }
    if mode == "webhook":
        address = f"127.0.0.1:{a_free_port()}"
        env |= {
            "WEBHOOK_URL": f"http://{address}/telegram",
            "WEBHOOK_LISTEN": address,
            "WEBHOOK_SECRET": SECRET,
        }
    base = open_db(url)
    try:
        with base.begin() as tx:
            coach = join(tx, "Kim", 500, coaches=True, consent_at=clock.now(), **NEVER_QUIET)
        async with serve(api) as api_url:
            kim = phone(api, 500, "Kim")
            yield Club(api, clock, base, {**env, "TELEGRAM_API_URL": api_url}, folder, coach, kim)
    finally:
        base.close()


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


# --- the tests ----------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("step", [*STEPS, UNANSWERED])
@pytest.mark.parametrize("mode", MODES)
async def test_ten_deaths_at_one_step_lose_nothing(
    mode: Mode, step: str, migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    async with a_club(migrated_database_url, mode, tmp_path) as club:
        for number in range(10):
            await club.lives_and_dies(nursery, step, number)
        await club.lives_on(nursery)
        club.is_whole()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("migrated_database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("mode", MODES)
async def test_on_postgresql_a_death_at_each_step_loses_nothing(
    mode: Mode, migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    async with a_club(migrated_database_url, mode, tmp_path) as club:
        for number, step in enumerate(STEPS):
            await club.lives_and_dies(nursery, step, number)
        await club.lives_on(nursery)
        club.is_whole()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
async def test_what_telegram_accepted_is_written_down_at_the_second_try_and_not_said_again(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        pid = club.is_born(nursery, "stumbling")
        club.armed.touch()
        club.things_happen()
        await club.is_healed()
        assert not club.armed.exists(), "it has not stumbled"
        os.kill(pid, signal.SIGTERM)
        assert await nursery.child_ends() == 0, club.report()
        club.is_whole()


# --- the plain command --------------------------------------------------------------------------------------------


@contextmanager
def aidstation(club: Club) -> Iterator[subprocess.Popen[bytes]]:
    """`aidstation run` as an operator starts it: a new process, and nothing but variables."""
    command = [str(Path(sys.executable).with_name("aidstation")), "run"]
    club.begins_a_life()
    with club.log.open("ab") as log:
        process = subprocess.Popen(command, cwd=club.folder, env=club.env, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
async def test_the_plain_command_is_killed_from_outside_and_started_again(
    migrated_database_url: str, tmp_path: Path
) -> None:
    """No clock is turned here: the restart waits until the dead sender's lease has run out, as in life (15 s)."""
    async with a_club(migrated_database_url, "polling", tmp_path, Clock()) as club:
        with aidstation(club) as process:

            def kill_while_it_confirms(method: str, given: dict[str, Any]) -> None:
                if method == "getUpdates" and given.get("offset"):
                    process.kill()

            club.api.on_call = kill_while_it_confirms
            club.things_happen()
            assert await asyncio.to_thread(process.wait, PATIENCE_S) == -signal.SIGKILL, club.report()
        club.api.on_call = None
        await club.ended()
        assert club.unfinished()
        club.things_happen()
        with aidstation(club):
            await club.is_healed()
        await club.ended()
        club.is_whole()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
async def test_sigterm_ends_the_plain_command_at_once_and_loses_nothing(
    migrated_database_url: str, tmp_path: Path
) -> None:
    """A message whose answer is still on its way is waited for and written down: after the restart nothing repeats."""
    async with a_club(migrated_database_url, "webhook", tmp_path, Clock()) as club:
        with aidstation(club) as process:
            club.things_happen()
            await club.is_healed()
            answers = club.api.hold["sendMessage"] = asyncio.Event()
            said = club.somebody_worries()
            while not club.pages_of(said):
                await asyncio.sleep(0.01)
            process.terminate()
            club.things_happen()
            await asyncio.sleep(0.1)
            answers.set()
            assert await asyncio.to_thread(process.wait, 10) == 0, club.report()
        await club.ended()
        assert not club.lives[-1].leased
        with aidstation(club):
            await club.is_healed()
        await club.ended()
        club.is_whole()
