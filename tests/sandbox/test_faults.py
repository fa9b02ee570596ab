"""Faults to switch on, the points where a test can stop a call, and the ledger by which tests judge."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.phone import Phone
from bot.sandbox.server import serve
from bot.sandbox.state import Button, Delivered
from tests.sandbox.wire import TOKEN, Body, Clock, Wire, until


async def send(wire: Wire, text: str = "x") -> Body:
    return await wire.call("sendMessage", chat_id=1001, text=text)


async def test_a_reset_before_acceptance_delivers_nothing(wire: Wire, api: BotApi, ann: Phone) -> None:
    api.faults = [Fault("before", times=2)]
    for _ in range(2):
        with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
            await send(wire)
    assert not api.ledger
    assert (await send(wire))["ok"]


async def test_a_reset_after_acceptance_has_delivered(wire: Wire, api: BotApi, ann: Phone) -> None:
    api.faults = [Fault("after", method="sendMessage")]
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await send(wire, "chest pain")
    ann.sees("chest pain")
    assert [entry.text for entry in api.ledger] == ["chest pain"]


@pytest.mark.parametrize(("kind", "delivered"), [("hang", 0), ("hang_after", 1)])
async def test_a_hang_answers_never(wire: Wire, api: BotApi, ann: Phone, kind: str, delivered: int) -> None:
    api.faults = [Fault(kind, seconds=600)]
    call = asyncio.create_task(send(wire))
    await until(lambda: api.faults[0].times == 0 and len(api.ledger) == delivered)
    await asyncio.sleep(0.01)
    assert not call.done()
    assert len(api.ledger) == delivered
    call.cancel()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 502, 503, 504])
async def test_a_status_is_answered_in_telegrams_shape_and_nothing_is_delivered(
    wire: Wire, api: BotApi, ann: Phone, status: int
) -> None:
    api.faults = [Fault(status)]
    body = await send(wire)
    assert (body["ok"], body["error_code"]) == (False, status)
    assert not api.ledger


async def test_a_429_names_the_seconds(wire: Wire, api: BotApi, ann: Phone) -> None:
    api.faults = [Fault(429, seconds=60)]
    assert (await send(wire))["parameters"] == {"retry_after": 60}


@pytest.mark.parametrize(("shape", "start"), [("html", b"<html>"), ("truncated", b'{"ok"'), ("empty", b"")])
async def test_an_answer_may_be_no_json_at_all(
    wire: Wire, url: str, api: BotApi, ann: Phone, shape: str, start: bytes
) -> None:
    api.faults = [Fault(502, body=shape)]
    async with wire.session.get(f"{url}/bot{TOKEN}/getMe") as response:
        body = await response.read()
    assert response.status == 502
    assert body.startswith(start) and not body.endswith(b"}") and bool(body) == bool(start)


async def test_a_status_may_lie_about_what_was_accepted(wire: Wire, api: BotApi, ann: Phone) -> None:
    api.faults = [Fault(502, accepted=True)]
    assert not (await send(wire))["ok"]
    assert len(api.ledger) == 1


async def test_a_fault_hits_only_its_method_and_chat(wire: Wire, api: BotApi, ann: Phone) -> None:
    Phone(api, 1002, "Ben").starts()
    api.faults = [Fault(500, method="sendMessage", chat_id=1002, times=-1)]
    assert (await send(wire))["ok"]
    assert (await wire.call("getMe"))["ok"]
    for _ in range(3):
        assert not (await wire.call("sendMessage", chat_id=1002, text="x"))["ok"]


async def test_a_fault_switched_on_during_a_long_poll_hits_it(wire: Wire, api: BotApi, ann: Phone) -> None:
    poll = asyncio.create_task(wire.call("getUpdates", timeout=30))
    await until(lambda: api.updates._poll is not None)
    api.faults = [Fault(401, method="getUpdates")]
    ann.says("hello")
    assert (await poll)["error_code"] == 401
    assert (await wire.ok("getUpdates"))[0]["message"]["text"] == "hello"


async def test_a_test_can_act_between_acceptance_and_answer(wire: Wire, api: BotApi, ann: Phone) -> None:
    seen: list[tuple[str, object]] = []

    async def accepted(delivered: Delivered) -> None:
        await asyncio.sleep(0)
        seen.append(("accepted", delivered.text))

    api.on_accept = accepted
    api.on_poll = lambda offset, updates: seen.append(("polled", (offset, len(updates))))
    api.on_call = lambda method, given: seen.append(("called", method))
    api.hold["sendMessage"] = asyncio.Event()
    call = asyncio.create_task(send(wire, "held"))
    await ann.will_see("held")
    assert not call.done()
    api.hold["sendMessage"].set()
    assert (await call)["ok"]
    ann.says("x")
    await wire.ok("getUpdates", offset=5)
    assert seen == [
        ("called", "sendMessage"),
        ("accepted", "held"),
        ("called", "getUpdates"),
        ("polled", (5, 1)),
    ]


async def test_the_ledger_tells_what_was_accepted(wire: Wire, api: BotApi, clock: Clock, ann: Phone) -> None:
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}, {"text": "Help", "url": "https://x.org"}]]}
    sent = await wire.ok("sendMessage", chat_id=1001, text="<b>Fit?</b>", parse_mode="HTML", reply_markup=markup)
    clock.turn(minutes=5)
    await wire.ok("editMessageText", chat_id=1001, message_id=sent["message_id"], text="Fit!")
    asked, edited = api.ledger
    assert (asked.method, asked.chat_id, asked.text, asked.html) == (
        "sendMessage",
        1001,
        "Fit?",
        "<b>Fit?</b>",
    )
    assert asked.buttons == ((Button("Yes", data="y"), Button("Help", url="https://x.org")),)
    assert (edited.at, edited.edited, edited.text, edited.buttons) == (clock.now, True, "Fit!", ())
    assert edited.message_id == asked.message_id
    assert asked.params["parse_mode"] == "HTML"


async def test_the_server_ends_at_once_although_a_poll_and_a_hang_wait(api: BotApi, ann: Phone) -> None:
    async with aiohttp.ClientSession() as session:
        async with serve(api) as base:
            api.faults = [Fault("hang", method="getMe", seconds=600)]
            waiting = [
                asyncio.ensure_future(session.get(f"{base}/bot{TOKEN}/{call}"))
                for call in ("getMe", "getUpdates?timeout=50")
            ]
            await until(lambda: api.updates._poll is not None and api.calls["getMe"] > 0)
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, aiohttp.ClientError) for result in results)
