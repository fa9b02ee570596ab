"""What a coach does: take what was paged, write to an athlete, say whom they mean, invite. (The lists are in `lists`,
the person in `dossier`.)

A coach acts only on their own athletes and on those they cover. A button or a name that points elsewhere gets the
same answer as one that points nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from dialogs import answering, concerns, engine, escalation, joining, minors, owning, rights, timing
from dialogs.draft import Draft
from dialogs.engine import OFFERS
from dialogs.model import Attachment, Escalation, Json, Person, Talk

RELAY_LIVES = timedelta(minutes=30)  # after that a text is no longer taken for the letter that was begun
LIST_ROOM = 10  # concerns shown one by one; /queue shows all of them
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
        for one in open_ones(draft)
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


def write(draft: Draft, number: str) -> None:
    """The button "Write to them"."""
    athlete = draft.by_number(number)
    if athlete is None:
        draft.toast("shared.question_closed")
        return
    _begin_letter(draft, athlete)


def write_to(draft: Draft, rest: str) -> None:
    """/write NAME, or all in one: /write NAME WORDS."""
    athlete, words = named(draft, rest, "write")
    if athlete is not None and words:
        relay(draft, athlete, words)
    elif athlete is not None:
        _begin_letter(draft, athlete)


def _begin_letter(draft: Draft, athlete: Person) -> None:
    """The next text goes to them, and only to them (and to who reads along with somebody under 18)."""
    if minors.refused(draft, athlete):
        return
    talk = draft.open("relay", {"athlete": athlete.id, "athlete_name": athlete.name}).talk
    draft.ask(talk, anew=True)
    last = draft.messages[-1]  # not kept with the talk: the guardian may go, and take their name along
    draft.messages[-1] = replace(last, data={**last.data, **minors.facts(draft.known, athlete)})


def reply(draft: Draft, short: str) -> None:
    """The same button below a concern: whoever presses it has its words before their eyes."""
    if (found := _mine(draft, short)) is None or (athlete := draft.athlete(found.athlete_id)) is None:
        draft.toast("shared.question_closed")
        return
    _begin_letter(draft, athlete)
    owning.read(draft, found)


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
    if minors.refused(draft, athlete):
        return
    taken = [one for one in draft.escalations() if one.athlete_id == athlete.id and one.open]
    for one in taken:
        escalation.ack(draft, one, by_letter=True)
    owning.answered(draft, athlete)
    draft.record("words" if words else "file", "coach_wrote", draft.person.name, words or None, about=athlete)
    draft.say(
        "athlete.from_coach" if words else "athlete.file_from_coach",
        {"coach": draft.person.name, "words": words},
        to=athlete,
        attach=attach,
        about=athlete.id,
    )
    text = "coach.letter_sent" if athlete.reachable and athlete.chat_id else "coach.letter_waits"
    told = {"athlete": athlete.name, "taken": taken[0].short if taken else None, **minors.facts(draft.known, athlete)}
    draft.say(text, told)


def athletes(draft: Draft) -> None:
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
                    **minors.facts(draft.known, one),
                }
                for one in own(draft)
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


def named(draft: Draft, said: str, then: str = "") -> tuple[Person | None, str]:
    """Whom a coach means by the beginning of what was typed ("Ann next week"), and what stands behind the name.

    A reply to a message about somebody needs no name. Of two of one name it asks which, with buttons that go on with
    the command `then`; None after having said so.
    """
    if said.startswith("#") and (chosen := draft.by_number(said[1:].split(" ")[0])) is not None:  # from such a button
        return chosen, said.partition(" ")[2].strip()
    found, rest = _called(draft, said)
    if len(found) == 1:
        return found[0], rest
    if not found and (answered := about(draft)) is not None:
        return answered, said.strip()
    if found and then:
        offers = [[one.id, {"text": "button.offer", "args": {"offer": one.name}}] for one in found]
        talk = draft.open("whom", {"then": then, "rest": rest}).talk
        draft.ask(replace(talk, slots={**talk.slots, OFFERS: _told_apart(offers, found)}), anew=True)
    elif found:
        draft.say("coach.which_athlete", {"names": [one.name for one in found]})
    else:
        draft.say("coach.whose", {"names": sorted(one.name for one in draft.known.athletes), "said": said})
    return None, ""


def _called(draft: Draft, said: str) -> tuple[list[Person], str]:
    """Whose name what was typed begins with, the longest that fits, and what stands behind it."""
    words = said.split()
    for length in range(len(words), 0, -1):
        wanted = " ".join(words[:length]).casefold()
        full = [one for one in draft.known.athletes if one.name.casefold() == wanted]
        found = full or [one for one in draft.known.athletes if one.name.casefold().split()[:length] == wanted.split()]
        if found:
            return found, next(iter(said.split(None, length)[length:]), "").strip()
    return [], ""


def is_named(draft: Draft, said: str) -> bool:
    """Does it begin with the name of one of their athletes?"""
    return bool(_called(draft, said)[0])


def behind_name(draft: Draft, said: str) -> str:
    """What stands behind the name with which it begins."""
    return _called(draft, said)[1]


def _told_apart(offers: list[list[Json]], people: Sequence[Person]) -> list[list[Json]]:
    """Two of one name differ by where they live and since when they are here."""
    for (_, label), one in zip(offers, people, strict=True):
        if sum(each.name == one.name for each in people) > 1:
            joined = f"{one.joined_at:%d.%m.%Y}" if one.joined_at else ""
            label["args"]["offer"] = " · ".join(part for part in (one.name[:20], one.place[:14], joined) if part)
    return offers


def own(draft: Draft) -> list[Person]:
    """The athletes whose daily work is this coach's, by name; not those whom they only cover in an emergency."""
    mine = [one for one in draft.known.athletes if answering.is_mine(draft.known, draft.person, one)]
    return sorted(mine, key=lambda one: one.name.casefold())


def about(draft: Draft) -> Person | None:
    """The athlete whom the message speaks of that this coach has replied to."""
    return draft.athlete(draft.known.about) if draft.known.about is not None else None


def _list(draft: Draft, waiting: Iterable[Escalation]) -> None:
    for one in list(waiting)[:LIST_ROOM]:
        if (athlete := draft.athlete(one.athlete_id)) is not None:
            show(draft, one, athlete)


def show(draft: Draft, one: Escalation, athlete: Person) -> None:
    """A concern as it stands in a list, with what can be done about it."""
    draft.say(
        "coach.open",
        concern(draft, one, athlete),
        buttons=escalation.before_ack(one) if one.open else escalation.after_ack(one),
        about=athlete.id,
        bubble=escalation.list_key(one, draft.person),
    )


def knows(draft: Draft, athlete: Person) -> bool:
    """May this coach read all that is kept of them? Theirs they do; who only covers, once they were rung for them."""
    me = draft.person
    theirs = [one for one in draft.escalations() if one.athlete_id == athlete.id]
    return answering.is_mine(draft.known, me, athlete) or any(
        one.owner_id == me.id or escalation.was_paged(draft, one, me, athlete) for one in theirs
    )


def concern(draft: Draft, one: Escalation, athlete: Person) -> dict[str, Json]:
    """Its facts for a text."""
    return (
        escalation.described(draft, one, athlete, draft.person)
        | escalation.taken(draft, one, athlete)
        | concerns.facts(draft, one, athlete, draft.person)
        | {"day": f"{timing.local(draft.person.zone, one.raised_at):%d.%m.}"}
    )


def start_of(words: str, length: int) -> str:
    return words if len(words) <= length else f"{words[:length].rstrip()} …"


def open_ones(draft: Draft) -> list[Escalation]:
    """What nobody has yet."""
    return [one for one in draft.escalations() if one.open and draft.athlete(one.athlete_id)]


def on_my_list(draft: Draft, one: Escalation) -> bool:
    athlete = draft.athlete(one.athlete_id)
    if athlete is None:
        return False
    coach = next((each for each in draft.known.colleagues if each.id == athlete.coach_id), None)
    alone = athlete.coach_id != draft.person.id and (coach is None or not coach.reachable)
    return alone or escalation.was_paged(draft, one, draft.person, athlete)


def ordered(waiting: Iterable[Escalation]) -> list[Escalation]:
    return sorted(waiting, key=lambda one: (not one.open, -one.level.order, one.raised_at))


def _mine(draft: Draft, short: str) -> Escalation | None:
    found = draft.escalation(short)
    return found if found is not None and draft.athlete(found.athlete_id) is not None else None
