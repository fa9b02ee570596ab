"""The first red-flag list: what brings a human, what turns a phrase, and what must stay quiet.

The messages here were written together with the list. They show that it does what it says; they say nothing
of how much it hears of what nobody wrote down.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs.levels import Level
from dialogs.words import phrases
from dialogs.words.phrases import MAX_CHARS, Match, load_book, plain, read

NOW = [
    ("suicidal", "i want to die"),
    ("suicidal", "I don’t want to be here any more"),
    ("suicidal", "they would all be better off without me"),
    ("suicidal", "can't see a point in going on"),
    ("suicidal", "honestly hoping i just don't wake up tomorrow"),
    ("suicidal", "going to sleep and never waking would be fine. i want to go to sleep and not wake up"),
    ("suicidal", "been having suicidal thoughts again"),
    ("suicidal", "thinking about killing myself"),
    ("suicidal", "stood on the platform and thought about stepping in front of a train"),
    ("suicidal", "I wish I was dead"),
    ("suicidal", "there's no reason to live"),
    ("suicidal", "id rather be dead than this"),
    ("suicidal", "good session, legs fine. dont want to live like this though"),
    ("suicidal", "wrote a goodbye letter"),
    ("suicidal", "life's not worth living tbh"),
    ("suicidal", "i don't think i can keep myself safe tonight"),
    ("suicidal", "everyone would be happier if i wasn't around"),
    ("suicidal", "sometimes i think about driving into a wall"),
    ("suicidal", "i've got a plan and the tablets"),
    ("suicidal", "wish i could just disappear forever"),
    ("suicidal", "quiero morir"),
    ("suicidal", "no quiero vivir así"),
    ("suicidal", "je veux mourir"),
    ("suicidal", "j'ai plus envie de vivre"),
    ("suicidal", "Ich will sterben"),
    ("suicidal", "ich möchte nicht mehr leben"),
    ("suicidal", "ich will mich umbringen"),
    ("self-harm", "started self harming again"),
    ("self-harm", "i keep cutting myself"),
    ("overdose", "took all my pills"),
    ("overdose", "i've overdosed"),
    ("violence-at-home", "my dad hits me when i miss training"),
    ("not-breathing", "guy next to me is not breathing"),
    ("chest", "chest pain on the second rep"),
    ("chest", "bit of tightness in my chest"),
    ("chest", "my chest feels tight and heavy"),
    ("chest", "pressure across my chest, PB though!!"),
    ("chest", "think im having a heart attack"),
    ("chest", "heart is skipping beats"),
    ("chest", "me duele el pecho"),
    ("chest", "tengo dolor en el pecho"),
    ("chest", "j'ai mal à la poitrine"),
    ("chest", "Schmerzen in der Brust seit dem Lauf"),
    ("chest", "starke Brustschmerzen"),
    ("breathing", "i cant breathe"),
    ("breathing", "can't get my breath even sitting down"),
    ("breathing", "really short of breath lying in bed"),
    ("breathing", "no puedo respirar"),
    ("breathing", "je n'arrive plus à respirer"),
    ("breathing", "ich bekomme keine Luft"),
    ("fainting-now", "think I'm about to faint"),
    ("fainting-now", "i feel faint, sat on a wall"),
    ("fainting-now", "keep passing out"),
    ("fainting-now", "me he desmayado"),
    ("fainting-now", "je me suis évanouie"),
    ("fainting-now", "bin umgekippt beim Laufen"),
    ("confusion", "slurring my words since the finish"),
    ("confusion", "couldn't remember my own name at the aid station"),
    ("confusion", "feeling really confused"),
    ("bleeding", "coughing up blood"),
    ("bleeding", "vomiting blood"),
    ("bleeding", "was sick and it looked like coffee grounds. been vomiting coffee grounds"),
    ("bleeding", "the bleeding won't stop"),
    ("allergy", "stung at mile 4, throat closing up"),
    ("broken", "bone sticking out of my shin"),
    ("head-injury-signs", "hit my head on a low branch and threw up after"),
    ("cauda-equina", "back went on the deadlift and now I've lost control of my bladder"),
    ("cauda-equina", "bad back, numb between my legs"),
]

TODAY = [
    ("crisis-near", "i can't go on like this"),
    ("crisis-near", "feel like a burden to everyone"),
    ("fainting", "fainted after the finish"),
    ("fainting", "passed out for a sec at the top but PR!!"),
    ("fainting", "blacked out in the shower after"),
    ("fainting", "collapsed at km 30"),
    ("fainting", "i went down at mile 9, next thing i know paramedics"),
    ("fainting", "everything went black for a moment"),
    ("dark-urine", "my wee is the colour of coke"),
    ("dark-urine", "pee looks brown since the race"),
    ("dark-urine", "cola coloured urine"),
    ("black-stool", "black stools two days running"),
    ("fever-hard", "got a fever, still doing the intervals tonight"),
    ("fever-hard", "temp of 38.5 but long run tomorrow as planned"),
    ("bone", "shin aches at night"),
    ("bone", "tibia sore to the touch, one spot"),
    ("bone", "i can't hop on it"),
    ("bone", "scan says stress fracture"),
    ("groin-limp", "groin pain and im limping"),
    ("after-ultra", "keep vomiting since the 100 miler and a pounding headache"),
    ("clot", "calf is swollen and hot since the flight"),
    ("head-injury", "banged my head on the door frame"),
    ("foot-drop", "my foot won't lift properly"),
    ("back-nerve", "back is bad and my leg has gone numb"),
]

CONCERN = [
    ("pain-over-five", "knee 7/10 today"),
    ("pain-over-five", "pain about 8 out of 10"),
    ("pain-over-five", "Achilles was a six out of ten"),
    ("pain-over-five", "pain in my heel, 6/10"),
    ("lasting-niggle", "3/10 shin for 8 days"),
    ("lasting-niggle", "niggle in my calf for two weeks"),
    ("lasting-niggle", "hip has been aching a couple of weeks now"),
    ("pain-growing", "limping after the track session"),
    ("pain-growing", "knee getting worse every run"),
    ("pain-growing", "felt a pop in my calf"),
    ("painkillers", "took ibuprofen so i could run"),
    ("painkillers", "two nurofen before the long run and it was fine"),
    ("under-fuelling", "barely eating this week"),
    ("under-fuelling", "trying to get down to race weight"),
    ("under-fuelling", "skipping meals"),
    ("under-fuelling", "ate nothing today to make weight"),
    ("missed-periods", "no period for three months"),
    ("missed-periods", "haven't had my period since spring"),
    ("hopeless", "feel hopeless"),
    ("hopeless", "i feel so empty"),
    ("hopeless", "cried all the way home"),
    ("hopeless", "had a panic attack in the car"),
    ("burnout", "completely burnt out"),
    ("burnout", "i hate running"),
    ("burnout", "thinking of giving it all up for good"),
    ("ill", "covid"),
    ("ill", "dizzy all afternoon"),
    ("new-medicine", "doctor put me on beta blockers"),
    ("grief", "my gran died on sunday"),
]

# Ordinary days of ordinary runners. Nobody is to be fetched for these.
ORDINARY = """
good session thanks
8k easy, felt great
legs are cooked lol
that hill killed me
dead legs today
im dying here haha, love it
dying for a coffee
the cake at the finish was to die for
killed it today
smashed the intervals
210 bpm, strap was loose
hr all over the place, think the strap is dying
my watch died at 12k
phone died so no gps
legs died at 30k but got there
head torch died halfway down
absolutely dead after that, straight to bed
couldn't breathe for laughing
took me a minute to get my breath back
breathing was hard on the last rep but recovered quickly
nothing to report
same as yesterday
as usual
slept 7 hours, all fine
bit tired, baby was up
no pain
no chest pain this time
no chest pain, no dizziness, just tired
didn't faint, didn't puke, didn't walk!
no fever, cough or chest pain so did the easy run
without any chest pain today
knee pain gone
knee fine, hasn't hurt since monday
calf is pain free for two weeks now
achilles 2/10, same as last week
shin 1/10 after, nothing this morning
effort 8/10
RPE 7/10, legs 6/10, head 9/10
mood 9/10, sleep 8/10
course 10/10 would recommend
pizza after was 10/10
soreness 7/10 from the gym, the good kind
doms from squats, stairs are fun
sore quads after the descent
stiff back from the drive
blister on my heel
lost a toenail, the usual
toenail gone black
rolled my ankle a bit but ran it off, fine now
new shoes squeak
got soaked, loved it
wind was brutal
too hot, took it easy
freezing, couldn't feel my toes
hands numb from the cold
my feet went numb in the snow
missed tuesday, work
can i swap thursday and friday?
what does tempo mean
is strength on the same day ok?
should i do the parkrun as the tempo
how long should the warm up be
what time is the call
thanks coach
cheers
haha
ok
👍
🎉🎉
👩‍👩‍👧‍👦 came to watch!
PB!!! 19:58
got the ballot place!!
nervous for saturday but excited
bit scared of the distance
doubting the pace a little
not sure i can hold 4:30
motivation a bit low this week, dark evenings
couldn't be bothered today, lazy
lost two sessions to the school run
husband has man flu
kids were sick so swapped the days
my daughter threw up on the sofa, no sleep
dog limped home so we walked
took the dog out, she collapsed in a heap by the fire
collapsed on the sofa afterwards
passed out on the sofa by nine
collapsed over the line laughing
the tent collapsed in the night
need black out blinds
it went dark at four
faint path over the moor, got lost
not the faintest idea where we were
nearly fainted at the price of the shoes
fainted at the price of that entry
suicide sprints at training
set of suicides on the track
my first mile was suicidal
suicidal pace at the start
wanted to die by rep 6
rep 8 and i wanted to die, brilliant session
nearly killed myself laughing
not going to kill myself over a pb
killing myself laughing at the photos
heart attack hill again
kids jumped out and gave me a heart attack
got it off my chest, thanks
weight off my chest after that chat
chest strap rubbing
number pinned to my chest fell off
chest day at the gym
chest is sore from bench press
sports bra too tight across my chest
my heart exploded with joy
heart rate lower than usual
ate a whole pizza
ate well, slept well
fuelled properly for once
forgot my gels, bonked at 25
stomach a bit off after the gel
had beetroot and my wee went pink, ha
drank a cold coke after
stopped for a pee then coffee
it pissed it down the whole way
coffee then a long run
hayfever is back
runny nose, nothing below the neck
blood blister
paper cut, blood everywhere jokes
cut my shin on a bramble
fell in the mud, nothing hurt but pride
grazed knee, all good
tripped on a root, no harm done
hit the wall at 32k
hit my head torch on a branch
that session was a headache to plan
back to back long runs
back on it
back home late
off sick from work tuesday, fine again
hospital shift ran late
mountain rescue collection at the start, gave a fiver
running for mountain rescue charity
saw a helicopter over the ridge
we split up the long run
broke up the intervals with walking
split the reps
hopeless at navigation
car broke down, missed the session
cried happy tears at the finish
in tears at the finish line, so proud
my mate fainted at mile 20, he's fine
my brother had chest pain once
i broke my foot in 2019
i fainted as a kid, years ago
had chest pain years ago, all checked
used to get palpitations years ago
he said the race was brutal
my sister is visiting
wife ran her first 5k
i could eat a horse
dreading the hill reps
hate running in the rain
hate it when the bus is late
i give it a go
gave it everything
done with running for today
had enough of the treadmill
what's the point of the strides?
can't see the point of the cool down
can't go on sunday
no way out of work before six
going on holiday, can i run easy
won't wake up in time for the swim
didn't wake up early enough
don't want to be late
i'd rather run in the morning
better weather without the wind
the group would be faster without me
confused about the paces
confused by the plan, is it km or miles
don't know what day works
can't talk now, later?
can't remember which session it is
lost my voice shouting at the football
feeling low on energy, ate late
low battery, short one
tore my shorts
popped to the shop
over the moon
overslept
new tablets for the dog
iron tablets as usual
took all my vitamin tablets this week, gold star
my period started, normal day 1
cycle to work instead
missed the cycle lane, longer route
the race weightlifting stand was fun
weight of the pack is fine
vest felt heavy
30k with 900m up, 3h10
2027 marathon, let's go
see you sunday
will do
sounds good
sorry wrong chat
can't breathe in this humidity lol
this heat is killing me
my lungs were burning on the last rep
stomach cramps at 15k, gone now
legs felt empty at the end
skipped breakfast, late for work
can't face the cold
hungover, easy day
nose bleed at the start, stopped after a minute
numb bum after the turbo
woke up in a tent, bliss
i'd kill for a pizza
what's the wifi password
gel stuck to my glove
the common is a bog
if it rains again i'm growing gills
""".strip().splitlines()


@pytest.mark.parametrize(("flag", "text"), NOW)
def test_what_cannot_wait_is_now(flag: str, text: str) -> None:
    reading = read(text)
    assert (reading.level, reading.flag) == (Level.NOW, flag)
    assert reading.because


@pytest.mark.parametrize(("flag", "text"), TODAY)
def test_what_waits_for_daylight_is_today(flag: str, text: str) -> None:
    reading = read(text)
    assert (reading.level, reading.flag) == (Level.TODAY, flag)


@pytest.mark.parametrize(("flag", "text"), CONCERN)
def test_what_waits_for_the_coach_is_a_concern(flag: str, text: str) -> None:
    reading = read(text)
    assert (reading.level, reading.flag) == (Level.CONCERN, flag)


def test_every_family_has_a_message_here_that_raises_it() -> None:
    shown = {flag for flag, _ in NOW + TODAY + CONCERN}
    assert shown == {family.id for family in phrases._book().families}


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_message_fetches_nobody(text: str) -> None:
    reading = read(text)
    assert reading.level <= Level.NOTE, (reading.flag, [text[a:b] for a, b in reading.because])


def test_there_is_enough_ordinary_chatter_to_mean_something() -> None:
    assert len(set(ORDINARY)) >= 150


def test_wanting_to_die_is_marked_as_a_crisis_and_a_chest_is_not() -> None:
    assert read("i want to die").crisis
    assert read("i can't go on like this").crisis
    assert not read("chest pain").crisis
    assert not read("my friend killed himself, he was suicidal").crisis


@pytest.mark.parametrize(
    "text",
    [
        "no chest pain",
        "didn't have any chest pain",
        "not had chest pain",
        "zero chest pain",
        "no cough, fever or chest pain",
        "sin dolor en el pecho",
        "pas de douleur à la poitrine",
        "keine Schmerzen in der Brust",
        "didn't faint",
        "no black stools",
        "no limping",
        "knee didn't hurt for two weeks",
    ],
)
def test_a_no_before_the_phrase_silences_it(text: str) -> None:
    assert read(text).level is Level.NONE


@pytest.mark.parametrize(
    "text",
    [
        "no, chest pain",
        "no cough but chest pain",
        "no sleep. chest pain all night",
        "didn't sleep chest pain all night",
        "not sure, chest pain maybe",
        "no idea why i have chest pain",
        "never had chest pain like this",
        "haven't had chest pain before",
        "not just chest pain, arm too",
        "no doubt it's chest pain",
        "dunno if i have chest pain or heartburn",
        "my dad says i have chest pain",
        "my wife is worried, chest pain since noon",
        "dad died chest feels tight",
        "chest pain again, like in 2019",
        "had this in 2019. chest pain now",
        "my mate laughed but i had chest pain",
        "drinks with friends last night chest pain today",
        "out with the kids chest pain all evening",
        "ran with my dad had chest pain",
        "no worries\nchest pain",
        "chest... pain",
        "chest\npain",
    ],
)
def test_a_no_or_a_dad_or_a_year_elsewhere_in_the_message_silences_nothing(text: str) -> None:
    assert read(text).level is Level.NOW


@pytest.mark.parametrize(
    "text",
    ["I don't want to die", "not suicidal or anything", "i was suicidal years ago", "my brother is suicidal"],
)
def test_words_about_wanting_to_die_sink_to_a_concern_and_never_to_silence(text: str) -> None:
    assert read(text).level is Level.CONCERN


@pytest.mark.parametrize(
    "text",
    [
        "i'm not suicidal but i don't want to be here anymore",
        "i don't want to die but i don't want to live like this",
        "i won't kill myself, don't worry",
        "if i killed myself would anyone notice",
    ],
)
def test_in_doubt_words_about_wanting_to_die_are_raised(text: str) -> None:
    reading = read(text)
    assert reading.level is Level.NOW
    assert reading.crisis


@pytest.mark.parametrize(
    "text", ["my dad had a heart attack", "my wife's got chest pain", "bloke in front collapsed at the race"]
)
def test_somebody_else_is_a_note_about_stress(text: str) -> None:
    reading = read(text)
    assert reading.level <= Level.CONCERN
    assert reading.level >= Level.NOTE
    assert reading.themes[0] == "stress"
    assert "cardiac" not in reading.themes


@pytest.mark.parametrize("text", ["i had chest pain in 2019", "fainted years ago", "coughed up blood when i was a kid"])
def test_long_ago_is_a_note(text: str) -> None:
    assert read(text).level is Level.NOTE


@pytest.mark.parametrize("text", ["what do i do if i get chest pain", "if i faint who calls you", "in case i collapse"])
def test_an_if_goes_to_the_queue_and_pages_nobody(text: str) -> None:
    assert read(text).level is Level.CONCERN


@pytest.mark.parametrize(
    "text",
    [
        "I CAN’T BREATHE",
        "i can`t breathe",
        "i cant bre\u200bathe",
        "i c\u0430nt br\u0435\u0430the",  # Cyrillic
        "ｉ ｃａｎｔ ｂｒｅａｔｈｅ",
        "i can't   breathe!!!",
        "i can't\nbreathe".replace("\n", " \u00a0"),
        "í cän't brèathe",
        "*i can't breathe*",
        "i can't br3athe",
        "ⓘ ⓒⓐⓝⓣ ⓑⓡⓔⓐⓣⓗⓔ",
    ],
)
def test_how_it_is_spelled_and_disguised_does_not_matter(text: str) -> None:
    assert read(text).level is Level.NOW


def test_the_coach_sees_the_very_words_that_decided() -> None:
    text = "🎉 PB!! but I c\u200ban’t  Breáthe, and my knee is 3/10"
    reading = read(text)
    assert [text[start:end] for start, end in reading.because] == ["c\u200ban’t  Breáthe"]


def test_the_more_urgent_family_decides_and_the_themes_of_all_are_told() -> None:
    reading = read("Loved it. knee 7/10 and i want to die, no period for months")
    assert reading.flag == "suicidal"
    assert reading.themes == ("mood", "crisis", "pain", "cycle")


def test_a_phrase_never_reaches_over_the_end_of_a_sentence() -> None:
    assert read("tight chest").level is Level.NOW
    assert read("legs tight. chest fine").level is Level.NONE


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("knee 5/10", Level.NONE),
        ("knee 5.5/10", Level.NONE),  # the whole number decides
        ("knee 6/10", Level.CONCERN),
        ("knee 10/10", Level.CONCERN),
        ("knee 11/10", Level.NONE),
        ("knee 7 / 10", Level.CONCERN),
        ("knee seven outta ten", Level.CONCERN),
        ("7/10 knee", Level.CONCERN),
        ("effort 7/10, knee fine", Level.NONE),
        ("knee sore for 5 days", Level.NONE),
        ("knee sore for 6 days", Level.CONCERN),
        ("knee sore for a week", Level.CONCERN),
        ("in two weeks i race, knee ok", Level.NONE),
        ("on a break for two weeks", Level.NONE),
        ("knee has been great for two weeks", Level.NONE),
    ],
)
def test_numbers_of_pain_and_days_are_read_at_their_edges(text: str, level: Level) -> None:
    assert read(text).level is level


def test_the_tail_of_a_text_too_long_to_be_read_is_read_and_a_human_is_told() -> None:
    chatter = "easy run today. " * 10_000
    assert read(chatter) == Match(Level.CONCERN, ("other",), "too-long", (), False)
    assert read(chatter[: MAX_CHARS - 1]).level is Level.NONE
    reading = read(chatter + "i want to die")
    assert reading.level is Level.NOW
    start, end = reading.because[0]
    assert (chatter + "i want to die")[start:end] == "want to die"


ODD = st.sampled_from(
    [
        "\x00",
        "\ud800",
        "\udfff",
        "\u200b",
        "\u0301",
        "\ufdfa",
        "ﬁ",
        "ß",
        "İ",
        "🙂",
        "7/10",
        "٣/١٠",
        "..",
        "(",
        "'",
        " ",
    ]
)
WORDS = st.sampled_from(sorted({word for _, text in NOW + TODAY + CONCERN for word in text.split()}))


@given(st.one_of(st.text(), st.lists(st.one_of(WORDS, ODD, st.text(max_size=3)), max_size=60).map(" ".join)))
def test_no_text_whatever_raises_and_the_spans_lie_inside_it(text: str) -> None:
    reading = read(text)
    last = 0
    for start, end in reading.because:
        assert last <= start < end <= len(text)
        last = end
    assert (reading.flag is None) == (reading.level is Level.NONE)
    assert bool(reading.because) == (reading.level is not Level.NONE) or reading.flag == "too-long"


@given(st.text(max_size=200))
def test_what_is_written_before_a_cry_for_help_does_not_silence_it(text: str) -> None:
    reading = read(text + ". i want to kill myself")
    assert reading.level is Level.NOW


@given(st.sampled_from([text for _, text in NOW]))
def test_capitals_and_accents_change_nothing(text: str) -> None:
    assert read(text.upper()).level is read(text).level


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("", "no families"),
        ("[[family]", "cannot be read"),
        (
            '[[family]]\nid = "a"\nlevel = "urgent"\nthemes = ["x"]\npatterns = ["b"]',
            "family a: needs a level",
        ),
        ('[[family]]\nid = "a"\nlevel = "now"\nthemes = ["x"]', "family a: needs patterns"),
        ('[[family]]\nid = "a"\nlevel = "now"\nthemes = ["x"]\npattern = ["b"]', "unknown field 'pattern'"),
        (
            '[[family]]\nid = "a"\nlevel = "now"\nthemes = ["x"]\npatterns = ["(b|c"]',
            "bracket is open in '\\(b",
        ),
        ('[[family]]\nid = "a"\nlevel = "now"\nthemes = ["x"]\npatterns = ["b|c)"]', "bracket is missing"),
        ('[[family]]\nid = "a"\nlevel = "now"\nthemes = ["x"]\npatterns = ["(b|)"]', "read as nothing"),
        ('[[family]]\nid = "a"\nlevel = "now"\nthemes = ["x"]\npatterns = ["ab*"]', "three letters"),
        ('[[family]]\nid = "a"\nlevel = "now"\nthemes = ["x"]\npatterns = ["b"]\n' * 2, "twice"),
    ],
)
def test_a_coach_who_mistypes_the_list_is_told_where(toml: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        load_book(toml)


def test_every_phrase_of_the_list_is_found_in_itself() -> None:
    # A phrase that its own text does not raise would be dead weight that a coach relies on.
    for _, text in NOW + TODAY + CONCERN:
        assert read(re.sub(r"\s+", "  ", text)).level is read(text).level


def test_words_are_compared_without_case_accents_apostrophes_and_invisible_letters() -> None:
    assert plain("CAN’T") == plain("cän\u00adt") == "cant"
    assert plain("'''") == ""


def test_levels_compare_by_urgency_and_not_by_spelling() -> None:
    assert max(Level) is Level.NOW
    assert max([Level.TODAY, Level.NOW], key=lambda level: level.order) is Level.NOW
    assert sorted(Level, reverse=True)[:2] == [Level.NOW, Level.TODAY]
    assert Level.NONE < Level.NOTE < Level.CONCERN < Level.TODAY < Level.NOW
    assert Level("today") >= Level.TODAY and not Level.NOTE > Level.NOTE and Level.NOTE <= Level.NOTE
