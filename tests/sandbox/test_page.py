"""The page with the phones: what it is told, what it does, and once in a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from bot.sandbox.botapi import BotApi
from bot.sandbox.phone import Phone
from bot.sandbox.server import PageHooks, PhoneCard, serve
from tests.browser import opened
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
    assert await page.act("location", user_id=1, latitude=1.5, longitude=2) == 200
    assert await page.act("block", user_id=1) == 200
    assert await page.act("unblock", user_id=1) == 200
    kinds = [next(key for key in pending.body if key != "update_id") for pending in api.updates.pending]
    assert (
        kinds == ["message", "message", "edited_message", "callback_query"] + ["message"] * 4 + ["my_chat_member"] * 2
    )


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
async def test_in_a_browser_a_page_rings_and_is_acked_by_keyboard(page: Page, api: BotApi, browser: Chrome) -> None:
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
    tap, said = [pending.body for pending in api.updates.pending][-2:]
    assert (tap["callback_query"]["data"], said["message"]["text"]) == ("ack", "my knee")
    await page.bot("answerCallbackQuery", callback_query_id=tap["callback_query"]["id"], text="You have it")
    message = tap["callback_query"]["message"]["message_id"]
    await page.bot("editMessageText", chat_id=2, message_id=message, text="Kim has it")
    await wait('[data-phone="Kim"] .toast', "You have it")
    await wait('[data-phone="Kim"] .bubble.theirs', "Kim has it")
    assert not browser.find_elements(By.CSS_SELECTOR, "[data-button]")
