"""Pictures: the drawing has ink where text must be, data stays data, and what is not known is not drawn as zero."""

from __future__ import annotations

import re
import struct
import zlib
from datetime import date
from typing import Any
from xml.etree import ElementTree

import jinja2
import pytest
import resvg_py

from bot import charts

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
