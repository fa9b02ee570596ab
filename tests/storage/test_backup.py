"""A backup is whole, taken beside a working service, and what it cannot know is settled when it comes back."""

from __future__ import annotations

import itertools
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dialogs.model import Plan, Wakeup
from storage import backup, club, due, feeds, inbox, journal, moving, plans, restoring, rights, schema
from storage.backup import TAKEN_AT, take
from storage.db import Database, NewerDatabase, open_db
from storage.inbox import Incoming
from storage.moving import Refused
from storage.restoring import restore
from tests.conftest import _postgres_database
from tests.storage.club import HOUR, MINUTE, NOW, join, planned, session, worry
from tests.storage.test_moving import content, next_ids, rich


@pytest.fixture
def place(request: pytest.FixtureRequest, db: Database, tmp_path: Path) -> Iterator[Database]:
    """Where a backup is restored to: the very place on SQLite, an empty database on PostgreSQL."""
    if db.is_sqlite:
        yield open_db(str(db.engine.url))
        return
    server = _postgres_database(request.getfixturevalue("postgres_server"), None)
    base = open_db(next(server))
    yield base
    base.close()
    next(server, None)


def rows(base: Database, table: sa.Table, *columns: str) -> list[tuple[Any, ...]]:
    query = sa.select(*(table.c[name] for name in columns)).order_by(table.c.id)
    with base.read() as tx:
        return [tuple(row) for row in tx.execute(query)]


# --- taking -------------------------------------------------------------------------------------------------------


def test_a_backup_is_one_file_that_only_its_owner_reads_and_holds_everything(db: Database, tmp_path: Path) -> None:
    rich(db)
    folder = tmp_path / "backups"
    folder.mkdir()
    made = take(db, folder / "club.backup", NOW)
    assert [one.name for one in folder.iterdir()] == ["club.backup"]
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600 and made.bytes == made.file.stat().st_size
    before = content(db)
    with closing(sqlite3.connect(made.file)) as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert file.execute("SELECT value FROM club WHERE key = ?", (TAKEN_AT,)).fetchone() == (NOW.isoformat(),)
        file.execute("DELETE FROM club WHERE key = ?", (TAKEN_AT,))
        file.commit()
    copy = open_db(f"sqlite:///{made.file}")
    assert content(copy) == before and next_ids(copy) == next_ids(db)
    copy.close()


def test_writers_go_on_while_it_is_taken_and_it_is_of_one_instant(db: Database, tmp_path: Path) -> None:
    """A writer keeps two rows in step, in one transaction each time; a backup that saw two instants would not."""
    rich(db)
    stop, wrote = threading.Event(), threading.Event()

    def write() -> None:
        for number in itertools.takewhile(lambda _: not stop.is_set(), itertools.count()):
            with db.begin() as tx:
                for row in ("left", "right"):
                    club.remember(tx, row, str(number))
                inbox.accept(tx, [Incoming(f"w{number}", "1", "x" * 1000)], NOW)
            wrote.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            assert wrote.wait(60)
            made = take(db, tmp_path / f"{number}.backup", NOW)
            wrote.clear()
            with closing(sqlite3.connect(made.file)) as file:
                found = dict(file.execute("SELECT key, value FROM club WHERE key IN ('left', 'right')").fetchall())
                last = file.execute("SELECT count(*) FROM inbox WHERE key LIKE 'w%'").fetchone()[0]
            assert found["left"] == found["right"] == str(last - 1)
    finally:
        stop.set()
        writer.join()


def test_an_existing_file_stays_unless_told_otherwise(db: Database, tmp_path: Path) -> None:
    file = tmp_path / "club.backup"
    file.write_text("mine")
    with pytest.raises(Refused, match="is there already"):
        take(db, file, NOW)
    assert file.read_text() == "mine"
    take(db, file, NOW, force=True)
    assert file.read_bytes().startswith(b"SQLite format 3")


def test_a_folder_keeps_the_newest_of_those_that_were_made_there(db: Database, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "aidstation-mine.db").write_text("mine")
    (folder / "old.txt").write_text("mine")
    made = [take(db, folder, NOW + day * 24 * HOUR, keep=3) for day in range(5)]
    assert made[0].file.name == "aidstation-20261123T070000Z.db"
    assert made[4].removed == (made[1].file,)
    assert sorted(folder.iterdir()) == sorted(
        [*(one.file for one in made[2:]), folder / "aidstation-mine.db", folder / "old.txt"]
    )
    with pytest.raises(Refused, match="needs a folder"):
        take(db, folder / "file", NOW, keep=3)


@pytest.mark.parametrize(
    ("where", "why"),
    [("missing/club.backup", "there is no folder"), ("file/club.backup", "there is no folder")],
)
def test_a_place_that_cannot_be_written_is_named(db: Database, tmp_path: Path, where: str, why: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match=why):
        take(db, tmp_path / where, NOW)


def test_a_folder_of_somebody_else_is_named(db: Database) -> None:
    with pytest.raises(Refused, match=r"/proc/aidstation.* (may not write|could not be written|there is no folder)"):
        take(db, Path("/proc/aidstation"), NOW)


def test_there_is_nothing_to_back_up_where_nothing_is(database_url: str, tmp_path: Path) -> None:
    base = open_db(database_url)
    with pytest.raises(Refused, match="nothing to back up"):
        take(base, tmp_path / "backup", NOW)
    assert not list(tmp_path.iterdir()), "not even an empty database"
    base.close()


def test_half_a_copy_is_not_backed_up(db: Database, tmp_path: Path) -> None:
    with db.begin() as tx:
        club.remember(tx, moving.COPYING_FROM, "x")
    with pytest.raises(Refused, match="not finished"):
        take(db, tmp_path / "backup", NOW)


def test_a_damaged_database_gives_no_backup(db: Database, tmp_path: Path) -> None:
    if not db.is_sqlite:
        pytest.skip("pages are SQLite's")
    with db.begin() as tx:
        join(tx, "Ann", 1)
    path = backup.file_of(db)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA foreign_keys = OFF")
        raw.execute("UPDATE person SET coach_id = 99")
    with pytest.raises(Refused, match="damaged"):
        take(db, tmp_path / "backup", NOW)
    assert not (tmp_path / "backup").exists()


# --- bringing it back ---------------------------------------------------------------------------------------------


def test_what_was_there_is_kept_under_another_name(db: Database, place: Database, tmp_path: Path) -> None:
    rich(db)
    before = content(db)
    made = take(db, tmp_path / "backup", NOW)
    original = made.file.read_bytes()
    with db.begin() as tx:
        inbox.accept(tx, [Incoming("lost", "1", "{}")], NOW)
    db.close()
    done = restore(place, made.file, NOW + HOUR, "mark", moved=True)
    assert done.taken_at == NOW and done.rows["person"] == 7
    club_rows = before.pop("club")
    after = content(place)
    assert [one for one in after.pop("club") if "restored" not in one] == club_rows
    assert after == before and next_ids(place) == [8, 8]
    assert made.file.read_bytes() == original, "a backup is never written to"
    if db.is_sqlite:
        assert done.aside is not None and done.aside.name == "aidstation.db.before-20261123T080000Z"
        aside = open_db(f"sqlite:///{done.aside}")
        assert [key for (key,) in rows(aside, schema.inbox, "key")][-1] == "lost"
        aside.close()
        assert stat.S_IMODE(backup.file_of(place).stat().st_mode) == 0o600
        assert not [one for one in tmp_path.iterdir() if one.name.startswith(".aidstation")]


def test_a_postgresql_database_that_is_not_empty_is_left_alone(db: Database, tmp_path: Path) -> None:
    rich(db)
    made = take(db, tmp_path / "backup", NOW)
    if db.is_sqlite:
        pytest.skip("there the former file is moved aside")
    before = content(db)
    with pytest.raises(Refused, match="createdb"):
        restore(db, made.file, NOW, "mark")
    assert content(db) == before


def test_what_is_no_backup_is_refused_and_changes_nothing(db: Database, place: Database, tmp_path: Path) -> None:
    rich(db)
    before = content(db)
    good = take(db, tmp_path / "good", NOW).file
    bad = {"text": b"hello", "empty": b"", "half": good.read_bytes()[:20000]}
    scratched = bytearray(good.read_bytes())
    scratched[8192:12288] = os.urandom(4096)
    bad["scratched"] = bytes(scratched)
    for name, content_of in bad.items():
        (tmp_path / name).write_bytes(content_of)
        with pytest.raises(Refused, match=r"no backup|damaged"):
            restore(place, tmp_path / name, NOW, "mark")
    with pytest.raises(Refused, match="cannot be read"):
        restore(place, tmp_path / "missing", NOW, "mark")
    with closing(sqlite3.connect(good)) as file:
        file.execute("DELETE FROM club WHERE key = ?", (TAKEN_AT,))
        file.commit()
    with pytest.raises(Refused, match="but no backup"):
        restore(place, good, NOW, "mark")
    assert content(db) == before and (db.is_sqlite or moving.is_empty(place))


def test_a_backup_of_a_newer_release_is_refused(db: Database, place: Database, tmp_path: Path) -> None:
    rich(db)
    file = take(db, tmp_path / "backup", NOW).file
    with closing(sqlite3.connect(file)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
        raw.commit()
    before = content(db)
    with pytest.raises(NewerDatabase):
        restore(place, file, NOW, "mark")
    assert content(db) == before


def test_a_damaged_database_is_kept_as_it_is(db: Database, tmp_path: Path) -> None:
    if not db.is_sqlite:
        pytest.skip("files are SQLite's")
    rich(db)
    file = take(db, tmp_path / "backup", NOW).file
    db.close()
    path = backup.file_of(db)
    path.write_bytes(b"x" * 10000)
    done = restore(db, file, NOW + HOUR, "mark")
    assert done.erased is None, "its ledger cannot be read, and that is said"
    assert done.aside is not None and done.aside.read_bytes() == b"x" * 10000
    assert content(db)["person"]


def test_a_log_without_its_database_is_not_applied_to_the_restored_one(db: Database, tmp_path: Path) -> None:
    """An operator has renamed the file by hand, and not what SQLite keeps beside it."""
    if not db.is_sqlite:
        pytest.skip("files are SQLite's")
    rich(db)
    file = take(db, tmp_path / "backup", NOW).file
    path, log = backup.file_of(db), backup.file_of(db).with_name("aidstation.db-wal")
    with db.begin() as tx:
        tx.execute(sa.update(schema.inbox).values(raw="from the log"))
    kept = log.read_bytes()
    db.close()
    path.unlink()
    log.write_bytes(kept)
    restore(db, file, NOW + HOUR, "mark")
    assert "from the log" not in {raw for (raw,) in rows(db, schema.inbox, "raw")}


def test_whoever_was_erased_since_is_erased_again_and_nobody_else(
    db: Database, place: Database, tmp_path: Path
) -> None:
    with db.begin() as tx:
        kim = join(tx, "Kim", 1, coaches=True)
        ann, ben = (join(tx, name, chat, runs=True, coach_id=kim.id) for name, chat in (("Ann", 2), ("Ben", 3)))
        rights.erase(tx, join(tx, "Cara", 4, runs=True).id, "EARLIER", NOW)
    file = take(db, tmp_path / "backup", NOW).file
    with db.begin() as tx:
        dev = join(tx, "Dev", 5, runs=True)
        for one, receipt in ((ann, "R1"), (dev, "R2")):
            rights.erase(tx, one.id, receipt, NOW + MINUTE)
    if db.is_sqlite:
        db.close()
    done = restore(place, file, NOW + HOUR, "mark", former=None if db.is_sqlite else db)
    assert done.erased == 2
    found = {id: (name, user) for id, name, user in rows(place, schema.person, "id", "name", "user_id")}
    assert found == {kim.id: ("Kim", 1), ann.id: ("", None), ben.id: ("Ben", 3), 4: ("", None), dev.id: ("", None)}
    assert {one for (one,) in rows(place, schema.erasure, "receipt")} == {"EARLIER", "R1", "R2"}
    with place.begin() as tx:
        assert join(tx, "Eve", 6).id > dev.id
    told = {id for id, kind in rows(place, schema.due, "person_id", "kind") if kind == "restored"}
    assert told == {kim.id, ben.id}


def test_the_ledger_of_another_club_erases_nobody(db: Database, place: Database, tmp_path: Path) -> None:
    with db.begin() as tx:
        ann, ben = join(tx, "Ann", 2, runs=True), join(tx, "Ben", 3, runs=True)
    file = take(db, tmp_path / "backup", NOW).file
    with db.begin() as tx:  # the same numbers are other people now
        rights.erase(tx, ann.id, "R1", NOW)
        tx.execute(sa.update(schema.person).where(schema.person.c.id == ben.id).values(user_id=77))
    if db.is_sqlite:
        db.close()
    done = restore(place, file, NOW + HOUR, "mark", former=None if db.is_sqlite else db)
    assert done.erased is None
    assert [name for (name,) in rows(place, schema.person, "name")] == ["Ann", "Ben"]


def test_rungs_wait_some_minutes_and_what_lies_ahead_is_left_alone(
    db: Database, place: Database, tmp_path: Path
) -> None:
    """The wakeups of a club, restored an hour after the backup."""
    with db.begin() as tx:
        ann = join(tx, "Ann", 2, runs=True)
        journal.save_escalation(tx, worry(ann), "test")
        planned: dict[str, dict[str, Any]] = {
            "page": {"short": "K7Q2M", "step": 1},
            "unreachable": {"short": "K7Q2M", "recipient": 1},
            "checkin": {},
            "list": {},
            "unfinished": {"script": "morning"},
        }
        for kind, data in planned.items():
            due.put(tx, ann.id, Wakeup(kind, f"{kind}:past", NOW + MINUTE, data=data), NOW)
            due.put(tx, ann.id, Wakeup(kind, f"{kind}:ahead", NOW + 2 * HOUR, data=data), NOW)
    file = take(db, tmp_path / "backup", NOW).file
    if db.is_sqlite:
        db.close()
    now = NOW + HOUR
    restore(place, file, now, "mark")
    found = {key: (at, data) for key, at, data in rows(place, schema.due, "key", "at", "data")}
    lost = {"lost_until": now.isoformat()}
    assert found.pop("page:past") == (now + timedelta(minutes=5), planned["page"] | lost)
    for kind in ("checkin", "list"):
        assert found.pop(f"{kind}:past") == (NOW + MINUTE, planned[kind] | lost)
    assert found.pop("unfinished:past") == (NOW + MINUTE, planned["unfinished"])
    assert "unreachable:past" not in found
    for kind, data in planned.items():
        assert found.pop(f"{kind}:ahead") == (NOW + 2 * HOUR, data)
    assert [key.split(":")[0] for key in found] == ["restored"]
    assert rows(place, schema.escalation, "next_at") == [(now + timedelta(minutes=5),)]


def test_a_number_that_a_plan_has_had_since_is_not_given_again(db: Database, place: Database, tmp_path: Path) -> None:
    """Else an old "Undo" button would take back another change."""
    with db.begin() as tx:
        ann, ben = join(tx, "Ann", 2, runs=True), join(tx, "Ben", 3, runs=True)
        planned(tx, ann, session("a"))
    file = take(db, tmp_path / "backup", NOW).file
    with db.begin() as tx:
        assert planned(tx, ann, session("lost")).number == 2
    if db.is_sqlite:
        db.close()
    restore(place, file, NOW + HOUR, "mark")
    with place.begin() as tx:
        assert plans.current(tx, ann.id, NOW.date()) == Plan(1001, (session("a"),))
        assert [one.number for one in plans.versions(tx, ann.id)] == [1], "it changed nothing, and none is shown"
        assert planned(tx, ann, session("b")) == Plan(1002, (session("a"), session("b")))
        assert plans.at_version(tx, ann.id, 1001) == Plan(1001, (session("a"),))
        assert plans.current(tx, ben.id, NOW.date()) == Plan()


@pytest.mark.parametrize("ledger", [True, False])
def test_a_feed_that_was_revoked_since_does_not_come_back_to_life(
    db: Database, place: Database, tmp_path: Path, ledger: bool
) -> None:
    with db.begin() as tx:
        ann, ben, cara = (join(tx, name, chat, runs=True) for name, chat in (("Ann", 2), ("Ben", 3), ("Cara", 4)))
        for one in (ann, ben, cara):
            feeds.new(tx, one.id, f"code of {one.name}", NOW)
    file = take(db, tmp_path / "backup", NOW).file
    with db.begin() as tx:
        feeds.revoke(tx, ann.id, NOW)
        feeds.new(tx, ben.id, "another of Ben", NOW)
    if db.is_sqlite:
        db.close()
        if not ledger:
            backup.file_of(db).unlink()
    restore(place, file, NOW + HOUR, "mark", former=db if ledger and not db.is_sqlite else None)
    with place.begin() as tx:
        works = {name: feeds.whose(tx, f"code of {name}") for name in ("Ann", "Ben", "Cara")}
    assert works == {"Ann": None, "Ben": None, "Cara": cara.id if ledger else None}


def test_a_club_that_only_moved_keeps_its_feeds_and_numbers(db: Database, place: Database, tmp_path: Path) -> None:
    with db.begin() as tx:
        ann = join(tx, "Ann", 2, runs=True)
        feeds.new(tx, ann.id, "code", NOW)
        planned(tx, ann, session("a"))
    file = take(db, tmp_path / "backup", NOW).file
    if db.is_sqlite:
        db.close()
    restore(place, file, NOW + HOUR, "mark", moved=True)
    with place.begin() as tx:
        assert feeds.whose(tx, "code") == ann.id
        assert plans.current(tx, ann.id, NOW.date()) == Plan(1, (session("a"),))


def test_restoring_twice_tells_everybody_twice_and_breaks_nothing(db: Database, tmp_path: Path) -> None:
    if not db.is_sqlite:
        pytest.skip("PostgreSQL wants an empty database each time")
    rich(db)
    file = take(db, tmp_path / "backup", NOW).file
    db.close()
    for hours in (1, 2):
        restore(db, file, NOW + hours * HOUR, "mark")
        db.close()
    asides = [one for one in tmp_path.iterdir() if ".before-" in one.name]
    assert len(asides) == 2 and next_ids(db)[0] == 7 + restoring.GAP + 1
    assert datetime.fromisoformat(_club(db)["restored"].split()[1]) == datetime(2026, 11, 23, 9, tzinfo=UTC)


def _club(base: Database) -> dict[str, str]:
    with base.read() as tx:
        return {key: value for key, value in tx.execute(sa.select(schema.club))}
