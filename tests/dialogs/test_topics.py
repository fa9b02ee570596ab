"""A coach's group with a topic for each athlete, and the quiet while a coach and an athlete write to each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dialogs.events import Due, Edited, Event, Grouped, Located, Newcomer, Said, Sender, Sent, Started, Tapped
from tests.dialogs.talk import ANN, BEN, DANA, FIRST_TOPIC, KIM, PEOPLE, Talk, topic_chat

GROUP = -500  # the chat of a group on paper: see Talk.takes
HOME = topic_chat(GROUP, ANN)
SEEN: dict[str, Any] = {
    "title": "Our club",
    "forum": True,
    "rights": True,
    "members": 2,
    "present": [102, 103],
    "admins": [{"id": 102, "name": "Kim"}],
    "chat": GROUP,
}


def begin() -> Talk:
    """Kim's group, in which Dana is, too; Ann has agreed, and has answered today."""
    talk = Talk().at("07:30").taps("All as usual")
    talk.change(ANN, in_group=True)
    talk.change(KIM, group=GROUP)
    return talk.after(hours=1)


@pytest.fixture
def talk() -> Talk:
    return begin()


def told(talk: Talk, chat: int) -> list[str]:
    return [one.text for one in talk.heard if one.chat == chat]


def shows(talk: Talk, fragment: str, chat: int = HOME) -> Talk:
    assert [text for text in told(talk, chat) if fragment in text], told(talk, chat)
    return talk


def silent(talk: Talk, chat: int = HOME) -> Talk:
    assert not told(talk, chat)
    return talk


def group(talk: Talk, who: int, what: str, message: Any = None, athlete: int | None = None) -> Talk:
    topic = None if athlete is None else FIRST_TOPIC + athlete
    return talk.takes(Grouped(what, topic, message), who, private=False)


def in_topic(talk: Talk, who: int, text: str, athlete: int = ANN) -> Talk:
    print(f"\n{who} in the topic of {athlete}: {text}")
    return group(talk, who, "said", Said(text, 9), athlete)


# --- out ------------------------------------------------------------------------------------------------------------


def test_an_athletes_words_to_the_coach_stand_in_the_topic_and_not_in_the_private_chat(talk: Talk) -> None:
    in_topic(talk, KIM, "How are the new shoes?").hears("Kim:\nHow are the new shoes?")
    talk.says("blisters on the left heel").nobody_reads(KIM)
    shows(talk, "blisters on the left heel")
    talk.sends("voice", "listen").nobody_reads(KIM)
    shows(talk, "listen")
    talk.sends("photo").nobody_reads(KIM)
    shows(talk, "Ann sends this")


def test_a_page_stays_private_and_a_copy_of_it_can_be_acknowledged(talk: Talk) -> None:
    talk.says("chest pain").kim_reads("Ann · NOW", ["I have it", "Write to them"])
    shows(talk, "A copy: the page itself is in the private chat")
    (copy,) = talk.club.chats[HOME]
    assert copy.labels == ["I have it"]
    talk.says("it is worse now").kim_reads("it is worse now")
    shows(talk, "it is worse now")
    ack = copy.rows[0][0][1]
    talk.takes(Tapped(ack, "q", copy.id), KIM, private=False).hears("Kim has your words")
    talk.kim_reads("yours since")
    shows(talk, f"✅ Kim has #{talk.only.short}.")
    assert not any(bubble.rows for bubble in talk.club.chats[HOME]), "what is taken does not look as if it waited"
    talk.takes(Tapped(ack, "q2", copy.id), KIM, private=False).kim_reads("You have #")


def test_a_page_taken_in_private_is_taken_in_the_topic(talk: Talk) -> None:
    talk.says("chest pain").kim_taps("I have it")
    shows(talk, "✅ Kim has #")
    assert not any(bubble.rows for bubble in talk.club.chats[HOME])


def test_a_concern_stands_in_the_topic_at_once_and_on_the_list_as_ever(talk: Talk) -> None:
    talk.says("i have missed my periods for four months").nobody_reads(KIM)
    shows(talk, "i have missed my periods for four months")
    shows(talk, "A copy: it stands on Kim’s list at 07:00.")
    talk.says("and i feel burnt out, i do not eat much").nobody_reads(KIM)
    assert len(told(talk, HOME)) == 1
    talk.at("06:00").kim_reads("i have missed my periods")
    talk.kim_taps("I have it")
    shows(talk, "Kim has #")


def test_a_letter_from_the_private_chat_stands_in_the_topic_too(talk: Talk) -> None:
    talk.presses(f"write:{ANN}", KIM).kim_says("Rest today, please").hears("Rest today, please")
    shows(talk, "Kim to Ann, from the private chat:\nRest today, please")
    talk.presses(f"write:{ANN}", KIM).sends("voice", who=KIM).hears("Kim sends you this")
    shows(talk, "Kim to Ann, from the private chat:")


def test_nothing_goes_to_the_group_of_who_has_not_agreed_or_has_another_coach(talk: Talk) -> None:
    talk.change(BEN, in_group=True)
    talk.says("chest pain", BEN)  # Dana has no group
    silent(talk, topic_chat(GROUP, BEN))
    talk.change(ANN, in_group=False)
    in_topic(talk, KIM, "hello?").nobody_reads(ANN)
    shows(talk, "That went to nobody: nothing is sent on from this topic")
    talk.says("chest pain").kim_reads("Ann · NOW")
    silent(talk)


# --- in -------------------------------------------------------------------------------------------------------------


def test_what_a_coach_says_in_the_topic_reaches_that_athlete_and_nobody_else(talk: Talk) -> None:
    in_topic(talk, KIM, "Easy today").hears("Kim:\nEasy today").nobody_reads(KIM, BEN, DANA)
    silent(talk)
    group(talk, KIM, "said", Sent("voice", 9, "f", ""), ANN).hears("Kim sends you this")
    attached = [one.message.attach for one in talk.heard if one.message.attach]
    assert [(one.from_chat, one.message_id) for one in attached if one] == [(GROUP, 9)]
    letters = [one for one in talk.records("words", "coach_wrote") if one.words == "Easy today"]
    assert [one.value for one in letters] == ["Kim"]


def test_who_covers_may_write_there_under_their_own_name(talk: Talk) -> None:
    talk.says("chest pain").after(minutes=20)
    in_topic(talk, DANA, "Sit down, I call you").hears("Dana:\nSit down, I call you")
    shows(talk, f"✅ Dana has #{talk.only.short}.")


def test_a_colleague_who_writes_there_is_told_that_it_went_nowhere(talk: Talk) -> None:
    in_topic(talk, DANA, "hello Ann").nobody_reads(ANN, BEN, KIM, DANA)
    shows(talk, "that went to nobody: from here only Ann’s own coaches write to Ann")
    assert talk.kim.group == GROUP


# --- guests ---------------------------------------------------------------------------------------------------------

PAUL = Newcomer(9, "Paul")


def comes(talk: Talk, *who: Newcomer) -> Talk:
    print(f"\n{', '.join(one.name for one in who)} comes into the group")
    return talk.takes(Grouped("joined", newcomers=who), 9, private=False)


def test_whoever_comes_in_and_is_no_coach_ends_it_at_once_and_the_coach_hears_of_it(talk: Talk) -> None:
    comes(talk, PAUL, Newcomer(103, "Dana")).kim_reads("Paul is in your group, and no coach of the club.")
    talk.kim_reads("your athletes’ words come to this chat").nobody_reads(ANN, DANA)
    shows(talk, "From now on nothing of Kim’s athletes is shown here", GROUP)
    assert [one.value for one in talk.records("event", "group_lost", of=KIM)] == ["guest"]
    talk.says("i have missed my periods for four months")
    silent(talk)
    talk.says("chest pain").kim_reads("Ann · NOW")
    silent(talk)
    in_topic(talk, KIM, "hello?").nobody_reads(ANN)
    shows(talk, "That went to nobody: nothing is sent on from this topic any more")
    comes(talk, PAUL).nobody_reads()
    group(talk.after(minutes=1), KIM, "command", Said("/link", 9))
    look(talk).kim_taps("Link it").kim_reads("Linked.")
    talk.says("chest pain, still")
    shows(talk, "chest pain, still")


def test_a_coach_who_comes_in_and_the_bot_itself_are_no_guests(talk: Talk) -> None:
    comes(talk, Newcomer(103, "Dana"), Newcomer(1, "Aid Station", "aid_bot")).nobody_reads()
    assert talk.kim.group == GROUP
    comes(talk, Newcomer(2, "Another bot", "hears_all_bot")).kim_reads("Another bot is in your group")


def test_several_guests_are_named_together_and_an_athlete_is_one(talk: Talk) -> None:
    comes(talk, PAUL, Newcomer(100 + ANN, "Ann")).kim_reads("Paul, Ann are in your group, and no coach of the club.")
    assert talk.kim.group is None


@pytest.mark.parametrize(
    ("who", "where"), [(who, where) for who in (ANN, BEN, 77) for where in ("in a topic", "in General", "on a button")]
)
def test_a_guest_who_is_noticed_by_what_they_do_ends_it_too(who: int, where: str) -> None:
    talk = begin()
    if where == "on a button":
        talk.takes(Tapped("ack:ZZZZZ", "q", 1), who, private=False)
    else:
        group(talk, who, "said", Said("hello Ann", 9), ANN if where == "in a topic" else None)
    talk.kim_reads("Somebody is in your group, and no coach of the club.").nobody_reads(ANN, BEN, DANA)
    if where == "in a topic":
        shows(talk, "That went to nobody")
    talk.says("chest pain").kim_reads("Ann · NOW")
    silent(talk)


def test_a_guest_in_a_group_that_is_only_asked_about_ends_the_question() -> None:
    talk = look(linking())
    comes(talk, PAUL).kim_reads("So it is not linked.")
    silent(talk, GROUP)
    talk.presses(f"group:yes:{GROUP}", KIM).kim_reads("That question is closed")
    assert talk.kim.group is None


def test_a_guest_in_some_other_group_is_nobodys_business(talk: Talk) -> None:
    talk.change(KIM, group=-777)
    comes(talk, PAUL).nobody_reads()
    assert talk.kim.group == -777


# --- in, further ----------------------------------------------------------------------------------------------------


def test_an_anonymous_administrator_is_told_why_it_went_nowhere(talk: Talk) -> None:
    known = Grouped("said", FIRST_TOPIC + ANN, Said("hello", 9))
    talk._begin()
    talk._turn(known, 0, Sender(GROUP, None, "", "en", False))
    shows(talk, "anonymous administrator").nobody_reads(ANN, KIM)


def test_i_have_it_in_the_topic_is_an_acknowledgement_and_no_letter(talk: Talk) -> None:
    talk.says("chest pain")
    in_topic(talk, KIM, "I have it").hears("Kim has your words").reads_not(ANN, "I have it")
    shows(talk, "Kim has #")
    in_topic(talk, KIM, "Sit down").hears("Kim:\nSit down")


def test_what_cannot_be_sent_on_is_said_so(talk: Talk) -> None:
    group(talk, KIM, "edited", Edited("better", 9), ANN).nobody_reads(ANN)
    shows(talk, "Your edit was not sent on")
    for message in (Located(51.5, -0.1, 9), Started(None, 9)):
        talk.after(minutes=1)
        group(talk, KIM, "said", message, ANN).nobody_reads(ANN)
        shows(talk, "I pass text, voice, photos and files on to Ann")
    talk.change(ANN, reachable=False)
    in_topic(talk, KIM, "hello?")
    shows(talk, "I cannot reach Ann: they have blocked the bot. Please call.")


def test_what_is_said_outside_of_topics_and_service_messages_are_left_alone(talk: Talk) -> None:
    for what, message in (("said", Said("chest pain", 9)), ("other", None), ("closed", None), ("rights", None)):
        group(talk, KIM, what, message).nobody_reads()
        group(talk, KIM, what, message, 99).nobody_reads()
    assert not talk.open


def test_a_button_in_the_group_takes_and_does_nothing_else(talk: Talk) -> None:
    talk.says("chest pain")
    short = talk.only.short
    for data in (f"write:{ANN}", f"close:{short}", "do:coach", f"erase:{ANN}", "ack:ZZZZZ", ""):
        talk.takes(Tapped(data, "q", 1), KIM, private=False)
        assert [one.text for one in talk.heard] == ["That question is closed. /help shows what there is."], data
    for who in (ANN, BEN, 77):
        talk.takes(Tapped(f"ack:{short}", "q", 1), who, private=False)
        assert talk.only.open
    talk.change(KIM, group=-777)
    talk.takes(Tapped(f"ack:{short}", "q", 1), KIM, private=False)
    assert talk.only.open, "a group that is not linked takes nothing"


def test_an_athlete_who_has_passed_to_another_coach_is_not_reached_from_the_old_topic(talk: Talk) -> None:
    talk.change(ANN, coach_id=DANA)
    for who in (KIM, DANA):
        in_topic(talk, who, "hello Ann").nobody_reads(ANN)
        shows(talk, "That went to nobody")
        talk.after(minutes=1)
    talk.says("chest pain").dana_reads("Ann · NOW")
    silent(talk)


# --- quiet ----------------------------------------------------------------------------------------------------------


def test_the_bot_is_quiet_in_a_conversation_and_says_when_it_takes_over_again(talk: Talk) -> None:
    in_topic(talk, KIM, "How is the heel?")
    talk.says("better").nobody_reads(ANN)
    talk.after(minutes=6)
    in_topic(talk, KIM, "Good, keep the tape on")
    talk.says("ok").nobody_reads(ANN)
    talk.after(minutes=9).nobody_reads(ANN)
    talk.after(minutes=1).hears("I take over again. What you write still goes to Kim.")
    assert len(talk.texts(ANN)) == 1
    talk.says("and thanks").hears("Passed on to Kim.")
    talk.after(hours=2).nobody_reads(ANN)


def test_nothing_is_said_at_the_end_to_who_has_written_nothing(talk: Talk) -> None:
    in_topic(talk, KIM, "How is the heel?")
    talk.after(hours=3).nobody_reads(ANN)


def test_what_is_urgent_is_answered_also_in_a_conversation(talk: Talk) -> None:
    in_topic(talk, KIM, "How are you?")
    talk.says("chest pain and i feel dizzy").hears("Stop now. Call").kim_reads("Ann · NOW")


def test_a_check_in_waits_until_the_conversation_is_over(talk: Talk) -> None:
    talk.at("07:28")
    in_topic(talk, KIM, "One word before you start:")
    talk.at("07:37").nobody_reads(ANN)
    in_topic(talk, KIM, "take the tape along")
    talk.at("07:46").nobody_reads(ANN)
    talk.at("07:47").hears("How did you sleep?")
    talk.at("07:30").hears("How did you sleep?")


# --- a coach begins, and ends ---------------------------------------------------------------------------------------


def linking() -> Talk:
    talk = Talk().at("07:30").taps("All as usual")
    return group(talk, KIM, "command", Said("/link@aid_bot", 9))


def look(talk: Talk, **seen: Any) -> Talk:
    return talk.rings(Due("group", "group:1", data={**SEEN, **seen}), KIM)


def test_a_coach_links_a_group_and_everybody_hears_who_will_read() -> None:
    talk = Talk().kim_says("/link").kim_reads("say /link there").kim_says("/unlink").kim_reads("No group of yours")
    group(talk, KIM, "added").nobody_reads(KIM)
    shows(talk, "Coaches of the club can have a topic here", GROUP)
    talk = linking()
    shows(talk, "Kim, I look at who is in this group", GROUP)
    (wakeup,) = [one for _, one in talk.club.wakeups.values() if one.kind == "look"]
    assert dict(wakeup.data) == {"chat": GROUP, "coaches": [102, 103]}
    look(talk).kim_reads("Everybody in it reads what your athletes write: Kim, Dana.", ["Link it", "Not now"])
    talk.kim_reads("0 of your athletes have agreed").kim_reads("1 I ask first")
    assert talk.kim.group is None
    talk.kim_taps("Link it").kim_reads("Linked.").hears("Kim would like to read your words in a group")
    shows(talk, "This group is linked", GROUP)
    assert talk.kim.group == GROUP
    talk.says("chest pain")
    silent(talk)
    talk.kim_taps("I have it").taps("Yes, that is all right").hears("The coaches in Kim’s group read your words")
    talk.says("chest pain again")
    shows(talk, "chest pain again")
    talk.kim_taps("I have it")
    talk.presses("ingroup:no").hears("is not shown in the group").kim_reads("Ann would rather not be read in the group")
    talk.presses("ingroup:perhaps").hears("That question is closed")
    talk.kim_says("/link").kim_reads("Your athletes have topics in your group")
    talk.kim_says("/unlink").kim_reads("It is ended.")
    shows(talk, "Kim has ended it", GROUP)
    talk.presses(f"group:yes:{GROUP}", KIM).kim_reads("That question is closed")


def test_who_agreed_at_the_beginning_is_told_and_can_say_no() -> None:
    talk = linking()
    talk.change(ANN, in_group=True)
    look(talk).kim_reads("1 of your athletes has agreed").kim_taps("Link it")
    talk.hears("From now on Kim reads your words in a group", ["I would rather not"]).taps("I would rather not")
    talk.hears("to Kim and whoever covers").kim_reads("Ann would rather not")


def test_who_joins_is_told_of_it_in_the_consent() -> None:
    talk = Talk(*PEOPLE[1:], replace(PEOPLE[0], consent_at=None))
    talk.says("/start").taps("I am 18 or over").hears(
        "If Kim uses a group for it, so do the coaches of the club's group".replace("'", "’")
    )


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"forum": False, "rights": False}, "Please switch topics on in it. Please make me an administrator"),
        ({"rights": False}, "Please make me an administrator who may manage topics."),
        ({"present": [103], "admins": []}, "You have to be in it yourself."),
        ({"admins": [{"id": 9, "name": "Paul"}], "members": 3}, "Not coaches of the club: Paul."),
        ({"admins": [{"id": 9, "name": "Paul"}], "members": 5}, "Paul, and 2 more whose names Telegram does not"),
        ({"members": 3}, "Not coaches of the club: 1 member whose name Telegram does not tell me."),
        ({"failed": "flood"}, "I could not look at your group."),
    ],
)
def test_a_group_with_a_guest_or_without_what_it_takes_is_not_linked(seen: dict[str, Any], said: str) -> None:
    talk = look(linking(), **seen).kim_reads(said)
    talk.presses(f"group:yes:{GROUP}", KIM).kim_reads("That question is closed")
    assert talk.kim.group is None and talk.kim.group_asked is None


def test_a_coach_may_think_better_of_it_and_nobody_can_link_what_was_not_looked_at() -> None:
    talk = look(linking())
    talk.presses("group:yes:-666", KIM).kim_reads("That question is closed")
    talk.presses(f"group:maybe:{GROUP}", KIM).kim_reads("That question is closed")
    talk.kim_taps("Not now").kim_reads("nothing is linked")
    talk.presses(f"group:yes:{GROUP}", KIM).kim_reads("That question is closed")
    assert talk.kim.group is None


@pytest.mark.parametrize("who", [ANN, 77])
def test_only_a_coach_links_a_group(who: int) -> None:
    talk = Talk()
    for command in ("/link", "/unlink"):
        group(talk.after(minutes=1), who, "command", Said(command, 9)).nobody_reads(ANN, KIM)
        shows(talk, "Only a coach of the club can do that.", GROUP)
    group(talk.after(minutes=1), who, "command", Said("/queue", 9)).nobody_reads(ANN, KIM)
    shows(talk, "I only talk in private", GROUP)
    assert not [one for _, one in talk.club.wakeups.values() if one.kind == "look"]


def test_unlink_in_the_group_ends_it(talk: Talk) -> None:
    group(talk, KIM, "command", Said("/unlink", 9)).kim_reads("It is ended.")
    shows(talk, "Kim has ended it", GROUP)
    in_topic(talk, KIM, "hello").nobody_reads(ANN)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("not_in_group", "I was removed from it"),
        ("no_topics", "its topics are switched off"),
        ("no_rights", "I may no longer do what it takes"),
        ("chat_not_found", "it is not there any more"),
    ],
)
def test_a_group_that_takes_nothing_any_more_is_told_once_and_left(what: str, said: str) -> None:
    talk = begin()
    lost = Due("topic", "topic:1", data={"what": what, "chat": GROUP})
    talk.rings(lost, KIM).kim_reads(said)
    talk.rings(replace(lost, key="topic:2"), KIM).nobody_reads()
    talk.says("chest pain").kim_reads("Ann · NOW")
    silent(talk)


# --- never to the wrong one -----------------------------------------------------------------------------------------

TWIN = 21  # another Ann, of Kim's as well
ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "topic",
                "voice",
                "letter",
                "athlete",
                "athlete",
                "urgent",
                "photo",
                "tap",
                "unlink",
                "relink",
                "move",
                "no",
            ]
        ),
        st.sampled_from([KIM, DANA]),
        st.sampled_from([ANN, BEN, TWIN]),
        st.integers(0, 30),
    ),
    max_size=20,
)


def may_read(talk: Talk, chat: int, athlete: int) -> bool:
    """Whether this athlete's words may stand in this chat, by what is so now."""
    one = talk.person(athlete)
    if chat == one.chat_id:
        return True
    for coach in (KIM, DANA):
        group_of = talk.person(coach).group
        if group_of is not None and chat == topic_chat(group_of, athlete):
            return one.coach_id == coach and one.in_group
    return chat in (102, 103)  # each of the two covers for the other


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ACTS)
def test_nothing_is_ever_relayed_to_the_wrong_athlete(acts: list[tuple[str, int, int, int]]) -> None:
    talk = Talk(*PEOPLE, replace(PEOPLE[0], id=TWIN, chat_id=121, user_id=121))
    for athlete in (ANN, BEN, TWIN):
        talk.change(athlete, in_group=True)
    groups = {KIM: -500, DANA: -600}
    for coach, number in groups.items():
        talk.change(coach, group=number)
    of: dict[str, int] = {}

    def canary(athlete: int) -> str:
        word = f"canary{len(of)}of{athlete}x"
        of[word] = athlete
        return word

    def look() -> None:
        for one in talk.heard:
            for word, whose in of.items():
                if word in one.text:
                    assert may_read(talk, one.chat, whose), f"{one.chat} reads {word}"
        talk.heard = []

    for act, coach, athlete, minutes in acts:
        here = groups[coach]
        owner = talk.person(athlete).coach_id
        sender = Sender(here, 100 + coach, "C", "en", False)
        event: Event
        talk.after(minutes=minutes)
        look()
        match act:
            case "topic" | "voice":
                word = canary(athlete)
                said = Said(word, 9) if act == "topic" else Sent("voice", 9, "f", word)
                event = Grouped("said", FIRST_TOPIC + athlete, said)
                talk._begin()
                talk._turn(event, coach, sender)
                reached = [one.chat for one in talk.heard if word in one.text]
                linked = owner is not None and talk.person(owner).group == here and talk.person(athlete).in_group
                if not linked:
                    assert not reached, "an old topic leads nowhere"
                elif coach == owner:
                    assert talk.person(athlete).chat_id in reached or act == "voice"
            case "letter":
                talk.presses(f"write:{athlete}", coach)
                if talk.person(coach).talks:
                    talk.says(canary(athlete), coach)
            case "athlete":
                talk.says(f"new shoes {canary(athlete)}", athlete)
            case "urgent":
                talk.says(f"chest pain {canary(athlete)}", athlete)
            case "photo":
                talk.sends("photo", canary(athlete), athlete)
            case "tap":
                if talk.open:
                    talk.takes(Tapped(f"ack:{talk.open[0].short}", "q", 1), coach, private=False)
            case "unlink":
                talk.change(coach, group=None)
            case "relink":
                talk.change(coach, group=here)
            case "move":
                talk.change(athlete, coach_id=coach)
            case "no":
                talk.change(athlete, in_group=not talk.person(athlete).in_group)
        for one in talk.heard:
            for word, whose in of.items():
                if word in one.text:
                    assert may_read(talk, one.chat, whose), f"{one.chat} reads {word}"
