"""What a coach does: the list, the queue, letters, the backup."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from tests.dialogs.talk import ANN, BEN, DANA, KIM, PEOPLE, Talk


def begin() -> Talk:
    return Talk().at("07:30").taps("All as usual")


@pytest.fixture
def talk() -> Talk:
    return begin()


def test_the_morning_list_comes_at_the_coachs_hour_when_there_is_something_on_it(talk: Talk) -> None:
    talk.at("06:30").nobody_reads(KIM)
    talk.says("new shoes today, they feel fine").after(hours=23, minutes=59)
    talk.kim_reads("Good morning, Kim. Nothing is open.").kim_reads("Ann: new shoes today, they feel fine")
    talk.after(days=1).nobody_reads(KIM)


def test_a_long_list_is_counted_and_not_cut_in_silence(talk: Talk) -> None:
    for number in range(15):
        talk.after(minutes=1).says(f"photo number {number} of the lovely long run " + "la " * 100)
    talk.at("06:30").kim_reads("photo number 11").kim_reads("… and 3 more.").reads_not(KIM, "la " * 84)


def test_many_concerns_are_counted() -> None:
    people = [replace(PEOPLE[0], id=n, name=f"A{n}", chat_id=100 + n, user_id=100 + n) for n in range(10, 23)]
    talk = Talk(*PEOPLE, *people)
    for one in people:
        talk.says("i have missed my periods for four months", one.id)
    talk.at("06:30")
    talk.kim_reads("13 need you (the first ones here, the other 3: /queue).")
    assert len(talk.texts(KIM)) == 11


def test_the_list_is_late_rather_than_lost(talk: Talk) -> None:
    talk.says("i have missed my periods for four months").after(days=2, asleep=True)
    talk.after(minutes=1).kim_reads("Good morning, Kim. 1 needs you.")


def test_a_new_hour_after_todays_list_does_not_end_all_lists(talk: Talk) -> None:
    talk.at("12:00").kim_says("/hour 18:00").kim_reads("Your list comes at 18:00, Berlin time.")
    talk.says("i have missed my periods for four months")
    talk.at("12:00").kim_reads("1 needs you")
    talk.kim_says("/hour 7").after(days=1).kim_reads("1 needs you")


def test_the_queue_is_ordered_by_urgency_and_shows_who_has_what(talk: Talk) -> None:
    talk.change(BEN, coach_id=KIM)
    talk.says("i have missed my periods for four months", BEN).says("chest pain").kim_says("ack " + talk.open[-1].short)
    talk.says("i fainted earlier today")
    talk.kim_says("/queue").kim_reads("3 not closed yet, the most urgent first:")
    assert [text.split(" ")[0] for text in talk.texts(KIM)[1:]] == ["🟠", "🟡", "🔴"]
    talk.kim_reads("you have it", ["Write to them", "Close it", "Useful", "Not useful"]).kim_reads(
        "has fainted", ["I have it", "Write to them"]
    )


def test_athletes_shows_who_is_there(talk: Talk) -> None:
    talk.kim_says("/athletes").kim_reads("Ann · last asked on 1 June")
    talk.says("/pause 1 week").kim_says("/athletes").kim_reads("Ann · on a pause")
    talk.change(ANN, reachable=False)
    talk.kim_says("/athletes").kim_reads("Ann · has blocked the bot")
    talk.change(ANN, reachable=True, consent_at=None)
    talk.kim_says("/athletes").kim_reads("Ann · has not joined yet")
    talk.change(ANN, coach_id=DANA)
    talk.kim_says("/athletes").kim_reads("Nobody yet. /invite Ann makes a link")


def test_a_hundred_athletes_fit() -> None:
    people = [replace(PEOPLE[0], id=n, name=f"{n} " + "Ü" * 56, chat_id=100 + n) for n in range(10, 110)]
    talk = Talk(*PEOPLE, *people).kim_says("/athletes")
    assert len(talk.texts(KIM)) == 2 and "99 " in talk.texts(KIM)[-1]


def test_the_backup_is_shown_and_changed() -> None:
    eve = replace(PEOPLE[2], id=6, name="Eve", chat_id=106, user_id=106, joined_at=datetime(2026, 5, 30, tzinfo=UTC))
    talk = Talk(*PEOPLE, eve)
    talk.kim_says("/backup").kim_reads(
        "When you do not answer, I ring Dana. Change it with: /backup Dana or /backup Eve"
    )
    talk.kim_says("/backup nobody").kim_reads("There is no coach of that name. When you do not answer, I ring Dana.")
    talk.kim_says("/backup Kim").kim_reads("There is no coach of that name.")
    talk.kim_says("/backup eve").kim_reads("From now on I ring Eve when you do not answer.")
    talk.says("chest pain").after(minutes=20).reads(6, "🔴 Ann · NOW").nobody_reads(DANA)


def test_a_coach_alone_has_no_backup_and_is_told() -> None:
    Talk(*PEOPLE[:2]).kim_says("/backup").kim_reads("There is no other coach, so nobody is rung")


def test_a_letter_goes_to_one_athlete_under_the_coachs_name(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").kim_taps("Write to them")
    talk.kim_reads("Your next message goes to Ann, under your name", ["Cancel"])
    talk.kim_says("Sit down, I call").hears("Kim:\nSit down, I call").kim_reads("On its way to Ann.").nobody_reads(BEN)
    talk.kim_says("hello?").kim_reads("I did not send that to anybody.").nobody_reads(ANN)


def test_a_letter_can_be_left(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("Write to them").kim_taps("Cancel").kim_reads("All right, nothing was sent.", [])
    assert talk.open


def test_a_letter_begun_long_ago_is_not_sent_to_anybody(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it").kim_taps("Write to them").after(minutes=31)
    talk.kim_says("see you at six, darling").kim_reads("That was not sent").nobody_reads(ANN)


def test_a_voice_note_is_a_letter_too(talk: Talk) -> None:
    talk.says("chest pain").sends("voice", who=KIM, reply_to=talk.last(KIM)).hears("Kim sends you this:")
    assert not talk.open
    talk.kim_taps("Write to them") if talk.last(KIM).rows else talk.presses(f"write:{ANN}", KIM)
    talk.sends("photo", who=KIM).hears("Kim sends you this:")
    talk.sends("photo", who=KIM).kim_reads("I did not send that to anybody.")


def test_got_it_as_an_answer_to_an_athlete_is_a_letter_and_acks_nobody_else(talk: Talk) -> None:
    talk.change(BEN, coach_id=KIM)
    talk.says("chest pain", BEN).says("/coach").kim_taps("I have it").says("can we move thursday?")
    question = talk.last(KIM)
    talk.kim_says("Got it", reply_to=question).hears("Kim:\nGot it")
    assert [one.athlete_id for one in talk.open] == [BEN]


def test_a_letter_to_somebody_who_has_blocked_is_not_said_to_be_sent(talk: Talk) -> None:
    talk.change(ANN, reachable=False)
    talk.presses(f"write:{ANN}", KIM).kim_says("are you there?").kim_reads("I cannot reach Ann")


def test_an_edit_of_a_coach_is_not_sent_and_that_is_said(talk: Talk) -> None:
    talk.edits("better words", KIM).kim_reads("Your edit was not sent on.")


def test_words_and_settings_of_a_coach(talk: Talk) -> None:
    talk.kim_says("/settings").kim_reads("Your list comes at 07:00, Berlin time.")
    talk.kim_says("/zone Paris").kim_reads("Your list comes at 07:00, Paris time.")
    talk.kim_says("/help").kim_reads("/queue").reads_not(KIM, "/checkin")
    talk.kim_says("/checkin").kim_reads("I do not know that command.")
    talk.kim_says("/privacy").kim_reads("You read what your athletes write")
    assert talk.kim.zone == "Europe/Paris" and talk.kim.ask_at == time(7)


def test_a_year_of_lists_never_ends(talk: Talk) -> None:
    talk.until(talk.now + timedelta(days=60))
    assert len(talk.planned("list")) == 2
