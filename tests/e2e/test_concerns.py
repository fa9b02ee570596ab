"""The life of a concern on the real service: taken, asked about, handled, closed, opened again."""

from __future__ import annotations

from storage import schema
from tests.world import World

CHEST = "chest pain, can't breathe properly"


async def test_a_concern_lives_from_the_first_word_to_the_second_symptom(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("12:00")

    await ann.says(CHEST)
    kim.sees("Ann · NOW")
    await kim.taps("Write to them")
    assert CHEST in ann.sees("Kim read this at 12:00").text
    await kim.taps("I have it")
    ann.sees("Kim has your words")

    await world.fast_forward(hours=1)
    kim.sees("What has come of it?")
    await world.fast_forward(hours=1)
    kim.sees("one tap is enough")
    dana.sees("I do not know yet what has come of it")
    await kim.taps("Still on it")
    kim.sees("stays yours. I ask again on")
    await world.fast_forward(hours=1)
    kim.sees("What has come of it?")
    await kim.taps("Handled")
    await kim.says("saw the doctor, all quiet")
    kim.sees("Noted on Ann")
    await world.fast_forward(hours=3)
    assert not [one for one in kim.looks() if "What has come of it?" in one.text]
    await kim.taps("Close it")
    short = world.escalations()[0].short

    await ann.says(CHEST)
    page = kim.sees("Ann · NOW").text
    assert f"#{short}" in page and "Again: you closed it on" in page and "saw the doctor, all quiet" in page
    await world.fast_forward(minutes=20)
    kim.sees("Still nobody has it")
    again = dana.sees("Ann · NOW").text
    assert "Again: Kim closed it on" in again and "saw the doctor" not in again
    await dana.taps("I have it")
    ann.sees("Dana has your words")

    (one,) = world.escalations()
    assert one.owner_id == dana.known.id and len(one.past) == 1 and one.past[0].closed_by_id == kim.known.id
    steps = [row["name"] for row in world.rows(schema.journal, kind="step", person_id=ann.known.id)]
    life = ("raised", "read", "acked", "asked_owner", "still", "handled", "note", "closed", "reopened")
    assert [name for name in steps if name in life] == [
        "raised", "read", "acked", "asked_owner", "asked_owner", "still", "asked_owner", "handled", "note", "closed",
        "reopened", "acked",
    ]  # fmt: skip


async def test_a_restart_asks_no_second_time_and_forgets_no_question(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("12:00")
    await ann.says(CHEST)
    await kim.taps("I have it")
    await world.crash_and_restart()
    await world.fast_forward(hours=1)
    await world.crash_and_restart()
    assert len(kim.got("What has come of it?")) == 1
    await world.fast_forward(hours=1)
    assert len(kim.got("What has come of it?")) == 2
