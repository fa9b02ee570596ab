"""What athletes read: all of it, in every language that they can choose, and the same in each.

The transcripts of all other files are played once more, and what they said to somebody who runs is said again in
Spanish, French and German: with the same numbers, names, commands and markup, and with no English left in it.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.sandbox.markup import parse_html
from dialogs import help_numbers, life, planning, render, tongue, wording
from dialogs.commands import COMMANDS, WISHES
from dialogs.model import Button, Message
from dialogs.plan import KINDS
from dialogs.scripts.asking import EARLIER, IS_NOW, NO, SURE
from tests.dialogs import test_render
from tests.dialogs.talk import Talk

TEXTS = Path(render.__file__).parent / "texts"
OTHERS = ("es", "fr", "de")

# What only coaches read stays English: whole files, and parts of the others. Everything else must be in every language.
COACHES_FILES = (
    "attention", "coach", "coach_onboarding", "coach_week", "concerns", "cover", "desk", "drill", "import", "passing",
    "plan_file", "proposal", "rulebook", "topics", "broadcast", "minors",
)  # fmt: skip
COACHES_PARTS = re.compile(
    r"menu\.(today|queue|athletes?|write|note|quiet|find|roster|lay|rules|invite|backup|concern|broadcast|attention|hours|"
    r"holiday|handover|move_athlete|club|drill|link|unlink|leave)"
    r"|button\.(ack|write|close|useful|useless|erase_now|approve|revise|reject|talk_first|rest|easy|half|week_before|"
    r"week_after|blocks|tell|clear|go_back|rule_on|rule_off|rule_for|what_if|mute|unmute|edge_less|edge_more|take_it|"
    r"leave_it|family|take_rest|dmy|mdy|as_file|handled|note|still|nothing_more|show|write_to|ease|call|called|tomorrow|"
    r"more|add|jot|their_plan|cover_notes|home_again|leave_now|stay_coach|send|drill|group_yes|group_no|draft_send|"
    r"draft_edit|draft_drop)"
    r"|rights\.(coach_asked|wish_gone|erased|gone|coaches_too|inherited|last_coach|hand_over)"
    r"|plan\.(of|day_of|as_csv|as_ics|blocks|lay_how|is_told)|dossier\.(page|add_to|add|added|jot|noted)"
    r"|evidence\.(coach|said)|health\.evidence|week\.breach|picture\.band_of|problem\.session|flags\.drill"
    r"|language\.(?!other).*"
)
# ... but for these, which come to athletes.
ATHLETES_PARTS = (
    "coach.repeat", "concerns.read", "desk.eased_for_you", "broadcast.letter", "plan_file.session",
    *(f"cover.{one}" for one in ("weekdays", "reads", "span", "athlete", "agreed", "refused", "athlete_back")),
    *(f"passing.{one}" for one in ("would_you", "stays", "yours_now", "coach_left")),
    *(f"topics.{one}" for one in ("told", "ask", "agreed", "refused", "back")),
)  # fmt: skip

TO_COACHES = {"desk.help", "passing.left"}  # who coaches no more, or also

ALIKE = {  # the same in several languages, or nothing but names, numbers and signs
    "athlete.heard", "athlete.from_coach", "athlete.language", "athlete.line", "athlete.lines", "button.number",
    "button.hour", "button.offer", "button.minutes", "button.coached_by", "button.no", "week.time", "picture.dates",
    "export.lang", "export.numbers", "export.unit_minutes", "export.unit_km", "export.coach", "export.fact_name",
    "export.fact_coach", "export.effort", "export.name_effort", "export.name_soreness", "export.value_no",
    "export.value_note", "export.value_sacrum", "export.value_no_pain", "pain.told", "pain.place", "plan.kind",
    "plan.session", "button.session_on", "button.sacrum", "shared.date", "plan.day", "button.day", "plan_file.session",
    "export.value_snack", "export.version", "picture.soreness", "guardian.words",
}  # fmt: skip
ENGLISH = re.compile(
    r"\b(?:the|you|your|and|with|what|this|that|will|have|from|when|which|are|it|of|is|not|they|there|who|how|where|"
    r"tomorrow|today|yesterday|please|week|coach’s)\b"
)
NAMES_WITH_ENGLISH = re.compile(r"/\w+(?: (?:off|on|next|English))?|https?://\S+|@\w+|Aid Station|[A-Z]\w+/\w+|#\w+")


def of_athletes(name: str) -> bool:
    """May somebody who runs read this text?"""
    if name in ATHLETES_PARTS:
        return True
    return name.split(".")[0] not in COACHES_FILES and COACHES_PARTS.fullmatch(name) is None


def blocks(language: str) -> set[str]:
    return {
        f"{file.stem}.{name}"
        for file in (TEXTS / language).glob("*.j2")
        for name in re.findall(r"{%-? block (\w+)", file.read_text(encoding="utf-8"))
    }


# --- what there is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_that_athletes_read_is_there(language: str) -> None:
    assert {name for name in blocks("en") if of_athletes(name)} - blocks(language) == set()


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_there_that_nobody_uses(language: str) -> None:
    assert blocks(language) - blocks("en") == set()
    assert {name for name in blocks(language) if not of_athletes(name)} == set(), "coaches read English alone"
    assert not blocks(language) & blocks("any")


def test_the_languages_are_those_that_are_screened_and_can_be_chosen() -> None:
    assert set(render.languages()) == set(tongue.NAMES) == {"en", *OTHERS}


# --- what the transcripts say, in every language ---------------------------------------------------------------------

Said = tuple[str, str]  # id, and data as JSON


@cache
def said() -> tuple[frozenset[Said], frozenset[Said], frozenset[str]]:
    """Texts and labels that the transcripts gave to somebody who runs; and every text that was used for them."""
    texts: set[Said] = set()
    labels: set[Said] = set()
    inside: set[str] = set()
    reader = [False]
    deliver, text = Talk._deliver, render.text

    def written(data: Mapping[str, Any]) -> str:
        return json.dumps(dict(data), sort_keys=True)

    def noted_message(self: Talk, message: Message, own: int) -> None:
        person = self.club.people.get(own if message.to == 0 else message.to or -1)
        stranger = message.chat_id is not None and message.text.startswith(("shared.", "rights.", "guardian."))
        guardian = person is not None and person.ward_id is not None
        reader[0] = guardian or (person.runs and not person.coaches if person is not None else stranger)
        if reader[0]:
            texts.update((id, written(message.data)) for id in (message.preface, message.text) if id)
            labels.update((one.label, written(one.args)) for row in message.buttons for one in row)
        try:
            deliver(self, message, own)
        finally:
            reader[0] = False

    def noted_text(language: str, id: str, data: Mapping[str, Any]) -> Any:
        if reader[0]:
            inside.add(id.replace("-", "_"))
        elif id in ("export.page", "calendar.about"):
            texts.add((id, written({name: one for name, one in data.items() if name != "t"})))
        return text(language, id, data)

    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr(Talk, "_deliver", noted_message)
        patch.setattr(render, "text", noted_text)
        for test, arguments in test_render.transcripts(patch):
            with contextlib.suppress(AssertionError):  # a transcript that fails says so in its own file
                test(**arguments)
    return frozenset(texts), frozenset(labels), frozenset(inside)


def leaves(value: Any) -> Iterator[str]:
    """All names, numbers and words in the data of a text."""
    if isinstance(value, Mapping):
        for one in value.values():
            yield from leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from leaves(one)
    elif isinstance(value, str) and value:
        yield value


def digits(text: str) -> Counter[str]:
    """All numbers; one that counts may be a word in one language and a figure in another."""
    return Counter(one for one in re.findall(r"\d+", text) if one != "1")


def without(text: str, data: Any) -> str:
    """The text without what comes from the data, and without what has no language."""
    for one in sorted(leaves(data), key=len, reverse=True):
        text = text.replace(one, " ") if len(one) > 2 else text
    return NAMES_WITH_ENGLISH.sub(" ", text)


def kept_names(data: Any, english: str) -> set[str]:
    """What people wrote or are called: it stands in every language as it stands in the English. Our own words for
    things ("knee", "easy", "not_done") are in lower case and are translated."""
    own = {one for one in leaves(data) if one in english and not re.fullmatch(r"[a-z_]{1,20}|\d{4}-\d\d-\d\d", one)}
    return {one for one in own if one not in ("HOME to 741741", "SHOUT to 85258") and not one.startswith("button.")}


@pytest.mark.timeout(600)
def test_what_athletes_were_told_says_the_same_in_every_language() -> None:
    """One test for all, because the transcripts take most of a minute to play."""
    texts, labels, inside = said()
    assert len(texts) > 300 and len(labels) > 80
    wrong: list[str] = []
    for language in OTHERS:
        for id, written in sorted(texts):
            if id not in TO_COACHES and render.text("en", id, json.loads(written)):
                wrong += [f"{language} {id}: {one}" for one in told_otherwise(language, id, json.loads(written))]
        for id, written in sorted(labels):
            wrong += [f"{language} {id}: {one}" for one in labelled_otherwise(language, id, json.loads(written))]
        # Also the texts inside of texts: no message falls back for a part of it.
        lacking = {name for name in inside if render._find(language, name)[0] != language} - TO_COACHES
        wrong += [f"{language} lacks {name}" for name in lacking if not re.fullmatch(r"language\.\w\w", name)]
    assert not wrong, "\n".join(wrong[:30])
    exports = [json.loads(written) for id, written in texts if id == "export.page"]
    assert exports
    for data in exports:
        the_export_has_the_same_parts(data)


def told_otherwise(language: str, id: str, data: Any) -> Iterator[str]:
    """What is wrong with this text in this language, beside the English."""
    english, other = render.text("en", id, data), render.text(language, id, data)
    plain, plain_english = render.plain(other), render.plain(english)
    if id != "export.page":
        parse_html(other.encode("utf-16", "replace").decode("utf-16"))
    tags = [Counter(re.findall(r"</?[a-z]+", one)) for one in (other, english)]
    commands = [Counter(re.findall(r"(?<!\w)/[a-z]\w+", one)) for one in (plain, plain_english)]
    problems = {
        "markup": tags[0] != tags[1],
        "commands": commands[0] != commands[1],
        "numbers": digits(plain) != digits(plain_english),
        "names": {one for one in kept_names(data, plain_english) if one not in plain},
        "English": id not in ALIKE and other == english,
        "words": set(ENGLISH.findall(without(plain, data))) if id != "export.page" else False,
    }
    for what, why in problems.items():
        if why:
            yield f"{what} {why}\n    {plain}\n    {plain_english}"


def labelled_otherwise(language: str, id: str, data: Any) -> Iterator[str]:
    label, english = render.label(language, id, data), render.label("en", id, data)
    widest = 60 if id == "button.session_on" else 34
    own_language = render._find(language, id)[0] == language
    if id not in ("button.offer", "button.coached_by") and not 0 < len(label) <= widest:
        yield f"too long: {label}"
    if digits(label) != digits(english) or not own_language or ENGLISH.search(without(label, data)):
        yield label


def the_export_has_the_same_parts(data: Any) -> None:
    english = render.text("en", "export.page", data)
    for language in OTHERS:
        page = render.text(language, "export.page", data)
        assert f'<html lang="{language}">' in page
        assert page.count("<h2>") == english.count("<h2>") and page.count("<li>") == english.count("<li>")
        assert not set(re.findall(r"<h2>(.*?)</h2>", page)) & set(re.findall(r"<h2>(.*?)</h2>", english))


@pytest.mark.parametrize("language", OTHERS)
def test_what_no_transcript_says_is_no_english_either(language: str) -> None:
    for name in sorted(blocks(language)):
        if name not in ALIKE:
            ours, theirs = source(language, name), source("en", name)
            assert ours != theirs or "t(" in ours or "|" in ours or not re.search("[a-z]{3}", ours), name
            words = re.sub(r"{[{%].*?[%}]}|<[^>]+>", " ", ours, flags=re.DOTALL)
            assert not ENGLISH.search(NAMES_WITH_ENGLISH.sub(" ", words)), (name, words)


def source(language: str, name: str) -> str:
    file, _, block = name.partition(".")
    text = (TEXTS / language / f"{file}.j2").read_text(encoding="utf-8")
    found = re.search(rf"{{% block {block} %}}(.*?){{% endblock %}}", text, re.DOTALL)
    assert found is not None
    return found[1].strip()


# --- what is read in danger ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ("en", *OTHERS))
@pytest.mark.parametrize("country", ("US", "GB", "ES", "FR", "DE", "AT", "CH", "JP", "AR", None))
def test_the_number_stands_in_the_first_line_in_every_language(language: str, country: str | None) -> None:
    numbers = help_numbers.load().for_country(country)
    crisis = [
        {name: getattr(one, name) for name in ("name", "phone", "text", "chat", "hours")} for one in numbers.crisis
    ]
    data = {"emergency": list(numbers.emergency), "crisis": crisis, "paged": "Kim", "paged_at": None, "coach": "Kim"}
    first = render.plain(render.text(language, "athlete.now", data)).split("\n")[0]
    assert all(number in first for number in numbers.emergency)
    crisis_text = render.plain(render.text(language, "athlete.crisis", data))
    first = crisis_text.split("\n")[0]
    assert all(number in first for number in numbers.emergency)
    for one in numbers.crisis:
        assert one.name in first and one.phone in first and one.chat in first
        assert all(number in first for number in re.findall(r"\d+", one.text))
    if language != "en":
        names = [one.name for one in numbers.crisis] + [one.chat for one in numbers.crisis]
        assert not ENGLISH.search(without(crisis_text, names))


# --- how a language is found -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "language"),
    [("de", "de"), ("de-AT", "de"), ("DE_ch", "de"), ("pt-BR", "en"), ("", "en"), ("any", "en"), ("x" * 99, "en")],
)
def test_a_phones_language_is_one_of_ours_or_english(code: str, language: str) -> None:
    assert render.spoken(code) == language
    assert render.text(code, "shared.noted", {}) == render.text(language, "shared.noted", {})


def test_a_text_that_a_language_lacks_is_english_with_all_that_it_uses() -> None:
    week = {"level": "now", "athlete": "Ann", "flag": "chest", "short": "K7Q2M", "again": False, "words": "x"}
    data = week | {"at": "07:00", "place": "", "week": []}
    assert render.text("de", "coach.page", data) == render.text("en", "coach.page", data)
    assert "chest pain" in render.text("de", "coach.page", data)
    assert render.text("de", "flags.chest", {}) == "Schmerz oder Druck in der Brust"


def test_a_message_is_in_one_language_to_its_last_button() -> None:
    buttons = ((Button("button.yes", "1:yes"),),)
    english = Message(1, "coach.closed", {"athlete": "Ann", "short": "K7Q2M"}, buttons, preface="problem.past")
    german = Message(1, "life.cancelled", {}, buttons, preface="problem.past")
    (payload,) = render.payloads(english, "de")
    assert payload["text"].startswith("That day is over") and payload["buttons"][0][0]["text"] == "Yes"
    (payload,) = render.payloads(german, "de-CH")
    assert payload["text"].startswith("Der Tag ist schon vorbei") and payload["buttons"][0][0]["text"] == "Ja"


# --- an export ---------------------------------------------------------------------------------------------------


def everything() -> dict[str, Any]:
    """An export of somebody with a bit of all that there can be."""
    at = {"day": "2026-06-01", "time": "07:00"}
    words = sorted(name.removeprefix("export.name_") for name in blocks("en") if name.startswith("export.name_"))
    values = sorted(name.removeprefix("export.value_") for name in blocks("en") if name.startswith("export.value_"))
    facts = [name.removeprefix("export.fact_") for name in blocks("en") if name.startswith("export.fact_")]
    plan = {"minutes": 45, "km": 8.5, "descent": 300, "effort": 6, "text": "", "form": "gym", "held": "K7Q2M"}

    def line(kind: str, name: str, **more: Any) -> dict[str, Any]:
        given: dict[str, Any] = {
            "kind": kind,
            "name": name,
            "at": at,
            "value": None,
            "words": None,
            "by": "Kim",
            "answers": [],
        }
        return given | more

    lines = [line("event", name) for name in words]
    lines += [line("answer", "did", answers=[["did", value, False], ["sleep", 4, True]]) for value in values]
    lines += [
        line("words", "free", value="concern"), line("step", "joined", value="K7Q2M"), line("edit", "edited"),
        line("words", "coach_wrote", words="Hola"), line("file", "voice"), line("step", "of_tomorrow"),
        line("step", "coach_wrote", by=None),
    ]  # fmt: skip
    flagged = {"short": "K7Q2M", "level": "now", "flag": "chest", "words": "x", "owner": None}
    person = {"name": "Ann", "user_id": 7, "chat_id": 7, "runs": True, "coaches": True, "coach": "Kim", "backup": "Bo"}
    person |= {"guardian": "Linda", "ward": "Emma", "minor": True}
    return {
        "person": person | {"joined_at": at, "reachable": False, "facts": dict.fromkeys(facts, "x") | {"later": [1]}},
        "day": "2026-06-09", "at": "07:00", "zone": "Europe/Berlin",
        "days": [{"day": "2026-06-01", "lines": lines}],
        "escalations": [
            flagged | {"raised_at": at, "acked_at": at, "closed_at": at},
            flagged | {"raised_at": at, "acked_at": None, "closed_at": None},
        ],
        "sessions": [{"day": "2026-06-02", "kind": kind, "facts": plan} for kind in KINDS],
        "changes": [
            {"at": at, "number": 3, "actor": actor, "by": None, "cause": "away"}
            for actor in ("rule", "coach", "athlete", "restore")
        ],
        "proposals": [
            {"short": "K7Q2M", "rule": "sleep-short", "state": "open", "words": "", "decider": "Kim", "raised_at": at,
             "decided_at": at},
        ],
        "rules": [
            {"at": at, "rule": "sleep-short", "is_on": on, "edges": {}, "muted_until": "2026-06-09", "by": "Kim"}
            for on in (True, False)
        ],
        "feeds": [{"created_at": at, "revoked_at": at}, {"created_at": at, "revoked_at": None}],
        "letters": [{"at": at, "words": None}], "taken": [{"acked_at": at, "short": "K7Q2M", "closed_at": at}],
        "invited": [{"created_at": at, "name": "Ben", "coach": "Kim", "used_at": at}],
        "planned": [{"at": at, "kind": "x"}], "sent": [{"created_at": at, "text": "x"}],
        "incoming": [{"received_at": at, "raw": "x"}],
    }  # fmt: skip


def test_an_export_of_everything_uses_every_word_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    data, text, used = everything(), render.text, set()

    def noted(language: str, id: str, data: Mapping[str, Any]) -> str:
        used.add(id)
        return text(language, id, data)

    monkeypatch.setattr(render, "text", noted)
    the_export_has_the_same_parts(data)
    english = digits(render.plain(render.text("en", "export.page", data)))
    for language in OTHERS:
        assert digits(render.plain(render.text(language, "export.page", data))) == english, language
        nobody = render.text(language, "export.page", data | {"days": []})
        assert source(language, "export.nothing") in nobody
    reachable = {**data, "person": data["person"] | {"reachable": True}}
    assert "<td>ja</td>" in render.text("de", "export.page", reachable)
    assert {name for name in blocks("en") | blocks("any") if name.startswith("export.")} - used == set()


# --- dates, numbers, plurals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "day", "first", "weekday", "short", "number"),
    [
        ("en", "9 June", "1 March", "Wednesday", "Wed", "5.5"),
        ("es", "9 de junio", "1 de marzo", "miércoles", "mié", "5,5"),
        ("fr", "9 juin", "1er mars", "mercredi", "mer", "5,5"),
        ("de", "9. Juni", "1. März", "Mittwoch", "Mi", "5,5"),
    ],
)
def test_dates_and_numbers_are_written_as_the_language_does(
    language: str, day: str, first: str, weekday: str, short: str, number: str
) -> None:
    assert wording.date(language, "2026-06-09") == day and wording.date(language, "2026-03-01") == first
    assert wording.weekday(language, 2) == weekday and wording.short_weekday(language, 2) == short
    assert wording.number(language, 5.5) == number
    assert wording.number(language, 1200) == "1200" and wording.number(language, 7.0) == "7"
    assert len({wording.short_weekday(language, n) for n in range(7)}) == 7


def test_which_numbers_are_one_is_the_languages_affair() -> None:
    shown = {
        language: [wording.plural(language, n, "{} one", "{} more") for n in (0, 1, 2, 1.5)]
        for language in ("en", "fr")
    }
    assert shown == {
        "en": ["0 more", "1 one", "2 more", "1.5 more"],
        "fr": ["0 one", "1 one", "2 more", "1,5 one"],
    }
    assert wording.plural("de", 21, "eine Einheit", "{} Einheiten") == "21 Einheiten"


def test_a_date_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError):
        wording.date("de", "tomorrow")


# --- what people write, in every language -----------------------------------------------------------------------------

WISHED = {  # at least the ten that are said most often
    life.busy: ("tengo 20 minutos", "j'ai 20 minutes", "je n'ai que 20 min", "ich habe 20 Minuten", "nur 20 min"),
    life.ill: ("estoy enferma", "je suis malade", "ich bin krank", "bin krank"),
    life.injured: ("me he lesionado", "je suis blessée", "ich habe mich verletzt"),
    life.well: ("ya estoy bien", "je suis guérie", "ich bin wieder gesund"),
    life.slower: ("más despacio, por favor", "plus lent, s’il te plaît", "langsamer bitte"),
    life.away: ("estoy fuera hasta el domingo", "absente jusqu'à dimanche", "bin weg bis Sonntag", "bis Sonntag weg"),
    life.move: ("mueve el jueves al sábado", "déplace jeudi à samedi", "verschiebe Donnerstag auf Samstag"),
    life.done: ("¡Hecho!", "c'est fait", "erledigt"),
    planning.show: ("mi plan", "mon plan", "mein Plan", "hoy", "aujourd’hui", "heute", "¿qué toca hoy?"),
}


@pytest.mark.parametrize(("act", "text"), [(act, text) for act, every in WISHED.items() for text in every])
def test_a_wish_is_heard_in_every_language(act: life.Act, text: str) -> None:
    found = life.wish(text)
    assert found is not None and found[0] is act, text


@pytest.mark.parametrize(
    ("name", "every"),
    [
        ("coach", ("necesito a mi coach", "j'ai besoin de mon coach", "ich brauche meinen coach")),
        ("pause", ("pausa", "pause")),
        ("help", ("ayuda", "aide", "hilfe")),
        ("settings", ("ajustes", "réglages", "einstellungen")),
        ("language", ("idioma", "langue", "sprache")),
    ],
)
def test_a_command_is_heard_as_a_word(name: str, every: tuple[str, ...]) -> None:
    assert all(WISHES[one] is COMMANDS[name] for one in every)


@pytest.mark.parametrize(
    "text",
    [
        "ich bin fertig",
        "fertig",
        "estoy mal del pecho",
        "je suis malade depuis trois semaines",
        "me he lesionado y no sé",
        "ich habe 20 minuten schmerzen",
        "muevo",
        "bin weg",
        "plan b",
        "tengo 20 minutos de vida",
    ],
)
def test_what_says_more_is_no_wish_but_words_for_a_human(text: str) -> None:
    assert life.wish(text) is None


@pytest.mark.parametrize(
    ("meant", "every"),
    [
        (IS_NOW, ("sí", "Sí, ahora", "oui", "Oui maintenant.", "ja", "Ja, jetzt!")),
        (EARLIER, ("ayer", "fue antes", "c’était avant", "gestern", "nicht mehr")),
        (NO, ("no", "es broma", "non", "je plaisante", "nein", "Nur Spaß!")),
    ],
)
def test_the_one_question_is_answered_in_every_language(meant: str, every: tuple[str, ...]) -> None:
    reads = SURE.steps[0].reads
    assert reads is not None
    for text in every:
        read = reads(text, Talk().now.date())
        assert read is not None and getattr(read, "value", None) == meant, text
