"""An athlete's plan in the calendar on their phone: `/calendar` gives an address, and what stands there.

    /calendar        a new address, shown this once; the one before is dead at once
    /calendar off    no address any more

The address holds a code of 128 bits out of the turn's dice, as an invitation does; only its hash is stored. Whoever has
it reads the plan and nothing else: what is planned, how hard it is meant to be, what its planner wrote, and where it is
eased and waits for the coach. No word of the athlete, no pain, and nobody's name.

Phones look by themselves. The calendar asks them to come each minute; most come when they like, and some once a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from dialogs import plan_ics, render
from dialogs.draft import Draft
from dialogs.model import Person, Session

OFF = (
    "off", "stop", "end", "delete", "revoke", "none", "fuera", "parar", "anular", "fin", "arrêter", "aucun", "aus",
    "beenden", "löschen", "keine",
)  # fmt: skip
BACK = timedelta(days=28)  # so far the calendar looks back: what was planned is still there when the week is reviewed


def calendar(draft: Draft, rest: str) -> None:
    """A new address, or none any more."""
    wish = rest.casefold().strip(" .!")
    address = draft.known.address
    if wish in OFF:
        draft.feed = ""
        draft.say("calendar.off")
    elif wish:
        draft.say("calendar.how")
    elif address is None:
        draft.say("calendar.no_address")
    else:
        code = draft.known.dice[32:64]
        draft.feed = code
        # Under a key of its own, by which the sent message is soon deleted (storage.keeping): the code stands in it.
        key = f"calendar:{draft.known.dice[:16]}"
        draft.say("calendar.link", {"link": f"{address}/calendar/{code}.ics"}, key=key)


def written(sessions: Iterable[Session], owner: Person, now: datetime) -> str:
    """The calendar itself, as iCalendar, in the owner's language. Its events keep their ids, so that a phone sees a
    session that was moved as moved; whose they are cannot be told from them."""
    shown = [replace(one, text=_about(one, owner.language)) for one in sessions]
    name = render.label(owner.language, "calendar.name", {})
    whose = f"athlete-{owner.id}"  # one phone may show the plans of two athletes, who both run on the same day
    return plan_ics.write(shown, name=name, zone=owner.zone, now=now, whose=whose, language=owner.language)


def _about(session: Session, language: str) -> str:
    facts = {"held": session.held is not None, "effort": session.effort, "words": session.text}
    return render.plain(render.text(language, "calendar.about", facts))
