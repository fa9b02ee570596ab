"""An athlete's plan in the calendar on a phone: by a real HTTP client, from the real service, on both databases."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import aiohttp
import icalendar
import pytest
import sqlalchemy as sa

from bot import app, web
from bot.config import Settings
from dialogs import calendar
from dialogs.model import Change, Person, Session
from storage import keeping, plans, schema
from storage.db import Conflict
from tests.e2e.test_canary import canary, everything_logged, hits
from tests.world import Someone, World, opened

PUBLIC = "https://club.example"
TODAY = date(2027, 3, 1)  # the world's
SPEED = Session("270302-0", date(2027, 3, 2), "speed", 50, None, None, 8, "6 x 3 min, easy between")
LONG = Session("270307-0", date(2027, 3, 7), "long", None, 24.5)


@pytest.fixture
async def club(migrated_database_url: str) -> AsyncIterator[World]:
    """A club whose operator has said where phones reach it."""
    async with opened(migrated_database_url, settings=Settings(public_url=PUBLIC)) as world:
        yield world


async def pair(world: World) -> tuple[Someone, Someone]:
    kim = await world.coach("Kim")
    return kim, await world.athlete("Ann", kim)


async def code_of(someone: Someone, address: str = PUBLIC) -> str:
    """They ask for an address; gives the code in it."""
    await someone.says("/calendar")
    found = re.search(rf"{re.escape(address)}/calendar/([0-9a-f]{{32}})\.ics", someone.phone.last.text)
    assert found is not None, someone.phone.last.text
    return found[1]


def lays(world: World, someone: Someone, *added: Session, removed: tuple[Session, ...] = ()) -> None:
    """Somebody's plan gets its next version."""
    with world.app.base.begin() as tx:
        number = plans.current(tx, someone.known.id, date.min).number + 1
        change = Change(number, "coach", "library", world.now, removed, added)
        plans.save(tx, someone.known.id, change, someone.known.id, world.now)


async def ask(url: str, code: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as http:
        async with http.request(method, f"{url}/calendar/{code}.ics", headers=headers) as answer:
            return answer.status, await answer.text()


async def events(url: str, code: str) -> list[tuple[str, date, str]]:
    """What a calendar program shows: title, day, and what stands below."""
    status, text = await ask(url, code)
    assert status == 200
    read: Any = icalendar.Calendar.from_ical(text)
    assert not read.errors and read["REFRESH-INTERVAL"].dt == timedelta(minutes=1)
    return [(str(one["SUMMARY"]), one["DTSTART"].dt, str(one.get("DESCRIPTION", ""))) for one in read.events]


async def test_a_phone_sees_the_plan_and_each_change_when_it_asks_next(club: World) -> None:
    _kim, ann = await pair(club)
    code = await code_of(ann)
    async with club.app.web() as url:
        assert await events(url, code) == []
        lays(club, ann, SPEED, LONG)
        (speed, speed_day, about), (long, long_day, _) = await events(url, code)
        assert "Speed" in speed and "50 min" in speed and speed_day == SPEED.day
        assert about == "Effort 8 of 10\n6 x 3 min, easy between"
        assert "Long run" in long and "24.5 km" in long and long_day == LONG.day
        easy = replace(SPEED, kind="easy", minutes=30, effort=3, held="K7Q2M")
        lays(club, ann, easy, removed=(SPEED,))
        (eased, _, about), _ = await events(url, code)
        assert "Easy run" in eased and "30 min" in eased
        assert about.startswith("Eased, held until your coach has looked.") and "K7Q2M" not in about


async def test_what_has_not_changed_is_not_written_again_and_what_has_is(
    club: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, ann = await pair(club)
    ben = await club.athlete("Ben", kim)
    lays(club, ann, SPEED)
    lays(club, ben, SPEED)
    wrote: list[int] = []
    real = calendar.written

    def counted(sessions: Sequence[Session], owner: Person, now: datetime) -> str:
        wrote.append(owner.id)
        return real(sessions, owner, now)

    monkeypatch.setattr(calendar, "written", counted)
    mine, his = await code_of(ann), await code_of(ben)
    async with club.app.web() as url:
        for _ in range(3):
            assert len(await events(url, mine)) == len(await events(url, his)) == 1
        assert wrote == [ann.known.id, ben.known.id]
        lays(club, ann, LONG)
        assert len(await events(url, mine)) == 2 and len(await events(url, his)) == 1
        await ann.says("/zone Riga")
        assert "X-WR-TIMEZONE:Europe/Riga" in (await ask(url, mine))[1]
        assert wrote == [ann.known.id, ben.known.id, ann.known.id, ann.known.id]
        monkeypatch.setattr(web, "KEPT", 1)
        assert len(await events(url, his)) == 1 and len(club.app._calendars) == 2
        lays(club, ben, LONG)
        assert len(await events(url, his)) == 2 and len(club.app._calendars) == 1


async def test_what_lies_long_back_is_left_out(club: World) -> None:
    _kim, ann = await pair(club)
    days = [TODAY - timedelta(days=days) for days in (60, 20)] + [TODAY + timedelta(days=300)]
    lays(club, ann, *(Session(f"{day:%y%m%d}-0", day, "easy", 40) for day in days))
    async with club.app.web() as url:
        assert [day for _, day, _ in await events(url, await code_of(ann))] == days[1:]


async def test_a_new_address_ends_the_one_before_and_off_ends_it_too(club: World) -> None:
    _kim, ann = await pair(club)
    async with club.app.web() as url:
        nobody = await ask(url, "0" * 32)
        assert nobody[0] == 404
        first = await code_of(ann)
        assert (await ask(url, first))[0] == 200
        second = await code_of(ann)
        assert (await ask(url, first), (await ask(url, second))[0]) == (nobody, 200)
        assert await ask(url, second, "HEAD") == (200, "")
        await ann.says("/calendar off")
        ann.sees("no address leads to your plan")
        assert await ask(url, second) == nobody
        third = await code_of(ann)
        assert (await ask(url, third))[0] == 200 and len({first, second, third}) == 3


async def test_each_address_leads_to_one_plan_and_tells_no_name_and_no_word(club: World) -> None:
    kim, ann = await pair(club)
    ben = await club.athlete("Ben", kim, injuries=canary(), goal=canary())
    lays(club, ann, SPEED)
    lays(club, ben, LONG)
    await ben.says(f"slept badly, {canary()}")
    async with club.app.web() as url:
        mine, his = await code_of(ann), await code_of(ben)
        assert [day for _, day, _ in await events(url, mine)] == [SPEED.day]
        assert [day for _, day, _ in await events(url, his)] == [LONG.day]
        text = (await ask(url, his))[1]
        assert not hits(text, "Ben", "Ann", "Kim", str(ben.chat_id), his)


async def test_an_erased_athlete_has_no_calendar_any_more(club: World) -> None:
    _kim, ann = await pair(club)
    lays(club, ann, SPEED)
    async with club.app.web() as url:
        nobody = await ask(url, "0" * 32)
        code = await code_of(ann)
        await ann.says("/erase")
        await ann.taps("Erase everything")
        assert not [one for one in club.everyone() if one.user_id == ann.chat_id]
        assert await ask(url, code) == nobody


async def test_the_code_is_kept_in_no_table_but_where_the_message_waits_and_not_for_long(club: World) -> None:
    _kim, ann = await pair(club)
    code = await code_of(ann)

    def tables() -> set[str]:
        with club.app.base.read() as tx:
            return {
                table.name
                for table in schema.metadata.sorted_tables
                for row in tx.execute(sa.select(table))
                if code in str(tuple(row))
            }

    assert tables() == {"outbox"}
    keeping.sweep(club.app.base, club.now + timedelta(days=1, hours=1), {**DAYS})
    assert tables() == set()
    async with club.app.web() as url:
        assert (await ask(url, code))[0] == 200


DAYS = {"inbox": 7, "outbox": 90, "strangers": 1, "due": 90, "invite": 90}


async def test_a_calendar_that_cannot_be_read_for_a_while_holds_up_no_turn(
    club: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, ann = await pair(club)
    code, gate, real = await code_of(ann), threading.Event(), web.plan_of

    def slow(*args: object) -> str | None:
        gate.wait(30)
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(app, "plan_of", slow)
    async with club.app.web() as url, club.live():
        asking = [asyncio.create_task(ask(url, code)) for _ in range(60)]
        done, _ = await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        assert {one.result()[0] for one in done} == {503}
        ann.phone.says("chest pain on the hill")
        await kim.phone.will_see("Ann · NOW")
        gate.set()
        answers = [(await one)[0] for one in asking]
        assert set(answers) == {200, 503} and answers.count(200) >= 16
    await kim.taps("I have it")


async def test_without_an_address_no_link_is_given_and_with_a_webhook_its_host_is_the_address(world: World) -> None:
    _kim, ann = await pair(world)
    await ann.says("/calendar")
    ann.sees("has not said under which address phones can reach it")
    assert world.rows(schema.feed) == []
    world.app.settings = replace(world.app.settings, webhook_url="https://bot.example.org:8443/telegram")
    await code_of(ann, "https://bot.example.org:8443")


async def test_two_addresses_asked_for_in_one_instant_leave_the_later_one(club: World) -> None:
    """On PostgreSQL by two replicas at once: one of them is told that somebody was first, and comes again."""
    _kim, ann = await pair(club)
    ann.phone.says("/calendar")
    ann.phone.says("/calendar")
    while club.api.updates.pending and await club.app.receive_once():
        pass
    await club.replicas_handle()
    await club.settle()
    codes = [found[1] for one in ann.phone.screen() if (found := re.search(r"/calendar/(\w+)\.ics", one.text))]
    assert len(codes) == 2
    async with club.app.web() as url:
        assert [(await ask(url, code))[0] for code in codes] == [404, 200]


async def test_no_code_reaches_the_log(
    migrated_database_url: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with everything_logged():
        async with opened(migrated_database_url, settings=Settings(public_url=PUBLIC)) as world:
            _kim, ann = await pair(world)
            lays(world, ann, SPEED)
            async with world.app.web() as url:
                first = await code_of(ann)
                second = await code_of(ann)
                for code in (first, second, "0" * 32, f"{second}x", second.upper()):
                    await ask(url, code)
                    await ask(url, code, "HEAD")
                    await ask(url, code, "POST")
                with monkeypatch.context() as broken:
                    broken.setattr(app, "plan_of", _breaks)
                    assert (await ask(url, second))[0] == 503
                assert (await ask(url, second))[0] == 200
    written = "".join(capfd.readouterr())
    assert "calendar.not_read" in written
    assert not hits(written, first, second, second.upper(), f"{PUBLIC}/calendar")


def _breaks(_base: object, code: str, *_: object) -> None:
    raise Conflict(f"the code is {code}")
