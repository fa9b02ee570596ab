"""One row of work: claim it, load what is known, take the turn, save what follows, all in one transaction.

    handle_one(db, now, dice, bot) -> bool      "there was work, come again at once"

An inbox row goes first, then a due one. A crash anywhere rolls back, and the row is claimed again by whoever comes
next. A turn that raises is rolled back as well; the failure is then noted in a transaction of its own, and the row is
tried again after a pause. A row that fails `TRIES` times, or that cannot be read at all, is dead: it stops blocking,
and a human gets it as it came in (`Unread`), because "chest pain" may stand in it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.telegram import Unreadable, to_event
from dialogs import render, timing
from dialogs.events import Due, Event, Moved, Sender, Unreachable, Unread
from dialogs.model import Json, Message, Person, Snapshot, Wakeup
from dialogs.turn import take_turn
from storage import due, inbox, journal, outbox, people
from storage.db import Database, is_transient
from storage.outbox import Leased

log = logging.getLogger(__name__)

TRIES = 3
PAUSE = timedelta(seconds=2)  # times the number of the try; a person's next message waits behind it
LONGEST_PAUSE = timedelta(minutes=5)
NEVER_DEAD = ("page", "unreachable")
SAID_SINCE = timedelta(days=1)  # a coach's first list has no earlier one to go on from

Dice = Callable[[], str]  # 64 fresh hexadecimal digits


def handle_one(db: Database, now: datetime, dice: Dice, bot: str) -> bool:
    """Handle the oldest update that is ready, else the oldest wakeup. False: there is nothing to do at `now`.

    Raises only what `storage.db.is_transient` calls passing (locked, lost connection, Conflict): come again.
    """
    return _handle_update(db, now, dice, bot) or _handle_due(db, now, dice, bot)


def _handle_update(db: Database, now: datetime, dice: Dice, bot: str) -> bool:
    row = None
    try:
        with db.begin() as tx:
            row = inbox.claim(tx, now)
            if row is None:
                return False
            sender, event = to_event(json.loads(row.raw))
            _turn(tx, row.key, now, dice, bot, event, sender=sender)
            inbox.done(tx, row.id, now)
        return True
    except Exception as error:
        if row is None or is_transient(error):
            raise
        dead = isinstance(error, Unreadable | ValueError) or row.attempts + 1 >= TRIES
        _note_failure(db, inbox.fail, row, error, now, dead)
    if dead:
        _report(db, f"unread:{row.key}", now, dice, bot, sender=_sender(row.who), event=Unread(_words(row.raw)))
    return True


def _handle_due(db: Database, now: datetime, dice: Dice, bot: str) -> bool:
    row = None
    try:
        with db.begin() as tx:
            row = due.claim(tx, now)
            if row is None:
                return False
            event: Event
            if row.kind == "unreachable":
                event = Unreachable(int(row.data["recipient"]), str(row.data["short"]))
            else:
                late = timing.too_late(row.at, now)
                event = Due(row.kind, row.key, row.day, row.data, late)
            # Done before the turn: what the turn cancels or plans anew must not meet the row that it comes from.
            due.done(tx, row.id, now)
            _turn(tx, row.key, now, dice, bot, event, person_id=row.person_id)
        return True
    except Exception as error:
        if row is None or is_transient(error):
            raise
        # A rung of the ladder is never given up: an open escalation without a wakeup would be a worry that is lost.
        dead = row.attempts + 1 >= TRIES and row.kind not in NEVER_DEAD
        _note_failure(db, due.fail, row, error, now, dead)
    if dead:
        _report(db, f"unread:{row.key}", now, dice, bot, person_id=row.person_id, event=Unread(row.key))
    return True


def _note_failure(
    db: Database,
    fail: Callable[..., None],
    row: inbox.Claimed | due.ClaimedDue,
    error: Exception,
    now: datetime,
    dead: bool,
) -> None:
    """In a transaction of its own, after the turn's was rolled back: try again later, or never."""
    kind, tries = type(error).__name__, row.attempts + 1
    log.error("handle.failed error=%s key=%s try=%d", kind, row.key, tries)
    with db.begin() as tx:
        fail(tx, row.id, now, error_class=kind, retry_at=None if dead else now + min(PAUSE * tries, LONGEST_PAUSE))


def unreachable(tx: sa.Connection, row: Leased, now: datetime) -> None:
    """A message can never arrive. The recipient is marked; if it was a page, the next human hears now."""
    if row.to_person is not None:
        people.mark_unreachable(tx, row.to_person)
    if row.short is not None and row.about is not None and row.to_person is not None and row.to_person != row.about:
        data = {"recipient": row.to_person, "short": row.short}
        due.put(tx, row.about, Wakeup("unreachable", f"unreachable:{row.short}:{row.id}", now, data=data), now)


def _turn(
    tx: sa.Connection,
    cause: str,
    now: datetime,
    dice: Dice,
    bot: str,
    event: Event,
    *,
    sender: Sender | None = None,
    person_id: int | None = None,
) -> None:
    if isinstance(event, Moved) and sender is not None:
        outbox.migrate_chat(tx, sender.chat_id, event.new_chat_id)
    known = people.load(tx, now=now, dice=dice(), bot=bot, sender=sender, person_id=person_id, event=event)
    if isinstance(event, Due) and event.kind == "list" and known.person is not None:
        known = replace(known, said=journal.said_to(tx, known.person.id, now - SAID_SINCE))
    outcome = take_turn(known, event)
    language = _languages(known, outcome.person)
    payloads: list[tuple[Message, Mapping[str, Json]]] = [
        (message, payload)
        for message in outcome.messages
        for payload in render.payloads(
            message, language.get(message.to, known.sender.language if known.sender else "en")
        )
    ]
    saved = people.save(tx, known, outcome, payloads, cause, now)
    for message in saved.unsent:
        log.warning("handle.unsent text=%s cause=%s", message.text, cause)


def _languages(known: Snapshot, me: Person | None) -> dict[int | None, str]:
    everybody = (*known.athletes, *known.colleagues, known.coach, known.backup, known.person, me)
    return {one.id: one.language for one in everybody if one is not None}


def _report(
    db: Database,
    cause: str,
    now: datetime,
    dice: Dice,
    bot: str,
    *,
    event: Unread,
    sender: Sender | None = None,
    person_id: int | None = None,
) -> None:
    """Hand what could not be handled to a human. If even that fails it stays dead in the database, and `doctor`
    and the log say so; the loop goes on for everybody else."""
    try:
        with db.begin() as tx:
            _turn(tx, cause, now, dice, bot, event, sender=sender, person_id=person_id)
    except Exception as error:
        log.critical("handle.report_failed error=%s cause=%s", type(error).__name__, cause)


def _sender(who: str) -> Sender | None:
    """Whose dead letter it is, as far as the raw update tells: in private chats user and chat are one number."""
    number = int(who) if who.lstrip("-").isdecimal() else 0
    return Sender(number, number) if number > 0 else None


def _words(raw: str) -> str:
    """What a human should see of a dead letter: its text where there is one, else all of it."""
    try:
        update = json.loads(raw)
        body = next(one for name, one in update.items() if name != "update_id")
        words = body.get("text") or body.get("caption") or body.get("data")
    except Exception:
        return raw
    return str(words) if words else raw
