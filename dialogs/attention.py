"""Attention is a budget: what interrupts a coach, how much of it was useful, and when the bot waits for the list.

A page is for what is urgent, and always leaves. What is not urgent but is shown at once (a proposal of a rule) counts
with the pages against the coach's budget of the day; when that is used up it waits for the next list, and the list says
so. Nothing is dropped by it. How precise a flag is is what coaches have said of it, "useful" or "not useful": the last
word on each concern counts, and no figure is shown without the count behind it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from dialogs import timing
from dialogs.draft import Draft
from dialogs.model import Json, Person, Record
from dialogs.rules.book import shipped

LEAST, MOST = 1, 10  # what a budget may be
DAYS = 7
RULE = "rule_"
_DAY = timedelta(days=1)


# --- the budget -----------------------------------------------------------------------------------------------------


def spent(draft: Draft, coach: Person) -> bool:
    """Is this coach's budget of today used up, so that what is not urgent waits for the list?"""
    today = timing.local_date(coach.zone, draft.now)
    return len(_interruptions([*draft.known.steps, *draft.records], coach).get(today, set())) >= coach.budget


def _interruptions(steps: Iterable[Record], coach: Person) -> dict[date, set[str]]:
    """By the coach's own date: the short ids of what interrupted them. The rungs of one ladder are one."""
    found: dict[date, set[str]] = {}
    for one in steps:
        value = one.value
        if one.kind != "step" or not isinstance(value, dict):
            continue
        paged = one.name == "paged" and coach.id in (value.get("to") or ())
        if paged or (one.name == "proposed" and value.get("to") == coach.id):
            found.setdefault(timing.local_date(coach.zone, one.at), set()).add(str(value.get("short")))
    return found


def waited(draft: Draft, since: datetime) -> int:
    """How many proposals since then were kept for the list of this turn's coach."""
    me = draft.person.id
    shorts = {
        str(one.value["short"])
        for one in draft.known.steps
        if one.name == "proposed" and isinstance(one.value, dict) and one.value.get("waits") == me and one.at > since
    }
    return len(shorts & {one.short for one in draft.known.proposals})


def on_list(draft: Draft) -> None:
    """Below the morning list, where something has waited for it."""
    if not draft.known.proposals:  # then nothing has waited, and nothing is read
        return
    count = waited(draft, draft.now - _DAY)
    if count:
        draft.say("attention.waited", {"count": count, "budget": draft.person.budget}, quiet=True)


# --- precision ------------------------------------------------------------------------------------------------------


def precision(steps: Iterable[Record]) -> dict[str, tuple[int, int]]:
    """Of each flag: how many concerns were called useful, of how many that were judged."""
    last: dict[str, tuple[str, bool]] = {}
    for one in steps:
        if one.kind == "step" and one.name == "useful" and isinstance(one.value, dict):
            last[str(one.value.get("short"))] = (str(one.value.get("flag")), bool(one.value.get("useful")))
    found: dict[str, tuple[int, int]] = {}
    for flag, useful in last.values():
        good, of = found.get(flag, (0, 0))
        found[flag] = (good + useful, of + 1)
    return found


def of_rule(draft: Draft, rule: str) -> dict[str, Json] | None:
    """For the rule's page: {useful, of}. None: nothing of it was judged."""
    judged = precision([*draft.known.steps, *draft.records]).get(f"{RULE}{rule}")
    return {"useful": judged[0], "of": judged[1]} if judged else None


# --- the page -------------------------------------------------------------------------------------------------------


def show(draft: Draft, rest: str) -> None:
    """/attention, or /attention 5 to set the budget."""
    me = draft.person
    said = rest.strip()
    if said:
        number = int(said) if said.isascii() and said.isdecimal() and len(said) < 4 else 0
        if not LEAST <= number <= MOST:
            draft.say("attention.how", {"least": LEAST, "most": MOST})
            return
        draft.change(budget=number)
        draft.record("event", "budget", number)
    by_day = _interruptions(draft.known.steps, me)
    days = [draft.today - number * _DAY for number in range(DAYS - 1, -1, -1)]
    judged = precision(draft.known.steps)
    rows = [
        {"flag": flag, "title": _title(flag), "useful": useful, "of": of}
        for flag, (useful, of) in sorted(judged.items(), key=lambda each: (-each[1][1], each[0]))
    ]
    draft.say(
        "attention.page",
        {
            "budget": draft.person.budget,
            "days": [{"weekday": day.weekday(), "count": len(by_day.get(day, ()))} for day in days],
            "total": sum(len(by_day.get(day, ())) for day in days),
            "judged": rows,
        },
    )


def _title(flag: str) -> str | None:
    rule = shipped().find(flag.removeprefix(RULE)) if flag.startswith(RULE) else None
    return rule.title if rule else None
