from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from datetime import datetime as Datetime

import pytest
import sqlalchemy as sa

from dialogs.model import Outcome, Person, Wakeup
from storage import due, outcomes
from storage.db import Database
from storage.schema import due as table
from tests.storage.club import HOUR, MINUTE, NOW, join, snapshot


@pytest.fixture
def ann(db: Database) -> Person:
    with db.begin() as tx:
        return join(tx, "Ann", 11, runs=True)


def wakeup(key: str = "checkin:1:2026-11-23", at: Datetime = NOW) -> Wakeup:
    return Wakeup("checkin", key, at, date(2026, 11, 23), {"turn": 3})


def test_a_wakeup_comes_back_as_it_was_put(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        assert due.put(tx, ann.id, wakeup(), NOW)
        assert due.claim(tx, NOW - MINUTE) is None
        row = due.claim(tx, NOW)
    assert row is not None
    assert (row.person_id, row.kind, row.key, row.at, row.day, row.data, row.attempts) == (
        ann.id, "checkin", "checkin:1:2026-11-23", NOW, date(2026, 11, 23), {"turn": 3}, 0,
    )  # fmt: skip


def test_an_open_wakeup_is_moved_by_its_key_and_one_that_rang_is_not(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        assert due.put(tx, ann.id, wakeup(), NOW)
        assert due.put(tx, ann.id, wakeup(at=NOW + HOUR), NOW)
        assert due.next_at(tx) == NOW + HOUR
        row = due.claim(tx, NOW + HOUR)
        assert row is not None
        due.done(tx, row.id, NOW + HOUR)
        assert not due.put(tx, ann.id, wakeup(at=NOW + 2 * HOUR), NOW)
        assert due.next_at(tx) is None


def test_a_key_belongs_to_one_person(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        ben = join(tx, "Ben", 12, runs=True)
        assert due.put(tx, ann.id, wakeup(), NOW)
        assert not due.put(tx, ben.id, wakeup(at=NOW + HOUR), NOW)
        assert due.next_at(tx) == NOW


def test_the_longest_waiting_comes_first_and_one_that_has_rung_never_again(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        due.put(tx, ann.id, wakeup("b", NOW), NOW)
        due.put(tx, ann.id, wakeup("a", NOW - HOUR), NOW)
        first = due.claim(tx, NOW)
        assert first is not None and first.key == "a"
        due.done(tx, first.id, NOW)
        second = due.claim(tx, NOW)
        assert second is not None and second.key == "b"
        assert not due.put(tx, ann.id, wakeup("a", NOW), NOW)


def test_a_failed_wakeup_is_tried_later_but_lateness_is_still_judged_by_its_hour(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        due.put(tx, ann.id, wakeup(), NOW)
        row = due.claim(tx, NOW)
        assert row is not None
        due.fail(tx, row.id, NOW, error_class="KeyError", retry_at=NOW + HOUR)
        assert due.claim(tx, NOW) is None
        again = due.claim(tx, NOW + HOUR)
        assert again == replace(row, attempts=1)
        due.fail(tx, row.id, NOW, error_class="KeyError", retry_at=None)
        assert due.claim(tx, NOW + timedelta(days=9)) is None
        assert due.next_at(tx) is None


@pytest.mark.parametrize(
    ("prefix", "left"),
    [
        ("page:A%B:", {"page:AxB:1", "PAGE:A%B:1", "page:A_B:1"}),
        ("page:A_B:", {"page:AxB:1", "PAGE:A%B:1", "page:A%B:1"}),
        ("page:", {"PAGE:A%B:1"}),
        ("%", {"page:A%B:1", "page:AxB:1", "page:A_B:1", "PAGE:A%B:1"}),
    ],
)
def test_cancel_takes_its_prefix_letter_for_letter(db: Database, ann: Person, prefix: str, left: set[str]) -> None:
    keys = {"page:A%B:1", "page:AxB:1", "page:A_B:1", "PAGE:A%B:1"}
    with db.begin() as tx:
        ben = join(tx, "Ben", 12, runs=True)
        due.put(tx, ben.id, wakeup(f"{prefix}of-ben"), NOW)
        for key in keys:
            due.put(tx, ann.id, wakeup(key), NOW)
        assert due.cancel(tx, ann.id, prefix) == len(keys - left)
        found = set()
        while (row := due.claim(tx, NOW)) is not None:
            due.done(tx, row.id, NOW)
            found.add(row.key)
    assert found == left | {f"{prefix}of-ben"}


def test_what_rang_is_not_cancelled_and_what_was_cancelled_may_ring_under_the_same_key(
    db: Database, ann: Person
) -> None:
    with db.begin() as tx:
        due.put(tx, ann.id, wakeup("checkin:1:a"), NOW)
        row = due.claim(tx, NOW)
        assert row is not None
        due.done(tx, row.id, NOW)
        due.put(tx, ann.id, wakeup("checkin:1:b"), NOW)
        assert due.cancel(tx, ann.id, "checkin:1:") == 1
        assert due.put(tx, ann.id, wakeup("checkin:1:b"), NOW)
        assert not due.put(tx, ann.id, wakeup("checkin:1:a"), NOW)


def test_one_outcome_cancels_before_it_plans(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        due.put(tx, ann.id, wakeup("checkin:1:a"), NOW)
        outcome = Outcome(cancel=("checkin:1:",), wakeups=(wakeup("checkin:1:a", NOW + HOUR),))
        outcomes.save(tx, snapshot(ann), outcome, (), "test", NOW)
        assert due.next_at(tx) == NOW + HOUR


def note(number: int, at: Datetime = NOW) -> Wakeup:
    return Wakeup("transcribe", f"transcribe:1:{number}", at, data={"file_id": "f", "message_id": number})


def test_one_kind_can_be_left_to_others_and_holds_up_nobody_behind_it(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        due.put(tx, ann.id, note(1, NOW - HOUR), NOW)
        assert due.claim(tx, NOW, but={"transcribe"}) is None
        due.put(tx, ann.id, wakeup(), NOW)
        row = due.claim(tx, NOW, but={"transcribe"})
        assert row is not None and row.kind == "checkin"
        row = due.claim(tx, NOW)
        assert row is not None and row.kind == "transcribe"


def test_a_held_row_is_nobody_elses_until_the_hold_is_over_and_its_try_counts(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        due.put(tx, ann.id, wakeup(at=NOW - 2 * HOUR), NOW)
        due.put(tx, ann.id, note(2), NOW)
        due.put(tx, ann.id, note(1, NOW - HOUR), NOW)
        assert due.hold(tx, "transcribe", NOW - 2 * HOUR, NOW) is None
        first = due.hold(tx, "transcribe", NOW, NOW + HOUR)
        assert first is not None and (first.key, first.at, first.attempts) == ("transcribe:1:1", NOW - HOUR, 1)
        second = due.hold(tx, "transcribe", NOW, NOW + 2 * HOUR)
        assert second is not None and second.key == "transcribe:1:2"
        assert due.hold(tx, "transcribe", NOW, NOW + HOUR) is None
        assert due.hold(tx, "transcribe", NOW + HOUR, NOW + 2 * HOUR) == replace(first, attempts=2)
        assert due.done(tx, second.id, NOW)
        assert not due.done(tx, second.id, NOW)


def test_a_held_row_comes_back_when_its_try_failed_and_uncounted_when_it_was_broken_off(
    db: Database, ann: Person
) -> None:
    with db.begin() as tx:
        due.put(tx, ann.id, note(1), NOW)
        held = due.hold(tx, "transcribe", NOW, NOW + HOUR)
        assert held is not None
        assert due.give_back(tx, held, NOW, error_class=None, retry_at=NOW)
        held = due.hold(tx, "transcribe", NOW, NOW + HOUR)
        assert held is not None and held.attempts == 1
        assert due.give_back(tx, held, NOW, error_class="exit_1", retry_at=NOW + MINUTE)
        assert not due.give_back(tx, replace(held, attempts=9), NOW, error_class="exit_1", retry_at=None)
        assert due.next_at(tx) == NOW + MINUTE
        held = due.hold(tx, "transcribe", NOW + MINUTE, NOW + HOUR)
        assert held is not None and held.attempts == 2
        assert due.give_back(tx, held, NOW, error_class="exit_1", retry_at=None)
        assert due.next_at(tx) is None and due.hold(tx, "transcribe", NOW + 9 * HOUR, NOW + 10 * HOUR) is None


def test_each_kind_that_is_held_has_its_own_queue(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        due.put(tx, ann.id, note(1), NOW)
        due.put(tx, ann.id, Wakeup("fetch", "fetch:1:2", NOW + MINUTE, data={"file_id": "f"}), NOW)
        assert due.hold(tx, "fetch", NOW, NOW + HOUR) is None
        assert due.claim(tx, NOW + HOUR, but=due.HELD) is None
        held = due.hold(tx, "fetch", NOW + MINUTE, NOW + HOUR)
        assert held is not None and (held.key, held.attempts) == ("fetch:1:2", 1)
        due.take_up(tx)
        again = due.hold(tx, "fetch", NOW + MINUTE, NOW + HOUR)
        assert again is not None and again.attempts == 2
        heard = due.hold(tx, "transcribe", NOW, NOW + HOUR)
        assert heard is not None and heard.key == "transcribe:1:1"


def test_a_file_goes_from_the_row_that_brought_it_and_from_no_other(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        for kind in ("planfile", "export"):
            due.put(tx, ann.id, Wakeup(kind, f"{kind}:1:1", NOW, data={"content": "ZWFzeQ=="}), NOW)
        while (row := due.claim(tx, NOW)) is not None:
            assert row.data == {"content": "ZWFzeQ=="}, "its turn has it"
            assert due.done(tx, row.id, NOW)
        kept = {row.kind: row.data for row in tx.execute(sa.select(table.c.kind, table.c.data))}
    assert kept == {"planfile": {}, "export": {"content": "ZWFzeQ=="}}


def test_what_the_dead_have_held_is_taken_up_and_what_rests_between_two_tries_is_not(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        for number in (1, 2, 3):
            due.put(tx, ann.id, note(number, NOW if number < 3 else NOW + HOUR), NOW)
        failed, held = due.hold(tx, "transcribe", NOW, NOW + HOUR), due.hold(tx, "transcribe", NOW, NOW + HOUR)
        assert failed is not None and held is not None
        due.give_back(tx, failed, NOW, error_class="exit_1", retry_at=NOW + MINUTE)
        due.take_up(tx)
        assert due.hold(tx, "transcribe", NOW, NOW + HOUR) == replace(held, attempts=2)
        assert due.hold(tx, "transcribe", NOW, NOW + HOUR) is None


def test_two_claimers_get_two_rows(db: Database, ann: Person) -> None:
    if db.is_sqlite:
        pytest.skip("on SQLite there is no second claimer: the whole transaction is the lock")
    with db.begin() as tx:
        due.put(tx, ann.id, wakeup("a"), NOW)
        due.put(tx, ann.id, wakeup("b"), NOW)
    with db.begin() as one, db.begin() as two:
        mine, yours = due.claim(one, NOW), due.claim(two, NOW)
    assert mine is not None and yours is not None
    assert (mine.key, yours.key) == ("a", "b")
