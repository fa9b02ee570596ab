"""Free text -> how soon a human must hear it, what it is about, and which of its words said so.

What this is. Two readers, who know different things, and a few rules that bring them together. The *book*
(`phrases`) holds what people wrote down: it is exact, it can be read and changed by a coach, and it knows nothing else.
The *network* (`network`) has read some thousand labelled messages: it hears what nobody wrote down, and errs in ways
that nobody can foresee. It flags for the coach. It detects and diagnoses nothing, it does not know the message of last
week, and it clears nobody: NONE means "nothing found", never "well". How much it hears, and a list of what it misses:
`docs/words.md`. Any text reaches the coach in the end; this decides only how soon, and whether one question is asked.

How they are brought together, in this order:
1. A language that is not screened is a concern: a human reads it.
2. The network's chances become a level at its edges (`weights().edges`, set on messages that were not trained on).
3. The book may lift that level, where the network does not find it wholly absurd; where it does, the athlete is asked.
4. What may be urgent and has not become urgent is asked about: one plain question, no answer counts as yes (`asking`).
5. What was too long to be read whole is a concern, at least.

Neither reader ever lowers what the other is sure of. Bounded: the book is linear in the text, the network reads a fixed
number of pieces. Whoever calls this treats a failure in here as a concern (`judging.read`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dialogs.levels import Level
from dialogs.model import Spans
from dialogs.words import languages, network, phrases
from dialogs.words.network import LEVELS, THEMES, Impression
from dialogs.words.phrases import Match

# Whose flag and question it is, where the network heard it and the book has no name for it; the first that fits.
FLAGS = ("crisis", "cardiac", "heat", "illness", "pain", "medication", "cycle", "fuelling", "mood", "stress")
TOPICS: Mapping[str, str] = {"crisis": "harm", "mood": "harm", "cardiac": "heart", "heat": "head"}
BOOK_TOPICS: Mapping[str, str] = {
    "breathing": "breath", "confusion": "head", "fainting": "head", "fainting-now": "head", "head-injury": "head",
    "head-injury-signs": "head", "chest": "heart", "violence-at-home": "danger",
    "suicidal": "harm", "self-harm": "harm", "overdose": "harm", "crisis-near": "harm",
}  # fmt: skip
_SAYS = re.compile("[^\\W\\d_]|[\u2190-\U0001faff]")  # a letter, or a picture
MARKS = 3  # stretches of words that are marked for the coach where the network decided


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message says.

    `because`: half-open spans into the original text, in code points, sorted, not overlapping; the words that decided.
    `flag` is what it is called (a block of the texts "flags"), None where nothing was found. `crisis`: it touches on
    not wanting to live, self-harm or violence, at whatever level, so the crisis line belongs into the answer. `ask`:
    the topic of the one question to ask, None for none. `language`: set where the text is in one that is not screened.
    """

    level: Level
    themes: tuple[str, ...]
    flag: str | None
    because: Spans
    crisis: bool
    ask: str | None = None
    language: str | None = None


def read(text: str, language: str | None = None) -> Reading:
    """Reads one message. `language`: ISO 639-1 where it is known, which spares the guess. Pure; raises nothing for any
    `str`, lone surrogates and NUL included."""
    return read_all([text], [language])[0]


def read_all(texts: Sequence[str], given: Sequence[str | None] = ()) -> list[Reading]:
    """Several at once: the same as one by one, and faster."""
    heads = [text if len(text) <= phrases.MAX_CHARS else _ends(text) for text in texts]
    heard = network.read_all(heads)
    known = given or [None] * len(texts)
    return [_read(*one) for one in zip(texts, heads, heard, known, strict=True)]


def _ends(text: str) -> str:
    return text[: phrases.MAX_CHARS // 2] + text[len(text) - phrases.MAX_CHARS // 2 :]


def _read(text: str, head: str, heard: Impression, given: str | None) -> Reading:
    found = phrases.read(text)
    language = languages.foreign(text) if given is None else None if given[:2] in languages.SCREENED else given
    if language is not None:
        if found.level >= Level.TODAY:  # a word is a word: "infarto" is read in Italian, too
            return _reading(found.level, found, heard, text, None)
        return Reading(Level.CONCERN, ("other",), "language", found.because, found.crisis, None, language)
    if not _SAYS.search(head):  # "7", "4/5", "...": the network was never shown a bare number
        return Reading(found.level, found.themes, found.flag, found.because, found.crisis)
    level, ask = decided(found, heard, network.weights().edges)
    if found.flag == "too-long":
        level = max(level, Level.CONCERN)
    reading = _reading(level, found, heard, text if head is text else "", ask)
    return replace(reading, flag="too-long") if found.flag == "too-long" and reading.flag is None else reading


def decided(found: Match, heard: Impression, edges: Mapping[str, float]) -> tuple[Level, bool]:
    """The level, and whether to ask. All the rules that bring the two readers together are here."""
    chance = dict(zip(LEVELS, heard.levels, strict=True))
    urgent = chance[Level.NOW] + chance[Level.TODAY]
    hear = urgent + chance[Level.CONCERN]
    if hear < edges["hear"]:
        level = Level.NOTE if chance[Level.NOTE] >= chance[Level.NONE] else Level.NONE
    elif urgent < edges["urgent"]:
        level = Level.CONCERN
    else:
        level = Level.NOW if chance[Level.NOW] >= chance[Level.TODAY] else Level.TODAY
    ask = urgent >= edges["ask_concern" if level is Level.CONCERN else "ask"]
    if found.level > level:
        if found.level < Level.CONCERN or hear >= edges["book_urgent" if found.level >= Level.TODAY else "book_hear"]:
            level = found.level
        elif found.level >= Level.TODAY:  # a phrase of the worst kind, in what seems wholly harmless
            ask = ask or hear >= edges["book_ask"] or found.crisis
        elif found.crisis:  # "not suicidal, just tired": a human looks at it, whatever else is in it
            level = Level.CONCERN
    return level, ask and level < Level.TODAY


def _reading(level: Level, found: Match, heard: Impression, text: str, ask: bool | None) -> Reading:
    edges = network.weights().edges
    chances = zip(THEMES, heard.themes, strict=True)
    likely = [theme for theme, chance in chances if chance >= edges.get(f"theme:{theme}", edges["theme"])]
    if (level >= Level.CONCERN or ask) and not likely:
        likely = [max(zip(heard.themes, THEMES, strict=True))[1]]
    booked = found.level >= Level.CONCERN and level >= Level.CONCERN
    if booked and found.level >= level:
        likely += [theme for theme in found.themes if theme not in likely]
    crisis = (booked and found.crisis) or ("crisis" in likely and (level >= Level.CONCERN or bool(ask)))
    flag = None
    if level >= Level.CONCERN or ask:
        flag = found.flag if booked else next((f"sounds-{one}" for one in FLAGS if one in likely), "words")
    if level is Level.NONE and not ask:
        because: Spans = ()
    elif booked and found.level >= level:
        because = found.because
    else:
        because = _marks(heard, text) or found.because
    return Reading(level, tuple(likely), flag, because, crisis, _topic(found, likely) if ask else None)


def _topic(found: Match, themes: Sequence[str]) -> str:
    if (topic := BOOK_TOPICS.get(found.flag or "")) is not None:
        return topic
    if "crisis" in themes and "mood" not in themes:
        return "danger"
    return next((topic for theme, topic in TOPICS.items() if theme in themes), "body")


def _marks(heard: Impression, text: str) -> Spans:
    """The words that spoke loudest for a human: those with at least half of the strongest one's share, and the small
    words between two of them."""
    strongest = max((share for _, _, share in heard.evidence), default=0.0)
    if strongest <= 0 or not text:
        return ()
    loud = [(start, end, share) for start, end, share in heard.evidence if share >= strongest / 2]
    stretches: list[tuple[int, int, float]] = []
    for start, end, share in loud:
        if stretches and len(text[stretches[-1][1] : start].split()) <= 1:
            before = stretches.pop()
            stretches.append((before[0], end, before[2] + share))
        else:
            stretches.append((start, end, share))
    best = sorted(stretches, key=lambda one: -one[2])[:MARKS]
    return tuple(sorted((start, end) for start, end, _ in best))
