"""Weeks: what was said comes back letter for letter, once a week, to the right person, and nobody is reproached."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from dialogs import render, weekday, weeks
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Session
from tests.dialogs.talk import ANN, BEN, DANA, KIM, Talk

MONDAY, SUNDAY = date(2026, 6, 1), date(2026, 6, 7)
PLAN = (
    Session("tue", date(2026, 6, 2), "easy", minutes=40),
    Session("thu", date(2026, 6, 4), "speed", minutes=50, effort=8),
    Session("sat", date(2026, 6, 6), "long", minutes=100),
    Session("tue2", date(2026, 6, 9), "easy", minutes=45),
    Session("wed2", date(2026, 6, 10), "strength", minutes=30, form="gym"),
    Session("thu2", date(2026, 6, 11), "hills", minutes=50),
    Session("sun2", date(2026, 6, 14), "long", minutes=110),
)
WORK = "work is eating me alive, i cry at my desk every day"
LONG = "long run done, kept it easy and talked the whole way with Bea"
CAPTION = 1024  # UTF-16 units below a picture (Bot API, sendPhoto)


def begin() -> Talk:
    """Ann and Kim get their weekly message. Nothing is planned yet: it comes by the turn that comes each day."""
    talk = Talk()
    talk.change(ANN, weekly=True)
    talk.change(KIM, weekly=True)
    return talk


@pytest.fixture
def talk() -> Talk:
    return begin()


def lived(talk: Talk) -> Talk:
    """A week: a good Monday, two bad nights, words about work, a long run on Saturday."""
    talk.plans(*PLAN)
    talk.at("07:30").taps("4").taps("4").taps("4").taps("4").taps("4")
    talk.at("19:00").says("legs fresh, the canal was like glass")
    talk.at("07:30").taps("All as usual")
    talk.at("07:30").taps("2").taps("5 h").taps("2").taps("3").taps("2").taps("2").says(WORK)
    talk.at("07:30")
    talk.at("07:30").taps("2").taps("5 h").taps("2").taps("3").taps("2").taps("2")
    talk.at("07:30").taps("All as usual")
    talk.at("15:00").says("/done").taps("Done").taps("5").taps("Nothing hurts").says(LONG)
    talk.at("07:30").taps("All as usual")
    return talk


# --- the athlete's week ---------------------------------------------------------------------------------------------


def test_the_week_comes_on_sunday_in_their_own_words(talk: Talk) -> None:
    lived(talk).at("18:00")
    talk.hears("Your week, 1 June to 7 June").hears("Check-ins: 6 of 7.")
    talk.hears("“legs fresh, the canal was like glass” (Monday)").hears(f"“{LONG}” (Saturday)")
    talk.hears("What does your week look like?", ["As usual", "Some days I can’t"])
    talk.hears("Sun Long run · 110 min")
    pictures = [one.message.picture for one in talk.heard if one.message.picture and one.chat == 101]
    assert [one.name for one in pictures if one] == ["trend"]
    assert talk.planned("week")[0].date() == SUNDAY + timedelta(days=7)


def test_what_a_rule_has_eased_is_told_with_its_reason(talk: Talk) -> None:
    lived(talk).at("18:00").hears("What changed in the plan:").hears("The nights were short.")


def test_after_bad_nights_nobody_is_nudged(talk: Talk) -> None:
    lived(talk).at("18:00")
    talk.reads_not(ANN, "eat before it").reads_not(ANN, "480")


def test_a_calm_week_may_carry_one_nudge_and_never_the_same_twice_running(talk: Talk) -> None:
    talk.plans(*PLAN)
    talk.change(ANN, shoes="Ghost 15, 470 km in May")
    for _ in range(7):
        talk.at("07:30").taps("All as usual")
    talk.at("19:00")  # Sunday: the weekly message has come at six
    first = talk.ann.nudged
    assert first in weeks.NUDGES
    for number in range(14):
        talk.plans(Session(f"x{number}", SUNDAY + timedelta(days=number + 8), "long", minutes=90))
    for _ in range(7):
        talk.at("07:30").taps("All as usual")
    talk.at("19:00")
    assert talk.ann.nudged != first or not talk.ann.nudged


@pytest.mark.parametrize(
    ("fields", "sessions", "name", "said"),
    [
        ({"shoes": "Ghost 15, 470 km in May", "shoes_km": 20.0}, (), "shoes", "about 490 km"),
        ({"shoes": "about 310 miles"}, (), "shoes", "about 500 km"),
        ({}, (Session("a", date(2026, 6, 13), "long", minutes=90),), "fuel", "eat before it"),
        (
            {},
            (Session("a", date(2026, 6, 9), "strength"), Session("b", date(2026, 6, 10), "speed", minutes=40)),
            "strength",
            "the eve of speed",
        ),
    ],
)
def test_nudges(fields: dict[str, Any], sessions: tuple[Session, ...], name: str, said: str) -> None:
    talk = begin().plans(*sessions)
    talk.change(ANN, **fields)
    for _ in range(7):
        talk.at("07:30").taps("All as usual")
    talk.at("18:00").hears(said)
    assert talk.ann.nudged == name


def test_short_sleep_once_is_a_nudge_and_no_alarm(talk: Talk) -> None:
    talk.at("07:30").taps("2").taps("6 h").taps("4").taps("4").taps("4").taps("4")
    for _ in range(6):
        talk.at("07:30").taps("All as usual")
    talk.at("18:00").hears("Seven to nine hours")


def test_words_that_were_urgent_are_not_quoted_back(talk: Talk) -> None:
    talk.at("07:30").says("i have chest pain when i run uphill").kim_taps("I have it")
    talk.until(datetime(2026, 6, 7, 17, 0, tzinfo=UTC))
    talk.hears("Your week").reads_not(ANN, "chest pain when i run")


def test_words_that_a_human_had_to_hear_are_for_the_human_and_not_read_back_on_sunday(talk: Talk) -> None:
    lived(talk).at("18:00").hears("In your words:").reads_not(ANN, WORK)
    talk.kim_reads(f"“{WORK}” (Wed)")


def test_a_race_is_told_and_counts_as_done_by_the_answer_how_it_was(talk: Talk) -> None:
    talk.plans(Session("race", date(2026, 6, 6), "race", km=10))
    for number in range(5):
        talk.at("07:30").taps("All as usual")
        if number == 4:
            talk.taps("I have a plan")
    talk.until(datetime(2026, 6, 7, 6, 30, tzinfo=UTC)).taps("All as usual").taps("Good")
    talk.until(datetime(2026, 6, 7, 17, 0, tzinfo=UTC)).hears("Sessions: 1 of 1 done. Race: Saturday, 10 km.")


def test_a_race_that_the_coach_puts_on_another_day_is_told_as_moved_and_not_as_let_go(talk: Talk) -> None:
    talk.plans(Session("old", date(2026, 6, 13), "race", km=10)).at("07:30").taps("All as usual")
    talk.kim_says("/lay Ann 20 June race 10 km").presses(f"lay:{ANN}:260613:-", KIM)
    talk.until(datetime(2026, 6, 7, 17, 0, tzinfo=UTC))
    talk.hears("Sat Race · 10 km → Sat 20 June Race · 10 km. Kim did this.").reads_not(ANN, "let go")


# --- bad input ------------------------------------------------------------------------------------------------------


def test_a_week_without_an_answer_is_told_as_quiet_and_needs_no_reason(talk: Talk) -> None:
    talk.until(datetime(2026, 6, 7, 17, 0, tzinfo=UTC))
    talk.hears("It was quiet here this week. That needs no reason.")
    assert not any(one.message.picture for one in talk.heard if one.chat == 101), "an empty frame looks like a reproach"


def test_a_first_week_counts_from_the_first_day(talk: Talk) -> None:
    talk.change(ANN, consent_at=datetime(2026, 6, 5, 12, tzinfo=UTC))
    talk.until(datetime(2026, 6, 6, 6, 30, tzinfo=UTC)).taps("All as usual")
    talk.until(datetime(2026, 6, 7, 17, 0, tzinfo=UTC)).hears("Your first days").hears("Check-ins: 1 of 3.")


def test_who_is_on_a_pause_all_week_gets_nothing_and_the_weeks_go_on(talk: Talk) -> None:
    talk.at("07:30").taps("All as usual").says("/pause until 5 July")
    talk.until(datetime(2026, 6, 14, 16, 59, tzinfo=UTC))
    talk.until(datetime(2026, 6, 14, 17, 0, tzinfo=UTC)).nobody_reads(ANN)
    talk.until(datetime(2026, 7, 5, 6, 30, tzinfo=UTC)).taps("All as usual")
    talk.until(datetime(2026, 7, 5, 17, 0, tzinfo=UTC)).hears("Check-ins: 1 of 1.")


def test_a_late_one_comes_on_its_own_date_and_not_on_another(talk: Talk) -> None:
    talk.at("07:30").taps("All as usual")
    talk.after(days=6, hours=13, minutes=30, asleep=True)  # Sunday 21:00
    talk.until(talk.now).hears("Your week")
    talk.after(days=7, hours=5, asleep=True)  # the Monday after next
    talk.until(talk.now).reads_not(ANN, "Your week")
    assert talk.planned("week")[0].date() == date(2026, 6, 21)


def test_a_flight_over_the_date_line_brings_no_second_sunday(talk: Talk) -> None:
    talk.says("/zone").says("Auckland")
    talk.until(datetime(2026, 6, 7, 6, 0, tzinfo=UTC))  # Sunday 18:00 in Auckland
    talk.hears("Your week")
    talk.says("/zone").says("Honolulu")  # where it is Saturday
    assert talk.planned("week")[0].date() >= date(2026, 6, 14)


def test_after_a_move_it_comes_at_the_new_clock(talk: Talk) -> None:
    talk.at("07:30").taps("All as usual")
    talk.says("/zone").says("Denver")
    assert talk.planned("week") == [datetime(2026, 6, 8, 0, 0, tzinfo=UTC)], "Sunday 18:00 in Denver"


def test_after_a_restore_it_is_not_sent_twice(talk: Talk) -> None:
    talk.at("07:30").taps("All as usual")
    data = {"lost_until": datetime(2026, 6, 8, tzinfo=UTC).isoformat()}
    talk.until(datetime(2026, 6, 7, 16, 0, tzinfo=UTC))
    talk.club.wakeups.pop(f"week:{ANN}:2026-06-07")
    talk.club.rung.add(f"week:{ANN}:2026-06-07")
    talk.rings(Due("week", f"week:{ANN}:2026-06-07", SUNDAY, data), ANN).nobody_reads(ANN)
    assert f"week:{ANN}:2026-06-14" in talk.club.wakeups


# --- when -----------------------------------------------------------------------------------------------------------


def test_the_day_and_hour_can_be_chosen_and_switched_off(talk: Talk) -> None:
    talk.says("/weekday").hears("On which day").taps("Fri").hears("At what time?").says("19:30")
    talk.hears("comes on Friday at 19:30, next on 5 June")
    assert talk.planned("week") == [datetime(2026, 6, 5, 18, 30, tzinfo=UTC)]
    talk.says("/weekday").taps("No weekly message").hears("No weekly message from now on.")
    assert not talk.planned("week")
    talk.says("/weekday").taps("Cancel").hears("nothing is changed")
    talk.says("/weekday").taps("Sun").taps("09:00")
    talk.says("/weekday").taps("Mon").says("half a week").hears("Like 7:00 or 18:30")
    assert talk.ann.weekly and talk.ann.week_day == 6


def test_a_new_day_leaves_more_than_three_days_between_two_messages(talk: Talk) -> None:
    talk.at("07:30").taps("All as usual")
    talk.until(datetime(2026, 6, 7, 17, 0, tzinfo=UTC)).hears("Your week")
    talk.says("/weekday").taps("Mon").taps("18:00")
    assert [at.date() for at in talk.planned("week")] == [date(2026, 6, 15)]


def test_who_was_here_before_there_were_weeks_gets_one_planned_once(talk: Talk) -> None:
    talk.at("07:30").at("07:31").at("07:31")
    assert len(talk.planned("week")) == 1 and len(talk.planned("coachweek")) == 1
    before = talk.club.wakeups.copy()
    talk.at("07:31")
    assert {key for key in talk.club.wakeups if key.startswith("week")} == {key for key in before if key[:4] == "week"}


def test_it_can_be_asked_for_at_any_time(talk: Talk) -> None:
    talk.at("07:30").taps("All as usual").says("/week").hears("Your week").hears("What does your week look like?")


# --- the answer -----------------------------------------------------------------------------------------------------


def asked(talk: Talk) -> Talk:
    return talk.plans(*PLAN).until(datetime(2026, 6, 7, 17, 0, tzinfo=UTC))


def test_as_usual_is_one_tap(talk: Talk) -> None:
    asked(talk).taps("As usual").hears("Kept: as usual.")
    assert talk.ann.free == ()


def test_a_day_without_time_is_put_to_the_coach_as_a_move_and_nothing_moves_by_itself(talk: Talk) -> None:
    before = asked(talk).plan()
    talk.taps("Some days I can’t").hears("On which days").taps("Thu").taps("Done")
    talk.hears("Thu Hills · 50 min: no time on that day").hears("Until Kim decides the plan stands as it is.")
    talk.kim_reads("would like to move a session").kim_reads("Nothing has changed: this waits for you.")
    assert talk.plan() == before and talk.ann.free == ((date(2026, 6, 11), 0),)
    talk.kim_says("/plan Ann next").kim_reads("no time on this day, says the athlete (11 June)")
    talk.kim_taps("Approve")
    assert not talk.plan().on(date(2026, 6, 11))


def test_in_words_and_the_words_reach_the_coach_too(talk: Talk) -> None:
    words = "Tue no because the nursery is closed, Thu 20 min"
    asked(talk).says(words).hears("Kept: Tue no, Thu 20 min.").hears("longer than the 20 min there are")
    assert [one.words for one in talk.records("words")] == [words]
    talk.kim_reads(words)


def test_where_no_day_has_room_it_stands_beside_the_plan(talk: Talk) -> None:
    asked(talk).says("travelling all week").hears("Kim sees it beside your plan")
    assert not talk.plan().number == 0 and not [one for one in talk.club.proposals.values() if one.state == "open"]


def test_other_words_are_no_answer_and_the_question_stays(talk: Talk) -> None:
    asked(talk).says("the heat was too much for me").hears("Kept, word for word. And the question:")
    talk.says("my shin hurts a lot").reads_not(ANN, "Kept: ")
    talk.until(talk.now + timedelta(hours=25))
    assert talk.person(ANN).free == ()


def test_a_worry_inside_the_answer_is_heard(talk: Talk) -> None:
    asked(talk).says("Tue no, and i have chest pain when i breathe").hears("Stop now")
    assert Level.NOW in [one.level for one in talk.open] and talk.ann.free == ((date(2026, 6, 9), 0),)


# --- the coach's week -----------------------------------------------------------------------------------------------


def test_the_coachs_week_is_one_screen_and_a_card_with_a_draft(talk: Talk) -> None:
    lived(talk).at("16:00")
    talk.kim_reads("Your athletes’ week, 1 June to 7 June").kim_reads("Who needs you:").kim_reads("Check-ins: 6 of 7.")
    talk.kim_reads("sleep, freshness, calm, mood low Wed Fri").kim_reads(f"“{WORK}” (Wed)").kim_reads("Short nights 1×")
    talk.kim_reads("A draft:", ["Send", "Edit", "Throw away"])
    talk.nobody_reads(ANN)
    assert [one.message.picture.facts["name"] for one in talk.heard if one.message.picture] == ["Ann"]


def draft_of(talk: Talk) -> str:
    (record,) = [one for one in talk.records("step", "draft")]
    return str(record.words)


def test_a_draft_is_sent_as_it_stood_there_and_once(talk: Talk) -> None:
    lived(talk).at("16:00")
    words = draft_of(talk)
    button = talk.button("Send", KIM)
    talk.kim_taps("Send").reads(ANN, f"Kim:\n{words}").kim_reads("On its way to Ann.")
    assert not talk.last(KIM).rows or "Send" not in talk.last(KIM).labels
    talk.presses(button, KIM).kim_reads("This draft has been sent already.").nobody_reads(ANN)


def test_a_draft_can_be_thrown_away_and_nothing_is_sent(talk: Talk) -> None:
    lived(talk).at("16:00").kim_taps("Throw away").kim_reads("Ann gets nothing.").nobody_reads(ANN)
    talk.presses(f"dsend:{ANN}:260607", KIM).kim_reads("thrown away already").nobody_reads(ANN)


def test_a_draft_can_be_edited_it_is_copied_and_the_next_message_is_the_letter(talk: Talk) -> None:
    lived(talk).at("16:00")
    talk.presses(f"dedit:{ANN}:260607", KIM).kim_reads(draft_of(talk)).kim_reads("Your next message goes to Ann")
    talk.nobody_reads(ANN)
    talk.kim_says("Ann, ring me tonight.").reads(ANN, "Kim:\nAnn, ring me tonight.")
    talk.presses(f"dsend:{ANN}:260607", KIM).kim_reads("taken up already").nobody_reads(ANN)


@pytest.mark.parametrize("who", [DANA, ANN, BEN])
def test_a_foreign_draft_is_like_none(talk: Talk, who: int) -> None:
    lived(talk).at("16:00")
    for kind in ("dsend", "dedit", "ddrop"):
        talk.presses(f"{kind}:{ANN}:260607", who).reads(who, "That question is closed.")
        talk.nobody_reads(*({ANN, KIM, DANA, BEN} - {who}))
    assert not talk.records("step", "drafted")


def test_there_is_no_draft_where_something_urgent_is_open(talk: Talk) -> None:
    talk.at("07:30").taps("All as usual").says("groin pain and i limp since the run")
    talk.until(datetime(2026, 6, 7, 15, 0, tzinfo=UTC))
    talk.kim_reads("No draft here").reads_not(KIM, "A draft:")
    assert not talk.records("step", "draft")


def test_what_was_urgent_this_week_is_for_the_coachs_own_words_also_once_it_is_handled(talk: Talk) -> None:
    talk.at("07:30").taps("All as usual").says("groin pain and i limp since the run")
    talk.kim_taps("I have it").kim_taps("Handled").kim_says("spoke to her").kim_taps("Close it")
    talk.until(datetime(2026, 6, 7, 15, 0, tzinfo=UTC))
    talk.kim_reads("No draft here").kim_reads("closed: Ann")


def test_a_draft_may_stand_beside_a_worry_that_somebody_deals_with(talk: Talk) -> None:
    """Of a bone-like place it is urgent; it was tapped, no word of it was, and the coach has answered."""
    talk.at("07:30").taps("Something hurts").taps("Shin").taps("2").taps("No").taps("All as usual")
    talk.kim_taps("I have it").kim_taps("Handled").kim_says("rang her, it is the calf")
    talk.until(datetime(2026, 6, 7, 15, 0, tzinfo=UTC)).kim_reads("for 6 days, handled").kim_reads("A draft:")


def test_a_pain_that_goes_down_is_said_with_its_days(talk: Talk) -> None:
    talk.until(datetime(2026, 6, 7, 18, 0, tzinfo=UTC)).at("07:30").taps("Something hurts").taps("Achilles").taps(
        "4"
    ).taps("No").taps("All as usual")
    talk.at("07:30").taps("2").taps("All as usual")
    talk.until(datetime(2026, 6, 14, 15, 0, tzinfo=UTC)).kim_reads("achilles 4→2/10")
    assert "The achilles: 4 on Monday, 2 on Tuesday." in str(talk.records("step", "draft")[-1].words)


def test_short_nights_are_named_by_their_days(talk: Talk) -> None:
    for _ in range(2):
        talk.at("07:30").taps("2").taps("5 h").taps("That is all for today")
    talk.until(datetime(2026, 6, 7, 15, 0, tzinfo=UTC)).kim_reads("sleep low Mon Tue")
    assert "Monday and Tuesday" in draft_of(talk)


def test_a_long_run_whose_effort_was_not_said_is_asked_about_and_not_praised(talk: Talk) -> None:
    talk.plans(*PLAN)
    for _ in range(6):
        talk.at("07:30").taps("All as usual")
    talk.at("15:00").says("/done").taps("Done")
    talk.until(datetime(2026, 6, 7, 15, 0, tzinfo=UTC)).kim_reads("A draft:")
    assert "The long run on Saturday is in. Tell me how it was." in draft_of(talk)


def test_somebody_who_was_not_asked_is_named_and_gets_neither_card_nor_draft(talk: Talk) -> None:
    talk.change(ANN, consent_at=datetime(2026, 6, 7, 10, 0, tzinfo=UTC), paused_until=date(2026, 6, 20))
    talk.change(BEN, coach_id=KIM, consent_at=datetime(2026, 5, 1, tzinfo=UTC), zone="Europe/London")
    talk.until(datetime(2026, 6, 7, 15, 0, tzinfo=UTC)).kim_reads("Not asked: Ann (pause).")
    assert not [one for one in talk.records("step", "draft") if one.about == ANN]


def test_what_they_said_of_days_that_are_over_stands_beside_no_next_week(talk: Talk) -> None:
    lived(talk).at("18:00").says("Tue no, Thu 45 min").hears("Kept")
    talk.until(datetime(2026, 6, 14, 15, 0, tzinfo=UTC)).reads_not(KIM, "next week: “")


def test_who_went_quiet_is_named_and_asked_how_they_are(talk: Talk) -> None:
    talk.until(datetime(2026, 6, 7, 15, 0, tzinfo=UTC))
    talk.kim_reads("Quiet: Ann (").kim_reads("A draft:")
    assert "quiet" in draft_of(talk) or "heard from you" in draft_of(talk)


def test_on_holiday_no_week_comes_and_who_stands_in_has_the_athletes_in_theirs(talk: Talk) -> None:
    talk.change(DANA, weekly=True)
    talk.change(KIM, away_from=date(2026, 6, 6), away_until=date(2026, 6, 20), substitute_id=DANA)
    lived(talk).at("16:00").reads_not(KIM, "Your athletes’ week")
    talk.at("17:00").dana_reads("Your athletes’ week").dana_reads("Ann · 6 of 7 check-ins")


def test_an_athlete_who_is_erased_on_saturday_night_is_in_no_week_on_sunday(talk: Talk) -> None:
    talk.until(datetime(2026, 6, 6, 6, 30, tzinfo=UTC)).taps("All as usual").says(LONG)
    talk.until(datetime(2026, 6, 6, 22, 0, tzinfo=UTC)).says("/erase").taps("Erase everything")
    talk.kim_taps("Erase now")  # her silence is still open, so a human has looked first
    assert ANN not in talk.club.people
    talk.until(datetime(2026, 6, 7, 15, 0, tzinfo=UTC)).reads_not(KIM, "week").reads_not(KIM, LONG)
    talk.kim_says("/week").wakes("coachweek", of=KIM).kim_reads("You have no athletes yet.").reads_not(KIM, "Ann ·")
    talk.until(datetime(2026, 6, 7, 18, 0, tzinfo=UTC)).nobody_reads(ANN)


def test_a_coach_asks_for_the_week_and_gets_the_same_draft_again(talk: Talk) -> None:
    lived(talk).at("16:00")
    words = draft_of(talk)
    talk.kim_says("/week").kim_reads("I am putting the week together.")
    talk.wakes("coachweek", of=KIM).kim_reads("Your athletes’ week").kim_reads(words)
    assert draft_of(talk) == words


def test_a_long_draft_stands_in_a_message_of_its_own(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialogs.coach_weeks.CARD_DRAFT", 10)
    lived(talk).at("16:00").kim_reads("A draft to Ann:", ["Send", "Edit", "Throw away"])


def test_the_head_coach_reads_reach_and_response(talk: Talk) -> None:
    talk.change(KIM, weekly=True)
    talk.club_week = {
        "athletes": 2, "asked": 14, "answered": 6, "silent": [{"name": "Ben", "coach": "Dana"}], "silent_more": 0,
        "response": [
            {"level": "now", "raised": 1, "acked": 1, "median": 60.0, "p90": 60.0, "worst": 60.0},
            {"level": "today", "raised": 6, "acked": 5, "median": 600.0, "p90": 90000.0, "worst": 90000.0},
            {"level": "concern", "raised": 1, "acked": 0, "median": 200000.0, "p90": 200000.0, "worst": 200000.0},
        ],
        "coaches": [{"name": "Kim", "athletes": 1, "paged": 2}, {"name": None, "athletes": 1, "paged": 0}],
        "late": [{"short": "K7Q2M", "athlete": "Ben", "coach": "Dana", "age": 200000.0}], "late_more": 1,
    }  # fmt: skip
    lived(talk).at("16:00")
    talk.kim_reads("The club’s week").kim_reads("6 of 14 check-ins answered (43 %)").kim_reads("Ben (Dana)")
    talk.kim_reads("today: half within 10 min, nine of ten within 25 h, the longest 25 h (5 of 6)")
    talk.kim_reads("now: within 1 min (1 of 1)")
    talk.kim_reads("1 raised, none taken yet").kim_reads("Ben #K7Q2M (2 days, Dana) and 1 more")
    talk.reads_not(DANA, "The club’s week")


def test_a_card_and_a_look_back_have_room_below_a_picture(talk: Talk) -> None:
    """Telegram refuses a caption of more than 1024 units; then neither words nor picture would come."""
    long = "ö" * 30
    talk.change(ANN, name="Annabel Wilhelmina " + "x" * 40, free_words="Tue no " * 20)
    talk.plans(*PLAN)
    for number in range(7):
        talk.at("07:30").taps("2").taps("4 h").taps("2").taps("2").taps("2").taps("2")
        talk.says(f"{number} " + f"{long} slept badly and work is too much 😀 " * 6)
    talk.at("18:00")
    seen = [
        bubble.text
        for who in (ANN, KIM)
        for bubble in talk.chat(who)
        if "eek" in bubble.text or "check-ins" in bubble.text
    ]
    cards = [text for text in seen if " check-ins" in text or "In your words" in text]
    assert cards and max(map(render.units, cards)) <= CAPTION


def test_between_two_messages_lie_more_than_three_days_whatever_the_day(talk: Talk) -> None:
    for day in range(7):
        talk.change(ANN, week_on=SUNDAY, week_day=day, week_at=time(18))
        talk.says("/weekday").taps(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][day]).taps("18:00")
        planned = talk.ann.week_next
        assert planned is not None and (planned - SUNDAY) > weekday.APART and planned.weekday() == day
