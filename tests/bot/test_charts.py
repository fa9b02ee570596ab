"""Pictures: the drawing has ink where text must be, data stays data, and what is not known is not drawn as zero."""

from __future__ import annotations

import re
import struct
import zlib
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jinja2
import pytest
import resvg_py

from bot import charts
from dialogs import render

Rows = list[list[tuple[int, int, int]]]
WHITE = (255, 255, 255)


def pixels(png: bytes) -> Rows:
    """The rows of a PNG of 8 bits a channel, with or without alpha, that is not interlaced."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    wide = high = channels = 0
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        chunk = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            wide, high, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunk)
            assert depth == 8 and not interlaced
            channels = {2: 3, 6: 4}[colour]
        elif kind == b"IDAT":
            data += chunk
        at += 12 + length
    raw, stride = zlib.decompress(data), wide * channels
    rows: Rows = []
    last = bytearray(stride)
    for y in range(high):
        start = y * (stride + 1)
        line = bytearray(raw[start + 1 : start + 1 + stride])
        _unfilter(raw[start], line, last, channels)
        rows.append([(line[x], line[x + 1], line[x + 2]) for x in range(0, stride, channels)])
        last = line
    return rows


def _unfilter(kind: int, line: bytearray, last: bytearray, channels: int) -> None:
    for x in range(len(line)):
        left = line[x - channels] if x >= channels else 0
        above, corner = last[x], last[x - channels] if x >= channels else 0
        match kind:
            case 1:
                add = left
            case 2:
                add = above
            case 3:
                add = (left + above) // 2
            case 4:
                guess = left + above - corner
                add = min((left, above, corner), key=lambda one: abs(guess - one))
            case _:
                add = 0
        line[x] = (line[x] + add) & 255


def box(rows: Rows, x: float, y: float, wide: float, high: float) -> set[tuple[int, int, int]]:
    """The colours in a stretch, in units of the drawing."""
    zoom = charts.ZOOM
    return {
        colour
        for row in rows[int(y * zoom) : int((y + high) * zoom)]
        for colour in row[int(x * zoom) : int((x + wide) * zoom)]
    }


def facts(**changed: Any) -> dict[str, Any]:
    monday = date(2026, 11, 2)
    found: dict[str, Any] = {
        "athletes": 3, "answered": 40, "since": monday, "until": date(2026, 11, 22), "concerns": 4.94,
        "most_concerns": 7, "pages": 1.2, "most_pages": 1, "untold": 2, "span": 1,
        "columns": [{"answered": n, "label": label} for n, label in ((20, monday), (0, None), (20, None))],
        "most_answered": 20, "most": 4,
        "rows": [
            {"id": "low-streak", "level": "concern", "a_week": 2.0, "cells": [4, None, 0]},
            {"id": "pain-gate", "level": "today", "a_week": 1.0, "cells": [0, None, 1]},
        ],
        "silent": ["ill"], "off": ["descent-spike"],
    }  # fmt: skip
    return found | changed


def texts(svg: str) -> list[str]:
    return list(ElementTree.fromstring(svg).itertext())  # noqa: S314 - our own


@pytest.fixture(scope="module")
def drawn() -> Rows:
    return pixels(charts.picture("replay", facts()))


def test_the_picture_is_as_wide_as_a_phone_has_pixels(drawn: Rows) -> None:
    assert len(drawn[0]) == charts.WIDE * charts.ZOOM == 1080


def test_there_is_ink_where_text_must_be(drawn: Rows) -> None:
    """Without a font resvg leaves out all text and says nothing."""
    assert min(box(drawn, 24, 24, 300, 26)) < (60, 60, 60), "the heading"
    assert min(box(drawn, 24, 254, 120, 20)) < (60, 60, 60), "the name of the first rule"
    assert box(drawn, 1, 1, 20, 400) == {WHITE}, "the margin"


def test_bold_and_plain_letters_are_two_fonts() -> None:
    def ink(weight: str) -> int:
        letters = f'<text x="5" y="40" font-family="DejaVu Sans" font-size="30" font-weight="{weight}">mmmm</text>'
        png = resvg_py.svg_to_bytes(
            svg_string=_svg(letters), skip_system_fonts=True, font_files=list(charts._FONTS), background="#ffffff"
        )
        return sum(colour < (128, 128, 128) for row in pixels(bytes(png)) for colour in row)

    assert ink("bold") > ink("normal") * 1.2 > 0


def _svg(inner: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="60">{inner}</svg>'


def test_a_gap_is_hatched_and_a_zero_is_white(drawn: Rows) -> None:
    cell, y = (charts.WIDE - 48) / 10, 252 + 30
    full, gap, zero = (box(drawn, 24 + cell * n + 4, y + 6, cell - 8, 30) for n in range(3))
    assert zero == {WHITE}
    assert (201, 204, 209) in gap and WHITE in gap
    assert (8, 81, 156) in full and WHITE in full, "a dark cell with a white number"


def test_what_rings_has_another_hue() -> None:
    svg = charts.svg("replay", facts())
    assert charts.SHADES["blue"][5] in svg and charts.SHADES["orange"][1] in svg


def test_the_words_say_what_a_colour_says() -> None:
    said = " ".join(texts(charts.svg("replay", facts())))
    for words in (
        "4.9 concerns a week, for a coach of 20 (at most 7)",
        "1.20 pages a day (at most 1)",
        "2 times not told of a pain on day 1, 3 or 7",
        "2 Nov 2026 to 22 Nov 2026",
        "Orange: the coach is rung. Blue: on the list. Grey: a note.",
        "Hatched: nobody answered.",
        "Never spoke: ill.",
        "Switched off: descent-spike.",
    ):
        assert words in re.sub(r"\s+", " ", said), words


def test_a_name_is_data() -> None:
    for name in ("<text>&", "{{ 7 * 7 }}", "a\x00b\x1b\ud800", "日本語", "x" * 400):
        rows = [{"id": name, "level": "concern", "a_week": 1.0, "cells": [1, 1, 1]}]
        charts.picture("replay", facts(rows=rows, silent=[name], off=[]))
        assert "49" not in texts(charts.svg("replay", facts(rows=rows)))


def test_a_picture_without_a_single_rule_is_a_picture() -> None:
    assert charts.picture("replay", facts(rows=[], most=0)).startswith(b"\x89PNG")


def test_an_undefined_fact_is_an_error() -> None:
    known = facts()
    del known["concerns"]
    with pytest.raises(jinja2.UndefinedError):
        charts.picture("replay", known)


@pytest.mark.parametrize("hue", sorted(charts.SHADES))
def test_every_number_can_be_read_on_its_colour(hue: str) -> None:
    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        r, g, b = (one / 12.92 if one <= 0.03928 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    for count in range(1, 7):
        pair = sorted((light(charts.shade(count, 6, hue)), light(charts.ink(count, 6, hue))))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (hue, count)  # as WCAG asks of small letters


def test_long_text_is_shortened_or_broken_and_nothing_is_drawn_beside_the_picture() -> None:
    assert charts.fit("short", 100, 10) == "short"
    assert charts.fit("x" * 100, 60, 10) == "x" * 9 + "…"
    assert charts.lines("one two three", 48, 10) == ["one two", "three"]


# --- the roster -----------------------------------------------------------------------------------------------------


def roster(*rows: tuple[str, list[str]], of: int = 0) -> dict[str, Any]:
    days = [date(2026, 5, 30), date(2026, 5, 31), date(2026, 6, 1)]
    return {
        "columns": [{"day": one.day, "month": one.month, "weekday": one.weekday()} for one in days],
        "rows": [
            {"name": name, "cells": [{"state": each, "pain": 10 if each == "pain" else None} for each in states]}
            for name, states in rows
        ],
        "first": 1,
        "of": of or len(rows),
    }


def test_each_state_of_a_day_has_a_shape_of_its_own_and_is_named() -> None:
    """So that it can be told apart without colours: what is drawn differs in more than its fill."""
    states = ("usual", "low", "pain", "silent", "paused", "off")

    def shapes(state: str) -> list[tuple[str, str]]:
        tree = ElementTree.fromstring(charts.svg("roster", roster(("Ann", [state, state, state]))))  # noqa: S314
        one = [each for each in tree.iter() if each.tag.endswith(("circle", "path", "rect", "text"))]
        return [(each.tag, each.get("d", each.get("r", each.get("fill", "")))) for each in one]

    drawn = [shapes(state) for state in states]
    assert all(one != other for number, one in enumerate(drawn) for other in drawn[number + 1 :])
    said = " ".join(texts(charts.svg("roster", roster(("Ann", ["usual", "low", "off"])))))
    for words in ("answered, nothing low", "an item at 1 or 2 of 5", "pain, 0 to 10", "no answer", "on a pause"):
        assert words in said


def test_a_gap_in_the_roster_is_hatched_and_a_name_is_data() -> None:
    rows = pixels(charts.picture("roster", roster(("<b>&\x00Zoë", ["silent", "usual", "pain"]))))
    start, cell, y = 208, (charts.WIDE - 16 - 208) / 3, 132 + 22
    gap, usual, pain = (box(rows, start + cell * (n + 0.5) - 10, y - 10, 20, 20) for n in range(3))
    assert (201, 204, 209) in gap and WHITE in gap and (0, 114, 178) not in gap
    assert (0, 114, 178) in usual and (166, 54, 3) in pain and WHITE in pain, "the number is white"
    assert min(box(rows, 20, y - 12, 120, 20)) < (60, 60, 60), "the name"


def test_a_roster_of_many_says_which_part_it_is_and_fits_a_photo() -> None:
    """Telegram takes a photo whose sides are at most 10,000 together, one not over 20 times the other."""
    many = roster(*((f"Runner {n}", ["usual", "low", "off"]) for n in range(25)), of=60)
    assert "1 to 25 of 60" in " ".join(texts(charts.svg("roster", many)))
    rows = pixels(charts.picture("roster", many))
    assert len(rows) + len(rows[0]) < 10_000 and len(rows) < 20 * len(rows[0])


# --- the trend ------------------------------------------------------------------------------------------------------

STORED = Path(__file__).parent / "pictures"
ROW, TOP, NAMES = 66, 92, 152  # of pictures/trend.svg.j2: a row, where the first begins, where the columns begin
CELL = (charts.WIDE - 20 - NAMES) / 14


def trend(**changed: Any) -> dict[str, Any]:
    days = [date(2026, 6, 7) - timedelta(days=back) for back in range(13, -1, -1)]
    values = [4, 4, None, 3, "usual", "usual", 4, 3, 2, 2, None, None, 4, 4]
    rows = [
        {"item": item, "values": values, "band": None if item == "stress" else [3.1, 4.3]}
        for item in ("sleep", "fatigue", "soreness", "stress", "mood")
    ]
    found: dict[str, Any] = {
        "language": "en", "name": "Ann Smith", "days": [[one.isoformat(), one.weekday()] for one in days],
        "rows": rows, "pains": [None] * 6 + [3, 4, None, None, 5, 0, None, None],
        "sessions": ["done", None, "changed", "open", None, "not_done", "race", "done"] + [None] * 6,
    }  # fmt: skip
    return found | changed


def sparse() -> dict[str, Any]:
    """The first days: two answers, nothing planned, nothing that hurts, and nothing known to be usual."""
    rows = [{**row, "values": [None] * 12 + [4, 2], "band": None} for row in trend()["rows"]]
    return trend(name=None, rows=rows, pains=[None] * 14, sessions=[None] * 14)


TRENDS = {"trend-coach": trend(), "trend-first-days": sparse(), "trend-german": trend(name=None, language="de")}


def keep() -> None:
    """The pictures of today are the ones to compare with. Look at them first."""
    for name, known in TRENDS.items():
        (STORED / f"{name}.png").write_bytes(charts.picture("trend", known))


def shrunk(rows: Rows, step: int = 6) -> list[tuple[int, int, int]]:
    """The mean colours of squares: what an eye sees, whatever a library does to the edges of letters."""
    found = []
    for y in range(0, len(rows) - step + 1, step):
        for x in range(0, len(rows[0]) - step + 1, step):
            square = [pixel for row in rows[y : y + step] for pixel in row[x : x + step]]
            found.append(tuple(sum(channel) // len(square) for channel in zip(*square, strict=True)))
    return found


@pytest.mark.parametrize("name", TRENDS)
def test_a_trend_looks_like_the_one_that_somebody_has_looked_at(name: str) -> None:
    """Changed on purpose? Look at the new one, then keep it: see docs/contributor.md."""
    drawn, stored = (shrunk(pixels(png)) for png in (charts.picture("trend", TRENDS[name]), _stored(name)))
    assert len(drawn) == len(stored)
    far = sum(max(abs(a - b) for a, b in zip(*pair, strict=True)) > 24 for pair in zip(drawn, stored, strict=True))
    assert far <= len(drawn) * 0.002


def _stored(name: str) -> bytes:
    return (STORED / f"{name}.png").read_bytes()


def column(rows: Rows, item: int, day: int) -> set[tuple[int, int, int]]:
    zoom = charts.ZOOMS["trend"] / charts.ZOOM  # `box` counts in units of the other pictures
    x, y = NAMES + CELL * day + 2, TOP + ROW * item + 2
    return box(rows, x * zoom, y * zoom, (CELL - 4) * zoom, (ROW - 4) * zoom)


@pytest.fixture(scope="module")
def two_weeks() -> Rows:
    return pixels(charts.picture("trend", trend()))


def test_a_day_without_an_answer_has_no_mark_and_no_line_runs_over_it(two_weeks: Rows) -> None:
    stress = 3  # the row without a band
    blue, orange = (31, 111, 178), (217, 95, 2)
    for gap in (2, 10, 11):
        assert not any(colour[2] - colour[0] > 20 for colour in column(two_weeks, stress, gap)), gap
    assert blue in column(two_weeks, stress, 0)
    assert orange in column(two_weeks, stress, 8), "2 of 5 has a shape and a colour of its own"


def test_the_band_of_their_own_usual_is_drawn_where_it_is_known(two_weeks: Rows) -> None:
    def tinted(item: int) -> bool:
        return any(r < g < b and b - r > 20 and r > 190 for r, g, b in column(two_weeks, item, 2))

    assert [tinted(item) for item in range(5)] == [True, True, True, False, True]


def test_the_trend_speaks_the_readers_language() -> None:
    said = " ".join(texts(charts.svg("trend", trend())))
    for words in (
        "Ann Smith",
        "25 May – 7 June · up is better",
        "Sleep",
        "Pain",
        "usual for them",
        "no mark: no answer",
    ):
        assert words in re.sub(r"\s+", " ", said), words
    own = " ".join(texts(charts.svg("trend", sparse())))
    assert "Your last two weeks" in own and "after ten answers" in own and "Pain" not in own
    if (render._TEXTS / "de" / "picture.j2").exists():
        assert "Sleep" not in texts(charts.svg("trend", trend(language="de")))


@pytest.mark.parametrize("language", render.languages())
def test_the_words_of_a_trend_have_room(language: str) -> None:
    for one in (trend(language=language), trend(language=language, name=None), sparse() | {"language": language}):
        assert not [word for word in texts(charts.svg("trend", one)) if "…" in word]


def test_in_a_trend_a_name_is_data_too() -> None:
    for name in ("<text>&", "{{ 7 * 7 }}", "a\x00b\x1b\ud800", "x" * 400):
        assert charts.picture("trend", trend(name=name)).startswith(b"\x89PNG")
        assert "49" not in texts(charts.svg("trend", trend(name=name)))
