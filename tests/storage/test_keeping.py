"""What only serves the work goes by itself; what people said does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.config import Keep
from dialogs.model import Message, Person, Wakeup
from storage import due, feeds, inbox, journal, keeping, outbox, people, proposals, rights, schema
from storage.db import Database
from storage.inbox import Incoming
from tests.storage.club import HOUR, NOW, join, planned, session, wish, worry

DAYS = asdict(Keep())
DAY = timedelta(days=1)


@pytest.fixture
def ann(db: Database) -> Person:
    with db.begin() as tx:
        return join(tx, "Ann", 31, runs=True)


def count(db: Database, table: sa.Table) -> int:
    with db.read() as tx:
        return tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def sweep(db: Database, now: datetime, **days: int) -> int:
    return keeping.sweep(db, now, DAYS | days)


def put(tx: sa.Connection, to: Person | None, *, key: str | None = None, sent: bool = True) -> None:
    message = Message(to.id if to else None, "shared.noted", key=key)
    outbox.put(tx, message, {"text": "x"}, to_person=to.id if to else None, chat_id=31, now=NOW, cause="test")
    if sent:
        last = tx.execute(sa.select(sa.func.max(schema.outbox.c.id))).scalar_one()
        outbox.sent(tx, last, NOW, 1)


def test_handled_updates_go_after_a_week_and_the_others_stay(db: Database) -> None:
    with db.begin() as tx:
        inbox.accept(tx, [Incoming(str(n), f"w{n}", "{}") for n in range(3)], NOW)
        for dead in (False, True):
            row = inbox.claim(tx, NOW)
            assert row is not None
            inbox.fail(tx, row.id, NOW, error_class="X", retry_at=None) if dead else inbox.done(tx, row.id, NOW)
    assert sweep(db, NOW + 7 * DAY) == 0
    assert sweep(db, NOW + 7 * DAY + HOUR) == 1
    assert count(db, schema.inbox) == 2 and sweep(db, NOW + 700 * DAY) == 0


def test_messages_go_after_three_months_and_those_to_strangers_after_a_day(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        put(tx, ann)
        put(tx, ann, sent=False)
        put(tx, None)
        put(tx, None, sent=False)
        put(tx, ann, key="export:1:202611230700:aidstation.html")
        put(tx, ann, key="calendar:0123456789abcdef")  # the address of a private calendar stands in it
    assert sweep(db, NOW + DAY) == 0
    assert sweep(db, NOW + DAY + HOUR) == 3
    assert sweep(db, NOW + 90 * DAY) == 0
    assert sweep(db, NOW + 90 * DAY + HOUR) == 1
    assert count(db, schema.outbox) == 2


def test_rung_wakeups_and_old_seats_go(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        for key in ("a", "b"):
            due.put(tx, ann.id, Wakeup("checkin", key, NOW), NOW)
        row = due.claim(tx, NOW)
        assert row is not None
        due.done(tx, row.id, NOW)
        people.create_invite(tx, name="Zoe", code="z" * 32, now=NOW, expires_at=NOW + 7 * DAY, coach_id=ann.id)
    assert sweep(db, NOW + 90 * DAY) == 0
    assert sweep(db, NOW + 90 * DAY + HOUR) == 1
    assert sweep(db, NOW + 97 * DAY) == 0
    assert sweep(db, NOW + 97 * DAY + HOUR) == 1
    assert count(db, schema.due) == 1 and count(db, schema.invite) == 0


def test_what_people_said_stays_for_ever(db: Database, ann: Person) -> None:
    from tests.storage.test_people import record

    with db.begin() as tx:
        journal.append(tx, ann.id, [record("sleep")], "test", NOW)
        journal.save_escalation(tx, worry(ann), "test")
        planned(tx, ann, session("a"))
        proposals.save(tx, wish(ann, state="expired", decided_at=NOW))
        feeds.new(tx, ann.id, "c" * 32, NOW)
    assert sweep(db, NOW + 4000 * DAY) == 0
    for table in (schema.journal, schema.escalation, schema.version, schema.session, schema.proposal, schema.feed):
        assert count(db, table) == 1


def test_the_days_are_those_of_the_settings(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        put(tx, ann)
    assert sweep(db, NOW + 3 * DAY, outbox=3) == 0
    assert sweep(db, NOW + 3 * DAY + HOUR, outbox=3) == 1


@pytest.fixture
def many(db: Database, ann: Person) -> Iterator[int]:
    with db.begin() as tx:
        row: dict[str, Any] = {"person_id": ann.id, "kind": "x", "at": NOW, "ready_at": NOW, "data": {}, "attempts": 0}
        row |= {"status": "done", "created_at": NOW, "finished_at": NOW}
        tx.execute(sa.insert(schema.due), [row | {"key": str(n)} for n in range(2 * keeping.BATCH + 1)])
    yield 2 * keeping.BATCH + 1


def test_many_go_in_short_transactions(db: Database, many: int) -> None:
    begun: list[str] = []

    def listen(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("DELETE FROM due"):
            begun.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", listen)
    swept = sweep(db, NOW + 91 * DAY)
    sa.event.remove(db.engine, "before_cursor_execute", listen)
    assert swept == many and len(begun) == 3


def test_a_stop_ends_a_sweep_between_two_batches(db: Database, many: int) -> None:
    asked = []

    def go_on() -> bool:
        asked.append(1)
        return len(asked) < 6  # once for each table before, then two batches

    assert keeping.sweep(db, NOW + 91 * DAY, DAYS, go_on) == 2 * keeping.BATCH
    assert sweep(db, NOW + 91 * DAY) == 1


def test_what_another_turn_wrote_in_the_instant_of_an_erasure_goes_with_the_next_sweep(
    db: Database, ann: Person
) -> None:
    from tests.storage.test_people import record

    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True)
        rights.erase(tx, ann.id, "RECEIPT", NOW)
        journal.append(tx, kim.id, [record("coach_wrote", words="dear Ann", about=ann.id)], "test", NOW)
    assert sweep(db, NOW + 3 * DAY) == 0
    assert sweep(db, NOW + HOUR) == 1 and count(db, schema.journal) == 0
