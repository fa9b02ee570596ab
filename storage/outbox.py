"""What shall be said, and what became of it.

    put -> pending --lease--> leased --sent----> sent
              ^                 |  \\--unknown-> unknown     it may have arrived, and must not arrive twice
              |<-- retry, hold -+  \\--dead----> dead        it can never be delivered
              \\--> expired (met too late), superseded (a newer text for the same bubble), silenced (acked)

Sending lies outside any transaction, so that here, and here alone, rows are leased: the row says until when
its sender may be on the way. A lease that ran out means that the sender died somewhere between asking
Telegram and writing down the answer. The message may have arrived. If it may be said only `once`, the row
becomes "unknown" and is left; otherwise it leaves again, marked as a repeat. (The answer "accepted" cannot
be had twice from Telegram: there is no idempotency key.)

Who goes first: (lane, id), one message per chat at a time, so that a chat reads in the order it was written.
The functions that record a result take the transaction, so that a sender can record a batch in one commit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from dialogs.model import Json, Lane, Message, Person
from storage import bell, codec
from storage.schema import escalation, outbox, person, status_is, upsert

# Longer than any one call to Telegram may take with its timeouts, lest a slow sender be taken for dead.
LEASE_SECONDS = 60.0

LAST_LANE = max(Lane)


@dataclass(frozen=True, slots=True)
class Leased:
    """One message on its way, with all that sending needs.

    `recipient` is read only where the message is `quiet` (it may be their night), and None for strangers and groups.
    `message_id` is the Telegram message to edit (None: send anew). `repeat`: an earlier try may have arrived.
    `attempts` counts earlier tries. Do not send after `lease_until`.
    """

    id: int
    to_person: int | None
    chat_id: int
    lane: Lane
    key: str | None
    payload: Mapping[str, Json]
    bubble: str | None
    edit: bool
    answers: str | None
    toast: bool
    once: bool
    quiet: bool
    expires_at: datetime | None
    short: str | None
    about: int | None
    attempts: int
    repeat: bool
    created_at: datetime
    message_id: int | None
    lease_until: datetime
    recipient: Person | None


_pending = status_is(outbox, "pending")
_leased = status_is(outbox, "leased")
_now = sa.bindparam("now", type_=outbox.c.not_before.type)
_one = outbox.c.id == sa.bindparam("row_id")

_PUT = upsert(outbox).on_conflict_do_nothing(index_elements=["key"])

# A newer text for the bubble: older edits are void, and the message itself where it would leave after us.
_SUPERSEDE = (
    sa.update(outbox)
    .where(
        _pending,
        outbox.c.chat_id == sa.bindparam("chat"),
        outbox.c.bubble == sa.bindparam("of_bubble"),
        sa.or_(outbox.c.edit, outbox.c.lane > sa.bindparam("own_lane")),
    )
    .values(status="superseded")
)

_newer = outbox.alias("newer")
_STALE = (  # an edit that comes back from a failed try after a newer one was put: it would undo that one
    sa.update(outbox)
    .where(
        _pending,
        outbox.c.edit,
        outbox.c.attempts > 0,
        sa.exists().where(
            _newer.c.chat_id == outbox.c.chat_id,
            _newer.c.bubble == outbox.c.bubble,
            _newer.c.id > outbox.c.id,
            _newer.c.edit,
            sa.or_(*(status_is(_newer, status) for status in ("pending", "leased", "sent"))),
        ),
    )
    .values(status="superseded")
)

_STALE_ONE = _STALE.where(_one)

_LAPSE = (
    sa.update(outbox)
    .where(_leased, outbox.c.lease_until <= _now)
    .values(
        status=sa.case((outbox.c.once, "unknown"), else_="pending"),
        attempts=outbox.c.attempts + 1,
        repeat=sa.true(),
        lease_owner=None,
        lease_until=None,
    )
)

_other = outbox.alias("other")
_earlier = outbox.alias("earlier")
_shown = outbox.alias("shown")
_shown_id = (
    sa.select(_shown.c.message_id)
    .where(
        _shown.c.chat_id == outbox.c.chat_id,
        _shown.c.bubble == outbox.c.bubble,
        status_is(_shown, "sent"),
        _shown.c.bubble.is_not(None),
        _shown.c.message_id.is_not(None),
    )
    .order_by(_shown.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_CANDIDATES = (
    sa.select(
        *(
            outbox.c[name]
            for name in Leased.__dataclass_fields__
            if name not in ("message_id", "lease_until", "recipient")
        ),
        sa.case((outbox.c.edit, sa.func.coalesce(outbox.c.message_id_hint, _shown_id))).label("message_id"),
        person.c.facts,
        *(person.c[name].label(f"person_{name}") for name in sorted(codec.COLUMNS)),
    )
    .select_from(outbox.outerjoin(person, person.c.id == outbox.c.to_person))
    .where(
        _pending,
        outbox.c.not_before <= _now,
        outbox.c.lane <= sa.bindparam("max_lane"),
        outbox.c.chat_id.not_in(sa.bindparam("busy", expanding=True)),
        ~sa.exists().where(_other.c.chat_id == outbox.c.chat_id, status_is(_other, "leased")),
        ~sa.exists().where(
            _earlier.c.chat_id == outbox.c.chat_id,
            status_is(_earlier, "pending"),
            _earlier.c.not_before <= _now,
            sa.or_(
                _earlier.c.lane < outbox.c.lane,
                sa.and_(_earlier.c.lane == outbox.c.lane, _earlier.c.id < outbox.c.id),
            ),
        ),
    )
    .order_by(outbox.c.lane, outbox.c.id)
    .limit(sa.bindparam("most"))
    .with_for_update(of=outbox, skip_locked=True)
)
_rows = outbox.c.id.in_(sa.bindparam("ids", expanding=True))
_EXPIRE = sa.update(outbox).where(_rows).values(status="expired")
_LEASE = (
    sa.update(outbox)
    .where(_rows)
    .values(status="leased", lease_owner=sa.bindparam("owner"), lease_until=sa.bindparam("until"))
)

# Accepted is accepted, whoever writes it down: also after the lease has lapsed.
_SENT = (
    sa.update(outbox)
    .where(_one)
    .values(
        status="sent",
        sent_at=_now,
        message_id=sa.bindparam("telegram_id"),
        lease_owner=None,
        lease_until=None,
    )
)
# All other results count only while the row is leased: a sender that was stopped past its lease must not
# bring back a message which its successor has delivered.
_BACK = (
    sa.update(outbox)
    .where(_one, _leased)
    .values(
        status="pending",
        not_before=sa.bindparam("at"),
        attempts=outbox.c.attempts + sa.bindparam("tries"),
        error_class=sa.func.coalesce(sa.bindparam("error", type_=sa.Text()), outbox.c.error_class),
        repeat=sa.or_(outbox.c.repeat, sa.bindparam("maybe", type_=sa.Boolean())),
        lease_owner=None,
        lease_until=None,
    )
)
_END = (
    sa.update(outbox)
    .where(_one, _leased)
    .values(
        status=sa.bindparam("final"),
        error_class=sa.func.coalesce(sa.bindparam("error", type_=sa.Text()), outbox.c.error_class),
        sent_at=sa.bindparam("ended_at"),
        lease_owner=None,
        lease_until=None,
    )
)
_SILENCE = (
    sa.update(outbox)
    .where(
        _pending,
        outbox.c.short.in_(sa.bindparam("shorts", expanding=True)),
        # What the athlete must read (the number to call) is no page: an Ack does not take it away.
        ~sa.exists().where(escalation.c.short == outbox.c.short, escalation.c.athlete_id == outbox.c.to_person),
    )
    .values(status="silenced")
)
_REPLY = (
    sa.select(outbox.c.about)
    .where(
        outbox.c.chat_id == sa.bindparam("chat"),
        outbox.c.message_id == sa.bindparam("telegram_id"),
        outbox.c.message_id.is_not(None),
        outbox.c.about.is_not(None),
    )
    .order_by(outbox.c.id.desc())
    .limit(1)
)
_MOVE = (
    sa.update(outbox)
    .where(
        outbox.c.chat_id == sa.bindparam("old"),
        sa.or_(_pending, _leased),
    )
    .values(chat_id=sa.bindparam("new"))
)
_NEXT_PENDING = sa.select(sa.func.min(outbox.c.not_before)).where(_pending)
_NEXT_LEASED = sa.select(sa.func.min(outbox.c.lease_until)).where(_leased)
_SENDABLE = sa.select(sa.func.count()).where(_pending, outbox.c.not_before <= _now)


def put(
    tx: sa.Connection,
    message: Message,
    payload: Mapping[str, Json],
    *,
    to_person: int | None,
    chat_id: int,
    now: datetime,
    not_before: datetime | None = None,
    cause: str,
) -> None:
    """Put one message into the outbox; nothing happens if its key has been put before."""
    put_all(
        tx,
        [
            row(
                message,
                payload,
                to_person=to_person,
                chat_id=chat_id,
                now=now,
                not_before=not_before,
                cause=cause,
            )
        ],
    )


def row(
    message: Message,
    payload: Mapping[str, Json],
    *,
    to_person: int | None,
    chat_id: int,
    now: datetime,
    not_before: datetime | None = None,
    cause: str,
) -> dict[str, Any]:
    """The row of one message. `payload` is the final text and all else that only Telegram's client reads."""
    return {
        "to_person": to_person,
        "chat_id": chat_id,
        "lane": int(message.lane),
        "key": message.key,
        "payload": dict(payload),
        "bubble": message.bubble,
        "edit": message.edit,
        "message_id_hint": message.message_id,
        "answers": message.answers,
        "toast": message.toast,
        "once": message.once,
        "quiet": message.quiet,
        "not_before": not_before or now,
        "expires_at": message.expires_at,
        "short": message.short,
        "about": message.about,
        "cause": cause,
        "status": "pending",
        "attempts": 0,
        "repeat": message.repeat,
        "created_at": now,
    }


def put_all(tx: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put the messages of one turn, in their order; an edit voids unsent older edits of its bubble."""
    edits = [
        {"chat": row["chat_id"], "of_bubble": row["bubble"], "own_lane": row["lane"]}
        for row in rows
        if row["edit"] and row["bubble"] is not None and not row["toast"]
    ]
    if edits:
        tx.execute(_SUPERSEDE, edits)
    if rows:
        tx.execute(_PUT, list(rows))
        bell.ring(tx)


def lease(
    tx: sa.Connection,
    now: datetime,
    *,
    owner: str,
    limit: int,
    busy_chats: Collection[int] = (),
    max_lane: int | None = None,
    seconds: float = LEASE_SECONDS,
) -> list[Leased]:
    """The messages that may leave now, best first: at most `limit`, one per chat, none to a busy chat.

    Rows whose lease ran out are taken up again first (see the top), rows met after `expires_at` are expired.
    `max_lane` leaves later lanes where they are, to spare the token. The lease ends `seconds` after `now`.
    """
    if tx.execute(_LAPSE, {"now": now}).rowcount:
        tx.execute(_STALE)
    until = now + timedelta(seconds=seconds)
    found: list[Leased] = []
    while len(found) < limit:
        asked = limit - len(found)
        rows = (
            tx.execute(
                _CANDIDATES,
                {
                    "now": now,
                    "max_lane": LAST_LANE if max_lane is None else max_lane,
                    "busy": list(busy_chats),
                    "most": asked,
                },
            )
            .mappings()
            .all()
        )
        expired = [row["id"] for row in rows if row["expires_at"] is not None and row["expires_at"] <= now]
        ready = [_lease_of(row, until) for row in rows if row["id"] not in expired]
        if ready:
            tx.execute(_LEASE, {"ids": [each.id for each in ready], "owner": owner, "until": until})
            found += ready
        if not expired:
            break
        tx.execute(_EXPIRE, {"ids": expired})
    return sorted(found, key=lambda each: (each.lane, each.id))


def take_up(tx: sa.Connection) -> None:
    """All leases have ended: for whoever knows that all other senders are dead (storage.alone)."""
    if tx.execute(_LAPSE, {"now": datetime.max.replace(tzinfo=UTC)}).rowcount:
        tx.execute(_STALE)


def forget_message_ids(tx: sa.Connection) -> None:
    """Another bot goes on: in its chats these ids mean other messages, and to edit one would overwrite it."""
    tx.execute(sa.update(outbox).values(message_id=None, message_id_hint=None))


def _lease_of(row: sa.RowMapping, until: datetime) -> Leased:
    recipient = None
    if row["quiet"] and row["person_id"] is not None:
        recipient = codec.person_from(
            {"facts": row["facts"], **{name: row[f"person_{name}"] for name in codec.COLUMNS}}
        )
    own = {name: row[name] for name in Leased.__dataclass_fields__ if name not in ("lease_until", "recipient")}
    return Leased(**{**own, "lane": Lane(row["lane"])}, lease_until=until, recipient=recipient)


def sent(tx: sa.Connection, id: int, now: datetime, message_id: int | None) -> None:
    """Telegram has accepted it; `message_id` is its id there (None for a toast)."""
    sent_all(tx, {id: message_id}, now)


def sent_all(tx: sa.Connection, message_ids: Mapping[int, int | None], now: datetime) -> None:
    """Telegram has accepted them."""
    if message_ids:
        rows = [{"row_id": id, "now": now, "telegram_id": theirs} for id, theirs in message_ids.items()]
        tx.execute(_SENT, rows)


def retry(tx: sa.Connection, id: int, at: datetime, error_class: str, *, repeat: bool) -> None:
    """The try failed; again at `at`. `repeat`: it may have arrived all the same (an unknown outcome)."""
    tx.execute(_BACK, {"row_id": id, "at": at, "tries": 1, "error": error_class, "maybe": repeat})
    tx.execute(_STALE_ONE, {"row_id": id})


def hold(tx: sa.Connection, id: int, at: datetime) -> None:
    """Not now (quiet hours, a limit): back until `at`. It was not a try."""
    tx.execute(_BACK, {"row_id": id, "at": at, "tries": 0, "error": None, "maybe": False})


def dead(tx: sa.Connection, id: int, now: datetime, error_class: str) -> None:
    """It can never be delivered (blocked, refused). If it was a page, the next human must hear."""
    tx.execute(_END, {"row_id": id, "final": "dead", "error": error_class, "ended_at": None})


def unknown(tx: sa.Connection, id: int, now: datetime) -> None:
    """It may have arrived at `now`, and must not arrive twice: it is not tried again."""
    tx.execute(_END, {"row_id": id, "final": "unknown", "error": None, "ended_at": now})


def silence(tx: sa.Connection, shorts: Sequence[str]) -> int:
    """Pages of these escalations that have not left shall not leave any more; returns how many.

    Messages to the athlete of the escalation stay, and what is on its way arrives.
    """
    if not shorts:
        return 0
    return tx.execute(_SILENCE, {"shorts": list(shorts)}).rowcount


def owner_of_reply(tx: sa.Connection, chat_id: int, message_id: int) -> int | None:
    """The athlete of whom the message spoke that is answered here, if it was ours and spoke of one."""
    return tx.execute(_REPLY, {"chat": chat_id, "telegram_id": message_id}).scalar()


def migrate_chat(tx: sa.Connection, old: int, new: int) -> int:
    """A group has become a supergroup: what has not been sent goes to its new id. Returns how many."""
    return tx.execute(_MOVE, {"old": old, "new": new}).rowcount


def next_at(tx: sa.Connection) -> datetime | None:
    """When `lease` may next find something: a message's hour or a lease's end. None: nothing is unsent."""
    instants = (tx.execute(statement).scalar() for statement in (_NEXT_PENDING, _NEXT_LEASED))
    return min((instant for instant in instants if instant is not None), default=None)


def sendable(tx: sa.Connection, now: datetime) -> int:
    """How many messages could leave now if no limit held them."""
    return tx.execute(_SENDABLE, {"now": now}).scalar_one()
