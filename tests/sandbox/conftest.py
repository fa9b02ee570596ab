"""One sandbox per test: a clock turned by hand, Ann who has pressed Start, and the real library as client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from telegram import Bot

from bot.sandbox.botapi import BotApi
from bot.sandbox.phone import Phone
from bot.sandbox.server import serve
from tests.sandbox.wire import TOKEN, Clock, Wire


@pytest.fixture(autouse=True)
def _future_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the library warns at each duration it reads; with it durations are timedeltas."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def api(clock: Clock) -> BotApi:
    return BotApi(token=TOKEN, now=clock)


@pytest.fixture
def ann(api: BotApi) -> Phone:
    """Ann has pressed Start; that update is already out of the way."""
    phone = Phone(api, 1001, "Ann")
    phone.starts()
    api.updates.pending.clear()
    return phone


@pytest.fixture
async def url(api: BotApi) -> AsyncIterator[str]:
    async with serve(api) as base:
        yield base


@pytest.fixture
async def wire(url: str) -> AsyncIterator[Wire]:
    async with aiohttp.ClientSession() as session:
        yield Wire(session, url)


@pytest.fixture
async def bot(url: str) -> AsyncIterator[Bot]:
    async with Bot(TOKEN, base_url=f"{url}/bot", base_file_url=f"{url}/file/bot") as client:
        yield client
