"""Check-ins from a CSV file: what each cell becomes, and what is said of a file that is not in this form."""

from __future__ import annotations

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs.history_csv import SOMEWHERE, Unreadable, read
from dialogs.replaying import History
from dialogs.signals import Day, Done, Pain

PMDATA = Path(__file__).parents[3] / "shared" / "data" / "checkins_pmdata.csv"
DAY = date(2026, 11, 2)


def file(*rows: dict[str, str]) -> bytes:
    """Rows of one athlete on days that follow each other, unless they say otherwise."""
    names = list(dict.fromkeys(name for row in rows for name in row)) or ["athlete", "date", "mood"]
    out = io.StringIO()
    writer = csv.DictWriter(out, ["athlete", "date", *(one for one in names if one not in ("athlete", "date"))])
    writer.writeheader()
    for number, row in enumerate(rows):
        writer.writerow({"athlete": "a", "date": f"2026-11-{number + 2:02}", **row})
    return out.getvalue().encode()


def one(**cells: str) -> Day:
    (history,) = read(file(cells))
    return history.days[DAY]


@pytest.mark.parametrize(
    ("most", "typed", "is_"),
    [
        ("5", "1", 1), ("5", "3.0", 3), ("5", "5", 5), ("", "4", 4), ("5.0", "2", 2),
        ("7", "1", 1), ("7", "4", 3), ("7", "7", 5),
        ("10", "1", 1), ("10", "5.5", 3), ("10", "10", 5),
        ("100", "0", 1), ("100", "50", 3), ("100", "100", 5),
    ],
)  # fmt: skip
def test_every_scale_becomes_one_to_five(most: str, typed: str, is_: float) -> None:
    assert one(scale_max=most, fatigue=typed).items == {"fatigue": pytest.approx(is_)}


def test_what_is_empty_was_not_answered() -> None:
    day = one(scale_max="5", sleep_h="", sleep_quality="", fatigue="0", mood=" NA ", pain="", injury="", illness="")
    assert day == Day() and not day.answered


def test_the_columns_are_our_items() -> None:
    day = one(sleep_quality="1", fatigue="2", soreness="3", stress="4", mood="5", sleep_h="6.5")
    assert day.items == {"sleep": 1, "fatigue": 2, "soreness": 3, "stress": 4, "mood": 5} and day.sleep_hours == 6.5
    assert one(mood="3", sleep_h="0.0").sleep_hours is None


@pytest.mark.parametrize(
    ("cell", "pains"),
    [
        ("right_knee:minor", {"knee": Pain(3, side="right")}),
        ("left_foot:major;right_hand:minor", {"foot": Pain(6, side="left"), "hand": Pain(3, side="right")}),
        ("left_knee:minor;right_knee:major", {"knee": Pain(6, side="both")}),
        ("groin_hip:minor", {"groin": Pain(3)}),  # the stricter of the two
        ("stomach_back:major", {"stomach_back": Pain(6)}),
        ("shin:4", {"shin": Pain(4)}), ("shin:0", {}), ("knee", {"knee": Pain(3)}),
    ],
)  # fmt: skip
def test_injuries_are_pains_with_a_place(cell: str, pains: dict[str, Pain]) -> None:
    assert one(injury=cell).pains == pains


def test_pain_is_a_yes_or_no_or_a_strength_as_the_file_shows() -> None:
    def pains(*cells: str) -> list[float]:
        (history,) = read(file(*({"pain": cell} for cell in cells)))
        return [day.pains[SOMEWHERE].level if day.pains else 0 for day in history.days.values()]

    assert pains("0", "1", "") == [0, 3, 0]
    assert pains("no", "yes", "0.0", "1.0") == [0, 3, 0, 3]
    assert pains("1", "4", "10") == [1, 4, 10]


def test_days_on_which_pain_was_asked_are_known() -> None:
    (history,) = read(
        file(
            {"mood": "3", "pain": "0", "injury": "", "injury_answered": "0"},
            {"mood": "3", "pain": "", "injury": "", "injury_answered": "0.0"},
            {"mood": "3", "pain": "", "injury": "", "injury_answered": "1.0"},
            {"mood": "3", "pain": "", "injury": "left_knee:minor", "injury_answered": ""},
        )
    )
    assert history.asked == frozenset({date(2026, 11, 2), date(2026, 11, 4), date(2026, 11, 5)})


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (("0", "1"), (set(), {"ill_below"})),
        (("0", "0.5", "1"), (set(), {"ill_above"}, {"ill_below"})),
        (("0", "1", "2"), (set(), {"ill_above"}, {"ill_below"})),
        (("no", "Slightly Off", "yes"), (set(), {"ill_above"}, {"ill_below"})),
        (
            ("stomach bug", "sore throat", "fever and sore throat"),
            ({"ill_below"}, {"ill_above"}, {"ill_below", "fever"}),
        ),
    ],
)
def test_illness(cells: tuple[str, ...], said: tuple[set[str], ...]) -> None:
    (history,) = read(file(*({"illness": cell} for cell in cells)))
    assert tuple(set(day.said) for day in history.days.values()) == said


def test_a_session() -> None:
    assert one(mood="3", rpe_max="7.0", minutes="60").done == (Done(None, "done", 7),)
    assert one(mood="3", rpe_max="", minutes="30", ran="0").done == (Done(None, "done"),)
    assert one(mood="3", rpe_max="", minutes="", ran="").done == ()


def test_athletes_and_days_are_told_apart_in_any_order() -> None:
    rows = [
        {"athlete": "b", "date": "2026-11-03", "mood": "2"},
        {"athlete": "a", "date": "2026-11-05", "mood": "3"},
        {"athlete": "b", "date": "2026-11-02T07:30:00", "mood": "1"},
    ]
    found = read(file(*rows))
    assert [(one.id, one.name, list(one.days), one.assumes_hard) for one in found] == [
        (1, "b", [date(2026, 11, 2), date(2026, 11, 3)], True),
        (2, "a", [date(2026, 11, 5)], True),
    ]
    two = read(file({"dataset": "x", "mood": "1"}, {"dataset": "y", "mood": "1"}))
    assert [one.name for one in two] == ["x a", "y a"]


def test_two_lines_of_one_day_are_one_day() -> None:
    same = {"date": "2026-11-02"}
    (history,) = read(
        file(
            {**same, "mood": "2", "fatigue": "4", "pain": "1", "rpe_max": "5", "sleep_h": "7", "illness": ""},
            {**same, "mood": "3", "fatigue": "", "pain": "0", "rpe_max": "6", "sleep_h": "", "illness": "1"},
        )
    )
    (day,) = history.days.values()
    assert day.items == {"mood": 3, "fatigue": 4} and day.sleep_hours == 7 and day.said == {"ill_below"}
    assert day.pains == {SOMEWHERE: Pain(3)} and [one.effort for one in day.done] == [5, 6]


def test_other_separators_a_byte_order_mark_and_quotes() -> None:
    wanted = read(b"athlete,date,mood\na,2026-11-02,3\n")
    for same in (
        b"\xef\xbb\xbfathlete,date,mood\r\na,2026-11-02,3\r\n",
        b"Athlete; Date ;MOOD\na;2026-11-02;3\n",
        b"athlete\tdate\tmood\na\t2026-11-02\t3",
        b'\n"athlete","date","mood"\n\n"a","2026-11-02","3"\n,,\n',
    ):
        assert read(same) == wanted, same


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it is empty"),
        (b" \n\n", "it is empty"),
        (b"athlete,date,mood\n", "no line below"),
        (b"date,kind,minutes\n2026-11-02,easy,40\n", "no column athlete; what it has is date, kind, minutes"),
        (b"athlete,date,shoe\na,2026-11-02,3\n", "none of the columns sleep_quality"),
        (b"athlete,date,mood,mood\na,2026-11-02,3,3\n", "the column mood twice"),
        (b"athlete,date,mood\na,02/11/2026,3\n", "line 2: date is '02/11/2026', which is no date like 2026-11-22"),
        (b"athlete,date,mood\na,2026-13-02,3\n", "line 2: date is '2026-13-02'"),
        (b"athlete,date,mood\na,0001-01-01,3\n", "line 2: date is '0001-01-01'"),
        (b"athlete,date,mood\na,,3\n", "line 2: date is ''"),
        (b"athlete,date,mood\n,2026-11-02,3\n", "line 2: athlete is empty"),
        (b"athlete,date,mood\na,2026-11-02,6\n", "line 2: mood is '6', which is more than 5"),
        (b"athlete,date,mood\na,2026-11-02,good\n", "line 2: mood is 'good'"),
        (b"athlete,date,mood\na,2026-11-02,-1\n", "line 2: mood is '-1'"),
        (b"athlete,date,mood\na,2026-11-02,inf\n", "line 2: mood is 'inf'"),
        (b"athlete,date,mood,scale_max\na,2026-11-02,3,6\n", "line 2: scale_max is '6'"),
        (b"athlete,date,pain\na,2026-11-02,some\n", "line 2: pain is 'some'"),
        (b"athlete,date,pain\na,2026-11-02,40\n", "line 2: pain is '40', which is more than 10"),
        (b"athlete,date,injury\na,2026-11-02,knee=bad\n", "line 2: injury is 'knee=bad'"),
        (b"athlete,date,injury\na,2026-11-02,knee:odd\n", "line 2: injury is 'knee:odd', which is neither"),
        (b"athlete,date,mood\na,2026-11-02\n", "line 2 has 2 fields, and the heading has 3"),
        (b'athlete,date,mood\na,"2026-11-02,3\n', "no CSV"),
        (b"athlete,date,mood\na\x00,2026-11-02,3\n", "no CSV"),
        ("athlete,date,mood\nAnn,2026-11-02,3\nZoë,2026-11-02,3\n".encode("latin-1"), "line 3 is not UTF-8"),
        ("athlete,date,mood\na,2026-11-02,3\n".encode("utf-16"), "not UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8"),
    ],
)
def test_what_is_not_in_this_form_is_told_in_one_sentence(data: bytes, told: str) -> None:
    with pytest.raises(Unreadable) as error:
        read(data)
    assert told in str(error.value) and "\n" not in str(error.value)


CELLS = st.sampled_from(
    ["", "0", "1", "3.0", "5", "7", "yes", "no", "left_knee:minor", "x;y", "-1", "nan", "fever", "1e9"]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"mood": CELLS, "sleep_h": CELLS, "pain": CELLS, "injury": CELLS, "illness": CELLS, "scale_max": CELLS}
        ),
        min_size=1, max_size=4,
    )
)  # fmt: skip
def test_a_file_is_read_or_refused_and_every_value_lies_on_its_scale(rows: list[dict[str, str]]) -> None:
    try:
        histories = read(file(*rows))
    except Unreadable as error:
        assert "line " in str(error)
        return
    for day in histories[0].days.values():
        assert all(1 <= value <= 5 for value in day.items.values())
        assert all(0 < pain.level <= 10 for pain in day.pains.values())
        assert day.sleep_hours is None or 0 < day.sleep_hours <= 24


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        assert isinstance(read(data), tuple)
    except Unreadable:
        pass


def squad() -> tuple[History, ...]:
    if not PMDATA.exists():
        pytest.skip("the public check-ins are not part of the project: ../shared/data/checkins_pmdata.csv is not here")
    return read(PMDATA.read_bytes())


def test_the_public_file_is_read_whole() -> None:
    found = squad()
    days = [day for one in found for day in one.days.values()]
    assert (len(found), len(days)) == (16, 1837)
    assert sum(day.answered for day in days) == 1734
    assert sum(bool(day.pains) for day in days) == 72
    assert sum(len(one.asked or ()) for one in found) == 219
    assert not [day for day in days if day.said]
