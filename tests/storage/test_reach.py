"""By the actor: a turn reads about nobody, and reaches nobody, but the people who are its actor's."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from dialogs.events import Said, Sender
from dialogs.model import Change, Message, Outcome, Person, Record, Setting
from storage import journal, outbox, outcomes, people, schema
from storage.db import Database
from tests.storage.club import NOW, join, load, session, snapshot, wish, worry


@pytest.fixture
def kim(db: Database) -> Person:
    with db.begin() as tx:
        return join(tx, "Kim", 1, coaches=True)


@pytest.fixture
def ann(db: Database, kim: Person) -> Person:
    with db.begin() as tx:
        return join(tx, "Ann", 11, runs=True, coach_id=kim.id)


@pytest.fixture
def cara(db: Database) -> Person:
    """Another coach's athlete."""
    with db.begin() as tx:
        return join(tx, "Cara", 12, runs=True, coach_id=join(tx, "Dana", 2, coaches=True).id)


def reaching(foreign: Person) -> dict[str, Outcome]:
    """Each of them would reach this person."""
    record = Record("words", "coach_wrote", NOW, date(2026, 11, 23), None, "secret")
    return {
        "writes to": Outcome(messages=(Message(foreign.id, "athlete.from_coach"),)),
        "tells of": Outcome(messages=(Message(0, "coach.page", about=foreign.id),)),
        "writes to the chat of": Outcome(messages=(Message(None, "shared.stranger", chat_id=foreign.chat_id),)),
        "journals about": Outcome(records=(replace(record, about=foreign.id),)),
        "escalates for": Outcome(escalations=(replace(worry(foreign), words="secret"),)),
        "takes what is waiting of": Outcome(escalations=(replace(worry(foreign), id=1, owner_id=1, acked_at=NOW),)),
        "changes": Outcome(person=replace(foreign, name="secret")),
        "plans for": Outcome(changes=(Change(1, "coach", "secret", NOW, (), (session("secret"),), foreign.id),)),
        "proposes for": Outcome(proposals=(wish(foreign, words="secret"),)),
        "decides for": Outcome(proposals=(wish(foreign, id=1, state="approved", decided_by=1, decided_at=NOW),)),
        "sets rules for": Outcome(settings=(Setting("secret", 1, NOW, foreign.id),)),
        "sets rules as": Outcome(settings=(Setting("secret", foreign.id, NOW),)),
    }


@pytest.mark.parametrize("does", reaching(Person(0, "Nobody")))
def test_a_turn_that_reaches_a_person_it_has_not_read_is_refused_without_their_words(
    db: Database, kim: Person, ann: Person, cara: Person, does: str
) -> None:
    def dump() -> list[object]:
        with db.read() as tx:
            return [tx.execute(sa.select(table)).all() for table in schema.metadata.sorted_tables]

    before = dump()
    wrong, own = reaching(cara)[does], reaching(ann)[does]
    for actor in (kim, ann):
        with pytest.raises(ValueError, match="whom the snapshot does not hold") as refused, db.begin() as tx:
            outcomes.save(tx, load(tx, actor), wrong, [(one, {}) for one in wrong.messages], "test", NOW)
        assert not [word for word in ("secret", "Cara", "Ann") if word in str(refused.value)]
        assert dump() == before
    if does not in ("takes what is waiting of", "changes", "writes to the chat of", "decides for"):
        with db.begin() as tx:
            outcomes.save(tx, load(tx, kim), own, [(one, {}) for one in own.messages], "test", NOW)
        assert dump() != before


def test_a_plan_is_its_athletes_and_their_coachs_and_not_everybodys_whom_a_turn_has_read(
    db: Database, kim: Person, ann: Person
) -> None:
    """An athlete's turn reads who coaches them. A coach who runs has a plan, too, and that is not theirs to touch."""
    with db.begin() as tx:
        tx.execute(sa.update(schema.person).where(schema.person.c.id == kim.id).values(runs=True))
        bo = join(tx, "Bo", 3, coaches=True)
    for does in ("plans for", "proposes for", "sets rules for"):
        for actor in (ann, bo):
            with db.begin() as tx:
                known = load(tx, actor)
                assert kim.id in {one.id for one in (*known.colleagues, known.coach) if one is not None}
                with pytest.raises(ValueError, match="snapshot"):
                    outcomes.save(tx, known, reaching(replace(kim, runs=True))[does], (), "test", NOW)
        with db.begin() as tx:
            outcomes.save(tx, load(tx, kim), reaching(kim)[does], (), "test", NOW)


def test_a_stranger_and_a_group_are_answered_in_their_own_chat_only(db: Database, ann: Person) -> None:
    for chat, fine in ((-5, True), (ann.chat_id, False)):
        message = Message(None, "shared.group", chat_id=chat)
        known = snapshot(sender=Sender(-5, 11, private=False))
        with db.begin() as tx:
            if fine:
                outcomes.save(tx, known, Outcome(messages=(message,)), [(message, {})], "test", NOW)
            else:
                with pytest.raises(ValueError, match="snapshot"):
                    outcomes.save(tx, known, Outcome(messages=(message,)), [(message, {})], "test", NOW)


def test_the_answered_message_is_looked_up_in_the_actors_own_chat(
    db: Database, kim: Person, ann: Person, cara: Person
) -> None:
    """Telegram numbers the messages of each chat by itself: the same number means another message elsewhere."""
    with db.begin() as tx:
        page = Message(0, "coach.page", about=ann.id)
        outcomes.save(tx, load(tx, kim), Outcome(messages=(page,)), [(page, {})], "test", NOW)
        [row] = outbox.lease(tx, NOW, owner="s", limit=1)
        outbox.sent(tx, row.id, NOW, 500)
        answer = Said("on it", 9, reply_to=500)
        assert load(tx, kim, event=answer).about == ann.id
        assert load(tx, cara, event=answer).about is None


def test_a_former_coach_reads_nothing_about_those_who_were_theirs(db: Database, kim: Person, ann: Person) -> None:
    with db.begin() as tx:
        raised = Outcome(
            escalations=(worry(ann),),
            records=(Record("words", "free", NOW, date(2026, 11, 23), None, "secret"),),
        )
        outcomes.save(tx, load(tx, ann), raised, (), "test", NOW)
        tx.execute(sa.update(schema.escalation).values(owner_id=kim.id, acked_at=NOW, next_at=None))
        assert load(tx, kim).athletes and load(tx, kim).escalations
        outcomes.save(tx, load(tx, kim), Outcome(person=replace(kim, coaches=False)), (), "test", NOW)
        known = load(tx, replace(kim, coaches=False))
        assert "secret" not in repr(known)
        assert (known.athletes, known.escalations, known.records) == ((), (), ())
        assert journal.open_for_athlete(tx, ann.id), "it is still there"


def test_no_turn_asks_for_people_but_through_load() -> None:
    """`everyone`, `find` and `by_id` know no actor: they are the operator's."""
    root = Path(people.__file__).parents[1]
    turns = [*(root / "dialogs").rglob("*.py"), *(root / "bot" / f"{name}.py" for name in ("handle", "send", "app"))]
    asked = {
        f"{path.name}: {node.attr}"
        for path in turns
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("everyone", "find", "by_id")
        and ast.unparse(node.value) == "people"
    }  # fmt: skip
    assert asked == set()
