"""In which language somebody is spoken to.

It comes from Telegram's code for the language of their phone, with the first message that they send ("de-AT" is "de"),
and is changed by `/language`, at any time: before they have agreed to anything, too, for nobody can agree to what they
cannot read. Then the question that was open is asked again, in the new language. Coaches begin in English, whatever
their phone says: most of what coaches read is English alone, and half of it in another language would be worse.

In which language somebody writes is another thing: all of them are heard, always (see `when` and `wishes`).
"""

from __future__ import annotations

from collections.abc import Mapping

from dialogs import joining, menus
from dialogs.draft import Draft
from dialogs.model import Button

NAMES: Mapping[str, tuple[str, ...]] = {  # what people call them; the buttons say it in each language itself
    "en": ("en", "english", "inglés", "ingles", "anglais", "englisch"),
    "es": ("es", "español", "espanol", "castellano", "spanish", "espagnol", "spanisch"),
    "fr": ("fr", "français", "francais", "french", "francés", "frances", "französisch"),
    "de": ("de", "deutsch", "german", "alemán", "aleman", "allemand"),
}


def language(draft: Draft, rest: str) -> None:
    """/language shows what there is; "/language Deutsch" takes it."""
    said = rest.casefold().strip(" .!")
    found = next((code for code, names in NAMES.items() if said in names), None)
    if found is None:
        rows = tuple((Button("button.language", f"language:{code}", {"n": code}),) for code in NAMES)
        draft.say("settings.language", buttons=rows)
    else:
        _speak(draft, found)


def chosen(draft: Draft, code: str) -> None:
    if code in NAMES:
        _speak(draft, code)
    else:
        draft.toast("shared.question_closed")


def _speak(draft: Draft, code: str) -> None:
    draft.change(language=code)
    if not joining.settled(draft.person):
        joining.begin(draft)
        return
    menu = menus.own(draft.person) or menus.ATHLETE  # Telegram would show that of the phone's own language
    draft.say("settings.language_kept", edit=draft.tapped is not None, menu=menu)
