"""The daily check-in, the session and the pause, as conversations."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from dialogs.levels import Level
from dialogs.scripts.checkin import ITEMS, MORNING
from dialogs.timing import quiet_until
from tests.dialogs.talk import ANN, BEN, DANA, KIM, Talk


def begin() -> Talk:
    """A morning, just asked."""
    return Talk().at("07:30")


@pytest.fixture
def talk() -> Talk:
    return begin()


def test_as_usual_is_one_tap_and_one_bubble(talk: Talk) -> None:
    talk.hears("Good morning, Ann. How did you sleep?")
    talk.taps("All as usual").answers_with("All as usual, kept.", buttons=["Change", "After a session"])
    assert talk.answers() == dict.fromkeys(ITEMS, "usual")
    assert talk.number_of_bubbles() == 1
    assert talk.ann.talks == ()


def test_a_full_check_in_is_five_taps_and_one_bubble(talk: Talk) -> None:
    for number in "43545":
        talk.taps(number)
    talk.answers_with("Kept, thank you.").answers_with("sleep 4 · freshness 3 · muscles 5 · calm 4 · mood 5")
    assert talk.answers() == {"sleep": 4, "fatigue": 3, "soreness": 5, "stress": 4, "mood": 5}
    assert talk.number_of_bubbles() == 1
    assert sum(step.when is None for step in MORNING.steps) <= 6


@pytest.mark.parametrize(
    ("said", "hours"), [("5", 5), ("5,5", 5.5), ("4h30", 4.5), ("about 6 hours", 6), ("3:15", 3.25)]
)
def test_how_short_a_bad_night_was_is_asked_and_may_be_typed(talk: Talk, said: str, hours: float) -> None:
    talk.taps("2").answers_with("How many hours was it, about?").says(said).answers_with("How fresh do you feel?")
    assert talk.answers()["sleep_hours"] == hours


def test_a_night_of_thirty_hours_is_asked_again(talk: Talk) -> None:
    talk.taps("1").says("30").answers_with("Hours, please: from 0 to 16.").answers_with("How many hours was it")


def test_bad_news_gets_no_cheer(talk: Talk) -> None:
    talk.taps("2").taps("That is all for today").answers_with("Thank you for saying so, Ann.")
    assert talk.answers() == {"sleep": 2}


def test_the_numbers_may_be_typed(talk: Talk) -> None:
    talk.says("4").answers_with("How fresh do you feel?")
    talk.says("3/5").answers_with("And your muscles?")
    talk.says("7").answers_with("That number is not on the scale.").answers_with("And your muscles?")
    talk.says("3/10").answers_with("not on the scale")
    talk.says("5").says("5").says("5").answers_with("Kept, thank you.")
    assert talk.answers()["soreness"] == 5
    assert [bubble.rows for bubble in talk.chat(ANN)[:-1]] == [[]] * (talk.number_of_bubbles() - 1)
    talk.at("09:00")
    assert talk.texts(KIM) == []  # numbers are answers: they are not read out to the coach as words


def test_words_in_the_middle_are_kept_and_the_question_comes_again(talk: Talk) -> None:
    talk.taps("4").says("the neighbours had a party, so who knows")
    talk.answers_with("Kept, word for word. And the question:\n\nHow fresh do you feel?")
    assert talk.records("words")[-1].words == "the neighbours had a party, so who knows"
    talk.taps("3").answers_with("And your muscles?")
    talk.after(days=1).reads(KIM, "the neighbours had a party, so who knows")


def test_a_question_of_the_morning_does_not_come_again_in_the_evening(talk: Talk) -> None:
    talk.at("19:00").says("long day at work, no run").answers_with("They stand on Kim’s next morning list")
    talk.reads_not(ANN, "How did you sleep")


def test_a_short_complaint_is_not_answered_with_a_thumb(talk: Talk) -> None:
    talk.taps("All as usual").says("knee is grumpy").answers_with("Kept in your words", buttons=["I need my coach"])
    talk.says("thanks!").answers_with("👍")


@pytest.mark.parametrize("place", ["Shin", "Foot", "Groin", "Sacrum"])
def test_a_bone_that_hurts_goes_to_the_coach_today(talk: Talk, place: str) -> None:
    talk.taps("Something hurts").taps(place).taps("2").taps("No")
    talk.reads(ANN, "No running until a person has spoken with you.", buttons=["It can’t wait"])
    talk.reads(ANN, "How did you sleep?")
    talk.kim_reads("🟠 Ann · today: pain in a bone-like place").kim_reads(f"{place.lower()}, 2/10")
    assert talk.only.level is Level.TODAY


def test_a_bone_at_zero_is_no_pain(talk: Talk) -> None:
    talk.taps("Something hurts").taps("Shin").taps("0").taps("No")
    assert not talk.open


def test_a_new_pain_of_any_strength_stands_on_the_coachs_list(talk: Talk) -> None:
    talk.taps("Something hurts").taps("Achilles").taps("4").taps("No").answers_with("How did you sleep?")
    talk.answers_with("This flags for Kim, and stands on the list at 07:00")
    assert (talk.only.level, talk.only.flag) == (Level.CONCERN, "rule_pain-new")
    assert talk.answers()["pain_level"] == 4
    talk.at("06:00").reads(KIM, "🟡 Ann: A new pain")


def test_a_tendon_over_five_is_a_concern(talk: Talk) -> None:
    talk.taps("Something hurts").taps("Achilles").taps("6").taps("No")
    talk.answers_with("This flags for Kim").answers_with("no running on it").nobody_reads(KIM)
    assert (talk.only.level, talk.only.flag) == (Level.CONCERN, "pain_high")
    talk.at("06:00").reads(KIM, "🟡 Ann: pain over 5").reads(KIM, "achilles, 6/10")


def test_a_changed_stride_is_a_concern(talk: Talk) -> None:
    talk.taps("Something hurts").taps("Knee").taps("3").taps("Yes")
    assert (talk.only.level, talk.only.flag) == (Level.CONCERN, "pain_stride")
    assert talk.only.words == "knee, 3/10, changes the stride"


def test_all_of_a_painful_morning_is_one_bubble_but_for_what_the_coach_gets(talk: Talk) -> None:
    for label in ("Something hurts", "Knee", "2", "No", "3", "3", "3", "3", "3"):
        talk.taps(label)
    talk.answers_with("pain: knee, 2/10")
    assert talk.number_of_bubbles() == 2


def test_a_pain_in_own_words_is_kept_and_its_place_read(talk: Talk) -> None:
    talk.taps("Something hurts").says("inside of my left tibia when I push off").answers_with("How strong is it")
    assert talk.answers()["pain_where"] == "shin"
    talk.taps("1").taps("No").kim_reads("inside of my left tibia when I push off")


def test_a_pain_that_is_only_named_counts_after_ten_minutes(talk: Talk) -> None:
    talk.taps("Something hurts").taps("Foot").after(minutes=9).nobody_reads()
    talk.after(minutes=1).kim_reads("pain in a bone-like place")
    talk.after(days=1)
    talk.says("/checkin")  # leaving the old one does not count it once more
    assert talk.only.words == "foot, 3/10, changes the stride"


def test_that_something_hurts_and_no_more_is_a_concern_after_ten_minutes(talk: Talk) -> None:
    talk.taps("Something hurts").after(minutes=9).nobody_reads(KIM)
    talk.after(minutes=1).answers_with("This flags for Kim").at("06:00").reads(KIM, "said that something hurts")


def test_where_how_strong_and_when_in_one_breath_are_not_asked_again(talk: Talk) -> None:
    talk.taps("Something hurts").says("left calf, 4/10, worse after")
    talk.answers_with("Does it change how you walk or run?")
    assert {name: talk.answers()[name] for name in ("pain_where", "pain_level", "pain_side", "pain_when")} == {
        "pain_where": "calf", "pain_level": 4, "pain_side": "left", "pain_when": "after",
    }  # fmt: skip


def test_a_pain_that_was_told_today_and_is_told_again_gets_an_answer(talk: Talk) -> None:
    """The coach has had it, and closed it; "shin sore" in the afternoon is nobody's question any more."""
    talk.taps("Something hurts").taps("Shin").taps("2").taps("No").kim_taps("I have it").kim_taps("Close it")
    talk.at("17:00").says("shin sore").answers_with("Kept in your words.")


def test_a_pain_that_was_only_named_is_not_lost_by_beginning_anew(talk: Talk) -> None:
    talk.taps("Something hurts").taps("Foot").presses("do:change").kim_reads("foot, 3/10")


def test_a_pain_that_was_told_to_its_end_does_not_count_again(talk: Talk) -> None:
    talk.taps("Something hurts").taps("Knee").taps("2").taps("No").after(minutes=30)
    assert talk.only.flag == "rule_pain-new"


def test_in_an_hour_asks_again_in_an_hour(talk: Talk) -> None:
    talk.taps("In an hour").answers_with("I will ask again at 08:30.", buttons=[])
    talk.after(minutes=59).nobody_reads(ANN)
    talk.after(minutes=1).hears("How did you sleep?")


def test_who_answers_meanwhile_is_not_asked_again(talk: Talk) -> None:
    talk.taps("In an hour").says("/checkin").taps("All as usual").at("09:00").nobody_reads(ANN)


def test_there_is_no_later_near_the_night() -> None:
    talk = Talk().at("20:45").says("/checkin").answers_with("Hello, Ann. How did you sleep?")
    talk.taps("In an hour").answers_with("In an hour would be too late today.")
    talk.at("07:29").nobody_reads(ANN)


def test_not_today_is_an_answer(talk: Talk) -> None:
    talk.taps("Not today").answers_with("All right, not today.", buttons=[])
    talk.at("07:29").nobody_reads(ANN)
    talk.at("07:30").hears("How did you sleep?")


def test_an_early_check_in_is_not_asked_a_second_time() -> None:
    talk = Talk().says("/checkin").taps("All as usual")
    talk.at("12:00").nobody_reads(ANN)
    talk.at("07:30").hears("How did you sleep?")


def test_a_late_check_in_goes_on_where_it_was_left(talk: Talk) -> None:
    talk.taps("4").at("15:00").says("/checkin").answers_with("How fresh do you feel?").answers_with("sleep 4")
    assert [bubble.rows for bubble in talk.chat(ANN)[:-1]] == [[]]


def test_what_was_said_is_not_asked_again(talk: Talk) -> None:
    talk.taps("4").taps("That is all for today")
    talk.says("/checkin").answers_with("How fresh do you feel?")
    talk.taps("3").taps("3").taps("3").taps("3")
    talk.says("/checkin").answers_with("Today’s check-in is in.", buttons=["Change", "After a session"])


def test_change_asks_all_of_it_anew(talk: Talk) -> None:
    talk.taps("All as usual").taps("Change").answers_with("How did you sleep?").taps("1")
    talk.taps("That is all for today")
    assert talk.answers()["sleep"] == 1


def test_every_old_button_is_answered_kindly(talk: Talk) -> None:
    old = talk.button("All as usual")
    talk.taps("4").presses(old).answers_with("That question is closed.")
    assert talk.answers() == {"sleep": 4}


def test_yesterdays_question_is_closed_today(talk: Talk) -> None:
    talk.change(ANN, days_off=(1,))  # Tuesday
    old = talk.button("All as usual")
    talk.at("07:00").presses(old).answers_with("That question is closed.")
    assert talk.answers() == {}
    assert talk.last().rows == []


@pytest.mark.parametrize(
    "data",
    (
        "| :|x|1:|1:nonsense|999:usual|-1:usual|١:usual|²:3|1:o0|0:usual|ack:K7Q2M|write:1|close:|do:|do:nothing|"
        f"{'9' * 64}|{'9' * 5000}:usual|write:{'9' * 5000}|\x00|\ud800:1|{{{{7*7}}}}|<b|1:{'é' * 31}"
    ).split("|"),
)
def test_invented_buttons_are_answered_kindly(talk: Talk, data: str) -> None:
    talk.presses(data).answers_with("That question is closed.").nobody_reads(KIM, DANA)
    talk.taps("All as usual").answers_with("kept")


def test_an_edit_raises_and_never_lowers(talk: Talk) -> None:
    talk.taps("All as usual").says("my chest hurts").edits("my chest is fine").answers_with("Both versions are kept.")
    assert talk.only.level is Level.NOW
    assert [one.words for one in talk.records("words")] == ["my chest hurts", "my chest is fine"]


def test_an_edit_may_be_the_alarm(talk: Talk) -> None:
    talk.taps("All as usual").says("good run").edits("good run, then chest pain").answers_with("Call 999 or 112")


@pytest.mark.parametrize("kind", ["voice", "photo", "video", "document", "audio"])
def test_what_cannot_be_read_reaches_the_coach_as_it_is(talk: Talk, kind: str) -> None:
    asked = "It goes to Kim as it is: I can neither hear nor see what is in it. Is it urgent?"
    talk.sends(kind).answers_with(asked, buttons=["It can’t wait", "It can wait"])
    talk.kim_reads("Ann sends this; I cannot screen it:")
    assert talk.only.flag == "unscreened"
    talk.taps("It can’t wait").answers_with("Stop now. Call 999 or 112").kim_reads("🔴 Ann · NOW")


def test_a_caption_is_read_like_words(talk: Talk) -> None:
    talk.sends("photo", "chest pain, this is my watch").kim_reads("🔴 Ann · NOW").kim_reads("Ann sends this")
    assert talk.only.words == "chest pain, this is my watch"


def test_a_file_reaches_the_backup_where_the_coach_cannot_be_reached(talk: Talk) -> None:
    talk.change(KIM, reachable=False)
    talk.sends("voice").dana_reads("Ann sends this")


def test_a_sticker_is_no_alarm(talk: Talk) -> None:
    talk.sends("sticker").answers_with("👍")
    assert not talk.open


def test_a_session_done(talk: Talk) -> None:
    talk.taps("All as usual").taps("After a session").answers_with("How did the session go?")
    talk.taps("Done").answers_with("How hard was it").taps("6").taps("Nothing hurts")
    talk.answers_with("Done · effort 6/10").answers_with("How did it feel?")


def test_a_session_not_done_has_a_reason_and_no_effort(talk: Talk) -> None:
    talk.says("/session").taps("Not done").answers_with("None of these is a wrong answer.").taps("Head")
    talk.answers_with("Does anything hurt?").taps("Nothing hurts").answers_with("Not done")
    assert talk.answers() == {"did": "not_done", "why": "head", "hurts": "no_pain"}


def test_a_session_that_hurts_asks_where_how_strong_and_how(talk: Talk) -> None:
    talk.says("/session").taps("Changed").taps("Body").says("8").taps("Something hurts").taps("Groin").taps("5")
    talk.taps("Yes").kim_reads("groin, 5/10, changes the stride").answers_with("pain: groin 5/10")


def test_a_pause_by_button(talk: Talk) -> None:
    talk.taps("All as usual").says("/pause").taps("3 days")
    talk.answers_with("Kept. The next question comes on Thursday, 4 June, at 07:30, London time.", buttons=[])
    talk.at("07:00").at("07:00").at("07:00").at("07:29").nobody_reads(ANN)
    talk.at("07:30").hears("How did you sleep?")


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("tomorrow", "The next question comes tomorrow"),
        ("until Sunday", "on Sunday, 7 June"),
        ("1 July", "on Wednesday, 1 July"),
        (" ", "How long shall I be quiet?"),
        ("29 February", "There is no such day in the calendar."),
        ("1/7", "That could be two different days."),
        ("1 May", "That day is over already."),
        ("2031-01-01", "That is too far away."),
        ("whenever", "I could not read a day in that."),
    ],
)
def test_a_pause_until_a_typed_day(talk: Talk, typed: str, answer: str) -> None:
    talk.taps("All as usual").says(f"/pause {typed}").answers_with(answer)
    once_more = Talk().says("/pause").says(typed)
    once_more.answers_with(answer.replace("The next question comes tomorrow", "The next question comes"))


def test_a_pause_can_be_left_alone_and_ended(talk: Talk) -> None:
    talk.says("/pause").taps("Cancel").answers_with("All right, nothing is changed.", buttons=[])
    talk.says("/pause").taps("2 weeks").says("/settings").answers_with("On a pause until 15 June: /resume")
    talk.says("resume").answers_with("The next question comes tomorrow at 07:30")
    talk.at("07:30").hears("How did you sleep?")


def test_a_new_hour_is_the_next_hour(talk: Talk) -> None:
    talk.taps("All as usual").says("/hour").answers_with("At what time?").taps("06:00")
    talk.answers_with("The next question comes tomorrow at 06:00, London time.", buttons=[])
    talk.at("06:00").hears("How did you sleep?")
    assert talk.ann.ask_at == time(6)


@pytest.mark.parametrize(
    ("typed", "why"),
    [("25:00", "A day has no such hour"), ("7:61", "An hour has no such minute"), ("asdf", "I could not read a time")],
)
def test_an_hour_that_cannot_be_is_answered(talk: Talk, typed: str, why: str) -> None:
    talk.says(f"/hour {typed}").answers_with(why).answers_with("At what time?")
    talk.says("6:45").answers_with("06:45")


@pytest.mark.parametrize(
    ("hour", "quiet"),
    [("7:00", "21:30-06:30"), ("5:00", "21:30-05:00"), ("21:30", "22:30-06:30"), ("23:30", "00:30-06:30")],
)
def test_the_hour_asked_for_is_never_inside_the_quiet_hours(talk: Talk, hour: str, quiet: str) -> None:
    ann = talk.taps("All as usual").says(f"/hour {hour}").ann
    assert f"{ann.quiet_from:%H:%M}-{ann.quiet_to:%H:%M}" == quiet
    (asked,) = [wakeup.at for whose, wakeup in talk.club.wakeups.values() if whose == ANN]
    assert quiet_until(ann.zone, ann.quiet_from, ann.quiet_to, asked) is None


def test_days_off_are_kept(talk: Talk) -> None:
    talk.taps("All as usual").says("/daysoff").taps("Tue").taps("Wed").taps("✓ Tue").taps("Done")
    assert talk.ann.days_off == (2,)
    talk.says("/settings").answers_with("/daysoff Wed")
    talk.says("/daysoff")
    for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"):
        talk.taps(day)
    talk.taps("Done").answers_with("I do not ask by myself; /checkin works at any time.")


def test_a_flight_moves_the_hour_with_the_athlete(talk: Talk) -> None:
    talk.taps("All as usual").says("/zone Tokyo").answers_with("tomorrow at 07:30, Tokyo time")
    assert (talk.ann.zone, talk.ann.country) == ("Asia/Tokyo", "JP")
    assert len(talk.planned("checkin")) == 2  # hers and Ben's
    talk.wakes("checkin", of=ANN).hears("How did you sleep?")
    assert talk.ann.asked_on == date(2026, 6, 2)


def test_a_form_that_was_left_open_takes_no_later_words(talk: Talk) -> None:
    talk.taps("All as usual").says("/zone").after(minutes=31)
    talk.says("my knee is a bit sore today").answers_with("Kept in your words")
    talk.after(days=1).reads(KIM, "my knee is a bit sore today")


def test_many_words_in_a_form_reach_the_coach_even_so(talk: Talk) -> None:
    talk.taps("All as usual").says("/zone").says("my knee is a bit sore today").answers_with("I do not know that place")
    talk.at("06:30").reads(KIM, "my knee is a bit sore today")


def test_a_check_in_that_is_hours_late_is_dropped_and_the_next_one_comes() -> None:
    talk = Talk().at("15:00", asleep=True).wakes("checkin", of=ANN).nobody_reads(ANN)
    assert talk.records("event", "not_asked")
    talk.at("07:30").hears("How did you sleep?")


def test_after_days_of_downtime_there_is_no_burst() -> None:
    talk = Talk().after(days=3, hours=5, asleep=True)
    talk.after(minutes=1).nobody_reads(ANN, BEN)
    talk.at("07:30").hears("How did you sleep?")
    assert talk.number_of_bubbles() == 1


def test_a_new_hour_after_a_dropped_check_in_does_not_end_all_check_ins() -> None:
    talk = Talk().at("15:00", asleep=True).wakes("checkin", of=ANN)
    talk.says("/hour 18:00")
    talk.after(days=1).at("18:00").hears("How did you sleep?")


def test_a_month_has_one_check_in_a_day() -> None:
    talk = Talk()
    talk.until(talk.now + timedelta(days=30))
    assert sum("How did you sleep?" in text for text in talk.texts(ANN)) == 30


@pytest.mark.parametrize("wish", ["checkin", "Check in!", "/checkin@aid_bot", "/CHECKIN"])
def test_a_wish_in_plain_words_is_a_command(wish: str) -> None:
    Talk().says(wish).answers_with("How did you sleep?")


def test_unknown_commands_are_answered_and_their_words_are_read(talk: Talk) -> None:
    talk.says("/weather").answers_with("I do not know that command.")
    talk.says("/chest pain right now").answers_with("Call 999 or 112").kim_reads("/chest pain right now")


def test_words_behind_a_command_are_words(talk: Talk) -> None:
    talk.says("/checkin i have chest pain").reads(ANN, "Call 999 or 112")
    talk.kim_reads("i have chest pain")


def test_help_settings_and_privacy_are_one_message_each(talk: Talk) -> None:
    for command, fragment in (
        ("/help", "Just write or speak: a human reads it."),
        ("/settings", "/hour 07:30"),
        ("/privacy", "This is not an emergency service."),
        ("/invite Zoe", "I do not know that command."),
        ("/queue", "I do not know that command."),
    ):
        talk.says(command).answers_with(fragment)
        assert len(talk.texts(ANN)) == 1
