"""`aidstation replay`: what the rule book would have done, on the stored journal or on a file of check-ins.

Counting is `dialogs.replaying`; here it is read in, printed and drawn. All figures are for a coach of 20 athletes who
all answer daily, so that clubs, files and weeks can be compared. Nothing is written to the database, nothing is sent.
"""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot import admin
from bot import replay_report as report
from bot.admin import Complaint
from bot.config import Settings
from dialogs import history_csv, replay_figures, signals
from dialogs.replay_figures import Figures
from dialogs.replaying import History
from dialogs.rules.book import Book, RulesError, parse, shipped
from dialogs.rules.lines import LARGEST

ALL_DAYS = 36_500  # of the journal: a hundred years
AT_ONCE = 100  # athletes read together
RULE_FILE = ".yaml"
MOST_TOLD = 10  # problems of a rule book
_EVER = datetime(1, 1, 1, tzinfo=UTC)


def command(settings: Settings, asked: argparse.Namespace) -> int:
    if asked.diff and (asked.rules or asked.png):
        raise Complaint("--diff compares two rule books: leave --rules and --png away")
    books = [_book(folder) for folder in asked.diff or (asked.rules,)]
    histories = _from_csv(asked.csv) if asked.csv else _from_journal(settings)
    since = asked.since
    if not any(day.answered for one in histories for when, day in one.days.items() if since is None or when >= since):
        when = f" since {since}" if since else ""
        raise Complaint(f"there is nothing to look at: nobody has answered anything{when}")
    found = [replay_figures.figures(book, histories, since) for book in books]
    if asked.diff:
        changes = replay_figures.compared(*found)
        print(_json(report.difference_data(changes, *found)) if asked.json else report.difference_text(changes, *found))
        return 0
    if asked.png:
        _draw(asked.png, found[0])
    print(_json(report.data(found[0])) if asked.json else report.text(found[0]))
    return 0


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


# --- in -----------------------------------------------------------------------------------------------------------


def _book(folder: str | None) -> Book:
    if folder is None:
        return shipped()
    try:
        names = sorted(one for one in Path(folder).iterdir() if one.suffix == RULE_FILE)
        texts = {}
        for one in names:
            with one.open("rb") as file:
                texts[one.name] = file.read(LARGEST + 1)
        return parse(texts)
    except RulesError as error:
        more = len(error.problems) - MOST_TOLD
        told = [*error.problems[:MOST_TOLD], *([f"and {more} more"] if more > 0 else [])]
        raise Complaint(f"these rules cannot be used, {folder}: " + "\n  ".join(told)) from None
    except OSError as error:
        raise Complaint(f"{folder} cannot be read ({error.strerror}): name a folder of rule files") from None


def _from_csv(name: str) -> tuple[History, ...]:
    try:
        with open(name, "rb") as file:
            content = file.read(history_csv.LARGEST + 1)
        return history_csv.read(content)
    except OSError as error:
        raise Complaint(f"{name} cannot be read ({error.strerror})") from None
    except history_csv.Unreadable as error:
        raise Complaint(f"{name}: {error}") from None


def _from_journal(settings: Settings) -> tuple[History, ...]:
    from bot.clock import Clock
    from storage import people, plans, training

    found: list[History] = []
    now = Clock().now()
    with admin.database(settings) as base, base.read() as tx:
        athletes = [one for one in people.everyone(tx) if one.runs]
        for at in range(0, len(athletes), AT_ONCE):
            some = athletes[at : at + AT_ONCE]
            read = training.read(tx, some, now, ALL_DAYS)
            changes = plans.changes_of(tx, [one.id for one in some], _EVER)
            found += [
                History(
                    one.id, one.name, signals.days(read[one.id].records), read[one.id].plan, changes[one.id],
                    read[one.id].settings, zone=one.zone,
                )
                for one in some
            ]  # fmt: skip
    return tuple(found)


# --- out ----------------------------------------------------------------------------------------------------------


def _draw(name: str, found: Figures) -> None:
    from bot import charts

    try:
        Path(name).write_bytes(charts.picture("replay", report.drawn(found)))
    except OSError as error:
        raise Complaint(f"{name} cannot be written ({error.strerror}): name another file") from None
