"""Who reads when the coach does not: working hours, a holiday with a substitute, one page per athlete for whoever
stands in, and the head coach's page over the club.

Theory of operation
-------------------
A holiday is three facts of a coach (from, until, who). Who has an athlete today follows from them in each turn
(`answering`), so nothing is moved, and it ends by itself. What a turn has to do is only to tell people:

    when it is set       the substitute, who may still say to the coach that it cannot be
    TELL days before     each own athlete, in the substitute's name; who would rather not says so with one tap, and then
                         the head coach has them (`Person.refused`, which holds for later holidays as well)
    on the first day     the substitute gets the names, each a button for the page about that athlete
    on the day back      coach and substitute; the three facts are taken away

Each of these wakeups names the days it was planned for, and does nothing where they have changed meanwhile. The coach's
private notes are on no page for the substitute, unless the coach has ticked that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

from dialogs import answering, desk, joining, planning, timing, when
from dialogs.draft import Draft, Rows, in_rows
from dialogs.events import Due
from dialogs.model import Button, Json, Lane, Person, Record

TELL = timedelta(days=2)
LAST_DAYS = 14  # how far back the page for the substitute looks for an athlete's last words
NOTES_ROOM = 5
_HOURS = re.compile(r"(?P<from>[\d:.]+) ?(?:-|–|to|until) ?(?P<to>[\d:.]+)(?:,? ?not (?:on )?(?P<off>.+))?")
_HOLIDAY = re.compile(r"(?:from (?P<from>.+?) )?(?:until|till|til|to) (?P<rest>.+)", re.IGNORECASE)


# --- hours ----------------------------------------------------------------------------------------------------------


def hours(draft: Draft, rest: str) -> None:
    """/hours 7-20, not Sunday: what athletes read of when this coach reads. It changes no page and no list."""
    said = " ".join(rest.casefold().split())
    if said in ("off", "none"):
        draft.change(reads_from=None, reads_to=None, reads_not=())
        draft.record("event", "hours")
    elif said:
        found = _HOURS.fullmatch(said)
        first, last = (when.hour(found[name]) for name in ("from", "to")) if found else (None, None)
        off = _weekdays(found["off"] or "") if found else None
        if not isinstance(first, time) or not isinstance(last, time) or first == last or off is None:
            draft.say("cover.hours_how")
            return
        draft.change(reads_from=first, reads_to=last, reads_not=off)
        draft.record("event", "hours", {"from": f"{first:%H:%M}", "to": f"{last:%H:%M}", "not": list(off)})
    me = draft.person
    draft.say("cover.hours", {"reads": answering.reads(me, me.zone, draft.now)})


def _weekdays(said: str) -> tuple[int, ...] | None:
    """ "Sunday", "Sat and Sun". None: something else stands there too."""
    words = [one for one in re.split(r"[,\s]+|\band\b", said) if one]
    if any(one not in when.ENGLISH.weekdays for one in words):
        return None
    found = {when.ENGLISH.weekdays[one] for one in words}
    return tuple(sorted(found)) if len(found) < 7 else None


# --- a holiday ------------------------------------------------------------------------------------------------------


def holiday(draft: Draft, rest: str) -> None:
    """/holiday until 3 July Dana; /holiday from 20 June until 3 July Dana; /holiday off. `until` is the first day back,
    as it is everywhere here."""
    me = draft.person
    said = " ".join(rest.split())
    if said.casefold() in ("off", "back", "over"):
        back(draft, "")
        return
    if not said:
        _show(draft)
        return
    found = _HOLIDAY.fullmatch(said)
    until, substitute = _until_whom(draft, found["rest"]) if found else (None, None)
    first = when.day(found["from"], draft.today) if found and found["from"] else draft.today
    if until is None or not isinstance(first, date) or not first < until or draft.today >= until:
        draft.say("cover.holiday_how", {"others": [one.name for one in draft.known.colleagues]})
        return
    if substitute is None:
        draft.say("cover.who", {"said": said, "others": [one.name for one in draft.known.colleagues]})
        return
    if not substitute.reachable or _overlaps(substitute, first, until):
        draft.say("cover.away_too", {"substitute": substitute.name})
        return
    draft.change(away_from=first, away_until=until, substitute_id=substitute.id)
    draft.record("event", "holiday", {"from": first.isoformat(), "until": until.isoformat(), "by": substitute.name})
    draft.cancel(f"holiday:{me.id}:")
    draft.say("cover.asked", _facts(draft, substitute), to=substitute, quiet=True)
    _show(draft)
    early = timing.instant_of(me.zone, first - TELL, me.ask_at) or draft.now
    begins = timing.instant_of(me.zone, first, time(0)) or draft.now
    ends = timing.instant_of(me.zone, until, me.ask_at)
    for phase, at in (("tell", early), ("begin", begins), ("end", ends)):
        if at is None or at <= draft.now:
            _PHASES[phase](draft)
        else:
            dates: dict[str, Json] = {"from": first.isoformat(), "until": until.isoformat()}
            draft.wake("holiday", f"holiday:{me.id}:{phase}:{draft.now:%Y%m%d%H%M%S}", at, None, phase=phase, **dates)


def _until_whom(draft: Draft, said: str) -> tuple[date | None, Person | None]:
    """ "3 July Dana": the day back and the colleague, whose name may have several words; each may be missing."""
    words = said.split()
    for length in range(len(words)):
        name = " ".join(words[len(words) - length :]).casefold()
        day = when.day(" ".join(words[: len(words) - length]), draft.today)
        people = [one for one in draft.known.colleagues if name and one.name.casefold() == name]
        people = people or [one for one in draft.known.colleagues if name and one.name.casefold().split()[0] == name]
        if isinstance(day, date) and (not name or len(people) == 1):
            return day, people[0] if people else None
    # There is a day, and behind it somebody whom we do not know, or two of one name.
    days = [when.day(" ".join(words[:length]), draft.today) for length in range(len(words), 0, -1)]
    return next((one for one in days if isinstance(one, date)), None), None


def _overlaps(one: Person, first: date, until: date) -> bool:
    return bool(one.away_from and one.away_until and one.away_from < until and first < one.away_until)


def _substitute(draft: Draft) -> Person | None:
    return next((one for one in draft.known.colleagues if one.id == draft.person.substitute_id), None)


def _own(draft: Draft) -> list[Person]:
    return answering.own(draft.known, draft.person)


def _facts(draft: Draft, substitute: Person | None) -> dict[str, Json]:
    me = draft.person
    return {
        "absent": me.name,
        "substitute": substitute.name if substitute else None,
        "from": me.away_from.isoformat() if me.away_from else None,
        "until": me.away_until.isoformat() if me.away_until else None,
        "now": answering.away(me, draft.now),
        "athletes": len(_own(draft)),
    }


def _show(draft: Draft) -> None:
    """What is set, with the tick for the notes and the way back."""
    me = draft.person
    others = [one.name for one in draft.known.colleagues]
    if me.away_until is None or me.away_until <= draft.today:
        draft.say("cover.holiday_how", {"others": others})
        return
    tick = "holiday:keep" if me.notes_shared else "holiday:notes"
    draft.say(
        "cover.set",
        _facts(draft, _substitute(draft)) | {"notes": me.notes_shared},
        buttons=(
            (Button("button.cover_notes", tick, {"ticked": me.notes_shared}),),
            (Button("button.home_again", "holiday:back"),),
        ),
        edit=draft.tapped is not None,
    )


def change(draft: Draft, what: str) -> None:
    """The buttons under a holiday: pass the notes on or not; back already."""
    if draft.person.away_until is None:
        draft.toast("shared.question_closed")
    elif what in ("notes", "keep"):
        draft.change(notes_shared=what == "notes")
        draft.record("event", "notes_shared", what == "notes")
        _show(draft)
    elif what == "back":
        back(draft, "")
    else:
        draft.toast("shared.question_closed")


def back(draft: Draft, rest: str) -> None:
    """Here again, before the day or instead of going at all. Athletes who have read that somebody else answers read
    that it is over."""
    me, substitute = draft.person, _substitute(draft)
    if me.away_from is None:
        draft.say("cover.not_away")
        return
    told = timing.instant_of(me.zone, me.away_from - TELL, me.ask_at)
    if told is not None and told <= draft.now:
        for one in _own(draft):
            draft.say("cover.athlete_back", {"absent": me.name}, to=one, lane=Lane.BULK, quiet=True)
    _over(draft, substitute)
    draft.say("cover.back", {"substitute": substitute.name if substitute else None}, edit=draft.tapped is not None)


def _over(draft: Draft, substitute: Person | None) -> None:
    if substitute is not None:
        draft.say("cover.over", {"absent": draft.person.name}, to=substitute, quiet=True)
    draft.cancel(f"holiday:{draft.person.id}:")
    draft.change(away_from=None, away_until=None, substitute_id=None, notes_shared=False)
    draft.record("event", "back")


def due(draft: Draft, event: Due) -> None:
    """A phase of a holiday; of another one than is set now, nothing."""
    me = draft.person
    dates = tuple(one.isoformat() if one else None for one in (me.away_from, me.away_until))
    if dates == (event.data.get("from"), event.data.get("until")):
        _PHASES[str(event.data["phase"])](draft)


def _tell(draft: Draft) -> None:
    substitute = _substitute(draft)
    for one in _own(draft):
        stand_in = _stand_in(draft, one)
        if stand_in is None or one.consent_at is None:
            continue
        refused = substitute is None or substitute.id in one.refused or substitute.id == one.id
        draft.say(
            "cover.athlete",
            _facts(draft, stand_in) | {"refused": substitute.name if refused and substitute else None},
            to=one,
            lane=Lane.BULK,
            quiet=True,
            buttons=() if refused or substitute is None else _consent(substitute),
        )


def _consent(substitute: Person) -> Rows:
    return (
        (
            Button("button.cover_yes", f"cover:yes:{substitute.id}"),
            Button("button.cover_no", f"cover:no:{substitute.id}"),
        ),
    )


def _begin(draft: Draft) -> None:
    """The list of names for each who stands in (the substitute, and who has those who would rather not)."""
    found: dict[int, list[Person]] = {}
    people: dict[int, Person] = {}
    for one in _own(draft):
        if (stand_in := _stand_in(draft, one)) is not None:
            found.setdefault(stand_in.id, []).append(one)
            people[stand_in.id] = stand_in
    for id, athletes in found.items():
        buttons = [Button("button.offer", f"handover:{one.id}", {"offer": one.name}) for one in _by_name(athletes)]
        draft.say(
            "cover.begins",
            _facts(draft, people[id]) | {"athletes": len(athletes)},
            to=people[id],
            quiet=True,
            buttons=in_rows(buttons),
        )


def _end(draft: Draft) -> None:
    substitute = _substitute(draft)
    _over(draft, substitute)
    draft.say("cover.back", {"substitute": substitute.name if substitute else None}, lane=Lane.PROMPT, quiet=True)


_PHASES = {"tell": _tell, "begin": _begin, "end": _end}


def _stand_in(draft: Draft, athlete: Person) -> Person | None:
    """Who has this athlete of the coach whose turn it is on the first day of the holiday (or today, in the midst)."""
    me = draft.person
    found = answering.in_charge(answering.everybody(draft.known, me), athlete, _first_day(me, draft.now))
    return found if found is not None and found.id != me.id else None


def _first_day(coach: Person, now: datetime) -> datetime:
    noon = timing.instant_of(coach.zone, coach.away_from, time(12)) if coach.away_from else None
    return max(now, noon) if noon else now


def _by_name(people: Iterable[Person]) -> list[Person]:
    return sorted(people, key=lambda one: one.name.casefold())


def resting(draft: Draft, event: Due) -> bool:
    """On holiday no morning list comes; the next one is planned, and what was said meanwhile somebody else has read."""
    if not answering.away(draft.person, draft.now):
        return False
    joining.plan_list(draft, timing.lost_until(event.data))
    draft.record("event", "listed")
    return True


# --- the athlete ----------------------------------------------------------------------------------------------------


def consent(draft: Draft, choice: str) -> None:
    """An athlete's tap: all right, or rather not. It may be pressed again, and the last word counts."""
    me = draft.person
    answer, _, number = choice.partition(":")
    known = (draft.known.coach, draft.known.backup, *draft.known.colleagues)
    coaches = {one.id: one for one in known if one is not None}
    own = coaches.get(me.coach_id or 0)
    substitute = next((one for one in coaches.values() if str(one.id) == number), None)
    ends = own.away_until if own is not None else None
    if (
        answer not in ("yes", "no") or own is None or substitute is None or own.substitute_id != substitute.id
        or ends is None or ends <= timing.local_date(own.zone, draft.now)
    ):  # fmt: skip
        draft.toast("shared.question_closed")
        return
    others = tuple(one for one in me.refused if one != substitute.id)
    draft.change(refused=others if answer == "yes" else (*others, substitute.id))
    draft.record("event", "cover", {"by": substitute.name, "answer": answer})
    active = answering.by_age(coaches.values(), draft.now)
    reader = answering.in_charge(active, draft.person, _first_day(own, draft.now))
    facts: dict[str, Json] = {
        "absent": own.name,
        "substitute": substitute.name,
        "athlete": me.name,
        "until": ends.isoformat(),
    }
    facts["reader"] = reader.name if reader is not None else own.name
    draft.say(
        "cover.agreed" if answer == "yes" else "cover.refused",
        facts,
        edit=draft.tapped is not None,
        buttons=_consent(substitute),
    )
    if answer == "no" and reader is not None and reader.id != own.id:
        draft.say("cover.instead", facts, to=reader, quiet=True, about=me.id)


# --- one page for whoever stands in -------------------------------------------------------------------------------


def handover_of(draft: Draft, rest: str) -> None:
    """/handover NAME"""
    athlete, _ = desk.named(draft, rest, "handover")
    if athlete is not None:
        handover(draft, str(athlete.id))


def handover(draft: Draft, target: str) -> None:
    """The page about an athlete whom this coach has today: by the button below the names, or /handover NAME."""
    athlete = draft.by_number(target)
    if athlete is None or not answering.is_mine(draft.known, draft.person, athlete):
        draft.toast("shared.question_closed")
        return
    own = next((one for one in (draft.person, *draft.known.colleagues) if one.id == athlete.coach_id), None)
    there = timing.local_date(athlete.zone, draft.now)
    days = planning.week(draft, athlete, planning.monday_of(there))
    last = draft.look("last", (athlete.id,), days=LAST_DAYS)
    notes: list[Record] = []
    if own is not None and (own.id == draft.person.id or own.notes_shared):
        kept = draft.look("kept", (athlete.id,))
        notes = [one for one in kept if one.name == "note" and one.words][-NOTES_ROOM:]
    draft.say(
        "cover.page",
        {
            "athlete": athlete.name,
            "absent": own.name if own is not None and own.id != draft.person.id else None,
            "place": athlete.place,
            "about": [[name, getattr(athlete, name)] for name in ABOUT if getattr(athlete, name)],
            "concerns": [
                {
                    "short": one.short,
                    "flag": one.flag,
                    "words": one.words,
                    "day": timing.local_date(athlete.zone, one.raised_at).isoformat(),
                    "taken": one.acked_at is not None,
                }
                for one in draft.escalations()
                if one.athlete_id == athlete.id and one.closed_at is None
            ],
            "days": [one for one in days if one["sessions"]],
            "last": [{"day": one.day.isoformat(), "words": one.words} for one in last if one.words],
            "notes": [{"day": one.day.isoformat(), "words": one.words} for one in notes],
        },
        buttons=((Button("button.write", f"write:{athlete.id}"),),),
        about=athlete.id,
    )


ABOUT = ("goal", "injuries", "fears", "helps", "family", "contact")


# --- the club -------------------------------------------------------------------------------------------------------


def club(draft: Draft, rest: str) -> None:
    """/club, the head coach's: to anybody else it is a command that is not there. It reads the whole club, so it is a
    wakeup of its own."""
    if not answering.is_head(draft.known, draft.person):
        draft.say("shared.unknown_command")
        return
    draft.wake("club", f"club:{draft.person.id}:{draft.now:%Y%m%d%H%M%S%f}", draft.now)


def club_read(draft: Draft, event: Due) -> None:
    """Who is here, who is away, what waits with whom."""
    if draft.known.club is None or not answering.is_head(draft.known, draft.person):
        return
    coaches = {one.id: one for one in (draft.person, *draft.known.colleagues)}
    rows: list[dict[str, Json]] = []
    for row in draft.known.club:
        one = coaches.get(row["coach"] or 0)
        if one is None and not row["athletes"]:
            continue
        oldest = datetime.fromisoformat(row["oldest"]) if row["oldest"] else None
        substitute = coaches.get(one.substitute_id or 0) if one is not None else None
        rows.append(
            {
                "name": one.name if one is not None else None,
                "reachable": one is not None and one.reachable,
                "away_until": one.away_until.isoformat()
                if one and one.away_until and answering.away(one, draft.now)
                else None,
                "away_from": one.away_from.isoformat()
                if one and one.away_from and not answering.away(one, draft.now)
                else None,
                "substitute": substitute.name if substitute else None,
                "athletes": row["athletes"],
                "open": row["open"],
                "taken": row["taken"],
                "paged": row["paged"],
                "oldest": timing.local_date(draft.person.zone, oldest).isoformat() if oldest else None,
            }
        )
    draft.say("cover.club", {"coaches": rows})
