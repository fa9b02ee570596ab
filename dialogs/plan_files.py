"""Plans in and out of files: CSV (`plan_csv`) and iCalendar (`plan_ics`).

    read    bytes -> sessions, and every line that could not be read, by its number. What a file is, its content says;
            names lie
    merge   what an import would do to a plan, before anybody does it. The file takes the place of the plan from its
            first day to its last, and nowhere else; days before today stay as they are, whatever it says of them. A
            session that is there already, word for word, stays and keeps its id, so that a file imported twice changes
            nothing the second time
    write_csv, write_ics
            what `read` reads back exactly, but for ids and for what is held

Nothing is imported here. A caller shows the Merge (`by_day`) and the problems, asks, and makes a version of the plan of
it: dialogs.plan.changed(plan, today, now, by="coach", cause="import", removed=..., added=...).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from dialogs import plan_csv, plan_ics
from dialogs.model import Plan, Session
from dialogs.plan import new_id, ordered
from dialogs.plan_csv import Order
from dialogs.plan_csv import write as write_csv
from dialogs.plan_ics import write as write_ics
from dialogs.plan_reading import MAX_BYTES, Problem, Read, letters, said, shown, tidy

__all__ = (
    "Day",
    "Merge",
    "Order",
    "Problem",
    "Read",
    "by_day",
    "merge",
    "read",
    "said",
    "shown",
    "write_csv",
    "write_ics",
)

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # a workbook of a spreadsheet, new or old


def read(data: bytes, *, name: str, zone: str, today: date, order: Order | None = None) -> Read:
    """What this file says. `zone` and `today` are the athlete's; `order` is what a coach has answered about dates like
    3/4/2026 ("dmy", "mdy"). Never raises for whatever is in the file."""
    if len(data) > MAX_BYTES:
        return Read(problems=(Problem(0, "plan_file.too_big", {"limit": MAX_BYTES // 1000}),))
    if data.startswith(_SHEETS):
        return Read(problems=(Problem(0, "plan_file.workbook"),))
    if data.startswith(_UTF16):
        data = data.decode("utf-16", "replace").encode()
    data = data.removeprefix(b"\xef\xbb\xbf")
    text = letters(data)
    if not text.strip():
        return Read(problems=(Problem(0, "plan_file.empty"),))
    if "\0" in text or text.startswith("%PDF"):
        return Read(problems=(Problem(0, "plan_file.no_text"),))
    if text.lstrip().upper().startswith("BEGIN:VCALENDAR"):
        return plan_ics.read(data, zone=zone, today=today)
    if name.casefold().endswith((".ics", ".ical")):
        return Read(problems=(Problem(1, "plan_file.no_calendar"),))
    return plan_csv.read(text, today, order)


# --- what an import would do --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Merge:
    """What an import would do to a plan.

    removed, added  as dialogs.plan.changed takes them; what is added has its id
    kept            stands in the plan and in the file alike
    after           of the plan, behind the file's last day: stays, since the file does not speak of it
    past            how many sessions of the file lie before today, and are left out
    first, last     the days that the file decides about; None where it has none from today on
    """

    removed: tuple[Session, ...] = ()
    added: tuple[Session, ...] = ()
    kept: tuple[Session, ...] = ()
    after: tuple[Session, ...] = ()
    past: int = 0
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """One day of a Merge."""

    day: date
    removed: tuple[Session, ...]
    added: tuple[Session, ...]
    kept: tuple[Session, ...]


def merge(plan: Plan, read: Read, today: date) -> Merge:
    """What importing `read` would do to `plan`. `today`: the athlete's."""
    wanted = [one for one in read.sessions if one.day >= today]
    past = len(read.sessions) - len(wanted)
    if not wanted:
        return Merge(after=tuple(one for one in plan.sessions if one.day >= today), past=past)
    first = max(min(one.day for one in read.sessions), today)
    last = max(one.day for one in wanted)
    missing = Counter(_said(one) for one in wanted)
    removed, kept = [], []
    for one in plan.between(first, last):
        if missing[_said(one)]:
            missing[_said(one)] -= 1
            kept.append(one)
        else:
            removed.append(one)
    ids: list[str] = []
    added: list[Session] = []
    for one in missing.elements():
        ids.append(new_id(plan, one.day, ids))
        added.append(replace(one, id=ids[-1]))
    after = tuple(one for one in plan.sessions if one.day > last)
    return Merge(tuple(removed), ordered(added), tuple(kept), after, past, first, last)


def _said(session: Session) -> Session:
    """What a file can say of it."""
    return replace(session, id="", held=None, text=tidy(session.text))


def by_day(merge: Merge) -> tuple[Day, ...]:
    """The days that would change or stay, in order; days without a session are not in it."""
    days = sorted({one.day for one in (*merge.removed, *merge.added, *merge.kept)})

    def on(day: date, sessions: Iterable[Session]) -> tuple[Session, ...]:
        return tuple(one for one in sessions if one.day == day)

    return tuple(Day(day, on(day, merge.removed), on(day, merge.added), on(day, merge.kept)) for day in days)
