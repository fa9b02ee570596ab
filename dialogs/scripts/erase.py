"""The one question before everything about somebody is erased; a button or a typed yes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from dialogs.engine import Option, Read, Script, Step, Value

ERASE_IT, KEEP_IT = "erase", "keep"
_SAID: Mapping[str, tuple[str, ...]] = {
    ERASE_IT: (
        "yes", "y", "yes please", "erase", "erase it", "erase everything", "yes erase everything", "delete it",
        "sí", "si", "sí por favor", "borrarlo todo", "bórralo todo", "oui", "oui s'il te plaît", "tout effacer",
        "efface tout", "ja", "ja bitte", "alles löschen", "lösch alles", "ja alles löschen",
    ),
    KEEP_IT: (
        "no", "n", "no thanks", "no thank you", "keep", "keep it", "keep everything", "cancel",
        "no gracias", "conservarlo", "déjalo", "cancelar", "non", "non merci", "tout garder", "annuler",
        "nein", "nein danke", "behalten", "abbrechen",
    ),
}  # fmt: skip


def _sure(text: str, _today: date) -> Read:
    """A plain yes or no. Anything longer is words for a human, and never a yes."""
    said = " ".join(text.casefold().replace("’", "'").replace(",", " ").strip(" .!").split())
    return next((Value(meant) for meant, words in _SAID.items() if said in words), None)


ERASE = Script(
    "erase",
    (Step("sure", ((Option(ERASE_IT, ends=ERASE_IT),), (Option(KEEP_IT, ends=KEEP_IT),)), reads=_sure),),
    "rights",
)
