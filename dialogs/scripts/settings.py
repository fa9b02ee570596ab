"""Small talks of one question, to change one thing; their steps serve in joining, too."""

from __future__ import annotations

from dialogs.engine import Option, Script, Step
from dialogs.scripts.readers import hour, later_day, place


def place_step(id: str) -> Step:
    return Step(id, reads=place, located=True)


def hour_step(id: str) -> Step:
    return Step(
        id,
        (tuple(Option(at) for at in ("06:00", "07:00", "08:00", "09:00")),),
        reads=hour,
        label="button.hour",
    )


def days_off_step(id: str) -> Step:
    return Step(id, (tuple(Option(n) for n in range(7)), (Option("done"),)), many=True, label="button.day")


HOUR = Script("hour", (hour_step("hour"),), "settings")
ZONE = Script("zone", (place_step("place"),), "settings")
DAYS_OFF = Script("days_off", (days_off_step("days_off"),), "settings")
PAUSE = Script(
    "pause",
    (
        Step(
            "until",
            ((Option(3), Option(7), Option(14)), (Option("cancel", ends="cancelled"),)),
            reads=later_day,
            label="button.days",
        ),
    ),
    "settings",
)
