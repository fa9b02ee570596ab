"""A plan as facts for a text, a session read from a line, and an athlete's look at the plan."""

from __future__ import annotations

import re
from datetime import date, timedelta

from dialogs import signals, timing
from dialogs.draft import Draft, Rows
from dialogs.model import Button, Json, Person, Session
from dialogs.plan import FORMS, KINDS, hard, ordered

_DAY = timedelta(days=1)
SPANS = {  # what may stand behind /plan, and how many weeks ahead it is
    "": 0,
    "today": 0,
    "week": 0,
    "this week": 0,
    "next": 1,
    "next week": 1,
}
SPOKEN = {  # the same in the other languages in which people write
    "hoy": "today", "aujourd'hui": "today", "heute": "today",
    "esta semana": "week", "cette semaine": "week", "diese woche": "week",
    "la próxima semana": "next", "próxima semana": "next", "la semana que viene": "next",
    "la semaine prochaine": "next", "semaine prochaine": "next", "nächste woche": "next",
}  # fmt: skip
_KIND = re.compile(rf"(?P<kind>{'|'.join(KINDS)})\b", re.IGNORECASE)
_MEASURE = re.compile(
    r"(?P<km>\d{1,3}(?:[.,]\d{1,2})?) ?(?:km|k)\b"
    r"|(?P<mi>\d{1,3}(?:[.,]\d)?) ?(?:mi|miles?)\b"
    r"|(?P<h>\d{1,2}) ?h(?:ours?)? ?(?P<hm>[0-5]?\d)?\b"
    r"|effort (?P<effort>10|\d)\b"
    r"|(?P<min>\d{1,4})(?: ?(?:min(?:utes)?|m|'))?(?=[\s,:;]|$)",
    re.IGNORECASE,
)
KM_PER_MILE = 1.609


def facts(session: Session) -> dict[str, Json]:
    """A session as a text can use it."""
    return {
        "id": session.id,
        "day": session.day.isoformat(),
        "weekday": session.day.weekday(),
        "kind": session.kind,
        "minutes": session.minutes,
        "km": session.km,
        "descent": session.descent,
        "effort": session.effort,
        "text": session.text,
        "form": session.form,
        "held": session.held is not None,
        "hard": hard(session),
    }


def offered(session: Session) -> dict[str, Json]:
    """A session on a button."""
    return {"text": "button.session_on", "args": {"s": facts(session)}}


def read_session(text: str, day: date) -> Session | None:
    """A session in a line: its kind first, then minutes, kilometres or miles, "effort 3", and behind a colon or comma
    whatever the athlete should read. None: there is no kind in it that we know."""
    said = text.strip()
    kind = _KIND.match(said)
    if kind is None:
        return None
    head, _, tail = re.sub(r"\s+", " ", said[kind.end() :]).partition(":")
    values: dict[str, str] = {}
    rest = _MEASURE.sub(lambda found: values.update({k: v for k, v in found.groupdict().items() if v}) or "", head)
    words = " ".join(part for part in (rest.strip(" ,;."), tail.strip()) if part)
    minutes = int(values["min"]) if "min" in values else None
    if "h" in values:
        minutes = int(values["h"]) * 60 + int(values.get("hm", 0))
    km = float(values["km"].replace(",", ".")) if "km" in values else None
    if "mi" in values:
        km = round(float(values["mi"].replace(",", ".")) * KM_PER_MILE, 1)
    named = kind["kind"].casefold()
    form = next((one for one in FORMS if one in words.casefold().split()), None)
    return Session(
        "", day, named, None if named == "rest" else minutes, km, None,
        int(values["effort"]) if "effort" in values else None, words,
        (form or "bodyweight") if named == "strength" else None,
    )  # fmt: skip


# --- looking --------------------------------------------------------------------------------------------------------


def monday_of(day: date) -> date:
    return day - day.weekday() * _DAY


def week(draft: Draft, athlete: Person, monday: date) -> list[dict[str, Json]]:
    """Seven days with their sessions, and what was reported of them."""
    training = draft.training(athlete)
    today = timing.local_date(athlete.zone, draft.now)
    done = signals.days(training.records)
    shown: list[dict[str, Json]] = []
    for number in range(7):
        day = monday + number * _DAY
        reports = done[day].done if day in done else ()
        shown.append(
            {
                "day": day.isoformat(),
                "weekday": number,
                "today": day == today,
                "sessions": [facts(one) for one in ordered(training.plan.on(day))],
                "did": [one.did for one in reports],
            }
        )
    return shown


def show(draft: Draft, rest: str) -> None:
    """/plan, of an athlete: this week, the next one, or the one in which today is."""
    said = " ".join(rest.casefold().replace("’", "'").split())
    span = SPOKEN.get(said, said)
    _show_own(draft, SPANS.get(span, 0), today_only=span == "today")


def shown(draft: Draft, span: str) -> None:
    """The same by a button, in place."""
    _show_own(draft, SPANS.get(span, 0), today_only=span == "today", edit=draft.tapped is not None)


def _show_own(draft: Draft, ahead: int, *, today_only: bool, edit: bool = False) -> None:
    monday = monday_of(draft.today) + 7 * ahead * _DAY
    days = week(draft, draft.person, monday)
    if today_only:
        days = [one for one in days if one["today"]]
    plan = draft.training().plan
    has_plan = any(one.day >= monday_of(draft.today) for one in plan.sessions)
    others = [
        Button(f"button.plan_{name}", f"plan:{name}")
        for name, on in (("today", not today_only), ("week", today_only or ahead == 1), ("next", ahead == 0))
        if on
    ]
    doing = (Button("button.session", "do:session"), Button("button.busy", "do:busy"), Button("button.move", "do:move"))
    rows: Rows = (tuple(others), doing) if any(plan.on(draft.today)) else (tuple(others),)
    draft.say(
        "plan.week",
        {"days": days, "next": ahead == 1, "today_only": today_only, "any": has_plan},
        buttons=rows if has_plan else (),
        edit=edit,
    )
