"""A plan out of a coach's file: the dry run, and what comes of it."""

from __future__ import annotations

import pytest

from tests.dialogs.season import FRI, SAT, SUN, begin
from tests.dialogs.talk import ANN, BEN, KIM, Talk

CSV = """date,kind,minutes,text
2026-06-05,easy,30,with the dog
2026-06-06,long,100,
2026-06-07,speed,50,6 x 400
"""


@pytest.fixture
def talk() -> Talk:
    return begin()


def test_a_file_is_shown_before_anything_changes_and_taken_with_a_tap(talk: Talk) -> None:
    before = talk.plan()
    talk.sends("document", "plan Ann", KIM, name="june.csv").kim_reads("Nothing changes before you say so.")
    talk.brings(CSV).kim_reads("Ann · june.csv", buttons=["Take it", "Leave it"])
    talk.kim_reads("From 5 June to 7 June: 3 new, 1 go, 0 stay. What comes behind the file’s last day stays (1).")
    talk.kim_reads("− 6 June Long run · 100 min · effort 5\n+ 6 June Long run · 100 min").kim_reads("+ 7 June Speed")
    assert talk.plan() == before
    talk.kim_taps("Take it").kim_reads("Taken into Ann’s plan: 3 new, 1 gone.").kim_reads("Ann, the week of 1 June:")
    assert [talk.session(day).kind for day in (FRI, SAT, SUN)] == ["easy", "long", "speed"]
    assert talk.session(FRI).text == "with the dog"
    talk.nobody_reads(ANN).kim_taps("Tell Ann").reads(ANN, "Kim has laid out your week:")


def test_a_plan_goes_out_as_a_file_and_comes_back_unchanged(talk: Talk) -> None:
    talk.kim_says("/plan Ann").kim_taps("As a file").kim_reads("6 sessions").kim_reads("The same as a calendar.")
    for document in [one.message.document for one in talk.heard if one.message.document is not None]:
        talk.sends("document", "plan Ann", KIM, name=document.name).brings(document.content)
        talk.kim_reads("All of it stands in the plan already.", [])


def test_a_file_that_is_left_changes_nothing(talk: Talk) -> None:
    before = talk.plan()
    talk.sends("document", "", KIM, name="june.csv").brings(CSV).kim_taps("Leave it").kim_reads("nothing has changed")
    assert talk.plan() == before
    talk.kim_says("/queue").kim_reads("Nothing is open.")


def test_the_same_file_twice_changes_nothing_the_second_time(talk: Talk) -> None:
    talk.sends("document", "", KIM, name="june.csv").brings(CSV).kim_taps("Take it")
    talk.sends("document", "", KIM, name="june.csv").brings(CSV).kim_reads("All of it stands in the plan already.", [])


def test_what_cannot_be_read_is_named_by_line_and_the_rest_is_taken_only_by_name(talk: Talk) -> None:
    wrong = CSV + "2026-06-32,easy,30,\n2026-06-08,easy + strength,40,\n"
    talk.sends("document", "", KIM, name="june.csv").brings(wrong)
    talk.kim_reads("Line 5: “2026-06-32” is no date").kim_reads("Line 6: “easy + strength” are two sessions.")
    talk.kim_reads("3 new", buttons=["Take the rest of it", "Leave it"]).kim_taps("Take the rest of it")
    assert talk.session(SUN).kind == "speed"


def test_dates_that_can_be_read_in_two_ways_are_asked(talk: Talk) -> None:
    doubtful = "date;kind;minutes\n07/06/2026;easy;30\n"
    talk.sends("document", "", KIM, name="june.csv").brings(doubtful)
    talk.kim_reads("Which comes first in its dates, the day or the month?").kim_taps("Day first (31/12)")
    talk.brings(doubtful).kim_reads("+ 7 June Easy run · 30 min")
    talk.sends("document", "", KIM, name="june.csv").brings(doubtful).kim_taps("Cancel").kim_reads(
        "nothing has changed"
    )


def test_whose_it_is_is_asked_where_nothing_says_it(talk: Talk) -> None:
    talk.change(BEN, coach_id=KIM)
    talk.sends("document", "", KIM, name="june.csv").kim_reads("Whose plan is this?", ["Ann", "Ben", "Cancel"])
    talk.kim_taps("Ben").brings(CSV).kim_taps("Take it")
    assert talk.session(SUN, BEN).kind == "speed" and talk.plan().on(SUN) == ()
    talk.sends("document", "plan Eve", KIM, name="x.csv").kim_reads("I found none of your athletes in that.")
    talk.sends("document", "", KIM, name="x.csv").kim_taps("Cancel").kim_reads("nothing has changed")
    assert not [one for one in talk.club.wakeups.values() if one[1].kind == "fetch"]


def test_a_plan_that_has_moved_on_is_left_alone(talk: Talk) -> None:
    talk.sends("document", "", KIM, name="june.csv").brings(CSV).kim_says("/plan Ann").kim_taps("Sat")
    talk.kim_taps("Clear the day").kim_taps("Take it").kim_reads("has changed since")
    assert talk.plan().on(SAT) == ()


def test_a_dry_run_of_yesterday_is_too_old(talk: Talk) -> None:
    talk.sends("document", "", KIM, name="june.csv").brings(CSV).after(days=2).kim_taps("Take it").kim_reads(
        "once more"
    )


def test_a_dry_run_ends_by_itself_and_its_buttons_mean_nothing_to_another_proposal(talk: Talk) -> None:
    talk.sends("document", "", KIM, name="june.csv").brings(CSV)
    (dry,) = talk.club.proposals
    talk.presses(f"approve:1:{dry}", KIM).kim_reads("That question is closed.")
    talk.says("slower please")
    (eased,) = [short for short in talk.club.proposals if short != dry]
    for kind in ("take", "leave"):
        talk.presses(f"{kind}:1:{eased}", KIM).kim_reads("That question is closed.")
    talk.presses(f"object:{dry}").answers_with("That has been decided.")
    assert {one.state for one in talk.club.proposals.values()} == {"open"}
    talk.after(days=1, minutes=1)
    assert talk.club.proposals[dry].state == "expired"


@pytest.mark.parametrize(("kind", "told"), [("too_big", "up to 1 MB"), ("unfinished", "Please send it once more.")])
def test_a_file_that_never_came_is_told(talk: Talk, kind: str, told: str) -> None:
    talk.sends("document", "plan", KIM, name="june.csv").brings(failed=kind).kim_reads(told)


def test_a_file_with_nothing_in_it(talk: Talk) -> None:
    talk.sends("document", "plan", KIM, name="june.csv").brings("").kim_reads("This file is empty.", [])
    old = "date,kind\n2026-05-01,easy\n"
    talk.sends("document", "plan", KIM, name="june.csv").brings(old).kim_reads("no session in it from today on; 1 lie")


def test_a_coach_without_athletes_and_a_file_that_is_no_plan(talk: Talk) -> None:
    talk.sends("document", "look at this", KIM, name="race.pdf").kim_reads("I did not send that to anybody.")
    talk.change(ANN, coach_id=None)
    talk.change(KIM, joined_at=talk.now)
    talk.sends("document", "", KIM, name="june.csv").kim_reads("You have no athletes yet.")
