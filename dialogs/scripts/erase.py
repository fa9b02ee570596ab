"""The one question before everything about somebody is erased; a button or a typed yes."""

from __future__ import annotations

from datetime import date

from dialogs.engine import Option, Read, Script, Step, Value

ERASE_IT, KEEP_IT = "erase", "keep"
_SAID = {
    ERASE_IT: ("yes", "y", "yes please", "erase", "erase it", "erase everything", "yes erase everything", "delete it"),
    KEEP_IT: ("no", "n", "no thanks", "no thank you", "keep", "keep it", "keep everything", "cancel"),
}


def _sure(text: str, _today: date) -> Read:
    """A plain yes or no. Anything longer is words for a human, and never a yes."""
    said = " ".join(text.casefold().replace(",", " ").strip(" .!").split())
    return next((Value(meant) for meant, words in _SAID.items() if said in words), None)


ERASE = Script(
    "erase",
    (Step("sure", ((Option(ERASE_IT, ends=ERASE_IT),), (Option(KEEP_IT, ends=KEEP_IT),)), reads=_sure),),
    "rights",
)
