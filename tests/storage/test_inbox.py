from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from storage import inbox
from storage.db import Database
from storage.inbox import Incoming
from storage.schema import inbox as table
from tests.storage.club import MINUTE, NOW


def accept(db: Database, *rows: tuple[str, str]) -> None:
    with db.begin() as tx:
        inbox.accept(tx, [Incoming(key, who, "{}") for key, who in rows], NOW)


def handle_next(db: Database) -> str | None:
    with db.begin() as tx:
        row = inbox.claim(tx, NOW)
        if row is None:
            return None
        inbox.done(tx, row.id, NOW)
        return row.key


def test_the_same_update_again_is_stored_once(db: Database) -> None:
    with db.begin() as tx:
        assert inbox.accept(tx, [Incoming("7", "ann", "{}"), Incoming("8", "ann", "{}")], NOW) == 2
    with db.begin() as tx:
        assert inbox.accept(tx, [Incoming("8", "ann", "{}"), Incoming("9", "ann", "{}")], NOW) == 1
        assert inbox.waiting(tx, NOW) == 3
        assert inbox.accept(tx, [], NOW) == 0


def test_the_same_key_with_other_content_is_kept_beside_the_first(db: Database) -> None:
    other = Incoming("7", "ben", '{"text": "my chest hurts"}')
    with db.begin() as tx:
        assert inbox.accept(tx, [Incoming("7", "ann", "{}"), other], NOW) == 2
        assert inbox.accept(tx, [other], NOW) == 0
        first = inbox.claim(tx, NOW)
        assert first is not None
        inbox.done(tx, first.id, NOW)
        second = inbox.claim(tx, NOW)
    assert second is not None
    assert (first.key, first.raw, second.raw) == ("7", "{}", other.raw)
    assert second.key.startswith("7:") and len(second.key) == len("7:") + 8


@pytest.mark.parametrize("raw", ["", "plain\x00null", "half \ud83d of an emoji", "\x1a0000", "🏃 бег עברית"])
def test_raw_is_kept_letter_for_letter(db: Database, raw: str) -> None:
    with db.begin() as tx:
        inbox.accept(tx, [Incoming("1", "ann", raw)], NOW)
        inbox.accept(tx, [Incoming("1", "ann", raw)], NOW)
    with db.begin() as tx:
        row = inbox.claim(tx, NOW)
        assert row is not None and row.raw == raw
        assert inbox.waiting(tx, NOW) == 1


def test_rows_are_handled_in_order_per_person_and_others_do_not_wait(db: Database) -> None:
    accept(db, ("1", "ann"), ("2", "ann"), ("3", "ben"))
    with db.begin() as tx:
        row = inbox.claim(tx, NOW)
        assert row is not None and row.key == "1"
        inbox.fail(tx, row.id, NOW, error_class="KeyError", retry_at=NOW + MINUTE)
    assert handle_next(db) == "3"
    assert handle_next(db) is None  # 2 is Ann's, and 1 waits for its next try
    with db.read() as tx:
        assert inbox.next_at(tx) == NOW + MINUTE
        assert inbox.waiting(tx, NOW) == 1
    with db.begin() as tx:
        again = inbox.claim(tx, NOW + MINUTE)
        assert again is not None and (again.key, again.attempts) == ("1", 1)


def test_a_row_that_fails_for_good_is_dead_and_stops_blocking(db: Database) -> None:
    accept(db, ("1", "ann"), ("2", "ann"))
    with db.begin() as tx:
        row = inbox.claim(tx, NOW)
        assert row is not None
        inbox.fail(tx, row.id, NOW, error_class="KeyError", retry_at=None)
    assert handle_next(db) == "2"
    with db.begin() as tx:
        left = tx.execute(sa.select(table.c.key, table.c.status, table.c.error_class, table.c.attempts)).all()
        assert inbox.next_at(tx) is None
    assert [tuple(row) for row in left] == [("1", "dead", "KeyError", 1), ("2", "done", None, 0)]


def test_a_crash_while_handling_leaves_the_row_as_it_was(db: Database) -> None:
    accept(db, ("1", "ann"))
    with pytest.raises(ZeroDivisionError), db.begin() as tx:
        row = inbox.claim(tx, NOW)
        assert row is not None
        inbox.done(tx, row.id, NOW)
        raise ZeroDivisionError
    assert handle_next(db) == "1"


def test_two_claimers_share_the_work_and_keep_each_persons_order(db: Database) -> None:
    rows = [(str(n), f"runner{n % 5}") for n in range(40)]
    accept(db, *rows)
    handled: list[str] = []
    gate = threading.Barrier(2)

    def work() -> None:
        gate.wait()
        misses = 0
        while misses < 200 and len(handled) < len(rows):
            with db.begin() as tx:
                row = inbox.claim(tx, NOW)
                if row is None:
                    misses += 1
                    continue
                inbox.done(tx, row.id, NOW)
                handled.append(row.key)  # while the row is still locked: this is the order of the effects

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(handled, key=int) == [key for key, _ in rows]
    for runner in range(5):
        own = [int(key) for key in handled if int(key) % 5 == runner]
        assert own == sorted(own)


def test_a_row_that_one_holds_is_not_given_to_another(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("on SQLite there is no second claimer: the whole transaction is the lock")
    accept(db, ("1", "ann"), ("2", "ann"), ("3", "ben"))
    with db.begin() as one, db.begin() as two:
        mine, yours = inbox.claim(one, NOW), inbox.claim(two, NOW)
        assert mine is not None and mine.key == "1"
        assert yours is not None and yours.key == "3"
