"""How updates reach the bot: what is kept, delivered again, dropped, and in which order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from bot.sandbox.botapi import BotApi
from bot.sandbox.delivery import SECRET_HEADER
from bot.sandbox.phone import Phone
from tests.sandbox.wire import Body, Clock, Wire, until

OTHER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"


async def texts(wire: Wire, **params: object) -> list[str]:
    return [update["message"]["text"] for update in await wire.ok("getUpdates", **params)]


async def test_an_update_comes_again_until_a_higher_offset_confirms_it(wire: Wire, ann: Phone) -> None:
    for word in ("one", "two", "three"):
        ann.says(word)
    first = (await wire.ok("getUpdates", limit=2))[0]["update_id"]
    assert await texts(wire) == ["one", "two", "three"]
    assert await texts(wire, offset=first + 1) == ["two", "three"]
    assert await texts(wire) == ["two", "three"]


async def test_a_negative_offset_forgets_all_but_the_last(wire: Wire, ann: Phone) -> None:
    for word in ("one", "two", "three"):
        ann.says(word)
    assert await texts(wire, offset=-2) == ["two", "three"]
    assert await texts(wire) == ["two", "three"]


async def test_an_offset_from_before_a_renumbering_confirms_nothing(wire: Wire, api: BotApi, ann: Phone) -> None:
    api.updates.next_id = 5
    ann.says("after an idle week")
    assert await texts(wire, offset=700_000_000) == ["after an idle week"]
    assert await texts(wire, offset=6) == []


async def test_a_message_waits_24_hours_and_a_tap_150_seconds(
    wire: Wire, api: BotApi, clock: Clock, ann: Phone
) -> None:
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    await wire.ok("sendMessage", chat_id=ann.user_id, text="a", reply_markup=markup)
    ann.says("hello")
    ann.taps("Yes")
    clock.turn(seconds=149)
    assert len(await wire.ok("getUpdates")) == 2
    clock.turn(seconds=2)
    assert len(await wire.ok("getUpdates")) == 1
    clock.turn(hours=24)
    assert await wire.ok("getUpdates") == []


async def test_an_update_over_64_kib_is_dropped(wire: Wire, api: BotApi, ann: Phone) -> None:
    api.user_sends(ann.user_id, "contact", first_name="A", vcard="x" * (1 << 16))
    assert await wire.ok("getUpdates") == []
    assert len(api.updates.dropped) == 1


async def test_only_wanted_kinds_are_queued_and_the_wish_sticks(wire: Wire, api: BotApi, ann: Phone) -> None:
    await wire.ok("getUpdates", allowed_updates=["message"])
    ann.says("hello")
    ann.edits("hello", "hello!")
    assert await texts(wire) == ["hello"]
    ann.edits("hello", "hello!!")
    assert len(await wire.ok("getUpdates", allowed_updates=[])) == 1
    ann.edits("hello", "hello!!!")
    assert len(await wire.ok("getUpdates")) == 2


async def test_a_long_poll_wakes_with_the_message(wire: Wire, ann: Phone) -> None:
    poll = asyncio.create_task(wire.ok("getUpdates", timeout=30))
    await until(lambda: wire_waits(ann.api))
    ann.says("hello")
    assert (await poll)[0]["message"]["text"] == "hello"


async def test_a_second_poll_ends_the_first_with_409(wire: Wire, api: BotApi, ann: Phone) -> None:
    first = asyncio.create_task(wire.error("getUpdates", timeout=30))
    await until(lambda: wire_waits(api))
    assert await wire.ok("getUpdates", timeout=0) == []
    assert await first == (409, OTHER)


async def test_polling_and_a_webhook_exclude_each_other(wire: Wire, api: BotApi) -> None:
    poll = asyncio.create_task(wire.error("getUpdates", timeout=30))
    await until(lambda: wire_waits(api))
    await wire.ok("setWebhook", url="http://127.0.0.1:1/x")
    assert await poll == (409, "Conflict: terminated by setWebhook request")
    code, words = await wire.error("getUpdates")
    assert code == 409
    assert str(words).startswith("Conflict: can't use getUpdates method while webhook is active; use deleteWebhook")
    await wire.ok("deleteWebhook")
    assert await wire.ok("getUpdates") == []


async def test_anything_can_be_queued_even_garbage(wire: Wire, api: BotApi) -> None:
    api.raw_update({"update_id": 3, "message": {"text": ["not", "a", "text"]}})
    api.raw_update({"mystery": None})
    assert [update["update_id"] for update in await wire.ok("getUpdates")] == [3, 700_000_001]


def wire_waits(api: BotApi) -> bool:
    return api.updates._poll is not None


# --- webhook -------------------------------------------------------------------------------------------


class Hook:
    """A webhook endpoint that answers as told: statuses are used up one by one, then 200."""

    def __init__(self) -> None:
        self.got: list[Body] = []
        self.secrets: list[str | None] = []
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.pause: Callable[[Body], Awaitable[None]] | None = None
        self.url = ""

    async def __call__(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.pause:
            await self.pause(body)
        self.got.append(body)
        self.secrets.append(request.headers.get(SECRET_HEADER))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, headers=self.headers if status != 200 else {})

    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.got]


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = web.Application()
    app.router.add_post("/hook", hook.__call__)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield hook
    await runner.cleanup()


async def drained(api: BotApi) -> None:
    await until(lambda: not api.updates.pending)


async def test_a_webhook_gets_what_was_pending_with_the_secret(wire: Wire, api: BotApi, hook: Hook, ann: Phone) -> None:
    ann.says("before")
    await wire.ok("setWebhook", url=hook.url, secret_token="open-sesame_1")
    ann.says("after")
    await drained(api)
    assert hook.texts() == ["before", "after"]
    assert hook.secrets == ["open-sesame_1"] * 2


async def test_a_failed_webhook_is_tried_again_in_order_and_the_fault_is_told(
    wire: Wire, api: BotApi, hook: Hook, clock: Clock, ann: Phone
) -> None:
    api.updates.backoff = 0.0001
    await wire.ok("setWebhook", url=hook.url)
    hook.statuses = [500, 503, 502]
    ann.says("one")
    ann.says("two")
    await drained(api)
    assert hook.texts() == ["one", "one", "one", "one", "two"]
    info = await wire.ok("getWebhookInfo")
    assert info["last_error_message"] == "Wrong response from the webhook: 502 Bad Gateway"
    assert info["last_error_date"] == int(clock.now.timestamp())
    assert info["pending_update_count"] == 0


async def test_the_waits_between_tries_double_up_to_a_minute(
    wire: Wire, api: BotApi, hook: Hook, ann: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    await wire.ok("setWebhook", url=hook.url)
    hook.statuses = [500] * 9
    monkeypatch.setattr("bot.sandbox.delivery._pause", note)
    ann.says("one")
    await until(lambda: len(hook.got) >= 10)
    assert waits == [0, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_retry_after_is_honoured(
    wire: Wire, api: BotApi, hook: Hook, ann: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def note(seconds: float) -> None:
        waits.append(seconds)

    await wire.ok("setWebhook", url=hook.url)
    hook.statuses, hook.headers = [503], {"Retry-After": "7"}
    monkeypatch.setattr("bot.sandbox.delivery._pause", note)
    ann.says("one")
    await drained(api)
    assert waits == [7]


async def test_a_stuck_chat_holds_up_only_itself_and_a_tap_may_overtake(
    wire: Wire, api: BotApi, hook: Hook, ann: Phone
) -> None:
    ben = Phone(api, 1002, "Ben")
    markup = {"inline_keyboard": [[{"text": "Yes", "callback_data": "y"}]]}
    await wire.ok("sendMessage", chat_id=ann.user_id, text="a", reply_markup=markup)
    gate = asyncio.Event()

    async def stuck(update: Body) -> None:
        if update.get("message", {}).get("from", {}).get("id") == ann.user_id:
            await gate.wait()

    hook.pause = stuck
    await wire.ok("setWebhook", url=hook.url)
    ann.says("stuck")
    ann.taps("Yes")
    ben.says("through")
    await until(lambda: len(api.updates.pending) == 1)
    assert {next(key for key in update if key != "update_id") for update in hook.got} == {
        "message",
        "callback_query",
    }
    gate.set()
    await drained(api)


async def test_an_unreachable_webhook_loses_nothing(wire: Wire, api: BotApi, ann: Phone) -> None:
    await wire.ok("setWebhook", url="http://127.0.0.1:9/hook")
    ann.says("hello")
    await until(lambda: api.updates.last_error is not None)
    info = await wire.ok("getWebhookInfo")
    assert (info["last_error_message"], info["pending_update_count"]) == ("Connection refused", 1)
    await wire.ok("deleteWebhook")
    assert await texts(wire) == ["hello"]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"url": "http://example.org/x"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        (
            {"url": "https://example.org:8080/x"},
            "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
        ({"url": "ftp://example.org"}, "invalid webhook URL specified"),
        ({"url": "http://127.0.0.1/", "secret_token": "a b"}, "secret token contains unallowed characters"),
        ({"url": "http://127.0.0.1/", "secret_token": "a" * 257}, "secret token is too long"),
    ],
)
async def test_a_webhook_telegram_would_not_call_is_refused(wire: Wire, params: Body, words: str) -> None:
    assert await wire.error("setWebhook", **params) == (400, f"Bad Request: {words}")
