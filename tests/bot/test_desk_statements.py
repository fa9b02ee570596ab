"""What a coach's desk costs: as many statements for two hundred open concerns as for six, and the same for a list.

On the real inbox and on both databases. How long it takes is not looked at; that is `make bench ARGS="--only desk"`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.handle import handle_one
from bot.metrics import Metrics
from dialogs.levels import Level
from dialogs.model import Escalation, Person, Record, Wakeup
from storage import codec, due, inbox, journal
from storage.db import Database, open_db
from storage.schema import outbox, person

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
KIM = 900


@pytest.fixture
def db(migrated_database_url: str) -> Iterator[Database]:
    base = open_db(migrated_database_url)
    yield base
    base.close()


def fill(db: Database, numbers: range) -> None:
    """Kim, where she is not there yet, and these athletes, each with a concern and with words of today."""
    with db.begin() as tx:
        kim = tx.execute(sa.select(person.c.id).where(person.c.coaches)).scalar()
        kim = kim or _join(tx, Person(0, "Kim", KIM, KIM, coaches=True, consent_at=NOW, joined_at=NOW))
        for number in numbers:
            one = Person(0, f"A{number}", 1000 + number, 1000 + number, runs=True, coach_id=kim, consent_at=NOW)
            id = _join(tx, one)
            raised = NOW - timedelta(minutes=number)
            worry = Escalation(
                0,
                f"S{number:04}",
                id,
                Level.CONCERN,
                "words",
                f"worry {number}",
                raised,
                next_at=NOW + timedelta(days=1),
            )
            journal.save_escalation(tx, worry, "test")
            journal.append(tx, id, [Record("words", "free", raised, NOW.date(), None, f"said {number}")], "test", NOW)


def _join(tx: sa.Connection, one: Person) -> int:
    row = codec.person_row(one) | {"version": 1}
    return int(tx.execute(sa.insert(person).values(**row).returning(person.c.id)).scalar_one())


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


def says(db: Database, number: int, text: str) -> tuple[int, list[str]]:
    """How many statements that takes, and what Kim then reads."""
    user = {"id": KIM, "is_bot": False, "first_name": "Kim"}
    message = {
        "message_id": 1, "date": int(NOW.timestamp()), "chat": {"id": KIM, "type": "private", "first_name": "Kim"},
        "from": user, "text": text,
    }  # fmt: skip
    raw = json.dumps({"update_id": number, "message": message})
    with db.begin() as tx:
        inbox.accept(tx, [inbox.Incoming(f"test:{number}", str(KIM), raw)], NOW)
    return handles(db, number)


def taps(db: Database, number: int, data: str) -> tuple[int, list[str]]:
    user = {"id": KIM, "is_bot": False, "first_name": "Kim"}
    under = {
        "message_id": 1, "date": int(NOW.timestamp()), "chat": {"id": KIM, "type": "private", "first_name": "Kim"},
        "from": {"id": 1, "is_bot": True, "first_name": "B"}, "text": "x",
    }  # fmt: skip
    query = {"id": f"q{number}", "from": user, "chat_instance": "1", "data": data, "message": under}
    raw = json.dumps({"update_id": number, "callback_query": query})
    with db.begin() as tx:
        inbox.accept(tx, [inbox.Incoming(f"test:{number}", str(KIM), raw)], NOW)
    return handles(db, number)


def handles(db: Database, number: int) -> tuple[int, list[str]]:
    with db.read() as tx:
        before = tx.execute(sa.select(sa.func.coalesce(sa.func.max(outbox.c.id), 0))).scalar_one()
    with counted(db) as statements:
        assert handle_one(db, NOW, lambda: f"{number:064x}", "bot", Metrics())
    with db.read() as tx:
        rows = tx.execute(sa.select(outbox.c.payload).where(outbox.c.id > before).order_by(outbox.c.id)).scalars().all()
    return len(statements), [json.dumps(one) for one in rows]


def test_two_hundred_open_concerns_page_with_as_many_statements_as_six(db: Database) -> None:
    found = []
    fill(db, range(6))
    for number, athletes in ((10, 6), (20, 200)):
        fill(db, range(6, athletes))
        first, page = says(db, number, "/queue")
        more = json.loads(page[-1])["buttons"][0][0]["data"]
        second, rest = taps(db, number + 1, more)
        assert len(page) == 7 and len(rest) == (2 if athletes == 6 else 7)
        assert "worry 0" in rest[1] if athletes == 6 else "worry 194" in rest[1], "the oldest first"
        found.append((first, second))
    assert found[0] == found[1], found
    assert max(found[1]) <= 20, found


def test_a_list_costs_as_many_statements_with_fifty_athletes_as_with_six(db: Database) -> None:
    found = []
    for there, athletes in ((0, 5), (5, 6), (6, 50)):  # what is done but once is done with the first list
        fill(db, range(there, athletes))
        with db.begin() as tx:
            kim = tx.execute(sa.select(person.c.id).where(person.c.coaches)).scalar_one()
            due.put(tx, kim, Wakeup("list", f"list:{athletes}", NOW, NOW.date()), NOW)
        count, told = handles(db, athletes)
        assert f"{athletes} need you" in told[0]
        found.append(count)
    assert found[1] == found[2] <= 26, found
