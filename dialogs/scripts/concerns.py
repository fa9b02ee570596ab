"""What a coach writes about a concern: a note, and what has come of it. One line each."""

from __future__ import annotations

from dialogs.engine import Option, Script, Step
from dialogs.scripts.readers import words

NOTE = Script("concern_note", (Step("note", ((Option("cancel", ends="cancelled"),),), reads=words),), "concerns")
CAME = Script("came_of", (Step("came", ((Option("nothing_more", ends="cancelled"),),), reads=words),), "concerns")
