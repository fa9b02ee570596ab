"""How typed answers are read. A reader says what it understood, why it cannot be, or that it is no answer at all."""

from __future__ import annotations

import re
from datetime import date, time

from dialogs import places, when
from dialogs.engine import Offer, Read, Reader, Value, Wrong
from dialogs.model import Json
from dialogs.words import aches
from dialogs.words.aches import BONE_LIKE

CLEARLY_LARGER = 20  # London (England) against London (Ontario): nobody wants to be asked
_HOURS = re.compile(
    r"(?:(?:about|around|maybe|unas|casi|environ|etwa|ungefähr|circa) |~)?"
    r"(?P<whole>\d{1,2})(?:[.,](?P<part>\d{1,2})|(?:h|:| h )(?P<minutes>[0-5]\d))? ?"
    r"(?:h|hrs?|hours?|horas?|heures?|stunden?|std)?"
)
_HURTING = frozenset(
    "hurt hurts hurting sore soreness pain pains painful ache aches ached aching achy niggle tender "
    "duele duelen dolor dolores dolorido dolorida molestia mal douleur douleurs douloureux douloureuse "
    "weh schmerz schmerzen schmerzt zwickt".split()
)
_NOT_NOW = frozenset(
    "no not never without gone nothing if better isnt doesnt dont didnt wasnt arent wont his her their dad mum "
    "sin nunca ni ne pas plus sans jamais rien si nicht kein keine keinen ohne nie weg wenn mejor mieux besser "
    "padre madre mari mère père vater mutter sein seine seinem seiner ihr ihre ihrem ihrer".split()
)


def words(text: str, _today: date) -> Read:
    """Anything: it is kept as it is."""
    return Value(text)


def scale(low: int, high: int) -> Reader:
    """A whole number of the scale; other numbers are answered, other words are no answer."""

    def read(text: str, _today: date) -> Read:
        typed = text.strip().rstrip(".!")
        number = re.fullmatch(r"(-?\d{1,4})(?:\s*(?:/|of|out of|de|sur|von)\s*(\d{1,3}))?", typed)
        if number is None:
            return None
        value = int(number[1])
        if number[2] is not None and int(number[2]) != high:
            return Wrong("problem.scale")
        return Value(value) if low <= value <= high else Wrong("problem.scale")

    return read


def hours(text: str, _today: date) -> Read:
    """How long somebody slept, in hours: "5", "5.5", "5,5", "5h30", "5:30", "5 hours"."""
    found = _HOURS.fullmatch(text.strip().casefold().rstrip("."))
    if found is None:
        return None
    slept = int(found["whole"]) + (int(found["minutes"]) / 60 if found["minutes"] else float(f"0.{found['part'] or 0}"))
    return Value(round(slept, 2)) if slept <= 16 else Wrong("problem.sleep_hours")


def pain_place(text: str, _today: date) -> Read:
    """A place we know by name, else the athlete's own words for it. A bone-like place in the words wins."""
    return Value(aches.read(text).place or text.strip()[:80] or "other")


def sore_bone(text: str) -> str | None:
    """A bone-like place that is said to hurt ("my shin is sore"): then how strong is asked. None where it may be a no,
    somebody else's, or no pain at all; such words are kept like all others."""
    said = [
        word.replace("'", "") for word in re.findall(r"[^\W\d_']+(?:'[^\W\d_]+)?", text.casefold().replace("’", "'"))
    ]
    if _NOT_NOW.intersection(said) or not _HURTING.intersection(said):
        return None
    place = aches.read(text).place
    return place if place in BONE_LIKE else None


def hour(text: str, _today: date) -> Read:
    match when.hour(text):
        case time() as at:
            return Value(f"{at:%H:%M}")
        case problem:
            return Wrong(f"problem.{problem.code}")


def later_day(text: str, today: date) -> Read:
    match when.day(text, today):
        case date() as day:
            return Value(day.isoformat())
        case problem:
            return Wrong(f"problem.{problem.code}")


def place(text: str, _today: date) -> Read:
    """A city, or buttons where the name alone does not say which one. A clearly larger namesake is taken as meant."""
    found = places.find(text)
    if not found:
        return Wrong("problem.unknown_place")
    best = found[0]
    same = all((other.zone, other.country) == (best.zone, best.country) for other in found)
    if not best.guess and (same or best.population > CLEARLY_LARGER * found[1].population):
        return Value(place_slot(best))
    return Offer(tuple((place_slot(one), _full_name(one)) for one in found))


def place_slot(found: places.Place) -> dict[str, Json]:
    """What is kept of a place."""
    return {"name": found.name, "zone": found.zone, "country": found.country or None}


def _full_name(found: places.Place) -> str:
    return ", ".join(part for part in (found.name, found.region, found.country_name) if part)
