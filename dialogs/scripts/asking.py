"""The one plain question where a red flag is possible but unsure; and putting a transcript right."""

from __future__ import annotations

from datetime import date

from dialogs.engine import Option, Read, Script, Step, Value
from dialogs.scripts.readers import words

IS_NOW, EARLIER, NO = "is_now", "earlier", "not_meant"
_SAID = {
    IS_NOW: (
        "yes", "y", "yeah", "yep", "yes now", "now", "right now", "it is", "it does", "yes it is", "yes it does",
        "si", "sí", "oui", "ja",
    ),
    EARLIER: (
        "earlier", "it was earlier", "before", "yesterday", "not now", "it was", "not any more", "gone now",
        "antes", "avant", "vorher",
    ),
    NO: (
        "no", "n", "nope", "nah", "no no", "no a figure of speech", "no figure of speech", "just a figure of speech",
        "figure of speech", "joke", "joking", "just joking", "lol no", "haha no", "non", "nein",
    ),
}  # fmt: skip


def _meant(text: str, _today: date) -> Read:
    """A plain yes, earlier or no. Anything longer is words, is read as such, and leaves the question open."""
    said = " ".join(text.casefold().replace(",", " ").strip(" .!").split())
    return next((Value(meant) for meant, words in _SAID.items() if said in words), None)


SURE = Script("sure", (Step("sure", ((Option(IS_NOW),), (Option(EARLIER),), (Option(NO),)), reads=_meant),), "asking")
CORRECT = Script("correct", (Step("words", ((Option("cancel", ends="cancelled"),),), reads=words),), "asking")
