"""The numbers an athlete in danger reads: all of them complete, and a damaged file stops the system at its
start.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import dialogs
from dialogs import help_numbers
from dialogs.help_numbers import load, oldest_check, parse

PACKAGED = (Path(dialogs.__file__).parent / "help_numbers.toml").read_text(encoding="utf-8")

PROMISED = (
    "US CA GB IE DE AT CH FR BE NL LU ES PT IT PL CZ SK HU RO BG GR SE NO DK FI IS EE LV LT SI HR UA "
    "AU NZ ZA KE ET MA IN JP KR SG HK TW MY PH TH ID BR AR CL CO MX PE IL TR AE"
).split()

SMALL = """
[default]
name = "anywhere else"
emergency = ["112"]
checked = 2026-11-22
source = "a list"
[[default.crisis]]
name = "Directory"
chat = "https://example.org"
hours = ""
language = ""
source = "a list"
[XA]
name = "Testland"
emergency = ["999", "112"]
checked = 2025-01-31
source = "a list"
[[XA.crisis]]
name = "Listeners"
phone = "*41 41"
hours = "24/7"
language = "en"
source = "their page"
"""


@pytest.mark.parametrize("code", PROMISED)
def test_every_promised_country_has_an_emergency_number_and_somebody_to_talk_to(code: str) -> None:
    found = load().for_country(code)
    assert found.known
    assert found.country
    assert found.emergency
    assert found.crisis, "an athlete must never read an empty answer"
    assert found.checked >= date(2026, 11, 22), "an entry may only be checked again, never earlier"
    for line in found.crisis:
        assert line.name and line.source
        assert line.phone or line.text or line.chat


def test_a_country_without_a_confirmed_line_is_sent_to_the_directory() -> None:
    numbers = load()
    assert numbers.for_country("MA").emergency == ("15", "19")
    assert numbers.for_country("MA").crisis == numbers.default.crisis
    assert numbers.default.crisis[0].chat == "https://findahelpline.com"


@pytest.mark.parametrize("code", [None, "", "XX", "United Kingdom", "\ud800", "G"])
def test_an_unknown_country_gets_the_numbers_for_anywhere_and_says_so(code: str | None) -> None:
    found = load().for_country(code)
    assert found.emergency == ("112",)
    assert not found.known
    assert found.crisis


@pytest.mark.parametrize("code", ["gb", " GB ", "Gb"])
def test_a_country_code_is_understood_in_any_case(code: str) -> None:
    assert load().for_country(code).emergency[0] == "999"


def test_well_known_numbers_are_what_everybody_knows_them_to_be() -> None:
    numbers = load()
    for code, emergency, phone in (
        ("US", "911", "988"),
        ("GB", "999", "116 123"),
        ("FR", "112", "3114"),
        ("ES", "112", "024"),
        ("DE", "112", "0800 111 0 111"),
        ("AU", "000", "13 11 14"),
        ("JP", "119", "0120 279 338"),
    ):
        found = numbers.for_country(code)
        assert found.emergency[0] == emergency
        assert found.crisis[0].phone == phone


def test_the_oldest_check_is_the_one_that_doctor_hears_of() -> None:
    assert oldest_check(parse(SMALL)) == date(2025, 1, 31)
    assert oldest_check(load()) <= min(load().for_country(code).checked for code in PROMISED)


def test_the_numbers_are_read_once() -> None:
    assert load() is load()


@pytest.mark.parametrize(
    ("cut", "put", "said"),
    [
        ('emergency = ["999", "112"]', "", "XA.*needs emergency"),
        ('emergency = ["999", "112"]', "emergency = []", "XA.*needs emergency"),
        ('emergency = ["999", "112"]', "emergency = [999]", "XA.*999 is no emergency number"),
        ('emergency = ["999", "112"]', 'emergency = ["9 9 9!"]', "is no emergency number"),
        ("checked = 2025-01-31", "", "XA.*needs checked"),
        ("checked = 2025-01-31", 'checked = "last year"', "XA.*needs checked"),
        ("checked = 2025-01-31", "checked = 2025-01-31T10:00:00Z", "XA.*needs checked"),
        ('name = "Testland"', "", "XA.*needs name"),
        ('source = "their page"', "", "XA.*crisis line 1.*needs source"),
        ('name = "Listeners"', 'name = "  "', "crisis line 1.*needs name"),
        ('phone = "*41 41"', "", "needs a phone, a text or a chat"),
        ('phone = "*41 41"', 'phone = "call us"', "cannot be dialled"),
        ('phone = "*41 41"', 'telephone = "4141"', "unknown field 'telephone'"),
        ('hours = "24/7"', "", "needs hours"),
        ('chat = "https://example.org"', 'chat = "example.org"', "no https address"),
        ("[XA]\n", "[Xanadu]\n", "not a country code|XA"),
        ('[default]\nname = "anywhere else"', "[default]", "default.*needs name"),
        ("[default]\n", "[default\n", "malformed"),
        ("[XA]\n", "XA = 1\n[XB]\n", "unknown field 'XA'"),
    ],
)
def test_a_damaged_file_is_refused_and_the_entry_is_named(cut: str, put: str, said: str) -> None:
    assert cut in SMALL
    with pytest.raises(ValueError, match=said):
        parse(SMALL.replace(cut, put, 1))


@pytest.mark.parametrize(
    "text", ["", "# only a comment", "[GB]\nname = 'x'", SMALL[: SMALL.index("[XA]")], PACKAGED[:100]]
)
def test_an_empty_file_or_half_a_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"help_numbers\.toml"):
        parse(text)


def test_a_missing_file_is_refused_in_words_an_operator_understands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(help_numbers, "files", lambda package: tmp_path)
    with pytest.raises(ValueError, match="help numbers are missing"):
        load.__wrapped__()


def test_nobody_can_change_the_numbers_after_they_were_read() -> None:
    with pytest.raises(AttributeError):
        load().default.emergency = ("0",)  # type: ignore[misc]
