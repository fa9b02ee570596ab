"""What people may ask about their own data: a copy of it, its end, and what a human decides first."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from dialogs import rights
from dialogs.events import Due, Grouped
from tests.dialogs import season
from tests.dialogs.talk import ANN, BEN, DANA, KIM, NEW, PEOPLE, Talk

ERASE = ["Erase everything", "Keep it"]


def begin() -> Talk:
    return Talk().at("07:30").taps("All as usual")


@pytest.fixture
def talk() -> Talk:
    return begin()


def files(talk: Talk, who: int = ANN) -> dict[str, str]:
    """What was sent in the last act, by the ending of its name."""
    documents = [one.message.document for one in talk.heard if one.chat == talk._chat(who)]
    return {one.name.rpartition(".")[2]: one.content for one in documents if one is not None}


def erased(talk: Talk) -> Talk:
    """Ann has asked, and said yes."""
    return talk.says("/erase").taps("Erase everything")


# --- what is said about it ----------------------------------------------------------------------------------------


def test_privacy_says_who_reads_how_long_and_what_one_can_do(talk: Talk) -> None:
    talk.says("/privacy").hears("your coach and whoever covers for them read your answers").hears("/export")
    talk.hears("not end-to-end encrypted").hears("Backups live on").hears("the person who runs this server")
    talk.kim_says("/privacy").kim_reads("your athletes read your letters").kim_reads("/erase")
    talk.change(KIM, runs=True, coach_id=DANA)
    talk.kim_says("/privacy").kim_reads("You read what your athletes write").kim_reads("your answers")


def test_help_names_them_for_everybody(talk: Talk) -> None:
    for who in (ANN, KIM):
        for command in ("/privacy", "/export", "/erase"):
            talk.says("/help", who).reads(who, command)


def test_a_stranger_reads_the_one_sentence_and_no_more(talk: Talk) -> None:
    for command in ("/export", "/erase"):
        talk.after(minutes=1).says(command, NEW).reads(NEW, "This is a private line between athletes and their coach.")
        assert talk.outcome.erase is None and not talk.outcome.wakeups


def test_in_a_group_nothing_is_erased_and_nothing_sent(talk: Talk) -> None:
    for _ in range(2):
        talk.takes(Grouped("command"), ANN, private=False)
        assert talk.outcome.erase is None and not talk.outcome.wakeups
    talk.says("/erase", ANN, private=False).nobody_reads()


# --- export -------------------------------------------------------------------------------------------------------


def test_an_export_is_a_page_and_the_same_as_data(talk: Talk) -> None:
    talk.says("my <b>new shoes</b> {{7*7}} squeak & <script>alert(1)</script>").says(
        "i have missed my periods for months"
    )
    talk.kim_says("/queue").kim_taps("I have it").kim_says("rest, and call me", reply_to=talk.last(KIM))
    talk.kim_taps("Close it").says("/export").hears("I am gathering everything that I keep about you.")
    talk.wakes("export").hears("to read and to print").hears("The same as data (JSON)").nobody_reads(KIM, BEN, DANA)
    data, page = json.loads(files(talk)["json"]), files(talk)["html"]
    # By this a sweep knows the files, and deletes them after a day.
    assert all((one.message.key or "").startswith("export:") for one in talk.heard if one.message.document)
    assert [one["words"] for one in data["journal"] if one["words"]][:2] == [
        "my <b>new shoes</b> {{7*7}} squeak & <script>alert(1)</script>",
        "i have missed my periods for months",
    ]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "{{7*7}}" in page and "49" not in page
    assert "<script" not in page and not re.search(r"""\b(src|href)\s*=""", page)
    assert not re.search(r"you joined|{&#34;", page) and f"closed #{talk.only.short}" in page
    for shown in ("Everything about Ann", "1 June 2026", "<b>Kim</b> wrote", "rest, and call me", "missed"):
        assert shown in page
    assert data["person"]["coach"] == "Kim" and data["person"]["facts"]["zone"] == "Europe/London"


def test_the_page_is_well_formed_and_in_the_readers_own_time() -> None:
    talk = Talk()
    talk.change(ANN, zone="Australia/Sydney", injuries='"><img src=x>', goal="</td>")
    talk.says("a word at seven in London").says("/export").wakes("export")
    page = files(talk)["html"]

    class Tags(HTMLParser):
        open: list[str] = []  # noqa: RUF012 - a new class in each test

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag not in ("meta", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    tags = Tags()
    tags.feed(page)
    assert tags.open == [] and "<img" not in page and "&lt;/td&gt;" in page
    assert "<time>16:00</time>" in page and "Times are those of Australia/Sydney" in page


def test_the_page_has_the_plan_who_changed_it_and_what_the_rules_wanted() -> None:
    talk = season.begin().says("the dog ate my shoe").says("I have 20 minutes").kim_taps("Decline")
    talk.says("move wednesday to friday").kim_says("/rules short nights").kim_taps("For one athlete").kim_taps("Ann")
    talk.kim_taps("Mute for 2 weeks").says("/export").wakes("export")
    data, page = json.loads(files(talk)["json"]), files(talk)["html"]
    for shown in ("Your plan", "Speed · 50 min · effort 8", "flat, no watch", "busy day · declined by Kim", "a rule"):
        assert shown in page, shown
    assert "sleep short · quiet until 15 June 2026, by Kim" in page and "{&#34;" not in page
    assert [one["state"] for one in data["proposal"]] == ["declined"] and len(data["session"]) == 6


def test_more_than_one_export_a_minute_is_one(talk: Talk) -> None:
    talk.says("/export").says("/export")
    assert len(talk.planned("export")) == 1
    talk.wakes("export")
    assert len(files(talk)) == 2
    talk.after(minutes=1).says("/export").wakes("export")
    assert len(files(talk)) == 2


def test_a_coach_gets_their_letters_and_nothing_that_athletes_said(talk: Talk) -> None:
    talk.says("chest pain and a canary").kim_says("lie down, i call", reply_to=talk.last(KIM))
    talk.kim_says("/export").wakes("export")
    data, page = files(talk, KIM)["json"], files(talk, KIM)["html"]
    assert "canary" not in data + page and "lie down, i call" in data and "lie down, i call" in page
    assert "What your athletes said" in page


def test_who_is_just_joining_may_ask_for_it_too() -> None:
    talk = Talk()
    talk.change(ANN, consent_at=None, talks=())
    talk.says("/export").wakes("export").hears("to read and to print")


def test_what_telegram_will_not_take_is_said_and_not_lost_in_silence(talk: Talk) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rights, "MOST_BYTES", 1000)
        talk.says("/export").wakes("export").hears("aidstation-2026-06-01.html is too big for Telegram.")
    assert not files(talk)


# --- erase --------------------------------------------------------------------------------------------------------


def test_erase_says_what_goes_and_what_stays_and_asks(talk: Talk) -> None:
    talk.says("/erase").hears("your name and settings, every answer and every word").hears("Backups of this server")
    talk.hears("here and in Kim’s chat").hears("Kim is told that you have gone, and nothing more.")
    talk.hears("Shall I erase everything about you? There is no way back.", ERASE).nobody_reads(KIM)
    talk.taps("Keep it").hears("All right, everything stays as it is.", []).nobody_reads(KIM)
    assert talk.ann.name == "Ann" and not talk.ann.talks


def test_erase_then_a_receipt_and_nobody_knows_them_any_more(talk: Talk) -> None:
    old = talk.says("/erase").button("Erase everything")
    talk.taps("Erase everything").hears("Erased. Receipt").hears("lines of your journal").hears("reaches nobody")
    talk.kim_reads("Ann has gone, and has had everything erased.").nobody_reads(BEN, DANA)
    assert re.search(r"Receipt [2-9A-HJ-NP-Z]{5}-[2-9A-HJ-NP-Z]{5}, 1 June 2026, 07:30", talk.last().text)
    assert "Ann" not in talk.last().text and ANN not in talk.club.people and not talk.planned("checkin")[1:]
    for said in ("/erase", "chest pain", "yes"):
        talk.after(minutes=1).says(said).hears("This is a private line").nobody_reads(KIM)
    talk.after(minutes=1).presses(old).hears("This is a private line")
    talk.kim_says("/athletes").kim_reads("Nobody yet.")


def test_a_typed_yes_erases_and_a_typed_no_keeps(talk: Talk) -> None:
    talk.says("/erase").says("no").hears("everything stays as it is")
    assert talk.last().rows == [] and talk.records("typed")[-1].words == "no"
    talk.says("/erase").says("Yes, erase everything.").hears("Erased. Receipt")
    assert ANN not in talk.club.people


@pytest.mark.parametrize("said", ["yes but first tell kim", "i fainted yesterday", "why?", "erase my last answer only"])
def test_other_words_are_never_a_yes(talk: Talk, said: str) -> None:
    talk.says("/erase").says(said)
    assert talk.ann.name == "Ann" and talk.outcome.erase is None


def test_an_old_question_erases_nothing(talk: Talk) -> None:
    first = talk.says("/erase").button("Erase everything")
    talk.says("/erase").presses(first).hears("That question is closed.")
    second = talk.button("Erase everything")
    talk.after(minutes=31).presses(second).hears("That question is closed.")
    talk.says("/erase").taps("Keep it").presses(talk.button("Write to them", KIM) if talk.chat(KIM) else second)
    assert talk.ann.name == "Ann"


def test_they_may_be_invited_again_and_are_somebody_new(talk: Talk) -> None:
    erased(talk).kim_says("/invite Ann")
    (code,) = talk.club.invites
    talk.club.people.pop(NEW, None)
    talk.says(f"/start {code}").reads(ANN, "Hello Ann. I am Kim’s aid station")


def test_before_anything_was_agreed_it_works_and_keeps_nothing() -> None:
    talk = Talk()
    talk.change(ANN, consent_at=None, talks=())
    talk.says("/erase").says("what is this?").hears("Shall I erase everything")
    assert not talk.records("words") and not talk.records("typed")
    talk.says("yes").hears("Erased. Receipt")
    assert ANN not in talk.club.people


def test_what_the_operator_erases_is_erased_and_told(talk: Talk) -> None:
    talk.says("chest pain")
    talk._begin()
    talk._turn(Due("erase", "erase:1"), ANN)
    talk.reads(ANN, "Erased. Receipt").kim_reads("Ann has gone")


# --- a human looks first ------------------------------------------------------------------------------------------


def waiting(talk: Talk) -> Talk:
    """Ann has fainted, and wants to go."""
    talk.says("i fainted earlier today").says("/erase").hears("Something that you told me is still open with Kim")
    return talk.taps("Erase everything")


def test_with_something_open_a_human_decides_and_the_athlete_is_told(talk: Talk) -> None:
    waiting(talk).hears("Your wish is kept;", ["Take it back"]).hears("Kim gets your wish in waking hours")
    talk.kim_reads("Ann wants everything about them erased.", ["Erase now", "Write to them"])
    talk.kim_reads(f"#{talk.only.short} is not closed, so I have erased nothing")
    assert talk.ann.erase_asked == talk.now and talk.only.open
    assert ANN not in [whose for whose, one in talk.club.wakeups.values() if one.kind == "checkin"]
    talk.says("/settings").hears("I do not ask by myself")
    talk.after(days=2).reads_not(ANN, "How did you sleep")
    talk.says("my chest hurts").kim_reads("🔴 Ann · NOW")


def test_the_wish_stands_on_every_list_until_it_is_decided(talk: Talk) -> None:
    waiting(talk).kim_taps("I have it")
    for _ in range(2):
        talk.at("06:30").kim_reads("1 needs you").kim_reads("Ann wants everything", ["Erase now", "Write to them"])
        talk.after(hours=1)
    talk.kim_taps("Erase now").kim_reads("Everything about Ann is erased, as they wished").hears("Erased. Receipt")
    talk.after(days=1).nobody_reads(KIM)


def test_erase_now_works_for_whoever_answers_and_only_while_it_is_wished(talk: Talk) -> None:
    waiting(talk)
    button = talk.button("Erase now", KIM)
    talk.presses(button, DANA).dana_reads("That question is closed.")  # covers, but Kim can be reached
    talk.presses(button, BEN).reads(BEN, "That question is closed.")
    talk.presses(f"erase:{BEN}", KIM).kim_reads("That question is closed.")
    talk.presses("erase:x", KIM).kim_reads("That question is closed.")
    talk.taps("Take it back").hears("All right, nothing is erased. The next question comes")
    talk.kim_reads("Ann no longer wants to be erased.")
    talk.presses(button, KIM).kim_reads("That question is closed.")
    talk.presses("wish:back").hears("That question is closed.")
    assert talk.ann.erase_asked is None and talk.planned("checkin")


def test_erase_again_offers_both_ways(talk: Talk) -> None:
    waiting(talk).says("/erase").hears("You want everything erased", ["Ask again", "Take it back"])
    talk.taps("Ask again").hears("I ask Kim again, at most once an hour.").nobody_reads(KIM)
    talk.after(hours=1).taps("Ask again").kim_reads("Ann wants everything")
    talk.change(KIM, reachable=False)
    talk.change(DANA, reachable=False)
    talk.after(hours=1).taps("Ask again").hears("I can reach no coach right now")


def test_closing_asks_the_coach_again_and_frees_the_athlete(talk: Talk) -> None:
    waiting(talk).kim_says("ack").kim_taps("Close it").kim_reads(
        "Nothing of Ann is open any more", ["Erase now", "Write to them"]
    )
    talk.hears("Kim has closed what was open.").says("/erase").hears("Shall I erase everything")
    talk.taps("Erase everything").hears("Erased. Receipt").kim_reads("Ann has gone")


def test_what_opens_between_the_question_and_the_yes_counts(talk: Talk) -> None:
    talk.says("/erase").says("i fainted earlier today").taps("Erase everything").hears("Your wish is kept;")
    assert talk.only.open


def test_if_the_coach_cannot_be_reached_the_next_one_is_asked(talk: Talk) -> None:
    talk.change(KIM, reachable=False)
    waiting(talk).dana_reads("Ann wants everything").dana_taps("Erase now").hears("Erased. Receipt")
    assert ANN not in talk.club.people


def test_with_nobody_to_ask_the_wish_is_kept_all_the_same(talk: Talk) -> None:
    talk.change(KIM, reachable=False)
    talk.change(DANA, reachable=False)
    waiting(talk).hears("I can reach no coach right now, and it stands on the list")


def test_a_letter_that_was_begun_to_somebody_erased_goes_nowhere(talk: Talk) -> None:
    waiting(talk).kim_taps("Write to them").kim_taps("Erase now")
    assert not talk.kim.talks
    talk.kim_says("dear ann").kim_reads("I did not send that to anybody.")


# --- coaches ------------------------------------------------------------------------------------------------------


def test_a_coach_hands_the_athletes_over_and_all_are_told(talk: Talk) -> None:
    talk.kim_says("/erase").kim_reads("Your athlete goes to Dana, and is told.").kim_reads("The letters that you wrote")
    talk.kim_taps("Erase everything").kim_reads("Erased. Receipt")
    talk.hears("Kim no longer coaches here. From now on Dana reads your answers")
    talk.dana_reads("Kim no longer coaches here. Yours from now on, and told so: Ann.")
    assert talk.ann.coach_id == DANA and KIM not in talk.club.people
    talk.says("chest pain").dana_reads("🔴 Ann · NOW")


def test_the_only_coach_of_somebody_cannot_go_and_reads_why() -> None:
    talk = Talk(*PEOPLE[:2]).kim_says("/erase")
    talk.kim_reads("one athlete would be left with nobody who reads them").kim_reads("invite another coach")
    Talk(PEOPLE[1]).kim_says("/erase").kim_taps("Erase everything").kim_reads("Erased. Receipt")


def test_a_coach_first_hands_over_what_is_open(talk: Talk) -> None:
    talk.says("chest pain").kim_says("/erase").kim_reads(f"Not yet: #{talk.only.short} of your athletes is not closed.")
    talk.kim_taps("I have it").kim_says("/erase").kim_reads("Not yet:").kim_taps("Close it")
    question = talk.kim_says("/erase").button("Erase everything", KIM)
    talk.says("i fainted earlier today").presses(question, KIM).kim_reads("Not yet:")
    assert KIM in talk.club.people


def test_a_coach_who_runs_is_both_gone() -> None:
    eve = replace(
        PEOPLE[0], id=6, name="Eve", chat_id=106, user_id=106, runs=True, coaches=True, coach_id=KIM,
        joined_at=datetime(2026, 5, 30, tzinfo=UTC),
    )  # fmt: skip
    talk = Talk(*PEOPLE, eve)
    talk.change(BEN, coach_id=6)
    talk.says("/erase", 6).reads(6, "Your athlete goes to Kim").taps("Erase everything", 6).reads(6, "Erased. Receipt")
    talk.kim_reads("Yours from now on, and told so: Ben.").kim_reads("Eve has gone").reads(BEN, "From now on Kim reads")


def test_who_coaches_too_and_has_something_open_hands_over_themselves() -> None:
    eve = replace(PEOPLE[0], id=6, name="Eve", chat_id=106, user_id=106, coaches=True, coach_id=KIM)
    talk = Talk(*PEOPLE, eve, me=6)
    talk.says("i fainted earlier today").says("/erase").taps("Erase everything").hears("Your wish is kept;")
    talk.kim_taps("Erase now").kim_reads("Eve coaches here, too, and has to hand over athletes. Close #")
    talk.kim_says("ack").kim_taps("Close it")
    talk.kim_taps("Erase now").kim_reads("Close what is open")
    talk.says("/erase").taps("Erase everything").hears("Erased. Receipt")


def test_the_heir_may_be_the_coachs_own_athlete() -> None:
    dana = replace(PEOPLE[2], runs=True, coach_id=KIM)
    talk = Talk(PEOPLE[0], PEOPLE[1], dana).kim_says("/erase").kim_taps("Erase everything")
    talk.dana_reads("Whoever covers for you reads").dana_reads("told so: Ann.")
    assert talk.person(DANA).coach_id is None and talk.ann.coach_id == DANA


def test_a_wish_is_not_lost_over_time(talk: Talk) -> None:
    waiting(talk).until(talk.now + timedelta(days=5))
    assert talk.ann.erase_asked is not None and not talk.planned("checkin")[1:]
