"""`aidstation play`: a squad of five and their coach live some days on the stage, and what was said is printed.

Who they are stands in `season`. Nothing is faked behind the bot's back: the athletes tap and write on phones like
everybody, and the coach presses what a coach presses. Chance comes from the seed alone, that of the service's short ids
too, so the same seed says the same words, letter for letter, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import random
import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, TextIO

from bot.sandbox import season, stage, story
from bot.sandbox.phone import Bubble, Phone
from bot.sandbox.season import Act, Coach
from bot.sandbox.stage import Stage
from dialogs import timing

BAR = 30  # characters
TAKE, WRITE, CLOSE, HANDLED, STILL, APPROVE, SEND = (
    "I have it", "Write to them", "Close it", "Handled", "Still on it", "Approve", "Send",
)  # fmt: skip
NOT_MEANT = "No, not meant like that"
WAKING_UP, DAY = timedelta(minutes=6), timedelta(days=1)
POLITE = (  # what somebody taps who has nothing to add, where the bot asks on by itself
    "Settled", "Yes, nothing in the way", "Calm", "I have a plan", "Fine", "Fine, food stays in", "Light", "Good",
)  # fmt: skip
_TAP = re.compile(r"(?:(?P<whom>[^\[]+): )?\[(?P<label>.+)\]")


@dataclass(frozen=True, slots=True)
class Played:
    """What is printed: as text for people, as facts for programs."""

    text: str
    facts: dict[str, Any]


@dataclass(slots=True)
class Lived:
    """What was done by whom, and `undone`: steps of a diary that could not be; a story that is told whole has none."""

    steps: list[tuple[datetime, str, tuple[str, ...]]] = field(default_factory=list)
    undone: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Playing:
    club: Stage
    coach: Coach
    dice: random.Random
    written: Counter[str] = field(default_factory=Counter)  # letters by athlete, on worries
    noted: int = 0
    did: set[tuple[str, int]] = field(default_factory=set)  # what was done on which day
    heard: int = 0  # entries of the ledger that have been looked at for a page at night
    lived: Lived = field(default_factory=Lived)

    @property
    def kim(self) -> Phone:
        return self.club.phones[self.coach.name]


async def play(days: int, seed: int, progress: TextIO | None = None, *, short: bool = False) -> Played:
    """Live `days` from Monday, 1 March 2027. `progress` gets a bar; None: none is wanted. `short`: the coach's Sundays
    and the athletes' stories alone are printed, and not each phone."""
    with tempfile.TemporaryDirectory(prefix="aidstation-") as folder:
        begin = datetime.combine(season.FIRST_DAY - DAY, time(15), UTC)
        dice = random.Random(seed)  # noqa: S311 - characters, not secrets
        url = f"sqlite:///{Path(folder) / 'play.db'}"
        async with stage.opened(url, begin, dice=lambda: dice.randbytes(32).hex()) as club:
            lived = await live(club, days, seed, progress)
            return _printed(club, days, seed, told(club, lived) if short else None)


async def live(club: Stage, days: int, seed: int, progress: TextIO | None = None) -> Lived:
    """The same on a stage of one's own, which stands on the Sunday before, and is empty."""
    who = season.load()
    playing = _Playing(club, who.coach, random.Random(f"{seed} {who.coach.name}"))  # noqa: S311
    begin, end = club.now, season.midnight(days)
    kim = await club.coach(who.coach.name, place="London")
    await club.coach("Dana", place="London")
    for one in who.squad:
        hour = f"{one.hour:%H:%M}"
        await club.athlete(one.name, kim, place=one.place, hour=hour, goal=one.goal, injuries=one.injuries)
    for act in season.coach_acts(who.coach, -1):
        await _does(playing, act)
    await _lays(playing, 0)
    for at, planned in _everything(who, days, seed):
        await _live_until(playing, at)
        if planned is not None:
            await _does(playing, planned)
        else:
            await _looks(playing)
        _show(progress, (at - begin) / (end - begin))
    await _live_until(playing, end)
    _show(progress, 1.0)
    if progress is not None:
        progress.write("\n")
    return playing.lived


def _everything(who: season.Season, days: int, seed: int) -> list[tuple[datetime, Act | None]]:
    """What is done, in its order; None: the coach looks at the phone."""
    found: list[tuple[datetime, Act | None]] = []
    for day in range(days):
        for one in who.squad:
            found += [(act.at, act) for act in season.acts(one, day, seed)]
        found += [(act.at, act) for act in season.coach_acts(who.coach, day)]
        found += [(at, None) for at in season.looks(who.coach, day)]
    return sorted((one for one in found if one[0] <= season.midnight(days)), key=lambda one: one[0])


async def _live_until(playing: _Playing, until: datetime) -> None:
    """Time goes by; a page that breaks the night wakes the coach, who needs a few minutes to find the phone."""
    club = playing.club
    at = await club.app.next_at()
    while at is not None and at <= until:
        club.clock.turn_to(max(at, club.now))
        at = await club.settle()
        new, playing.heard = club.api.ledger[playing.heard :], len(club.api.ledger)
        if any("· NOW" in one.text and one.chat_id == playing.kim.user_id and not one.edited for one in new):
            await club.travel(club.now + WAKING_UP)
            await _looks(playing)
            at = await club.app.next_at()
    club.clock.turn_to(max(until, club.now))


# --- doing ----------------------------------------------------------------------------------------------------------


async def _does(playing: _Playing, act: Act) -> None:
    phone = playing.club.phones[act.who]
    done: list[str] = []
    if act.habit and act.steps[0].startswith("[") and not _offered(phone, act.steps[0]):
        if "Settled" not in phone.last.labels:  # nothing is asked, so there is nothing to answer
            return
        await _tap(playing, phone, "[Settled]")  # a question stands before the check-in
        done.append("[Settled]")
    for step in act.steps:
        if _TAP.fullmatch(step) is None:
            phone.says(step)
            await playing.club.settle()
        elif not await _tap(playing, phone, step):
            if not act.habit:
                playing.lived.undone.append(f"{act.at:%a %d %b %H:%M} {act.who} {step}")
            continue
        done.append(step)
    if act.who != playing.coach.name:
        done += await _polite(playing, phone)
    playing.lived.steps.append((act.at, act.who, tuple(done)))


async def _tap(playing: _Playing, phone: Phone, step: str) -> bool:
    """Tap what the step names; False: it is not in sight."""
    label, whom = _meant(step)
    if label == "Done" and not phone.offering(label):  # two sessions on that day: which? The run
        runs = [one for one in phone.last.labels if "Strength" not in one and "Mobility" not in one]
        label_of_it = next(iter((*runs, *phone.last.labels)), None)
        if label_of_it is not None and any("·" in one for one in phone.last.labels):
            await _press(playing, phone, phone.last, label_of_it)
    bubbles = phone.offering(label, whom)
    if not bubbles:
        return False
    await _press(playing, phone, bubbles[-1], label)
    return True


async def _press(playing: _Playing, phone: Phone, bubble: Bubble, label: str) -> None:
    phone.taps_data(bubble.message_id, next(str(b.data) for row in bubble.buttons for b in row if b.text == label))
    await playing.club.settle()


async def _polite(playing: _Playing, phone: Phone) -> list[str]:
    """Whatever is asked behind a check-in gets the answer of somebody who has nothing to add."""
    done: list[str] = []
    for bubble in phone.offering(NOT_MEANT):
        await _press(playing, phone, bubble, NOT_MEANT)
        done.append(f"[{NOT_MEANT}]")
    for _ in POLITE:
        label = next((one for one in POLITE if one in phone.last.labels), None)
        if label is None:
            break
        await _press(playing, phone, phone.last, label)
        done.append(f"[{label}]")
    return done


def _offered(phone: Phone, step: str) -> bool:
    return bool(phone.offering(*_meant(step)))


def _meant(step: str) -> tuple[str, str]:
    """The button, and the name that must stand in its message. Raises ValueError: it is no tap."""
    found = _TAP.fullmatch(step)
    if found is None:
        raise ValueError(f"no tap: {step}")
    return found["label"], found["whom"] or ""


# --- the coach ------------------------------------------------------------------------------------------------------


async def _looks(playing: _Playing) -> None:
    """Kim takes up the phone: decides what was eased, takes what nobody has and answers it, says what came of the rest;
    on Saturdays the next week is laid, on Sundays the desk is cleared."""
    kim, coach = playing.kim, playing.coach
    for bubble in kim.offering(APPROVE):
        label = next((label for words, label in coach.decides.items() if words in bubble.text), APPROVE)
        if label in bubble.labels:
            await _press(playing, kim, bubble, label)
    while waiting := kim.offering(TAKE):
        await _takes(playing, waiting[-1])
    for bubble in kim.offering(STILL):
        if playing.dice.random() >= coach.waits:
            await _press(playing, kim, bubble, HANDLED)
            kim.says(coach.notes[playing.noted % len(coach.notes)])
            playing.noted += 1
            await playing.club.settle()
    day = (playing.club.now.date() - season.FIRST_DAY).days
    if day % 7 == 5 and _once(playing, "lays", day, coach.lays):
        await _lays(playing, day // 7 + 1)
    if day % 7 == 6 and _once(playing, "desk", day, coach.desk):
        await _desk(playing)


def _once(playing: _Playing, what: str, day: int, at: time) -> bool:
    """Is it time for this, and was it not done today?"""
    if (what, day) in playing.did or playing.club.now < season.instant(season.COACH_ZONE, day, at):
        return False
    playing.did.add((what, day))
    return True


async def _takes(playing: _Playing, bubble: Bubble) -> None:
    kim = playing.kim
    await _press(playing, kim, bubble, TAKE)
    name = next((one for one in playing.coach.letters if one in bubble.text), None)
    letters = playing.coach.letters[name] if name else ()
    if name is None or playing.written[name] >= len(letters):
        return
    taken = kim.offering(WRITE, name)
    if taken:
        await _press(playing, kim, taken[-1], WRITE)
        kim.says(letters[playing.written[name]])
        playing.written[name] += 1
        await playing.club.settle()


async def _desk(playing: _Playing) -> None:
    """Sunday: drafts that nobody has touched are sent, and what is handled is closed."""
    kim, today = playing.kim, playing.club.now.date()
    while drafts := [one for one in kim.offering(SEND) if one.at.date() == today]:
        await _press(playing, kim, drafts[0], SEND)
    kim.says("/queue")
    await playing.club.settle()
    for bubble in kim.offering(CLOSE, "· handled"):
        await _press(playing, kim, bubble, CLOSE)


async def _lays(playing: _Playing, week: int) -> None:
    """The week with this number, for each of them; it begins on the coming Monday."""
    kim, monday = playing.kim, season.FIRST_DAY + 7 * week * DAY
    for one in season.load().squad:
        laid = one.weeks[week % len(one.weeks)]
        there = timing.local_date(one.zone(7 * week - 1), playing.club.now)  # in Sydney it may be that Monday already
        if isinstance(laid, str):
            await playing.club.lay(kim, one.name, laid, ahead=int(there < monday))
            continue
        for number, line in laid:
            kim.says(f"/lay {one.name} {monday + number * DAY:%d %B} {line}")
            await playing.club.settle()
        kim.says(f"/plan {one.name} next")
        await playing.club.settle()
        await _tap(playing, kim, f"[Tell {one.name}]")


# --- printing -------------------------------------------------------------------------------------------------------


def told(club: Stage, lived: Lived) -> dict[str, str]:
    """The coach's Sundays, and the story of each athlete, by name."""
    who = season.load()
    names = [one.name for one in who.squad]
    stories = {name: story.athlete(club, club.phones[name], lived.steps) for name in names}
    return {who.coach.name: story.sundays(club, club.phones[who.coach.name], names), **stories}


def _printed(club: Stage, days: int, seed: int, stories: dict[str, str] | None) -> Played:
    squad = [one.name for one in season.load().squad]
    seen = {name: club.phones[name].screen() for name in (*squad, "Kim", "Dana")}
    pages = [
        {"at": one.at.isoformat(), "to": name, "text": one.text}
        for name in ("Kim", "Dana")
        for one in seen[name]
        if not one.mine
    ]
    counts = {
        "messages_from_athletes": sum(one.mine for name in squad for one in seen[name]),
        "messages_to_athletes": sum(not one.mine for name in squad for one in seen[name]),
        "messages_to_coaches": len(pages),
        "calls": dict(club.api.calls),
    }
    if stories is None:
        lines = [club.phones[name].transcript() for name in seen]
    else:
        lines = [f"--- {name} ---\n{text}" for name, text in stories.items()]
    summary = (
        f"{days} days, seed {seed}: {counts['messages_to_athletes']} messages to {len(squad)} athletes, "
        f"{counts['messages_to_coaches']} to the coaches."
    )
    facts = {"days": days, "seed": seed, **counts, "coach_pages": pages}
    return Played("\n".join([*lines, summary]), facts)


def _show(progress: TextIO | None, part: float) -> None:
    if progress is not None:
        done = round(BAR * min(1.0, max(0.0, part)))
        progress.write(f"\r[{'#' * done}{'.' * (BAR - done)}] {part:4.0%}")
        progress.flush()
