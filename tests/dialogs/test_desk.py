"""What a coach does: the list, the queue, letters, the backup."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from bot import charts
from dialogs import lists, lookup, menus
from dialogs.commands import COMMANDS
from dialogs.model import Person, Record, Session
from tests.dialogs.talk import ANN, BEN, DANA, KIM, PEOPLE, SEVEN, Talk


def begin() -> Talk:
    return Talk().at("07:30").taps("All as usual")


@pytest.fixture
def talk() -> Talk:
    return begin()


def test_the_morning_list_comes_at_the_coachs_hour_when_there_is_something_on_it(talk: Talk) -> None:
    talk.at("06:30").nobody_reads(KIM)
    talk.says("new shoes today, they feel fine").after(hours=23, minutes=59)
    talk.kim_reads("Good morning, Kim. Nothing is open.").kim_reads("Ann: new shoes today, they feel fine")
    talk.after(days=1).nobody_reads(KIM)  # asked once since then: that is no silence yet


SUNNY = ", sun on the canal, ducks on the ice, new shoes on my feet, the whole group smiling, coffee after"


def test_a_long_list_is_counted_and_not_cut_in_silence(talk: Talk) -> None:
    for number in range(15):
        talk.after(minutes=1).says(f"photo number {number} of the lovely long run" + SUNNY * 3)
    talk.at("06:30").kim_reads("photo number 11").kim_reads("… and 3 more.").reads_not(KIM, SUNNY * 2)


def test_many_concerns_are_counted() -> None:
    people = [replace(PEOPLE[0], id=n, name=f"A{n}", chat_id=100 + n, user_id=100 + n) for n in range(10, 23)]
    talk = Talk(*PEOPLE, *people)
    for one in people:
        talk.says("i have missed my periods for four months", one.id)
    talk.at("06:30")
    talk.kim_reads("13 need you (the first ones here, the other 9: /queue).")
    assert len([text for text in talk.texts(KIM) if text.startswith("🟡")]) == lists.FIRST == 4


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
    talk.says("groin pain, and i limp with it")
    talk.kim_says("/queue").kim_reads("3 not closed yet, the most urgent first:")
    assert [text.split(" ")[0] for text in talk.texts(KIM)[1:]] == ["🟠", "🟡", "🔴"], talk.texts(KIM)
    talk.kim_reads("you have it").kim_reads("missed periods")


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


def test_what_is_in_a_card_and_what_can_be_done_from_it(talk: Talk) -> None:
    """The words, what is to be decided, the week, and the acts, in one message to which one can reply."""
    talk.plans(Session("s", date(2026, 6, 3), "speed", minutes=50, effort=8))
    talk.says("i have missed my periods for four months").at("06:30")
    talk.kim_reads("Good morning, Kim. 1 needs you.")
    talk.kim_reads("🟡 Ann: missed periods", ["I have it", "Write to them", "Ease", "Call", "Tomorrow"])
    talk.kim_reads("mood").kim_reads("i have missed my periods")
    talk.kim_says("I have it", reply_to=talk.last(KIM)).hears("Kim has your words")


def test_what_is_urgent_comes_first_and_cannot_be_put_off(talk: Talk) -> None:
    talk.change(BEN, coach_id=KIM)
    talk.says("i have missed my periods for four months", BEN).says("i fainted earlier today")
    talk.kim_says("/today").kim_reads("2 need you.")
    assert [text[0] for text in talk.texts(KIM)[1:3]] == ["🟠", "🟡"]
    talk.kim_reads("has fainted", ["I have it", "Write to them", "Ease", "Call"])
    talk.presses(f"tomorrow:{ANN}", KIM).kim_reads("What is urgent does not wait until tomorrow")
    assert not talk.kim.postponed
    talk.kim_taps("Tomorrow").kim_reads("Ben: tomorrow. It stays in /queue")
    talk.kim_says("/today").kim_reads("1 needs you. Put off until tomorrow: Ben.").reads_not(KIM, "missed periods")
    talk.kim_says("/queue").kim_reads("missed periods")
    talk.kim_says("ack " + next(one.short for one in talk.open if one.athlete_id == ANN))
    talk.at("06:30").kim_reads("Good morning, Kim. 1 needs you.").kim_reads("🟡 Ben: missed periods")
    assert not talk.kim.postponed


def test_everybody_else_is_one_quiet_line_that_says_no_more_than_is_known() -> None:
    def more(id: int, name: str, **fields: Any) -> Person:
        return replace(PEOPLE[0], id=id, name=name, chat_id=100 + id, user_id=100 + id, **fields)

    talk = Talk(
        *PEOPLE, more(10, "Cara", paused_until=date(2026, 6, 20)), more(11, "Dee", reachable=False),
        more(12, "Eli", consent_at=None), more(13, "Flo"), more(14, "Gus", asked_on=date(2026, 5, 31)),
        more(15, "Hal", erase_asked=datetime(2026, 6, 1, tzinfo=UTC)),
    )  # fmt: skip
    talk.says("i have missed my periods for four months")
    talk.kim_says("/today").kim_reads("1 other: nothing.").kim_reads(
        "Not heard from: Gus (for more than a week): /quiet."
    )
    talk.kim_reads(
        "Not asked: Cara (pause), Dee (has blocked the bot), Eli (has not joined yet), Hal (wants to be erased)."
    )


def test_who_is_quiet_is_named_with_their_last_words(talk: Talk) -> None:
    talk.says("long day at work, legs like lead").kim_says("/quiet").kim_reads("heard from lately.")
    talk.change(ANN, asked_on=date(2026, 6, 3))
    talk.after(days=3, asleep=True).kim_says("/quiet")
    talk.kim_reads("Ann since 1 June. Last words, 1 June: “long day at work, legs like lead”")
    talk.kim_says("/today").kim_reads("Not heard from: Ann (since 1 June): /quiet.")
    talk.says("here again").kim_says("who is quiet?").kim_reads("Everybody who is asked has been heard from lately.")
    talk.says("/pause 1 week").kim_says("/quiet").kim_reads("Not asked: Ann (pause until")


def test_many_quiet_ones() -> None:
    people = [
        replace(PEOPLE[0], id=n, name=f"A{n}", chat_id=100 + n, user_id=100 + n, asked_on=date(2026, 5, 31))
        for n in range(10, 40)
    ]
    gone = [replace(one, id=one.id + 50, name=f"B{one.id}", reachable=False) for one in people]
    talk = Talk(*PEOPLE, *people, *gone).kim_says("/quiet").kim_reads("… and 10 more.").kim_reads("1 other has been")
    talk.kim_says("/today").kim_reads("and 18 more: /quiet. Not asked: B10 (has blocked the bot)").kim_reads(
        "and 18 more."
    )


def test_a_day_off_is_no_silence() -> None:
    ann = replace(PEOPLE[0], asked_on=date(2026, 5, 31), days_off=(5, 6))  # asked until Friday, off since
    assert [lists.missed(ann, date(2026, 5, 28), date(2026, 6, day)) for day in (1, 2)] == [1, 1]
    assert lists.missed(replace(ann, asked_on=date(2026, 6, 2)), date(2026, 5, 28), date(2026, 6, 3)) == 3
    assert lists.missed(replace(ann, asked_on=None), None, date(2026, 6, 3)) == 0
    assert lists.heard(ann, None, date(2026, 4, 1)) == date(2026, 5, 1), "the day on which they joined"


def test_a_proposal_can_be_decided_from_its_card(talk: Talk) -> None:
    talk.plans(*(Session(f"s{n}", date(2026, 6, n), "speed", minutes=50, effort=8) for n in (1, 2, 3, 4)))
    for _ in range(2):
        talk.at("07:30").taps("2").taps("4 h").taps("That is all for today")
    talk.kim_says("/today").kim_reads("📋 Ann · Short nights").kim_reads("Eased already, and held for you.")
    talk.kim_reads("Short nights", ["Write to them", "Approve", "Edit", "Decline", "Ease", "Call", "Tomorrow"])
    talk.kim_taps("Ease").kim_reads("Short nights", ["Approve", "Edit", "Decline", "Talk first"])  # it is eased already
    talk.says("i have missed my periods for four months")
    talk.kim_says("/today").kim_reads(
        "🟡 Ann: missed periods", ["I have it", "Write to them", "Ease", "Call", "Tomorrow"]
    )
    talk.kim_reads("📋 Ann · Short nights", ["Approve", "Edit", "Decline", "Talk first"])
    talk.kim_taps("Approve").kim_reads("✅ Approved").hears("Kim has looked, and agrees")
    talk.kim_taps("I have it").kim_reads("yours since").hears("Kim has your words")
    talk.kim_says("/today").reads_not(KIM, "missed periods").reads_not(KIM, "Short nights")


def test_beside_a_worry_the_first_proposal_is_a_message_of_its_own_and_more_is_said_to_be_there(talk: Talk) -> None:
    talk.plans(*(Session(f"s{n}", date(2026, 6, n), "speed", minutes=50, effort=8) for n in (1, 2, 3, 4, 6)))
    for _ in range(2):
        talk.at("07:30").taps("2").taps("4 h").taps("That is all for today")
    talk.says("move thursday to friday").says("i have missed my periods for four months")
    talk.kim_says("/today").kim_reads("missed periods").kim_reads("More is to be decided than stands below: /queue")
    assert len(talk.texts(KIM)) == 3


def test_words_of_others_stand_over_the_cards_with_buttons_to_answer(talk: Talk) -> None:
    talk.change(BEN, coach_id=KIM)
    talk.says("i have missed my periods for four months").says("and the dog is ill").says("nice run", BEN)
    talk.kim_says("who needs me?").kim_reads("Also said within a day:\nBen: nice run", ["Write to Ben"])
    talk.kim_reads("Also said:\nand the dog is ill").kim_taps("Write to Ben").kim_says("Good!").reads(BEN, "Good!")


def test_today_always_answers(talk: Talk) -> None:
    talk.kim_says("/today").kim_reads("Nothing is open.").kim_reads("1 other: nothing.")
    talk.change(ANN, coach_id=DANA)
    talk.kim_says("/today")
    assert talk.texts(KIM)[0] == "Nothing is open."


def test_the_queue_comes_five_at_a_time_and_nothing_is_passed_over() -> None:
    people = [replace(PEOPLE[0], id=n, name=f"A{n}", chat_id=100 + n, user_id=100 + n) for n in range(10, 22)]
    talk = Talk(*PEOPLE, *people)
    for one in people:
        talk.after(minutes=1).says("i have missed my periods for four months", one.id)
    talk.kim_says("what is open?").kim_reads("12 not closed yet, the most urgent first: here 1 to 5:")
    talk.kim_reads("7 more.", ["More"])
    first, more = talk.texts(KIM)[1:6], talk.button("More", KIM)
    talk.kim_says("ack " + talk.open[0].short).kim_says("ack " + talk.open[2].short)  # two of those that were shown
    talk.presses(more, KIM)
    second = talk.texts(KIM)[1:6]
    assert [text.split(":")[0] for text in (*first, *second)] == [f"🟡 A{n}" for n in range(10, 20)]
    talk.kim_taps("More")
    assert len([text for text in talk.texts(KIM) if text.startswith("🟡")]) == 4, "with what somebody has by now"
    last = talk.button("More", KIM)
    for each in list(talk.club.escalations.values()):
        if each.open:
            talk.kim_says("ack " + each.short)
        talk.presses(f"close:{each.short}", KIM)
    talk.presses(last, KIM).kim_reads("Nothing is open.")
    for forged in ("queue:", "queue:1:2:3", "queue:a:b:c:d", "queue:1:2:3:4:5", "queue:٤:1:1:1"):
        talk.presses(forged, KIM).kim_reads("That question is closed.")


def test_the_queue_ends(talk: Talk) -> None:
    talk.says("i have missed my periods for four months")
    talk.presses("queue:3:0:0:0", KIM).kim_reads("That was all of it.")


# --- acts -----------------------------------------------------------------------------------------------------------


def test_a_coach_eases_the_next_hard_session_and_the_athlete_is_told(talk: Talk) -> None:
    talk.plans(
        Session("e", date(2026, 6, 2), "easy", minutes=40),
        Session("s", date(2026, 6, 4), "speed", minutes=50, effort=8),
    )
    talk.says("i have missed my periods for four months").kim_says("/today").kim_taps("Ease")
    talk.kim_reads("Ann’s next hard session: Thu 4 Speed · 50 min · effort 8. Make it:", ["Rest", "Easy", "Half of it"])
    button = talk.button("Rest", KIM)
    talk.kim_taps("Half of it").kim_reads("Eased for Ann, who is told:\nThu Speed · 50 min · effort 8 → Speed · 25 min")
    talk.hears("Kim has made this easier for you:\nThu Speed · 50 min")
    assert talk.session(date(2026, 6, 4)).minutes == 25
    assert talk.records("step", "eased")[0].value == {"day": "2026-06-04", "to": "half"}
    talk.kim_taps("Undo").kim_reads("Ann, the week of")
    assert talk.session(date(2026, 6, 4)).minutes == 50
    for forged in ("ease:", f"ease:{BEN}", f"ease:{ANN}:260604:more", f"ease:{ANN}:x:half", "ease:9999", "call:x"):
        talk.presses(forged, KIM).kim_reads("That question is closed.")
    talk.after(days=5).presses(button, KIM).kim_reads("That question is closed.")
    talk.presses(f"ease:{ANN}", KIM).kim_reads("Ann has nothing hard planned in the next week")


def test_a_race_is_nobodys_to_ease_by_a_button(talk: Talk) -> None:
    talk.plans(Session("r", date(2026, 6, 4), "race", minutes=240))
    talk.presses(f"ease:{ANN}", KIM).kim_reads("nothing hard planned in the next week, races aside")
    talk.presses(f"ease:{ANN}:260604:rest", KIM).kim_reads("That question is closed.")


def test_a_plan_that_has_moved_on_is_not_eased(talk: Talk) -> None:
    talk.plans(Session("s", date(2026, 6, 4), "speed", minutes=1, effort=2))
    talk.presses(f"ease:{ANN}:260604:half", KIM)
    talk.presses(f"ease:{ANN}:260604:half", KIM).kim_reads("There is nothing left in it that could be changed.")


def test_a_call_shows_whom_to_ring_and_is_kept(talk: Talk) -> None:
    talk.says("i have missed my periods for four months").kim_says("/today").kim_taps("Call")
    talk.kim_reads("No emergency contact is kept.").kim_reads(
        "I cannot ring anybody for you. Ann (there it is 07:30, London)"
    )
    talk.change(ANN, contact="Sam, +44 20 7946 0000")
    talk.kim_taps("Call").kim_reads("Emergency contact: Sam, +44 20 7946 0000", ["I have called"])
    talk.kim_taps("I have called").kim_reads("Kept: you called Ann, 08:30.")
    assert [one.name for one in talk.records("step", "call")] == ["call"]
    assert talk.only.acked_at and talk.only.owner_id == KIM, "who rings has it"
    talk.presses("called:9999", KIM).kim_reads("That question is closed.")


# --- names, words, pictures -----------------------------------------------------------------------------------------


def namesakes() -> Talk:
    other = replace(PEOPLE[0], id=9, name="Ann", chat_id=109, user_id=109, place="Riga", joined_at=SEVEN)
    third = replace(PEOPLE[0], id=10, name="Ann Berg", chat_id=110, user_id=110)
    return Talk(*PEOPLE, other, third)


def test_of_two_athletes_of_one_name_it_asks_which_and_goes_on() -> None:
    talk = namesakes()
    talk.kim_says("/note ann likes hills").kim_reads(
        "Whom do you mean?", ["Ann · London · 01.05.2026", "Ann · Riga · 01.06.2026", "Cancel"]
    )
    talk.kim_taps("Ann · Riga · 01.06.2026").kim_reads("Noted.")
    assert not talk.records("step", "note") and talk.records("step", "note", of=9)[0].words == "likes hills"
    talk.kim_says("/plan Ann next").kim_taps("Ann · London · 01.05.2026").kim_reads("Ann, the week of 8 June")
    talk.kim_says("/athlete Ann").kim_taps("Cancel").kim_reads("All right, nothing was done.")
    talk.kim_says("/write Ann Berg see you").reads(10, "see you").nobody_reads(ANN, 9)
    talk.kim_says("/write Ann\nsee you\nat six").kim_taps("Ann · Riga · 01.06.2026").reads(9, "see you\nat six")


def test_a_file_for_one_of_two_namesakes_asks_for_the_whole_name() -> None:
    namesakes().sends("document", "plan ann", who=KIM, name="june.csv").kim_reads("There is more than one: Ann, Ann.")


def test_a_reply_to_an_old_message_needs_no_name() -> None:
    talk = namesakes().says("can we talk about thursday").says("i have missed my periods for four months")
    page = talk.kim_says("/today").last(KIM)
    talk.after(days=3).kim_says("/athlete", reply_to=page).kim_reads("Ann · London")
    talk.kim_says("/note sounded tired", reply_to=page).kim_reads("Noted.")
    assert talk.records("step", "note")[0].words == "sounded tired"


@pytest.mark.parametrize(
    ("said", "reads"),
    [
        ("Who needs me?", "Nothing is open."),
        ("show Ann", "Ann · London"),
        ("plan ann next week", "Ann, the week of 8 June"),
        ("what’s open", "Nothing is open."),
        ("who is quiet", "heard from lately"),
        ("write to Ann", "Your next message goes to Ann"),
        ("note Ann sounded tired", "Noted."),
        ("the roster", "Two weeks of your athletes."),
        ("rules", "The rule book."),
        ("help", "/today who needs you first"),
        ("find knee", "None of your athletes has written “knee”."),
        ("athletes", "Ann · "),
    ],
)
def test_plain_words(said: str, reads: str) -> None:
    begin().kim_says(said).kim_reads(reads)


@pytest.mark.parametrize(
    "said", ["show Ben", "write to Ann see you at six", "plan Ann a surprise", "show me the money", "note to self"]
)
def test_what_is_no_wish_goes_to_nobody(said: str) -> None:
    begin().kim_says(said).kim_reads("I did not send that to anybody.").nobody_reads(ANN, BEN)


def test_a_coach_who_is_an_athlete_too_is_heard_as_an_athlete_first(talk: Talk) -> None:
    talk.change(KIM, runs=True, coach_id=DANA, country="DE")
    talk.kim_says("who needs me").kim_reads("Nothing is open.")
    talk.kim_says("chest pain").reads(DANA, "Kim · NOW")
    talk.kim_says("/note Ann said chest pain is gone").kim_reads("Noted.")
    assert len(talk.open) == 1, "that was about somebody else"
    talk.kim_says("/me").kim_reads("Who you are, for your coach.")
    talk.kim_says("/help").kim_reads("/checkin").kim_reads("/today")
    assert {"checkin", "today"} <= set(talk.outcome.messages[0].menu)


def test_words_are_found_in_the_own_athletes_journals_alone(talk: Talk) -> None:
    talk.kim_says("/find").kim_reads("Like this: /find left knee").kim_says("/find x").kim_reads("Like this")
    talk.says("my Left Knee is fine 100% " + "la " * 60).says("left knee", BEN)
    talk.kim_says("/find left knee").kim_reads("Ann, 1 June: my Left Knee is fine 100% la").reads_not(KIM, "Ben")
    assert "<b>Left Knee</b>" in talk.last(KIM).html
    for number in range(12):
        talk.after(minutes=2).says(f"knee number {number}")
    talk.kim_says("/find knee").kim_reads("the ten newest").kim_reads("knee number 11").reads_not(
        KIM, "knee number 1\n"
    )
    talk.kim_says("/find never said").kim_reads("None of your athletes has written “never said”.")


def test_the_stretch_around_what_was_found() -> None:
    found = lookup.around("a" * 200 + " Knee " + "b" * 200, "knee")
    start, end = found["because"][0]
    assert found["words"][start:end] == "Knee" and found["words"].startswith("… a") and found["words"].endswith("b …")
    assert lookup.around("straße", "STRASSE") == {"words": "straße", "because": []}, "another spelling, found by LIKE"


def test_the_roster_is_one_picture_with_gaps_as_gaps(talk: Talk) -> None:
    talk.change(ANN, consent_at=datetime(2026, 5, 25, tzinfo=UTC), days_off=(6,))
    talk.kim_says("/roster").kim_reads("Two weeks of your athletes. A gap is a day without an answer")
    picture = talk.outcome.messages[0].picture
    assert picture is not None and picture.name == "roster"
    (row,) = picture.facts["rows"]
    states = [one["state"] for one in row["cells"]]
    assert states == ["off"] * 6 + ["silent"] * 6 + ["off", "usual"], states
    assert charts.picture(picture.name, picture.facts).startswith(b"\x89PNG")


def test_the_states_of_a_day() -> None:
    ann = replace(PEOPLE[0], paused_until=None)
    days = [date(2026, 6, n) for n in range(1, 9)]

    def told(day: int, name: str, value: Any, kind: str = "answer") -> Record:
        return Record(kind, name, datetime(2026, 6, day, 7, tzinfo=UTC), date(2026, 6, day), value)

    records = [
        told(1, "mood", "usual"), told(2, "sleep", 2), told(3, "sleep", 1), told(3, "pain_level", 4),
        told(4, "paused", "2026-06-20", "event"), told(6, "resumed", None, "event"), told(7, "pain_level", 0),
    ]  # fmt: skip
    cells = lookup.cells(ann, records, days)
    assert [one["state"] for one in cells] == ["usual", "low", "pain", "paused", "paused", "silent", "usual", "off"]
    assert cells[2]["pain"] == 4
    long = lookup.cells(replace(ann, paused_until=date(2026, 6, 5)), [], days)
    assert [one["state"] for one in long] == ["paused"] * 4 + ["silent"] * 3 + ["off"], "begun before the first day"


def test_a_roster_of_many_is_several_pictures() -> None:
    people = [replace(PEOPLE[0], id=n, name=f"A{n}", chat_id=100 + n, user_id=100 + n) for n in range(10, 40)]
    talk = Talk(*PEOPLE, *people).kim_says("/roster").kim_reads("(1 to 25 of 31)").kim_reads("(26 to 31 of 31)")
    assert [len(one.picture.facts["rows"]) for one in talk.outcome.messages if one.picture] == [25, 6]
    talk = Talk(*PEOPLE[1:3]).kim_says("/roster").kim_reads("Nobody yet.")


# --- the menu -------------------------------------------------------------------------------------------------------


def test_every_command_is_in_the_menu_of_its_role_and_in_help(talk: Talk) -> None:
    """With an example, where something stands behind it. `session` is an older name of `done`."""
    listed = set(menus.COACH) | set(menus.ATHLETE)
    assert set(COMMANDS) - {"session"} == listed
    for who, names in ((ANN, menus.ATHLETE), (KIM, menus.COACH)):
        help_ = talk.says("/help", who).texts(who)[0]
        missing = [name for name in names if name != "help" and not re.search(rf"/{name}\b", help_)]
        assert not missing, missing
    assert talk.outcome.messages[0].menu == menus.COACH
    assert talk.says("/help").outcome.messages[0].menu == (), "everybody's menu is set once, at the start"
