from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from storage import club, db, inbox
from storage.db import Conflict, Database, is_transient, open_db
from storage.schema import club as table
from storage.schema import inbox as inbox_table
from tests.storage.club import NOW

ROOT = Path(__file__).parents[2]


def test_a_naive_datetime_is_refused(db: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="naive"), db.begin() as tx:
        inbox.accept(tx, [inbox.Incoming("1", "ann", "{}")], NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 11, 23, 7, 0, 0, 1, tzinfo=UTC),
        datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    ],
)
def test_an_instant_comes_back_to_the_microsecond_in_utc(db: Database, instant: datetime) -> None:
    with db.begin() as tx:
        inbox.accept(tx, [inbox.Incoming("1", "ann", "{}")], instant)
        back = tx.execute(sa.select(inbox_table.c.received_at)).scalar_one()
    assert back == instant
    assert back.utcoffset() == timedelta(0)


def test_instants_sort_as_time_also_where_they_are_text(db: Database) -> None:
    instants = [NOW + timedelta(microseconds=step) for step in (0, 1, 10, 999_999, 1_000_000)]
    with db.begin() as tx:
        for instant in reversed(instants):
            inbox.accept(tx, [inbox.Incoming(str(instant), str(instant), "{}")], instant)
        column = inbox_table.c.received_at
        assert list(tx.execute(sa.select(column).order_by(column)).scalars()) == instants
        assert inbox.waiting(tx, instants[2]) == 3


def test_nonsense_is_refused_by_the_tables_themselves(db: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError), db.begin() as tx:
        inbox.accept(tx, [inbox.Incoming("1", "ann", "{}")], NOW)
        tx.execute(sa.update(inbox_table).values(status="nonsense"))


def test_an_id_is_never_given_twice(db: Database) -> None:
    with db.begin() as tx:
        inbox.accept(tx, [inbox.Incoming("1", "ann", "{}")], NOW)
        first = tx.execute(sa.select(inbox_table.c.id)).scalar_one()
        tx.execute(sa.delete(inbox_table))
        inbox.accept(tx, [inbox.Incoming("2", "ann", "{}")], NOW)
        assert tx.execute(sa.select(inbox_table.c.id)).scalar_one() > first


def test_what_the_club_remembers_is_overwritten(db: Database) -> None:
    with db.begin() as tx:
        assert club.recall(tx, "bot") is None
        club.remember(tx, "bot", "1")
        club.remember(tx, "bot", "2")
        assert club.recall(tx, "bot") == "2"


def test_sqlite_keeps_what_it_has_confirmed_and_makes_its_folder(tmp_path: Path) -> None:
    database = open_db(f"sqlite:///{tmp_path / 'new' / 'folder' / 'a.db'}")
    with database.begin() as tx:
        pragmas = {
            name: tx.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        }
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://kim@host/club"])
def test_a_database_that_cannot_do_it_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"memory|mysql"):
        open_db(url)


def test_postgresql_means_psycopg_3() -> None:
    database = open_db("postgresql://kim@nowhere/club")
    assert database.engine.dialect.driver == "psycopg"


READ_THEN_WRITE = """
import sys
from storage.db import open_db
from storage.club import recall, remember
database = open_db(sys.argv[1])
for _ in range(100):
    with database.begin() as tx:
        remember(tx, "count", str(int(recall(tx, "count")) + 1))
"""


def test_two_processes_that_read_and_then_write_are_never_locked_out_and_lose_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    db.migrate(url)
    database = open_db(url)
    with database.begin() as tx:
        club.remember(tx, "count", "0")
    processes = [
        subprocess.Popen([sys.executable, "-c", READ_THEN_WRITE, url], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    errors = [process.communicate()[1] for process in processes]
    assert errors == [b"", b""]
    with database.read() as tx:
        assert club.recall(tx, "count") == "200"
    database.close()


def test_a_reader_neither_waits_for_a_writer_nor_sees_half_of_its_work(db: Database) -> None:
    with db.begin() as writer:
        club.remember(writer, "bot", "1")
        with db.read() as reader:
            assert club.recall(reader, "bot") is None
    with db.read() as reader:
        assert club.recall(reader, "bot") == "1"


def test_a_locked_database_passes_and_a_full_one_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    db.migrate(url)
    monkeypatch.setattr(db, "BUSY_SECONDS", 0)
    database = open_db(url)
    with database.begin(), pytest.raises(sa.exc.OperationalError) as locked, database.begin():
        pass
    assert is_transient(locked.value)
    with pytest.raises(sa.exc.OperationalError) as full, database.begin() as tx:
        tx.exec_driver_sql("PRAGMA max_page_count = 1")
        club.remember(tx, "big", "x" * 10**6)
    assert "full" in str(full.value)
    assert not is_transient(full.value)
    database.close()


def test_a_deadlock_and_a_killed_connection_pass(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("SQLite has neither")
    with db.begin() as tx:
        club.remember(tx, "a", "0")
        club.remember(tx, "b", "0")
    caught: list[BaseException] = []
    gate = threading.Barrier(2)

    def lock(first: str, second: str) -> None:
        try:
            with db.begin() as tx:
                club.remember(tx, first, "1")
                gate.wait()
                club.remember(tx, second, "1")
        except sa.exc.DBAPIError as error:
            caught.append(error)

    threads = [threading.Thread(target=lock, args=keys) for keys in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [is_transient(error) for error in caught] == [True]

    with db.begin() as other, pytest.raises(sa.exc.DBAPIError) as killed, db.begin() as tx:
        other.execute(
            sa.text("SELECT pg_terminate_backend(:pid)"),
            {"pid": tx.exec_driver_sql("SELECT pg_backend_pid()").scalar()},
        )
        club.recall(tx, "a")
    assert is_transient(killed.value)
    with db.begin() as tx:  # and the pool has mended itself
        assert club.recall(tx, "a") == "1"


def test_a_server_that_is_not_there_passes_and_a_mistake_does_not(db: Database) -> None:
    nowhere = open_db("postgresql://kim@127.0.0.1:1/club")
    with pytest.raises(sa.exc.OperationalError) as refused, nowhere.begin():
        pass
    assert is_transient(refused.value)
    assert is_transient(Conflict())
    assert not is_transient(KeyError())
    with pytest.raises(sa.exc.DBAPIError) as mistake, db.begin() as tx:
        tx.execute(sa.insert(table).values(key="a", value=None))
    assert not is_transient(mistake.value)
