"""The page with the phones: what it is told, what it does, and once in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from bot.sandbox.botapi import BotApi
from bot.sandbox.phone import Phone
from bot.sandbox.server import PageHooks, PhoneCard, serve
from tests.browser import Screen, opened
from tests.sandbox.wire import TOKEN, Body, Clock

YES = {"inline_keyboard": [[{"text": "I have it", "callback_data": "ack"}]]}


@dataclass(slots=True)
class Page:
    """The page's address, the calls a browser would make, and the steps the clock was asked to turn."""

    session: aiohttp.ClientSession
    url: str
    steps: list[str] = field(default_factory=list)

    async def state(self) -> Body:
        async with self.session.get(f"{self.url}/ui/state") as response:
            state: Body = await response.json()
            return state

    async def act(self, what: str, **body: object) -> int:
        async with self.session.post(f"{self.url}/ui/{what}", json=body) as response:
            return response.status

    async def bot(self, method: str, **params: object) -> Body:
        async with self.session.post(f"{self.url}/bot{TOKEN}/{method}", json=params) as response:
            body: Body = await response.json()
            return body


@pytest.fixture
async def page(api: BotApi, clock: Clock) -> AsyncIterator[Page]:
    cards = (PhoneCard(1, "Ann", "Athlete", "ANN-CODE"), PhoneCard(2, "Kim", "Coach"))
    for card in cards:
        Phone(api, card.user_id, card.name)
    steps: list[str] = []

    async def turn(step: str) -> None:
        steps.append(step)
        clock.turn(hours=1)

    hooks = PageHooks(
        phones=lambda: cards,
        clock_now=lambda: clock.now.astimezone(ZoneInfo("Europe/Berlin")),
        turn_clock=turn,
        note=lambda: "a local Telegram",
    )
    async with serve(api, page=hooks) as url, aiohttp.ClientSession() as session:
        yield Page(session, url, steps)


async def test_the_state_holds_phones_clock_and_note(page: Page) -> None:
    state = await page.state()
    assert state["clock"] == {
        "iso": "2026-03-02T07:00+01:00",
        "day": "Mon 02 Mar 2026",
        "time": "07:00",
        "zone": "CET",
    }
    assert (state["note"], state["faults"]) == ("a local Telegram", [])
    ann, kim = state["phones"]
    assert (ann["name"], ann["role"], ann["started"], ann["bubbles"]) == ("Ann", "Athlete", False, [])
    assert (kim["name"], kim["start_code"]) == ("Kim", None)


async def test_each_act_of_the_page_reaches_the_bot(page: Page, api: BotApi) -> None:
    assert await page.act("start", user_id=1, code="ANN-CODE") == 200
    assert await page.act("say", user_id=1, text="hello") == 200
    hello = (await page.state())["phones"][0]["bubbles"][-1]["id"]
    assert await page.act("edit", user_id=1, message_id=hello, text="hello!") == 200
    sent = (await page.bot("sendMessage", chat_id=1, text="?", reply_markup=YES))["result"]["message_id"]
    assert await page.act("tap", user_id=1, message_id=sent, data="ack") == 200
    for what in ("voice", "photo", "sticker"):
        assert await page.act(what, user_id=1) == 200
    assert await page.act("document", user_id=1, name="plan.csv", content="ZWFzeQ==", caption="plan Ann") == 200
    assert await page.act("location", user_id=1, latitude=1.5, longitude=2) == 200
    assert await page.act("block", user_id=1) == 200
    assert await page.act("unblock", user_id=1) == 200
    kinds = [next(key for key in pending.body if key != "update_id") for pending in api.updates.pending]
    assert (
        kinds == ["message", "message", "edited_message", "callback_query"] + ["message"] * 5 + ["my_chat_member"] * 2
    )
    (file,) = [
        pending.body["message"] for pending in api.updates.pending if "document" in pending.body.get("message", ())
    ]
    assert (file["caption"], file["document"]["file_name"], file["document"]["file_size"]) == (
        "plan Ann",
        "plan.csv",
        4,
    )
    assert api.files[file["document"]["file_id"]].content == b"easy"


async def test_a_group_and_its_topics_are_places_on_the_phones_of_those_in_it(page: Page, api: BotApi) -> None:
    for card in (1, 2):
        await page.act("start", user_id=card)
    assert await page.act("group", user_id=2) == 200
    ann, kim = (await page.state())["phones"]
    assert ann["groups"] == []
    (general,) = kim["groups"]
    assert (general["group"], general["name"], general["thread_id"], general["bot"]) == (
        "Our club",
        "General",
        None,
        "administrator",
    )
    here = {"user_id": 2, "chat_id": general["chat_id"]}
    assert await page.act("topic", **here, name="Ann") == 200
    (_, topic) = (await page.state())["phones"][1]["groups"]
    here["thread_id"] = topic["thread_id"]
    sent = await page.bot(
        "sendMessage", chat_id=here["chat_id"], message_thread_id=here["thread_id"], text="?", reply_markup=YES
    )
    api.updates.pending.clear()
    assert await page.act("say", **here, text="rest today") == 200
    for what in ("voice", "photo", "sticker"):
        assert await page.act(what, **here) == 200
    assert await page.act("document", **here, name="plan.csv", content="ZWFzeQ==") == 200
    assert await page.act("location", **here, latitude=1.5, longitude=2) == 200
    assert await page.act("tap", **here, message_id=sent["result"]["message_id"], data="ack") == 200
    assert await page.act("close", **here) == 200
    (_, topic) = (await page.state())["phones"][1]["groups"]
    assert topic["closed"] and topic["manages"]
    assert [(bubble["text"], bubble["by"], bubble["mine"]) for bubble in topic["bubbles"]][:3] == [
        ("new topic: Ann", "Kim", True),
        ("?", "Aid Station", False),
        ("rest today", "Kim", True),
    ]
    rest = next(bubble["id"] for bubble in topic["bubbles"] if bubble["text"] == "rest today")
    assert await page.act("edit", **here, message_id=rest, text="rest") == 200
    assert await page.act("reopen", **here) == 200
    bodies = [update.body.get("message") or update.body.get("edited_message") for update in api.updates.pending]
    assert {body["message_thread_id"] for body in bodies if body} == {here["thread_id"]}
    assert len(bodies) == 10
    assert await page.act("rights", **here, on=False) == 200
    assert (await page.bot("createForumTopic", chat_id=here["chat_id"], name="Ben"))["error_code"] == 400
    assert await page.act("rights", **here, on=True) == 200
    assert await page.act("delete", **here) == 200
    assert [place["name"] for place in (await page.state())["phones"][1]["groups"]] == ["General"]
    assert await page.act("say", **here, text="into nothing") == 400
    assert await page.act("say", **{**here, "user_id": 1}, text="not in it") == 400
    assert await page.act("say", user_id=2, chat_id=1, text="with another's phone") == 400


async def test_who_is_let_into_a_group_is_in_it_and_may_leave(page: Page, api: BotApi) -> None:
    for card in (1, 2):
        await page.act("start", user_id=card)
    await page.act("group", user_id=2)
    here = {"user_id": 2, "chat_id": (await page.state())["phones"][1]["groups"][0]["chat_id"]}
    assert await page.act("let_in", **{**here, "user_id": 1}, name="Ann") == 400, "by somebody who is outside"
    assert [await page.act("let_in", **here, name=name) for name in ("ann ", "Ann", "Kim", "Nobody")] == [200] + [
        400
    ] * 3
    ann, _ = (await page.state())["phones"]
    assert [bubble["text"] for bubble in ann["groups"][0]["bubbles"]][-1] == "Ann has been added"
    come = api.updates.pending[-1].body["message"]
    assert (come["from"]["id"], [one["id"] for one in come["new_chat_members"]]) == (2, [1])
    assert await page.act("leave", **{**here, "user_id": 1}) == 200
    assert (await page.state())["phones"][0]["groups"] == []


async def test_a_picture_is_served_as_one_and_whatever_else_is_sent_is_not(page: Page, api: BotApi) -> None:
    await page.act("start", user_id=1)
    await page.act("photo", user_id=1)
    await page.act("document", user_id=1, name="page.html", content="PGI+")
    kinds = []
    for file in api.files.values():
        async with page.session.get(f"{page.url}/ui/file/{file.id}") as answer:
            kinds.append((answer.content_type, answer.headers["Content-Disposition"]))
    assert kinds == [("image/png", "attachment"), ("application/octet-stream", "attachment")]


async def test_the_clock_is_turned_by_the_hook(page: Page) -> None:
    assert await page.act("clock", step="+1hour") == 200
    assert page.steps == ["+1hour"]
    assert (await page.state())["clock"]["time"] == "08:00"


async def test_faults_are_switched_on_and_off_and_leave_others_alone(page: Page, api: BotApi) -> None:
    await page.act("fault", name="5xx", on=True)
    await page.act("fault", name="hang", on=True)
    await page.act("fault", name="hang", on=False)
    assert (await page.state())["faults"] == ["5xx"]
    await page.act("fault", name="5xx", on=False)
    assert (await page.bot("getMe"))["ok"]
    assert not api.faults


async def test_nonsense_and_foreign_pages_are_refused(page: Page, api: BotApi) -> None:
    assert await page.act("say", user_id=1, text=" ") == 400
    assert await page.act("say", user_id=99, text="x") == 400
    assert await page.act("fly", user_id=1) == 400
    assert await page.act("document", user_id=1, name="x", content="no base64!") == 400
    async with page.session.post(f"{page.url}/ui/say", data={"user_id": "1", "text": "x"}) as response:
        assert response.status == 415  # a form of another web page cannot send JSON without asking
    assert not api.updates.pending


async def test_the_page_learns_of_a_change_at_once(page: Page) -> None:
    async with page.session.get(f"{page.url}/ui/events") as stream:
        assert b"a local Telegram" in await stream.content.readline()
        await page.act("start", user_id=1)
        await page.act("say", user_id=1, text="hello there")
        async with asyncio.timeout(10):
            while b"hello there" not in await stream.content.readline():
                pass


async def test_without_hooks_there_is_no_page(api: BotApi) -> None:
    async with serve(api) as url, aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 404


# --- in a browser --------------------------------------------------------------------------------------


@pytest.fixture
def browser() -> Iterator[Chrome]:
    with opened() as driver:
        yield driver


@pytest.mark.browser
async def test_in_a_browser_a_page_rings_and_is_acked_by_keyboard(
    page: Page, api: BotApi, browser: Chrome, tmp_path: Path
) -> None:
    Phone(api, 1, "Ann").starts()
    Phone(api, 2, "Kim").starts()

    def there(selector: str, text: str = "") -> bool:
        found = browser.find_elements(By.CSS_SELECTOR, selector)
        return any(text in element.text for element in found)

    async def wait(selector: str, text: str = "") -> None:
        await asyncio.to_thread(WebDriverWait(browser, 10).until, lambda _: there(selector, text))

    await asyncio.to_thread(browser.get, page.url)
    await wait('[data-phone="Kim"] .bubble', "/start")
    hostile = "<b>PAGE</b> שלום &lt;img src=x onerror=document.title='broken'&gt; {{7*7}}"
    await page.bot("sendMessage", chat_id=2, text=hostile, parse_mode="HTML", reply_markup=YES)
    await wait('[data-phone="Kim"].lit .bubble.theirs strong', "PAGE")
    assert there('[data-phone="Kim"] .bubble.theirs', "<img src=x onerror=document.title='broken'> {{7*7}}")
    assert browser.title.startswith("(1) Kim")
    assert there('[data-phone="Kim"] .badge', "1")
    assert not browser.find_elements(By.CSS_SELECTOR, '[data-phone="Ann"].lit')

    def press() -> None:
        key = browser.find_element(By.CSS_SELECTOR, '[data-phone="Kim"] [data-button="I have it"]')
        browser.execute_script("arguments[0].focus()", key)
        key.send_keys(Keys.ENTER)
        field = browser.find_element(By.CSS_SELECTOR, '[data-phone="Ann"] textarea')
        field.send_keys("my knee", Keys.ENTER)

    await asyncio.to_thread(press)
    await wait('[data-phone="Ann"] .bubble.mine', "my knee")
    assert not browser.find_elements(By.CSS_SELECTOR, '[data-phone="Kim"].lit')

    def attach() -> None:
        browser.find_element(By.CSS_SELECTOR, '[data-phone="Kim"] textarea').send_keys("plan Ann")
        browser.find_element(By.CSS_SELECTOR, '[data-phone="Kim"] input[type=file]').send_keys(str(plan))

    plan = tmp_path / "plän.csv"
    plan.write_bytes(bytes(range(256)))
    tap, said = [pending.body for pending in api.updates.pending][-2:]
    await asyncio.to_thread(attach)
    await wait('[data-phone="Kim"] .bubble.mine', "plan Ann")
    sent = [pending.body for pending in api.updates.pending][-1]["message"]
    assert (sent["caption"], sent["document"]["file_name"]) == ("plan Ann", "plän.csv")
    assert api.files[sent["document"]["file_id"]].content == bytes(range(256))
    assert (tap["callback_query"]["data"], said["message"]["text"]) == ("ack", "my knee")
    await page.bot("answerCallbackQuery", callback_query_id=tap["callback_query"]["id"], text="You have it")
    message = tap["callback_query"]["message"]["message_id"]
    await page.bot("editMessageText", chat_id=2, message_id=message, text="Kim has it")
    await wait('[data-phone="Kim"] .toast', "You have it")
    await wait('[data-phone="Kim"] .bubble.theirs', "Kim has it")
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-button]")


@pytest.mark.browser
@pytest.mark.parametrize("mobile", [False, True])
async def test_in_a_browser_a_coach_turns_to_a_topic_and_answers_there(page: Page, api: BotApi, mobile: bool) -> None:
    for card in (1, 2):
        Phone(api, card, "").starts()
    group = api.group_created(2, "Our club", is_forum=True)
    api.bot_promoted(2, group)

    async def to_topic(name: str, text: str, **more: object) -> int:
        topics = {topic.name: topic.id for topic in api.chats[group].topics.values()}
        if name not in topics:
            made = await page.bot("createForumTopic", chat_id=group, name=name)
            topics[name] = made["result"]["message_thread_id"]
        await page.bot("sendMessage", chat_id=group, message_thread_id=topics[name], text=text, **more)
        return topics[name]

    def place(name: str) -> str:
        return f'[data-phone="Kim"] [data-room="{name}"]'

    def said(name: str) -> list[str]:
        return [bubble.text for bubble in Phone(api, 2, "Kim").in_topic(group, name).screen() if bubble.mine]

    with opened(390 if mobile else 1280, touch=mobile) as chrome:
        screen = Screen(chrome, patience_s=20)

        async def does(act: Callable[..., object], *args: object) -> None:
            await asyncio.to_thread(act, *args)

        await does(chrome.get, page.url)
        await does(screen.wait, "#phones .phone")
        ann = await to_topic("Ann", "my shin hurts", reply_markup=YES)
        await to_topic("Ben", "all fine")
        if mobile:
            await does(screen.wait, '[data-tab="Kim"].lit .badge', "2")
            await does(screen.press, '[data-tab="Kim"]')
        else:
            await does(screen.wait, '[data-phone="Kim"].lit .top .badge', "2")
        assert screen.count('[data-phone="Ann"].lit') == 0
        await does(screen.wait, f"{place('Ann')} .badge", "1")
        await does(screen.press, place("Ann"))
        await does(screen.reads, "Kim", "my shin hurts")
        assert "all fine" not in chrome.find_element(By.CSS_SELECTOR, '[data-phone="Kim"] .chat').text
        await does(screen.wait, '[data-phone="Kim"] .role', "Our club, Ann")
        await does(screen.say, "Kim", "since when?")
        await does(screen.tap, "Kim", "I have it")
        await does(screen.press, '[data-phone="Kim"] [data-act="voice"]')
        await does(screen.wait, '[data-phone="Kim"] .bubble.mine', "Voice message")
        assert said("Ann") == ["since when?", "[voice 7 s]"]
        taps = [update.body["callback_query"] for update in api.updates.pending if "callback_query" in update.body]
        assert [(tap["data"], tap["message"]["message_thread_id"]) for tap in taps] == [("ack", ann)]

        chrome.find_element(By.CSS_SELECTOR, '[data-phone="Kim"] textarea').send_keys("meant for Ann")
        await does(screen.press, place("Ben"))
        await does(screen.reads, "Kim", "all fine")
        await does(screen.say, "Kim", "good")
        assert (said("Ann"), said("Ben")) == (["since when?", "[voice 7 s]"], ["good"]), "no draft changes its topic"
        await to_topic("Ann", "since Monday")
        await does(screen.wait, f"{place('Ann')} .badge", "1")

        await does(screen.press, '[data-phone="Kim"] .top .menu summary')
        await does(screen.press, '[data-phone="Kim"] [data-act="close"]')
        await does(screen.wait, '[data-phone="Kim"] .chat', "the topic is closed")
        await does(screen.press, '[data-phone="Kim"] .top .menu summary')
        await does(screen.press, '[data-phone="Kim"] [data-act="delete"]')
        await does(screen.wait, '[data-phone="Kim"] .bubble.mine', "/start")  # the private chat, as the topic is gone
        assert screen.count(place("Ben")) == 0
        await does(screen.say, "Kim", "hello bot")
        assert api.chats[2].messages[max(api.chats[2].messages)].text == "hello bot"
        screen.no_errors()
