"""What the rule book makes of an answer, and what a human makes of that.

Theory of operation
-------------------
After each answer that may matter (`judge`) the rules look at the athlete's last weeks and the plan. What comes of a
rule that speaks for the first time in its spell is one of three things:

    it eases      the plan has a next version at once, marked as held; the athlete reads what changed, why, what was
                  before and how to object; the coach gets a proposal with the athlete's words beside the rule
    it adds load  nothing changes: the coach gets a proposal, and that is all
    it only tells a concern for the coach's list, or a page, as its level says

A proposal is decided by a human, once: approve, edit, decline, or talk first (which decides nothing). It is looked at
against the plan as it is then. Where the plan has moved on it is overtaken; at the end of the first day that it is
about it expires. What was eased stays eased then, and where nobody had looked the concern itself goes on the coach's
list: a worry does not expire.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import time, timedelta

from dialogs import answering, attention, concerns, engine, escalation, owning, planning, signals, summary, timing
from dialogs.draft import Draft, Rows
from dialogs.events import Due
from dialogs.levels import Level
from dialogs.model import Button, Json, Lane, Message, Person, Proposal, Session, Talk
from dialogs.plan import Refused, lighter
from dialogs.rules.book import shipped
from dialogs.rules.evaluate import Case, Fired, evaluate, settled

OPEN, APPROVED, EDITED, DECLINED, EXPIRED, OVERTAKEN = (
    "open", "approved", "edited", "declined", "expired", "overtaken",
)  # fmt: skip
BY_A_HUMAN = (APPROVED, EDITED, DECLINED)
IMPORT = "import"  # stands where another proposal has its rule: the dry run of a file, with buttons of its own
_DAY = timedelta(days=1)
LEAST_TIME = timedelta(hours=12)  # for a decision, also where the session is tonight
WORDS = 3  # of the athlete's own, beside the rule
REVISIONS = ("rest", "easy", "half")


def judge(draft: Draft) -> None:
    """Let the rules look at this turn's athlete, who has just answered something."""
    me = draft.person
    if not me.runs or me.consent_at is None or me.erase_asked is not None:
        return
    training = draft.training()
    days = signals.days(training.records)
    spoken = days.get(draft.today, signals.NOTHING).fired
    case = Case(draft.today, days, training.plan)
    settings = [one for one in training.settings if one.coach_id == me.coach_id]
    found = [
        replace(one, sessions=_undecided(training.proposals, one))
        for one in evaluate(shipped(), case, settings, athlete_id=me.id)
    ]
    changed = {
        one.rule.id: _propose(draft, one, before, after, held)
        for one, before, after, held in settled(found, training.plan, draft.today)
    }
    for one in found:
        if one.rule.id in spoken:
            continue
        facts = dict(one.facts)
        draft.record("step", "rule", {"rule": one.rule.id, "first": one.first, "facts": facts})
        carried = changed.get(one.rule.id) is not None  # the proposal brings it to the coach
        if one.first and (one.rule.level >= Level.TODAY or (one.rule.level is Level.CONCERN and not carried)):
            _raise(draft, one.rule.level, one.rule.id, facts)


def _undecided(proposals: Iterable[Proposal], fired: Fired) -> tuple[str, ...]:
    """Its sessions without those that a human has decided for this rule already: that word stands for the spell."""
    decided = {
        session.id
        for one in proposals
        if one.rule == fired.rule.id and one.state in BY_A_HUMAN
        for session in one.before
    }
    return tuple(id for id in fired.sessions if id not in decided)


def _raise(draft: Draft, level: Level, rule: str, facts: dict[str, Json]) -> None:
    """Unless this very turn has brought it to the coach by itself (a pain is judged as soon as it is told)."""
    if not any(one.kind == "step" and one.name in ("raised", "joined", "reopened") for one in draft.records):
        told = ("plan.flagged", {"rule": rule, "facts": facts})
        flag, ache = f"{escalation.RULE}{rule}", concerns.told_in(facts)
        escalation.raise_(draft, level, flag, own_words(draft), told=told, ache=ache)


def _propose(
    draft: Draft, fired: Fired, before: Sequence[Session], after: Sequence[Session], held: bool
) -> Proposal | None:
    """What the rule wants of the plan: done and held where it eases, and in any case for the coach to decide."""
    short = draft.spell_short()
    open_ = [one for one in draft.training().proposals if one.state == OPEN]
    if not held and any(one.rule == fired.rule.id for one in open_):
        return None  # it has been asked for already
    if held:
        before, after = _taken_over(draft, open_, before, after)
        after = [replace(one, held=short) for one in after]
        ids = {one.id for one in after}
        try:
            standing = [one for one in draft.training().plan.sessions if one.id in ids]
            draft.replan("rule", fired.rule.id, standing, after)
        except Refused:  # a race, or a day that is over: a human decides
            return None
    first = max(min(one.day for one in (*before, *after)), draft.today)
    ends = timing.instant_of(draft.person.zone, first + _DAY, time(0)) or draft.now
    proposal = Proposal(
        0, short, draft.person.id, fired.rule.id, draft.now, max(ends, draft.now + LEAST_TIME), tuple(before),
        tuple(after), held, own_words(draft), dict(fired.facts),
    )  # fmt: skip
    draft.propose(proposal)
    to = _coach(draft) if fired.first else None  # what goes on is with the coach already: it waits on the list
    waits = to is not None and attention.spent(draft, to)
    reached = {"waits" if waits else "to": to.id} if to is not None else {}
    draft.record("step", "proposed", {"short": short, "rule": fired.rule.id, "held": held, **reached})
    draft.wake("proposal", f"proposal:{short}", proposal.expires_at, short=short)
    if held:
        draft.say(
            "plan.eased",
            {**shown(proposal), "coach": _coach_name(draft)},
            buttons=((Button("button.object", f"object:{short}"), Button("button.plan", "do:plan")),),
        )
    if not waits:
        show(draft, proposal, draft.person, to)
    return proposal


def _taken_over(
    draft: Draft, open_: Iterable[Proposal], before: Sequence[Session], after: Sequence[Session]
) -> tuple[list[Session], list[Session]]:
    """A session that waits for the coach already and is eased further: one proposal takes the other's place, with what
    there was before both. Else the coach would decide on a state that nobody has planned."""
    kept_before, kept_after = list(before), list(after)
    for one in open_:
        if one.held and {s.id for s in one.after} & {s.id for s in after}:
            first = {s.id: s for s in one.before}
            kept_before = [first.pop(s.id, s) for s in kept_before]
            kept_before += first.values()
            kept_after += [s for s in one.after if s.id in first]
            end(draft, one, OVERTAKEN)
    return kept_before, kept_after


def own_words(draft: Draft) -> str:
    """What the athlete has said since yesterday, for beside the rule."""
    said = [one for one in summary.own_words(draft.days) if draft.today - one.day <= _DAY]
    return "\n".join(str(one.words) for one in said[-WORDS:])


def _coach(draft: Draft) -> Person | None:
    return next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)


def _coach_name(draft: Draft) -> str | None:
    coach = _coach(draft)
    return coach.name if coach else None


def shown(proposal: Proposal) -> dict[str, Json]:
    """A proposal as facts for a text: pairs of a session before and after, and the rule with its evidence."""
    before = {one.id: one for one in proposal.before}
    after = {one.id: one for one in proposal.after}
    ids = sorted({*before, *after}, key=lambda id: ((after.get(id) or before[id]).day, id))
    rule = shipped().find(proposal.rule)
    return {
        "rule": proposal.rule,
        "title": rule.title if rule else proposal.rule,
        "source": rule.source if rule else "",
        "explain": rule.explain if rule else "",
        "facts": dict(proposal.facts),
        "pairs": [
            {
                "before": planning.facts(before[id]) if id in before else None,
                "after": planning.facts(after[id]) if id in after else None,
            }
            for id in ids
        ],
        "held": proposal.held,
        "short": proposal.short,
        "words": proposal.words,
    }


def show(draft: Draft, proposal: Proposal, athlete: Person, to: Person | None, *, lane: Lane = Lane.REPLY) -> None:
    """To a coach, with what can be done about it. Quiet: what is eased already can wait for the morning."""
    if to is None:
        return
    draft.say(
        "proposal.show",
        {**shown(proposal), "athlete": athlete.name},
        to=to,
        buttons=_buttons(proposal),
        about=athlete.id,
        lane=lane,
        quiet=to.id != draft.person.id or lane is Lane.PROMPT,
        bubble=list_key(proposal, to),
    )


def list_key(proposal: Proposal, reader: Person) -> str:
    """The bubble of this proposal in a coach's chat; on a newer list a new one takes its place."""
    return f"proposal:{proposal.short}:{reader.id}"


def _buttons(proposal: Proposal) -> Rows:
    target = f"{proposal.athlete_id}:{proposal.short}"
    return (
        (Button("button.approve", f"approve:{target}"), Button("button.revise", f"revise:{target}")),
        (Button("button.reject", f"reject:{target}"), Button("button.talk_first", f"write:{proposal.athlete_id}")),
    )


# --- the athlete ----------------------------------------------------------------------------------------------------


def object_(draft: Draft, short: str) -> None:
    """ "I would rather keep it": the athlete's reason goes to the coach, and until then it stands as it is. Of what has
    changed nothing yet the athlete was never shown a button."""
    proposal = next((one for one in draft.training().proposals if one.short == short and one.state == OPEN), None)
    if proposal is None or not proposal.held:
        draft.toast("plan.decided_already")
        return
    draft.ask(draft.open("object", {"short": short}).talk, anew=True)


def objected(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    draft.close(talk.script)
    if step.ended == "cancelled":
        draft.say("plan.not_objected", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    short, words = str(talk.slots["short"]), str(step.answers.get("object", ""))
    to = _coach(draft)
    proposal = next((one for one in draft.training().proposals if one.short == short and one.state == OPEN), None)
    if proposal is None:  # somebody was quicker: it stands on the coach's list, like whatever else was said
        draft.records = [replace(one, kind="words") if one.kind == "typed" else one for one in draft.records]
        draft.say("plan.decided_already")
        return
    draft.record("step", "objected", short, words)
    told = replace(proposal, words=words)
    draft.propose(told)
    if to is not None:
        draft.say("proposal.objects", {"athlete": draft.person.name}, to=to, quiet=True, about=draft.person.id)
        show(draft, told, draft.person, to)
    draft.read_by_now()
    draft.say("plan.objected", {"coach": _coach_name(draft)})


# --- the coach ------------------------------------------------------------------------------------------------------


def found(draft: Draft, target: str, *, dry_run: bool = False) -> tuple[Person, Proposal] | None:
    """The athlete and proposal that a coach's button names ("7:K7Q2M"); None after having said so, where nothing is to
    be decided: it is nobody's, or somebody has decided. A `dry_run` is taken or left, and all else approved or
    declined: the buttons of one mean nothing to the other."""
    number, _, short = target.partition(":")
    athlete = draft.by_number(number)
    one = None
    if athlete is not None:
        one = next((each for each in draft.training(athlete).proposals if each.short == short), None)
    if athlete is None or one is None or (one.rule == IMPORT) != dry_run:
        draft.toast("shared.question_closed")
        return None
    if one.state != OPEN:
        if dry_run and one.state not in BY_A_HUMAN:
            draft.say("import.overtaken", {"athlete": athlete.name}, edit=draft.tapped is not None)
            return None
        people = (draft.person, *draft.known.colleagues)
        by = next((each.name for each in people if each.id == one.decided_by), None)
        at = draft.local_time(one.decided_at) if one.decided_at else None
        draft.toast("proposal.closed", {"state": one.state, "by": by, "at": at})
        if draft.tapped is not None:  # an older bubble of it: no longer offered there
            message_id = draft.tapped.message_id
            draft.messages.append(Message(draft.person.id, "", strip=True, edit=True, message_id=message_id))
        return None
    return athlete, one


def approve(draft: Draft, target: str) -> None:
    if (which := found(draft, target)) is not None:
        athlete, proposal = which
        _decide(draft, athlete, proposal, APPROVED, [replace(one, held=None) for one in proposal.after])


def reject(draft: Draft, target: str) -> None:
    """The coach, who is a human, puts back what was there before."""
    if (which := found(draft, target)) is not None:
        athlete, proposal = which
        _decide(draft, athlete, proposal, DECLINED, proposal.before)


def revise(draft: Draft, target: str) -> None:
    """What instead? Some ready answers, or a session in the coach's own words."""
    if (which := found(draft, target)) is None:
        return
    athlete, proposal = which
    talk = draft.open("revise", {"athlete": athlete.id, "athlete_name": athlete.name, "short": proposal.short}).talk
    draft.ask(talk, anew=True)
    rows = (tuple(Button(f"button.{to}", f"instead:{athlete.id}:{proposal.short}:{to}") for to in REVISIONS),)
    last = draft.messages[-1]
    draft.messages[-1] = replace(last, buttons=(*rows, *last.buttons))


def instead(draft: Draft, target: str) -> None:
    """One of the ready answers of `revise`."""
    target, _, to = target.rpartition(":")
    if to not in REVISIONS:
        draft.toast("shared.question_closed")
        return
    if (which := found(draft, target)) is not None:
        athlete, proposal = which
        draft.close("revise")
        sessions = proposal.before or proposal.after
        _decide(draft, athlete, proposal, EDITED, [lighter(one, to) for one in sessions])


def revised(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """A session in the coach's own words: "easy 30", or "thu easy 30" where the proposal is about several days."""
    if step.ended == "cancelled":
        draft.close(talk.script)
        draft.say("proposal.still_open", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    words = str(step.answers.get("revise", ""))
    which = found(draft, f"{talk.slots['athlete']}:{talk.slots['short']}")
    if which is None:
        draft.close(talk.script)
        return
    athlete, proposal = which
    first = min((*proposal.before, *proposal.after), key=lambda one: one.day)
    read = planning.read_session(words, first.day)
    if read is None:
        draft.ask(
            replace(talk, slots={k: v for k, v in talk.slots.items() if k != "revise"}), preface="problem.session"
        )
        return
    draft.close(talk.script)
    kept = [one for one in proposal.after if one.id != first.id]
    _decide(draft, athlete, proposal, EDITED, [replace(read, id=first.id), *kept])


def _decide(draft: Draft, athlete: Person, proposal: Proposal, state: str, wanted: Iterable[Session]) -> None:
    """The coach's word. What stands of the proposal in the plan is replaced by what is wanted, from today on."""
    today = timing.local_date(athlete.zone, draft.now)
    plan = draft.training(athlete).plan
    standing = proposal.after if proposal.held else proposal.before
    ahead = [one for one in standing if one.day >= today]
    new = [replace(one, held=None) for one in wanted if one.day >= today]
    if any(one not in plan.sessions for one in ahead) or (not proposal.held and _taken(plan.sessions, ahead, new)):
        end(draft, proposal, OVERTAKEN)
        draft.say("proposal.overtaken", {"athlete": athlete.name}, edit=draft.tapped is not None, about=athlete.id)
        return
    if ahead != new and not (not proposal.held and state == DECLINED):
        draft.replan("coach", f"{state}:{proposal.short}", ahead, new, athlete)
    decided = end(draft, proposal, state)
    draft.record("step", "decided", {"short": proposal.short, "rule": proposal.rule, "state": state}, about=athlete)
    sessions = [planning.facts(one) for one in sorted(new, key=lambda one: one.day)]
    told = {**shown(decided), "state": state, "sessions": sessions, "athlete": athlete.name}
    bubble = list_key(proposal, draft.person)
    draft.say("proposal.decided", told, edit=draft.tapped is not None, about=athlete.id, bubble=bubble)
    owning.decided(draft, athlete, proposal)
    if proposal.held or state != DECLINED:  # of what was only wished for the athlete has never heard
        draft.say(
            "plan.decided",
            {**told, "coach": draft.person.name},
            to=athlete,
            about=athlete.id,
            buttons=((Button("button.plan", "do:plan"),),),
        )


def _taken(sessions: Sequence[Session], ahead: Sequence[Session], new: Sequence[Session]) -> bool:
    gone = {one.id for one in ahead}
    return bool({one.id for one in sessions if one.id not in gone} & {one.id for one in new})


def end(draft: Draft, proposal: Proposal, state: str) -> Proposal:
    """It is not open any more. By a human: `state` is one of BY_A_HUMAN."""
    human = state in BY_A_HUMAN
    if not human and draft.person.id == proposal.athlete_id and (to := _coach(draft)) is not None:
        bubble = list_key(proposal, to)  # what cannot be decided any more shall not look as if it could
        draft.messages.append(Message(to.id, "", bubble=bubble, edit=True, strip=True, about=proposal.athlete_id))
    ended = replace(proposal, state=state, decided_by=draft.person.id if human else None, decided_at=draft.now)
    draft.propose(ended)
    return ended


def due(draft: Draft, event: Due) -> None:
    """Its day is over. What was eased stays eased; where no human had looked, the worry itself stays. An athlete's own
    wish is no worry: they are told that it was not decided. A dry run, which rings in the turn of the coach who has
    sent the file, ends without a word."""
    short, whose = event.data.get("short"), event.data.get("athlete_id")
    athlete = draft.person if whose is None else draft.athlete(int(whose))
    known = () if athlete is None else draft.training(athlete).proposals
    proposal = next((one for one in known if one.short == short), None)
    if proposal is None or proposal.state != OPEN:
        return
    end(draft, proposal, EXPIRED)
    if proposal.rule == IMPORT:
        return
    draft.record("step", "expired", {"short": short, "rule": proposal.rule})
    rule = shipped().find(proposal.rule)
    if rule is None and not proposal.held:
        draft.say("life.move_lapsed", {"before": planning.facts(proposal.before[0])}, quiet=True)
    elif rule is None or rule.level >= Level.CONCERN:
        escalation.raise_(
            draft,
            Level.CONCERN,
            f"{escalation.RULE}{proposal.rule}",
            proposal.words,
            told=("plan.still_open", {"rule": proposal.rule}),
            ache=concerns.told_in(proposal.facts),
        )


def waiting(draft: Draft) -> list[tuple[Person, Proposal]]:
    """For a coach's list: what nobody has decided, the next day first. The athlete's own words stand beside it: who
    only covers reads them once they were rung for this athlete, or where nobody else can be."""
    found = [
        (athlete, one)
        for one in draft.known.proposals
        if one.state == OPEN
        and (one.before or one.after)
        and one.rule != IMPORT  # a coach's own dry run waits for nobody
        and (athlete := draft.athlete(one.athlete_id)) is not None
        and _reads(draft, athlete)
    ]
    return sorted(found, key=lambda pair: (min(s.day for s in (*pair[1].before, *pair[1].after)), pair[1].raised_at))


def _reads(draft: Draft, athlete: Person) -> bool:
    me = draft.person
    coach = next((one for one in draft.known.colleagues if one.id == athlete.coach_id), None)
    if coach is None or not coach.reachable or answering.is_mine(draft.known, me, athlete):
        return True  # this coach is theirs or stands in, or theirs cannot be reached
    theirs = [one for one in draft.escalations() if one.athlete_id == athlete.id]
    return any(one.owner_id == me.id or escalation.was_paged(draft, one, me, athlete) for one in theirs)
