"""What the operator does at the command line beside running the service: each command is one function.

They open the database themselves, also while the service runs, and say in one sentence (`Complaint`) what they cannot
do and what to do about it. Texts here are the operator's, in English.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Settings

if TYPE_CHECKING:  # not at run time: `aidstation --version` shall not wait for a database library
    from sqlalchemy import Connection

    from dialogs.model import Person
    from storage.db import Database


class Complaint(Exception):
    """What the operator reads when a command cannot do its work."""


def prepare(settings: Settings, *, migrate_it: bool) -> None:
    """Look at the database, and bring it to this release. Raises Complaint."""
    from storage import db, moving

    half = False
    try:
        if migrate_it:
            db.migrate(settings.database_url)
            base = db.open_db(settings.database_url)
            half = moving.unfinished(base)
            base.close()
    except db.NewerDatabase as error:
        raise Complaint(str(error)) from None
    except Exception as error:
        raise Complaint(
            f"the database cannot be used ({type(error).__name__}): check DATABASE_URL, and `aidstation doctor`"
        ) from error
    if half:
        raise Complaint(
            "a copy into this database is not finished: set DATABASE_URL to the database it comes from and call "
            "`aidstation copy --to` again, which goes on where it stopped"
        )


@contextmanager
def database(settings: Settings) -> Iterator[Database]:
    """The database, at this release, for one command. Raises Complaint."""
    from storage import db

    prepare(settings, migrate_it=True)
    base = db.open_db(settings.database_url)
    try:
        yield base
    finally:
        base.close()


def invite(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation invite`: a seat for one person, and the link that leads to it."""
    from bot import app
    from bot.clock import Clock
    from dialogs.joining import INVITE_LIVES
    from storage import club
    from storage import people as known

    name = " ".join(asked.name.split())
    if not name or len(name) > 60:
        raise Complaint("a name has 1 to 60 letters")
    if asked.role == "athlete" and not asked.coach:
        raise Complaint("whose athlete? Say so: aidstation invite athlete NAME --coach NAME")
    if asked.role == "coach" and asked.coach:
        raise Complaint("a coach is nobody's athlete: leave --coach away")
    with database(settings) as base:
        with base.read() as tx:
            coaches = known.find(tx, asked.coach, "coach") if asked.coach else ()
            bot = club.recall(tx, "bot_username")
        if asked.coach and len(coaches) != 1:
            what = "is no coach" if not coaches else "is more than one coach"
            raise Complaint(f"{asked.coach} {what} here: see `aidstation people`")
        clock = Clock()
        code = app.keep_seat(base, clock.now(), name, coaches[0].id if coaches else None)
        bot = bot or asyncio.run(app.bot_name(settings))
        if bot:
            app.remember_bot_name(base, bot)
    link = f"https://t.me/{bot or '<bot>'}?start={code}"
    facts = {"name": name, "role": asked.role, "link": link, "code": code, "days": INVITE_LIVES.days}
    if asked.json:
        print(json.dumps(facts, ensure_ascii=False))
        return 0
    print(f"A seat for {name}. This link works once, for {INVITE_LIVES.days} days:\n{link}\nCode: {code}")
    if not bot:
        print("Telegram could not be asked for the bot's name: put it in the place of <bot>.")
    return 0


def people(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation people`: who is here."""
    from storage import people as known

    with database(settings) as base:
        with base.read() as tx:
            everyone = known.everyone(tx)
    names = {one.id: one.name for one in everyone}
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "role": "+".join(
                role
                for role, has in (("coach", one.coaches), ("athlete", one.runs), ("guardian", one.ward_id is not None))
                if has
            ),
            "coach": names.get(one.coach_id) if one.coach_id else None,
            "under_18": one.minor is True,
            "guardian": names.get(one.guardian_id) if one.guardian_id else None,
            "guardian_of": names.get(one.ward_id) if one.ward_id else None,
            "zone": one.zone,
            "hour": f"{one.ask_at:%H:%M}",
            "started": one.chat_id is not None,
            "joined": one.consent_at is not None,
            "reachable": one.reachable,
            "last_checkin": one.asked_on.isoformat() if one.asked_on else None,
        }
        for one in everyone
    ]
    if asked.json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    if not rows:
        print("Nobody yet. `aidstation invite coach NAME` makes the first link.")
    for row in rows:
        state = "" if row["joined"] and row["reachable"] else ", has blocked the bot" if row["joined"] else ", joining"
        state = state if row["started"] else ", has not pressed Start"
        whose = row["coach"] or row["guardian_of"]
        whose = f" of {whose}" if whose else ""
        young = f", under 18 with {row['guardian'] or 'no guardian'}" if row["under_18"] else ""
        print(f"{row['id']:>4}  {row['name']}, {row['role']}{whose}{young}, {row['hour']} {row['zone']}{state}")
    return 0


def minors(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation minors [on|off]`: whether people under 18 may join. Off, as long as nobody has said "on"."""
    from storage import club
    from storage import people as known

    with database(settings) as base:
        with base.begin() as tx:
            young = sum(one.minor is True for one in known.everyone(tx))
            if asked.state == "off" and young:
                who = "one person under 18 is" if young == 1 else f"{young} people under 18 are"
                raise Complaint(f"{who} here: they have to go first, `aidstation people` names them")
            if asked.state is not None:
                club.remember(tx, club.MINORS, asked.state)
            on = club.recall(tx, club.MINORS) == "on"
    if asked.json:
        print(json.dumps({"minors": "on" if on else "off", "under_18": young}))
    elif on:
        print(f"on: people under 18 may join, each with a guardian who reads along ({young} here)")
    else:
        print("off: who says that they are under 18 is told that this club takes adults only here")
    return 0


def export(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation export PERSON --to FOLDER`: the two files of their own /export."""
    from bot.clock import Clock
    from dialogs import rights as files
    from storage import rights

    folder = Path(asked.to)
    with database(settings) as base:
        with base.read() as tx:
            person = _one(tx, asked.person)
            everything = rights.everything(tx, person.id)
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in files.documents(everything, Clock().now(), person.language):
            written.append(folder / one.name)
            written[-1].write_bytes(one.content.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise Complaint(f"{folder} cannot be written to ({error.strerror}): name another folder") from None
    if asked.json:
        print(json.dumps({"id": person.id, "name": person.name, "files": [str(one) for one in written]}))
        return 0
    print(f"Everything about {person.name}, to read and as data:")
    print("\n".join(str(one) for one in written))
    print("Give it to them and to nobody else, and then delete it here.")
    return 0


def erase(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation erase PERSON`: the same as their own /erase; whatever is open, the operator has looked."""
    from bot import app
    from bot.clock import Clock
    from storage import journal, rights

    with database(settings) as base:
        with base.begin() as tx:
            person = _one(tx, asked.person)
            open_ones = [one.short for one in journal.open_for_athlete(tx, person.id)]
            if person.coaches:
                _refuse_the_last(tx, person)
        if not asked.yes:
            if open_ones:
                print(f"Not closed yet: #{', #'.join(open_ones)}. Has a human looked?")
            _confirm(f"Erase everything about {person.name} ({person.id})? There is no way back. Type yes: ")
        now = Clock().now()
        app.erase(base, now, person.id)
        with base.read() as tx:
            receipt = next(receipt for id, receipt, _ in rights.erased_since(tx, now) if id == person.id)
    if asked.json:
        print(json.dumps({"id": person.id, "receipt": receipt}))
        return 0
    print(f"Erased. Receipt {receipt[:5]}-{receipt[5:]}. They get it, too, when the service runs.")
    print("Backups that you have made hold them still: let those age out.")
    return 0


def leave(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation leave COACH`: the same as their own /leave. Their athletes are asked, and the head coach answers."""
    from bot import app
    from bot.clock import Clock

    with database(settings) as base:
        with base.begin() as tx:
            person = _one(tx, asked.coach)
            if not person.coaches:
                raise Complaint(f"{person.name} is no coach here: see `aidstation people`")
            _refuse_the_last(tx, person)
        if not asked.yes:
            _confirm(f"{person.name} ({person.id}) shall coach nobody here any more? Type yes: ", "nothing has changed")
        app.leave(base, Clock().now(), person.id)
    if asked.json:
        print(json.dumps({"id": person.id, "name": person.name}, ensure_ascii=False))
        return 0
    print(f"{person.name} coaches nobody here any more. Their athletes are asked when the service runs.")
    return 0


def _one(tx: Connection, wanted: str) -> Person:
    """The one person of this number or name. Raises Complaint, which lists those of one name."""
    from storage import people as known

    everyone = known.everyone(tx)
    found = [one for one in everyone if str(one.id) == wanted.strip()]
    found = found or [one for one in everyone if one.name.strip().casefold() == wanted.strip().casefold()]
    if not found:
        raise Complaint(f"there is nobody called {wanted} here: see `aidstation people`")
    if len(found) > 1:
        numbers = ", ".join(str(one.id) for one in found)
        raise Complaint(
            f"more than one is called {wanted} here: say which by number ({numbers}), see `aidstation people`"
        )
    return found[0]


def _refuse_the_last(tx: Connection, coach: Person) -> None:
    from storage import people as known

    everyone = [one for one in known.everyone(tx) if one.id != coach.id]
    theirs = [one for one in everyone if one.coach_id == coach.id]
    if theirs and not any(one.coaches and one.chat_id is not None for one in everyone):
        raise Complaint(
            f"{coach.name} is the only coach, and {len(theirs)} would be left with nobody who reads them: "
            "invite another coach first, `aidstation invite coach NAME`"
        )


def _confirm(question: str, otherwise: str = "nothing was erased") -> None:
    try:
        answer = input(question)
    except EOFError:
        answer = ""
    if answer.strip().casefold() != "yes":
        raise Complaint(f"{otherwise} (--yes says yes beforehand)")
