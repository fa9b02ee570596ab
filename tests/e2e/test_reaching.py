"""No worry is lost: pages at the stated minutes, to the stated humans, until one of them says "I have it"."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Literal

import pytest

from bot import handle
from dialogs import turn
from dialogs.events import Event
from dialogs.model import Outcome, Snapshot
from storage import schema
from tests.world import Someone, World

CHEST = "chest pain, can't breathe properly"


async def test_chest_pain_at_three_in_the_night_rings_until_the_backup_takes_it(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    raised = await world.fast_forward_to("03:00")

    await ann.says(CHEST)
    told = ann.sees("Stop now. Call")
    assert "999" in told.text and "I am alerting Kim" in told.text
    page = kim.sees("Ann · NOW")
    assert CHEST in page.text
    dana.sees_nothing_more()

    await world.fast_forward(minutes=8)
    kim.sees_nothing_more()
    await world.fast_forward(minutes=2)
    assert kim.short() in kim.sees("Still nobody has it").text
    assert "I have just alerted Kim" in ann.sees("Nobody has answered yet").text
    dana.sees_nothing_more()

    await world.fast_forward(minutes=10)
    kim.sees("Still nobody has it")
    assert CHEST in dana.sees("Ann · NOW").text
    assert "I have just alerted Kim and Dana" in ann.sees("Do not wait for us").text

    await dana.taps("I have it")
    dana.sees("yours since 03:20")
    kim.sees("Dana has Ann")
    ann.sees("Dana has your words and has taken this on (03:20)")
    assert not [label for bubble in kim.phone.screen() for label in bubble.labels if label == "I have it"]

    await world.fast_forward(hours=2)
    assert len(kim.got("Ann · NOW")) == 3 and len(dana.got("Ann · NOW")) == 1
    (escalation,) = world.escalations()
    assert escalation.raised_at == raised and escalation.owner_id == dana.known.id


async def test_what_nobody_takes_rings_for_ever(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says(CHEST)
    began = world.now
    await world.fast_forward(hours=3)
    minutes = [round((one.at - began).total_seconds() / 60) for one in kim.got("Ann · NOW")]
    assert minutes == list(range(0, 181, 10))
    assert len(ann.got("Do not wait for us")) > 5
    await kim.says("i have it")
    ann.sees("Kim has your words")
    await world.fast_forward(hours=1)
    assert len(kim.got("Ann · NOW")) == len(minutes)


async def _both_acks_at_once(world: World, one: Someone, other: Someone) -> None:
    """As two replicas do it; on SQLite, which has one writer, they come back to back."""
    one.phone.taps("I have it")
    other.phone.taps("I have it")
    while world.api.updates.pending and await world.app.receive_once():
        pass

    await world.replicas_handle()
    await world.settle()


async def test_of_two_acks_in_the_same_instant_one_wins_and_both_see_who(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)

    def slowly(known: Snapshot, event: Event) -> Outcome:
        time.sleep(0.05)  # so that the two turns are under way together
        return turn.take_turn(known, event)

    for _ in range(2):
        await ann.says(CHEST)
        await world.fast_forward(minutes=25)
        for someone in (kim, dana, ann):
            someone.looks()
        monkeypatch.setattr(handle, "take_turn", slowly)
        await _both_acks_at_once(world, kim, dana)
        monkeypatch.setattr(handle, "take_turn", turn.take_turn)
        last = world.escalations()[-1]
        winner, loser = (kim, dana) if last.owner_id == kim.known.id else (dana, kim)
        winner.sees(f"#{last.short} · yours since")
        loser.sees(f"{winner.name} has Ann · #{last.short}")
        loser.sees_notice(f"{winner.name} has #{last.short}")
        ann.sees(f"{winner.name} has your words")
        ann.sees_nothing_more()
        await winner.taps("Close it")
    acked = [row for row in world.rows(schema.journal, name="acked")]
    assert len(acked) == 2, "one ack for each of the two escalations"


async def test_a_second_ack_by_the_old_button_says_who_was_first(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    await ann.says(CHEST)
    await world.fast_forward(minutes=20)
    page = next(one for one in dana.phone.screen() if "I have it" in one.labels)
    ack = next(button.data for row in page.buttons for button in row if button.text == "I have it")
    await kim.taps("I have it")
    ann.sees("Kim has your words")
    await dana.taps_data(str(ack), page.message_id)
    dana.sees_notice("Kim has #")
    (escalation,) = world.escalations()
    assert escalation.owner_id == kim.known.id


async def test_a_coach_who_has_blocked_the_bot_unknown_to_us_is_skipped_at_once(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    kim.phone.blocks()
    world.api.updates.pending.clear()  # that update got lost: we learn of it by the refusal alone
    world.expect("outbox dead")
    await ann.says(CHEST)
    (page,) = dana.got("Ann · NOW")
    assert page.at - world.escalations()[0].raised_at < timedelta(seconds=10)
    assert "I have just alerted Dana" in ann.sees("Nobody has answered yet").text
    assert not kim.known.reachable
    await dana.taps("I have it")
    ann.sees("Dana has your words")


async def test_a_coach_who_has_blocked_the_bot_is_not_promised_to_the_athlete(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    await kim.blocks()
    dana.sees("Kim has blocked the bot")
    await ann.says(CHEST)
    told = ann.sees("Stop now")
    assert "I am alerting Dana" in told.text and "Kim" not in told.text
    dana.sees("Ann · NOW")
    await kim.unblocks()
    await dana.taps("I have it")


async def test_a_coach_who_has_never_started_is_no_coach_that_can_be_rung(world: World) -> None:
    dana = await world.coach("Dana")
    await world.stage.invite("Kim")  # has never pressed Start
    waiting = [one for one in world.everyone() if one.name == "Kim"]
    ann = await world.athlete("Ann", coach_id=waiting[0].id if waiting else None)
    await ann.says(CHEST)
    assert "I am alerting Dana" in ann.sees("Stop now").text
    await dana.taps("I have it")
    ann.sees("Dana has your words")


async def test_with_no_coach_at_all_the_athlete_is_told_so_and_the_first_one_to_come_is_rung(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await kim.blocks()
    await ann.says(CHEST)
    assert "I can reach no coach right now" in ann.sees("Stop now").text
    await world.fast_forward(minutes=10)
    assert "999" in ann.sees("I have not reached anybody").text
    await kim.unblocks()
    await world.fast_forward(minutes=11)
    assert CHEST in kim.sees("Ann · NOW").text
    await kim.taps("I have it")


async def test_what_is_for_today_waits_for_the_coachs_waking_and_the_athlete_knows_the_hour(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim, zone="Europe/Riga")
    await world.fast_forward_to("23:00")
    kim.looks()
    await ann.says("I fainted in the shower this morning")
    assert "Kim is paged at 08:30 (your time)" in ann.sees("No running until").text
    await world.fast_forward_to("06:25")
    kim.sees_nothing_more()
    await world.fast_forward_to("06:30")
    kim.sees("Ann · today")
    await world.fast_forward_to("07:00")
    kim.sees("Still nobody has it")
    dana.sees_nothing_more()
    await world.fast_forward_to("08:30")
    dana.sees("Ann · today")
    assert "Kim and Dana" in ann.sees("Nobody has answered yet").text
    await kim.taps("I have it")


async def test_a_page_that_meets_an_outage_at_night_leaves_as_soon_as_it_can(world: World) -> None:
    """Quiet hours hold what is for today, also at the moment of sending; they never hold a NOW."""
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("02:00")
    world.fault("before", chat_id=kim.chat_id, times=4)
    began = world.now
    await ann.says(CHEST)
    (page,) = kim.got("Ann · NOW")
    assert page.at - began < timedelta(seconds=30)
    assert f"repeat of #{world.escalations()[0].short}" in page.text, "a reset does not tell what had arrived"
    await kim.taps("I have it")


async def test_it_cannot_wait_lifts_what_was_a_concern(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward_to("23:30")
    kim.looks()
    await ann.sends("voice")
    kim.sees_nothing_more()
    await ann.taps("It can’t wait")
    ann.sees("Stop now")
    kim.sees("Ann · NOW")
    await kim.taps("I have it")
    await world.fast_forward_to("07:00")


async def test_a_concern_stands_on_every_morning_list_until_somebody_has_it(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("my knee pain gets worse every day, 4/10")
    ann.sees("This flags for Kim")
    for _ in range(3):
        await world.fast_forward_to("07:00")
        kim.sees("Good morning, Kim. 1 needs you")
        kim.sees("my knee pain gets worse")
    await kim.taps("I have it")
    await world.fast_forward_to("07:00")
    short = world.escalations()[0].short
    assert not [bubble for bubble in kim.looks() if short in bubble.text and "I have it" in bubble.labels]


async def test_an_answer_from_the_coach_is_an_ack_and_a_letter_in_one(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says(CHEST)
    kim.sees("Ann · NOW")
    await kim.says("Sit down, I am calling you now", reply_to="Ann · NOW")
    assert ann.sees("Sit down, I am calling you now").text.startswith("Kim:")
    kim.sees("On its way to Ann")
    await world.fast_forward(hours=1)
    assert len(kim.got("Ann · NOW")) == 1


async def test_a_crash_at_any_step_of_a_page_delays_nothing_but_the_page(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    steps: tuple[Literal["confirm", "handle", "send"] | None, ...] = ("confirm", "handle", "send", None)
    for number, before in enumerate(steps, start=1):
        ann.looks()
        ann.phone.says(CHEST)
        await world.crash_and_restart(before=before)
        (escalation,) = world.escalations()  # the same one, opened again
        assert len(escalation.past) == number - 1
        assert len(kim.got("Ann · NOW")) == number, before
        assert len([one for one in ann.looks() if "Stop now" in one.text]) == 1
        await kim.taps("I have it")
        await kim.taps("Close it")


async def test_a_crash_between_accepted_and_recorded_repeats_the_page_marked_as_a_repeat(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    ann.phone.says(CHEST)
    await world.crash_and_restart(before="record")
    pages = kim.got("Ann · NOW")
    assert 1 <= len(pages) <= 2
    short = world.escalations()[0].short
    assert all(short in one.text for one in pages)
    assert ["repeat of #" in one.text for one in pages] == [False, True][: len(pages)]
    await kim.taps("I have it")
