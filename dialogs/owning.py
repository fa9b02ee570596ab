"""What a coach does with a concern after "I have it", and what the athlete is told of that.

    handled   something came of it: a letter, a call, a decided proposal on its topic, or the coach says so
    asked     where nothing has, the owner is asked in their waking hours, kindly and again (see `concerns.ask_later`).
              Of what was urgent the backup hears when the owner has not answered twice; that ends nothing
    note      a private line; the athlete does not see it here, and it is in their export, which the coach is told
    read      the coach has opened these words by themselves, or pressed a button on them

Telegram tells a bot nothing about reading, so "Kim read this at 18:40" is said only then, once for the same words, and
only where the athlete has not heard more by then (that it was taken, a letter, a decision). A list is not opened words.
"""

from __future__ import annotations

from dataclasses import replace

from dialogs import concerns, engine, escalation, timing
from dialogs.draft import Draft, Rows
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Button, Escalation, Json, Note, Person, Proposal, Talk

WRITES_FOR = timing.LATE_AFTER / 4  # half an hour: after that a text is no longer taken for the note that was begun
TELL_BACKUP = 2  # asks in a row without an answer
TALKS = ("concern_note", "came_of")  # what is written there is for the coach alone, also where the coach runs


def mine(draft: Draft, short: str) -> tuple[Escalation, Person] | None:
    """A concern that is not closed, and its athlete; None after having said so, where this coach has none of that id:
    it is nobody's, or another coach's, or closed, and all three read the same."""
    found = _found(draft, short)
    if found is None:
        draft.toast("shared.question_closed")
    return found


def _found(draft: Draft, short: str) -> tuple[Escalation, Person] | None:
    one = draft.escalation(short)
    athlete = draft.athlete(one.athlete_id) if one is not None else None
    return (one, athlete) if one is not None and athlete is not None and one.closed_at is None else None


# --- opened ---------------------------------------------------------------------------------------------------------


def show(draft: Draft, rest: str) -> None:
    """/concern K7Q2M: all of one concern."""
    short = rest.strip(" #").upper()
    if not short:
        draft.say("concerns.which")
    elif (found := _found(draft, short)) is None:
        draft.say("concerns.not_there")
    else:
        _show(draft, *found)


def opened(draft: Draft, short: str) -> None:
    """The same by its button."""
    if (found := mine(draft, short)) is not None:
        _show(draft, *found)


def _show(draft: Draft, one: Escalation, athlete: Person) -> None:
    """Whoever opens it has its words before their eyes."""
    facts = escalation.described(draft, one, athlete, draft.person)
    buttons = escalation.before_ack(one) if one.open else escalation.after_ack(one)
    note = ((Button("button.note", f"note:{one.short}"),),) if one.open else ()
    draft.say("concerns.show", facts, buttons=(*buttons, *note), about=athlete.id)
    read(draft, one)


def read(draft: Draft, one: Escalation) -> None:
    """This coach has opened or touched these words. The athlete hears of it once, and not where they know more."""
    athlete = draft.athlete(one.athlete_id)
    one = draft.escalation(one.short) or one
    if athlete is None or not one.open or not one.words or one.read_at is not None:
        return
    draft.put(replace(one, read_at=draft.now))
    draft.record("step", "read", {"short": one.short}, about=athlete)
    draft.say(
        "concerns.read",
        {
            "short": one.short,
            "reader": draft.person.name,
            "at": draft.local_time(draft.now, athlete),
            "words": concerns.last_words(one),
        },
        to=athlete,
        about=athlete.id,
        quiet=True,
    )


# --- handled --------------------------------------------------------------------------------------------------------


def handled(draft: Draft, short: str) -> None:
    """The button: it stands at once, and a line of what came of it may follow."""
    if (found := mine(draft, short)) is None:
        return
    one, athlete = found
    if one.open:
        escalation.ack(draft, one)
    _handle(draft, short, athlete, "button")
    talk = draft.open("came_of", {"short": short, "athlete_name": athlete.name}).talk
    draft.ask(talk, anew=True)
    last = draft.messages[-1]
    draft.messages[-1] = replace(last, buttons=(*last.buttons, (Button("button.close", f"close:{short}"),)))


def answered(draft: Draft, athlete: Person) -> None:
    """A letter has gone to this athlete: that is something, for all of theirs that this coach has."""
    for one in draft.escalations():
        if one.athlete_id == athlete.id and one.owner_id == draft.person.id:
            _handle(draft, one.short, athlete, "letter")


def called(draft: Draft, athlete: Person) -> None:
    """The coach says that they rang. What nobody has is theirs with that."""
    for one in draft.escalations():
        if one.athlete_id == athlete.id:
            if one.open:
                escalation.ack(draft, one)
            elif one.owner_id != draft.person.id:
                continue
            _handle(draft, one.short, athlete, "call")


def decided(draft: Draft, athlete: Person, proposal: Proposal) -> None:
    """A proposal was decided: what somebody has of its topic is handled. What nobody has stays open, since a word about
    the training is not "I have it"; only a human's word for the worry itself ends a ladder."""
    facts = dict(proposal.facts)
    topic = concerns.topic_of(f"{concerns.RULE}{proposal.rule}", "", concerns.told_in(facts))
    if topic == concerns.OTHER:
        return
    for one in draft.escalations():
        about = concerns.topic(one)
        same = about == topic or (topic == concerns.PAIN and concerns.is_pain(about))
        if one.athlete_id == athlete.id and not one.open and one.handled_at is None and same:
            _handle(draft, one.short, athlete, "decision")
            facts = {"athlete": athlete.name, "short": one.short}
            close = ((Button("button.close", f"close:{one.short}"),),)
            draft.say("concerns.decided", facts, buttons=close, about=athlete.id)


def _handle(draft: Draft, short: str, athlete: Person, how: str) -> None:
    one = draft.escalation(short)
    if one is None or one.handled_at is not None:
        return
    draft.put(replace(one, handled_at=draft.now))
    concerns.ask_no_more(draft, short)
    draft.record("step", "handled", {"short": short, "how": how}, about=athlete)


def came(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """What has come of it, in a line: a note like any other. Without one it is handled all the same."""
    if step.ended == "cancelled":
        draft.close(talk.script)
        facts = {"short": talk.slots["short"], "athlete": talk.slots["athlete_name"]}
        draft.say("concerns.came_kept", facts, edit=draft.tapped is not None, bubble=talk.bubble)
        return
    noted(draft, talk, step)


# --- notes ----------------------------------------------------------------------------------------------------------


def note(draft: Draft, short: str) -> None:
    if (found := mine(draft, short)) is None:
        return
    one, athlete = found
    talk = draft.open("concern_note", {"short": short, "athlete_name": athlete.name}).talk
    draft.ask(talk, anew=True)
    read(draft, one)


def noted(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """The next line is the note; unless it was begun long ago, or the concern is not this coach's any more."""
    draft.close(talk.script)
    short = str(talk.slots["short"])
    if step.ended == "cancelled":
        draft.say("concerns.not_noted", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    draft.strip(talk)
    found = _found(draft, short)
    if found is None or draft.now - talk.opened_at > WRITES_FOR:
        draft.say("concerns.note_lost")
        return
    one, athlete = found
    words = str(next(iter(step.answers.values()), ""))
    draft.put(replace(one, notes=(*one.notes, Note(draft.now, draft.person.id, words))))
    draft.record("step", "note", {"short": short}, words, about=athlete)
    draft.say("concerns.noted", {"short": short, "athlete": athlete.name})


# --- asked again ----------------------------------------------------------------------------------------------------


def still(draft: Draft, short: str) -> None:
    """ "Still on it": asked again after the same time, and it counts from the beginning."""
    if (found := mine(draft, short)) is None:
        return
    one, athlete = found
    if one.open:
        escalation.ack(draft, one)
        return
    if one.handled_at is None and one.owner_id == draft.person.id:
        concerns.ask_no_more(draft, short)
        draft.put(concerns.ask_later(draft, one))
    draft.record("step", "still", {"short": short}, about=athlete)
    at = timing.local(draft.person.zone, concerns.asks_at(draft.person, one, draft.now))
    facts = {"short": short, "athlete": athlete.name, "day": at.date().isoformat(), "at": f"{at:%H:%M}"}
    draft.say("concerns.still", facts, edit=draft.tapped is not None, about=athlete.id)


def due(draft: Draft, event: Due) -> None:
    """The time of its level is over. Stale is normal: it was handled, closed, opened again, or asked about since."""
    short = str(event.data.get("short"))
    if (found := _found(draft, short)) is None:
        return
    one, athlete = found
    if concerns.state(one) != "acked" or one.owner_id != draft.person.id or one.asks != event.data.get("n"):
        return
    in_a_row = int(event.data.get("in_a_row", 0)) + 1
    facts: dict[str, Json] = {
        **concerns.facts(draft, one, athlete, draft.person),
        "short": short,
        "athlete": athlete.name,
        "again": in_a_row > 1,
        "today": draft.today.isoformat(),
    }
    bubble = f"ask:{short}:{draft.person.id}"
    buttons: Rows = (
        (Button("button.handled", f"handled:{short}"), Button("button.write", f"reply:{short}")),
        (Button("button.still", f"still:{short}"),),
    )
    draft.say("concerns.ask", facts, buttons=buttons, about=athlete.id, quiet=True, once=True, bubble=bubble)
    draft.record("step", "asked_owner", {"short": short, "n": one.asks}, about=athlete)
    if one.level >= Level.TODAY and (in_a_row == TELL_BACKUP or (in_a_row == 1 and not draft.person.reachable)):
        _tell_backup(draft, one, athlete)
    draft.put(concerns.ask_later(draft, one, in_a_row))


def _tell_backup(draft: Draft, one: Escalation, athlete: Person) -> None:
    """Whom the owner has named, else the head coach, else the next; never the athlete, who may coach as well."""
    others = [each for each in escalation.hearing(*draft.known.colleagues) if each.id != athlete.id]
    named = [each for each in others if each.id == draft.person.backup_id]
    to = next(iter((*named, *others)), None)
    if to is None:
        return
    facts = {
        **concerns.facts(draft, one, athlete, to),
        "short": one.short,
        "athlete": athlete.name,
        "owner": draft.person.name,
        "today": timing.local_date(to.zone, draft.now).isoformat(),
    }
    buttons = ((Button("button.write", f"reply:{one.short}"), Button("button.show", f"concern:{one.short}")),)
    draft.say("concerns.ask_backup", facts, to=to, buttons=buttons, about=athlete.id, quiet=True)
