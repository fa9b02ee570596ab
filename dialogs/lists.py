"""Whom a coach looks at first: the morning list, the same at any time (/today), and all that is open (/queue).

Theory of operation
-------------------
A coach of 25 athletes has time for two to four of them before breakfast. So a list is one message over all, and below
it a card for each of the first FIRST people who need somebody. Who comes first is one sort key, `Need.rank`:

    words that are urgent and that nobody has   the worst first, then the oldest
    concerns that nobody has                    the same
    a proposal that waits                       the one whose day is nearest

Others who only wrote something stand in the message over all, in their own words. Everybody else is one quiet line,
and it says no more than is known: "nothing" is no news, it is not good news; who was not asked, and who has not been
heard from, is named. With nothing to say the morning list does not come.

"Tomorrow" takes somebody off until the coach's next date; what is urgent cannot be put off. /queue always shows all of
it, five at a time. Its button names the last one that was shown by its place in the order, not by a count: whatever is
closed or comes meanwhile, nothing is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dialogs import desk, escalation, joining, menus, proposals, rights, summary, timing
from dialogs.draft import Draft, Rows, in_rows, number_in
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Button, Escalation, Json, Lane, Person, Proposal, Record

FIRST = 4
PAGE = 5
SAID_ROOM, SAID_LENGTH = 12, 200  # words of others in the message over all: of how many, how much of each
SAID_BUTTONS = 4
NAMES_ROOM = 12  # in the quiet line; the rest is counted
WEEK_DAYS = 7
SILENT_AFTER = 2  # questions in a row without an answer
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Need:
    """Somebody who needs this coach, and why: what nobody has yet (the worst first), and what is to be decided."""

    athlete: Person
    worries: tuple[Escalation, ...]
    wishes: tuple[Proposal, ...]

    @property
    def urgent(self) -> bool:
        return bool(self.worries) and self.worries[0].level >= Level.TODAY

    @property
    def rank(self) -> tuple[int, int, float]:
        """The smaller, the sooner."""
        if self.worries:
            worst = self.worries[0]
            return (0 if self.urgent else 1, -worst.level.order, worst.raised_at.timestamp())
        return (2, _nearest(self.wishes[0]).toordinal(), self.wishes[0].raised_at.timestamp())


# --- the list -------------------------------------------------------------------------------------------------------


def morning_list(draft: Draft, event: Due) -> None:
    """At the coach's hour. A late one comes even so: what is open is still open. What belongs to another coach stands
    here once this one was paged for it, or where that other coach cannot be reached. After a restore it may have come
    already: then the next one is planned."""
    lost_until = timing.lost_until(event.data)
    joining.plan_list(draft, lost_until)
    if lost_until:
        return
    said = _said(draft, draft.look("said", _numbers(desk.own(draft))))
    draft.record("event", "listed")
    draft.change(postponed=tuple((id, until) for id, until in draft.person.postponed if until > draft.today))
    _send(draft, said, lane=Lane.PROMPT)


def today(draft: Draft, rest: str) -> None:
    """/today: the same, with what was said within a day."""
    _send(draft, _said(draft, draft.look("said", _numbers(desk.own(draft)), days=1)), asked=True)


def _send(draft: Draft, said: Sequence[Record], *, lane: Lane = Lane.REPLY, asked: bool = False) -> None:
    own = desk.own(draft)
    everybody = needs(draft)
    later = {id for id, until in draft.person.postponed if until > draft.today}
    waiting = [one for one in everybody if one.urgent or one.athlete.id not in later]
    first, more = waiting[:FIRST], waiting[FIRST:]
    leaving = rights.wishes(draft)
    shown = {one.athlete.id for one in first}
    others = [one for one in said if one.about not in shown]
    quiet = [one for one in own if one.id not in {each.athlete.id for each in everybody} | {r.about for r in said}]
    silent = _silent(draft, quiet)
    if not asked and not (waiting or others or leaving):
        return
    unasked = [(one.name, why) for one in quiet if (why := unasked_why(one, draft.today))]
    facts: dict[str, Json] = {
        "asked": asked,
        "count": len(waiting) + len(leaving),
        "more": len(more),
        "said": [
            {"athlete": _name(draft, one), "words": desk.start_of(one.words or "", SAID_LENGTH)}
            for one in others[:SAID_ROOM]
        ],
        "unsaid": max(len(others) - SAID_ROOM, 0),
        "later": [one.athlete.name for one in everybody if one not in waiting],
        "silent": [
            {"name": name, "since": since.isoformat() if since else None} for name, since in silent[:NAMES_ROOM]
        ],
        "silent_more": max(len(silent) - NAMES_ROOM, 0),
        "unasked": [{"name": name, "why": why} for name, why in unasked[:NAMES_ROOM]],
        "unasked_more": max(len(unasked) - NAMES_ROOM, 0),
        "others": len(quiet) - len(silent) - len(unasked),
        "rest": bool(quiet),
    }
    draft.say(
        "desk.list", facts, lane=lane, quiet=not asked, buttons=_writers(draft, others), menu=menus.own(draft.person)
    )
    weeks = draft.look("days", [one.athlete.id for one in first], days=WEEK_DAYS)
    for need in first:
        _card(draft, need, [one for one in said if one.about == need.athlete.id], weeks, lane)
    for one in leaving:
        rights.remind(draft, one, lane=lane)


def needs(draft: Draft) -> list[Need]:
    """Everybody who needs this coach, in the order in which to look at them."""
    open_ones = desk.ordered(one for one in desk.open_ones(draft) if desk.on_my_list(draft, one))
    wishes = proposals.waiting(draft)
    people = {one.athlete_id: draft.athlete(one.athlete_id) for one in open_ones}
    people |= {athlete.id: athlete for athlete, _ in wishes}
    found = [
        Need(
            athlete,
            tuple(one for one in open_ones if one.athlete_id == athlete.id),
            tuple(one for whose, one in wishes if whose.id == athlete.id),
        )
        for athlete in people.values()
        if athlete is not None
    ]
    return sorted(found, key=lambda one: one.rank)


def _numbers(people: Iterable[Person]) -> tuple[int, ...]:
    return tuple(one.id for one in people)


def _said(draft: Draft, records: Iterable[Record]) -> list[Record]:
    return [one for one in records if one.words and draft.athlete(one.about or 0) is not None]


def _name(draft: Draft, record: Record) -> str:
    athlete = draft.athlete(record.about or 0)
    return athlete.name if athlete is not None else ""


def _writers(draft: Draft, said: Iterable[Record]) -> Rows:
    """To answer those who wrote: a reply to a message that speaks of several people would reach nobody."""
    numbers = list(dict.fromkeys(one.about for one in said if one.about is not None))[:SAID_BUTTONS]
    people = [athlete for number in numbers if (athlete := draft.athlete(number)) is not None]
    buttons = [Button("button.write_to", f"write:{one.id}", {"name": desk.start_of(one.name, 20)}) for one in people]
    return in_rows(buttons)


# --- who is quiet ---------------------------------------------------------------------------------------------------


def unasked_why(athlete: Person, day: date) -> str | None:
    """Why nobody asks them: joining, blocked, pause, leaving, alone (see dialogs.minors). None: they are asked."""
    if athlete.consent_at is None:
        return "joining"
    if not athlete.reachable:
        return "blocked"
    if athlete.erase_asked is not None:
        return "leaving"
    if athlete.alone:
        return "alone"
    return "pause" if athlete.paused_until is not None and athlete.paused_until > day else None


def missed(athlete: Person, seen: date | None, today: date) -> int:
    """How many of their days have passed since `seen` on which they may have been asked, today not among them. Not
    more than is known: the last day of a question is, and before WEEK_DAYS nobody looks."""
    if athlete.asked_on is None or athlete.consent_at is None:
        return 0
    joined = timing.local_date(athlete.zone, athlete.consent_at)
    start = max(seen or date.min, joined, today - (WEEK_DAYS + 1) * _DAY)
    last = min(athlete.asked_on, today - _DAY)
    days = (start + number * _DAY for number in range(1, (last - start).days + 1))
    return sum(day.weekday() not in athlete.days_off for day in days)


def heard(athlete: Person, seen: date | None, looked_from: date) -> date | None:
    """Since when there is nothing of them: the day on which they were last `seen`, or joined. None: since before
    anybody looked."""
    if seen is not None or athlete.consent_at is None:
        return seen
    joined = timing.local_date(athlete.zone, athlete.consent_at)
    return joined if joined >= looked_from else None


def _silent(draft: Draft, people: Iterable[Person]) -> list[tuple[str, date | None]]:
    """Who has been asked and not been heard from: name, and since when."""
    asked = [one for one in people if unasked_why(one, draft.today) is None]
    seen = {one.about: one.day for one in draft.look("seen", _numbers(asked), days=WEEK_DAYS + 1)}
    found = []
    for one in asked:
        there = timing.local_date(one.zone, draft.now)
        if missed(one, seen.get(one.id), there) >= SILENT_AFTER:
            found.append((one.name, heard(one, seen.get(one.id), there - WEEK_DAYS * _DAY)))
    return sorted(found, key=lambda each: (each[1] or date.min, each[0].casefold()))


# --- one card -------------------------------------------------------------------------------------------------------


def _card(draft: Draft, need: Need, said: Sequence[Record], weeks: Iterable[Record], lane: Lane) -> None:
    athlete = need.athlete
    worst = need.worries[0] if need.worries else None
    # Beside a worry, what is to be decided is a message of its own: each is answered in its place, and the answer to
    # the one must not take the buttons of the other away.
    beside = need.wishes[0] if need.wishes and worst is not None else None
    wish = need.wishes[0] if need.wishes and worst is None else None
    there = timing.local_date(athlete.zone, draft.now)
    facts: dict[str, Json] = {
        "worry": worst is not None,
        "also": [desk.concern(draft, one, athlete) for one in need.worries[1:]],
        "wish": proposals.shown(wish) if wish is not None else None,
        "wishes_more": max(len(need.wishes) - 1, 0),
        "said": [desk.start_of(one.words or "", SAID_LENGTH) for one in said[-SAID_BUTTONS:]],
        "week": summary.week((one for one in weeks if one.about == athlete.id), there),
        "athlete": athlete.name,
    }
    bubble = proposals.list_key(wish, draft.person) if wish is not None else None
    if worst is not None:
        facts |= desk.concern(draft, worst, athlete)
        bubble = escalation.list_key(worst, draft.person)
    draft.say("desk.card", facts, buttons=_actions(need), about=athlete.id, lane=lane, bubble=bubble)
    if beside is not None:
        proposals.show(draft, beside, athlete, draft.person, lane=lane)


def _actions(need: Need) -> Rows:
    id = need.athlete.id
    take = (Button("button.ack", f"ack:{need.worries[0].short}"),) if need.worries else ()
    write = f"reply:{need.worries[0].short}" if need.worries else f"write:{id}"  # to answer a worry is to have read it
    rows: list[tuple[Button, ...]] = [(*take, Button("button.write", write))]
    if need.wishes and not need.worries:
        target = f"{id}:{need.wishes[0].short}"
        rows.append(
            (
                Button("button.approve", f"approve:{target}"),
                Button("button.revise", f"revise:{target}"),
                Button("button.reject", f"reject:{target}"),
            )
        )
    later = () if need.urgent else (Button("button.tomorrow", f"tomorrow:{id}"),)
    rows.append((Button("button.ease", f"ease:{id}"), Button("button.call", f"call:{id}"), *later))
    return tuple(rows)


def tomorrow(draft: Draft, target: str) -> None:
    """Not before tomorrow's list. Only a concern or a note waits: what is urgent stays where it is."""
    athlete = draft.by_number(target)
    if athlete is None:
        draft.toast("shared.question_closed")
        return
    if any(one.urgent for one in needs(draft) if one.athlete.id == athlete.id):
        draft.toast("desk.not_tomorrow", {"athlete": athlete.name})
        return
    kept = tuple(one for one in draft.person.postponed if one[0] != athlete.id)
    draft.change(postponed=(*kept, (athlete.id, draft.today + _DAY)))
    draft.record("step", "postponed", (draft.today + _DAY).isoformat(), about=athlete)
    draft.say("desk.tomorrow", {"athlete": athlete.name}, edit=draft.tapped is not None, about=athlete.id)


# --- the queue ------------------------------------------------------------------------------------------------------

Place = tuple[int, int, int, int]
PLACE = 4  # numbers in it


def queue(draft: Draft, rest: str) -> None:
    """Everything that nobody has closed or decided: what nobody has, what is to be decided, what somebody has."""
    _page(draft, None)


def more(draft: Draft, target: str) -> None:
    """What comes behind the place that the button names."""
    numbers = [number for one in target.split(":") if (number := number_in(one)) is not None]
    if len(numbers) != PLACE or target.count(":") != PLACE - 1:
        draft.toast("shared.question_closed")
        return
    group, order, at, id = numbers
    _page(draft, (group, order, at, id))


def _page(draft: Draft, after: Place | None) -> None:
    everything: list[tuple[Place, Person, Escalation | Proposal]] = [
        (_place(one), athlete, one)
        for one in draft.escalations()
        if one.closed_at is None and (athlete := draft.athlete(one.athlete_id)) is not None
    ]
    everything += [(_place(one), athlete, one) for athlete, one in proposals.waiting(draft)]
    everything.sort(key=lambda each: each[0])
    behind = [each for each in everything if after is None or each[0] > after]
    if not behind:
        draft.say("coach.nothing_open" if not everything else "desk.queue_end")
        return
    before = len(everything) - len(behind)
    page = behind[:PAGE]
    draft.say("desk.queue", {"count": len(everything), "first": before + 1, "last": before + len(page)})
    for _, athlete, one in page:
        if isinstance(one, Escalation):
            desk.show(draft, one, athlete)
        else:
            proposals.show(draft, one, athlete, draft.person)
    if len(behind) > len(page):
        place = ":".join(str(number) for number in page[-1][0])
        left = len(behind) - len(page)
        draft.say("desk.queue_more", {"count": left}, buttons=((Button("button.more", f"queue:{place}"),),))


def _place(one: Escalation | Proposal) -> Place:
    """Where it stands in the queue; no two have one place."""
    if isinstance(one, Escalation):
        return (0 if one.open else 2, Level.NOW.order - one.level.order, _ms(one.raised_at), one.id)
    return (1, _nearest(one).toordinal(), _ms(one.raised_at), one.id)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _nearest(one: Proposal) -> date:
    return min(session.day for session in (*one.before, *one.after))
