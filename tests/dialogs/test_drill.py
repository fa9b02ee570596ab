"""A practice alarm goes the real way, says DRILL at every step, and leaves no figure behind."""

from __future__ import annotations

from datetime import date, timedelta

from dialogs import drill
from dialogs.levels import Level
from tests.dialogs.talk import ANN, BEN, DANA, KIM, SEVEN, Talk


def begun() -> Talk:
    return Talk().kim_says("/drill").kim_reads("DRILL: a practice alarm comes to you now").after(seconds=1)


def test_a_drill_is_a_page_like_any_other_and_reports_its_times() -> None:
    talk = begun().kim_reads("DRILL · NOW: DRILL, nobody is in danger", ["I have it", "Write to them"])
    assert talk.only.level is Level.NOW and talk.only.next_at is not None
    talk.nobody_reads(ANN, BEN, DANA)
    talk.after(minutes=2).kim_taps("I have it").kim_reads("✅ DRILL").reads_not(KIM, "has been told")
    talk.after(seconds=1).kim_reads("step by step").kim_reads("to Kim: put 08:00:00, sent 08:00:00 (after 0.0 s)")
    talk.kim_reads("“I have it” by Kim 08:02:01 (after 2 min 1 s)")
    assert talk.only.closed_at is not None and talk.kim.drilled_at is not None
    talk.after(hours=3).nobody_reads(DANA)
    talk.kim_says("/queue").kim_reads("Nothing is open")


def test_it_climbs_to_the_backup_who_may_take_it() -> None:
    talk = begun().after(minutes=11).kim_reads("Still nobody has it").nobody_reads(DANA)
    talk.after(minutes=10).dana_reads("DRILL · NOW")
    talk.dana_says("I have it").dana_reads("DRILL").after(seconds=1)
    talk.dana_reads("“I have it” by Dana").kim_reads("“I have it” by Dana").kim_reads("to Dana: put 08:20:00")
    assert talk.person(DANA).drilled_at is not None and talk.kim.drilled_at is None


def test_it_ends_by_itself_and_says_that_nobody_has_answered() -> None:
    talk = begun().after(minutes=59)
    assert talk.only.open
    talk.after(minutes=2).kim_reads("Nobody has answered within 60 minutes")
    assert talk.only.closed_at is not None and talk.kim.drilled_at is None and not talk.planned("page")
    talk.kim_taps("I have it").kim_reads("That question is closed")


def test_a_letter_to_it_ends_it_too_and_reaches_nobody() -> None:
    talk = begun().kim_taps("Write to them").kim_says("are you all right?").kim_reads("DRILL")
    talk.reads_not(KIM, "blocked the bot").nobody_reads(ANN, BEN)
    assert talk.only.closed_at is not None


def test_every_text_of_it_says_drill() -> None:
    talk = begun().after(minutes=45)
    talk.kim_taps("I have it").after(seconds=1)
    said = [bubble.text for who in (KIM, DANA) for bubble in talk.chat(who)]
    of_it = [text for text in said if "Good morning" not in text]
    assert len(of_it) >= 8 and all("DRILL" in text for text in of_it)


def test_two_at_a_time_are_one() -> None:
    talk = begun().kim_says("/drill").kim_reads("A DRILL is on its way already")
    assert len(talk.club.escalations) == 1
    talk.kim_taps("I have it").after(minutes=2).kim_says("/drill").after(seconds=1).kim_reads("DRILL · NOW")
    assert len([one for one in talk.club.people.values() if one.drill]) == 1, "the same made-up athlete"


def test_it_is_no_athlete_and_counts_nowhere() -> None:
    talk = begun()
    talk.kim_says("/athletes").reads_not(KIM, "DRILL")
    talk.kim_says("/attention").kim_reads("0 together")
    talk.kim_says("/club").after(seconds=1).kim_reads("Kim: 1 athlete\n0 open")
    talk.kim_says("/broadcast hello all").kim_reads("To 1 of your athletes").reads_not(KIM, "DRILL")
    assert [one.name for one in talk.club.people.values() if one.drill] == [drill.NAME]


def test_a_real_alarm_beside_it_is_untouched() -> None:
    talk = begun().says("chest pain").kim_reads("Ann · NOW")
    drilled, real = sorted(talk.open, key=lambda one: one.flag != drill.FLAG)
    talk.presses(f"ack:{drilled.short}", KIM)
    assert talk.club.escalations[real.short].open
    talk.presses(f"ack:{real.short}", KIM).reads(ANN, "Kim has your words")
    assert talk.club.escalations[real.short].closed_at is None


def test_the_months_drill_stands_below_the_head_coachs_list_until_it_is_done() -> None:
    talk = Talk().says("my shin hurts, 6 of 10").says("my knee hurts, 6 of 10", BEN)
    talk.until(SEVEN + timedelta(days=1, minutes=1))
    wanted = [bubble for bubble in talk.chat(KIM) if "This month’s DRILL has not been done" in bubble.text]
    assert len(wanted) == 1 and wanted[0].labels == ["Start the drill"]
    assert not any("This month’s DRILL" in bubble.text for bubble in talk.chat(DANA)), "not the head coach"
    talk.kim_taps("Start the drill").after(seconds=1).kim_reads("DRILL · NOW").kim_taps("I have it")
    talk.until(SEVEN + timedelta(days=2, minutes=1))
    assert not [one for one in talk.chat(KIM) if "This month’s DRILL" in one.text], "done, and the bubble says so"
    talk.until(SEVEN + timedelta(days=31))
    assert talk.now.date() == date(2026, 7, 2)
    later = [one.text for one in talk.chat(KIM) if "This month’s DRILL" in one.text]
    assert later and "the last one was on 2 June" in later[-1]
