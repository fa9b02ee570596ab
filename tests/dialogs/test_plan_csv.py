"""Tables: what is read, what is a problem on which line, and what is never guessed."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from dialogs import plan_csv, plan_files
from dialogs.model import Session
from dialogs.plan_files import Order, Read

TODAY = date(2026, 8, 24)
PLANS = Path(__file__).parent / "plans"
PAGE = Path(__file__).parents[2] / "docs" / "plan-files.md"
HEAD = "date,kind,minutes,km,descent,effort,text,form\n"


def read(file: str | bytes, today: date = TODAY, order: Order | None = None, name: str = "plan.csv") -> Read:
    data = file if isinstance(file, bytes) else file.encode()
    return plan_files.read(data, name=name, zone="Europe/Berlin", today=today, order=order)


def one(file: str | bytes) -> Session:
    found = read(file)
    assert not found.problems
    (session,) = found.sessions
    return session


def wrong(file: str | bytes, order: Order | None = None) -> list[tuple[int, str]]:
    """Each problem: its line, and the name of its text."""
    return [(problem.line, problem.what.removeprefix("plan_file.")) for problem in read(file, order=order).problems]


def kinds(file: str | bytes) -> list[str]:
    return [session.kind for session in read(file).sessions]


# --- real plans -----------------------------------------------------------------------------------------------------


def test_a_plan_of_sixteen_weeks_is_read_whole() -> None:
    found = read((PLANS / "marathon-16-weeks.csv").read_bytes(), date(2026, 6, 24))
    assert not found.problems and not found.notes
    assert len(found.sessions) == 135
    days = {session.day for session in found.sessions}
    assert len(days) == 16 * 7 and (min(days), max(days)) == (date(2026, 6, 29), date(2026, 10, 18))
    assert found.sessions[-1] == Session(
        "", date(2026, 10, 18), "race", None, 42.195, None, 9, "Marathon. Start slower than feels right, then trust it"
    )
    assert sum(session.form is not None for session in found.sessions) == 26


def test_a_table_of_a_german_spreadsheet() -> None:
    """Semicolons, decimal commas, dates with dots, Windows letters, and a title above."""
    found = read((PLANS / "tabelle.csv").read_bytes())
    assert not found.problems
    assert found.sessions == (
        Session("", date(2026, 9, 1), "easy", km=8.5, text="über die Höhe"),
        Session("", date(2026, 9, 2), "strength", text="Kniebeugen, Waden"),
        Session("", date(2026, 9, 3), "rest"),
        Session("", date(2026, 9, 5), "long", km=18.0, text="„ruhig“"),
    )


def test_a_table_without_kinds_in_miles_with_the_month_first() -> None:
    found = read((PLANS / "spreadsheet.csv").read_bytes())
    assert not found.problems
    assert [note.what for note in found.notes] == ["plan_file.guessed_lines"]
    assert [(session.day.day, session.kind, session.km) for session in found.sessions] == [
        (31, "rest", None), (1, "easy", 8.05), (2, "speed", 9.66), (3, "strength", None), (5, "long", 19.31),
    ]  # fmt: skip
    assert found.sessions[2].text == "Track: 6 x 800 m\n2 min jog between\nStop one before you have to"


def test_the_example_of_the_page_is_read_and_its_columns_are_ours() -> None:
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    assert kinds(example) == ["hills", "strength", "easy", "rest", "long"] and not wrong(example)
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == list(plan_csv.COLUMNS)


# --- shapes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"],
    ids=["utf-8", "bom", "utf-16", "windows", "latin"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_letters_and_line_ends(encoding: str, end: str) -> None:
    file = f"date,kind,text{end}2026-09-01,easy,über Größe{end}2026-09-02,foo,{end}".encode(encoding)
    found = read(file)
    assert [session.text for session in found.sessions] == ["über Größe"]
    assert [problem.line for problem in found.problems] == [3]


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_separators(separator: str) -> None:
    file = 'DATE|Kind|km|Notes\n2026-09-01|easy|7.5|"one | two, three"\n'.replace("|", separator)
    assert one(file) == Session("", date(2026, 9, 1), "easy", km=7.5, text=f"one {separator} two, three")


def test_the_separator_that_a_spreadsheet_names() -> None:
    assert one("sep=;\ndate;kind;km\n2026-09-01;easy;7,5\n").km == 7.5
    assert one("sep=|\ndate|kind|km\n2026-09-01|easy|7\n").km == 7


def test_columns_in_any_order_and_in_other_languages() -> None:
    assert one("RPE,Kilómetros,Tipo,Fecha\n3,8,Rodaje suave,2026-09-01\n") == Session(
        "", date(2026, 9, 1), "easy", km=8.0, effort=3
    )
    assert one("Date;Type;Distance (km);Durée (min);Remarques\n2026-09-01;Sortie longue;18,5;110;plat\n") == Session(
        "", date(2026, 9, 1), "long", 110, 18.5, text="plat"
    )


def test_several_sessions_of_a_day_have_several_lines_and_a_day_may_be_blank() -> None:
    assert kinds("date,kind\n2026-09-01,easy\n2026-09-01,strength\n2026-09-02,\n\n,,\n2026-09-03,rest\n") == [
        "easy", "strength", "rest",
    ]  # fmt: skip


def test_columns_that_mean_nothing_are_passed_over_and_named() -> None:
    (note,) = read("date,kind,Coach,Week\n2026-09-01,easy,Kim,3\n").notes
    assert plan_files.said(note) == "Line 1: Passed over: the columns Coach."


@pytest.mark.parametrize(
    ("cell", "minutes"),
    [
        ("45", 45), ("45.0", 45), ("45 min", 45), ("45'", 45), ("1:20", 80), ("01:20", 80), ("1h20", 80), ("1 h", 60),
        ("1.5 h", 90), ("1:20:00", 80), ("0", 0), ("2880", 2880),
    ],
)  # fmt: skip
def test_minutes(cell: str, minutes: int) -> None:
    assert one(f"date,kind,minutes\n2026-09-01,easy,{cell}\n").minutes == minutes


@pytest.mark.parametrize("cell", ["45:00", "10:30", "1.5", "-5", "x", "2881", "9" * 400, "٤٥", "1e2", "40-50"])
def test_what_is_no_number_of_minutes(cell: str) -> None:
    """45:00 may be hours; 1.5 may be hours, too."""
    assert wrong(f"date,kind,minutes\n2026-09-01,easy,{cell}\n")[0][0] == 2


@pytest.mark.parametrize(("head", "cell", "km"), [("km", "10 km", 10), ("km", "6 mi", 9.66), ("miles", "6", 9.66)])
def test_distances(head: str, cell: str, km: float) -> None:
    assert one(f"date,kind,{head}\n2026-09-01,easy,{cell}\n").km == km


def test_a_number_without_a_unit_is_refused_where_it_may_be_either() -> None:
    assert wrong("date,kind,distance\n2026-09-01,easy,8\n2026-09-02,easy,8 km\n") == [(2, "unit")]
    assert wrong("date,kind,duration\n2026-09-01,easy,1\n2026-09-02,easy,1:10\n") == [(2, "unit")]
    assert not wrong("date,kind,duration\n2026-09-01,mobility,5\n2026-09-02,easy,45\n"), "nobody plans 45 hours"


def test_a_spreadsheet_finds_no_formula_and_we_find_the_text() -> None:
    for text in ("=1+1", "-2 km", "@home", "+5", "'=x", "''-", "'tis easy"):
        written = plan_files.write_csv([Session("a", TODAY, "easy", text=text)])
        assert not re.search(r",[=+\-@]", written)
        assert one(written).text == text


@pytest.mark.parametrize(
    ("kind", "text", "read_as"),
    [
        ("Run", "6 x 800 m", "speed"), ("Run", "", "easy"), ("Run", "Core", "easy"), ("Laufen", "langer Lauf", "long"),
        ("easy + strides", "", "easy"), ("Rest", "", "rest"), ("Tempo run", "", "speed"), ("Cross-train", "", "cross"),
    ],
)  # fmt: skip
def test_a_kind_in_common_words(kind: str, text: str, read_as: str) -> None:
    assert kinds(f"date,kind,text\n2026-09-01,{kind},{text}\n") == [read_as]


# --- dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        "2026-09-01", "2026/9/1", "2026-09-01T07:00:00", "1.9.2026", "01. 09. 2026", "1.9.26", "Tue 1.9.2026",
        "1 September 2026", '"Sep 1, 2026"', "Tue 1 Sep 2026",
    ],
)  # fmt: skip
def test_a_date_that_can_be_only_one(cell: str) -> None:
    assert one(f"date,kind\n{cell},easy\n").day == date(2026, 9, 1)


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "46266", "tomorrow", "1.9.", "1 September", "Mon 1 Sep 2026", "0/0/2026"]
)
def test_what_is_no_date(cell: str) -> None:
    assert wrong(f"date,kind\n{cell},easy\n2026-09-01,easy\n")[0][0] == 2


def slashes(*cells: str) -> str:
    return "date,kind\n" + "".join(f"{cell},easy\n" for cell in cells)


def test_one_date_settles_the_order_of_all() -> None:
    first, second = read(slashes("3/9/2026", "25/9/2026")), read(slashes("9/3/2026", "9/25/2026"))
    assert first.sessions == second.sessions
    assert [session.day for session in first.sessions] == [date(2026, 9, 3), date(2026, 9, 25)]


def test_where_no_date_settles_the_order_nothing_is_read_and_the_coach_is_asked() -> None:
    file = slashes("5/5/2026", "3/9/2026", "4/9/2026")
    found = read(file)
    assert not found.sessions and wrong(file) == [(3, "date_order")]
    assert "2026-09-03 or 2026-03-09" in plan_files.said(found.problems[0])
    assert [session.day.month for session in read(file, order="dmy").sessions] == [5, 9, 9]
    assert [session.day.day for session in read(file, order="mdy").sessions] == [9, 9, 5]
    assert not wrong(slashes("5/5/2026", "6/6/2026")), "the order does not matter here"


def test_an_answer_does_not_overrule_what_the_file_itself_says() -> None:
    assert read(slashes("3/9/2026", "25/9/2026"), order="mdy").sessions[0].day == date(2026, 9, 3)


def test_dates_of_both_orders_in_one_file_are_refused_altogether() -> None:
    file = slashes("3/9/2026", "25/9/2026", "26/9/2026", "9/27/2026")
    assert wrong(file) == [(5, "dates_mixed")] and not read(file).sessions


def test_a_date_that_is_written_otherwise_than_the_others_is_a_problem() -> None:
    assert wrong("date,kind\n2026-09-01,easy\n2026-09-02,easy\n3/9/2026,easy\n") == [(4, "date_shape")]


def test_a_weekday_is_held_against_its_date() -> None:
    assert wrong("Date,Day,Kind\n2026-09-01,Tue,easy\n2026-09-02,Tue,easy\n1.9.2026,Die,easy\n")[0] == (3, "weekday")
    assert wrong("Datum;Tag;Art\n1.9.2026;Di;easy\n2.9.2026;Do;easy\n") == [(3, "weekday")]


def test_only_days_around_today() -> None:
    file = "date,kind\n2025-07-19,easy\n2025-07-20,easy\n2028-11-01,easy\n2028-11-02,easy\n"
    assert wrong(file) == [(2, "far"), (5, "far")] and len(read(file).sessions) == 2


# --- what cannot be read --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "problems"),
    [
        (HEAD + "2026-09-01,easy + strength,,,,,,\n", [(2, "two_sessions")]),
        (HEAD + "2026-09-01,easy/long,,,,,,\n", [(2, "two_sessions")]),
        (HEAD + '2026-09-01,"easy run, core",,,,,,\n', [(2, "two_sessions")]),
        ("date,text\n2026-09-01,Easy 8 km + strength\n", [(2, "two_sessions")]),
        ("date,kind,minutes,kind,minutes\n2026-09-01,easy,40,strength,20\n", [(1, "column_twice")]),
        ("date,text,text\n2026-09-01,easy,\n", [(1, "column_twice")]),
        ("date,Datum,kind\n2026-09-01,2026-09-01,easy\n", [(1, "column_twice")]),
        ("date,minutes\n2026-09-01,40\n", [(1, "no_kind_column")]),
        ("kind,minutes\neasy,40\n", [(1, "no_head")]),
        ("Week,Mon,Tue,Wed\n1,rest,easy 5,rest\n", [(1, "no_head")]),
        ("hello", [(1, "no_head")]),
        (HEAD + "2026-09-01,jumping,,,,,,\n", [(2, "kind")]),
        (HEAD + "2026-09-01,,40,,,,,\n", [(2, "no_kind")]),
        (HEAD + ",easy,40,,,,,\n", [(2, "no_date")]),
        (HEAD + "2026-09-01,easy,,501,,,,\n", [(2, "range")]),
        (HEAD + "2026-09-01,easy,,,,11,,\n", [(2, "range")]),
        (HEAD + "2026-09-01,easy,,,,6-7,,\n", [(2, "number")]),
        (HEAD + '2026-09-01,easy,,"7,5",,,,\n', [(2, "number")]),
        (HEAD + "2026-09-01,easy,,,1.200,,,\n", [(2, "number")]),
        (HEAD + "2026-09-01,rest,40,,,,,\n", [(2, "rest")]),
        (HEAD + "2026-09-01,easy,,,,,,gym\n", [(2, "form")]),
        (HEAD + "2026-09-01,strength,,,,,,barbell\n", [(2, "form")]),
        (HEAD + f"2026-09-01,easy,,,,,{'x' * 2001},\n", [(2, "text_long")]),
        (HEAD + "2026-09-01,easy,40,,,3,by the river, slowly\n", [(2, "form")]),
        ("date,kind,text,km\n2026-09-01,easy,by the river, slowly,8\n", [(2, "cells")]),
        (HEAD + "\n\n2026-09-01,x,,,,,,\n2026-09-02,easy,,,,,,\n,easy,,,,,,\n", [(4, "kind"), (6, "no_date")]),
    ],
)
def test_a_problem_names_its_line(file: str, problems: list[tuple[int, str]]) -> None:
    assert wrong(file) == problems


def test_lines_are_counted_as_an_editor_does_also_below_cells_of_several() -> None:
    assert wrong('date,kind,text\n2026-09-01,easy,"a\nb\u2028c\x0cd"\n2026-09-02,x,\n') == [(4, "kind")]


def test_a_quote_that_never_closes_does_not_swallow_the_rest() -> None:
    file = 'date,kind,text\n2026-09-01,easy,"open\n' + "".join(f"2026-09-{n:02},easy,\n" for n in range(2, 31))
    assert wrong(file) == [(2, "quotes")] and len(read(file).sessions) == 29


@pytest.mark.parametrize(
    ("file", "what"),
    [
        (b"", "empty"), (b" \r\n ", "empty"), (b"\xef\xbb\xbf", "empty"), (b"PK\x03\x04abc", "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1", "workbook"), (b"%PDF-1.7 ...", "no_text"), (b"date,kind\0", "no_text"),
        (b"a" * 1_000_001, "too_big"), (HEAD.encode() + b"2026-09-01,easy,,,,,,\n" * 2001, "too_many"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_file_that_is_no_plan_is_refused_as_a_whole(file: bytes, what: str) -> None:
    assert wrong(file) == [(0, what)] and not read(file).sessions


def test_two_thousand_sessions_are_not_too_many() -> None:
    assert len(read(HEAD.encode() + b"2026-09-01,easy,,,,,,\n" * 2000).sessions) == 2000


def test_what_is_called_a_calendar_and_is_none() -> None:
    (problem,) = read("hello", name="Plan.ICS").problems
    assert problem.what == "plan_file.no_calendar"
