"""What a coach writes about an athlete, and an athlete about themselves: one question each."""

from __future__ import annotations

from datetime import date

from dialogs.engine import Option, Read, Script, Step, Value, Wrong

MOST = 1000  # signs in one entry: the dossier is a page, and no archive
FIELDS = ("injuries", "goal", "fears", "family", "helps", "contact", "strength", "shoes")
_CANCEL = (Option("cancel", ends="cancelled"),)


def entry(text: str, _today: date) -> Read:
    return Value(text.strip()) if len(text.strip()) <= MOST else Wrong("problem.entry_too_long")


# One talk is about one field, which whoever opens it knows: the other questions are not asked.
ME = Script(
    "me", tuple(Step(name, ((Option("empty"), *_CANCEL),), reads=entry, when=("field", (name,))) for name in FIELDS),
    "dossier",
)  # fmt: skip
ADD = Script("add", (Step("add", (_CANCEL,), reads=entry),), "dossier")
JOT = Script("jot", (Step("jot", (_CANCEL,), reads=entry),), "dossier")
# Which of two athletes of one name; what goes on then stands in the slots `then` and `rest`.
WHOM = Script("whom", (Step("whom", (_CANCEL,), offered=True),), "desk")
