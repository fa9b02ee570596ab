"""A letter to all of a coach's own athletes: previewed, once, outside their nights, and answered like any letter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dialogs.model import Lane
from tests.dialogs.talk import ANN, BEN, DANA, KIM, PEOPLE, SEVEN, Talk

CARA, DEE, EVA = 11, 12, 13


def squad() -> Talk:
    """Kim has Ann, Cara who is on a pause, Dee who has blocked the bot, and Eva who has not joined yet."""
    ann = PEOPLE[0]
    cara = replace(ann, id=CARA, name="Cara", chat_id=111, user_id=111, paused_until=SEVEN.date() + timedelta(days=99))
    dee = replace(ann, id=DEE, name="Dee", chat_id=112, user_id=112, reachable=False)
    eva = replace(ann, id=EVA, name="Eva", chat_id=113, user_id=113, consent_at=None)
    return Talk(*PEOPLE, cara, dee, eva)


def test_it_is_shown_before_it_leaves_and_goes_to_the_own_athletes_alone() -> None:
    talk = squad().kim_says("/broadcast The track is closed on Tuesday.")
    talk.kim_reads("To 1 of your athletes, to each alone", ["Send", "Cancel"]).nobody_reads(ANN, BEN, DANA)
    talk.kim_reads("Not to 3: Cara (pause), Dee (has blocked the bot), Eva (has not joined yet)")
    talk.kim_reads("Kim, to all of Kim’s athletes:\nThe track is closed on Tuesday.")
    talk.kim_taps("Send").kim_reads("On its way to 1. Not to 3: Cara (pause)")
    talk.reads(ANN, "Kim, to all of Kim’s athletes:\nThe track is closed on Tuesday.").nobody_reads(BEN, CARA, DEE, EVA)
    (letter,) = [one for one in talk.outcome.messages if one.to == ANN]
    assert (letter.lane, letter.once, letter.quiet) == (Lane.BULK, True, True)
    assert letter.key is not None and letter.expires_at is not None


def test_an_answer_goes_to_the_coach_as_after_any_letter() -> None:
    talk = squad().kim_says("/broadcast The track is closed on Tuesday.").kim_taps("Send")
    talk.says("then I run in the park").kim_reads("then I run in the park")
    talk.kim_says("good", reply_to=talk.last(KIM)).reads(ANN, "good")


def test_a_second_tap_sends_nothing_and_a_cancelled_one_neither() -> None:
    talk = squad().kim_says("/broadcast one")
    send = talk.button("Send", KIM)
    talk.kim_taps("Send").presses(send, KIM).kim_reads("That question is closed").nobody_reads(ANN)
    talk.kim_says("/broadcast two").kim_taps("Cancel").kim_reads("All right, nothing was sent").nobody_reads(ANN)
    talk.kim_says("/broadcast three").after(minutes=61).kim_taps("Send").kim_reads("That was not sent").nobody_reads(
        ANN
    )


def test_who_has_gone_on_a_pause_since_the_preview_does_not_get_it() -> None:
    talk = squad().kim_says("/broadcast one")
    talk.change(ANN, paused_until=talk.now.date() + timedelta(days=3))
    talk.kim_taps("Send").kim_reads("On its way to 0. Not to 4: Ann (pause)").nobody_reads(ANN)
    talk.kim_says("/broadcast two").kim_reads("Nobody would get it now: Ann (pause)")


def test_somebody_who_stands_in_writes_to_their_own_and_not_to_these() -> None:
    talk = squad().kim_says("/holiday until 8 June Dana").dana_says("/broadcast hello").dana_reads("To 1 of your")
    talk.dana_taps("Send").reads(BEN, "Dana, to all of Dana’s athletes").nobody_reads(ANN)


@pytest.mark.parametrize("words", ["<b>x</i> & {{ 7 }}", "x" * 3000, "👨‍👩‍👧" * 370, "a\nb\n\nc"])
def test_any_words_arrive_letter_for_letter(words: str) -> None:
    talk = squad().kim_says(f"/broadcast {words}").kim_taps("Send")
    assert talk.last(ANN).text.endswith(words)


def test_what_is_too_long_or_empty_is_not_sent() -> None:
    talk = squad().kim_says("/broadcast").kim_reads("Write it behind the command")
    talk.kim_says("/broadcast " + "x" * 3001).kim_reads("too long for one message: up to 3000")
    talk.change(BEN, coach_id=KIM)
    talk.dana_says("/broadcast hello").dana_reads("You have no athletes yet")


def test_a_text_while_a_preview_is_open_is_not_taken_for_a_yes() -> None:
    squad().kim_says("/broadcast one").kim_says("send it").nobody_reads(ANN)
