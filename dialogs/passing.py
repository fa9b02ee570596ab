"""An athlete passes to another coach, and a coach leaves.

Theory of operation
-------------------
Only the athlete's own turn changes who coaches them, and only after they have said so: another coach will read, and
that is theirs to allow. What a coach does is to put a wakeup into the athlete's name:

    /move_athlete Ann to Dana  --wakeup "moving"-->  Ann is asked: Dana, or nobody else
    /leave                     --wakeup "left"---->  each athlete is asked: which of the others

`Person.offered` are the coaches whom an athlete has been asked about; a button for another one, or a second tap, is a
closed question. With the yes the old coach's buttons are dead at once, as every button of a coach is looked at against
whom they answer for now. What the old coach had taken and not closed must not rest with somebody who is gone: it is
opened again for the new one, who has to take it.

Whoever leaves is no coach from that commit on. Until an athlete has chosen, the head coach answers (`answering`).
"""

from __future__ import annotations

from dataclasses import replace

from dialogs import answering, concerns, desk, engine, escalation
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.model import Button, Json, Lane, Person, Talk
from dialogs.scripts.cover import LEAVE_IT

COACHING = ("relay", "revise", "import", "order", "leave", "broadcast", "whom")  # talks that end with being a coach


# --- an athlete passes on -------------------------------------------------------------------------------------------


def move(draft: Draft, rest: str) -> None:
    """/move_athlete Ann to Dana, by the own coach or the head coach."""
    me = draft.person
    coaches = answering.everybody(draft.known, me)
    name, _, whom = rest.rpartition(" to ")
    athlete = desk.named(draft, name)[0] if name.strip() else None
    if athlete is None:
        if not name.strip():
            draft.say("passing.move_how", {"others": [one.name for one in draft.known.colleagues]})
        return
    wanted = " ".join(whom.split()).casefold()
    found = [one for one in coaches if one.name.casefold() == wanted]
    found = found or [one for one in coaches if one.name.casefold().split()[:1] == [wanted]]
    if athlete.coach_id != me.id and not answering.is_head(draft.known, me):
        draft.say("passing.not_yours", {"athlete": athlete.name})
    elif len(found) != 1 or found[0].id in (athlete.coach_id, athlete.id):
        draft.say("passing.move_how", {"others": [one.name for one in coaches if one.id != athlete.coach_id]})
    elif athlete.consent_at is None or athlete.drill:
        draft.say("passing.not_yet", {"athlete": athlete.name})
    else:
        data: dict[str, Json] = {"to": found[0].id, "by": me.id}
        key = f"moving:{athlete.id}:{draft.now:%Y%m%d%H%M%S%f}"
        draft.wake("moving", key, draft.now, whose=athlete.id, **data)
        draft.record("event", "move_asked", found[0].name, about=athlete)
        draft.say("passing.move_asked", {"athlete": athlete.name, "new": found[0].name})


def asked(draft: Draft, event: Due) -> None:
    """In the athlete's turn: would they like another coach? The turn after it knows that coach by `offered`."""
    me = draft.person
    to = int(event.data["to"])
    new = next((one for one in draft.known.colleagues if one.id == to), None)
    if to not in me.offered:  # not known to this turn: the next one is
        draft.change(offered=(to,))
        key = f"{event.key}:again"
        draft.wake("moving", key, draft.now, **event.data)
        return
    if new is None or not me.runs or me.coach_id == to:
        draft.change(offered=())
        return
    own = _name(draft, me.coach_id)
    by = _name(draft, int(event.data["by"])) or own
    draft.say(
        "passing.would_you",
        {"by": by, "own": own, "new": new.name},
        quiet=True,
        buttons=(
            (Button("button.coached_by", f"coached:{new.id}", {"name": new.name}),),
            (Button("button.stay", "coached:no"),),
        ),
    )


def chosen(draft: Draft, choice: str) -> None:
    """The athlete's tap: this coach, or as it was."""
    me, known = draft.person, draft.known
    old = next((one for one in known.colleagues if one.id == me.coach_id), None)
    new = next((one for one in known.colleagues if str(one.id) == choice and one.id in me.offered), None)
    if choice == "no" and me.offered and old is not None:
        draft.change(offered=())
        draft.record("event", "stays")
        draft.say("passing.stays", {"own": old.name}, edit=draft.tapped is not None)
        draft.say("passing.stayed", {"athlete": me.name}, to=old, quiet=True, about=me.id)
        return
    if new is None:
        draft.toast("shared.question_closed")
        return
    before = me.coach_id
    draft.change(coach_id=new.id, offered=(), refused=tuple(one for one in me.refused if one != new.id))
    draft.record("event", "new_coach", new.name)
    everybody = {one.id: one for one in (*known.colleagues, *([me] if me.coaches else []))}
    coaches = answering.by_age(everybody.values(), draft.now)
    reader = answering.in_charge(coaches, draft.person, draft.now)
    draft.known = replace(known, coach=reader, backup=answering.behind(coaches, reader, draft.person, draft.now, new))
    draft.say("passing.yours_now", {"new": new.name}, edit=draft.tapped is not None)
    waiting = [one for one in draft.escalations() if one.closed_at is None]
    facts: dict[str, Json] = {
        "athlete": me.name, "new": new.name, "old": old.name if old else None, "open": len(waiting),
        "injuries": me.injuries, "goal": me.goal,
    }  # fmt: skip
    draft.say("passing.new_athlete", facts, to=new, quiet=True, about=me.id)
    if old is not None:
        draft.say("passing.gone", facts, to=old, quiet=True)
    _open_again(draft, before)


def _open_again(draft: Draft, coach_id: int | None) -> None:
    """What this coach had taken, and nobody has closed, of this turn's athlete: whoever answers now takes it."""
    for one in draft.escalations():
        if one.closed_at is None and one.acked_at is not None and one.owner_id == coach_id:
            draft.record("step", "open_again", one.short)
            escalation.begin(draft, concerns.reopened(one, one.level, one.flag, draft.now))


def _name(draft: Draft, id: int | None) -> str | None:
    return next((one.name for one in draft.known.colleagues if one.id == id), None)


# --- a coach leaves -------------------------------------------------------------------------------------------------


def leave(draft: Draft, rest: str) -> None:
    """/leave: what comes of it, then the question."""
    own = _own(draft)
    if own and not draft.known.colleagues:
        draft.say("passing.last_coach", {"athletes": len(own)})
        return
    draft.say("passing.explain", {"athletes": len(own), "head": _head(draft), "runs": draft.person.runs})
    draft.ask(draft.open("leave").talk, anew=True)


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    draft.close(talk.script)
    if draft.tapped is None:
        draft.strip(talk)
    if LEAVE_IT not in (step.ended, step.answers.get("sure")):
        draft.say("passing.kept", edit=draft.tapped is not None, bubble=talk.bubble)
    elif _own(draft) and not draft.known.colleagues:
        draft.say("passing.last_coach", {"athletes": len(_own(draft))})
    else:
        left(draft)


def left(draft: Draft) -> None:
    """This turn's person is no coach any more; who was theirs is asked, and the head coach hears of it."""
    me = draft.person
    own = _own(draft)
    theirs = {one.id for one in own}
    others = [[one.id, one.name] for one in draft.known.colleagues]
    taken = {one.athlete_id for one in draft.escalations() if one.owner_id == me.id and one.closed_at is None}
    for athlete in draft.known.athletes:
        if athlete.id in theirs or athlete.id in taken:
            data: dict[str, Json] = {"id": me.id, "name": me.name, "others": others, "asks": athlete.id in theirs}
            draft.wake(
                "left", f"left:{athlete.id}:{me.id}:{draft.now:%Y%m%d%H%M%S%f}", draft.now, whose=athlete.id, **data
            )
    draft.record("event", "left")
    draft.cancel(f"list:{me.id}:", f"holiday:{me.id}:")
    draft.say(
        "passing.left", {"head": _head(draft), "athletes": len(own), "runs": me.runs}, edit=draft.tapped is not None
    )
    head = next(iter(draft.known.colleagues), None)
    if head is not None:
        names = sorted((one.name for one in own), key=str.casefold)
        draft.say("passing.colleague_left", {"colleague": me.name, "athletes": names}, to=head, quiet=True)
    talks = tuple(one for one in draft.person.talks if one.script not in COACHING)
    draft.change(coaches=False, backup_id=None, away_from=None, away_until=None, substitute_id=None, talks=talks)


def without(draft: Draft, event: Due) -> None:
    """In the turn of an athlete whose coach has left: who shall it be? What that coach had taken is opened again."""
    me = draft.person
    others = [(int(id), str(name)) for id, name in event.data["others"] if int(id) != me.id]
    reader = next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)
    if event.data["asks"] and me.coach_id == event.data["id"] and me.consent_at is not None and me.runs:
        draft.change(offered=tuple(id for id, _ in others))
        draft.say(
            "passing.coach_left",
            {"old": event.data["name"], "reader": reader.name if reader else None},
            lane=Lane.REPLY,
            quiet=True,
            buttons=tuple((Button("button.coached_by", f"coached:{id}", {"name": name}),) for id, name in others),
        )
    _open_again(draft, event.data["id"])


def _own(draft: Draft) -> list[Person]:
    return answering.own(draft.known, draft.person)


def _head(draft: Draft) -> str | None:
    return next((one.name for one in draft.known.colleagues), None)
