"""What the operator does at the command line beside running the service: each command is one function.

They open the database themselves, also while the service runs, and say in one sentence (`Complaint`) what they cannot
do and what to do about it. Texts here are the operator's, in English.
"""

from __future__ import annotations

import argparse
import asyncio
import json

from bot.config import Settings


class Complaint(Exception):
    """What the operator reads when a command cannot do its work."""


def prepare(settings: Settings, *, migrate_it: bool) -> None:
    """Look at the database, and bring it to this release. Raises Complaint."""
    from storage import db

    try:
        if migrate_it:
            db.migrate(settings.database_url)
    except db.NewerDatabase as error:
        raise Complaint(str(error)) from None
    except Exception as error:
        raise Complaint(
            f"the database cannot be used ({type(error).__name__}): check DATABASE_URL, and `aidstation doctor`"
        ) from error


def invite(settings: Settings, asked: argparse.Namespace) -> int:
    """`aidstation invite`: a seat for one person, and the link that leads to it."""
    from bot import app
    from dialogs.joining import INVITE_LIVES
    from storage import club, db
    from storage import people as known

    name = " ".join(asked.name.split())
    if not name or len(name) > 60:
        raise Complaint("a name has 1 to 60 letters")
    if asked.role == "athlete" and not asked.coach:
        raise Complaint("whose athlete? Say so: aidstation invite athlete NAME --coach NAME")
    if asked.role == "coach" and asked.coach:
        raise Complaint("a coach is nobody's athlete: leave --coach away")
    prepare(settings, migrate_it=True)
    base = db.open_db(settings.database_url)
    try:
        with base.read() as tx:
            coaches = known.find(tx, asked.coach, "coach") if asked.coach else ()
            bot = club.recall(tx, "bot_username")
        if asked.coach and len(coaches) != 1:
            what = "is no coach" if not coaches else "is more than one coach"
            raise Complaint(f"{asked.coach} {what} here: see `aidstation people`")
        clock = app.Clock()
        code = app.keep_seat(base, clock.now(), name, coaches[0].id if coaches else None)
        bot = bot or asyncio.run(app.bot_name(settings))
        if bot:
            app.remember_bot_name(base, bot)
    finally:
        base.close()
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
    from storage import db
    from storage import people as known

    prepare(settings, migrate_it=True)
    base = db.open_db(settings.database_url)
    try:
        with base.read() as tx:
            everyone = known.everyone(tx)
    finally:
        base.close()
    names = {one.id: one.name for one in everyone}
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "role": "+".join(role for role, has in (("coach", one.coaches), ("athlete", one.runs)) if has),
            "coach": names.get(one.coach_id) if one.coach_id else None,
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
        coach = f" of {row['coach']}" if row["coach"] else ""
        print(f"{row['id']:>4}  {row['name']}, {row['role']}{coach}, {row['hour']} {row['zone']}{state}")
    return 0
