"""A club that lived on the first release is upgraded to this one, on both databases, and lives on.

`release_0_1.*.sql.gz` were made by that very release, commit 125cab6, unpacked by `git archive 125cab6`: a stage of its
sandbox (`bot.sandbox.stage.opened`) on a new database, from 28 February 2027, 15:00 UTC. Kim and Dana coach; Ann
(Riga), Ben (London) and Cara (Denver) join, Dev is invited. On the 1st Ann answers by numbers, Ben by "All as usual",
Cara taps "Something hurts", "Shin", 4, "Yes"; Kim takes that, writes to her, and Ann writes about shoes. On the 2nd Ann
answers, Ben has not, his "/pause 3" is left half-way; at 9:00 UTC Ann writes "chest pain since the hills", Kim is paged
twice and sleeps; it ends at 9:12. Then SQLite's `iterdump`, and for PostgreSQL, where the same was lived once more,
`pg_dump --inserts --no-owner --no-privileges --no-comments` without comments and lines that begin with a backslash.
"""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from storage import backup, restoring
from storage.db import Database, migrate, open_db, state
from storage.moving import Refused
from tests.world import Someone, World, opened

HERE = Path(__file__).parent
ENDED = datetime(2027, 3, 2, 9, 12, tzinfo=UTC)
PEOPLE = ("Kim", "Dana", "Ann", "Ben", "Cara")  # in the order of their phones, which have the numbers they had then


@pytest.fixture
def released_url(database_url: str) -> str:
    """The address of a database as the first release has left it."""
    url = sa.make_url(database_url)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as connection:
            connection.executescript(_dump("sqlite"))
    else:
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as server:
            server.execute(_dump("postgres").encode())
    return database_url


def _dump(kind: str) -> str:
    return gzip.decompress((HERE / f"release_0_1.{kind}.sql.gz").read_bytes()).decode()


def _counts(base: Database) -> dict[str, int]:
    with base.read() as tx:
        names = [name for name in sa.inspect(tx).get_table_names() if name not in ("alembic_version", "lease")]
        return {name: tx.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one() for name in names}


def _someone(world: World, name: str) -> Someone:
    someone = world.stranger(name)
    world.api.users[someone.chat_id].started = True
    return someone


def test_every_row_of_the_first_release_is_there_after_the_upgrade(released_url: str) -> None:
    base = open_db(released_url)
    assert state(base) == "older"
    before = _counts(base)
    assert before["person"] == 5 and before["journal"] > 40 and before["escalation"] == 2
    migrate(released_url)
    after = _counts(base)
    assert {name: after[name] for name in before} == before and state(base) == "current"
    base.close()


async def test_a_club_of_the_first_release_lives_on(released_url: str) -> None:
    async with opened(released_url, now=ENDED) as world:
        kim, dana, ann, ben, cara = (_someone(world, name) for name in PEOPLE)
        assert [one.name for one in world.everyone()] == list(PEOPLE)
        assert [one.words for one in world.journal(ann) if one.words][-1] == "chest pain since the hills"
        # The worry that was open then climbs on, to the backup, until somebody has it.
        await world.fast_forward(minutes=8)
        assert "chest pain since the hills" in dana.sees("NOW").text
        kim.sees("Still nobody has it.")
        await dana.taps("I have it")
        ann.sees("Dana has your words")
        # The next morning is a morning like any other.
        await world.fast_forward_to("07:00", zone="Europe/Riga")
        ann.sees("How did you sleep?")
        await ann.taps("4", "4", "3", "5", "4")
        ann.sees("Kept, thank you.")
        await world.fast_forward_to("08:00")
        ben.sees("How did you sleep?")
        await ben.says("my shin hurts at night")
        assert "my shin hurts at night" in kim.sees("today").text
        await kim.taps("I have it")
        # Whose shin hurt before the upgrade is asked for it first: her words of then are read by rules of now.
        await world.fast_forward_to("07:00", zone="America/Denver")
        cara.sees("First: shin, 4/10, you said")
        await cara.taps("Settled")
        cara.sees("How did you sleep?")


async def test_a_backup_made_before_the_upgrade_is_upgraded_when_it_is_restored(
    released_url: str, tmp_path: Path
) -> None:
    base = open_db(released_url)
    if not base.is_sqlite:
        with pytest.raises(Refused, match="with the release that runs on it"):
            backup.take(base, tmp_path / "before", ENDED)
        base.close()
        return
    made = backup.take(base, tmp_path / "before", ENDED)
    assert state(base) == "older", "a backup changes nothing"
    base.close()
    migrate(released_url)
    with closing(sqlite3.connect(made.file)) as file:
        assert file.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    base = open_db(released_url)
    restored = restoring.restore(base, made.file, ENDED, "mark")
    assert state(base) == "current" and restored.rows["person"] == 5
    base.close()
    async with opened(released_url, now=ENDED) as world:
        phones = [_someone(world, name) for name in PEOPLE]
        await world.fast_forward_to("06:40", zone="America/Denver")
        assert all(one.got("I was restored from a copy") for one in phones)
        await phones[0].taps("I have it")
