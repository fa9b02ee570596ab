"""The open house, where it touches what is not its own: the database that an operator has named."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import app
from bot.config import Settings, SettingsError
from bot.sandbox import house
from storage import db
from tests.sandbox.wire import Clock


async def test_a_database_with_people_in_it_is_refused_and_left_alone(migrated_database_url: str) -> None:
    base = db.open_db(migrated_database_url)
    try:
        app.keep_seat(base, Clock().now, "Kim")
    finally:
        base.close()
    settings = replace(Settings(), database_url=migrated_database_url)
    with pytest.raises(SettingsError, match="set the token"):
        async with house.opened(settings, own_database=False, port=0):
            raise AssertionError("the sandbox has opened on real people's data")


async def test_the_house_opens_on_an_empty_database_and_leaves_no_file_of_its_own_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = replace(Settings(), database_url=f"sqlite:///{tmp_path / 'named.db'}")
    async with house.opened(named, own_database=False, port=0):
        assert (tmp_path / "named.db").exists()
    assert not (tmp_path / house.FOLDER).exists()
    async with house.opened(Settings(), own_database=True, port=0) as url:
        assert [path.name for path in (tmp_path / house.FOLDER).glob("*.db")] == [f"sandbox-{url.split(':')[2]}.db"]
    assert list((tmp_path / house.FOLDER).iterdir()) == []


async def test_a_house_beside_a_real_service_leaves_its_port_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as service, caplog.at_level(logging.WARNING):
        usual = replace(Settings(), webhook_listen=service.getsockname())
        async with house.opened(usual, own_database=True, port=0) as url, aiohttp.ClientSession() as http:
            async with http.get(url) as answer:
                assert answer.status == 200
    assert [record.getMessage() for record in caplog.records] == []


async def test_in_the_house_a_calendar_is_found_at_an_address_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with house.opened(Settings(), own_database=True, port=0) as url, aiohttp.ClientSession() as http:
        found: re.Match[str] | None = None
        asked = False
        async with asyncio.timeout(30):
            while found is None:
                async with http.get(f"{url}/ui/state") as answer:
                    phones = {one["name"]: one for one in (await answer.json())["phones"]}
                if not asked and "Ann" in phones:
                    body = {"user_id": phones["Ann"]["user_id"], "text": "/calendar"}
                    async with http.post(f"{url}/ui/say", json=body) as said:
                        asked = said.status == 200
                bubbles = phones["Ann"]["bubbles"] if asked else []
                texts = "\n".join(bubble["text"] for bubble in bubbles)
                found = re.search(r"http://127\.0\.0\.1:\d+/calendar/[0-9a-f]{32}\.ics", texts)
                await asyncio.sleep(0.05)
        async with http.get(found[0]) as answer:
            assert (answer.status, answer.content_type) == (200, "text/calendar")
            assert "BEGIN:VCALENDAR" in await answer.text()


async def test_in_the_house_a_guardian_gets_a_phone_where_somebody_is_under_18(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with house.opened(Settings(), own_database=True, port=0) as url, aiohttp.ClientSession() as http:

        async def phones(who: str, shows: str = "") -> dict[str, Any]:
            async with asyncio.timeout(30):
                while True:
                    async with http.get(f"{url}/ui/state") as answer:
                        found = {one["name"]: one for one in (await answer.json())["phones"]}
                    if who in found and (not shows or shows in str(found[who]["bubbles"])):
                        return found
                    await asyncio.sleep(0.05)

        async def does(what: str, **body: Any) -> None:
            async with http.post(f"{url}/ui/{what}", json=body) as done:
                assert done.status == 200

        def pressed(phone: dict[str, Any], label: str) -> dict[str, Any]:
            for bubble in phone["bubbles"]:
                for button in (one for row in bubble.get("buttons") or () for one in row):
                    if label in button["text"]:
                        return {"message_id": bubble["id"], "data": button["data"]}
            raise AssertionError(f"no {label} in {phone}")

        there = await phones("Ben")
        assert "Linda" not in there
        ben = there["Ben"]["user_id"]
        await does("start", user_id=ben, code=there["Ben"]["start_code"])
        there = await phones("Ben", "I am under 18")
        await does("tap", user_id=ben, **pressed(there["Ben"], "I am under 18"))
        there = await phones("Linda")
        await does("start", user_id=there["Linda"]["user_id"], code=there["Linda"]["start_code"])
        await phones("Linda", "Ben would like to train with Kim here")
