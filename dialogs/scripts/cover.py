"""What a coach is asked before it is done: leaving, and a letter to all of their athletes."""

from __future__ import annotations

from datetime import date

from dialogs.engine import Option, Read, Script, Step, Value

LEAVE_IT, STAY = "leave_now", "stay_coach"
SEND, CANCEL = "send", "cancel"
_SAID = {LEAVE_IT: ("yes", "yes leave", "leave"), STAY: ("no", "stay", "cancel")}


def _sure(text: str, _today: date) -> Read:
    said = " ".join(text.casefold().replace(",", " ").strip(" .!").split())
    return next((Value(meant) for meant, words in _SAID.items() if said in words), None)


LEAVE = Script(
    "leave",
    (Step("sure", ((Option(LEAVE_IT, ends=LEAVE_IT),), (Option(STAY, ends=STAY),)), reads=_sure),),
    "passing",
)
BROADCAST = Script(
    "broadcast",
    (Step("preview", ((Option(SEND, ends=SEND), Option(CANCEL, ends="cancelled")),)),),
    "broadcast",
)
