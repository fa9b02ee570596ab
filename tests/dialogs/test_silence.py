"""Who goes quiet gets one kind word, and then a human; nobody gets two."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Escalation
from tests.dialogs.talk import ANN, DANA, KIM, Talk

NUDGE = "one tap is enough, and so is a word"
LINE = "has gone quiet"


@pytest.fixture
def talk() -> Talk:
    """Ann said something harmless yesterday, and was asked this Monday."""
    return begin()


def begin() -> Talk:
    return Talk().at("07:30").taps("All as usual")


def quiet(talk: Talk, days: int) -> Talk:
    """The morning after so many questions without an answer, just asked."""
    for _ in range(days + 1):
        talk.at("07:30")
    return talk


def of_silence(talk: Talk, of: int = ANN) -> list[Escalation]:
    return [one for one in talk.club.escalations.values() if one.topic == "silent" and one.athlete_id == of]


def nudges(talk: Talk) -> int:
    return sum(NUDGE in bubble.text for bubble in talk.chat(ANN))


def test_two_missed_are_one_kind_word_above_the_question_and_a_line_for_the_coach_that_day(talk: Talk) -> None:
    talk.says("a bit much at work just now")
    quiet(talk, 1).reads_not(ANN, NUDGE)
    quiet(talk, 0).hears(NUDGE).hears("/coach brings Kim").hears("How did you sleep?")
    assert len(talk.texts(ANN)) == 1, "one message, and not two"
    assert not of_silence(talk)
    talk.after(hours=4).nobody_reads(ANN, KIM)
    (one,) = of_silence(talk)
    assert (one.level, one.flag, one.words) == (Level.CONCERN, "silent", "a bit much at work just now")
    talk.at("06:00").kim_reads(LINE).kim_reads("a bit much at work just now")


def test_no_line_is_promised_where_a_coach_has_the_last_silence_in_hand_still(talk: Talk) -> None:
    """There will be none: the coach knows."""
    quiet(talk, 2).hears("I leave Kim a line").after(hours=5).at("06:00").kim_taps("I have it")
    talk.hears("Kim has seen that you were quiet").reads_not(ANN, "has your words")
    talk.says("back, was busy")
    quiet(talk, 2).hears(NUDGE).hears("Kim knows already that you were quiet").reads_not(ANN, "I leave Kim a line")
    assert len(of_silence(talk)) == 1


def test_an_answer_to_the_kind_word_costs_nobodys_attention(talk: Talk) -> None:
    quiet(talk, 2).hears(NUDGE).after(hours=3).taps("All as usual").hears("All as usual, kept.")
    talk.at("06:30").reads_not(KIM, LINE)
    assert not of_silence(talk) and not talk.planned("silence")
    assert (talk.ann.unheard, talk.ann.coaxed_on) == (0, None)


def test_a_silence_has_one_kind_word_however_long_it_lasts(talk: Talk) -> None:
    quiet(talk, 9)
    assert nudges(talk) == 1


def test_after_four_a_call_is_suggested_on_the_same_concern(talk: Talk) -> None:
    quiet(talk, 4).after(hours=5)
    (one,) = of_silence(talk)
    assert one.flag == "silent_call"
    talk.at("06:00").kim_reads("quiet for four check-ins now: perhaps call them")
    quiet(talk, 3)
    assert len(of_silence(talk)) == 1


def test_who_has_it_is_told_again_after_four_and_not_before(talk: Talk) -> None:
    quiet(talk, 2).after(hours=5).at("06:00").kim_taps("I have it")
    quiet(talk, 0).after(hours=5)
    assert not of_silence(talk)[0].open
    quiet(talk, 0).after(hours=5)
    (one,) = of_silence(talk)
    assert one.open and one.flag == "silent_call" and len(one.past) == 1


def test_who_comes_back_is_shown_as_back_and_a_human_closes_it(talk: Talk) -> None:
    quiet(talk, 2).after(hours=5)
    talk.says("sorry, phone was broken")
    assert of_silence(talk)[0].flag == "silent_back"
    talk.at("06:00").kim_reads("had gone quiet, and has answered again")


@pytest.mark.parametrize("low", [["2", "7 h", "That is all for today"], ["Something hurts", "Knee", "2", "No"]])
def test_one_missed_is_enough_after_a_bad_day(low: list[str]) -> None:
    talk = Talk().at("07:30")
    for label in low:
        talk.taps(label)
    quiet(talk, 1).hears(NUDGE)
    talk.after(hours=5)
    assert len(of_silence(talk)) == 1


def test_one_missed_is_enough_after_words_that_flagged(talk: Talk) -> None:
    talk.says("i feel so hopeless about all of it")
    assert talk.records("words")[-1].value is not None
    quiet(talk, 1).hears(NUDGE)


def test_not_today_and_in_an_hour_are_answers(talk: Talk) -> None:
    for label in ("Not today", "In an hour", "Not today"):
        talk.at("07:30").reads_not(ANN, NUDGE).taps(label)
    talk.at("07:30").reads_not(ANN, NUDGE)


def test_a_pause_of_a_month_is_no_silence(talk: Talk) -> None:
    talk.at("07:30").at("07:30").says("/pause until 6 July")
    talk.after(days=31)
    assert not of_silence(talk) and nudges(talk) == 0
    talk.until(talk.now + timedelta(days=3))
    assert talk.ann.unheard > 0, "they are asked again"


def test_days_off_are_not_missed(talk: Talk) -> None:
    talk.change(ANN, days_off=(1, 2, 3, 4, 6))  # asked on Mondays and Saturdays
    talk.says("/resume").until(talk.now + timedelta(days=7, hours=1))
    assert nudges(talk) == 0, "only Saturday was asked and missed when Monday came"
    talk.until(talk.now + timedelta(days=5))
    assert nudges(talk) == 1


def test_what_was_not_asked_is_not_missed(talk: Talk) -> None:
    """Two days of downtime: nobody was asked, and nobody is told that they were quiet."""
    talk.at("12:00").after(days=2, asleep=True)
    talk.after(hours=1)
    assert [one.value for one in talk.records("event", "not_asked")] == ["too_late"]
    talk.at("07:30").reads_not(ANN, NUDGE).hears("How did you sleep?")
    assert talk.ann.unheard == 1


def test_a_flight_east_and_back_counts_each_local_date_once(talk: Talk) -> None:
    talk.at("07:30").says("/zone Tokyo")
    talk.until(talk.now + timedelta(days=2, hours=12))
    assert talk.ann.unheard <= 3 and nudges(talk) <= 1
    talk.says("/zone London")
    assert talk.ann.unheard == 0


def test_who_blocks_the_bot_is_another_thing(talk: Talk) -> None:
    quiet(talk, 2)
    talk.change(ANN, reachable=False)
    talk.after(hours=5)
    assert not of_silence(talk)


def test_somebody_new_who_never_answers_is_a_line_without_words(talk: Talk) -> None:
    talk.club.journal.clear()
    quiet(talk, 2).after(hours=5)
    (one,) = of_silence(talk)
    assert one.words == ""
    talk.at("06:00").kim_reads(LINE)


def test_while_a_human_is_rung_for_them_there_is_no_second_worry(talk: Talk) -> None:
    talk.says("i fainted earlier today")
    quiet(talk, 2).after(hours=5)
    assert not of_silence(talk)


def test_after_a_restore_nobody_knows_and_the_coach_is_not_told(talk: Talk) -> None:
    quiet(talk, 2)
    data = {"flag": "silent", "missed": 2, "lost_until": talk.now.isoformat()}
    talk.rings(Due("silence", "silence:1:x", date(2026, 6, 3), data), ANN)
    assert not of_silence(talk)


def test_an_athlete_erased_meanwhile_rings_nothing(talk: Talk) -> None:
    quiet(talk, 2).says("/erase").taps("Erase everything")
    assert ANN not in talk.club.people
    assert not [key for key, (whose, _) in talk.club.wakeups.items() if whose == ANN]
    talk.after(days=2).reads_not(KIM, LINE)


def test_a_coach_who_runs_is_heard_by_what_they_do_as_a_coach() -> None:
    talk = Talk()
    talk.change(DANA, runs=True, coach_id=KIM, ask_at=time(7, 0))
    talk.says("/resume", DANA)
    for _ in range(4):
        talk.at("12:00").says("/queue", DANA)
    assert not of_silence(talk, DANA) and talk.person(DANA).unheard == 0
