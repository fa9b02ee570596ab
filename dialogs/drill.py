"""A practice alarm: a false emergency on the real path, from end to end.

Theory of operation
-------------------
A coach's /drill puts a wakeup into the name of a made-up athlete (`Person.drill`), who has no chat, neither runs nor
coaches, and whom storage makes when the first drill comes. In their turn an ordinary escalation of level NOW is raised:
from there on nothing is special, not the ladder, the lanes, the quiet hours nor the buttons. Their name is DRILL, so it
stands in every text in which an athlete's name stands.

What is special comes at the end of a turn (`tidy`): what would go to the made-up athlete goes nowhere; an "I have it"
ends the drill at once, so that it never ages on a list; and a wakeup brings the report, with the time of each step as
the database has it. One that nobody has answered within ENDS ends by itself, and the report says so.

It counts in no figure: storage leaves out what has this flag, and whoever neither runs nor coaches.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from dialogs import answering, escalation, timing
from dialogs.draft import Draft
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Button, Escalation, Json, Lane, Person, Wakeup

FLAG = "drill"
NAME = "DRILL"
ENDS = timedelta(hours=1)
# What a coach would read of the athlete, who is nobody: the drill's own words take its place.
_OF_NOBODY = ("coach.taken", "coach.letter_sent", "coach.letter_waits", "coach.closed")


def begin(draft: Draft, rest: str) -> None:
    """/drill, or the button below the head coach's list."""
    if any(one.flag == FLAG and one.open for one in draft.escalations()):
        draft.say("drill.on_its_way")
        return
    key = f"drill:{draft.person.id}:{draft.now:%Y%m%d%H%M}"  # two taps are one drill
    draft.drill = Wakeup("drill", key, draft.now, data={"words": "DRILL. Nobody is in danger."})
    draft.record("event", "drill")
    draft.say("drill.begun", {"minutes": int(ENDS.total_seconds() // 60)}, edit=draft.tapped is not None)


def due(draft: Draft, event: Due) -> None:
    """In the turn of the made-up athlete: it is raised, or (with a `short`) it has gone on for long enough."""
    if not draft.person.drill:
        return
    if (short := event.data.get("short")) is None:
        raised = escalation.raise_(draft, Level.NOW, FLAG, str(event.data["words"]))
        draft.wake("drill", f"drill:end:{raised.short}", draft.now + ENDS, short=raised.short)
        return
    one = draft.escalation(str(short))
    coach = draft.known.coach or draft.known.backup
    if one is not None and one.open and coach is not None:
        draft.put(replace(one, closed_at=draft.now))
        draft.cancel(f"page:{one.short}:")
        draft.silenced.append(one.short)
        draft.wake("drilled", f"drilled:{one.short}", draft.now, whose=coach.id, **_data(one, None, draft.person))


def tidy(draft: Draft) -> None:
    """At the end of every turn: nothing goes to who is nobody, and whoever has a drill has done it."""
    made_up = {one.id for one in (draft.person, *draft.known.athletes) if one.drill}
    if not made_up:
        return
    draft.messages = [one for one in draft.messages if one.to not in made_up]
    for one in draft.escalations():
        if one.flag == FLAG and one.acked_at == draft.now and one.closed_at is None and one.athlete_id in made_up:
            _done(draft, one)


def _done(draft: Draft, one: Escalation) -> None:
    me = draft.person
    draft.put(replace(one, closed_at=draft.now))
    draft.change(drilled_at=draft.now)
    draft.record("event", "drilled", one.short)
    athlete = draft.athlete(one.athlete_id)
    draft.wake("drilled", f"drilled:{one.short}", draft.now, **_data(one, me, athlete))
    draft.cancel(f"{one.short}:")
    told = [each for each in draft.messages if each.text in _OF_NOBODY and each.to == me.id]
    draft.messages = [each for each in draft.messages if each not in told]
    facts = {"short": one.short}
    if told:  # in the place of what would have been said: that may be the answer to the tap
        draft.messages.append(replace(told[0], text="drill.acked", data={**told[0].data, **facts}, buttons=()))
    else:
        draft.say("drill.acked", facts)


def _data(one: Escalation, acker: Person | None, athlete: Person | None) -> dict[str, Json]:
    return {
        "short": one.short,
        "raised": one.raised_at.isoformat(),
        "acked": one.acked_at.isoformat() if one.acked_at else None,
        "by": acker.name if acker else None,
        "coach": athlete.coach_id if athlete else None,
    }


def report(draft: Draft, event: Due) -> None:
    """Each step with its time, to who had it and to whose drill it was."""
    me, data = draft.person, event.data
    people = {one.id: one for one in (me, *draft.known.colleagues)}
    begun = next((one for id, one in people.items() if id == data["coach"]), None)
    for reader in dict.fromkeys(one.id for one in (me, begun) if one is not None):
        to = people[reader]
        draft.say(
            "drill.report", _report(draft, event, people, to), to=to, key=f"{event.key}:{reader}", quiet=to is not me
        )


def _report(draft: Draft, event: Due, people: dict[int, Person], reader: Person) -> dict[str, Json]:
    data = event.data
    raised = datetime.fromisoformat(data["raised"])

    def at(instant: str | None) -> dict[str, Json] | None:
        if instant is None:
            return None
        when = datetime.fromisoformat(instant)
        return {"at": f"{timing.local(reader.zone, when):%H:%M:%S}", "after": _span((when - raised).total_seconds())}

    pages = [
        {"to": people[one["to"]].name, "put": at(one["put"]), "sent": at(one["sent"]), "status": one["status"]}
        for one in draft.known.sendings or ()
        if one["to"] in people
    ]
    return {
        "short": data["short"],
        "raised": at(data["raised"]),
        "pages": pages,
        "acked": at(data["acked"]),
        "by": data["by"],
        "minutes": int(ENDS.total_seconds() // 60),
    }


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def on_list(draft: Draft) -> None:
    """Below the head coach's morning list, until somebody has done this month's drill. On a day without a list it says
    nothing either."""
    me = draft.person
    if not draft.messages or not answering.is_head(draft.known, me):
        return
    done = max((one.drilled_at for one in (me, *draft.known.colleagues) if one.drilled_at), default=None)
    last = timing.local_date(me.zone, done) if done is not None else None
    if last is None or (last.year, last.month) != (draft.today.year, draft.today.month):
        draft.say(
            "drill.wanted",
            {"last": last.isoformat() if last else None},
            lane=Lane.PROMPT,
            quiet=True,
            buttons=((Button("button.drill", "drill:"),),),
        )
