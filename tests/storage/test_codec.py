from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC

from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs.model import Person, Talk
from storage import codec
from tests.storage.club import NOW

INSTANTS = st.datetimes(timezones=st.just(UTC))
WORDS = st.text(st.characters(), max_size=20)  # with NUL, lone surrogates, right-to-left ...
NAMES = st.text(max_size=8)  # keys are ours, and hold no half emoji
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
TALKS = st.builds(
    Talk,
    script=WORDS,
    step=WORDS,
    turn=st.integers(0, 10**6),
    bubble=WORDS,
    opened_at=INSTANTS,
    slots=st.dictionaries(NAMES, JSON, max_size=3),
)
IDS = st.none() | st.integers(1, 2**62)
EVERY_FIELD = {
    "id": st.integers(1, 2**62),
    "name": WORDS,
    "chat_id": IDS,
    "user_id": IDS,
    "runs": st.booleans(),
    "coaches": st.booleans(),
    "coach_id": IDS,
    "backup_id": IDS,
    "reachable": st.booleans(),
    "language": WORDS,
    "zone": WORDS,
    "place": WORDS,
    "country": st.none() | WORDS,
    "ask_at": st.times(),
    "days_off": st.lists(st.integers(1, 7), max_size=7).map(tuple),
    "paused_until": st.none() | st.dates(),
    "quiet_from": st.times(),
    "quiet_to": st.times(),
    "consent_at": st.none() | INSTANTS,
    "joined_at": st.none() | INSTANTS,
    "injuries": WORDS,
    "goal": WORDS,
    "asked_on": st.none() | st.dates(),
    "erase_asked": st.none() | INSTANTS,
    "reads_from": st.none() | st.times(),
    "reads_to": st.none() | st.times(),
    "reads_not": st.lists(st.integers(0, 6), max_size=6).map(tuple),
    "away_from": st.none() | st.dates(),
    "away_until": st.none() | st.dates(),
    "substitute_id": IDS,
    "notes_shared": st.booleans(),
    "budget": st.integers(1, 10),
    "drilled_at": st.none() | INSTANTS,
    "refused": st.lists(st.integers(1, 2**62), max_size=3).map(tuple),
    "offered": st.lists(st.integers(1, 2**62), max_size=3).map(tuple),
    "drill": st.booleans(),
    "unheard": st.integers(0, 400),
    "coaxed_on": st.none() | st.dates(),
    "health": st.booleans(),
    "health_on": st.none() | st.dates(),
    "races": st.lists(st.dates(), max_size=3).map(tuple),
    "fears": WORDS,
    "family": WORDS,
    "helps": WORDS,
    "contact": WORDS,
    "strength": WORDS,
    "shoes": WORDS,
    "postponed": st.lists(st.tuples(st.integers(1, 2**62), st.dates()), max_size=3).map(tuple),
    "minor": st.none() | st.booleans(),
    "guardian_id": IDS,
    "ward_id": IDS,
    "group": IDS,
    "group_asked": IDS,
    "in_group": st.booleans(),
    "weekly": st.booleans(),
    "week_day": st.integers(0, 6),
    "week_at": st.none() | st.times(),
    "week_on": st.none() | st.dates(),
    "week_next": st.none() | st.dates(),
    "coach_week_on": st.none() | st.dates(),
    "coach_week_next": st.none() | st.dates(),
    "free": st.lists(st.tuples(st.dates(), st.integers(0, 1440)), max_size=3).map(tuple),
    "free_words": WORDS,
    "nudged": WORDS,
    "shoes_km": st.floats(0, 5000),
    "turn": st.integers(0, 10**6),
    "talks": st.lists(TALKS, max_size=2).map(tuple),
}
PEOPLE = st.builds(Person, **EVERY_FIELD)


def through_json(person: Person) -> Person:
    row = codec.person_row(person)
    return codec.person_from({**row, "id": person.id, "facts": json.loads(json.dumps(row["facts"]))})


@settings(max_examples=50, deadline=None)
@given(PEOPLE)
def test_a_person_comes_back_exactly(person: Person) -> None:
    back = through_json(person)
    assert back == person
    for name in ("ask_at", "days_off", "talks", "asked_on", "consent_at"):
        assert type(getattr(back, name)) is type(getattr(person, name))


def test_the_test_above_draws_every_field() -> None:
    assert {field.name for field in fields(Person)} == set(EVERY_FIELD)


def test_a_row_of_an_older_or_newer_release_is_read() -> None:
    ann = replace(Person(1, "Ann"), goal="Zugspitz Ultra", consent_at=NOW)
    row = codec.person_row(ann) | {"id": 1}
    assert codec.person_from({**row, "facts": {**row["facts"], "of_a_later_release": ["x"]}}) == ann
    without = {name: value for name, value in row["facts"].items() if name != "quiet_from"}
    assert codec.person_from({**row, "facts": without}) == ann
