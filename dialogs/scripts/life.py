"""What life does to a plan: one question each. A session that is moved; an illness, by where it sits."""

from __future__ import annotations

from dialogs.engine import Option, Script, Step
from dialogs.scripts.readers import later_day, words

# Where it sits decides (the "neck check": it may ease, and never clears anybody).
ILL = Script(
    "ill",
    (
        Step(
            "ill",
            ((Option("ill_above"),), (Option("ill_below"),), (Option("fever"),), (Option("cancel", ends="cancelled"),)),
        ),
    ),
    "life",
)
AWAY = Script(
    "away",
    (
        Step(
            "away",
            ((Option(3), Option(7), Option(14)), (Option("cancel", ends="cancelled"),)),
            reads=later_day,
            label="button.days",
        ),
    ),
    "life",
)
# Which session, and to which day: both are offered as buttons when the talk is opened.
MOVE = Script(
    "move",
    (Step("which", offered=True), Step("to_day", ((Option("cancel", ends="cancelled"),),), reads=later_day)),
    "life",
)
BUSY = Script(
    "busy", (Step("busy", ((Option(10), Option(20), Option(30), Option(45)),), label="button.minutes"),), "life"
)
OBJECT = Script("object", (Step("object", ((Option("cancel", ends="cancelled"),),), reads=words),), "life")
REVISE = Script("revise", (Step("revise", ((Option("cancel", ends="cancelled"),),), reads=words),), "proposal")
