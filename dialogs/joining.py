"""Joining and settling in: an invitation becomes a person, a person says yes, and the first check-in is planned.

A code works once. Whoever comes without a good one, or with somebody else's, reads one neutral sentence, always the
same: it tells nothing about who is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from dialogs import answering, checkin, engine, menus, minors, places, render, timing, weekday
from dialogs.draft import Draft
from dialogs.events import Located, Sender
from dialogs.model import Button, Invite, Json, Message, Outcome, Person, Snapshot, Talk
from dialogs.scripts import SCRIPTS
from dialogs.scripts.readers import place_slot

INVITE_LIVES = timedelta(days=7)
QUIET_FROM, QUIET_TO = time(21, 30), time(6, 30)
AWAKE = timedelta(hours=1)  # after an hour asked for late in the evening: the question, and its answer


def stranger(known: Snapshot, chat: int) -> Outcome:
    """The one sentence for everybody we do not know; at most one a minute to a chat, however much is written."""
    return Outcome(
        messages=(
            Message(
                None,
                "shared.stranger",
                chat_id=chat,
                key=f"stranger:{chat}:{known.now:%Y%m%d%H%M}",
                once=True,
            ),
        )
    )


def new_person(known: Snapshot, invite: Invite, sender: Sender) -> Person:
    """The person for whom this invitation kept a seat."""
    return Person(
        id=0,
        name=invite.name,
        chat_id=sender.chat_id,
        user_id=sender.user_id,
        runs=not invite.coaches,
        coaches=invite.coaches,
        coach_id=invite.coach_id,
        joined_at=known.now,
        language=render.FALLBACK if invite.coaches else render.spoken(sender.language),  # see dialogs.tongue
    )


def invited_by(known: Snapshot, invite: Invite) -> Snapshot:
    """With the coach whose name shall stand in the consent, also where the person had another one until now."""
    coaches = (known.coach, *known.colleagues)
    return replace(known, coach=next((one for one in coaches if one and one.id == invite.coach_id), None))


def welcome(draft: Draft, invite: Invite) -> None:
    """The first message: the onboarding begins, and the coach hears that the seat is taken."""
    draft.used_invite = invite.id
    draft.record("event", "joined")
    begin(draft)


def begin(draft: Draft) -> None:
    """Open the onboarding, or go on where it was left."""
    me = draft.person
    if me.alone:
        draft.say("guardian.waits", buttons=((Button("button.new_link", "guardian:link"),),))
        return
    script = "guardian" if me.ward_id is not None else "onboarding" if me.runs else "coach_onboarding"
    talk = draft.talk(script)
    if talk is not None:
        draft.ask(talk, anew=True)
        return
    draft.ask(draft.open(script, _known(me) if script == "onboarding" else None).talk, anew=True)


def _known(me: Person) -> dict[str, Json]:
    """Their age is asked once; a coach who begins to run is grown up."""
    if me.minor is None and not me.coaches:
        return {}
    return {"age": "minor" if me.minor else "adult"}


def settled(person: Person) -> bool:
    """True once the onboarding is over."""
    return person.consent_at is not None


def unheard(draft: Draft) -> bool:
    """They have not said yes, and nothing but that question (or whether to erase) is open: we keep nothing of what
    they say."""
    talk = draft.top()
    return draft.person.consent_at is None and (
        talk is None or talk.step in ("age", "consent") or talk.script == "erase"
    )


def also_coaches(draft: Draft) -> None:
    """An athlete whom we know begins to coach: nothing has to be asked again."""
    draft.change(coaches=True)
    plan_list(draft)
    weekday.plan_next(draft)
    draft.say("coach_onboarding.done", facts(draft), menu=menus.own(draft.person))


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    if step.ended is None:
        draft.ask(step.talk)
        return
    draft.close(talk.script)
    if step.ended == "declined":
        draft.record("event", "declined")
        draft.say("onboarding.declined", edit=draft.tapped is not None, bubble=talk.bubble)
        if draft.known.coach:
            draft.say("coach.declined", {"athlete": draft.person.name}, to=draft.known.coach, quiet=True)
        if guardian := minors.guardian_of(draft.known, draft.person):
            draft.say("guardian.not_both", {"athlete": draft.person.name}, to=guardian, quiet=True)
        return
    if step.ended == "cancelled":
        draft.say("settings.unchanged", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    _settle(draft, step.talk.slots)
    first = talk.script in ("onboarding", "coach_onboarding")
    if first:
        draft.change(consent_at=draft.now, in_group=draft.person.runs)
        draft.record("event", "consented")
    if draft.person.runs:
        checkin.plan_next(draft)
    if draft.person.coaches:
        plan_list(draft)
    if first or "place" in step.talk.slots:
        weekday.plan_next(draft)
    text = f"{talk.script}.done" if first else "settings.done"
    located = any(one.located for one in SCRIPTS[talk.script].steps)
    if draft.tapped is not None and not located:
        draft.say(text, facts(draft), edit=True, bubble=talk.bubble, menu=menus.own(draft.person) if first else ())
    else:  # only a new message takes away the button that shares a location
        draft.strip(talk)
        draft.say(text, facts(draft), keyboard="remove", menu=menus.own(draft.person) if first else ())
    if first and draft.person.runs and draft.known.coach:
        me = draft.person
        draft.say(
            "coach.joined",
            {
                "athlete": me.name,
                "place": me.place,
                "injuries": me.injuries,
                "goal": me.goal,
                **minors.facts(draft.known, me),
            },
            to=draft.known.coach,
            quiet=True,
        )
    if first and draft.person.runs and (guardian := minors.guardian_of(draft.known, draft.person)):
        draft.wake("both", f"both:{guardian.id}:{draft.now:%Y%m%dT%H%M%S}", draft.now, whose=guardian.id)


def located(draft: Draft, event: Located) -> bool:
    """A shared location answers the question where one lives. False if nobody asked."""
    talk = draft.top()
    if talk is None or not SCRIPTS[talk.script].step(talk.step).located:
        return False
    place = places.at(event.lat, event.lon)
    if place is None:
        draft.ask(talk, preface="problem.unknown_place")
        return True
    moved(draft, talk, engine.fill(SCRIPTS[talk.script], talk, {talk.step: place_slot(place)}))
    return True


def facts(draft: Draft) -> dict[str, Json]:
    """What the settings page and the last word of the onboarding show."""
    me, coach = draft.person, draft.known.coach
    rhythm = timing.Rhythm(me.zone, me.ask_at, frozenset(me.days_off), me.paused_until)
    following = timing.next_ask(rhythm, draft.now, me.asked_on) if me.runs and not me.resting else None
    return {
        "hour": f"{me.ask_at:%H:%M}",
        "place": me.place or me.zone,
        "zone": me.zone,
        "days_off": list(me.days_off),
        "next": following[0].isoformat() if following else None,
        "next_weekday": following[0].weekday() if following else None,
        "tomorrow": following is not None and following[0] == draft.today + timedelta(days=1),
        "today": following is not None and following[0] == draft.today,
        "paused_until": me.paused_until.isoformat() if me.paused_until else None,
        "injuries": me.injuries,
        "goal": me.goal,
        "runs": me.runs,
        "reads": answering.reads(coach, me.zone, draft.now) if coach is not None else None,
    }


def invite(draft: Draft, name: str, *, coaches: bool = False, ward: Person | None = None) -> Invite:
    """A seat for one person: an athlete of this turn's coach, a coach, or the guardian of `ward`. The code is 128 bits
    of fresh randomness, and only this turn's message ever shows it."""
    code = draft.known.dice[32:64]
    coach_id = None if coaches or ward is not None else draft.person.id
    expires = draft.now + INVITE_LIVES
    seat = Invite(0, name, coaches, coach_id, expires, code, ward_id=ward.id if ward is not None else None)
    draft.invites.append(seat)
    return seat


def plan_list(draft: Draft, after: datetime | None = None) -> None:
    """The wakeup of the coach's next morning list after now (or `after`)."""
    me = draft.person
    draft.cancel(f"list:{me.id}:")
    found = timing.next_ask(timing.Rhythm(me.zone, me.ask_at), after or draft.now, None)
    if found is not None:
        day, at = found
        # With the hour: who moves it after today's list shall get the one of the new hour, and the ones after it.
        draft.wake("list", f"list:{me.id}:{day}:{me.ask_at:%H%M}", at, day)


def _settle(draft: Draft, slots: Mapping[str, Json]) -> None:
    if age := slots.get("age"):
        draft.change(minor=age == "minor")
    if place := slots.get("place"):
        draft.change(zone=place["zone"], country=place["country"], place=place["name"])
        draft.today = timing.local_date(draft.person.zone, draft.now)
    if hour := slots.get("hour"):
        at = time.fromisoformat(hour)
        # Whoever wants to be asked at five is awake at five: the hour asked for is never inside the quiet hours.
        late = (datetime.combine(draft.today, at) + AWAKE).time()
        draft.change(ask_at=at, quiet_from=late if at >= QUIET_FROM else QUIET_FROM, quiet_to=min(at, QUIET_TO))
    if (off := slots.get("days_off")) is not None:
        draft.change(days_off=tuple(sorted(off)))
    if until := slots.get("until"):
        day = draft.today + timedelta(days=until) if isinstance(until, int) else date.fromisoformat(until)
        draft.change(paused_until=day)
        draft.record("event", "paused", day.isoformat())
    for name in ("injuries", "goal"):
        if (said := slots.get(name)) is not None:
            draft.change(**{name: "" if said == "none" else said})
