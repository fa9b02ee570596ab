"""The week's four health questions, at the end of a check-in: when they are asked, and what their answers come to.

They continue the first check-in that is finished on the athlete's week day or on the two days after it; so they need no
message of their own, and whoever has a day off or an alarm that day is asked a day later. `/health off` ends them.

The severity is the sum of the four scores, 0 to 100: full part without trouble ends at 0, no part at all at 100. It is
kept, and shown as what it is: what they said about one week. That a substantial problem becomes a concern is a rule of
the rule book (rules/health.yaml), which a coach can read and move.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from dialogs import engine, proposals, timing
from dialogs.draft import Draft
from dialogs.model import Json, Talk
from dialogs.scripts.health import FULL, NONE

GRACE = 2  # days after the week day on which they are still asked
FIRST = timedelta(days=6)  # after the yes: there must be a week to ask about
MOST = 100
_DAY = timedelta(days=1)


def ask(draft: Draft) -> bool:
    """Ask, if this is the time. True: asked."""
    me, today = draft.person, draft.today
    week_day = today - (today.weekday() - me.week_day) % 7 * _DAY
    if not me.health or me.consent_at is None or (today - week_day).days > GRACE or today + _DAY in me.races:
        return False
    if me.health_on is None and today != week_day:
        draft.change(health_on=today)  # the week in which they came, or in which this began, is not made up for
        return False
    if (me.health_on is not None and me.health_on >= week_day) or today - timing.local_date(
        me.zone, me.consent_at
    ) < FIRST:
        return False
    _begin(draft)
    return True


def _begin(draft: Draft) -> None:
    draft.change(health_on=draft.today)
    draft.ask(draft.open("health").talk, anew=True)


def command(draft: Draft, rest: str) -> None:
    """/health asks now; /health off and /health on."""
    match rest.strip().casefold():
        case "off" | "stop":
            draft.close("health")
            draft.change(health=False)
            draft.say("health.off")
        case "on":
            draft.change(health=True)
            draft.say("health.on")
        case _:
            _begin(draft)


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    for name, value in step.answers.items():
        draft.record("answer", f"health_{name}", value)
    if step.ended is None:
        draft.ask(step.talk)
        return
    draft.close(talk.script)
    told = {name: int(value) for name, value in step.talk.slots.items()}
    severity = severity_of(told)
    draft.record("step", "health", {**told, "severity": severity})
    draft.say("health.done", {"severity": severity}, edit=draft.tapped is not None, bubble=talk.bubble)
    proposals.judge(draft)


def severity_of(told: Mapping[str, Json]) -> int:
    """0..100, of the scores that were answered."""
    if told["participation"] in (FULL, NONE):
        return 0 if told["participation"] == FULL else MOST
    return int(sum(told.values()))
