"""The one question of the weekly message, and on which day and hour that message comes.

"What does your week look like?" is answered by a tap, by tapping days, or in words. Words are an answer only where they
name a day together with what it allows; all else is words for a human.
"""

from __future__ import annotations

from dialogs.engine import Option, Script, Step
from dialogs.scripts.availability import availability
from dialogs.scripts.readers import hour

_DAYS = tuple(Option(n) for n in range(7))

WEEK = Script(
    "week",
    (
        Step("week", ((Option("week_usual"), Option("week_days")),), reads=availability),
        Step(
            "not_days", (_DAYS[:4], _DAYS[4:], (Option("done"),)), reads=availability, when=("week", ("week_days",)),
            many=True, label="button.day",
        ),
    ),
)  # fmt: skip
WEEKDAY = Script(
    "weekday",
    (
        Step(
            "weekday",
            (_DAYS[:4], _DAYS[4:], (Option("no_week", ends="no_week"), Option("cancel", ends="cancelled"))),
            label="button.day",
        ),
        Step(
            "week_hour", (tuple(Option(at) for at in ("09:00", "17:00", "18:00", "20:00")),), reads=hour,
            label="button.hour",
        ),
    ),
    "week",
)  # fmt: skip
