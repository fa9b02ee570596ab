"""What somebody's next days look like, read from words: "Tue and Thu no, Wed 45 min", "only Sat", "away Mon to Wed".

Read are days and what holds on them, in English, Spanish, French and German, and nothing is guessed: a word that we do
not know between a day and what holds on it parts the two ("no pain on Tuesday" says nothing about time). What is not
understood as a whole is no answer, and goes to a human like any other words.

    Tue and Thu no, Wed 45 min     the day comes first: what follows holds on the days before it
    no Tue, 45 min Wed and Fri     what holds comes first: it does on the days behind it, up to the next
    only Sat and Sun               none of the other days
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import cache

from babel.dates import get_day_names

from dialogs.engine import Read, Value
from dialogs.wording import locale

AHEAD = 7  # days from tomorrow on
NONE = 0
FREE = -1  # the whole day, as far as we know
DAYS_LONG = 160
MOST = 600  # minutes; more than that is no time that somebody has for running
_DAY = timedelta(days=1)

_USUAL = re.compile(
    r"(?:all )?(?:as|like) (?:usual|always|ever)|(?:the )?same as (?:usual|always|ever)|(?:a )?normal(?: week)?"
    r"|nothing special|como siempre|lo de siempre|comme d habitude|comme toujours|wie immer|wie ublich|alles normal"
)
_FINE = re.compile(r"no (?:problem|worries|limits?)|pas de (?:probleme|souci)s?|kein problem|sin problemas?")
_CANNOT = re.compile(
    r"(?:do|does|is|are|will|would|can)(?: ?not|nt)(?: work| possible)?|wont(?: work)?|no time|no puedo"
    r"|no (?:es|sera) posible|(?:ne )?(?:peux|peut) pas|pas possible|pas (?:le|de) temps|geht nicht|kann nicht"
    r"|kann ich nicht|keine zeit"
)
_TIME = re.compile(
    r"(?P<h>\d{1,2}(?:[.,]\d)?) ?(?:h|hrs?|hours?|horas?|heures?|std|stunden?)(?: ?(?P<hm>[0-5]\d))?(?: ?(?:min|m))?\b"
    r"|(?P<min>\d{2,3}) ?(?:min(?:ute[ns]?|utos?)?|mins|m)?\b"
    r"|(?P<half>half an hour|media hora|une demi heure|eine halbe stunde)"
    r"|(?P<one>an hour|una hora|une heure|eine stunde)"
)
_WORD = re.compile(r"\w+|.")
_NO = frozenset(
    "no not none nothing off never cant cannot away busy travel traveling travelling trip nada nunca fuera viaje viajo "
    "ocupado ocupada pas rien jamais absent absente voyage deplacement occupe occupee nein nicht kein keine nichts weg "
    "unterwegs reise verreist beschaftigt".split()
)
_FREE = frozenset("free yes ok okay fine libre si oui frei ja possible works".split())
_ONLY = frozenset("only just solo solamente seulement uniquement nur".split())
_RANGE = frozenset("to till until through a al hasta au jusqu bis".split())
_UNTIL = re.compile(r"\b(?:away|off|gone|out|weg|fuera|absente?|unterwegs|verreist) (?:until|till?|bis|hasta|jusqu)\b")
_SPANS: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("weekend", "weekends", "wochenende", "finde"), (5, 6)),
    **dict.fromkeys(("weekdays", "wochentags"), (0, 1, 2, 3, 4)),
    **dict.fromkeys(("fin de semana", "week end"), (5, 6)),
    **dict.fromkeys(("all week", "whole week", "every day", "each day"), tuple(range(7))),
    **dict.fromkeys(("toda la semana", "toute la semaine", "ganze woche"), tuple(range(7))),
}
_FILL = frozenset(
    "i im am ive have got will can do be is are its on in at the this next coming for with about around max maximum up "
    "of and or but then also run running train training time work at most least maybe probably el la los las y o pero "
    "tengo puedo estoy de en proximo le les et ou mais j ai je suis peux du der die das und oder aber ich bin habe "
    "kann there week".split()
)


def availability(text: str, today: date) -> Read:
    """The minutes on each of the next days that was named (0: none), and the words. None: no answer to this."""
    said = _plain(text)
    if _USUAL.fullmatch(said.strip(" .")):
        return Value({"free": [], "words": text.strip()})
    if _UNTIL.search(said):
        return None  # "away until Friday" names the first day back, and is a wish of its own: dialogs.life
    ahead = {(day := today + n * _DAY).weekday(): day for n in range(1, AHEAD + 1)}
    found: dict[int, int] = {}
    for sentence in re.split(r"[.;\n!?]+", said):
        found |= _sentence(sentence)
    free = [[ahead[number].isoformat(), found[number]] for number in sorted(found, key=lambda one: ahead[one])]
    return Value({"free": [one for one in free if one[1] != FREE], "words": text.strip()}) if found else None


def only_days(text: str) -> bool:
    """Is this nothing but days and what holds on them ("Mon no, Fri 20 min")? One other word, and it is not. Whoever
    writes more than DAYS_LONG signs says more than that; so any text is answered at once, however long it is."""
    if len(text) > DAYS_LONG:
        return False
    kinds = {kind for sentence in re.split(r"[.;\n!?]+", _plain(text)) for kind, _ in _parts(sentence)}
    return "days" in kinds and "unknown" not in kinds


def _sentence(said: str) -> dict[int, int]:
    """By weekday: minutes, or FREE."""
    found: dict[int, int] = {}
    days: list[int] = []
    holds: int | None = None
    first: str | None = None  # what came first in it: a day, or what holds
    only = joined = False  # `joined`: "Tue to" waits for the other end
    for kind, value in _parts(said):
        if kind == "only":
            only = True
        elif kind == "range":
            joined = bool(days)
        elif kind == "days":
            first = first or kind
            days = _up_to(days, value) if joined else ([*days, *value] if first == "days" or not days else [*value])
            joined = False
            if first == "holds" and holds is not None:
                found |= dict.fromkeys(days, holds)
        elif kind == "holds":
            first = first or kind
            holds = value[0]
            if first == "days":
                found |= dict.fromkeys(days, holds)
            days, joined = [], False
        else:  # a word between them that we do not know
            days, holds, joined = [], None, False
    if only and first == "days" and (days or found):
        named = {*days, *found}
        found |= {number: NONE for number in range(7) if number not in named} | dict.fromkeys(
            set(days) - set(found), FREE
        )
    return found


def _parts(said: str) -> Iterable[tuple[str, tuple[int, ...]]]:
    """What a sentence is made of, in its order; fill words are left out."""
    at = 0
    while at < len(said):
        rest = said[at:]
        if (gap := re.match(r"[\s,:()/]+", rest)) is not None:
            at += gap.end()
        elif (dash := re.match(r"[-–]", rest)) is not None:
            yield "range", ()
            at += dash.end()
        elif (hit := _whole(_FINE, rest)) is not None:
            yield "holds", (FREE,)
            at += hit
        elif (hit := _whole(_CANNOT, rest)) is not None:
            yield "holds", (NONE,)
            at += hit
        elif (time := _TIME.match(rest)) is not None:
            yield "holds", (_minutes(time),)
            at += time.end()
        elif (span := next((one for one in _SPANS if re.match(rf"{one}\b", rest)), None)) is not None:
            yield "days", _SPANS[span]
            at += len(span)
        else:
            word = _WORD.findall(rest)[0]
            yield from _word(word)
            at += len(word)


def _word(word: str) -> Iterable[tuple[str, tuple[int, ...]]]:
    if word in _weekdays():
        yield "days", (_weekdays()[word],)
    elif word in _NO:
        yield "holds", (NONE,)
    elif word in _FREE:
        yield "holds", (FREE,)
    elif word in _ONLY:
        yield "only", ()
    elif word in _RANGE:
        yield "range", ()
    elif word not in _FILL:
        yield "unknown", ()


def _whole(pattern: re.Pattern[str], rest: str) -> int | None:
    found = pattern.match(rest)
    return found.end() if found and not re.match(r"\w", rest[found.end() :]) else None


def _minutes(time: re.Match[str]) -> int:
    if time["half"] or time["one"]:
        return 30 if time["half"] else 60
    if time["h"]:
        return min(round(float(time["h"].replace(",", ".")) * 60) + int(time["hm"] or 0), MOST)
    return min(int(time["min"]), MOST)


def _up_to(days: list[int], ends: tuple[int, ...]) -> list[int]:
    """From the last day that was named to this one, over the end of the week where it must be."""
    start, end = days[-1], ends[-1]
    return [*days, *((start + n) % 7 for n in range(1, (end - start) % 7 + 1))]


def _plain(text: str) -> str:
    """Small letters without accents; an apostrophe in English joins ("can't"), in French it parts ("j'ai")."""
    said = unicodedata.normalize("NFKD", text.casefold().replace("’", "'").replace("ß", "ss"))
    said = "".join(sign for sign in said if unicodedata.category(sign) != "Mn")
    said = re.sub(r"(\w)n't\b", r"\1nt", said)
    said = re.sub(r"\bi'm\b", "im", said)
    return re.sub(r"['`]", " ", re.sub(r"(\d)[.,](\d)", r"\1,\2", said))


@cache
def _weekdays() -> Mapping[str, int]:
    """Their names in all languages, whole, short, and as many."""
    names: dict[str, int] = {}
    for language in ("de", "fr", "es", "en"):
        for width in ("short", "abbreviated", "wide"):
            for number, name in get_day_names(width, "stand-alone", locale(language)).items():
                short = _plain(str(name)).rstrip(".")
                if len(short) > 2 or (language == "de" and short not in ("so", "do", "di", "mi")):
                    names[short] = number
    names |= {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
    return names | {f"{name}s": number for name, number in names.items() if len(name) > 5 and not name.endswith("s")}
