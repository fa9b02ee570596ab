from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from dialogs import concerns
from dialogs.concerns import REOPENS
from dialogs.events import Sender
from dialogs.levels import Level
from dialogs.model import Escalation, Note, Outcome, Person, Round
from storage import journal, outcomes, people, rights, snapshots
from storage.db import Conflict, Database
from storage.schema import escalation
from tests.storage.club import HOUR, MINUTE, NOW, change, join, load, snapshot, worry


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
        outcomes.save(tx, known, Outcome(escalations=known.escalations), (), "test", NOW)
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
                    outcomes.save(tx, known, Outcome(escalations=(taken,)), (), "test", NOW)
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
        outcomes.save(athletes, known, Outcome(escalations=(raised,)), (), "test", NOW)


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


# --- the life of a concern --------------------------------------------------------------------------------------


def lived(ann: Person, short: str = "K7Q2M", **fields: Any) -> Escalation:
    """One that has been through everything."""
    was = Round(NOW - 3 * HOUR, 1, NOW - 2 * HOUR, NOW - HOUR, NOW, 1)
    facts = {
        "topic": "pain:shin", "handled_at": NOW, "closed_by_id": 1, "read_at": NOW, "asks": 3,
        "seen": ((NOW.date() - timedelta(days=1), 4), (NOW.date(), None)),
        "notes": (Note(NOW, 1, "שלום 👨‍👩‍👧 {{7*7}} <b"),), "past": (was,),
    }  # fmt: skip
    return replace(worry(ann), short=short, **{**facts, **fields})


def test_all_of_its_life_comes_back_as_it_was(db: Database, ann: Person) -> None:
    one = lived(ann)
    with db.begin() as tx:
        journal.save_escalation(tx, one, "test")
        [read] = journal.open_for_athlete(tx, ann.id)
        assert read == replace(one, id=read.id)
        later = replace(read, asks=4, notes=(*read.notes, Note(NOW, 1, "\x00\ud83d")), raised_at=NOW + HOUR)
        journal.save_escalation(tx, later, "test")
        assert journal.open_for_athlete(tx, ann.id) == (replace(later, version=read.version + 1),)


def test_one_from_before_there_was_a_life_is_read_and_one_without_any_costs_nothing(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        journal.save_escalation(tx, worry(ann), "test")
        assert tx.execute(sa.select(escalation.c.facts)).scalar() is None
        [read] = journal.open_for_athlete(tx, ann.id)
        assert read.topic == "" and read.seen == () and concerns.topic(read) == "body"
        tx.execute(sa.update(escalation).values(facts={"asks": 2, "of_a_newer_release": [1]}))
        assert journal.open_for_athlete(tx, ann.id) == (replace(read, asks=2),)


def test_an_athletes_turn_knows_what_was_closed_lately_and_a_coachs_does_not(db: Database, ann: Person) -> None:
    closed = {"owner_id": 1, "acked_at": NOW, "next_at": None}
    edge = NOW - REOPENS
    with db.begin() as tx:
        [kim] = people.find(tx, "Kim", "coach")
        journal.save_escalation(tx, worry(ann), "test")
        journal.save_escalation(tx, lived(ann, "LATELY", closed_at=edge, **closed), "test")
        journal.save_escalation(tx, lived(ann, "BEFORE", closed_at=edge - MINUTE, **closed), "test")
        ben = join(tx, "Ben", 32, runs=True, coach_id=kim.id)
        journal.save_escalation(tx, lived(ben, "BENS2", closed_at=NOW, **closed), "test")
        assert [one.short for one in load(tx, ann).escalations] == ["K7Q2M", "LATELY"]
        assert [one.short for one in load(tx, ben).escalations] == ["BENS2"]
        assert [one.short for one in load(tx, kim).escalations] == ["K7Q2M"]
        senders = [Sender(one.chat_id or 0, one.user_id) for one in (ann, ben)]
        together = snapshots.load_athletes(tx, senders, now=NOW, dice=lambda: "", bot="bot")
        assert [[one.short for one in each.escalations] for each in together] == [["K7Q2M", "LATELY"], ["BENS2"]]


def test_a_coach_who_runs_knows_their_own_that_were_closed_lately(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        [kim] = people.find(tx, "Kim", "coach")
        runner = change(tx, kim, runs=True)
        closed = {"owner_id": 1, "acked_at": NOW, "next_at": None, "closed_at": NOW}
        journal.save_escalation(tx, lived(runner, "KIMS2", **closed), "test")
        journal.save_escalation(tx, lived(ann, "ANNS2", **closed), "test")
        assert [one.short for one in load(tx, runner).escalations] == ["KIMS2"]


def test_what_an_athletes_turn_reads_is_found_by_the_two_partial_indexes(db: Database, ann: Person) -> None:
    """However many there ever were: one statement, and no look at what was closed long ago."""
    if not db.is_sqlite:
        pytest.skip("the planner of PostgreSQL reads small tables as a whole; the indexes are the same")
    asked: list[tuple[str, Any]] = []
    with db.begin() as tx:
        sa.event.listen(
            tx, "before_cursor_execute", lambda connection, cursor, said, values, *rest: asked.append((said, values))
        )
        journal.for_turn(tx, ann.id, ann.id + 1, now=NOW)
        [(statement, values)] = asked
        plan = "\n".join(str(row[3]) for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values))
    assert "ix_escalation_not_closed_athlete_id" in plan and "ix_escalation_closed" in plan, plan
    assert "SCAN escalation" not in plan, plan


def test_an_export_names_the_people_in_it_and_has_the_private_notes(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        [kim] = people.find(tx, "Kim", "coach")
        one = lived(ann, notes=(Note(NOW, kim.id, "on it since the marathon"),), closed_by_id=kim.id)
        journal.save_escalation(tx, one, "test")
        [row] = rights.everything(tx, ann.id)["escalation"]
    [note] = row["facts"]["notes"]
    assert note["by"] == "Kim" and note["words"] == "on it since the marathon" and "by_id" not in note
    assert row["facts"]["closed_by"] == "Kim" and row["facts"]["seen"][0][1] == 4
