"""How a pain that was told goes on: one question before the check-in, answered by one tap.

What it is about (where, side, level, ago) stands in the slots of the talk when it is opened. The number is all that is
asked here; whatever else is to be known of a pain is asked by the check-in that follows.
"""

from __future__ import annotations

from dialogs.engine import Option, Script, Step
from dialogs.scripts.readers import scale

SETTLED, SAME = "settled", "same"

FOLLOW = Script(
    "settled",
    (
        Step(
            "settled",
            (
                (Option(SETTLED), Option(SAME)),
                tuple(Option(n) for n in range(1, 6)),
                tuple(Option(n) for n in range(6, 11)),
                (Option("later", ends="later"), Option("skip", ends="skip")),
            ),
            reads=scale(0, 10),
        ),
    ),
    "followup",
)
