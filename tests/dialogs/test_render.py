"""Texts: all there, all used, and what people wrote comes out as they wrote it."""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.markup import parse_html
from dialogs import planning, proposals, render, week_letters, weeks
from dialogs.engine import Option
from dialogs.model import Message, Session
from dialogs.scripts import SCRIPTS
from dialogs.scripts.desk import FIELDS
from dialogs.words.languages import SCREENED
from dialogs.words.triage import FLAGS
from tests.dialogs import (
    test_asking,
    test_attention,
    test_broadcast,
    test_calendar,
    test_checkin,
    test_concerns,
    test_cover,
    test_desk,
    test_dossier,
    test_drill,
    test_followups,
    test_health,
    test_importing,
    test_joining,
    test_life,
    test_minors,
    test_plan_texts,
    test_planning,
    test_proposals,
    test_races,
    test_reaching,
    test_restored,
    test_rights,
    test_rulebook,
    test_silence,
    test_tongue,
    test_topics,
    test_weeks,
)

DIALOGS = Path(render.__file__).parent
TEXTS = DIALOGS / "texts" / "en"
BLOCKS = {
    f"{file.stem}.{name}"
    for file in (*TEXTS.glob("*.j2"), *(TEXTS.parent / render.ANY).glob("*.j2"))
    for name in re.findall(r"{%-? block (\w+)", file.read_text(encoding="utf-8"))
}
FAMILY = "👨\u200d👩\u200d👧\u200d👦"


def literals() -> set[str]:
    """Everything in the code of dialogs/ and in the texts that looks like the name of a text."""
    found: set[str] = set()
    for path in DIALOGS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(re.findall(r"^(\w+\.\w+)$", node.value))
    for file in (*TEXTS.glob("*.j2"), *(TEXTS.parent / render.ANY).glob("*.j2")):
        found.update(re.findall(r'[( ]"(\w+\.\w+)"[,)]', file.read_text(encoding="utf-8")))
    files = {file.stem for file in TEXTS.glob("*.j2")}
    # A name that ends in "_" is the beginning of names that the code puts together, see `built`.
    return {name for name in found if name.split(".")[0] in files and not name.endswith("_")}


def built() -> set[str]:
    """The names that the code puts together: a script's questions and end, button labels, flags, problems."""
    names = {f"{script.texts or script.name}.{step.id}" for script in SCRIPTS.values() for step in script.steps}
    names |= {f"{name}.done" for name in ("morning", "session", "pain", "onboarding", "coach_onboarding")}
    for script in SCRIPTS.values():
        for step in script.steps:
            for option in itertools.chain.from_iterable(step.options):
                names.add(label(option, step.label))
    families = tomllib.loads((DIALOGS / "words" / "red_flags.toml").read_text(encoding="utf-8"))["family"]
    names |= {f"flags.{family['id'].replace('-', '_')}" for family in families}
    names |= {f"flags.{flag}" for flag in ("crisis", "asked", "words", "too_long", "unread", "unscreened", "blocked")}
    names |= {"flags.drill", "flags.language", *(f"flags.sounds_{theme}" for theme in FLAGS)}
    names |= {name for name in BLOCKS if name.startswith("language.") and name.split(".")[1] not in SCREENED}
    names |= {name for name in BLOCKS if re.match(r"export\.(fact|name|value|unit)_", name)}  # what stands in a record
    names |= {f"flags.{flag}" for flag in ("pain_bone", "pain_high", "pain_stride", "pain_unsaid")}
    names |= {f"flags.{flag}" for flag in ("silent", "silent_call", "silent_back", "race_head", "race_stomach")}
    names |= {f"button.plan_{span}" for span in ("today", "week", "next")} | {
        f"button.edge_{way}" for way in ("less", "more")
    }
    names |= {f"button.{to}" for to in proposals.REVISIONS} | {f"plan.as_{ending}" for ending in ("csv", "ics")}
    names |= {f"problem.plan_{why}" for why in ("past_day", "stale", "nothing")}
    names |= {f"coach_week.say_{one.name}" for one in week_letters.TOPICS} | {
        f"week.nudge_{one}" for one in weeks.NUDGES
    }
    names |= {f"coach_week.weighs_{one.name}" for one in week_letters.TOPICS if one.heavy}
    names |= {name for name in BLOCKS if name.startswith("picture.")}  # what stands in pictures: bot/pictures
    names |= {f"button.field_{name}" for name in FIELDS}
    codes = re.findall(r'Problem\("(\w+)"\)', (DIALOGS / "when.py").read_text(encoding="utf-8"))
    return names | {f"problem.{code}" for code in codes} | {f"problem.{code}" for code in LATER_CODES}


LATER_CODES = ("empty", "not_an_hour", "not_a_date", "past", "too_far", "hour_out_of_range", "minute_out_of_range")


def label(option: Option, own: str | None) -> str:
    if own and option.value != "done" and option.ends is None:
        return own
    return "button.number" if isinstance(option.value, int) else f"button.{option.value}"


def test_no_text_is_missing() -> None:
    assert not (literals() | built()) - BLOCKS


def test_no_text_is_unused() -> None:
    menu = {name for name in BLOCKS if name.startswith("menu.")}  # Telegram's menu, by the shell
    assert not BLOCKS - literals() - built() - menu


def transcripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Every transcript, with its arguments."""
    modules: tuple[ModuleType, ...] = (
        test_checkin, test_concerns, test_joining, test_reaching, test_desk, test_dossier, test_rights,
        test_restored, test_asking, test_planning, test_life, test_proposals, test_rulebook, test_importing,
        test_plan_texts, test_calendar, test_cover, test_attention, test_drill, test_broadcast, test_topics,
        test_silence, test_followups, test_health, test_races, test_weeks, test_tongue, test_minors,
    )  # fmt: skip
    for module in modules:
        for name, test in vars(module).items():
            if not name.startswith("test_"):
                continue
            names = test.__code__.co_varnames[: test.__code__.co_argcount]
            cases: list[dict[str, Any]] = [{}]
            for mark in getattr(test, "pytestmark", []):
                keys = [mark.args[0]] if isinstance(mark.args[0], str) else list(mark.args[0])
                rows = [row if len(keys) > 1 else (row,) for row in mark.args[1]]
                cases = [dict(zip(keys, row, strict=True)) for row in rows]
            for case in cases:
                with monkeypatch.context() as patch:
                    fixtures: dict[str, Any] = {"monkeypatch": patch}
                    if module is test_asking:
                        fixtures["readings"] = test_asking.by_hand(patch)
                    fixtures["talk"] = module.begin() if "talk" in names else None
                    yield test, {name: fixtures[name] for name in names if name in fixtures} | case


@pytest.mark.timeout(600)
def test_every_text_is_read_by_somebody_in_the_transcripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So each is rendered, with undefined names as errors, in every shape of data that the conversations give it."""
    seen: set[str] = set()
    original = render.text
    render._label.cache_clear()

    def noted(language: str, id: str, data: Any) -> str:
        seen.add(id.replace("-", "_"))
        return original(language, id, data)

    monkeypatch.setattr(render, "text", noted)
    with contextlib.redirect_stdout(io.StringIO()):
        for test, arguments in transcripts(monkeypatch):
            test(**arguments)
    never = {name for name in BLOCKS - seen if name.split(".")[0] not in ("flags", "menu", "button")}
    never -= {name for name in BLOCKS if name.startswith("language.")}  # one is read, for all
    letters = ("coach_week.say_", "coach_week.weighs_")  # test_week_letters
    never -= {name for name in BLOCKS if name.startswith(("picture.", *letters))}  # test_charts
    never -= {name for name in BLOCKS if name.startswith("export.")}  # test_languages_of_texts
    never -= {"shared.noted"}  # the answer to a tap that led to nothing; no tap is known that does
    assert not never


@pytest.mark.parametrize("name", sorted(name for name in BLOCKS if name.split(".")[0] in ("flags", "menu", "problem")))
def test_flags_problems_and_the_menu_are_short_and_plain(name: str) -> None:
    text = render.text("en", name, {})
    assert 0 < len(text) < 120
    assert "\n" not in text and "<" not in text


def test_buttons_are_short_enough_for_half_a_phone() -> None:
    for name in BLOCKS:
        if name.startswith("button."):
            args = {"n": 3, "ticked": True, "offer": "Riga", "name": "N" * 24, "family": "placement", "edge": "a" * 20}
            args["s"] = planning.facts(Session("a", date(2026, 6, 1), "strength", minutes=45, effort=6))
            args |= {"day": "2026-06-01", "weekday": 0, "language": "de", "times": 2}
            widest = 44 if name == "button.session_on" else 34  # a row of its own
            assert 0 < len(render.label("en", name, args)) <= widest, name


def test_an_unknown_text_and_a_missing_name_are_errors() -> None:
    with pytest.raises(KeyError):
        render.text("en", "athlete.nothing", {})
    with pytest.raises(jinja2.UndefinedError):
        render.text("en", "athlete.taken", {})


def test_a_flag_without_a_name_does_not_cost_the_page() -> None:
    """It stands in the database, and a release that has another red-flag list renders it."""
    data = {"level": "now", "athlete": "Ann", "flag": "of-yesterday", "short": "K7Q2M", "again": False, "words": "help"}
    page = render.text("en", "coach.page", {**data, "at": "07:00", "place": "", "week": []})
    assert "words that a human should read" in page


def test_an_unknown_language_falls_back_to_english() -> None:
    assert render.text("tlh", "shared.noted", {}) == "Kept."


WORDS = [
    "{{7*7}}",
    "{% raw %}",
    "<b",
    "<b>x</i>",
    "&amp;",
    "&lt;",
    "a & b",
    "</blockquote>",
    FAMILY,
    "مرحبا",
    "e\u0301" * 9,
]


@pytest.mark.parametrize("words", [*WORDS, FAMILY, "a\x00b", "\ud83d", "'\"`", "%s %(x)s {0}", "_*[]()~"])
def test_words_come_out_letter_for_letter(words: str) -> None:
    html = render.text("en", "coach.answers", {"athlete": words, "words": words})
    assert render.plain(html) == f"{words}:\n{words}"
    if "\ud83d" not in words:
        plain, entities = parse_html(html)
        assert plain == f"{words}:\n{words}"
        assert [one["type"] for one in entities] == ["bold", "blockquote"]


@given(st.text(max_size=200))
def test_any_words_make_markup_that_telegram_reads(words: str) -> None:
    html = render.text("en", "coach.answers", {"athlete": "Ann", "words": words})
    assert parse_html(html)[0].rstrip() == f"Ann:\n{words}".rstrip()


def test_the_length_is_counted_in_utf_16() -> None:
    assert render.units("a") == 1 and render.units("👍") == 2 and render.units("\ud83d") == 1
    assert render.units(FAMILY) == 11


SIGNS = st.sampled_from([*"ab \n", "é", "e\u0301", "👍🏽", FAMILY, "🇱🇻", "مَ", "1️⃣", "\ud83d"])


@given(st.lists(SIGNS, max_size=120).map("".join), st.integers(12, 60))
def test_pieces_join_to_the_words_and_fit(words: str, room: int) -> None:
    parts = list(render.pieces(words, room))
    assert "".join(parts) == words
    assert all(render.units(part) <= room for part in parts)
    assert len(parts) <= 3 * render.units(words) / room + 2


@given(st.lists(SIGNS.filter(lambda sign: sign != "\ud83d"), min_size=1, max_size=80), st.integers(24, 60))
def test_no_visible_sign_is_cut(signs: list[str], room: int) -> None:
    """A cut falls between two signs, as they were put together."""
    words = "".join(signs)
    borders = {0, *itertools.accumulate(len(sign) for sign in signs)}
    at = 0
    for part in render.pieces(words, room):
        at += len(part)
        assert at in borders


@pytest.mark.parametrize(
    "words", ["e" + "\u0301" * 1000, FAMILY * 500, "x" * 5000, "مرحبا " * 900, "\ud83d" * 4097, "🇱🇻" * 1100]
)
def test_what_is_too_long_is_divided_and_nothing_is_lost(words: str) -> None:
    parts = list(render.pieces(words, 512))
    assert "".join(parts) == words and all(render.units(part) <= 512 for part in parts)


@pytest.mark.parametrize(
    "words",
    ["chest pain " * 372, "x" * 4096, FAMILY * 372, "&" * 4096, "<" * 4096, "\n" * 4000 + "x"],
)
def test_a_message_of_4096_signs_reaches_the_coach_in_pieces_that_telegram_takes(words: str) -> None:
    message = Message(2, "coach.answers", {"athlete": "Ann", "words": words})
    payloads = render.payloads(message, "en")
    shown = []
    for payload in payloads:
        plain, _ = parse_html(payload["text"])
        assert 0 < render.units(plain) <= render.LIMIT
        shown.append(plain.removeprefix("Ann:\n"))
    whole = re.sub(r"\(\d of \d\)\n", "", "".join(shown))
    assert re.sub(r"\s", "", whole) == re.sub(r"\s", "", words)


def test_a_notice_on_a_button_is_plain_and_short() -> None:
    message = Message(1, "coach.answers", {"athlete": "<b", "words": "x" * 500}, toast=True)
    (payload,) = render.payloads(message, "en")
    assert payload["text"].startswith("<b:") and len(payload["text"]) == 200


def test_labels_that_only_look_alike_to_python_are_told_apart() -> None:
    assert [render.label("en", "button.number", {"n": n}) for n in (1, True, 1.0, 1)] == ["1", "True", "1.0", "1"]
    assert render.label("en", "button.number", {"n": [1]}) == "[1]", "also what cannot be remembered"
