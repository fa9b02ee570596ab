"""A coach's file, fetched by the running service: by a loop of its own, past which everybody else is answered."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot import app
from bot.fetch import HOLD, MOST
from bot.sandbox.faults import Fault
from bot.sandbox.stage import TOKEN
from dialogs import turn
from dialogs.events import Due
from dialogs.model import Wakeup
from storage import due, schema
from tests.e2e.test_canary import canary, everything_logged, hits
from tests.sandbox.wire import until
from tests.world import Someone, World, opened

PLAN = b"date,kind,minutes\n2027-03-08,easy,40\n"


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What turns get of files; they make nothing of it here."""
    found: list[dict[str, Any]] = []
    real = turn._due

    def noted(draft: Any, event: Due) -> None:
        if event.kind == "planfile":
            found.append({name: value for name, value in event.data.items() if name != "file_id"})
        else:
            real(draft, event)

    monkeypatch.setattr(turn, "_due", noted)
    yield found


def sends(world: World, coach: Someone, number: int = 1, *, name: str = "plan.csv", content: bytes = PLAN) -> None:
    """What a coach's turn leaves behind where a file is a plan."""
    file = world.api.add_file("documents", ".bin", content)
    data = {"file_id": file.id, "name": name, "athlete_id": 7}
    with world.app.base.begin() as tx:
        due.put(
            tx, coach.known.id, Wakeup("fetch", f"fetch:{coach.known.id}:{number}", world.now, data=data), world.now
        )


async def test_a_file_is_fetched_by_itself_and_its_turn_has_it_once(world: World, heard: list[dict[str, Any]]) -> None:
    kim = await world.coach("Kim")
    async with world.live():
        sends(world, kim)
        world.app.nudge()
        await until(lambda: heard)
        await world.settle()
        assert await world.app.idle() and world.app.metrics._beats["fetch"][1] == HOLD.total_seconds()
    assert heard == [{"name": "plan.csv", "athlete_id": 7, "content": base64.b64encode(PLAN).decode()}]
    assert {row["status"] for row in world.rows(schema.due) if row["kind"] in ("fetch", "planfile")} == {"done"}
    assert [row["data"] for row in world.rows(schema.due, kind="planfile")] == [{}]


async def test_in_single_steps_it_is_fetched_too(world: World, heard: list[dict[str, Any]]) -> None:
    kim = await world.coach("Kim")
    world.expect("due dead")
    world.announce("fetch.dead")
    sends(world, kim)
    await world.settle()
    assert [one["name"] for one in heard] == ["plan.csv"]
    world.api.faults.append(Fault(404, "download", times=3))
    sends(world, kim, 2, name="gone.csv")
    await world.fast_forward(minutes=5)
    assert heard[1:] == [{"name": "gone.csv", "athlete_id": 7, "failed": "file_gone"}]


async def test_nobody_waits_while_telegram_takes_its_time(world: World, heard: list[dict[str, Any]]) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    world.api.hold["getFile"] = gate = asyncio.Event()
    async with world.live():
        sends(world, kim)
        world.app.nudge()
        await until(lambda: world.api.calls["getFile"])
        ann.phone.says("chest pain on the hill")
        await kim.phone.will_see("Ann · NOW")
        assert not await world.app.idle() and not heard
        gate.set()
        await until(lambda: heard)
    await kim.taps("I have it")


async def test_a_stop_waits_for_no_file_and_the_next_life_fetches_it(
    world: World, heard: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "STOP_S", 600.0)  # what is waited for would be waited for so long
    kim = await world.coach("Kim")
    world.api.hold["getFile"] = asyncio.Event()
    async with asyncio.timeout(60), world.live():
        sends(world, kim)
        world.app.nudge()
        await until(lambda: world.api.calls["getFile"])
    (row,) = world.rows(schema.due, kind="fetch")
    assert (row["status"], row["attempts"]) == ("open", 0)
    world.api.hold.pop("getFile").set()
    await world.crash_and_restart()
    assert len(heard) == 1


async def test_no_name_no_content_and_no_address_of_a_file_reaches_the_log(
    migrated_database_url: str, heard: list[dict[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    with everything_logged():
        async with opened(migrated_database_url) as world:
            world.announce("fetch.dead")
            world.expect("due dead")
            kim = await world.coach("Kim")
            sends(world, kim, 1, name=f"{canary()}.csv", content=canary().encode())
            await world.settle()
            for number, fault in enumerate((Fault(502, "download", body="html"), Fault(404, "getFile", times=3)), 2):
                world.api.faults.append(replace(fault, description=canary()))
                sends(world, kim, number, name=f"{canary()}.csv", content=canary().encode())
                await world.fast_forward(minutes=5)
    assert ["failed" in one for one in heard] == [False, False, True]
    written = "".join(capfd.readouterr())
    assert "fetch.failed" in written and "fetch.dead" in written
    assert not hits(written, TOKEN, "/file/", "documents/", "AwAC", *(one.get("content", "-") for one in heard[:2]))


# --- from the phone ---------------------------------------------------------------------------------------------------


async def test_a_coach_sends_a_plan_from_the_phone_and_reads_what_it_would_change(world: World) -> None:
    kim = await world.coach("Kim")
    await world.athlete("Ann", kim)
    await world.athlete("Ben", kim)
    kim.phone.sends_document("plan.csv", caption="plan Ann", content=PLAN)
    await world.settle()
    shown = kim.sees("plan.csv")
    assert "Ann" in shown.text and "Easy run" in shown.text and shown.buttons
    assert world.api.calls["download"] == 1


async def test_a_plan_as_a_reply_to_a_message_about_an_athlete_is_theirs(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.athlete("Ben", kim)
    await ann.says("i have missed my periods for four months")
    await world.fast_forward_to("07:00")
    kim.sees("Ann")
    kim.phone.sends_document("plan.csv", content=PLAN, reply_to="missed my periods")
    await world.settle()
    assert "Ann" in kim.sees("plan.csv").text


async def test_whose_dates_can_be_read_in_two_ways_is_asked_and_the_file_fetched_again(world: World) -> None:
    kim = await world.coach("Kim")
    await world.athlete("Ann", kim)
    kim.phone.sends_document("plan.csv", content=b"date,kind,minutes\n3/8/2027,easy,40\n3/9/2027,easy,40\n")
    await world.settle()
    asked = kim.phone.last
    assert asked.buttons, asked.text
    await kim.taps(asked.labels[0])
    assert world.api.calls["download"] == 2


async def test_a_file_that_is_too_large_is_told_to_the_coach(world: World) -> None:
    kim = await world.coach("Kim")
    await world.athlete("Ann", kim)
    kim.phone.sends_document("plan.csv", content=b"x" * (MOST + 1))
    await world.settle()
    kim.sees("This file is too large to be a plan")
    assert world.api.calls["download"] == 0
