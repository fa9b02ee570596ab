"""What a coach does: take what was paged, write to an athlete, look at the list, invite.

A coach acts only on their own athletes and on those they cover. A button or a name that points elsewhere gets the
same answer as one that points nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from dialogs import engine, escalation, joining, proposals, rights, timing
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.model import Attachment, Escalation, Lane, Person, Talk

RELAY_LIVES = timedelta(minutes=30)  # after that a text is no longer taken for the letter that was begun
LIST_ROOM = 10  # concerns shown one by one; the rest is counted, and /queue shows them, too
SAID_ROOM, SAID_LENGTH = 12, 200  # words in the morning list: how many athletes' messages, how much of each
TAKEN_WORDS = (
    "i have it",
    "i've got it",
    "ive got it",
    "got it",
    "ack",
    "on it",
    "mine",
    "have it",
    "i got it",
)


def take(draft: Draft, short: str) -> None:
    """ "I have it", by button."""
    found = _mine(draft, short)
    if found is None:
        draft.toast("shared.question_closed")
        return
    escalation.ack(draft, found)


def take_by_word(draft: Draft, text: str, athlete: Person | None = None) -> bool:
    """ "I have it", typed, with or without the short id. False where the text is something else.

    In a reply to a message about an `athlete` only theirs is meant; where nothing of theirs waits it is a letter.
    """
    said = " ".join(text.casefold().replace("’", "'").strip(" .!").split())
    word = next((one for one in TAKEN_WORDS if said == one or said.startswith(f"{one} ")), None)
    if word is None:
        return False
    named = said.removeprefix(word).strip(" #").upper()
    waiting = [
        one
        for one in _open(draft)
        if (one.short == named if named else athlete is None or one.athlete_id == athlete.id)
    ]
    if not waiting and (athlete is not None or (named and _mine(draft, named) is None)):
        return False
    if len(waiting) == 1:
        escalation.ack(draft, waiting[0])
    elif not waiting:
        _say_who_has_it(draft, named)
    else:
        draft.say("coach.which")
        _list(draft, waiting)
    return True


def _say_who_has_it(draft: Draft, named: str) -> None:
    """Two coaches said "I have it", and the other one was first: both see who."""
    taken = [one for one in draft.escalations() if one.acked_at and draft.athlete(one.athlete_id)]
    found = _mine(draft, named) if named else max(taken, key=lambda one: one.acked_at or draft.now, default=None)
    if found is not None:
        escalation.ack(draft, found)
    else:
        draft.say("coach.nothing_open")


def close(draft: Draft, short: str) -> None:
    found = _mine(draft, short)
    if found is None:
        draft.toast("shared.question_closed")
        return
    escalation.close(draft, found)
    rights.closed(draft, found.athlete_id)


def judged(draft: Draft, short: str, *, useful: bool) -> None:
    """Was it worth the coach's attention? Kept in the athlete's journal beside the judgement; the last word counts."""
    found = _mine(draft, short)
    if found is None:
        draft.toast("shared.question_closed")
        return
    verdict = {"short": short, "useful": useful, "flag": found.flag}
    draft.record("step", "useful", verdict, about=draft.athlete(found.athlete_id))
    draft.toast("coach.judged")


def write(draft: Draft, athlete_id: int) -> None:
    """Begin a letter to an athlete: the next text goes to them, and only to them."""
    athlete = draft.athlete(athlete_id)
    if athlete is None:
        draft.toast("shared.question_closed")
        return
    talk = draft.open("relay", {"athlete": athlete.id, "athlete_name": athlete.name}).talk
    draft.ask(talk, anew=True)


def letter(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    draft.close(talk.script)
    if step.ended == "cancelled":
        draft.say("coach.letter_cancelled", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    athlete = draft.athlete(int(talk.slots["athlete"]))
    if athlete is None or draft.now - talk.opened_at > RELAY_LIVES:
        draft.say("coach.letter_too_old", {"athlete": talk.slots["athlete_name"]})
        return
    relay(draft, athlete, str(step.answers.get("words", "")))


def relay(draft: Draft, athlete: Person, words: str, attach: Attachment | None = None) -> None:
    """A coach's words to an athlete, under the coach's name. Whoever answers has it: an open escalation is theirs."""
    taken = [one for one in draft.escalations() if one.athlete_id == athlete.id and one.open]
    for one in taken:
        escalation.ack(draft, one, by_letter=True)
    draft.record("words" if words else "file", "coach_wrote", draft.person.name, words or None, about=athlete)
    draft.say(
        "athlete.from_coach" if words else "athlete.file_from_coach",
        {"coach": draft.person.name, "words": words},
        to=athlete,
        attach=attach,
        about=athlete.id,
    )
    text = "coach.letter_sent" if athlete.reachable and athlete.chat_id else "coach.letter_waits"
    draft.say(text, {"athlete": athlete.name, "taken": taken[0].short if taken else None})


def queue(draft: Draft) -> None:
    """Everything that nobody has closed, the most urgent and oldest first."""
    waiting = _ordered(one for one in draft.escalations() if one.closed_at is None and draft.athlete(one.athlete_id))
    undecided = proposals.waiting(draft)
    if not waiting and not undecided:
        draft.say("coach.nothing_open")
        return
    draft.say("coach.queue", {"count": len(waiting) + len(undecided)})
    _list(draft, waiting)
    for athlete, one in undecided[:LIST_ROOM]:
        proposals.show(draft, one, athlete, draft.person)


def morning_list(draft: Draft, event: Due) -> None:
    """At the coach's hour: what is open and what was said since the last one, or nothing at all. A late one comes
    even so: what is open is still open. What belongs to another coach stands here once this one was paged for it, or
    where that other coach cannot be reached. After a restore it may have come already: then the next one is planned."""
    lost_until = timing.lost_until(event.data)
    joining.plan_list(draft, lost_until)
    if lost_until:
        return
    draft.record("event", "listed")
    waiting = _ordered(one for one in _open(draft) if _on_my_list(draft, one))
    said = [
        {"athlete": athlete.name, "words": _start_of(record.words)}
        for record in draft.known.said
        if record.words and record.about is not None and (athlete := draft.athlete(record.about)) is not None
    ]
    wishes = rights.wishes(draft)
    undecided = proposals.waiting(draft)
    if waiting or said or wishes or undecided:
        facts = {
            "count": len(waiting) + len(wishes) + len(undecided),
            "more": max(len(waiting) - LIST_ROOM, 0),
            "said": said[:SAID_ROOM],
            "unsaid": max(len(said) - SAID_ROOM, 0),
        }
        draft.say("coach.morning", facts, lane=Lane.PROMPT, quiet=True)
        _list(draft, waiting, lane=Lane.PROMPT)
        for athlete, proposal in undecided[:LIST_ROOM]:
            proposals.show(draft, proposal, athlete, draft.person, lane=Lane.PROMPT)
        for one in wishes:
            rights.remind(draft, one, lane=Lane.PROMPT)


def athletes(draft: Draft) -> None:
    own = [one for one in draft.known.athletes if one.coach_id == draft.person.id]
    draft.say(
        "coach.athletes",
        {
            "athletes": [
                {
                    "name": one.name,
                    "asked": one.asked_on.isoformat() if one.asked_on else None,
                    "reachable": one.reachable,
                    "joined": one.consent_at is not None,
                    "paused": one.paused_until is not None and one.paused_until > draft.today,
                }
                for one in sorted(own, key=lambda person: person.name.casefold())
            ]
        },
    )


def invite(draft: Draft, name: str) -> None:
    """/invite NAME: the link to forward, and the bare code."""
    name = " ".join(name.split())
    if not name:
        draft.say("coach.invite_who")
        return
    if len(name) > 60:
        draft.say("coach.invite_long")
        return
    seat = joining.invite(draft, name)
    draft.say(
        "coach.invited",
        {
            "athlete": name,
            "link": f"https://t.me/{draft.known.bot}?start={seat.code}",
            "code": seat.code,
            "days": joining.INVITE_LIVES.days,
            "namesake": any(one.name.casefold() == name.casefold() for one in draft.known.athletes),
        },
    )


def backup(draft: Draft, name: str) -> None:
    """/backup NAME: who is paged when this coach does not answer. Without a name: who it is now."""
    others = [one for one in draft.known.colleagues if one.id != draft.person.id]
    wanted = " ".join(name.split()).casefold()
    found = [one for one in others if one.name.casefold() == wanted] if wanted else []
    if len(found) == 1:
        draft.change(backup_id=found[0].id)
        draft.record("event", "backup", found[0].id)
        draft.say("coach.backup_set", {"backup": found[0].name})
        return
    now = next((one.name for one in others if one.id == draft.person.backup_id), others[0].name if others else None)
    draft.say("coach.backup", {"backup": now, "others": [one.name for one in others], "unknown": bool(wanted)})


def named(draft: Draft, said: str) -> tuple[Person | None, str]:
    """Whom a coach means by the beginning of what was typed ("Ann next week"), and what stands behind the name. Of two
    of one name it asks which; None after having said so."""
    words = said.split()
    for length in range(len(words), 0, -1):
        wanted = " ".join(words[:length]).casefold()
        full = [one for one in draft.known.athletes if one.name.casefold() == wanted]
        found = full or [one for one in draft.known.athletes if one.name.casefold().split()[:length] == wanted.split()]
        if len(found) == 1:
            return found[0], " ".join(words[length:])
        if found:
            draft.say("coach.which_athlete", {"names": [one.name for one in found]})
            return None, ""
    draft.say("coach.whose", {"names": sorted(one.name for one in draft.known.athletes), "said": said})
    return None, ""


def about(draft: Draft) -> Person | None:
    """The athlete whom the message speaks of that this coach has replied to."""
    return draft.athlete(draft.known.about) if draft.known.about is not None else None


def _list(draft: Draft, waiting: Iterable[Escalation], lane: Lane = Lane.REPLY) -> None:
    for one in list(waiting)[:LIST_ROOM]:
        athlete = draft.athlete(one.athlete_id)
        if athlete is None:
            continue
        draft.say(
            "coach.open",
            escalation.described(draft, one, athlete, draft.person)
            | escalation.taken(draft, one, athlete)
            | {"day": f"{timing.local(draft.person.zone, one.raised_at):%d.%m.}"},
            buttons=escalation.before_ack(one) if one.open else escalation.after_ack(one),
            about=athlete.id,
            lane=lane,
            bubble=escalation.list_key(one, draft.person),
        )


def _start_of(words: str) -> str:
    return words if len(words) <= SAID_LENGTH else f"{words[:SAID_LENGTH].rstrip()} …"


def _open(draft: Draft) -> list[Escalation]:
    return [one for one in draft.escalations() if one.open and draft.athlete(one.athlete_id)]


def _on_my_list(draft: Draft, one: Escalation) -> bool:
    athlete = draft.athlete(one.athlete_id)
    if athlete is None:
        return False
    coach = next((each for each in draft.known.colleagues if each.id == athlete.coach_id), None)
    alone = athlete.coach_id != draft.person.id and (coach is None or not coach.reachable)
    return alone or escalation.was_paged(one, draft.person, athlete)


def _ordered(waiting: Iterable[Escalation]) -> list[Escalation]:
    return sorted(waiting, key=lambda one: (not one.open, -one.level.order, one.raised_at))


def _mine(draft: Draft, short: str) -> Escalation | None:
    found = draft.escalation(short)
    return found if found is not None and draft.athlete(found.athlete_id) is not None else None
