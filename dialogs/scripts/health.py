"""The week's four health questions: participation first; whoever took full part, or none, is asked nothing more.

After the OSTRC questionnaire on health problems (Clarsen 2013, BJSM 47:495; 2020, BJSM 54:390), in words of our own.
Each answer is its own score: 0, 8, 17 or 25, and 0 is always the good end (`signals.HEALTH`).
"""

from __future__ import annotations

from dialogs.engine import Option, Script, Step

SCORES = (0, 8, 17, 25)
FULL, NONE = SCORES[0], SCORES[-1]
LIMITED = ("participation", SCORES[1:-1])

_ANSWERS = tuple((Option(score),) for score in SCORES)

HEALTH = Script(
    "health",
    (
        Step("participation", _ANSWERS, label="button.participation"),
        Step("training", _ANSWERS, when=LIMITED, label="button.health_amount"),
        Step("performance", _ANSWERS, when=LIMITED, label="button.health_amount"),
        Step("trouble", _ANSWERS, when=LIMITED, label="button.health_strength"),
    ),
)
