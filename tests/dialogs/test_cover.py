"""Who reads when the coach does not: hours, a holiday, the page for whoever stands in, the club, and passing on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs import answering, commands, timing
from dialogs.model import Person
from tests.dialogs.talk import ANN, BEN, DANA, KIM, PEOPLE, SEVEN, Talk

HAL = 6
_SINCE = datetime(2026, 5, 1, tzinfo=UTC)
THIRD = Person(
    HAL, "Hal", chat_id=106, user_id=106, coaches=True, zone="Europe/London", place="London", country="GB",
    consent_at=_SINCE, joined_at=_SINCE + timedelta(days=3),
)  # fmt: skip


def club() -> Talk:
    """Kim is the head coach, Dana the second, Hal the third; it is Monday, 1 June, seven in London."""
    return Talk(*PEOPLE, THIRD)


def away() -> Talk:
    return club().kim_says("/holiday until 8 June Dana")


# --- hours ----------------------------------------------------------------------------------------------------------


def test_hours_are_read_by_athletes_on_their_own_clock() -> None:
    talk = Talk().kim_says("/hours 7-20, not Sunday")
    talk.kim_reads("Kim reads from 07:00 to 20:00, not on Sundays.")
    talk.says("/settings").answers_with("Kim reads from 06:00 to 19:00, not on Sundays.")
    talk.kim_says("/hours 8 to 18:30 not Sat and Sun").kim_reads("from 08:00 to 18:30, not on Saturdays and Sundays")
    talk.kim_says("/hours off").kim_reads("no hours of yours")
    talk.says("/settings").reads_not(ANN, "reads from")


@pytest.mark.parametrize(
    "said", ["7", "7-7", "25-30", "7-20, not Blursday", "soon", "7-20 not mon tue wed thu fri sat sun"]
)
def test_hours_that_are_none_are_asked_for_again(said: str) -> None:
    talk = Talk().kim_says(f"/hours {said}").kim_reads("I did not understand these hours")
    assert talk.kim.reads_from is None


def test_hours_hold_up_no_page() -> None:
    talk = Talk().kim_says("/hours 12-13")
    talk.says("chest pain").kim_reads("Ann · NOW")


# --- a holiday ------------------------------------------------------------------------------------------------------


def test_a_holiday_gives_the_athletes_to_the_substitute_and_ends_by_itself() -> None:
    talk = away()
    talk.kim_reads("You are away until 8 June").dana_reads(
        "Kim is away until 8 June and names you to stand in: 1 athlete."
    )
    talk.reads(ANN, "Dana reads what you write in that time and answers you", ["All right", "Rather not"])
    talk.dana_reads("From today you stand in for Kim", ["Ann"])
    talk.says("my knee hurts, 6 of 10, it changes how i run").nobody_reads(KIM)
    talk.says("chest pain on the hill").dana_reads("Ann · NOW").nobody_reads(KIM)
    talk.reads(ANN, "I am alerting Dana")
    talk.dana_taps("I have it").reads(ANN, "Dana has your words and has taken this on")
    talk.at("07:30").nobody_reads(KIM)
    talk.until(datetime(2026, 6, 8, 5, 30, tzinfo=UTC))  # half past seven in Berlin
    assert talk.kim.away_from is None
    talk.says("it hurts again, chest pain").kim_reads("Ann · NOW")


def test_the_substitute_has_the_list_the_words_and_the_letters() -> None:
    talk = away()
    talk.change(BEN, coach_id=HAL)
    talk.after(hours=1).says("the long run was lovely, thank you all")
    talk.until(datetime(2026, 6, 2, 6, 1, tzinfo=UTC))  # Dana's hour, seven in London
    assert any("the long run was lovely" in bubble.text for bubble in talk.chat(DANA))
    assert not any("the long run was lovely" in bubble.text for bubble in talk.chat(KIM))
    talk.dana_says("/athletes").dana_reads("Ann")
    talk.presses(f"write:{ANN}", DANA).dana_says("well done, Ann").reads(ANN, "Dana")
    talk.says("thank you Dana, how is Kim").dana_reads("how is Kim")


def test_a_holiday_that_is_planned_begins_on_its_first_day() -> None:
    talk = club().kim_says("/holiday from 10 June until 20 June Dana").kim_reads("away from 10 June until 20 June")
    talk.nobody_reads(ANN)
    talk.says("chest pain").kim_reads("NOW").kim_taps("I have it").kim_taps("Close it")
    talk.until(datetime(2026, 6, 8, 6, 0, tzinfo=UTC))
    assert any("Dana reads what you write" in bubble.text for bubble in talk.chat(ANN)), "two days before"
    talk.says("a tight chest, chest pain").kim_reads("NOW").kim_taps("I have it").kim_taps("Close it")
    talk.until(datetime(2026, 6, 9, 22, 1, tzinfo=UTC))  # just after midnight in Berlin
    assert any("you stand in for Kim" in bubble.text for bubble in talk.chat(DANA))
    talk.says("chest pain, bad").dana_reads("Ann · NOW").nobody_reads(KIM)


def test_who_would_rather_not_goes_to_the_head_coach_and_the_substitute_reads_nothing() -> None:
    talk = club()
    talk.change(KIM, joined_at=_SINCE + timedelta(days=9))  # Dana is the head coach now
    talk.kim_says("/holiday until 8 June Hal").reads(ANN, "Hal reads what you write in that time")
    talk.taps("Rather not", ANN).reads(ANN, "All right, not Hal. Dana reads for you")
    talk.dana_reads("Ann would rather write to you than to Hal").nobody_reads(HAL)
    talk.says("chest pain").dana_reads("NOW").nobody_reads(HAL, KIM)
    talk.says("/queue", HAL).reads(HAL, "Nothing is open")
    talk.presses(f"handover:{ANN}", HAL).reads(HAL, "That question is closed")
    talk.presses(f"write:{ANN}", HAL).reads(HAL, "That question is closed")
    talk.dana_taps("I have it").dana_taps("Close it")
    talk.taps("All right", ANN).reads(ANN, "Hal reads for you while Kim is away")
    talk.says("chest pain").reads(HAL, "NOW")


def test_a_second_holiday_keeps_the_no() -> None:
    talk = club()
    talk.change(ANN, refused=(DANA,))
    talk.kim_says("/holiday until 8 June Dana").reads(
        ANN, "As you would rather not have Dana, Hal reads what you write"
    )
    talk.reads(HAL, "From today you stand in for Kim", ["Ann"]).reads_not(DANA, "From today")


@pytest.mark.parametrize("choice", ["yes:6", "no:6", "no:1", "no:2", "no:", "maybe:3", "", "no:3:3", "no:٣"])
def test_a_button_about_somebody_who_does_not_stand_in_changes_nothing(choice: str) -> None:
    talk = away().presses(f"cover:{choice}", ANN).reads(ANN, "That question is closed")
    assert talk.ann.refused == ()


def test_the_button_is_dead_when_the_holiday_is_over() -> None:
    talk = away().kim_says("/holiday off").kim_reads("Welcome back").dana_reads("Kim is back")
    talk.reads(ANN, "Kim is back, and reads what you write again")
    talk.presses("cover:no:3", ANN).reads(ANN, "That question is closed")
    talk.says("chest pain").kim_reads("NOW").nobody_reads(DANA)


def test_back_by_the_button_before_it_began_tells_no_athlete() -> None:
    talk = club().kim_says("/holiday from 10 June until 20 June Dana").kim_taps("I am back").kim_reads("Welcome back")
    talk.nobody_reads(ANN)
    assert not talk.planned("holiday")
    talk.presses("holiday:back", KIM).kim_reads("That question is closed")
    talk.kim_says("/holiday off").kim_reads("You are not away")
    talk.presses("holiday:zzz", KIM).kim_reads("That question is closed")


def test_what_a_holiday_needs_is_asked_for() -> None:
    talk = club().kim_says("/holiday").kim_reads("/holiday until 3 July Dana")
    talk.kim_says("/holiday until Blursday Dana").kim_reads("You are not away. Like this")
    talk.kim_says("/holiday from 20 June until 10 June Dana").kim_reads("You are not away. Like this")
    talk.kim_says("/holiday until 8 June").kim_reads("/holiday until 8 June Hal")
    talk.kim_says("/holiday until 8 June Zoe").kim_reads("Who stands in for you?")
    talk.dana_says("/holiday until 10 June Hal")
    talk.kim_says("/holiday until 8 June Dana").kim_reads("Dana is away in that time")
    assert talk.kim.away_from is None
    talk.kim_says("/holiday until 8 June Hal").kim_says("/holiday").kim_reads("You are away until 8 June", None)


def test_a_coach_alone_has_nobody_who_stands_in() -> None:
    alone = Talk(*(one for one in PEOPLE if one.id in (ANN, KIM)))
    alone.kim_says("/holiday").kim_reads("There is no other coach here who could stand in")
    alone.kim_says("/holiday until 8 June Dana").kim_reads("there is no other coach here")


def test_the_page_for_whoever_stands_in_has_no_private_notes_unless_it_was_ticked() -> None:
    talk = club()
    talk.change(ANN, injuries="old shin fracture", fears="the start line", helps="a short call", contact="Bo, 555 0199")
    talk.kim_says("/note Ann breaks down when pushed")
    talk.says("my shin hurts, 6 of 10")
    talk.kim_says("/holiday until 8 June Dana").dana_taps("Ann")
    talk.dana_reads("old shin fracture").dana_reads("the start line").dana_reads("a short call").dana_reads("555 0199")
    talk.dana_reads("my shin hurts, 6 of 10").dana_reads("No plan this week").reads_not(DANA, "breaks down")
    talk.kim_taps("With my private notes").kim_reads("with your private notes")
    talk.dana_says("/handover Ann").dana_reads("breaks down when pushed")
    talk.kim_taps("✓ With my private notes").kim_reads("without your private notes")
    talk.dana_says("/handover Ann").reads_not(DANA, "breaks down")
    talk.presses(f"handover:{BEN}", KIM).kim_reads("That question is closed")


def test_the_substitutes_buttons_are_dead_when_the_holiday_is_over() -> None:
    talk = club().kim_says("/holiday until 8 June Hal")  # Dana, Kim's backup, still sees what is open
    talk.until(datetime(2026, 6, 8, 6, 0, tzinfo=UTC))
    for data in (f"handover:{ANN}", f"write:{ANN}", f"ease:{ANN}", f"week:{ANN}:260608"):
        talk.presses(data, HAL).reads(HAL, "That question is closed")


def test_a_backup_who_is_away_is_not_rung_while_somebody_is_there() -> None:
    talk = club()
    talk.change(KIM, backup_id=HAL)
    talk.change(HAL, away_from=date(2026, 6, 1), away_until=date(2026, 6, 9), substitute_id=KIM)
    talk.says("chest pain").after(minutes=21).dana_reads("NOW").nobody_reads(HAL)
    talk.dana_taps("I have it").reads(ANN, "Dana has your words")


def test_of_two_coaches_the_absent_one_is_still_rung_behind_the_substitute() -> None:
    talk = Talk().kim_says("/holiday until 8 June Dana")
    talk.says("chest pain").nobody_reads(KIM).after(minutes=21).kim_reads("Ann · NOW")
    talk.kim_taps("I have it").reads(ANN, "Kim has your words").dana_reads("Kim has Ann")


def test_a_substitute_who_cannot_be_reached_leaves_it_to_the_next() -> None:
    talk = away()
    talk.change(DANA, reachable=False)
    talk.says("chest pain").reads(HAL, "Ann · NOW")


# --- the club -------------------------------------------------------------------------------------------------------


def test_the_head_coach_sees_the_club() -> None:
    talk = club()
    talk.says("my shin hurts, 6 of 10").says("chest pain", BEN)
    talk.dana_says("/holiday until 8 June Hal")
    talk.change(HAL, away_from=date(2026, 6, 20), away_until=date(2026, 6, 30), substitute_id=KIM)
    talk.club.people[7] = replace(talk.ann, id=7, name="Olu", chat_id=107, user_id=107, coach_id=None)
    talk.kim_says("/club").after(seconds=1)
    talk.kim_reads("Kim: 1 athlete\n1 open, the oldest since 1 June, 0 taken; 0 pages in seven days")
    talk.kim_reads("Dana: 1 athlete · 🌴 away until 8 June, Hal stands in")
    talk.kim_reads("Hal: 0 athletes · away from 20 June").kim_reads("No coach: 1 athlete")
    talk.dana_says("/club").dana_reads("I do not know that command")


def test_who_has_no_coach_is_on_the_head_coachs_list() -> None:
    talk = club()
    talk.change(BEN, coach_id=None)
    talk.kim_says("/athletes").kim_reads("Ben")
    talk.presses(f"write:{BEN}", KIM).kim_says("I read for you meanwhile").reads(BEN, "I read for you meanwhile")
    talk.presses(f"write:{BEN}", DANA).dana_reads("That question is closed")


# --- an athlete passes on -------------------------------------------------------------------------------------------


def test_an_athlete_moves_with_consent_and_the_old_coachs_buttons_are_dead_at_once() -> None:
    talk = club()
    talk.change(DANA, backup_id=HAL)  # else the head coach covers, who is Kim
    talk.says("my shin hurts, 6 of 10")
    talk.kim_says("/move_athlete Ann to Dana").kim_reads("I ask Ann whether Dana shall coach them").nobody_reads(DANA)
    talk.after(seconds=2).reads(ANN, "shall Dana coach you from now on, and no longer Kim?", ["Dana", "No, as it is"])
    assert talk.ann.coach_id == KIM
    talk.presses(f"write:{ANN}", KIM).kim_reads("Your next message goes to Ann")
    talk.taps("Dana").reads(ANN, "From now on Dana coaches you")
    talk.kim_reads("Ann has agreed: Dana coaches them").dana_reads("Ann has agreed and is yours now, from Kim")
    talk.kim_says("a last word").kim_reads("That was not sent").nobody_reads(ANN)
    short = talk.only.short
    for data in (
        f"ack:{short}",
        f"write:{ANN}",
        f"close:{short}",
        f"useful:{short}",
        f"ease:{ANN}",
        f"week:{ANN}:260601",
    ):
        talk.presses(data, KIM).kim_reads("That question is closed")
    talk.presses(f"ack:{short}", DANA).reads(ANN, "Dana")
    talk.says("chest pain").dana_reads("Ann · NOW").nobody_reads(KIM)
    talk.presses("coached:3", ANN).reads(ANN, "That question is closed")


def test_what_the_old_coach_had_taken_has_to_be_taken_again() -> None:
    talk = club()
    talk.says("I fainted after the run yesterday").kim_taps("I have it")
    short = talk.only.short
    talk.kim_says("/move_athlete Ann to Dana").after(seconds=2).taps("Dana", ANN)
    talk.dana_reads("Ann · today").dana_reads(f"#{short}")
    assert talk.only.open and talk.planned("page")
    talk.dana_taps("I have it").reads(ANN, "Dana")
    assert talk.only.owner_id == DANA


def test_a_concern_that_the_old_coach_had_taken_is_on_the_new_ones_list() -> None:
    talk = club()
    talk.says("my shin hurts, 6 of 10").kim_says("/queue").kim_taps("I have it")
    talk.kim_says("/move_athlete Ann to Dana").after(seconds=2).taps("Dana", ANN)
    assert talk.only.open and talk.only.next_at is not None
    talk.dana_says("/queue").dana_reads("my shin hurts")


def test_an_athlete_may_stay() -> None:
    talk = club().kim_says("/move_athlete Ann to Dana").after(seconds=2)
    talk.taps("No, as it is").reads(ANN, "it stays as it is: Kim coaches you").kim_reads(
        "Ann would rather stay with you"
    )
    talk.presses("coached:3", ANN).reads(ANN, "That question is closed").presses("coached:no", ANN)
    assert talk.ann.coach_id == KIM


def test_only_the_own_and_the_head_coach_ask_that() -> None:
    talk = club()
    talk.says("chest pain", BEN).after(minutes=21)  # Kim, the backup, knows of Ben now
    talk.kim_says("/move_athlete Ben to Hal").kim_reads("I ask Ben whether Hal").after(seconds=2)
    talk.reads(BEN, "Kim asks: shall Hal coach you from now on, and no longer Dana?")
    talk.says("chest pain").after(minutes=21)
    talk.dana_says("/move_athlete Ann to Hal").dana_reads("Ann’s own coach or the head coach can ask that")
    talk.kim_says("/move_athlete Ann to Zoe").kim_reads("Like this: /move_athlete Ann to Dana")
    talk.kim_says("/move_athlete").kim_reads("Like this: /move_athlete Ann to Dana")
    talk.kim_says("/move_athlete Zoe to Dana").kim_reads("Whose?")
    talk.change(ANN, consent_at=None)
    talk.kim_says("/move_athlete Ann to Hal").kim_reads("Ann has not joined yet")


@pytest.mark.parametrize("choice", ["2", "6", "3x", "", "no", "٣"])
def test_nobody_chooses_a_coach_who_was_not_offered(choice: str) -> None:
    talk = club().presses(f"coached:{choice}", ANN).reads(ANN, "That question is closed")
    assert talk.ann.coach_id == KIM


def test_a_new_coach_who_has_gone_meanwhile_is_not_asked_about() -> None:
    talk = club().kim_says("/move_athlete Ann to Hal")
    talk.change(HAL, coaches=False)
    talk.after(seconds=2).nobody_reads(ANN)
    assert talk.ann.offered == ()
    alone = Talk(*(one for one in PEOPLE if one.id in (ANN, KIM)))
    alone.kim_says("/move_athlete").kim_reads("There is no other coach here")


# --- a coach leaves -------------------------------------------------------------------------------------------------


def left() -> Talk:
    talk = club().says("I fainted after the run yesterday")
    return talk.kim_taps("I have it").kim_says("/leave")


def test_a_coach_leaves_and_the_athletes_are_asked_who() -> None:
    talk = left().kim_reads("If you leave, you coach nobody here any more").kim_taps("Yes, I leave")
    talk.kim_reads("You coach nobody here any more").dana_reads("Kim coaches nobody here any more")
    talk.after(seconds=2).reads(ANN, "Kim does not coach here any more. Dana reads what you write", ["Dana", "Hal"])
    talk.dana_reads("Ann · today"), "what Kim had taken"
    talk.says("chest pain").dana_reads("Ann · NOW").nobody_reads(KIM)
    talk.taps("Hal", ANN).reads(ANN, "From now on Hal coaches you").reads(HAL, "Ann has agreed and is yours now")
    talk.dana_says("/athletes").reads_not(DANA, "Ann")


def test_every_button_of_a_coach_who_has_left_is_dead_at_once() -> None:
    talk = left()
    short = talk.only.short
    talk.kim_taps("Yes, I leave")
    kept = (dict(talk.club.people), dict(talk.club.escalations), list(talk.club.journal))
    targets = (short, str(ANN), f"{ANN}:{short}", f"{ANN}:260601", "sleep-short:0", f"sleep-short:{ANN}:off", "")
    for kind in commands.COACH_TAPS:
        for target in targets:
            talk.presses(f"{kind}:{target}", KIM)
            assert "private line between athletes" in talk.last(KIM).text
    for name in commands.COMMANDS:
        talk.kim_says(f"/{name} Ann")
    assert (dict(talk.club.people), dict(talk.club.escalations), list(talk.club.journal)) == kept
    assert not talk.planned("list") or all(
        whose != KIM for whose, one in talk.club.wakeups.values() if one.kind == "list"
    )


def test_a_coach_who_runs_leaves_and_stays_as_an_athlete() -> None:
    talk = club()
    talk.change(KIM, runs=True, coach_id=DANA)
    talk.kim_says("/leave").kim_reads("as an athlete you stay").kim_taps("Yes, I leave")
    talk.kim_reads("As an athlete you are still here")
    talk.presses(f"write:{ANN}", KIM).kim_reads("That question is closed")
    talk.kim_says("/queue").kim_reads("I do not know that command")
    talk.kim_says("chest pain").dana_reads("Kim · NOW")


def test_a_coach_stays_after_all_and_the_only_one_cannot_go() -> None:
    talk = left().kim_taps("I stay").kim_reads("All right, you stay")
    assert talk.kim.coaches
    talk.kim_says("/leave").kim_says("no").kim_reads("All right, you stay")
    alone = Talk(*(one for one in PEOPLE if one.id in (ANN, KIM)))
    alone.kim_says("/leave").kim_reads("You are the only coach here, and 1 athlete would have nobody")
    talk.kim_says("/leave")
    talk.change(DANA, coaches=False)
    talk.change(HAL, coaches=False)
    talk.kim_says("yes").kim_reads("You are the only coach here")
    assert talk.kim.coaches


# --- the rule itself ------------------------------------------------------------------------------------------------

_coach = st.builds(
    lambda n, since, until, sub, backup, reachable, zone: Person(
        n, f"C{n}", chat_id=n, coaches=True, reachable=reachable, backup_id=backup, substitute_id=sub, zone=zone,
        away_from=date(2026, 6, 1) + timedelta(days=since) if until else None,
        away_until=date(2026, 6, 1) + timedelta(days=since + until) if until else None,
    ),
    st.integers(1, 5), st.integers(-3, 3), st.integers(0, 6), st.none() | st.integers(1, 6),
    st.none() | st.integers(1, 6), st.booleans(), st.sampled_from(["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"]),
)  # fmt: skip


@given(
    st.lists(_coach, unique_by=lambda one: one.id, max_size=5),
    st.integers(1, 6),
    st.lists(st.integers(1, 6), max_size=3).map(tuple),
    st.integers(0, 47),
)
def test_an_active_coach_always_leads_to_somebody_and_never_to_who_was_refused(
    coaches: list[Person], own: int, refused: tuple[int, ...], hours: int
) -> None:
    now = SEVEN + timedelta(hours=hours)
    athlete = Person(9, "Ann", runs=True, coach_id=own, refused=refused)
    coach = answering.in_charge(coaches, athlete, now)
    mine = next((one for one in coaches if one.id == own), None)
    assert (coach is None) == (mine is None)
    backup = answering.behind(coaches, coach, athlete, now, mine)
    assert backup is None or backup != coach
    assert backup is not None or len(coaches) < 2
    if coach is not None and mine is not None and coach.id != mine.id:
        assert answering.away(mine, now) and not answering.away(coach, now)
        assert coach.id not in refused and coach.reachable
        same_day = timing.local_date(mine.zone, now)
        assert mine.away_from is not None and mine.away_until is not None
        assert mine.away_from <= same_day < mine.away_until
    # Whoever has fewer coaches in view, as an athlete's turn has, finds the same one.
    near = [one for n, one in enumerate(coaches) if n < 3 or (mine and one.id in (mine.id, mine.substitute_id))]
    assert answering.in_charge(near, athlete, now) == coach


def test_a_holiday_is_by_the_coachs_own_calendar() -> None:
    coach = replace(THIRD, zone="Pacific/Auckland", away_from=date(2026, 6, 2), away_until=date(2026, 6, 3))
    noon = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
    assert [answering.away(coach, noon + timedelta(hours=n)) for n in (-1, 0, 23, 24)] == [False, True, True, False]
    assert coach.ask_at == time(7)
