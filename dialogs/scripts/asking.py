"""The one plain question where a red flag is possible but unsure; and putting a transcript right."""

from __future__ import annotations

from datetime import date

from dialogs.engine import Option, Read, Script, Step, Value
from dialogs.scripts.readers import words

IS_NOW, EARLIER, NO = "is_now", "earlier", "not_meant"
_SAID = {
    IS_NOW: (
        "yes", "y", "yeah", "yep", "yes now", "now", "right now", "it is", "it does", "yes it is", "yes it does",
        "si", "sí", "sí ahora", "ahora", "ahora mismo", "oui", "oui maintenant", "maintenant", "en ce moment",
        "ja", "ja jetzt", "jetzt", "jetzt gerade", "gerade jetzt",
    ),
    EARLIER: (
        "earlier", "it was earlier", "before", "yesterday", "not now", "it was", "not any more", "gone now",
        "antes", "fue antes", "ayer", "ya no", "avant", "c'était avant", "plus maintenant",
        "vorher", "vorhin", "es war vorhin", "früher", "gestern", "nicht mehr", "jetzt nicht",
    ),
    NO: (
        "no", "n", "nope", "nah", "no no", "no a figure of speech", "no figure of speech", "just a figure of speech",
        "figure of speech", "joke", "joking", "just joking", "lol no", "haha no",
        "no era broma", "era broma", "es broma", "es una broma", "no no lo decía en ese sentido",
        "non", "non non", "c'était une blague", "je rigole", "je plaisante", "non ce n'était pas dit comme ça",
        "nein", "nee", "nein nein", "war ein witz", "nur ein witz", "nur spass", "nein so war es nicht gemeint",
    ),
}  # fmt: skip


def _meant(text: str, _today: date) -> Read:
    """A plain yes, earlier or no. Anything longer is words, is read as such, and leaves the question open."""
    said = " ".join(text.casefold().replace("’", "'").replace(",", " ").strip(" .!").split())
    return next((Value(meant) for meant, words in _SAID.items() if said in words), None)


SURE = Script("sure", (Step("sure", ((Option(IS_NOW),), (Option(EARLIER),), (Option(NO),)), reads=_meant),), "asking")
CORRECT = Script("correct", (Step("words", ((Option("cancel", ends="cancelled"),),), reads=words),), "asking")
