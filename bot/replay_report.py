"""What `aidstation replay` has counted: as a text for the operator, as data, and as the facts of a picture.

Every figure stands with what it is a part of, and no row claims that a rule knows what comes: it is printed below what
followed. Texts here are the operator's, in English.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any

from dialogs.replay_figures import (
    AFTER,
    MOST_CONCERNS,
    MOST_PAGES,
    Difference,
    Figures,
    Followed,
    Interval,
    RuleFigures,
)
from dialogs.replaying import ATHLETES

WIDE = 118  # characters of a line
TOP = 3  # athletes who are named
MOST_CELLS = 26  # in a row of the picture: in more of them no number could be read
APART = 2  # cells between two labels
SPANS = (1, 2, 4, 13, 26, 52)  # weeks that a cell may stand for

UNIT = (
    f"A week is that of a coach of {ATHLETES} athletes who all answer daily. First: on the first day of a spell, when "
    "the coach hears of it (a note: a line in the week). Pages: first days of rules that ring."
)
NO_PLAN = (
    "There is no plan here. A hard session is taken to lie ahead on every day; what else looks at a plan cannot speak."
)
NO_FORECAST = (
    "Low scores hardly come before a pain or an injury, and an interval that holds 1 says nothing either way. Read no "
    "forecast into a rule: it brings forward whom a coach may want to talk to. What counts is what is said itself: "
    "pain today, pain that lasts, words. (Intervals: a bootstrap over athletes, since the days of one are not "
    "independent, or Wilson's where that is wider.)"
)
ITSELF = (
    "Rules that speak of a pain stand here to be complete: what hurts already cannot begin anew at the same place, and "
    "who has one pain tells of the next more often."
)
NOTHING_KNOWN = "Nothing is known here of pain or injury, so nothing can be said of what followed."


# --- as text ------------------------------------------------------------------------------------------------------


def text(found: Figures) -> str:
    """What the operator reads."""
    spoke = [one for one in found.rules if one.fires]
    parts = [
        _lines(
            _squad(found),
            UNIT,
            "" if found.planned else NO_PLAN,
        ),
        _table(
            ("rule", "level", "a week", "first", "pages", "on whom", "most often"),
            [
                (
                    one.id,
                    one.level.value,
                    f"{found.a_week(one.fires):.1f}",
                    f"{found.a_week(one.first):.1f}",
                    f"{found.a_week(one.first):.1f}" if one.page else "-",
                    f"{len(one.by)} of {found.athletes}",
                    ", ".join(f"{name} {fires / one.fires:.0%}" for name, fires, _ in one.by[:TOP]),
                )
                for one in spoke
            ],
        )
        if spoke
        else "",
        _lines(
            _list("Never spoke", [one.id for one in found.rules if not one.fires and one.on]),
            _list("Switched off", [one.id for one in found.rules if not one.fires and not one.on]),
        ),
        _followed(spoke),
        _pain(found),
        _budget(found),
    ]
    return "\n\n".join(part for part in parts if part)


def _squad(found: Figures) -> str:
    who = "1 athlete" if found.athletes == 1 else f"{found.athletes} athletes"
    return f"{who} answered on {found.answered:,} days, from {found.since} to {found.until}."


def _lines(*paragraphs: str) -> str:
    return "\n".join(textwrap.fill(one, WIDE, break_on_hyphens=False) for one in paragraphs if one)


def _list(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(names)}." if names else ""


def _followed(spoke: Sequence[RuleFigures]) -> str:
    known = [(one.id, one.followed) for one in spoke if one.followed is not None]
    if not known:
        return _lines(
            "Nothing is known here of pain or injury, so nothing can be said of what followed." if spoke else ""
        )
    rows = [
        (
            id,
            _share(one.hits, one.days, one.interval),
            _share(one.base_hits, one.base_days, one.base_interval),
            _times(one),
        )
        for id, one in known
    ]
    return "\n".join(
        (
            f"What followed: a new pain or injury within {AFTER} days of the first day of a spell, and of any day.",
            _table(("rule", "after it (95 %)", "after any day (95 %)", "times as often (95 %)"), rows),
            _lines(NO_FORECAST, ITSELF if any(one.of_pain for one in spoke) else ""),
        )
    )


def _share(hits: int, of: int, interval: Interval | None) -> str:
    if not of:
        return "-"
    between = "" if interval is None else f" ({interval[0]:.0%} to {interval[1]:.0%})"
    return f"{hits} of {of}, {hits / of:.0%}{between}"


def _times(one: Followed) -> str:
    if one.times is None:
        return "-"
    if one.times_interval is None:
        return f"{one.times:.1f} (too few: {one.athletes} athlete{'s' * (one.athletes != 1)})"
    low, high = one.times_interval
    return f"{one.times:.1f} ({low:.1f} to {high:.1f})"


def _pain(found: Figures) -> str:
    if not any(one.pains for one in found.pain):
        return ""
    told = "; ".join(
        f"{one.told} of {one.pains} " + ("on the first day" if one.day == 1 else f"that lasted, on day {one.day}")
        for one in found.pain
    )
    return _lines(f"Pains of which the coach would have heard: {told}. (A day without an answer: on the next one.)")


def _budget(found: Figures) -> str:
    rows = [
        ("concerns a week, first days, all rules", f"{found.concerns:.1f}", str(MOST_CONCERNS),
         _ok(found.concerns <= MOST_CONCERNS)),
        ("  the same, an athlete's day counted once", f"{found.concerned:.1f}", "", ""),
        ("  beside them, notes that propose a change", f"{found.proposals:.1f}", "", ""),
        ("pages a day", f"{found.pages:.2f}", str(MOST_PAGES), _ok(found.pages <= MOST_PAGES)),
        ("pains on days 1, 3, 7 not told of", str(found.untold), "0", _ok(not found.untold)),
    ]  # fmt: skip
    return _table((f"Budget of a coach of {ATHLETES}", "is", "at most", ""), rows)


def _ok(kept: bool) -> str:
    return "ok" if kept else "over"


def difference_text(changes: Sequence[Difference], old: Figures, new: Figures) -> str:
    """What `--diff` prints."""
    same = [one.rule for one in changes if one.verdict == "same"]
    rows = [
        (
            one.rule,
            one.verdict.replace("_", " "),
            _pair(one.old, old),
            _pair(one.new, new),
            str(one.only_old),
            str(one.only_new),
        )
        for one in changes
        if one.verdict != "same"
    ]
    return "\n\n".join(
        (
            _lines(
                _squad(new),
                f"First days of a spell / all days, in a week of a coach of {ATHLETES}; then the athlete-days on which "
                "only one of the two books spoke.",
            ),
            _table(("rule", "", "old", "new", "only old", "only new"), rows) if rows else "Both say the same.",
            _lines(_list("The same", same)),
            f"Old: {_short(old)}.\nNew: {_short(new)}.",
        )
    )


def _pair(counts: tuple[int, int] | None, found: Figures) -> str:
    return "-" if counts is None else f"{found.a_week(counts[0]):.1f} / {found.a_week(counts[1]):.1f}"


def _short(found: Figures) -> str:
    return (
        f"{found.concerns:.1f} concerns a week ({_ok(found.concerns <= MOST_CONCERNS)}), "
        f"{found.pages:.2f} pages a day ({_ok(found.pages <= MOST_PAGES)}), "
        f"{found.untold} pains not told of ({_ok(not found.untold)})"
    )


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """In columns; numbers to the right."""
    columns = range(len(heading))
    wide = [max(len(row[n]) for row in (heading, *rows)) for n in columns]
    right = [all(row[n].replace(".", "").isdecimal() or row[n] in ("-", "") for row in rows) for n in columns]
    return "\n".join(
        "  ".join(row[n].rjust(wide[n]) if right[n] else row[n].ljust(wide[n]) for n in columns).rstrip()
        for row in (heading, *rows)
    )


# --- as data ------------------------------------------------------------------------------------------------------


def data(found: Figures) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "since": found.since,
        "until": found.until,
        "athletes": found.athletes,
        "athlete_days_answered": found.answered,
        "a_week_is": f"a coach of {ATHLETES} athletes who all answer daily",
        "rules": [_rule_data(one, found) for one in found.rules],
        "pain": [asdict(one) for one in found.pain],
        "budget": {
            "concerns_a_week": _limit(found.concerns, MOST_CONCERNS),
            "pages_a_day": _limit(found.pages, MOST_PAGES),
            "pains_not_told": _limit(found.untold, 0),
            "ok": found.kept,
        },
        "beside_the_budget": {
            "concerns_a_week_by_athlete_and_day": round(found.concerned, 2),
            "notes_that_propose_a_change_a_week": round(found.proposals, 2),
        },
        "weeks": [{"monday": monday, "answered": answered} for monday, answered in found.weeks],
    }


def _limit(value: float, most: int) -> dict[str, Any]:
    return {"is": round(value, 2), "most": most, "ok": value <= most}


def _rule_data(one: RuleFigures, found: Figures) -> dict[str, Any]:
    after = one.followed
    return {
        "id": one.id,
        "title": one.title,
        "level": one.level.value,
        "on": one.on,
        "fires": one.fires,
        "first": one.first,
        "fires_a_week": round(found.a_week(one.fires), 2),
        "first_a_week": round(found.a_week(one.first), 2),
        "pages_a_week": round(found.a_week(one.first), 2) if one.page else 0,
        "athletes": [
            {"name": name, "fires": fires, "first": first, "share": round(fires / one.fires, 3)}
            for name, fires, first in one.by
        ],
        "weeks": [{"fires": fires, "first": first} for fires, first in one.weeks],
        "followed": None if after is None else {**asdict(after), "times": after.times},
    }


def difference_data(changes: Iterable[Difference], old: Figures, new: Figures) -> dict[str, Any]:
    return {
        "rules": [
            {
                "id": one.rule,
                "verdict": one.verdict,
                "old": one.old and {"first": one.old[0], "fires": one.old[1]},
                "new": one.new and {"first": one.new[0], "fires": one.new[1]},
                "days_only_old": one.only_old,
                "days_only_new": one.only_new,
            }
            for one in changes
        ],
        "old": data(old),
        "new": data(new),
    }


# --- as a picture -------------------------------------------------------------------------------------------------


def drawn(found: Figures) -> dict[str, Any]:
    """The facts of `pictures/replay.svg.j2`: for each rule that spoke a row of cells, each for a week or, in a long
    history, for some. None in a cell: nobody answered."""
    weeks = len(found.weeks)
    span = next((one for one in SPANS if weeks <= one * MOST_CELLS), -(-weeks // MOST_CELLS))
    starts = range(0, weeks, span)
    answered = [sum(count for _, count in found.weeks[at : at + span]) for at in starts]
    cells = {
        one.id: [
            _cell(sum(first for _, first in one.weeks[at : at + span]), n)
            for at, n in zip(starts, answered, strict=True)
        ]
        for one in found.rules
        if one.fires
    }
    labels = _labels([found.weeks[at][0] for at in starts])
    return {
        "athletes": found.athletes,
        "answered": found.answered,
        "since": found.since,
        "until": found.until,
        "concerns": found.concerns,
        "most_concerns": MOST_CONCERNS,
        "pages": found.pages,
        "most_pages": MOST_PAGES,
        "untold": found.untold,
        "span": span,
        "columns": [{"answered": n, "label": label} for n, label in zip(answered, labels, strict=True)],
        "most_answered": max(answered, default=0),
        "rows": [
            {"id": one.id, "level": one.level.value, "a_week": found.a_week(one.first), "cells": cells[one.id]}
            for one in found.rules
            if one.fires
        ],
        "most": max((count or 0 for row in cells.values() for count in row), default=0),
        "silent": [one.id for one in found.rules if not one.fires and one.on],
        "off": [one.id for one in found.rules if not one.fires and not one.on],
    }


def _cell(count: int, answered: int) -> int | None:
    return count if answered or count else None


def _labels(mondays: Sequence[date]) -> list[date | None]:
    """Below a cell, where in it a month begins: a day of that month. The first cell has one always, and no two stand so
    close that they would touch."""
    found: list[date | None] = []
    last = -MOST_CELLS
    for n, monday in enumerate(mondays):
        sunday = monday + timedelta(days=6)
        if (not n or sunday.month != (mondays[n - 1] + timedelta(days=6)).month) and n - last >= APART:
            found.append(sunday)
            last = n
        else:
            found.append(None)
    return found
