"""Sending: pages first, within the limits, never twice what may be read once, never lost what must be heard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.config import Limits
from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.limits import Limits as StrictLimits
from bot.sandbox.phone import Phone
from bot.sandbox.server import serve
from bot.send import Courier, Pace
from bot.telegram import Api, Wire
from dialogs.model import Attachment, Lane, Message, Person
from storage import codec, lease, outbox, people, rights, topics
from storage.db import Database, open_db
from storage.outbox import Leased
from storage.schema import metadata, person
from storage.schema import outbox as table
from tests.sandbox.wire import TOKEN, Clock, until

ANN, BEN, KIM = 1001, 1002, 2001


@dataclass
class Desk:
    """A courier between a real outbox and the sandbox."""

    db: Database
    box: BotApi
    api: Api
    clock: Clock
    courier: Courier
    unreachable: list[tuple[int, str | None]] = field(default_factory=list)

    def put(self, chat: int, text: str, *, payload: dict[str, Any] | None = None, **fields: Any) -> None:
        message = Message(None, text, chat_id=chat, **fields)
        filled = {"text": text, "repeat_prefix": "REPEAT", **(payload or {})}
        with self.db.begin() as tx:
            who = tx.execute(sa.select(person.c.id).where(person.c.chat_id == chat)).scalar()
            outbox.put(tx, message, filled, to_person=who, chat_id=chat, now=self.clock(), cause="test")

    async def run(self) -> None:
        """Send until there is nothing to do at this instant."""
        async with asyncio.timeout(20):
            while await self.courier.send_some():
                pass

    async def run_for(self, seconds: float, step: float = 1.0) -> None:
        """The same, with the clock going on."""
        await self.run()
        for _ in range(int(seconds / step)):
            self.clock.turn(seconds=step)
            await self.run()

    def read(self, chat: int | None = None) -> list[str]:
        """What arrived, in the order in which Telegram accepted it."""
        return [entry.text for entry in self.box.ledger if chat in (None, entry.chat_id)]

    def states(self) -> list[str]:
        with self.db.begin() as tx:
            return list(tx.execute(sa.select(table.c.status).order_by(table.c.id)).scalars())

    def another(self, owner: str = "two") -> Courier:
        """A second process with the same token."""
        pace = Pace(Limits(), self.clock())
        return replace(self.courier, owner=owner, pace=pace, _on_the_way={}, _came_back=[])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = Clock()
    box = BotApi(token=TOKEN, now=clock)
    box.limits = False
    for id, name in ((ANN, "Ann"), (BEN, "Ben"), (KIM, "Kim")):
        Phone(box, id, name).starts()
    db = open_db(f"sqlite:///{tmp_path / 'outbox.db'}")
    with db.begin() as tx:
        metadata.create_all(tx)
    async with serve(box) as url, Wire(read_s=0.3) as wire:
        desk = Desk(db, box, Api(TOKEN, url, wire), clock, None)  # type: ignore[arg-type]
        desk.courier = Courier(
            db_call=_caller(db),
            api=desk.api,
            pace=Pace(Limits(), clock()),
            clock=clock,
            on_unreachable=lambda tx, row, now: desk.unreachable.append((row.chat_id, row.short)),
            name="sender:123456",
            owner="one",
        )
        yield desk
    db.close()


def _caller(db: Database) -> Callable[[Callable[[sa.Connection], Any]], Any]:
    async def db_call(work: Callable[[sa.Connection], Any]) -> Any:
        def run() -> Any:
            with db.begin() as tx:
                return work(tx)

        return await asyncio.to_thread(run)

    return db_call


# --- arriving -----------------------------------------------------------------------------------------


async def test_what_is_put_arrives_and_is_written_down(desk: Desk) -> None:
    desk.put(ANN, "hello", bubble="morning")
    await desk.run()
    assert (desk.read(), desk.states()) == (["hello"], ["sent"])
    desk.put(ANN, "changed", bubble="morning", edit=True)
    await desk.run()
    assert [(entry.method, entry.text) for entry in desk.box.ledger][-1] == ("editMessageText", "changed")
    assert desk.box.ledger[0].message_id == desk.box.ledger[1].message_id


async def test_pages_leave_first_then_replies_then_prompts_and_each_chat_in_its_order(desk: Desk) -> None:
    for number in range(3):
        desk.put(ANN, f"prompt {number}", lane=Lane.PROMPT)
    desk.put(BEN, "reply", lane=Lane.REPLY)
    desk.put(KIM, "page", lane=Lane.SAFETY)
    desk.courier.concurrency = 5  # one place besides those that only pages may take
    await desk.run()
    assert desk.read() == ["page", "reply", "prompt 0", "prompt 1", "prompt 2"]


async def test_a_page_overtakes_two_hundred_check_ins(desk: Desk) -> None:
    for number in range(200):
        Phone(desk.box, 5000 + number, "A").starts()
        desk.put(5000 + number, "How did you sleep?", lane=Lane.PROMPT, once=True)
    await desk.run()
    first = len(desk.read())
    assert first < 30
    desk.put(KIM, "page", lane=Lane.SAFETY)
    await desk.run()
    assert desk.read().index("page") == first
    await desk.run_for(8, step=0.25)
    assert len(desk.read()) == 201


async def test_a_call_that_hangs_holds_up_nobody_else(desk: Desk) -> None:
    desk.box.faults = [Fault("hang", chat_id=ANN, seconds=0.5)]
    desk.put(ANN, "stuck")
    assert await desk.courier.send_some()
    desk.put(KIM, "page", lane=Lane.SAFETY)
    assert await desk.courier.send_some()
    assert desk.read() == ["page"]
    await desk.run()


async def test_what_is_met_too_late_is_never_sent(desk: Desk) -> None:
    desk.put(ANN, "good morning", expires_at=desk.clock() + timedelta(hours=2))
    desk.clock.turn(hours=2)
    await desk.run()
    assert (desk.read(), desk.states()) == ([], ["expired"])


async def test_quiet_hours_are_those_of_the_moment_of_sending_and_hold_no_page(desk: Desk) -> None:
    join(desk, Person(0, "Ann", chat_id=ANN, zone="Europe/Berlin", quiet_from=time(21, 30), quiet_to=time(6, 30)))
    desk.clock.now = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)  # 22:00 in Berlin
    desk.put(ANN, "nag", quiet=True)
    await desk.run()
    assert desk.read() == []
    desk.put(ANN, "your coach is told", lane=Lane.SAFETY)
    await desk.run()
    desk.clock.now = datetime(2026, 3, 3, 5, 29, tzinfo=UTC)
    await desk.run()
    assert desk.read() == ["your coach is told"]
    desk.clock.now = datetime(2026, 3, 3, 5, 30, tzinfo=UTC)
    await desk.run()
    assert desk.read() == ["your coach is told", "nag"]


def join(desk: Desk, newcomer: Person) -> None:
    with desk.db.begin() as tx:
        tx.execute(sa.insert(person).values(**codec.person_row(newcomer), version=0))


# --- failing ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("once", [True, False])
async def test_what_was_never_sent_is_sent_again_and_read_once(
    desk: Desk, once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = desk.api._address
    monkeypatch.setattr(desk.api, "_address", "http://127.0.0.1:1/bot/")
    desk.put(ANN, "hello", once=once)
    await desk.run_for(10)
    monkeypatch.setattr(desk.api, "_address", address)
    await desk.run_for(60)
    assert (desk.read(), desk.states()) == (["hello"], ["sent"])


@pytest.mark.parametrize(
    "fault",
    [Fault("after"), Fault("hang_after"), Fault(502, accepted=True), Fault(200, body="truncated", accepted=True)],
    ids=lambda fault: str(fault.kind),
)
async def test_after_an_unknown_outcome_a_check_in_is_not_repeated_and_a_page_is_marked_as_repeated(
    desk: Desk, fault: Fault
) -> None:
    fault.times, fault.method, fault.seconds = 2, "sendMessage", 0.4
    desk.box.faults = [fault]
    desk.put(ANN, "How did you sleep?", once=True, lane=Lane.PROMPT)
    desk.put(KIM, "Ann needs you", lane=Lane.SAFETY, short="K7Q2M")
    await desk.run_for(30)
    assert desk.read(ANN) == ["How did you sleep?"]
    assert desk.read(KIM) == ["Ann needs you", "REPEAT\nAnn needs you"]
    assert desk.states() == ["unknown", "sent"]


@pytest.mark.parametrize("failures", [1, 3, 10])
async def test_a_page_comes_again_until_its_arrival_is_known(desk: Desk, failures: int) -> None:
    desk.box.faults = [Fault("after", times=failures, method="sendMessage")]
    desk.put(KIM, "Ann needs you", lane=Lane.SAFETY, short="K7Q2M")
    await desk.run_for(180)
    assert len(desk.read()) == failures + 1
    assert desk.states() == ["sent"]


@pytest.mark.parametrize("status", [401, 404, 409])
async def test_a_token_that_is_refused_for_a_while_loses_nothing(desk: Desk, status: int) -> None:
    desk.box.faults = [Fault(status, times=6)]
    desk.put(ANN, "hello", once=True)
    await desk.run_for(120)
    assert (desk.read(), desk.states()) == (["hello"], ["sent"])


@pytest.mark.parametrize(
    "fault", [Fault(403), Fault(400, description="Bad Request: chat not found")], ids=lambda fault: str(fault.kind)
)
async def test_a_page_that_can_never_arrive_is_handed_on_at_once(desk: Desk, fault: Fault) -> None:
    fault.times, fault.chat_id = -1, KIM
    desk.box.faults = [fault]
    desk.put(KIM, "Ann needs you", lane=Lane.SAFETY, short="K7Q2M")
    desk.put(ANN, "hello")
    await desk.run()
    assert desk.unreachable == [(KIM, "K7Q2M")]
    assert (desk.states(), desk.read()) == (["dead", "sent"], ["hello"])


@pytest.mark.parametrize(
    "description", ["can't parse entities: x", "message is too long", "BUTTON_DATA_INVALID", "something new"]
)
async def test_a_page_refused_for_its_form_arrives_as_plain_text(desk: Desk, description: str) -> None:
    desk.box.faults = [Fault(400, description=f"Bad Request: {description}", times=1)]
    desk.put(KIM, "<b>Ann</b> needs you", lane=Lane.SAFETY, short="K7Q2M")
    await desk.run()
    assert desk.read() == ["Ann needs you"]
    assert desk.states() == ["sent"]


async def test_a_page_far_too_long_arrives_in_pieces(desk: Desk) -> None:
    desk.put(KIM, "pain " * 2000, lane=Lane.SAFETY, short="K7Q2M")
    await desk.run()
    assert sum(text.count("pain") for text in desk.read()) == 2000


async def test_a_page_with_a_payload_we_cannot_read_still_arrives(desk: Desk) -> None:
    desk.put(KIM, "Ann needs you", lane=Lane.SAFETY, short="K7Q2M", payload={"buttons": [[{"label": 1}]]})
    await desk.run()
    assert desk.read() == ["Ann needs you"]


async def test_any_other_message_refused_for_its_form_is_dead_and_logged_without_its_words(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    desk.put(ANN, "my left knee " * 500)
    await desk.run()
    assert (desk.states(), desk.unreachable) == (["dead"], [])
    assert "too_long" in caplog.text and "knee" not in caplog.text


async def test_a_picture_is_drawn_of_its_facts_when_it_leaves(desk: Desk) -> None:
    columns = [{"day": 1, "month": 6, "weekday": 0}]
    rows = [{"name": "Ann", "cells": [{"state": "low", "pain": None}]}]
    picture = {"name": "roster", "facts": {"columns": columns, "rows": rows, "first": 1, "of": 1}}
    desk.put(ANN, "all of them", payload={"text": "all of them", "picture": picture})
    await desk.run()
    assert desk.read(ANN) == ["all of them"] and desk.states() == ["sent"]
    assert [one.method for one in desk.box.ledger] == ["sendPhoto"]


async def test_a_picture_that_cannot_be_drawn_leaves_as_its_words(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.put(ANN, "all of them", payload={"text": "all of them", "picture": {"name": "roster", "facts": {}}})
    await desk.run()
    assert desk.read(ANN) == ["all of them"]
    assert "send.not_drawn error=UndefinedError" in caplog.text


async def test_a_group_that_has_moved_is_followed(desk: Desk) -> None:
    group = desk.box.group_created(ANN, "Squad")
    new = desk.box.group_migrates(ANN, group)
    desk.put(group, "hello")
    await desk.run()
    assert (desk.read(new), desk.states()) == (["hello"], ["sent"])


async def test_results_survive_a_database_that_fails_to_write_them_down(desk: Desk) -> None:
    desk.put(ANN, "hello")
    works, calls = desk.courier.db_call, 0

    async def failing(work: Callable[[sa.Connection], Any]) -> Any:
        nonlocal calls
        calls += 1
        if calls in (2, 3):
            raise OSError("disk full")
        return await works(work)

    desk.courier.db_call = failing
    await desk.courier.send_some()
    for _ in range(2):
        with pytest.raises(OSError, match="disk full"):
            await desk.courier.send_some()
    await desk.run()
    assert (desk.read(), desk.states()) == (["hello"], ["sent"])


# --- limits -------------------------------------------------------------------------------------------


async def test_a_429_for_one_chat_quiets_that_chat_alone_for_the_time_named(desk: Desk) -> None:
    desk.box.faults = [Fault(429, chat_id=ANN, seconds=60)]
    desk.put(ANN, "one", once=True)
    desk.put(BEN, "two", lane=Lane.PROMPT)
    await desk.run_for(59)
    assert desk.read() == ["two"]
    await desk.run_for(2)
    assert desk.read() == ["two", "one"]


async def test_a_429_for_the_token_quiets_the_lower_lanes_and_not_the_pages(desk: Desk) -> None:
    desk.box.faults = [Fault(429, times=2, seconds=30)]
    desk.put(ANN, "one")
    desk.put(BEN, "two")
    await desk.run()
    Phone(desk.box, 3001, "Dana").starts()
    desk.put(3001, "three", lane=Lane.PROMPT)
    desk.put(KIM, "page", lane=Lane.SAFETY)
    await desk.run_for(28)
    assert desk.read() == ["page"]
    await desk.run_for(4)
    assert sorted(desk.read()) == ["one", "page", "three", "two"]


async def test_a_person_gets_three_at_once_and_then_one_a_second(desk: Desk) -> None:
    for number in range(6):
        desk.put(ANN, str(number))
    await desk.run()
    assert desk.read() == ["0", "1", "2"]
    assert desk.courier.next_at() == desk.clock() + timedelta(seconds=1)
    await desk.run_for(1)
    assert desk.read() == ["0", "1", "2", "3"]
    await desk.run_for(2)
    assert len(desk.read()) == 6


async def test_a_group_gets_at_most_twenty_in_any_minute(desk: Desk) -> None:
    group = desk.box.group_created(ANN, "Squad")
    for number in range(40):
        desk.put(group, str(number))
    await desk.run()
    assert len(desk.read()) == 5
    await desk.run_for(60, step=3)
    assert len(desk.read()) == 20, "the five at once are taken off what comes after them"
    await desk.run_for(60, step=3)
    assert len(desk.read()) == 35


async def test_the_sandbox_as_strict_as_telegram_never_has_to_say_429(desk: Desk) -> None:
    start = desk.clock()
    desk.box.limits = StrictLimits(pace=lambda: (desk.clock() - start).total_seconds())
    for number in range(60):
        Phone(desk.box, 5000 + number % 20, "A").starts()
        desk.put(5000 + number % 20, str(number), lane=Lane.PROMPT)
    await desk.run_for(6, step=0.25)
    assert len(desk.read()) == 60
    assert desk.box.calls["sendMessage"] == 60


def test_a_clock_that_goes_backwards_does_not_stall_the_sending() -> None:
    now = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
    pace = Pace(Limits(), now)
    for _ in range(60):
        pace.take(_row(ANN), now)
    pace.flooded(BEN, 60, now)
    assert pace.room(now) == (0, 0)
    before = now - timedelta(days=365)
    assert pace.room(before) == (0, 0)
    assert set(pace.resting(before)) == {ANN, BEN}
    later = before + timedelta(seconds=65)
    everything, lower = pace.room(later)
    assert everything > 0 and lower > 0
    assert pace.resting(later) == []


def _row(chat: int) -> Leased:
    now = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
    values: dict[str, Any] = dict.fromkeys(Leased.__dataclass_fields__)
    return Leased(**{**values, "id": 1, "chat_id": chat, "lane": Lane.REPLY, "payload": {}, "lease_until": now})


# --- one sender ---------------------------------------------------------------------------------------


async def test_of_two_processes_one_sends_and_the_other_takes_over_when_it_is_gone(desk: Desk) -> None:
    other = desk.another()
    desk.put(ANN, "one")
    await desk.run()
    desk.put(ANN, "two")
    assert not await other.send_some()
    desk.clock.turn(seconds=16)
    assert await other.send_some()
    desk.put(BEN, "three")
    assert not await desk.courier.send_some()
    await other.drain(1)
    await desk.run()
    assert desk.read() == ["one", "two", "three"]


async def test_a_sender_that_was_stopped_past_its_lease_does_not_send(desk: Desk) -> None:
    desk.put(ANN, "hello", once=True)
    works = desk.courier.db_call

    async def stopped_after(work: Callable[[sa.Connection], Any]) -> Any:
        result = await works(work)
        if result:
            desk.clock.turn(minutes=5)  # SIGSTOP, and much later SIGCONT
        return result

    desk.courier.db_call = stopped_after
    await desk.courier.send_some()
    assert desk.read() == []
    desk.courier.db_call = works
    await desk.run()
    assert (desk.read(), desk.states()) == (["hello"], ["sent"])


async def test_a_stop_waits_for_what_is_on_the_way_and_lets_another_send(desk: Desk) -> None:
    gate = desk.box.hold["sendMessage"] = asyncio.Event()
    desk.put(ANN, "hello", once=True)
    await desk.courier.send_some()
    await until(lambda: desk.read())
    stopping = asyncio.create_task(desk.courier.drain(5))
    gate.set()
    await stopping
    assert desk.states() == ["sent"]
    with desk.db.begin() as tx:
        assert lease.hold(tx, "sender:123456", "two", desk.clock(), 15)


def for_a_topic(desk: Desk, group: int) -> int:
    """A message about Ann is put for her topic in the group of Kim, her coach; Ann's number."""
    with desk.db.begin() as tx:
        kim = people.join(tx, Person(0, "Kim", KIM, KIM, coaches=True))
        ann = people.join(tx, Person(0, "Ann", ANN, ANN, runs=True, coach_id=kim))
        message = Message(kim, "x", about=ann)
        outbox.put(
            tx,
            message,
            {"text": "new shoes", topics.OF: ann},
            to_person=kim,
            chat_id=group,
            now=desk.clock(),
            cause="t",
        )
    return ann


@pytest.mark.parametrize("description", ["Bad Request: chat not found", "Bad Request: message thread not found"])
async def test_who_is_erased_while_a_message_for_their_topic_is_on_its_way_stops_nobody(
    desk: Desk, description: str
) -> None:
    ann = for_a_topic(desk, -1009)
    desk.box.faults.append(Fault(400, "createForumTopic", description=description))
    await desk.courier.send_some()
    assert desk.courier.busy, "it has come back, and is written down with the next round"
    with desk.db.begin() as tx:
        rights.erase(tx, ann, "R1", desk.clock())
    desk.put(BEN, "hello")
    await desk.run()
    assert desk.read() == ["hello"] and desk.states() == ["sent"] and not desk.courier.busy


async def test_for_who_is_erased_no_topic_is_made(desk: Desk) -> None:
    """Their row was leased in the instant before: if it is there still, it is for the coach alone."""
    ann = for_a_topic(desk, -1009)
    with desk.db.begin() as tx:
        people.change_all(tx, [Person(ann, "", reachable=False)])
    await desk.run()
    assert [call.chat_id for call in desk.box.ledger] == [KIM] and desk.read() == ["new shoes"]
    assert desk.states() == ["sent"] and desk.unreachable == [] and desk.box.calls["createForumTopic"] == 0


async def test_an_athletes_voice_note_travels_with_the_page(desk: Desk) -> None:
    ann = Phone(desk.box, ANN, "Ann")
    ann.sends_voice()
    attach = Attachment(ANN, ann.screen()[-1].message_id)
    payload = {"attach": {"from_chat": attach.from_chat, "message_id": attach.message_id}}
    desk.put(KIM, "Ann sent a voice note", lane=Lane.SAFETY, payload=payload)
    await desk.run()
    assert [entry.method for entry in desk.box.ledger] == ["sendMessage", "copyMessage"]
