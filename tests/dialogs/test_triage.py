"""Book and network together: one table for each hard kind, and what holds for any text whatever.

The tables were written beside the code and show what it does; how well it does with what nobody has seen is counted on
the held-out messages (`tests/words/test_held_out.py`, `docs/words.md`).
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogs.levels import Level
from dialogs.words import network, triage
from dialogs.words.network import Impression
from dialogs.words.phrases import MAX_CHARS, Match
from dialogs.words.triage import decided, read, read_all

QUIET, LIST, PAGE = "quiet", "list", "page"  # nothing that reaches anybody now; the coach's list; the coach's phone

KINDS = {
    "negation": [
        (QUIET, "no chest pain this time, just tired"),
        (QUIET, "no chest pain this time, just puffed"),
        (QUIET, "knee didn't hurt once, whole way round"),
        (QUIET, "wasn't dizzy, wasn't sick, just slow"),
        (PAGE, "not a heart attack obviously but my left arm has gone heavy and my jaw aches"),
    ],
    "past": [
        (QUIET, "broke my tibia in 2019, healed lovely"),
        (QUIET, "fainted once at my cousin's wedding in 1998"),
        (LIST, "same shin as the stress fracture last year, same spot, third run in a row"),
    ],
    "other people": [
        (QUIET, "my uncle ran london in 81 in plimsolls and collapsed in a pub after"),
        (LIST, "my dad had a heart attack last night, we are at the hospital"),
        (QUIET, "kids have a bug so i lost two sessions"),
        (PAGE, "a runner here has collapsed and is not breathing"),
    ],
    "hypothetical": [
        (QUIET, "what should a marshal do if somebody gets chest pain on the course?"),
        (QUIET, "if i ever win the lottery i'd die of shock"),
    ],
    "sarcasm and idiom": [
        (QUIET, "that hill killed me"),
        (QUIET, "legs are dead lol"),
        (QUIET, "absolutely dying for a coffee"),
        (QUIET, "210 bpm, strap was loose"),
        (QUIET, "my heart exploded with joy at the finish"),
        (QUIET, "suicide sprints again, thanks coach"),
        (QUIET, "the cake at the aid station was to die for"),
    ],
    "alarming in a cheerful voice": [
        (PAGE, "passed out for a sec at the top but PR!!"),
        (PAGE, "haha woke up on the grass at km 9 no idea how i got there, medal tho 🎉"),
        (PAGE, "peeing pure coca cola since the ultra, what a weekend!!"),
    ],
    "minimising": [
        (LIST, "only my shin, only on the stairs, only the left, three weeks now"),
        (PAGE, "just a bit of pressure in the chest on the climb, probably nothing"),
        (LIST, "it's only when i walk, the limp i mean"),
    ],
    "sensations without the word pain": [
        (LIST, "something clicks in my hip every stride and it is getting louder"),
        (LIST, "feels like a hot wire along the outside of my knee from 3k on"),
        (PAGE, "everything went black at the edges and my knees went"),
    ],
    "numbers": [
        (LIST, "knee 7/10 since sunday"),
        (LIST, "3/10 for 8 days in the same spot on my shin"),
        (QUIET, "calves 1/10, gone by lunch"),
        (QUIET, "effort 8/10, mood 9/10"),
    ],
    "red flag in the last clause": [
        (PAGE, "lovely long run, sun out, legs good, dog happy, and then i threw up blood"),
        (PAGE, "great week, every session done, slept well, anyway i don't really want to be here any more"),
        (LIST, "good week all round, parkrun with the kids, only my foot wakes me up at night now"),
    ],
    "indirect suicidal wording": [
        (PAGE, "they'd all be better off without me tbh"),
        (PAGE, "it would be easier for everyone if i just didn't come back from the long run"),
        (PAGE, "i've sorted out who gets the dog. thank you for everything, coach"),
    ],
    "hints of under-eating": [
        (LIST, "only letting myself have dinner if i've run"),
        (LIST, "haven't had a period since march but my times are great"),
        (LIST, "lost another 4 kg, people keep saying i look ill, coach i feel light"),
        (QUIET, "forgot breakfast, was starving by 10, ate everything in the cafe"),
    ],
    "typos, no punctuation, non-native": [
        (PAGE, "i cant breth propperly and my cheast is realy tight"),
        (PAGE, "chest pain cant breathe sat on kerb help"),
        (LIST, "since two weeks the knee is making pain, each day is more"),
    ],
    "ordinary": [
        (QUIET, "8k easy, felt great"),
        (QUIET, "can we move the long run to saturday?"),
        (QUIET, "thanks coach!"),
        (QUIET, "bad night, baby was up"),
        (QUIET, "🎉🎉🎉"),
        (QUIET, "sore quads from the squats"),
    ],
    "Spanish, French, German": [
        (PAGE, "me duele el pecho y no puedo respirar"),
        (PAGE, "j'ai perdu connaissance à l'arrivée"),
        (PAGE, "ich will nicht mehr leben"),
        (LIST, "llevo dos semanas con dolor en la rodilla y va a más"),
        (LIST, "je n'ai plus mes règles depuis cinq mois"),
        (LIST, "seit drei Wochen tut mir das Schienbein weh, auch nachts"),
        (QUIET, "jajaja me muero de risa con esa foto"),
        (QUIET, "je suis mort de fatigue, bonne séance"),
        (QUIET, "die Beine sind tot, aber geil wars"),
    ],
}  # fmt: skip
# Read wrongly as the weights stand, and said so in docs/words.md; when it is read rightly, this line goes.
MISREAD = {"no chest pain this time, just puffed": pytest.mark.xfail(reason="it is asked about", strict=True)}
CASES = [
    pytest.param(*case, id=f"{kind}-{case[1]}", marks=MISREAD.get(case[1], ()))
    for kind, cases in KINDS.items()
    for case in cases
]


@pytest.mark.parametrize(("wanted", "text"), CASES)
def test_each_hard_kind(wanted: str, text: str) -> None:
    """A page may also come by way of the one question; what is quiet is neither pushed nor asked about."""
    reading = read(text)
    if wanted == PAGE:
        assert reading.level >= Level.TODAY or reading.ask is not None, reading
    elif wanted == LIST:
        assert reading.level >= Level.CONCERN, reading
    else:
        assert reading.level < Level.CONCERN and reading.ask is None, reading


def test_there_is_a_table_for_every_hard_kind() -> None:
    assert len(KINDS) >= 14 and all(len(cases) >= 2 for cases in KINDS.values())


# --- how the two readers are brought together ---------------------------------------------------------------------

EDGES = {
    "urgent": 0.5, "hear": 0.5, "ask": 0.2, "ask_concern": 0.1, "theme": 0.4, "book_urgent": 0.05, "book_ask": 0.03,
    "book_hear": 0.25,
}  # fmt: skip
NOTHING = Match(Level.NONE, (), None, (), False)


def heard(none: float = 0, note: float = 0, concern: float = 0, today: float = 0, now: float = 0) -> Impression:
    return Impression((none, note, concern, today, now), (0.0,) * len(network.THEMES), ())


def found(level: Level, *, crisis: bool = False) -> Match:
    return Match(level, ("pain",), "chest", ((0, 1),), crisis)


@pytest.mark.parametrize(
    ("book", "impression", "level", "asks"),
    [
        (NOTHING, heard(none=1), Level.NONE, False),
        (NOTHING, heard(none=0.4, note=0.6), Level.NOTE, False),
        (NOTHING, heard(none=0.4, concern=0.6), Level.CONCERN, False),
        (NOTHING, heard(none=0.3, concern=0.55, now=0.15), Level.CONCERN, True),
        (NOTHING, heard(none=0.7, now=0.3), Level.NONE, True),
        (NOTHING, heard(none=0.3, today=0.4, now=0.3), Level.TODAY, False),
        (NOTHING, heard(none=0.3, today=0.3, now=0.4), Level.NOW, False),
        (found(Level.NOW), heard(none=0.94, concern=0.06), Level.NOW, False),
        (found(Level.TODAY), heard(none=0.94, concern=0.06), Level.TODAY, False),
        (found(Level.NOW), heard(none=0.4, concern=0.6), Level.NOW, False),
        (found(Level.NOW), heard(none=0.96, concern=0.04), Level.NONE, True),
        (found(Level.NOW), heard(none=1), Level.NONE, False),
        (found(Level.NOW, crisis=True), heard(none=1), Level.NONE, True),
        (found(Level.CONCERN), heard(none=0.7, concern=0.3), Level.CONCERN, False),
        (found(Level.CONCERN), heard(none=0.8, concern=0.2), Level.NONE, False),
        (found(Level.CONCERN, crisis=True), heard(none=1), Level.CONCERN, False),
        (found(Level.NOTE), heard(none=1), Level.NOTE, False),
        (found(Level.NOTE), heard(none=0.2, now=0.8), Level.NOW, False),
    ],
)
def test_book_and_network_are_brought_together(book: Match, impression: Impression, level: Level, asks: bool) -> None:
    assert decided(book, impression, EDGES) == (level, asks)


def test_what_the_book_says_never_lowers_what_the_network_is_sure_of() -> None:
    for book in (NOTHING, *(found(level) for level in Level)):
        assert decided(book, heard(none=0.1, now=0.9), EDGES)[0] is Level.NOW


# --- any text whatever --------------------------------------------------------------------------------------------

ODD = st.sampled_from(
    ["\x00", "\ud800", "\u200b", "\u0301", "ﬁ", "🙂", "👨‍👩‍👧‍👦", "7/10", "٣/١٠", "(((", "'", " ", "\n\n", "‮"]
)
WORDS = st.sampled_from(
    "chest pain no not my dad knee 4/10 since die laughing blood in 2019 fine help me il dolore".split()
)
ANY = st.one_of(st.text(max_size=400), st.lists(st.one_of(WORDS, ODD, st.text(max_size=3)), max_size=60).map(" ".join))


@settings(max_examples=150, deadline=None)
@given(ANY)
def test_no_text_whatever_raises_and_the_spans_lie_inside_it(text: str) -> None:
    reading = read(text)
    last = 0
    for start, end in reading.because:
        assert last <= start < end <= len(text)
        last = end
    if reading.level >= Level.CONCERN or reading.ask:
        assert reading.flag is not None and reading.themes
    assert reading == read(text)


@settings(max_examples=40, deadline=None)
@given(st.lists(ANY, max_size=5))
def test_many_at_once_are_each_by_itself(texts: list[str]) -> None:
    levels = [(one.level, one.ask) for one in read_all(texts)]
    assert levels == [(one.level, one.ask) for one in map(read, texts)]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([text for cases in KINDS.values() for wanted, text in cases if wanted == PAGE]), st.data())
def test_invisible_and_look_alike_letters_hide_no_alarm(text: str, data: st.DataObject) -> None:
    hidden = "".join(
        {"a": "\u0430", "e": "\u0435", "o": "\u043e"}.get(letter, letter)
        if data.draw(st.booleans())
        else letter + "\u200b"
        for letter in text
    )
    before, after = read(text), read(hidden)
    assert after.level >= Level.CONCERN or after.ask is not None or before.level < Level.CONCERN


@pytest.mark.parametrize(
    "text",
    [
        "a" * 4096, "a " * 2048, "chest " * 682, "(" * 4096, "\u0301" * 4096, "🙂" * 4096, "no " * 1365, "7/10 " * 819,
        "if " * 1365, "\n" * 4096, "my dad " * 585, "x\u200b" * 2048, "aａ" * 2048, "1" * 4096, "chest pain no " * 292,
    ],
)  # fmt: skip
def test_a_pathological_text_is_answered(text: str) -> None:
    assert read(text).level in Level


def test_the_end_of_the_longest_message_is_read() -> None:
    chatter = "easy run by the river, sun out, dog happy. "
    text = chatter * 90 + "and then chest pain, could not breathe, sat on the kerb"
    assert len(text) < 4096 and read(text).level >= Level.TODAY
    assert read("easy run today. " * 10_000).level is Level.CONCERN and len("easy run today. " * 10_000) > MAX_CHARS


def test_a_given_language_spares_the_guess_and_another_is_not_screened() -> None:
    assert read("knee is fine", "en").language is None
    assert read("das Knie ist gut", "de-AT").language is None
    reading = read("alles goed", "nl")
    assert (reading.level, reading.flag, reading.language) == (Level.CONCERN, "language", "nl")


def test_who_one_is_without_running_is_a_worry_and_no_confusion() -> None:
    words = "some days I can't stand myself, and I don't know who I am without it"
    assert triage.read(words).flag != "confusion" and triage.read(words).level >= Level.CONCERN
    assert triage.read("I don't know who I am").flag == "confusion"


def test_the_coach_sees_the_words_that_decided() -> None:
    text = "lovely morning, PB on the hill, then chest pain and i had to sit down"
    assert any("chest pain" in text[start:end] for start, end in read(text).because)


def test_every_flag_and_question_has_its_text() -> None:
    topics = {*triage.TOPICS.values(), *triage.BOOK_TOPICS.values(), "danger", "body", "forwarded"}
    assert topics == {"harm", "heart", "head", "breath", "danger", "body", "forwarded"}
