"""`aidstation play`: a squad of five lives some days on the stage, and what was said is printed.

Each athlete is a small character: when they answer, how they are, and what they say on which day. Chance comes from
the seed alone, so a week can be played again. Nothing is faked behind the bot's back: the characters tap and write on
phones like everybody, and the coach presses what a coach presses.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO

from bot.sandbox import stage
from bot.sandbox.phone import Bubble, Phone
from bot.sandbox.stage import Stage
from dialogs import timing

FIRST_DAY = date(2027, 3, 1)  # a Monday
BAR = 30  # characters
TAKE = "I have it"
APPROVE = "Approve"
DAY = timedelta(days=1)
WAKING_UP = timedelta(minutes=6)


@dataclass(frozen=True, slots=True)
class Character:
    """`usual`: how often a check-in is one tap; `skips`: how often none comes; `base`: the level of the five items."""

    name: str
    place: str
    hour: str
    goal: str
    injuries: str = "none"
    usual: float = 0.4
    skips: float = 0.1
    base: int = 4
    week: str = "Base week"  # of the library: what Kim lays for them
    reports: float = 0.8  # how often a session is told of in the evening
    says: dict[int, str] = field(default_factory=dict)  # by day (0 = the first), repeating each fortnight
    hurts: dict[int, tuple[str, int, bool]] = field(default_factory=dict)  # where, how strong, changes the stride


SQUAD = (
    Character(
        "Ann", "Riga", "07:00", "a first marathon in May", usual=0.6, week="Build week", hurts={2: ("Shin", 4, True)}
    ),
    Character("Ben", "London", "06:30", "parkrun under 25", skips=0.3, says={1: "kids up all night, no run today"}),
    Character(
        "Cara",
        "Madrid",
        "07:30",
        "Zegama",
        "left achilles, 2024",
        base=3,
        week="Trail week",
        hurts={3: ("Achilles", 3, False)},
    ),
    Character(
        "Dev",
        "Denver",
        "06:00",
        "a 100 miler",
        usual=0.8,
        week="Trail week",
        says={4: "chest felt tight on the last climb but PR!!"},
    ),
    Character(
        "Eve", "Sydney", "07:00", "enjoying it again", base=2, says={3: "I don't see the point of training anymore"}
    ),
)


@dataclass(frozen=True, slots=True)
class Played:
    """What is printed: as text for people, as facts for programs."""

    text: str
    facts: dict[str, Any]


@dataclass(order=True, slots=True)
class _Act:
    at: datetime
    order: int
    who: str = field(compare=False)
    does: Callable[[Stage, Phone], Awaitable[None]] = field(compare=False)


async def play(days: int, seed: int, progress: TextIO | None = None) -> Played:
    """Live `days` from Monday, 1 March 2027. `progress` gets a bar; None: none is wanted."""
    dice = random.Random(seed)  # noqa: S311 - characters, not secrets
    begin = datetime.combine(FIRST_DAY - timedelta(days=1), time(15), UTC)
    with tempfile.TemporaryDirectory(prefix="aidstation-") as folder:
        async with stage.opened(f"sqlite:///{Path(folder) / 'play.db'}", begin) as club:
            kim = await club.coach("Kim", place="London")
            await club.coach("Dana", place="London")
            for one in SQUAD:
                await club.athlete(one.name, kim, place=one.place, hour=one.hour, goal=one.goal, injuries=one.injuries)
                await club.lay(kim, one.name, one.week, ahead=1)  # it is Sunday
            acts = sorted(_acts(days, dice))
            end = datetime.combine(FIRST_DAY + timedelta(days=days), time(0), UTC)
            for act in acts:
                await _live_until(club, act.at)
                await act.does(club, club.phones[act.who])
                await club.settle()
                _show(progress, (act.at - begin) / (end - begin))
            await _live_until(club, end)
            _show(progress, 1.0)
            if progress is not None:
                progress.write("\n")
            return _printed(club, days, seed)


def _acts(days: int, dice: random.Random) -> list[_Act]:
    acts: list[_Act] = []

    def add(at: datetime, who: str, does: Callable[[Stage, Phone], Awaitable[None]]) -> None:
        acts.append(_Act(at, len(acts), who, does))

    for day in range(days):
        for one in SQUAD:
            zone = ZONES[one.name]
            asked = timing.instant_of(zone, FIRST_DAY + timedelta(days=day), time.fromisoformat(one.hour))
            if asked is None:
                continue
            answers_at = asked + timedelta(minutes=dice.randint(2, 70))
            if dice.random() >= one.skips or day % 14 in one.hurts:
                add(
                    answers_at,
                    one.name,
                    _answers(one, day % 14, dice.random(), [dice.randint(-1, 1) for _ in range(5)]),
                )
            if dice.random() < one.reports:
                add(asked + timedelta(hours=11, minutes=dice.randint(0, 60)), one.name, _tells(dice.randint(-1, 2)))
            if day % 7 == 6 and (evening := timing.instant_of("Europe/London", FIRST_DAY + day * DAY, time(19, 30))):
                add(evening, "Kim", _lays(one))
            if day % 14 in one.says:
                add(asked + timedelta(hours=9, minutes=dice.randint(0, 90)), one.name, _says(one.says[day % 14]))
        for minutes in range(7 * 60 + 20, 21 * 60, 95):
            at = timing.instant_of("Europe/London", FIRST_DAY + timedelta(days=day), time(minutes // 60, minutes % 60))
            if at is not None:
                add(at, "Kim", _coaches)
    return acts


ZONES = {
    "Ann": "Europe/Riga",
    "Ben": "Europe/London",
    "Cara": "Europe/Madrid",
    "Dev": "America/Denver",
    "Eve": "Australia/Sydney",
}


def _answers(one: Character, day: int, chance: float, noise: list[int]) -> Callable[[Stage, Phone], Awaitable[None]]:
    async def act(club: Stage, phone: Phone) -> None:
        if not _offered(phone, "All as usual"):
            return
        taps = [str(min(5, max(1, one.base + wobble))) for wobble in noise]
        if day in one.hurts:
            where, level, stride = one.hurts[day]
            taps = ["Something hurts", where, str(level), "Yes" if stride else "No", *taps]
        elif chance < one.usual:
            taps = ["All as usual"]
        for label in taps:
            phone.taps(label)
            await club.settle()

    return act


def _tells(harder: int) -> Callable[[Stage, Phone], Awaitable[None]]:
    """In the evening, of the session of the day, if there was one: done, and how hard it was."""

    async def act(club: Stage, phone: Phone) -> None:
        phone.says("/done")
        await club.settle()
        if not _offered(phone, "Done"):  # two on one day: the first one
            phone.taps(next(one.labels[0] for one in reversed(phone.screen()) if one.labels))
            await club.settle()
        for label in ("Done", str(5 + harder), "Nothing hurts"):
            if _offered(phone, label):
                phone.taps(label)
                await club.settle()

    return act


def _lays(one: Character) -> Callable[[Stage, Phone], Awaitable[None]]:
    async def act(club: Stage, phone: Phone) -> None:
        await club.lay(phone, one.name, one.week, ahead=1)

    return act


def _says(words: str) -> Callable[[Stage, Phone], Awaitable[None]]:
    async def act(club: Stage, phone: Phone) -> None:
        phone.says(words)

    return act


async def _live_until(club: Stage, until: datetime) -> None:
    """Time goes by; a page that breaks the night wakes Kim, who needs a few minutes to find the phone."""
    while (at := await club.app.next_at()) is not None and at <= until:
        await club.travel(at)
        if "NOW" in "".join(one.text for one in _waiting(club.phones["Kim"])):
            await club.travel(club.now + WAKING_UP)
            await _coaches(club, club.phones["Kim"])
    await club.travel(max(until, club.now))


async def _coaches(club: Stage, phone: Phone) -> None:
    """Kim looks at the phone: lets the easing stand, takes what is open, and answers in a word what cannot wait."""
    for eased in [one for one in phone.screen() if APPROVE in one.labels]:
        data = next(b.data for row in eased.buttons for b in row if b.text == APPROVE)
        phone.taps_data(eased.message_id, str(data))
        await club.settle()
    while waiting := _waiting(phone):
        bubble = waiting[-1]
        phone.taps_data(bubble.message_id, next(str(b.data) for row in bubble.buttons for b in row if b.text == TAKE))
        await club.settle()
        if ("NOW" in bubble.text or "today" in bubble.text) and _offered(phone, "Write to them"):
            phone.taps("Write to them")
            await club.settle()
            phone.says("I have read it. No running today; I call you at six.")
            await club.settle()


def _waiting(phone: Phone) -> list[Bubble]:
    return [one for one in phone.screen() if TAKE in one.labels]


def _offered(phone: Phone, label: str) -> bool:
    return any(label in one.labels for one in phone.screen())


def _printed(club: Stage, days: int, seed: int) -> Played:
    phones = [club.phones[name] for name in (*(one.name for one in SQUAD), "Kim", "Dana")]
    pages = [
        {"at": one.at.isoformat(), "to": name, "text": one.text}
        for name in ("Kim", "Dana")
        for one in club.phones[name].screen()
        if not one.mine
    ]
    counts = {
        "messages_from_athletes": sum(one.mine for name in ZONES for one in club.phones[name].screen()),
        "messages_to_athletes": sum(not one.mine for name in ZONES for one in club.phones[name].screen()),
        "messages_to_coaches": len(pages),
        "calls": dict(club.api.calls),
    }
    lines = [phone.transcript() for phone in phones]
    summary = (
        f"{days} days, seed {seed}: {counts['messages_to_athletes']} messages to {len(SQUAD)} athletes, "
        f"{counts['messages_to_coaches']} to the coaches."
    )
    facts = {"days": days, "seed": seed, **counts, "coach_pages": pages}
    return Played("\n".join([*lines, summary]), facts)


def _show(progress: TextIO | None, part: float) -> None:
    if progress is not None:
        done = round(BAR * min(1.0, max(0.0, part)))
        progress.write(f"\r[{'#' * done}{'.' * (BAR - done)}] {part:4.0%}")
        progress.flush()
