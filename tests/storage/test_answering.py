"""Holidays, coaches who leave and practice alarms, as the database answers: the same people for the same instant in a
coach's turn and in an athlete's, on both kinds, and not one statement more."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot import handle
from bot.metrics import Metrics
from dialogs import answering
from dialogs.events import Said, Sender, Started, Tapped
from dialogs.levels import Level
from dialogs.model import Escalation, Invite, Message, Outcome, Person, Record, Wakeup
from dialogs.turn import take_turn
from storage import attention, due, gauges, journal, outbox, outcomes, people, rights, schema, snapshots
from storage.db import Conflict, Database
from tests.storage.club import HOUR, MINUTE, NOW, change, join, load, worry

DAY = timedelta(days=1)
TODAY = NOW.date()
DICE = "0123456789abcdef" * 4


@pytest.fixture
def kim(db: Database) -> Person:
    with db.begin() as tx:
        return join(tx, "Kim", 21, coaches=True, consent_at=NOW)


@pytest.fixture
def dana(db: Database, kim: Person) -> Person:
    with db.begin() as tx:
        return join(tx, "Dana", 22, coaches=True, consent_at=NOW)


@pytest.fixture
def hal(db: Database, dana: Person) -> Person:
    with db.begin() as tx:
        return join(tx, "Hal", 23, coaches=True, consent_at=NOW)


@pytest.fixture
def ann(db: Database, dana: Person) -> Person:
    with db.begin() as tx:
        return join(tx, "Ann", 31, runs=True, coach_id=dana.id, consent_at=NOW)


@contextmanager
def counted(db: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(db.engine, "before_cursor_execute", note)


def away(tx: sa.Connection, coach: Person, substitute: Person, **fields: Any) -> Person:
    dates = {"away_from": TODAY, "away_until": TODAY + 7 * DAY, "substitute_id": substitute.id}
    return change(tx, coach, **{**dates, **fields})


def test_on_a_holiday_both_turns_know_the_substitute(
    db: Database, kim: Person, dana: Person, hal: Person, ann: Person
) -> None:
    with db.begin() as tx:
        absent = away(tx, dana, hal)
        journal.save_escalation(tx, worry(ann), "test")
        known = load(tx, ann)
        assert (known.coach, known.backup) == (hal, kim)
        assert absent in known.colleagues
        assert load(tx, hal).athletes == (ann,) and [one.short for one in load(tx, hal).escalations] == ["K7Q2M"]
        assert load(tx, absent).athletes == (ann,), "who is away may still look"
        after = NOW + 7 * DAY
        assert load(tx, ann, now=after).coach == absent
        assert load(tx, hal, now=after).athletes == () == load(tx, hal, now=after).escalations


def test_a_substitute_far_behind_in_the_line_is_known_to_the_athletes_turn(
    db: Database, kim: Person, dana: Person, hal: Person, ann: Person
) -> None:
    with db.begin() as tx:
        last = [join(tx, f"Lee {n}", 40 + n, coaches=True) for n in range(6)][-1]
        away(tx, dana, last)
        assert load(tx, ann).coach == last
        assert load(tx, last).athletes == (ann,)


def test_who_was_refused_reads_nothing(db: Database, kim: Person, dana: Person, hal: Person, ann: Person) -> None:
    with db.begin() as tx:
        away(tx, dana, hal)
        unwilling = change(tx, ann, refused=(hal.id,))
        journal.save_escalation(tx, worry(ann), "test")
        assert load(tx, unwilling).coach == kim
        known = load(tx, hal)
        assert (known.athletes, known.escalations, known.proposals) == ((), (), ())
        assert load(tx, kim).athletes == (unwilling,)


def test_who_has_no_coach_is_the_head_coachs(db: Database, kim: Person, dana: Person, hal: Person, ann: Person) -> None:
    with db.begin() as tx:
        change(tx, dana, coaches=False)
        ben = join(tx, "Ben", 32, runs=True)
        assert load(tx, kim).athletes == (ann, ben) and load(tx, hal).athletes == ()
        assert load(tx, ann).coach is None and load(tx, ann).backup == kim


def test_an_athlete_who_chooses_knows_all_whom_they_were_asked_about(
    db: Database, kim: Person, dana: Person, hal: Person, ann: Person
) -> None:
    with db.begin() as tx:
        last = [join(tx, f"Lee {n}", 40 + n, coaches=True) for n in range(6)][-1]
        asked = change(tx, ann, offered=(last.id,))
        assert last in load(tx, asked).colleagues
        outcome = take_turn(load(tx, asked), Tapped(f"coached:{last.id}", "q", 1))
        outcomes.save(tx, load(tx, asked), outcome, (), "test", NOW)
        assert load(tx, ann).coach == last and load(tx, last).athletes[0].id == ann.id


def test_a_holiday_costs_not_one_statement(db: Database, kim: Person, dana: Person, hal: Person, ann: Person) -> None:
    def turns() -> list[int]:
        found = []
        for who in (ann, hal, kim):
            with counted(db) as seen, db.begin() as tx:
                load(tx, who)
            found.append(len(seen))
        return found

    before = turns()
    with db.begin() as tx:
        away(tx, dana, hal)
    # Hal has an athlete now, whose open proposals are read, as of any coach with athletes.
    assert turns() == [before[0], before[1] + 1, before[2]]


def test_coachs_and_athletes_turns_agree_in_clubs_of_any_shape(db: Database) -> None:
    """Nobody's worry is with a coach who does not see it: whoever would be rung has it in their own turn."""
    dice = random.Random(6)
    with db.begin() as tx:
        for round_ in range(12):
            base = 1000 * (round_ + 1)
            coaches = [join(tx, f"C{base + n}", base + n, coaches=True) for n in range(dice.randint(1, 7))]
            ids = [one.id for one in coaches]
            for n, one in enumerate(coaches):
                since = TODAY + dice.randint(-2, 2) * DAY
                fields: dict[str, Any] = {"reachable": dice.random() < 0.8}
                if dice.random() < 0.6:
                    others = {"away_from": since, "away_until": since + dice.randint(1, 4) * DAY}
                    fields |= {**others, "substitute_id": dice.choice([*ids, None])}
                backup = dice.choice([*ids, None])
                coaches[n] = change(tx, one, backup_id=backup if backup != one.id else None, **fields)
            athletes = []
            for n in range(8):
                refused = tuple(dice.sample(ids, min(len(ids), dice.randint(0, 2))))
                coach = dice.choice([*ids, None])
                athletes.append(join(tx, f"A{base + n}", base + 100 + n, runs=True, coach_id=coach, refused=refused))
                journal.save_escalation(tx, worry(athletes[-1], f"W{base + n}"), "test")
            seen = {one.id: {each.short for each in load(tx, one).escalations} for one in coaches}
            mine = {one.id: {each.id for each in load(tx, one).athletes} for one in coaches}
            for n, athlete in enumerate(athletes):
                known = load(tx, athlete)
                for rung in (known.coach, known.backup):
                    if rung is not None and rung.id in seen:
                        assert f"W{base + n}" in seen[rung.id], f"{rung.name} does not see {athlete.name}"
                        assert athlete.id in mine[rung.id]
                if known.coach is not None:
                    assert answering.is_mine(load(tx, known.coach), known.coach, athlete)
            tx.execute(sa.delete(schema.escalation))
            tx.execute(sa.update(schema.person).values(coaches=False, runs=False))


# --- the whole way, with the real handler ----------------------------------------------------------------------


def rings(db: Database, now: Any = NOW) -> None:
    while handle.handle_one(db, now, lambda: DICE, "bot", Metrics()):
        pass


def test_a_drill_goes_the_real_way_and_is_in_no_figure(
    db: Database, kim: Person, dana: Person, hal: Person, ann: Person
) -> None:
    with db.begin() as tx:
        known = load(tx, dana)
        outcome = take_turn(known, Said("/drill", 1))
        outcomes.save(tx, known, outcome, (), "test", NOW)
    rings(db)
    with db.begin() as tx:
        (drilled,) = load(tx, dana).escalations
        own, made_up = load(tx, dana).athletes
        assert own == ann
        assert made_up.drill and made_up.name == "DRILL" and drilled.level is Level.NOW
        rows = tx.execute(sa.select(schema.outbox.c.to_person, schema.outbox.c.payload)).all()
        assert {row.to_person for row in rows} == {dana.id} and all("DRILL" in str(row.payload) for row in rows)
        assert [one.id for one in people.everyone(tx)] == [kim.id, dana.id, hal.id, ann.id]
        figures = gauges.read(tx, NOW)
        assert sum(sum(one.unacked) for one in figures.open.values()) == 0
        assert gauges.club(tx).people == 4
        assert {row["coach"]: row["open"] for row in attention.club(tx, NOW)} == {kim.id: 0, dana.id: 0, hal.id: 0}
    rings(db, NOW + 21 * MINUTE)
    with db.begin() as tx:
        known = load(tx, kim, now=NOW + 21 * MINUTE)  # the backup
        assert [one.short for one in known.escalations] == [drilled.short]
        outcome = take_turn(known, Tapped(f"ack:{drilled.short}", "q", 1))
        outcomes.save(tx, known, outcome, (), "test", NOW + 21 * MINUTE)
    rings(db, NOW + 22 * MINUTE)
    with db.begin() as tx:
        texts = [str(row) for row in tx.execute(sa.select(schema.outbox.c.payload)).scalars()]
        assert sum("step by step" in text for text in texts) == 2, "to Kim, who had it, and to Dana, whose drill it was"
        assert load(tx, kim).escalations == load(tx, dana).escalations == ()
        assert gauges.read(tx, NOW).acks[Level.NOW].count == 0
        assert [one.drilled_at is not None for one in attention.coaches(tx)] == [True, False, False]


def test_a_second_drill_has_the_same_made_up_athlete(db: Database, kim: Person) -> None:
    for number in range(2):
        with db.begin() as tx:
            known = load(tx, kim)
            drill = Wakeup("drill", f"drill:{number}", NOW, data={"words": "DRILL"})
            outcomes.save(tx, known, Outcome(person=known.person, drill=drill), (), "test", NOW)
    with db.begin() as tx:
        made_up = tx.execute(sa.select(sa.func.count()).where(schema.person.c.name == "DRILL")).scalar_one()
        assert made_up == 1


def test_the_operator_lets_a_coach_go_and_the_athletes_are_asked(
    db: Database, kim: Person, dana: Person, hal: Person, ann: Person
) -> None:
    with db.begin() as tx:
        taken = worry(ann, acked_at=NOW, owner_id=dana.id, step=1)
        journal.save_escalation(tx, taken, "test")
    handle.leave(db, NOW, lambda: DICE, "bot", dana.id)
    with db.begin() as tx:
        assert load(tx, dana).person is None, "neither coach nor athlete: a stranger, whatever they press"
    rings(db)
    with db.begin() as tx:
        assert load(tx, ann).person == change(tx, ann, offered=(kim.id, hal.id))
        (again,) = load(tx, ann).escalations
        assert again.open and again.owner_id is None and due.next_at(tx) is not None
        rows = tx.execute(sa.select(schema.outbox.c.to_person, schema.outbox.c.payload)).all()
        assert any(row.to_person == ann.id and "Dana does not coach here any more" in str(row.payload) for row in rows)
        assert any(row.to_person == kim.id and "Ann" in str(row.payload) and "NOW" in str(row.payload) for row in rows)
        assert load(tx, kim).athletes[0].id == ann.id


# --- who has left comes back ------------------------------------------------------------------------------------------


def opens(tx: sa.Connection, chat: int, code: str) -> Person | None:
    """Whoever has this chat opens a link, the real way; as they are then."""
    event = Started(code, 1)
    known = snapshots.load(tx, now=NOW, dice=DICE, bot="bot", sender=Sender(chat, chat, "Danny"), event=event)
    id = outcomes.save(tx, known, take_turn(known, event), (), f"{chat}:{code}", NOW).person_id
    return people.by_id(tx, id) if id is not None else None


def seat(tx: sa.Connection, name: str, code: str, **whose: Any) -> None:
    people.new_invite(tx, Invite(0, name, False, expires_at=NOW + HOUR, code=code, **{"coach_id": None, **whose}), NOW)


@pytest.fixture
def gone(db: Database, kim: Person, dana: Person, ann: Person) -> Person:
    """Dana, who has left with what she had taken written down, and Ann, who has not chosen anybody yet."""
    with db.begin() as tx:
        taken = worry(ann, acked_at=NOW, owner_id=dana.id, closed_at=NOW, step=1)
        journal.save_escalation(tx, taken, "test")
        return change(tx, dana, coaches=False)


@pytest.mark.parametrize("by", ["athlete", "guardian", "seat"])
def test_a_coach_who_has_left_comes_back_by_any_invite_into_their_own_row(
    db: Database, kim: Person, gone: Person, ann: Person, by: str
) -> None:
    with db.begin() as tx:
        ben = join(tx, "Ben", 32, runs=True, coach_id=kim.id, minor=True, consent_at=NOW)
        eva = join(tx, "Eva", 33, runs=True)
        if by == "athlete":
            seat(tx, "Daniela", "CODE", coach_id=kim.id)
        elif by == "guardian":
            seat(tx, "guardian", "CODE", ward_id=ben.id)
        else:
            waits = people.create_invite(tx, name="Daniela", code="CODE", now=NOW, expires_at=NOW + HOUR)
            people.create_invite(tx, name="Daniela", code="OLDER", now=NOW, expires_at=NOW + HOUR)
            eva = change(tx, eva, coach_id=waits.seat_id)
    with db.begin() as tx:
        back = opens(tx, 22, "CODE")
        assert back is not None and (back.id, back.name, back.chat_id, back.user_id) == (gone.id, "Dana", 22, 22)
        assert (back.runs, back.coaches, back.ward_id) == {
            "athlete": (True, False, None), "guardian": (False, False, ben.id), "seat": (False, True, None),
        }[by]  # fmt: skip
        assert back.consent_at is None and back.talks, "asked anew, as anybody"
        assert load(tx, back).person == back and back in people.everyone(tx)
        owners = tx.execute(sa.select(schema.escalation.c.owner_id)).scalars().all()
        assert owners == [gone.id], "what she took stands under her name"
        unchosen = people.by_id(tx, ann.id)
        assert unchosen is not None and unchosen.coach_id is None, "she reads of Ann again when Ann says so"
        used = tx.execute(sa.select(schema.invite.c.used_by).where(schema.invite.c.used_at.is_not(None))).scalars()
        assert used.all() == [gone.id]
    if by == "seat":
        with db.begin() as tx:
            assert people.by_id(tx, eva.id) == replace(eva, coach_id=gone.id), "who waited at the seat is hers"
            assert people.find(tx, "Daniela", "coach") == () and people.find(tx, "Dana", "coach") == (back,)
            assert opens(tx, 99, "OLDER") is None, "nobody else sits down there"


def test_who_has_left_and_opens_a_link_of_their_own_is_not_their_own_athlete(
    db: Database, kim: Person, gone: Person
) -> None:
    with db.begin() as tx:
        seat(tx, "Ben", "OWN", coach_id=gone.id)
        back = opens(tx, 22, "OWN")
        assert back is not None and (back.id, back.runs, back.coach_id) == (gone.id, True, None)


def test_an_athlete_with_an_older_code_for_a_seat_that_is_taken_gets_nobodys_athletes(
    db: Database, kim: Person
) -> None:
    with db.begin() as tx:
        waits = people.create_invite(tx, name="Eva", code="FIRST", now=NOW, expires_at=NOW + HOUR)
        people.create_invite(tx, name="Eva", code="SECOND", now=NOW, expires_at=NOW + HOUR)
        eva = opens(tx, 70, "SECOND")
        assert eva is not None and eva.id == waits.seat_id
        ben = join(tx, "Ben", 32, runs=True, coach_id=eva.id, consent_at=NOW)
        olu = join(tx, "Olu", 33, runs=True, coach_id=kim.id, consent_at=NOW)
        assert opens(tx, 33, "FIRST") == olu and people.by_id(tx, ben.id) == ben


def test_an_erasure_after_the_return_finds_all_of_it_and_the_next_return_is_somebody_new(
    db: Database, kim: Person, gone: Person
) -> None:
    with db.begin() as tx:
        seat(tx, "Dana", "ONE", coach_id=kim.id)
        seat(tx, "Dana", "TWO", coach_id=kim.id)
        assert opens(tx, 22, "ONE") is not None
        rights.erase(tx, gone.id, "R1", NOW)
        assert tx.execute(sa.select(schema.person.c.id).where(schema.person.c.name == "Dana")).all() == []
        seat(tx, "Dana", "THREE", coach_id=kim.id)
        again = opens(tx, 22, "THREE")
        assert again is not None and again.id != gone.id


def test_a_chat_that_no_reading_would_find_is_no_conflict_which_is_tried_for_ever(db: Database, kim: Person) -> None:
    """Conflict means: read again, and you will see. ValueError means a failed try, and the next one's turn."""
    with db.begin() as tx:
        join(tx, "Olu", 33, runs=True)
        change(tx, join(tx, "Ida", 34, runs=True), user_id=None)
    for chat, user, error in ((33, 33, Conflict), (35, 33, Conflict), (33, 35, ValueError), (34, None, ValueError)):
        with pytest.raises(error), db.begin() as tx:
            people.join(tx, Person(0, "Ben", chat, user, runs=True))


# --- what has interrupted coaches -----------------------------------------------------------------------------------


def test_steps_are_those_of_the_coachs_athletes_and_are_read_only_where_looked_into(
    db: Database, kim: Person, dana: Person, ann: Person
) -> None:
    with db.begin() as tx:
        ben = join(tx, "Ben", 32, runs=True, coach_id=kim.id)
        for who, ago in ((ann, 0), (ann, 3), (ann, 40), (ben, 0)):
            day = TODAY - ago * DAY
            lines = [
                Record("step", name, NOW - ago * DAY, day, {"short": "A"}) for name in ("paged", "raised", "useful")
            ]
            journal.append(tx, who.id, lines, "test", NOW)
    with counted(db) as seen, db.begin() as tx:
        known = load(tx, dana)
        before = len(seen)
        found = attention.steps(tx, known)
        assert len(seen) == before + 1
        assert [(one.about, one.name, one.day) for one in found] == [
            (ann.id, name, TODAY - ago * DAY) for ago in (3, 0) for name in ("paged", "useful")
        ]
        assert {one.day for one in attention.steps(tx, load(tx, ann))} == {TODAY}, (
            "of an athlete's coach the last two days"
        )


def test_the_clubs_page_has_every_coach_and_those_without_one(
    db: Database, kim: Person, dana: Person, ann: Person
) -> None:
    with db.begin() as tx:
        join(tx, "Olu", 33, runs=True)
        for short, fields in (("AAAAA", {}), ("BBBBB", {"acked_at": NOW, "owner_id": dana.id}), ("CCCCC", {})):
            one: Escalation = worry(ann, short, **fields)
            journal.save_escalation(tx, one, "test")
        rows = {row["coach"]: row for row in attention.club(tx, NOW + HOUR)}
    assert rows[dana.id] | {"oldest": None} == {
        "coach": dana.id, "athletes": 1, "open": 2, "taken": 1, "oldest": None, "paged": 3,
    }  # fmt: skip
    assert rows[dana.id]["oldest"] == NOW.isoformat()
    assert (rows[kim.id]["athletes"], rows[None]["athletes"]) == (0, 1)


def test_the_times_of_a_page_are_those_of_the_outbox(db: Database, kim: Person, ann: Person) -> None:
    with db.begin() as tx:
        assert attention.sendings(tx, "K7Q2M") == ()
        journal.save_escalation(tx, worry(ann), "test")
        row = outbox.row(
            _page(kim, ann), {"text": "page"}, to_person=kim.id, chat_id=kim.chat_id or 0, now=NOW, cause="test"
        )
        outbox.put_all(tx, [row])
        (leased,) = outbox.lease(tx, NOW, owner="me", limit=5)
        outbox.sent(tx, leased.id, NOW + MINUTE, 7)
        (found,) = attention.sendings(tx, "K7Q2M")
    at, sent = NOW.isoformat(), (NOW + MINUTE).isoformat()
    assert found == {"to": kim.id, "put": at, "sent": sent, "status": "sent"}


def _page(reader: Person, about: Person) -> Message:
    return Message(reader.id, "coach.page", short="K7Q2M", about=about.id)
