"""What somebody says of a pain: where, on which side, how strong, when. Only what stands in the words, never a guess.

    "my left shin, 4/10, worse after" -> Ache(place="shin", side="left", score=4, when="after")

What is missing is None, and is asked for; what was understood is said back, so that it can be corrected. English, and
the plainest words of Spanish, French and German. Whether it is a pain at all, and how soon a human must hear of it, is
not decided here (see `triage`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from dialogs.words.phrases import plain

# Where a pain sits decides before how strong it is. The pain-monitoring model ("up to 5 of 10 may be carried on",
# Silbernagel 2007) was made for tendons; a bone that hurts on running is not run on until a person has looked.
BONE_LIKE = ("shin", "foot", "groin", "sacrum")
PLACES = ("shin", "foot", "knee", "calf", "achilles", "hamstring", "hip", "groin", "sacrum", "back")

_NAMES = {
    "shin": "shin shins tibia tibias shinbone espinilla tibia schienbein schienbeine",
    "foot": "foot feet metatarsal metatarsals heel heels arch toe toes instep pie pies talon pied pieds talon fuss "
    "fusse ferse mittelfuss",
    "knee": "knee knees kneecap patella rodilla rodillas genou genoux knie",
    "calf": "calf calves soleus gemelo gemelos pantorrilla mollet mollets wade waden",
    "achilles": "achilles tendoachilles aquiles achillessehne",
    "hamstring": "hamstring hamstrings hammy hammie isquio isquios ischio ischios oberschenkelruckseite",
    "hip": "hip hips cadera caderas hanche hanches hufte huften",
    "groin": "groin pubic adductor adductors ingle aine leiste",
    "sacrum": "sacrum tailbone coccyx sacro coxis coccyx steissbein",
    "back": "back spine lumbar espalda lumbares dos rucken kreuz",
}
_PLACE = {word: place for place, words in _NAMES.items() for word in words.split()}
_GOING = (
    "came come coming go going went get getting got run ran way be am im was is are been drive drove straight welcome "
    "head headed hold write call text bring look looking dial pull step cut fight bounce right all"
).replace(" ", "|")
_THEN = "to in on from at home by for then when again out up into soon later of".replace(" ", "|")
_NOT_A_PLACE = re.compile(  # "back home", "get my back up", "on foot", "foot of the hill", "hip hop", "5 foot 2"
    rf"\b(?:(?:{_GOING}) back|back (?:{_THEN})|on foot|by foot|foot of|square foot|[0-9]+ ?foot|hip hop|toe the line"
    r"|pieds? nus|de (?:nuevo|dos)|a pie|de pie)\b"
)
_NOT_A_SIDE = re.compile(  # "hurts right now", "left work early", "there is no milk left"
    r"\bright (?:now|away|after|before|in|on|at|there|here|as|when|up|through|where|from)\b|\ball right\b"
    r"|\bleft (?:work|home|early|late|the|my|it|for|at|in|school|town|her|him|them|out|over)\b"
    r"|\b(?:no|any|days|weeks) left\b"
)
_LEFT = frozenset("left lefty lhs izquierda izquierdo izq gauche linke linken linker linkes links".split())
_RIGHT = frozenset("right rhs derecha derecho dcha droite droit rechte rechten rechter rechtes rechts".split())
_BOTH = frozenset("both ambas ambos deux beide beiden shins knees calves hips feet ankles".split())

_SCORE = re.compile(
    r"(?<![\d.,/])(10|[0-9])(?:[.,][0-9])?\s?(?:/\s?10|out of (?:10|ten)|of 10|sur 10|de 10|von 10)"
    r"(?!\d|\s?(?:x|k|km|reps?|sets?|intervals?|miles?|sessions?|runs?|times|days|weeks|minutes|min)\b)"
)
_WHEN = (
    ("night", r"at night|in the night|wakes? me|woke me|in bed|por la noche|la nuit|nachts|in der nacht"),
    ("morning", r"first thing|first steps|in the mornings?|getting out of bed|por la manana|le matin|morgens"),
    ("stairs", r"stairs|steps down|escaleras|escaliers?|treppen?"),
    ("downhill", r"down ?hills?|descents?|descending|bajadas?|descentes?|bergab"),
    ("uphill", r"up ?hills?|climbs?|climbing|subidas?|montees?|bergauf"),
    ("after", r"after|afterwards|once i stop|cool(?:ed)? down|despues|apres|danach|hinterher"),
    ("walking", r"walk(?:s|ing)?|caminar|andar|marchant|marche|gehen"),
    ("running", r"when i run|on the run|while running|running|each (?:step|stride)|every (?:step|stride|km|mile)|"
     r"corriendo|correr|courant|beim laufen"),
)  # fmt: skip
_WHENS = tuple((name, re.compile(rf"\b(?:{words})\b")) for name, words in _WHEN)
_OTHER_SCORE = re.compile(
    r"\b(?:effort|rpe|sleep|slept|mood|energy|stress|motivation|session|legs|week|day)\W{0,3}(?:\w+\W{1,3}){0,2}$"
)
_WORD = re.compile(r"[\w'’]+")
LONGEST = 1_000  # characters that are looked at: who writes more is read by a human, and asked nothing


@dataclass(frozen=True, slots=True)
class Ache:
    """`place` is one of PLACES, `side` "left", "right" or "both", `score` 0..10, `when` the name of a moment."""

    place: str | None = None
    side: str | None = None
    score: int | None = None
    when: str | None = None


def read(text: str) -> Ache:
    """What the words say of a pain; all None where they say nothing of it. Raises nothing."""
    head = text[:LONGEST].casefold()
    folded = " ".join(plain(word) for word in _WORD.findall(head))
    words = _NOT_A_PLACE.sub(" ", folded).split()
    named = [_PLACE[word] for word in words if word in _PLACE]
    place = next((one for one in (*BONE_LIKE, *PLACES) if one in named), None)
    return Ache(
        place=place,
        side=_side(_NOT_A_SIDE.sub(" ", folded).split()) if place else None,
        score=next(
            (int(one[1]) for one in _SCORE.finditer(head) if not _OTHER_SCORE.search(head[: one.start()])), None
        ),
        when=next((name for name, pattern in _WHENS if pattern.search(folded)), None),
    )


def _side(words: list[str]) -> str | None:
    said = set(words)
    if said & _BOTH or (said & _LEFT and said & _RIGHT):
        return "both"
    return "left" if said & _LEFT else "right" if said & _RIGHT else None
