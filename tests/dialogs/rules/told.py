"""Days and plans as a coach would jot them down, for the tables in `tables/`.

    days    "all 3; slept 5, knee 4 stride; -"      one after the other, divided by ";", and the last one is today
    plan    "-2: long 100; today: speed 50 at 8, strength gym 45; sat: easy 40"

Today is always Wednesday, 10 June 2026. A day of a plan is `today`, `+2`, `-3`, or a day of this week (`sat`) or of a
later one (`sat+1`). "28 x all 3" is the same day so many times; "spoke" is the rule of the table, or the one named.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from dialogs.model import Plan, Session
from dialogs.plan import FORMS, KINDS, ordered
from dialogs.scripts.checkin import ITEMS
from dialogs.signals import Day, Done, Pain

TODAY = date(2026, 6, 10)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
_REPORT = re.compile(r"(done|changed|not done)(?: (life|body|head))?(?: at (\d+))?")
_PAIN = re.compile(r"(?:(left|right|both) )?([a-z]+) (\d+)( stride)?")
_SESSION = re.compile(
    rf"({'|'.join(KINDS)})(?: ({'|'.join(FORMS)}))?(?: ([\d.]+) km)?(?: (\d+))?(?: at (\d+))?(?: down (\d+))?( held)?"
)


def days(text: str, *, rule: str = "") -> dict[date, Day]:
    """The days up to today. `rule` is the one that "spoke" on a day."""
    told: list[Day | None] = []
    for part in (one.strip() for one in text.split(";")):
        times = re.match(r"(\d+) x ", part)
        one = day(part[times.end() :] if times else part, rule=rule)
        told += [one] * (int(times[1]) if times else 1)
    first = TODAY - (len(told) - 1) * _DAY
    return {first + number * _DAY: one for number, one in enumerate(told) if one is not None}


def day(text: str, *, rule: str = "") -> Day | None:
    """One day; None for "-": nothing was answered."""
    if text == "-":
        return None
    items: dict[str, float] = {}
    pains: dict[str, Pain] = {}
    done: list[Done] = []
    said: set[str] = set()
    fired: set[str] = set()
    usual, slept, time = False, None, None
    health: dict[str, float] = {}
    for word in (one.strip() for one in text.split(",")):
        name, _, rest = word.partition(" ")
        if word == "usual":
            usual = True
        elif name == "spoke":
            fired.add(rest or rule)
        elif name == "says":
            said.add(rest)
        elif name == "slept":
            slept = float(rest)
        elif name == "health":  # participation, and where it was limited training, performance and trouble
            health = dict(
                zip(("participation", "training", "performance", "trouble"), map(float, rest.split()), strict=False)
            )
        elif name == "has":
            time = float(rest.removesuffix(" min"))
        elif name == "all":
            items = dict.fromkeys(ITEMS, float(rest)) | items
        elif name in ITEMS:
            items[name] = float(rest)
        elif report := _REPORT.fullmatch(word):
            did = report[1].replace(" ", "_")
            done.append(Done(None, did, float(report[3]) if report[3] else None, report[2]))
        elif pain := _PAIN.fullmatch(word):
            pains[pain[2]] = Pain(float(pain[3]), True if pain[4] else None, pain[1])
        else:
            raise ValueError(f"no day has {word!r} in it")
    return Day(items, usual, slept, pains, tuple(done), frozenset(said), frozenset(fired), time, health)


def plan(text: str) -> Plan:
    sessions: list[Session] = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        where, _, rest = part.partition(":")
        for number, one in enumerate(rest.split(",")):
            found = _SESSION.fullmatch(one.strip())
            if found is None:
                raise ValueError(f"no session is written {one.strip()!r}")
            kind, form, km, minutes, effort, down, held = found.groups()
            sessions.append(
                Session(
                    f"{where.strip()}-{number}", date_of(where.strip()), kind, int(minutes) if minutes else None,
                    float(km) if km else None, int(down) if down else None, int(effort) if effort else None, "",
                    form, "HELD" if held else None,
                )
            )  # fmt: skip
    return Plan(1, ordered(sessions))


def date_of(where: str) -> date:
    if where == "today":
        return TODAY
    if where[0] in "+-":
        return TODAY + int(where) * _DAY
    name, _, weeks = where.partition("+")
    return TODAY + (WEEKDAYS.index(name) - TODAY.weekday() + 7 * int(weeks or 0)) * _DAY


def label(day: date) -> str:
    away = (day - TODAY).days
    return f"{away:+d}" if away else "today"


def shown(session: Session) -> str:
    return f"{label(session.day)} {session.kind}" + (f" {session.minutes}" if session.minutes is not None else "")
