"""A coach's group with a topic for each athlete: what is shown there, and what is said there.

Theory of operation
-------------------
    /link in the group --> a look at who is in it (bot.groups) --> the coach is told who would read, and says yes
        Person.group of the coach         the group; each turn knows it, and /unlink or an error ends it
        Person.in_group of the athlete    they have agreed that the coaches in it read along

Who is in the group reads what stands in it, so it works only while all its members are coaches of the club, and holds
only that coach's own athletes, of these only who has agreed. Whoever else comes in, or is noticed there, ends it in the
same commit (storage.topics.guests): nothing more goes there, and the coach is told at once (`lost`).

Out. No room knows of groups: they speak to the coach as ever. When a turn is over, `through` looks over what it says:
    WORDS     of an athlete, with nothing urgent in this turn, go to the topic instead of the private chat
    pages     and words that follow one stay where they are, to be acknowledged there; the topic gets a copy
    concerns  stand on the coach's list as ever; the topic gets them at once
    letters   written anywhere else, and who has taken what, are noted in the topic, so that the thread is whole
Such a message is for the coach (`to`) in the topic of an athlete (`topic`). Which topic that is, whether there is one,
and what if not, is found when it leaves (storage.topics, bot.topics): what cannot be put there goes to the private
chat.

In. What is said in a topic of ours is a letter to its athlete, if who says it answers for that athlete, and the group
is the one that the athlete's own coach uses now. Both are looked at each time, so an old topic, another coach's group
and a guest lead nowhere, and say so. Nothing else that is said in a group is read, kept or answered.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dialogs import answering, desk, escalation
from dialogs.draft import Draft
from dialogs.events import Due, Event, Grouped, Located, Said, Sent, Started, Tapped
from dialogs.levels import Level
from dialogs.model import Attachment, Button, Escalation, Json, Lane, Message, Outcome, Person, Snapshot, Topic
from dialogs.rules.book import shipped

LOOK = "look"
WORDS = ("coach.answers", "coach.attached", "coach.transcript", "coach.corrects")
PAGES = ("coach.page", "coach.adds")
LETTERS = {"athlete.from_coach": "topics.letter", "athlete.file_from_coach": "topics.file"}
NOT_SENT = ("coach.letter_waits", "minors.no_letter")
COPY = ":topic"  # behind the name of a bubble or a key: that of its copy


# --- out: what a turn says, over again ------------------------------------------------------------------------------


def through(known: Snapshot, outcome: Outcome) -> Outcome:
    """The outcome with what belongs into topics. Nothing changes where no coach of this turn has a group."""
    me = outcome.person or known.person
    groups = {
        one.id: one
        for one in (known.coach, known.backup, *known.colleagues, me)
        if one is not None and one.coaches and one.group is not None
    }
    if not groups or outcome.erase is not None:
        return outcome
    home = {
        one.id: (one, groups[one.coach_id])
        for one in (*known.athletes, me)
        if one is not None and one.in_group and one.coach_id in groups and one.coach_id != one.id and not one.drill
    }
    messages: list[Message] = []
    for one in outcome.messages:
        athlete, coach = home.get(one.about or 0, (None, None))
        if athlete is None or coach is None or one.topic is not None:
            messages.append(one)
        elif one.to == coach.id:
            messages += _to_coach(one, athlete, urgent=bool(outcome.escalations))
        elif one.to == athlete.id and one.text in LETTERS and not _is_here(known, coach):
            messages += [one, _letter(one, athlete, coach)]
        else:
            messages.append(one)
    before = {one.short: one for one in known.escalations}
    for flagged in outcome.escalations:
        athlete, coach = home.get(flagged.athlete_id or (me.id if me else 0), (None, None))
        if athlete is not None and coach is not None:
            messages += _concern(known, before.get(flagged.short), flagged, athlete, coach)
    return replace(outcome, messages=tuple(messages))


def _to_coach(one: Message, athlete: Person, *, urgent: bool) -> list[Message]:
    if one.strip:
        copied = one.bubble is not None and one.bubble.startswith(("page:", "open:"))
        return [one, _copy(one, athlete)] if copied else [one]
    if one.text in WORDS and not urgent and one.lane > Lane.SAFETY and one.short is None:
        return [replace(one, topic=athlete.id, buttons=())]
    if one.text in (*WORDS, *PAGES):
        return [one, _copy(one, athlete)]
    return [one]


def _copy(one: Message, athlete: Person) -> Message:
    """Marked as one, and without what only the private page can do: to be repeated, to break the night of a phone. Only
    a bubble with a name has a button: an Ack takes it off again."""
    takes = [each for row in one.buttons for each in row if each.data.startswith("ack:") and one.bubble is not None]
    return replace(
        one,
        topic=athlete.id,
        spare=True,
        lane=Lane.REPLY,
        short=None,
        repeat=False,
        buttons=(tuple(takes),) if takes else (),
        preface=None if one.strip else "topics.copy",
        key=f"{one.key}{COPY}" if one.key else None,
        bubble=f"{one.bubble}{COPY}" if one.bubble else None,
    )


def _letter(one: Message, athlete: Person, coach: Person) -> Message:
    return Message(
        coach.id,
        LETTERS[one.text],
        {**one.data, "athlete": athlete.name},
        about=athlete.id,
        topic=athlete.id,
        spare=True,
        attach=one.attach,
    )


def _concern(
    known: Snapshot, before: Escalation | None, now: Escalation, athlete: Person, coach: Person
) -> list[Message]:
    """What has come to a concern, and who has taken what."""

    def noted(text: str, data: dict[str, Json], **fields: Any) -> Message:
        facts = {"athlete": athlete.name, "short": now.short, **data}
        return Message(coach.id, text, facts, about=athlete.id, topic=athlete.id, spare=True, **fields)

    bubble = f"concern:{now.short}{COPY}"
    if (before is None or before.open) and now.acked_at is not None and known.person is not None:
        taken = noted("topics.taken", {"owner": known.person.name})
        strip = Message(
            coach.id, "", about=athlete.id, topic=athlete.id, spare=True, bubble=bubble, edit=True, strip=True
        )
        return [strip, taken]
    if not now.open or now.level >= Level.TODAY:
        return []
    words = now.words if before is None else now.words.removeprefix(before.words).strip("\n")
    if before is not None and not words:
        return []
    facts: dict[str, Json] = {
        "level": now.level.value,
        "flag": now.flag,
        "flag_title": _rule(now.flag),
        "words": words,
        "more": before is not None and before.open,
        "hour": f"{coach.ask_at:%H:%M}",
        "coach": coach.name,
    }
    takes = ((Button("button.ack", f"ack:{now.short}"),),)
    return [noted("topics.concern", facts, buttons=takes, bubble=bubble, quiet=True)]


def _rule(flag: str) -> str | None:
    rule = shipped().find(flag.removeprefix(escalation.RULE)) if flag.startswith(escalation.RULE) else None
    return rule.title if rule else None


def _is_here(known: Snapshot, coach: Person) -> bool:
    """It is in this group that the words were said."""
    return known.sender is not None and not known.sender.private and known.sender.chat_id == coach.group


# --- in: what is said and tapped in a group -------------------------------------------------------------------------


def grouped(known: Snapshot, event: Event) -> Outcome:
    """Nothing about anybody is said in a group but in that person's topic: one line where we were added or called."""
    if known.sender is None:
        return Outcome()
    if isinstance(event, Tapped):
        return _tapped(known, event)
    if not isinstance(event, Grouped):
        return Outcome()
    match event.what:
        case "added":
            return _once(known, event, "shared.group", {"bot": known.bot})
        case "command":
            return _command(known, event)
        case "said" if known.topic is not None:
            return _said(known, event, known.topic)
        case "edited" if known.topic is not None and _writes(known, known.topic):
            return _once(known, event, "topics.edit_not_sent", {"athlete": known.topic.athlete.name}, by="edit")
    return Outcome()


def _once(known: Snapshot, event: Grouped, text: str, data: dict[str, Json], *, by: str = "group") -> Outcome:
    """A line where something was said, at most once a minute."""
    chat = known.sender.chat_id if known.sender else 0
    key = f"{by}:{chat}:{event.topic or 0}:{known.now:%Y%m%d%H%M}"
    return Outcome(messages=(Message(None, text, data, chat_id=chat, thread=event.topic, key=key, once=True),))


def _command(known: Snapshot, event: Grouped) -> Outcome:
    said = event.message.text if isinstance(event.message, Said) else ""
    name = said[1:].partition(" ")[0].partition("@")[0].casefold()
    if name not in ("link", "unlink"):
        return _once(known, event, "shared.group", {"bot": known.bot})
    me = known.person
    if me is None or not me.coaches or me.consent_at is None:
        anonymous = known.sender is not None and known.sender.user_id is None
        return _once(known, event, "topics.anonymous" if anonymous else "topics.only_coaches", {}, by="link")
    draft = Draft(known, me, event)
    if name == "unlink":
        unlink(draft, "")
        return draft.outcome()
    chat = known.sender.chat_id if known.sender else 0
    coaches = [one.user_id for one in (me, *known.colleagues) if one.user_id is not None]
    key = f"{LOOK}:{me.id}:{known.now:%Y%m%dT%H%M%S%f}"
    draft.wake(LOOK, key, known.now, chat=chat, coaches=coaches)
    draft.messages.append(
        Message(None, "topics.looking", {"coach": me.name, "bot": known.bot}, chat_id=chat, thread=event.topic)
    )
    return draft.outcome()


def _linked(known: Snapshot, topic: Topic) -> bool:
    """This is the group that the athlete's own coach uses, and the athlete has agreed to it."""
    here = known.sender.chat_id if known.sender else None
    return topic.athlete.in_group and topic.coach is not None and topic.coach.group == here


def _writes(known: Snapshot, topic: Topic) -> bool:
    """Who says it answers for the topic's athlete: then it is a letter."""
    me = known.person
    mine = me is not None and me.coaches and any(one.id == topic.athlete.id for one in known.athletes)
    return mine and _linked(known, topic)


def _said(known: Snapshot, event: Grouped, topic: Topic) -> Outcome:
    me, said = known.person, event.message
    if me is None or not _writes(known, topic):
        return _nowhere(known, event, topic)
    draft = Draft(known, me, event)
    athlete = next(one for one in known.athletes if one.id == topic.athlete.id)
    if isinstance(said, Said):
        if not desk.take_by_word(draft, said.text, athlete):
            desk.relay(draft, athlete, said.text)
    elif isinstance(said, Sent):
        chat = known.sender.chat_id if known.sender else 0
        desk.relay(draft, athlete, said.caption, Attachment(chat, said.message_id))
    elif isinstance(said, Started | Located):
        return _once(known, event, "topics.not_sent", {"athlete": athlete.name}, by="kind")
    # It was said in front of everybody, and stands there: no "on its way" into the private chat.
    draft.messages = [
        replace(one, about=athlete.id, topic=athlete.id) if one.text in NOT_SENT else one
        for one in draft.messages
        if not (one.text == "coach.letter_sent" and one.to == me.id)
    ]
    if topic.coach is not None and topic.coach.id != me.id:  # to the topic, and not to who has written there
        draft.messages = [replace(one, to=topic.coach.id) if one.text in NOT_SENT else one for one in draft.messages]
    return draft.outcome()


def _nowhere(known: Snapshot, event: Grouped, topic: Topic) -> Outcome:
    """It reaches nobody, and that is said."""
    sender = known.sender
    if sender is None:
        return Outcome()
    who = known.person.name if known.person is not None else sender.first_name
    facts: dict[str, Json] = {"who": who, "athlete": topic.athlete.name, "bot": known.bot}
    text = "topics.nowhere" if _linked(known, topic) else "topics.not_linked"
    if sender.user_id is None:
        text = "topics.anonymous"
    return _once(known, event, text, facts, by=f"stray:{sender.user_id}")


def _tapped(known: Snapshot, event: Tapped) -> Outcome:
    """ "I have it" below a copy counts as well. Everything else is for the private chat."""
    me, sender = known.person, known.sender
    if sender is None:
        return Outcome()
    kind, _, short = event.data.partition(":")
    found = next((one for one in known.escalations if one.short == short), None)
    athlete = next((one for one in known.athletes if found is not None and one.id == found.athlete_id), None)
    owner = next((one for one in (me, *known.colleagues) if one and athlete and one.id == athlete.coach_id), None)
    mine = me is not None and me.coaches and owner is not None and owner.group == sender.chat_id
    if me is None or kind != "ack" or athlete is None or not athlete.in_group or not mine:
        answer = Message(
            None, "shared.question_closed", chat_id=sender.chat_id, answers=event.query_id, toast=True, once=True
        )
        return Outcome(messages=(answer,))
    draft = Draft(known, me, event)
    draft.tapped = None  # what is said about it goes to the private chat, where there is nothing to edit
    desk.take(draft, short)
    return draft.outcome()


# --- a coach begins, and ends ---------------------------------------------------------------------------------------


def link(draft: Draft, rest: str) -> None:
    """/link, in the private chat: how it is done, and how it stands."""
    draft.say("topics.how", {"linked": draft.person.group is not None})


def looked(draft: Draft, event: Due) -> None:
    """What the look at the group has shown. Only coaches of the club may be in it."""
    me, seen = draft.person, event.data
    if not me.coaches or event.late:
        return
    if seen.get("failed"):
        draft.say("topics.look_failed", {})
        return
    names = {one.user_id: one.name for one in (me, *draft.known.colleagues)}
    present = [names[id] for id in seen["present"] if id in names]
    guests = [str(one["name"]) for one in seen["admins"] if one["id"] not in names]
    unnamed = max(int(seen["members"]) - len(present) - len(guests), 0)
    facts: dict[str, Json] = {"title": seen["title"], "forum": seen["forum"], "rights": seen["rights"]}
    if me.user_id not in seen["present"] or not seen["forum"] or not seen["rights"]:
        draft.say("topics.needs", facts)
    elif guests or unnamed:
        draft.say("topics.guests", {**facts, "guests": guests, "unnamed": unnamed})
    else:
        chat = int(seen["chat"])
        draft.change(group_asked=chat)
        own = _own(draft)
        agreed = [one for one in own if one.in_group]
        yes = Button("button.group_yes", f"group:yes:{chat}")
        no = Button("button.group_no", f"group:no:{chat}")
        counts = {"readers": present, "athletes": len(agreed), "asked": len(own) - len(agreed)}
        draft.say("topics.confirm", {**facts, **counts}, buttons=((yes, no),))


def decide(draft: Draft, choice: str) -> None:
    """The coach's yes or no below that."""
    answer, _, chat = choice.partition(":")
    asked = draft.person.group_asked
    if asked is None or chat != str(asked) or answer not in ("yes", "no"):
        draft.toast("shared.question_closed")
        return
    draft.change(group_asked=None)
    if answer == "no":
        draft.say("topics.not_now", {}, edit=True)
        return
    draft.change(group=asked)
    draft.record("event", "group_linked", asked)
    own = _own(draft)
    draft.say("topics.linked", {}, edit=True)
    draft.messages.append(
        Message(None, "topics.linked_here", {"coach": draft.person.name}, chat_id=asked, lane=Lane.PROMPT)
    )
    for one in own:
        facts: dict[str, Json] = {"coach": draft.person.name}
        no = Button("button.in_group_no", "ingroup:no")
        yes = (Button("button.in_group_yes", "ingroup:yes"),)
        text, buttons = ("topics.told", ((no,),)) if one.in_group else ("topics.ask", (yes, (no,)))
        key = f"group:{asked}:{draft.person.id}:{one.id}"
        draft.say(text, facts, to=one, buttons=buttons, lane=Lane.PROMPT, quiet=True, once=True, key=key)


def choose(draft: Draft, choice: str) -> None:
    """An athlete agrees to be read in the group, or would rather not."""
    if choice not in ("yes", "no"):
        draft.toast("shared.question_closed")
        return
    draft.change(in_group=choice == "yes")
    draft.record("event", "in_group", choice)
    coach = next((one for one in draft.known.colleagues if one.id == draft.person.coach_id), None)
    facts: dict[str, Json] = {"athlete": draft.person.name, "coach": coach.name if coach else None}
    draft.say("topics.agreed" if choice == "yes" else "topics.refused", facts, edit=draft.tapped is not None)
    if coach is not None and coach.group is not None and choice == "no":
        draft.say("topics.athlete_refused", facts, to=coach, quiet=True)


def unlink(draft: Draft, rest: str) -> None:
    """/unlink: the topics stay as they are, and nothing goes there any more, or comes from there."""
    group = draft.person.group
    if group is None:
        draft.say("topics.no_group", {})
        return
    draft.change(group=None, group_asked=None)
    draft.record("event", "group_left", group)
    draft.say("topics.unlinked", {})
    draft.messages.append(Message(None, "topics.unlinked_here", {"coach": draft.person.name}, chat_id=group, once=True))


def lost(draft: Draft, event: Due) -> None:
    """The group takes nothing any more, or must not: the private chat from now on, and the coach hears of it, once."""
    me, what, chat = draft.person, event.data["what"], event.data["chat"]
    linked, guest = me.group == chat, what == "guest"
    if not linked and not (guest and me.group_asked == chat):
        return
    draft.change(group=None if linked else me.group, group_asked=None)
    draft.record("event", "group_lost", what)
    if not guest:
        draft.say("topics.lost", {"what": what})
        return
    draft.say("topics.guest", {"guests": event.data["guests"], "linked": linked})
    if linked:
        draft.messages.append(Message(None, "topics.guest_here", {"coach": me.name}, chat_id=chat, once=True))


def _own(draft: Draft) -> list[Person]:
    return [one for one in answering.own(draft.known, draft.person) if one.consent_at is not None]
