"""What Telegram's menu of commands lists, by role. The descriptions are texts: `menu.<command>`.

The menu that everybody sees is set once, at the start (bot.start): a stranger sees an athlete's. A coach's own chat
gets another one with a message (`Message.menu`): when they begin to coach, on each morning list, and with /help. So it
needs no list of who has got it, and heals by itself.
"""

from __future__ import annotations

from dialogs.model import Person

ATHLETE = (
    "checkin", "plan", "done", "coach", "move", "busy", "ill", "injured", "away", "slower", "pause", "resume", "me",
    "health", "week", "calendar", "settings", "language", "hour", "zone", "daysoff", "weekday", "help",
    "privacy", "export", "erase",
)  # fmt: skip
COACH = (
    "today", "queue", "athlete", "write", "note", "concern", "quiet", "find", "roster", "plan", "lay", "athletes",
    "rules", "link", "unlink", "broadcast", "attention", "hours", "holiday", "handover", "backup", "invite",
    "move_athlete", "club", "drill", "leave", "week", "settings", "language", "hour", "zone", "weekday",
    "help", "privacy", "export", "erase",
)  # fmt: skip
GUARDIAN = ("help", "adult", "stop", "language", "privacy", "export", "erase")


def own(person: Person) -> tuple[str, ...]:
    """The commands that a coach's own menu lists, first those of a coach, or a guardian's. Empty: they see the one of
    everybody."""
    if person.ward_id is not None:
        return GUARDIAN
    return tuple(dict.fromkeys((*COACH, *(ATHLETE if person.runs else ())))) if person.coaches else ()
