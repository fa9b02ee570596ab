"""Who somebody is: an athlete's own page, what a coach sees and adds, and notes that are said to be in an export."""

from __future__ import annotations

import json
from datetime import date

import pytest

from dialogs.events import Due
from dialogs.model import Session
from dialogs.scripts.desk import FIELDS, MOST
from tests.dialogs.talk import ANN, BEN, DANA, KIM, Talk


def begin() -> Talk:
    return Talk().at("07:30").taps("All as usual")


@pytest.fixture
def talk() -> Talk:
    return begin()


def test_an_athlete_writes_who_they_are_one_question_at_a_time(talk: Talk) -> None:
    labels = ["Injuries", "Goal", "Worries", "Family, work", "What helps", "Emergency contact", "Strength", "Shoes"]
    talk.says("/me").hears("Who you are, for your coach.", labels)
    talk.taps("Worries").hears("What worries you", ["Take it out", "Cancel"])
    talk.says("that I am too slow for the others").hears("Worries: that I am too slow for the others")
    talk.taps("Worries").says("crowds").hears("Worries: crowds")
    assert talk.ann.fears == "crowds"
    talk.taps("Worries").taps("Take it out").reads_not(ANN, "Worries:")
    assert talk.ann.fears == ""
    talk.taps("Shoes").taps("Cancel").hears("All right, nothing is changed.")
    talk.presses("me:name").hears("That question is closed.").presses("me:").hears("That question is closed.")


@pytest.mark.parametrize("field", FIELDS)
def test_each_part_of_it_is_asked_for_and_kept(field: str) -> None:
    talk = begin().says("/me").presses(f"me:{field}").says("two words")
    assert getattr(talk.ann, field) == "two words"
    talk.kim_says("/athlete Ann").kim_reads(": two words")


def test_what_is_too_long_for_a_page_is_asked_for_again(talk: Talk) -> None:
    talk.says("/me").taps("Family, work").says("x" * (MOST + 1)).hears("That is too long for this page")
    talk.says("two children").hears("Family, work: two children")


def test_what_cannot_wait_is_heard_also_in_a_dossier(talk: Talk) -> None:
    talk.says("/me").taps("Worries").says("I want to kill myself").kim_reads("Ann · NOW")


def test_a_question_that_was_left_takes_no_later_words(talk: Talk) -> None:
    talk.says("/me").taps("Worries").after(minutes=40).says("see you at six")
    assert talk.ann.fears == ""


def test_the_page_of_an_athlete_has_all_that_a_coach_must_know(talk: Talk) -> None:
    talk.change(ANN, injuries="Achilles 2024", goal="Sierre-Zinal", contact="Sam, 020 7946 0000")
    talk.plans(
        Session("s", date(2026, 6, 3), "speed", minutes=50, effort=8),
        Session("r", date(2026, 8, 8), "race", km=31, text="Sierre-Zinal"),
    )
    talk.says("legs like lead").says("i have missed my periods for four months")
    talk.presses(f"ease:{ANN}:260603:easy", KIM).presses(f"called:{ANN}", KIM)
    talk.kim_says("/athlete ann").kim_reads("Ann · London, 07:30 there · asked at 07:30")
    for words in (
        "Injuries: Achilles 2024", "Goal: Sierre-Zinal", "Emergency contact: Sam", "Race: 8 August", "Not closed",
        "missed periods", "you have it", "Decided\n1 June: 3 June made easier\n1 June: called", "The next seven days:",
        "Last words", "i have missed my periods", "5 is best",
    ):  # fmt: skip
        talk.kim_reads(words)
    talk.kim_taps("The week’s plan").kim_reads("Ann, the week of 1 June")
    talk.change(ANN, paused_until=date(2026, 6, 20))
    talk.kim_says("show Ann").kim_reads("pause until 20 June")
    talk.kim_says("/athlete Ben").kim_reads("I found none of your athletes in that.").reads_not(KIM, "London")


def test_a_page_of_somebody_who_has_written_nothing() -> None:
    Talk().kim_says("/athlete Ann").kim_reads("Ann has written nothing about themselves yet (/me).").kim_reads(
        "No check-in answered in the last seven days."
    )


def test_whoever_covers_reads_whose_athlete_it_is(talk: Talk) -> None:
    talk.change(ANN, fears="bridges", contact="Sam, 020 7946 0000")
    talk.says("chest pain").dana_says("/athlete Ann").dana_reads("coached by Kim").dana_reads("chest pain or pressure")
    talk.dana_reads("You cover for Kim: you read the rest once you were rung for Ann.").reads_not(DANA, "bridges")
    talk.dana_taps("Call").dana_reads("you read their emergency contact once you were rung").reads_not(DANA, "Sam")
    talk.after(minutes=20).dana_says("/athlete Ann").dana_reads("Worries: bridges").dana_taps("Call").dana_reads("Sam")


def test_notes_are_of_who_wrote_them_unless_they_are_shared(talk: Talk) -> None:
    talk.kim_says("/note Ann sounded tired").says("chest pain").after(minutes=20)
    talk.dana_says("/athlete Ann").dana_reads("Ann · London").reads_not(DANA, "sounded tired")
    talk.change(KIM, notes_shared=True)
    talk.dana_says("/athlete Ann").dana_reads("1 June, Kim: sounded tired")


def test_a_coach_adds_and_both_pages_say_who(talk: Talk) -> None:
    talk.kim_says("/athlete Ann").kim_taps("Add to it").kim_reads("Add to what, for Ann? They see it")
    talk.kim_taps("What helps").kim_reads("Ann · What helps: what shall I add?").kim_says("a call on Sundays")
    talk.kim_reads("Added for Ann.").nobody_reads(ANN)
    talk.says("/me").hears("What helps: (Kim, 1 June: a call on Sundays)")
    talk.taps("What helps").says("music").hears("What helps: music (Kim, 1 June: a call on Sundays)")
    talk.kim_says("/athlete Ann").kim_reads("What helps: music (Kim, 1 June: a call on Sundays)")
    (line,) = talk.records("step", "dossier")
    assert line.value == {"field": "helps", "by": KIM} and line.words == "a call on Sundays"
    talk.kim_taps("Add to it").kim_taps("Goal").kim_taps("Cancel").kim_reads("All right, nothing is changed.")
    talk.kim_taps("Add to it").kim_taps("Goal").kim_says("x" * 1001).kim_reads("That is too long for this page")


def test_a_note_is_not_shown_to_the_athlete_but_it_is_in_their_export_and_that_is_said(talk: Talk) -> None:
    talk.kim_says("/note Ann sounded tired").kim_reads("Noted. Ann does not see it here; it is part of their export.")
    talk.kim_says("/note Ann").kim_reads("is part of what the law lets them ask for (/export)").kim_says("again tired")
    talk.kim_reads("Noted.").nobody_reads(ANN)
    talk.kim_says("/athlete Ann").kim_reads("Notes of coaches (part of Ann’s export):\n1 June, Kim: sounded tired")
    talk.kim_taps("Note").kim_taps("Cancel").kim_reads("nothing is changed").kim_says("hello").kim_reads(
        "I did not send"
    )
    talk.says("/me").reads_not(ANN, "tired").says("/plan").reads_not(ANN, "tired")
    talk.says("/export").wakes("export")
    data = next(one.document for one in talk.outcome.messages if one.document and one.document.name.endswith(".json"))
    notes = [one for one in json.loads(data.content)["journal"] if one["name"] == "note"]
    assert [(one["words"], one["by"]) for one in notes] == [("sounded tired", "Kim"), ("again tired", "Kim")]
    page = next(one.document for one in talk.outcome.messages if one.document and one.document.name.endswith(".html"))
    assert "sounded tired" in page.content


def test_what_was_begun_about_somebody_who_is_not_theirs_any_more_is_kept_nowhere(talk: Talk) -> None:
    talk.kim_says("/note Ann")
    talk.change(ANN, coach_id=DANA)
    talk.kim_says("a secret").kim_reads("nothing is changed")
    assert not talk.records("step", "note")
    for forged in (f"add:{BEN}", f"jot:{BEN}", f"add:{ANN}:goal", "add:x", "jot:", f"add:{BEN}:goal"):
        talk.presses(forged, KIM).kim_reads("That question is closed.")
    talk.dana_says("/athlete Ann").presses(f"add:{ANN}:name", DANA).dana_reads("That question is closed.")


def test_a_dossier_outlives_a_change_of_coach_with_its_additions(talk: Talk) -> None:
    talk.presses(f"add:{ANN}:fears", KIM).kim_says("bridges")
    talk.change(ANN, coach_id=DANA)
    talk.dana_says("/athlete Ann").dana_reads("Worries: (Kim, 1 June: bridges)")


def test_the_page_of_long_words_is_divided(talk: Talk) -> None:
    talk.change(ANN, **{name: name.upper() * 110 for name in FIELDS})
    talk.kim_says("/athlete Ann")
    assert len(talk.texts(KIM)) > 1
    assert "SHOES" * 10 in "".join(talk.texts(KIM))


def test_who_is_gone_is_on_no_page(talk: Talk) -> None:
    talk.kim_says("/note Ann sounded tired").rings(Due("erase", "erase:1"), ANN)
    talk.kim_says("/athlete Ann").kim_reads("I found none of your athletes in that.").reads_not(KIM, "tired")
