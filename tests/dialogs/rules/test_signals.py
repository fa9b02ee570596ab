"""Days from the journal, and what is usual for an athlete."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.model import Record
from dialogs.scripts.checkin import ITEMS
from dialogs.signals import FLOOR, NOTHING, PAIN, SCALES, UNRATED, Day, Done, Pain, Scale, Usual, days, usual

TODAY = date(2026, 6, 10)
_DAY = timedelta(days=1)


def record(name: str, value: Any, kind: str = "answer", day: date = TODAY) -> Record:
    return Record(kind, name, datetime(2026, 6, 10, tzinfo=UTC), day, value)


def one_day(*records: Record) -> Day:
    return days(records)[TODAY]


def answers(**values: Any) -> Day:
    return one_day(*(record(name, value) for name, value in values.items()))


# --- days -----------------------------------------------------------------------------------------------------------


def test_the_last_answer_to_a_question_counts_and_the_rest_is_missing() -> None:
    day = one_day(record("sleep", 2), record("mood", 4), record("sleep", 3))
    assert day == Day(items={"sleep": 3.0, "mood": 4.0})
    assert day.answered and not NOTHING.answered


def test_as_usual_is_an_answer_without_a_number() -> None:
    day = one_day(record("sleep", 2), *(record(item, "usual") for item in ITEMS[1:]))
    assert day == Day(items={"sleep": 2.0}, usual=True)


def test_hours_belong_to_the_night_that_was_rated_last() -> None:
    assert answers(sleep=2, sleep_hours=4.5).sleep_hours == 4.5
    assert one_day(record("sleep", 2), record("sleep_hours", 4.5), record("sleep", 4)).sleep_hours is None


def test_a_pain_that_was_told_as_a_whole_is_taken_before_its_parts() -> None:
    whole = {"where": "shin", "level": 4, "stride": "yes", "side": "left"}
    parts = [record("pain_where", "shin"), record("pain_level", 4), record("pain_stride", "yes")]
    assert one_day(*parts, record("pain", whole, "step")).pains == {"shin": Pain(4, True, "left")}
    assert one_day(*parts).pains == {"shin": Pain(4, True, None)}


def test_a_pain_that_was_never_rated_counts_as_one_that_matters() -> None:
    assert answers(pain_where="knee").pains == {"knee": Pain(UNRATED, None, None)}


def test_the_worst_of_a_day_stands_and_two_sides_are_both() -> None:
    told = [("left", 6), ("right", 2)]
    steps = [record("pain", {"where": "knee", "level": level, "side": side}, "step") for side, level in told]
    assert one_day(*steps).pains == {"knee": Pain(6, None, "both")}


def test_a_settled_pain_is_kept_as_none() -> None:
    assert answers(pain_where="knee", pain_level=0, pain_stride="no").pains == {"knee": Pain(0, False, None)}


def test_reports_of_sessions_are_told_apart_by_a_new_did() -> None:
    day = one_day(
        record("session", "260610-0"), record("did", "done"), record("effort", 6),
        record("did", "not_done"), record("why", "life"),
    )  # fmt: skip
    assert day.done == (Done("260610-0", "done", 6.0), Done(None, "not_done", None, "life"))


def test_a_session_that_was_reported_twice_counts_as_it_was_told_last() -> None:
    first = [record("session", "a"), record("did", "not_done"), record("why", "head")]
    assert one_day(*first, record("session", "a"), record("did", "done")).done == (Done("a", "done"),)


def test_what_life_does_is_collected() -> None:
    day = one_day(record("life", "busy"), record("minutes_free", 20), record("life", "ill_above"))
    assert day.said == {"busy", "ill_above"} and day.time == 20


@pytest.mark.parametrize(
    ("level", "themes", "said"),
    [
        ("concern", ["illness", "sleep"], {"ill_below"}), ("today", ["illness"], {"ill_below"}),
        ("note", ["illness"], set()), ("concern", ["pain"], set()), (None, ["illness"], set()),
        ("concern", None, set()),
    ],
)  # fmt: skip
def test_words_of_illness_count_as_ill_where_they_are_a_concern(level: Any, themes: Any, said: set[str]) -> None:
    judged = {"level": level, "flag": None, "themes": themes, "ask": None}
    assert one_day(record("judged", judged, "step")).said == said


def test_a_rule_that_spoke_is_remembered() -> None:
    assert one_day(record("rule", {"rule": "sleep-short", "first": True}, "step")).fired == {"sleep-short"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
NAMES = (
    *ITEMS, "sleep_hours", "pain_where", "pain_level", "pain_stride", "pain_side", "session", "did", "why", "effort",
    "life", "minutes_free", "pain", "rule", "judged", "whatever",
)  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("answer", "step", "words")),
            st.sampled_from(NAMES),
            JSON | st.dictionaries(st.sampled_from(("where", "level", "stride", "side", "rule", "themes")), JSON),
        ),
        max_size=8,
    )
)
def test_no_answer_is_an_error(told: list[tuple[str, str, Any]]) -> None:
    for day in days([record(name, value, kind) for kind, name, value in told]).values():
        assert all(SCALES[item].holds(value) for item, value in day.items.items())
        assert all(PAIN.holds(pain.level) for pain in day.pains.values())
        assert day.sleep_hours is None or 0 <= day.sleep_hours <= 24


# --- usual ----------------------------------------------------------------------------------------------------------


def weeks(*values: float | str | None, until: date = TODAY - _DAY) -> dict[date, Day]:
    """One value of `mood` a day up to yesterday; "usual" in one tap, None: no answer."""
    found = {}
    for back, value in enumerate(reversed(values)):
        if value is not None:
            found[until - back * _DAY] = Day(usual=True) if value == "usual" else Day(items={"mood": float(value)})
    return found


def test_before_ten_answers_the_system_is_learning() -> None:
    assert usual(weeks(*[3] * 9), "mood", TODAY) is None
    assert usual(weeks(*[3] * 10), "mood", TODAY) == Usual(3, FLOOR, 10)
    assert usual(weeks(*[3] * 10), "sleep", TODAY) is None, "each item for itself"


def test_usual_is_the_last_28_days_before_today_and_no_more() -> None:
    assert usual(weeks(*[1] * 20, *[4] * 28), "mood", TODAY) == Usual(4, FLOOR, 28)
    assert usual({**weeks(*[4] * 28), TODAY: Day(items={"mood": 1.0})}, "mood", TODAY) == Usual(4, FLOOR, 28)
    assert usual(weeks(*[4] * 10, *[None] * 28), "mood", TODAY) is None


def test_missing_is_missing_and_not_zero() -> None:
    assert usual(weeks(*[4, None] * 10), "mood", TODAY) == Usual(4, FLOOR, 10)


def test_the_spread_is_that_of_the_numbers_and_has_a_floor() -> None:
    found = usual(weeks(*[2, 4] * 6), "mood", TODAY)
    assert found == Usual(3, 1, 12)
    assert usual(weeks(*[3] * 12), "mood", TODAY) == Usual(3, FLOOR, 12)


def test_as_usual_counts_as_an_answer_and_moves_nothing() -> None:
    assert usual(weeks(*["usual"] * 5, *[2, 4] * 5), "mood", TODAY) == Usual(3, 1, 15)
    assert usual(weeks(*["usual"] * 28), "mood", TODAY) is None, "no number, no mean"


def test_somebody_who_only_names_their_bad_days_has_no_bad_usual() -> None:
    found = usual(weeks(*["usual"] * 20, 1, 1, 2, 1), "mood", TODAY)
    assert found is not None and found.mean == SCALES["mood"].middle


def test_a_scale_knows_which_end_is_the_bad_one() -> None:
    assert Scale(worst=1, best=5).worse_by(2, than=3) == 1
    assert Scale(worst=10, best=0).worse_by(6, than=3) == 3
    assert all((scale.worst, scale.best) == (1, 5) for scale in SCALES.values()), "every item, 5 is best"
    assert PAIN.worst > PAIN.best
