"""What athletes type for where they live, and what they get."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs import places
from dialogs.places import at, country_of_zone, find
from dialogs.timing import known_zone, zone_names

# what was typed, the first answer's name, country and zone
TYPED = [
    ("London", "London", "GB", "Europe/London"),
    ("london", "London", "GB", "Europe/London"),
    ("  LONDON. ", "London", "GB", "Europe/London"),
    ("London, UK", "London", "GB", "Europe/London"),
    ("London, Ontario", "London", "CA", "America/Toronto"),
    ("London Ontario", "London", "CA", "America/Toronto"),
    ("London, ON, Canada", "London", "CA", "America/Toronto"),
    ("münchen", "Munich", "DE", "Europe/Berlin"),
    ("Muenchen", "Munich", "DE", "Europe/Berlin"),
    ("munich", "Munich", "DE", "Europe/Berlin"),
    ("Sao Paulo", "São Paulo", "BR", "America/Sao_Paulo"),
    ("zurich", "Zürich", "CH", "Europe/Zurich"),
    ("İstanbul", "Istanbul", "TR", "Europe/Istanbul"),
    ("lodz", "Łódź", "PL", "Europe/Warsaw"),
    ("Geneva", "Geneva", "CH", "Europe/Zurich"),
    ("Cologne", "Köln", "DE", "Europe/Berlin"),
    ("Chamonix", "Chamonix-Mont-Blanc", "FR", "Europe/Paris"),
    ("chamonix mont blanc", "Chamonix-Mont-Blanc", "FR", "Europe/Paris"),
    ("Zermatt", "Zermatt", "CH", "Europe/Zurich"),
    ("Kiev", "Kyiv", "UA", "Europe/Kyiv"),
    ("Bombay", "Mumbai", "IN", "Asia/Kolkata"),
    ("NYC", "New York City", "US", "America/New_York"),
    ("LA", "Los Angeles", "US", "America/Los_Angeles"),
    ("Washington, D.C.", "Washington", "US", "America/New_York"),
    ("Paris", "Paris", "FR", "Europe/Paris"),
    ("Paris, Texas", "Paris", "US", "America/Chicago"),
    ("paris tx", "Paris", "US", "America/Chicago"),
    ("Portland Oregon", "Portland", "US", "America/Los_Angeles"),
    ("Portland, Maine, USA", "Portland", "US", "America/New_York"),
    ("Valencia Spain", "Valencia", "ES", "Europe/Madrid"),
    ("Valencia, España", "Valencia", "ES", "Europe/Madrid"),
    ("San Jose Costa Rica", "San José", "CR", "America/Costa_Rica"),
    ("Perth, Scotland", "Perth", "GB", "Europe/London"),
    ("Perth, WA", "Perth", "AU", "Australia/Perth"),
    ("Москва", "Moscow", "RU", "Europe/Moscow"),
    ("תל אביב", "Tel Aviv", "IL", "Asia/Jerusalem"),
    ("\u200fتهران\u200e", "Tehran", "IR", "Asia/Tehran"),
    ("东京", "Tokyo", "JP", "Asia/Tokyo"),
    ("Latvia", "Latvia", "LV", "Europe/Riga"),
    ("Deutschland", "Germany", "DE", "Europe/Berlin"),
    ("UK", "United Kingdom", "GB", "Europe/London"),
    ("Pitcairn", "Pitcairn", "PN", "Pacific/Pitcairn"),
    ("Colorado", "Colorado", "US", "America/Denver"),
    ("Europe/Riga", "Riga", "LV", "Europe/Riga"),
    ("america/new york", "New York", "US", "America/New_York"),
    ("UTC", "UTC", "", "UTC"),
]


@pytest.mark.parametrize(("text", "name", "country", "zone"), TYPED)
def test_a_typed_place_is_found(text: str, name: str, country: str, zone: str) -> None:
    best = find(text)[0]
    assert (best.name, best.country, best.zone, best.guess) == (name, country, zone, False)


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("London", ["England", "Ontario"]),
        ("Springfield", ["Missouri", "Massachusetts", "Illinois"]),
        ("Portland", ["Oregon", "Maine"]),
        ("Birmingham", ["England", "Alabama"]),
    ],
)
def test_a_name_that_several_towns_bear_offers_them_with_their_region(text: str, offered: list[str]) -> None:
    assert [place.region for place in find(text)][: len(offered)] == offered


def test_a_town_that_was_once_called_so_gives_way_to_one_that_is() -> None:
    assert all(place.name == "York" for place in find("York"))


def test_a_country_with_several_zones_offers_the_largest_town_of_each() -> None:
    assert [place.zone for place in find("Spain")] == ["Europe/Madrid", "Atlantic/Canary", "Africa/Ceuta"]
    assert [place.name for place in find("Texas")] == ["Houston", "El Paso"]
    assert len({place.zone for place in find("USA")}) == 4


def test_a_name_of_a_country_and_of_a_state_offers_both() -> None:
    assert {place.country for place in find("Georgia")} == {"GE", "US"}


def test_no_answer_is_offered_twice() -> None:
    for text in ("New York", "Luxembourg", "Singapore", "Mexico", "Springfield"):
        offered = find(text)
        assert len({(place.name, place.region, place.country) for place in offered}) == len(offered)


# what was typed, what is offered as a guess
GUESSED = [
    ("Barcelna", "Barcelona"),
    ("Berln", "Berlin"),
    ("Amstredam", "Amsterdam"),
    ("Johanesburg", "Johannesburg"),
    ("Newcastle upon", "Newcastle upon Tyne"),
    ("Riga, Vidzeme", "Riga"),
    ("Ligatne, Latvia", "Latvia"),
    ("I live in Latvia", "Latvia"),
]


@pytest.mark.parametrize(("text", "name"), GUESSED)
def test_a_near_miss_is_offered_and_marked_as_a_guess(text: str, name: str) -> None:
    best = find(text)[0]
    assert (best.name, best.guess) == (name, True)


NO_PLACE = [
    "",
    " ",
    "asdf",
    "qwerty",
    "🏃‍♀️",
    "👨‍👩‍👧‍👦",
    "x" * 4096,
    "London " * 600,
    "شسيبشسيب",
    "\u202e\u202d",
    "{{7*7}}",
    "<b",
    "%",
    "|",
    "|||",
    ",,,",
    "\n",
    "\x00",
    "\ud800",
    "25",
    "7",
    "yes",
    "no",
    "skip",
    "hello",
    "thanks",
    "nothing to do",
    "ask me",
    "../../etc/passwd",
    "Mars/Base",
]


@pytest.mark.parametrize("text", NO_PLACE, ids=lambda text: ascii(text[:20]))
def test_what_is_no_place_finds_nothing(text: str) -> None:
    assert find(text) == ()


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=120) | st.text("aeinorstz ,.-|/'\n", max_size=30))
def test_any_text_is_answered_with_at_most_four_places_in_valid_zones(text: str) -> None:
    found = find(text)
    assert len(found) <= 4
    assert all(known_zone(place.zone) and place.name for place in found)


# latitude, longitude, name, country, zone
SHARED = [
    (56.95, 24.11, "Riga", "LV", "Europe/Riga"),
    (52.50, 13.42, "Berlin", "DE", "Europe/Berlin"),  # not Kreuzberg
    (47.66, 9.18, "Konstanz", "DE", "Europe/Berlin"),  # one kilometre from the next
    (47.65, 9.17, "Kreuzlingen", "CH", "Europe/Zurich"),
    (54.60, -5.93, "Belfast", "GB", "Europe/London"),
    (42.66, 21.16, "Pristina", "XK", "Europe/Belgrade"),  # the zone's own country is Serbia
    (28.12, -15.43, "Las Palmas de Gran Canaria", "ES", "Atlantic/Canary"),
    (-77.85, 166.67, "McMurdo", "AQ", "Antarctica/McMurdo"),  # no town of that zone at all
    (0.0, -150.0, "GMT+10", "", "Etc/GMT+10"),  # the high seas
    (90.0, 0.0, "GMT", "", "Etc/GMT"),
]


@pytest.mark.parametrize(("lat", "lon", "name", "country", "zone"), SHARED)
def test_a_shared_location_has_a_zone_and_a_country(lat: float, lon: float, name: str, country: str, zone: str) -> None:
    place = at(lat, lon)
    assert place is not None
    assert (place.name, place.country, place.zone) == (name, country, zone)
    assert (place.lat, place.lon) == (lat, lon)


@pytest.mark.parametrize(
    ("lat", "lon"),
    [(91, 0), (-91, 0), (0, 181), (0, -999), (float("nan"), 0), (0, float("inf")), (1e308, 1e308)],
)
def test_numbers_that_are_no_location_are_no_place(lat: float, lon: float) -> None:
    assert at(lat, lon) is None


@settings(max_examples=100, deadline=None)
@given(lat=st.floats(-90, 90), lon=st.floats(-180, 180))
def test_every_point_on_earth_has_a_valid_zone(lat: float, lon: float) -> None:
    place = at(lat, lon)
    assert place is None or known_zone(place.zone)


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("Europe/Riga", "LV"),
        ("Europe/Zurich", "CH"),
        ("US/Pacific", "US"),
        ("Canada/Atlantic", "CA"),
        ("Iceland", None),  # tzdata points it at Abidjan
        ("Atlantic/Jan_Mayen", None),  # and this one at Berlin
        ("Etc/GMT+5", None),
        ("UTC", None),
        ("Mars/Base", None),
        ("", None),
    ],
)
def test_a_zone_names_its_country_only_where_that_is_certain(zone: str, country: str | None) -> None:
    assert country_of_zone(zone) == country


def test_every_zone_of_the_town_list_is_a_valid_zone() -> None:
    towns = places._towns()
    assert set(towns.zones) <= zone_names()
    assert all(ZoneInfo(zone) for zone in set(towns.zones))


def test_the_town_list_stays_small_and_whole() -> None:
    towns = places._towns()
    assert len(towns.names) > 60_000
    assert len(towns.starts) == len(towns.names) == len(towns.zones) == len(towns.population)
    assert len(towns.block) < 12_000_000
    for n in (0, 1, 12_345, len(towns.names) - 1):  # the block and the columns speak of the same town
        end = towns.block.index(b"\n", towns.starts[n])
        first = towns.block[towns.starts[n] : end].decode().split("|")[1]
        assert first == places._plain(towns.names[n])
