"""Every version of a plan is there for ever, and of two that change a plan at once one reads again."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from dialogs import plan as planning
from dialogs.model import Change, Outcome, Person, Plan, Session
from storage import outcomes, people, plans, schema
from storage.db import Conflict, Database
from tests.storage.club import HOUR, NOW, join, load, planned, session

TODAY = NOW.date()
EVER = date(1, 1, 1)


@pytest.fixture
def ann(db: Database) -> Person:
    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True)
        return join(tx, "Ann", 31, runs=True, coach_id=kim.id)


RICH = {
    "full": Session(
        "full", TODAY, "strength", 45, 7.25, 120, 8, "gym \x00 \ud83d 🏃🏽‍♀️ שלום '\"; {{7*7}}", "gym", "P2Q3R"
    ),
    "open": Session("open", date(2027, 2, 28), "easy"),
    "zero": Session("zero", date(2026, 12, 31), "rest", 0, 0.0, 0, 0),
    "kilometres": Session("kilometres", TODAY, "race", None, 42.195, None, 10, "x" * 10_000),
    "an odd id": Session("a:'%_ü", TODAY, "long", km=0.1 + 0.2),
}


@pytest.mark.parametrize("name", RICH)
def test_a_session_comes_back_as_it_was_put(db: Database, ann: Person, name: str) -> None:
    with db.begin() as tx:
        assert planned(tx, ann, RICH[name]) == Plan(1, (RICH[name],))
        assert plans.at_version(tx, ann.id, 1) == Plan(1, (RICH[name],))
        assert plans.from_json(plans.as_json([RICH[name]])) == (RICH[name],)
        assert planned(tx, ann, removed=(RICH[name],)) == Plan(2), "it is found again by all that it is"
        assert plans.versions(tx, ann.id)[1].removed == (RICH[name],)


def test_a_change_comes_back_as_it_was_made(db: Database, ann: Person) -> None:
    old, new = session("a", kind="long"), session("a", kind="easy", held="P2Q3R")
    first = Change(1, "athlete", "import", NOW - HOUR, (), (old, session("b", 3)))
    second = Change(2, "rule", "sleep-short", NOW, (old,), (new,))
    with db.begin() as tx:
        for change in (first, second):
            plans.save(tx, ann.id, change, ann.id, NOW)
        assert plans.versions(tx, ann.id) == (first, second)
        assert plans.changes_of(tx, [ann.id, 99], NOW) == {ann.id: (second,), 99: ()}
        rows = tx.execute(sa.select(schema.version.c.by_id, schema.version.c.saved_at)).all()
    assert [tuple(row) for row in rows] == [(ann.id, NOW)] * 2


def _some_change(dice: random.Random, plan: Plan, number: int) -> Change:
    """Puts, takes away and alters some sessions, in any order; of today or a later day, as all changes are."""
    gone = dice.sample(plan.sessions, min(len(plan.sessions), dice.randrange(4)))
    kept = [replace(one, minutes=dice.randrange(90), day=one.day + timedelta(days=dice.randrange(3))) for one in gone]
    new = [session(f"{number}-{n}", dice.randrange(30), km=dice.random()) for n in range(dice.randrange(4))]
    added = [*new, *kept[: dice.randrange(len(kept) + 1)]]
    dice.shuffle(added)
    return Change(number, "coach", "move", NOW + number * HOUR, tuple(gone), tuple(added))


def _rows(tx: sa.Connection, table: sa.Table) -> dict[int, dict[str, Any]]:
    return {row["id"]: dict(row) for row in tx.execute(sa.select(table)).mappings()}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_version_can_be_read_back_and_no_row_is_altered_but_closed_once(
    db: Database, ann: Person, seed: int
) -> None:
    dice = random.Random(seed)
    history = [Plan()]
    changes: list[Change] = []
    before: dict[int, dict[str, Any]] = {}
    with db.begin() as tx:
        for number in range(1, 25):
            change = _some_change(dice, history[-1], number)
            plans.save(tx, ann.id, change, None, NOW)
            history.append(planning.after(history[-1], change))
            changes.append(change)
            rows = _rows(tx, schema.session)
            for id, row in before.items():
                was, now = row.pop("until"), rows[id]["until"]
                assert row == {name: value for name, value in rows[id].items() if name != "until"}
                assert now == was or (was is None and now == number)
            before = rows
        assert [plans.at_version(tx, ann.id, number) for number in range(25)] == history
        assert plans.current(tx, ann.id, EVER) == history[-1]
        from_then = TODAY + timedelta(days=10)
        seen = tuple(one for one in history[-1].sessions if one.day >= from_then)
        assert plans.current(tx, ann.id, from_then) == Plan(24, seen)
        found = plans.versions(tx, ann.id)
        for one, made in zip(found, changes, strict=True):
            assert one == replace(made, removed=planning.ordered(made.removed), added=planning.ordered(made.added)), (
                "in the order of their days"
            )


def test_the_only_update_sets_until_where_it_was_open(db: Database, ann: Person) -> None:
    asked: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        asked.append(" ".join(statement.split()))

    with db.begin() as tx:
        planned(tx, ann, session("a"), session("b"))
        sa.event.listen(db.engine, "before_cursor_execute", note)
        planned(tx, ann, session("a", minutes=20), removed=(session("a"),))
        sa.event.remove(db.engine, "before_cursor_execute", note)
    written = [one for one in asked if not one.startswith("SELECT")]
    assert [one.split(" ")[0] for one in written] == ["INSERT", "UPDATE", "INSERT"]
    assert written[1].startswith("UPDATE session SET until=") and "session.until IS NULL" in written[1]
    assert not [one for one in asked if one.startswith("DELETE")]


def test_a_plan_whose_sessions_are_all_gone_or_over_keeps_its_number(db: Database, ann: Person) -> None:
    """Else the next change would be made of version 0, and be refused for ever."""
    with db.begin() as tx:
        planned(tx, ann, session("a", -3))
        assert plans.current(tx, ann.id, TODAY) == Plan(1)
        planned(tx, ann, removed=(session("a", -3),))
        assert plans.current(tx, ann.id, TODAY) == plans.at_version(tx, ann.id, 2) == Plan(2)


def test_who_has_no_plan_has_an_empty_one(db: Database, ann: Person) -> None:
    with db.read() as tx:
        assert plans.current(tx, ann.id, TODAY) == plans.at_version(tx, ann.id, 0) == Plan()
        assert plans.versions(tx, ann.id) == ()
        with pytest.raises(LookupError):
            plans.at_version(tx, ann.id, 1)


def test_plans_of_two_athletes_do_not_meet(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        ben = join(tx, "Ben", 32, runs=True)
        planned(tx, ann, session("a"))
        planned(tx, ben, session("a", kind="long"))
        planned(tx, ben, removed=(session("a", kind="long"),))
        assert plans.current_of(tx, [ann.id, ben.id], EVER) == {ann.id: Plan(1, (session("a"),)), ben.id: Plan(2)}
        assert plans.at_version(tx, ann.id, 1) == Plan(1, (session("a"),))
        assert len(plans.versions(tx, ann.id)) == 1


@pytest.mark.parametrize(
    "removed",
    [
        (session("a", minutes=41),),
        (session("a", text="another"),),
        (session("a", 1),),
        (session("gone"),),
        (session("a"), session("b")),
        (session("a"), session("a")),
    ],
)
def test_what_does_not_stand_as_it_was_read_cannot_be_taken_away(
    db: Database, ann: Person, removed: tuple[Session, ...]
) -> None:
    with db.begin() as tx:
        before = planned(tx, ann, session("a"))
    with pytest.raises(Conflict), db.begin() as tx:
        planned(tx, ann, session("c"), removed=removed)
    with db.read() as tx:
        assert plans.current(tx, ann.id, EVER) == before and len(plans.versions(tx, ann.id)) == 1


def test_a_session_cannot_stand_twice(db: Database, ann: Person) -> None:
    with pytest.raises(sa.exc.IntegrityError), db.begin() as tx:
        planned(tx, ann, session("a"))
        planned(tx, ann, session("a", 2))


@pytest.mark.parametrize("nonsense", [{"kind": "swim"}, {"kind": ""}])
def test_a_kind_that_the_code_does_not_know_is_not_put(db: Database, ann: Person, nonsense: dict[str, Any]) -> None:
    with pytest.raises(sa.exc.IntegrityError), db.begin() as tx:
        planned(tx, ann, session("a", **nonsense))


def test_a_fact_of_a_newer_release_stops_nobody(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        planned(tx, ann, session("a"))
        tx.execute(sa.update(schema.session).values(facts={"minutes": 40, "surface": "track"}))
        assert plans.current(tx, ann.id, EVER).sessions == (session("a"),)
        assert planned(tx, ann, removed=(session("a"),)) == Plan(2)


def test_of_two_changes_made_of_one_version_the_second_is_taken_again(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        planned(tx, ann, session("a"))
        read = plans.current(tx, ann.id, EVER)
    gate = threading.Barrier(2)
    ended: list[str] = []

    def change(name: str) -> None:
        made = Change(read.number + 1, "athlete", name, NOW, (), (session(name),))
        gate.wait()
        try:
            with db.begin() as tx:
                plans.save(tx, ann.id, made, ann.id, NOW)
            ended.append("saved")
        except Conflict:
            ended.append("conflict")

    threads = [threading.Thread(target=change, args=(name,)) for name in ("b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["conflict", "saved"]
    with db.read() as tx:
        assert [len(one.added) for one in plans.versions(tx, ann.id)] == [1, 1]
        assert len(plans.current(tx, ann.id, EVER).sessions) == 2


def test_a_coach_and_an_athlete_who_change_a_plan_at_once_both_get_their_way_in_turn(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        kim = people.by_id(tx, ann.coach_id or 0)
        assert kim is not None
    gate = threading.Barrier(2)

    def turn(actor: Person, by: str, about: int | None, id: str) -> None:
        gate.wait()
        while True:
            try:
                with db.begin() as tx:
                    known = load(tx, actor)
                    number = plans.current(tx, ann.id, EVER).number + 1
                    made = Change(number, by, "move", NOW, (), (session(id),), about)
                    outcomes.save(tx, known, Outcome(changes=(made,)), (), "test", NOW)
                return
            except Conflict:
                continue

    turns = ((ann, "athlete", None, "mine"), (kim, "coach", ann.id, "yours"))
    threads = [threading.Thread(target=turn, args=one) for one in turns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with db.read() as tx:
        assert {one.id for one in plans.current(tx, ann.id, EVER).sessions} == {"mine", "yours"}
        assert {one.by for one in plans.versions(tx, ann.id)} == {"athlete", "coach"}
        by = tx.execute(sa.select(schema.version.c.actor, schema.version.c.by_id)).all()
    assert {tuple(row) for row in by} == {("athlete", ann.id), ("coach", kim.id)}


def test_one_turn_may_change_a_plan_twice(db: Database, ann: Person) -> None:
    first = Change(1, "athlete", "import", NOW, (), (session("a"), session("b")))
    second = Change(2, "rule", "busy-day", NOW, (session("a"),), ())
    with db.begin() as tx:
        outcomes.save(tx, load(tx, ann), Outcome(changes=(first, second)), (), "test", NOW)
        assert plans.current(tx, ann.id, EVER) == Plan(2, (session("b"),))


def test_a_plan_of_two_thousand_sessions_is_put_and_replaced(db: Database, ann: Person) -> None:
    many = tuple(session(f"s{n}", n % 800, text="steady") for n in range(2000))
    with db.begin() as tx:
        assert len(planned(tx, ann, *many).sessions) == 2000
        again = tuple(replace(one, minutes=30) for one in many)
        assert planned(tx, ann, *again, removed=many) == Plan(2, planning.ordered(again))
