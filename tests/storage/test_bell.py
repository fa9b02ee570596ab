"""The bell between replicas: it rings with the commit, is heard by all, and a lost connection is made anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from dialogs.model import Message
from storage import bell, inbox, outbox
from storage.db import Database

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
PATIENCE_S = 30.0


def put_a_message(tx: sa.Connection) -> None:
    outbox.put(tx, Message(None, "x"), {"text": "x"}, to_person=None, chat_id=1, now=NOW, cause="test")


def accept_an_update(tx: sa.Connection) -> None:
    inbox.accept(tx, [inbox.Incoming("1", "ann", "{}")], NOW)


class Ear:
    def __init__(self) -> None:
        self.heard = threading.Semaphore(0)

    def __call__(self) -> None:
        self.heard.release()

    def hears(self) -> bool:
        return self.heard.acquire(timeout=PATIENCE_S)


@pytest.mark.parametrize("migrated_database_url", ["postgres"], indirect=True)
@pytest.mark.parametrize("work", [put_a_message, accept_an_update])
def test_new_work_rings_when_it_is_committed_and_not_before(
    db: Database, work: Callable[[sa.Connection], None]
) -> None:
    ear = Ear()
    with bell.listening(db, ear):
        assert ear.hears()  # it listens now
        with db.begin() as tx:
            work(tx)
            tx.rollback()
        with db.begin() as tx:
            work(tx)
            with db.begin() as other:  # a later ring that arrives first: the one above has not rung
                bell.ring(other)
            assert ear.hears()
            assert not ear.heard.acquire(blocking=False)
        assert ear.hears()


@pytest.mark.parametrize("migrated_database_url", ["postgres"], indirect=True)
def test_after_a_lost_connection_it_listens_again(db: Database) -> None:
    ear = Ear()
    with bell.listening(db, ear):
        assert ear.hears()
        with db.begin() as tx:
            listeners = tx.execute(
                sa.text("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
            )
            assert listeners.scalar() == 1
        assert ear.hears()  # it has come back, and looks at once at what it may have missed
        with db.begin() as tx:
            bell.ring(tx)
        assert ear.hears()
    assert not [thread for thread in threading.enumerate() if thread.name == "bell"]


@pytest.mark.parametrize("migrated_database_url", ["sqlite"], indirect=True)
def test_on_sqlite_there_is_no_bell(db: Database) -> None:
    with bell.listening(db, lambda: pytest.fail("who has rung?")), db.begin() as tx:
        put_a_message(tx)
        assert not [thread for thread in threading.enumerate() if thread.name == "bell"]
