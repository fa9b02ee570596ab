"""What can be asked for by a command, a button or a plain wish: tables, and the few lines behind each entry.

`MOVED` says which room an open conversation belongs to. The tables are the only place that knows who may do what: an
entry is for everybody, for athletes or for coaches, and whoever may not gets the answer of "no such thing".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dialogs import (
    asking,
    calendar,
    checkin,
    desk,
    engine,
    escalation,
    importing,
    joining,
    laying,
    life,
    planning,
    proposals,
    rights,
    rulebook,
    summary,
    transcripts,
)
from dialogs.draft import Draft
from dialogs.levels import Level
from dialogs.model import Talk
from dialogs.scripts import SCRIPTS

Act = Callable[[Draft, str], None]


def parse(text: str) -> tuple[str, str] | None:
    head, _, rest = text[1:].partition(" ")
    name = head.partition("@")[0].casefold()
    return (name, rest.strip()) if name.isascii() and name.isidentifier() else None


def _checkin(draft: Draft, rest: str) -> None:
    checkin.start(draft)


def _change(draft: Draft, rest: str) -> None:
    checkin.start(draft, again=True)


def _talk(script: str) -> Act:
    def begin(draft: Draft, rest: str) -> None:
        talk: Talk = draft.open(script).talk
        if rest:
            moved = engine.hear(SCRIPTS[script], talk, rest, draft.today)
            if moved is not None and not moved.wrong:
                MOVED[script](draft, talk, moved)
                return
            draft.ask(talk, anew=True, preface=moved.wrong if moved else None)
            return
        draft.ask(talk, anew=True)

    return begin


def _need_coach(draft: Draft, rest: str) -> None:
    """ "I need my coach": a human today, no questions asked; "it can't wait" is one tap further."""
    said = [str(one.words) for one in summary.own_words(draft.days) if one.day == draft.today]
    known = [line for one in draft.escalations() for line in one.words.splitlines()]
    words = rest or (said[-1] if said and said[-1] not in known else "")
    escalation.raise_(draft, Level.TODAY, escalation.ASKED, words)


def _resume(draft: Draft, rest: str) -> None:
    draft.change(paused_until=None)
    checkin.plan_next(draft)
    draft.say("settings.done", joining.facts(draft))


def _pause(draft: Draft, rest: str) -> None:
    _talk("pause")(draft, rest.removeprefix("until").strip())


def _plan(draft: Draft, rest: str) -> None:
    """An athlete's own plan, or a coach's look at an athlete's. A coach who runs sees their own without a name."""
    me = draft.person
    if me.coaches and (rest or not me.runs):
        laying.of(draft, rest)
    elif me.runs and joining.settled(me):
        planning.show(draft, rest)
    else:
        _unready(draft)


def _settings(draft: Draft, rest: str) -> None:
    draft.say("settings.show", joining.facts(draft))


def help_(draft: Draft, rest: str) -> None:
    draft.say("shared.help", {"runs": draft.person.runs, "coaches": draft.person.coaches})


def _privacy(draft: Draft, rest: str) -> None:
    draft.say("shared.privacy", {"runs": draft.person.runs, "coaches": draft.person.coaches})


def closed(draft: Draft, rest: str) -> None:
    draft.toast("shared.question_closed")


def _unknown(draft: Draft, rest: str) -> None:
    draft.say("shared.unknown_command")


def _urgent(draft: Draft, short: str) -> None:
    """Pressed long ago or just now: who says it can't wait is heard."""
    if not escalation.urgent(draft, short):
        _need_coach(draft, "")


def _can_wait(draft: Draft, short: str) -> None:
    """What could not be read is not urgent, says who sent it: it stays where it is."""
    draft.record("step", "can_wait", short)
    draft.say("athlete.can_wait", edit=True)


def _pain_again(draft: Draft, rest: str) -> None:
    """What was understood of a pain is not right: it is asked for from the beginning."""
    draft.ask(draft.open("pain").talk, anew=True)


def _athletes_only(act: Act) -> Act:
    return lambda draft, rest: (
        act(draft, rest) if draft.person.runs and joining.settled(draft.person) else _unready(draft)
    )


def _settled_only(act: Act) -> Act:
    return lambda draft, rest: act(draft, rest) if joining.settled(draft.person) else joining.begin(draft)


def _coaches_only(act: Act) -> Act:
    return lambda draft, rest: act(draft, rest) if draft.person.coaches else _unknown(draft, rest)


def _unready(draft: Draft) -> None:
    if draft.person.runs:
        joining.begin(draft)
    else:
        _unknown(draft, "")


COMMANDS: Mapping[str, Act] = {
    "checkin": _athletes_only(_checkin),
    "session": _athletes_only(life.done),
    "plan": _plan,
    "done": _athletes_only(life.done),
    "move": _athletes_only(life.move),
    "busy": _athletes_only(life.busy),
    "ill": _athletes_only(life.ill),
    "injured": _athletes_only(life.injured),
    "away": _athletes_only(life.away),
    "slower": _athletes_only(life.slower),
    "calendar": _athletes_only(calendar.calendar),
    "coach": _athletes_only(_need_coach),
    "pause": _athletes_only(_pause),
    "resume": _athletes_only(_resume),
    "daysoff": _athletes_only(_talk("days_off")),
    "hour": _settled_only(_talk("hour")),
    "zone": _settled_only(_talk("zone")),
    "settings": _settings,
    "help": help_,
    "privacy": _privacy,
    "export": rights.export,
    "erase": rights.ask,
    "invite": _coaches_only(lambda draft, name: desk.invite(draft, name)),
    "queue": _coaches_only(lambda draft, rest: desk.queue(draft)),
    "athletes": _coaches_only(lambda draft, rest: desk.athletes(draft)),
    "backup": _coaches_only(lambda draft, name: desk.backup(draft, name)),
    "lay": _coaches_only(laying.write),
    "rules": _coaches_only(rulebook.list_),
}

TAKES_TEXT = (
    "pause", "hour", "zone", "daysoff", "invite", "backup", "plan", "move", "busy", "away", "calendar", "lay", "rules",
)  # fmt: skip  # what stands behind these is their answer
SMALL_TALK = frozenset(
    "thanks thank you thx ty ok okay k good great fine perfect cool nice super yes no yep nope hi hello hey morning "
    "evening night bye see will do all well".split()
)

# Plain words that are a wish and nothing else; longer sentences are words for a human.
WISHES: Mapping[str, Act] = {
    "i need my coach": COMMANDS["coach"],
    "i need the coach": COMMANDS["coach"],
    "need my coach": COMMANDS["coach"],
    "need coach": COMMANDS["coach"],
    "call my coach": COMMANDS["coach"],
    "coach": COMMANDS["coach"],
    "check in": COMMANDS["checkin"],
    "checkin": COMMANDS["checkin"],
    "pause": COMMANDS["pause"],
    "resume": COMMANDS["resume"],
    "settings": COMMANDS["settings"],
    "help": COMMANDS["help"],
}

TAPS: Mapping[str, Act] = {
    "urgent": _athletes_only(_urgent),
    "can_wait": _athletes_only(_can_wait),
    "do": lambda draft, what: DO.get(what, closed)(draft, ""),
    "wish": rights.wish,
    "plan": _athletes_only(planning.shown),
    "undo": _athletes_only(life.undo),
    "object": _athletes_only(proposals.object_),
}

COACH_TAPS: Mapping[str, Act] = {
    "ack": desk.take,
    "close": desk.close,
    "useful": lambda draft, short: desk.judged(draft, short, useful=True),
    "useless": lambda draft, short: desk.judged(draft, short, useful=False),
    "erase": rights.decide,
    "approve": proposals.approve,
    "reject": proposals.reject,
    "revise": proposals.revise,
    "instead": proposals.instead,
    "take": importing.take,
    "leave": importing.leave,
    "week": laying.week_of,
    "day": laying.day_of,
    "lay": laying.lay,
    "blocks": laying.blocks,
    "block": laying.block,
    "file": laying.as_file,
    "unlay": laying.unlay,
    "tell": laying.tell,
    "rules": rulebook.family,
    "rule": rulebook.rule,
    "rfor": rulebook.for_whom,
    "rset": rulebook.set_,
    "redge": rulebook.edge,
    "rwhat": rulebook.what_if,
    "write": lambda draft, id: desk.write(draft, int(id) if id.isascii() and id.isdecimal() and len(id) < 19 else -1),
}

DO: Mapping[str, Act] = {
    "checkin": COMMANDS["checkin"],
    "change": _athletes_only(_change),
    "session": COMMANDS["session"],
    "coach": COMMANDS["coach"],
    "plan": _athletes_only(planning.show),
    "busy": COMMANDS["busy"],
    "move": COMMANDS["move"],
    "well": _athletes_only(life.well),
    "pain": _athletes_only(_pain_again),
    "right": _athletes_only(lambda draft, rest: draft.say("pain.right", edit=True)),
    "correct": _athletes_only(_talk("correct")),
}

MOVED: Mapping[str, Callable[[Draft, Talk, engine.Moved], None]] = {
    "morning": checkin.moved,
    "session": checkin.moved,
    "pain": checkin.moved,
    "sure": asking.moved,
    "correct": transcripts.corrected,
    "onboarding": joining.moved,
    "coach_onboarding": joining.moved,
    "hour": joining.moved,
    "zone": joining.moved,
    "days_off": joining.moved,
    "pause": joining.moved,
    "relay": desk.letter,
    "erase": rights.moved,
    "ill": life.ill_where,
    "away": life.away_until,
    "busy": life.busy_for,
    "move": life.moved,
    "object": proposals.objected,
    "revise": proposals.revised,
    "import": importing.whose,
    "order": importing.ordered,
}
