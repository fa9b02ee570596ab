"""A coach lays out a week, in the chat: tapped together from the library, or a session in a line ("thu easy 40").

Each tap is a version of the plan with the coach as its cause, and can be undone; the athlete is told when the coach
says so, once, and not at each tap. The placement rules look at every week that is shown: a breach is shown beside it,
and never mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from dialogs import desk, library, plan_files, signals, timing, weeks, when
from dialogs.draft import Draft, Rows, date_in, in_rows
from dialogs.model import Button, Document, Json, Person, Plan, Session
from dialogs.plan import Refused, new_id, ordered
from dialogs.planning import SPANS, facts, monday_of, read_session, week
from dialogs.rules.book import shipped
from dialogs.rules.evaluate import placement

_DAY = timedelta(days=1)
TELL_ROOM = 24  # signs of a name on a button


def of(draft: Draft, rest: str) -> None:
    """/plan NAME [next], of a coach."""
    athlete, span = desk.named(draft, rest, "plan")
    if athlete is not None:
        show_week(draft, athlete, monday_of(_today(draft, athlete)) + 7 * SPANS.get(span.casefold(), 0) * _DAY)


def _today(draft: Draft, athlete: Person) -> date:
    return timing.local_date(athlete.zone, draft.now)


def _target(draft: Draft, target: str) -> tuple[Person, date, str] | None:
    """ "7:260604:easy": the athlete, the day, and what. None after having said that there is no such thing."""
    number, _, rest = target.partition(":")
    stamp, _, what = rest.partition(":")
    athlete, day = draft.by_number(number), date_in(stamp)
    if athlete is None or day is None:
        draft.toast("shared.question_closed")
        return None
    return athlete, day, what


def week_of(draft: Draft, target: str) -> None:
    if (found := _target(draft, target)) is not None:
        show_week(draft, found[0], monday_of(found[1]), edit=draft.tapped is not None)


def show_week(draft: Draft, athlete: Person, monday: date, *, edit: bool = False) -> None:
    """The week, with what can be done to it."""
    training = draft.training(athlete)
    today = _today(draft, athlete)
    stamp = f"{athlete.id}:{monday:%y%m%d}"
    days = tuple(
        Button("button.day", f"day:{athlete.id}:{monday + n * _DAY:%y%m%d}", {"n": n, "ticked": False})
        for n in range(7)
        if monday + n * _DAY >= today
    )
    before, after = monday - 7 * _DAY, monday + 7 * _DAY
    last = next((one for one in reversed(training.changes) if one.by == "coach"), None)
    undo = (Button("button.undo", f"unlay:{athlete.id}:{monday:%y%m%d}:{last.number}"),) if last else ()
    rows: Rows = (
        *((days[:4], days[4:]) if len(days) > 4 else (days,)),
        (
            Button("button.week_before", f"week:{athlete.id}:{before:%y%m%d}"),
            Button("button.week_after", f"week:{athlete.id}:{after:%y%m%d}"),
        ),
        (
            Button("button.blocks", f"blocks:{stamp}"),
            Button("button.as_file", f"file:{stamp}"),
        ),
        (
            *undo,
            Button("button.tell", f"tell:{stamp}", {"name": athlete.name[:TELL_ROOM]}),
        ),
    )
    draft.say(
        "plan.of",
        {
            "athlete": athlete.name,
            "days": week(draft, athlete, monday),
            "breaches": breaches(draft, athlete, monday),
            "brief": True,
        },
        buttons=tuple(row for row in rows if row),
        edit=edit,
        about=athlete.id,
    )


def breaches(draft: Draft, athlete: Person, monday: date | None = None) -> list[dict[str, Json]]:
    """What the placement rules have to say of the plan, of the week of `monday` alone where it is given."""
    training = draft.training(athlete)
    today = _today(draft, athlete)
    settings = [one for one in training.settings if one.coach_id == athlete.coach_id]
    days = signals.days(training.records)
    found = placement(shipped(), training.plan, days, today, settings, athlete_id=athlete.id)
    last = monday + 6 * _DAY if monday else None
    seen = []
    for fired in found:
        its = [one.day for id in fired.sessions if (one := training.plan.find(id)) is not None]
        if monday is None or last is None or any(monday <= day <= last for day in its):
            seen.append(
                {
                    "rule": fired.rule.id,
                    "title": fired.rule.title,
                    "facts": dict(fired.facts),
                    "days": [day.isoformat() for day in sorted(set(its))],
                }
            )
    return [*seen, *_unfree(athlete, training.plan, today, monday)]


def _unfree(athlete: Person, plan: Plan, today: date, monday: date | None) -> list[dict[str, Json]]:
    """Days on which the athlete has no time for what is planned, by their own word."""
    clashes = sorted({one.day for one, _ in weeks.unfree(athlete, plan, today)})
    its = [day for day in clashes if monday is None or monday <= day <= monday + 6 * _DAY]
    return [{"rule": "free", "title": None, "days": [day.isoformat() for day in its]}] if its else []


def day_of(draft: Draft, target: str) -> None:
    """One day, with the library below it."""
    if (found := _target(draft, target)) is None:
        return
    athlete, day, _ = found
    stamp = f"{athlete.id}:{day:%y%m%d}"
    items = [
        Button("button.offer", f"lay:{stamp}:{item.id}", {"offer": item.title})
        for item in library.load().items.values()
    ]
    rows: Rows = (
        *in_rows(items),
        (Button("button.clear", f"lay:{stamp}:-"), Button("button.go_back", f"week:{stamp}")),
    )
    draft.say(
        "plan.day_of",
        {
            "athlete": athlete.name,
            "day": day.isoformat(),
            "weekday": day.weekday(),
            "sessions": [facts(one) for one in ordered(draft.training(athlete).plan.on(day))],
        },
        buttons=rows,
        edit=draft.tapped is not None,
        about=athlete.id,
    )


def lay(draft: Draft, target: str) -> None:
    """A session of the library onto a day, or "-": the day is cleared."""
    if (found := _target(draft, target)) is None:
        return
    athlete, day, item = found
    plan = draft.training(athlete).plan
    there = plan.on(day)
    if item == "-":
        _lay(draft, athlete, day, there, ())
    elif item in library.load().items:
        new = library.load().session(item, plan, day)
        # Rest and something else on one day make no sense; two of a kind rarely do: the new one takes its place.
        gone = [one for one in there if "rest" in (one.kind, new.kind) or one.kind == new.kind]
        _lay(draft, athlete, day, gone, (new,))
    else:
        draft.toast("shared.question_closed")


def _lay(draft: Draft, athlete: Person, day: date, gone: Iterable[Session], new: Iterable[Session]) -> None:
    try:
        draft.replan("coach", "library", gone, new, athlete)
    except Refused as refused:
        draft.toast(f"problem.plan_{refused.why}")
        return
    show_week(draft, athlete, monday_of(day), edit=draft.tapped is not None)


def blocks(draft: Draft, target: str) -> None:
    """Which week to lay: the blocks of the library."""
    if (found := _target(draft, target)) is None:
        return
    athlete, monday, _ = found
    stamp = f"{athlete.id}:{monday:%y%m%d}"
    items = [
        Button("button.offer", f"block:{stamp}:{one.id}", {"offer": one.title})
        for one in library.load().blocks.values()
    ]
    rows: Rows = (
        *in_rows(items),
        (Button("button.go_back", f"week:{stamp}"),),
    )
    draft.say(
        "plan.blocks",
        {"athlete": athlete.name, "monday": monday.isoformat()},
        buttons=rows,
        edit=draft.tapped is not None,
        about=athlete.id,
    )


def block(draft: Draft, target: str) -> None:
    """The week gets this block's sessions from today on; a race stays where it is, and its day is left alone."""
    if (found := _target(draft, target)) is None:
        return
    athlete, monday, name = found
    if name not in library.load().blocks:
        draft.toast("shared.question_closed")
        return
    monday, today = monday_of(monday), _today(draft, athlete)
    plan = draft.training(athlete).plan
    races = {one.day for one in plan.sessions if one.kind == "race"}
    first = max(monday, today)
    gone = [one for one in plan.between(first, monday + 6 * _DAY) if one.day not in races]
    kept = Plan(plan.number, tuple(one for one in plan.sessions if one not in gone))
    new = [one for one in library.load().week(name, kept, monday, first) if one.day not in races]
    _lay(draft, athlete, monday, gone, new)


def unlay(draft: Draft, target: str) -> None:
    """A coach takes back their last change."""
    if (found := _target(draft, target)) is None:
        return
    athlete, monday, number = found
    change = next((one for one in draft.training(athlete).changes if str(one.number) == number), None)
    if change is None or change.by != "coach":
        draft.toast("shared.question_closed")
        return
    try:
        draft.undo(change, "coach", athlete)
    except Refused as refused:
        draft.toast(f"problem.plan_{refused.why}")
        return
    show_week(draft, athlete, monday_of(monday), edit=draft.tapped is not None)


def tell(draft: Draft, target: str) -> None:
    """The athlete gets the week, under the coach's name."""
    if (found := _target(draft, target)) is None:
        return
    athlete, monday, _ = found
    days = week(draft, athlete, monday_of(monday))
    draft.record("step", "plan_told", monday.isoformat(), about=athlete)
    draft.say(
        "plan.told",
        {"coach": draft.person.name, "days": days},
        to=athlete,
        about=athlete.id,
        quiet=True,
        buttons=((Button("button.plan", "do:plan"),),),
    )
    draft.toast("plan.is_told", {"athlete": athlete.name})


def as_file(draft: Draft, target: str) -> None:
    """The plan from this week on, as a table and as a calendar: what `importing` reads back."""
    if (found := _target(draft, target)) is None:
        return
    athlete, monday, _ = found
    sessions = [one for one in draft.training(athlete).plan.sessions if one.day >= monday_of(monday)]
    name = re.sub(r"[^\w-]+", "-", athlete.name).strip("-") or "plan"
    calendar = plan_files.write_ics(
        sessions, name=athlete.name, zone=athlete.zone, now=draft.now, whose=f"athlete-{athlete.id}"
    )
    facts = {"athlete": athlete.name, "count": len(sessions)}
    for ending, content in (("csv", plan_files.write_csv(sessions)), ("ics", calendar)):
        document = Document(f"{name}.{ending}", content)
        draft.say(f"plan.as_{ending}", facts, document=document, about=athlete.id)


def write(draft: Draft, rest: str) -> None:
    """/lay NAME DAY SESSION: one session in the coach's own words; what the day had of that kind gives way."""
    athlete, said = desk.named(draft, rest, "lay")
    if athlete is None:
        return
    today = _today(draft, athlete)
    for length in (3, 2, 1):
        words = said.split(" ", length)
        day = when.day(" ".join(words[:length]), today)
        if isinstance(day, date) and len(words) > length:
            session = read_session(words[length], day)
            if session is not None:
                plan = draft.training(athlete).plan
                new = replace(session, id=new_id(plan, day))
                gone = [one for one in plan.on(day) if "rest" in (one.kind, new.kind) or one.kind == new.kind]
                _lay(draft, athlete, day, gone, (new,))
                return
    draft.say("plan.lay_how", {"athlete": athlete.name})
