"""Around a race: one short question at a time, none on the morning; what is urgent after an ultra is rung at once."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dialogs.levels import Level
from dialogs.model import Session
from dialogs.scripts.races import RACE
from tests.dialogs.season import MON, session
from tests.dialogs.talk import ANN, KIM, Talk

DAY = timedelta(days=1)
WEEK, EVE, LINE = "A week to your race.", "Do you have a plan for the first hour", "I ask nothing today."
HOW, THREE, TEN, BODY = "How was it?", "Three days on", "Ten days on", "three short questions"
ALL = (WEEK, EVE, LINE, HOW, THREE, TEN, BODY)
MONDAY = date(2026, 6, 1)


def race(on: int, **fields: object) -> Session:
    """So many days after Monday."""
    return session(f"race{on}", MONDAY + on * DAY, "race", **fields)


def ultra(on: int) -> Session:
    """Ten hours: it ends at six in the evening."""
    return race(on, km=80.0, minutes=600)


def begin() -> Talk:
    """Monday, the check-in just asked; a race of 21 km on Monday in a week."""
    return Talk().plans(race(7, km=21.0)).at("07:30")


@pytest.fixture
def talk() -> Talk:
    return begin()


def days_of(talk: Talk, days: int, *, answers: bool = True) -> list[tuple[int, str]]:
    """Live through so many days from Monday; each question or line of a race, with the day on which it was read."""
    found: list[tuple[int, str]] = []

    def note() -> None:
        for text in talk.texts(ANN):
            found.extend(((talk.now.date() - MONDAY).days, one) for one in ALL if one in text)

    for number in range(days):
        start = MONDAY + number * DAY
        while talk.now.date() == start:
            following = talk._next()
            if following is None or following.at.date() > start:
                break
            talk.wakes()
            note()
            if answers and any("How did you sleep?" in text for text in talk.texts(ANN)):
                talk.taps("All as usual")
                note()
        talk.until(talk.now.replace(hour=0, minute=30) + DAY)
        note()
    return list(dict.fromkeys(found))


def test_a_race_is_asked_about_before_and_after_and_never_on_its_morning() -> None:
    talk = Talk().plans(race(8, km=21.0))
    assert days_of(talk, 20) == [(1, WEEK), (7, EVE), (8, LINE), (9, HOW), (11, THREE), (18, TEN)]
    asked = [text for bubble in talk.chat(ANN) for text in [bubble.text] if "How did you sleep?" in text]
    assert len(asked) == 0 and talk.records("answer", "sleep")[-1].value == "usual"


def test_the_question_continues_the_check_in_and_does_not_come_again_by_itself(talk: Talk) -> None:
    talk.taps("All as usual").hears("All as usual, kept.").hears(WEEK, buttons=["Calm", "Some doubt"])
    talk.hears("strength rests").taps("Calm").hears("Kept, thank you.")
    assert talk.answers()["race_week"] == "calm"
    talk.at("23:00").reads_not(ANN, WEEK)


def test_a_doubt_is_asked_for_and_words_are_words_for_the_coach(talk: Talk) -> None:
    talk.taps("All as usual").taps("Some doubt").hears("Thank you for saying so, Ann. What is it?")
    talk.says("the long climbs at the end").hears("next morning list")
    talk.at("06:00").kim_reads("the long climbs at the end")


def test_words_answer_as_well_as_a_tap(talk: Talk) -> None:
    talk.taps("All as usual").says("excited, slept well all week").hears("Kept, in your words. Kim reads them")
    assert talk.ann.talks == () and talk.answers()["race_week"] == "in_words"
    assert talk.records("words")[-1].words == "excited, slept well all week"
    talk.at("06:00").kim_reads("excited, slept well all week")


def test_a_wish_stays_a_wish_while_it_is_asked(talk: Talk) -> None:
    talk.taps("All as usual").hears(WEEK).says("next week").hears("Race")
    assert talk.ann.talks[-1].script == "race"


def test_hopeless_words_ten_days_on_are_heard_as_such() -> None:
    talk = Talk().plans(race(0)).at("07:30")
    talk.says("/checkin").taps("All as usual")
    for _ in range(10):
        talk.at("07:30").taps("All as usual")
    talk.hears(TEN).hears("many feel flat").says("i feel hopeless and empty, nothing matters any more")
    assert talk.open and talk.open[0].level >= Level.CONCERN


def test_the_morning_of_a_race_is_one_line_in_place_of_the_check_in(talk: Talk) -> None:
    talk.taps("All as usual")
    for _ in range(6):
        talk.at("07:30").taps("All as usual")
    talk.at("07:30").hears(LINE).reads_not(ANN, "How did you sleep?")
    assert len(talk.texts(ANN)) == 1 and talk.ann.unheard == 0
    talk.at("23:00").reads_not(ANN, "How did you sleep?")
    talk.at("07:30").hears("How did you sleep?").taps("All as usual").hears(
        HOW, buttons=["Good", "Mixed", "Hard to take"]
    )


def test_on_a_day_off_the_line_comes_all_the_same(talk: Talk) -> None:
    talk.taps("All as usual")
    talk.change(ANN, days_off=(0,))
    talk.until(talk.now + 6 * DAY)
    talk.at("07:30").hears(LINE)


def test_who_told_of_the_race_already_is_not_asked_how_it_was() -> None:
    talk = Talk().plans(race(0)).says("/checkin").taps("All as usual").at("18:00")
    talk.says("/done").taps("Done").taps("9").taps("Nothing hurts")
    talk.at("07:30").taps("All as usual").reads_not(ANN, HOW)


def test_who_did_not_start_is_asked_nothing_more() -> None:
    talk = Talk().plans(ultra(0)).says("/checkin").taps("All as usual").at("18:00")
    talk.says("/done").taps("Not done").taps("Body").taps("Nothing hurts")
    assert not {one for _, one in days_of(talk, 12)} & {HOW, THREE, TEN, BODY}


# --- after an ultra -------------------------------------------------------------------------------------------------


def after_ultra() -> Talk:
    """The morning after, just asked."""
    return Talk().plans(ultra(0)).says("/checkin").taps("All as usual").at("07:30").at("07:30")


def test_the_morning_after_an_ultra_asks_for_head_stomach_and_urine_before_the_check_in() -> None:
    talk = after_ultra().hears(BODY).reads_not(ANN, "How did you sleep?")
    talk.taps("Fine").taps("Fine, food stays in").taps("Light").hears("Kept, thank you.").hears("How did you sleep?")
    talk.taps("All as usual")
    assert not talk.club.escalations
    talk.at("18:00").hears("A day after your race").taps("Fine").taps("Fine, food stays in").taps("Light").hears(HOW)
    talk.says("the longest day of my life, and good").hears("Kept, in your words.")


@pytest.mark.parametrize(
    ("taps", "level", "flag"),
    [
        (("A bad headache",), Level.TODAY, "race_head"),
        (("Fine", "Vomiting"), Level.TODAY, "race_stomach"),
        (("Fine", "Fine, food stays in", "Dark, like cola"), Level.TODAY, "dark_urine"),
        (("Confused, not making sense",), Level.NOW, "confusion"),
    ],
)
def test_a_bad_answer_goes_to_a_human_at_once(taps: tuple[str, ...], level: Level, flag: str) -> None:
    talk = after_ultra()
    for label in taps:
        talk.taps(label)
    assert (talk.only.level, talk.only.flag) == (level, flag)
    talk.kim_reads("Ann").hears("Stop now. Call 999" if level is Level.NOW else "No running until a person has spoken")


def test_a_headache_and_vomiting_are_one_page_with_both_in_it() -> None:
    talk = after_ultra().taps("A bad headache").taps("Vomiting").kim_reads("vomiting")
    assert talk.only.words == "headache\nvomiting" and talk.only.level is Level.TODAY
    talk.taps("Light").hears("How did you sleep?")


def test_confusion_ends_the_questions_with_the_number_to_call() -> None:
    talk = after_ultra().taps("Confused, not making sense")
    assert "Stop now. Call 999" in talk.texts(ANN)[-1] and not any(one.script == "race" for one in talk.ann.talks)


def test_words_after_an_ultra_are_read_like_any_others() -> None:
    talk = after_ultra().says("my pee is the colour of cola")
    assert talk.open and talk.open[0].level >= Level.TODAY
    talk.taps("Fine").hears("Your stomach?")


def test_a_race_of_five_hours_is_no_ultra() -> None:
    talk = Talk().plans(race(0, km=42.0, minutes=300)).says("/checkin").taps("All as usual").at("07:30").at("07:30")
    talk.reads_not(ANN, BODY).hears("How did you sleep?").taps("All as usual").hears(HOW)


def test_in_the_quiet_hours_nobody_is_asked_for_their_stomach() -> None:
    talk = Talk().plans(race(0, minutes=400)).says("/checkin").taps("All as usual")
    assert (talk.planned("race")[1] - talk.now).total_seconds() / 3600 == pytest.approx(24.5, abs=0.1), "not at two"
    assert all(5 <= at.hour < 21 for at in talk.planned("race"))


# --- plans that change ----------------------------------------------------------------------------------------------


def test_a_race_that_was_taken_out_is_not_asked_about(talk: Talk) -> None:
    talk.taps("All as usual").taps("Calm")
    talk.club.plans[ANN] = type(talk.plan())(2, ())
    assert days_of(talk, 20) == []
    assert talk.ann.races == ()


def test_a_race_that_was_moved_is_asked_about_where_it_stands_now(talk: Talk) -> None:
    talk.taps("All as usual").taps("Calm")
    talk.club.plans[ANN] = type(talk.plan())(2, (race(10, km=21.0),))
    assert days_of(talk, 22) == [(3, WEEK), (9, EVE), (10, LINE), (11, HOW), (13, THREE), (20, TEN)]


def test_a_race_moved_by_a_silent_athletes_coach_is_found_by_the_wakeup_that_is_stale() -> None:
    talk = Talk().plans(race(8)).says("/checkin").taps("All as usual")
    talk.club.plans[ANN] = type(talk.plan())(2, (race(9),))
    found = days_of(talk, 12, answers=False)
    assert (9, LINE) in found and (8, LINE) not in found


def test_two_races_in_ten_days_do_not_double_the_questions() -> None:
    talk = Talk().plans(race(8), race(17))
    found = days_of(talk, 30)
    days = [day for day, _ in found]
    assert len(days) == len(set(days)), "one a day"
    assert found == [
        (1, WEEK), (7, EVE), (8, LINE), (9, HOW), (10, WEEK), (16, EVE), (17, LINE), (18, HOW), (20, THREE), (27, TEN),
    ]  # fmt: skip


def test_two_races_on_one_week_end_are_one_week() -> None:
    found = days_of(Talk().plans(race(8), race(9)), 14)
    assert found == [(1, WEEK), (7, EVE), (8, LINE), (9, LINE), (10, HOW), (12, THREE)]


def test_a_pause_is_a_pause_on_race_day_too(talk: Talk) -> None:
    talk.taps("All as usual").taps("Calm").says("/pause until 1 July")
    assert days_of(talk, 20) == []


def test_an_athlete_erased_before_the_race_is_asked_nothing(talk: Talk) -> None:
    talk.taps("All as usual").says("/erase").taps("Erase everything").after(days=12)
    assert ANN not in talk.club.people


def test_a_question_of_yesterday_is_closed(talk: Talk) -> None:
    talk.taps("All as usual")
    button = talk.button("Calm")
    talk.at("07:30").presses(button).hears("That question is closed")


def test_late_by_hours_the_line_of_the_morning_does_not_come(talk: Talk) -> None:
    talk.taps("All as usual").taps("Calm")
    talk.until(talk.now + 6 * DAY).after(hours=28, asleep=True).after(hours=1)
    assert LINE not in "\n".join(bubble.text for bubble in talk.chat(ANN))


# --- strength -------------------------------------------------------------------------------------------------------


def test_strength_leaves_race_week_held_for_the_coach() -> None:
    gym = session("gym", MON + 2 * DAY, "strength", minutes=45, form="gym")
    back = session("back", MON + 9 * DAY, "strength", minutes=30, form="bodyweight")
    talk = Talk().plans(race(7), gym, back).at("07:30").taps("All as usual")
    talk.hears("Eased, and held until Kim has looked").hears("A race is near, and strength rests until it is over.")
    assert talk.plan().find("gym").kind == "mobility"  # type: ignore[union-attr]
    assert talk.plan().find("back") == back, "what comes after the race is nobody's to ease here"
    talk.kim_reads("race on 8 June").kim_taps("Decline")
    assert talk.plan().find("gym").kind == "strength"  # type: ignore[union-attr]
    talk.reads(KIM, "")


def test_each_question_has_one_phase_and_each_bad_answer_a_level() -> None:
    assert [step.id for step in RACE.steps] == ["head", "stomach", "urine", "week", "eve", "how", "three", "ten"]
