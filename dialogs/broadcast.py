"""A letter to all of a coach's own athletes: a preview first, then to each of them alone, under the coach's name.

It goes in the bulk lane, at most once, and never in an athlete's quiet hours. Who is on a pause, has blocked the bot or
has not joined yet does not get it, and is named before it leaves. What an athlete answers goes to the coach as after
any letter: to each it is one.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dialogs import answering, engine, minors
from dialogs.draft import Draft
from dialogs.lists import unasked_why
from dialogs.model import Json, Lane, Person, Talk
from dialogs.render import units
from dialogs.scripts.cover import SEND

LONGEST = 3000  # of the words, as Telegram counts; preview and letter have to fit into one message each
LIVES = timedelta(hours=1)  # a preview that was left and forgotten
EXPIRES = timedelta(days=2)  # "tomorrow at six" shall not arrive after a week of outage


def write(draft: Draft, rest: str) -> None:
    """/broadcast WORDS: how it looks, and to whom it goes."""
    words = rest.strip()
    own = _own(draft)
    if not words or not own:
        draft.say("broadcast.how", {"any": bool(own)})
        return
    if units(words) > LONGEST:
        draft.say("broadcast.too_long", {"most": LONGEST})
        return
    if not _reached(draft):
        draft.say("broadcast.nobody", _facts(draft, words))
        return
    draft.ask(draft.open("broadcast", {"words": words}).talk, anew=True)
    last = draft.messages[-1]  # who does not get it is not kept with the talk: it names athletes
    draft.messages[-1] = replace(last, data={**last.data, **_facts(draft, words)})


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """Send it, or not. To whom is looked at again: somebody may have gone on a pause since the preview."""
    draft.close(talk.script)
    if step.ended != SEND:
        draft.say("broadcast.cancelled", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    if draft.now - talk.opened_at > LIVES:
        draft.say("broadcast.too_old", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    words = str(talk.slots["words"])
    for one in _reached(draft):
        draft.record("words", "coach_wrote", draft.person.name, words, about=one)
        draft.say(
            "broadcast.letter",
            {"coach": draft.person.name, "words": words},
            to=one,
            lane=Lane.BULK,
            once=True,
            quiet=True,
            about=one.id,
            key=f"broadcast:{draft.person.id}:{talk.turn}:{one.id}",
            expires_at=draft.now + EXPIRES,
        )
    draft.say("broadcast.sent", _facts(draft, words), edit=draft.tapped is not None, bubble=talk.bubble)


def _own(draft: Draft) -> list[Person]:
    return sorted(answering.own(draft.known, draft.person), key=lambda one: one.name.casefold())


def _reached(draft: Draft) -> list[Person]:
    return [one for one in _own(draft) if _why_not(draft, one) is None]


def _why_not(draft: Draft, athlete: Person) -> str | None:
    why = unasked_why(athlete, draft.today)
    return why or ("alone" if minors.why_not(draft.known, athlete) is not None else None)


def _facts(draft: Draft, words: str) -> dict[str, Json]:
    left_out = [(one.name, why) for one in _own(draft) if (why := _why_not(draft, one)) is not None]
    return {
        "letter": words,
        "count": len(_reached(draft)),
        "left_out": [{"name": name, "why": why} for name, why in left_out],
    }
