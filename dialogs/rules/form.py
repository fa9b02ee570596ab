"""What may stand in a rule file: a rule, its edges and its actions, as pydantic models.

A rule is a sentence: *when* all of these hold, *then* this, *alone* this much of it without asking. What it may ask is
in `checks`, what it may do is below, and nothing else can be written. The models only read and refuse: what actions do
is in `actions`. In a file `from` and `is` are words like any other; here they are `least` and `value`.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from dialogs.model import Json
from dialogs.rules.checks import AnyOf, EdgeRef, Form, Id, Name, Number, OfDays, OfPlan, When, by_name, within

Words = Annotated[str, Field(min_length=1, max_length=500)]
What = Literal["hard", "runs", "all", "strength"]


class Edge(Form):
    """A threshold that a coach may move between `from` and `to`, by `step` at a time."""

    value: Annotated[float, Field(alias="is")]
    least: Annotated[float, Field(alias="from")]
    to: float
    step: Annotated[float, Field(gt=0)] | None = None
    title: Annotated[str, Field(max_length=40)] = ""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.least <= self.value <= self.to:
            raise ValueError(f"is: {self.value:g} does not lie between from: {self.least:g} and to: {self.to:g}")
        return self


# --- actions --------------------------------------------------------------------------------------------------------


class Tell(Form):
    """The coach reads of it, as the level says. Nothing changes."""

    do: Literal["tell"]


class Ease(Form):
    """Sessions of the next days (1: today) become lighter. `next`: only the first. `once`: only when the rule begins to
    speak, and not again while it goes on. `until: race`: none after the race that `race_within` has found, and
    where none is left before it the rule does not speak."""

    do: Literal["ease"]
    what: What
    days: Annotated[int, Field(ge=1, le=21)]
    to: Literal["easy", "short", "snack", "half", "mobility"]
    at_most: Annotated[Number, within(5, 240)] | None = None
    next: bool = False
    once: bool = False
    until: Literal["race"] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.to == "short" and self.at_most is None:
            raise ValueError("to: short needs at_most, in minutes")
        if self.to == "snack" and self.what != "strength":
            raise ValueError("to: snack is a form of strength: what: strength")
        return self


class Hold(Form):
    """Sessions of the next days (1: today) become rest until a person has looked."""

    do: Literal["hold"]
    what: What
    days: Annotated[int, Field(ge=1, le=21)]
    once: bool = False


class Relay(Form):
    """A missed session in place of an easy run of the same week, with no hard day beside it. A wish, for the coach."""

    do: Literal["relay"]
    within: Annotated[int, Field(ge=1, le=6)]


class Step(Form):
    """The next run as long as the next step of a ladder. A wish, for the coach."""

    do: Literal["step"]
    minutes: Annotated[tuple[Annotated[int, Field(ge=5, le=120)], ...], Field(min_length=1, max_length=10)]
    within: Annotated[int, Field(ge=1, le=7)]


class Quiet(Form):
    """These rules, which may be of level note only, say nothing meanwhile."""

    do: Literal["quiet"]
    rules: Annotated[tuple[Id, ...], Field(min_length=1, max_length=10)]


Action = Annotated[Tell | Ease | Hold | Relay | Step | Quiet, Field(discriminator="do")]
# What may stand under `alone` beside each action. Whatever adds load is a human's, and telling is nothing to hold.
ALONE = {"tell": (), "ease": ("ease",), "hold": ("hold",), "relay": (), "step": (), "quiet": ()}
NEEDS = {"relay": "missed", "step": "ran_well"}  # an action that takes up what this check has found


class RuleForm(Form):
    id: Id
    title: Annotated[str, Field(min_length=1, max_length=28)]  # it stands on a button
    source: Words
    level: Literal["now", "today", "concern", "note"]
    owner: Literal["coach"]
    on: bool
    edges: dict[Name, Edge] = Field({}, max_length=6)
    when: Annotated[tuple[When, ...], Field(min_length=1, max_length=6)]
    then: Action
    explain: Words
    alone: Literal["hold", "ease", "nothing"]
    spell: Annotated[int, Field(ge=1, le=40)]

    def checks(self) -> Iterator[OfDays | OfPlan]:
        for one in self.when:
            yield from one.any if isinstance(one, AnyOf) else (one,)

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        do = self.then.do
        if self.alone != "nothing" and self.alone not in ALONE[do]:
            may = " or ".join((*ALONE[do], "nothing"))
            raise ValueError(f"alone: {self.alone} does not fit do: {do}, which may be alone: {may}")
        of_plan = [isinstance(one, OfPlan) for one in self.checks()]
        if any(of_plan) and (not all(of_plan) or len(self.when) > 1):
            raise ValueError("a check of a plan stands alone, or in one group of any; it goes with no check of days")
        if any(of_plan) and do != "tell":
            raise ValueError(f"a breach in a plan is shown and never mended: do: {do} must be do: tell")
        if do in NEEDS and not any(getattr(one, "check", None) == NEEDS[do] for one in self.when):
            raise ValueError(
                f"do: {do} takes up what the check {NEEDS[do]} has found, and there is none (outside of any)"
            )
        races = any(getattr(one, "check", None) == "race_within" for one in self.when)
        if getattr(self.then, "until", None) == "race" and not races:
            raise ValueError("until: race is the race of the check race_within, and there is none (outside of any)")
        self._edges_fit()
        return self

    def _edges_fit(self) -> None:
        used: set[str] = set()
        for part in (*self.checks(), self.then):
            here = _edges_of(part)
            if missing := [name for name in here if name not in self.edges]:
                known = ", ".join(self.edges) or "none"
                raise ValueError(f"{{edge: {missing[0]}}} is not among the edges of this rule ({known})")
            used |= set(here)
            for end in ("least", "to") if here else ():
                _fits(part, self.edges, end)
        if unused := sorted(set(self.edges) - used):
            raise ValueError(f"edge {unused[0]} is used by no check and no action")
        try:
            fields = [(name, spec) for _, name, spec, _ in Formatter().parse(self.explain)]
        except ValueError:
            raise ValueError("explain: a brace stands alone; {hours} would be the value of the edge hours") from None
        for found, spec in fields:
            if found is not None and (found not in self.edges or spec):
                raise ValueError(f"explain: {{{found}}} is not among the edges of this rule")


def _edges_of(part: BaseModel) -> list[str]:
    return [value.edge for name in type(part).model_fields if isinstance(value := getattr(part, name), EdgeRef)]


def _fits(part: BaseModel, edges: dict[str, Edge], end: str) -> None:
    """Is the check or action still one, with each edge at this end of its range? Raises ValueError."""
    filled: dict[str, Json] = {}
    for name in type(part).model_fields:
        value = getattr(part, name)
        filled[name] = getattr(edges[value.edge], end) if isinstance(value, EdgeRef) else value
    try:
        type(part).model_validate(filled, by_name=True)
    except ValidationError as error:
        named, word = ", ".join(_edges_of(part)), "from" if end == "least" else end
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ValueError(f"edge {named}: its {word} is more than the check or action allows: {why}") from None


ACTIONS = by_name(Tell | Ease | Hold | Relay | Step | Quiet, "do")
