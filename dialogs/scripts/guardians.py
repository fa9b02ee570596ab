"""A guardian: their yes before anything, and one question before they go."""

from __future__ import annotations

from dialogs.engine import Option, Script, Step

KEEP_ON = "keep_on"

GUARDIAN = Script("guardian", (Step("consent", ((Option("agree"),), (Option("decline", ends="declined"),))),))
STOP = Script("stop", (Step("stop", ((Option("stop_it"),), (Option(KEEP_ON, ends=KEEP_ON),))),), "guardian")
GROWN = Script("grown", (Step("grown", ((Option("is_grown"),), (Option(KEEP_ON, ends=KEEP_ON),))),), "guardian")
