from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from dialogs.events import Said, Sender, Started, Tapped
from dialogs.model import Invite, Lane, Message, Outcome, Person, Record, Wakeup
from storage import due, inbox, journal, outbox, outcomes, people, snapshots
from storage.db import Conflict, Database
from storage.schema import invite as invites
from storage.schema import journal as lines
from storage.schema import outbox as messages
from tests.storage.club import HOUR, NOW, change, join, load, snapshot, worry


@pytest.fixture
def kim(db: Database) -> Person:
    with db.begin() as tx:
        return join(tx, "Kim", 21, coaches=True)


@pytest.fixture
def dana(db: Database, kim: Person) -> Person:
    with db.begin() as tx:
        return join(tx, "Dana", 22, coaches=True)


@pytest.fixture
def ann(db: Database, dana: Person) -> Person:
    with db.begin() as tx:
        return join(tx, "Ann", 31, runs=True, coach_id=dana.id)


@contextmanager
def counting(db: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        if not statement.startswith("BEGIN"):
            seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)


TODAY = NOW.date()


def record(name: str, day: date = TODAY, **fields: object) -> Record:
    return replace(Record("answer", name, NOW, day), **fields)  # type: ignore[arg-type]


# --- who is known to a turn ---------------------------------------------------------------------------------


def test_a_stranger_is_nobody_and_the_head_coach_is_still_known(db: Database, kim: Person, dana: Person) -> None:
    with db.begin() as tx:
        known = snapshots.load(tx, now=NOW, dice="d", bot="aid_bot", sender=Sender(99, 99))
    assert known.person is None and known.invite is None
    assert known.colleagues == (kim, dana)
    assert (known.now, known.dice, known.bot, known.sender) == (NOW, "d", "aid_bot", Sender(99, 99))


def test_an_athletes_turn_knows_coach_backup_journal_and_own_escalations(
    db: Database, kim: Person, dana: Person, ann: Person
) -> None:
    with db.begin() as tx:
        ben = join(tx, "Ben", 32, runs=True, coach_id=kim.id)
        journal.save_escalation(tx, worry(ann), "test")
        journal.save_escalation(tx, worry(ben, "OTHER"), "test")
        old = record("old", NOW.date() - timedelta(days=9))
        journal.append(tx, ann.id, [old, record("sleep", value=4)], "test", NOW)
        journal.append(tx, ben.id, [record("mood", value=1)], "test", NOW)
        known = load(tx, ann)
    assert (known.person, known.coach, known.backup) == (ann, dana, kim)
    assert [one.short for one in known.escalations] == ["K7Q2M"]
    assert known.records == (record("sleep", value=4),)
    assert known.athletes == ()


def test_the_backup_is_whom_the_coach_named_else_the_head_coach_else_the_next(
    db: Database, kim: Person, dana: Person, ann: Person
) -> None:
    with db.begin() as tx:
        lee = join(tx, "Lee", 23, coaches=True)
        assert load(tx, ann).backup == kim
        named = change(tx, dana, backup_id=lee.id)
        assert (load(tx, ann).coach, load(tx, ann).backup) == (named, lee)
        of_kim = change(tx, ann, coach_id=kim.id)
        assert (load(tx, of_kim).coach, load(tx, of_kim).backup) == (kim, named)


def test_a_coach_who_left_or_has_no_chat_is_not_counted_on(
    db: Database, kim: Person, dana: Person, ann: Person
) -> None:
    with db.begin() as tx:
        change(tx, dana, coaches=False)
        assert (load(tx, ann).coach, load(tx, ann).backup) == (None, kim)
        change(tx, dana, chat_id=None, user_id=None)
        assert (load(tx, ann).coach, load(tx, ann).backup) == (None, kim)


def test_a_coach_who_runs_is_never_their_own_coach_or_backup(db: Database, kim: Person, dana: Person) -> None:
    with db.begin() as tx:
        running = change(tx, kim, runs=True, coach_id=dana.id)  # Kim is head coach, so would be Dana's backup
        assert (load(tx, running).coach, load(tx, running).backup) == (dana, None)
        lee = join(tx, "Lee", 23, coaches=True)
        assert load(tx, running).backup == lee
        alone = change(tx, running, coach_id=kim.id)
        known = load(tx, alone)
        assert (known.coach, known.backup, known.athletes) == (None, dana, ())


def test_a_coachs_turn_knows_own_athletes_and_colleagues_oldest_first(
    db: Database, kim: Person, dana: Person, ann: Person
) -> None:
    with db.begin() as tx:
        ben = join(tx, "Ben", 32, runs=True, coach_id=kim.id)
        lee = join(tx, "Lee", 5, coaches=True)  # joined before all others
        known = load(tx, dana)
        assert (known.athletes, known.colleagues) == ((ann,), (lee, kim))
        assert load(tx, kim).athletes == (ben,)


def test_a_coach_hears_of_the_escalations_of_own_and_covered_athletes_only(
    db: Database, kim: Person, dana: Person, ann: Person
) -> None:
    with db.begin() as tx:
        lee = join(tx, "Lee", 23, coaches=True)
        ben = join(tx, "Ben", 32, runs=True, coach_id=lee.id)
        for athlete, short in ((ann, "OFANN"), (ben, "OFBEN")):
            journal.save_escalation(tx, worry(athlete, short), "test")

        def heard(coach: Person) -> list[str]:
            return [one.short for one in load(tx, coach).escalations]

        assert heard(kim) == ["OFANN", "OFBEN"]  # the head coach stands behind both
        assert load(tx, kim).athletes == (ann, ben)  # and must know who they are
        assert (heard(dana), heard(lee)) == (["OFANN"], ["OFBEN"])
        change(tx, dana, backup_id=lee.id)
        assert (heard(kim), heard(lee)) == (["OFBEN"], ["OFANN", "OFBEN"])
        journal.save_escalation(tx, replace(load(tx, lee).escalations[0], owner_id=lee.id, acked_at=NOW), "test")
        change(tx, dana, backup_id=None)
        assert heard(lee) == ["OFANN", "OFBEN"]  # what Lee has taken stays Lee's
        taken = load(tx, lee).escalations[0]
        journal.save_escalation(tx, replace(taken, closed_at=NOW), "test")
        assert heard(lee) == ["OFBEN"]


def test_an_athlete_without_an_active_coach_is_the_head_coachs(
    db: Database, kim: Person, dana: Person, ann: Person
) -> None:
    with db.begin() as tx:
        change(tx, dana, backup_id=None)
        lee = join(tx, "Lee", 23, coaches=True)
        left = join(tx, "Max", 24)
        for number, coach in enumerate((None, left.id)):
            athlete = join(tx, "Ben", 40 + number, runs=True, coach_id=coach)
            journal.save_escalation(tx, worry(athlete, f"BEN{number}"), "test")
        assert [one.short for one in load(tx, kim).escalations] == ["BEN0", "BEN1"]
        assert load(tx, lee).escalations == ()
        gone = [join(tx, f"Gone {number}", 60 + number) for number in range(3)]  # with numbers on both sides of Lee's
        here = [join(tx, f"Here {number}", 70 + number, coaches=True) for number in range(2)]
        theirs = [
            join(tx, "Cara", 80 + number, runs=True, coach_id=coach.id).id
            for number, coach in enumerate((gone[2], here[0], gone[0], lee, here[1], gone[2]))
        ]
        mine = [one.id for one in load(tx, kim).athletes]
        assert [id for id in mine if id in theirs] == [theirs[0], theirs[2], theirs[5]]
        assert not {one.id for one in load(tx, lee).athletes} - {theirs[3]}


def test_a_coach_who_runs_is_answered_for_by_the_next_coach(db: Database, kim: Person, dana: Person) -> None:
    with db.begin() as tx:
        lee = join(tx, "Lee", 23, coaches=True)
        running = change(tx, kim, runs=True, coach_id=dana.id)
        journal.save_escalation(tx, worry(running), "test")
        assert load(tx, running).backup == lee
        assert [one.short for one in load(tx, lee).escalations] == ["K7Q2M"]
        known = load(tx, running)
        assert [one.short for one in known.escalations] == ["K7Q2M"]  # own: the ladder must find it
        assert running.id not in [one.id for one in known.athletes]


def test_nobody_is_looked_up_from_a_group(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        known = snapshots.load(tx, now=NOW, dice="", bot="b", sender=Sender(-100, ann.user_id, private=False))
        assert known.person is None
        assert snapshots.load(tx, now=NOW, dice="", bot="b", person_id=ann.id).person == ann


def test_a_reply_tells_whom_the_answered_message_spoke_of(db: Database, dana: Person, ann: Person) -> None:
    with db.begin() as tx:
        message = Message(dana.id, "coach.page", about=ann.id)
        outcomes.save(tx, snapshot(ann, coach=dana), Outcome(messages=(message,)), [(message, {})], "test", NOW)
        [row] = outbox.lease(tx, NOW, owner="s", limit=1)
        outbox.sent(tx, row.id, NOW, 500)
        assert load(tx, dana, event=Said("on it", 9, reply_to=500)).about == ann.id
        assert load(tx, dana, event=Said("on it", 9)).about is None


# --- what is true afterwards --------------------------------------------------------------------------------


def test_an_outcome_is_kept_whole(db: Database, dana: Person, ann: Person) -> None:
    raised = replace(worry(ann), athlete_id=ann.id)
    page = Message(dana.id, "coach.page", lane=Lane.SAFETY, short="K7Q2M", about=ann.id, key="page:1")
    outcome = Outcome(
        person=replace(ann, turn=7, days_off=(2, 6)),
        records=(record("pain", value={"where": "shin", "level": 6}), record("note", words="it \x00 hurts")),
        escalations=(raised,),
        messages=(page,),
        wakeups=(Wakeup("page", "page:K7Q2M:now:1", NOW + HOUR),),
    )
    with db.begin() as tx:
        saved = outcomes.save(tx, load(tx, ann), outcome, [(page, {"text": "!"})], "update:1", NOW)
        assert saved == outcomes.Saved(ann.id, ())
    with db.begin() as tx:
        known = load(tx, ann)
        assert known.person == outcome.person
        assert known.records == outcome.records
        assert known.escalations == (replace(raised, id=known.escalations[0].id),)
        assert due.next_at(tx) == NOW + HOUR
        [row] = outbox.lease(tx, NOW, owner="s", limit=9)
        assert (row.to_person, row.chat_id, row.payload, row.about) == (dana.id, 22, {"text": "!"}, ann.id)
        causes = tx.execute(sa.select(lines.c.cause, lines.c.by_id).distinct()).all()
        assert [tuple(line) for line in causes] == [("update:1", ann.id)]


def test_a_turn_that_fails_after_saving_leaves_no_trace(db: Database, dana: Person, ann: Person) -> None:
    message = Message(dana.id, "coach.page")
    with pytest.raises(ZeroDivisionError), db.begin() as tx:
        outcome = Outcome(person=replace(ann, turn=7), records=(record("x"),), messages=(message,))
        outcomes.save(tx, load(tx, ann), outcome, [(message, {})], "test", NOW)
        raise ZeroDivisionError
    with db.begin() as tx:
        assert load(tx, ann).person == ann
        assert load(tx, ann).records == ()
        assert outbox.sendable(tx, NOW) == 0


def test_what_a_coach_does_stands_in_the_athletes_journal(db: Database, dana: Person, ann: Person) -> None:
    with db.begin() as tx:
        acked = Record("step", "acked", NOW, NOW.date(), "K7Q2M", about=ann.id)
        outcomes.save(tx, load(tx, dana), Outcome(records=(acked,)), (), "test", NOW)
        assert load(tx, ann).records == (replace(acked, about=None),)


def test_a_coachs_turn_cancels_the_wakeups_of_the_escalation_it_ends(db: Database, dana: Person, ann: Person) -> None:
    with db.begin() as tx:
        journal.save_escalation(tx, worry(ann), "test")
        due.put(tx, ann.id, Wakeup("page", "page:K7Q2M:now:1", NOW), NOW)
        due.put(tx, ann.id, Wakeup("checkin", "checkin:1", NOW + HOUR), NOW)
        known = load(tx, dana)
        taken = replace(known.escalations[0], owner_id=dana.id, acked_at=NOW, next_at=None)
        outcomes.save(tx, known, Outcome(escalations=(taken,), cancel=("page:K7Q2M:",)), (), "test", NOW)
        assert due.next_at(tx) == NOW + HOUR


def test_messages_to_people_whom_none_can_reach_are_handed_back(db: Database, dana: Person, ann: Person) -> None:
    with db.begin() as tx:
        known = load(tx, ann)
        change(tx, dana, reachable=False)
        to_dana, to_ann, nowhere = (Message(to, "x") for to in (dana.id, ann.id, None))
        all_of_them = [(one, {"text": "x"}) for one in (to_dana, to_ann, nowhere)]
        saved = outcomes.save(tx, load(tx, ann), Outcome(), all_of_them, "test", NOW)
        assert saved.unsent == (to_dana, nowhere)
        back = Outcome(person=replace(ann, reachable=True))
        blocked = replace(known, person=replace(ann, reachable=False))
        assert outcomes.save(tx, blocked, back, [(to_ann, {})], "test", NOW).unsent == ()


def test_the_parts_of_a_long_message_all_leave_once(db: Database, ann: Person) -> None:
    message = Message(ann.id, "x", key="page:1", bubble="b", answers="q", edit=True)
    with db.begin() as tx:
        for _ in range(2):
            outcomes.save(tx, load(tx, ann), Outcome(), [(message, {"n": 1}), (message, {"n": 2})], "test", NOW)
        columns = (messages.c.key, messages.c.payload, messages.c.edit, messages.c.answers)
        rows = tx.execute(sa.select(*columns).order_by(messages.c.id)).all()
    assert [tuple(row) for row in rows] == [
        ("page:1", {"n": 1}, True, "q"),
        ("page:1:2", {"n": 2}, False, None),
    ]


# --- joining ------------------------------------------------------------------------------------------------


def newcomer(chat: int) -> Person:
    return Person(0, "Ben", chat, chat, runs=True, joined_at=NOW)


def test_an_invite_works_once_until_it_expires_and_its_code_is_not_stored(db: Database, dana: Person) -> None:
    with db.begin() as tx:
        made = people.create_invite(tx, name="Ben", code="SECRET", now=NOW, expires_at=NOW + HOUR, coach_id=dana.id)
        assert "SECRET" not in str(tx.execute(sa.select(invites)).all())

        def seen(code: str, now: object = NOW) -> Invite | None:
            return snapshots.load(
                tx,
                now=now,  # type: ignore[arg-type]
                dice="",
                bot="b",
                sender=Sender(50, 50),
                event=Started(code, 1),
            ).invite

        assert seen("SECRET") == replace(made, code=None)
        assert (seen("secret"), seen(""), seen("SECRET", NOW + HOUR)) == (None, None, None)
        hello = Message(0, "joining.hello", about=0)
        outcome = Outcome(person=newcomer(50), used_invite=made.id, records=(record("joined"),))
        saved = outcomes.save(tx, snapshot(), outcome, [(hello, {"text": "hi"})], "test", NOW)
        assert saved.person_id is not None and saved.unsent == ()
        assert seen("SECRET") is None
        [row] = outbox.lease(tx, NOW, owner="s", limit=9)
        assert (row.to_person, row.chat_id, row.about) == (saved.person_id, 50, saved.person_id)
        assert journal.records(tx, saved.person_id, NOW.date()) == (record("joined"),)


@pytest.mark.parametrize("late", [False, True])
def test_an_invite_used_or_expired_in_the_meantime_is_a_conflict_and_makes_nobody(
    db: Database, dana: Person, late: bool
) -> None:
    with db.begin() as tx:
        made = people.create_invite(tx, name="Ben", code="C", now=NOW, expires_at=NOW + HOUR, coach_id=dana.id)
        if not late:
            outcomes.save(tx, snapshot(), Outcome(person=newcomer(50), used_invite=made.id), (), "test", NOW)
    with pytest.raises(Conflict), db.begin() as tx:
        outcomes.save(
            tx,
            snapshot(),
            Outcome(person=newcomer(51), used_invite=made.id),
            (),
            "test",
            NOW + HOUR if late else NOW,
        )
    with db.read() as tx:
        assert [one.chat_id for one in people.everyone(tx)] == ([22 - 1, 22] if late else [21, 22, 50])


def test_the_same_newcomer_twice_is_a_conflict(db: Database) -> None:
    with db.begin() as tx:
        outcomes.save(tx, snapshot(), Outcome(person=newcomer(50)), (), "test", NOW)
    with pytest.raises(Conflict), db.begin() as tx:
        outcomes.save(tx, snapshot(), Outcome(person=newcomer(50)), (), "test", NOW)


def test_a_coach_may_invite_from_a_turn(db: Database, dana: Person) -> None:
    seat = Invite(0, "Ben", False, dana.id, NOW + HOUR, code="FROM-A-TURN")
    with db.begin() as tx:
        outcomes.save(tx, load(tx, dana), Outcome(invites=(seat,)), (), "test", NOW)
        found = snapshots.load(
            tx, now=NOW, dice="", bot="b", sender=Sender(50, 50), event=Started("FROM-A-TURN", 1)
        ).invite
    assert found is not None and found == replace(seat, id=found.id, code=None)


def test_people_are_found_by_name_and_role_in_any_case(db: Database, dana: Person, ann: Person) -> None:
    with db.read() as tx:
        assert people.find(tx, " dANA ", "coach") == (dana,)
        assert people.find(tx, "Dana", "athlete") == ()
        assert people.find(tx, "Ann", "athlete") == (ann,)
        assert people.by_id(tx, ann.id) == ann
        assert people.by_id(tx, 999) is None


# --- the hot path -------------------------------------------------------------------------------------------


def test_a_tap_is_handled_in_few_statements(db: Database, dana: Person, ann: Person) -> None:
    """Claim, four reads, three writes, done; one to void older edits of the bubble; between replicas the bell."""
    with db.begin() as tx:
        inbox.accept(tx, [inbox.Incoming("1", "ann", "{}")], NOW)
    edit = Message(ann.id, "morning.mood", bubble="morning:1", edit=True, answers="q")
    with counting(db) as statements, db.begin() as tx:
        row = inbox.claim(tx, NOW)
        assert row is not None
        known = load(tx, ann, event=Tapped("3:4", "q", 9))
        outcome = Outcome(person=replace(ann, turn=4), records=(record("sleep", value=4),), messages=(edit,))
        outcomes.save(tx, known, outcome, [(edit, {"text": "mood?"})], row.key, NOW)
        inbox.done(tx, row.id, NOW)
    assert len(statements) <= (10 if db.is_sqlite else 11), statements


def test_a_turn_that_changes_nothing_writes_nothing(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        known = load(tx, ann)
        with counting(db) as statements:
            outcomes.save(tx, known, Outcome(person=ann), (), "test", NOW)
    assert statements == []


def test_a_coach_is_known_by_name_before_start_and_finds_the_athletes_who_wait(db: Database) -> None:
    with db.begin() as tx:
        people.create_invite(tx, name="Eva", code="FIRST", now=NOW, expires_at=NOW + HOUR)
        people.create_invite(tx, name="eva", code="SECOND", now=NOW, expires_at=NOW + HOUR)  # the first one was lost
        (eva,) = people.find(tx, "Eva", "coach")
        assert eva.chat_id is None
        athlete = people.create_invite(tx, name="Ben", code="BEN", now=NOW, expires_at=NOW + HOUR, coach_id=eva.id)
        assert athlete.coach_id == eva.id
    with db.begin() as tx:
        known = snapshots.load(tx, now=NOW, dice="", bot="b", sender=Sender(70, 70), event=Started("SECOND", 1))
        assert known.person is not None and known.invite is not None
        assert (known.person.id, known.person.chat_id) == (eva.id, 70)
        outcomes.save(tx, known, Outcome(person=known.person, used_invite=known.invite.id), (), "test", NOW)
    with db.begin() as tx:  # somebody sits there now: the other code opens nothing of it
        other = snapshots.load(tx, now=NOW, dice="", bot="b", sender=Sender(71, 71), event=Started("FIRST", 1))
        assert (other.person, other.invite) == (None, None)


def test_an_athlete_who_begins_to_coach_gets_the_athletes_of_the_seat(db: Database, dana: Person) -> None:
    with db.begin() as tx:
        outcomes.save(tx, snapshot(), Outcome(person=newcomer(50)), (), "test", NOW)
        seat = people.create_invite(tx, name="Eva", code="EVA", now=NOW, expires_at=NOW + HOUR)
        waiting = replace(newcomer(51), coach_id=seat.seat_id)
        waiting_id = outcomes.save(tx, snapshot(), Outcome(person=waiting), (), "test", NOW).person_id
        known = snapshots.load(tx, now=NOW, dice="", bot="b", sender=Sender(50, 50), event=Started("EVA", 1))
        assert known.person is not None and known.person.chat_id == 50
        changed = replace(known.person, coaches=True)
        outcomes.save(tx, known, Outcome(person=changed, used_invite=seat.id), (), "test", NOW)
        moved = people.by_id(tx, waiting_id or 0)
        assert moved is not None and moved.coach_id == known.person.id
