"""Stopping and starting one process: SIGTERM loses nothing and is over within ten seconds, and nobody starts twice.

Real processes (`killable`) on SQLite, Telegram's answers as slow as they can be in life. Ten seconds is what a
supervisor gives; where a test waits so long, it is for a process that would be killed then, and not a measurement.
What must not run is told why in one sentence and ends with 1.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from bot.sandbox.faults import Fault
from bot.sandbox.state import Delivered
from dialogs.model import Lane, Message
from storage import outbox as posts
from storage.schema import lease, outbox
from tests.e2e.test_killed import (
    AFTER_A_DEATH,
    PATIENCE_S,
    ROOT,
    TOKEN,
    Club,
    Nursery,
    a_club,
    a_free_port,
    nursery,
    phone,
    shared_nursery,
)

__all__ = ["nursery", "shared_nursery"]  # fixtures

GRACE_S = 10  # what systemd, Docker and the issue give
ROWS, CHATS = 2000, 500
IMPATIENT = {"bot.receive.FIRST_PAUSE_S": 0.1, "bot.receive.LONGEST_PAUSE_S": 0.2}

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True),
]


def born(club: Club, nursery: Nursery, step: str = "", **more: Any) -> int:
    """A life at the machine's own pace: no lease runs out before it."""
    club.begins_a_life()
    order = {"step": step, "nth": 1, "ahead": club.clock.ahead.total_seconds(), "armed": str(club.armed)}
    return nursery.bears({**order, "log": str(club.log), "env": club.env, **more})


def log(club: Club) -> str:
    return club.log.read_text() if club.log.exists() else ""


async def until(club: Club, seen: Callable[[], object]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not seen():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(club.report()) from None


async def ends(club: Club, nursery: Nursery) -> int:
    try:
        async with asyncio.timeout(GRACE_S):
            return await nursery.child_ends()
    except TimeoutError:
        raise AssertionError(f"it is still there after {GRACE_S} s\n{club.report()}") from None


async def is_stopped(club: Club, nursery: Nursery, pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    assert await ends(club, nursery) == 0, club.report()
    await club.ended()


def much_to_say(club: Club) -> None:
    """Of each chat's messages the first may be said only once, as a check-in."""
    now = club.clock.now()
    with club.base.begin() as tx:
        for number in range(ROWS):
            chat = 1000 + number % CHATS
            if number < CHATS:
                phone(club.api, chat, f"Ann {chat}")
            lane = Lane.PROMPT if number < CHATS else Lane.REPLY
            message = Message(None, "test", once=number < CHATS, lane=lane)
            posts.put(tx, message, {"text": f"row {number}"}, to_person=None, chat_id=chat, now=now, cause="test")


def said(club: Club) -> Counter[str]:
    return Counter(one.text for one in club.api.ledger if one.text.startswith("row "))


def has_said(club: Club, aim: int) -> bool:
    return said(club).total() >= aim


def has_sent(club: Club, more_than: int) -> bool:
    return len(club.api.ledger) > more_than


async def polls(club: Club) -> None:
    """Until the service fetches; a poll of somebody dead may still hang at Telegram."""
    before = club.api.calls["getUpdates"]
    await until(club, lambda: club.api.calls["getUpdates"] > before)


def states(club: Club) -> dict[str, int]:
    rows = club.rows(sa.select(outbox.c.status, sa.func.count().label("how_many")).group_by(outbox.c.status))
    return {row.status: row.how_many for row in rows}


# --- SIGTERM ------------------------------------------------------------------------------------------------------


async def test_sigterm_with_2000_messages_queued_loses_none_and_says_none_twice(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    dice = random.Random(7)
    async with a_club(migrated_database_url, "webhook", tmp_path) as club:
        much_to_say(club)

        async def slow(_: Delivered) -> None:
            await asyncio.sleep(dice.uniform(2, 3))

        club.api.on_accept = slow
        pid = born(club, nursery)
        await until(club, lambda: len(said(club)) > 40)
        await is_stopped(club, nursery, pid)
        assert states(club) == {"sent": said(club).total(), "pending": ROWS - said(club).total()}
        club.api.on_accept = None
        for life in range(5):  # and at any instant, most of them inside a transaction
            aim = said(club).total() + dice.randint(1, 150)
            pid = born(club, nursery)
            await until(club, partial(has_said, club, aim))
            await asyncio.sleep(dice.uniform(0, 0.05))
            await is_stopped(club, nursery, pid)
            assert states(club) == {"sent": said(club).total(), "pending": ROWS - said(club).total()}, life
        pid = born(club, nursery)
        await until(club, lambda: states(club) == {"sent": ROWS})
        await is_stopped(club, nursery, pid)
        assert said(club) == Counter({f"row {number}": 1 for number in range(ROWS)})
        assert not club.rows(sa.select(outbox.c.id).where(outbox.c.repeat))
        assert not club.rows(sa.select(lease)), "a lease was not given back"


async def test_whatever_hangs_it_ends_and_what_was_on_the_way_is_left_to_its_lease(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    """Telegram accepts and never answers, and another process holds the database: nothing can be written down."""
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        pid = born(club, nursery)
        club.api.hold["sendMessage"] = asyncio.Event()
        worry = club.somebody_worries()
        club.a_checkin_falls_due()
        person, hers = club.somebody_runs()
        await until(club, lambda: club.pages_of(worry) and len(club.api.ledger) == 3)
        with closing(sqlite3.connect(club.base.engine.url.database or "", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            club.words["I feel faint."] = person
            hers.says("I feel faint.")  # an update that waits for the database, longer than the stop may last
            await is_stopped(club, nursery, pid)
            other.execute("ROLLBACK")
        assert len(club.lives[-1].leased) == 3
        club.api.hold.pop("sendMessage").set()
        pid = born(club, nursery)
        await club.is_healed()
        await is_stopped(club, nursery, pid)
        club.is_whole()
        assert len(club.pages_of(worry)) == 2  # the second one says that it is a repeat: is_whole


async def test_it_says_that_it_stops_and_a_second_signal_ends_it_at_once(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as club, aiohttp.ClientSession() as http:
        listen = club.env["WEBHOOK_LISTEN"] = f"127.0.0.1:{a_free_port()}"

        async def ready() -> bool:
            try:
                async with http.get(f"http://{listen}/readyz") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        for second in (signal.SIGTERM, signal.SIGINT):
            club.api.hold["sendMessage"] = asyncio.Event()
            before = len(club.api.ledger)
            club.somebody_worries()
            pid = born(club, nursery)
            await until(club, partial(has_sent, club, before))
            assert await ready()
            os.kill(pid, signal.SIGTERM)
            while await ready():
                await asyncio.sleep(0.01)
            os.kill(pid, second)
            assert await ends(club, nursery) == -second
            await club.ended()
            assert club.lives[-1].leased
            club.api.hold.pop("sendMessage").set()
        pid = born(club, nursery)
        await club.is_healed()
        await is_stopped(club, nursery, pid)
        club.is_whole()


async def test_sigterm_while_telegram_is_away_or_the_database_is_locked_loses_nothing(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        address = club.env["TELEGRAM_API_URL"]
        club.env["TELEGRAM_API_URL"] = f"http://127.0.0.1:{a_free_port()}"
        club.a_checkin_falls_due()
        pid = born(club, nursery)
        await until(club, lambda: "send.failed kind=network" in log(club))
        await is_stopped(club, nursery, pid)

        club.env["TELEGRAM_API_URL"] = address
        with closing(sqlite3.connect(club.base.engine.url.database or "", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # from the start: it cannot even begin
            pid = born(club, nursery)
            await asyncio.sleep(0.3)
            os.kill(pid, signal.SIGTERM)
            await asyncio.sleep(0.3)
            other.execute("ROLLBACK")
            assert await ends(club, nursery) == 0, club.report()

        worry = club.somebody_worries()
        pid = born(club, nursery)
        await club.is_healed()
        club.api.hold["sendMessage"] = asyncio.Event()
        second = club.somebody_worries()
        await until(club, lambda: club.pages_of(second))
        with closing(sqlite3.connect(club.base.engine.url.database or "", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # what has been said cannot be written down, for a moment
            os.kill(pid, signal.SIGTERM)
            club.api.hold.pop("sendMessage").set()
            await asyncio.sleep(0.5)
            other.execute("ROLLBACK")
        assert await ends(club, nursery) == 0, club.report()
        await club.ended()
        assert not club.lives[-1].leased

        pid = born(club, nursery)
        await polls(club)
        await club.is_healed()
        await is_stopped(club, nursery, pid)
        club.is_whole()
        assert len(club.pages_of(worry)) == len(club.pages_of(second)) == 1


async def test_sigterm_at_any_instant_of_a_start_leaves_a_database_that_starts(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    dice = random.Random(3)
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        fresh = tmp_path / "fresh.db"
        club.env["DATABASE_URL"] = f"sqlite:///{fresh}"
        codes = set()
        for _ in range(8):
            pid = born(club, nursery)
            await asyncio.sleep(dice.uniform(0.0, 0.4))
            os.kill(pid, signal.SIGTERM)
            codes.add(await ends(club, nursery))
        assert codes <= {0, -signal.SIGTERM} and 0 in codes, club.report()  # before its first line it just ends
        club.env["DATABASE_URL"] = migrated_database_url
        club.somebody_worries()
        pid = born(club, nursery)
        await club.is_healed()
        await is_stopped(club, nursery, pid)
        club.is_whole()
        with closing(sqlite3.connect(fresh)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_ctrl_c_ends_the_sandbox_and_leaves_nothing_behind(migrated_database_url: str, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run",
        cwd=tmp_path, env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    try:
        async with asyncio.timeout(PATIENCE_S):
            while b"Ctrl+C" not in await process.stdout.readline():
                assert process.returncode is None
        assert list((tmp_path / "data").iterdir())
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(GRACE_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert not list((tmp_path / "data").iterdir())


# --- starting -----------------------------------------------------------------------------------------------------


async def aidstation(club: Club, *arguments: str, **env: str) -> tuple[int, str]:
    """The plain command to its end: its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, cwd=club.folder,
        env={**club.env, "PYTHONPATH": str(ROOT), **env}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    assert "Traceback" not in said.decode() and TOKEN not in said.decode()
    return process.returncode, said.decode()


async def test_a_second_run_on_one_file_is_refused_and_other_commands_work_beside_it(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        pid = born(club, nursery)
        await polls(club)
        code, said = await aidstation(club, "run")
        assert code == 1 and f"process {pid} runs on " in said and "stop it first" in said
        assert "is at this release" not in said
        for command in (("doctor",), ("invite", "coach", "Pat")):
            code, said = await aidstation(club, *command)
            assert code == 0 and "already" not in said, said
        club.somebody_worries()
        await club.is_healed()
        os.kill(pid, signal.SIGKILL)
        assert await ends(club, nursery) == -signal.SIGKILL
        pid = born(club, nursery)  # a dead process holds nothing
        club.somebody_worries()
        await club.is_healed()
        await is_stopped(club, nursery, pid)
        club.is_whole()


@pytest.mark.parametrize("step", ["leased", "accepted"])
async def test_after_a_crash_no_chat_waits_for_a_lease(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path, step: str
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        club.things_happen()
        club.armed.touch()
        born(club, nursery, step)
        async with asyncio.timeout(PATIENCE_S):
            assert await nursery.child_ends() == -signal.SIGKILL
        await club.ended()
        assert club.lives[-1].leased
        club.disarm()
        pid = born(club, nursery)  # at once: by its clock, too, every lease still runs
        await club.is_healed()
        assert club.clock.now() < club.lives[-2].born + AFTER_A_DEATH
        await is_stopped(club, nursery, pid)
        club.is_whole()


def _with_webhook(club: Club, port: int) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}/telegram"
    listen = {"WEBHOOK_LISTEN": f"127.0.0.1:{port}", "WEBHOOK_URL": url, "WEBHOOK_SECRET": "told-to-nobody"}
    return {"AIDSTATION_MODE": "webhook", **listen}


async def refused(club: Club, nursery: Nursery, **env: str) -> str:
    """What a start says that ends with 1."""
    usual, before = club.env, len(log(club))
    club.env = {**usual, **env}
    born(club, nursery)
    club.env = usual
    assert await ends(club, nursery) == 1
    said = log(club)[before:]
    assert "aidstation: " in said and "Traceback" not in said and "process.failed" not in said
    return said


async def test_what_cannot_be_right_is_refused_at_the_start_in_a_sentence(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        club.api.faults.append(Fault(401, "getMe"))
        said = await refused(club, nursery)
        assert "Telegram does not know this bot" in said and "@BotFather" in said

        taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        async with taken:
            port = taken.sockets[0].getsockname()[1]
            said = await refused(club, nursery, **_with_webhook(club, port))
            assert f"cannot listen on 127.0.0.1:{port}" in said and "WEBHOOK_LISTEN" in said
        said = await refused(club, nursery, **{**_with_webhook(club, 80), "WEBHOOK_URL": "http://club.example/"})
        assert "WEBHOOK_URL must begin with https://" in said
        assert not club.api.ledger


async def test_the_token_of_another_bot_is_refused_unless_it_is_meant(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        pid = born(club, nursery)
        club.somebody_worries()
        await club.is_healed()
        await is_stopped(club, nursery, pid)
        before = len(club.api.ledger)
        club.api.token = club.env["TELEGRAM_BOT_TOKEN"] = "2000002:another"

        club.somebody_worries()
        said = await refused(club, nursery)
        assert "of bot 2000002" in said and "served bot 1000001" in said and "--new-bot" in said
        assert len(club.api.ledger) == before and len(club.api.updates.pending) == 1

        def known() -> list[str]:
            return [row.message_id for row in club.rows(sa.select(outbox.c.message_id)) if row.message_id is not None]

        assert known()
        pid = born(club, nursery, arguments=["--new-bot"])
        await until(club, lambda: not club.api.updates.pending)
        await club.is_healed()
        await is_stopped(club, nursery, pid)
        assert len(known()) == len(club.api.ledger) - before  # the old bot's ids mean nothing to the new one
        pid = born(club, nursery)  # from now on it is the one
        await polls(club)
        await is_stopped(club, nursery, pid)


# --- who polls ----------------------------------------------------------------------------------------------------


async def test_who_has_polled_for_a_while_stays_and_hears_everything(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    """The second one has a database of its own, so that only Telegram can tell that there are two."""
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        pid = born(club, nursery, constants={"bot.start.FIRST_MINUTE_S": 0, **IMPATIENT})
        await polls(club)
        code, said = await aidstation(club, "run", DATABASE_URL=f"sqlite:///{tmp_path / 'second.db'}")
        assert code == 1 and "another program polls with this bot's token" in said
        assert "receive.failed kind=two_polls" in log(club)
        club.things_happen()
        await club.is_healed()
        await is_stopped(club, nursery, pid)
        club.is_whole()


async def test_a_webhook_left_behind_is_no_second_poller(
    migrated_database_url: str, nursery: Nursery, tmp_path: Path
) -> None:
    async with a_club(migrated_database_url, "polling", tmp_path) as club:
        club.api.faults.append(Fault(500, "deleteWebhook", times=3))
        async with aiohttp.ClientSession() as http:
            address = f"{club.env['TELEGRAM_API_URL']}/bot{TOKEN}/setWebhook"
            await http.post(address, data={"url": "http://127.0.0.1:9/", "secret_token": "x"})
        pid = born(club, nursery, constants=IMPATIENT)
        club.somebody_worries()
        await until(club, lambda: "receive.failed kind=conflict" in log(club))
        await club.is_healed()
        await is_stopped(club, nursery, pid)
        club.is_whole()
