"""The rule book in a coach's chat."""

from __future__ import annotations

import pytest

from tests.dialogs.season import TUE, bad_night, begin
from tests.dialogs.talk import ANN, KIM, Talk


@pytest.fixture
def talk() -> Talk:
    return begin()


def test_the_book_by_families_and_each_rule_with_its_source(talk: Talk) -> None:
    talk.kim_says("/rules").kim_reads("Sleep and load: Short nights, Low for days, Harder than meant")
    talk.kim_taps("Sleep and load").kim_reads("✓ Low for days: Two answers were clearly under their own usual")
    talk.kim_taps("Short nights").kim_reads("Under 6 hours").kim_reads("Watson 2017")
    talk.kim_taps("Back").kim_taps("Back").kim_reads("The rule book.")


def test_a_rule_that_is_switched_off_says_nothing(talk: Talk) -> None:
    talk.kim_says("/rules short nights").kim_taps("Switch off").kim_reads("Off.").kim_reads("1 June: off")
    bad_night(bad_night(talk, "5 h"), "4 h").reads_not(ANN, "Eased")
    talk.kim_says("/rules").kim_reads("Short nights (off)")
    talk.kim_says("/rules short nights").kim_taps("Switch on").kim_reads("On. By itself it eases")


def test_a_threshold_moves_within_its_bounds(talk: Talk) -> None:
    talk.kim_says("/rules short nights").kim_taps("− hours under").kim_reads("hours under: 5.5 (as shipped: 6)")
    for _ in range(3):
        talk.kim_taps("− hours under")
    talk.kim_reads("hours under: 4 (as shipped: 6)").kim_taps("− hours under").kim_reads("That is as far as it goes.")
    bad_night(bad_night(talk, "5 h"), "4 h").reads_not(ANN, "Eased")


def test_for_one_athlete_it_is_muted_for_two_weeks_and_speaks_again(talk: Talk) -> None:
    talk.kim_says("/rules short nights").kim_taps("For one athlete").kim_reads("“Short nights” for whom?").kim_taps(
        "Ann"
    )
    talk.kim_reads("Short nights · for Ann").kim_taps("Mute for 2 weeks").kim_reads("Muted until 15 June.")
    bad_night(bad_night(talk, "5 h"), "4 h").reads_not(ANN, "Eased")
    talk.kim_taps("Unmute").kim_reads("On. By itself it eases")


def test_who_when_and_what_is_kept(talk: Talk) -> None:
    talk.kim_says("/rules short nights").kim_taps("+ hours under").kim_taps("Switch off")
    assert [(one.rule, one.coach_id, one.by_id, one.on, dict(one.edges)) for one in talk.club.settings] == [
        ("sleep-short", KIM, KIM, None, {"hours": 6.5}),
        ("sleep-short", KIM, KIM, False, {}),
    ]


FORGED = (
    "rule:nothing:0", "rule:sleep-short:4", "rset:sleep-short:0:mute", "rset:sleep-short:0:x",
    "redge:sleep-short:0:x:more", "redge:sleep-short:0:hours:up", "rfor:x:0", "rwhat:x:0",
)  # fmt: skip


@pytest.mark.parametrize("data", FORGED)
def test_forged_buttons_do_nothing(talk: Talk, data: str) -> None:
    talk.presses(data, KIM).kim_reads("That question is closed.")
    assert talk.club.settings == []


def test_what_would_it_have_done(talk: Talk) -> None:
    bad_night(bad_night(talk, "5 h"), "4 h")
    talk.kim_says("/rules short nights").kim_taps("The last 8 weeks?").kim_reads("Looking back eight weeks")
    talk.after(minutes=1).kim_reads("It would have begun to speak 1 time").kim_reads("Ann: 1").kim_reads(
        "no forecast of an injury"
    )
    talk.kim_says("/rules slower").kim_taps("The last 8 weeks?").after(minutes=1).kim_reads(
        "Never, with what was answered."
    )
    assert talk.session(TUE).kind == "easy"
