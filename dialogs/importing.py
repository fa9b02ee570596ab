"""A plan out of a coach's file: whose is it, what would it change, and then only if the coach says so.

    a document --> "fetch" (bot.fetch brings it) --> "planfile" --> read, merge --> the dry run, with two buttons

The dry run is a proposal of its own kind: what would go and what would come is kept with it, so that what the coach has
seen is what is done, or, where the plan has moved on meanwhile, nothing. Lines that cannot be read are named by number;
the rest is taken only by a button that says so.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from dialogs import desk, engine, laying, plan_files, planning, proposals, timing
from dialogs.draft import Draft
from dialogs.engine import OFFERS
from dialogs.events import Due, Sent
from dialogs.model import Button, Json, Person, Proposal, Talk
from dialogs.plan import Refused
from dialogs.plan_files import Merge, Problem, Read
from dialogs.proposals import IMPORT

PLANS = (".csv", ".tsv", ".txt", ".ics", ".ical")  # names that a plan comes under
LIVES = timedelta(days=1)
DAYS_SHOWN, LINES_SHOWN = 14, 15  # of what would change, and of what could not be read; the rest is counted
ORDERS = ("dmy", "mdy")


def sent(draft: Draft, event: Sent) -> bool:
    """A file from a coach that calls itself a plan. False: it is something else."""
    caption = " ".join(event.caption.split())
    called = caption.casefold() == "plan" or caption.casefold().startswith("plan ")
    if event.kind != "document" or not event.file_id or not (called or event.name.casefold().endswith(PLANS)):
        return False
    file = {"file_id": event.file_id, "name": event.name}
    said = caption[len("plan") :].strip() if called else caption
    own = draft.known.athletes
    athlete = desk.about(draft) or (own[0] if len(own) == 1 else None)
    if athlete is None and said:
        athlete, _ = desk.named(draft, said)
        if athlete is None:
            return True
    if athlete is not None:
        _fetch(draft, athlete, file)
    elif not own:
        draft.say("coach.whose", {"names": [], "said": ""})
    else:
        talk = draft.open(IMPORT, file).talk
        offers = [[one.id, _label(one.name)] for one in sorted(own, key=lambda one: one.name.casefold())]
        draft.ask(replace(talk, slots={**talk.slots, OFFERS: offers}), anew=True)
    return True


def _label(name: str) -> dict[str, Json]:
    return {"text": "button.offer", "args": {"offer": name}}


def whose(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    draft.close(talk.script)
    draft.strip(talk)
    athlete = draft.athlete(int(step.answers["whose"])) if "whose" in step.answers else None
    if athlete is None:
        draft.say("import.left")
        return
    _fetch(draft, athlete, {"file_id": talk.slots["file_id"], "name": talk.slots["name"]})


def _fetch(draft: Draft, athlete: Person, file: dict[str, Json], **more: Json) -> None:
    key = f"fetch:{draft.person.id}:{draft.known.dice[:16]}"
    draft.wake("fetch", key, draft.now, None, athlete_id=athlete.id, **file, **more)
    draft.say("import.reading", {"athlete": athlete.name})


def fetched(draft: Draft, event: Due) -> None:
    """The file is here (or will never be): what it would change."""
    athlete = draft.athlete(int(event.data["athlete_id"]))
    if athlete is None or not draft.person.coaches:
        return
    if "failed" in event.data:
        draft.say("import.failed", {"kind": str(event.data["failed"])})
        return
    today = timing.local_date(athlete.zone, draft.now)
    read = plan_files.read(
        base64.b64decode(event.data["content"]),
        name=str(event.data.get("name", "")),
        zone=athlete.zone,
        today=today,
        order=event.data.get("order"),
    )
    merge = plan_files.merge(draft.training(athlete).plan, read, today)
    _dry_run(draft, athlete, read, merge, event)


def _dry_run(draft: Draft, athlete: Person, read: Read, merge: Merge, event: Due) -> None:
    buttons: list[Button] = []
    if merge.added or merge.removed:
        proposal = Proposal(
            0, draft.spell_short(), athlete.id, IMPORT, draft.now, draft.now + LIVES, merge.removed, merge.added, False,
            facts={"coach": draft.person.id},
        )  # fmt: skip
        draft.propose(proposal)
        draft.wake("proposal", f"proposal:{proposal.short}", proposal.expires_at, short=proposal.short,
                   athlete_id=athlete.id)  # fmt: skip
        target = f"{athlete.id}:{proposal.short}"
        take = "button.take_rest" if read.problems else "button.take_it"
        buttons = [Button(take, f"take:{target}"), Button("button.leave_it", f"leave:{target}")]
    elif any(one.what == "plan_file.date_order" for one in read.problems):
        again = {name: event.data[name] for name in ("file_id", "name")}
        draft.keep(draft.open("order", {**again, "athlete": athlete.id}).talk)
        draft.ask(draft.person.talks[-1], anew=True, preface="import.which_order")
        return
    days = plan_files.by_day(merge)
    draft.say(
        "import.dry_run",
        {
            "athlete": athlete.name,
            "file": str(event.data.get("name", "")),
            "added": len(merge.added),
            "removed": len(merge.removed),
            "kept": len(merge.kept),
            "past": merge.past,
            "after": len(merge.after),
            "first": merge.first.isoformat() if merge.first else None,
            "last": merge.last.isoformat() if merge.last else None,
            "days": [
                {
                    "day": one.day.isoformat(),
                    "weekday": one.day.weekday(),
                    "removed": [planning.facts(session) for session in one.removed],
                    "added": [planning.facts(session) for session in one.added],
                }
                for one in days
                if one.removed or one.added
            ][:DAYS_SHOWN],
            "problems": _lines(read.problems),
            "more": max(len(read.problems) - LINES_SHOWN, 0),
            "notes": _lines(read.notes),
        },
        buttons=(tuple(buttons),) if buttons else (),
        about=athlete.id,
    )


def _lines(problems: Iterable[Problem]) -> list[dict[str, Json]]:
    return [{"line": one.line, "what": one.what, "data": dict(one.data)} for one in list(problems)[:LINES_SHOWN]]


def ordered(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """Day first or month first: the file is fetched and read again with that."""
    draft.close(talk.script)
    draft.strip(talk)
    athlete = draft.athlete(int(talk.slots["athlete"]))
    if step.ended == "cancelled" or athlete is None:
        draft.say("import.left")
        return
    _fetch(draft, athlete, {name: talk.slots[name] for name in ("file_id", "name")}, order=step.answers["order"])


def take(draft: Draft, target: str) -> None:
    """What the dry run has shown is done, all of it or nothing."""
    if (found := proposals.found(draft, target, dry_run=True)) is None:
        return
    athlete, proposal = found
    today = timing.local_date(athlete.zone, draft.now)
    try:
        if draft.now > proposal.expires_at:
            raise Refused("stale")
        draft.replan(
            "coach",
            IMPORT,
            [one for one in proposal.before if one.day >= today],
            [one for one in proposal.after if one.day >= today],
            athlete,
        )
    except (Refused, ValueError):  # the plan has moved on, and what was shown cannot be done any more
        proposals.end(draft, proposal, proposals.OVERTAKEN)
        draft.say("import.overtaken", {"athlete": athlete.name}, edit=draft.tapped is not None)
        return
    proposals.end(draft, proposal, proposals.APPROVED)
    first = min((one.day for one in proposal.after), default=today)
    draft.say(
        "import.taken",
        {"athlete": athlete.name, "added": len(proposal.after), "removed": len(proposal.before)},
        edit=draft.tapped is not None,
        about=athlete.id,
    )
    laying.show_week(draft, athlete, planning.monday_of(max(first, today)))


def leave(draft: Draft, target: str) -> None:
    if (found := proposals.found(draft, target, dry_run=True)) is not None:
        proposals.end(draft, found[1], proposals.DECLINED)
        draft.say("import.left", edit=draft.tapped is not None)
