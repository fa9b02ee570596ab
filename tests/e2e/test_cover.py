"""A holiday, a practice alarm, a letter to all and a coach who leaves, by the whole program on a real database."""

from __future__ import annotations

import argparse
import json
from datetime import timedelta

import pytest

from bot import admin, doctor
from bot.admin import Complaint
from dialogs.model import Person
from storage import attention, schema
from tests.world import World

CHEST = "chest pain, can't breathe properly"


async def test_a_holiday_from_the_first_day_to_the_last(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    until = (world.now + timedelta(days=3)).date()
    await kim.says(f"/holiday until {until.isoformat()} Dana")
    dana.sees("From today you stand in for Kim")
    ann.sees("Dana reads what you write in that time")
    kim.looks()
    await ann.says(CHEST)
    dana.sees("Ann · NOW")
    kim.sees_nothing_more()
    await dana.taps("I have it")
    ann.sees("Dana has your words")
    await dana.taps("Close it")
    await world.fast_forward(days=3)
    assert any("Welcome back" in one.text for one in kim.looks())
    dana.looks()
    await ann.says(f"{CHEST} again")
    kim.sees("Ann · NOW")


async def test_a_drill_reports_the_times_of_each_step_and_leaves_nothing_open(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    await kim.says("/drill")
    kim.sees("DRILL · NOW")
    await world.fast_forward(minutes=20)
    dana.sees("DRILL · NOW")
    await dana.taps("I have it")
    report = dana.sees("step by step").text
    kim.sees("step by step")
    assert "to Kim: put " in report and "to Dana: put " in report and "“I have it” by Dana" in report
    assert "sent" in report and "could not be sent" not in report
    ann.sees_nothing_more()
    (one,) = world.escalations()
    assert one.closed_at is not None and one.flag == "drill"
    await world.fast_forward(hours=2)
    assert len(dana.got("DRILL · NOW")) == 1
    coaches = world.read(attention.coaches)
    assert [each.name for each in coaches if each.drilled_at] == ["Dana"]
    assert not [each for each in world.everyone() if each.name == "DRILL"]


async def test_a_letter_to_all_waits_for_the_end_of_an_athletes_night(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    ben = await world.athlete("Ben", kim, zone="America/Los_Angeles", country="US")
    await world.fast_forward_to("09:00")
    ann.looks()
    ben.looks()
    await kim.says("/broadcast The track is closed on Tuesday.")
    await kim.taps("Send")
    ann.sees("The track is closed on Tuesday.")
    assert not ben.got("The track is closed"), "one in the morning where Ben lives"
    await world.fast_forward(hours=8)
    assert len(ben.got("The track is closed")) == 1
    await ann.says("then I run in the park")
    kim.sees("then I run in the park")


def asked(**given: object) -> argparse.Namespace:
    return argparse.Namespace(**{"json": False, "yes": True, **given})


async def test_the_operator_lets_a_coach_go(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    await ann.says(CHEST)
    await kim.taps("I have it")
    short = kim.short()
    ann.looks()
    settings = world.stage.settings
    with pytest.raises(Complaint, match="is no coach here"):
        await world.app.in_thread(lambda: admin.leave(settings, asked(coach="Ann")))
    assert await world.app.in_thread(lambda: admin.leave(settings, asked(coach="kim", json=True))) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "Kim"
    await world.settle()
    ann.sees("Kim does not coach here any more")
    assert short in dana.sees("Ann · NOW").text, "what Kim had taken and not closed"
    await kim.taps_data(f"close:{short}")
    kim.sees("private line between athletes")
    await ann.taps("Dana")
    ann.sees("From now on Dana coaches you")
    dana.sees("Ann has agreed and is yours now")
    with pytest.raises(Complaint, match="is the only coach"):
        await world.app.in_thread(lambda: admin.leave(settings, asked(coach="Dana")))
    assert world.rows(schema.person, name="Kim")[0]["coaches"] in (False, 0)


def test_the_doctor_misses_a_drill_after_forty_days(world: World) -> None:
    now = world.now
    old, new = now - timedelta(days=50), now - timedelta(days=5)
    kim = Person(1, "Kim", coaches=True, joined_at=old)
    for people, status, word in (
        ([], None, ""),
        ([kim], "warning", "/drill"),
        ([Person(1, "Kim", coaches=True, joined_at=new)], "ok", "none yet"),
        ([kim, Person(2, "Dana", coaches=True, drilled_at=new)], "ok", "5 days ago"),
        ([kim, Person(2, "Dana", coaches=True, drilled_at=now - timedelta(days=41))], "warning", "for 41 days"),
    ):
        found = list(doctor._drill(people, now))
        assert [one.status for one in found] == ([status] if status else [])
        assert all(word in one.text for one in found)
