from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from dialogs import concerns
from dialogs.model import Outcome, Person, Snapshot
from storage import club, codec, feeds, journal, outcomes, people, plans, proposals
from storage.db import HEAD, Database, NewerDatabase, at_head, migrate, open_db, state
from storage.schema import escalation, metadata, person
from tests.storage.club import NOW, join, planned, session, wish


def catalog(db: Database) -> dict[str, Any]:
    """Every table, column, constraint and index as the database describes it, but for Alembic's own."""
    with db.read() as tx:
        if db.is_sqlite:
            found = tx.exec_driver_sql(
                "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%'"
                " AND tbl_name <> 'alembic_version'"
            )
            return {name: normalised(sql) for name, sql in found}
        queries = {
            "column": "SELECT table_name || '.' || column_name, data_type || is_nullable ||"
            " coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public'",
            "constraint": "SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)"
            " FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
            "index": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
        }
        return {
            f"{kind} {name}": text
            for kind, query in queries.items()
            for name, text in tx.exec_driver_sql(query)
            if "alembic" not in name
        }


def normalised(sql: str) -> Any:
    """CREATE TABLE with its parts sorted: the order of columns and constraints says nothing. Nor does it whether a
    reference stands beside its column, where SQLite wants it of a column that is added later."""
    flat = re.sub(r"\s+", " ", sql)
    flat = re.sub(r"(\w+) BIGINT (CONSTRAINT \w+) (REFERENCES)", r"\1 BIGINT, \2 FOREIGN KEY(\1) \3", flat)
    if not flat.startswith("CREATE TABLE"):
        return flat
    head, _, body = flat.partition("(")
    return head, sorted(part.strip() for part in re.split(r",(?![^()]*\))", body.rpartition(")")[0]))


def test_the_model_and_the_migrations_make_the_same_database(database_url: str) -> None:
    db = open_db(database_url)
    migrate(database_url)
    migrated = catalog(db)
    with db.begin() as tx:
        differences = compare_metadata(MigrationContext.configure(tx), metadata)
    assert differences == []
    migrate(database_url, "base")
    assert catalog(db) == {}
    with db.begin() as tx:
        metadata.create_all(tx)
    created = catalog(db)
    db.close()
    assert len(created) > 20
    assert migrated == created


def test_up_down_and_up_again(database_url: str) -> None:
    db = open_db(database_url)
    assert state(db) == "empty" and not at_head(db)
    migrate(database_url)
    assert state(db) == "current" and at_head(db)
    once = catalog(db)
    migrate(database_url)
    migrate(database_url, "base")
    assert state(db) == "empty"
    migrate(database_url, HEAD)
    assert catalog(db) == once
    db.close()


LATER = ("minor", "guardian_id", "ward_id")  # columns of people that the first releases did not have


def joined_before(tx: sa.Connection) -> Person:
    """Ann, as a release before these columns has written her."""
    row = codec.person_row(ann := Person(0, "Ann", 31, 31, runs=True))
    row = {name: value for name, value in row.items() if name not in LATER}
    id = tx.execute(sa.insert(person).values(**row, version=1).returning(person.c.id)).scalar_one()
    return replace(ann, id=id)


def test_who_is_under_18_comes_and_goes_and_the_people_stay(database_url: str) -> None:
    migrate(database_url, "0006")
    db = open_db(database_url)
    before = catalog(db)
    with db.begin() as tx:
        joined_before(tx)
    migrate(database_url)
    with db.begin() as tx:
        [ann] = people.everyone(tx)
        assert (ann.minor, ann.guardian_id, ann.ward_id) == (None, None, None)
        linda = join(tx, "Linda", 32, ward_id=ann.id)
        outcomes.save(
            tx,
            Snapshot(NOW, "", person=ann),
            Outcome(person=replace(ann, minor=True, guardian_id=linda.id)),
            (),
            "t",
            NOW,
        )
        assert [one.name for one in people.everyone(tx)] == ["Ann", "Linda"]
    migrate(database_url, "0006")
    assert catalog(db) == before
    migrate(database_url)
    with db.begin() as tx:
        assert [(one.name, one.minor) for one in people.everyone(tx)] == [("Ann", None)]
    db.close()


def test_plans_come_and_go_and_what_was_there_stays(database_url: str) -> None:
    migrate(database_url, "0003")
    db = open_db(database_url)
    before = catalog(db)
    with db.begin() as tx:
        ann = joined_before(tx)
    migrate(database_url)
    assert state(db) == "current" and len(catalog(db)) > len(before)
    with db.begin() as tx:
        planned(tx, ann, session("a"))
        proposals.save(tx, wish(ann))
        feeds.new(tx, ann.id, "c" * 32, NOW)
    migrate(database_url, "0003")
    assert catalog(db) == before and state(db) == "older"
    migrate(database_url)
    with db.begin() as tx:
        assert [one.name for one in people.everyone(tx)] == ["Ann"]
        assert plans.versions(tx, ann.id) == () and feeds.whose(tx, "c" * 32) is None
        assert planned(tx, ann, session("a")).number == 1
    db.close()


def test_the_life_of_a_concern_comes_and_goes_and_the_concern_stays(database_url: str) -> None:
    migrate(database_url, "0004")
    db = open_db(database_url)
    before = catalog(db)
    with db.begin() as tx:
        ann = joined_before(tx)
        old = {"athlete_id": ann.id, "short": "K7Q2M", "level": "now", "flag": "chest", "words": "my chest hurts"}
        old |= {"raised_at": NOW, "next_at": NOW, "step": 0, "version": 1, "cause": "test"}
        tx.execute(sa.insert(escalation).values(**old))
    migrate(database_url)
    with db.begin() as tx:
        [one] = journal.open_for_athlete(tx, ann.id)
        assert concerns.topic(one) == "body" and one.past == ()
        journal.save_escalation(tx, replace(one, asks=1, seen=((NOW.date(), None),)), "test")
    migrate(database_url, "0004")
    assert catalog(db) == before
    migrate(database_url)
    with db.begin() as tx:
        [one] = journal.open_for_athlete(tx, ann.id)
        assert one.words == "my chest hurts" and one.asks == 0
    db.close()


def test_head_is_the_last_of_the_numbered_revisions() -> None:
    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    revisions = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
    assert revisions[0] == HEAD
    assert revisions == sorted(revisions, reverse=True)
    assert all(re.fullmatch(r"\d{4}", one) for one in revisions)


def test_a_database_from_a_newer_release_is_refused_and_left_alone(db: Database) -> None:
    with db.begin() as tx:
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        club.remember(tx, "bot", "1")
    assert state(db) == "newer"
    with pytest.raises(NewerDatabase, match="newer release"):
        at_head(db)
    with pytest.raises(NewerDatabase):
        migrate(db.engine.url.render_as_string(hide_password=False))
    with db.begin() as tx:
        assert club.recall(tx, "bot") == "1"
        tx.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    assert state(db) == "older" and not at_head(db)


def test_two_that_migrate_at_once_both_end_well(database_url: str) -> None:
    program = "import sys; from storage.db import migrate; migrate(sys.argv[1])"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url],
            cwd=Path(__file__).parents[2],
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    assert [process.communicate()[1] for process in processes] == [b"", b""]
    db = open_db(database_url)
    assert state(db) == "current"
    db.close()


def test_a_start_on_a_current_database_does_not_load_alembic(migrated_database_url: str) -> None:
    program = (
        "import sys; from storage.db import *; migrate(sys.argv[1]); assert at_head(open_db(sys.argv[1]));"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program, migrated_database_url], check=True, cwd=Path(__file__).parents[2])
