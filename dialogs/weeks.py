"""An athlete's week: what they did and said, what changed and why, what comes next, and one question.

Theory of operation
-------------------
At the chosen hour (`weekday`) a message leaves, at most once. It looks back: numbers with what they are of ("5 of 7
check-ins"), their own words, letter for letter, and the last two weeks as a picture. Then it looks ahead: what changed
in the plan and why, the next seven days, at most one nudge, and the question what the week looks like. What has no room
below a picture stands in two messages, put in one commit. Nothing in it is a score, a streak or a reproach; a week of
silence is told as one. Who was on a pause all week gets nothing.

The answer is kept as minutes by date (`Person.free`, 0: none) with the words. It moves nothing. A session on a day that
does not work is shown to the coach beside the plan, and, where a better day is near, put to them as a proposal: moving
is more than easing, so a human decides.

Nudges (`NUDGES`) stand in this message and nowhere else: at most one a week, not the same twice running, and none
after bad news.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from dialogs import engine, escalation, life, planning, proposals, render, summary, timing, weekday
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Json, Lane, Person, Picture, Plan, Proposal, Session, Talk
from dialogs.plan import HARD, RUNS, minutes, ordered
from dialogs.scripts.availability import AHEAD, MOST
from dialogs.summary import Week

QUOTES = 3
CHANGES = 4
CAPTION = 1024  # UTF-16 units below a picture, after the markup is parsed (Bot API, sendPhoto)
SHOES_KM = 480  # from here on shoes are worth a look: 300 to 500 miles, comfort first
FUEL_MINUTES = 60
SHORT_SLEEP = 7.0  # hours; 7 to 9 is the advice
_KM_PER_MILE = 1.609
_SHOES = re.compile(r"(\d{2,4})(?:[.,]\d+)? ?(km|k\b|mi\b|miles?)", re.IGNORECASE)
_DAY = timedelta(days=1)
ANSWER_LIVES = _DAY  # what the week looks like is not asked for longer


# --- the message ----------------------------------------------------------------------------------------------------


def due(draft: Draft, event: Due) -> None:
    """The hour of the weekly message."""
    if weekday.begins(draft, event):
        send(draft, event.key)


def show(draft: Draft, rest: str) -> None:
    """/week: the same, now."""
    send(draft, None)


def send(draft: Draft, key: str | None) -> None:
    """`key`: nobody has asked for it; it is sent at most once, waits for the end of the night, and is not sent late."""
    me = draft.person
    training = draft.training()
    week = summary.of_week(me, draft.days, training, draft.today)
    if key is not None:
        draft.change(shoes_km=round(me.shoes_km + week.km, 1))
        if not week.asked and not week.quotes and not _anything(week):
            return  # a pause, or not asked at all: nothing has been missed, so there is nothing to tell
    ahead = training.plan.between(draft.today + _DAY, draft.today + AHEAD * _DAY)
    nudge = _nudge(draft, week, ahead)
    if nudge:
        draft.change(nudged=nudge)
    facts: dict[str, Json] = {
        **back(week, me),
        "changes": [_change(draft, one) for one in week.changes[:CHANGES]],
        "more": max(len(week.changes) - CHANGES, 0),
        "ahead": [planning.facts(one) for one in ordered(ahead) if one.kind != "rest"],
        "nudge": nudge,
        "shoes": round(shoes_km(draft.person) or 0, -1),
    }
    picture = Picture("trend", summary.trend(training, draft.today, me.language)) if _anything(week) else None
    fields = _unasked(draft) if key is not None else {}
    draft.ask(draft.open("week").talk, anew=True, key=key, **fields)
    asked = draft.messages.pop()  # with the question's buttons and bubble; here it has its reasons above it
    asked = replace(asked, data={**asked.data, **facts})
    whole = render.units(render.plain(render.text(me.language, "week.whole", asked.data)))
    if picture is None or whole <= CAPTION:
        draft.messages.append(replace(asked, text="week.whole", picture=picture))
    else:
        draft.say("week.back", facts, picture=picture, key=key, **fields)
        draft.messages.append(replace(asked, text="week.ahead", key=f"{key}:ahead" if key else None))


def _unasked(draft: Draft) -> dict[str, Any]:
    return {"lane": Lane.BULK, "once": True, "quiet": True, "expires_at": draft.now + weekday.STALE}


def _anything(week: Week) -> bool:
    """Is there something to draw? An empty frame says nothing, and looks like a reproach."""
    return bool(week.answered or week.done or week.changed)


def back(week: Week, athlete: Person) -> dict[str, Json]:
    """Looking back, for a text. What a human had to hear is not quoted back to whoever wrote it: a human answers that,
    and on a Sunday evening nobody wants to read their worst hour again."""
    quotes = [one for one in week.quotes if not summary.weighs(one.record)][:QUOTES]
    return {
        "first": week.first.isoformat(),
        "last": week.last.isoformat(),
        **week.counts,
        "minutes": week.minutes,
        "raced": planning.facts(week.raced) if week.raced is not None else None,
        "quotes": [shown(one) for one in sorted(quotes, key=lambda each: each.record.at)],
        "begun": athlete.consent_at is not None and timing.local_date(athlete.zone, athlete.consent_at) > week.first,
    }


URGENT = tuple(level.value for level in Level if level >= Level.TODAY)


def shown(quote: summary.Quote) -> dict[str, Json]:
    """A quote for a text."""
    return {"day": quote.day.isoformat(), "weekday": quote.day.weekday(), "words": quote.words, "more": quote.more}


def _change(draft: Draft, change: summary.Change) -> dict[str, Json]:
    """A change of the plan, by whom, and why as far as a rule or the athlete has said so."""
    verdict, _, short = change.cause.partition(":")
    approved = short if verdict == proposals.APPROVED else None
    found = (one for one in draft.training().proposals if change.cause == one.rule or approved == one.short)
    rule = next(found, None)
    after = change.after
    return {
        "before": planning.facts(change.before) if change.before else None,
        "after": planning.facts(after) if after else None,
        "by": change.by,
        "cause": change.cause.partition(":")[0],
        "held": after is not None and after.held is not None,
        "facts": dict(rule.facts) if rule is not None else None,
    }


# --- nudges ---------------------------------------------------------------------------------------------------------


def shoes_km(athlete: Person) -> float | None:
    """How far their shoes have come, by what they told and what was done since; None: they have not told a number."""
    found = _SHOES.search(athlete.shoes)
    if found is None:
        return None
    told = float(found[1]) * (_KM_PER_MILE if found[2].casefold().startswith("mi") else 1)
    return told + athlete.shoes_km


def _shoes(me: Person, week: Week, ahead: tuple[Session, ...]) -> bool:
    return (shoes_km(me) or 0) >= SHOES_KM


def _fuel(me: Person, week: Week, ahead: tuple[Session, ...]) -> bool:
    """Who races has a plan for it, and has been asked about it."""
    return any(one.kind in RUNS and one.kind != "race" and minutes(one) > FUEL_MINUTES for one in ahead)


def _strength(me: Person, week: Week, ahead: tuple[Session, ...]) -> bool:
    """Strength on the day before something hard, or twice within two days: then its place is worth a word."""
    strong = sorted(one.day for one in ahead if one.kind == "strength")
    before_hard = any(day + _DAY == one.day for day in strong for one in ahead if one.kind in HARD)
    return before_hard or any(later - day <= _DAY for day, later in itertools.pairwise(strong))


def _sleep(me: Person, week: Week, ahead: tuple[Session, ...]) -> bool:
    return "sleep" in week.low or any(hours < SHORT_SLEEP for hours in week.hours.values())


NUDGES: Mapping[str, Callable[[Person, Week, tuple[Session, ...]], bool]] = {
    "shoes": _shoes,
    "fuel": _fuel,
    "strength": _strength,
    "sleep": _sleep,
}


def _nudge(draft: Draft, week: Week, ahead: tuple[Session, ...]) -> str | None:
    """The one nudge of this week, by turns; not the one that was read last."""
    if week.bad or draft.escalations() or not week.answered:
        return None
    fit = [name for name, fits in NUDGES.items() if name != draft.person.nudged and fits(draft.person, week, ahead)]
    return fit[week.last.isocalendar().week % len(fit)] if fit else None


# --- the answer -----------------------------------------------------------------------------------------------------


def answered(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """What the week looks like: kept, shown to the coach, and where a session has no room a move is put to them."""
    first = talk.step == "week"  # its message may be a picture, whose text cannot be changed in place
    if step.ended is None:
        draft.ask(step.talk, anew=first)
        return
    draft.close(talk.script)
    if draft.tapped is None or first:
        draft.strip(talk)
    slots = step.talk.slots
    said = slots.get("not_days", slots["week"])
    free, words = _read(said, draft.today)
    draft.change(free=free, free_words=words)
    draft.record("answer", "free", [[day.isoformat(), much] for day, much in free])
    clashes = unfree(draft.person, draft.training().plan, draft.today)
    moves = _moves(draft.training().plan, draft.person, draft.today, [one for one, much in clashes if not much])
    to = next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)
    if moves:
        _propose(draft, moves, words, to)
    facts: dict[str, Json] = {
        "free": [[day.isoformat(), day.weekday(), much] for day, much in free],
        "clashes": [{"s": planning.facts(one), "minutes": much} for one, much in clashes],
        "moves": len(moves),
        "coach": to.name if to else None,
    }
    if draft.tapped is None or first:
        draft.say("week.kept", facts)
    else:
        draft.say("week.kept", facts, edit=True, bubble=talk.bubble)


def _read(said: Json, today: date) -> tuple[tuple[tuple[date, int], ...], str]:
    if isinstance(said, Mapping):  # in words
        return tuple((date.fromisoformat(day), int(much)) for day, much in said["free"]), str(said["words"])
    none = said if isinstance(said, list) else []
    days = [today + n * _DAY for n in range(1, AHEAD + 1)]
    return tuple((day, 0) for day in days if day.weekday() in none), ""


def unfree(athlete: Person, plan: Plan, today: date) -> list[tuple[Session, int]]:
    """Sessions from today on that stand on a day which has no room for them, with the minutes that it has."""
    room = dict(athlete.free)
    return [
        (one, room[one.day])
        for one in plan.sessions
        if one.day >= today and one.day in room and one.kind != "rest" and minutes(one) > room[one.day]
    ]


def _moves(plan: Plan, athlete: Person, today: date, clashes: list[Session]) -> list[tuple[Session, Session]]:
    """For each of these sessions the nearest day of the next week that has room, where there is one. A race stays."""
    room = dict(athlete.free)
    days = [today + n * _DAY for n in range(1, AHEAD + 1)]
    moves: list[tuple[Session, Session]] = []
    for session in clashes:
        near = sorted((day for day in days if day != session.day), key=lambda day: (abs(day - session.day), day))
        there = (
            replace(session, day=day, held=None) for day in near if room.get(day, MOST) >= max(minutes(session), 1)
        )
        new = next((one for one in there if not life.crowds(plan, session, one)), None)
        if new is not None and session.kind != "race" and session.held is None:
            moves.append((session, new))
            plan = replace(plan, sessions=ordered([*(one for one in plan.sessions if one.id != session.id), new]))
    return moves


def _propose(draft: Draft, moves: list[tuple[Session, Session]], words: str, to: Person | None) -> None:
    short = draft.spell_short()
    before, after = zip(*moves, strict=True)
    proposal = Proposal(
        0, short, draft.person.id, "move", draft.now, draft.now + life.LIVES, before, after, False, words
    )
    draft.propose(proposal)
    draft.wake("proposal", f"proposal:{short}", proposal.expires_at, short=short)
    proposals.show(draft, proposal, draft.person, to)
