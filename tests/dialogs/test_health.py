"""The week's four health questions: at the end of a check-in, four taps at the most; a substantial problem is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dialogs import health, render
from dialogs.levels import Level
from dialogs.scripts.health import HEALTH, SCORES
from dialogs.signals import HEALTH as SCALE
from tests.dialogs.talk import ANN, PEOPLE, Talk

ASKS = "could you train as you wanted to"
SUNDAY = 6  # mornings after the first


def alone() -> Talk:
    """Ann and Kim: nobody else falls silent in these weeks."""
    return Talk(*PEOPLE[:2])


def begin() -> Talk:
    """Sunday morning, the check-in just asked."""
    talk = alone()
    for _ in range(SUNDAY):
        talk.at("07:30").taps("All as usual").reads_not(ANN, ASKS)
    return talk.at("07:30")


@pytest.fixture
def talk() -> Talk:
    return begin()


def severities(talk: Talk) -> list[int]:
    return [one.value["severity"] for one in talk.records("step", "health")]


def test_a_week_without_trouble_is_one_tap_more(talk: Talk) -> None:
    talk.taps("All as usual").hears("All as usual, kept.").hears(ASKS)
    talk.taps("Yes, nothing in the way").hears("Good, that is all for this week.")
    assert severities(talk) == [0] and talk.answers()["health_participation"] == 0
    assert not talk.club.escalations


def test_a_slight_problem_is_kept_and_costs_nobodys_attention(talk: Talk) -> None:
    talk.taps("All as usual").taps("Yes, but not free of trouble").hears("How much of your training did you cut")
    talk.taps("A little").taps("A little").hears("How strong was it").taps("Clear")
    talk.hears("Thank you for saying so, Ann.").hears("is read by Kim")
    assert severities(talk) == [8 + 8 + 8 + 17]
    assert not talk.club.escalations


@pytest.mark.parametrize("taps", [("Clearly", "A little", "Slight"), ("Not at all", "A lot", "Slight")])
def test_training_or_performance_clearly_held_back_is_a_concern(talk: Talk, taps: tuple[str, ...]) -> None:
    talk.taps("All as usual").taps("Less than I wanted")
    for label in taps:
        talk.taps(label)
    assert (talk.only.level, talk.only.flag) == (Level.CONCERN, "rule_health-substantial")
    talk.hears("Your health has held you back this week.").hears("This flags for Kim")
    talk.says("it is the achilles again").at("06:00").kim_reads("Health held training back")


def test_no_part_at_all_ends_at_a_hundred_and_is_a_concern(talk: Talk) -> None:
    talk.taps("All as usual").taps("Not at all").hears("Thank you for saying so")
    assert severities(talk) == [100] and talk.only.flag == "rule_health-substantial"


def test_it_is_asked_once_a_week(talk: Talk) -> None:
    talk.taps("All as usual").taps("Yes, nothing in the way")
    asked = 0
    for _ in range(14):
        talk.at("07:30").taps("All as usual")
        asked += any(ASKS in text for text in talk.texts(ANN))
    assert asked == 2


def test_who_does_not_answer_it_is_not_asked_again_that_week(talk: Talk) -> None:
    talk.taps("All as usual").hears(ASKS)
    button = talk.button("Not at all")
    talk.at("07:30").taps("All as usual").reads_not(ANN, ASKS)
    talk.presses(button).hears("That question is closed")
    assert talk.ann.talks == ()


def test_a_day_off_on_the_week_day_moves_it_to_the_day_after() -> None:
    talk = alone().at("07:30").taps("All as usual")
    talk.change(ANN, days_off=(6,))
    talk.says("/resume").until(talk.now + timedelta(days=7, hours=-1))
    talk.at("07:30").taps("All as usual").hears(ASKS)


def test_another_week_day_may_be_chosen() -> None:
    talk = alone()
    talk.change(ANN, week_day=2)
    asked = []
    for day in range(7):
        talk.at("07:30").taps("All as usual")
        if any(ASKS in text for text in talk.texts(ANN)):
            asked.append(day)
    assert asked == [2]


def test_the_first_week_has_nothing_to_be_asked_about() -> None:
    talk = alone()
    talk.change(ANN, consent_at=talk.now + timedelta(days=3))
    for _ in range(SUNDAY + 1):
        talk.at("07:30").taps("All as usual").reads_not(ANN, ASKS)


def test_not_today_is_not_followed_by_more_questions(talk: Talk) -> None:
    talk.taps("Not today").reads_not(ANN, ASKS)
    talk.at("07:30").taps("All as usual").hears(ASKS)


def test_after_something_has_gone_to_the_coach_it_waits_for_the_next_day(talk: Talk) -> None:
    talk.taps("Something hurts").taps("Knee").taps("6").taps("Yes").taps("All as usual").reads_not(ANN, ASKS)
    talk.at("07:30").taps("Settled").taps("All as usual").hears(ASKS)


def test_a_month_of_pause_asks_nothing(talk: Talk) -> None:
    talk.says("/pause until 6 July").until(talk.now + timedelta(days=28))
    assert not talk.records("step", "health")


def test_it_can_be_switched_off_and_on_and_asked_for(talk: Talk) -> None:
    talk.says("/health off").hears("/health on brings them back").taps("All as usual").reads_not(ANN, ASKS)
    talk.says("/health on").hears("at the end of a check-in").says("/health").hears(ASKS)
    talk.taps("Yes, nothing in the way")
    assert severities(talk) == [0]


def test_words_in_the_middle_are_words(talk: Talk) -> None:
    talk.taps("All as usual").says("mostly tired from the night shifts")
    talk.hears("Kept, word for word.").hears(ASKS)
    assert talk.records("words")[-1].words == "mostly tired from the night shifts"


def test_a_flight_in_the_middle_of_the_week_asks_once(talk: Talk) -> None:
    talk.taps("All as usual").taps("Yes, nothing in the way").says("/zone Honolulu")
    talk.until(talk.now + timedelta(hours=10)).says("/checkin").reads_not(ANN, ASKS)
    assert severities(talk) == [0]


def test_erased_on_saturday_night_nothing_rings_on_sunday() -> None:
    talk = alone()
    for _ in range(SUNDAY):
        talk.at("07:30").taps("All as usual")
    talk.at("23:00").says("/erase").taps("Erase everything").after(days=2)
    assert ANN not in talk.club.people


# --- scores ---------------------------------------------------------------------------------------------------------


def test_every_answer_scores_on_the_scale_and_the_first_button_is_the_good_end() -> None:
    for step in HEALTH.steps:
        values = [option.value for row in step.options for option in row]
        assert values == list(SCORES)
        assert values[0] == SCALE.best and values[-1] == SCALE.worst


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        ({"participation": 0}, 0),
        ({"participation": 25}, 100),
        ({"participation": 8, "training": 0, "performance": 0, "trouble": 0}, 8),
        ({"participation": 17, "training": 25, "performance": 25, "trouble": 25}, 92),
    ],
)
def test_the_severity(told: dict[str, int], severity: int) -> None:
    assert health.severity_of(told) == severity


def test_a_rule_that_asks_for_health_shows_a_coach_what_was_answered() -> None:
    told = {"participation": 17, "training": 25, "performance": 8, "trouble": 17, "severity": 67}
    shown = render.text("en", "evidence.coach", {"facts": {"health": told}})
    assert shown == "this week: cut training a lot, held back running a little, trouble clearly (severity 67 of 100)"
    none = render.text("en", "evidence.coach", {"facts": {"health": {"participation": 25, "severity": 100}}})
    assert none == "could not take part (severity 100 of 100)"


def test_a_coach_who_moves_the_edge_hears_of_less(talk: Talk) -> None:
    talk.kim_says("/rules").kim_taps("The week’s health questions").kim_taps("Health held training back")
    talk.kim_taps("+ held back from").kim_reads("held back from: 25")
    talk.taps("All as usual").taps("Less than I wanted").taps("Clearly").taps("Clearly").taps("Clear")
    assert not talk.club.escalations and severities(talk) == [17 * 4]
