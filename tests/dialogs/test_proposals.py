"""What the rules make of an answer, and what a human makes of that."""

from __future__ import annotations

import pytest

from tests.dialogs.season import FRI, MON, SAT, SUN, THU, TUE, WED, bad_night, begin, session
from tests.dialogs.talk import ANN, DANA, KIM, Talk


@pytest.fixture
def talk() -> Talk:
    return begin()


def short_nights() -> Talk:
    """Two bad nights before Tuesday's speed session: it is Tuesday, 07:30, and the rule has spoken."""
    return bad_night(bad_night(begin(), "5 h"), "4 h")


def test_one_bad_night_changes_nothing(talk: Talk) -> None:
    bad_night(talk, "4 h").reads_not(ANN, "Eased").nobody_reads(KIM)
    assert talk.club.proposals == {}


def test_a_rule_eases_and_says_what_why_and_how_to_object() -> None:
    talk = short_nights()
    talk.reads(ANN, "Eased, and held until Kim has looked:", buttons=["I’d rather keep it", "My plan"])
    talk.reads(ANN, "Tue Speed · 50 min · effort 8 → Easy run · 40 min · effort 3\nThe nights were short.")
    talk.kim_reads("📋 Ann · Short nights", buttons=["Approve", "Edit", "Decline", "Talk first"])
    talk.kim_reads("slept 4 h and 5 h").kim_reads("Watson 2017")
    assert talk.session(TUE).held is not None
    talk.says("/plan").answers_with("▶Tue Easy run · 40 min · effort 3 (eased, held)")


def test_the_coach_reads_the_athletes_own_words_beside_the_rule(talk: Talk) -> None:
    bad_night(talk, "5 h").says("the little one is teething again")
    bad_night(talk, "4 h").kim_reads("the little one is teething again")
    talk.reads(ANN, "the little one is teething again")


def test_approve(talk: Talk) -> None:
    talk = short_nights().kim_taps("Approve")
    talk.kim_reads("✅ Approved · Ann").reads(ANN, "Kim has looked, and agrees:\nTue Easy run")
    assert talk.session(TUE).held is None and talk.session(TUE).kind == "easy"
    assert talk.club.changes[-1][1].by == "coach"


def test_decline_brings_back_what_was_there() -> None:
    talk = short_nights().kim_taps("Decline").reads(ANN, "Kim has looked: it stands as it was before:\nTue Speed")
    assert talk.session(TUE).kind == "speed" and talk.session(TUE).held is None
    talk.says("/checkin")  # the rule does not ask again what a human has decided
    assert len(talk.club.proposals) == 1


@pytest.mark.parametrize(("label", "kind"), [("Rest", "rest"), ("Easy", "easy"), ("Half of it", "speed")])
def test_edit_with_a_ready_answer(label: str, kind: str) -> None:
    talk = short_nights().kim_taps("Edit").kim_reads("What instead, for Ann?").kim_taps(label)
    talk.reads(ANN, "Kim has looked, and changed it:")
    assert talk.session(TUE).kind == kind


def test_edit_in_the_coachs_own_words() -> None:
    talk = short_nights().kim_taps("Edit").kim_says("easy run half an hour maybe")
    assert talk.session(TUE).held is None and talk.session(TUE).kind == "easy"
    talk = short_nights().kim_taps("Edit").kim_says("go slow").kim_reads("I found no kind of session in that.")
    talk.kim_says("easy 25: with the dog").reads(ANN, "Tue Easy run · 25 min")
    assert talk.session(TUE).text == "with the dog"


def test_edit_may_be_left_and_it_is_still_open() -> None:
    talk = short_nights().kim_taps("Edit").kim_taps("Cancel").kim_reads("All right, it is still open.")
    talk.kim_says("/queue").kim_reads("📋 Ann · Short nights")


def test_talk_first_decides_nothing() -> None:
    talk = short_nights().kim_taps("Talk first").kim_says("How bad is it?").reads(ANN, "How bad is it?")
    assert talk.session(TUE).held is not None
    assert [one.state for one in talk.club.proposals.values()] == ["open"]


def test_two_coaches_press_at_once_and_the_second_reads_who_decided() -> None:
    talk = short_nights()
    approve = talk.button("Approve", KIM)
    talk.kim_taps("Approve")
    talk.change(ANN, coach_id=DANA)
    talk.presses(approve, DANA).dana_reads("Kim has decided (")
    assert talk.session(TUE).kind == "easy"


def test_another_coach_is_told_nothing() -> None:
    talk = short_nights()
    approve = talk.button("Approve", KIM)
    talk.change(ANN, coach_id=KIM)
    talk.change(KIM, backup_id=None)
    talk.club.escalations.clear()
    talk.presses(approve, DANA).dana_reads("That question is closed.")
    assert talk.session(TUE).held is not None


def test_an_athlete_objects_in_their_own_words() -> None:
    talk = short_nights().taps("I’d rather keep it").answers_with("Tell Kim why you would rather keep it.")
    talk.says("it is the last hard one before the race").answers_with("Kim decides; until then it stays easy.")
    talk.kim_reads("Ann would rather keep it, and says why:").kim_reads("it is the last hard one before the race")
    assert talk.session(TUE).kind == "easy"
    talk.kim_taps("Decline")
    assert talk.session(TUE).kind == "speed"
    talk.presses(f"object:{next(iter(talk.club.proposals))}").answers_with("That has been decided.")


def test_an_objection_may_be_taken_back() -> None:
    short_nights().taps("I’d rather keep it").taps("Cancel").answers_with("held until your coach has looked")


def test_when_its_day_is_over_what_was_eased_stays_and_so_does_the_worry(talk: Talk) -> None:
    talk.says("I'm ill").taps("Below the neck")
    approve = talk.button("Approve", KIM)
    talk.at("00:00")
    assert talk.session(MON).kind == "rest"
    assert (talk.only.level, talk.only.flag) == ("concern", "rule_ill")
    talk.reads(ANN, "Nobody has looked yet at what was eased. It stays easy, and stands on Kim’s list at 07:00")
    assert talk.chat(KIM)[-1].rows == []
    talk.presses(approve, KIM).kim_reads("Its day is over")
    talk.at("06:30").kim_reads("Ann: Ill: below the neck, fever")


def test_a_note_that_nobody_has_looked_at_is_no_worry() -> None:
    talk = short_nights().after(days=1)
    assert talk.club.escalations == {} and talk.session(TUE).kind == "easy"


def test_it_is_looked_at_against_the_plan_as_it_is_then() -> None:
    talk = short_nights().kim_says("/plan Ann").kim_taps("Tue").kim_taps("Clear the day")
    talk.kim_taps("Approve").kim_reads("has changed since, so this cannot be done any more")
    assert talk.plan().on(TUE) == ()
    talk.presses(talk.button("My plan")).kim_says("/queue").kim_reads("Nothing is open.")


def test_a_second_rule_takes_over_from_the_first_and_the_coach_decides_once() -> None:
    talk = short_nights()
    first = talk.button("Approve", KIM)
    talk.says("I'm ill").taps("Below the neck").kim_reads("Tue Speed · 50 min · effort 8 → Rest")
    talk.presses(first, KIM).kim_reads("The plan has moved on since.")
    talk.kim_taps("Decline")
    assert [talk.session(day).kind for day in (TUE, WED)] == ["speed", "easy"], "what was planned, not what was eased"


def test_a_sore_shin_holds_all_runs_and_pages(talk: Talk) -> None:
    talk.at("07:30").taps("Something hurts").taps("Shin").taps("3").taps("No")
    talk.reads(ANN, "No running until a person has spoken with you.").reads(ANN, "Something hurts")
    talk.kim_reads("Ann · today").kim_reads("Ann · Pain where bone may hurt")
    assert [talk.session(day).kind for day in (MON, TUE, WED, THU, SAT)] == ["rest", "rest", "rest", "strength", "rest"]
    assert len(talk.club.escalations) == 1


def test_every_new_pain_is_told_and_again_on_day_three_and_seven(talk: Talk) -> None:
    def hurts() -> None:
        talk.at("07:30")
        if any("How is it now?" in text for text in talk.texts(ANN)):  # what hurt yesterday is asked about first
            talk.taps("1")
        else:
            talk.taps("Something hurts").taps("Knee").taps("1").taps("No")
        talk.taps("All as usual")

    told = []
    for day in range(1, 9):
        hurts()
        hers = [one for one in talk.open if one.athlete_id == ANN]  # Ben has gone quiet meanwhile
        if hers:
            told.append(day)
            for one in hers:
                talk.presses(f"close:{one.short}", KIM)
    assert told == [1, 3, 7]


def test_a_race_is_nobodys_to_ease(talk: Talk) -> None:
    talk.plans(session("race", TUE, "race", km=10.0))
    bad_night(talk, "5 h").at("07:30").reads_not(ANN, "How did you sleep?")  # on its morning nothing is asked
    talk.says("/checkin").taps("2").taps("4 h").taps("That is all for today")
    assert next(one for one in talk.plan().on(TUE) if one.kind == "race").held is None
    talk.says("/ill").taps("Below the neck")
    assert next(one for one in talk.plan().on(TUE) if one.kind == "race").km == 10.0


def test_a_missed_session_is_let_go_or_offered_to_the_coach(talk: Talk) -> None:
    talk.plans(session("fri", FRI, minutes=40), session("thu2", THU, minutes=40))
    talk.after(days=1).says("done").taps("Not done").taps("Life")
    talk.says("/checkin").taps("All as usual")
    (proposal,) = talk.club.proposals.values()
    assert not proposal.held and proposal.rule == "missed-not-crammed"
    assert talk.session(TUE).kind == "speed"
    talk.kim_reads("Nothing has changed: this waits for you.").kim_taps("Approve")
    hard = [one.day for one in talk.plan().sessions if one.kind == "speed" and one.day > TUE]
    assert hard == [THU] and talk.plan().on(SUN) == ()


def test_the_morning_list_names_what_waits() -> None:
    talk = short_nights().at("07:29")
    assert talk.session(TUE).held is not None
    talk = begin().says("move saturday to wednesday").at("06:30")
    talk.reads(KIM, "1 needs you").reads(KIM, "would like to move a session")


def test_without_a_plan_a_rule_brings_its_concern_to_the_coach() -> None:
    talk = Talk()
    for _ in range(2):
        bad_night(talk, "4 h")
    assert talk.club.proposals == {} and talk.club.escalations == {}, (
        "there is no hard session to be short of sleep for"
    )
    talk.says("injured")
    assert talk.only.flag == "rule_injured"
    talk.reads(ANN, "This flags for Kim, and stands on the list at 07:00 (their time).")
