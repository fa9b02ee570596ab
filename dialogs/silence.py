"""Silence is an answer: who was asked, and has not been heard from.

Theory of operation. `Person.unheard` counts the check-ins that were asked since the athlete was last heard. Whatever
comes from them (a tap, a word, "not today") sets it back to nothing; so nothing has to be looked up, and what was not
asked (a pause, a day off, a date that came too late, downtime) does not count, in whatever time zone.
Whether the questions have left at all is looked at before the coach is told.

    two in a row are missed     one kind word above the next question; only one, if what they last said was worrying
    it stays quiet that day     a concern for the coach, with their last words; on the list of the next morning
    four in a row are missed    the same concern says so, and suggests a call
    they are heard again        a concern that nobody has says that, too; only a human closes it

The line to the coach comes hours after the word to the athlete: nearly everybody who has only been busy answers that,
and costs no attention of anybody's. Stress and short sleep make people skip questions, so silence after a bad day is a
finding. Somebody who has blocked the bot is another thing, and is told at once (dialogs.turn).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from dialogs import concerns, escalation, summary, timing
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Escalation, Record
from dialogs.scripts.checkin import ITEMS

MISSED, MISSED_AFTER_WORRY, CALL = 2, 1, 4
PATIENCE = timedelta(hours=4)  # from the question of that day to the line for the coach
QUIET, CALLS, BACK = "silent", "silent_call", "silent_back"
UNSENT = ("expired", "dead", "silenced", "pending")  # states of a message that has reached nobody


def asked(draft: Draft) -> bool:
    """Today's question is leaving. True: the kind word goes with it."""
    me = draft.person
    missed = me.unheard
    draft.change(unheard=missed + 1)
    first = me.coaxed_on is None and missed >= (MISSED_AFTER_WORRY if _worried(draft.days) else MISSED)
    if first:
        draft.change(coaxed_on=draft.today)
    if first or missed == CALL:
        flag = CALLS if missed == CALL else QUIET
        key = f"silence:{me.id}:{draft.today}"
        draft.wake("silence", key, draft.now + PATIENCE, draft.today, flag=flag, missed=missed)
    return first


def held_by(draft: Draft) -> str | None:
    """Who has an earlier silence of theirs in hand, and so gets no new line about this one ("": a coach whom this turn
    does not know). None: nobody."""
    one = _concern(draft)
    if one is None or one.open or one.closed_at is not None:
        return None
    return concerns.name_of(draft, one.owner_id) or ""


def heard(draft: Draft) -> None:
    """Something has come from them."""
    was_told = draft.person.coaxed_on is not None
    draft.change(unheard=0, coaxed_on=None)
    if was_told:
        draft.cancel(f"silence:{draft.person.id}:")
        if (one := _concern(draft)) is not None and one.open and one.flag != BACK:
            draft.put(replace(one, flag=BACK))


def due(draft: Draft, event: Due) -> None:
    """The day stayed quiet. Stale is normal: they were heard, or are not asked any more. After a restore nobody knows
    whether they were, and the next questions will tell."""
    me = draft.person
    asks = me.runs and me.consent_at is not None and me.reachable and not me.resting
    if not me.unheard or not asks or timing.lost_until(event.data) or escalation.waiting(draft):
        return  # the last: a human is being rung for them this moment
    if _unsent(draft, int(event.data["missed"])):
        draft.record("step", "silence", "not_sent")
        return
    flag, before = str(event.data["flag"]), _concern(draft)
    if before is not None and before.open:
        draft.put(replace(before, flag=flag))
        return
    if before is not None and before.closed_at is None and flag == QUIET:
        return  # a coach has it
    _tell(draft, flag, before)


def _unsent(draft: Draft, missed: int) -> bool:
    """Not so many questions have left as they are said to have missed: it was us who were silent."""
    put = draft.known.sendings
    return put is not None and sum(one["status"] not in UNSENT for one in put) < missed


def _tell(draft: Draft, flag: str, before: Escalation | None) -> None:
    """A concern, without a word to the athlete: they have had one."""
    said = summary.own_words(draft.days)
    words = str(said[-1].words) if said else ""
    if before is not None:
        one = replace(concerns.reopened(before, Level.CONCERN, flag, draft.now), words=words, because=())
    else:
        short, me = draft.spell_short(), draft.person.id
        one = Escalation(
            0, short, me, Level.CONCERN, flag, words, draft.now, topic=concerns.SILENT, seen=((draft.today, None),)
        )  # fmt: skip
    step = "reopened" if before is not None else "raised"
    draft.record("step", step, {"short": one.short, "level": one.level.value, "flag": flag}, words or None)
    escalation.begin(draft, one)


def _concern(draft: Draft) -> Escalation | None:
    """About their silence: what is not closed, else the last one."""
    return concerns.of_topic(escalation.own(draft), concerns.SILENT)


def _worried(records: Iterable[Record]) -> bool:
    """What they told on the last day on which they told anything: something low, a pain, or words that flagged."""
    told = [one for one in records if one.kind in ("answer", "words") and one.name not in summary.NOT_OWN]
    return any(_worrying(one) for one in told if one.day == told[-1].day)


def _worrying(record: Record) -> bool:
    if record.kind == "words":
        return summary.weighs(record)
    value = record.value if isinstance(record.value, int) else None
    if record.name == "pain_level":
        return value is not None and value > 0
    return record.name in ITEMS and value is not None and value <= summary.LOW
