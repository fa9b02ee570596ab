"""The rights of the people in it: to have all that is kept of them, and to have it erased.

    /export   a wakeup for now; when it rings the snapshot holds `everything`, and two files leave: one to read, one to
              work with. The wakeup's key carries the minute, so there is at most one export in each.
    /erase    what goes and what stays, a question, then `Outcome.erase`: the shell deletes in the same commit, and the
              receipt is the last thing that the chat gets. Nothing of the erased is saved by the turn that erases.

A human looks first where something of an athlete is not closed: somebody who has just written of chest pain must not
vanish from the coach's sight by a button. The wish is kept (`Person.erase_asked`), check-ins rest, and the coach is
asked: by a message, on each morning list, and when something is closed. With nothing open the athlete's own /erase
works, so that no coach can hold somebody back for ever.

A coach hands over: what is open first, then the athletes, to the head coach, and both are told. What they have taken
and not closed, also as the backup of others, storage.rights hands back as /leave does: it is opened again for whoever
answers for the athlete (`passing`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any

from dialogs import answering, checkin, engine, escalation, joining, render, timing
from dialogs.draft import Draft, Rows, spelled
from dialogs.events import Due
from dialogs.model import Button, Document, Erase, Escalation, Json, Lane, Message, Person, Talk
from dialogs.scripts.checkin import ITEMS
from dialogs.scripts.erase import KEEP_IT

MOST_BYTES = 45_000_000  # of one file; Telegram takes 50 MB from a bot (Bot API, sendDocument)
KEY = "erased:"  # begins the key of whatever is said because of an erasure; storage.rights lets that leave
_LEFT_OPEN: dict[str, Json] = dict.fromkeys(("minutes", "km", "descent", "effort", "text", "form", "held"))
_RECEIPT = 10  # signs of 5 bits


# --- export -------------------------------------------------------------------------------------------------------


def export(draft: Draft, rest: str) -> None:
    """/export: the files come by themselves, as soon as the messages that are more urgent have left."""
    draft.wake("export", f"export:{draft.person.id}:{draft.now:%Y%m%d%H%M}", draft.now)
    draft.say("rights.export_begun")


def exported(draft: Draft, event: Due) -> None:
    """Sent at least once: whoever asks for it shall have it, late and even twice."""
    if draft.known.everything is None:
        return
    draft.record("event", "exported")
    page, data = documents(draft.known.everything, draft.now, draft.person.language)
    for text, one in (("rights.export_page", page), ("rights.export_data", data)):
        if len(one.content.encode("utf-8", "backslashreplace")) > MOST_BYTES:
            draft.say("rights.export_too_big", {"file": one.name})
        else:
            draft.say(text, document=one, key=f"{event.key}:{one.name}", lane=Lane.BULK)


def documents(everything: Mapping[str, Json], now: datetime, language: str = "en") -> tuple[Document, Document]:
    """The page to read and the file to work with, from what `storage.rights.everything` has found."""
    zone = everything["person"]["facts"].get("zone", "UTC")
    day = timing.local_date(zone, now).isoformat()
    view = _view(everything, zone) | {"day": day, "at": f"{timing.local(zone, now):%H:%M}", "zone": zone}
    whole = {"made_at": now.isoformat(), "made_by": "Aid Station", **everything}
    return (
        Document(f"aidstation-{day}.html", render.text(language, "export.page", view)),
        Document(f"aidstation-{day}.json", json.dumps(whole, ensure_ascii=False)),
    )


def _view(everything: Mapping[str, Json], zone: str) -> dict[str, Json]:
    """The same facts as they stand on the page: in the reader's own time, by day, answers of a minute in one line."""

    def local(instant: str | None) -> dict[str, str] | None:
        if instant is None:
            return None
        there = timing.local(zone, datetime.fromisoformat(instant))
        return {"day": f"{there:%Y-%m-%d}", "time": f"{there:%H:%M}"}

    def dated(rows: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
        return [row | {name: local(row[name]) for name in names} for row in rows]

    person = everything["person"]
    journal = [row | {"value": _shown(row["kind"], row["value"])} for row in dated(everything["journal"], "at")]
    days = [
        {"day": day, "lines": [_line(list(rows)) for _, rows in groupby(group, key=_answers_of_a_minute)]}
        for day, group in groupby(journal, key=lambda row: row["day"])
    ]
    return {
        "person": person | {"joined_at": local(person["joined_at"]), "facts": _facts(person["facts"], local)},
        "days": days,
        "escalations": dated(everything["escalation"], "raised_at", "acked_at", "closed_at"),
        "sessions": sorted(
            (row | {"facts": _LEFT_OPEN | row["facts"]} for row in everything["session"] if row["until"] is None),
            key=lambda row: row["day"],
        ),
        "changes": dated(everything["version"], "at"),
        "proposals": dated(everything["proposal"], "raised_at", "decided_at"),
        "rules": dated(everything["setting"], "at"),
        "feeds": dated(everything["feed"], "created_at", "revoked_at"),
        "sent": [
            row | {"text": render.plain(row["payload"]["text"])}
            for row in dated(everything["outbox"], "created_at")
            if row["payload"].get("text")
        ],
        "planned": dated([row for row in everything["due"] if row["finished_at"] is None], "at"),
        "incoming": dated(everything["inbox"], "received_at"),
        "invited": dated(everything["invite"], "created_at", "used_at"),
        "letters": dated(everything["letters"], "at"),
        "taken": dated(everything["taken"], "acked_at", "closed_at"),
    }


def _facts(facts: Mapping[str, Json], local: Callable[[str | None], Json]) -> dict[str, Json]:
    """Settings for the eye: hours without seconds, instants in local time, of an open question what was answered."""
    shown = dict(facts)
    for name in ("ask_at", "quiet_from", "quiet_to"):
        shown[name] = str(facts[name])[:5] if facts.get(name) else None
    for name in ("consent_at", "erase_asked"):
        at = local(facts.get(name))
        shown[name] = f"{at['day']} {at['time']}" if at else None
    talks = [
        " ".join([talk["script"], *(f"{name}: {one}" for name, one in talk["slots"].items())])
        for talk in facts.get("talks") or ()
    ]
    return shown | {"talks": "; ".join(talks)}


def _answers_of_a_minute(row: Mapping[str, Json]) -> object:
    """Equal for neighbours that make one line."""
    return (row["at"]["time"], row["by"]) if row["kind"] == "answer" else id(row)


def _line(rows: list[dict[str, Any]]) -> dict[str, Any]:
    first = rows[0]
    if first["kind"] != "answer":
        return first
    return first | {"answers": [(row["name"], row["value"], row["name"] in ITEMS) for row in rows]}


def _shown(kind: str, value: Json) -> str:
    """A value for the eye; the file for programs has all of it. Steps name their escalation by its short id."""
    if isinstance(value, Mapping):
        short = value.get("short")
        return f"#{short}" if short else ", ".join(f"{name} {one}" for name, one in value.items())
    if value is None or value == "":
        return ""
    return f"#{value}" if kind == "step" else str(value)


# --- erase --------------------------------------------------------------------------------------------------------


def ask(draft: Draft, rest: str) -> None:
    """/erase: what goes and what stays, then the question; or why not, and what to do."""
    if _hindered(draft):
        return
    waiting = _not_closed(draft, draft.person)
    if draft.person.erase_asked is not None and waiting:
        buttons = ((Button("button.ask_again", "wish:again"), Button("button.take_back", "wish:back")),)
        draft.say("rights.standing", buttons=buttons)
        return
    heir = _heir(draft)
    facts = {
        "runs": draft.person.runs,
        "coaches": draft.person.coaches,
        "athletes": len(_own(draft)),
        "heir": heir.name if heir else None,
        "waiting": bool(waiting),
    }
    draft.say("rights.explain", facts)
    draft.ask(draft.open("erase").talk, anew=True)


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """Yes or no. What may have changed since the question is looked at again."""
    draft.close(talk.script)
    if draft.tapped is None:
        draft.strip(talk)
    if KEEP_IT in (step.ended, step.answers.get("sure")):
        draft.say("rights.kept", edit=draft.tapped is not None, bubble=talk.bubble)
    elif not _hindered(draft):
        if waiting := _not_closed(draft, draft.person):
            _wish(draft, waiting)
        else:
            erase(draft)


def erase(draft: Draft) -> None:
    """Everything about this turn's person goes now. Whoever answers for others, or is answered for, is replaced and
    told; the words to them are the last that name the erased, and are deleted once they have been sent."""
    me, receipt = draft.person, receipt_of(draft)
    told: dict[str, Any] = {"about": me.id, "quiet": True}
    if me.coaches and (heir := _heir(draft)) is not None and (own := _own(draft)):
        for one in own:
            facts = {"old": me.name, "new": heir.name, "you": one.id == heir.id}
            key = f"{KEY}{receipt}:athlete:{one.id}"
            draft.say("rights.new_coach", facts, to=one, key=key, lane=Lane.BULK, **told)
        names = sorted((one.name for one in own if one.id != heir.id), key=str.casefold)
        facts = {"colleague": me.name, "athletes": names}
        draft.say("rights.inherited", facts, to=heir, key=f"{KEY}{receipt}:heir", **told)
    coach = next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)
    if me.runs and coach is not None:
        draft.say("rights.gone", {"athlete": me.name}, to=coach, key=f"{KEY}{receipt}:coach", **told)
    if draft.tapped is not None and me.chat_id is not None:  # addressed to the chat: the person is nobody by then
        id, query = draft.tapped.message_id, draft.tapped.query_id
        draft.messages.append(
            Message(None, "", chat_id=me.chat_id, strip=True, edit=True, message_id=id, answers=query)
        )
    draft.erase = Erase(me.id, receipt, _told(draft, me, receipt))


def go(draft: Draft, whom: Person, text: str, facts: Mapping[str, Json]) -> None:
    """Everything about this person goes with this turn, and `text` is the last word, to their chat: by then they are
    nobody. (Of a guardian, or of somebody too young for this club.)"""
    receipt = receipt_of(draft)
    if draft.tapped is not None and whom.id == draft.person.id:
        id, query = draft.tapped.message_id, draft.tapped.query_id
        draft.messages.append(
            Message(None, "", chat_id=whom.chat_id, strip=True, edit=True, message_id=id, answers=query)
        )
    coach = draft.known.coach.name if draft.known.coach else None
    told = Message(None, text, {"coach": coach, **facts}, chat_id=whom.chat_id, key=f"{KEY}{receipt}")
    draft.erase = Erase(whom.id, receipt, told if whom.chat_id is not None else None)


def decide(draft: Draft, id: str) -> None:
    """ "Erase now": the coach has looked. Only for an athlete whom they answer for, and who wishes it still."""
    athlete = draft.by_number(id)
    if athlete is None or athlete.erase_asked is None or not _answers_for(draft, athlete):
        draft.toast("shared.question_closed")
        return
    if athlete.coaches:  # others are theirs, whom this turn does not know: they hand over by their own /erase
        draft.say("rights.coaches_too", {"athlete": athlete.name} | _open_ones(_not_closed(draft, athlete)))
        return
    receipt = receipt_of(draft)
    if (talk := draft.talk("relay")) is not None and talk.slots["athlete"] == athlete.id:
        draft.close("relay")
    draft.erase = Erase(athlete.id, receipt, _told(draft, athlete, receipt))
    facts = {"athlete": athlete.name, "receipt": _spoken(receipt)}
    key = f"{KEY}{receipt}:coach"
    draft.say("rights.erased", facts, about=athlete.id, key=key, edit=draft.tapped is not None)


def _told(draft: Draft, whom: Person, receipt: str) -> Message | None:
    """The receipt. It names nobody: it is the one thing here that outlives the person by a day."""
    if whom.chat_id is None:
        return None
    there = timing.local(whom.zone, draft.now)
    facts = {"receipt": _spoken(receipt), "day": f"{there:%Y-%m-%d}", "at": f"{there:%H:%M}"}
    return Message(None, "rights.receipt", facts, chat_id=whom.chat_id, key=f"{KEY}{receipt}")


def receipt_of(draft: Draft) -> str:
    """Ten signs that name one erasure."""
    number = int(draft.known.dice[16:29], 16)
    return spelled(number, _RECEIPT)


def _spoken(receipt: str) -> str:
    return f"{receipt[:5]}-{receipt[5:]}"


# --- a coach who leaves -------------------------------------------------------------------------------------------


def _hindered(draft: Draft) -> bool:
    """A coach who cannot go yet is told why and what to do."""
    me = draft.person
    if not me.coaches:
        return False
    own = _own(draft)
    theirs = {one.id for one in own}
    mine = [
        one
        for one in draft.escalations()
        if one.closed_at is None and one.athlete_id in theirs and (one.open or one.owner_id == me.id)
    ]
    if own and _heir(draft) is None:
        draft.say("rights.last_coach", {"athletes": len(own)})
        return True
    if mine:
        draft.say("rights.hand_over", _open_ones(mine))
        return True
    return False


def _own(draft: Draft) -> list[Person]:
    return [one for one in draft.known.athletes if one.coach_id == draft.person.id]


def _heir(draft: Draft) -> Person | None:
    """The head coach among those who stay; storage.rights gives the athletes to the same one."""
    return next(iter(draft.known.colleagues), None)


# --- a wish that waits for a human --------------------------------------------------------------------------------


def _wish(draft: Draft, waiting: list[Escalation]) -> None:
    draft.change(erase_asked=draft.now)
    draft.record("event", "erase_asked")
    checkin.plan_next(draft)
    coach = _ask_coach(draft, waiting)
    buttons = ((Button("button.take_back", "wish:back"),),)
    draft.say("rights.wished", {"decides": coach.name if coach else None}, buttons=buttons)


def _ask_coach(draft: Draft, waiting: list[Escalation]) -> Person | None:
    coach = next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)
    if coach is not None:
        key = f"wish:{draft.person.id}:{draft.now:%Y%m%d%H}"  # who presses "ask again" ten times rings once an hour
        facts = {"athlete": draft.person.name} | _open_ones(waiting)
        draft.say(
            "rights.coach_asked", facts, to=coach, buttons=_choice(draft.person), about=draft.person.id, quiet=True,
            key=key,
        )  # fmt: skip
    return coach


def wish(draft: Draft, what: str) -> None:
    """The buttons under a wish that stands: ask the coach again, or take it back."""
    if draft.person.erase_asked is None or what not in ("again", "back"):
        draft.toast("shared.question_closed")
        return
    if what == "again":
        coach = _ask_coach(draft, _not_closed(draft, draft.person))
        draft.say("rights.asked_again", {"decides": coach.name if coach else None})
        return
    draft.change(erase_asked=None)
    draft.record("event", "erase_taken_back")
    checkin.plan_next(draft)
    draft.say("rights.taken_back", joining.facts(draft), edit=draft.tapped is not None)
    if coach := next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None):
        facts = {"athlete": draft.person.name}
        draft.say("rights.wish_gone", facts, to=coach, about=draft.person.id, quiet=True)


def wishes(draft: Draft) -> list[Person]:
    """The athletes of this coach who want to be erased, and wait for a human."""
    return [one for one in draft.known.athletes if one.erase_asked is not None and _answers_for(draft, one)]


def remind(draft: Draft, athlete: Person, **fields: Any) -> None:
    """On the morning list, and after something was closed: the wish, with its buttons."""
    facts = {"athlete": athlete.name} | _open_ones(_not_closed(draft, athlete))
    draft.say("rights.coach_asked", facts, buttons=_choice(athlete), about=athlete.id, **fields)


def closed(draft: Draft, athlete_id: int) -> None:
    """This coach has just closed something of an athlete. If they wish to go, ask again; when it was the last thing,
    tell them that nothing is in the way any more."""
    athlete = draft.athlete(athlete_id)
    if athlete is None or athlete.erase_asked is None:
        return
    if _answers_for(draft, athlete):
        remind(draft, athlete)
    if not _not_closed(draft, athlete):
        draft.say("rights.free", {"decider": draft.person.name}, to=athlete, about=athlete.id)


def _answers_for(draft: Draft, athlete: Person) -> bool:
    """Their own coach does; somebody else only where that one cannot be reached."""
    coach = next((one for one in draft.known.colleagues if one.id == athlete.coach_id), None)
    return coach is None or not coach.reachable or answering.is_mine(draft.known, draft.person, athlete)


def _not_closed(draft: Draft, athlete: Person) -> list[Escalation]:
    return [one for one in draft.escalations() if one.athlete_id == athlete.id and one.closed_at is None]


def _open_ones(waiting: list[Escalation]) -> dict[str, Json]:
    return {"waiting": [one.short for one in waiting]}


def _choice(athlete: Person) -> Rows:
    return ((Button("button.erase_now", f"erase:{athlete.id}"), Button("button.write", f"write:{athlete.id}")),)
