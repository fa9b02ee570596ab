"""Who somebody is, on one page: in their own words, with what coaches have added.

    /me              an athlete's own page; a button below it asks one question
    /athlete NAME    the coach's: the same, and what is open, decided, planned and said
    /note NAME ...   a coach's private note

The words of the athlete are facts of the Person. A coach cannot change them, only add to them: an addition is a line of
the journal with who and when, stands on both pages, and goes when the athlete is erased. A note is a line, too. The
athlete does not see notes in the chat; but what is kept about somebody is theirs by law, so it stands in their export,
and whoever writes one is told so each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from dialogs import desk, engine, minors, owning, planning, summary, timing
from dialogs.draft import Draft, Rows, in_rows
from dialogs.lists import unasked_why
from dialogs.model import Button, Json, Person, Record, Talk
from dialogs.plan import ordered
from dialogs.scripts.desk import FIELDS

NOTES_ROOM = 5
DECIDED_ROOM = 3
LAST_WORDS_DAYS = 60
_DECISIONS = ("decided", "eased", "call")
_DAY = timedelta(days=1)


# --- the coach ------------------------------------------------------------------------------------------------------


def show(draft: Draft, rest: str) -> None:
    """/athlete NAME"""
    athlete, _ = desk.named(draft, rest, "athlete")
    if athlete is not None:
        _page(draft, athlete)


def _page(draft: Draft, athlete: Person) -> None:
    plan = draft.training(athlete).plan
    there = timing.local_date(athlete.zone, draft.now)
    coaches = (draft.person, *draft.known.colleagues)
    mine = [one for one in draft.escalations() if one.athlete_id == athlete.id]
    knows = desk.knows(draft, athlete)
    facts: dict[str, Json] = {
        "athlete": athlete.name,
        "place": athlete.place or athlete.zone,
        "there": draft.local_time(draft.now, athlete),
        "asked_at": f"{athlete.ask_at:%H:%M}",
        "why": unasked_why(athlete, there),
        "until": athlete.paused_until.isoformat() if athlete.paused_until else None,
        "coached_by": next((one.name for one in coaches if one.id == athlete.coach_id), None),
        "mine": athlete.coach_id == draft.person.id,
        "knows": knows,
        **minors.facts(draft.known, athlete),
        "concerns": [desk.concern(draft, one, athlete) for one in desk.ordered(mine)],
        "plan": [planning.facts(one) for one in ordered(plan.between(there, there + 6 * _DAY))],
        **(_known(draft, athlete, there) if knows else {}),
    }
    rows: Rows = (
        (Button("button.write", f"write:{athlete.id}"), Button("button.call", f"call:{athlete.id}")),
        (Button("button.add", f"add:{athlete.id}"), Button("button.jot", f"jot:{athlete.id}")),
        (Button("button.their_plan", f"week:{athlete.id}:{there:%y%m%d}"),),
    )
    draft.say("dossier.page", facts, buttons=rows, about=athlete.id)
    if knows:  # the page shows the words of each
        for one in mine:
            owning.read(draft, one)


def _known(draft: Draft, athlete: Person, there: date) -> dict[str, Json]:
    """What stands on the page for whoever may read all of it."""
    training = draft.training(athlete)
    kept = draft.look("kept", (athlete.id,))
    days = draft.look("days", (athlete.id,), days=7)
    last = draft.look("last", (athlete.id,), days=LAST_WORDS_DAYS)
    races = [one for one in training.plan.sessions if one.kind == "race" and one.day >= there]
    return {
        "fields": fields(draft, athlete, kept),
        "races": [planning.facts(one) for one in races],
        "decisions": _decisions(training.records),
        "last": [_told(draft, one) for one in last],
        "notes": [_told(draft, one) for one in kept if one.name == "note" and _reads_note(draft, one)][-NOTES_ROOM:],
        "week": summary.week(days, there),
    }


def _reads_note(draft: Draft, note: Record) -> bool:
    """A coach's notes are theirs alone, unless they share them with whoever stands in."""
    by = note.value.get("by") if isinstance(note.value, dict) else None
    return any(one.id == by and (one.id == draft.person.id or one.notes_shared) for one in draft.coaches)


def _decisions(records: Iterable[Record]) -> list[dict[str, Json]]:
    found = [one for one in records if one.kind == "step" and one.name in _DECISIONS]
    return [
        {"day": one.day.isoformat(), "what": one.name, "value": dict(one.value) if isinstance(one.value, dict) else {}}
        for one in found[-DECIDED_ROOM:]
    ]


def _told(draft: Draft, record: Record) -> dict[str, Json]:
    by = record.value.get("by") if isinstance(record.value, dict) else None
    return {
        "day": record.day.isoformat(),
        "by": next((one.name for one in draft.coaches if one.id == by), None),
        "words": record.words or "",
    }


def fields(draft: Draft, athlete: Person, kept: Iterable[Record]) -> list[dict[str, Json]]:
    """What is there of the dossier: `name`, the athlete's own `words`, and what coaches have `added`."""
    added = [one for one in kept if one.name == "dossier" and isinstance(one.value, dict)]
    found = []
    for name in FIELDS:
        more = [_told(draft, one) for one in added if one.value.get("field") == name]
        words = str(getattr(athlete, name))
        if words or more:
            found.append({"name": name, "words": words, "added": more})
    return found


def add(draft: Draft, target: str) -> None:
    """ "7": to what shall be added? "7:fears": what?"""
    number, _, field = target.partition(":")
    athlete = draft.by_number(number)
    if athlete is None or field not in ("", *FIELDS):
        draft.toast("shared.question_closed")
        return
    if field:
        slots = {"athlete": athlete.id, "athlete_name": athlete.name, "field": field}
        draft.ask(draft.open("add", slots).talk, anew=True)
        return
    buttons = [Button(f"button.field_{name}", f"add:{athlete.id}:{name}") for name in FIELDS]
    draft.say("dossier.add_to", {"athlete": athlete.name}, buttons=in_rows(buttons), about=athlete.id)


def added(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    if (athlete := _about(draft, talk, step)) is None:
        return
    value = {"field": str(talk.slots["field"]), "by": draft.person.id}
    draft.record("step", "dossier", value, str(step.answers["add"]), about=athlete)
    draft.say("dossier.added", {"athlete": athlete.name}, about=athlete.id)


def note(draft: Draft, rest: str) -> None:
    """/note NAME WORDS, or without words: they are asked for."""
    athlete, words = desk.named(draft, rest, "note")
    if athlete is None:
        return
    if words:
        _keep(draft, athlete, words)
    else:
        jot(draft, str(athlete.id))


def jot(draft: Draft, number: str) -> None:
    athlete = draft.by_number(number)
    if athlete is None:
        draft.toast("shared.question_closed")
        return
    draft.ask(draft.open("jot", {"athlete": athlete.id, "athlete_name": athlete.name}).talk, anew=True)


def jotted(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    if (athlete := _about(draft, talk, step)) is not None:
        _keep(draft, athlete, str(step.answers["jot"]))


def _keep(draft: Draft, athlete: Person, words: str) -> None:
    draft.record("step", "note", {"by": draft.person.id}, words, about=athlete)
    draft.say("dossier.noted", {"athlete": athlete.name}, about=athlete.id)


def _about(draft: Draft, talk: Talk, step: engine.Moved) -> Person | None:
    """Whom a talk of the coach is about; None after having said why nothing is kept."""
    draft.close(talk.script)
    athlete = draft.athlete(int(talk.slots["athlete"]))
    if athlete is None or step.ended == "cancelled":
        draft.say("dossier.unchanged", edit=draft.tapped is not None, bubble=talk.bubble)
        return None
    draft.strip(talk)
    return athlete


# --- the athlete ----------------------------------------------------------------------------------------------------


def me(draft: Draft, rest: str) -> None:
    """/me: what is kept of who they are, and a button for each part of it."""
    person = draft.person
    shown = fields(draft, person, draft.look("kept", (person.id,)))
    races = [one for one in draft.training().plan.sessions if one.kind == "race" and one.day >= draft.today]
    buttons = [Button(f"button.field_{name}", f"me:{name}") for name in FIELDS]
    draft.say("dossier.mine", {"fields": shown, "races": [planning.facts(one) for one in races]},
              buttons=in_rows(buttons))  # fmt: skip


def change(draft: Draft, field: str) -> None:
    if field not in FIELDS:
        draft.toast("shared.question_closed")
        return
    draft.ask(draft.open("me", {"field": field}).talk, anew=True)


def changed(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    draft.close(talk.script)
    if step.ended == "cancelled":
        draft.say("dossier.unchanged", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    draft.strip(talk)
    field, words = str(talk.slots["field"]), str(step.answers[str(talk.slots["field"])])
    draft.change(**{field: "" if words == "empty" else words})
    if field == "shoes":
        draft.change(shoes_km=0)
    draft.record("event", "dossier", field)
    me(draft, "")
