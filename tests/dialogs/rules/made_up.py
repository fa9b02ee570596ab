"""Plans, days and valid rules that nobody has written, thrown by dice (`random.Random`, so a seed brings them back).

Not strategies of hypothesis: built piece by piece these take it a tenth of a second each, and only their number helps.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from random import Random
from typing import Any

from dialogs.model import Plan, Session
from dialogs.plan import FORMS, KINDS, ordered
from dialogs.rules.book import Book, parse
from dialogs.rules.checks import CHECKS, OfPlan
from dialogs.rules.form import ACTIONS
from dialogs.scripts.checkin import ITEMS
from dialogs.signals import DID, WHY, Day, Done, Pain
from dialogs.words.aches import PLACES
from tests.dialogs.rules.told import TODAY

_DAY = timedelta(days=1)
SAID = ("ill_above", "ill_below", "fever", "injured", "busy", "slower", "away")
SESSIONS = 12
HEALTH = ("participation", "training", "performance", "trouble")
OF_DAYS = tuple(name for name, model in CHECKS.items() if model not in OfPlan.__args__)


def plan(dice: Random) -> Plan:
    return Plan(1, ordered(_session(dice, f"s{number}") for number in range(dice.randint(0, SESSIONS))))


def _session(dice: Random, id: str) -> Session:
    kind = dice.choice(KINDS)
    return Session(
        id,
        TODAY + dice.randint(-6, 9) * _DAY,
        kind,
        minutes=dice.choice((None, dice.randint(0, 300))),
        km=dice.choice((None, None, dice.uniform(0, 60))),
        descent=dice.choice((None, dice.randint(0, 3000))),
        effort=dice.choice((None, dice.randint(0, 10))),
        form=dice.choice(FORMS) if kind == "strength" else None,
        held=dice.choice((None, None, None, "K7Q2M")),
    )


def days(dice: Random, last: date = TODAY, least: int = 0) -> dict[date, Day]:
    """Some of the last days, `least` at the least; the more recent the likelier."""
    backs = {min(dice.randint(0, 20), dice.randint(0, 20)) for _ in range(dice.randint(least, 14))}
    return {last - back * _DAY: _day(dice) for back in backs}


def _day(dice: Random) -> Day:
    def some(names: tuple[str, ...], most: int) -> list[str]:
        return dice.sample(names, dice.randint(0, most))

    return Day(
        items={item: float(dice.randint(1, 5)) for item in some(ITEMS, 5)},
        usual=dice.random() < 0.3,
        sleep_hours=dice.choice((None, dice.uniform(0, 12))),
        pains={
            place: Pain(
                dice.choice((0, 3, dice.uniform(0, 10))),
                dice.choice((None, False, True)),
                dice.choice((None, "left", "right", "both")),
            )
            for place in some(PLACES, 2)
        },
        done=tuple(
            Done(
                dice.choice((None, f"s{dice.randrange(SESSIONS)}")),
                dice.choice(DID),
                dice.choice((None, float(dice.randint(0, 10)))),
                dice.choice((None, *WHY)),
            )
            for _ in range(dice.randint(0, 2))
        ),
        said=frozenset(some((*SAID, "well"), 2)),
        fired=frozenset(some(("r0", "r1", "r2"), 2)),
        time=dice.choice((None, float(dice.randint(0, 90)))),
        health=dice.choice(({}, {part: float(dice.choice((0, 8, 17, 25))) for part in HEALTH})),
    )


# --- rules ----------------------------------------------------------------------------------------------------------


def book(dice: Random) -> Book:
    rules = [_rule(dice, number) for number in range(dice.randint(1, 5))]
    return parse({"made-up.yaml": json.dumps(rules)})  # JSON is YAML


def _rule(dice: Random, number: int) -> dict[str, Any]:
    then = _action(dice)
    # A rule may wait for the first one, which waits for none: else they would wait for each other.
    names = [name for name in OF_DAYS if number or name != "fired"]
    when: list[Any] = [_check(dice, dice.choice(names)) for _ in range(dice.choice((0, 1, 1, 2)))]
    if not when or dice.random() < 0.3:
        when.append({"any": [_check(dice, dice.choice(names)) for _ in range(dice.randint(2, 4))]})
    if needed := {"relay": "missed", "step": "ran_well"}.get(then["do"]):
        when.append(_check(dice, needed))
    own = then["do"] if then["do"] in ("ease", "hold") else "nothing"
    return {
        "id": f"r{number}",
        "title": "made up",
        "source": "nobody",
        "level": dice.choice(("now", "today", "concern", "note")),
        "owner": "coach",
        "on": True,
        "when": when,
        "then": then,
        "explain": "Made up.",
        "alone": dice.choice((own, own, own, "nothing")),
        "spell": dice.randint(1, 40),
    }


def _check(dice: Random, name: str) -> dict[str, Any]:
    of_last = dice.randint(1, 7)
    where = dice.choice(("bone", "elsewhere", "anywhere"))
    fields: dict[str, dict[str, Any]] = {
        "sleep_hours": {"under": dice.randint(1, 12), "nights": dice.randint(1, of_last), "of_last": of_last},
        "low_items": {
            "items": dice.randint(1, 3),
            "below": dice.choice((0.5, 1, 2)),
            "days": dice.randint(1, of_last),
            "of_last": of_last,
        },
        "harder_than_meant": {"by": dice.randint(1, 4), "sessions": dice.randint(2, 3)},
        "next_hard": {"within": dice.randint(0, 7)},
        "pain": {"where": where, **dice.choice(({}, {"over": dice.randint(0, 9)}, {"from": dice.randint(1, 10)}))},
        "pain_day": {"where": where, "on": [dice.randint(1, 28) for _ in range(dice.randint(1, 3))]},
        "pain_unsettled": {"where": where, "from": dice.randint(1, 4)},
        "pain_rises": {"where": where, "from": dice.randint(1, 4), "by": dice.randint(1, 3)},
        "said": {"any": dice.sample(SAID, dice.randint(1, 4)), "of_last": dice.randint(1, 14)},
        "returning": {
            "after": dice.choice((["illness"], ["injury"], ["illness", "injury"])),
            "within": dice.randint(2, 21),
            "silent": dice.randint(2, 14),
        },
        "days_off": {"days": dice.randint(3, 21), "planned": dice.randint(1, 3)},
        "fired": {"rules": ["r0"], "of_last": dice.randint(1, 28)},
        "ran_well": {"effort": dice.randint(0, 10)},
        "missed": {"why": dice.sample(WHY, dice.randint(1, 3)), "of_last": of_last},
        "unhurt": {"of_last": of_last},
        "race_within": {"days": dice.randint(0, 28)},
        "health": {"from": dice.randint(8, 25)},
    }
    return {"check": name, **fields[name]}


def _action(dice: Random) -> dict[str, Any]:
    name = dice.choice([one for one in ACTIONS if one != "quiet"] + 3 * ["ease", "hold"])
    what = dice.choice(("hard", "runs", "all", "strength"))
    to = dice.choice(("easy", "short", "half", "mobility", *(("snack",) if what == "strength" else ())))
    at_most = {"at_most": dice.randint(5, 240)} if to == "short" or dice.random() < 0.3 else {}
    fields: dict[str, dict[str, Any]] = {
        "tell": {},
        "ease": {"what": what, "days": dice.randint(1, 21), "to": to, **at_most, "next": dice.random() < 0.3},
        "hold": {"what": what, "days": dice.randint(1, 21)},
        "relay": {"within": dice.randint(1, 6)},
        "step": {"minutes": [dice.randint(5, 120) for _ in range(dice.randint(1, 5))], "within": dice.randint(1, 7)},
    }
    once = {"once": dice.random() < 0.3} if name in ("ease", "hold") else {}
    return {"do": name, **fields[name], **once}
