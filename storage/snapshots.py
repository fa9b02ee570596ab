"""All that a turn may know. A turn cannot tell what it was not shown.

`load` locks the person's row, then reads. On PostgreSQL two replicas that work for the same person take
turns at that lock, and each reads what the other has written; on SQLite the whole transaction is the lock.
It belongs into one transaction with the saving of what comes of it, with the claim before and `done` after:

    with db.begin() as tx:
        row = inbox.claim(tx, now)
        snapshot = snapshots.load(tx, now=now, dice=..., bot=..., sender=sender, event=event)
        outcome = take_turn(snapshot, event)
        outcomes.save(tx, snapshot, outcome, rendered, row.key, now)
        inbox.done(tx, row.id, now)

Together. The turns of several athletes may be loaded at once, taken, and saved at once (`load_athletes`,
`outcomes.save_all`), which is much cheaper: a statement costs more than a row. Their rows are locked in the order of
their ids, so that two replicas cannot lock each other out.

What few turns need is left unread: the journal where several are loaded together, and always what the rule book looks
at (`Snapshot.training`). A turn that looks there raises Needed, and is taken again `with_needed` (storage.unread).

The locks are FOR NO KEY UPDATE: a plain FOR UPDATE would also stop every other turn that only refers to the
person (a message to the coach), and two turns could wait for each other.

Who answers for an athlete: the coach, or who stands in while the coach is away; behind them the backup. Which one that
is stands in `dialogs.answering`; here it is only read who may be one. Only those who have a chat with the bot count.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dialogs import answering
from dialogs.events import Event, Grouped, Said, Sender, Sent, Started, Tapped
from dialogs.model import Escalation, Invite, Person, Snapshot, Topic
from storage import attention, club, codec, journal, outbox, people, proposals, topics, training
from storage.people import BY_ID, BY_IDS, PERSON
from storage.schema import person
from storage.unread import RECORDS, STEPS, SWITCH, Looks, Needed

DAYS = 8  # how far back a turn reads the journal: the last seven days for the coach's page, and today

_LOCK_BY_ID = BY_ID.with_for_update(key_share=True)
_LOCK_BY_USER = PERSON.where(person.c.user_id == sa.bindparam("user")).with_for_update(key_share=True)
_LOCK_BY_USERS = (
    PERSON.where(person.c.user_id.in_(sa.bindparam("users", expanding=True)))
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
_ATHLETES = PERSON.where(person.c.coach_id.in_(sa.bindparam("coaches", expanding=True))).order_by(person.c.id)
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
_OF_NOBODY = PERSON.where(person.c.runs, person.c.coach_id.is_(None))

# For athletes' turns, the hot path: not all coaches of the club but the athletes' own, those whom these have named (as
# backup, or to stand in), and the three active ones who joined first: one of them is neither the coach nor the athlete.
# The guardian of an athlete under 18 comes with them, so that this costs no statement of its own.
_coaches: sa.BindParameter[Sequence[int]] = sa.bindparam("coaches", expanding=True)
_named = person.alias("named")
_first = sa.select(person.c.id).where(_active).order_by(*_by_age).limit(answering.LOOKED_AT).subquery("first")
_ANSWERING = PERSON.where(
    person.c.id.in_(
        sa.union_all(
            sa.select(_named.c.id).where(_named.c.id.in_(_coaches)),
            sa.select(_named.c.backup_id).where(_named.c.id.in_(_coaches)),
            sa.select(_named.c.facts["substitute_id"].as_integer()).where(_named.c.id.in_(_coaches)),
            sa.select(_first.c.id),
        )
    )
).order_by(*_by_age)


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
    row = _row(tx, sender, person_id, event)
    me = row if row is not None and people.has_a_part(row) else None
    invited = _invited(tx, event, now)
    if invited is not None and invited.seat_id not in (None, me.id if me is not None else None) and sender is not None:
        seated = _seated(tx, invited.seat_id, sender)
        invited = invited if seated is not None else None  # an older code for a seat that is taken opens nothing
        me = seated if row is None else me  # whoever has a row keeps it: one chat is one person
    if row is not None and me is None and invited is not None:
        invited = _again(invited, row)
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
        guardians = people.read(tx, BY_IDS, people=reading) if reading else ()
        snapshot = replace(snapshot, escalations=escalations, athletes=athletes, proposals=wishes, guardians=guardians)
    else:
        ward = _ward(tx, me, invited)
        whose = ward or me  # a guardian's words go to whoever answers for the athlete
        found = people.read(tx, _ANSWERING, coaches=_near_ids([whose] if whose is not None else []))
        coaches = _near(found, whose)
        snapshot = replace(snapshot, ward=ward, guardians=_guardians_in(found, whose))
        if me is not None and ward is None:
            snapshot = replace(snapshot, escalations=journal.for_turn(tx, me.id, now=now))
    if me is None and invited is not None and invited.coach_id is not None:  # who is to be named in the welcome
        snapshot = replace(snapshot, coach=people.by_id(tx, invited.coach_id))
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
    found = {each.user_id: each for each in people.read(tx, _LOCK_BY_USERS, users=[one.user_id for one in senders])}
    athletes: list[Person] = []
    for sender in senders:
        me = found.pop(sender.user_id, None)
        if me is None or me.coaches or not me.runs:
            break
        athletes.append(me)
    if not athletes:
        return []
    escalations = journal.for_turn(tx, *(me.id for me in athletes), now=now)
    coaches = people.read(tx, _ANSWERING, coaches=_near_ids(athletes))
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
        for me, sender in zip(athletes, senders, strict=False)
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
        return replace(snapshot, minors=club.recall(tx, club.MINORS) == "on")
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
    return people.by_id(tx, ward_id) if ward_id is not None else None


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


def _row(tx: sa.Connection, sender: Sender | None, person_id: int | None, event: Event | None) -> Person | None:
    """Whose turn it is, if they have a part: in a group only of who says or taps something there."""
    speaks = isinstance(event, Tapped) or (isinstance(event, Grouped) and event.message is not None)
    if person_id is not None:
        found = people.read(tx, _LOCK_BY_ID, person=person_id)
    elif sender is not None and (sender.private or speaks) and sender.user_id is not None:
        found = people.read(tx, _LOCK_BY_USER, user=sender.user_id)
    else:
        return None
    return found[0] if found else None


def _again(invited: Invite, before: Person) -> Invite:
    """The invite of somebody who has left and comes back: under the name that people.join leaves them, and not as
    their own athlete."""
    return replace(invited, name=before.name, coach_id=None if invited.coach_id == before.id else invited.coach_id)


def _seated(tx: sa.Connection, seat_id: int, sender: Sender) -> Person | None:
    """The person whose seat this is, with the chat that has just been opened; None if somebody sits there."""
    found = people.read(tx, _LOCK_BY_ID, person=seat_id)
    if not found or found[0].chat_id is not None or not found[0].coaches:
        return None
    return replace(found[0], chat_id=sender.chat_id, user_id=sender.user_id)


def _invited(tx: sa.Connection, event: Event | None, now: datetime) -> Invite | None:
    if not isinstance(event, Started) or not event.code:
        return None
    return people.invite_of(tx, event.code, now)


def _about(tx: sa.Connection, sender: Sender | None, event: Event | None) -> int | None:
    if sender is None or not isinstance(event, Said | Sent) or event.reply_to is None:
        return None
    return outbox.owner_of_reply(tx, sender.chat_id, event.reply_to)


def _topic(tx: sa.Connection, sender: Sender | None, event: Event | None) -> Topic | None:
    if sender is None or not isinstance(event, Grouped) or event.message is None or event.topic is None:
        return None
    return topics.whose(tx, sender.chat_id, event.topic)


def _mine(tx: sa.Connection, me: Person, coaches: Sequence[Person], now: datetime) -> tuple[list[Person], list[int]]:
    """The athletes whom this coach has today, and of athletes the numbers behind whose coach they stand otherwise than
    as that coach's backup: the coach is away, or an athlete coaches too."""
    head = _is(me, answering.head(coaches, now))
    absent = [each.id for each in coaches if each.id != me.id and answering.away(each, now)]
    active = [each.id for each in coaches]
    found = people.read(tx, _ATHLETES, coaches=[me.id, *absent])
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
    theirs = people.read(tx, _ATHLETES, coaches=left) if left else ()
    orphans = [each for each in (*people.read(tx, _OF_NOBODY), *theirs) if each.runs and each.id not in there]
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
    covered = people.read(tx, BY_IDS, people=others) if others else ()
    return tuple(each for each in (*mine, *covered) if each.id != me.id)


def _by_id(known: Sequence[Person], id: int | None) -> Person | None:
    return next((each for each in known if each.id == id), None)


def _is(me: Person, other: Person | None) -> bool:
    return other is not None and other.id == me.id
