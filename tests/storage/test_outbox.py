from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from dialogs.model import Lane, Message, Outcome, Person
from storage import journal, lease, outbox, outcomes
from storage.db import Database
from storage.outbox import LEASE_SECONDS, Leased
from storage.schema import outbox as table
from tests.storage.club import HOUR, MINUTE, NOW, join, snapshot, worry

LAPSED = NOW + timedelta(seconds=LEASE_SECONDS)


@pytest.fixture
def ann(db: Database) -> Person:
    with db.begin() as tx:
        return join(tx, "Ann", 11, runs=True, zone="Europe/Berlin")


def put(tx: sa.Connection, text: str, chat: int = 11, **fields: Any) -> None:
    not_before = fields.pop("not_before", None)
    to = fields.pop("to", None)
    message = Message(to, "block", **fields)
    outbox.put(tx, message, {"text": text}, to_person=to, chat_id=chat, now=NOW, not_before=not_before, cause="test")


def take(tx: sa.Connection, now: Any = NOW, limit: int = 10, **how: Any) -> list[Leased]:
    return outbox.lease(tx, now, owner="sender", limit=limit, **how)


def texts(rows: list[Leased]) -> list[str]:
    return [row.payload["text"] for row in rows]


def statuses(tx: sa.Connection) -> dict[str, str]:
    rows = tx.execute(sa.select(table.c.payload, table.c.status).order_by(table.c.id))
    return {payload["text"]: status for payload, status in rows}


def test_a_leased_message_carries_all_that_sending_needs(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        put(tx, "hi", to=ann.id, quiet=True, key="k", short="K7Q2M", about=ann.id, expires_at=NOW + HOUR)
        [row] = take(tx)
        assert statuses(tx) == {"hi": "leased"}
    assert row.recipient == ann
    assert (row.to_person, row.chat_id, row.quiet, row.key, row.short) == (ann.id, 11, True, "k", "K7Q2M")
    assert (row.about, row.expires_at, row.repeat, row.attempts, row.message_id) == (
        ann.id, NOW + HOUR, False, 0, None,
    )  # fmt: skip
    assert row.lease_until == LAPSED


def test_a_page_leaves_before_replies_and_those_before_prompts(db: Database) -> None:
    with db.begin() as tx:
        for chat, lane in enumerate((Lane.BULK, Lane.PROMPT, Lane.REPLY, Lane.SAFETY, Lane.REPLY), start=1):
            put(tx, f"{lane.name} {chat}", chat, lane=lane)
        assert outbox.sendable(tx, NOW) == 5
        assert texts(take(tx, limit=2)) == ["SAFETY 4", "REPLY 3"]
        assert texts(take(tx, max_lane=Lane.PROMPT)) == ["REPLY 5", "PROMPT 2"]
        assert texts(take(tx)) == ["BULK 1"]
        assert outbox.sendable(tx, NOW) == 0


def test_one_message_per_chat_at_a_time_in_the_order_written(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "one")
        put(tx, "two")
        put(tx, "to Ben", 12)
        first = take(tx)
        assert texts(first) == ["one", "to Ben"]
        assert take(tx) == []
        outbox.sent(tx, first[0].id, NOW, 100)
        assert texts(take(tx)) == ["two"]


def test_a_page_overtakes_in_its_own_chat_and_a_busy_chat_waits(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "prompt", lane=Lane.PROMPT)
        put(tx, "page", lane=Lane.SAFETY)
        put(tx, "to Ben", 12)
        assert texts(take(tx, busy_chats=[11])) == ["to Ben"]
        assert texts(take(tx)) == ["page"]


def test_what_waits_for_its_hour_holds_up_nothing(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "later", not_before=NOW + HOUR)
        put(tx, "now")
        assert outbox.next_at(tx) == NOW
        assert texts(take(tx)) == ["now"]
        assert outbox.next_at(tx) == LAPSED
        assert outbox.sendable(tx, NOW) == 0


def test_what_comes_too_late_is_expired_and_the_next_one_leaves_at_once(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "check-in", expires_at=NOW)
        put(tx, "reply", expires_at=NOW + MINUTE)
        assert texts(take(tx)) == ["reply"]
        assert statuses(tx) == {"check-in": "expired", "reply": "leased"}


def test_a_key_is_put_once_for_ever(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "page", key="page:K7Q2M:0")
        [row] = take(tx)
        outbox.sent(tx, row.id, NOW, 100)
        put(tx, "page again", key="page:K7Q2M:0")
        put(tx, "no key")
        put(tx, "no key either", 12)
        assert texts(take(tx)) == ["no key", "no key either"]


def test_a_lapsed_lease_is_sent_again_as_a_repeat_but_not_if_it_may_be_said_only_once(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "page", lane=Lane.SAFETY)
        put(tx, "check-in", 12, once=True)
        assert len(take(tx)) == 2
        assert take(tx, LAPSED - timedelta(seconds=1)) == []
        [row] = take(tx, LAPSED)
        assert (row.payload["text"], row.repeat, row.attempts) == ("page", True, 1)
        assert statuses(tx) == {"page": "leased", "check-in": "unknown"}


def test_a_sender_that_crashes_before_its_commit_has_leased_nothing(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "page")
    with pytest.raises(ZeroDivisionError), db.begin() as tx:
        assert len(take(tx)) == 1
        raise ZeroDivisionError
    with db.begin() as tx:
        [row] = take(tx)
        assert not row.repeat


def test_a_failed_try_comes_back_at_its_time_and_a_held_one_was_no_try(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "reply")
        [row] = take(tx)
        outbox.hold(tx, row.id, NOW + MINUTE)
        assert outbox.next_at(tx) == NOW + MINUTE
        [row] = take(tx, NOW + MINUTE)
        assert (row.attempts, row.repeat) == (0, False)
        outbox.retry(tx, row.id, NOW + HOUR, "NotSent", repeat=False)
        assert take(tx, NOW + MINUTE) == []
        [row] = take(tx, NOW + HOUR)
        assert (row.attempts, row.repeat) == (1, False)
        outbox.retry(tx, row.id, NOW + HOUR, "MaybeSent", repeat=True)
        [row] = take(tx, NOW + HOUR)
        assert (row.attempts, row.repeat) == (2, True)
        outbox.retry(tx, row.id, NOW + HOUR, "NotSent", repeat=False)
        [row] = take(tx, NOW + HOUR)
        assert row.repeat  # once it may have arrived, that stays so


@pytest.mark.parametrize("end", ["dead", "unknown"])
def test_dead_and_unknown_never_leave_again(db: Database, end: str) -> None:
    with db.begin() as tx:
        put(tx, "reply")
        [row] = take(tx)
        if end == "dead":
            outbox.dead(tx, row.id, NOW, "blocked")
        else:
            outbox.unknown(tx, row.id, NOW)
        assert statuses(tx) == {"reply": end}
        assert take(tx, NOW + 24 * HOUR) == []
        assert outbox.next_at(tx) is None


def test_a_sender_past_its_lease_brings_back_nothing_that_its_successor_has_sent(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "page")
        [stopped] = take(tx)
        [successor] = take(tx, LAPSED)
        outbox.sent(tx, successor.id, LAPSED, 100)
        outbox.retry(tx, stopped.id, LAPSED, "TimedOut", repeat=True)
        outbox.hold(tx, stopped.id, LAPSED)
        outbox.dead(tx, stopped.id, LAPSED, "blocked")
        outbox.unknown(tx, stopped.id, LAPSED)
        assert statuses(tx) == {"page": "sent"}


def test_an_edit_goes_to_the_tapped_message_or_the_newest_one_of_its_bubble(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "question", bubble="morning:1")
        [row] = take(tx)
        assert row.message_id is None
        outbox.sent(tx, row.id, NOW, 100)
        put(tx, "elsewhere", 12, bubble="morning:1")
        [row] = take(tx)
        outbox.sent(tx, row.id, NOW, 999)
        put(tx, "second", bubble="morning:1", edit=True)
        [row] = take(tx)
        assert row.message_id == 100
        outbox.sent(tx, row.id, NOW, 101)  # 100 was gone, so it was sent anew
        put(tx, "third", bubble="morning:1", edit=True)
        [row] = take(tx)
        assert row.message_id == 101
        outbox.sent(tx, row.id, NOW, 101)
        put(tx, "tapped", bubble="morning:1", edit=True, message_id=77)
        put(tx, "never sent", 12, bubble="evening:1", edit=True)
        assert [row.message_id for row in take(tx)] == [77, None]


def test_a_newer_edit_voids_unsent_older_ones_of_its_bubble_and_nothing_else(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "question", bubble="b")
        put(tx, "old", bubble="b", edit=True)
        put(tx, "other bubble", bubble="c", edit=True)
        put(tx, "other chat", 12, bubble="b", edit=True)
        put(tx, "new", bubble="b", edit=True)
        assert statuses(tx) == {
            "question": "pending", "old": "superseded", "other bubble": "pending", "other chat": "pending",
            "new": "pending",
        }  # fmt: skip


def test_an_edit_voids_its_own_message_where_that_would_leave_after_it(db: Database) -> None:
    with db.begin() as tx:
        put(tx, "prompt", bubble="b", lane=Lane.PROMPT)
        put(tx, "edit", bubble="b", edit=True)
        assert texts(take(tx)) == ["edit"]
        assert statuses(tx) == {"prompt": "superseded", "edit": "leased"}


@pytest.mark.parametrize("how", ["retry", "crash"])
def test_an_edit_that_failed_does_not_come_back_over_a_newer_one(db: Database, how: str) -> None:
    with db.begin() as tx:
        put(tx, "old", bubble="b", edit=True)
        [row] = take(tx)
        put(tx, "new", bubble="b", edit=True)
        if how == "retry":
            outbox.retry(tx, row.id, NOW + MINUTE, "TimedOut", repeat=True)
        assert texts(take(tx, LAPSED)) == ["new"]
        assert statuses(tx) == {"old": "superseded", "new": "leased"}


def test_an_ack_silences_unsent_pages_but_not_what_the_athlete_must_read(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True)
        journal.save_escalation(tx, worry(ann), "test")
        put(tx, "on its way", 22, short="K7Q2M", to=kim.id)
        take(tx)
        put(tx, "page", 21, short="K7Q2M", to=kim.id)
        put(tx, "number to call", 11, short="K7Q2M", to=ann.id)
        put(tx, "other page", 23, short="OTHER", to=kim.id)
        assert outbox.silence(tx, []) == 0
        assert outbox.silence(tx, ["K7Q2M"]) == 1
        assert statuses(tx) == {
            "on its way": "leased", "page": "silenced", "number to call": "pending", "other page": "pending",
        }  # fmt: skip


def test_an_acks_own_messages_are_not_silenced_by_it(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        kim = join(tx, "Kim", 21, coaches=True)
        put(tx, "page", 21, short="K7Q2M", to=kim.id)
        message = Message(kim.id, "coach.taken", short="K7Q2M")
        outcome = Outcome(messages=(message,), silenced=("K7Q2M",))
        outcomes.save(tx, snapshot(kim), outcome, [(message, {"text": "yours"})], "test", NOW)
        assert statuses(tx) == {"page": "silenced", "yours": "pending"}


def test_a_reply_reaches_the_athlete_of_whom_the_message_spoke(db: Database, ann: Person) -> None:
    with db.begin() as tx:
        put(tx, "page", 21, about=ann.id)
        [row] = take(tx)
        outbox.sent(tx, row.id, NOW, 500)
        assert outbox.owner_of_reply(tx, 21, 500) == ann.id
        assert outbox.owner_of_reply(tx, 22, 500) is None
        assert outbox.owner_of_reply(tx, 21, 501) is None


def test_a_group_that_moved_gets_what_was_not_sent_at_its_new_address(db: Database) -> None:
    big = -1_002_003_004_005
    with db.begin() as tx:
        put(tx, "sent", -5)
        [row] = take(tx)
        outbox.sent(tx, row.id, NOW, 1)
        put(tx, "on its way", -5)
        [row] = take(tx)
        put(tx, "waiting", -5)
        assert outbox.migrate_chat(tx, -5, big) == 2
        outbox.retry(tx, row.id, NOW, "migrated", repeat=False)
        [row] = take(tx)
        assert (row.payload["text"], row.chat_id) == ("on its way", big)


def test_two_senders_never_hold_the_same_message(db: Database) -> None:
    if db.is_sqlite:
        pytest.skip("on SQLite there is no second sender inside a transaction")
    with db.begin() as tx:
        put(tx, "one", 1)
        put(tx, "two", 2)
    with db.begin() as one, db.begin() as two:
        assert texts(take(one, limit=1)) == ["one"]
        assert texts(take(two)) == ["two"]


def test_only_one_holds_a_lease_until_it_runs_out_or_is_given_back(db: Database) -> None:
    with db.begin() as tx:
        assert lease.hold(tx, "sender", "a", NOW, 15)
        assert lease.hold(tx, "sender", "a", NOW + timedelta(seconds=10), 15)
        assert not lease.hold(tx, "sender", "b", NOW + timedelta(seconds=24), 15)
        assert lease.hold(tx, "other", "b", NOW, 15)
        assert lease.hold(tx, "sender", "b", NOW + timedelta(seconds=25), 15)
        assert not lease.hold(tx, "sender", "a", NOW + timedelta(seconds=26), 15)
        lease.release(tx, "sender", "a")  # not a's any more
        assert not lease.hold(tx, "sender", "a", NOW + timedelta(seconds=26), 15)
        lease.release(tx, "sender", "b")
        assert lease.hold(tx, "sender", "a", NOW + timedelta(seconds=26), 15)
