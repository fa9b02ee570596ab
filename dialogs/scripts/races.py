"""Around a race: one short question at a time. Which one, says the slot `phase` (see dialogs.races).

A tap answers, and so do words of one's own, which are words for a human like any other. After an ultra there are three
questions more, twice; of these the bad answers go to a human at once.
"""

from __future__ import annotations

from dialogs.engine import Option, Script, Step

IN_WORDS = ("week", "eve", "how", "three", "ten")  # steps that words answer as well as a tap
LOW = ("doubt", "not_yet", "went_badly", "low")  # answers after which it is asked what it is
_AFTER_ULTRA = ("phase", ("after12", "after24"))


def _asks(id: str, *options: str) -> Step:
    phases = (id, "after24") if id == "how" else (id,)  # of an ultra it is asked when the body has been asked for
    return Step(id, (tuple(Option(one) for one in options),), when=("phase", phases))


RACE = Script(
    "race",
    (
        Step("head", ((Option("head_fine"),), (Option("headache"),), (Option("confused"),)), when=_AFTER_ULTRA),
        Step("stomach", ((Option("stomach_fine"),), (Option("vomiting"),)), when=_AFTER_ULTRA),
        Step("urine", ((Option("urine_light"),), (Option("urine_dark"),)), when=_AFTER_ULTRA),
        _asks("week", "calm", "doubt"),
        _asks("eve", "have_plan", "not_yet"),
        _asks("how", "went_well", "went_mixed", "went_badly"),
        _asks("three", "fine", "low"),
        _asks("ten", "fine", "low"),
    ),
)
