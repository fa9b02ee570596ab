from __future__ import annotations

import pytest
import sqlalchemy as sa

from dialogs.model import Outcome, Person, Plan
from storage import feeds, outcomes, schema
from storage.db import Conflict, Database
from tests.storage.club import HOUR, NOW, join, load, planned, session
from tests.storage.test_people import counting

CODE, OTHER = "c0de" * 8, "07e2" * 8


@pytest.fixture
def ann(db: Database) -> Person:
    with db.begin() as tx:
        return join(tx, "Ann", 31, runs=True, zone="Europe/Riga")


def test_a_new_feed_ends_the_former_and_its_code_is_not_stored(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        feeds.new(tx, ann.id, CODE, NOW)
        assert CODE not in str(tx.execute(sa.select(schema.feed)).all())
        assert feeds.whose(tx, CODE) == ann.id
        assert (feeds.whose(tx, CODE.upper()), feeds.whose(tx, ""), feeds.whose(tx, "\ud800")) == (None, None, None)
        feeds.new(tx, ann.id, OTHER, NOW + HOUR)
        assert (feeds.whose(tx, CODE), feeds.whose(tx, OTHER)) == (None, ann.id)
        assert feeds.revoke(tx, ann.id, NOW + 2 * HOUR)
        assert not feeds.revoke(tx, ann.id, NOW + 3 * HOUR)
        assert feeds.whose(tx, OTHER) is None
        ended = tx.execute(sa.select(schema.feed.c.revoked_at).order_by(schema.feed.c.id)).scalars().all()
    assert ended == [NOW + HOUR, NOW + 2 * HOUR]


def test_nobody_has_two_feeds_that_work(db: Database, ann: Person) -> None:
    row = {"person_id": ann.id, "created_at": NOW}
    with pytest.raises(sa.exc.IntegrityError), db.begin() as tx:
        tx.execute(sa.insert(schema.feed), [row | {"hash": "a"}, row | {"hash": "b"}])


def test_a_code_that_was_given_already_opens_nothing_else(db: Database, ann: Person) -> None:
    with pytest.raises(Conflict), db.begin() as tx:
        feeds.new(tx, ann.id, CODE, NOW)
        feeds.new(tx, join(tx, "Ben", 32, runs=True).id, CODE, NOW)


def test_a_calendar_is_read_in_two_statements_and_shows_one_persons_plan(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        planned(tx, ann, session("a", -20), session("b"), session("c", 40))
        planned(tx, join(tx, "Ben", 32, runs=True), session("x"))
        feeds.new(tx, ann.id, CODE, NOW)
    with db.read() as tx, counting(db) as statements:
        assert feeds.calendar(tx, CODE, NOW.date()) == (ann, Plan(1, (session("b"), session("c", 40))))
    assert len(statements) == 2, statements
    with db.read() as tx:
        assert feeds.calendar(tx, OTHER, NOW.date()) is None


def test_a_turn_opens_replaces_and_ends_its_own_persons_feed(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        for code in (CODE, OTHER):
            outcomes.save(tx, load(tx, ann), Outcome(feed=code), (), "test", NOW)
            assert feeds.whose(tx, code) == ann.id
        outcomes.save(tx, load(tx, ann), Outcome(), (), "test", NOW)
        assert (feeds.whose(tx, CODE), feeds.whose(tx, OTHER)) == (None, ann.id)
        outcomes.save(tx, load(tx, ann), Outcome(feed=""), (), "test", NOW)
        assert feeds.whose(tx, OTHER) is None
