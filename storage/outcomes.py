"""Make true what a turn has decided: all of it, or nothing.

`save` belongs into the transaction in which `snapshots.load` has read, between the claim and `done`.

Together. An athlete's ordinary turn writes nothing that another athlete's turn reads: their own row, journal,
escalations and wakeups, and messages. So several may be saved at once (`save_all`): what each of them has is gathered,
and goes in one statement for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from dialogs.model import Json, Message, Outcome, Person, Snapshot
from storage import due, feeds, journal, outbox, people, plans, proposals, topics


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that has been taken. `payloads` are its messages as rendered; one that needs several parts stands before
    each of them. `cause` is the inbox or due key."""

    snapshot: Snapshot
    outcome: Outcome
    payloads: Sequence[tuple[Message, Mapping[str, Json]]]
    cause: str


@dataclass(frozen=True, slots=True)
class Saved:
    """Whose turn it was (None: a stranger's), and what could not be put.

    `unsent` are messages to people without a chat, or who have blocked the bot. If one of them is a page, the
    next human must hear now.
    """

    person_id: int | None
    unsent: tuple[Message, ...] = ()


def save(
    tx: sa.Connection,
    snapshot: Snapshot,
    outcome: Outcome,
    payloads: Sequence[tuple[Message, Mapping[str, Json]]],
    cause: str,
    now: datetime,
) -> Saved:
    """Make the outcome of one turn true. The arguments are a Turn's; raises as `save_all` does."""
    return save_all(tx, [Turn(snapshot, outcome, payloads, cause)], now)[0]


def save_all(tx: sa.Connection, turns: Sequence[Turn], now: datetime) -> list[Saved]:
    """Make the outcomes true: of one turn, or of several athletes' (see the top).

    Raises Conflict where somebody else was first (Ack, invite, the same newcomer twice): roll back, load,
    and take the turn again. Raises ValueError where an outcome reaches a person whom its snapshot does not hold.
    """
    changed: list[Person] = []
    lines: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    saved = [_save_one(tx, turn, now, changed, lines, messages) for turn in turns]
    people.change_all(tx, changed)
    journal.append_all(tx, lines)
    outbox.put_all(tx, messages)
    return saved


def _save_one(
    tx: sa.Connection,
    turn: Turn,
    now: datetime,
    changed: list[Person],
    lines: list[dict[str, Any]],
    messages: list[dict[str, Any]],
) -> Saved:
    """Write what is rare, and gather what every turn has: the person, lines of the journal, messages."""
    snapshot, outcome = turn.snapshot, turn.outcome
    _refuse_foreign(snapshot, outcome, [message for message, _ in turn.payloads])
    me = outcome.person or snapshot.person
    person_id = me.id if me is not None else None
    if me is not None and me.id == 0:
        person_id = people.join(tx, me)
        me = replace(me, id=person_id)
    elif outcome.person is not None and (outcome.person != snapshot.person or outcome.used_invite is not None):
        changed.append(outcome.person)
    if outcome.used_invite is not None:
        people.use_invite(tx, outcome.used_invite, person_id, now)
        seat_id = snapshot.invite.seat_id if snapshot.invite is not None else None
        # An athlete begins to coach, or who has left does again: theirs wait already.
        if seat_id is not None and person_id is not None and seat_id != person_id:
            people.take_seat(tx, seat_id, person_id)
    if person_id is not None:
        lines += journal.lines(person_id, outcome.records, turn.cause, now)
    for each in outcome.escalations:
        if each not in snapshot.escalations:
            journal.save_escalation(tx, replace(each, athlete_id=each.athlete_id or person_id or 0), turn.cause)
    for each_invite in outcome.invites:
        people.new_invite(tx, each_invite, now)
    if person_id is not None:
        _save_plans(tx, person_id, outcome, now)
    # First what is void, then what is new: an Ack's own messages carry its short, a new hour the old key.
    outbox.silence(tx, outcome.silenced)
    if person_id is not None:
        # The wakeups of an escalation are its athlete's, also where its coach's turn ends them.
        for owner in {person_id, *(each.athlete_id for each in outcome.escalations if each.athlete_id)}:
            for prefix in outcome.cancel:
                due.cancel(tx, owner, prefix)
        for wakeup in outcome.wakeups:
            due.put(tx, wakeup.whose or person_id, wakeup, now)
        if outcome.drill is not None:
            due.put(tx, people.made_up(tx, person_id), outcome.drill, now)
    addressed, unsent = _addressed(tx, me, turn, now)
    messages += addressed
    return Saved(person_id, unsent)


def _save_plans(tx: sa.Connection, person_id: int, outcome: Outcome, now: datetime) -> None:
    """Proposals first: a coach's turn has locked them, so who changes the same plan waits here and not with a version
    in hand, for which that coach would wait in turn."""
    for wish in outcome.proposals:
        proposals.save(tx, replace(wish, athlete_id=wish.athlete_id or person_id))
    for change in outcome.changes:
        plans.save(tx, change.about or person_id, change, person_id, now)
    proposals.append(tx, outcome.settings, person_id)
    if outcome.feed:
        feeds.new(tx, person_id, outcome.feed, now)
    elif outcome.feed is not None:
        feeds.revoke(tx, person_id, now)


def _refuse_foreign(snapshot: Snapshot, outcome: Outcome, messages: Sequence[Message]) -> None:
    """A turn reaches nobody but the people it has read. A slip in `dialogs` ends here, not in a stranger's chat."""
    me = snapshot.person
    own = {0} if me is None else {0, me.id}
    near = (snapshot.coach, snapshot.backup, *snapshot.athletes, *snapshot.colleagues)
    near = (*near, snapshot.ward, *snapshot.guardians)
    if snapshot.topic is not None:
        near = (*near, snapshot.topic.athlete, snapshot.topic.coach)
    coach_of = {one.id: one.coach_id for one in (*near, me, outcome.person) if one is not None}
    # An athlete's topic is in the group of that athlete's own coach, and holds nothing about anybody else.
    in_topics = [one for one in messages if one.topic is not None]
    known = own | {one.id for one in near if one is not None}
    reached = {one.to for one in messages} | {one.about for one in messages}
    reached |= {one.about for one in outcome.records} | {one.athlete_id for one in outcome.escalations}
    reached |= {one.whose for one in outcome.wakeups}
    reached |= {one.coach_id for one in outcome.settings} | {one.by_id for one in outcome.settings}
    reached |= {one.decided_by for one in outcome.proposals}
    # Plans are their athletes' and nobody else's: to have read of somebody, as of a colleague who runs, is not enough.
    planned = {one.about for one in outcome.changes}
    planned |= {one.athlete_id for one in outcome.proposals} | {one.athlete_id for one in outcome.settings}
    chats = {None, snapshot.sender.chat_id if snapshot.sender is not None else None}
    chats |= {one.group for one in (me, outcome.person) if one is not None}
    if outcome.erase is not None:  # the receipt is addressed to the chat: the person is nobody by then
        reached.add(outcome.erase.person_id)
        chats |= {one.chat_id for one in (me, *near) if one is not None and one.id == outcome.erase.person_id}
    if (
        not reached <= {None, *known}
        or not planned <= {None, *own, *(one.id for one in snapshot.athletes)}
        or (outcome.person is not None and outcome.person.id not in own)
        or any(one.to is None and one.chat_id not in chats for one in messages)
        or any(one.topic != one.about or coach_of.get(one.topic or 0) != one.to for one in in_topics)
    ):
        raise ValueError("the outcome reaches somebody whom the snapshot does not hold")


def _addressed(
    tx: sa.Connection, me: Person | None, turn: Turn, now: datetime
) -> tuple[list[dict[str, Any]], tuple[Message, ...]]:
    """The outbox rows of a turn, and the messages that cannot be put."""
    snapshot = turn.snapshot
    known = {each.id: each for each in (*snapshot.athletes, *snapshot.colleagues, *snapshot.guardians)}
    known |= {each.id: each for each in (snapshot.coach, snapshot.backup, snapshot.ward, me) if each is not None}
    own = me.id if me is not None else 0
    rows = []
    unsent = []
    previous: Message | None = None
    part = 1
    for message, payload in turn.payloads:
        part = part + 1 if message is previous else 1
        previous = message
        to = own if message.to == 0 else message.to
        chat_id = message.chat_id
        if to is not None:
            recipient = known.get(to) or people.by_id(tx, to)
            chat_id = recipient.chat_id if recipient is not None and recipient.reachable else None
            if message.topic is not None and recipient is not None and recipient.group is not None:
                chat_id = recipient.group
                payload = {**payload, topics.OF: message.topic, topics.SPARE: message.spare}
            elif message.spare:
                continue
        if chat_id is None:
            unsent.append(message)
            continue
        about = own if message.about == 0 else message.about
        addressed = replace(message, about=about)
        if part > 1:  # the rest of words too long for one message: it must not be taken for a repeat of the first
            key = f"{message.key}:{part}" if message.key else None
            addressed = replace(addressed, key=key, bubble=None, edit=False, answers=None, message_id=None)
        rows.append(outbox.row(addressed, payload, to_person=to, chat_id=chat_id, now=now, cause=turn.cause))
    return rows, tuple(unsent)
