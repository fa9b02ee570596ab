"""Joining: invitations, consent, and everything that a newcomer can do wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import time, timedelta

import pytest

from dialogs.events import Blocked, Grouped, Moved, Unblocked
from dialogs.levels import Level
from dialogs.model import Invite
from tests.dialogs.talk import ANN, BEN, DANA, KIM, NEW, PEOPLE, Talk


def invited(name: str = "Zoe") -> tuple[Talk, str]:
    """Kim has invited somebody, who has not come yet."""
    talk = Talk(me=NEW)
    talk.kim_says(f"/invite {name}")
    (code,) = talk.club.invites
    talk.kim_reads(f"https://t.me/aid_bot?start={code}").kim_reads("it works once, for 7 days")
    return talk, code


def joined() -> Talk:
    """Zoe has opened the link."""
    talk, code = invited()
    return talk.says(f"/start {code}")


def settled() -> Talk:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").says("Riga").taps("07:00").taps("Done").taps("None")
    return talk.taps("None")


def test_an_athlete_joins_in_nine_taps_and_words() -> None:
    talk = joined().answers_with("Hello Zoe. I am Kim’s aid station", ["I am 18 or over", "I am under 18"])
    talk.taps("I am 18 or over").answers_with("Before you say yes:", ["Yes, I agree", "No"])
    talk.answers_with("not a doctor and not an emergency service").answers_with("not end-to-end encrypted")
    talk.taps("Yes, I agree").answers_with("Where do you live?")
    assert talk.last().keyboard == "location"
    talk.says("Riga").answers_with("At what time shall I ask?", ["06:00", "07:00", "08:00", "09:00"])
    talk.says("6.45").answers_with("Are there days on which I should not ask?")
    talk.taps("Sun").answers_with("Tick them", ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "✓ Sun", "Done"])
    talk.taps("Done").answers_with("Anything in your body", ["None"])
    talk.says("Left Achilles, since spring").answers_with("What do you train for?", ["None"])
    talk.says("Lavaredo, 27 June").answers_with("That is all, Zoe. I will ask tomorrow at 06:45, Riga time.")
    assert talk.last().keyboard == "remove"
    talk.kim_reads("Zoe has joined, from Riga.").kim_reads("Left Achilles, since spring").kim_reads("Lavaredo, 27 June")
    zoe = talk.person(NEW)
    assert (zoe.zone, zoe.country, zoe.ask_at, zoe.days_off) == ("Europe/Riga", "LV", time(6, 45), (6,))
    assert zoe.consent_at == talk.now and zoe.coach_id == KIM
    talk.wakes("checkin", of=NEW).answers_with("Good morning, Zoe.")


@pytest.mark.parametrize("steps", range(7))
def test_joining_goes_on_where_it_was_left(steps: int) -> None:
    talk = joined()
    way = ["I am 18 or over", "Yes, I agree", None, "08:00", "Done", "None", "None"]
    for label in way[:steps]:
        talk.taps(label) if label else talk.says("Riga")
    question = talk.texts(NEW)[-1]
    talk.after(days=3)
    talk.says("/start").answers_with(question)
    for label in way[steps:]:
        talk.taps(label) if label else talk.says("Riga")
    talk.answers_with("That is all, Zoe.")


def test_the_old_questions_of_joining_have_no_buttons_left() -> None:
    talk = settled()
    assert [bubble.labels for bubble in talk.chat(NEW)] == [[]] * talk.number_of_bubbles(NEW)


def test_a_code_works_once() -> None:
    talk, code = invited()
    talk.says(f"/start {code}").says("/privacy")
    talk.says(f"/start {code}", BEN).reads_not(BEN, "Hello")
    talk.says(f"/start {code}", 9).reads(9, "This is a private line")


def test_a_code_ends_after_a_week() -> None:
    talk, code = invited()
    talk.after(days=7).says(f"/start {code}").answers_with("This is a private line between athletes and their coach.")


@pytest.mark.parametrize("said", ["/start", "/start nonsense", "hello", "/coach", "/invite me", "chest pain"])
def test_a_stranger_reads_one_neutral_sentence(said: str) -> None:
    talk = Talk(me=9)
    talk.says(said).answers_with("This is a private line").nobody_reads(ANN, BEN, KIM, DANA)
    talk.says(said).nobody_reads()  # once a minute, however much is written
    talk.after(minutes=1)
    talk.sends("photo").answers_with("This is a private line")
    talk.after(minutes=1).presses("ack:K7Q2M").answers_with("This is a private line")


def test_nothing_about_anybody_is_said_in_a_group() -> None:
    talk = Talk()
    talk.says("my chest hurts", private=False).says("/coach", KIM, private=False).nobody_reads()
    assert not talk.club.escalations


def test_a_group_that_adds_the_bot_reads_one_line() -> None:
    talk = Talk()
    talk.takes(Grouped("added"), KIM, private=False).reads(-600, "I only talk in private, one to one: @aid_bot")
    talk.takes(Grouped("said"), KIM, private=False).takes(Moved(-7), KIM, private=False).nobody_reads()


def test_no_is_a_full_answer() -> None:
    talk = joined().taps("I am 18 or over").taps("No").answers_with("All right. I ask nothing", buttons=[])
    talk.kim_reads("would rather not, for now")
    talk.says("how are you").answers_with("before you have said yes: /start")
    assert talk.records("words", of=NEW) == []
    talk.sends("voice").answers_with("before you have said yes: /start").nobody_reads(KIM)
    talk.says("/checkin").answers_with("are you 18 or over?")
    talk.after(days=5).nobody_reads(NEW)
    talk.says("/start").answers_with("are you 18 or over?").taps("I am 18 or over")
    talk.answers_with("Before you say yes:").taps("Yes, I agree")
    talk.answers_with("Where do you live?")


def test_nothing_is_kept_before_the_yes_but_what_cannot_wait_is_heard() -> None:
    talk = (
        joined().says("my knee hurts").answers_with("I keep and pass on nothing before you have said yes. So, first:")
    )
    assert talk.records("words", of=NEW) == talk.records("typed", of=NEW) == []
    talk.says("i have chest pain").answers_with("Call 112").kim_reads("i have chest pain")
    assert talk.only.level is Level.NOW


def test_old_injuries_are_history_and_no_alarm() -> None:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").says("Riga").taps("07:00").taps("Done")
    talk.says("stress fracture in my shin in 2023, i fainted once").answers_with("What do you train for?")
    assert not talk.club.escalations
    talk.taps("None").kim_reads("stress fracture in my shin in 2023")


def test_an_unknown_city_is_asked_again() -> None:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree")
    for nonsense in ("asdf", "{{7*7}}", "<b", "👨‍👩‍👧‍👦", "x" * 4096, "\x00", "\ud800"):
        talk.says(nonsense).answers_with("I do not know that place.").answers_with("Where do you live?")
    talk.says("رِيغَا").answers_with("")
    talk.says("Riga").answers_with("At what time")


def test_of_several_cities_one_is_picked() -> None:
    talk = (
        joined().taps("I am 18 or over").taps("Yes, I agree").says("Springfield").answers_with("Which one do you mean?")
    )
    talk.taps("Springfield, Illinois, United States").answers_with("At what time")
    assert talk.person(NEW).talks[0].slots["place"]["zone"] == "America/Chicago"


def test_instead_of_picking_one_may_write_again() -> None:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").says("Springfield")
    old = talk.button("Springfield, Illinois, United States", NEW)
    talk.says("Riga").answers_with("At what time").presses(old).answers_with("That question is closed.")


def test_a_location_is_an_answer() -> None:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").shares(56.95, 24.11).answers_with("At what time")
    assert talk.person(NEW).talks[0].slots["place"] == {"name": "Riga", "zone": "Europe/Riga", "country": "LV"}
    talk.shares(56.95, 24.11).answers_with("To change where you live: /zone")


def test_a_location_that_cannot_be_is_asked_again() -> None:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").shares(999.0, float("nan"))
    talk.answers_with("I do not know that place.")


@pytest.mark.parametrize("hour", ["25:00", "7:61", "-1", "noonish", "29 February"])
def test_an_hour_that_is_none_is_asked_again(hour: str) -> None:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").says("Riga").says(hour).answers_with("At what time")
    talk.says("noon").answers_with("Are there days")


def test_a_photo_where_text_was_asked() -> None:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").sends("photo", "where I live")
    talk.answers_with("For this question I need a tap or a text:").answers_with("Where do you live?")


def test_with_every_day_off_nobody_is_asked() -> None:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").says("Riga").taps("07:00")
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"):
        talk.taps(day)
    talk.taps("Done").taps("None").taps("None").answers_with("With every day off I will not ask by myself")


def test_who_runs_at_five_is_asked_at_five() -> None:
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").says("Riga").says("5:00").taps("Done").taps("None")
    talk.taps("None")
    assert talk.person(NEW).quiet_to == time(5)


def test_long_words_of_a_newcomer_are_kept_whole() -> None:
    words = "My left knee. " * 292
    talk = joined().taps("I am 18 or over").taps("Yes, I agree").says("Riga").taps("07:00").taps("Done").says(words)
    talk.says(words)
    assert talk.person(NEW).injuries == words
    page = re.sub(r"\s*\(\d of \d\)\s*", " ", "".join(talk.texts(KIM)))  # what stands above further parts
    assert page.count("My left knee.") == 584


def test_a_name_with_markup_comes_out_as_it_was_written() -> None:
    talk, code = invited("<b>Zoe & {{7*7}}")
    talk.kim_reads("A seat for <b>Zoe & {{7*7}}.")
    talk.says(f"/start {code}").answers_with("Hello <b>Zoe & {{7*7}}.")


def test_a_name_that_is_none_and_one_that_is_too_long() -> None:
    talk = Talk()
    talk.kim_says("/invite").kim_reads("Whom? Like this: /invite Ann")
    talk.kim_says("/invite " + "x" * 61).kim_reads("A shorter name, please")
    talk.kim_says("/invite ann").kim_reads("You already have an athlete called ann")


def test_a_coach_joins() -> None:
    talk = Talk(me=NEW)
    talk.club.invites["c"] = _coach_seat(talk)
    talk.says("/start c").answers_with("Welcome, Eve.").says("Berlin").answers_with(
        "When shall your morning list come?"
    )
    talk.taps("07:00").answers_with("You are set, Eve: the list comes at 07:00, Berlin time")
    assert talk.person(NEW).coaches and len(talk.planned("list")) == 3


def test_the_first_coach_of_a_club() -> None:
    talk = Talk(replace(PEOPLE[1], id=1), me=NEW)
    talk.club.invites["c"] = _coach_seat(talk)
    talk.kim_says("/athletes").says("/start c").answers_with("Welcome, Eve.")


def test_a_coach_may_run_too() -> None:
    talk = Talk(me=DANA)
    talk.kim_says("/invite Dana")
    (code,) = talk.club.invites
    talk.says(f"/start {code}").taps("Yes, I agree").says("London").taps("07:00").taps("Done")
    talk.taps("None").taps("None").answers_with("I will ask")
    dana = talk.person(DANA)
    assert dana.runs and dana.coaches and dana.coach_id == KIM
    talk.says("/help").answers_with("/checkin").answers_with("/queue")
    talk.says("i have chest pain").answers_with("Call 999 or 112").kim_reads("🔴 Dana · NOW")
    talk.dana_says("ack").reads(DANA, "")  # nobody takes their own
    assert talk.only.open
    talk.kim_says("ack").reads(DANA, "Kim has your words")
    talk.after(days=1).says("/queue").answers_with("Nothing is open.")


def test_an_athlete_may_begin_to_coach_and_is_not_asked_again() -> None:
    talk = Talk()
    talk.club.invites["c"] = replace(_coach_seat(talk), name="Ann")
    talk.says("/start c").answers_with("You are set, Ann: the list comes")
    assert talk.ann.coaches and talk.ann.runs and talk.ann.consent_at
    talk.at("07:30").hears("How did you sleep?")


def test_settings_of_somebody_who_has_not_said_yes_ask_for_the_yes() -> None:
    joined().says("/hour 8").answers_with("are you 18 or over?")


def test_blocked_tells_the_coach_and_unblocked_goes_on() -> None:
    talk = Talk()
    talk.takes(Blocked(), ANN).nobody_reads(ANN)
    assert (talk.only.flag, talk.only.level) == ("blocked", Level.CONCERN)
    talk.after(days=2).nobody_reads(ANN)
    talk.takes(Unblocked(), ANN)
    talk.after(days=1).hears("How did you sleep?")


def test_a_coach_who_blocks_is_a_hole_in_the_net_and_the_others_hear_of_it() -> None:
    Talk().takes(Blocked(), KIM).dana_reads("Kim has blocked the bot")


def _coach_seat(talk: Talk) -> Invite:
    return Invite(77, "Eve", True, None, talk.now + timedelta(days=7), "c")
