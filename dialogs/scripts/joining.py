"""Joining: how old, who reads what (consent), where one lives, when to ask, what a coach should know. Two minutes."""

from __future__ import annotations

from dialogs.engine import Option, Script, Step
from dialogs.scripts.readers import words
from dialogs.scripts.settings import days_off_step, hour_step, place_step

ONBOARDING = Script(
    "onboarding",
    (
        Step("age", ((Option("adult"),), (Option("minor", ends="minor"),))),
        Step("consent", ((Option("agree"),), (Option("decline", ends="declined"),))),
        place_step("place"),
        hour_step("hour"),
        days_off_step("days_off"),
        Step("injuries", ((Option("none"),),), reads=words),
        Step("goal", ((Option("none"),),), reads=words),
    ),
)

COACH_ONBOARDING = Script("coach_onboarding", (place_step("place"), hour_step("hour")))
