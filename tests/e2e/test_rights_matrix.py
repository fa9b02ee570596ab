"""Who may what: every action x everybody x own, foreign, old and forged ids, on the real inbox and database.

The actions come from the program's own tables, so a new one is in the matrix by itself, and fails until the oracle here
says whose it is. The oracle is written by hand (here, and OWN and COVER of the club); it never asks the program.

A refused cell changes nothing but what its own actor's update needs, and reads to the actor like the same action on
something that was never there. And in every cell, allowed or not: only the actor and who is entitled get anything, only
rows of the actor and of whom the actor answers for have changed, and no word of an athlete reaches another coach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args

import pytest

from bot.telegram import to_event
from dialogs import commands, engine, events
from dialogs.engine import OFFERS
from dialogs.model import Talk
from dialogs.scripts import SCRIPTS
from storage.db import open_db
from tests.e2e import rights_club as club_of
from tests.e2e.rights_club import (
    COVER,
    NOW,
    OWN,
    STRANGER,
    TURN,
    WORRIES,
    Club,
    Played,
    answers_for,
    message,
    says,
    taps,
)

ACTORS = {
    "a stranger": STRANGER,
    "invited, has not agreed": "ivo",
    "an athlete": "ann",
    "another coach's athlete": "cara",
    "an athlete who has blocked the bot": "ben",
    "the own coach": "kim",
    "the backup coach": "bo",
    "the head coach, backup of others": "hal",
    "a coach of others": "dana",
    "a coach of nobody": "eve",
    "a coach who runs": "rae",
    "a former coach": "fay",
}

# --- the oracle -----------------------------------------------------------------------------------------------------

RUNS = {"ann", "cara", "ben", "rae"}
COACHES = {"kim", "bo", "hal", "dana", "eve", "rae"}
SETTLED = RUNS | COACHES
MEMBERS = SETTLED | {"ivo"}

COMMANDS = {
    "checkin": RUNS, "session": RUNS, "coach": RUNS, "pause": RUNS, "resume": RUNS, "daysoff": RUNS,
    "calendar": RUNS, "hour": SETTLED, "zone": SETTLED,
    "settings": MEMBERS, "help": MEMBERS, "privacy": MEMBERS, "export": MEMBERS, "erase": MEMBERS,
    "invite": COACHES, "queue": COACHES, "athletes": COACHES, "backup": COACHES,
}  # fmt: skip
DO = dict.fromkeys(("checkin", "change", "session", "coach", "pain", "right", "correct"), RUNS)
WISHES = dict.fromkeys(commands.WISHES, RUNS)  # plain words are wishes of an athlete only
WISHES_KNOWN = {
    "i need my coach", "i need the coach", "need my coach", "need coach", "call my coach", "coach", "check in",
    "checkin", "pause", "resume", "settings", "help",
}  # fmt: skip
TAPS = {"urgent", "can_wait", "do", "wish"}
COACH_TAPS = {"ack", "close", "write", "erase", "useful", "useless"}
HOLDS = {  # whose conversation it can be
    "morning": {"ann", "rae"}, "session": {"ann", "rae"}, "pain": {"ann", "rae"}, "days_off": {"ann"}, "pause": {"ann"},
    "onboarding": {"ivo"}, "coach_onboarding": {"kim"}, "hour": {"ann", "kim"}, "zone": {"ann", "kim"},
    "relay": {"kim"}, "erase": {"ann", "kim", "rae", "eve", "ivo"}, "sure": {"ann"}, "correct": {"ann"},
}  # fmt: skip


def may_take(actor: str, short: str) -> str | None:
    """Whose worry this coach may take or close."""
    athlete, _, _, closed = WORRIES.get(short, ("", None, None, True))
    return athlete if not closed and actor in COACHES and actor in answers_for(athlete) else None


def may_write(club: Club, actor: str, id: str) -> str | None:
    """To whom this coach may write."""
    athlete = {str(club.people[name].id): name for name in OWN}.get(id)
    return athlete if athlete and actor in COACHES and actor in answers_for(athlete) else None


def may_erase(club: Club, actor: str, id: str) -> str | None:
    """Whose wish to be erased this coach may fulfil: an own athlete's, or one's whose coach is no coach any more."""
    athlete = {str(club.people[name].id): name for name in club_of.WISHES_TO_GO}.get(id)
    return athlete if athlete and actor in (OWN[athlete] or COVER[athlete]) else None


# --- cells ----------------------------------------------------------------------------------------------------------

FORGED = [
    "", "A" * 64, "-1", "9" * 17, "9" * 40, "None", "' OR 1=1 --", "../../etc/passwd", "{0}%s",
    "ANN22\x00", "ann22", " ANN22", "ANN22:CARA2", "ÄNN22", "\u202eANN22", "🦊",
]  # fmt: skip
FORGERS = {STRANGER, "ivo", "ann", "kim", "hal", "rae"}  # one of each role tries all of them
TOGETHER = ("ann", "cara", "ben", "ivo")
NEVER = "ZZZZZ"
SAMPLES = ("7", "7:30", "London", "tomorrow", "no words at all", "shin")
FIRST = "first"  # asked to agree before anything else


@dataclass(frozen=True, slots=True)
class Cell:
    """`may` True: it does something; False: refused, like `reference`; "first": the question of consent; None: an
    athlete's own words or the like, which must only not do anything to anybody else. `target`: whom it may concern."""

    action: str
    actor: str
    update: dict[str, Any]
    may: bool | str | None
    target: str | None = None
    reference: dict[str, Any] | None = None
    talk: tuple[str, Talk] | None = None  # who has this conversation open
    instead: Talk | None = None  # the conversation of the reference


def command_cells(club: Club) -> Iterator[Cell]:
    for actor in ACTORS.values():
        chat = club.chat(actor)
        for name in commands.COMMANDS:
            may: bool | str = actor in COMMANDS[name]
            if actor == "ivo" and name in COMMANDS and COMMANDS[name] in (RUNS, SETTLED):
                may = FIRST
            unknown = says(chat, "/zzz")
            yield Cell(f"/{name}", actor, says(chat, f"/{name}"), may, reference=unknown)
            if name in commands.TAKES_TEXT and may is not FIRST:
                for rest in ("-1", "'; DROP TABLE person --"):
                    yield Cell(f"/{name} {rest}", actor, says(chat, f"/{name} {rest}"), may or False, None, unknown)
        for name in ("invite", "backup"):
            for whom in ("ann", "cara", "ivo", "eve", "fay"):
                update = says(chat, f"/{name} {club.people[whom].name}")
                there = actor in COACHES
                known = name == "backup" and whom == "eve" and actor != "eve"
                own = name == "invite" and whom in OWN and actor in answers_for(whom)  # "you have one of that name"
                same = says(chat, f"/{name} {club.people[whom].name[::-1]}") if there else says(chat, "/zzz")
                yield Cell(f"/{name} {whom}", actor, update, there and (known or own or None), None, same)
        for wish in commands.WISHES:
            may = FIRST if actor == "ivo" else actor in WISHES[wish]
            yield Cell(f"“{wish}”", actor, says(chat, wish), may, reference=says(chat, "xyzzy plugh"))


def tap_cells(club: Club) -> Iterator[Cell]:
    ids = {name: str(person.id) for name, person in club.people.items()}
    some = [ids["ann"], ids["cara"]]
    others = ["999999", "ANN22", _other_digits(ids["ann"]), f"0{ids['ann']}x"]
    for actor in ACTORS.values():
        tap = partial(taps, club.chat(actor))
        forged = FORGED if actor in FORGERS else FORGED[:2]
        shorts, numbers = [*WORRIES, *forged, *some], [*ids.values(), *forged, *others]
        for id in shorts:
            for kind in ("ack", "close", "useful", "useless"):
                target = may_take(actor, id)
                yield Cell(f"{kind}:{id}", actor, tap(f"{kind}:{id}"), bool(target), target, tap(f"{kind}:{NEVER}"))
            own = FIRST if actor == "ivo" else None if actor in RUNS else False  # whatever the id says: only their own
            for kind in ("urgent", "can_wait"):
                yield Cell(f"{kind}:{id}", actor, tap(f"{kind}:{id}"), own, None, tap(f"{kind}:{NEVER}"))
        for id in numbers:
            for kind, target in (("write", may_write(club, actor, id)), ("erase", may_erase(club, actor, id))):
                yield Cell(f"{kind}:{id}", actor, tap(f"{kind}:{id}"), bool(target), target, tap(f"{kind}:999999"))
        for what in [*commands.DO, *forged[:9]]:
            may: bool | str = actor in DO.get(what, ())
            if actor == "ivo" and what in commands.DO:
                may = FIRST
            reference = says(club.chat(actor), "/zzz") if what in commands.DO else tap("do:zzz")
            yield Cell(f"do:{what}", actor, tap(f"do:{what}"), may, None, reference)
        for what in ("again", "back", *forged[:9]):
            may = actor in club_of.WISHES_TO_GO and what in ("again", "back")
            yield Cell(f"wish:{what}", actor, tap(f"wish:{what}"), may, None, tap("wish:zzz"))
        for data in (
            *FORGED,
            "zzz:1",
            ":",
            "ack",
            "ack:",
            f"{TURN}",
            "9" * 30 + ":1",
            "-41:agree",
            "٤١:agree",
            "41.0:agree",
        ):
            yield Cell(f"tap {data}", actor, tap(data), False, None, tap("zzz:zzz"))


def word_cells(club: Club) -> Iterator[Cell]:
    """What coaches can do by writing instead of pressing; and old invitations."""
    pages = {
        ("kim", club_of.OLD_PAGE): "ann",
        ("bo", club_of.OLD_PAGE): "ann",
        ("dana", club_of.OLD_PAGE): "cara",
        ("hal", club_of.OLD_PAGE): "cara",
    }
    for actor in ACTORS.values():
        say = partial(says, club.chat(actor))
        own = None if actor in RUNS else False  # an athlete's words are words
        for short in [*WORRIES, "ANN2", "' OR 1=1 --", "ÄNN22"]:
            target = may_take(actor, short) if not may_have_taken(short) else None
            may = True if target else None if may_take(actor, short) else own
            yield Cell(f"I have it #{short}", actor, say(f"I have it #{short}"), may, may_take(actor, short),
                       say(f"I have it #{NEVER}"))  # fmt: skip
        for page in (club_of.OLD_PAGE, club_of.LOST_PAGE, 88888, -1):
            target = pages.get((actor, page))
            yield Cell(f"reply to {page}", actor, say("hello there", page), True if target else own, target,
                       say("hello there", 77777))  # fmt: skip
        for code in ("used", "late", "x" * 64, "-1", "' OR 1=1 --", "../x", "ä"):
            yield Cell(f"/start {code}", actor, say(f"/start {code}"), False, None, say("/start zzz"))


def may_have_taken(short: str) -> bool:
    """Somebody has it already: the coach is told who."""
    return short in WORRIES and WORRIES[short][2] is not None


def own_step_cells(club: Club) -> Iterator[Cell]:
    for (script, step), talk in sorted(talks(club).items()):
        for actor in sorted(HOLDS[script]):
            chat, target = club.chat(actor), "ann" if script == "relay" else None
            for choice in choices(talk):
                update = taps(chat, f"{TURN}:{choice}")
                yield Cell(f"{script}.{step} {choice}", actor, update, None, target, talk=(actor, talk))
            for text in (SAMPLES[0], SAMPLES[4]):
                yield Cell(f"{script}.{step} “{text}”", actor, says(chat, text), None, target, talk=(actor, talk))


def foreign_step_cells(club: Club) -> Iterator[Cell]:
    for (script, step), talk in sorted(talks(club).items()):
        holder = min(HOLDS[script])
        open_one = (holder, replace(talk, turn=TURN + 16))
        for actor in ACTORS.values():
            if actor == holder:
                continue
            tap = partial(taps, club.chat(actor))
            for choice in choices(talk)[:1]:
                data = f"{TURN + 16}:{choice}"
                yield Cell(f"{script}.{step} {choice}", actor, tap(data), False, None, tap("98:zzz"), open_one)


def letter_cells(club: Club) -> Iterator[Cell]:
    """A letter that was begun to somebody who is not theirs (any more)."""
    begun = engine.begin(SCRIPTS["relay"], turn=TURN, bubble="relay", now=NOW).talk
    for actor in ("kim", "bo", "hal", "eve", "rae", "fay"):
        for whom in ("ann", "cara", "dee", "olu", "zoe"):
            slots = {"athlete": club.people[whom].id, "athlete_name": "Somebody"}
            never = replace(begun, slots=slots | {"athlete": 999999})
            target = may_write(club, actor, str(club.people[whom].id))
            update = says(club.chat(actor), "hello there")
            yield Cell(f"letter to {whom}", actor, update, bool(target), target, update,
                       (actor, replace(begun, slots=slots)), never)  # fmt: skip


def other_cells(club: Club) -> Iterator[Cell]:
    """Whatever else a phone can send: it may do something for its owner, and nothing to anybody else."""
    for actor in ACTORS.values():
        chat = club.chat(actor)
        file = {"file_id": "f", "file_unique_id": "u", "duration": 3}
        photo = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]
        sticker = {**file, "type": "regular", "width": 1, "height": 1, "is_animated": False, "is_video": False}
        group = message(chat, text="/queue@bot") | {"chat": {"id": -500, "type": "group", "title": "G"}}
        user = group["from"]

        def member(before: str, after: str, place: dict[str, Any], user: dict[str, Any] = user) -> dict[str, Any]:
            bot = {"id": 1000001, "is_bot": True, "first_name": "B"}
            old, new = ({"user": bot, "status": status, "until_date": 0} for status in (before, after))
            change = {"chat": place, "from": user, "date": 1, "old_chat_member": old, "new_chat_member": new}
            return {"my_chat_member": change}

        private = message(chat)["chat"]
        updates = {
            "photo": {"message": message(chat, photo=photo, caption="look here")},
            "photo as a reply": {
                "message": message(chat, photo=photo, reply_to_message=message(chat, club_of.LOST_PAGE))
            },
            "voice": {"message": message(chat, voice=file)},
            "sticker": {"message": message(chat, sticker=sticker)},
            "location": {"message": message(chat, location={"latitude": 51.5, "longitude": -0.1})},
            "edit": {"edited_message": message(chat, club_of.OLD_PAGE, text="now it reads so", edit_date=1)},
            "a poll": {"message": message(chat, dice={"emoji": "🎲", "value": 3})},
            "blocks": member("member", "kicked", private),
            "unblocks": member("kicked", "member", private),
            "adds to a group": member("left", "member", group["chat"]),
            "in a group": {"message": group},
            "words in a group": {"message": group | {"text": "I have it #ANN22"}},
            "a group moves": {"message": group | {"text": None, "migrate_to_chat_id": -100500}},
            "taps in a group": {"callback_query": taps(chat, "ack:ANN22")["callback_query"] | {"message": group}},
        }
        for action, update in updates.items():
            yield Cell(action, actor, update, None)


KINDS = {
    "commands": command_cells,
    "taps": tap_cells,
    "words": word_cells,
    "own steps": own_step_cells,
    "steps of others": foreign_step_cells,
    "letters": letter_cells,
    "anything else": other_cells,
}


def _other_digits(number: str) -> str:
    """The same number in digits of another script, which Python also takes for a number."""
    return "".join(chr(0x660 + int(digit)) for digit in number)


def talks(club: Club) -> dict[tuple[str, str], Talk]:
    """Each step of each script, reached as a person reaches it: by tapping and typing whatever leads on."""
    found: dict[tuple[str, str], Talk] = {}
    known: dict[str, dict[str, Any]] = {
        "morning": {"day": NOW.date().isoformat()},
        "relay": {"athlete": club.people["ann"].id, "athlete_name": "Somebody"},
        "sure": {"topic": "body", "flag": "words", "words": "odd", "because": []},
    }
    for name, script in SCRIPTS.items():
        waiting = [engine.begin(script, turn=TURN, bubble=f"{name}:x", now=NOW, known=known.get(name))]
        while waiting:
            moved = waiting.pop()
            talk = moved.talk
            if moved.ended is not None or (name, talk.step) in found:
                continue
            if OFFERS not in talk.slots:
                found[name, talk.step] = talk
            tried = [engine.choose(script, talk, choice) for choice in all_choices(talk)]
            tried += [engine.hear(script, talk, text, NOW.date()) for text in SAMPLES]
            waiting += [one for one in tried if one is not None and one.wrong is None and one.talk.step != talk.step]
    return found


def all_choices(talk: Talk) -> list[str]:
    step = SCRIPTS[talk.script].step(talk.step)
    return [str(option.value) for row in step.options for option in row]


def choices(talk: Talk) -> list[str]:
    """Of a scale its ends: what lies between them goes the same way."""
    every = all_choices(talk)
    numbers = [choice for choice in every if choice.isdecimal()]
    return [choice for choice in every if choice not in numbers[1:-1]] or ["zzz"]


# --- the judge ------------------------------------------------------------------------------------------------------


def wrong(club: Club, cell: Cell, heard: dict[str, Played]) -> Iterator[str]:
    """What is wrong with this cell; nothing, if all is well."""
    played = _play(club, cell.update, cell.talk)
    if not played.handled:
        yield "the turn failed"
        return
    target = cell.target if cell.may is not False else None
    near = {cell.actor, club_of.GROUP}
    for athlete in (cell.actor, target):
        if athlete in OWN:
            near |= {athlete, *OWN[athlete], *COVER[athlete]}
    if cell.action == "blocks" and cell.actor in COACHES:
        near |= COACHES
    for to, payload, _row in played.messages():
        if to not in near:
            yield f"{to} gets {payload.get('text')!r}"
        for owner, kind, word in club_of.CANARIES:
            if word in str(payload) and not club_of.reads(to, owner, kind) and word not in str(cell.update):
                yield f"{to} reads {word}"
    for table, whose in played.touched():
        theirs = table in ("journal", "escalation", "due") or (cell.may and cell.action.startswith("erase:"))
        if cell.actor not in whose and not (target in whose and theirs):
            yield f"a row of {sorted(whose)} in {table} has changed"
    if cell.may is False:
        yield from _not_refused(played, cell)
    if cell.may is FIRST:
        consent = _cached(club, heard, says(club.chat("ivo"), "/checkin"))
        if "agree" not in str(played.told("ivo")) or not consent.told("ivo"):
            yield "is not asked to agree first"
        yield from _not_refused(played, cell)
    if cell.reference is None or cell.may is FIRST:
        return
    other = _cached(club, heard, cell.reference, (cell.talk[0], cell.instead) if cell.talk and cell.instead else None)
    same = played.told(cell.actor) == other.told(cell.actor)
    if cell.may is True and same:
        yield f"nothing comes of it: {played.told(cell.actor)}"
    if cell.may is False and not same:
        yield f"reads {played.told(cell.actor)}, but for what is not there {other.told(cell.actor)}"


def _not_refused(played: Played, cell: Cell) -> Iterator[str]:
    technical = {"person"}
    if cell.actor == "ben":  # who speaks to us can hear us: the next check-in is planned again
        technical.add("due")
    if cell.actor in RUNS and "message" in cell.update:  # what an athlete writes is kept, whatever it was meant for
        technical.add("journal")
    if more := [
        (table, *whose) for table, whose in played.touched() if table not in technical or whose != {cell.actor}
    ]:
        yield f"refused, but changed {more}"
    if fields := played.fields(cell.actor) - {"turn", "talks", "version", "reachable"}:
        yield f"refused, but changed {sorted(fields)}"
    if others := {to for to, _, _ in played.messages()} - {cell.actor}:
        yield f"refused, but {sorted(others)} heard of it"


def _play(club: Club, update: dict[str, Any], talk: tuple[str, Talk] | None) -> Played:
    if talk is None:
        return club.play(update)
    return club.play(update, before=lambda: club.set(talk[0], talks=(talk[1],), turn=talk[1].turn))


def _cached(
    club: Club, heard: dict[str, Played], update: dict[str, Any], talk: tuple[str, Talk] | None = None
) -> Played:
    key = f"{update}{talk}"
    if key not in heard:
        heard[key] = _play(club, update, talk)
    return heard[key]


@pytest.mark.parametrize("kind", KINDS)
def test_everybody_may_what_the_oracle_says_and_nothing_else(kind: str, migrated_database_url: str) -> None:
    base = open_db(migrated_database_url)
    found: list[str] = []
    try:
        with base.engine.connect() as tx, tx.begin() as whole:
            club = Club(base, tx)
            cells = list(KINDS[kind](club))
            heard: dict[str, Played] = {}
            for cell in cells if base.is_sqlite else cells[::41]:
                found += [f"{cell.actor} {cell.action}: {what}" for what in wrong(club, cell, heard)]
            whole.rollback()
    finally:
        base.close()
    assert not found, f"{len(found)} of {len(cells)} wrong:\n" + "\n".join(found[:40])


def test_updates_that_are_handled_together_reach_whom_they_reach_alone(migrated_database_url: str) -> None:
    """Those of several athletes share a transaction; nothing of one may get into the turn of another."""
    base = open_db(migrated_database_url)
    with base.engine.connect() as tx, tx.begin() as whole:
        club = Club(base, tx)
        cells = [*command_cells(club), *tap_cells(club), *word_cells(club)]
        theirs = [[cell for cell in cells if cell.actor == actor][number::7] for number, actor in enumerate(TOGETHER)]
        for group in list(zip(*theirs, strict=False))[:: 1 if base.is_sqlite else 9]:
            played = club.play(*(cell.update for cell in group))
            assert played.handled
            for cell in group:
                alone = club.play(cell.update)
                assert played.told(cell.actor) == alone.told(cell.actor), f"{cell.actor} {cell.action}"
            for to, payload, _row in played.messages():
                read = [word for owner, kind, word in club_of.CANARIES
                        if word in str(payload) and not club_of.reads(to, owner, kind)]  # fmt: skip
                assert not [word for word in read if not any(word in str(cell.update) for cell in group)]
        whole.rollback()
    base.close()


def test_the_oracle_knows_every_action_of_the_program_and_none_that_is_gone() -> None:
    assert set(COMMANDS) == set(commands.COMMANDS)
    assert set(DO) == set(commands.DO)
    assert set(commands.WISHES) == WISHES_KNOWN
    assert set(commands.TAPS) == TAPS
    assert set(commands.COACH_TAPS) == COACH_TAPS
    assert set(HOLDS) == set(SCRIPTS) == set(commands.MOVED)


def test_the_matrix_holds_every_step_and_every_kind_of_event(migrated_database_url: str) -> None:
    base = open_db(migrated_database_url)
    with base.engine.connect() as tx, tx.begin() as whole:
        club = Club(base, tx)
        reached = set(talks(club))
        kinds = {type(to_event({"update_id": 1, **cell.update})[1]) for name in KINDS for cell in KINDS[name](club)}
        whole.rollback()
    base.close()
    assert reached == {(name, step.id) for name, script in SCRIPTS.items() for step in script.steps}
    inner = {events.Due, events.Unreachable, events.Unread}  # made by the program itself
    assert kinds == set(get_args(events.Event)) - inner
