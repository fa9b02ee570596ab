"""What is said about a file: every text there is, as a file brings it up. Read by test_render, too."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from dialogs import plan_files, render
from dialogs.model import Session
from dialogs.plan_files import Read

TODAY = date(2026, 8, 24)
HEAD = "date,kind,minutes,km,descent,effort,text,form\n"
EVENT = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART{}\nSUMMARY:Easy run\n{}\nEND:VEVENT\nEND:VCALENDAR"
FILES = {
    "too_big": "a" * 1_000_001,
    "empty": " ",
    "workbook": "PK\x03\x04",
    "no_text": "%PDF",
    "no_head": "hello",
    "no_kind_column": "date,km\n",
    "column_twice": "date,kind,kind\n",
    "too_many": HEAD + "2026-09-01,easy,,,,,,\n" * 2001,
    "date_order": "date,kind\n3/4/2026,easy\n",
    "dates_mixed": "date,kind\n13/4/2026,easy\n4/13/2026,easy\n",
    "quotes": HEAD + '"2026-09-01\n',
    "cells": "date,kind\n2026-09-01,easy,5\n",
    "no_date": HEAD + ",easy,,,,,,\n",
    "date": HEAD + "soon,easy,,,,,,\n",
    "date_shape": "date,kind\n2026-09-01,easy\n2.9.2026,easy\n",
    "far": HEAD + "2036-09-01,easy,,,,,,\n",
    "weekday": "date,day,kind\n2026-09-01,Monday,easy\n",
    "no_kind": HEAD + "2026-09-01,,5,,,,,\n",
    "kind": HEAD + "2026-09-01,<b>jump</b>,,,,,,\n",
    "two_sessions": HEAD + "2026-09-01,easy + strength,,,,,,\n",
    "number": HEAD + "2026-09-01,easy,x,,,,,\n",
    "unit": "date,kind,distance,duration\n2026-09-01,easy,5,\n2026-09-01,easy,,1\n",
    "range": HEAD + "2026-09-01,easy,,,,11,,\n",
    "rest": HEAD + "2026-09-01,rest,5,,,,,\n",
    "form": HEAD + "2026-09-01,easy,,,,,,gym\n",
    "text_long": HEAD + f"2026-09-01,easy,,,,,{'x' * 2001},\n",
    "ignored": "date,kind,Coach\n2026-09-01,easy,Kim\n",
    "guessed_lines": "date,text\n2026-09-01,easy\n",
    "line": EVENT.format(":20260901", "what?"),
    "no_end": "BEGIN:VCALENDAR\nBEGIN:VEVENT",
    "no_start": EVENT.format(":", "X:"),
    "rule": EVENT.format(":20260901", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
    "too_often": EVENT.format(":20260901", "RRULE:FREQ=SECONDLY"),
    "rule_long": EVENT.format(":20260901", "RRULE:FREQ=DAILY;COUNT=99999"),
    "guessed": EVENT.format(":20260901", "X:"),
    "cut": EVENT.format(":20260901", "DESCRIPTION:" + "x" * 2001),
    "cancelled": EVENT.format(":20260901", "STATUS:CANCELLED"),
    "old": EVENT.format(":20160901", "X:"),
    "later": EVENT.format(":20360901", "X:"),
    "endless": EVENT.format(":20260901", "RRULE:FREQ=DAILY"),
    "zone": EVENT.format(";TZID=Nowhere:20260901T070000", "X:"),
}


def read(file: str, name: str = "plan") -> Read:
    return plan_files.read(file.encode(), name=name, zone="Europe/Berlin", today=TODAY)


def test_every_text_about_a_file_is_one_line_that_says_what_to_do() -> None:
    files = [(name, read(file)) for name, file in FILES.items()] + [("no_calendar", read("x", "x.ics"))]
    for name, found in files:
        said = [plan_files.said(one) for one in (*found.problems, *found.notes) if one.what == f"plan_file.{name}"]
        assert said, name
        for text in said:
            assert text.endswith((".", "?")) and "\n" not in text and len(text) < 240, text
            assert not re.search(r"detect|diagnos|\bclears?\b|\bsafe\b", text)
    texts = (Path(render.__file__).parent / "texts" / "en" / "plan_file.j2").read_text(encoding="utf-8")
    assert {*FILES, "no_calendar", "numbered", "session"} == set(re.findall(r"{% block (\w+)", texts))


def test_what_stood_in_the_file_comes_out_as_it_was() -> None:
    (problem,) = read(FILES["kind"]).problems
    assert plan_files.said(problem).startswith("Line 2: “<b>jump</b>” names no kind of session")


def test_a_session_in_one_line() -> None:
    full = Session("a", TODAY, "strength", 40, 12.5, 350, 5, "Slow", "gym", held="K7Q2M")
    assert plan_files.shown(full) == "Strength · 40 min · 12.5 km · 350 m down · gym · effort 5 (eased, held)"
    assert plan_files.shown(Session("a", TODAY, "rest")) == "Rest"
