"""The rule book in a coach's chat: read it, switch a rule off, move a threshold, mute it for one athlete, try it on the
last eight weeks. Each act is a setting that is kept with who and when; the rule files themselves are never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from dialogs import attention, replaying
from dialogs.draft import Draft, Rows, in_rows
from dialogs.events import Due
from dialogs.model import Button, Json, Person, Setting
from dialogs.rules.book import Rule, shipped
from dialogs.rules.evaluate import effective

MUTE = timedelta(days=14)
WEEKS = 8
STEPS = 8  # from the lowest to the highest value of a threshold
LAST = 3  # settings shown below a rule: who, when, what
ALL = 0  # in a button: for all athletes


def _settings(draft: Draft) -> tuple[Setting, ...]:
    mine = [one for one in draft.known.training[draft.person.id].settings if one.coach_id == draft.person.id]
    return (*mine, *draft.settings)


def list_(draft: Draft, rest: str) -> None:
    """/rules, or /rules WORD: the one rule that has the word in its name."""
    wanted = rest.casefold().strip()
    named = [one for one in shipped().rules if wanted and wanted in f"{one.id} {one.title}".casefold()]
    if len(named) == 1:
        _show(draft, named[0], None)
        return
    families = _families(draft)
    rows = [Button("button.family", f"rules:{name}", {"family": name}) for name in families]
    draft.say(
        "rulebook.list",
        {"families": [{"name": name, "rules": rules} for name, rules in families.items()]},
        buttons=in_rows(rows),
        edit=draft.tapped is not None and not rest,
    )


def _families(draft: Draft) -> dict[str, list[dict[str, Json]]]:
    settings = _settings(draft)
    found: dict[str, list[dict[str, Json]]] = {}
    for one in shipped().rules:
        on = effective(one, settings, None).on
        shown = {"id": one.id, "title": one.title, "on": on, "alone": one.alone, "explain": one.explain}
        found.setdefault(one.family, []).append(shown)
    return found


def family(draft: Draft, name: str) -> None:
    """The rules of one family, to read aloud and to pick from. Without a name: all families."""
    rules = _families(draft).get(name)
    if rules is None:
        list_(draft, "")
        return
    buttons = [Button("button.offer", f"rule:{one['id']}:{ALL}", {"offer": one["title"]}) for one in rules]
    rows: Rows = (
        *in_rows(buttons),
        (Button("button.go_back", "rules:"),),
    )
    draft.say("rulebook.family", {"family": name, "rules": rules}, buttons=rows, edit=draft.tapped is not None)


def _target(draft: Draft, target: str) -> tuple[Rule, Person | None, str] | None:
    """ "sleep-short:7:off": the rule, for which athlete (0: all), and what. None after having said so. Nothing is set
    for athletes whom this coach only covers: their own coach's word is what counts for them."""
    id, _, rest = target.partition(":")
    number, _, what = rest.partition(":")
    rule = shipped().find(id)
    athlete = draft.by_number(number)
    if athlete is not None and athlete.coach_id != draft.person.id:
        athlete = None
    if rule is None or (athlete is None and number != str(ALL)):
        draft.toast("shared.question_closed")
        return None
    return rule, athlete, what


def rule(draft: Draft, target: str) -> None:
    if (found := _target(draft, target)) is not None:
        _show(draft, found[0], found[1])


def _show(draft: Draft, rule: Rule, athlete: Person | None) -> None:
    settings = _settings(draft)
    whose = athlete.id if athlete else None
    now = effective(rule, settings, whose)
    stem = f"{rule.id}:{athlete.id if athlete else ALL}"
    muted = now.muted_until is not None and now.muted_until > draft.today
    rows: list[tuple[Button, ...]] = []
    for name, edge in rule.edges.items():
        rows.append(
            tuple(
                Button(f"button.edge_{way}", f"redge:{stem}:{name}:{way}", {"edge": edge.title or name})
                for way in ("less", "more")
            )
        )
    on = (Button("button.rule_off" if now.on else "button.rule_on", f"rset:{stem}:{'off' if now.on else 'on'}"),)
    if athlete is not None:
        mute = Button("button.unmute" if muted else "button.mute", f"rset:{stem}:{'unmute' if muted else 'mute'}")
        rows += [(*on, mute), (Button("button.go_back", f"rule:{rule.id}:{ALL}"),)]
    else:
        rows += [
            (*on, Button("button.rule_for", f"rfor:{stem}")),
            (Button("button.what_if", f"rwhat:{stem}"), Button("button.go_back", f"rules:{rule.family}")),
        ]
    names = {one.id: one.name for one in draft.known.athletes}
    kept = [one for one in settings if one.rule == rule.id and (athlete is None or one.athlete_id == athlete.id)]
    draft.say(
        "rulebook.rule",
        {
            "title": rule.title,
            "explain": rule.explain,
            "source": rule.source,
            "level": rule.level.value,
            "alone": rule.alone,
            "on": now.on,
            "muted_until": now.muted_until.isoformat() if muted and now.muted_until else None,
            "edges": [
                {"name": edge.title or name, "is": now.edges[name], "shipped": edge.value}
                for name, edge in rule.edges.items()
            ],
            "athlete": athlete.name if athlete else None,
            "judged": attention.of_rule(draft, rule.id),
            "last": [_told(one, names) for one in kept[-LAST:]],
        },
        buttons=tuple(rows),
        edit=draft.tapped is not None,
    )


def _told(setting: Setting, names: Mapping[int, str]) -> dict[str, Json]:
    return {
        "day": setting.at.date().isoformat(),
        "athlete": names.get(setting.athlete_id or 0),
        "on": setting.on,
        "edges": dict(setting.edges),
        "muted_until": setting.muted_until.isoformat() if setting.muted_until else None,
    }


def for_whom(draft: Draft, target: str) -> None:
    """The same rule, for one athlete."""
    if (found := _target(draft, target)) is None:
        return
    rule, _, _ = found
    own = [one for one in draft.known.athletes if one.coach_id == draft.person.id]
    own.sort(key=lambda one: one.name.casefold())
    buttons = [Button("button.offer", f"rule:{rule.id}:{one.id}", {"offer": one.name}) for one in own]
    rows: Rows = (
        *in_rows(buttons),
        (Button("button.go_back", f"rule:{rule.id}:{ALL}"),),
    )
    draft.say("rulebook.for_whom", {"title": rule.title}, buttons=rows, edit=draft.tapped is not None)


def set_(draft: Draft, target: str) -> None:
    if (found := _target(draft, target)) is None:
        return
    rule, athlete, what = found
    one = Setting(rule.id, draft.person.id, draft.now, athlete.id if athlete else None, by_id=draft.person.id)
    match what:
        case "on" | "off":
            one = replace(one, on=what == "on")
        case "mute" if athlete is not None:
            one = replace(one, muted_until=draft.today + MUTE)
        case "unmute" if athlete is not None:
            one = replace(one, muted_until=draft.today)
        case _:
            draft.toast("shared.question_closed")
            return
    draft.settings.append(one)
    _show(draft, rule, athlete)


def edge(draft: Draft, target: str) -> None:
    """A threshold one step down or up, within the bounds that its rule file names."""
    if (found := _target(draft, target)) is None:
        return
    rule, athlete, what = found
    name, _, way = what.partition(":")
    if name not in rule.edges or way not in ("less", "more"):
        draft.toast("shared.question_closed")
        return
    bounds = rule.edges[name]
    now = effective(rule, _settings(draft), athlete.id if athlete else None).edges[name]
    step = bounds.step if bounds.step else (bounds.to - bounds.least) / STEPS
    new = min(max(now + (step if way == "more" else -step), bounds.least), bounds.to)
    if new == now:
        draft.toast("rulebook.at_its_end")
        return
    draft.settings.append(
        Setting(
            rule.id,
            draft.person.id,
            draft.now,
            athlete.id if athlete else None,
            edges={name: round(new, 2)},
            by_id=draft.person.id,
        )
    )
    _show(draft, rule, athlete)


def what_if(draft: Draft, target: str) -> None:
    """What would this have done in the last eight weeks? It reads a lot, so it is a wakeup of its own."""
    if (found := _target(draft, target)) is None:
        return
    draft.wake(
        "replay", f"replay:{draft.person.id}:{found[0].id}:{draft.now:%Y%m%d%H%M%S}", draft.now, rule=found[0].id
    )
    draft.toast("rulebook.looking")


def replayed(draft: Draft, event: Due) -> None:
    rule = shipped().find(str(event.data.get("rule")))
    if rule is None or draft.known.histories is None or not draft.person.coaches:
        return
    names = {one.id: one.name for one in draft.known.athletes}
    unmuted = [replace(one, on=None, muted_until=None) for one in _settings(draft)]
    found = replaying.what_if(shipped(), draft.known.histories, rule.id, unmuted, draft.today, weeks=WEEKS)
    athletes = [{"name": names.get(int(id), "?"), "count": count} for id, count in found["athletes"].items() if count]
    draft.say(
        "rulebook.what_if",
        {**found, "athletes": sorted(athletes, key=lambda one: -one["count"]), "title": rule.title, "weeks": WEEKS},
        buttons=((Button("button.go_back", f"rule:{rule.id}:{ALL}"),),),
    )
