"""What each language calls days, months and hours: the tables of `when`.

People write in any of the languages, whatever language they are spoken to in, so `when` tries all of them. Here a word
stands only where it is nothing else in another of them: "mar" is March, and martes, and mardi.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from types import MappingProxyType
from typing import Literal

from dateutil.relativedelta import relativedelta

DAY, WEEK = relativedelta(days=1), relativedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Words:
    """What one language calls things; all in lower case, without accents, abbreviations without their dot."""

    weekdays: Mapping[str, int]  # Monday is 0
    months: Mapping[str, int]
    numbers: Mapping[str, int]
    days: Mapping[str, int]  # days from today
    units: Mapping[str, relativedelta]  # what people count in
    hours: Mapping[str, time]
    offsets: Mapping[str, int]  # minutes to add to the hour that follows: "half past"
    halves: Mapping[str, Literal["am", "pm"]]
    following: frozenset[str]  # "next", before the name: of the next week
    fill: frozenset[str]  # may be left out anywhere
    ordinal: str  # a pattern, right behind the digits of a day
    coming: frozenset[str] = frozenset()  # before or behind a weekday: the first to come; beside "week": the next one
    behind: Mapping[str, int] = field(default_factory=dict)  # minutes to add to the hour before: "y media"


def _names(*rows: str, start: int = 0) -> Mapping[str, int]:
    """Numbers the rows; the words in one row mean the same."""
    return MappingProxyType({name: n for n, row in enumerate(rows, start) for name in row.split()})


ENGLISH = Words(
    weekdays=_names(
        "monday mondays mon",
        "tuesday tuesdays tue tues",
        "wednesday wednesdays wed",
        "thursday thursdays thu thur thurs",
        "friday fridays fri",
        "saturday saturdays sat",
        "sunday sundays sun",
    ),
    months=_names(
        "january jan",
        "february feb",
        "march mar",
        "april apr",
        "may",
        "june jun",
        "july jul",
        "august aug",
        "september sep sept",
        "october oct",
        "november nov",
        "december dec",
        start=1,
    ),
    numbers=_names(
        "a an one",
        "two couple",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        start=1,
    ),
    days={"today": 0, "tomorrow": 1, "tmrw": 1, "yesterday": -1, "day after tomorrow": 2, "fortnight": 14},
    units=dict.fromkeys(("day", "days"), DAY)
    | dict.fromkeys(("week", "weeks", "wk", "wks"), WEEK)
    | dict.fromkeys(("month", "months"), relativedelta(months=1)),
    hours={
        "noon": time(12),
        "midday": time(12),
        "12 noon": time(12),
        "midnight": time(0),
        "12 midnight": time(0),
    },
    offsets={
        "half past": 30,
        "half": 30,
        "quarter past": 15,
        "quarter to": -15,
        "ten past": 10,
        "ten to": -10,
        "twenty past": 20,
        "twenty to": -20,
    },
    halves={
        "am": "am",
        "a m": "am",
        "pm": "pm",
        "p m": "pm",
        "morning": "am",
        "afternoon": "pm",
        "evening": "pm",
    },
    following=frozenset({"next"}),
    fill=frozenset(
        {
            "at",
            "around",
            "about",
            "oclock",
            "until",
            "till",
            "til",
            "on",
            "the",
            "this",
            "for",
            "in",
            "of",
            "from",
        }
    ),
    ordinal="(?:st|nd|rd|th)?",
)

SPANISH = Words(
    weekdays=_names(
        "lunes lun", "martes", "miercoles mie", "jueves jue", "viernes vie", "sabado sabados sab", "domingo dom"
    ),
    months=_names(
        "enero ene",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre setiembre",
        "octubre",
        "noviembre",
        "diciembre dic",
        start=1,
    ),
    numbers=_names(
        "un una uno",
        "dos",
        "tres",
        "cuatro",
        "cinco",
        "seis",
        "siete",
        "ocho",
        "nueve",
        "diez",
        "once",
        "doce",
        start=1,
    ),
    days={"hoy": 0, "manana": 1, "pasado manana": 2, "ayer": -1},
    units=dict.fromkeys(("dia", "dias"), DAY)
    | dict.fromkeys(("semana", "semanas"), WEEK)
    | dict.fromkeys(("mes", "meses"), relativedelta(months=1)),
    hours={"mediodia": time(12), "medianoche": time(0), "12 noche": time(0), "doce noche": time(0)},
    offsets={},
    halves={"manana": "am", "madrugada": "am", "tarde": "pm", "noche": "pm"},
    following=frozenset(),
    fill=frozenset(
        "a al de del el en la las lo los hasta desde dentro durante por para este esta sobre hora horas h hs".split()
    ),
    ordinal="[oº]?",
    coming=frozenset({"proximo", "proxima", "que viene"}),
    behind={
        "y media": 30,
        "y cuarto": 15,
        "menos cuarto": -15,
        "y diez": 10,
        "menos diez": -10,
        "y veinte": 20,
        "menos veinte": -20,
    },
)

FRENCH = Words(
    weekdays=_names("lundi lun", "mardi", "mercredi mer", "jeudi jeu", "vendredi ven", "samedi sam", "dimanche dim"),
    months=_names(
        "janvier janv",
        "fevrier fevr",
        "mars",
        "avril avr",
        "mai",
        "juin",
        "juillet juil",
        "aout",
        "septembre",
        "octobre",
        "novembre",
        "decembre",
        start=1,
    ),
    numbers=_names(
        "un une", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf", "dix", "onze", "douze", start=1
    ),
    days={"aujourdhui": 0, "demain": 1, "apres demain": 2, "apres-demain": 2, "hier": -1},
    units=dict.fromkeys(("jour", "jours"), DAY)
    | dict.fromkeys(("semaine", "semaines"), WEEK)
    | {"mois": relativedelta(months=1)},
    hours={"midi": time(12), "minuit": time(0)},
    offsets={},
    halves={
        "matin": "am",
        "apres-midi": "pm",
        "apres midi": "pm",
        "lapres-midi": "pm",
        "lapres midi": "pm",
        "soir": "pm",
    },
    following=frozenset(),
    fill=frozenset(
        "a au aux ce cet cette d dans de des du en environ heure heures jusqu jusqua jusquau l la le les partir "
        "pendant pour vers".split()
    ),
    ordinal="(?:er)?",
    coming=frozenset({"prochain", "prochaine"}),
    behind={"et demie": 30, "et demi": 30, "et quart": 15, "moins quart": -15, "moins dix": -10, "moins vingt": -20},
)

GERMAN = Words(
    weekdays=_names(
        "montag montags mo", "dienstag dienstags di", "mittwoch mittwochs mi", "donnerstag donnerstags",
        "freitag freitags fr", "samstag samstags sonnabend sa", "sonntag sonntags so",
    ),
    months=_names(
        "januar janner jan", "februar feb", "marz", "april apr", "mai", "juni jun", "juli jul", "august aug",
        "september sep sept", "oktober okt", "november nov", "dezember dez", start=1,
    ),
    numbers=_names(
        "ein eine einen einem einer eins", "zwei", "drei", "vier", "funf", "sechs", "sieben", "acht", "neun", "zehn",
        "elf", "zwolf", start=1,
    ),
    days={"heute": 0, "morgen": 1, "ubermorgen": 2, "gestern": -1},
    units=dict.fromkeys(("tag", "tage", "tagen"), DAY)
    | dict.fromkeys(("woche", "wochen"), WEEK)
    | dict.fromkeys(("monat", "monate", "monaten"), relativedelta(months=1)),
    hours={"mittag": time(12), "mittags": time(12), "mitternacht": time(0)},
    offsets={"halb": -30, "viertel nach": 15, "viertel vor": -15, "zehn nach": 10, "zehn vor": -10, "zwanzig nach": 20,
             "zwanzig vor": -20},
    halves={"morgens": "am", "fruh": "am", "vormittags": "am", "nachmittags": "pm", "abends": "pm"},
    following=frozenset({"nachste", "nachsten", "nachster", "nachstes"}),
    fill=frozenset(
        "ab am an auf bis bei dem den der des die dieser diese diesen fur gegen im in um uhr von vom zu zum zur".split()
    ),
    ordinal="",
    coming=frozenset({"kommende", "kommenden", "kommender"}),
)  # fmt: skip

LANGUAGES = (ENGLISH, SPANISH, FRENCH, GERMAN)
