"""Telegram calls us: nothing from others is stored, and nothing is confirmed before it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO

import aiohttp
import pytest
import sqlalchemy as sa

from bot.web import SECRET_HEADER
from storage import inbox, schema
from storage.inbox import Incoming
from tests.world import Someone, World


async def _post(world: World, body: bytes | str | BytesIO, *, secret: str | None = None, method: str = "POST") -> int:
    hook = world.api.updates.webhook
    assert hook is not None
    headers = {"Content-Type": "application/json"}
    if secret != "":
        headers[SECRET_HEADER] = hook.secret if secret is None else secret
    async with aiohttp.ClientSession() as http, http.request(method, hook.url, data=body, headers=headers) as answer:
        return answer.status


def _update(someone: Someone, text: str, id: int = 900_000_000) -> str:
    person = {"id": someone.chat_id, "is_bot": False, "first_name": someone.name}
    chat = {"id": someone.chat_id, "type": "private", "first_name": someone.name}
    message = {"message_id": 4000, "date": 1, "from": person, "chat": chat, "text": text}
    return json.dumps({"update_id": id, "message": message})


async def test_a_whole_day_by_webhook(webhook_world: World) -> None:
    world = webhook_world
    kim = await world.stage.coach("Kim")
    ann = await world.stage.athlete("Ann", kim)
    await world.fast_forward_to("07:00")
    ann.taps("Something hurts")
    await world.settle()
    for label in ("Shin", "3", "No", "3", "3", "3", "3", "3"):
        ann.taps(label)
        await world.settle()
    ann.sees("No running until")
    kim.sees("Ann · today")
    kim.taps("I have it")
    await world.settle()
    ann.sees("Kim has your words")
    assert world.api.calls["getUpdates"] == 0


@pytest.mark.parametrize("secret", ["", "wrong", "sandbox-secre", "sandbox-secret-", "ſandbox-secret"])
async def test_who_does_not_know_the_secret_stores_nothing(webhook_world: World, secret: str) -> None:
    world = webhook_world
    ann = await world.athlete("Ann", await world.coach("Kim"))
    before = world.count()
    assert await _post(world, _update(ann, "chest pain"), secret=secret) == 403
    assert await _post(world, _update(ann, "chest pain"), method="GET") == 405
    await world.settle()
    assert world.count() == before


async def test_it_is_confirmed_only_once_it_is_stored_and_handled_only_once(
    webhook_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = webhook_world
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    world.announce("webhook.not_stored error=OperationalError")
    real, failures = inbox.accept, 3

    def full_disk(tx: sa.Connection, rows: Sequence[Incoming], now: datetime) -> int:
        nonlocal failures
        added = real(tx, rows, now)  # written, but then not committed
        if failures:
            failures -= 1
            raise sa.exc.OperationalError("INSERT", None, Exception("disk I/O error"))
        return added

    monkeypatch.setattr(inbox, "accept", full_disk)
    await ann.says("chest pain")
    tries = [status for _, status in world.api.updates.posts]
    assert tries[-4:] == [503, 503, 503, 200]
    assert len(kim.got("Ann · NOW")) == 1
    await kim.taps("I have it")


async def test_a_body_over_the_limit_is_refused_and_not_stored(webhook_world: World) -> None:
    world = webhook_world
    before = world.count()
    assert await _post(world, BytesIO(b" " * (2 << 20))) == 413
    assert world.count() == before


@pytest.mark.parametrize(
    "body",
    [
        "[" * 10_000 + "]" * 10_000,
        "garbage, but from Telegram",
        '{"update_id": 1e400, "message": NaN}',
        '{"update_id": 5, "update_id": 6}',
        '"a string"',
        "\x00\ud800".encode("utf-8", "surrogatepass"),
        "",
    ],
    ids=["deep", "garbage", "numbers", "double", "string", "bytes", "empty"],
)
async def test_garbage_with_the_right_secret_is_a_dead_letter_that_a_human_sees(
    webhook_world: World, body: str | bytes
) -> None:
    world = webhook_world
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    world.announce("handle.failed")
    world.expect("inbox dead")
    assert await _post(world, body) == 200
    await world.settle()
    kim.sees("A message that I could not read")
    await ann.says("/checkin")
    ann.sees("How did you sleep?")
    assert len(world.rows(schema.inbox, status="dead")) == 1


async def test_the_same_call_twice_has_one_effect(webhook_world: World) -> None:
    world = webhook_world
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    for _ in range(3):
        assert await _post(world, _update(ann, "chest pain")) == 200
    await world.settle()
    assert len(kim.got("Ann · NOW")) == 1
    await kim.taps("I have it")


async def test_a_crash_before_the_answer_brings_the_update_again(webhook_world: World) -> None:
    world = webhook_world
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    ann.phone.says("chest pain")
    await world.crash_and_restart()
    assert len(kim.got("Ann · NOW")) == 1
    await kim.taps("I have it")
