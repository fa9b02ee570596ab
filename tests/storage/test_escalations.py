from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dialogs.levels import Level
from dialogs.model import Outcome, Person
from storage import journal, people
from storage.db import Conflict, Database
from tests.storage.club import NOW, join, load, snapshot, worry


@pytest.fixture
def ann(db: Database) -> Person:
    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True)
        join(tx, "Dana", 22, coaches=True)
        return join(tx, "Ann", 31, runs=True, coach_id=kim.id)


def test_an_escalation_is_changed_only_by_who_has_read_its_newest_state(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        journal.save_escalation(tx, worry(ann), "test")
        [read] = journal.open_for_athlete(tx, ann.id)
        journal.save_escalation(tx, replace(read, step=1, level=Level.TODAY), "test")
        [newer] = journal.open_for_athlete(tx, ann.id)
        assert newer == replace(read, step=1, level=Level.TODAY, version=read.version + 1)
    with pytest.raises(Conflict), db.begin() as tx:
        journal.save_escalation(tx, replace(read, owner_id=1, acked_at=NOW), "test")
    with db.begin() as tx:
        assert journal.open_for_athlete(tx, ann.id) == (newer,)


def test_a_short_is_given_once(db: Database, ann: Person) -> None:
    with pytest.raises(Conflict), db.begin() as tx:
        journal.save_escalation(tx, worry(ann), "test")
        journal.save_escalation(tx, worry(ann), "test")


def test_an_unchanged_escalation_in_an_outcome_is_not_written(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        journal.save_escalation(tx, worry(ann), "test")
        known = load(tx, ann)
        people.save(tx, known, Outcome(escalations=known.escalations), (), "test", NOW)
        assert load(tx, ann).escalations == known.escalations


def test_an_open_escalation_without_a_next_step_cannot_be_stored(db: Database, ann: Person) -> None:
    with pytest.raises(sa.exc.IntegrityError), db.begin() as tx:
        journal.save_escalation(tx, replace(worry(ann), next_at=None), "test")


def test_an_escalation_cannot_be_acked_by_nobody(db: Database, ann: Person) -> None:
    with pytest.raises(sa.exc.IntegrityError), db.begin() as tx:
        journal.save_escalation(tx, replace(worry(ann), acked_at=NOW), "test")


def test_of_two_acks_at_once_one_wins_and_the_other_learns_who(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        journal.save_escalation(tx, worry(ann), "test")
        coaches = [one for one in people.everyone(tx) if one.coaches]
    gate = threading.Barrier(2)
    won: list[int] = []
    told: list[int | None] = []

    def ack(coach: Person) -> None:
        gate.wait()
        while True:
            try:
                with db.begin() as tx:
                    known = load(tx, coach)
                    [one] = known.escalations
                    if not one.open:
                        told.append(one.owner_id)
                        return
                    taken = replace(one, owner_id=coach.id, acked_at=NOW, next_at=None)
                    people.save(tx, known, Outcome(escalations=(taken,)), (), "test", NOW)
                won.append(coach.id)
                return
            except Conflict:
                continue

    threads = [threading.Thread(target=ack, args=(coach,)) for coach in coaches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert told == won


def test_a_coach_can_be_written_to_while_the_coachs_own_turn_holds_them(db: Database, ann: Person) -> None:
    if db.is_sqlite:
        pytest.skip("on SQLite the whole transaction is the lock")
    with db.begin() as tx:
        [kim] = people.find(tx, "Kim", "coach")
    with db.begin() as coachs, db.begin() as athletes:
        load(coachs, kim)
        athletes.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        known = load(athletes, ann)
        raised = replace(worry(ann), owner_id=kim.id, acked_at=NOW)  # refers to the locked row
        people.save(athletes, known, Outcome(escalations=(raised,)), (), "test", NOW)


def test_the_journal_is_read_from_a_day_on_in_the_order_of_its_instants(db: Database, ann: Person) -> None:
    from dialogs.model import Record

    day = NOW.date()
    late = Record("answer", "effort", NOW, day - timedelta(days=2), 7)
    early = Record("words", "free", NOW - timedelta(hours=3), day, words="שלום 👨‍👩‍👧 {{7*7}} <b", message_id=2**52)
    with db.begin() as tx:
        journal.append(tx, ann.id, [late, early], "test", NOW)
        journal.append(tx, ann.id, [], "test", NOW)
        assert journal.records(tx, ann.id, day - timedelta(days=2)) == (early, late)
        assert journal.records(tx, ann.id, day - timedelta(days=1)) == (early,)
    assert snapshot().records == ()
