"""Work: claim it, load what is known, take the turn, save what follows, all in one transaction.

    handle_one(db, now, dice, bot, metrics, ...) -> bool      "there was work, come again at once"

Inbox rows go first, then a due one that is of no kind in `but`, which other loops take (storage.due). A crash
anywhere rolls back, and the rows are claimed again by whoever comes next. A turn that raises is rolled back as well;
the failure is then noted in a transaction of its own, and the row is tried again after a pause. A row that fails
`TRIES` times, or an update that cannot be read at all, is dead: it stops blocking, and a human gets it as it came in
(`Unread`), because "chest pain" may stand in it. A wakeup on which a promise hangs is never dead (NEVER_DEAD): it is
put off, longer each time, and all others go before it; a human hears once that it is stuck (STUCK).

Together. Most rows are taps and words of athletes, whose turns do not touch each other (see storage.outcomes). The
oldest row and those that follow it go in one commit, up to TOGETHER of them, as long as they are of this kind: a
statement and a commit cost more than a turn. The first one that is not ends it; next time that is the oldest, and
goes alone, so that nobody is overtaken. If the reading or the writing fails, all is rolled back and each goes alone:
what is poison dies by itself, and the others are handled, once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from bot.metrics import Metrics
from bot.updates import Unreadable, to_event
from dialogs import concerns, render, timing
from dialogs.events import Due, Event, Grouped, Moved, Said, Sender, Tapped, Unreachable, Unread
from dialogs.model import Json, Message, Outcome, Person, Snapshot, Wakeup
from dialogs.turn import take_turn
from storage import attention, due, inbox, outbox, outcomes, people, rights, snapshots, topics, training, weeks
from storage.db import Database, is_transient
from storage.outbox import Leased
from storage.outcomes import Turn
from storage.unread import Needed

log = logging.getLogger(__name__)

TRIES = 3
TOGETHER = 16  # turns in one commit: at two milliseconds each, what a page may have to wait for
PAUSE = timedelta(seconds=2)  # times the number of the try; a person's next message waits behind it
LONGEST_PAUSE = timedelta(minutes=5)
STUCK = 10  # tries of what is never dead, in about two minutes: by then it does not pass by itself
# Three errors within seconds (a statement that took too long, a disk that stuttered) must not end what nothing else
# would begin again.
RUNGS = ("page", "unreachable")  # an open escalation without a wakeup: a worry that is lost
NEVER_DEAD = (
    *RUNGS,
    "left",  # what a coach who has gone had taken would rest with nobody
    concerns.ASK,  # "I have it", and nobody asks any more what came of it
    "unsure",  # no answer counts as yes, and the page for it would never leave
    "unfinished",  # a pain that was half told, and nobody hears of it
    "guardian",  # the urgent words of a guardian are in no other row
    "transcript",  # nor are those that somebody has spoken
    "silence",  # an athlete goes quiet, and no coach is told
    "checkin",  # only its turn plans the next one: the athlete would never be asked again
    "list",  # only its turn plans the next one: this coach's list would never come again
)

# What an athlete's turn may leave behind and still go together with others. A turn with anything else goes alone, also
# with what an Outcome does not hold yet.
OWN = {"person", "records", "escalations", "messages", "wakeups", "cancel", "silenced"}
RARE = [one.name for one in fields(Outcome) if one.name not in OWN]

Dice = Callable[[], str]  # 64 fresh hexadecimal digits


def handle_one(
    db: Database,
    now: datetime,
    dice: Dice,
    bot: str,
    metrics: Metrics,
    but: Collection[str] = (),
    address: str | None = None,
) -> bool:
    """Handle the oldest update that is ready, with those that go together with it, else the oldest wakeup. False: there
    is nothing to do at `now`. `bot` and `address` are for links, see Snapshot.

    Raises only what `storage.db.is_transient` calls passing (locked, lost connection, Conflict): come again.
    """
    handled = _handle_updates(db, now, dice, bot, metrics, TOGETHER, address)
    return handled or _handle_due(db, now, dice, bot, metrics, but)


def _handle_updates(
    db: Database, now: datetime, dice: Dice, bot: str, metrics: Metrics, most: int, address: str | None
) -> bool:
    rows: list[inbox.Claimed] = []
    events: list[Event] = []
    alone = most == 1
    try:
        with db.begin() as tx:
            rows = inbox.claim_some(tx, now, most)
            if not rows:
                return False
            events, turns = _together(tx, rows, now, dice, bot, address) if not alone else ([], [])
            if turns:
                alone = len(turns) == 1
                _save(tx, turns, now)
            else:
                alone = True
                sender, event = _read(rows[0].raw)
                _turn(tx, rows[0].key, now, dice, bot, event, sender=sender, address=address)
                events = [event]
            inbox.done_all(tx, [row.id for row in rows[: len(events)]], now)
        for event in events:
            metrics.turned(event)
        return True
    except Exception as error:
        if not rows or (is_transient(error) and len(events) < 2):
            raise
        row, failure = rows[0], error
    if not alone:  # one of them, nobody knows which; alone also what passes is raised
        apart = len(events) or 1  # where the reading failed nobody knows how many: the others are read again
        log.warning("handle.apart error=%s rows=%d", type(failure).__name__, apart)
        for _ in range(apart):
            _handle_updates(db, now, dice, bot, metrics, 1, address)
        return True
    metrics.failed("handle", type(failure).__name__)
    dead = isinstance(failure, Unreadable) or row.attempts + 1 >= TRIES
    _note_failure(db, inbox.fail, row, failure, now, dead)
    if dead:
        _report(db, f"unread:{row.key}", now, dice, bot, sender=_sender(row.who), event=Unread(_words(row.raw)))
    return True


def _read(raw: str) -> tuple[Sender, Event]:
    """Raises Unreadable. Only that is dead at once: a ValueError out of a turn may be gone with the next try."""
    try:
        return to_event(json.loads(raw))
    except ValueError:
        raise Unreadable("no JSON") from None


def _together(
    tx: sa.Connection, rows: Sequence[inbox.Claimed], now: datetime, dice: Dice, bot: str, address: str | None
) -> tuple[list[Event], list[Turn]]:
    """The events and turns of the first rows, as many as go together (maybe none). Nothing is written."""
    heard: list[tuple[Sender, Event]] = []
    for row in rows:
        try:
            sender, event = _read(row.raw)
        except Exception:
            break
        if not sender.private or not isinstance(event, Tapped | Said) or getattr(event, "reply_to", None) is not None:
            break
        heard.append((sender, event))
    events: list[Event] = []
    turns: list[Turn] = []
    found = snapshots.load_athletes(tx, [sender for sender, _ in heard], now=now, dice=dice, bot=bot)
    found = [replace(known, address=address) for known in found]
    light = [_take_light(known, event, row.key) for known, (_, event), row in zip(found, heard, rows, strict=False)]
    # Who ends a check-in is looked at by the rules: what these want is read for all of them at once.
    wanting = [known for known, taken in zip(found, light, strict=True) if isinstance(taken, Needed) and taken.whose]
    read = iter(training.together(tx, wanting))
    for known, taken, (_, event), row in zip(found, light, heard, rows, strict=False):
        try:
            if isinstance(taken, Needed) and taken.whose:
                known = next(read)
            turn = taken if isinstance(taken, Turn) else _take_reading(tx, known, event, row.key)
        except Exception as error:
            if is_transient(error):
                raise
            break
        if any(getattr(turn.outcome, name) for name in RARE):
            break
        events.append(event)
        turns.append(turn)
    return events, turns


def _take_light(known: Snapshot, event: Event, cause: str) -> Turn | Needed | None:
    """The turn, if it can be taken with what was read; or what it wants."""
    try:
        return _take(known, event, cause)
    except Needed as needed:
        return needed
    except Exception:  # what is wrong is seen when it is taken again, in its order
        return None


def _take_reading(tx: sa.Connection, known: Snapshot, event: Event, cause: str) -> Turn:
    """Take the turn, and again with each thing it has looked for that was left unread. That ends: storage.unread."""
    while True:
        try:
            return _take(known, event, cause)
        except Needed as needed:
            known = snapshots.with_needed(tx, known, needed)


def _handle_due(db: Database, now: datetime, dice: Dice, bot: str, metrics: Metrics, but: Collection[str]) -> bool:
    row = None
    try:
        with db.begin() as tx:
            row = due.claim(tx, now, but)
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
        metrics.turned(event)
        return True
    except Exception as error:
        if row is None or is_transient(error):
            raise
        metrics.failed("handle", type(error).__name__)
        tries = row.attempts + 1
        dead = tries >= TRIES and row.kind not in NEVER_DEAD
        _note_failure(db, due.fail, row, error, now, dead)
    # Of a rung that is stuck its worry is with them already; a second one about it would only stand beside it.
    if dead or (tries == STUCK and row.kind in NEVER_DEAD and row.kind not in RUNGS):
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


def erase(db: Database, now: datetime, dice: Dice, bot: str, person_id: int) -> None:
    """The operator erases somebody: the same turn as their own /erase, so that everybody is told as then."""
    _by_operator("erase", db, now, dice, bot, person_id)


def leave(db: Database, now: datetime, dice: Dice, bot: str, person_id: int) -> None:
    """The operator ends somebody's work as a coach: the same turn as their own /leave."""
    _by_operator("leave", db, now, dice, bot, person_id)


def _by_operator(kind: str, db: Database, now: datetime, dice: Dice, bot: str, person_id: int) -> None:
    key = f"{kind}:{person_id}:{now:%Y%m%dT%H%M%S.%f}"
    with db.begin() as tx:
        _turn(tx, key, now, dice, bot, Due(kind, key), person_id=person_id)


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
    address: str | None = None,
) -> None:
    if isinstance(event, Moved) and sender is not None:
        topics.moved(tx, sender.chat_id, event.new_chat_id)
    if isinstance(event, Grouped | Tapped) and sender is not None and not sender.private:
        if isinstance(event, Grouped):
            topics.happened(tx, sender.chat_id, event, now)
        # In this commit, and not as a wakeup: what athletes have written since lies behind this update already.
        for coach, seen in topics.guests(tx, sender, event, bot):
            key = f"topic:{coach}:{cause}"
            _turn(tx, key, now, dice, bot, Due("topic", key, data=seen), person_id=coach)
    known = snapshots.load(tx, now=now, dice=dice(), bot=bot, sender=sender, person_id=person_id, event=event)
    known = replace(known, address=address)
    if isinstance(event, Due) and event.kind == "export" and known.person is not None:
        known = replace(known, everything=rights.everything(tx, known.person.id))
    if isinstance(event, Due) and event.kind == "replay" and known.person is not None:
        known = replace(known, histories=training.histories(tx, known))
    if isinstance(event, Due) and event.kind == "coachweek" and known.person is not None:
        known = replace(known, histories=weeks.histories(tx, known))
    if isinstance(event, Due) and event.kind == "clubweek":
        known = replace(known, club_week=weeks.club(tx, now))
    if isinstance(event, Due) and event.kind == "club":
        known = replace(known, club=attention.club(tx, now))
    if isinstance(event, Due) and event.kind == "drilled":
        known = replace(known, sendings=attention.sendings(tx, str(event.data["short"])))
    if isinstance(event, Due) and event.kind == "silence" and known.person is not None and event.day is not None:
        known = replace(known, sendings=attention.questions(tx, known.person.id, event.day))
    turn = _take_reading(tx, known, event, cause)
    gone = turn.outcome.erase
    counts = rights.erase(tx, gone.person_id, gone.receipt, now) if gone is not None else {}
    _save(tx, [turn], now)
    if gone is not None and gone.told is not None and (chat_id := gone.told.chat_id) is not None:
        told = replace(gone.told, data={**gone.told.data, "counts": counts})
        (receipt,) = render.payloads(told, _languages(known, turn.outcome.person).get(gone.person_id, "en"))
        outbox.put(tx, told, receipt, to_person=None, chat_id=chat_id, now=now, cause=cause)


def _take(known: Snapshot, event: Event, cause: str) -> Turn:
    """Take the turn and put its messages into words. Nothing but its result comes of it, so it may be done twice."""
    outcome = take_turn(known, event)
    language = _languages(known, outcome.person)
    payloads: list[tuple[Message, Mapping[str, Json]]] = [
        (message, payload)
        for message in outcome.messages
        for payload in render.payloads(
            message, language.get(message.to, known.sender.language if known.sender else "en")
        )
    ]
    return Turn(known, outcome, payloads, cause)


def _save(tx: sa.Connection, turns: Sequence[Turn], now: datetime) -> None:
    for turn, saved in zip(turns, outcomes.save_all(tx, turns, now), strict=True):
        for message in saved.unsent:
            log.warning("handle.unsent text=%s cause=%s", message.text, turn.cause)


def _languages(known: Snapshot, me: Person | None) -> dict[int | None, str]:
    everybody = (*known.athletes, *known.colleagues, *known.guardians, known.ward)
    everybody = (*everybody, known.coach, known.backup, known.person, me)
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
