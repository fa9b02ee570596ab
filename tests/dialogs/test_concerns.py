"""The life of a concern, as conversations: what joins it, what opens it again, and what comes of "I have it"."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs import concerns, render
from dialogs.levels import Level
from dialogs.model import Escalation
from dialogs.rules.book import shipped
from dialogs.words.aches import PLACES, Ache
from dialogs.words.triage import FLAGS
from tests.dialogs.season import TUE, session
from tests.dialogs.talk import ANN, BEN, DANA, KIM, PEOPLE, Talk

CYCLE = "i have missed my periods for four months"
KNEE = "my knee is {}/10 after the hills"
ASK = "What has come of it?"


def begin() -> Talk:
    """Monday noon in London; this morning's check-in is in. There are no more: silence is another concern."""
    talk = Talk().at("07:30").taps("All as usual").at("12:00")
    for who in (ANN, BEN):
        talk.change(who, paused_until=date(2026, 12, 1))
    return talk


@pytest.fixture
def talk() -> Talk:
    return begin()


def steps(talk: Talk, *names: str) -> list[str]:
    return [one.name for one in talk.records("step") if not names or one.name in names]


# --- what it is about -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "words", "topic"),
    [
        ("pain_bone", "left shin, 4/10", "pain:shin"), ("pain_high", "knee, 7/10", "pain:knee"),
        ("pain-over-five", "it hurts 7/10", "pain"), ("sounds-pain", "rodilla", "pain:knee"),
        ("groin-limp", "i limp", "pain:groin"), ("chest", "chest pain", "body"), ("fainting", "", "body"),
        ("ill", "a cold", "illness"), ("crisis", "", "mind"), ("burnout", "", "mind"),
        ("missed-periods", "", "food"), ("under_fuelling", "", "food"), ("painkillers", "for my knee", "medicine"),
        ("asked", "about my knee", "asked"), ("unscreened", "", "unread"), ("blocked", "", "blocked"),
        ("rule_sleep-short", "", "sleep"), ("rule_pain-rises", "my calf", "pain:calf"), ("rule_ill", "", "illness"),
        ("rule_of-yesterday", "", "other"), ("words", "my knee", "other"), ("of-yesterday", "", "other"),
    ],
)  # fmt: skip
def test_a_flag_is_about_something(flag: str, words: str, topic: str) -> None:
    assert concerns.topic_of(flag, words) == topic


def test_every_flag_of_the_program_has_its_topic() -> None:
    book = Path(render.__file__).parent / "words" / "red_flags.toml"
    flags = [family["id"] for family in tomllib.loads(book.read_text(encoding="utf-8"))["family"]]
    flags += [f"sounds-{theme}" for theme in FLAGS] + [f"rule_{rule.id}" for rule in shipped().rules]
    flags += ["pain_bone", "pain_high", "pain_stride", "asked", "unread", "unscreened", "blocked", "language"]
    assert not [flag for flag in flags if concerns.topic_of(flag) == concerns.OTHER]


def test_what_the_check_in_knows_of_a_pain_counts_before_what_the_words_say() -> None:
    assert concerns.topic_of("pain_high", "knee, 7/10\nthe foot is fine", Ache(place="knee", score=7)) == "pain:knee"
    assert {concerns.topic_of("pain_high", place) for place in PLACES} == {f"pain:{place}" for place in PLACES}


# --- how it goes ------------------------------------------------------------------------------------------------


def worry() -> Escalation:
    return Escalation(1, "K7Q2M", ANN, Level.CONCERN, "words", "", datetime(2026, 6, 1, tzinfo=UTC))


@given(st.lists(st.tuples(st.dates(date(2026, 6, 1), date(2026, 6, 20)), st.none() | st.integers(0, 10)), min_size=1))
def test_the_days_stand_in_their_order_with_the_worst_number_of_each(told: list[tuple[date, int | None]]) -> None:
    one = worry()
    for day, score in told:
        one = concerns.sighted(one, day, score)
    assert [day for day, _ in one.seen] == sorted({day for day, _ in told})
    for day, score in one.seen:
        numbers = [number for when, number in told if when == day and number is not None]
        assert score == (max(numbers) if numbers else None)
    trend = concerns.trend(one)
    assert (trend is None) == (len(one.seen) == 1)
    if trend is not None:
        assert trend["times"] <= trend["days"] and trend["first"] == one.seen[0][0].isoformat()
        assert len(trend["numbers"]) <= concerns.NUMBERS and len(trend["numbers"]) != 1


@given(
    st.sampled_from(["acked", "handled", "closed"]),
    st.sampled_from([Level.CONCERN, Level.TODAY, Level.NOW]),
    st.sampled_from([Level.CONCERN, Level.TODAY, Level.NOW]),
)
def test_opened_again_nobody_has_it_and_no_level_falls_that_nobody_dealt_with(
    state: str, before: Level, heard: Level
) -> None:
    at = datetime(2026, 6, 2, tzinfo=UTC)
    fields: dict[str, Any] = {
        "owner_id": KIM,
        "acked_at": at,
        "level": before,
        "words": "old",
        "read_at": at,
        "asks": 3,
    }
    fields |= {"handled_at": at} if state != "acked" else {}
    fields |= {"closed_at": at, "closed_by_id": DANA} if state == "closed" else {}
    one = replace(worry(), **fields)
    again = concerns.reopened(one, heard, "chest", at)
    assert again.open and again.owner_id is None and again.step == 0 and again.short == one.short
    assert again.level == (max(before, heard) if state == "acked" else heard)
    assert again.words == ("" if state == "closed" else "old") and again.read_at is None
    assert len(again.past) == 1 and again.past[0].owner_id == KIM and again.asks == 3
    assert again.flag == ("words" if state == "acked" and heard < before else "chest")
    assert concerns.last_owner(again) == (None if state == "closed" else KIM)


@pytest.mark.parametrize(("n", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (22, "22nd")])
def test_how_often_is_said_as_people_say_it(n: int, said: str) -> None:
    assert render.text("en", "concerns.nth", {"n": n}) == said


# --- one for each topic -----------------------------------------------------------------------------------------


def test_words_of_one_topic_are_one_concern_and_show_how_the_pain_goes(talk: Talk) -> None:
    talk.says(KNEE.format(6)).hears("This flags for Kim")
    talk.after(days=2).says(KNEE.format(7)).hears("Kept: it goes along to Kim.")
    talk.after(days=2).says(KNEE.format(8))
    assert concerns.topic(talk.only) == "pain:knee"
    talk.kim_says("/queue").kim_reads("Pain: 6/10 (1 June), 7/10 (3 June), 8/10 (5 June)")
    talk.kim_reads(KNEE.format(8))


def test_what_is_no_pain_shows_how_often_and_since_when(talk: Talk) -> None:
    talk.says(CYCLE).after(days=4).says(CYCLE).after(days=4).says(CYCLE)
    talk.kim_says("/queue").kim_reads("3rd time in 9 days, first on 1 June.")
    assert talk.only.seen[0] == (date(2026, 6, 1), None)


def test_another_topic_and_another_place_are_another_concern(talk: Talk) -> None:
    talk.says(KNEE.format(6)).says(CYCLE).says("hamstring 7/10 today")
    assert sorted(concerns.topic(one) for one in talk.open) == ["food", "pain:hamstring", "pain:knee"]
    assert steps(talk, "raised", "joined") == ["raised"] * 3
    talk.kim_says("/queue").kim_reads("missed periods").kim_reads("3")


def test_what_is_urgent_rings_alone_and_takes_all_further_words_along(talk: Talk) -> None:
    talk.says(CYCLE).says("i fainted earlier today").kim_reads("🟠 Ann · today")
    talk.says(KNEE.format(7)).hears("goes along to Kim").kim_reads("Ann adds")
    talk.says("chest pain").kim_reads("🔴 Ann · NOW")
    assert len(talk.planned("page")) == 1
    assert [one.level for one in talk.open] == [Level.CONCERN, Level.NOW]


def test_a_pain_that_settles_shows_in_the_trend_and_disturbs_nobody(talk: Talk) -> None:
    talk.says(KNEE.format(7)).after(days=1).says("/injured").taps("Knee").taps("2").taps("No")
    assert talk.only.seen == ((date(2026, 6, 1), 7), (date(2026, 6, 2), 2))
    talk.reads_not(KIM, "2/10").kim_says("/queue").kim_reads("7/10 (1 June), 2/10 (2 June)")
    assert steps(talk, "raised", "reopened") == ["raised"]


def test_what_a_machine_heard_lifts_the_voice_note_and_is_no_second_concern(talk: Talk) -> None:
    talk.forwards("i want to die").taps("It was earlier")
    assert talk.only.level is Level.TODAY and concerns.topic(talk.only) == "mind"


def test_one_from_before_there_were_topics_is_joined(talk: Talk) -> None:
    talk.says(KNEE.format(6)).after(days=1)
    old = replace(talk.only, topic="", seen=())
    talk.club.escalations[old.short] = old
    talk.says(KNEE.format(7))
    assert talk.only.short == old.short and talk.only.seen == ((date(2026, 6, 2), 7),)


# --- opened again -----------------------------------------------------------------------------------------------


def test_a_new_symptom_within_fourteen_days_opens_the_same_one_again(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").kim_taps("Close it")
    short = talk.only.short
    talk.after(days=13).says("chest pain").kim_reads("🔴 Ann · NOW").kim_reads("Again: you closed it on 1 June.")
    talk.hears("I am alerting Kim this moment").kim_reads(f"#{short}").kim_reads("2nd time in 14 days, first on 1 June")
    talk.after(minutes=10).kim_reads("Still nobody has it.").hears("Nobody has answered yet")
    talk.after(minutes=10).dana_reads("Again: Kim closed it on 1 June.")
    talk.dana_taps("I have it").kim_reads("Dana has Ann")
    assert talk.only.short == short and talk.only.owner_id == DANA and len(talk.only.past) == 1
    assert steps(talk, "raised", "acked", "closed", "reopened") == ["raised", "acked", "closed", "reopened", "acked"]
    (again,) = talk.records("step", "reopened")
    assert again.words == "chest pain" and again.value["short"] == short


def test_after_fourteen_days_it_is_another_one(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").kim_taps("Close it")
    talk.after(days=14, seconds=1).says("chest pain").kim_reads("🔴 Ann · NOW").reads_not(KIM, "Again")
    assert len(talk.club.escalations) == 2


def test_while_somebody_has_it_a_new_symptom_must_be_taken_again(talk: Talk) -> None:
    talk.says("chest pain").after(minutes=20).dana_taps("I have it")
    talk.after(minutes=5).says("chest pain again, it is worse")
    talk.kim_reads("🔴 Ann · NOW").kim_reads("Dana has it since 1 June, 13:20; this is new.")
    talk.dana_reads("You have it since 1 June, 12:20; this is new.").kim_reads("chest pain again, it is worse")
    assert len(talk.open) == 1 and len(talk.planned("page")) == 1
    talk.after(minutes=10).kim_reads("Still nobody has it.").kim_taps("I have it")
    assert talk.only.owner_id == KIM and not talk.open
    assert [one.at for one in talk.records("step", "acked")] == sorted(one.at for one in talk.records("step", "acked"))


def test_a_lesser_word_on_what_somebody_has_does_not_lower_it(talk: Talk) -> None:
    talk.says("i want to die").kim_taps("I have it").says("feeling hopeless, what is the point")
    talk.kim_reads("🔴 Ann · NOW").kim_reads("You have it since 1 June, 13:00; this is new.")
    assert talk.only.level is Level.NOW and talk.only.open
    talk.hears("Kept: it goes along to Kim.")


def test_what_was_closed_begins_at_the_level_of_what_is_said_now(talk: Talk) -> None:
    talk.says("i want to die").kim_taps("I have it").kim_taps("Close it")
    talk.after(days=1).says("feeling hopeless, what is the point").nobody_reads(KIM).hears("This flags for Kim")
    assert talk.only.level is Level.CONCERN and not talk.planned("page")
    talk.at("06:00").kim_reads("Again: you closed it on 1 June.")


def test_after_a_letter_it_is_handled_and_a_new_symptom_says_so(talk: Talk) -> None:
    talk.says("chest pain").kim_says("I am calling you now", reply_to=talk.last(KIM))
    assert concerns.state(talk.only) == "handled"
    talk.after(days=1).says("chest pain").kim_reads("Again: you handled it on 1 June; this is new.")


def test_it_cant_wait_under_what_somebody_has_opens_it_again(talk: Talk) -> None:
    talk.says("i fainted earlier today").kim_taps("I have it").taps("It can’t wait")
    talk.kim_reads("🔴 Ann · NOW").kim_reads("i fainted earlier today").kim_reads("this is new")
    assert talk.only.words == "i fainted earlier today"


def test_it_cant_wait_lifts_the_concern_that_it_stands_under(talk: Talk) -> None:
    talk.says(CYCLE)
    first = talk.button("It can’t wait")
    talk.says(KNEE.format(6)).presses(first).kim_reads("🔴 Ann · NOW: missed periods")
    assert sorted(one.level for one in talk.open) == [Level.CONCERN, Level.NOW]


def test_a_coach_who_runs_has_their_own_opened_again() -> None:
    runner = PEOPLE[1]
    talk = Talk(PEOPLE[0], runner, PEOPLE[2], me=KIM)
    talk.change(KIM, runs=True, coach_id=DANA, ask_at=time(7))
    talk.says("chest pain").dana_taps("I have it").dana_taps("Close it")
    talk.after(days=1).says("chest pain").dana_reads("Again: you closed it on 1 June.")
    assert len(talk.club.escalations) == 1


# --- what comes of it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "after", "before"),
    [
        ("chest pain", {"hours": 1}, {"minutes": 59}),
        ("i fainted earlier today", {"hours": 4}, {"hours": 3, "minutes": 59}),
        (CYCLE, {"days": 2}, {"days": 1, "hours": 23}),
    ],
)
def test_who_has_it_is_asked_when_the_time_of_its_level_is_over(
    words: str, after: dict[str, Any], before: dict[str, Any]
) -> None:
    talk = begin().says(words)
    if words == CYCLE:
        talk.kim_says("/queue")
    talk.kim_taps("I have it")
    talk.after(**before).reads_not(KIM, ASK)
    talk.after(hours=1) if words == CYCLE else talk.after(minutes=1)
    talk.kim_reads(ASK, ["Handled", "Write to them", "Still on it"]).kim_reads("You have #")
    talk.reads_not(KIM, "one tap is enough").reads_not(DANA, "has come of it")
    talk.after(**after).kim_reads("If you are still on it, one tap is enough.")
    assert ("I do not know yet what has come of it" in " ".join(talk.texts(DANA))) == (words != CYCLE)
    assert "missed" not in " ".join(talk.texts(DANA)) and "chest" not in " ".join(talk.texts(DANA))
    assert not [text for text in talk.texts(KIM) if any(word in text for word in ("forgot", "must", "late"))]


def test_still_on_it_is_one_tap_and_counts_from_the_beginning(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").after(hours=1).kim_reads(ASK)
    talk.kim_taps("Still on it").kim_reads("stays yours. I ask again on 1 June, 15:00.", [])
    talk.after(hours=1).kim_reads(ASK).reads_not(KIM, "one tap is enough").nobody_reads(DANA)
    talk.after(hours=1).dana_reads("Kim has #", ["Write to them", "Show it"])
    talk.after(hours=3).nobody_reads(DANA)
    talk.dana_taps("Show it").dana_reads("Kim has it since 1 June, 12:00").dana_reads("chest pain")


def test_nobody_is_asked_in_their_quiet_hours(talk: Talk) -> None:
    talk.at("20:00").says("chest pain").kim_taps("I have it")  # nine in the evening in Berlin
    talk.at("05:29").reads_not(KIM, ASK).at("05:30").kim_reads(ASK)


def test_handled_with_a_line_of_what_came_of_it(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").after(hours=1).kim_taps("Handled")
    talk.kim_reads("is handled. In a line, if you like", ["Nothing to add", "Close it"])
    talk.kim_says("saw the doctor, all quiet").kim_reads("Noted on Ann").nobody_reads(ANN, DANA)
    assert concerns.state(talk.only) == "handled"
    talk.kim_says(f"/concern {talk.only.short}").kim_reads("handled on 1 June").kim_reads("saw the doctor, all quiet")
    talk.after(days=2).reads_not(KIM, ASK).nobody_reads(DANA)
    assert steps(talk, "handled", "note") == ["handled", "note"]


def test_handled_without_a_line(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("Write to them").kim_taps("I have it").kim_taps("Handled")
    talk.kim_taps("Nothing to add").kim_reads("It stays in /queue until you close it.", [])
    talk.kim_says("/queue").kim_reads("· handled").kim_taps("Close it").kim_reads("Closed: Ann")
    assert talk.only.closed_by_id == KIM


def test_a_letter_a_call_and_the_decision_of_a_proposal_are_something(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").presses(f"called:{ANN}", KIM)
    talk.after(hours=5).reads_not(KIM, ASK)
    assert [one.value["how"] for one in talk.records("step", "handled")] == ["call"]
    talk = begin().says("chest pain").kim_taps("I have it").kim_taps("Write to them").kim_says("how are you?")
    assert [one.value["how"] for one in talk.records("step", "handled")] == ["letter"]
    talk.after(hours=5).reads_not(KIM, ASK)


def test_a_decision_on_its_topic_handles_what_somebody_has_and_takes_nothing() -> None:
    talk = Talk().plans(session("tue", TUE, "speed", minutes=50)).at("07:30")
    talk.taps("Something hurts").taps("Shin").taps("4").taps("Yes").kim_reads("🟠 Ann · today")
    talk.kim_taps("Approve")
    assert talk.only.open and talk.only.handled_at is None, "a word about the training is not I have it"
    talk = Talk().plans(session("tue", TUE, "speed", minutes=50)).at("07:30")
    talk.taps("Something hurts").taps("Shin").taps("4").taps("Yes").kim_taps("I have it").kim_taps("Approve")
    talk.kim_reads("With that Ann · #", ["Close it"])
    assert concerns.state(talk.only) == "handled"


def test_two_coaches_one_has_it_and_the_others_letter_handles_nothing_of_theirs(talk: Talk) -> None:
    talk.says("chest pain").after(minutes=20).dana_taps("I have it")
    talk.presses(f"write:{ANN}", KIM).kim_says("I heard. Dana is on it.").hears("Kim:")
    assert concerns.state(talk.only) == "acked" and talk.only.owner_id == DANA


# --- notes ------------------------------------------------------------------------------------------------------


def test_a_note_is_kept_with_the_concern_and_is_nobody_elses(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").kim_taps("Note").kim_reads("sent to nobody", ["Cancel"])
    talk.kim_says("on it since the marathon").nobody_reads(ANN, DANA)
    talk.kim_reads("Ann does not see it in the chat; if Ann asks for all that is kept about them (/export)")
    talk.kim_says("/queue").kim_reads("Your note, 1 June: on it since the marathon")
    talk.dana_says(f"/concern {talk.only.short}").dana_reads("Kim has it").reads_not(DANA, "marathon")
    talk.change(KIM, notes_shared=True)
    talk.dana_says(f"/concern {talk.only.short}").dana_reads("Note of Kim, 1 June: on it since the marathon")
    (note,) = talk.records("step", "note")
    assert note.words == "on it since the marathon" and note.value == {"short": talk.only.short}


def test_a_note_may_be_left_and_does_not_wait_for_ever(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").kim_taps("Note").kim_taps("Cancel").kim_reads("nothing was noted", [])
    talk.kim_taps("Note").after(minutes=31).kim_says("too late").kim_reads("That was not kept, and sent to nobody")
    talk.kim_taps("Note").kim_taps("Close it").kim_says("closed").kim_reads("That was not kept, and sent to nobody")
    assert not talk.only.notes and not talk.records("step", "note")


def test_a_note_of_a_coach_who_runs_is_not_read_as_their_own_words() -> None:
    talk = begin()
    talk.change(KIM, runs=True, coach_id=DANA)
    talk.says("chest pain").kim_taps("I have it").kim_taps("Note").kim_says("ann has chest pain on hills").nobody_reads(
        DANA
    )
    assert len(talk.club.escalations) == 1 and talk.only.notes[0].words == "ann has chest pain on hills"


# --- read, and only where it is so ------------------------------------------------------------------------------


def test_who_opens_a_concern_has_read_it_and_the_athlete_hears_it_once(talk: Talk) -> None:
    talk.says(CYCLE).nobody_reads(KIM)
    talk.at("06:00").nobody_reads(ANN)
    talk.kim_says(f"/concern #{talk.only.short.lower()}").kim_reads("Nobody has it yet · first told yesterday.")
    talk.hears(f"Kim read this at 06:00:\n{CYCLE}")
    talk.kim_says(f"/concern {talk.only.short}").nobody_reads(ANN)
    talk.says("periods still missing for months").kim_says(f"/concern {talk.only.short}").hears("Kim read this")


def test_pressing_a_button_on_it_is_reading_it(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("Write to them").hears("Kim read this at 12:00:\nchest pain")
    talk.says(CYCLE, BEN)
    ben = next(one for one in talk.open if one.athlete_id == BEN)
    talk.dana_says(f"/concern {ben.short}").reads(BEN, "Dana read this")
    talk.dana_taps("Note").nobody_reads(BEN).dana_says("ask her about food").nobody_reads(BEN)


def test_a_list_that_has_come_is_not_read_and_after_i_have_it_more_is_known(talk: Talk) -> None:
    talk.says(CYCLE).at("06:00").kim_reads("missed periods").nobody_reads(ANN)
    talk.kim_says("/queue").kim_reads("missed periods").nobody_reads(ANN)
    talk.kim_taps("I have it").hears("Kim has your words").kim_says(f"/concern {talk.only.short}").nobody_reads(ANN)


def test_what_has_no_words_was_not_read(talk: Talk) -> None:
    talk.says("/coach").kim_taps("Write to them").nobody_reads(ANN)


# --- what is not there ------------------------------------------------------------------------------------------


def test_a_concern_that_is_not_theirs_is_not_there(talk: Talk) -> None:
    talk.change(KIM, backup_id=DANA)
    talk.says("chest pain", BEN)
    short = talk.only.short
    talk.club.people[6] = replace(PEOPLE[1], id=6, name="Eve", chat_id=106, user_id=106, joined_at=talk.now)
    for said in (f"/concern {short}", "/concern ZZZZZ", "/concern '; DROP TABLE escalation --"):
        talk.says(said, 6).reads(6, "There is none of that number among yours")
    talk.says("/concern", 6).reads(6, "Which one? Like this: /concern K7Q2M")
    for kind in ("handled", "note", "still", "reply"):
        talk.presses(f"{kind}:{short}", 6).reads(6, "That question is closed.").nobody_reads(BEN)
    talk.presses(f"handled:{short}").hears("That question is closed.")
    assert talk.only.open and not talk.only.notes


def test_buttons_of_an_earlier_state_do_what_is_meant(talk: Talk) -> None:
    talk.says("chest pain")
    talk.presses(f"still:{talk.only.short}", KIM).kim_reads("yours since 13:00")
    talk.presses(f"handled:{talk.only.short}", KIM).presses(f"still:{talk.only.short}", KIM)
    assert concerns.state(talk.only) == "handled"
    talk.after(days=1).reads_not(KIM, ASK)


def test_handled_on_what_nobody_has_takes_it_first(talk: Talk) -> None:
    talk.says("chest pain").presses(f"handled:{talk.only.short}", KIM).hears("Kim has your words")
    assert concerns.state(talk.only) == "handled" and not talk.planned("page")
