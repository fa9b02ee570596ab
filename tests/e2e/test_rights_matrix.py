"""Who may what: every action x everybody x own, foreign, old and forged ids, on the real inbox and database.

The actions come from the program's own tables, so a new one is in the matrix by itself, and fails until the oracle here
says whose it is. The oracle is written by hand (here, and OWN and COVER of the club); it never asks the program.

A refused cell changes nothing but what its own actor's update needs, and reads to the actor like the same action on
something that was never there. And in every cell, allowed or not: only the actor and who is entitled get anything, only
rows of the actor and of whom the actor answers for have changed, and no word of an athlete reaches another coach: not
what was said, not what stands in a plan, and not what was said beside a proposal.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args

import pytest

from bot.updates import to_event
from dialogs import commands, engine, events, life, races
from dialogs.engine import OFFERS
from dialogs.model import Talk
from dialogs.scripts import SCRIPTS
from dialogs.scripts.desk import FIELDS
from storage.db import open_db
from tests.e2e import rights_club as club_of
from tests.e2e.rights_club import (
    ACTORS,
    COACHES,
    COVER,
    NOW,
    OWN,
    PROPOSALS,
    RUNS,
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

GUESTS = ("gus", "una")  # invited to be a guardian, and not any more: in cells of their own, for there are many cells

# --- the oracle -----------------------------------------------------------------------------------------------------

GUARDIANS = {"lea", "gus"}
WORDY = RUNS | GUARDIANS  # whose words are words for a human, whatever they look like
SETTLED = RUNS | COACHES
MEMBERS = SETTLED | {"ivo"}
EVERYBODY = MEMBERS | GUARDIANS

COMMANDS = {
    "checkin": RUNS, "session": RUNS, "coach": RUNS, "pause": RUNS, "resume": RUNS, "daysoff": RUNS,
    "done": RUNS, "move": RUNS, "busy": RUNS, "ill": RUNS, "injured": RUNS, "away": RUNS, "slower": RUNS,
    "plan": RUNS | COACHES, "calendar": RUNS, "hour": SETTLED, "zone": SETTLED,
    "settings": MEMBERS, **dict.fromkeys(("language", "help", "privacy", "export", "erase"), EVERYBODY),
    "invite": COACHES, "queue": COACHES, "athletes": COACHES, "backup": COACHES,
    "lay": COACHES, "rules": COACHES, "concern": COACHES, "link": COACHES, "unlink": COACHES,
    "today": COACHES, "athlete": COACHES, "write": COACHES, "note": COACHES, "quiet": COACHES, "find": COACHES,
    "roster": COACHES, "me": RUNS, "health": RUNS, "week": SETTLED, "weekday": SETTLED,
    **dict.fromkeys(
        ("hours", "holiday", "handover", "move_athlete", "leave", "attention", "drill", "broadcast"), COACHES
    ),
    "club": {"hal"},
}  # fmt: skip
DO = dict.fromkeys(
    ("checkin", "change", "session", "coach", "pain", "right", "correct", "plan", "busy", "move", "well"), RUNS
)
WISHES = dict.fromkeys(commands.WISHES, RUNS) | {"help": SETTLED}  # what coaches say plainly is in coach_words
WISHES_KNOWN = {
    "i need my coach", "i need the coach", "need my coach", "need coach", "call my coach", "coach", "check in",
    "checkin", "pause", "resume", "settings", "help",
    "necesito a mi coach", "necesito a mi entrenador", "necesito a mi entrenadora", "necesito hablar con mi coach",
    "llama a mi coach", "j'ai besoin de mon coach", "j'ai besoin de mon entraîneur", "appelle mon coach",
    "je veux parler à mon coach", "ich brauche meinen coach", "ich brauche meinen trainer",
    "ich brauche meine trainerin",
    "ruf meinen coach an", "ruf meinen coach", "pausa", "reanudar", "reprendre", "fortsetzen", "ajustes", "réglages",
    "einstellungen", "language", "idioma", "langue", "sprache", "ayuda", "aide", "hilfe",
}  # fmt: skip
PLAIN_WISHES = (  # what an athlete says of the plan in plain words, by each pattern that the program knows
    "I have 20 minutes", "only 15 min today", "I'm ill", "I'm well again", "I'm injured", "slower, please",
    "away until Friday", "move Tuesday to Thursday", "what's on this week?", "my plan", "done",
    "tengo 20 minutos", "je suis malade", "bin weg bis Freitag", "verschiebe Dienstag auf Donnerstag", "mi plan",
)  # fmt: skip
TAPS = {
    "guardian",
    "language",
    "ingroup",
    "me",
    "urgent",
    "can_wait",
    "do",
    "wish",
    "plan",
    "undo",
    "object",
    "cover",
    "coached",
}
DECIDING = ("approve", "reject", "revise", "instead", "take", "leave")  # a proposal, the last two a dry run
LAYING = ("week", "day", "lay", "blocks", "block", "unlay", "tell", "file")  # an athlete's plan
ABOUT = ("call", "called", "ease", "tomorrow", "add", "jot")  # buttons that name an athlete and nothing else
COVERING = ("holiday", "handover", "drill")
RULES = ("rules", "rule", "rfor", "rset", "redge", "rwhat")
DRAFTS = ("dsend", "dedit", "ddrop")  # a letter that was drafted for one coach
OWNING = ("reply", "handled", "note", "still", "concern")  # a concern, by its short id
COACH_TAPS = {
    *DRAFTS,
    *OWNING,
    *ABOUT,
    *COVERING,
    "queue",
    "ack",
    "close",
    "group",
    "write",
    "erase",
    "useful",
    "useless",
    *DECIDING,
    *LAYING,
    *RULES,
}
HOLDS = {  # whose conversation it can be
    "morning": {"ann", "rae"}, "session": {"ann", "rae"}, "pain": {"ann", "rae"}, "days_off": {"ann"}, "pause":
    {"ann"}, "onboarding": {"ivo"}, "coach_onboarding": {"kim"}, "hour": {"ann", "kim"}, "zone": {"ann", "kim"},
    "relay": {"kim"}, "concern_note": {"kim"}, "came_of": {"kim"}, "erase": {"ann", "kim", "rae", "eve", "ivo"},
    "sure": {"ann"}, "correct": {"ann"}, "settled": {"ann"}, "race": {"ann"}, "health": {"ann"}, "ill": {"ann"},
    "away": {"ann"}, "move": {"ann"}, "busy": {"ann"}, "object": {"ann"}, "revise": {"kim"}, "import": {"kim"},
    "order": {"kim"}, "me": {"ann"}, "add": {"kim"}, "jot": {"kim"}, "whom": {"kim"}, "leave": {"eve"},
    "broadcast": {"eve"}, "week": {"ann"}, "weekday": {"ann", "kim"}, "guardian": {"gus"}, "stop": {"lea"},
    "grown": {"lea"},
}  # fmt: skip

ABOUT_ANN = ("relay", "revise", "order", "import", "add", "jot", "concern_note", "came_of")


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


def may_decide(club: Club, actor: str, target: str, kind: str) -> tuple[bool | str, str | None]:
    """Whether this coach may do so to what the button names ("7:K7Q2M"), and whose it is. Of what somebody has decided
    they read who it was."""
    number, _, short = target.partition(":")
    athlete, rule, _, state, _ = PROPOSALS.get(short, ("", "", False, "", None))
    mine = athlete and athlete == may_write(club, actor, number)
    if not mine or (rule == "import") != (kind in ("take", "leave")):
        return False, None
    return (True, athlete) if state == "open" else (TOLD, None)


def may_lay(club: Club, actor: str, kind: str, target: str) -> tuple[bool, str | None]:
    """Whether this coach may do so to the plan that the button names ("7:270302:easy"), and whose it is."""
    number, _, rest = target.partition(":")
    athlete = may_write(club, actor, number)
    stamp, _, what = rest.partition(":")
    there = {"lay": what in ("easy", "-"), "block": what == "base", "unlay": what == str(club_of.COACHS_CHANGE)}
    if athlete is None or stamp not in STAMPS or not there.get(kind, True):
        return False, None
    return True, athlete


def may_rule(club: Club, actor: str, kind: str, target: str) -> bool:
    """A coach reads and sets the rules for all of their own athletes, or for one of them."""
    if actor not in COACHES or kind == "rules":
        return actor in COACHES
    rule, _, rest = target.partition(":")
    number, _, what = rest.partition(":")
    mine = {str(club.people[name].id) for name in OWN if actor in OWN[name]}
    able = {"rset": {"on", "off"} | ({"mute", "unmute"} if number != "0" else set()), "redge": {"hours:more"}}
    return rule == "sleep-short" and number in {"0", *mine} and (kind not in able or what in able[kind])


# --- cells ----------------------------------------------------------------------------------------------------------

FORGED = [
    "", "A" * 64, "-1", "9" * 17, "9" * 40, "None", "' OR 1=1 --", "../../etc/passwd", "{0}%s",
    "ANN22\x00", "ann22", " ANN22", "ANN22:CARA2", "ÄNN22", "\u202eANN22", "🦊",
]  # fmt: skip
FORGERS = {STRANGER, "ivo", "ann", "kim", "hal", "rae"}  # one of each role tries all of them
TOGETHER = ("ann", "cara", "ben", "ivo")
NEVER = "ZZZZZ"
PAGES = {  # whose page it is, for whom the reader answers
    ("kim", club_of.OLD_PAGE): "ann",
    ("bo", club_of.OLD_PAGE): "ann",
    ("dana", club_of.OLD_PAGE): "cara",
    ("hal", club_of.OLD_PAGE): "cara",
}
SAMPLES = ("7", "7:30", "London", "tomorrow", "no words at all", "shin")
ASIDE = ("lea", "nik", "gus", "una")  # whose numbers are tried in the cells of guardians alone
FIRST = "first"  # asked to agree before anything else
TOLD = "told"  # changes nothing, and says why
STAMPS = ("270301", "270302")  # this Monday, and the Tuesday with the session that is held


@dataclass(frozen=True, slots=True)
class Cell:
    """`may` True: it does something; False: refused, like `reference`; "first": the question of consent; "told": it
    changes nothing, and says why; None: an athlete's own words or the like, which must only not do anything to anybody
    else. `target`: whom it may concern."""

    action: str
    actor: str
    update: dict[str, Any]
    may: bool | str | None
    target: str | None = None
    reference: dict[str, Any] | None = None
    talk: tuple[str, Talk] | None = None  # who has this conversation open
    instead: Talk | None = None  # the conversation of the reference
    rings: tuple[str, dict[str, Any]] | None = None  # a wakeup of the actor, with its data
    rings_instead: tuple[str, dict[str, Any]] | None = None


def command_cells(club: Club) -> Iterator[Cell]:
    for actor in ACTORS.values():
        chat = club.chat(actor)
        for name in commands.COMMANDS:
            may: bool | str | None = actor in COMMANDS[name]
            if actor == "ivo" and name in COMMANDS and COMMANDS[name] in (RUNS, SETTLED):
                may = FIRST
            unknown = says(chat, "/zzz")
            if name in ("plan", "lay") and actor in COACHES:  # whose? That they are told, of nobody and of a stranger
                unknown = says(chat, "/queue")
            yield Cell(f"/{name}", actor, says(chat, f"/{name}"), may, reference=unknown)
            if name in commands.TAKES_TEXT and may is not FIRST:
                if actor in GUARDIANS and not may:
                    may = None
                for rest in ("-1", "'; DROP TABLE person --"):
                    yield Cell(
                        f"/{name} {rest}",
                        actor,
                        says(chat, f"/{name} {rest}"),
                        None if may is None else may or False,
                        None,
                        unknown,
                    )
        for name in ("invite", "backup"):
            for whom in ("ann", "cara", "ivo", "eve", "fay"):
                update = says(chat, f"/{name} {club.people[whom].name}")
                there = actor in COACHES
                known = name == "backup" and whom == "eve" and actor != "eve"
                own = name == "invite" and whom in OWN and actor in answers_for(whom)  # "you have one of that name"
                same = says(chat, f"/{name} {club.people[whom].name[::-1]}") if there else says(chat, "/zzz")
                yield Cell(
                    f"/{name} {whom}",
                    actor,
                    update,
                    None if actor in GUARDIANS else there and (known or own or None),
                    None,
                    same,
                )
        for whom in ("ann", "cara", "zoe", "olu", "ivo", "eve", "fay"):
            name = club.people[whom].name
            texts = ("/plan {} next", "/lay {} Fri easy 40: flat, no watch", "/athlete {}", "/note {} sounded tired")
            for text in (*texts, "/write {} see you at six"):
                target = may_write(club, actor, str(club.people[whom].id))
                may = True if target else None if actor in WORDY - COACHES else False
                if actor == "ivo" and text.startswith("/plan"):
                    may = FIRST
                update, same = says(chat, text.format(name)), says(chat, text.format(name[::-1]))
                yield Cell(f"{text} {whom}", actor, update, may, target, same)
        for short in [*WORRIES, "' OR 1=1 --"]:
            target, same = may_take(actor, short), says(chat, f"/concern {NEVER}")
            update = says(chat, f"/concern {short}")
            may = True if target else None if actor in WORDY else False  # an athlete's words are words
            yield Cell(f"/concern {short}", actor, update, may, target, same)
        for wish in (*commands.WISHES, *PLAIN_WISHES):
            may = FIRST if actor == "ivo" else None if actor in GUARDIANS else actor in WISHES.get(wish, RUNS)
            yield Cell(f"“{wish}”", actor, says(chat, wish), may, reference=says(chat, "xyzzy plugh"))


def cover_cells(club: Club) -> Iterator[Cell]:
    """Who stands in, who goes where, practice alarms."""
    ids = {name: str(person.id) for name, person in club.people.items() if name not in ASIDE}
    others = ["", "999999", "-1", _other_digits(ids["ann"]), "' OR 1=1 --", "no", "yes:1"]
    for actor in ACTORS.values():
        chat = club.chat(actor)
        tap = partial(taps, chat)
        for id in (*ids.values(), *others):
            athlete = {ids[name]: name for name in OWN}.get(id)
            mine = athlete and actor in COACHES and actor in OWN[athlete] | club_of.ALONE.get(athlete, set())
            yield Cell(f"handover:{id}", actor, tap(f"handover:{id}"), bool(mine), athlete if mine else None,
                       tap("handover:999999"))  # fmt: skip
            for kind in ("coached:", "cover:yes:", "cover:no:"):  # nobody has been asked
                refused: bool | str = FIRST if actor == "ivo" else False
                yield Cell(f"{kind}{id}", actor, tap(f"{kind}{id}"), refused, None, tap("coached:zzz"))
        for what in ("notes", "keep", "back", *others):  # nobody is away
            yield Cell(f"holiday:{what}", actor, tap(f"holiday:{what}"), False, None, tap("holiday:zzz"))
        yield Cell("drill:", actor, tap("drill:"), actor in COACHES, None, tap("zzz:zzz"))
        for whom in ("ann", "cara", "zoe", "olu", "ivo", "eve", "fay"):
            name, to = club.people[whom].name, club.people["bo"].name
            seen = may_write(club, actor, ids[whom])
            may: bool | str | None = None if actor in WORDY - COACHES else False
            if seen:
                may = True if (actor in OWN[whom] or actor == "hal") and whom != "ivo" else TOLD
            update, same = (says(chat, f"/move_athlete {one} to {to}") for one in (name, name[::-1]))
            yield Cell(f"/move_athlete {whom}", actor, update, may, seen if may is True else None, same)


def tap_cells(club: Club) -> Iterator[Cell]:
    ids = {name: str(person.id) for name, person in club.people.items() if name not in ASIDE}
    some = [ids["ann"], ids["cara"]]
    others = ["999999", "ANN22", _other_digits(ids["ann"]), f"0{ids['ann']}x"]
    for actor in ACTORS.values():
        tap = partial(taps, club.chat(actor))
        forged = FORGED if actor in FORGERS else FORGED[:2]
        shorts, numbers = [*WORRIES, *forged, *some], [*ids.values(), *forged, *others]
        for id in shorts:
            for kind in ("ack", "close", "useful", "useless", *OWNING):
                target = may_take(actor, id)
                yield Cell(f"{kind}:{id}", actor, tap(f"{kind}:{id}"), bool(target), target, tap(f"{kind}:{NEVER}"))
            own = FIRST if actor == "ivo" else None if actor in RUNS else False  # whatever the id says: only their own
            for kind in ("urgent", "can_wait"):
                yield Cell(f"{kind}:{id}", actor, tap(f"{kind}:{id}"), own, None, tap(f"{kind}:{NEVER}"))
        for id in numbers:
            theirs = may_write(club, actor, id)
            acts = [(kind, theirs) for kind in ("write", *ABOUT)]
            for kind, target in (*acts, ("erase", may_erase(club, actor, id))):
                yield Cell(f"{kind}:{id}", actor, tap(f"{kind}:{id}"), bool(target), target, tap(f"{kind}:999999"))
        for what in [*commands.DO, *forged[:9]]:
            may: bool | str = actor in DO.get(what, ())
            if actor == "ivo" and what in commands.DO:
                may = FIRST
            reference = _unready(club, actor) if what in commands.DO else tap("do:zzz")
            yield Cell(f"do:{what}", actor, tap(f"do:{what}"), may, None, reference)
        for what in ("fears", *forged[:9]):
            mine: bool | str = FIRST if actor == "ivo" else actor in RUNS and what == "fears"
            never = tap("me:zzz") if actor in RUNS else _unready(club, actor)
            yield Cell(f"me:{what}", actor, tap(f"me:{what}"), mine, None, never)
        for what in ("yes", "no", *forged[:9]):  # to be read in the group of one's coach
            mine = FIRST if actor == "ivo" else actor in RUNS and what in ("yes", "no")
            never = tap("ingroup:zzz") if actor in RUNS else _unready(club, actor)
            yield Cell(f"ingroup:{what}", actor, tap(f"ingroup:{what}"), mine, None, never)
        for what in ("yes:-500", "no:-500", *forged[:9]):  # nobody's group has been looked at
            yield Cell(f"group:{what}", actor, tap(f"group:{what}"), False, None, tap("group:zzz"))
        for what in ("0:0:0:0", *forged[:9]):
            pages = actor in COACHES and what == "0:0:0:0"
            yield Cell(f"queue:{what}", actor, tap(f"queue:{what}"), pages, None, tap("queue:zzz"))
        for what in ("de", "fr", *forged[:9]):  # also before they have agreed: nobody agrees to what they cannot read
            known = actor in EVERYBODY and what in ("de", "fr")
            yield Cell(f"language:{what}", actor, tap(f"language:{what}"), known, None, tap("language:zzz"))
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


def plan_cells(club: Club) -> Iterator[Cell]:
    """Buttons under a plan, under a proposal, and in the rule book."""
    ids = {name: str(person.id) for name, person in club.people.items() if name not in ASIDE}
    others = ["", "999999", "-1", _other_digits(ids["ann"]), "' OR 1=1 --", "9" * 40]
    for actor in ACTORS.values():
        tap = partial(taps, club.chat(actor))
        forger = actor in FORGERS
        shorts = [*PROPOSALS, *(FORGED if forger else FORGED[:2])]
        named = [f"{ids[PROPOSALS[short][0]] if short in PROPOSALS else ids['ann']}:{short}" for short in shorts]
        # A short that is there, under the number of an athlete who is one's own, and of nobody.
        crossed = [f"{ids[name]}:{short}" for short in ("PANN2", "PCAR2", "PZOE2") for name in ("ann", "cara", "zoe")]
        crossed += [f"{number}:PANN2" for number in others]
        for kind in DECIDING:
            more = ":easy" if kind == "instead" else ""
            for target in dict.fromkeys([*named, *crossed] if kind in ("approve", "take") else [*named[:13], *crossed]):
                may, whose = may_decide(club, actor, target, kind)
                update = tap(f"{kind}:{target}{more}")
                yield Cell(f"{kind}:{target}", actor, update, may, whose, tap(f"{kind}:999999:{NEVER}{more}"))
        some = [ids[name] for name in ("ann", "cara", "rae", "zoe", "olu", "ivo", "fay")]
        yield from _laying(club, actor, [*some, *(others if forger else others[:2])])
        yield from _rules(club, actor, ["0", *some, *(others if forger else others[:2])])
        yield from _own_plan(club, actor, FORGED if forger else FORGED[:2])


def _laying(club: Club, actor: str, numbers: list[str]) -> Iterator[Cell]:
    tap = partial(taps, club.chat(actor))
    what = {
        "lay": ("easy", "-", "zzz"), "block": ("base", "zzz"),
        "unlay": (str(club_of.COACHS_CHANGE), "99", str(club_of.CARAS_CHANGE)),
    }  # fmt: skip
    for kind in LAYING:
        forged = [f"{numbers[0]}:{stamp}" for stamp in ("", "999999", "270229", "x")] if actor in FORGERS else []
        for stem in (*(f"{number}:{STAMPS[1]}" for number in numbers), *forged):
            for choice in what.get(kind, ("",))[: None if stem.startswith(numbers[0]) else 1]:
                target = f"{stem}:{choice}" if choice else stem
                may, whose = may_lay(club, actor, kind, target)
                update, never = tap(f"{kind}:{target}"), tap(f"{kind}:999999:{STAMPS[1]}:{choice}")
                yield Cell(f"{kind}:{target}", actor, update, may, whose, never)


def _rules(club: Club, actor: str, numbers: list[str]) -> Iterator[Cell]:
    tap = partial(taps, club.chat(actor))
    for family in ("", "load", "zzz"):
        yield Cell(f"rules:{family}", actor, tap(f"rules:{family}"), actor in COACHES, None, tap("zzz:zzz"))
    what = {"rset": ("off", "on", "mute", "unmute", "zzz"), "redge": ("hours:more", "hours:zzz", "zzz:more")}
    for kind in RULES[1:]:
        for target in (*(f"sleep-short:{number}" for number in numbers), "zzz:0"):
            for choice in what.get(kind, ("",)):
                data = f"{target}:{choice}" if choice else target
                may = may_rule(club, actor, kind, data)
                yield Cell(f"{kind}:{data}", actor, tap(f"{kind}:{data}"), may, _named(club, data, actor),
                           tap(f"{kind}:zzz:0:{choice}"))  # fmt: skip


def _named(club: Club, data: str, actor: str) -> str | None:
    """Which own athlete a rule's button names."""
    number = data.split(":")[1]
    return next((name for name in OWN if str(club.people[name].id) == number and actor in OWN[name]), None)


def _own_plan(club: Club, actor: str, forged: list[str]) -> Iterator[Cell]:
    """An athlete's own buttons: whatever the number says, it is their own plan and their own proposals."""
    chat = club.chat(actor)
    tap = partial(taps, chat)
    refused = partial(Cell, actor=actor, may=FIRST if actor == "ivo" else False)
    unknown = _unready(club, actor)
    for span in ("today", "next", *forged[:3]):
        may: bool | str = actor in RUNS or (FIRST if actor == "ivo" else False)
        yield Cell(f"plan:{span}", actor, tap(f"plan:{span}"), may, None, unknown)
    for number in (club_of.OWN_CHANGE, club_of.COACHS_CHANGE, club_of.CARAS_CHANGE, 2, *forged):
        own = number == club_of.OWN_CHANGE or (number == club_of.CARAS_CHANGE and actor == "cara")
        same = tap("undo:999") if actor in RUNS else unknown
        if own and actor in RUNS:
            yield Cell(f"undo:{number}", actor, tap(f"undo:{number}"), True, None, same)
        else:
            yield refused(f"undo:{number}", update=tap(f"undo:{number}"), reference=same)
    for short in (*PROPOSALS, *forged):
        whose, _, held, state, _ = PROPOSALS.get(short, ("", "", False, "", None))
        same = tap(f"object:{NEVER}") if actor in RUNS else unknown
        if whose == actor and held and state == "open":
            yield Cell(f"object:{short}", actor, tap(f"object:{short}"), True, None, same)
        else:
            yield refused(f"object:{short}", update=tap(f"object:{short}"), reference=same)


def file_cells(club: Club) -> Iterator[Cell]:
    """A plan as a file: whose it is said to be, and what comes of it when it is here."""
    file = {"file_id": "f", "file_unique_id": "u", "file_name": "june.csv"}
    content = base64.b64encode(b"date,kind,minutes\n2027-03-20,easy,40\n").decode()
    for actor in ACTORS.values():
        chat = club.chat(actor)
        sends = partial(message, chat, document=file)
        for whom in ("ann", "cara", "zoe", "olu", "ivo"):
            name = club.people[whom].name
            target = may_write(club, actor, str(club.people[whom].id))
            may = True if target else False if actor in COACHES - RUNS else None
            given = target
            if actor == "rae":  # of her one athlete it is, whatever it says
                may, given = None, "zoe"
            update, same = {"message": sends(caption=f"plan {name}")}, {"message": sends(caption=f"plan {name[::-1]}")}
            yield Cell(f"a file for {whom}", actor, update, may, given, same)
            if actor == STRANGER:
                continue
            data = {"file_id": "f", "name": "june.csv", "content": content}
            ring = "planfile", data | {"athlete_id": club.people[whom].id}
            never = "planfile", data | {"athlete_id": 999999}
            help_ = says(chat, "/help")
            yield Cell(f"a file of {whom} is here", actor, help_, bool(target), target, help_, rings=ring,
                       rings_instead=never)  # fmt: skip
        for page in (club_of.OLD_PAGE, club_of.LOST_PAGE):
            target = PAGES.get((actor, page))
            may = True if target else None
            replied = sends(reply_to_message=message(chat, page, text="earlier"))
            yield Cell(f"a file as a reply to {page}", actor, {"message": replied}, may, target,
                       {"message": sends(caption="plan nobody")})  # fmt: skip


def word_cells(club: Club) -> Iterator[Cell]:
    """What coaches can do by writing instead of pressing; and old invitations."""
    for actor in ACTORS.values():
        say = partial(says, club.chat(actor))
        own = None if actor in WORDY else False  # an athlete's words are words
        for short in [*WORRIES, "ANN2", "' OR 1=1 --", "ÄNN22"]:
            target = may_take(actor, short) if not may_have_taken(short) else None
            may = True if target else None if may_take(actor, short) else own
            yield Cell(f"I have it #{short}", actor, say(f"I have it #{short}"), may, may_take(actor, short),
                       say(f"I have it #{NEVER}"))  # fmt: skip
        for page in (club_of.OLD_PAGE, club_of.LOST_PAGE, 88888, -1):
            target = PAGES.get((actor, page))
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
            chat, target = (
                club.chat(actor),
                "ann"
                if script in ("relay", "revise", "order", "import", "add", "jot", "concern_note", "came_of")
                else club_of.WARDS.get(actor),
            )
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


def begun_cells(club: Club) -> Iterator[Cell]:
    """The same for what a coach has begun about a plan: another session in their own words, a file."""
    for actor in ("kim", "bo", "hal", "eve", "rae", "fay"):
        for whom in ("ann", "cara", "dee", "olu", "zoe"):
            id, chat = club.people[whom].id, club.chat(actor)
            target = may_write(club, actor, str(id))
            file = {"file_id": "f", "name": "june.csv"}
            begun: dict[str, tuple[dict[str, Any], str]] = {
                "revise": ({"athlete": id, "athlete_name": "Somebody", "short": club_of.HELD[whom]}, "athlete"),
                "order": ({**file, "athlete": id}, "athlete"),
                "import": ({**file, OFFERS: [[id, {"text": "button.offer", "args": {"offer": "S"}}]]}, OFFERS),
                "add": ({"athlete": id, "athlete_name": "Somebody", "field": "goal"}, "athlete"),
                "jot": ({"athlete": id, "athlete_name": "Somebody"}, "athlete"),
                "whom": (
                    {"then": "note", "rest": "x", OFFERS: [[id, {"text": "button.offer", "args": {"offer": "S"}}]]},
                    OFFERS,
                ),
            }
            for script, (slots, named) in begun.items():
                talk = engine.begin(SCRIPTS[script], turn=TURN, bubble=script, now=NOW, known=slots).talk
                talk = replace(talk, slots={**talk.slots, **slots})
                nobody = [[999999, slots[OFFERS][0][1]]] if named == OFFERS else 999999
                never = replace(talk, slots={**slots, named: nobody})
                choice = {"order": "dmy", "import": "o0", "whom": "o0"}.get(script)
                update = taps(chat, f"{TURN}:{choice}") if choice else says(chat, "easy 30: flat")
                yield Cell(f"{script} of {whom}", actor, update, bool(target), target, update, (actor, talk), never)


def noted_cells(club: Club) -> Iterator[Cell]:
    """A note that was begun on a concern which is not theirs (any more), or closed."""
    for actor in ("kim", "bo", "hal", "eve", "rae", "fay"):
        for short in WORRIES:
            for script in ("concern_note", "came_of"):
                slots = {"short": short, "athlete_name": "Somebody"}
                talk = engine.begin(SCRIPTS[script], turn=TURN, bubble=script, now=NOW, known=slots).talk
                never = replace(talk, slots={**slots, "short": NEVER})
                target, update = may_take(actor, short), says(club.chat(actor), "saw the doctor")
                yield Cell(f"{script} {short}", actor, update, bool(target), target, update, (actor, talk), never)


def draft_cells(club: Club) -> Iterator[Cell]:
    """A draft is its coach's, and of its date; nobody else can send it, or learn that it is there."""
    ids = {name: str(person.id) for name, person in club.people.items()}
    today = f"{NOW:%y%m%d}"
    targets = [*(f"{ids[name]}:{today}" for name in OWN), f"{ids['ann']}:270228", f"{ids['ann']}:", f"{ids['ann']}"]
    for actor in ACTORS.values():
        tap = partial(taps, club.chat(actor))
        for target in (*targets, *FORGED[:9], _other_digits(ids["ann"]) + f":{today}"):
            mine = actor == "kim" and target == targets[list(OWN).index("ann")]
            for kind in DRAFTS:
                yield Cell(f"{kind}:{target}", actor, tap(f"{kind}:{target}"), mine, "ann" if mine else None,
                           tap(f"{kind}:999999:{today}"))  # fmt: skip


def guardian_cells(club: Club) -> Iterator[Cell]:
    """What only a guardian may, and a young athlete: each on their own, and nobody else on anybody. And all commands by
    whoever is to become a guardian, and was one."""
    for actor in GUESTS:
        chat = club.chat(actor)
        for name in commands.COMMANDS:
            unknown = says(chat, "/zzz")
            yield Cell(f"/{name}", actor, says(chat, f"/{name}"), actor in COMMANDS[name], None, unknown)
        for data in ("ack:ANN22", f"write:{club.people['nik'].id}", "do:coach", "urgent:ANN22", f"{TURN + 1}:agree"):
            yield Cell(data, actor, taps(chat, data), False, None, taps(chat, "zzz:zzz"))
        yield Cell("words", actor, says(chat, "my dad is a fool"), None)
    for id in (str(club.people[name].id) for name in ASIDE if name != "nik"):
        for kind in ("write", "handover", "call", "add", "jot"):
            for coach in ("kim", "hal", "eve"):
                chat = club.chat(coach)
                yield Cell(f"{kind}:{id}", coach, taps(chat, f"{kind}:{id}"), False, None, taps(chat, f"{kind}:999999"))
    for actor in (*ACTORS.values(), *GUESTS):
        chat = club.chat(actor)
        for name in ("adult", "stop"):
            yield Cell(f"/{name}", actor, says(chat, f"/{name}"), actor in GUARDIANS, None, says(chat, "/zzz"))
        for what in ("link", *FORGED[:4]):  # nobody of these is under 18 without a guardian
            update, never = taps(chat, f"guardian:{what}"), taps(chat, "guardian:zzz")
            yield Cell(f"guardian:{what}", actor, update, False, None, never)
    nik, kim = club.chat("nik"), club.chat("kim")
    yield Cell("guardian:link", "nik", taps(nik, "guardian:link"), True, None, taps(nik, "guardian:zzz"))
    yield Cell("guardian:zzz", "nik", taps(nik, "guardian:zzz"), False, None, taps(nik, "guardian:"))
    name = club.people["nik"].name
    yield Cell("/write nik", "kim", says(kim, f"/write {name} hello"), TOLD, None, says(kim, f"/write {name[::-1]} x"))
    number = club.people["nik"].id
    yield Cell("write:nik", "kim", taps(kim, f"write:{number}"), TOLD, None, taps(kim, "write:999999"))


def _unready(club: Club, actor: str) -> dict[str, Any]:
    """What a button for athletes reads like to whoever is none: to a guardian like one of no use to anybody."""
    return taps(club.chat(actor), "zzz:zzz") if actor in GUARDIANS else says(club.chat(actor), "/zzz")


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
    "cover": cover_cells,
    "taps": tap_cells,
    "plans": plan_cells,
    "files": file_cells,
    "words": word_cells,
    "own steps": own_step_cells,
    "steps of others": foreign_step_cells,
    "letters": letter_cells,
    "begun": begun_cells,
    "noted": noted_cells,
    "drafts": draft_cells,
    "guardians": guardian_cells,
    "anything else": other_cells,
}


def _other_digits(number: str) -> str:
    """The same number in digits of another script, which Python also takes for a number."""
    return "".join(chr(0x660 + int(digit)) for digit in number)


def talks(club: Club) -> dict[tuple[str, str], Talk]:
    """Each step of each script, reached as a person reaches it: by tapping and typing whatever leads on."""
    found: dict[tuple[str, str], Talk] = {}
    ann = {"athlete": club.people["ann"].id, "athlete_name": "Somebody"}
    file = {"file_id": "f", "name": "june.csv"}
    known: dict[str, list[dict[str, Any]]] = {
        "morning": [{"day": NOW.date().isoformat()}],
        "settled": [
            {"where": "knee", "side": None, "level": 4, "ago": 1, "since": "2027-03-01", "day": f"{NOW:%Y-%m-%d}"}
        ],
        "race": [{"phase": one.name, "day": f"{NOW:%Y-%m-%d}"} for one in races.PHASES if one.name != "morning"],
        "broadcast": [{"words": "hello"}],
        "relay": [ann],
        "concern_note": [{"short": "ANN33", "athlete_name": "Somebody"}],
        "came_of": [{"short": "ANN33", "athlete_name": "Somebody"}],
        "sure": [{"topic": "body", "flag": "words", "words": "odd", "because": []}],
        "session": [{"several": True}, {}],
        "move": [{}, {"which": "b"}],
        "object": [{"short": "PANN2"}],
        "revise": [ann | {"short": "PANN2"}],
        "import": [file],
        "order": [file | ann],
        "me": [{"field": name} for name in FIELDS],
        "add": [ann | {"field": "goal"}],
        "jot": [ann],
        "whom": [{"then": "note", "rest": "a secret"}],
    }
    for name, script in SCRIPTS.items():
        bubble = f"{name}:x"
        waiting = [engine.begin(script, turn=TURN, bubble=bubble, now=NOW, known=one) for one in known.get(name, [{}])]
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
    played = _play(club, cell, cell.update, cell.talk, cell.rings)
    if not played.handled:
        yield "the turn failed"
        return
    target = cell.target if cell.may is not False else None
    near = {cell.actor, club_of.GROUP}
    ward = club_of.WARDS.get(cell.actor)
    for athlete in (cell.actor, target, ward):
        if athlete == "nik":
            near |= {"nik", "kim", "bo"}
        if athlete in OWN:
            near |= {athlete, *OWN[athlete], *COVER[athlete]}
        near |= {one for one, theirs in club_of.WARDS.items() if theirs == athlete}
    if cell.action.startswith("leave."):
        near.add("hal")
    if cell.action == "blocks" and cell.actor in COACHES:
        near |= COACHES
    for to, payload, _row in played.messages():
        if to not in near:
            yield f"{to} gets {payload.get('text')!r}"
        for owner, kind, word in club_of.CANARIES:
            if word in str(payload) and not club_of.reads(to, owner, kind) and word not in str(cell.update):
                yield f"{to} reads {word}"
    for table, whose in played.touched():
        theirs = table in ("journal", "escalation", "due", "version", "session", "proposal", "setting")
        theirs = theirs or bool(cell.may and cell.action.startswith(("erase:", "/move_athlete")))
        theirs = theirs or cell.action.startswith(("guardian.", "stop.", "grown."))  # an end is in the athlete's row
        if "drill" in cell.action and whose == {"?"}:  # who was made up
            continue
        if cell.action == "/week" and table == "journal" and whose <= {one for one in OWN if cell.actor in OWN[one]}:
            continue  # the letters that are drafted for each
        meant = whose <= {cell.actor, target, "?"} if table == "setting" else cell.actor in whose
        if not meant and not ({target, ward} & whose and theirs):
            yield f"a row of {sorted(whose)} in {table} has changed"
    if cell.may in (False, TOLD):
        yield from _not_refused(played, cell)
    if cell.may is FIRST:
        consent = _cached(club, heard, cell, says(club.chat("ivo"), "/checkin"))
        if "agree" not in str(played.told("ivo")) or not consent.told("ivo"):
            yield "is not asked to agree first"
        yield from _not_refused(played, cell)
    if cell.reference is None or cell.may is FIRST:
        return
    instead = (cell.talk[0], cell.instead) if cell.talk and cell.instead else None
    other = _cached(club, heard, cell, cell.reference, instead, cell.rings_instead)
    same = played.told(cell.actor) == other.told(cell.actor)
    if cell.may in (True, TOLD) and same:
        yield f"nothing comes of it: {played.told(cell.actor)}"
    if cell.may is False and not same:
        yield f"reads {played.told(cell.actor)}, but for what is not there {other.told(cell.actor)}"


def _not_refused(played: Played, cell: Cell) -> Iterator[str]:
    technical = {"person"}
    if cell.rings:  # has rung
        technical.add("due")
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


Talking = tuple[str, Talk] | None
Ringing = tuple[str, dict[str, Any]] | None


def _play(club: Club, cell: Cell, update: dict[str, Any], talk: Talking, rings: Ringing) -> Played:
    def before() -> None:
        if talk is not None:
            club.set(talk[0], talks=(talk[1],), turn=talk[1].turn)
        if rings is not None:
            club.wakes(cell.actor, *rings)

    return club.play(update, before=before if talk or rings else None)


def _cached(
    club: Club,
    heard: dict[str, Played],
    cell: Cell,
    update: dict[str, Any],
    talk: Talking = None,
    rings: Ringing = None,
) -> Played:
    key = f"{update}{talk}{rings}"
    if key not in heard:
        heard[key] = _play(club, cell, update, talk, rings)
    return heard[key]


# The largest kinds go in parts, so that a machine busy with other things ends each within its time, and several hands
# can take them. A part is some of the actors: what a cell is compared with is then mostly played already.
PARTS = {"commands": 3, "taps": 3, "plans": 2}
SHARES = [(kind, part, PARTS.get(kind, 1)) for kind in KINDS for part in range(PARTS.get(kind, 1))]


@pytest.mark.parametrize(("kind", "part", "parts"), SHARES, ids=lambda value: str(value))
def test_everybody_may_what_the_oracle_says_and_nothing_else(
    kind: str, part: int, parts: int, migrated_database_url: str
) -> None:
    base = open_db(migrated_database_url)
    found: list[str] = []
    try:
        with base.engine.connect() as tx, tx.begin() as whole:
            club = Club(base, tx)
            cells = list(KINDS[kind](club))
            cells = cells[len(cells) * part // parts : len(cells) * (part + 1) // parts]
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
    acts = [life.wish(said) for said in PLAIN_WISHES]
    assert None not in acts and len({one[0] for one in acts if one}) == len(set(life.PLAIN.values()))


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
