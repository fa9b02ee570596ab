"""What an athlete writes, from phone to phone: asked about in doubt, read in pieces, marked, judged, and kept."""

from __future__ import annotations

from dialogs.levels import Level
from storage import schema
from tests.world import World


async def test_in_doubt_it_asks_and_silence_counts_as_yes(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.sends("forward", text="i want to die", sender_name="Ann’s other account")
    asked = ann.sees("These are somebody else’s words")
    assert asked.labels == ["Yes", "It was earlier", "No, not meant like that"]
    await world.fast_forward(minutes=8)
    kim.sees_nothing_more()
    await world.fast_forward(minutes=2)
    assert "i want to die" in kim.sees("Ann · NOW").text
    ann.sees("You can talk to somebody now")
    assert [row["status"] for row in world.rows(schema.due, kind="unsure")] == ["done"]


async def test_a_no_ends_the_question_and_its_clock(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.sends("forward", text="i want to die", sender_name="a film")
    await ann.taps("No, not meant like that")
    await world.fast_forward(minutes=30)
    kim.sees_nothing_more()
    assert not world.rows(schema.due, kind="unsure")
    (concern,) = world.escalations()  # it is still somebody else's words, which a human looks at
    assert concern.level is Level.CONCERN


async def test_what_is_said_in_pieces_is_read_together(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("can't")
    kim.sees_nothing_more()
    await ann.says("breathe")
    assert "can't\nbreathe" in kim.sees("Ann · NOW").text


async def test_the_words_that_decided_are_marked_and_a_verdict_stands_beside_the_judgement(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("good run, but chest pain on the hill <3")
    (page,) = kim.got("Ann · NOW")
    assert "<b>chest pain</b>" in str(page.params["text"]) and "&lt;3" in str(page.params["text"])
    (escalation,) = world.escalations()
    assert [escalation.words[start:end] for start, end in escalation.because] == ["chest pain"]
    await kim.taps("I have it", "Useful")
    kim.sees_notice("Kept beside it")
    steps = {one.name: one.value for one in world.journal(ann) if one.kind == "step"}
    assert steps["judged"]["level"] == "now" and steps["judged"]["flag"] == "chest"
    assert steps["useful"] == {"short": escalation.short, "useful": True, "flag": "chest"}


async def test_what_cannot_be_read_is_with_the_coach_and_the_athlete_is_asked(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.sends("voice")
    assert ann.sees("Is it urgent?").labels == ["It can’t wait", "It can wait"]
    kim.sees("I cannot screen it")
    assert kim.phone.last.text.startswith("[voice")
    await ann.taps("It can wait")
    ann.sees("It stands on Kim’s next list.")
    await ann.sends("voice")
    await ann.taps("It can’t wait")
    kim.sees("Ann · NOW")
