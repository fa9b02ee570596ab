"""A club lives on in another database, and comes back from a backup, and nobody is asked or paged twice for that."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.clock import Clock
from bot.sandbox.botapi import BotApi
from bot.sandbox.server import serve
from bot.sandbox.stage import NAME, TOKEN
from storage import backup, club, moving, people, restoring, schema
from storage.db import Database, open_db
from tests.conftest import _postgres_database
from tests.storage.test_moving import rich
from tests.world import World

ROOT = Path(__file__).parents[2]
ASKED = "How did you sleep?"
BACK = "I was restored from a copy"
REPEAT = "(repeat of #"


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, migrated_database_url: str) -> Iterator[str]:
    """Where a backup is restored to: the very place on SQLite, an empty database on PostgreSQL."""
    if migrated_database_url.startswith("sqlite"):
        yield migrated_database_url
    else:
        yield from _postgres_database(request.getfixturevalue("postgres_server"), None)


@pytest.fixture
def other_url(request: pytest.FixtureRequest, migrated_database_url: str, tmp_path: Path) -> Iterator[str]:
    """An empty database of the other kind."""
    if migrated_database_url.startswith("sqlite"):
        yield from _postgres_database(request.getfixturevalue("postgres_server"), None)
    else:
        yield f"sqlite:///{tmp_path / 'other.db'}"


def _back_up(world: World, folder: Path) -> Path:
    """While the service has the database open."""
    return backup.take(world.app.base, folder / "club.backup", world.now).file


async def _restore(world: World, file: Path, url: str, **how: Any) -> restoring.Restored:
    """The service is stopped, the backup brought back, the service started."""
    done: list[restoring.Restored] = []

    async def bring_back() -> None:
        base, former = open_db(url), open_db(world.stage.settings.database_url)
        lost = None if base.is_sqlite else former
        done.append(restoring.restore(base, file, world.now, "mark", former=lost, **how))
        former.close()
        world.stage.settings = replace(world.stage.settings, database_url=url)

    await world.crash_and_restart(then=bring_back)
    return done[0]


async def test_after_a_restore_nobody_is_asked_or_paged_twice_and_worries_climb_on(
    empty_url: str, world: World, tmp_path: Path
) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana", ask_at=world.now.time().replace(hour=8))
    ann, cara = await world.athlete("Ann", kim), await world.athlete("Cara", kim)
    ben = await world.athlete("Ben", kim, zone="America/Denver")
    dev = await world.athlete("Dev", kim)
    await world.fast_forward_to("05:50")
    await cara.says("chest pain since last night")
    await world.fast_forward(minutes=6)
    old = kim.short()
    taken_at = world.now
    file = _back_up(world, tmp_path)

    # What the backup knows nothing of.
    await world.fast_forward_to("06:15")
    assert len(kim.got(f"#{old}", taken_at)) == 2 and len(dana.got(f"#{old}", taken_at)) == 1
    await kim.says(f"ack {old}")
    await world.fast_forward_to("07:30")
    await ann.taps("All as usual")
    await ann.says("my shin hurts at night")
    new = kim.short()
    assert new != old and kim.got(f"#{new}", taken_at)
    await kim.says(f"ack {new}")
    await dev.says("/hour 6:30")  # for tomorrow: today's check-in has been asked
    await world.fast_forward_to("09:00")
    everybody = (ann, ben, cara, dev)
    asked = {one.name: len(one.got(ASKED)) for one in everybody}
    lists = {one.name: len(one.got("Good morning")) for one in (kim, dana)}

    restored_at = world.now
    world.expect("outbox unknown")
    done = await _restore(world, file, empty_url)
    assert done.taken_at == taken_at and done.rows["person"] == 6 and done.erased == 0

    # Everybody is told, once, and nobody at night: in Denver it is two o'clock.
    for one in (ann, cara, dev):
        told = one.got(BACK, restored_at)
        assert len(told) == 1 and "2 March, 05:56" in told[0].text and "09:00" in told[0].text
        assert "Pages of that time" not in told[0].text
    for coach in (kim, dana):
        assert "Pages of that time" in coach.got(BACK, restored_at)[0].text
    assert not ben.got(BACK) and not kim.got("#", restored_at)

    # The worry that was open then comes again, once, marked; then its ladder goes on, marked, until a human has it.
    await world.fast_forward(minutes=5)
    assert [one.text.count(REPEAT + old) for one in kim.got(f"#{old}", restored_at)] == [1]
    await world.fast_forward(minutes=11)
    pages = [one.text for coach in (kim, dana) for one in coach.got("#", restored_at)]
    assert len(pages) >= 3 and all(REPEAT + old in text for text in pages), pages
    assert not [text for text in pages if new in text], "what was raised afterwards is not known, and not paged"
    await kim.says("I have it")
    cara.sees("Kim has your words")
    await world.fast_forward_to("13:45")
    assert len(ben.got(BACK)) == 1 and "1 March, 22:56" in ben.got(BACK)[0].text
    assert len([one for coach in (kim, dana) for one in coach.got(REPEAT, restored_at)]) == len(pages)

    # Nobody is asked a second time today; whose hour comes later is asked as ever; tomorrow everybody is.
    for one in (ann, cara, dev):
        assert len(one.got(ASKED)) == asked[one.name]
    assert {one.name: len(one.got("Good morning")) for one in (kim, dana)} == lists
    await world.fast_forward_to("23:00")
    assert len(ben.got(ASKED)) == asked["Ben"] + 1
    await world.fast_forward_to("08:30")
    for one in (ann, cara, dev):
        assert len(one.got(ASKED)) == asked[one.name] + 1
    assert len([one for one in everybody if one.got(BACK)]) == 4
    assert all(len(one.got(BACK)) == 1 for one in (*everybody, kim, dana))


async def test_a_check_in_whose_hour_comes_between_restore_and_start_is_asked(
    empty_url: str, world: World, tmp_path: Path
) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("06:50")
    file = _back_up(world, tmp_path)
    await _restore(world, file, empty_url)
    await world.fast_forward_to("07:00")
    assert len(ann.got(ASKED)) == 1


async def test_days_later_todays_check_in_is_not_asked_again(empty_url: str, world: World, tmp_path: Path) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("03:00")
    file = _back_up(world, tmp_path)
    await world.fast_forward(days=3)
    await world.fast_forward_to("08:00")  # an hour after her check-in: were it asked now, it would not be too late
    asked = len(ann.got(ASKED))
    await _restore(world, file, empty_url)
    await world.fast_forward_to("06:50")
    assert len(ann.got(ASKED)) == asked
    await world.fast_forward_to("07:00")
    assert len(ann.got(ASKED)) == asked + 1


async def test_an_old_button_means_nobody_and_nothing_else_after_a_restore(
    empty_url: str, world: World, tmp_path: Path
) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("06:50")
    file = _back_up(world, tmp_path)
    ben = await world.athlete("Ben", kim)
    await ben.says("my shin hurts at night")
    write = next(str(b.data) for row in kim.phone.last.buttons for b in row if b.text == "Write to them")
    await world.fast_forward_to("07:00")
    lost = ann.phone.last
    two = next(str(b.data) for row in lost.buttons for b in row if b.text == "2")
    await _restore(world, file, empty_url)
    cara = await world.athlete("Cara", kim)  # who must not get Ben's number
    await ann.says("/checkin")
    await ann.taps_data(two, lost.message_id)
    ann.sees_notice("That question is closed")
    await kim.taps_data(write)
    kim.sees_notice("That question is closed")
    await kim.says("for Ben alone")
    assert not cara.got("for Ben alone")
    assert world.journal(ann)[-1].name != "sleep"


async def test_what_was_on_its_way_leaves_again_only_if_safety_hangs_on_it(
    empty_url: str, world: World, tmp_path: Path
) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("12:00")
    ann.phone.says("chest pain")
    ann.phone.says("/help")
    await world._work_until("send")  # in the outbox, and not sent
    file = _back_up(world, tmp_path)
    await world.settle()
    short = kim.short()
    restored_at = world.now
    world.expect("outbox unknown")
    await _restore(world, file, empty_url)
    pages = [one.text for one in kim.got(f"#{short}", restored_at)[1:]]  # the first one is from before, at this instant
    assert len(pages) == 1 and REPEAT + short in pages[0]
    assert len(ann.got("/done after a session")) == 1, "an answer is not given twice"
    await kim.says("I have it")


async def test_moved_means_that_nothing_was_lost(empty_url: str, world: World, tmp_path: Path) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("my shin hurts at night")
    await world.fast_forward_to("06:50")
    file = _back_up(world, tmp_path)
    before = world.now
    await _restore(world, file, empty_url, moved=True)
    await world.fast_forward_to("07:00")
    assert len(ann.got(ASKED, before)) == 1 and not ann.got(BACK) and not kim.got(BACK)
    assert not kim.got(REPEAT)
    await kim.says("I have it")


async def test_a_club_lives_on_in_the_database_that_it_was_copied_to(other_url: str, world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("my shin hurts at night")
    short = kim.short()

    async def copy() -> None:
        source, target = open_db(world.stage.settings.database_url), open_db(other_url)
        moving.copy(source, target, "mark", world.now + timedelta(minutes=1))  # when its lease has run out
        source.close()
        target.close()
        world.stage.settings = replace(world.stage.settings, database_url=other_url)

    await world.crash_and_restart(then=copy)
    await kim.says(f"ack {short}")
    ann.sees("Kim has your words")
    await world.fast_forward_to("07:00")
    assert len(ann.got(ASKED)) == 1
    await ann.taps("All as usual")


# --- as an operator types it --------------------------------------------------------------------------------------


# Several commands, one after the other: an import costs seconds, and each command is the whole command line.
TYPED = """
import contextlib, io, json, sys
from bot.__main__ import main

for arguments in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 2
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(SystemExit):
        code = main(arguments)
    print(json.dumps([code, (err if code else out).getvalue()]))
"""


class Operator:
    """The command line in a folder of its own, with nothing in the environment but what is given."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.folder, self.env = folder, {"PATH": os.defpath, "HOME": str(folder), "PYTHONPATH": str(ROOT), **env}

    async def starts(self, *arguments: str, limit: str = "unlimited") -> asyncio.subprocess.Process:
        command = ["sh", "-c", f'ulimit -f {limit}; exec "$@"', "sh", sys.executable, *arguments]
        return await asyncio.create_subprocess_exec(*command, cwd=self.folder, env=self.env, stdout=PIPE, stderr=PIPE)

    async def types(self, *commands: str, limit: str = "unlimited") -> list[tuple[int, str]]:
        """Of each command the exit code, and what it said: on standard output if it is 0, else on standard error."""
        process = await self.starts("-c", TYPED, json.dumps([one.split() for one in commands]), limit=limit)
        async with asyncio.timeout(120):
            out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return [tuple(json.loads(line)) for line in out.splitlines()]


@pytest.fixture
async def telegram() -> AsyncIterator[str]:
    async with serve(BotApi(token=TOKEN, now=Clock().now, username=NAME)) as url:
        yield url


async def test_an_operator_backs_up_restores_and_moves_a_club(
    migrated_database_url: str, other_url: str, telegram: str, tmp_path: Path
) -> None:
    env = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_URL": telegram, "DATABASE_URL": migrated_database_url}
    operator = Operator(tmp_path, **env)
    base = open_db(migrated_database_url)
    with base.begin() as tx:
        people.create_invite(tx, name="Kim", code="0" * 32, now=Clock().now(), expires_at=Clock().now())
    service = await operator.starts("-m", "bot", "run")
    try:
        async with asyncio.timeout(120):  # until the sender holds its lease
            while not _rows(base, schema.lease):
                await asyncio.sleep(0.05)
        once, again, named, restored, copied = await operator.types(
            "backup club.backup", "backup club.backup", "backup . --keep 2 --json", "restore club.backup",
            f"copy --to {other_url}",
        )  # fmt: skip
    finally:
        with contextlib.suppress(ProcessLookupError):
            service.send_signal(signal.SIGTERM)
        said_last = (await service.communicate())[1].decode()
    assert service.returncode == 0, said_last
    assert once[0] == 0 and "1 person" in once[1] and "aidstation restore club.backup" in once[1]
    assert again == (1, "aidstation: club.backup is there already: name another file, or say --force\n")
    assert named[0] == 0 and json.loads(named[1])["file"].startswith("aidstation-2")
    for code, said in (restored, copied):
        assert code == 1 and said.count("\n") == 1
        assert f"process {service.pid} " in said if base.is_sqlite else "createdb" in said or "stop it first" in said
    base.close()

    restored, copied, again, known = await operator.types(
        "restore club.backup --json", f"copy --to {other_url} --json", f"copy --to {other_url}", "people --json"
    )
    if base.is_sqlite:
        assert restored[0] == 0 and json.loads(restored[1])["erased_again"] == 0
        assert ".before-" in json.loads(restored[1])["aside"]
    assert copied[0] == 0 and json.loads(copied[1])["rows"]["person"] == 1
    assert again[0] == 1 and "not empty" in again[1]
    assert [one["name"] for one in json.loads(known[1])] == ["Kim"]
    other = open_db(other_url)
    assert [row.name for row in _rows(other, schema.person)] == ["Kim"]
    other.close()


def _rows(base: Database, table: sa.Table) -> Sequence[Any]:
    with base.read() as tx:
        return tx.execute(sa.select(table)).all()


async def test_no_service_runs_on_half_a_copy(migrated_database_url: str, tmp_path: Path) -> None:
    base = open_db(migrated_database_url)
    with base.begin() as tx:
        club.remember(tx, moving.COPYING_FROM, "a number")
    base.close()
    operator = Operator(tmp_path, DATABASE_URL=migrated_database_url, TELEGRAM_BOT_TOKEN=TOKEN)
    for code, said in await operator.types("run", "invite coach Kim", "backup club.backup"):
        assert code == 1 and "a copy into this database is not finished" in said and said.count("\n") == 1
    assert not (tmp_path / "club.backup").exists()


async def test_a_full_disk_leaves_no_part_of_a_backup(migrated_database_url: str, tmp_path: Path) -> None:
    base = open_db(migrated_database_url)
    rich(base)
    base.close()
    (tmp_path / "backups").mkdir()
    operator = Operator(tmp_path, DATABASE_URL=migrated_database_url)
    # The limit is in blocks of 512 bytes, and the club is larger.
    [(code, said)] = await operator.types("backup backups", limit="200")
    assert code == 1 and "the disk is full or a limit is reached" in said and said.count("\n") == 1, said
    assert not list((tmp_path / "backups").iterdir())


async def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path) -> None:
    own = f"sqlite:///{tmp_path / 'club.db'}"
    operator = Operator(tmp_path, DATABASE_URL=own)
    wrong = {
        "copy --to somewhere": (1, "no address of a database"),
        "copy --to mysql://me@there/club": (1, "no address of a database"),
        f"copy --to {own}": (1, "the database of DATABASE_URL itself"),
        "copy --to sqlite:///other.db": (1, "nothing to copy"),
        "copy": (2, "--to"),
        "backup club.backup": (1, "nothing to back up"),
        "backup . --keep 0": (2, "1 or more"),
        "restore missing.backup": (1, "cannot be read"),
        "migrate": (0, "at this release"),
        "copy --to postgresql://me:hush@127.0.0.1:9/club": (1, "is the address right, the server up"),
    }
    for (command, (code, why)), (found, said) in zip(wrong.items(), await operator.types(*wrong), strict=True):
        assert found == code and why in said and "hush" not in said, (command, said)
    made = [name for name in os.listdir(tmp_path) if name.endswith((".db", ".backup"))]
    assert made == ["club.db"], "and it was `migrate` that made it"
