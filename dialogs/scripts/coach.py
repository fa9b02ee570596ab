"""What a coach does with more than one tap: writing to an athlete."""

from __future__ import annotations

from dialogs.engine import Option, Script, Step
from dialogs.scripts.readers import words

RELAY = Script("relay", (Step("words", ((Option("cancel", ends="cancelled"),),), reads=words),), "coach")
