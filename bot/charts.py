"""Facts -> PNG: an SVG template of `pictures/` is filled by Jinja2 and drawn by resvg, in this process, from two fonts
that lie beside it.

resvg drops text without a word where it has no font, and a fresh server has none; so the fonts are ours, those of the
machine are left out (a picture looks the same everywhere), and a test looks for ink where text must be.

A picture is read on a phone: it is `WIDE` units wide and shown at about half of that, so no letter is smaller than
`SMALL`. Colours are scales of one hue each, blue, orange and grey, which people with any kind of colour vision can tell
apart; what a colour says also stands there in words or as a number, and what is not known is hatched, never zero.

Drawing takes about a tenth of a second: call it in a thread where a loop is running.
"""

from __future__ import annotations

import functools
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import resvg_py
from markupsafe import Markup

from dialogs import render
from dialogs.model import Json

WIDE = 720  # units of a drawing; drawn at ZOOM, that is as wide as a phone has pixels
ZOOM = 1.5
ZOOMS = {"trend": 1.25}  # drawn by the thousand on a Sunday: a third less work, and still sharp in a chat
SMALL = 17
_PICTURES = Path(__file__).parent / "pictures"
_FONTS = tuple(str(_PICTURES / "fonts" / name) for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"))
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # in a name; one of them spoils it all

# From pale to strong, and from where on figures in the cell are white (after ColorBrewer's Blues and Oranges).
SHADES = {
    "blue": ("#eaf1fa", "#c6dbef", "#9ecae1", "#6baed6", "#2a74ae", "#08519c"),
    "grey": ("#eceef0", "#d9dce0", "#c3c7cc", "#a6abb2", "#686e76", "#3c424a"),
    "orange": ("#fdeedd", "#fdd0a2", "#fdae6b", "#fd8d3c", "#c2490a", "#a63603"),
}
_DARK_FROM = 4


def picture(name: str, facts: Mapping[str, Json]) -> bytes:
    """The picture `pictures/<name>.svg.j2` of these facts, as PNG. An undefined fact is an error of the program."""
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg(name, facts),
            zoom=ZOOMS.get(name, ZOOM),
            background="#ffffff",
            skip_system_fonts=True,
            font_files=list(_FONTS),
            font_family="DejaVu Sans",
        )
    )


def svg(name: str, facts: Mapping[str, Json]) -> str:
    """What `picture` draws. Its words are texts like all others, in the `language` that the facts name."""
    language = str(facts.get("language", "en"))

    def words(id: str, **data: Json) -> Markup:
        return Markup(render.text(language, id, data))  # noqa: S704 - is escaped

    return _environment().get_template(f"{name}.svg.j2").render(**facts, t=words, wide=WIDE, small=SMALL)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PICTURES),
        undefined=jinja2.StrictUndefined,
        autoescape=True,  # a name is data, also in a picture
        finalize=_drawable,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"shade": shade, "ink": ink, "fit": fit, "lines": lines}
    return environment


def _drawable(value: Any) -> Any:
    return _NOT_XML.sub("�", value) if type(value) is str else value


def shade(value: float, most: float, hue: str) -> str:
    """The colour of a figure above 0 among those of a picture, the largest of which is `most`."""
    return SHADES[hue][_step(value, most, hue)]


def ink(value: float, most: float, hue: str) -> str:
    """The colour in which that figure can be read there."""
    return "#ffffff" if _step(value, most, hue) >= _DARK_FROM else "#1d2329"


def _step(value: float, most: float, hue: str) -> int:
    last = len(SHADES[hue]) - 1
    return min(last, max(0, round(last * value / most))) if most > 0 else 0


def fit(text: str, wide: float, size: float) -> str:
    """`text`, shortened where it would not fit into so many units in letters of that size: about 0.6 of it wide, bold
    ones a little more."""
    room = _room(wide, size)
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"


def lines(text: str, wide: float, size: float) -> list[str]:
    """`text` in lines that fit."""
    return textwrap.wrap(text, _room(wide, size), break_on_hyphens=False)


def _room(wide: float, size: float) -> int:
    return max(1, int(wide / (0.6 * size)))
