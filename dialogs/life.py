"""What life does to a plan, said in a word or by a button: ill, injured, away, no time, too fast, another day.

An athlete may always do less, and at once: it is a change of theirs, held for nobody, and it can be undone. To do more,
or to put hard days side by side, needs the coach: then a proposal is all that comes of it. What was missed is let go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta

from dialogs import engine, escalation, planning, proposals, signals, when
from dialogs.draft import Draft, Rows
from dialogs.engine import OFFERS
from dialogs.model import Button, Plan, Proposal, Session, Talk
from dialogs.plan import Refused, hard, main_session

_DAY = timedelta(days=1)
MOVABLE = 6  # days ahead from which a session may be picked to be moved
TO_DAYS = 7
_TO = re.compile(r" (?:to|al?|para|à|au|auf) ", re.IGNORECASE)  # "Thursday to Saturday", "jueves a sábado"
LIVES = timedelta(days=2)  # a wish that waits for the coach


def tell(draft: Draft, what: str) -> None:
    """Keep what life does (an answer named `life`), and let the rules look at it."""
    draft.record("answer", "life", what)
    proposals.judge(draft)


# --- ill, injured, slower -------------------------------------------------------------------------------------------


def ill(draft: Draft, rest: str) -> None:
    draft.ask(draft.open("ill").talk, anew=True)


def ill_where(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    draft.close(talk.script)
    if step.ended == "cancelled":
        draft.say("life.cancelled", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    where = str(step.answers["ill"])
    draft.say(
        "life.ill_kept",
        {"where": where},
        edit=draft.tapped is not None,
        bubble=talk.bubble,
        buttons=((Button("button.well", "do:well"),),),
    )
    tell(draft, where)


def well(draft: Draft, rest: str) -> None:
    """Well again. Nothing comes back by itself: each step of the way back is the coach's."""
    draft.say("life.well", edit=draft.tapped is not None)
    tell(draft, "well")


def injured(draft: Draft, rest: str) -> None:
    """Where, how strong, does it change the stride: the same few questions as ever. No runs until a human looked."""
    tell(draft, "injured")
    draft.ask(draft.open("pain").talk, anew=True)


def slower(draft: Draft, rest: str) -> None:
    draft.say("life.slower", edit=draft.tapped is not None)
    tell(draft, "slower")


# --- no time --------------------------------------------------------------------------------------------------------


def busy(draft: Draft, rest: str) -> None:
    """ "I have 20 minutes". Without a number it is asked for."""
    digits = re.search(r"\d{1,3}", rest)
    if digits is None:
        draft.ask(draft.open("busy").talk, anew=True)
        return
    _shorten(draft, int(digits[0]))


def busy_for(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    draft.close(talk.script)
    draft.strip(talk)
    _shorten(draft, int(step.answers["busy"]))


def _shorten(draft: Draft, minutes: int) -> None:
    """The short form of the same intent, or a snack of strength: any strength beats none."""
    draft.record("answer", "minutes_free", minutes)
    before = len(draft.changes)
    tell(draft, "busy")
    if len(draft.changes) == before:  # nothing was planned, or it fits as it is
        session = main_session(draft.training().plan, draft.today)
        draft.say("life.fits", {"minutes": minutes, "session": planning.facts(session) if session else None})


# --- away -----------------------------------------------------------------------------------------------------------


def away(draft: Draft, rest: str) -> None:
    """ "away until Sunday": what is planned until then is let go, and not put anywhere else."""
    said = re.sub(r"^(?:until|till|til|to)\s+", "", rest.strip(), flags=re.IGNORECASE)
    if not said:
        draft.ask(draft.open("away").talk, anew=True)
        return
    until = when.day(said, draft.today)
    if isinstance(until, date):
        _away(draft, until)
    else:
        draft.ask(draft.open("away").talk, anew=True, preface=f"problem.{until.code}")


def away_until(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    draft.close(talk.script)
    if step.ended == "cancelled":
        draft.say("life.cancelled", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    draft.strip(talk)
    answer = step.answers["away"]
    _away(draft, draft.today + answer * _DAY if isinstance(answer, int) else date.fromisoformat(answer))


def _away(draft: Draft, back: date) -> None:
    """`back` is the first day on which they train again. A race is left alone: it is for the coach to take out."""
    plan = draft.training().plan
    gone = [one for one in plan.between(draft.today, back - _DAY) if one.kind not in ("rest", "race")]
    races = [one for one in plan.between(draft.today, back - _DAY) if one.kind == "race"]
    draft.record("answer", "away_until", back.isoformat())
    undo: Rows = ()
    if gone:
        made = draft.replan("athlete", "away", gone, ())
        undo = ((Button("button.undo", f"undo:{made.number}"),),)
    tell(draft, "away")
    facts = {"until": back.isoformat(), "weekday": back.weekday(), "let_go": len(gone), "races": len(races)}
    draft.say("life.away_kept", facts, buttons=undo)


# --- another day ----------------------------------------------------------------------------------------------------


def move(draft: Draft, rest: str) -> None:
    """/move, or "move Thursday to Saturday": which session, and to which day."""
    plan = draft.training().plan
    ahead = [one for one in plan.between(draft.today, draft.today + MOVABLE * _DAY) if one.kind not in ("rest", "race")]
    if not ahead:
        draft.say("life.nothing_to_move")
        return
    source, target = (*_TO.split(" ".join(rest.split()), maxsplit=1), "")[:2]
    from_day, to_day = when.day(source, draft.today), when.day(target, draft.today)
    named = [one for one in ahead if one.day == from_day]
    if len(named) == 1 and isinstance(to_day, date):
        _move(draft, named[0], to_day)
        return
    picked = {"which": named[0].id} if len(named) == 1 else {}
    talk = draft.open("move", picked).talk
    draft.ask(_with_offers(draft, talk, ahead), anew=True)


def _with_offers(draft: Draft, talk: Talk, ahead: list[Session]) -> Talk:
    if talk.step == "which":
        offers = [[one.id, planning.offered(one)] for one in ahead]
    else:
        days = [draft.today + n * _DAY for n in range(TO_DAYS)]
        offers = [
            [day.isoformat(), {"text": "button.day", "args": {"n": day.weekday(), "ticked": False}}] for day in days
        ]
    return replace(talk, slots={**talk.slots, OFFERS: offers})


def moved(draft: Draft, talk: Talk, step: engine.Moved) -> None:
    if step.ended is None:
        draft.ask(_with_offers(draft, step.talk, []))
        return
    draft.close(talk.script)
    session = draft.training().plan.find(str(step.talk.slots.get("which")))
    if step.ended == "cancelled" or session is None:
        draft.say("life.cancelled", edit=draft.tapped is not None, bubble=talk.bubble)
        return
    draft.strip(talk)
    _move(draft, session, date.fromisoformat(step.talk.slots["to_day"]))


def _move(draft: Draft, session: Session, to_day: date) -> None:
    """Done at once where it harms nothing: hard days stay apart, and nothing comes on top of another run. Else the
    coach decides; until then the plan stands as it is."""
    plan = draft.training().plan
    new = replace(session, day=to_day, held=None)
    facts = {"before": planning.facts(session), "after": planning.facts(new)}
    if to_day == session.day:
        draft.say("life.same_day")
        return
    if not crowds(plan, session, new) and session.held is None:
        try:
            made = draft.replan("athlete", "move", (session,), (new,))
        except Refused as refused:
            draft.say(f"problem.plan_{refused.why}")
            return
        draft.record(
            "step", "moved", {"session": session.id, "from": session.day.isoformat(), "to": to_day.isoformat()}
        )
        draft.say("life.moved", facts, buttons=((Button("button.undo", f"undo:{made.number}"),),))
        return
    short = draft.spell_short()
    proposal = Proposal(
        0,
        short,
        draft.person.id,
        "move",
        draft.now,
        draft.now + LIVES,
        (session,),
        (new,),
        False,
        proposals.own_words(draft),
    )
    draft.propose(proposal)
    draft.wake("proposal", f"proposal:{short}", proposal.expires_at, short=short)
    to = next(iter(escalation.hearing(draft.known.coach, draft.known.backup)), None)
    proposals.show(draft, proposal, draft.person, to)
    draft.say("life.move_asked", {**facts, "coach": to.name if to else None})


def crowds(plan: Plan, session: Session, new: Session) -> bool:
    """Would the session, moved there, stand beside a hard day, or on a day that has its run?"""
    others = [one for one in plan.sessions if one.id != session.id]
    if any(one.day == new.day and one.kind not in ("rest", "mobility", "strength") for one in others):
        return True
    return hard(new) and any(abs((one.day - new.day).days) == 1 and hard(one) for one in others)


def undo(draft: Draft, number: str) -> None:
    """An athlete takes back a change of their own."""
    change = next((one for one in draft.training().changes if str(one.number) == number and one.by == "athlete"), None)
    if change is None:
        draft.toast("shared.question_closed")
        return
    try:
        draft.undo(change, "athlete")
    except Refused as refused:
        draft.toast(f"problem.plan_{refused.why}")
        return
    draft.say("life.undone", edit=draft.tapped is not None, buttons=((Button("button.plan", "do:plan"),),))


# --- done -----------------------------------------------------------------------------------------------------------


def done(draft: Draft, rest: str) -> None:
    """After a session. Of two on one day it is asked which; one that was reported is not offered again."""
    today = draft.training().plan.on(draft.today)
    reported = {one.session for one in signals.days(draft.training().records).get(draft.today, signals.NOTHING).done}
    left = [one for one in today if one.kind != "rest" and one.id not in reported]
    known: dict[str, object] = {}
    if len(left) == 1:
        draft.record("answer", "session", left[0].id)
        known = {"session": left[0].id}
    elif len(left) > 1:
        known = {"several": True}
    talk = draft.open("session", known).talk
    if len(left) > 1:
        talk = replace(talk, slots={**talk.slots, OFFERS: [[one.id, planning.offered(one)] for one in left]})
    draft.ask(talk, anew=True)


# --- in plain words -------------------------------------------------------------------------------------------------

Act = Callable[[Draft, str], None]
_MINUTES = r"(\d{1,3}) ?(?:min|mn|mins|minutes|minute)"
_MINUTOS = r"(\d{1,3}) ?(?:min|minutos)"
_MINUTEN = r"(\d{1,3}) ?(?:min|minuten)"
PLAIN: Mapping[str, Act] = {
    rf"(?:i|i've|i have|ive) ?(?:only |just )?(?:have |got |have got )?(?:only |just )?{_MINUTES}(?: today)?": busy,
    rf"(?:only|just) (?:have |got )?{_MINUTES}(?: today)?": busy,
    r"i(?:'m| am) (?:ill|sick|unwell)(?: today)?|im (?:ill|sick)": ill,
    r"i(?:'m| am|m) (?:well|better|healthy) again": well,
    r"i(?:'m| am|m) injured|injured": injured,
    r"(?:(?:a bit|a little) )?(?:slower|easier),? please|less,? please": slower,
    r"(?:i(?:'m| am|m) )?away (?:until|till|til) (.+)": away,
    r"move (.+ to .+)": move,
    r"(?:what(?:'s| is) (?:on )?)?(today|this week|next week)\??": planning.show,
    r"(?:my )?plan": planning.show,
    r"done|all done|did it|session done": done,
    # Spanish
    rf"(?:hoy )?(?:s[oó]lo )?tengo (?:s[oó]lo )?{_MINUTOS}(?: hoy)?|s[oó]lo {_MINUTOS}(?: hoy)?": busy,
    r"estoy (?:mal[oa]|enferm[oa])(?: hoy)?|tengo una enfermedad": ill,
    r"ya estoy (?:bien|recuperad[oa])|estoy (?:bien|recuperad[oa]) (?:otra vez|de nuevo)": well,
    r"(?:estoy |me he )?lesionad[oa]|me lesioné|tengo una lesión": injured,
    r"(?:un poco )?(?:más (?:despacio|lento|suave)|menos),? por favor|más despacio": slower,
    r"(?:estoy |estaré )?fuera hasta (.+)": away,
    r"(?:mueve|mover|pasa) (.+ (?:al?|para) .+)": move,
    r"(?:qué (?:hay|toca|tengo) )?(hoy|esta semana|(?:la )?próxima semana|la semana que viene)": planning.show,
    r"hecho|ya está hecho|lo hice|sesión hecha|entrenamiento hecho": done,
    # French
    rf"(?:aujourd'hui )?(?:je n'ai que|j'ai que|j'ai|j'ai seulement|seulement|juste) {_MINUTES}(?: aujourd'hui)?": busy,
    r"je suis malade(?: aujourd'hui)?": ill,
    r"je suis (?:guérie?|rétablie?|de nouveau en forme)": well,
    r"(?:je suis |je me suis )?blessée?|j'ai une blessure": injured,
    r"(?:un peu )?(?:plus lent|plus doucement|moins vite|moins),? s'il te pla[iî]t|moins vite": slower,
    r"(?:je suis |je serai )?(?:absente?|partie?|en vacances|en déplacement) (jusqu.+)|je m'absente (jusqu.+)": away,
    r"(?:déplace|déplacer|passe) (.+ (?:à|au) .+)": move,
    r"(?:qu'est-ce qu'il y a |quoi )?(aujourd'hui|cette semaine|(?:la )?semaine prochaine)": planning.show,
    r"(?:mon )?programme|m(?:i|on|ein) plan": planning.show,
    r"fait|c'est fait|séance faite|je l'ai faite?": done,
    # German
    rf"(?:ich )?habe? (?:heute )?(?:nur )?{_MINUTEN}(?: zeit)?(?: heute)?|(?:heute )?nur {_MINUTEN}(?: zeit)?": busy,
    r"(?:ich )?bin (?:heute )?krank(?: heute)?": ill,
    r"(?:ich )?bin wieder (?:gesund|fit)": well,
    r"(?:ich )?(?:bin |habe mich |hab mich )?verletzt": injured,
    r"(?:etwas )?(?:langsamer|leichter|weniger),? bitte|bitte (?:langsamer|leichter|weniger)": slower,
    r"(?:ich )?(?:bin )?(?:weg|verreist|im urlaub) (bis .+)|(?:ich )?(?:bin )?(bis .+) (?:weg|verreist)": away,
    r"(?:verschiebe?|verlege?) (.+ auf .+)|(.+ auf .+) verschieben": move,
    r"(?:was (?:steht|ist|gibt es) )?(heute|diese woche|nächste woche)(?: an| dran)?": planning.show,
    r"(?:mein )?trainingsplan": planning.show,
    r"erledigt|gemacht|training gemacht|einheit gemacht": done,
}


def wish(text: str) -> tuple[Act, str] | None:
    """A wish about the plan in plain words, and nothing else; longer sentences are words for a human."""
    said = " ".join(text.casefold().replace("’", "'").strip(" .!?¿¡").split())
    for pattern, act in PLAIN.items():
        if found := re.fullmatch(pattern, said):
            return act, next((one for one in found.groups() if one), "")
    return None
