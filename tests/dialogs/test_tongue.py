"""Spoken to in one's own language: from the first message on, by /language, and where a coach has another one."""

from __future__ import annotations

import pytest

from tests.dialogs.talk import ANN, KIM, NEW, Talk

OTHERS = ("es", "fr", "de")


def test_a_newcomer_is_greeted_in_the_language_of_the_phone() -> None:
    talk = Talk(me=NEW)
    talk.phones[NEW] = "de-AT"
    talk.kim_says("/invite Eva")
    (code,) = talk.club.invites
    talk.says(f"/start {code}").answers_with("Hallo Eva. Ich bin die Verpflegungsstelle von Kim")
    assert talk.person(NEW).language == "de"
    talk.taps("Ich bin 18 oder älter").taps("Ja, einverstanden").answers_with("Wo wohnst du?")
    talk.says("Graz").answers_with("Um welche Uhrzeit soll ich fragen?")
    talk.says("halb sieben").answers_with("Gibt es Tage")
    talk.taps("So").taps("Fertig").taps("Nichts").taps("Nichts").answers_with("Ich frage morgen um 06:30, Zeit in Graz")
    talk.kim_reads("Eva has joined, from Graz")


def test_the_language_can_be_changed_before_one_agrees_to_anything() -> None:
    talk = Talk(me=NEW)
    talk.phones[NEW] = "pt-BR"
    talk.kim_says("/invite Eva")
    (code,) = talk.club.invites
    talk.says(f"/start {code}").answers_with("are you 18 or over?")
    talk.says("/language").answers_with("In which language", ["English", "Español", "Français", "Deutsch"])
    talk.taps("Español").answers_with("¿tienes 18 años o más?")
    talk.taps("Tengo 18 años o más").answers_with("Antes de decir que sí").taps("Sí, acepto").answers_with(
        "¿Dónde vives?"
    )
    assert not talk.records("words", of=NEW)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("/language deutsch", "Ab jetzt rede ich Deutsch"),
        ("/language french", "je te parle en français"),
        ("/language español", "te hablo en español"),
    ],
)  # fmt: skip
def test_the_language_is_changed_by_its_name_in_any_language(said: str, kept: str) -> None:
    talk = Talk().says(said)
    talk.answers_with(kept)
    assert talk.outcome.messages[-1].menu


def test_a_language_that_there_is_not_is_asked_for_again() -> None:
    talk = Talk().says("/language klingon").answers_with("In which language")
    talk.presses("language:tlh").answers_with("That question is closed")
    assert talk.ann.language == "en"


@pytest.mark.parametrize("language", OTHERS)
def test_a_coach_reads_what_was_said_in_the_original(language: str) -> None:
    words = {
        "es": "me duele el pecho al correr",
        "fr": "j'ai mal à la poitrine en courant",
        "de": "mir tut beim Laufen die Brust weh",
    }
    talk = Talk()
    talk.change(ANN, language=language)
    talk.change(KIM, language=language)
    talk.says(words[language])
    page = next(one for one in talk.texts(KIM) if words[language] in one)
    assert "chest pain" in page or "heart" in page or "needs" in page or "words" in page, page
    assert "112" in talk.texts(ANN)[0] or "999" in talk.texts(ANN)[0]
    assert talk.texts(ANN)[0].split()[0] in ("Para", "Arrête-toi", "Stopp", "Una", "Une", "Eine")


def test_a_morning_in_french() -> None:
    talk = Talk()
    talk.change(ANN, language="fr")
    talk.at("07:30").answers_with("Bonjour Ann. Comment as-tu dormi\xa0?")
    talk.taps("2").answers_with("Combien d’heures")
    talk.says("environ 5h30 heures").answers_with("Te sens-tu en forme\xa0?")
    assert talk.answers()["sleep_hours"] == 5.5
    talk.taps("J’ai mal quelque part").taps("Genou").says("4 sur 10").taps("Non")
    talk.answers_with("douleur\xa0: genou, 4/10")


def test_a_week_away_in_german_from_first_to_last_word() -> None:
    talk = Talk()
    talk.change(ANN, language="de")
    talk.says("bin weg bis Sonntag").answers_with("Weg bis Sonntag, 7. Juni. Nichts war geplant, also fällt nichts aus")
    talk.says("/pause bis 1. Juli").answers_with("Ist notiert.")
    talk.says("Was bedeutet das alles?").reads(ANN, "Morgenliste für Kim", ["Ich brauche meinen Coach"])
