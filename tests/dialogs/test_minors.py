"""Athletes under 18: how they join, who reads along, and what nobody but a human passes on."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from dialogs import minors
from dialogs.events import Blocked, Due, Located, Other, Unblocked, Unread
from dialogs.levels import Level
from dialogs.model import Message, Person
from dialogs.scripts import SCRIPTS
from tests.dialogs.talk import ANN, BEN, DANA, KIM, NEW, PEOPLE, SEVEN, Talk

EMMA, LINDA = NEW, NEW + 1
CODE = re.compile(r"start=(\w+)")
CRISIS = "i don't want to live anymore"
VIOLENCE = "my dad hits me"


def opened(*, on: bool = True) -> Talk:
    """Kim has invited Emma, who opens the link."""
    talk = Talk(me=EMMA)
    talk.minors = on
    talk.kim_says("/invite Emma")
    (code,) = talk.club.invites
    return talk.says(f"/start {code}")


def link(talk: Talk) -> str:
    """The code in the last link that Emma was given."""
    return next(found[1] for one in reversed(talk.chat(EMMA)) if (found := CODE.search(one.text)))


def forwarded() -> Talk:
    """Emma has a link, and Linda opens it."""
    talk = opened().taps("I am under 18")
    return talk.says(f"/start {link(talk)}", LINDA)


def both() -> Talk:
    """Linda and Emma have said yes, and Emma has answered what everybody is asked."""
    talk = forwarded().taps("Yes, I agree", LINDA)
    talk.wakes("guardian").wakes("guardian")
    talk.taps("Yes, I agree").says("London").taps("07:00").taps("Done").taps("None").taps("None")
    return talk.wakes("both")


def begin() -> Talk:
    """The same at once: Emma is Kim's, and Linda reads along."""
    emma = replace(PEOPLE[0], id=EMMA, name="Emma", chat_id=105, user_id=105, minor=True, guardian_id=LINDA)
    linda = Person(
        LINDA, "Linda", 106, 106, ward_id=EMMA, consent_at=SEVEN, joined_at=SEVEN, zone="Europe/London", country="GB"
    )
    return Talk(*PEOPLE, emma, linda, me=EMMA)


# --- joining --------------------------------------------------------------------------------------------------------


def test_a_club_for_adults_keeps_nothing_of_who_is_under_18() -> None:
    talk = opened(on=False).answers_with("are you 18 or over?", ["I am 18 or over", "I am under 18"])
    talk.taps("I am under 18").answers_with("This club takes athletes from 18 on here: please ask Kim in person")
    talk.answers_with("I keep nothing of you.").kim_reads("Emma has opened the invitation and is under 18")
    assert EMMA not in talk.club.people and not [one for one in talk.club.journal if one[0] == EMMA]
    talk.says("hello?").answers_with("This is a private line")


def test_what_could_not_wait_stays_with_a_human_even_there() -> None:
    talk = opened(on=False).says("i have chest pain").kim_reads("🔴 Emma · NOW")
    talk.taps("I am under 18").answers_with("What you wrote is with Kim; nothing else is kept.")
    talk.kim_reads(f"but for what could not wait: #{talk.only.short}")
    assert talk.only.open and talk.person(EMMA).consent_at is None


def test_with_a_guardian_it_begins_when_both_have_said_yes() -> None:
    talk = opened().taps("I am under 18").answers_with("together with a parent or another guardian")
    assert not [one for one in talk.chat(EMMA) if one.rows], "what is answered cannot be answered again"
    talk.answers_with("It works once, for 7 days").kim_reads("Emma is under 18, and has a link for a guardian")
    talk.says("my knee hurts").answers_with("I wait for the yes of your guardian.", ["Make a new link"])
    talk.kim_says("/write Emma hello").kim_reads("That was not sent. Emma is under 18, and no guardian reads along.")
    assert not talk.records("words", of=EMMA) and not talk.records("typed", of=EMMA)
    talk.says(f"/start {link(talk)}", LINDA).reads(LINDA, "Emma would like to train with Kim here, and is under 18")
    talk.reads(LINDA, "You get a copy of what Kim writes to Emma", ["Yes, I agree", "No"])
    talk.says("hello", LINDA).reads(LINDA, "I keep and pass on nothing before you have said yes.")
    talk.nobody_reads(KIM, EMMA)
    talk.taps("Yes, I agree", LINDA).reads(LINDA, "Now I ask Emma; it begins when you both have said yes.")
    talk.says("what now?", LINDA).reads(LINDA, "before Emma has said yes, too").nobody_reads(KIM, EMMA)
    talk.wakes("guardian").wakes("guardian").hears(
        "Somebody has said yes. Now it is your turn.", ["Yes, I agree", "No"]
    )
    talk.hears("Somebody, your guardian, reads along").kim_reads(
        "Somebody has said yes to reading along with Emma. Emma is"
    )
    talk.kim_says("/write Emma hello").kim_reads("and has not agreed yet. Please call").nobody_reads(EMMA, LINDA)
    talk.taps("Yes, I agree").says("London").taps("07:00").taps("Done").taps("None").taps("None")
    talk.hears("That is all, Emma.").kim_reads(
        "Emma has joined, from London. Under 18. Somebody reads along as guardian"
    )
    talk.wakes("both").reads(LINDA, "Emma has said yes, too. From now on you read along")
    emma, linda = talk.person(EMMA), talk.person(LINDA)
    assert (emma.minor, emma.guardian_id, linda.ward_id) == (True, LINDA, EMMA) and linda.zone == emma.zone
    talk.wakes("checkin", of=EMMA).hears("Good morning, Emma.")


def test_who_says_18_or_over_is_asked_no_more_of_it() -> None:
    talk = opened().taps("I am 18 or over").hears("Before you say yes:").taps("Yes, I agree")
    talk.says("Riga").taps("07:00").taps("Done").taps("None").taps("None")
    assert talk.person(EMMA).minor is False
    talk.dana_says("/invite Emma")
    code = list(talk.club.invites)[-1]
    talk.says(f"/start {code}").hears("Before you say yes:")
    assert talk.person(EMMA).minor is False


def test_a_guardian_may_say_no_and_somebody_else_be_asked() -> None:
    talk = forwarded().taps("No", LINDA)
    assert LINDA not in talk.club.people and talk.person(EMMA).alone
    talk.hears("Somebody would rather not read along.", ["Make a new link"]).kim_reads(
        "would rather not be the guardian"
    )
    old = link(talk)
    talk.taps("Make a new link")
    assert link(talk) != old
    talk.says(f"/start {old}", LINDA).reads(LINDA, "This is a private line")
    talk.says(f"/start {link(talk)}", LINDA).reads(LINDA, "Emma would like to train")


def test_the_athlete_may_say_no_when_the_guardian_has_said_yes() -> None:
    talk = forwarded().taps("Yes, I agree", LINDA).wakes("guardian").wakes("guardian")
    talk.taps("No").hears("All right. I ask nothing").kim_reads("would rather not, for now")
    talk.reads(LINDA, "Emma would rather not, for now. Nothing begins.")
    talk.says("/start").hears("Somebody has said yes. Now it is your turn.")


def test_only_one_reads_along_and_only_who_has_no_other_part() -> None:
    talk = opened().taps("I am under 18")
    first = link(talk)
    talk.taps("Make a new link") if "Make a new link" in talk.last().labels else talk.presses("guardian:link")
    second = link(talk)
    talk.says(f"/start {first}", LINDA).says(f"/start {second}", LINDA + 1)
    talk.taps("Yes, I agree", LINDA).wakes("guardian").wakes("guardian")
    talk.taps("Yes, I agree", LINDA + 1).reads(LINDA + 1, "Somebody else is Emma’s guardian here already")
    assert LINDA + 1 not in talk.club.people and talk.person(EMMA).guardian_id == LINDA
    talk.presses("guardian:link").hears("That question is closed")
    talk.presses("guardian:link", BEN).reads(BEN, "That question is closed")


def test_who_has_a_part_here_already_cannot_be_a_guardian_too() -> None:
    talk = opened().taps("I am under 18")
    for who in (BEN, DANA, EMMA):
        talk.says(f"/start {link(talk)}", who).reads(who, "You have another part here already")
    talk.says(f"/start {link(talk)}", LINDA).presses("guardian:link").says(f"/start {link(talk)}", LINDA)
    talk.reads(LINDA, "You have another part here already")


def test_what_cannot_wait_is_heard_before_anybody_has_said_yes() -> None:
    talk = opened().taps("I am under 18").says("i have chest pain").hears("Call 112").kim_reads("🔴 Emma · NOW")
    talk = forwarded().says("Emma has chest pain", LINDA).reads(LINDA, "If Emma is in danger: 112").nobody_reads(EMMA)
    talk.wakes("guardian").kim_reads("🔴 Emma · NOW").kim_reads("👪 Emma has chest pain").nobody_reads(EMMA)


# --- in every thread ------------------------------------------------------------------------------------------------


def test_each_letter_of_a_coach_reaches_both() -> None:
    talk = begin().kim_says("/write Emma").kim_reads("Under 18. Linda reads along as guardian, and gets what you two")
    talk.kim_says("easy tomorrow?").kim_reads("On its way to Emma, and to Linda, who reads along.")
    talk.hears("Kim:\neasy tomorrow?").reads(LINDA, "To Emma, and to you:").reads(LINDA, "easy tomorrow?")
    talk.sends("voice", who=KIM, reply_to=None)
    talk.says("yes", EMMA).reads(LINDA, "Emma:\nyes").kim_reads("Emma:\nyes")
    bubble = talk.chat(KIM)[-1]
    talk.sends("voice", who=KIM, reply_to=bubble).hears("Kim sends you this").reads(LINDA, "Kim sends you this")
    talk.sends("photo").reads(LINDA, "Emma has sent this:")
    talk.sends("voice", who=KIM, reply_to=talk.chat(KIM)[-1])
    talk.kim_says("/broadcast no track on Tuesday").kim_taps("Send")
    talk.hears("no track on Tuesday").reads(LINDA, "no track on Tuesday").reads_not(LINDA, "Ann")


def test_what_the_athlete_writes_for_a_human_is_copied_once() -> None:
    talk = begin().says("my knee hurts more every day").reads(LINDA, "Emma:\nmy knee hurts more every day")
    talk.says("7").reads_not(LINDA, "7")
    talk.says("i fainted earlier today").reads(LINDA, "Flagged for the coach, today.").kim_reads("🟠 Emma · today")
    talk.kim_reads("Under 18, with Linda as guardian.")
    talk.after(hours=3).reads(LINDA, "About Emma: nobody has answered yet").reads_not(LINDA, "fainted")
    talk.kim_taps("I have it").reads(LINDA, "Kim has taken on what was flagged about Emma.")
    talk.edits("i fainted twice").reads(LINDA, "Emma (changed):\ni fainted twice")
    talk.forwards("you will be fine, says the doctor").reads(LINDA, "Emma (forwarded):")
    talk.rings(Due("transcript", "t", data={"text": "it was hot", "message_id": 3}), EMMA).reads(
        LINDA, "as a machine heard"
    )
    talk.says("i have chest pain").reads(LINDA, "the coach, who is alerted at once")
    assert all(not one.rows for one in talk.chat(LINDA)), "a copy has no buttons"
    talk.says("hello", ANN).nobody_reads(LINDA)


@pytest.mark.parametrize("words", [CRISIS, VIOLENCE])
def test_what_a_guardian_may_be_part_of_is_not_sent_to_them(words: str) -> None:
    talk = begin().says(words).nobody_reads(LINDA)
    talk.kim_reads("I have not sent this to Linda").kim_reads("call Emma instead").hears("You can talk to somebody now")
    talk.says("please help").nobody_reads(LINDA)
    talk.sends("voice").nobody_reads(LINDA)
    talk.kim_taps("I have it").nobody_reads(LINDA).hears("Kim has your words")
    talk.says("he is here now").nobody_reads(LINDA).kim_reads("he is here now")
    talk.after(hours=1).nobody_reads(LINDA)
    talk.kim_says("ack").kim_taps("Close it")
    talk.says("new shoes today").reads(LINDA, "new shoes today")


def test_what_joins_a_harmless_concern_makes_it_private() -> None:
    talk = begin().says("i have chest pain").reads(LINDA, "chest pain")
    talk.after(minutes=2).says(VIOLENCE).nobody_reads(LINDA)
    assert talk.only.private and talk.only.flag != "violence"
    talk.says("it is bad").nobody_reads(LINDA)


def test_while_it_is_asked_whether_they_are_in_danger_nothing_is_copied() -> None:
    talk = begin().says("i just want it all to stop, what is the point of me")
    talk.nobody_reads(LINDA)


def test_without_a_guardian_there_are_no_letters_and_no_questions_but_every_worry_is_heard() -> None:
    talk = begin()
    talk.change(EMMA, guardian_id=None)
    talk.kim_says("/write Emma easy tomorrow?").kim_reads("no guardian reads along. Please call").nobody_reads(EMMA)
    talk.kim_says("/write Emma").kim_reads("no guardian reads along")
    talk.kim_says("/broadcast no track").kim_reads("Not to 1: Emma (no guardian can read along)").kim_taps("Send")
    talk.reads_not(EMMA, "no track")
    talk.after(days=2).reads_not(EMMA, "Good morning")
    talk.says("i have chest pain").kim_reads("🔴 Emma · NOW").kim_reads("Under 18.").kim_taps("I have it")
    talk.hears("Kim has your words")
    talk.says("it is better").kim_reads("it is better")
    assert not talk.records("words", "coach_wrote", of=EMMA)
    talk.kim_says("/athletes").kim_reads("Emma · not asked yet · under 18, no guardian reads along")
    talk.kim_says("/athlete Emma").kim_reads("Under 18. Nobody reads along: no letter can go to Emma.")
    talk.kim_says("/today").kim_reads("no guardian reads along")


def test_even_a_room_that_forgets_to_ask_sends_no_letter_without_its_copy() -> None:
    talk = begin()
    talk.change(LINDA, reachable=False)
    known = talk.snapshot(Due("list", "x"), KIM)
    for text in minors.LETTERS:
        said = replace(talk.outcome, messages=(Message(EMMA, text, {"coach": "Kim", "words": "psst"}, about=EMMA),))
        (told,) = minors.through(known, said).messages
        assert (told.to, told.text) == (KIM, "minors.no_letter")


def test_a_guardian_who_blocks_the_bot_rests_the_letters_until_they_are_back() -> None:
    talk = (
        begin().takes(Blocked(), LINDA).hears("Linda cannot be reached at the moment, so Kim cannot write to you here.")
    )
    talk.kim_reads("Linda, the guardian of Emma, has blocked the bot.")
    talk.kim_says("/write Emma hello").kim_reads("Linda, who reads along, has blocked the bot. Please call")
    talk.kim_says("/athlete Emma").kim_reads("but Linda has blocked the bot, so no letter can go now")
    talk.nobody_reads(EMMA, LINDA)
    talk.says("i fainted").kim_reads("i fainted").nobody_reads(LINDA)
    talk.wakes("checkin", of=EMMA).hears("Good morning")
    talk.takes(Unblocked(), LINDA).hears("Linda reads along again").kim_reads("Linda can be reached again")
    talk.kim_says("/write Emma hello").hears("hello").reads(LINDA, "hello")


def test_what_a_coach_decides_about_the_plan_reaches_the_guardian_too() -> None:
    talk = begin().kim_says("/lay Emma Fri easy 40: flat, no watch")
    talk.kim_taps("Tell Emma").hears("Kim").reads(LINDA, "To Emma, and to you:")


# --- what a guardian says -------------------------------------------------------------------------------------------


def test_what_a_guardian_writes_goes_to_the_coach_and_not_to_the_child() -> None:
    talk = begin().says("she has exams next week", LINDA).reads(LINDA, "Passed on to Kim.").nobody_reads(EMMA)
    talk.kim_reads("Linda, guardian of Emma:\nshe has exams next week").kim_reads("Your answer goes to both of them.")
    talk.says("thanks, easier then", KIM, reply_to=talk.chat(KIM)[-1]).hears("easier then").reads(LINDA, "easier then")
    talk.sends("voice", who=LINDA).reads(LINDA, "I can neither hear nor see what is in it").kim_reads("sends this")
    talk.wakes("guardian").nobody_reads(EMMA)
    assert talk.only.flag == "unscreened" and talk.only.level is Level.CONCERN
    talk.at("23:00").says("and thank you", LINDA).reads(LINDA, "Kim gets it at 05:30 (your time)")


def test_what_is_urgent_in_it_raises_a_concern_on_the_athlete_who_is_told_nothing() -> None:
    talk = begin().says("she fainted earlier today\nin the shop", LINDA).nobody_reads(EMMA)
    talk.reads(LINDA, "I am paging Kim now, and I tell you as soon as Kim has them. In danger: 999 or 112")
    talk.wakes("guardian").kim_reads("🟠 Emma · today").kim_reads("👪 she fainted earlier today\n👪 in the shop")
    talk.kim_reads("Under 18, with Linda as guardian; what stands behind 👪 is in Linda’s words.").nobody_reads(EMMA)
    one = talk.only
    assert one.by_guardian
    talk.after(hours=3).reads(LINDA, "About Emma: nobody has answered yet").reads_not(EMMA, "obody has answered")
    talk.kim_says("/concern " + one.short).reads_not(EMMA, "Kim")
    talk.kim_taps("I have it").reads(LINDA, "Kim has taken on what was flagged about Emma").nobody_reads(EMMA)
    talk.says("i am dizzy, i fainted again").kim_reads("i fainted again")
    assert not talk.only.by_guardian, "now Emma has said it herself, and is told"
    talk.kim_says("ack").hears("Kim has your words")


def test_a_guardians_words_that_join_an_athletes_own_concern_stay_between_guardian_and_coach() -> None:
    talk = begin().says("i fainted earlier today")
    talk.says("she was out for a minute", LINDA).says("she fainted in the shop", LINDA)
    talk.wakes("guardian").wakes("guardian")
    assert "👪 she fainted in the shop" in talk.only.words and not talk.only.by_guardian
    talk.nobody_reads(EMMA).kim_reads("👪 she fainted in the shop")
    talk.kim_says(f"/concern {talk.only.short}").reads_not(EMMA, "shop")
    talk.kim_taps("I have it").hears("Kim has your words")


def test_doubt_about_a_guardians_words_counts_as_today() -> None:
    talk = begin().says("she was dizzy and odd after training, better now", LINDA)
    assert talk.outcome.wakeups and talk.outcome.wakeups[0].data["level"] in ("today", "now")


def test_words_about_not_wanting_to_live_bring_the_lines_for_it() -> None:
    talk = begin().says("Emma says she wants to kill herself", LINDA).reads(LINDA, "Somebody to talk to: Samaritans")
    talk.wakes("guardian").kim_reads("I have not sent this to Linda").nobody_reads(EMMA)
    assert talk.only.private


def test_with_no_coach_in_reach_a_guardians_words_stand_on_the_list() -> None:
    talk = begin()
    for coach in (KIM, DANA):
        talk.change(coach, reachable=False)
    talk.says("she has exams", LINDA).reads(LINDA, "Kept, for the first coach who is here.").wakes("guardian")
    assert talk.only.level is Level.CONCERN
    talk.says("she has chest pain", LINDA).reads(LINDA, "I can reach no coach right now, so please do not wait")
    talk.says("she fainted", LINDA).reads(LINDA, "I can reach no coach right now; your words are kept")
    talk.wakes("guardian").wakes("guardian").after(minutes=11).reads(LINDA, "I have not reached anybody")


def test_whatever_else_a_guardian_does_is_answered() -> None:
    talk = begin().takes(Located(1, 2, 3), LINDA).reads(LINDA, "I cannot read this kind of message.")
    talk.takes(Other("poll"), LINDA).reads(LINDA, "I cannot read this kind of message.")
    talk.sends("sticker", who=LINDA).reads(LINDA, "I cannot read this kind of message.").nobody_reads(KIM)
    talk.edits("she has exams", LINDA).kim_reads("she has exams")
    talk.takes(Unread("{broken: chest pain}"), LINDA).wakes("guardian").kim_reads("chest pain")
    talk.presses("1:agree", LINDA).reads(LINDA, "That question is closed")
    talk.presses(f"ack:{talk.only.short}", LINDA).reads(LINDA, "That question is closed")
    for command in ("/checkin", "/queue", "/write", "/plan", "/coach"):
        talk.says(command, LINDA).reads(LINDA, "I do not know that command").nobody_reads(EMMA, KIM)
    talk.says("/start", LINDA).reads(LINDA, "You are Emma’s guardian here")


def test_a_guardians_commands() -> None:
    talk = begin().says("/help", LINDA).reads(LINDA, "/adult Emma is 18 now").reads(LINDA, "/stop")
    assert talk.outcome.messages[0].menu == ("help", "adult", "stop", "language", "privacy", "export", "erase")
    talk.says("/privacy", LINDA).reads(LINDA, "What was flagged stands with Emma")
    talk.says("/language Deutsch", LINDA).reads(LINDA, "Ab jetzt rede ich Deutsch")
    talk.says("/help", LINDA).reads(LINDA, "Du liest hier bei Emma mit").says("/language", LINDA).taps("English", LINDA)
    talk.says("/export", LINDA).reads(LINDA, "").wakes("export").reads(LINDA, "")
    assert talk.person(LINDA).language == "en"
    talk.says("/privacy").hears("Linda, your guardian, gets a copy of what you and your coach write")
    talk.says("/export").wakes("export").hears("")


# --- how it ends ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["/stop", "/erase"])
def test_a_guardian_ends_it_and_everybody_is_told(command: str) -> None:
    talk = begin().says(command, LINDA).reads(LINDA, "You would not read along any more", ["Yes, end it", "No, go on"])
    talk.taps("No, go on", LINDA).reads(LINDA, "All right, it stays as it was.").nobody_reads(EMMA, KIM)
    talk.says(command, LINDA).taps("Yes, end it", LINDA).reads(LINDA, "all that I kept about you is gone")
    talk.hears("Linda does not read along with you any more.", ["Make a new link"])
    talk.kim_reads("Linda is not the guardian of Emma any more.")
    assert LINDA not in talk.club.people and talk.person(EMMA).alone
    talk.after(days=3).reads_not(EMMA, "Good morning")
    talk.kim_says("/write Emma hello").kim_reads("no guardian reads along").nobody_reads(EMMA)
    talk.says("i fainted").kim_reads("i fainted")
    talk.taps("Make a new link").says(f"/start {link(talk)}", LINDA).taps("Yes, I agree", LINDA)
    talk.reads(LINDA, "You read along from now on.").wakes("guardian").wakes("guardian")
    talk.hears("Somebody is your guardian here now").kim_reads("check-ins and letters go on").wakes("both")
    talk.wakes("checkin", of=EMMA).hears("Good morning, Emma.")
    talk.kim_says("/write Emma hello").hears("hello").reads(LINDA, "hello")


def test_the_operator_may_erase_a_guardian_and_the_same_is_told() -> None:
    talk = begin().rings(Due("erase", "e"), LINDA).hears("Linda does not read along with you any more.")
    talk.kim_reads("Linda is not the guardian of Emma any more.").reads(LINDA, "rased")


def test_emma_is_18_now() -> None:
    talk = begin().says("/adult", LINDA).reads(LINDA, "Is Emma 18 or over now?", ["Yes, 18 or over", "No, go on"])
    talk.taps("No, go on", LINDA).reads(LINDA, "it stays as it was")
    talk.says("/adult", LINDA).taps("Yes, 18 or over", LINDA).reads(LINDA, "Thank you. I tell them.").wakes("guardian")
    talk.hears("Linda says that you are 18 now. Nobody reads along any more").kim_reads(
        "Linda says that Emma is 18 now"
    )
    talk.reads(LINDA, "Emma is 18, and you do not read along any more. All that I kept about you is gone.")
    emma = talk.person(EMMA)
    assert (emma.minor, emma.guardian_id, emma.alone) == (False, None, False) and LINDA not in talk.club.people
    talk.kim_says("/write Emma hello").hears("hello").kim_reads("On its way to Emma.")
    talk.says("/adult").hears("I do not know that command")


def test_not_before_both_have_said_yes() -> None:
    forwarded().taps("Yes, I agree", LINDA).says("/adult", LINDA).reads(LINDA, "before Emma has said yes, too")


def test_when_the_athlete_goes_the_guardian_goes_too() -> None:
    talk = begin().says("/erase").taps("Erase everything").reads(LINDA, "Emma has gone from here")
    assert EMMA not in talk.club.people and LINDA not in talk.club.people


def test_a_wakeup_that_comes_too_late_does_nothing() -> None:
    talk = begin()
    for what in ("yes", "ask", "grown", "said"):
        data: dict[str, object] = {
            "what": what,
            "guardian": 99,
            "words": "x",
            "level": "note",
            "flag": "x",
            "because": [],
        }
        if what != "said":
            talk.rings(Due("guardian", f"g{what}", data=data), EMMA).nobody_reads()
        talk.rings(Due("guardian", f"a{what}", data=data), ANN).nobody_reads()
    assert talk.person(EMMA).guardian_id == LINDA
    talk.change(EMMA, guardian_id=99)
    talk.rings(Due("guardian", "gone", data={"what": "ask", "guardian": 99}), EMMA)
    assert talk.person(EMMA).alone


# --- the rule itself ------------------------------------------------------------------------------------------------

BOTS_OWN = {  # what a turn of somebody else tells an athlete, in words of ours alone
    "cover.athlete", "cover.athlete_back", "rights.free", "rights.new_coach", *minors.TRUTHS, minors.READ,
}  # fmt: skip


def test_each_text_that_others_send_to_an_athlete_is_a_letter_or_our_own_words() -> None:
    """A new one fails here until somebody has said which it is."""
    found: set[str] = set()
    for path in Path(minors.__file__).parent.glob("*.py"):
        if path.name in ("guardians.py", "wards.py", "minors.py", "escalation.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            to = [one.value for one in getattr(node, "keywords", ()) if one.arg == "to"]
            if not (
                isinstance(node, ast.Call) and to and isinstance(to[0], ast.Name) and to[0].id in ("athlete", "one")
            ):
                continue
            texts = {str(one.value) for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
            assert texts or path.name == "topics.py", f"{path.name} hides what it says to an athlete"
            found |= texts
    assert found - BOTS_OWN == {*minors.LETTERS, *minors.NEWS}


def test_the_scripts_of_guardians_are_there() -> None:
    assert {"guardian", "stop", "grown"} <= set(SCRIPTS)
    assert minors.ADULT == 18
