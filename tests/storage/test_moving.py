"""A club that fills every table, in every way that a database might take differently, is moved and comes back."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from storage import club, inbox, lease, moving, schema
from storage.db import Database, open_db
from storage.inbox import Incoming
from storage.moving import Refused
from tests.conftest import _postgres_database

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 23, 7, 0, 0, 123456, tzinfo=UTC)
WORDS = "NUL \x00, lone \ud83d and \udfff, \x1a, \x1a0041, 🏃🏽‍♀️, a\u0308, \u202eגב\u202c, {{7*7}} %s \\ ' \" \n\t"
JSON = {"z": 1, "a": [1.0, True, None, 0.1 + 0.2, -0.0, 1e300, 2**53 + 1], "w": WORDS.replace("\ud83d", ""), "": {}}

Fresh = Callable[[str], Database]


def rich(base: Database, *, people: int = 7) -> None:
    """Every table, every column at least once filled and, where it may be, once empty."""
    later = NOW + timedelta(microseconds=1)
    with base.begin() as tx:
        for table in schema.metadata.sorted_tables:
            for number in range(1, people + 1):
                row = {column.name: _value(table, column, number, people) for column in table.columns}
                if table.name == "escalation":
                    row |= {"next_at": later}
                if table.name == "invite":
                    row["used_by"] = row["used_at"] and number
                if table.name == "session":
                    row |= {"kind": "easy", "since": number, "until": number + 1 if number % 2 else None}
                if table.name == "feed":
                    row["revoked_at"] = later if number % 2 else None
                if number == 1 and table.name != "lease":  # and a row with nothing that need not be there
                    row |= {column.name: None for column in table.columns if column.nullable}
                    must: dict[str, dict[str, Any]] = {
                        "escalation": {"next_at": later},
                        "outbox": {"status": "pending"},
                        "proposal": {"state": "open"},
                    }
                    row |= must.get(table.name, {})
                tx.execute(sa.insert(table), row)
        for table in schema.metadata.sorted_tables:
            if "id" in table.c:  # as if each had been given in its turn
                moving._set_position(tx, table.name, people)
        # Who coaches whom points ahead and in a circle; and the last ids have been given and are gone.
        tx.execute(sa.update(schema.person).where(schema.person.c.id == 2).values(coach_id=people, backup_id=3))
        tx.execute(sa.update(schema.person).where(schema.person.c.id == people).values(coach_id=2))
        tx.execute(sa.delete(schema.due).where(schema.due.c.id == people))
        tx.execute(sa.delete(schema.lease).where(schema.lease.c.name != "x"))


def _value(table: sa.Table, column: sa.Column[Any], number: int, people: int) -> Any:
    if column.name == "id":
        return number
    if column.foreign_keys:
        return None if table.name == "person" else 1 + number % people
    special: dict[str, Any] = {
        "status": {"inbox": "new", "due": "open", "outbox": "leased"}.get(table.name),
        "kind": "words" if table.name == "journal" else "checkin",
        "actor": ("rule", "coach", "athlete", "restore")[number % 4],
        "state": ("approved", "edited", "declined", "expired", "overtaken")[number % 5],
        "level": ("none", "note", "concern", "today", "now")[number % 5],
        "lane": number % 4,
        "at": NOW - timedelta(days=number, microseconds=number),
    }
    if column.name in special and special[column.name] is not None:
        return special[column.name]
    kind = column.type
    match kind:
        case schema.Words():
            return f"{number} {WORDS}" + ("a long word " * 2000 if number == 2 else "")
        case schema.Instant():
            return datetime(1, 1, 1, tzinfo=UTC) if number == 3 else NOW + timedelta(days=number, microseconds=number)
        case sa.JSON():
            return {**JSON, "n": number}
        case sa.Boolean():
            return number % 2 == 0
        case sa.Date():
            return date(2028, 2, 29) - timedelta(days=number)
        case sa.SmallInteger():
            return number
        case sa.BigInteger():
            return -(2**62) - number
        case sa.Integer():
            return number
        case _:
            return f"{number} Ünïcode 🙂"


def content(base: Database) -> dict[str, list[str]]:
    """Every row of every table that is moved, exactly."""
    with base.read() as tx:
        return {one.name: [repr(tuple(row.values())) for row in moving._rows(tx, one)] for one in moving.tables()}


def next_ids(base: Database) -> list[int]:
    """What the next update and the next person would get for a number; rolled back."""
    with base.engine.connect() as connection, connection.begin() as transaction:
        inbox.accept(connection, [Incoming("next", "1", "{}")], NOW)
        found = [connection.execute(sa.select(sa.func.max(schema.inbox.c.id))).scalar_one()]
        due = {"person_id": 1, "kind": "list", "key": "next", "at": NOW, "ready_at": NOW, "data": {}, "status": "open"}
        connection.execute(sa.insert(schema.due), due | {"attempts": 0, "created_at": NOW})
        found.append(connection.execute(sa.select(sa.func.max(schema.due.c.id))).scalar_one())
        transaction.rollback()
    return found


@pytest.fixture
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fresh]:
    """Makes an empty database of a kind; closes and removes it."""
    opened: list[Database] = []
    servers: list[Iterator[str]] = []

    def make(kind: str) -> Database:
        if kind == "sqlite":
            url = f"sqlite:///{tmp_path / f'to-{len(opened)}.db'}"
        else:
            servers.append(_postgres_database(request.getfixturevalue("postgres_server"), None))
            url = next(servers[-1])
        opened.append(open_db(url))
        return opened[-1]

    yield make
    for base in opened:
        base.close()
    for server in servers:
        next(server, None)


def test_a_rich_club_goes_there_and_back_and_is_the_same(db: Database, fresh: Fresh) -> None:
    rich(db)
    before = content(db)
    assert all(len(rows) >= 6 for rows in before.values())
    other, home = (fresh(kind) for kind in (("postgres", "sqlite") if db.is_sqlite else ("sqlite", "postgres")))
    rows = moving.copy(db, other, "first", NOW)
    assert rows == {name: len(lines) + (name == "club") for name, lines in before.items()}
    moving.copy(other, home, "second", NOW)
    assert content(other) == content(home) == before == content(db)
    assert next_ids(other) == next_ids(home) == next_ids(db) == [8, 8], "an id that was given is never given again"
    assert not moving.unfinished(other) and not moving.unfinished(home)
    with other.read() as tx:
        assert tx.execute(sa.select(schema.lease)).all() == []


def test_a_club_that_is_not_empty_is_left_as_it_was(db: Database, fresh: Fresh) -> None:
    rich(db)
    other = fresh("sqlite")
    moving.copy(db, other, "first", NOW)
    for mark in ("first", "second"):
        before = content(other)
        with pytest.raises(Refused, match="not empty"):
            moving.copy(db, other, mark, NOW)
        assert content(other) == before


def test_half_a_copy_of_another_club_is_refused(db: Database, fresh: Fresh) -> None:
    rich(db)
    other = fresh("sqlite")
    moving._begin(db, other, "first")
    with db.begin() as tx:
        club.remember(tx, moving.COPYING_TO, "another")
    with pytest.raises(Refused, match="half a copy of another club"):
        moving.copy(db, other, "first", NOW)


def test_what_changed_in_the_source_after_a_copy_was_killed_is_copied_anew(db: Database, fresh: Fresh) -> None:
    rich(db)
    other = fresh("sqlite" if not db.is_sqlite else "postgres")
    moving._begin(db, other, "first")
    with db.read() as rows:
        moving.copy_rows(rows, other)
    with db.begin() as tx:
        tx.execute(sa.update(schema.person).where(schema.person.c.id == 4).values(name="Another"))
        tx.execute(sa.delete(schema.journal).where(schema.journal.c.id == 5))
    moving.copy(db, other, "second", NOW)
    assert content(other) == content(db)


def test_a_row_that_differs_is_named_and_its_content_is_not(db: Database, fresh: Fresh) -> None:
    rich(db)
    other = fresh("sqlite")
    moving._begin(db, other, "mark")
    with db.read() as rows:
        moving.copy_rows(rows, other)
        assert moving.differences(rows, other) == []
        expected = []
        for table in moving.tables():
            key: object = 6 if "id" in table.c else "7 Ünïcode 🙂"
            column = next(one for one in reversed(table.columns) if not one.primary_key and not one.foreign_keys)
            with other.begin() as tx:
                change = sa.update(table).where(table.c[moving._key(table)] == key)
                assert tx.execute(change.values({column.name: _another(column)})).rowcount == 1
            expected.append(f"{table.name} {key}")
        assert [str(one) for one in moving.differences(rows, other)] == expected


def _another(column: sa.Column[Any]) -> Any:
    match column.type:
        case sa.JSON():
            return {"n": 1.0}
        case schema.Instant():
            return NOW
        case sa.Integer():
            return 999
        case sa.Date():
            return date(2020, 1, 1)
        case _:
            return "other"


def test_a_row_too_few_or_too_many_is_a_difference(db: Database, fresh: Fresh) -> None:
    rich(db)
    other = fresh("sqlite")
    moving.copy(db, other, "mark", NOW)
    with other.begin() as tx:
        tx.execute(sa.delete(schema.journal).where(schema.journal.c.id == 7))
        inbox.accept(tx, [Incoming("more", "1", "{}")], NOW)
    with db.read() as rows:
        assert {str(one) for one in moving.differences(rows, other)} == {"journal 7", "inbox 8"}


def test_one_is_not_true_and_not_a_float(db: Database, fresh: Fresh) -> None:
    rich(db)
    other = fresh("sqlite")
    moving.copy(db, other, "mark", NOW)
    with other.begin() as tx:
        mine = {**JSON, "n": 3}
        tx.execute(sa.update(schema.person).where(schema.person.c.id == 3).values(facts={**mine, "z": True}))
        tx.execute(sa.update(schema.outbox).where(schema.outbox.c.id == 3).values(payload={**mine, "z": 1.0}))
    with db.read() as rows:
        assert {str(one) for one in moving.differences(rows, other)} == {"person 3", "outbox 3"}


def test_a_service_on_the_postgresql_source_is_known_by_its_lease(db: Database, fresh: Fresh) -> None:
    rich(db)
    with db.begin() as tx:
        lease.hold(tx, "sender:x", "somebody", NOW, 15)
    if db.is_sqlite:  # there the lock of the file is what counts, and the lease is a dead process's
        moving.copy(db, fresh("sqlite"), "mark", NOW)
        return
    with pytest.raises(Refused, match="stop it first"):
        moving.copy(db, other := fresh("sqlite"), "mark", NOW)
    assert moving.is_empty(other)
    moving.copy(db, other, "mark", NOW + timedelta(seconds=15))


def test_nobody_writes_into_the_source_while_it_is_copied(db: Database) -> None:
    rich(db)
    with moving._still(db) as rows:
        assert rows.execute(sa.select(schema.person.c.id)).all()
        if db.is_sqlite:
            with closing(sqlite3.connect(str(db.engine.url.database), timeout=0)) as other:
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    other.execute("INSERT INTO club VALUES ('late', 'x')")
        else:
            with pytest.raises(sa.exc.OperationalError, match="lock timeout"), db.begin() as tx:
                tx.exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
                club.remember(tx, "late", "x")


# --- killed -------------------------------------------------------------------------------------------------------

# A process forks children that copy, each of which dies in front of its n-th commit, whatever that one is for; the
# next gets a little further, and sometimes less far, until one gets through.
KILLED = """
import os, signal, sys
import sqlalchemy as sa
from datetime import UTC, datetime
from storage import moving
from storage.db import open_db

moving.BATCH = 3
deaths, at = 0, 4
while (child := os.fork()) > 0:
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != -signal.SIGKILL or deaths > 100:
        print(deaths)
        sys.exit(code)
    deaths, at = deaths + 1, at + (-2 if deaths % 3 == 2 else 8)

def committing(connection):
    global at
    at -= 1
    if at == 0:
        os.kill(os.getpid(), signal.SIGKILL)

source, target = open_db(sys.argv[1]), open_db(sys.argv[2])
for base in (source, target):
    sa.event.listen(base.engine, "commit", committing)
moving.copy(source, target, "first", datetime(2026, 11, 23, tzinfo=UTC))
os._exit(0)
"""


def test_a_copy_that_is_killed_again_and_again_ends_with_the_same_club(db: Database, fresh: Fresh) -> None:
    rich(db, people=11)
    before = content(db)
    other = fresh("postgres" if db.is_sqlite else "sqlite")
    urls = [base.engine.url.render_as_string(hide_password=False) for base in (db, other)]
    ended = subprocess.run([sys.executable, "-c", KILLED, *urls], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) > 5, "how many died on the way"
    assert content(other) == before == content(db)
    assert not moving.unfinished(other) and next_ids(other) == next_ids(db) == [12, 12]


def test_killed_behind_the_last_comparison_nothing_is_left_to_do(db: Database, fresh: Fresh) -> None:
    rich(db)
    other = fresh("sqlite")
    moving.copy(db, other, "mark", NOW)
    with db.begin() as tx:
        club.remember(tx, moving.COPYING_TO, "mark")  # as it is where the last commit is missing
    assert moving.copy(db, other, "another", NOW)["person"] == 7
    with db.read() as tx:
        assert club.recall(tx, moving.COPYING_TO) is None
