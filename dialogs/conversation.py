"""While a coach and an athlete write to each other, the bot is quiet.

For QUIET after the coach's last words what the athlete writes goes on to the coach without a word from us, and a
check-in waits. What must be heard at once (hearing, escalation) is heard and answered as always: only politeness stops.

Who was met with silence is told when it ends, once: a wakeup that reads the journal again, and waits on where the coach
has written meanwhile. A check-in that has waited needs no such word: it is one.
"""

from __future__ import annotations

from datetime import timedelta

from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.model import Lane, Record

QUIET = timedelta(minutes=10)
AFTER = "+"  # in the key of a check-in that waits: behind the key under which it rang first


def hush(draft: Draft) -> bool:
    """Whether an answer of ours would be in the way; then it is planned to say later that we are back."""
    letter = _last(draft)
    if letter is None or draft.now >= letter.at + QUIET:
        return False
    _plan(draft, letter)
    return True


def put_off(draft: Draft, event: Due) -> bool:
    """A check-in whose hour falls into a conversation comes when it is over. False: it may come now."""
    letter = _last(draft)
    if letter is None or event.late or draft.now >= (until := letter.at + QUIET):
        return False
    draft.wake(event.kind, f"{event.key.partition(AFTER)[0]}{AFTER}{until:%H%M%S}", until, event.day, **event.data)
    return True


def over(draft: Draft, event: Due) -> None:
    """The time of quiet may have ended."""
    letter = _last(draft)
    if letter is None or not draft.person.reachable or event.late:
        return
    if draft.now < letter.at + QUIET:
        _plan(draft, letter)
        return
    draft.say("topics.back", {"writer": letter.value}, lane=Lane.PROMPT, once=True, quiet=True)


def _plan(draft: Draft, letter: Record) -> None:
    key = f"talk:{draft.person.id}:{letter.at:%Y%m%dT%H%M%S}"
    draft.wake("talk", key, letter.at + QUIET)


def _last(draft: Draft) -> Record | None:
    return next((one for one in reversed(draft.known.records) if one.name == "coach_wrote"), None)
