"""What a rule may ask: the closed set of checks, as pydantic models. Each says in its docstring what it means.

There is no language to learn and none to get out of hand. A number that a coach may move is an *edge* of its rule, and
a check refers to it as `{edge: hours}`. Every field has bounds, and an edge must fit into them with its whole range
(see `form`). How the checks work is in `conditions` (of an athlete's days) and `placements` (of a plan). In a file
`from` is a word like any other; here it is `least`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

LONGEST_LOOK = 28  # days back: what is further back is not loaded for sure
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=24)]  # it stands in buttons, with more
Name = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$", max_length=12)]
Days = Annotated[int, Field(ge=1, le=LONGEST_LOOK)]
Few = Annotated[int, Field(ge=1, le=7)]
Place = Literal["bone", "elsewhere", "anywhere"]
Life = Literal["ill_above", "ill_below", "fever", "injured", "busy", "slower", "away"]


class Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EdgeRef(Form):
    edge: Name


def _number_or_edge(value: object) -> str:
    return "edge" if isinstance(value, dict | EdgeRef) else "number"


Number = Annotated[Annotated[float, Tag("number")] | Annotated[EdgeRef, Tag("edge")], Discriminator(_number_or_edge)]


def within(low: float, high: float) -> AfterValidator:
    """A number in these bounds, or an edge (which is held against them later, with its whole range, see `form`)."""

    def check(value: float | EdgeRef) -> float | EdgeRef:
        if isinstance(value, float | int) and not low <= value <= high:
            raise ValueError(f"{value:g} is not between {low:g} and {high:g}")
        return value

    return AfterValidator(check)


# --- checks of an athlete's days ------------------------------------------------------------------------------------


class _OfLast(Form):
    @model_validator(mode="after")
    def _no_more_than_there_are(self) -> Self:
        for name in ("nights", "days"):
            if (some := getattr(self, name, 0)) > (of := getattr(self, "of_last", 0)):
                raise ValueError(f"{name}: {some} cannot be more than of_last: {of}")
        return self


class SleepHours(_OfLast):
    """Slept less than `under` hours on so many of the last nights. A night without hours is not a short one."""

    check: Literal["sleep_hours"]
    under: Annotated[Number, within(1, 12)]
    nights: Few
    of_last: Few


class LowItems(_OfLast):
    """On so many of the last days, at least so many items lay `below` (in standard deviations) the athlete's own usual.
    A missing day is no evidence; before ten answers there is no usual and nothing is low."""

    check: Literal["low_items"]
    items: Annotated[int, Field(ge=1, le=5)]
    below: Annotated[Number, within(0.5, 4)]
    days: Few
    of_last: Few


class HarderThanMeant(Form):
    """The last so many sessions with a plan and a report felt harder than meant, each by so much of 10."""

    check: Literal["harder_than_meant"]
    by: Annotated[Number, within(1, 8)]
    sessions: Annotated[int, Field(ge=2, le=5)]  # never on one session: the noise of one effort is about 28 %


class NextHard(Form):
    """A hard session stands in the plan within so many days (0: today), and none before it waits for the coach."""

    check: Literal["next_hard"]
    within: Annotated[int, Field(ge=0, le=7)]


class PainNow(Form):
    """A pain today, of this strength. `bone`: where a bone may be what hurts (shin, foot, groin, sacrum)."""

    check: Literal["pain"]
    where: Place
    least: Annotated[Number, within(1, 10)] | None = Field(None, alias="from")
    over: Annotated[Number, within(0, 9)] | None = None
    changes_stride: bool | None = None

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Self:
        if self.least is not None and self.over is not None:
            raise ValueError("from and over are two ways to say it: one is enough")
        return self


class PainDay(Form):
    """Today is this day of the same pain: 1 where it is new. Where that day had no answer, the next answer counts."""

    check: Literal["pain_day"]
    where: Place
    on: Annotated[tuple[Annotated[int, Field(ge=1, le=LONGEST_LOOK)], ...], Field(min_length=1, max_length=10)]


class PainUnsettled(Form):
    """The same pain was this strong today and on the day before: it has not settled by the next morning."""

    check: Literal["pain_unsettled"]
    where: Place
    least: Annotated[Number, within(1, 10)] = Field(alias="from")


class PainRises(Form):
    """The same pain is this strong, and by so much stronger than when it was last told."""

    check: Literal["pain_rises"]
    where: Place
    least: Annotated[Number, within(1, 10)] = Field(alias="from")
    by: Annotated[Number, within(1, 9)]


class Said(Form):
    """One of these was said on one of the last so many days (1: today)."""

    check: Literal["said"]
    any: Annotated[tuple[Life, ...], Field(min_length=1)]
    of_last: Annotated[int, Field(ge=1, le=14)]


class Returning(Form):
    """Illness or injury was said within so many days, and it is over: "well again", or so many days without a word."""

    check: Literal["returning"]
    after: Annotated[tuple[Literal["illness", "injury"], ...], Field(min_length=1)]
    within: Annotated[int, Field(ge=2, le=21)]
    silent: Annotated[int, Field(ge=2, le=14)]


class DaysOff(Form):
    """No session was told as done for so many days, although that many runs were planned, and one is planned again.
    Only for somebody who has told of sessions before."""

    check: Literal["days_off"]
    days: Annotated[Number, within(3, 21)]
    planned: Annotated[int, Field(ge=1, le=14)]


class FiredBefore(Form):
    """One of these rules spoke on one of the last so many days before today."""

    check: Literal["fired"]
    rules: Annotated[tuple[Id, ...], Field(min_length=1, max_length=10)]
    of_last: Days


class RanWell(Form):
    """The gate of a step: the last run was done as planned, at this effort or less; no pain with it nor since; and a
    day later there is an answer in which nothing is at the bottom of its scale."""

    check: Literal["ran_well"]
    effort: Annotated[Number, within(0, 10)]


class Missed(Form):
    """A hard session was reported as not done, for one of these reasons, on one of the last so many days."""

    check: Literal["missed"]
    why: Annotated[tuple[Literal["life", "head", "body"], ...], Field(min_length=1)]
    of_last: Few


class Unhurt(Form):
    """No pain and no word of illness or injury in the last so many days. No answer is not a pain."""

    check: Literal["unhurt"]
    of_last: Few


class RaceWithin(Form):
    """A race is at most so many days away (0: today)."""

    check: Literal["race_within"]
    days: Annotated[int, Field(ge=0, le=LONGEST_LOOK)]


class Health(Form):
    """The week's health questions were answered today, and health has held back training or performance by this much or
    more (0 to 25, 0 = not at all), or they could not take part."""

    check: Literal["health"]
    least: Annotated[Number, within(8, 25)] = Field(alias="from")


# --- checks of a plan -----------------------------------------------------------------------------------------------


class LongestRun(Form):
    """One planned run is longer than so many per cent of the longest of the days before it, in minutes. Races are not
    asked; runs are known for at least `history` days before, else nothing is said."""

    check: Literal["longest_run"]
    percent: Annotated[Number, within(100, 300)]
    of_last: Annotated[int, Field(ge=7, le=40)]
    history: Days


class HardInARow(Form):
    """Hard sessions on two days that follow each other."""

    check: Literal["hard_in_a_row"]


class StrengthBefore(Form):
    """Strength (no snack) on the day before one of these, and not on a hard day itself."""

    check: Literal["strength_before"]
    kinds: Annotated[tuple[Literal["speed", "hills", "long"], ...], Field(min_length=1)]


class StrengthOnEasyDay(Form):
    """Strength (no snack) on an easy day that follows no hard one, in a week with speed or hills that have none."""

    check: Literal["strength_on_easy_day"]


class StrengthDose(Form):
    """A whole week with fewer or more strength sessions than this; one and so many snacks are enough as well. Not in
    the three weeks before a race, not in a week after one, and not in a plan without any strength."""

    check: Literal["strength_dose"]
    least: Annotated[int, Field(ge=0, le=7, alias="from")]
    to: Annotated[int, Field(ge=1, le=7)]
    snacks: Annotated[int, Field(ge=1, le=7)]


class StrengthNearRace(Form):
    """Strength so many days before or after a race. `allowed`: none, or light (a snack, or short and easy)."""

    check: Literal["strength_near_race"]
    before: Annotated[int, Field(ge=0, le=28)] = 0
    after: Annotated[int, Field(ge=0, le=28)] = 0
    allowed: Literal["none", "light"]


class StrengthOnStepDown(Form):
    """Strength that is not light, in a week with so many per cent less running than the one before."""

    check: Literal["strength_on_step_down"]
    percent: Annotated[Number, within(10, 80)]


class DescentOver(Form):
    """One session with more downhill metres than this."""

    check: Literal["descent"]
    over: Annotated[Number, within(50, 10_000)]


OfDays = (
    SleepHours | LowItems | HarderThanMeant | NextHard | PainNow | PainDay | PainUnsettled | PainRises | Said
    | Returning | DaysOff | FiredBefore | RanWell | Missed | Unhurt | RaceWithin | Health
)  # fmt: skip
OfPlan = (
    LongestRun | HardInARow | StrengthBefore | StrengthOnEasyDay | StrengthDose | StrengthNearRace | StrengthOnStepDown
    | DescentOver
)  # fmt: skip
Check = Annotated[OfDays | OfPlan, Field(discriminator="check")]


class AnyOf(Form):
    """One of these is enough. It holds no further group."""

    any: Annotated[tuple[Check, ...], Field(min_length=2, max_length=6)]


def _check_or_group(value: object) -> str:
    keys = value if isinstance(value, dict) else {}
    return "any" if "any" in keys and "check" not in keys else "check"


When = Annotated[Annotated[AnyOf, Tag("any")] | Annotated[Check, Tag("check")], Discriminator(_check_or_group)]


def by_name(models: object, field: str) -> dict[str, type[BaseModel]]:
    """The members of a union by the one word that their `field` may be."""
    return {get_args(one.model_fields[field].annotation)[0]: one for one in get_args(models)}


CHECKS = by_name(OfDays | OfPlan, "check")
