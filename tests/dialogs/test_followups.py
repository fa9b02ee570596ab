"""A pain is asked about again, by place, until it settles; the rule book makes of the answers what it makes of any."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs import followups
from dialogs.model import Record
from dialogs.rules.view import GAP
from tests.dialogs.season import TUE, WED, session
from tests.dialogs.talk import ANN, Talk

ASKS = "How is it now?"
DAY = timedelta(days=1)


def begin() -> Talk:
    """Monday: Ann's knee hurts, 3 of 10."""
    return (
        Talk()
        .at("07:30")
        .taps("Something hurts")
        .taps("Knee")
        .taps("3")
        .taps("No")
        .taps("3")
        .taps("That is all for today")
    )


@pytest.fixture
def talk() -> Talk:
    return begin()


def pains(talk: Talk) -> list[tuple[str, object, object]]:
    """By day: the level, and whether it changes the stride."""
    told = talk.records("step", "pain")
    return [(f"{one.day:%a}", one.value["level"], one.value["stride"]) for one in told]


def test_the_next_morning_asks_by_place_in_the_bubble_of_the_check_in(talk: Talk) -> None:
    before = talk.number_of_bubbles()
    talk.at("07:30").hears("First: knee, 3/10, you said yesterday. How is it now?")
    talk.taps("Settled").hears("How did you sleep?").taps("4").hears("pain: knee, 0/10").taps("That is all for today")
    assert pains(talk) == [("Mon", 3, "no"), ("Tue", 0, "no")]
    assert talk.number_of_bubbles() == before + 1
    for _ in range(7):
        talk.at("07:30").reads_not(ANN, ASKS)


def test_it_is_asked_on_the_third_and_seventh_day_while_it_lasts(talk: Talk) -> None:
    asked = []
    for number in range(2, 12):
        talk.at("07:30")
        if any(ASKS in text for text in talk.texts(ANN)):
            asked.append(number)
            talk.taps("2")
        talk.taps("All as usual")
    assert asked == [2, 3, 7]
    assert [r.value["rule"] for r in talk.records("step", "rule") if r.value["rule"] == "pain-lasts"] == [
        "pain-lasts"
    ] * 2


def test_the_same_asks_for_the_stride_where_that_matters(talk: Talk) -> None:
    talk.at("07:30").taps("The same").hears("Does it change how you walk or run?").taps("Yes").hears(
        "How did you sleep?"
    )
    assert pains(talk)[-1] == ("Tue", 3, "yes")
    talk.at("06:00").kim_reads("knee, 3/10, changes the stride")


def test_a_slight_pain_is_one_tap(talk: Talk) -> None:
    talk.at("07:30").taps("1").hears("How did you sleep?")
    assert pains(talk)[-1] == ("Tue", 1, None)


def test_what_climbs_holds_runs_for_the_coach_by_the_rules_that_there_are(talk: Talk) -> None:
    talk.plans(session("tue", TUE, minutes=40), session("wed", WED, minutes=40))
    talk.at("07:30").taps("5").taps("No")
    assert {"pain-rises", "pain-unsettled"} <= {one.value["rule"] for one in talk.records("step", "rule")}
    assert talk.session(TUE).kind == "rest" and talk.session(TUE).held is not None
    talk.kim_reads("knee 5/10, day 2")


def test_what_stops_half_way_counts_as_the_worse(talk: Talk) -> None:
    talk.at("07:30").taps("4").hears("Does it change how you walk or run?").after(minutes=11)
    assert pains(talk)[-1] == ("Tue", 4, "yes")


def test_whoever_told_of_it_today_is_not_asked(talk: Talk) -> None:
    talk.at("06:50").says("my knee hurts again, 4/10").taps("No")
    talk.at("07:30").reads_not(ANN, ASKS).hears("How did you sleep?")


def test_a_number_may_be_typed_and_words_are_words(talk: Talk) -> None:
    before = talk.number_of_bubbles()
    talk.at("07:30").says("much better after the bike").hears("Kept, word for word.").hears(ASKS)
    assert talk.records("words")[-1].words == "much better after the bike"
    talk.says("12").hears("That number is not on the scale.").hears(ASKS)
    talk.says("0").hears("How did you sleep?")
    assert pains(talk)[-1] == ("Tue", 0, "no")
    assert not any(bubble.rows for bubble in talk.chat(ANN)[before:-1]), "no button that looks as if it still answered"


def test_in_an_hour_and_not_today_work_as_ever(talk: Talk) -> None:
    talk.at("07:30").taps("In an hour").hears("I will ask again at 08:30.")
    talk.at("08:30").hears(ASKS).taps("Not today").hears("All right, not today.")
    assert talk.ann.talks == ()
    talk.at("07:30").hears("you said 2 days ago")


def test_a_check_in_begun_by_the_athlete_asks_as_well(talk: Talk) -> None:
    talk.at("06:00").says("/checkin").hears(ASKS).taps("Settled").hears("How did you sleep?")


def test_a_question_of_yesterday_is_closed(talk: Talk) -> None:
    button = talk.at("07:30").button("Settled")
    talk.at("07:30").presses(button).hears("That question is closed")


def test_words_that_cannot_wait_are_heard_first(talk: Talk) -> None:
    talk.at("07:30").says("chest pain right now").hears("Stop now. Call 999")


def test_of_two_pains_the_one_that_may_be_a_bone_comes_first() -> None:
    talk = Talk().at("07:30").taps("Something hurts").taps("Knee").taps("6").taps("No").taps("All as usual")
    talk.says("my shin hurts, 2/10").taps("No")
    talk.at("07:30").hears("First: shin, 2/10").taps("Settled").taps("All as usual")
    talk.at("07:30").hears("First: knee, 6/10, you said 2 days ago")


def test_a_zone_change_counts_the_athletes_own_dates(talk: Talk) -> None:
    talk.at("09:00").says("/zone Auckland")
    talk.until(talk.now + timedelta(hours=20))
    assert sum(ASKS in bubble.text for bubble in talk.chat(ANN)) == 1


# --- any history ----------------------------------------------------------------------------------------------------

LEVELS = st.one_of(st.none(), st.integers(0, 10))


def told(levels: Sequence[int | None], place: str = "knee") -> list[Record]:
    found = []
    for back, level in enumerate(reversed(levels)):
        if level is not None:
            at = datetime(2026, 6, 20, 7, tzinfo=UTC) - back * DAY
            value = {"where": place, "level": level, "stride": None}
            found.append(Record("step", "pain", at, at.date(), value))
    return found[::-1]


@given(st.lists(LEVELS, max_size=9))
def test_nobody_is_asked_of_what_has_settled_was_told_today_or_is_forgotten(levels: list[int | None]) -> None:
    today = date(2026, 6, 20)
    one = followups.wanted(told(levels), today)
    known = [(back, level) for back, level in enumerate(reversed(levels)) if level is not None]
    if not known or known[0][0] == 0 or known[0][1] == 0 or known[0][0] > GAP:
        assert one is None
    if known and known[0][0] == 1 and known[0][1]:
        assert one is not None, "told yesterday by themselves"
        assert one.number >= 2 and one.told_on == today - DAY


@pytest.mark.parametrize(
    ("levels", "asks"),
    [
        ([3, None], True),
        ([3, None, None], True),
        ([3, 2, None, None], True),
        ([3, None, 2, None, None], False),
        ([3, None, 2, None, None, None, None], True),
        ([3, 0, None], False),
        ([3, 0, None, None], False),
        ([None, None], False),
        ([3, *[None] * 7], True),
        ([3, *[None] * 8], False),
    ],
)
def test_the_days_of_a_pain(levels: list[int | None], asks: bool) -> None:
    assert (followups.wanted(told(levels), date(2026, 6, 20)) is not None) == asks
