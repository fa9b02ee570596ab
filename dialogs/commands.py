"""What can be asked for by a command, a button or a plain wish: tables, and the few lines behind each entry.

`MOVED` says which room an open conversation belongs to. The tables are the only place that knows who may do what: an
entry is for everybody, for athletes or for coaches, and whoever may not gets the answer of "no such thing".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dialogs import (
    acts,
    asking,
    attention,
    broadcast,
    calendar,
    checkin,
    coach_weeks,
    cover,
    desk,
    dossier,
    drill,
    engine,
    escalation,
    followups,
    guardians,
    health,
    importing,
    joining,
    laying,
    life,
    lists,
    lookup,
    menus,
    minors,
    mornings,
    owning,
    passing,
    planning,
    proposals,
    rights,
    rulebook,
    summary,
    tongue,
    topics,
    transcripts,
    wards,
    week_drafts,
    weekday,
    weeks,
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
    mornings.start(draft)


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
    draft.record("event", "resumed")
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


def _week(draft: Draft, rest: str) -> None:
    """Their week so far; somebody who coaches and runs gets both."""
    if draft.person.coaches:
        coach_weeks.show(draft, rest)
    if draft.person.runs:
        weeks.show(draft, rest)


def _whom(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """Which of two athletes of one name: then it goes on as if the name had been enough."""
    draft.close(talk.script)
    draft.strip(talk)
    if step.ended == "cancelled":
        draft.say("desk.left")
    else:
        COMMANDS[str(talk.slots["then"])](draft, f"#{step.answers['whom']} {talk.slots['rest']}")


def _settings(draft: Draft, rest: str) -> None:
    draft.say("settings.show", joining.facts(draft))


def help_(draft: Draft, rest: str) -> None:
    me = draft.person
    draft.say("shared.help", {"runs": me.runs, "coaches": me.coaches}, menu=menus.own(me))


def _privacy(draft: Draft, rest: str) -> None:
    me = draft.person
    guardian = minors.facts(draft.known, me)["guardian"]
    draft.say("shared.privacy", {"runs": me.runs, "coaches": me.coaches, "guardian": guardian})


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
    "me": _athletes_only(dossier.me),
    "health": _athletes_only(health.command),
    "daysoff": _athletes_only(_talk("days_off")),
    "hour": _settled_only(_talk("hour")),
    "zone": _settled_only(_talk("zone")),
    "weekday": _settled_only(_talk("weekday")),
    "week": _settled_only(_week),
    "settings": _settings,
    "language": tongue.language,
    "help": help_,
    "privacy": _privacy,
    "export": rights.export,
    "erase": rights.ask,
    "invite": _coaches_only(lambda draft, name: desk.invite(draft, name)),
    "queue": _coaches_only(lists.queue),
    "today": _coaches_only(lists.today),
    "athlete": _coaches_only(dossier.show),
    "note": _coaches_only(dossier.note),
    "write": _coaches_only(desk.write_to),
    "quiet": _coaches_only(lookup.quiet),
    "find": _coaches_only(lookup.find),
    "roster": _coaches_only(lookup.roster),
    "athletes": _coaches_only(lambda draft, rest: desk.athletes(draft)),
    "backup": _coaches_only(lambda draft, name: desk.backup(draft, name)),
    "concern": _coaches_only(owning.show),
    "lay": _coaches_only(laying.write),
    "rules": _coaches_only(rulebook.list_),
    "link": _coaches_only(topics.link),
    "unlink": _coaches_only(topics.unlink),
    "hours": _coaches_only(cover.hours),
    "holiday": _coaches_only(cover.holiday),
    "handover": _coaches_only(cover.handover_of),
    "club": _coaches_only(cover.club),
    "move_athlete": _coaches_only(passing.move),
    "leave": _coaches_only(passing.leave),
    "attention": _coaches_only(attention.show),
    "drill": _coaches_only(drill.begin),
    "broadcast": _coaches_only(broadcast.write),
}

ABOUT_OTHERS = (
    "athlete", "write", "note", "find", "concern", "broadcast", "handover", "move_athlete", "holiday",
)  # fmt: skip  # what a coach writes behind these is not about themselves
TAKES_TEXT = (
    "language", "pause", "health", "hour", "zone", "daysoff", "invite", "backup", "plan", "move", "busy",
    "away", "calendar", "lay", "rules", "hours", "attention",
)  # fmt: skip  # what stands behind these is their answer
SMALL_TALK = frozenset(
    "thanks thank you thx ty ok okay k good great fine perfect cool nice super yes no yep nope hi hello hey morning "
    "evening night bye see will do all well "
    "gracias muchas vale hola buenos buenas días tardes noches adiós merci beaucoup bonjour bonsoir salut oui non "
    "danke hallo servus moin guten morgen tschüss prima klar ja nein sí".split()
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
} | {  # the same in the other languages in which people write
    said: COMMANDS[name]
    for name, every in {
        "coach": (
            "necesito a mi coach", "necesito a mi entrenador", "necesito a mi entrenadora",
            "necesito hablar con mi coach",
            "llama a mi coach", "j'ai besoin de mon coach", "j'ai besoin de mon entraîneur", "appelle mon coach",
            "je veux parler à mon coach", "ich brauche meinen coach", "ich brauche meinen trainer",
            "ich brauche meine trainerin", "ruf meinen coach an", "ruf meinen coach",
        ),
        "pause": ("pausa",),
        "resume": ("reanudar", "reprendre", "fortsetzen"),
        "settings": ("ajustes", "réglages", "einstellungen"),
        "language": ("language", "idioma", "langue", "sprache"),
        "help": ("ayuda", "aide", "hilfe"),
    }.items()
    for said in every
}  # fmt: skip

TAPS: Mapping[str, Act] = {
    "urgent": _athletes_only(_urgent),
    "can_wait": _athletes_only(_can_wait),
    "do": lambda draft, what: DO.get(what, closed)(draft, ""),
    "wish": rights.wish,
    "language": tongue.chosen,
    "plan": _athletes_only(planning.shown),
    "undo": _athletes_only(life.undo),
    "object": _athletes_only(proposals.object_),
    "ingroup": _athletes_only(topics.choose),
    "me": _athletes_only(dossier.change),
    "cover": _athletes_only(cover.consent),
    "coached": _athletes_only(passing.chosen),
    "guardian": wards.link,
}

COACH_TAPS: Mapping[str, Act] = {
    "ack": desk.take,
    "close": desk.close,
    "reply": desk.reply,
    "concern": owning.opened,
    "handled": owning.handled,
    "note": owning.note,
    "still": owning.still,
    "useful": lambda draft, short: desk.judged(draft, short, useful=True),
    "useless": lambda draft, short: desk.judged(draft, short, useful=False),
    "erase": rights.decide,
    "approve": proposals.approve,
    "reject": proposals.reject,
    "revise": proposals.revise,
    "instead": proposals.instead,
    "take": importing.take,
    "leave": importing.leave,
    "group": topics.decide,
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
    "write": desk.write,
    "tomorrow": lists.tomorrow,
    "queue": lists.more,
    "ease": acts.ease,
    "call": acts.call,
    "called": acts.called,
    "dsend": week_drafts.send,
    "dedit": week_drafts.edit,
    "ddrop": week_drafts.drop,
    "add": dossier.add,
    "jot": dossier.jot,
    "holiday": cover.change,
    "handover": cover.handover,
    "drill": drill.begin,
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
    "morning": mornings.moved,
    "session": mornings.reported,
    "settled": followups.moved,
    "race": mornings.raced,
    "health": health.moved,
    "pain": checkin.moved,
    "sure": asking.moved,
    "correct": transcripts.corrected,
    "onboarding": wards.joining_moved,
    "guardian": guardians.consented,
    "stop": guardians.stopped,
    "grown": guardians.grown,
    "coach_onboarding": joining.moved,
    "hour": joining.moved,
    "zone": joining.moved,
    "days_off": joining.moved,
    "pause": joining.moved,
    "week": weeks.answered,
    "weekday": weekday.moved,
    "relay": desk.letter,
    "concern_note": owning.noted,
    "came_of": owning.came,
    "erase": rights.moved,
    "ill": life.ill_where,
    "away": life.away_until,
    "busy": life.busy_for,
    "move": life.moved,
    "object": proposals.objected,
    "revise": proposals.revised,
    "import": importing.whose,
    "order": importing.ordered,
    "me": dossier.changed,
    "add": dossier.added,
    "jot": dossier.jotted,
    "whom": _whom,
    "leave": passing.moved,
    "broadcast": broadcast.moved,
}


def move(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    """A talk has moved: to its room. What is no answer is asked for again, with the reason; no room has to."""
    if step.wrong:
        draft.ask(step.talk, preface=step.wrong)
    else:
        MOVED[talk.script](draft, talk, step)
