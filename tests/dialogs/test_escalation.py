"""The promise that no worry is lost, over random orders of words, Acks, wakeups, failures and time; and what holds of
the life of each concern meanwhile."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dialogs import concerns
from dialogs.escalation import EVERY, LADDER, rung
from dialogs.events import Blocked, Unread
from dialogs.levels import Level
from dialogs.model import Escalation
from tests.dialogs.talk import ANN, BEN, DANA, KIM, PEOPLE, Talk


@pytest.mark.parametrize(
    ("level", "minutes", "backup_from", "tells"),
    [
        (Level.NOW, [0, 10, 20, 30, 40, 50, 60], 2, {1, 2, 5}),
        (Level.TODAY, [0, 30, 120, 240, 360, 480, 600], 2, {2, 5}),
    ],
)
def test_the_rungs_come_at_the_stated_minutes(
    level: Level, minutes: list[int], backup_from: int, tells: set[int]
) -> None:
    rungs = [rung(level, step) for step in range(len(minutes))]
    assert [one.after for one in rungs] == [timedelta(minutes=n) for n in minutes]
    assert [one.backup for one in rungs] == [step >= backup_from for step in range(len(rungs))]
    assert {step for step, one in enumerate(rungs) if one.tell} == tells


def test_every_level_that_pages_has_a_ladder_which_goes_on_for_ever() -> None:
    assert set(LADDER) == set(EVERY) == {level for level in Level if level >= Level.TODAY}
    for level in LADDER:
        assert any(one.backup for one in LADDER[level])
        assert all(one.after < other.after for one, other in pairwise(rung(level, n) for n in range(100)))


WORDS = (
    "chest pain",
    "i fainted earlier today",
    "i have missed my periods for four months",
    "i want to die",
    "new shoes today, they feel fine",
    "3",
    "/coach",
    "/coach my race",
    "my knee is 6/10 after the hills",
    "my shin is 4/10 and i limp",
    "/checkin",
    "/pause 1 week",
    "/zone Tokyo",
    "ack",
    "",
)
ATHLETES = st.sampled_from([ANN, BEN])
COACHES = st.sampled_from([KIM, DANA])
ACTS = st.one_of(
    st.tuples(st.just("says"), ATHLETES, st.sampled_from(WORDS)),
    st.tuples(st.just("says"), ATHLETES, st.sampled_from(WORDS[:4])),
    st.tuples(st.just("taps"), ATHLETES, st.integers(0, 40)),
    st.tuples(st.just("edits"), ATHLETES, st.sampled_from(WORDS)),
    st.tuples(st.just("sends"), ATHLETES, st.sampled_from(["voice", "photo", "sticker"])),
    st.tuples(
        st.just("says"), COACHES, st.sampled_from(["ack", "/queue", "got it", "hello", "/hour 9", "/backup Dana"])
    ),
    st.tuples(st.just("taps"), COACHES, st.integers(0, 40)),
    st.tuples(st.just("replies"), COACHES, st.sampled_from(["I call you", "got it", "ack"])),
    st.tuples(st.just("unreachable"), COACHES, st.just("")),
    st.tuples(st.just("blocks"), st.sampled_from([ANN, KIM]), st.just("")),
    st.tuples(st.just("unread"), st.sampled_from([ANN, KIM]), st.just("")),
    st.tuples(st.just("wakes"), st.just(0), st.just("")),
    st.tuples(st.just("waits"), st.just(0), st.sampled_from([1, 9, 10, 30, 119, 600])),
    st.tuples(st.just("asleep"), st.just(0), st.sampled_from([15, 300, 1500])),
)


def act(talk: Talk, what: str, who: int, how: str | int) -> None:
    buttons = [data for bubble in talk.chat(who) for row in bubble.rows for _label, data in row]
    match what, how:
        case "says", str(text):
            talk.says(text, who)
        case "edits", str(text):
            talk.edits(text, who)
        case "sends", str(kind):
            talk.sends(kind, "", who)
        case "taps", int(number):
            talk.presses(buttons[number % len(buttons)] if buttons else "1:nothing", who)
        case "replies", str(text):
            talk.says(text, who, reply_to=talk.last(who) if talk.chat(who) else None)
        case "unreachable", _ if talk.open:
            one = talk.open[-1]
            talk.cannot_reach(who, one.short, one.athlete_id)
        case "blocks", _:
            talk.takes(Blocked(), who)
        case "unread", _:
            talk.takes(Unread("{"), who)
        case "wakes", _:
            talk.wakes()
        case "waits", int(minutes):
            talk.after(minutes=minutes)
        case "asleep", int(minutes):
            talk.after(minutes=minutes, asleep=True)


def check(talk: Talk, levels: dict[tuple[str, int], Level], turns: dict[int, int]) -> None:
    club = talk.club
    planned = [wakeup for _, wakeup in club.wakeups.values() if wakeup.kind == "page"]
    per_short = Counter(str(wakeup.data["short"]) for wakeup in planned)
    for one in club.escalations.values():
        pages = one.open and one.level >= Level.TODAY
        assert per_short[one.short] == (1 if pages else 0), f"{one} has {per_short[one.short]} wakeups"
        if pages:
            (wakeup,) = [each for each in planned if each.data["short"] == one.short]
            assert wakeup.data["step"] == one.step and wakeup.at == one.next_at
            assert whose(talk, wakeup.key) == one.athlete_id
        assert (one.next_at is not None) == one.open
        round_ = len(one.past)
        assert one.level >= levels.get((one.short, round_), Level.NONE), "levels never fall"
        if one.past and one.past[-1].closed_at is one.past[-1].handled_at is None:
            assert one.level >= levels[one.short, round_ - 1], "nor where nothing came of it"
        assert one.acked_at is None or one.owner_id in (KIM, DANA)
        assert one.closed_at is None or one.acked_at is not None
        assert one.closed_at is None or one.closed_by_id in (KIM, DANA)
        assert all(was.acked_at and was.owner_id in (KIM, DANA) for was in one.past), "a round ends by a human"
        levels[one.short, round_] = one.level
        check_asking(talk, one)
    ringing = Counter(one.athlete_id for one in talk.open if one.level >= Level.TODAY)
    assert all(number == 1 for number in ringing.values()), "one athlete, one ladder"
    topics = Counter(
        (one.athlete_id, concerns.topic(one)) for one in club.escalations.values() if one.closed_at is None
    )
    assert all(number == 1 for number in topics.values()), "one athlete and topic, one concern"
    for person in club.people.values():
        assert person.turn >= turns.get(person.id, 0), "turn numbers only grow"
        turns[person.id] = person.turn


def check_asking(talk: Talk, one: Escalation) -> None:
    """Who has something that nothing came of is asked about it, exactly once for each time."""
    wakeups = [
        (whose(talk, wakeup.key), wakeup)
        for _, wakeup in talk.club.wakeups.values()
        if wakeup.kind == concerns.ASK and wakeup.data["short"] == one.short and wakeup.data["n"] == one.asks
    ]
    if concerns.state(one) == "acked":
        ((owner, wakeup),) = wakeups
        assert owner == one.owner_id and wakeup.data["n"] == one.asks


def whose(talk: Talk, key: str) -> int:
    return talk.club.wakeups[key][0]


def check_words(talk: Talk, open_before: set[str], who: int) -> None:
    for one in talk.heard:
        message = one.message
        if message.text == "coach.page":
            opened_now = {each.short for each in talk.outcome.escalations}
            assert message.data["short"] in open_before | opened_now, "no page after an Ack"
        if message.text == "concerns.read":
            assert who in (KIM, DANA), "nobody but a coach can have read it"
            continue
        if message.to in (ANN, BEN) and message.text == "athlete.taken":
            assert any(each.athlete_id == message.to and each.acked_at for each in talk.club.escalations.values())
        if message.to in (ANN, BEN) and message.text != "athlete.taken":
            for claim in ("has read", "has seen", "has your words", "is on it", "has it"):
                assert claim not in one.text or message.text == "athlete.from_coach", one.text


@settings(max_examples=120, deadline=None)
@example([("says", ANN, "my shin is 4/10 and i limp"), ("asleep", 0, 1500), ("says", ANN, "chest pain")])  # two levels
@given(st.lists(ACTS, max_size=30))
def test_no_worry_is_lost_in_any_order_of_things(acts: list[tuple[str, int, str | int]]) -> None:
    talk = Talk(*PEOPLE)
    levels: dict[tuple[str, int], Level] = {}
    turns: dict[int, int] = {}
    for what, who, how in acts:
        open_before = {one.short for one in talk.open}
        act(talk, what, who, how)
        check(talk, levels, turns)
        if what not in ("waits",):  # in these many turns have passed
            check_words(talk, open_before, who)


@settings(max_examples=25, deadline=None)
@given(st.lists(ACTS, max_size=10), st.sampled_from(["chest pain", "i fainted earlier today"]))
def test_whatever_happened_before_somebody_is_paged_in_the_end(
    acts: list[tuple[str, int, str | int]], words: str
) -> None:
    """Then both coaches can be reached again, and an athlete says something: within twelve hours a coach reads it."""
    talk = Talk(*PEOPLE)
    for what, who, how in acts:
        act(talk, what, who, how)
    talk.change(KIM, reachable=True)
    talk.change(DANA, reachable=True)
    talk.says(words)
    told = talk.texts(KIM) + talk.texts(DANA)
    talk.after(hours=12)
    assert any(words in text for text in told + talk.texts(KIM) + talk.texts(DANA))
