"""What a rule proposes is decided once, and what a coach has set stays as it was set."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from dialogs.model import Outcome, Person, Proposal, Setting
from storage import outcomes, proposals, schema
from storage.db import Conflict, Database
from tests.storage.club import HOUR, NOW, change, join, load, session, wish, worry

DAY = timedelta(days=1)


@pytest.fixture
def kim(db: Database) -> Person:
    with db.begin() as tx:
        return join(tx, "Kim", 21, coaches=True)


@pytest.fixture
def ann(db: Database, kim: Person) -> Person:
    with db.begin() as tx:
        return join(tx, "Ann", 31, runs=True, coach_id=kim.id)


def put(tx: sa.Connection, proposal: Proposal) -> Proposal:
    proposals.save(tx, proposal)
    [found] = [one for one in proposals.open_of(tx, [proposal.athlete_id]) if one.short == proposal.short]
    return found


def test_a_proposal_comes_back_as_it_was_raised(db: Database, ann: Person) -> None:
    bare = wish(ann, "BARE2", before=(), after=(), held=False)
    full = wish(
        ann,
        "FULL2",
        before=(session("a", kind="race", km=42.195, text="go \x00 \udfff"), session("b", 2, effort=0)),
        words="slept 4 h \x00 \ud83d 🙂",
        facts={"nights": [4.5, 5.0], "place": None, "said": "ש'\""},
    )
    with db.begin() as tx:
        for one in (bare, full):
            found = put(tx, one)
            assert found == replace(one, id=found.id)


def test_a_proposal_is_changed_only_by_who_has_read_its_newest_state(db: Database, kim: Person, ann: Person) -> None:
    with db.begin() as tx:
        read = put(tx, wish(ann))
        edited = replace(read, after=(session("a", minutes=20),), expires_at=NOW + DAY, words="changed")
        proposals.save(tx, replace(edited, rule="another", raised_at=NOW - DAY, short="OTHER"))
        newer = put_again(tx, ann)
        assert newer == replace(edited, version=read.version + 1), "what it is stays"
    for stale in (read, replace(newer, version=newer.version + 1), replace(newer, athlete_id=kim.id)):
        with pytest.raises(Conflict), db.begin() as tx:
            proposals.save(tx, replace(stale, state="approved", decided_by=kim.id, decided_at=NOW))
    with db.begin() as tx:
        decided = replace(newer, state="declined", decided_by=kim.id, decided_at=NOW)
        proposals.save(tx, decided)
        assert proposals.open_of(tx, [ann.id]) == ()
        assert proposals.recent_of(tx, [ann.id], NOW) == (replace(decided, version=decided.version + 1),)


def put_again(tx: sa.Connection, athlete: Person) -> Proposal:
    [found] = proposals.open_of(tx, [athlete.id])
    return found


def test_a_short_is_given_once(db: Database, ann: Person) -> None:
    with pytest.raises(Conflict), db.begin() as tx:
        proposals.save(tx, wish(ann))
        proposals.save(tx, wish(ann))


@pytest.mark.parametrize(
    "nonsense",
    [
        {"state": "approved", "decided_at": NOW},
        {"state": "edited", "decided_at": NOW},
        {"state": "declined", "decided_at": NOW},
        {"state": "expired"},
        {"decided_at": NOW},
        {"state": "maybe", "decided_at": NOW},
    ],
)
def test_nothing_is_decided_by_nobody_or_at_no_time(db: Database, ann: Person, nonsense: dict[str, Any]) -> None:
    with pytest.raises(sa.exc.IntegrityError), db.begin() as tx:
        proposals.save(tx, wish(ann, **nonsense))


def test_those_that_are_open_or_lately_decided_are_read(db: Database, kim: Person, ann: Person) -> None:
    with db.begin() as tx:
        ben = join(tx, "Ben", 32, runs=True, coach_id=kim.id)
        late = {"state": "expired", "decided_at": NOW - DAY}
        for one in (wish(ann, "OPEN2"), wish(ann, "LATE2", **late), wish(ben, "BENS2")):
            proposals.save(tx, one)
        assert [one.short for one in proposals.recent_of(tx, [ann.id], NOW - DAY)] == ["OPEN2", "LATE2"]
        assert [one.short for one in proposals.recent_of(tx, [ann.id], NOW)] == ["OPEN2"]
        assert [one.short for one in proposals.recent_of(tx, [ben.id, ann.id], NOW)] == ["OPEN2", "BENS2"]
        assert [one.short for one in proposals.open_of(tx, [ann.id])] == ["OPEN2"]


def test_a_coach_knows_the_open_proposals_of_own_and_covered_athletes_and_an_athlete_knows_none(
    db: Database, kim: Person, ann: Person
) -> None:
    with db.begin() as tx:
        dana = join(tx, "Dana", 22, coaches=True)
        for one in (wish(ann), wish(ann, "GONE2", state="expired", decided_at=NOW)):
            proposals.save(tx, one)
        assert [one.short for one in load(tx, kim).proposals] == ["P2Q3R"]
        assert load(tx, dana).proposals == () == load(tx, ann).proposals
        outcomes.save(tx, load(tx, ann), Outcome(escalations=(worry(ann),)), (), "test", NOW)
        change(tx, kim, backup_id=dana.id)
        assert [one.short for one in load(tx, dana).proposals] == ["P2Q3R"], "whom they answer for, and so know"


def test_of_two_coaches_who_decide_at_once_one_decides_and_the_other_learns_who(
    db: Database, kim: Person, ann: Person
) -> None:
    with db.begin() as tx:
        dana = join(tx, "Dana", 22, coaches=True)
        change(tx, kim, backup_id=dana.id)
        outcomes.save(tx, load(tx, ann), Outcome(escalations=(worry(ann),)), (), "test", NOW)
        proposals.save(tx, wish(ann))
    gate = threading.Barrier(2)
    won: list[int] = []
    told: list[int | None] = []

    def decide(coach: Person) -> None:
        gate.wait()
        while True:
            try:
                with db.begin() as tx:
                    known = load(tx, coach)
                    if not known.proposals:
                        [one] = proposals.recent_of(tx, [ann.id], NOW)
                        told.append(one.decided_by)
                        return
                    [one] = known.proposals
                    decided = replace(one, state="approved", decided_by=coach.id, decided_at=NOW)
                    outcomes.save(tx, known, Outcome(proposals=(decided,)), (), "test", NOW)
                won.append(coach.id)
                return
            except Conflict:
                continue

    threads = [threading.Thread(target=decide, args=(coach,)) for coach in (kim, dana)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1 and told == won


def test_an_athletes_turn_and_a_coachs_that_both_decide_and_change_do_not_wait_for_each_other_for_ever(
    db: Database, kim: Person, ann: Person
) -> None:
    """The coach holds the proposal; the athlete's turn, which has read it without a lock, loses and sees that."""
    with db.begin() as tx:
        proposals.save(tx, wish(ann))
        [read] = proposals.open_of(tx, [ann.id])
    gate = threading.Event()
    lost: list[bool] = []

    def athletes() -> None:
        try:
            with db.begin() as tx:
                gate.set()
                known = load(tx, ann)
                ended = replace(read, state="overtaken", decided_at=NOW)
                outcomes.save(tx, known, Outcome(proposals=(ended,)), (), "test", NOW)
        except Conflict:
            lost.append(True)

    thread = threading.Thread(target=athletes)
    with db.begin() as tx:
        known = load(tx, kim)
        thread.start()
        if not db.is_sqlite:
            assert gate.wait(20)
        decided = replace(known.proposals[0], state="approved", decided_by=kim.id, decided_at=NOW)
        outcomes.save(tx, known, Outcome(proposals=(decided,)), (), "test", NOW)
    thread.join()
    assert lost == [True]


# --- settings -------------------------------------------------------------------------------------------------------


def test_settings_come_back_as_they_were_set_in_their_order(db: Database, kim: Person, ann: Person) -> None:
    said = (
        Setting("sleep-short", kim.id, NOW - HOUR, None, False, {}, None, kim.id),
        Setting("sleep-short", kim.id, NOW, ann.id, True, {"hours": 5.5, "nights": 2}, date(2026, 12, 1), kim.id),
        Setting("low-streak", kim.id, NOW, None, None, {"below": 1.25}),
    )
    with db.begin() as tx:
        proposals.append(tx, reversed(said), kim.id)
        proposals.append(tx, (), kim.id)
        found = proposals.settings_of(tx, [kim.id], [ann.id])
        assert found == (said[0], replace(said[2], by_id=kim.id), said[1])
        assert proposals.settings_of(tx, [kim.id], []) == (said[0], replace(said[2], by_id=kim.id))
        assert proposals.settings_of(tx, [ann.id], [ann.id]) == ()


def test_a_coachs_turn_sets_what_counts_for_their_athletes(db: Database, kim: Person, ann: Person) -> None:
    mine = Setting("sleep-short", kim.id, NOW, ann.id, False)
    with db.begin() as tx:
        outcomes.save(tx, load(tx, kim), Outcome(settings=(mine,)), (), "test", NOW)
        assert proposals.settings_of(tx, [kim.id], [ann.id]) == (replace(mine, by_id=kim.id),)
        assert tx.execute(sa.select(sa.func.count()).select_from(schema.setting)).scalar_one() == 1
