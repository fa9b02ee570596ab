"""Asking instead of guessing, as conversations. What the readers make of words is put in by hand: these stories are
about what follows from a reading, and `test_triage.py` is about the reading."""

from __future__ import annotations

import pytest

from dialogs.events import Blocked, Due
from dialogs.levels import Level
from dialogs.words import triage
from dialogs.words.triage import Reading
from tests.dialogs.talk import ANN, DANA, KIM, Talk

QUESTION = "is it about your heart or chest, and is it there now?"
UNSURE = Reading(Level.NOTE, ("cardiac",), "sounds-cardiac", ((0, 5),), crisis=False, ask="heart")
WORRYING = Reading(Level.CONCERN, ("cardiac",), "sounds-cardiac", ((0, 5),), crisis=False, ask="heart")
QUIET = Reading(Level.NONE, (), None, (), crisis=False)


def by_hand(monkeypatch: pytest.MonkeyPatch) -> dict[str, Reading]:
    """What is put in here by its text is read like that; all else is quiet."""
    known = {"funny beat": UNSURE}
    monkeypatch.setattr(triage, "read", lambda text, language=None: known.get(text, QUIET))
    return known


def begin() -> Talk:
    return Talk().at("07:30").taps("All as usual").at("12:00")


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> dict[str, Reading]:
    return by_hand(monkeypatch)


@pytest.fixture
def talk(readings: dict[str, Reading]) -> Talk:
    return begin()


def test_what_may_be_urgent_is_asked_about_with_three_buttons_and_pages_nobody_yet(talk: Talk) -> None:
    talk.says("funny beat").hears(QUESTION, ["Yes", "It was earlier", "No, not meant like that"])
    talk.hears("No answer in ten minutes counts as yes.").nobody_reads(KIM, DANA)
    assert not talk.open


def test_yes_is_now(talk: Talk) -> None:
    talk.says("funny beat").taps("Yes").hears("Stop now. Call 999 or 112").kim_reads("🔴 Ann · NOW")
    talk.kim_reads("funny beat")
    assert (talk.only.level, talk.only.words, talk.only.because) == (Level.NOW, "funny beat", ((0, 5),))


def test_it_was_earlier_is_today(talk: Talk) -> None:
    talk.says("funny beat").taps("It was earlier").hears("No running until a person has spoken with you.")
    talk.kim_reads("🟠 Ann · today")


def test_no_is_believed_and_kept(talk: Talk) -> None:
    talk.says("funny beat").taps("No, not meant like that").hears("Your words are kept as you wrote them.", [])
    talk.after(minutes=30).nobody_reads(KIM, DANA)
    assert not talk.open
    talk.at("06:00").kim_reads("Ann: funny beat")


def test_no_answer_in_ten_minutes_counts_as_yes(talk: Talk) -> None:
    talk.says("funny beat").after(minutes=9).nobody_reads(KIM)
    talk.after(minutes=1).kim_reads("🔴 Ann · NOW").hears("Stop now. Call 999 or 112")
    assert not talk.planned("unsure")


def test_an_answer_in_a_word_is_an_answer(talk: Talk) -> None:
    talk.says("funny beat").says("yes").hears("Stop now.").kim_reads("funny beat")
    assert talk.only.level is Level.NOW


@pytest.mark.parametrize("word", ["no", "Nope!", "no, figure of speech", "lol no"])
def test_a_no_in_a_word_is_a_no(talk: Talk, word: str) -> None:
    talk.says("funny beat").says(word).hears("kept as you wrote them").after(minutes=30).nobody_reads(KIM)


def test_other_words_are_kept_and_leave_the_question_open(talk: Talk) -> None:
    talk.says("funny beat").says("sorry was making tea").hears(
        QUESTION, ["Yes", "It was earlier", "No, not meant like that"]
    )
    talk.after(minutes=10).kim_reads("🔴 Ann · NOW")


def test_a_concern_is_on_the_list_before_it_is_asked_about(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["odd chest"] = WORRYING
    talk.says("odd chest").hears("flags for Kim").hears(QUESTION)
    assert talk.only.level is Level.CONCERN
    talk.taps("No, not meant like that").at("06:00").kim_reads("🟡 Ann").kim_reads("odd chest")


def test_a_yes_lifts_the_concern_and_its_words_stand_there_once(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["odd chest"] = WORRYING
    talk.says("odd chest").taps("Yes").kim_reads("🔴 Ann · NOW")
    assert (talk.only.level, talk.only.words) == (Level.NOW, "odd chest")


def test_an_alarm_ends_the_question(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["now it is bad"] = Reading(Level.NOW, ("cardiac",), "chest", ((0, 3),), crisis=False)
    talk.says("funny beat").after(minutes=2).says("now it is bad").kim_reads("🔴 Ann · NOW")
    talk.kim_taps("I have it").after(minutes=30).nobody_reads(KIM, DANA)


def test_a_second_doubt_goes_along_with_the_first_whose_hour_stands(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["and again"] = UNSURE
    talk.says("funny beat").after(minutes=5).says("and again").hears(QUESTION)
    talk.after(minutes=5).kim_reads("funny beat").kim_reads("and again")


def test_the_question_about_harm_says_what_silence_means(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["tidied up"] = Reading(Level.CONCERN, ("mood", "crisis"), "sounds-crisis", (), crisis=True, ask="harm")
    talk.says("tidied up").hears("are you thinking of hurting yourself").hears(
        "in ten minutes, I take it for a yes and alert Kim"
    )
    talk.after(minutes=10).hears("You can talk to somebody now: Samaritans")


def test_who_was_asked_about_harm_and_does_not_answer_reads_that_line_whatever_the_flag_was(
    talk: Talk, readings: dict[str, Reading]
) -> None:
    """Words about a mood raise that question, too; the number of an ambulance alone would answer another one."""
    readings["who am i without it"] = Reading(Level.CONCERN, ("mood",), "sounds-mood", (), crisis=False, ask="harm")
    talk.says("who am i without it").hears("are you thinking of hurting yourself")
    talk.after(minutes=10).hears("You can talk to somebody now: Samaritans").kim_reads("🔴 Ann · NOW")


def test_an_old_button_of_the_question_is_closed(talk: Talk) -> None:
    talk.says("funny beat")
    old = talk.button("Yes")
    talk.taps("No, not meant like that").presses(old).hears("That question is closed.")
    assert not talk.open


def test_a_question_from_before_a_killed_process_still_has_its_clock(talk: Talk) -> None:
    talk.says("funny beat").after(minutes=45, asleep=True).wakes("unsure").kim_reads("🔴 Ann · NOW")


# --- pieces, edits, and what is not the athlete's own -------------------------------------------------------------


def test_what_is_said_within_a_minute_is_read_together(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["my chest\nhurts when i breathe"] = Reading(Level.NOW, ("cardiac",), "chest", ((3, 8),), crisis=False)
    talk.says("my chest").after(seconds=50).says("hurts when i breathe").kim_reads("🔴 Ann · NOW").kim_reads("my chest")
    assert talk.only.words == "my chest\nhurts when i breathe"
    assert talk.only.because == ((3, 8),)


def test_what_is_said_later_is_read_by_itself(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["my chest\nhurts when i breathe"] = Reading(Level.NOW, ("cardiac",), "chest", ((3, 8),), crisis=False)
    talk.says("my chest").after(seconds=61).says("hurts when i breathe").nobody_reads(KIM)


def test_a_thank_you_after_an_alarm_is_no_second_alarm(talk: Talk, readings: dict[str, Reading]) -> None:
    alarm = Reading(Level.NOW, ("cardiac",), "chest", ((0, 5),), crisis=False)
    readings |= {"chest": alarm, "chest\nthanks": alarm}
    talk.says("chest").kim_taps("I have it").says("thanks")
    assert len(talk.club.escalations) == 1


def test_pieces_that_lift_a_concern_add_only_the_new_words(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["odd"] = Reading(Level.CONCERN, ("cardiac",), "sounds-cardiac", ((0, 3),), crisis=False)
    readings["odd\nleft arm too"] = Reading(Level.NOW, ("cardiac",), "chest", ((4, 12),), crisis=False)
    talk.says("odd").says("left arm too").kim_reads("🔴 Ann · NOW")
    assert talk.only.words == "odd\nleft arm too"
    assert [talk.only.words[a:b] for a, b in talk.only.because] == ["odd", "left arm"]


def test_an_edit_stands_for_itself_and_is_no_second_piece(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["fine\nfine!"] = Reading(Level.NOW, ("cardiac",), "chest", ((0, 1),), crisis=False)
    talk.says("fine").edits("fine!").hears("Both versions are kept.").nobody_reads(KIM)


def test_the_coach_sees_which_words_decided(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["a <b & tight> chest"] = Reading(Level.NOW, ("cardiac",), "chest", ((7, 12),), crisis=False)
    talk.says("a <b & tight> chest").kim_reads("a <b & tight> chest")
    page = next(one for one in talk.heard if one.chat == 102)
    assert page.bubble is not None and "a &lt;b &amp; <b>tight</b>&gt; chest" in page.bubble.html


def test_a_coach_says_whether_it_was_useful_and_that_stands_beside_the_judgement(
    talk: Talk, readings: dict[str, Reading]
) -> None:
    readings["odd"] = Reading(Level.NOW, ("cardiac",), "sounds-cardiac", ((0, 3),), crisis=False)
    talk.says("odd").kim_taps("I have it").kim_taps("Not useful").kim_reads("Kept beside it, thank you.")
    (judged,) = [one for one in talk.records("step", "judged") if one.value["level"] == "now"]
    assert judged.value["because"] == [[0, 3]] and judged.value["flag"] == "sounds-cardiac"
    (verdict,) = talk.records("step", "useful")
    assert verdict.value == {"short": talk.only.short, "useful": False, "flag": "sounds-cardiac"}
    talk.kim_taps("Useful")
    assert [one.value["useful"] for one in talk.records("step", "useful")] == [False, True]


def test_whose_athlete_it_is_not_learns_nothing_from_the_button(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["odd"] = Reading(Level.NOW, ("cardiac",), "sounds-cardiac", ((0, 3),), crisis=False)
    talk.says("odd").presses(f"useless:{talk.only.short}", ANN).hears("That question is closed.")
    assert not talk.records("step", "useful")


def test_a_forward_is_no_answer_and_asks_where_it_would_be_urgent(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["i want out"] = Reading(Level.NOW, ("mood", "crisis"), "suicidal", ((2, 6),), crisis=True)
    talk.forwards("i want out").hears("These are somebody else’s words").nobody_reads(KIM)
    assert talk.only.level is Level.CONCERN
    talk.after(minutes=10).kim_reads("🔴 Ann · NOW").kim_reads("i want out")


def test_a_harmless_forward_goes_to_the_coach_and_is_asked_about(talk: Talk) -> None:
    talk.forwards("look at this").hears("Is it urgent?", ["It can’t wait", "It can wait"])
    talk.taps("It can wait").hears("It stands on Kim’s next list.", []).at("06:00").kim_reads("look at this")


def test_a_reader_that_fails_is_a_concern(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(text: str, language: str | None = None) -> Reading:
        raise MemoryError

    monkeypatch.setattr(triage, "read", fails)
    talk.says("hello there").hears("If it should not wait, say so:", ["It can’t wait"])
    assert (talk.only.level, talk.only.flag) == (Level.CONCERN, "unread")


def test_another_language_is_answered_in_it_and_goes_to_the_coach_unscreened(
    talk: Talk, readings: dict[str, Reading]
) -> None:
    readings["mi fa male"] = Reading(Level.CONCERN, ("other",), "language", (), crisis=False, language="it")
    talk.says("mi fa male").hears("le tue parole arrivano a Kim così come sono", ["It can’t wait", "It can wait"])
    talk.at("06:00").kim_reads("in a language I cannot read").kim_reads("mi fa male")


def test_a_language_without_a_text_of_its_own_is_answered_in_english(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["xyz"] = Reading(Level.CONCERN, ("other",), "language", (), crisis=False, language="tlh")
    talk.says("xyz").hears("I cannot read this language, so your words go to Kim as they are.")


# --- a pain: only what is missing, and said back ------------------------------------------------------------------

PAIN = Reading(Level.CONCERN, ("pain",), "sounds-pain", ((0, 4),), crisis=False)


def test_a_pain_with_place_and_number_is_asked_only_for_the_stride_and_said_back(
    talk: Talk, readings: dict[str, Reading]
) -> None:
    words = "left knee 4/10, worse after"
    readings[words] = PAIN
    talk.says(words).hears("Does it change how you walk or run?").hears("pain: left knee, 4/10, worse after")
    talk.taps("No").hears("Understood: left knee, 4/10, worse after. Right?", ["Right", "Not quite"])
    talk.taps("Right").hears("Kept, thank you.", [])


def test_what_was_understood_wrongly_is_asked_again_from_the_beginning(
    talk: Talk, readings: dict[str, Reading]
) -> None:
    readings["knee 4/10"] = PAIN
    talk.says("knee 4/10").taps("No").taps("Not quite").hears("Where does it hurt?").taps("Hip").hears(
        "How strong is it"
    )
    talk.taps("2").taps("No").hears("Understood: hip, 2/10. Right?")
    assert talk.answers()["pain_where"] == "hip"


def test_a_pain_without_a_place_is_asked_where(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["it aches, 6/10"] = PAIN
    talk.says("it aches, 6/10").hears("Where does it hurt?").taps("Calf").hears("Does it change how you walk or run?")


def test_more_words_on_the_same_pain_do_not_ask_twice(talk: Talk, readings: dict[str, Reading]) -> None:
    readings |= {"knee hurts": PAIN, "really hurts": PAIN}
    talk.says("knee hurts").hears("How strong is it").after(minutes=2).says("really hurts").reads_not(
        ANN, "Where does it hurt?"
    )


# --- what a machine heard in a voice note -------------------------------------------------------------------------


def heard(talk: Talk, text: str) -> Talk:
    """A transcript of the athlete's last voice note comes."""
    return talk.rings(Due("transcript", f"transcript:{ANN}:7", data={"text": text, "message_id": 7}), ANN)


def test_a_transcript_is_a_guess_to_both_and_changes_nothing_by_itself(talk: Talk) -> None:
    talk.sends("voice")
    heard(talk, "see you sunday").hears("perhaps wrongly").hears("see you sunday", ["Put it right"])
    talk.kim_reads("as a machine heard it (unverified, play it to be sure)").kim_reads("see you sunday")
    assert (talk.only.level, talk.only.flag) == (Level.CONCERN, "unscreened")
    assert [one.value for one in talk.records("words", "transcript")] == ["unverified"]


def test_a_transcript_may_raise(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["my chest is tight"] = Reading(Level.NOW, ("cardiac",), "chest", ((3, 8),), crisis=False)
    talk.sends("voice")
    heard(talk, "my chest is tight").kim_reads("🔴 Ann · NOW").hears("Stop now.")


def test_a_transcript_never_lowers(talk: Talk) -> None:
    talk.sends("voice").taps("It can’t wait")
    heard(talk, "all good").kim_reads("unverified")
    assert talk.only.level is Level.NOW


def test_a_doubtful_transcript_is_asked_about(talk: Talk) -> None:
    talk.sends("voice")
    heard(talk, "funny beat").hears(QUESTION)


def test_an_athlete_puts_a_transcript_right(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["tight chest"] = Reading(Level.NOW, ("cardiac",), "chest", ((0, 11),), crisis=False)
    talk.sends("voice")
    heard(talk, "tight jest").taps("Put it right").hears("Write it as it should read").says("tight chest")
    talk.kim_reads("says the voice note reads like this").kim_reads("🔴 Ann · NOW")
    talk.sends("voice")
    heard(talk, "sea ewe").taps("Put it right").says("see you").hears("Kept, beside the voice note.").kim_reads(
        "see you"
    )
    heard(talk, "again").taps("Put it right").taps("Cancel").hears("it stays as it is")


def test_a_transcript_of_nothing_is_nothing(talk: Talk) -> None:
    talk.sends("voice")
    heard(talk, "  ").nobody_reads()


def test_without_a_program_that_transcribes_nothing_follows(talk: Talk) -> None:
    talk.sends("voice").wakes("transcribe").nobody_reads()


# --- one question, and nothing hides behind it or behind something else ---------------------------------------------

HARM = Reading(Level.NOTE, ("mood", "crisis"), "sounds-crisis", (), crisis=True, ask="harm")


def test_who_blocks_the_bot_has_not_said_no(talk: Talk, readings: dict[str, Reading]) -> None:
    """Silence is never the brake: the question ends there and then, and counts as a yes."""
    readings["help me"] = HARM
    talk.says("help me").after(minutes=2).takes(Blocked(), ANN).kim_reads("🔴 Ann · NOW").kim_reads("help me")
    assert max(one.level for one in talk.open) is Level.NOW and not talk.planned("unsure")


def test_a_pain_half_told_counts_when_the_bot_is_blocked() -> None:
    talk = Talk().at("12:00").says("/checkin").taps("Something hurts").taps("Shin").takes(Blocked(), ANN)
    talk.kim_reads("🟠 Ann · today").kim_reads("shin")


def test_another_doubt_widens_the_question_and_a_no_to_one_is_no_no_to_the_other(
    talk: Talk, readings: dict[str, Reading]
) -> None:
    readings["help me"] = HARM
    talk.says("funny beat").hears(QUESTION).after(minutes=3).says("help me")
    talk.hears("must somebody read this right now?").after(minutes=7).kim_reads("funny beat").kim_reads("help me")
    talk.hears("You can talk to somebody now: Samaritans")


def test_what_rings_in_the_morning_does_not_hide_a_doubt_of_tonight(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["fainted before"] = Reading(Level.TODAY, ("cardiac",), "fainting", ((0, 7),), crisis=False)
    readings["help me"] = HARM
    talk.at("22:30").says("fainted before").hears("Kim is paged at 05:30").nobody_reads(KIM)
    talk.says("help me").hears("are you thinking of hurting yourself").after(minutes=10).kim_reads("🔴 Ann · NOW")
    talk.kim_reads("fainted before").kim_reads("help me").hears("You can talk to somebody now: Samaritans")


def test_slash_coach_before_the_words_does_not_lower_them(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["help me"] = HARM
    talk.at("22:30").says("/coach help me").hears("Kim is paged at 05:30").hears("are you thinking of hurting yourself")
    talk.after(minutes=10).kim_reads("🔴 Ann · NOW").kim_reads("help me")


def test_what_is_no_answer_to_a_form_is_heard(talk: Talk, readings: dict[str, Reading]) -> None:
    """Of the forms that somebody begins and leaves, one asks for a day: "heart racing" is none."""
    readings["heart racing"] = Reading(Level.NOW, ("cardiac",), "sounds-cardiac", ((0, 5),), crisis=False)
    talk.says("/away").hears("Until when are you away?").says("heart racing").kim_reads("🔴 Ann · NOW")
    talk.hears("Stop now. Call 999 or 112").reads_not(ANN, "could not read a day")


def test_a_form_that_was_begun_and_left_is_over_after_a_while(talk: Talk) -> None:
    talk.says("/away").hears("Until when are you away?").after(hours=3).says("purple").hears("Kept in your words.")


def test_words_in_a_form_are_asked_about_before_the_form_goes_on(talk: Talk, readings: dict[str, Reading]) -> None:
    talk.says("/away").says("funny beat").hears(QUESTION).reads_not(ANN, "could not read a day")
    talk.says("yes").kim_reads("🔴 Ann · NOW")


def test_an_answer_that_raises_a_doubt_is_taken_and_yes_answers_the_doubt(readings: dict[str, Reading]) -> None:
    readings["shin, and my heart skips"] = UNSURE
    talk = Talk().at("07:30").taps("Something hurts").says("shin, and my heart skips").hears(QUESTION)
    assert talk.answers()["pain_where"] == "shin"
    talk.says("yes").kim_reads("🔴 Ann · NOW").kim_reads("shin, and my heart skips")


def test_the_question_is_not_asked_again_after_a_no(talk: Talk) -> None:
    talk.says("funny beat").taps("No, not meant like that").after(seconds=20).says("nice day otherwise")
    assert "sure" not in [one.script for one in talk.ann.talks]
    talk.after(minutes=30).nobody_reads(KIM, DANA)


def test_a_photo_with_doubtful_words_is_asked_about_once(talk: Talk, readings: dict[str, Reading]) -> None:
    talk.sends("photo", caption="funny beat").hears(QUESTION).reads_not(ANN, "Is it urgent?")


def test_a_page_that_comes_of_a_forward_has_its_words_also_when_a_coach_has_the_first(
    talk: Talk, readings: dict[str, Reading]
) -> None:
    readings["dark words"] = Reading(Level.NOW, ("mood", "crisis"), "suicidal", ((0, 4),), crisis=True)
    talk.forwards("dark words").hears("These are somebody else’s words").kim_says("/queue").kim_taps("I have it")
    talk.after(minutes=10).kim_reads("🔴 Ann · NOW").kim_reads("dark words").reads_not(KIM, "(no words)")


def test_a_doubt_about_a_place_that_is_no_pain_is_asked_about(talk: Talk, readings: dict[str, Reading]) -> None:
    """Asked how strong the pain is? There is none in it: then the ten minutes are the only clock."""
    words = "for my back i took three patches, now everything is cotton"
    readings[words] = Reading(Level.CONCERN, ("medication",), "sounds-medication", (), crisis=False, ask="body")
    talk.says(words).hears("must somebody read this right now?").after(minutes=10).kim_reads("🔴 Ann · NOW")


def test_a_slash_before_agreeing_to_anything_does_not_hide_an_alarm() -> None:
    talk = Talk()
    talk.change(ANN, consent_at=None)
    talk.says("/coach i have chest pain, can't breathe").kim_reads("🔴 Ann · NOW").hears("Stop now.")


def test_who_tells_of_a_low_mood_is_not_told_what_to_run(talk: Talk, readings: dict[str, Reading]) -> None:
    readings["cannot stand myself"] = Reading(Level.CONCERN, ("mood",), "sounds-mood", ((0, 6),), crisis=False)
    readings["always cold lately"] = Reading(Level.CONCERN, ("illness",), "sounds-illness", ((0, 6),), crisis=False)
    talk.says("cannot stand myself").hears("This flags for Kim").reads_not(ANN, "easy, or nothing")
    talk.says("always cold lately").hears("Until a person has looked: easy, or nothing.")
