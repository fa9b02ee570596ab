"""Morning: five items, one tap for "as usual", six taps at the most. After a session: done?, effort, pain.

Every item runs 1..5 with 5 = best, with its anchors named in the text. Pain comes first as soon as it is mentioned:
where, how strong, does it change the stride. "Anything else?" is not a step: it is always open.
"""

from __future__ import annotations

from dataclasses import replace

from dialogs.engine import Option, Script, Step
from dialogs.scripts.readers import hours, pain_place, scale
from dialogs.words.aches import PLACES

ITEMS = ("sleep", "fatigue", "soreness", "stress", "mood")

_ONE_TO_FIVE = tuple(Option(n) for n in range(1, 6))
_HURTS = ("hurts", ("hurts",))

PAIN = (
    Step(
        "pain_where",
        (*(tuple(Option(place) for place in PLACES[i : i + 3]) for i in range(0, len(PLACES), 3)),),
        reads=pain_place,
        when=_HURTS,
    ),
    Step(
        "pain_level",
        (tuple(Option(n) for n in range(6)), tuple(Option(n) for n in range(6, 11))),
        reads=scale(0, 10),
        when=_HURTS,
    ),
    Step("pain_stride", ((Option("yes"), Option("no")),), when=_HURTS),
)


def _item(id: str, *extra: tuple[Option, ...]) -> Step:
    return Step(id, (_ONE_TO_FIVE, *extra), reads=scale(1, 5))


# Only after a bad night: how short it was decides, and whoever slept well is asked nothing more.
SLEEP_HOURS = Step(
    "sleep_hours",
    (tuple(Option(n) for n in range(2, 6)), tuple(Option(n) for n in range(6, 10)), (Option("enough", ends="enough"),)),
    reads=hours,
    when=("sleep", (1, 2)),
    label="button.hours",
)

MORNING = Script(
    "morning",
    (
        *PAIN,
        _item(
            "sleep",
            (Option("usual", ends="usual"), Option("hurts", sets="hurts")),
            (Option("later", ends="later"), Option("skip", ends="skip")),
        ),
        SLEEP_HOURS,
        *(_item(id, (Option("enough", ends="enough"), Option("hurts", sets="hurts"))) for id in ITEMS[1:]),
    ),
)

# A pain that was mentioned outside a check-in: only what is missing is asked.
SORE = Script("pain", tuple(replace(step, when=None) for step in PAIN), "morning")

SESSION = Script(
    "session",
    (
        Step(
            "session", when=("several", (True,)), offered=True
        ),  # two sessions today: which one? Offered when the talk is opened
        Step("did", ((Option("done"), Option("changed"), Option("not_done")),)),
        Step("why", ((Option("life"), Option("body"), Option("head")),), when=("did", ("changed", "not_done"))),
        Step(
            "effort",
            (tuple(Option(n) for n in range(6)), tuple(Option(n) for n in range(6, 11))),
            reads=scale(0, 10),
            when=("did", ("done", "changed")),
        ),
        Step("hurts", ((Option("no_pain"), Option("hurts")),)),
        *PAIN,
    ),
)
