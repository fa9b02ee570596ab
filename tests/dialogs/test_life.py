"""What life does to a plan: doing less is always possible, doing more is a coach's to decide."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.dialogs.season import FRI, MON, SAT, THU, TUE, WED, begin, session
from tests.dialogs.talk import ANN, KIM, Talk


@pytest.fixture
def talk() -> Talk:
    return begin()


def kinds(talk: Talk) -> list[str]:
    return [one.kind for one in talk.plan().sessions]


# --- little time ----------------------------------------------------------------------------------------------------


SHORT = ("I have 20 minutes", "i've only got 20 min today", "only 20 minutes", "/busy 20", "just 20 mins")


@pytest.mark.parametrize("said", SHORT)
def test_twenty_minutes_are_the_short_form_of_the_same(talk: Talk, said: str) -> None:
    talk.says(said).answers_with("Mon Easy run · 40 min · effort 3 → Easy run · 20 min · effort 3")
    talk.answers_with("You have little time: the short form of the same.", buttons=["I’d rather keep it", "My plan"])
    assert talk.session(MON).minutes == 20 and talk.session(MON).held is not None
    talk.kim_reads("has 20 min")


def test_two_sessions_of_a_day_share_the_minutes(talk: Talk) -> None:
    talk.plans(session("core", MON, "strength", form="gym", minutes=30)).says("i have 50 minutes")
    assert {one.id: (one.kind, one.minutes) for one in talk.plan().on(MON)} == {
        "mon": ("easy", 20), "core": ("strength", 30),
    }  # fmt: skip
    talk.kim_taps("Decline").says("i have 25 minutes")


def test_how_many_minutes_is_asked_where_it_was_not_said(talk: Talk) -> None:
    talk.says("/busy").answers_with("How many minutes have you got?").taps("30 min")
    assert talk.session(MON).minutes == 30


def test_what_fits_stays_as_it_is(talk: Talk) -> None:
    talk.says("I have 60 minutes").answers_with("That fits: Easy run · 40 min")
    assert talk.club.proposals == {}


def test_strength_in_ten_minutes_is_a_snack(talk: Talk) -> None:
    talk.at("07:00").after(days=2).says("i have 10 minutes").answers_with("→ Strength · 10 min · short")


def test_on_a_day_without_a_plan_a_snack_is_offered_and_nothing_is_fine(talk: Talk) -> None:
    talk.at("07:00").after(days=3).says("i have 15 minutes").answers_with(
        "Any strength beats none; nothing is fine, too."
    )
    talk.says("i have 5 minutes").answers_with("Then not today, and that is fine.")


# --- ill, injured, slower -------------------------------------------------------------------------------------------


def test_ill_below_the_neck_is_rest_and_the_coach_hears_of_it(talk: Talk) -> None:
    talk.says("I'm ill").answers_with("Where does it sit?").taps("Below the neck")
    talk.answers_with("Rest is the plan now, and nothing will be added on top later.", buttons=["I am well again"])
    talk.answers_with("You are ill, and rest comes first.")
    assert [talk.session(day).kind for day in (MON, TUE, WED)] == ["rest"] * 3
    assert talk.session(SAT).kind == "long"
    talk.kim_reads("Ann · Ill: below the neck, fever")


def test_a_cold_eases_what_is_hard_and_clears_nothing(talk: Talk) -> None:
    talk.says("im sick").taps("Only nose or throat").answers_with("Easy at the most, and nothing if it goes deeper.")
    assert (talk.session(TUE).kind, talk.session(MON).minutes) == ("easy", 40)


def test_a_fever_before_a_hard_run_pages(talk: Talk) -> None:
    talk.says("/ill").taps("Fever").answers_with("No running until a person has spoken with you.")
    assert talk.only.level == "today"
    talk.kim_reads("Ann · today: Fever before hard training")


def test_words_of_an_illness_hold_the_plan_as_well(talk: Talk) -> None:
    talk.says("I have had a fever and a chesty cough since last night, whole body aches")
    assert talk.session(MON).kind == "rest"


def test_well_again_brings_nothing_back_by_itself(talk: Talk) -> None:
    talk.says("I'm ill").taps("Below the neck").after(days=3).says("I'm well again")
    talk.answers_with("The way back is taken in steps, and Kim sets each of them.")
    assert talk.session(SAT).kind == "easy" and talk.session(SAT).minutes == 30
    talk.answers_with("After a break the way back is taken in steps.")


def test_injured_is_asked_where_and_how_strong(talk: Talk) -> None:
    talk.says("I'm injured").answers_with("Where does it hurt?").answers_with("You said that you are injured.")
    assert kinds(talk)[:3] == ["rest", "rest", "rest"]
    talk.taps("Knee").taps("4").taps("Yes").answers_with("Understood: knee, 4/10, changes your stride. Right?")


def test_slower_please_needs_no_reason(talk: Talk) -> None:
    talk.says("slower please").answers_with("Slower it is; you need no reason.")
    assert talk.session(TUE).kind == "easy"


def test_a_question_can_be_left(talk: Talk) -> None:
    talk.says("/ill").taps("Cancel").answers_with("All right, nothing has changed.")
    talk.says("/away").taps("Cancel").answers_with("All right, nothing has changed.")
    talk.says("/move").taps("Mon Easy run · 40 min · effort 3").taps("Cancel").answers_with(
        "All right, nothing has changed."
    )
    assert talk.club.changes == []


# --- away -----------------------------------------------------------------------------------------------------------


def test_away_lets_go_and_makes_up_for_nothing(talk: Talk) -> None:
    talk.plans(session("race", FRI, "race", km=10.0))
    talk.says("away until Saturday").answers_with("4 sessions are let go; nothing is made up for later.")
    talk.answers_with("The race stays in the plan: Kim decides about it.", buttons=["Undo"])
    assert kinds(talk) == ["race", "long", "hills"]
    talk.taps("Undo").answers_with("Undone: it stands as it was before.")
    assert len(talk.plan().sessions) == 7


def test_until_when_is_asked_and_a_wrong_day_is_told(talk: Talk) -> None:
    talk.says("/away").answers_with("Until when are you away?")
    talk.says("31 June").answers_with("There is no such day in the calendar.")
    talk.says("tomorrow").answers_with("One session is let go")
    talk.says("/away until the cows come home").answers_with("I could not read a day in that.")
    talk.taps("3 days").answers_with("Away until Thu 4 June.")


def test_away_where_nothing_was_planned() -> None:
    Talk().says("away until friday").answers_with("Nothing was planned, so nothing is let go")


# --- another day ----------------------------------------------------------------------------------------------------


def test_a_session_moves_to_a_free_day_at_once_and_back(talk: Talk) -> None:
    talk.says("move wednesday to friday").answers_with("Moved: Easy run · 40 min · effort 3, from Wed to Fri 5 June.")
    assert talk.session(FRI).id == "wed" and talk.plan().on(WED) == ()
    talk.taps("Undo")
    assert talk.session(WED).id == "wed"
    talk.nobody_reads(KIM)


def test_which_and_to_which_day_are_taps(talk: Talk) -> None:
    talk.says("/move").answers_with("Which session would you like to move?")
    talk.taps("Wed Easy run · 40 min · effort 3").answers_with("To which day?").taps("Fri").answers_with("Moved:")
    talk.says("/move wed to yesterday").answers_with("Which session would you like to move?")


def test_a_move_that_crowds_hard_days_is_the_coachs_to_decide(talk: Talk) -> None:
    talk.says("move saturday to wednesday").answers_with("I ask Kim; until then the plan stays as it is.")
    assert talk.session(SAT).kind == "long"
    talk.kim_reads("Ann · would like to move a session").kim_reads("Nothing has changed: this waits for you.")
    talk.kim_taps("Approve").reads(ANN, "Kim has looked, and agrees:")
    assert talk.plan().on(SAT) == () and {one.id for one in talk.plan().on(WED)} == {"wed", "sat"}


def test_a_move_that_is_declined_changes_nothing(talk: Talk) -> None:
    before = talk.plan().sessions
    talk.says("move tuesday to saturday").kim_taps("Decline")
    assert talk.plan().sessions == before


def test_a_move_that_nobody_decides_is_no_worry_and_the_athlete_is_told_the_truth(talk: Talk) -> None:
    before = talk.plan().sessions
    talk.says("move saturday to wednesday").after(days=2)
    talk.answers_with("Kim has not decided about your move. The plan stays as it was: Sat Long run · 100 min")
    assert talk.plan().sessions == before and talk.club.escalations == {}


def test_moving_to_the_same_day_or_a_past_one(talk: Talk) -> None:
    talk.says("move wednesday to wednesday").answers_with("It is on that day already.")
    talk.at("07:00").after(days=4).at("23:50").says("/move").taps("Sat Long run · 100 min · effort 5")
    old = talk.button("Fri")
    talk.after(minutes=20).presses(old).answers_with("That day is over")


def test_nothing_to_move() -> None:
    Talk().says("/move").answers_with("there is nothing that you could move")


def test_only_own_changes_are_undone(talk: Talk) -> None:
    talk.says("slower please")
    talk.presses("undo:1").answers_with("That question is closed.")
    talk.presses("undo:99").answers_with("That question is closed.")
    assert talk.session(TUE).kind == "easy"
    talk.says("move wednesday to friday").kim_says("/plan Ann").kim_taps("Fri").kim_taps("Clear the day")
    talk.taps("Undo").answers_with("The plan has changed since then")
    talk.says("away until tomorrow")
    late = talk.button("Undo")
    talk.after(days=2).presses(late).answers_with("There is nothing left in it that could be changed.")


NO_WISHES = (
    "Move me to a hospital, I can't breathe",
    "away until my chest pain stops",
    "away until I can die in peace",
)


@pytest.mark.parametrize("said", NO_WISHES)
def test_what_looks_like_a_wish_and_is_none_is_heard_by_a_human(talk: Talk, said: str) -> None:
    talk.says(said).reads_not(ANN, "Which session").reads_not(ANN, "Until when are you away")
    assert not [one for _, one in talk.club.changes if one.by == "athlete"] and talk.only.level >= "concern"


def test_a_sentence_that_only_begins_like_a_wish_is_words_for_a_human(talk: Talk) -> None:
    talk.says("I have 20 minutes of crying behind me and no idea why").reads_not(ANN, "short form")
    assert talk.club.changes == []
    assert talk.now + timedelta(0) == talk.now and THU > MON
