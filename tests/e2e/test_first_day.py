"""The first day of a club, from the operator's invitation to the coach's answer, by everybody's taps and words."""

from __future__ import annotations

import re

from tests.world import Someone, World


def _code(text: str) -> str:
    found = re.search(r"start=([0-9a-f]{32})", text)
    assert found is not None
    return found[1]


async def _joins(ann: Someone, code: str) -> None:
    await ann.starts(code)
    ann.sees("are you 18 or over?")
    await ann.taps("I am 18 or over")
    ann.sees("Is that all right?")
    await ann.taps("I agree")
    ann.sees("Where do you live?")
    await ann.says("Riga")
    ann.sees("At what time shall I ask?")
    await ann.taps("07:00")
    await ann.taps("Sun", "Done")
    await ann.says("left achilles, 2024")
    await ann.says("a first marathon in May")
    ann.sees("tomorrow at 07:00, Riga time")


async def test_a_sore_shin_travels_from_a_tap_to_the_coach_and_the_answer_comes_back(world: World) -> None:
    kim = world.stranger("Kim")
    await kim.starts(await world.stage.invite("Kim"))
    kim.sees("Where do you live?")
    await kim.says("London", "7:30")
    kim.sees("the list comes at 07:30, London time")

    await kim.says("/invite Ann")
    ann = world.stranger("Ann")
    await _joins(ann, _code(kim.sees("A seat for Ann").text))
    assert "left achilles, 2024" in kim.sees("Ann has joined").text
    ann.sees_nothing_more()

    await world.fast_forward_to("07:00", zone="Europe/Riga")
    ann.sees("Good morning, Ann. How did you sleep?")
    kim.sees_nothing_more()
    await ann.taps("Something hurts", "Shin", "4")
    ann.sees("Does it change how you walk or run?")
    await ann.taps("Yes")
    # It is five in London: a bone-like pain is for today, and today begins when Kim's quiet hours end.
    truth = ann.sees("No running until a person has spoken with you")
    assert "Kim is paged at 08:30 (your time)" in truth.text
    await ann.taps("3", "2", "4", "3", "4")
    ann.sees("Thank you for saying so, Ann")
    kim.sees_nothing_more()

    await world.fast_forward_to("06:30")
    page = kim.sees("Ann · today")
    assert "shin, 4/10, changes the stride" in page.text
    assert "sleep" in page.text, "the last days stand on the page"
    assert "Somebody has" not in str(ann.looks())
    await kim.taps("I have it")
    kim.sees("yours since 06:30")
    ann.sees("Kim has your words and has taken this on (08:30)")

    await kim.taps("Write to them")
    await kim.says("No running today. I call you at noon.")
    kim.sees("On its way to Ann")
    letter = ann.sees("No running today. I call you at noon.")
    assert letter.text.startswith("Kim:")
    await ann.says("thank you, I will be there")
    kim.sees("thank you, I will be there")
    await kim.taps("Close it")
    kim.sees("Closed: Ann")

    await world.fast_forward(days=1)
    assert len(ann.got("How did you sleep?")) == 1, "the second morning asks about the shin first"
    assert len(ann.got("How is it now?")) == 1, "one check-in on each of two mornings"
    assert not kim.got("Still nobody has it"), "what somebody has does not ring again"
    assert [one.words for one in world.journal(ann) if one.name == "coach_wrote"] == [
        "No running today. I call you at noon."
    ]
