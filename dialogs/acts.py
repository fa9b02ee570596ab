"""What a coach does about one athlete from a list: ease the next hard session, call.

A session that the bot has eased already waits for this coach as a proposal, so that is shown instead: the coach decides
on what was planned, and not on a half of it. A coach who eases is a human: it stands at once, and the athlete is told.
The bot cannot ring anybody. It shows whom to ring, and keeps that the coach says they did.
"""

from __future__ import annotations

from datetime import timedelta

from dialogs import desk, owning, planning, proposals, timing
from dialogs.draft import Draft, Rows, date_in
from dialogs.model import Button, Person, Session
from dialogs.plan import Refused, hard, lighter, next_hard

AHEAD = 7  # days in which the next hard session is looked for
_DAY = timedelta(days=1)


def ease(draft: Draft, target: str) -> None:
    """ "7": which session, and how? "7:260604:half": so."""
    number, _, rest = target.partition(":")
    athlete = draft.by_number(number)
    if athlete is None:
        draft.toast("shared.question_closed")
    elif not rest:
        _ask(draft, athlete)
    else:
        _ease(draft, athlete, *rest.partition(":")[::2])


def _ask(draft: Draft, athlete: Person) -> None:
    training = draft.training(athlete)
    today = timing.local_date(athlete.zone, draft.now)
    held = next((one for one in training.plan.between(today, today + AHEAD * _DAY) if one.held is not None), None)
    if held is not None:
        waits = next(
            (one for one in training.proposals if one.short == held.held and one.state == proposals.OPEN), None
        )
        if waits is not None and desk.knows(draft, athlete):
            proposals.show(draft, waits, athlete, draft.person)
            return
    session = next_hard(training.plan, today, AHEAD)
    if session is None or session.held is not None:
        draft.say("desk.nothing_hard", {"athlete": athlete.name}, about=athlete.id)
        return
    stem = f"ease:{athlete.id}:{session.day:%y%m%d}"
    row = tuple(Button(f"button.{to}", f"{stem}:{to}") for to in proposals.REVISIONS)
    facts = {"athlete": athlete.name, "s": planning.facts(session)}
    draft.say("desk.ease", facts, buttons=(row,), about=athlete.id)


def _ease(draft: Draft, athlete: Person, stamp: str, to: str) -> None:
    session = _hard_on(draft, athlete, stamp)
    if session is None or to not in proposals.REVISIONS:
        draft.toast("shared.question_closed")
        return
    easier = lighter(session, to)
    try:
        plan = draft.replan("coach", "eased", [session], [easier], athlete)
    except Refused as refused:
        draft.toast(f"problem.plan_{refused.why}")
        return
    draft.record("step", "eased", {"day": session.day.isoformat(), "to": to}, about=athlete)
    pair = {"before": planning.facts(session), "after": planning.facts(easier)}
    undo: Rows = ((Button("button.undo", f"unlay:{athlete.id}:{stamp}:{plan.number}"),),)
    told = {"athlete": athlete.name, "coach": draft.person.name, "pairs": [pair]}
    draft.say("desk.eased", told, edit=draft.tapped is not None, buttons=undo, about=athlete.id)
    see: Rows = ((Button("button.plan", "do:plan"),),)
    draft.say("desk.eased_for_you", told, to=athlete, about=athlete.id, buttons=see)


def _hard_on(draft: Draft, athlete: Person, stamp: str) -> Session | None:
    """The hard session of that day, if it is still there, still to come, and waits for no decision."""
    day = date_in(stamp)
    if day is None or day < timing.local_date(athlete.zone, draft.now):
        return None
    sessions = draft.training(athlete).plan.on(day)
    return next((one for one in sessions if hard(one) and one.kind != "race" and one.held is None), None)


def call(draft: Draft, number: str) -> None:
    """Whom to ring, and what time it is there."""
    athlete = draft.by_number(number)
    if athlete is None:
        draft.toast("shared.question_closed")
        return
    facts = {
        "athlete": athlete.name,
        "knows": desk.knows(draft, athlete),
        "contact": athlete.contact if desk.knows(draft, athlete) else "",
        "there": draft.local_time(draft.now, athlete),
        "place": athlete.place,
    }
    draft.say("desk.call", facts, buttons=((Button("button.called", f"called:{athlete.id}"),),), about=athlete.id)


def called(draft: Draft, number: str) -> None:
    """The coach says that they rang."""
    athlete = draft.by_number(number)
    if athlete is None:
        draft.toast("shared.question_closed")
        return
    draft.record("step", "call", about=athlete)
    owning.called(draft, athlete)
    facts = {"athlete": athlete.name, "at": draft.local_time(draft.now)}
    draft.say("desk.called", facts, edit=draft.tapped is not None, about=athlete.id)
