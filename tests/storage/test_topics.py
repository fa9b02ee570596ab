"""Which topic is whose, and where a message goes that no topic takes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from dialogs.events import Edited, Grouped, Newcomer, Said, Sender, Tapped
from dialogs.model import Attachment, Message, Outcome, Person, Topic
from storage import due, outbox, outcomes, people, rights, schema, snapshots, topics
from storage.db import Database
from storage.outbox import Leased
from tests.storage.club import NOW, join, snapshot

GROUP = -1001
IN_GROUP = Sender(GROUP, 9, "Paul", private=False)
SECOND = timedelta(seconds=1)


@pytest.fixture
def club(db: Database) -> tuple[Person, Person, Person]:
    """Kim, with a group, coaches Ann; Dana coaches nobody."""
    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True, group=GROUP)
        dana = join(tx, "Dana", 22, coaches=True)
        ann = join(tx, "Ann", 31, runs=True, coach_id=kim.id, in_group=True)
    return kim, dana, ann


def say(tx: sa.Connection, ann: Person, kim: Person, text: str, **fields: object) -> None:
    message = Message(kim.id, text, about=ann.id, topic=ann.id, **fields)  # type: ignore[arg-type]
    payload = {"text": text, "elsewhere": "MEANT FOR", "again": "ANEW"}
    known = replace(snapshot(ann), coach=kim)
    outcomes.save(tx, known, Outcome(messages=(message,)), [(message, payload)], "test", NOW)


def leased(tx: sa.Connection) -> list[Leased]:
    return outbox.lease(tx, NOW, owner="me", limit=9)


def place(tx: sa.Connection, row: Leased) -> topics.Place:
    found = topics.find_out(tx, row)
    assert found is not None
    return found


def rows(tx: sa.Connection) -> list[tuple[int, str, str]]:
    found = tx.execute(sa.select(schema.outbox).order_by(schema.outbox.c.id)).mappings()
    return [(one["chat_id"], one["status"], one["payload"]["text"]) for one in found]


def test_a_message_for_a_topic_is_put_into_the_group_and_without_one_into_the_private_chat(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, _, ann = club
    with db.begin() as tx:
        say(tx, ann, kim, "new shoes")
        say(tx, ann, replace(kim, group=None), "old shoes")
        say(tx, ann, replace(kim, group=None), "a copy", spare=True)
        assert rows(tx) == [(GROUP, "pending", "new shoes"), (kim.chat_id, "pending", "old shoes")]
        (row,) = [one for one in leased(tx) if one.chat_id == GROUP]
        assert row.payload[topics.OF] == ann.id
        assert topics.find_out(tx, row) == topics.Place("Ann", None, False)


def test_a_turn_puts_nothing_into_the_topic_of_somebody_elses_athlete(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, dana, ann = club
    wrong = (
        Message(dana.id, "x", about=ann.id, topic=ann.id),  # not Ann's coach
        Message(kim.id, "x", about=dana.id, topic=ann.id),  # about somebody else
        Message(kim.id, "x", topic=ann.id),
        Message(None, "x", chat_id=GROUP),  # nobody in this turn has this group
    )
    for message in wrong:
        known = replace(snapshot(ann), coach=replace(kim, group=None), colleagues=(dana,))
        with db.begin() as tx, pytest.raises(ValueError, match="does not hold"):
            outcomes.save(tx, known, Outcome(messages=(message,)), [(message, {"text": "x"})], "test", NOW)


def test_a_topic_is_one_athletes_and_is_found_by_its_number(db: Database, club: tuple[Person, Person, Person]) -> None:
    kim, _, ann = club
    with db.begin() as tx:
        ben = join(tx, "Ann", 32, runs=True, coach_id=kim.id)
        topics.made(tx, GROUP, ann.id, 5, NOW)
        assert topics.whose(tx, GROUP, 5) == Topic(5, ann, kim)
        assert topics.whose(tx, GROUP, 6) is None and topics.whose(tx, -9, 5) is None
        say(tx, ben, kim, "hello")
        (row,) = leased(tx)
        assert topics.find_out(tx, row) == topics.Place("Ann (2)", None, False), "two of one name are told apart"
    with pytest.raises(sa.exc.IntegrityError), db.begin() as tx:
        topics.made(tx, GROUP, ben.id, 5, NOW)
    with db.begin() as tx:
        topics.made(tx, GROUP, ann.id, 8, NOW)  # made again
        assert topics.whose(tx, GROUP, 5) is None and topics.whose(tx, GROUP, 8) == Topic(8, ann, kim)


def test_a_topic_that_is_gone_is_forgotten_and_its_message_says_so(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, _, ann = club
    with db.begin() as tx:
        topics.made(tx, GROUP, ann.id, 5, NOW)
        say(tx, ann, kim, "new shoes")
        (row,) = leased(tx)
        topics.forget(tx, row)
        outbox.retry(tx, row.id, NOW, "thread_gone", repeat=False)
        (again,) = leased(tx)
        assert again.payload["anew"] is True and place(tx, again).thread is None


@pytest.mark.parametrize("all_of_it", [False, True])
def test_of_who_is_erased_while_a_message_is_on_its_way_nothing_is_left_to_do(
    db: Database, club: tuple[Person, Person, Person], all_of_it: bool
) -> None:
    kim, _, ann = club
    with db.begin() as tx:
        ben = join(tx, "Ben", 32, runs=True, coach_id=kim.id, in_group=True)
        topics.made(tx, GROUP, ann.id, 5, NOW)
        say(tx, ann, kim, "new shoes")
        (row,) = leased(tx)
        say(tx, ben, kim, "old shoes")
        rights.erase(tx, ann.id, "R1", NOW)
    with db.begin() as tx:
        assert topics.find_out(tx, row) is None, "a tombstone has no topic, and no name for one"
        topics.forget(tx, row)
        assert topics.elsewhere(tx, row, all_of_it=all_of_it)
        rest = (kim.chat_id, "pending", "MEANT FOR\nold shoes") if all_of_it else (GROUP, "pending", "old shoes")
        assert rows(tx) == [rest], "what is others' goes its way"


def test_people_close_and_open_topics(db: Database, club: tuple[Person, Person, Person]) -> None:
    kim, _, ann = club
    with db.begin() as tx:
        topics.made(tx, GROUP, ann.id, 5, NOW)
        say(tx, ann, kim, "new shoes")
        (row,) = leased(tx)
        for what, closed in (("closed", True), ("reopened", False), ("closed", True)):
            topics.happened(tx, GROUP, Grouped(what, 5), NOW)
            assert place(tx, row).closed is closed
        topics.opened(tx, GROUP, 5)
        assert place(tx, row).closed is False


@pytest.mark.parametrize("all_of_it", [False, True])
def test_what_a_group_does_not_take_goes_to_the_private_chat_but_for_copies(
    db: Database, club: tuple[Person, Person, Person], all_of_it: bool
) -> None:
    kim, _, ann = club
    with db.begin() as tx:
        say(tx, ann, kim, "first", attach=Attachment(31, 7))
        say(tx, ann, kim, "a copy", spare=True)
        say(tx, ann, kim, "third")
        (row,) = leased(tx)
        assert topics.elsewhere(tx, row, all_of_it=all_of_it)
        private = kim.chat_id
        rest = [("superseded", "a copy"), ("pending", "MEANT FOR\nthird")] if all_of_it else []
        rest = rest or [("pending", "a copy"), ("pending", "third")]
        chats = (GROUP, private) if all_of_it else (GROUP, GROUP)
        expected = [(private, "pending", "MEANT FOR\nfirst")]
        assert rows(tx) == expected + [(chat, *one) for chat, one in zip(chats, rest, strict=True)]
        (first,) = [one for one in leased(tx) if "first" in one.payload["text"]]
        assert topics.OF not in first.payload and first.chat_id == private


def test_a_group_that_moves_takes_its_coaches_and_what_waits_along(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, dana, ann = club
    with db.begin() as tx:
        topics.made(tx, GROUP, ann.id, 5, NOW)
        say(tx, ann, kim, "new shoes")
        topics.moved(tx, GROUP, -2002)
        assert [people.by_id(tx, one.id) for one in (kim, dana)] == [replace(kim, group=-2002), dana]
        assert topics.whose(tx, -2002, 5) is None and topics.whose(tx, GROUP, 5) is None
        (row,) = leased(tx)
        assert row.chat_id == -2002 and place(tx, row).thread is None


def test_a_bot_that_is_thrown_out_wakes_each_coach_who_uses_the_group(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, *_ = club
    with db.begin() as tx:
        topics.happened(tx, -9, Grouped("removed"), NOW)
        assert due.claim(tx, NOW + SECOND) is None
        topics.happened(tx, GROUP, Grouped("removed"), NOW)
        row = due.claim(tx, NOW + SECOND)
        assert row is not None and (row.person_id, row.kind) == (kim.id, "topic")
        assert row.data == {"what": "not_in_group", "chat": GROUP}


PAUL = Newcomer(9, "Paul")


def test_a_guest_concerns_each_coach_who_uses_the_group_and_nobody_else(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, dana, ann = club
    here = Sender(GROUP, ann.user_id, "Annie", private=False)
    with db.begin() as tx:
        lee = join(tx, "Lee", 23, coaches=True, group_asked=GROUP)
        join(tx, "Max", 24, coaches=True, group=-2002)

        def concerned(event: Grouped | Tapped, sender: Sender = here) -> dict[int, list[str]]:
            return {id: seen["guests"] for id, seen in topics.guests(tx, sender, event, "aid_bot")}

        ours = Newcomer(1, "Aid Station", "Aid_Bot")
        assert concerned(Grouped("joined", newcomers=(PAUL, ours))) == {kim.id: ["Paul"], lee.id: ["Paul"]}
        assert concerned(Grouped("joined", newcomers=(replace(PAUL, user_id=dana.user_id or 0), ours))) == {}
        assert concerned(Grouped("joined", newcomers=(PAUL,)), replace(here, chat_id=-9)) == {}
        for event in (Grouped("said", None, Said("hi", 1)), Grouped("command", 5, Said("/x", 1)), Tapped("x", "q")):
            assert concerned(event) == {kim.id: ["Annie"], lee.id: ["Annie"]}
            assert concerned(event, replace(here, user_id=dana.user_id)) == {}
            assert concerned(event, replace(here, user_id=None)) == {}
        for what in ("closed", "rights", "other", "added"):
            assert concerned(Grouped(what, 5)) == {}


def test_what_waits_for_a_group_with_a_guest_goes_to_the_private_chat(
    db: Database, club: tuple[Person, Person, Person]
) -> None:
    kim, _, ann = club
    with db.begin() as tx:
        say(tx, ann, kim, "new shoes")
        say(tx, ann, kim, "a copy", spare=True)
        assert topics.guests(tx, replace(IN_GROUP, chat_id=-9), Grouped("joined", newcomers=(PAUL,)), "b") == []
        assert [(chat, status) for chat, status, _ in rows(tx)] == [(GROUP, "pending")] * 2
        assert topics.guests(tx, IN_GROUP, Grouped("joined", newcomers=(PAUL,)), "b")
        assert rows(tx) == [(kim.chat_id, "pending", "MEANT FOR\nnew shoes"), (GROUP, "superseded", "a copy")]


def test_a_group_turn_knows_who_speaks_and_whose_topic_it_is(db: Database, club: tuple[Person, Person, Person]) -> None:
    kim, _, ann = club
    there = Sender(GROUP, kim.user_id, "Kim", "en", False)
    said = Said("rest", 9)
    with db.begin() as tx:
        topics.made(tx, GROUP, ann.id, 5, NOW)

        def load(event: object, sender: Sender = there) -> tuple[Person | None, Topic | None]:
            known = snapshots.load(tx, now=NOW, dice="", bot="bot", sender=sender, event=event)  # type: ignore[arg-type]
            return known.person, known.topic

        assert load(Grouped("said", 5, said)) == (kim, Topic(5, ann, kim))
        assert load(Grouped("edited", 5, Edited("rest", 9))) == (kim, Topic(5, ann, kim))
        assert load(Tapped("ack:K7Q2M", "q")) == (kim, None)
        for event in (Grouped("added"), Grouped("closed", 5), Grouped("other", 5)):
            assert load(event) == (None, None)
        assert load(Grouped("said", None, said)) == (kim, None)
        assert load(Grouped("said", 5, said), replace(there, user_id=None)) == (None, Topic(5, ann, kim))
