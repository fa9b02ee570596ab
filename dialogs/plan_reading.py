"""What plan files have in common, whoever wrote them: their values, their limits, and what words and numbers mean.

Nothing is guessed where a wrong guess would stay unseen. What a file leaves open stays open in the session; what can be
read in two ways, or not at all, is a Problem with the number of its line, and the coach decides about it (see
`plan_files`). Only a kind is taken from free words ("Langer Lauf 25 km"), by the table below, because it stands before
the coach's eyes in what an import would do.

A title may hold two sessions ("easy run + core"). That is a problem, too: as one session half of it would be lost.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from itertools import chain
from typing import TypeVar

from markupsafe import Markup

from dialogs import render
from dialogs.model import Json, Session
from dialogs.plan import KINDS, RUNS

MAX_BYTES = 1_000_000  # two years of sessions with long texts are a fifth of that
MAX_SESSIONS = 2_000
MAX_TEXT = 2_000  # characters; a message of Telegram holds 4096, and a day may have two sessions
BEFORE, AHEAD = timedelta(days=400), timedelta(days=800)  # around today: what is further is a slip in the year
RANGES = {"minutes": (0, 2880), "km": (0, 500), "descent": (0, 30_000), "effort": (0, 10)}
KM_PER_MILE = 1.609344
_HEARD = 400  # characters in which a kind or a length is looked for
_SHOWN = 60  # characters of a cell that a problem shows
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that could not be read, or (as a note) that should be known.

    line  as an editor shows it, the first is 1; 0: the file as a whole
    what  the id of a text, `data` fills it
    """

    line: int
    what: str
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """What a file says. Sessions are in the order of their days, without ids; problems in the order of lines. `notes`
    are no problems: what was left out on purpose, or taken in a way that one should know."""

    sessions: tuple[Session, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def read_as(sessions: Iterable[Session], problems: Iterable[Problem], notes: Iterable[Problem] = ()) -> Read:
    """Too many sessions are none: half of a plan would be worse."""
    found, wrong = sorted(sessions, key=lambda one: one.day), sorted(problems, key=lambda one: one.line)
    if len(found) > MAX_SESSIONS:
        return Read((), (Problem(0, "plan_file.too_many", {"limit": MAX_SESSIONS}), *wrong))
    return Read(tuple(found), tuple(wrong), tuple(notes))


def excerpt(words: str) -> str:
    """A cell or title for the eye: one line, not too long."""
    words = " ".join(tidy(words[:_HEARD]).split())
    return words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"


def tidy(text: str) -> str:
    """Somebody's text as it is kept: line ends are \\n, nothing unprintable, nothing around it."""
    text = re.sub(r"\r\n?", "\n", text)
    return "".join(_printable(sign) for sign in text).strip()


def _printable(sign: str) -> str:
    if sign.isprintable() or sign in "\n\t":
        return sign
    return {"Cc": "", "Cs": "\ufffd"}.get(unicodedata.category(sign), sign)  # half an emoji cannot be written


def plain(text: str) -> str:
    """Lower-case words and digits without accents, one space between them."""
    text = unicodedata.normalize("NFKD", text.casefold())
    text = "".join(sign if sign.isalnum() else " " for sign in text if unicodedata.category(sign) != "Mn")
    return " ".join(text.split())


def within(day: date, today: date) -> bool:
    return today - BEFORE <= day <= today + AHEAD


def letters(data: bytes) -> str:
    """UTF-8, or else what Windows takes for Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            pass
    return data.decode("latin-1")


def shown(session: Session, language: str = "en") -> str:
    """A session in one line."""
    return render.plain(render.text(language, "plan_file.session", {"s": asdict(session)}))


def said(problem: Problem, language: str = "en") -> str:
    """A problem or note in one line, its number in front."""
    about = render.text(language, problem.what, problem.data)
    numbered = render.text(language, "plan_file.numbered", {"line": problem.line, "about": Markup(about)})  # noqa: S704
    return render.plain(numbered)


# --- kinds --------------------------------------------------------------------------------------------------------

# By kind: words and phrases, divided by commas, in English, German, Spanish and French; as `plain` writes them.
_WORDS = {
    "race": """race, race day, parkrun, competition, marathon, half marathon, ultra, wettkampf, halbmarathon,
        competicion, maraton, media maraton, semi marathon""",
    "cross": """cross, cross training, crosstraining, xt, bike, biking, bike ride, cycling, ride, spin, swim, swimming,
        rowing, elliptical, aqua jog, aqua jogging, hike, hiking, walk, walking, ski, skiing, rad, radfahren, rennrad,
        schwimmen, rudern, wandern, crosstrainer, aquajogging, bici, bicicleta, natacion, caminar, velo, natation,
        marche""",
    "strength": """strength, strength training, gym, weights, core, s c, plyo, plyos, plyometric, plyometrics, kraft,
        krafttraining, rumpf, fuerza, pesas, gimnasio, renfo, renforcement, musculation, ppg""",
    "mobility": """mobility, yoga, stretch, stretching, pilates, foam rolling, foam roll, mobilitat, dehnen, movilidad,
        estiramientos, mobilite, etirements""",
    "hills": """hill, hills, hill reps, hill repeats, hill sprints, berg, bergauf, berglauf, berglaufe, bergsprints,
        bergintervalle, cuestas, cotes, cote""",
    "long": """long, long run, lsd, lang, langer, langer lauf, longjog, largo, larga, tirada larga, rodaje largo,
        longue, sortie longue""",
    "speed": """speed, interval, intervals, tempo, tempo run, threshold, fartlek, track, reps, repeats, vo2, vo2max,
        progression, cruise, race pace, marathon pace, goal pace, pace, time trial, intervall, intervalle,
        intervalltraining, schwelle, schwellenlauf, tempolauf, tempolaufe, tempodauerlauf, fahrtspiel,
        wettkampftempo, intervalos, series, ritmo, umbral, seuil, fractionne, vma, allure""",
    "easy": """easy, easy run, recovery, recovery run, jog, jogging, aerobic, base, steady, shakeout, strides, locker,
        lockerer, lockerer lauf, dauerlauf, regeneration, regenerativ, grundlage, ga1, suave, rodaje, trote, footing,
        facile, endurance""",
    "rest": "rest, rest day, off, day off, ruhe, ruhetag, pause, frei, descanso, repos",
    # a run of whatever sort, and what only sounds like a kind
    "run": "run, running, cross country, lauf, laufen, correr, carrera, course, course a pied",
    "": """race week, pre race, post race, after race, race prep, marathon plan, marathon training, marathon week,
        half marathon plan, half marathon training, training plan, off road""",
}
_KIND_OF = {" ".join(word.split()): kind for kind, words in _WORDS.items() for word in words.split(",")}
_ANY_WORD = re.compile(rf"\b(?:{'|'.join(sorted(map(re.escape, _KIND_OF), key=len, reverse=True))})\b")
# "Long ride", "easy swim", "long run with tempo": what it is done with comes before how, the longer before the shorter.
_WEIGHTY = ("race", "cross", "strength", "mobility", "hills", "long", "speed", "easy")
_INTERVALS = re.compile(r"\d ?[x×*] ?\d")
_PARTS, _CELL_PARTS = re.compile(r"[+&]"), re.compile(r"[+&/;|]|\b(?:and|or|und|oder|plus|then)\b", re.IGNORECASE)


def kind_of(words: str) -> str | None:
    """The kind that free words name; None where they name none."""
    text = plain(words)
    first = _ANY_WORD.match(text)
    if first and _KIND_OF[first[0]] == "rest":
        return "rest"  # "rest or easy 5 km": the lighter reading
    named = _named(text)
    for kind in _WEIGHTY:
        if kind in named:
            return kind
    if _INTERVALS.search(words):
        return "speed"
    if "run" in named or distance(words) is not None:
        return "easy"
    return "rest" if "rest" in named else None


def _named(text: str) -> set[str]:
    return {_KIND_OF[found[0]] for found in _ANY_WORD.finditer(text)}


def any_run(words: str) -> bool:
    """Do they say that it is a run, and not which?"""
    return _named(plain(words)) == {"run"} and not _INTERVALS.search(words)


def kinds_of(title: str, more: str = "") -> set[str]:
    """The kind that a free title names, or else what stands below it; two where it names two sessions."""
    title, more = title[:_HEARD], more[:_HEARD]
    if two_sessions(title):
        return {kind for part in _PARTS.split(title) if (kind := kind_of(part)) is not None}
    kind = kind_of(title) or kind_of(more)
    return set() if kind is None else {kind}


def two_sessions(words: str, between: re.Pattern[str] = _PARTS) -> bool:
    """Do free words name two sessions of different sorts? "Easy + strides" is one run; "easy + core" is not."""
    kinds = {kind_of(part) for part in between.split(words)} - {None}
    return len({"run" if kind in RUNS else kind for kind in kinds}) > 1


def kinds_in(cell: str) -> set[str]:
    """The kinds that a cell made for one names: "easy/long" and "easy and strength" name two."""
    cell = cell[:_HEARD]
    if (text := plain(cell)) in KINDS:
        return {text}
    parts = cell.split(",") if two_sessions(cell, re.compile(",")) else _CELL_PARTS.split(cell)
    return {kind for part in parts if (kind := kind_of(part)) is not None}


# --- numbers ------------------------------------------------------------------------------------------------------

_HOURS = r"(?:h|hrs?|hours?|std|stunden?|horas?|heures?)"
_MINUTES = r"(?:min|mins|minutes?|minuten?|minutos?|mn|'|\u2032|’)"
_TIME = re.compile(
    rf"(?P<h3>\d{{1,2}}):(?P<m3>[0-5]\d):[0-5]\d|"
    rf"(?P<h2>\d{{1,2}}):(?P<m2>[0-5]\d) ?{_HOURS}\b|"
    rf"(?P<hd>\d{{1,2}}[.,]\d{{1,2}}) ?{_HOURS}\b|"
    rf"(?P<h1>\d{{1,2}}) ?{_HOURS}(?: ?(?P<m1>[0-5]?\d) ?(?:{_MINUTES}|m)?)?(?!\w)|"
    rf"(?P<m>\d{{1,4}}) ?{_MINUTES}(?!\w)",
    re.IGNORECASE | re.ASCII,
)
_WAY = re.compile(
    r"(?P<n>\d{1,3}(?:[.,]\d{1,3})?) ?(?:(?P<km>kms?|k|kilomet(?:er|re)s?|kilometros|kilómetros)|"
    r"(?P<mi>mi|miles?|meilen|millas))(?!\w)",
    re.IGNORECASE | re.ASCII,
)
# Not in front of it: a part of a longer number or a range, "6 x", "last". Not behind it: a pace, a break.
_NOT_BEFORE = re.compile(
    r"(?:[\w:.,/–-]|\d ?[x×*] ?|\b(?:last|final|first|with|every|each|letzten?|derni[eè]rs?) )$", re.IGNORECASE
)
_NOT_BEHIND = re.compile(r" ?/| ?(?:pace|effort|rest|off|break|recover\w*|jog\b|pause|trab\w*)", re.IGNORECASE)


def duration(words: str) -> int | None:
    """Minutes that free words name ("1h20", "45'", "90 min"), if they name just one length."""
    return _only(minutes_of(found) for found in _TIME.finditer(words) if _stands_alone(found))


def distance(words: str) -> float | None:
    """Kilometres that free words name ("10 km", "6 mi", "5k"), if they name just one distance."""
    return _only(km_of(found) for found in _WAY.finditer(words) if _stands_alone(found))


def told(title: str, more: str) -> tuple[int | None, float | None]:
    """Minutes and kilometres of a title, or of what stands below it where the title speaks of none."""
    title, more = title[:_HEARD], more[:MAX_TEXT]
    return (
        duration(title if _TIME.search(title) else more),
        distance(title if _WAY.search(title) else more),
    )


def _stands_alone(found: re.Match[str]) -> bool:
    before = found.string[max(0, found.start() - 12) : found.start()]
    return _NOT_BEFORE.search(before) is None and _NOT_BEHIND.match(found.string, found.end()) is None


def _only(values: Iterable[_T]) -> _T | None:
    several = set(values)
    return several.pop() if len(several) == 1 else None


def minutes_of(found: re.Match[str]) -> int:
    if found["hd"]:
        return round(float(found["hd"].replace(",", ".")) * 60)
    hours = next(chain(filter(None, (found["h3"], found["h2"], found["h1"])), "0"))
    minutes = next(chain(filter(None, (found["m3"], found["m2"], found["m1"], found["m"])), "0"))
    return int(hours) * 60 + int(minutes)


def km_of(found: re.Match[str]) -> float:
    number = float(found["n"].replace(",", "."))
    return number if found["km"] else round(number * KM_PER_MILE, 2)


def minutes_in(cell: str) -> int | None:
    """Minutes in a cell made for them: "45", "45 min", "1:20", "1h20". None: none, or "45:00", which may be hours."""
    if whole := re.fullmatch(r"(\d{1,5})(?:[.,]0+)?", cell, re.ASCII):
        return int(whole[1])
    if clock := re.fullmatch(r"(0?\d):([0-5]\d)", cell, re.ASCII):
        return int(clock[1]) * 60 + int(clock[2])
    found = _TIME.fullmatch(cell)
    return minutes_of(found) if found else None


def number_in(cell: str, *, comma: bool) -> float | None:
    """A plain number; with `comma` its decimals may stand behind one."""
    if comma and "." not in cell:
        cell = cell.replace(",", ".")
    return float(cell) if re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", cell, re.ASCII) else None


def decimal(number: float) -> str:
    """As `number_in` reads it, with ten decimals at most."""
    return f"{number:.10f}".rstrip("0").rstrip(".")


def km_in(cell: str) -> float | None:
    """Kilometres in a cell that names its unit."""
    found = _WAY.fullmatch(cell)
    return km_of(found) if found else None


def out_of_range(line: int, session: Session) -> Problem | None:
    """The first number of a session that no session has."""
    for name, (low, high) in RANGES.items():
        value = getattr(session, name)
        if value is not None and not low <= value <= high:
            return Problem(line, "plan_file.range", {"column": name, "words": f"{value:g}", "low": low, "high": high})
    if len(session.text) > MAX_TEXT:
        return Problem(line, "plan_file.text_long", {"limit": MAX_TEXT})
    return None
