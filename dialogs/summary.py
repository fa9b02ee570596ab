"""The last days of one athlete as facts: what was answered on which day. Gaps stay gaps: missing is not zero."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from dialogs.model import Json, Record
from dialogs.scripts.checkin import ITEMS


def answers_of(records: Iterable[Record], day: date) -> dict[str, Json]:
    """The answers of one local date, the last one given for each question."""
    return {record.name: record.value for record in records if record.kind == "answer" and record.day == day}


NOT_OWN = ("coach_wrote", "forwarded", "transcript")  # words in an athlete's journal that they did not type


def own_words(records: Iterable[Record]) -> list[Record]:
    """What the athlete wrote for a human, in their own words, oldest first: no letter of a coach, no forward."""
    return [one for one in records if one.kind == "words" and one.words and one.name not in NOT_OWN]


def week(records: Iterable[Record], today: date) -> list[dict[str, Json]]:
    """Seven days up to today, oldest first; each has `day`, `weekday` (0 = Monday), `answers` (1..5, "usual" or None
    by item), `pain` (0..10 or None) and `answered`."""
    known = tuple(records)
    days = [today - timedelta(days=back) for back in range(6, -1, -1)]
    picture = []
    for day in days:
        answers = answers_of(known, day)
        picture.append(
            {
                "day": day.isoformat(),
                "weekday": day.weekday(),
                "answers": {item: answers.get(item) for item in ITEMS},
                "pain": answers.get("pain_level"),
                "answered": any(name in ITEMS or name == "pain_level" for name in answers),
            }
        )
    return picture
