"""Reaching the coach, as conversations: pages, repeats, the backup, Acks, and the truth for the athlete."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time

import pytest

from dialogs.events import Blocked, Other, Unread
from dialogs.levels import Level
from tests.dialogs.talk import ANN, BEN, DANA, KIM, PEOPLE, Talk

AFTER = ("Write to them", "Close it", "Handled", "Note", "Useful", "Not useful")
NOBODY_HAS_IT = "Nobody has answered yet."


def begin() -> Talk:
    """Monday noon in London; this morning's check-in is in."""
    return Talk().at("07:30").taps("All as usual").at("12:00")


@pytest.fixture
def talk() -> Talk:
    return begin()


def first_line(talk: Talk, who: int = ANN) -> str:
    return talk.texts(who)[0].split("\n")[0]


# --- the athlete's words ----------------------------------------------------------------------------------------


def test_now_reads_the_emergency_number_in_the_first_line(talk: Talk) -> None:
    talk.says("chest pain on the hill")
    assert first_line(talk) == "Stop now. Call 999 or 112, or let somebody near you call."
    talk.hears("I am alerting Kim this moment with your words", buttons=[])
    talk.kim_reads("🔴 Ann · NOW: chest pain or pressure", buttons=["I have it", "Write to them"])
    talk.kim_reads("chest pain on the hill").kim_reads("13:00 · Ann is in London").nobody_reads(DANA, BEN)


def test_the_number_is_that_of_the_country_where_the_athlete_is(talk: Talk) -> None:
    talk.says("/zone Denver").says("i have chest pain")
    assert first_line(talk).startswith("Stop now. Call 911")


def test_where_the_country_is_not_known_there_is_a_number_even_so(talk: Talk) -> None:
    talk.change(ANN, country=None)
    talk.says("i have chest pain")
    assert first_line(talk).startswith("Stop now. Call 112")


def test_words_about_not_living_read_somebody_to_talk_to_in_the_first_line(talk: Talk) -> None:
    talk.says("i don't want to be here any more")
    assert first_line(talk).startswith("You can talk to somebody now: Samaritans: 116 123")
    assert "999 or 112" in first_line(talk)
    talk.hears("I am a program, and I stay here").kim_reads("words about not wanting to go on")
    talk.after(minutes=10).hears("Do not wait for us: Samaritans: 116 123")


def test_crisis_words_on_top_of_an_alarm_bring_their_own_numbers(talk: Talk) -> None:
    talk.says("chest pain").says("i want to die anyway").hears("You can talk to somebody now: Samaritans")
    talk.kim_reads("i want to die anyway")
    talk.after(minutes=10).hears("Samaritans: 116 123")


def test_words_that_sound_like_it_read_somebody_to_talk_to_as_well(talk: Talk) -> None:
    talk.forwards("i want to die").taps("It was earlier")
    assert first_line(talk).startswith("Somebody to talk to: Samaritans: 116 123")
    assert talk.only.level is Level.TODAY


def test_words_that_deny_it_read_somebody_to_talk_to_even_so(talk: Talk) -> None:
    talk.says("no, not suicidal, just a bit low").hears("Somebody to talk to: Samaritans").reads_not(ANN, "easy")
    assert talk.only.level is Level.CONCERN


def test_today_holds_the_running_and_pages_in_waking_hours(talk: Talk) -> None:
    talk.says("i fainted earlier today").hears("No running until a person has spoken with you.", ["It can’t wait"])
    talk.hears("I am paging Kim now").kim_reads("🟠 Ann · today: has fainted")
    assert talk.only.level is Level.TODAY


def test_a_concern_waits_on_the_coachs_list(talk: Talk) -> None:
    talk.change(ANN, paused_until=date(2026, 12, 1))  # silence would be another concern
    talk.says("i have missed my periods for four months").hears("This flags for Kim, and stands on the list at 07:00")
    talk.nobody_reads(KIM)
    talk.at("06:00").kim_reads("Good morning, Kim. 1 needs you.").kim_reads("🟡 Ann: missed periods")
    talk.after(days=1).kim_reads("🟡 Ann: missed periods")
    talk.after(days=1).kim_reads("waits for 2 days")
    talk.kim_taps("I have it").reads(ANN, "Kim has your words")
    talk.after(days=1).nobody_reads(KIM)


def test_i_need_my_coach_is_one_word_or_one_tap(talk: Talk) -> None:
    talk.says("/coach").hears("I am paging Kim now", ["It can’t wait"]).hears("In an emergency: 999 or 112.")
    talk.kim_reads("🟠 Ann · today: asks for you").kim_reads("(no words)")
    talk.says("it is about my race").hears("goes along to Kim").kim_reads("Ann adds").kim_reads("it is about my race")
    assert talk.only.words == "it is about my race"


def test_i_need_my_coach_with_words(talk: Talk) -> None:
    talk.says("/coach i want to talk about my race").kim_reads("i want to talk about my race")
    assert talk.texts(ANN) == [talk.last().text]
    assert talk.only.words == "i want to talk about my race"


def test_coach_with_words_that_cannot_wait(talk: Talk) -> None:
    talk.says("/coach i have chest pain").hears("Stop now. Call 999 or 112").kim_reads("🔴 Ann · NOW")
    assert len(talk.texts(ANN)) == 1


def test_the_words_before_the_tap_go_along(talk: Talk) -> None:
    talk.says("the knee is grumpy today").taps("I need my coach").kim_reads("the knee is grumpy today")
    talk.says("/coach").hears("I am paging Kim now").nobody_reads(KIM)  # nothing new to say
    assert talk.only.words == "the knee is grumpy today"


@pytest.mark.parametrize("wish", ["I need my coach", "coach", "call my coach!", "/coach@aid_bot"])
def test_the_wish_may_be_written(talk: Talk, wish: str) -> None:
    talk.says(wish).kim_reads("asks for you")


def test_it_cant_wait_is_now(talk: Talk) -> None:
    talk.says("/coach").taps("It can’t wait").hears("Stop now. Call 999 or 112").kim_reads("🔴 Ann · NOW: asks for you")
    talk.taps("It can’t wait").hears("Stop now. Call 999 or 112").nobody_reads(KIM)


def test_it_cant_wait_is_heard_after_an_ack_too(talk: Talk) -> None:
    talk.says("i fainted earlier today").kim_taps("I have it")
    talk.taps("It can’t wait").hears("Stop now. Call 999 or 112").kim_reads("🔴 Ann · NOW").kim_reads("i fainted")


def test_it_cant_wait_of_long_ago_is_heard_as_a_wish_for_the_coach(talk: Talk) -> None:
    talk.says("i fainted earlier today").kim_taps("I have it").kim_taps("Close it")
    talk.taps("It can’t wait").hears("I am paging Kim now", ["It can’t wait"]).kim_reads("asks for you")


def test_a_worse_word_lifts_and_a_lesser_one_joins(talk: Talk) -> None:
    talk.says("i have missed my periods for four months").says("i fainted earlier today").kim_reads("🟠 Ann · today")
    talk.says("now chest pain").kim_reads("🔴 Ann · NOW")
    talk.says("hamstring 4/10 for two weeks").kim_reads("Ann adds").hears("goes along to Kim")
    cycle, urgent = talk.club.escalations.values()
    assert urgent.level is Level.NOW and urgent.words.count("\n") == 2
    assert cycle.level is Level.CONCERN and cycle.open, "what is about something else waits on the list as before"


def test_harmless_words_go_along_while_nobody_has_it(talk: Talk) -> None:
    talk.says("chest pain").says("sitting on a bench by the lake").kim_reads("sitting on a bench by the lake")
    talk.kim_taps("I have it").kim_taps("Close it")
    talk.at("06:00").nobody_reads(KIM)  # and they do not stand on the list once more


def test_words_in_the_middle_of_a_check_in_go_along_too() -> None:
    talk = Talk().at("07:30").taps("3").says("chest pain").says("sitting down now").kim_reads("sitting down now")
    talk.taps("3").hears("And your muscles?")


# --- the ladder -------------------------------------------------------------------------------------------------


def test_now_repeats_at_ten_and_calls_the_backup_at_twenty_minutes(talk: Talk) -> None:
    talk.says("chest pain").after(minutes=9, seconds=59).nobody_reads()
    talk.after(seconds=1).kim_reads("Still nobody has it.").nobody_reads(DANA)
    talk.hears(f"{NOBODY_HAS_IT} I have just alerted Kim, and I go on.").hears("Do not wait for us: call 999 or 112.")
    talk.after(minutes=9, seconds=59).nobody_reads()
    talk.after(seconds=1).kim_reads("Still nobody has it.").dana_reads("🔴 Ann · NOW").reads_not(DANA, "Still nobody")
    talk.hears("I have just alerted Kim and Dana, and I go on.")
    talk.after(minutes=10).kim_reads("Still nobody").dana_reads("Still nobody").nobody_reads(ANN)
    talk.after(minutes=10).nobody_reads(ANN)
    talk.after(minutes=10).hears("Do not wait for us: call 999 or 112.")


def test_today_repeats_at_thirty_minutes_and_calls_the_backup_at_two_hours(talk: Talk) -> None:
    talk.says("i fainted earlier today").after(minutes=29, seconds=59).nobody_reads()
    talk.after(seconds=1).kim_reads("Still nobody has it.").nobody_reads(ANN, DANA)
    talk.after(minutes=89, seconds=59).nobody_reads()
    talk.after(seconds=1).kim_reads("Still nobody").dana_reads("🟠 Ann · today")
    talk.hears("I have just alerted Kim and Dana").hears("Still no running, please.")


def test_now_breaks_the_quiet_hours(talk: Talk) -> None:
    talk.at("23:00").says("chest pain").kim_reads("🔴 Ann · NOW")
    assert not any(one.message.quiet for one in talk.heard)
    talk.after(minutes=20).dana_reads("🔴 Ann · NOW")


def test_today_waits_for_the_end_of_the_coachs_quiet_hours_and_says_when(talk: Talk) -> None:
    talk.at("23:00").says("i fainted earlier today").hears("Kim is paged at 05:30 (your time)").nobody_reads(KIM)
    talk.at("05:29").nobody_reads()
    talk.at("05:30").kim_reads("🟠 Ann · today")
    talk.at("06:00").kim_reads("Still nobody has it.")
    talk.at("07:30").dana_reads("🟠 Ann · today")


def test_more_words_at_night_are_not_said_to_be_paged_now(talk: Talk) -> None:
    talk.at("20:00").says("i fainted earlier today").hears("I am paging Kim now")
    talk.at("21:45").says("my urine is cola coloured").hears("Kim is paged at 05:30 (your time)")


def test_the_athlete_is_not_told_of_a_backup_who_sleeps(talk: Talk) -> None:
    talk.change(DANA, zone="America/Los_Angeles")  # five in the morning there
    talk.says("i fainted earlier today").after(hours=2).hears("I have just alerted Kim, and I go on.")


def test_after_hours_of_downtime_there_is_no_burst(talk: Talk) -> None:
    talk.says("chest pain").after(hours=3, asleep=True).wakes("page").kim_reads("Still nobody has it.")
    talk.after(minutes=9).nobody_reads()
    talk.after(minutes=1).dana_reads("🔴 Ann · NOW")


def test_a_coach_who_cannot_be_reached_makes_it_jump_to_the_backup(talk: Talk) -> None:
    talk.says("chest pain").cannot_reach(KIM, talk.only.short).dana_reads("🔴 Ann · NOW")
    talk.hears("I have just alerted Dana, and I go on.")
    assert len(talk.planned("page")) == 1
    talk.after(minutes=10).dana_reads("Still nobody has it.")


def test_a_coach_known_to_be_away_is_not_waited_for(talk: Talk) -> None:
    talk.takes(Blocked(), KIM)
    talk.says("chest pain").hears("I am alerting Dana this moment").dana_reads("🔴 Ann · NOW")


def test_a_concern_stands_on_the_backups_list_while_the_coach_cannot_be_reached(talk: Talk) -> None:
    talk.change(KIM, reachable=False)
    talk.says("i have missed my periods for four months").hears("This flags for Dana")
    talk.at("07:00").dana_reads("🟡 Ann: missed periods")


def test_without_any_coach_the_athlete_is_told_so_and_not_every_ten_minutes() -> None:
    talk = Talk(replace(PEOPLE[0], coach_id=None))
    talk.says("chest pain").hears("I can reach no coach right now, so please do not wait for one.")
    assert len(talk.texts(ANN)) == 1
    talk.after(minutes=10).hears("I have not reached anybody, and I keep trying.").hears("call 999 or 112")
    talk.after(hours=5)
    assert len([one for one in talk.texts(ANN) if "I have not reached" in one]) < 15
    assert len(talk.planned("page")) == 1


def test_without_any_coach_every_text_is_true() -> None:
    talk = Talk(replace(PEOPLE[0], coach_id=None))
    talk.says("i have missed my periods for four months").hears("stand on the list as soon as a coach is here")
    talk.says("i fainted earlier today").hears("I can reach no coach right now; your words are kept")
    talk.says("/coach").hears("I can reach no coach right now; your words are kept")
    talk.says("i want to die").hears("I can reach no coach right now. I am a program")


def test_without_a_backup_the_coach_goes_on_being_rung() -> None:
    talk = Talk(*PEOPLE[:2])
    talk.says("chest pain").after(minutes=20).kim_reads("Still nobody").hears("I have just alerted Kim, and I go on.")
    talk.after(minutes=10).kim_reads("Still nobody")


# --- "I have it" ------------------------------------------------------------------------------------------------


def test_an_ack_by_button_ends_the_ladder(talk: Talk) -> None:
    talk.says("chest pain").after(minutes=20).dana_taps("I have it")
    talk.dana_reads("yours since 12:20. Ann has been told.", AFTER)
    talk.hears("Dana has your words and has taken this on (12:20).").kim_reads("✅ Dana has Ann")
    assert [one.labels for one in talk.chat(KIM)] == [[]] * len(talk.chat(KIM))
    assert talk.outcome.silenced == (talk.only.short,)
    talk.after(days=1).reads_not(KIM, "🔴").reads_not(DANA, "🔴")


@pytest.mark.parametrize(
    "word", ["I have it", "ack", "Got it!", "on it", "I’ve got it.", "ack #{short}", "mine {short}"]
)
def test_an_ack_by_word(talk: Talk, word: str) -> None:
    talk.says("chest pain").kim_says(word.format(short=talk.only.short)).kim_reads("yours since 13:00")
    talk.hears("Kim has your words and has taken this on (12:00).")
    assert not talk.open


def test_an_ack_with_another_id_is_no_ack(talk: Talk) -> None:
    talk.says("chest pain").kim_says("ack ZZZZZ").kim_reads("I did not send that to anybody.")
    assert talk.open


def test_with_two_open_the_word_asks_which(talk: Talk) -> None:
    talk.change(BEN, coach_id=KIM)
    talk.says("chest pain").says("chest pain", BEN).kim_says("ack").kim_reads("More than one is open.")
    assert len(talk.open) == 2
    first = talk.open[0].short
    talk.kim_says(f"got it {first.lower()}")
    assert [one.short for one in talk.open] != [first] and len(talk.open) == 1


def test_an_ack_by_letter(talk: Talk) -> None:
    talk.says("chest pain").kim_says("I am calling you now", reply_to=talk.last(KIM))
    talk.reads(ANN, "Kim:\nI am calling you now").kim_reads("On its way to Ann.").kim_reads("is yours")
    assert talk.only.owner_id == KIM and len(talk.texts(ANN)) == 1


def test_an_ack_after_an_ack_sees_who_has_it(talk: Talk) -> None:
    talk.says("chest pain").after(minutes=20)
    button = talk.button("I have it", KIM)
    talk.dana_taps("I have it")
    talk.presses(button, KIM).kim_reads("Dana has #").nobody_reads(ANN, DANA)
    talk.kim_says("ack").kim_reads("Dana has #").nobody_reads(ANN, DANA)
    talk.kim_says(f"ack {talk.only.short}").kim_reads("Dana has #")
    talk.dana_says("ack").dana_reads("You have #")
    assert talk.only.owner_id == DANA


def test_an_athlete_of_another_coach_is_not_there(talk: Talk) -> None:
    talk.club.people[6] = replace(PEOPLE[1], id=6, name="Eve", chat_id=106, user_id=106, joined_at=talk.now)
    talk.says("chest pain").presses(f"ack:{talk.only.short}", 6).reads(6, "That question is closed.")
    talk.presses(f"close:{talk.only.short}", 6).reads(6, "That question is closed.")
    talk.presses(f"write:{ANN}", 6).reads(6, "That question is closed.")
    talk.says(f"ack {talk.only.short}", 6).reads(6, "I did not send that to anybody.")
    talk.says("/queue", 6).reads(6, "Nothing is open.")
    assert talk.open


def test_an_athlete_cannot_ack(talk: Talk) -> None:
    talk.says("chest pain").presses(f"ack:{talk.only.short}").hears("That question is closed.")
    talk.presses(f"ack:{talk.only.short}", BEN).reads(BEN, "That question is closed.")
    assert talk.open


def test_close_ends_it(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").kim_taps("Close it").kim_reads("Closed: Ann", [])
    talk.kim_says("/queue").kim_reads("Nothing is open.")
    talk.kim_says("ack").kim_reads("Nothing is open.")


def test_words_after_an_ack_go_to_who_has_it(talk: Talk) -> None:
    talk.says("chest pain").after(minutes=20).dana_taps("I have it")
    talk.says("it is getting better").hears("Passed on to Dana.").dana_reads("it is getting better").nobody_reads(KIM)
    talk.dana_says("good, stay seated", reply_to=talk.last(DANA)).hears("Dana:\ngood, stay seated")
    talk.sends("voice").dana_reads("Ann sends this").nobody_reads(ANN)  # who is talking is not talked into
    talk.after(minutes=10).hears("I take over again. What you write still goes to Dana.")
    talk.after(hours=13).says("slept well after all").hears("next morning list")


def test_words_after_an_ack_are_not_answered_with_the_question_of_the_morning() -> None:
    talk = Talk().at("07:30").says("chest pain").kim_taps("I have it")
    talk.says("thank you").hears("Passed on to Kim.").reads_not(ANN, "How did you sleep?")


def test_words_in_the_night_after_an_ack_do_not_wake_the_coach(talk: Talk) -> None:
    talk.at("20:00").says("/coach").kim_taps("I have it").at("23:00").says("thank you for this evening")
    talk.hears("Kept. Kim gets it at 05:30 (your time)")
    assert all(one.message.quiet for one in talk.heard if one.chat == 102)


def test_an_answer_to_a_letter_goes_to_who_wrote_it(talk: Talk) -> None:
    talk.at("06:00").at("07:30").taps("All as usual").says("new shoes today")
    talk.at("06:00").kim_reads("new shoes today")
    talk.club.chats[103] = []
    talk.kim_says("/athletes").presses(f"write:{ANN}", KIM).kim_says("How are the new shoes?")
    talk.hears("Kim:\nHow are the new shoes?").says("blisters").nobody_reads(ANN).kim_reads("blisters")


def test_pages_carry_the_last_seven_days(talk: Talk) -> None:
    talk.at("07:30").taps("3").taps("2").taps("That is all for today").says("chest pain")
    talk.kim_reads("sleep     · · · · · = 3").kim_reads("freshness · · · · · = 2")


def test_a_long_cry_for_help_reaches_the_coach_to_the_last_letter(talk: Talk) -> None:
    words = ("chest pain " + "ü" * 20 + " 👨‍👩‍👧‍👦 ") * 100
    talk.says(words[:4096])
    assert len(talk.texts(KIM)) == 2
    assert sum(text.count("chest pain") for text in talk.texts(KIM)) >= words[:4096].count("chest pain")


@pytest.mark.parametrize(
    "words", ["{{7*7}}", "<b", "&amp;", "</blockquote>", "مرحبا بالعالم", "👨‍👩‍👧‍👦", "a\x00b", "\ud83d"]
)
def test_odd_words_reach_the_coach_letter_for_letter(talk: Talk, words: str) -> None:
    talk.says(f"chest pain {words}")
    page = talk.outcome.messages[-1]
    assert page.data["words"] == f"chest pain {words}"
    if "\x00" not in words and "\ud83d" not in words:  # Telegram shows these two as something else
        talk.kim_reads(f"chest pain {words}")


# --- what is not words ------------------------------------------------------------------------------------------


def test_what_could_not_be_read_reaches_the_coach(talk: Talk) -> None:
    talk.takes(Unread('{"odd": "hello"}'), ANN).hears("I cannot tell what is in it.")
    assert talk.only.flag == "unread" and "hello" in talk.only.words
    talk.at("06:00").kim_reads("a message I could not read")


def test_what_a_stranger_or_a_coach_sent_and_could_not_be_read_reaches_a_coach(talk: Talk) -> None:
    talk.takes(Unread("odd"), 9).kim_reads("A message that I could not read")
    talk.takes(Unread("odd"), KIM).dana_reads("A message that I could not read")


def test_another_kind_of_update_is_answered(talk: Talk) -> None:
    talk.takes(Other("poll"), ANN).hears("I cannot read this kind of message.")


def test_a_coach_who_runs_is_paged_for_by_the_others() -> None:
    runner = replace(PEOPLE[1], runs=True, coach_id=KIM, ask_at=time(7))
    talk = Talk(PEOPLE[0], runner, PEOPLE[2], me=KIM)
    talk.says("chest pain").kim_reads("I am alerting Dana").dana_reads("🔴 Kim · NOW")
    talk.kim_says("ack").kim_reads("")
    assert talk.only.open
    talk.dana_taps("I have it").kim_reads("Dana has your words")
    talk.at("07:00", asleep=False).kim_reads("How did you sleep?")


def test_chest_pain_in_what_could_not_be_read_pages_even_so(talk: Talk) -> None:
    talk.takes(Unread('{"odd": "chest pain"}'), ANN)
    assert first_line(talk).startswith("Stop now.")
    talk.kim_reads("chest pain or pressure")


# --- a bone-like pain, mentioned in passing ---------------------------------------------------------------------


@pytest.mark.parametrize("words", ["my shin hurts", "sore shin today", "shins hurt again"])
def test_a_bone_like_pain_in_passing_asks_what_is_missing_and_then_pages(words: str) -> None:
    talk = begin().says(words).hears("How strong is it, at its worst?").nobody_reads(KIM)
    talk.taps("4").hears("Does it change how you walk or run?").taps("Yes")
    talk.hears("No running until a person has spoken with you.").kim_reads("pain in a bone-like place").kim_reads(words)


def test_in_an_open_check_in_it_is_asked_there_and_nothing_twice() -> None:
    talk = Talk().at("07:30").taps("4").says("my shin is sore").hears("How strong is it")
    talk.taps("3").taps("No").hears("How fresh do you feel?")
    talk.kim_reads("shin, 3/10")


def test_a_sore_shin_without_a_number_stands_on_the_list_after_ten_minutes_and_pages_nobody() -> None:
    talk = begin().says("shins hurt lol")
    talk.after(minutes=10).hears("flags for Kim").nobody_reads(KIM, DANA)


@pytest.mark.parametrize(
    "words",
    [
        "my shin no longer hurts",
        "no shin pain today",
        "calves sore after the hills",
        "foot strike felt good",
    ],
)
def test_no_pain_somebody_elses_and_muscles_are_kept_as_words(words: str) -> None:
    begin().says(words).hears("Kept in your words.").nobody_reads(KIM)
