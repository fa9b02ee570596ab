"""`aidstation plan import | export | show`: an athlete's plan between the database and files, typed by the operator.

What an import would do is printed day by day, with every line that could not be read, by its number, and then it asks.
It is one version of the plan, made in the operator's name, which a coach can undo. Nothing is imported while there are
lines that could not be read, unless --skip-unreadable says that the rest will do.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot import admin
from bot.admin import Complaint
from bot.config import Settings

if TYPE_CHECKING:  # see bot.admin
    from sqlalchemy import Connection

    from dialogs.model import Person, Plan, Session
    from dialogs.plan_files import Merge, Read

STOPPED = (
    "Nothing was imported: mend these lines, or leave them out with --skip-unreadable. Dates that may be either: "
    "--dates dmy or --dates mdy"
)
LOOK_BACK = timedelta(days=40)  # as far as a turn looks: what stands there may have an id of a day that is to come


def command(settings: Settings, asked: argparse.Namespace) -> int:
    """One of the three; options of the others are refused, and not passed over."""
    theirs = {
        "import": ("dry_run", "yes", "skip_unreadable", "dates"),
        "export": ("format", "to"),
        "show": (),
    }
    given = [name for names in theirs.values() for name in names if getattr(asked, name)]
    if wrong := [name for name in given if name not in theirs[asked.what]]:
        raise Complaint(f"--{wrong[0].replace('_', '-')} is nothing for `aidstation plan {asked.what}`")
    if (asked.file is None) is (asked.what == "import"):
        missing = "say which file: aidstation plan import ATHLETE FILE"
        raise Complaint(
            missing if asked.file is None else f"{asked.file} is too much: `plan {asked.what}` takes a name"
        )
    return {"import": import_, "export": export, "show": show}[asked.what](settings, asked)


# --- in -----------------------------------------------------------------------------------------------------------


def import_(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.clock import Clock
    from dialogs import plan, plan_files
    from storage import plans
    from storage.db import Conflict

    if asked.json and not (asked.yes or asked.dry_run):
        raise Complaint("--json asks nothing: add --yes or --dry-run")
    data = _bytes(Path(asked.file))
    with admin.database(settings) as base:
        with base.read() as tx:
            athlete, today, before = _looked_up(tx, asked.athlete, Clock().now())
        read = plan_files.read(data, name=asked.file, zone=athlete.zone, today=today, order=asked.dates)
        merge = plan_files.merge(before, read, today)
        stopped = bool(read.problems) and not asked.skip_unreadable
        changes = bool(merge.removed or merge.added)
        if not asked.json:
            _print(athlete, read, merge, today)
        if stopped and not asked.json:
            print(STOPPED, file=sys.stderr)
        number = None
        if changes and not stopped and not asked.dry_run:
            if not asked.yes:
                _confirm(f"Import this into the plan of {athlete.name}? Type yes: ")
            now = Clock().now()
            try:
                with base.begin() as tx:
                    _, change = plan.changed(
                        before, today, now, by="coach", cause="import", removed=merge.removed, added=merge.added
                    )
                    plans.save(tx, athlete.id, change, None, now)
            except Conflict:
                raise Complaint("the plan has been changed in the meantime: nothing was imported; call again") from None
            number = change.number
    if asked.json:
        print(json.dumps(_facts(athlete, read, merge, number), indent=2, ensure_ascii=False))
    elif number is not None:
        print(f"Imported: version {number} of the plan of {athlete.name}.")
    elif not changes and not stopped:
        print("There is nothing to change.")
    return 1 if stopped else 0


def _bytes(path: Path) -> bytes:
    from dialogs.plan_reading import MAX_BYTES

    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # one byte more is enough to see that it is too big
    except OSError as error:
        raise Complaint(f"{path} cannot be read ({error.strerror}): name another file") from None


def _print(athlete: Person, read: Read, merge: Merge, today: date) -> None:
    from dialogs import plan_files

    for told in (*read.problems, *read.notes):
        print(plan_files.said(told))
    if read.problems or read.notes:
        print()
    for day in plan_files.by_day(merge):
        if day.removed or day.added:
            print(f"{day.day:%a %Y-%m-%d}")
            for sign, sessions in (("-", day.removed), ("+", day.added), (" ", day.kept)):
                for one in sessions:
                    print(f"  {sign} {_line(one)}")
    stays = [f"{len(merge.kept)} stay as they are"] if merge.kept else []
    if merge.past:
        stays.append(f"{merge.past} before today ({today}) are left out, for the past is never changed")
    if merge.after:
        stays.append(f"{len(merge.after)} behind the file's last day stay")
    come = f"{athlete.name}: {len(merge.added)} to come, {len(merge.removed)} to go"
    print("; ".join([come, *stays]) + ".")


def _line(session: Session) -> str:
    from dialogs.plan_reading import shown, tidy

    text = " ".join(tidy(session.text).split())
    return shown(session) + (f": {text}" if text else "")


def _confirm(question: str) -> None:
    try:
        answer = input(question)
    except EOFError:
        answer = ""
    if answer.strip().casefold() not in ("y", "yes"):
        raise Complaint("nothing was imported (--yes says yes beforehand)")


def _facts(athlete: Person, read: Read, merge: Merge, number: int | None) -> dict[str, Any]:
    from dialogs import plan_files

    return {
        "id": athlete.id,
        "name": athlete.name,
        "problems": [{"line": one.line, "text": plan_files.said(one)} for one in read.problems],
        "notes": [{"line": one.line, "text": plan_files.said(one)} for one in read.notes],
        "days": [
            {"day": one.day.isoformat(), **{name: _rows(getattr(one, name)) for name in ("removed", "added", "kept")}}
            for one in plan_files.by_day(merge)
        ],
        "past": merge.past,
        "version": number,
    }


def _rows(sessions: Iterable[Session]) -> list[dict[str, Any]]:
    from dataclasses import asdict

    return [asdict(one) | {"day": one.day.isoformat()} for one in sessions]


# --- out ----------------------------------------------------------------------------------------------------------


def export(settings: Settings, asked: argparse.Namespace) -> int:
    from bot.clock import Clock
    from dialogs import plan_files
    from storage import plans

    if asked.json and not asked.to:
        raise Complaint("--json says what was written where: name a file with --to, or see `aidstation plan show`")
    now = Clock().now()
    with admin.database(settings) as base, base.read() as tx:
        athlete, _, _ = _looked_up(tx, asked.athlete, now)
        whole = plans.current(tx, athlete.id, date.min)
    if not whole.sessions:
        raise Complaint(f"{athlete.name} has no plan yet")
    if (asked.format or "csv") == "csv":
        content = plan_files.write_csv(whole.sessions).encode("utf-8-sig" if asked.to else "utf-8")  # for Excel
    else:
        whose = f"athlete-{athlete.id}"
        content = plan_files.write_ics(
            whole.sessions, name=athlete.name, zone=athlete.zone, now=now, whose=whose, language=athlete.language
        ).encode()
    if not asked.to:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
        return 0
    try:
        Path(asked.to).write_bytes(content)
    except OSError as error:
        raise Complaint(f"{asked.to} cannot be written ({error.strerror}): name another file") from None
    if asked.json:
        print(json.dumps({"id": athlete.id, "name": athlete.name, "file": asked.to, "sessions": len(whole.sessions)}))
    else:
        print(f"The plan of {athlete.name}, {len(whole.sessions)} sessions: {asked.to}")
    return 0


def show(settings: Settings, asked: argparse.Namespace) -> int:
    """From the Monday of this week on."""
    from bot.clock import Clock

    with admin.database(settings) as base, base.read() as tx:
        athlete, today, plan = _looked_up(tx, asked.athlete, Clock().now())
    monday = today - timedelta(days=today.weekday())
    sessions = [one for one in plan.sessions if one.day >= monday]
    if asked.json:
        facts = {"id": athlete.id, "name": athlete.name, "version": plan.number, "sessions": _rows(sessions)}
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return 0
    if not sessions:
        print(f"{athlete.name} has nothing planned from {monday} on.")
    for one in sessions:
        print(f"{one.day:%a %Y-%m-%d}  {_line(one)}")
    return 0


def _looked_up(tx: Connection, wanted: str, now: Any) -> tuple[Person, date, Plan]:
    """The athlete, their date, and their plan as it stands. Raises Complaint."""
    from dialogs import timing
    from storage import plans

    athlete = admin._one(tx, wanted)
    if not athlete.runs:
        raise Complaint(f"{athlete.name} is no athlete here: see `aidstation people`")
    today = timing.local_date(athlete.zone, now)
    return athlete, today, plans.current(tx, athlete.id, today - LOOK_BACK)
