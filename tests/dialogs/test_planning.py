"""A plan in the chat: an athlete looks at it, a coach lays it out."""

from __future__ import annotations

import pytest

from dialogs.model import Session
from tests.dialogs.season import MON, SAT, THU, TUE, WED, begin, session
from tests.dialogs.talk import ANN, BEN, KIM, Talk


@pytest.fixture
def talk() -> Talk:
    return begin()


@pytest.mark.parametrize("wish", ["/plan", "plan", "This week?", "/plan week"])
def test_the_week_is_a_word_away(talk: Talk, wish: str) -> None:
    talk.says(wish).answers_with("▶Mon Easy run · 40 min · effort 3\nflat, no watch\nTue Speed · 50 min · effort 8")
    talk.answers_with("Sun –", buttons=["Today", "Next week", "After a session", "Little time", "Move it"])


def test_today_and_next_week_are_taps_in_one_bubble(talk: Talk) -> None:
    talk.says("/plan").taps("Today").answers_with("Today:\n\n▶Mon Easy run")
    talk.reads_not(ANN, "Tue Speed")
    talk.taps("Next week").answers_with("Next week:\n\nMon –\nTue Hills · 50 min · 150 m down · effort 7")
    assert talk.number_of_bubbles() == 1


def test_an_athlete_without_a_plan_is_told_so() -> None:
    Talk().says("/plan").answers_with("There is no plan here yet.", buttons=[])


def test_a_day_without_anything(talk: Talk) -> None:
    talk.at("12:00").after(days=4).says("today").answers_with("Nothing is planned today.")


def test_what_was_reported_stands_in_the_week(talk: Talk) -> None:
    talk.says("done").taps("Done").taps("3").taps("Nothing hurts")
    talk.says("/plan").answers_with("Easy run · 40 min · effort 3 ✓")
    assert talk.answers()["session"] == "mon"


def test_of_two_sessions_of_a_day_it_is_asked_which(talk: Talk) -> None:
    talk.plans(session("core", MON, "strength", form="snack", minutes=8))
    talk.says("/done").answers_with("Which one was it?").taps("Mon Strength · 8 min · short")
    talk.taps("Done").taps("2").taps("Nothing hurts")
    assert talk.answers()["session"] == "core"
    talk.says("/done").answers_with("How did the session go?")  # the other one is left, and is not asked for
    assert talk.answers()["session"] == "mon"


# --- a coach --------------------------------------------------------------------------------------------------------


def test_a_coach_taps_a_week_together_and_the_athlete_hears_of_it_once(talk: Talk) -> None:
    talk.kim_says("/plan Ann").kim_reads("Ann, the week of 1 June:")
    talk.kim_taps("Fri").kim_reads("Nothing yet.").kim_taps("Easy + strides")
    talk.kim_reads("Fri Easy run · 45 min · effort 4").nobody_reads(ANN)
    talk.kim_taps("Tell Ann").reads(ANN, "Kim has laid out your week:")
    assert talk.club.changes[-1][1].by == "coach"


def test_a_session_of_a_kind_takes_the_place_of_the_one_that_was_there(talk: Talk) -> None:
    talk.kim_says("/plan Ann").kim_taps("Tue").kim_taps("Tempo 3 × 10")
    assert [one.minutes for one in talk.plan().on(TUE)] == [60]
    talk.kim_taps("Tue").kim_taps("Strength, gym")
    assert sorted(one.kind for one in talk.plan().on(TUE)) == ["speed", "strength"]
    talk.kim_taps("Tue").kim_taps("Rest")
    talk.kim_taps("Tue").kim_taps("Clear the day")
    assert talk.plan().on(TUE) == ()


def test_a_coach_takes_back_the_last_change(talk: Talk) -> None:
    before = talk.plan().sessions
    talk.kim_says("/plan Ann").kim_taps("Sat").kim_taps("Clear the day").kim_taps("Undo")
    assert talk.plan().sessions == before
    talk.kim_reads("Sat Long run · 100 min")


def test_a_whole_week_is_laid_and_what_is_wrong_with_it_stands_below(talk: Talk) -> None:
    talk.plans(session("race", MON.replace(day=13), "race", km=21.1))
    talk.kim_says("/plan Ann next").kim_taps("Lay a week").kim_reads("Which kind of week").kim_taps("Build week")
    assert talk.session(MON.replace(day=13)).kind == "race", "a race stays"
    talk.kim_reads("⚠ Strength near a race")
    talk.kim_taps("◀ Week").kim_reads("Ann, the week of 1 June:")


def test_a_session_in_a_coachs_own_words(talk: Talk) -> None:
    talk.kim_says("/lay Ann wed easy 30: flat, no watch").kim_reads("Wed Easy run · 30 min")
    assert (talk.session(WED).minutes, talk.session(WED).text) == (30, "flat, no watch")
    talk.kim_says("/lay Ann next tuesday long 16 km").kim_reads("Tue Long run · 16 km")


@pytest.mark.parametrize("said", ["/lay Ann", "/lay Ann thu", "/lay Ann thu fun 30", "/lay Ann easy 30"])
def test_a_line_that_is_no_session_is_answered_with_an_example(talk: Talk, said: str) -> None:
    before = talk.plan()
    talk.kim_says(said).kim_reads("Like this: /lay Ann Thu easy 40")
    assert talk.plan() == before


def test_a_day_that_is_over_cannot_be_laid(talk: Talk) -> None:
    talk.kim_says("/plan Ann").kim_taps("Mon")
    old = talk.button("Easy 40", KIM)
    talk.after(days=2).presses(old, KIM).kim_reads("That day is over")
    assert talk.session(MON).minutes == 40


def test_whose_plan_is_asked_where_the_name_does_not_say_it(talk: Talk) -> None:
    talk.kim_says("/plan").kim_reads("Whose? Ann")
    talk.kim_says("/plan Ben").kim_reads("I found none of your athletes in that. Whose? Ann")
    talk.change(BEN, name="Ann B", coach_id=KIM)
    talk.kim_says("/plan ann b").kim_reads("Ann B, the week")
    talk.kim_says("/plan ann").kim_reads("Ann, the week")
    talk.change(ANN, name="Ann C")
    talk.kim_says("/plan ann").kim_reads("Whom do you mean?", ["Ann C", "Ann B", "Cancel"])
    talk.change(ANN, coach_id=None)
    talk.change(BEN, coach_id=None)
    talk.club.escalations.clear()
    talk.change(KIM, joined_at=talk.now)
    talk.kim_says("/plan").kim_reads("You have no athletes yet.")


FOREIGN = ("week:4:260601", "day:4:260601", "lay:4:260602:easy", "tell:4:260601", "block:4:260601:base")


@pytest.mark.parametrize("data", FOREIGN)
def test_nobody_lays_a_plan_for_anothers_athlete(talk: Talk, data: str) -> None:
    talk.presses(data, KIM).kim_reads("That question is closed.").nobody_reads(BEN)
    assert talk.plan(BEN).sessions == ()


FORGED = (
    "lay:1:260602:nothing", "lay:1:999999:easy", "lay:x:260602:easy", "block:1:260601:x", "unlay:1:260601:9", "lay:",
)  # fmt: skip


@pytest.mark.parametrize("data", FORGED)
def test_forged_buttons_do_nothing(talk: Talk, data: str) -> None:
    before = talk.plan()
    talk.presses(data, KIM).kim_reads("That question is closed.")
    assert talk.plan() == before


def test_two_who_change_a_plan_at_once_are_told_apart_by_its_version(talk: Talk) -> None:
    from dialogs.plan import Refused, changed

    stale: Session = talk.session(SAT)
    talk.kim_says("/plan Ann").kim_taps("Sat").kim_taps("Clear the day")
    with pytest.raises(Refused, match="stale"):
        changed(talk.plan(), MON, talk.now, by="coach", cause="x", removed=[stale])
    assert talk.session(THU).kind == "strength"
