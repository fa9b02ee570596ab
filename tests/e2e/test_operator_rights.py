"""`aidstation export` and `aidstation erase`: what the operator does where somebody cannot do it in their own chat."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from bot import admin
from bot.admin import Complaint
from bot.config import Settings
from storage import journal, schema
from tests.storage.club import worry
from tests.world import World


def settings(world: World) -> Settings:
    return world.stage.settings


def asked(**given: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"json": False, "yes": False, **given})


async def test_the_operator_exports_what_they_would_get_themselves(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("a word of my own")
    folder = tmp_path / "for" / "ann"
    assert await world.app.in_thread(lambda: admin.export(settings(world), asked(person="ann", to=str(folder)))) == 0
    page, data = sorted(folder.iterdir())
    assert page.suffix == ".html" and "a word of my own" in page.read_text("utf-8")
    assert json.loads(data.read_text("utf-8"))["person"]["name"] == "Ann"
    assert str(page) in (said := capsys.readouterr().out) and "nobody else" in said
    number = str(ann.known.id)
    await world.app.in_thread(lambda: admin.export(settings(world), asked(person=number, to=str(folder), json=True)))
    assert json.loads(capsys.readouterr().out)["files"] == [str(page), str(data)]
    page.with_name("file").write_text("x")
    with pytest.raises(Complaint, match="name another folder"):
        await world.app.in_thread(lambda: admin.export(settings(world), asked(person=number, to=str(folder / "file"))))


async def test_the_operator_erases_and_everybody_is_told(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("i fainted earlier today")
    kim.looks()
    ann.looks()
    questions: list[str] = []
    answers = iter(["no", "yes"])

    def answer(question: str) -> str:
        questions.append(question)
        return next(answers)

    monkeypatch.setattr("builtins.input", answer)
    with pytest.raises(Complaint, match="nothing was erased"):
        await world.app.in_thread(lambda: admin.erase(settings(world), asked(person="Ann")))
    assert "Not closed yet: #" in capsys.readouterr().out and ann.known.name == "Ann"
    assert await world.app.in_thread(lambda: admin.erase(settings(world), asked(person="Ann"))) == 0
    assert len(questions) == 2 and "There is no way back" in questions[0]
    (ledger,) = world.rows(schema.erasure)
    spoken = f"{ledger['receipt'][:5]}-{ledger['receipt'][5:]}"
    assert spoken in capsys.readouterr().out
    world.stage.clock.turn_to(max(world.now, ledger["at"]))  # the command goes by the machine's clock
    await world.settle()
    ann.sees(f"Erased. Receipt {spoken}")
    kim.sees("Ann has gone, and has had everything erased.")
    with pytest.raises(Complaint, match="nobody called Ann"):
        await world.app.in_thread(lambda: admin.erase(settings(world), asked(person="Ann", yes=True)))


async def test_of_two_with_one_name_the_operator_says_which_by_number(world: World) -> None:
    kim = await world.coach("Kim")
    first, second = await world.athlete("Ann", kim), await world.athlete("Ann", kim)
    numbers = [one.known.id for one in (first, second)]
    with pytest.raises(Complaint, match=rf"more than one is called ann here: .*\({numbers[0]}, {numbers[1]}\)"):
        await world.app.in_thread(lambda: admin.erase(settings(world), asked(person="ann", yes=True)))
    await world.app.in_thread(lambda: admin.erase(settings(world), asked(person=str(numbers[1]), yes=True, json=True)))
    assert [one.id for one in world.everyone()] == [kim.known.id, numbers[0]]


async def test_the_only_coach_of_somebody_is_not_erased_by_the_operator_either(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    with pytest.raises(Complaint, match="Kim is the only coach, and 1 would be left"):
        await world.app.in_thread(lambda: admin.erase(settings(world), asked(person="Kim", yes=True)))
    dana = await world.coach("Dana")
    with world.app.base.begin() as tx:
        journal.save_escalation(tx, worry(ann.known), "test")
    await world.app.in_thread(lambda: admin.erase(settings(world), asked(person="Kim", yes=True)))
    assert ann.known.coach_id == dana.known.id and len(world.escalations()) == 1
    world.stage.clock.turn_to(max(world.now, world.rows(schema.erasure)[0]["at"]))
    await world.settle()
    dana.sees("Kim no longer coaches here.")
