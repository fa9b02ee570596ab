"""What the rule book looks at is read where a turn looks, and only of whom it may look at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from dialogs.events import Due, Sender
from dialogs.model import Change, Outcome, Person, Plan, Record, Setting, Snapshot, Training
from storage import journal, outcomes, plans, proposals, snapshots, training
from storage.db import Database
from storage.unread import Needed
from tests.storage.club import HOUR, NOW, change, join, load, planned, session, snapshot, wish, worry
from tests.storage.test_people import counting

TODAY = NOW.date()
DAY = timedelta(days=1)


@pytest.fixture
def club(db: Database) -> tuple[Person, Person, Person, Person]:
    """Kim coaches Ann and Ben, Dana coaches Cara."""
    with db.begin() as tx:
        kim, dana = join(tx, "Kim", 21, coaches=True), join(tx, "Dana", 22, coaches=True)
        coaches = (("Ann", 31, kim), ("Ben", 32, kim), ("Cara", 33, dana))
        ann, ben, cara = (join(tx, name, chat, runs=True, coach_id=coach.id) for name, chat, coach in coaches)
        for one in (ann, ben, cara):
            planned(tx, one, session("a", text=f"plan of {one.name}"))
            journal.append(tx, one.id, [record("sleep", value=f"night of {one.name}")], "test", NOW)
            proposals.save(tx, wish(one, f"{one.name}-1", words=f"words of {one.name}"))
    return kim, ann, ben, cara


def record(name: str, days: int = 0, kind: str = "answer", **fields: Any) -> Record:
    return replace(Record(kind, name, NOW + timedelta(days=days), TODAY + timedelta(days=days)), **fields)


def looked(tx: sa.Connection, known: Snapshot, look: Callable[[Snapshot], object]) -> tuple[Snapshot, int]:
    """As the turn is taken (bot.handle): the snapshot that was enough, and how often it was too little."""
    for times in range(9):
        try:
            look(known)
            return known, times
        except Needed as needed:
            known = snapshots.with_needed(tx, known, needed)
    raise AssertionError("it never ends")


# --- the stand-in -----------------------------------------------------------------------------------------------------


def test_a_training_that_was_not_read_cannot_be_taken_for_an_empty_one(
    db: Database, club: tuple[Person, Person, Person, Person]
) -> None:
    _, ann, *_ = club
    with db.begin() as tx:
        unread = load(tx, ann).training
    looks: tuple[Callable[[], object], ...] = (
        lambda: unread[ann.id],
        lambda: unread.get(ann.id),
        lambda: unread.get(ann.id, Training()),
        lambda: [*unread],
        lambda: dict(unread),
        lambda: [*unread.values()],
        lambda: [*unread.items()],
        lambda: {**unread},
    )
    for look in looks:
        with pytest.raises(Needed) as needed:
            look()
        assert needed.value.whose == {ann.id}
    assert unread != {} and unread and ann.id in unread, "who may be asked for is known without reading"


def test_nobody_else_can_be_asked_for(db: Database, club: tuple[Person, Person, Person, Person]) -> None:
    kim, ann, ben, cara = club
    with db.begin() as tx:
        may = {kim: {kim, ann, ben}, ann: {ann}, cara: {cara}}
        for actor, those in may.items():
            known = load(tx, actor)
            assert {one for one in (*club, kim) if one.id in known.training} == those
            for other in {*club} - those:
                for look in (known.training.__getitem__, known.training.get):
                    with pytest.raises(ValueError, match="whom the snapshot does not hold"):
                        look(other.id)
                forced = snapshots.with_needed(tx, known, Needed(frozenset({other.id})))
                with pytest.raises(ValueError, match="whom the snapshot does not hold"):
                    forced.training[other.id]
                assert other.name not in repr(forced.training)


def test_a_turn_reads_of_nobody_but_its_own_a_word(db: Database, club: tuple[Person, Person, Person, Person]) -> None:
    """The canary: whatever a turn may read, in every way there is, holds no word of another's plan or journal."""
    kim, ann, ben, cara = club
    with db.begin() as tx:
        for actor, others in ((ann, (ben, cara)), (kim, (cara,)), (cara, (ann, ben))):
            known, _ = looked(tx, load(tx, actor), lambda one: dict(one.training))
            known = replace(known, histories=training.histories(tx, known))
            shown = repr((known.training, known.histories, known.proposals, known.records))
            for other in others:
                assert f"of {other.name}" not in shown
            for whose in {kim: (ann, ben)}.get(actor, (actor,)):
                assert all(f"{what} of {whose.name}" in shown for what in ("plan", "night", "words"))


def test_who_covers_looks_at_those_whose_escalations_are_theirs(
    db: Database, club: tuple[Person, Person, Person, Person]
) -> None:
    kim, ann, _, cara = club
    with db.begin() as tx:
        assert cara.id not in load(tx, kim).training
        outcomes.save(tx, load(tx, cara), Outcome(escalations=(worry(cara),)), (), "test", NOW)
        known, _ = looked(tx, load(tx, kim), lambda one: one.training[cara.id])
        assert known.training[cara.id].plan.sessions[0].text == "plan of Cara"
        with pytest.raises(Needed):
            known.training[ann.id]


def test_who_is_joining_has_an_empty_one_and_a_coach_without_athletes_their_own(
    db: Database, club: tuple[Person, Person, Person, Person]
) -> None:
    with db.begin() as tx:
        stranger = snapshots.load(tx, now=NOW, dice="", bot="b", sender=Sender(99, 99))
        assert stranger.training[0] == Training() and dict(stranger.training) == {0: Training()}
        with pytest.raises(ValueError):
            stranger.training[club[1].id]
        eve = join(tx, "Eve", 23, coaches=True)
        known, times = looked(tx, load(tx, eve), lambda one: one.training[eve.id])
        assert (known.training[eve.id], times) == (Training(), 1)


# --- how often, and what it costs -------------------------------------------------------------------------------------


def test_a_turn_that_does_not_look_costs_nothing_and_one_that_looks_five_statements(
    db: Database, club: tuple[Person, Person, Person, Person]
) -> None:
    kim, ann, *_ = club
    with db.begin() as tx:
        for actor in (ann, kim):
            with counting(db) as statements:
                known = load(tx, actor)
            assert not [one for one in statements if "FROM session" in one or "FROM version" in one]
            assert len([one for one in statements if "FROM proposal" in one]) == (actor is kim)
            with counting(db) as statements:
                looked(tx, known, lambda one, id=actor.id: one.training[id])  # type: ignore[misc]
            assert len(statements) == 5, statements


def test_a_coachs_turn_over_all_athletes_is_taken_four_times_however_many_there_are(db: Database) -> None:
    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True)
        squad = [join(tx, f"A{n}", 100 + n, runs=True, coach_id=kim.id) for n in range(12)]
        for number, athlete in enumerate(squad):
            planned(tx, athlete, session(f"s{number}"))
        known = load(tx, kim)
        with counting(db) as statements:
            known, times = looked(tx, known, lambda one: [one.training[each.id] for each in one.athletes])
        assert times == 3 and len(statements) == 15
        assert [known.training[one.id].plan.sessions[0].id for one in squad] == [f"s{n}" for n in range(12)]
        with counting(db) as statements:
            _, times = looked(tx, load(tx, kim), lambda one: list(one.training.values()))
        assert times == 1, "whoever asks for all at once gets them at once"
        known, _ = looked(tx, load(tx, kim), lambda one: [one.training[each.id] for each in (kim, squad[3])])
        with pytest.raises(Needed) as needed:
            known.training[squad[4].id]
        assert needed.value.whose == {one.id for one in squad if one != squad[3]}, "two are read alone"


def test_journal_and_training_are_read_each_where_they_were_looked_for(
    db: Database, club: tuple[Person, Person, Person, Person]
) -> None:
    _, ann, ben, _ = club
    with db.begin() as tx:
        senders = [Sender(one.chat_id or 0, one.user_id) for one in (ann, ben)]
        both = snapshots.load_athletes(tx, senders, now=NOW, dice=lambda: "", bot="b")
        one, times = looked(tx, both[0], lambda known: (len(known.records), known.training[ann.id]))
        assert times == 2 and one.records[0].value == "night of Ann"
        only, times = looked(tx, both[1], lambda known: known.training[ben.id])
        assert times == 1
        with pytest.raises(Needed):
            len(only.records)


def test_a_wakeup_and_a_coach_look_as_an_athlete_does(
    db: Database, club: tuple[Person, Person, Person, Person]
) -> None:
    kim, ann, *_ = club
    with db.begin() as tx:
        rung = snapshots.load(tx, now=NOW, dice="", bot="b", person_id=ann.id, event=Due("checkin", "x"))
        of_ann, _ = looked(tx, rung, lambda one: one.training[ann.id])
        of_kim, _ = looked(tx, load(tx, kim), lambda one: one.training[ann.id])
        assert of_ann.training[ann.id] == of_kim.training[ann.id] != Training()


# --- what it holds ----------------------------------------------------------------------------------------------------


def read(tx: sa.Connection, athlete: Person, **fields: Any) -> Training:
    return training.read(tx, [replace(athlete, **fields)], NOW)[athlete.id]


def test_it_holds_answers_and_steps_of_forty_days(db: Database) -> None:
    with db.begin() as tx:
        ann = join(tx, "Ann", 31, runs=True)
        kept = (record("sleep", -40, value=4), record("pain", -3, "step", value={"where": "shin", "level": 2}))
        others = [record(kind, -1, kind) for kind in ("words", "typed", "file", "edit", "event")]
        journal.append(tx, ann.id, [*reversed(kept), *others, record("sleep", -41, value=1)], "test", NOW)
        assert read(tx, ann).records == kept


def test_it_holds_the_plan_from_forty_days_ago_on_and_what_changed_lately(db: Database) -> None:
    with db.begin() as tx:
        ann = join(tx, "Ann", 31, runs=True)
        planned(tx, ann, session("old", -41), session("then", -40), session("far", 300), at=NOW - 15 * DAY)
        planned(tx, ann, session("late", 3), removed=(session("far", 300),), at=NOW - 14 * DAY, cause="move")
        found = read(tx, ann)
        assert found.plan == Plan(2, (session("then", -40), session("late", 3)))
        lately = Change(2, "coach", "move", NOW - 14 * DAY, (session("far", 300),), (session("late", 3),))
        assert found.changes == (lately,)
        assert plans.changes_of(tx, [ann.id], NOW - 14 * DAY)[ann.id] == (lately,)


def test_it_holds_proposals_that_are_open_or_were_decided_in_eight_days(db: Database) -> None:
    with db.begin() as tx:
        ann = join(tx, "Ann", 31, runs=True)
        for short, at in (("LATE2", NOW - 8 * DAY), ("EARLY", NOW - 8 * DAY - HOUR)):
            proposals.save(tx, wish(ann, short, state="expired", decided_at=at))
        proposals.save(tx, wish(ann, "OPEN2", raised_at=NOW - 30 * DAY))
        assert [one.short for one in read(tx, ann).proposals] == ["LATE2", "OPEN2"]


def test_it_holds_what_their_coach_has_set_for_all_and_for_them_and_a_coachs_own(db: Database) -> None:
    with db.begin() as tx:
        kim, dana = (join(tx, name, chat, coaches=True) for name, chat in (("Kim", 21), ("Dana", 22)))
        ann = join(tx, "Ann", 31, runs=True, coach_id=kim.id)
        ben = join(tx, "Ben", 32, runs=True, coach_id=dana.id)
        both = change(tx, join(tx, "Rae", 33, runs=True, coaches=True), coach_id=dana.id)
        said = [
            Setting(f"{coach.name}:{who.name if who else 'all'}", coach.id, NOW, who.id if who else None)
            for coach in (kim, dana, both)
            for who in (None, ann, ben, both)
        ]
        proposals.append(tx, said, None)
        those = (ann, ben, kim, both)
        mine = training.read(tx, those, NOW)
        found = {one.name: [each.rule for each in mine[one.id].settings] for one in those}

        def seen(by: Person, of: Person) -> list[str]:
            known, _ = looked(tx, load(tx, by), lambda one: one.training[of.id])
            return [each.rule for each in known.training[of.id].settings]

        of_kim, of_rae = seen(kim, kim), {one.name: seen(one, both) for one in (dana, both)}
    everybodys = {"Ann": ["Kim:all", "Kim:Ann"], "Ben": ["Dana:all", "Dana:Ben"], "Kim": []}
    assert found == everybodys | {"Rae": ["Dana:all", "Dana:Rae"]}
    assert of_kim == ["Kim:all", "Kim:Ann", "Kim:Ben", "Kim:Rae"], "a coach knows what they have set, and for whom"
    own = ["Rae:all", "Rae:Ann", "Rae:Ben", "Rae:Rae"]
    assert of_rae == {"Dana": ["Dana:all", "Dana:Rae"], "Rae": ["Dana:all", "Dana:Rae", *own]}, "and nobody else does"


def test_histories_are_a_hundred_days_of_ones_own_athletes(
    db: Database, club: tuple[Person, Person, Person, Person]
) -> None:
    kim, ann, ben, cara = club
    with db.begin() as tx:
        outcomes.save(tx, load(tx, cara), Outcome(escalations=(worry(cara),)), (), "test", NOW)
        journal.append(tx, ann.id, [record("mood", -100, value=2), record("mood", -101, value=1)], "test", NOW)
        planned(tx, ann, session("then", -100), session("before", -101))
        known = load(tx, kim)
        assert {one.id for one in known.athletes} == {ann.id, ben.id, cara.id}
        with counting(db) as statements:
            found = training.histories(tx, known)
        assert len(statements) == 5 and set(found) == {ann.id, ben.id}
        assert [one.value for one in found[ann.id].records] == [2, "night of Ann"]
        assert [one.id for one in found[ann.id].plan.sessions] == ["then", "a"]
        assert training.histories(tx, load(tx, ann)) == {}
        assert training.histories(tx, snapshot()) == {}
