"""Load all that a turn may know, save all that shall be true afterwards.

`load` locks the person's row, then reads. On PostgreSQL two replicas that work for the same person take
turns at that lock, and each reads what the other has written; on SQLite the whole transaction is the lock.
Both halves belong into one transaction, with the claim before and `done` after:

    with db.begin() as tx:
        row = inbox.claim(tx, now)
        snapshot = people.load(tx, now=now, dice=..., bot=..., sender=sender, event=event)
        outcome = take_turn(snapshot, event)
        people.save(tx, snapshot, outcome, rendered, row.key, now)
        inbox.done(tx, row.id, now)

Together. An athlete's ordinary turn writes nothing that another athlete's turn reads: their own row, journal,
escalations and wakeups, and messages. So the turns of several athletes may be loaded at once, taken, and saved at once
(`load_athletes`, `save_all`), which is much cheaper: a statement costs more than a row. Their rows are locked in the
order of their ids, so that two replicas cannot lock each other out.

What few turns need is left unread: the journal where several are loaded together, and always what the rule book looks
at (`Snapshot.training`). A turn that looks there raises Needed, and is taken again `with_needed` (storage.unread).

The locks are FOR NO KEY UPDATE: a plain FOR UPDATE would also stop every other turn that only refers to the
person (a message to the coach), and two turns could wait for each other.

Who answers for an athlete: the coach, or who stands in while the coach is away; behind them the backup. Which one that
is stands in `dialogs.answering`; here it is only read who may be one. Only those who have a chat with the bot count.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from dialogs import answering
from dialogs.events import Event, Grouped, Said, Sender, Sent, Started, Tapped
from dialogs.model import Escalation, Invite, Json, Message, Outcome, Person, Snapshot, Topic
from storage import attention, club, codec, due, feeds, journal, outbox, plans, proposals, topics, training
from storage.db import Conflict
from storage.schema import invite, person, upsert
from storage.unread import RECORDS, STEPS, SWITCH, Looks, Needed

DRILL = "DRILL"  # the name of whoever is made up: it stands in every text of a practice alarm
MINORS = "minors"  # the line of the club that says "on" where it takes athletes under 18 (`aidstation minors`)
DAYS = 8  # how far back a turn reads the journal: the last seven days for the coach's page, and today

_PERSON = sa.select(*(person.c[name] for name in sorted(codec.COLUMNS)), person.c.facts)
_BY_ID = _PERSON.where(person.c.id == sa.bindparam("person"))
_BY_IDS = _PERSON.where(person.c.id.in_(sa.bindparam("people", expanding=True))).order_by(person.c.id)
_LOCK_BY_ID = _BY_ID.with_for_update(key_share=True)
_LOCK_BY_USER = _PERSON.where(person.c.user_id == sa.bindparam("user")).with_for_update(key_share=True)
_LOCK_BY_USERS = (
    _PERSON.where(person.c.user_id.in_(sa.bindparam("users", expanding=True)))
    .order_by(person.c.id)
    .with_for_update(key_share=True)
)
_active = sa.and_(person.c.coaches, person.c.chat_id.is_not(None))
_by_age = (person.c.joined_at.is_(None), person.c.joined_at, person.c.id)
# All coaches of the club stand in each of a coach's turns. Their facts come as a text, by which a person is known again
# (codec.person_of): to read a thousand anew would take longer than all the rest of a morning list.
_COACHES = (
    sa.select(*(person.c[name] for name in codec.ORDERED), sa.cast(person.c.facts, sa.Text))
    .where(_active)
    .order_by(*_by_age)
)
# A row without a part to play is the tombstone of somebody erased.
_EVERYONE = _PERSON.where(sa.or_(person.c.runs, person.c.coaches, person.c.ward_id.is_not(None))).order_by(person.c.id)
_ATHLETES = _PERSON.where(person.c.coach_id.in_(sa.bindparam("coaches", expanding=True))).order_by(person.c.id)
# For the head coach alone: whose coach is none, or none any more. Asked from the other end, since "is not one of these"
# reads every athlete of the club: first each coach's number that stands with an athlete, one step down the index from
# one to the next; then the athletes of those who are no coaches any more.
_whose = sa.select(sa.func.min(person.c.coach_id).label("id")).cte("whose", recursive=True)
_next = person.alias("next")
_WITH_ATHLETES = sa.select(
    _whose.union_all(
        sa.select(
            sa.select(sa.func.min(_next.c.coach_id)).where(_next.c.coach_id > _whose.c.id).scalar_subquery()
        ).where(_whose.c.id.is_not(None))
    ).c.id
)
_OF_NOBODY = _PERSON.where(person.c.runs, person.c.coach_id.is_(None))
_OF_COACH = _PERSON.where(person.c.coach_id == sa.bindparam("coach")).order_by(person.c.id)

# For athletes' turns, the hot path: not all coaches of the club but the athletes' own, those whom these have named (as
# backup, or to stand in), and the three active ones who joined first: one of them is neither the coach nor the athlete.
# The guardian of an athlete under 18 comes with them, so that this costs no statement of its own.
_coaches: sa.BindParameter[Sequence[int]] = sa.bindparam("coaches", expanding=True)
_named = person.alias("named")
_first = sa.select(person.c.id).where(_active).order_by(*_by_age).limit(answering.LOOKED_AT).subquery("first")
_ANSWERING = _PERSON.where(
    person.c.id.in_(
        sa.union_all(
            sa.select(_named.c.id).where(_named.c.id.in_(_coaches)),
            sa.select(_named.c.backup_id).where(_named.c.id.in_(_coaches)),
            sa.select(_named.c.facts["substitute_id"].as_integer()).where(_named.c.id.in_(_coaches)),
            sa.select(_first.c.id),
        )
    )
).order_by(*_by_age)
_INVITE = sa.select(
    invite.c.id,
    invite.c.name,
    invite.c.coaches,
    invite.c.coach_id,
    invite.c.expires_at,
    invite.c.seat_id,
    invite.c.ward_id,
).where(
    invite.c.code_hash == sa.bindparam("hash"),
    invite.c.used_at.is_(None),
    invite.c.expires_at > sa.bindparam("now"),
)
_USE_INVITE = (
    sa.update(invite)
    .where(
        invite.c.id == sa.bindparam("row_id"),
        invite.c.used_at.is_(None),
        invite.c.expires_at > sa.bindparam("now"),
    )
    .values(used_at=sa.bindparam("now"), used_by=sa.bindparam("person"))
)
_NEW_INVITE = sa.insert(invite).returning(invite.c.id)
_JOIN = upsert(person).on_conflict_do_nothing().returning(person.c.id)
_CHANGE = (
    sa.update(person)
    .where(person.c.id == sa.bindparam("row_id"))
    .values(
        version=person.c.version + 1,
        **{
            name: sa.bindparam(f"new_{name}", type_=person.c[name].type)
            for name in ({*codec.COLUMNS, "facts"} - {"id"})
        },
    )
)


_TAKE_OVER = (
    sa.update(person)
    .where(person.c.coach_id == sa.bindparam("from_id"))
    .values(coach_id=sa.bindparam("to_id"), version=person.c.version + 1)
)
_MARK_UNREACHABLE = (
    sa.update(person).where(person.c.id == sa.bindparam("row_id")).values(reachable=False, version=person.c.version + 1)
)


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


def load(
    tx: sa.Connection,
    *,
    now: datetime,
    dice: str,
    bot: str,
    sender: Sender | None = None,
    person_id: int | None = None,
    event: Event | None = None,
) -> Snapshot:
    """All that the turn of this sender (private chats only) or this person may know; locks their row.

    A coach's `athletes` are their own, those whom they stand in for, for the head coach those without an active coach,
    and those of the escalations that they answer for; `proposals` are theirs that are open. Into whose `training` the
    turn may look: their own and their athletes', and it is left unread.
    Of the club's other coaches (`colleagues`) a coach sees all; anybody else's turn, also a stranger's, gets
    the first three at most: enough to know the head coach. A guardian's turn knows the athlete (`ward`), who answers
    for them, and nothing of what they have said.
    """
    me = _me(tx, sender, person_id, event)
    invited = _invited(tx, event, now)
    if me is None and invited is not None and invited.seat_id is not None and sender is not None:
        me = _seated(tx, invited.seat_id, sender)
        invited = invited if me is not None else None  # an older code for a seat that is taken opens nothing
    snapshot = Snapshot(
        now=now,
        dice=dice,
        bot=bot,
        sender=sender,
        person=me,
        invite=invited,
        about=_about(tx, sender, event),
        topic=_topic(tx, sender, event),
    )
    if me is not None and me.coaches:
        coaches = tuple(codec.person_of(tuple(row)) for row in tx.execute(_COACHES))
        mine, behind = _mine(tx, me, coaches, now)
        covers = [each.id for each in coaches if each.id == me.id or _covers(me, coaches, each, now)]
        head = _is(me, answering.head(coaches, now))
        escalations = journal.open_for_coach(
            tx,
            me.id,
            covers=covers,
            active=[each.id for each in coaches] if head else None,
            athletes=[*behind, *(each.id for each in mine)],
        )
        athletes = _athletes(tx, me, mine, escalations)
        if me.runs:
            escalations = (*escalations, *journal.closed_lately(tx, me.id, now))
        wishes = proposals.open_of(tx, [each.id for each in athletes]) if athletes else ()
        reading = sorted({each.guardian_id for each in (me, *athletes) if each.guardian_id is not None})
        guardians = _people(tx, _BY_IDS, people=reading) if reading else ()
        snapshot = replace(snapshot, escalations=escalations, athletes=athletes, proposals=wishes, guardians=guardians)
    else:
        ward = _ward(tx, me, invited)
        whose = ward or me  # a guardian's words go to whoever answers for the athlete
        found = _people(tx, _ANSWERING, coaches=_near_ids([whose] if whose is not None else []))
        coaches = _near(found, whose)
        snapshot = replace(snapshot, ward=ward, guardians=_guardians_in(found, whose))
        if me is not None and ward is None:
            snapshot = replace(snapshot, escalations=journal.for_turn(tx, me.id, now=now))
    if me is None and snapshot.invite is not None and snapshot.invite.coach_id is not None:
        snapshot = replace(snapshot, coach=by_id(tx, snapshot.invite.coach_id))  # who is to be named in the welcome
    if me is not None and me.runs:
        snapshot = with_journal(tx, snapshot)
    return replace(
        snapshot,
        training=training.unread(me, snapshot.athletes),
        looked=_unlooked(me, snapshot.athletes),
        steps=STEPS,
        minors=SWITCH,
        **_answering_for(snapshot.ward or me, coaches, now),
    )


def load_athletes(
    tx: sa.Connection, senders: Sequence[Sender], *, now: datetime, dice: Callable[[], str], bot: str
) -> list[Snapshot]:
    """The snapshots of these senders (private chats), of as many from the first on as are athletes and nothing else,
    each another one. Locks their rows. The journal is left unread: see the top."""
    found = {each.user_id: each for each in _people(tx, _LOCK_BY_USERS, users=[one.user_id for one in senders])}
    people: list[Person] = []
    for sender in senders:
        me = found.pop(sender.user_id, None)
        if me is None or me.coaches or not me.runs:
            break
        people.append(me)
    if not people:
        return []
    escalations = journal.for_turn(tx, *(me.id for me in people), now=now)
    coaches = _people(tx, _ANSWERING, coaches=_near_ids(people))
    return [
        Snapshot(
            now=now,
            dice=dice(),
            bot=bot,
            sender=sender,
            person=me,
            guardians=_guardians_in(coaches, me),
            escalations=tuple(each for each in escalations if each.athlete_id == me.id),
            records=RECORDS,
            training=training.unread(me, ()),
            looked=_unlooked(me),
            steps=STEPS,
            minors=SWITCH,
            **_answering_for(me, _near(coaches, me), now),
        )
        for me, sender in zip(people, senders, strict=False)
    ]


def with_journal(tx: sa.Connection, snapshot: Snapshot) -> Snapshot:
    """The snapshot with its athlete's last days read."""
    athlete = snapshot.person.id if snapshot.person is not None else 0
    return replace(snapshot, records=journal.records(tx, athlete, snapshot.now.date() - timedelta(days=DAYS)))


def with_needed(tx: sa.Connection, snapshot: Snapshot, needed: Needed) -> Snapshot:
    """The snapshot with what a turn has looked for in vain."""
    if needed.look is not None and isinstance(snapshot.looked, Looks) and snapshot.person is not None:
        found = journal.look(tx, snapshot.person.id, needed.look, snapshot.now)
        looked = replace(snapshot.looked, read={**snapshot.looked.read, needed.look: found})
        return replace(snapshot, looked=looked)
    if needed.minors:
        return replace(snapshot, minors=club.recall(tx, MINORS) == "on")
    if needed.steps:
        return replace(snapshot, steps=attention.steps(tx, snapshot))
    if not needed.whose:
        return with_journal(tx, snapshot)
    return replace(snapshot, training=training.with_training(tx, snapshot, needed.whose))


def _unlooked(me: Person | None, athletes: Sequence[Person] = ()) -> Looks:
    """Into whose journals a turn may look: their own and, of a coach, their athletes'."""
    return Looks(frozenset({one.id for one in (me, *athletes) if one is not None}))


def _near_ids(athletes: Sequence[Person]) -> list[int]:
    """Of whom these athletes' turns must know: their own coaches, those among whom they are to choose, guardians."""
    return sorted(
        {id for each in athletes for id in (each.coach_id, *each.offered, each.guardian_id) if id is not None}
    )


def _guardians_in(found: Sequence[Person], athlete: Person | None) -> tuple[Person, ...]:
    return tuple(each for each in found if athlete is not None and each.id == athlete.guardian_id)


def _ward(tx: sa.Connection, me: Person | None, invited: Invite | None) -> Person | None:
    """Whose guardian this turn's person is, or is invited to become."""
    ward_id = me.ward_id if me is not None else invited.ward_id if invited is not None else None
    return by_id(tx, ward_id) if ward_id is not None else None


def _near(coaches: Sequence[Person], me: Person | None) -> tuple[Person, ...]:
    """Of what _ANSWERING has found for several: who is active and near to this athlete (None: to a stranger)."""
    own = _by_id(coaches, me.coach_id) if me is not None else None
    near = (*((own.id, own.backup_id, own.substitute_id) if own else ()), *(me.offered if me else ()))
    active = [each for each in coaches if each.coaches and each.chat_id is not None]
    return tuple(each for number, each in enumerate(active) if number < answering.LOOKED_AT or each.id in near)


def _answering_for(me: Person | None, coaches: Sequence[Person], now: datetime) -> dict[str, Any]:
    """The fields of a snapshot that say who answers for whom; `coaches` are active, oldest first."""
    colleagues = tuple(each for each in coaches if me is None or each.id != me.id)
    if me is None or not (me.runs or me.drill):
        return {"colleagues": colleagues}
    coach, own = answering.in_charge(coaches, me, now), _by_id(coaches, me.coach_id)
    return {"colleagues": colleagues, "coach": coach, "backup": answering.behind(coaches, coach, me, now, own)}


def _me(tx: sa.Connection, sender: Sender | None, person_id: int | None, event: Event | None) -> Person | None:
    """Whose turn it is: in a group only of who says or taps something there."""
    speaks = isinstance(event, Tapped) or (isinstance(event, Grouped) and event.message is not None)
    if person_id is not None:
        found = _people(tx, _LOCK_BY_ID, person=person_id)
    elif sender is not None and (sender.private or speaks) and sender.user_id is not None:
        found = _people(tx, _LOCK_BY_USER, user=sender.user_id)
    else:
        return None
    me = found[0] if found else None
    # Of whom is erased only the number is left.
    return me if me is not None and (me.runs or me.coaches or me.drill or me.ward_id is not None) else None


def _seated(tx: sa.Connection, seat_id: int, sender: Sender) -> Person | None:
    """The person whose seat this is, with the chat that has just been opened; None if somebody sits there."""
    found = _people(tx, _LOCK_BY_ID, person=seat_id)
    if not found or found[0].chat_id is not None or not found[0].coaches:
        return None
    return replace(found[0], chat_id=sender.chat_id, user_id=sender.user_id)


def _invited(tx: sa.Connection, event: Event | None, now: datetime) -> Invite | None:
    if not isinstance(event, Started) or not event.code:
        return None
    row = tx.execute(_INVITE, {"hash": _hash(event.code), "now": now}).first()
    return None if row is None else Invite(*row[:5], seat_id=row[5], ward_id=row[6])


def _about(tx: sa.Connection, sender: Sender | None, event: Event | None) -> int | None:
    if sender is None or not isinstance(event, Said | Sent) or event.reply_to is None:
        return None
    return outbox.owner_of_reply(tx, sender.chat_id, event.reply_to)


def _topic(tx: sa.Connection, sender: Sender | None, event: Event | None) -> Topic | None:
    if sender is None or not isinstance(event, Grouped) or event.message is None or event.topic is None:
        return None
    return topics.whose(tx, sender.chat_id, event.topic)


def _people(tx: sa.Connection, statement: sa.Select[tuple[object, ...]], **values: object) -> tuple[Person, ...]:
    return tuple(codec.person_from(row) for row in tx.execute(statement, values).mappings())


def _mine(tx: sa.Connection, me: Person, coaches: Sequence[Person], now: datetime) -> tuple[list[Person], list[int]]:
    """The athletes whom this coach has today, and of athletes the numbers behind whose coach they stand otherwise than
    as that coach's backup: the coach is away, or an athlete coaches too."""
    head = _is(me, answering.head(coaches, now))
    absent = [each.id for each in coaches if each.id != me.id and answering.away(each, now)]
    active = [each.id for each in coaches]
    found = _people(tx, _ATHLETES, coaches=[me.id, *absent])
    if head:
        found += _orphans(tx, active, {each.id for each in found})
    mine, behind = [], []
    for each in found:
        if each.id == me.id or each.drill:
            continue
        coach = answering.in_charge(coaches, each, now)
        if each.coach_id == me.id or _is(me, coach) or (coach is None and each.coach_id not in active):
            mine.append(each)
        elif _is(me, answering.behind(coaches, coach, each, now, _by_id(coaches, each.coach_id))):
            behind.append(each.id)
    # A coach who runs is never their own backup: then the next one answers for them.
    for each in coaches:
        if not each.runs:
            continue
        own = _by_id(coaches, each.coach_id)
        if _is(me, answering.behind(coaches, answering.in_charge(coaches, each, now), each, now, own)):
            behind.append(each.id)
    return mine, behind


def _orphans(tx: sa.Connection, active: Sequence[int], there: Collection[int]) -> tuple[Person, ...]:
    """The athletes without an active coach, but for those who are there already."""
    left = sorted({id for (id,) in tx.execute(_WITH_ATHLETES) if id is not None}.difference(active))
    theirs = _people(tx, _ATHLETES, coaches=left) if left else ()
    orphans = [each for each in (*_people(tx, _OF_NOBODY), *theirs) if each.runs and each.id not in there]
    return tuple(sorted(orphans, key=lambda each: each.id))


def _covers(me: Person, coaches: Sequence[Person], coach: Person, now: datetime) -> bool:
    if coach.backup_id != me.id and me.id not in {each.id for each in coaches[: answering.LOOKED_AT]}:
        return False  # said beforehand, since it is asked of each coach of the club: `behind` looks at no others
    return not answering.away(coach, now) and _is(me, answering.behind(coaches, coach, None, now))


def _athletes(
    tx: sa.Connection, me: Person, mine: Sequence[Person], escalations: Sequence[Escalation]
) -> tuple[Person, ...]:
    known = {me.id, *(each.id for each in mine)}
    others = [each.athlete_id for each in escalations if each.athlete_id not in known]
    covered = _people(tx, _BY_IDS, people=others) if others else ()
    return tuple(each for each in (*mine, *covered) if each.id != me.id)


def _by_id(people: Sequence[Person], id: int | None) -> Person | None:
    return next((each for each in people if each.id == id), None)


def _is(me: Person, other: Person | None) -> bool:
    return other is not None and other.id == me.id


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
    _change_all(tx, changed)
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
        person_id = _join(tx, me)
        me = replace(me, id=person_id)
    elif outcome.person is not None and (outcome.person != snapshot.person or outcome.used_invite is not None):
        changed.append(outcome.person)
    if outcome.used_invite is not None:
        used = tx.execute(_USE_INVITE, {"row_id": outcome.used_invite, "now": now, "person": person_id})
        if used.rowcount != 1:
            raise Conflict("this invite was used in the meantime")
        seat_id = snapshot.invite.seat_id if snapshot.invite is not None else None
        if seat_id is not None and seat_id != person_id:  # an athlete begins to coach: their athletes wait already
            tx.execute(_TAKE_OVER, {"from_id": seat_id, "to_id": person_id})
    if person_id is not None:
        lines += journal.lines(person_id, outcome.records, turn.cause, now)
    for each in outcome.escalations:
        if each not in snapshot.escalations:
            journal.save_escalation(tx, replace(each, athlete_id=each.athlete_id or person_id or 0), turn.cause)
    for each_invite in outcome.invites:
        _new_invite(tx, each_invite, now)
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
            due.put(tx, _made_up(tx, person_id), outcome.drill, now)
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
            recipient = known.get(to) or by_id(tx, to)
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


def _made_up(tx: sa.Connection, coach_id: int) -> int:
    """The athlete of this coach who is made up, for practice alarms; made where there is none."""
    found = [each for each in _people(tx, _OF_COACH, coach=coach_id) if each.drill]
    return found[0].id if found else _join(tx, Person(0, DRILL, coach_id=coach_id, reachable=False, drill=True))


def _join(tx: sa.Connection, newcomer: Person) -> int:
    id = tx.execute(_JOIN, {**codec.person_row(newcomer), "version": 1}).scalar()
    if id is None:
        raise Conflict("this chat has joined in the meantime")
    return int(id)


def _change_all(tx: sa.Connection, changed: Sequence[Person]) -> None:
    if not changed:
        return
    rows = [
        {f"new_{name}": value for name, value in codec.person_row(each).items()} | {"row_id": each.id}
        for each in changed
    ]
    if tx.execute(_CHANGE, rows).rowcount != len(rows):
        raise Conflict("this person is gone")


def _new_invite(tx: sa.Connection, new: Invite, now: datetime) -> int:
    if new.code is None:
        raise ValueError("a new invite needs its code")
    row = {
        "code_hash": _hash(new.code),
        "name": new.name,
        "coaches": new.coaches,
        "coach_id": new.coach_id,
        "seat_id": new.seat_id,
        "ward_id": new.ward_id,
        "created_at": now,
        "expires_at": new.expires_at,
    }
    return int(tx.execute(_NEW_INVITE, row).scalar_one())


def _hash(code: str) -> str:
    """Unsalted: a code is 128 random bits, which no table holds."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def create_invite(
    tx: sa.Connection, *, name: str, code: str, now: datetime, expires_at: datetime, coach_id: int | None = None
) -> Invite:
    """Keep a seat (the operator's command): an athlete's of this coach, or a coach's. Only the hash of `code` is kept.

    A coach is known by name from now on, so that athletes can be invited for them before they press Start. A second
    invitation of a coach who has not come yet is for the same seat.
    """
    seat_id = None
    if coach_id is None:
        waiting = [each.id for each in find(tx, name, "coach") if each.chat_id is None]
        seat_id = waiting[0] if waiting else _join(tx, Person(0, name, coaches=True))
    new = Invite(0, name, coach_id is None, coach_id, expires_at, code, seat_id)
    return replace(new, id=_new_invite(tx, new, now))


def mark_unreachable(tx: sa.Connection, person_id: int) -> None:
    """Nothing can be delivered to this person until they speak to us again."""
    tx.execute(_MARK_UNREACHABLE, {"row_id": person_id})


def by_id(tx: sa.Connection, person_id: int) -> Person | None:
    """This person, without a lock."""
    return next(iter(_people(tx, _BY_ID, person=person_id)), None)


def everyone(tx: sa.Connection) -> tuple[Person, ...]:
    """All people, in the order in which they joined."""
    return _people(tx, _EVERYONE)


def find(tx: sa.Connection, name: str, role: Literal["coach", "athlete"]) -> tuple[Person, ...]:
    """All coaches or athletes of that name, in any case; more than one means: ask which."""
    wanted = name.strip().casefold()
    return tuple(
        each
        for each in everyone(tx)
        if each.name.strip().casefold() == wanted and (each.coaches if role == "coach" else each.runs)
    )
