"""Whose is what, in every table: all of it in an export, and none of it left by an erasure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from dialogs.model import Message, Outcome, Person, Setting
from storage import db as databases
from storage import inbox, journal, outbox, outcomes, people, plans, proposals, rights, schema, snapshots
from storage.db import Database
from storage.inbox import Incoming
from tests.storage.club import HOUR, NOW, change, join, load, snapshot, worry

TABLES = {table.name: table for table in schema.metadata.sorted_tables}
NAMES = (("Ann", 31), ("Ben", 32), ("Cara", 33))
CLASSES = (rights.PERSONAL, rights.SERVICE, rights.TECHNICAL)


def test_every_column_of_every_table_has_one_class() -> None:
    for table in TABLES.values():
        for column in table.columns:
            classes = [one for one in CLASSES if column.name in one.get(table.name, ())]
            assert len(classes) == 1, f"{table.name}.{column.name}: say in storage/rights.py whose it is"
    for one in CLASSES:
        for name, columns in one.items():
            assert set(columns) <= {column.name for column in TABLES[name].columns}


# --- a database in which every value tells whose it is --------------------------------------------------------------


@dataclass
class Filled:
    """One person's rows: every personal column with a value that only this person has."""

    name: str
    number: int
    count: int = 0

    def value(self, column: sa.Column[Any]) -> Any:
        self.count += 1
        if isinstance(column.type, schema.Instant):
            return NOW - timedelta(days=30, seconds=self.number * 1000 + self.count)
        match column.type:
            case sa.Boolean():
                return False
            case sa.Date():
                return date(2026, 1, 1) + timedelta(days=self.number * 30 + self.count)
            case sa.Integer():
                return self.number * 1000 + self.count
            case sa.JSON():
                return {"said": self.word(column)}
        return self.word(column)

    def word(self, column: sa.Column[Any]) -> str:
        return f"canary-{self.name}-{column.table.name}-{column.name}"

    def row(self, table: sa.Table, **given: Any) -> dict[str, Any]:
        """Each column that must have a value, or is personal; `given` where not any value will do."""
        row = {
            column.name: self.value(column)
            for column in table.columns
            if column.name != "id"
            and not column.foreign_keys
            and (not column.nullable or column.name in rights.PERSONAL[table.name])
        }
        return row | given


def fill(tx: sa.Connection, me: Person, coach: Person | None, number: int) -> Filled:
    """Everything that a table can hold about this person, written by them or their coach."""
    mine = Filled(me.name, number)
    by = coach or me

    def put(table: sa.Table, **given: Any) -> None:
        tx.execute(sa.insert(table), [mine.row(table, **given)])

    facts = {"injuries": f"canary-{me.name}-injuries", "goal": f"canary-{me.name}-goal", "zone": "Europe/Riga"}
    change(tx, me, **facts)
    put(schema.invite, used_by=me.id, coach_id=coach.id if coach else None)
    raw = {"message": {"text": f"canary-{me.name}-inbox-raw", "reply_to_message": {"text": "canary-nobody"}}}
    for status in ("new", "done", "dead"):
        put(schema.inbox, who=str(me.user_id), raw=json.dumps(raw), status=status, key=f"{number}:{status}")
    put(schema.due, person_id=me.id, status="open")
    for status in ("pending", "sent"):
        put(
            schema.outbox, to_person=me.id, chat_id=me.chat_id, lane=1, status=status, key=f"{me.name}{status}",
            payload={"text": f"canary-{me.name}-outbox-payload", "document": {"content": "canary-nobody"}},
        )  # fmt: skip
    put(schema.journal, person_id=me.id, by_id=me.id, kind="words")
    put(schema.journal, person_id=me.id, by_id=by.id, kind="words", name="coach_wrote", value=by.name)
    put(schema.escalation, athlete_id=me.id, owner_id=by.id, level="now", short=f"{me.name}-short")
    put(schema.version, person_id=me.id, by_id=by.id, actor="coach", number=1)
    put(schema.session, person_id=me.id, kind="easy", since=1, until=2)
    put(schema.session, person_id=me.id, kind="easy", since=2)
    put(schema.proposal, athlete_id=me.id, decider_id=by.id, state="declined", short=f"{me.name}-wish")
    put(schema.setting, athlete_id=me.id, coach_id=by.id, by_id=by.id)
    put(schema.feed, person_id=me.id)
    put(schema.topic, athlete_id=me.id)
    return mine


@pytest.fixture
def club(db: Database) -> tuple[Person, Person, Person]:
    """Kim coaches Ann and Ben; everything about each of the three is filled."""
    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True)
        ann = join(tx, "Ann", 31, runs=True, coach_id=kim.id)
        ben = join(tx, "Ben", 32, runs=True, coach_id=kim.id)
        fill(tx, kim, None, 1)
        fill(tx, ann, kim, 2)
        fill(tx, ben, kim, 3)
    return kim, ann, ben


def flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [one for each in value.values() for one in flat(each)]
    return [one for each in value for one in flat(each)] if isinstance(value, list) else [value]


def test_an_export_holds_every_personal_column_and_nobody_elses(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, ann, _ = club
    with db.read() as tx:
        found = rights.everything(tx, ann.id)
        text = json.dumps(found)
        for name, columns in rights.PERSONAL.items():
            table = TABLES[name]
            which = {"person": "id", "outbox": "to_person", "invite": "used_by", "inbox": "who"}
            key = which.get(name, next(one for one in ("person_id", "athlete_id", "id") if one in table.c))
            mine = table.c[key] == (str(ann.user_id) if key == "who" else ann.id)
            rows = tx.execute(sa.select(*(table.c[one] for one in columns)).where(mine)).mappings().all()
            assert rows
            there = flat(found[name])
            for column, value in ((column, row[column]) for row in rows for column in columns):
                if isinstance(table.c[column].type, sa.JSON) or column == "raw":
                    words = re.findall(r"canary-Ann[a-z_-]*", json.dumps(value))
                    assert words or column == "value"
                    assert all(one in text for one in words), f"{name}.{column}"
                    continue
                is_id = column.endswith("_id") and column not in ("user_id", "chat_id", "message_id")
                shown = {kim.id: "Kim", ann.id: "Ann"}.get(value) if is_id else value
                shown = shown.isoformat() if isinstance(shown, date | datetime) else shown
                assert shown in there, f"{name}.{column}"
    assert "canary-Ann-injuries" in text and "canary-Ann-inbox-raw" in text and "canary-Ann-due-data" in text
    for other in ("Ben", "canary-Kim", "canary-nobody"):
        assert other not in text
    assert len(found["inbox"]) == 3 and len(found["outbox"]) == 2


def test_a_coachs_export_holds_no_athletes_words(db: Database, club: tuple[Person, Person, Person]) -> None:
    kim, ann, _ = club
    with db.begin() as tx:
        letter = Filled("Letter", 4).row(schema.journal, person_id=ann.id, by_id=kim.id, kind="words")
        tx.execute(sa.insert(schema.journal), [letter | {"name": "coach_wrote", "words": "canary-Kim-letter"}])
        facts = {"script": "relay", "slots": {"athlete": ann.id, "athlete_name": "Ann"}}
        row = tx.execute(sa.select(schema.person.c.facts).where(schema.person.c.id == kim.id)).scalar_one()
        tx.execute(sa.update(schema.person).where(schema.person.c.id == kim.id).values(facts={**row, "talks": [facts]}))
        found = rights.everything(tx, kim.id)
    text = json.dumps(found)
    assert "canary-Kim-letter" in text and "canary-Kim-inbox-raw" in text and "canary-Kim-journal-words" in text
    assert [one["short"] for one in found["taken"]] == ["Ann-short", "Ben-short"]
    # What Ann's coach wrote to her stands in her journal, and is a letter of Kim's.
    assert "canary-Ann" not in text.replace("canary-Ann-journal-words", "")
    assert '"Ann"' not in text and "canary-nobody" not in text and found["outbox"] == []


def test_there_is_no_export_of_nobody(db: Database) -> None:
    with db.read() as tx, pytest.raises(LookupError):
        rights.everything(tx, 99)


# --- erase --------------------------------------------------------------------------------------------------------


def canaries(db: Database, *words: str) -> list[str]:
    """Where in any table one of these words stands."""
    found = []
    with db.read() as tx:
        for table in TABLES.values():
            for row in tx.execute(sa.select(table)).mappings():
                found += [f"{table.name}: {word}" for word in words if word in json.dumps(dict(row), default=str)]
    return found


def test_an_erasure_leaves_a_number_and_the_others_alone(db: Database, club: tuple[Person, Person, Person]) -> None:
    kim, ann, ben = club
    with db.begin() as tx:
        counts = rights.erase(tx, ann.id, "RECEIPT", NOW)
    assert counts == {
        "journal": 2, "escalation": 1, "due": 1, "outbox": 2, "invite": 1, "inbox": 3, "version": 1, "session": 2,
        "proposal": 1, "setting": 1, "feed": 1, "topic": 1,
    }  # fmt: skip
    assert canaries(db, "Ann") == []
    assert len(canaries(db, "canary-Ben")) > 8
    with db.read() as tx:
        stone = tx.execute(sa.select(schema.person).where(schema.person.c.id == ann.id)).mappings().one()
        assert (stone["name"], stone["chat_id"], stone["user_id"], stone["coach_id"]) == ("", None, None, None)
        assert not (stone["runs"] or stone["coaches"] or stone["reachable"]) and stone["joined_at"] is None
        assert [one.name for one in people.everyone(tx)] == ["Kim", "Ben"]
        ledger = tx.execute(sa.select(schema.erasure)).mappings().one()
        assert (ledger["receipt"], ledger["person_id"], ledger["at"]) == ("RECEIPT", ann.id, NOW)
        assert ledger["counts"] == counts
        kept = {row.key: (row.who, row.raw, row.status) for row in tx.execute(sa.select(schema.inbox))}
        assert [kept[f"2:{one}"] for one in ("new", "done", "dead")] == [("", "", "done")] * 3
    with db.begin() as tx:
        assert load(tx, ann).person is None
        assert snapshots.load(tx, now=NOW, dice="", bot="bot", person_id=ann.id).person is None
        again = join(tx, "Anna", 31, runs=True, coach_id=kim.id)
        assert again.id > ben.id


def test_an_erasure_twice_is_one_and_an_update_that_comes_again_stays_erased(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    _, ann, _ = club
    with db.begin() as tx:
        first = Incoming("1:7", str(ann.user_id), '{"message": "canary-Ann-late"}')
        inbox.accept(tx, [first], NOW)
        rights.erase(tx, ann.id, "RECEIPT", NOW)
    with db.begin() as tx:
        assert inbox.accept(tx, [first], NOW) == 0
        assert inbox.accept(tx, [Incoming("1:8", "1", "{}"), first], NOW) == 1
        again = rights.erase(tx, ann.id, "RECEIPT", NOW + HOUR)
    assert set(again.values()) == {0} and canaries(db, "Ann") == []
    with db.read() as tx:
        assert rights.erased_since(tx, NOW) == [(ann.id, "RECEIPT", NOW)]
        assert rights.erased_since(tx, NOW + HOUR) == []


def test_the_words_that_others_read_of_them_go_too(db: Database, club: tuple[Person, Person, Person]) -> None:
    kim, ann, ben = club
    with db.begin() as tx:
        copy = json.dumps({"callback_query": {"data": "ack:X", "message": {"text": "Ann · canary-Ann"}}})
        row = Filled("Copy", 5).row(schema.inbox, who=str(kim.user_id), status="done")
        tx.execute(sa.insert(schema.inbox), [row | {"raw": copy}])
        for number, about in enumerate((None, ann.id, ben.id)):
            row = Filled(f"List{number}", 6 + number).row(
                schema.outbox, to_person=kim.id, chat_id=kim.chat_id, lane=1, status="sent", about=about
            )
            tx.execute(sa.insert(schema.outbox), [row | {"payload": {"text": "of Ann" if about != ben.id else "Ben"}}])
        facts = {"talks": [{"script": "relay", "slots": {"athlete": ann.id, "athlete_name": "Ann"}}]}
        tx.execute(sa.update(schema.person).where(schema.person.c.id == kim.id).values(facts=facts))
        tx.execute(
            sa.insert(schema.invite),
            [Filled("Second", 9).row(schema.invite, coach_id=kim.id) | {"name": "Ann", "used_at": None}],
        )
        rights.erase(tx, ann.id, "RECEIPT", NOW)
    assert canaries(db, "Ann") == []
    with db.read() as tx:
        texts = tx.execute(sa.select(schema.outbox.c.payload).where(schema.outbox.c.about == ben.id)).scalars().all()
    assert texts == [{"text": "Ben"}]


def test_a_coach_is_gone_from_everywhere_and_the_next_one_has_the_athletes(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, ann, _ = club
    with db.begin() as tx:
        dana = join(tx, "Dana", 22, coaches=True, backup_id=kim.id)
        rights.erase(tx, kim.id, "RECEIPT", NOW)
    assert canaries(db, "Kim") == []
    with db.begin() as tx:
        everyone = {one.name: one for one in people.everyone(tx)}
        assert everyone["Ann"].coach_id == everyone["Ben"].coach_id == dana.id
        assert everyone["Dana"].backup_id is None
        letters = sa.select(schema.journal.c.words).where(schema.journal.c.name == "coach_wrote")
        assert tx.execute(letters).scalars().all() == ["canary-Ann-journal-words", "canary-Ben-journal-words"]
        assert load(tx, ann).coach == everyone["Dana"]


def test_what_a_coach_has_taken_and_not_closed_is_handed_back_also_when_it_is_done_again(db: Database) -> None:
    """Also of an athlete whom no turn of theirs was shown, and where a backup from before it is restored: there no turn
    is taken at all."""
    with db.begin() as tx:
        kim, dana = join(tx, "Kim", 21, coaches=True), join(tx, "Dana", 22, coaches=True)
        ann, ben, cara = (join(tx, name, chat, runs=True, coach_id=kim.id) for name, chat in NAMES)
        taken = {"owner_id": dana.id, "acked_at": NOW}
        for one in (
            worry(ann, "AAAA1", **taken),
            worry(ann, "AAAA2", **taken, handled_at=NOW),
            worry(ben, "BBBB1", **taken, closed_at=NOW),
            worry(cara, "CCCC1", owner_id=kim.id, acked_at=NOW),
            worry(cara, "CCCC2"),
        ):
            journal.save_escalation(tx, one, "test")
        for _ in range(2):
            rights.erase(tx, dana.id, "RECEIPT", NOW)
        rows = tx.execute(sa.select(schema.due.c.person_id, schema.due.c.kind, schema.due.c.data)).all()
    assert [tuple(row) for row in rows] == [(ann.id, "left", {"id": dana.id, "others": [], "asks": False})]


def test_what_a_coach_has_set_goes_with_them_and_what_they_planned_stays(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, ann, _ = club
    with db.begin() as tx:
        dana = join(tx, "Dana", 22, coaches=True)
        for coach, rule in ((kim, "kims"), (dana, "danas")):
            proposals.append(tx, [Setting(rule, coach.id, NOW), Setting(rule, coach.id, NOW, ann.id)], kim.id)
        rights.erase(tx, kim.id, "RECEIPT", NOW)
        left = tx.execute(sa.select(schema.setting.c.rule, schema.setting.c.coach_id)).all()
        assert {tuple(row) for row in left} == {("danas", dana.id)}
        assert len(plans.at_version(tx, ann.id, 1).sessions) == 1
        assert tx.execute(sa.select(schema.proposal.c.state)).scalars().all() == ["declined", "declined"]
        found = rights.everything(tx, ann.id)
        assert (found["version"][0]["by"], found["proposal"][0]["decider"]) == ("", ""), "nobody's name is left"


def test_a_coachs_export_holds_the_rules_they_set_for_all_and_nothing_of_one_athlete(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, ann, _ = club
    with db.begin() as tx:
        proposals.append(tx, [Setting("for-all", kim.id, NOW), Setting("for-ann", kim.id, NOW, ann.id)], kim.id)
        of_kim, of_ann = rights.everything(tx, kim.id), rights.everything(tx, ann.id)
    assert "for-all" in [one["rule"] for one in of_kim["setting"]]
    assert "for-ann" not in [one["rule"] for one in of_kim["setting"]]
    assert "for-ann" in [one["rule"] for one in of_ann["setting"]]
    assert "for-all" not in [one["rule"] for one in of_ann["setting"]]


def test_the_last_coach_leaves_athletes_without_one_and_the_heir_does_not_coach_themselves(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, ann, ben = club
    with db.begin() as tx:
        change(tx, load(tx, ben).person or ben, coaches=True)
        rights.erase(tx, kim.id, "ONE", NOW)
        assert {one.name: one.coach_id for one in people.everyone(tx)} == {"Ann": ben.id, "Ben": None}
        rights.erase(tx, ben.id, "TWO", NOW)
        assert {one.name: one.coach_id for one in people.everyone(tx)} == {"Ann": None}
        rights.erase(tx, ann.id, "THREE", NOW)
        assert people.everyone(tx) == ()


def test_the_last_words_about_somebody_leave_before_they_go(db: Database, club: tuple[Person, Person, Person]) -> None:
    kim, ann, _ = club
    last = Filled("Last", 5).row(schema.outbox, to_person=kim.id, about=ann.id, lane=1, status="pending")
    with db.begin() as tx:
        rights.erase(tx, ann.id, "RECEIPT", NOW)
        row = last | {"key": "erased:RECEIPT:coach", "payload": {"text": "Ann has gone"}}
        tx.execute(sa.insert(schema.outbox), [row])
        assert rights.erase(tx, ann.id, "RECEIPT", NOW)["outbox"] == 0
        tx.execute(sa.update(schema.outbox).where(schema.outbox.c.key == row["key"]).values(status="sent"))
        assert rights.erase(tx, ann.id, "RECEIPT", NOW)["outbox"] == 1
    assert canaries(db, "Ann") == []


def test_who_joined_after_the_backup_keeps_the_number_from_being_given_again(db: Database) -> None:
    """A restored database has never heard of person 3; the ledger has."""
    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True)
        rights.erase(tx, kim.id + 2, "RECEIPT", NOW)
        assert set(rights.erase(tx, kim.id + 2, "RECEIPT", NOW).values()) == {0}
    with db.begin() as tx:
        assert join(tx, "Ann", 31, runs=True).id > kim.id + 2
        assert [one.name for one in people.everyone(tx)] == ["Kim", "Ann"]


def test_the_bytes_of_the_file_hold_no_word_of_the_erased(tmp_path: Path) -> None:
    """SQLite leaves deleted rows in free pages and in its log of writes unless it is told not to."""
    path = tmp_path / "aidstation.db"
    databases.migrate(f"sqlite:///{path}")
    db = databases.open_db(f"sqlite:///{path}")
    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True)
        ann = join(tx, "Ann", 31, runs=True, coach_id=kim.id)
        ben = join(tx, "Ben", 32, runs=True, coach_id=kim.id)
        for number, one in enumerate((ann, ben), start=2):
            fill(tx, one, kim, number)
            long = [
                Filled(one.name, number).row(schema.journal, person_id=one.id, by_id=one.id, kind="words")
                | {"words": f"canary-{one.name}-{n} " * (n % 70)}
                for n in range(1, 600)
            ]
            tx.execute(sa.insert(schema.journal), long)
    with db.begin() as tx:
        rights.erase(tx, ann.id, "RECEIPT", NOW)
    db.close()
    with databases.open_db(f"sqlite:///{path}").engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        bytes_ = b"".join(one.read_bytes() for one in tmp_path.iterdir())
    assert b"canary-Ben" in bytes_ and b"canary-Ann" not in bytes_ and b"Ann" not in bytes_


def test_an_outcome_that_erases_is_saved_without_its_person(db: Database, club: tuple[Person, Person, Person]) -> None:
    _, ann, _ = club
    with db.begin() as tx:
        known = load(tx, ann)
        rights.erase(tx, ann.id, "RECEIPT", NOW)
        outcomes.save(tx, snapshot(known.person), Outcome(), (), "test", NOW)
    assert canaries(db, "Ann") == []


def test_a_guardian_goes_alone_or_with_their_athlete_and_no_reference_is_left(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, ann, ben = club
    with db.begin() as tx:
        for athlete, name, chat in ((ann, "Linda", 41), (ben, "Gus", 42)):
            guardian = join(tx, name, chat, ward_id=athlete.id)
            change(tx, athlete, minor=True, guardian_id=guardian.id)
            note = outbox.row(
                Message(kim.id, "minors.writes", about=athlete.id), {"text": f"{name} writes"},
                to_person=kim.id, chat_id=kim.chat_id or 0, now=NOW, cause="t",
            )  # fmt: skip
            tx.execute(sa.insert(schema.outbox), {**note, "status": "sent", "sent_at": NOW})
            with pytest.raises(LookupError):
                rights.everything(tx, 999)
            mine = rights.everything(tx, guardian.id)
            assert mine["person"]["ward"] == athlete.name and rights.everything(tx, athlete.id)["person"]["minor"]
        linda, gus = (one for one in people.everyone(tx) if one.ward_id)
        rights.erase(tx, linda.id, "R1", NOW)
        (left,) = [one for one in people.everyone(tx) if one.id == ann.id]
        assert left.alone and left.name == "Ann"
        assert "Linda writes" not in str(tx.execute(sa.select(schema.outbox.c.payload)).all())
        rights.erase(tx, ben.id, "R2", NOW)
        assert [one.name for one in people.everyone(tx)] == ["Kim", "Ann"]
        gone = {id for id, _, _ in rights.erased_since(tx, NOW)}
        assert gone == {linda.id, ben.id, gus.id}
        for id, receipt, at in rights.erased_since(tx, NOW):  # as the sweep does it
            rights.erase(tx, id, receipt, at)
        assert len(rights.erased_since(tx, NOW)) == 3
