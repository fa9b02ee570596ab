"""The book of red flags: phrases that people wrote down, and what turns them.

The phrases are in `red_flags.toml`, for coaches to read and to change; here are the few rules for how a sentence
turns them ("no", "my dad", "in 2019", "if"). It is one of the two readers that `triage` brings together: it hears
just what somebody has written down, says which words those were, and never tires; it does not know any other way to
say the same thing. NONE means "no phrase of the book", never "well".

How it reads. The text is cut into words, each remembered with its place in the original, so that the coach
can see the very words that decided. A word is compared without case, accents, apostrophes, invisible
characters and look-alike letters. All phrases of all families lie in one tree of words; at each word of the
text we walk down as far as the text follows. Nothing backtracks: the time grows with the length of the text
and with nothing else.

Then each phrase found is weighed:
- inside one of its family's `unless` phrases it means nothing ("fainted at the price");
- negated it means nothing ("no chest pain"), but where it is about wanting to die it only sinks to a concern;
- said of somebody else or of long ago it is a note; if it is about wanting to die, a concern;
- asked as an "if", it is at most a concern.
Where a rule is unsure, the phrase counts.

A text too long to be read whole counts as a concern, at least.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import accumulate, product
from typing import Any, NamedTuple

from dialogs.levels import Level

MAX_CHARS = 8_000  # Telegram stops at 4,096. Of a longer text head and tail are read, and a human is told
GAP = 3  # how many words ".." may leap over


@dataclass(frozen=True, slots=True)
class Match:
    """What the book finds in a message.

    `because`: half-open spans into the original text, in code points, sorted, not overlapping. `flag` is
    the id of the family that decided ("too-long" where the text was not read whole and nothing worse was
    found), None where nothing was found. `crisis`: the athlete's own words touch on wanting to die, self-
    harm or violence, at whatever level, so the crisis line belongs into the answer.
    """

    level: Level
    themes: tuple[str, ...]
    flag: str | None
    because: tuple[tuple[int, int], ...]
    crisis: bool


def read(text: str) -> Match:
    """Reads one message. Pure; raises nothing for any `str`, lone surrogates and NUL included."""
    book = _book()
    too_long = len(text) > MAX_CHARS
    if too_long:
        tokens = _cut(text, 0, MAX_CHARS // 2) + _cut(text, len(text) - MAX_CHARS // 2, len(text))
    else:
        tokens = _cut(text, 0, len(text))
    found = _find(tokens, book)
    hits = [hit for hit in _weigh(tokens, found, book) if hit.level > Level.NONE]
    hits += _scores(tokens, book) + _spans_of_days(tokens, book)
    level = max((hit.level for hit in hits), default=Level.NONE)
    if too_long and level < Level.CONCERN:
        return Match(Level.CONCERN, ("other",), "too-long", (), False)
    if not hits:
        return Match(Level.NONE, (), None, (), False)
    ordered = sorted(hits, key=lambda hit: (-hit.level.order, hit.place))
    return Match(
        level=level,
        themes=tuple(dict.fromkeys(theme for hit in ordered for theme in hit.themes)),
        flag=book.families[ordered[0].place].id,
        because=_merged([(tokens[hit.first].start, tokens[hit.last].end) for hit in hits if hit.level == level]),
        crisis=any(hit.crisis for hit in hits),
    )


# --- Words of a text ------------------------------------------------------------------------------


class _Token(NamedTuple):
    word: str
    start: int
    end: int
    sentence: bool  # a sentence ended before this word
    clause: bool  # a clause, or a sentence, ended before it


_QUOTES = "'\u2018\u2019\u201b\u02bc\u00b4`\uff07"
_INVISIBLE = "\u00ad\u0300-\u036f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069"
_INVISIBLE += "\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f"
_ENCLOSED = "\u2460-\u24ff\U0001f130-\U0001f189"  # circled and squared letters
_TOKEN = re.compile(
    r"(?P<score>[0-9]{1,2}(?:[.,][0-9])?\s?/\s?10)(?![0-9])"
    r"|(?P<number>[0-9]{1,6})[.,][0-9]{1,4}(?!\w)"
    rf"|[\w{_QUOTES}{_INVISIBLE}{_ENCLOSED}]+"
)
# A phrase may go on behind "..." and behind one new line, as people write; a "no" does not reach over them.
_SENTENCE_END = re.compile("(?<![.])[.](?![.])|[!?;\u3002\uff01\uff1f]|[\n\r]\\s*[\n\r]")
_CLAUSE_END = re.compile("[,:()\n\r\u2013\u2014\u2026\u2600-\u27bf\U0001f000-\U0001faff]|[.][.]|[ ]-|-[ ]")

# Letters of other alphabets which look like Latin ones, and digits which stand in for letters inside a word.
_LOOK_ALIKE = str.maketrans(
    # Cyrillic, Greek, and three Latin ones that do not decompose
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0456\u0458\u0455\u0501\u04bb"
    "\u03b1\u03b2\u03b5\u03b7\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7"
    "\u0131\u0142\u00f8",
    "abekmhopctyxijsdhabenikvoptuxilo",
)
_LEET = str.maketrans("013457", "oieast")
_LEET_INSIDE = re.compile("[a-z][013457]+[a-z]")


def _cut(text: str, begin: int, stop: int) -> list[_Token]:
    """The words of `text[begin:stop]`, with their places in the whole of it. The first begins a sentence."""
    tokens: list[_Token] = []
    known: dict[str, str] = {}
    end = begin
    sentence = clause = True
    for match in _TOKEN.finditer(text, begin, stop):
        between = text[end : match.start()]
        if between != " ":
            sentence = sentence or _SENTENCE_END.search(between) is not None
            clause = clause or sentence or _CLAUSE_END.search(between) is not None
        end = match.end()
        raw = match.group()
        if match["score"]:
            word = re.split("[.,/]", raw)[0].strip() + "/10"
        elif match["number"]:
            word = match["number"]
        elif raw in known:
            word = known[raw]
        else:
            word = known[raw] = plain(raw)
        if word:
            tokens.append(_Token(word, match.start(), end, sentence, clause))
            sentence = clause = False
    return tokens


def plain(word: str) -> str:
    """One word as it is compared: without case, accents, apostrophes, invisible or look-alike letters. May
    be "".
    """
    if word.isascii():
        folded = word.lower()
    else:
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", word).casefold())
        folded = decomposed.translate(_LOOK_ALIKE)
    if not folded.isalnum():
        folded = "".join(char for char in folded if char.isalnum())
    return folded.translate(_LEET) if _LEET_INSIDE.search(folded) else folded


# --- The book of phrases --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Family:
    id: str
    level: Level
    themes: tuple[str, ...]
    crisis: bool
    others: bool
    number: str
    needs: bool


class _Node:
    """A place in the tree of phrases. `ends`: the phrases that end here, as (kind, number of the family)."""

    __slots__ = ("ends", "gap", "starts", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.starts: dict[str, tuple[tuple[str, _Node], ...]] = _NO_STARTS  # by the first three letters
        self.gap: _Node | None = None
        self.ends: list[tuple[str, int]] = _NO_ENDS


# Shared by the thousands of nodes that have none, and never changed: a node that gets one gets a new one.
_NO_STARTS: dict[str, tuple[tuple[str, _Node], ...]] = {}
_NO_ENDS: list[tuple[str, int]] = []


@dataclass(frozen=True, slots=True)
class _Book:
    families: tuple[_Family, ...]
    root: _Node
    words: dict[str, frozenset[str]]
    counts: dict[str, int]
    old_years: range


class _Hit(NamedTuple):
    level: Level
    place: int
    first: int
    last: int  # inclusive
    themes: tuple[str, ...]
    crisis: bool


_FIELDS = {"id", "level", "themes", "patterns", "unless", "with", "crisis", "others", "number"}


@cache
def _book() -> _Book:
    return load_book(files("dialogs.words").joinpath("red_flags.toml").read_text(encoding="utf-8"))


def load_book(toml: str) -> _Book:
    """Reads the list of families. Raises ValueError, naming the family and the phrase that is mistyped."""
    try:
        data: dict[str, Any] = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"red_flags.toml cannot be read: {error}") from error
    root = _Node()
    families: list[_Family] = []
    for place, entry in enumerate(data.get("family", [])):
        name = entry.get("id", f"number {place + 1}")
        if unknown := set(entry) - _FIELDS:
            raise ValueError(f"red_flags.toml, family {name}: unknown field {sorted(unknown)[0]!r}")
        if any(name == family.id for family in families):
            raise ValueError(f"red_flags.toml, family {name}: this id stands there twice")
        if entry.get("level") not in set(Level) or not entry.get("themes"):
            raise ValueError(f"red_flags.toml, family {name}: needs a level and themes")
        if not entry.get("patterns") and entry.get("number") not in {"pain", "days"}:
            raise ValueError(f"red_flags.toml, family {name}: needs patterns")
        for kind, phrases in (("hit", "patterns"), ("unless", "unless"), ("with", "with")):
            for phrase in entry.get(phrases, ()):
                _plant(root, phrase, (kind, place), f"family {name}")
        families.append(
            _Family(
                id=name,
                level=Level(entry["level"]),
                themes=tuple(entry["themes"]),
                crisis=entry.get("crisis", False),
                others=entry.get("others", False),
                number=entry.get("number", ""),
                needs="with" in entry,
            )
        )
    if not families:
        raise ValueError("red_flags.toml has no families")
    words = dict(data.get("words", {}))
    for kind in ("old", "fresh"):
        for phrase in words.pop(kind, ()):
            _plant(root, phrase, (kind, -1), f"words.{kind}")
    counts = words.pop("count_words", {})
    first, last = words.pop("old_years", (1950, 1950))
    sets = {name: frozenset(plain(word) for word in listed) for name, listed in words.items()}
    return _Book(tuple(families), root, sets, counts, range(first, last + 1))


def _plant(root: _Node, phrase: str, end: tuple[str, int], where: str) -> None:
    """Grows the tree by one phrase; at each (a|b) every branch goes on by itself. A place: (node, is a gap
    open?).
    """
    places = [(root, False)]
    for part in _parts(phrase, where):
        places = [_grown(place, words, where) for place in places for words in part]
    for node, _ in places:  # a gap left open at the end had an optional word behind it, and falls away
        if node is root:
            raise ValueError(f"red_flags.toml, {where}: {phrase!r} may be read as nothing at all")
        if end not in node.ends:
            node.ends = [*node.ends, end]


def _grown(place: tuple[_Node, bool], words: tuple[str, ...], where: str) -> tuple[_Node, bool]:
    node, gap = place
    for word in words:
        if word == "..":
            gap = True
            continue
        if gap:
            node.gap = node = node.gap or _Node()
            gap = False
        if word.endswith("*"):
            stem = plain(word)
            if len(stem) < 3:
                raise ValueError(f"red_flags.toml, {where}: {word!r} needs three letters before the star")
            shelf = node.starts.get(stem[:3], ())
            known = next((child for start, child in shelf if start == stem), None)
            if known is None:
                known = _Node()
                node.starts = {**node.starts, stem[:3]: (*shelf, (stem, known))}
            node = known
        else:
            node = node.words.setdefault(word, _Node()) if word not in node.words else node.words[word]
    return node, gap


def _parts(phrase: str, where: str) -> list[list[tuple[str, ...]]]:
    """A phrase as a row of choices, each choice a few words; brackets may stand in brackets."""
    parts: list[list[tuple[str, ...]]] = []
    rest = phrase.strip()
    while rest:
        if rest[0] == "(":
            depths = accumulate((char == "(") - (char == ")") for char in rest)
            at = next((place for place, depth in enumerate(depths) if depth == 0), None)
            if at is None:
                raise ValueError(f"red_flags.toml, {where}: a bracket is open in {phrase!r}")
            inner = [row for choice in _choices(rest[1:at]) for row in product(*_parts(choice, where))]
            parts.append([tuple(word for words in row for word in words) for row in inner])
            rest = rest[at + 1 :].lstrip()
        else:
            end = rest.find("(")
            piece = rest if end < 0 else rest[:end]
            if ")" in piece or "|" in piece:
                raise ValueError(f"red_flags.toml, {where}: a bracket is missing in {phrase!r}")
            parts.append([tuple(word for chunk in piece.split() for word in _pieces(chunk))])
            rest = "" if end < 0 else rest[end:]
    return parts


def _choices(inner: str) -> list[str]:
    depth, found, start = 0, [], 0
    for at, char in enumerate(inner):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            found.append(inner[start:at])
            start = at + 1
    return [*found, inner[start:]]


@cache
def _pieces(chunk: str) -> tuple[str, ...]:
    """A written word as the text would be cut: "red-s" is two words; a star stays at its end."""
    if chunk == "..":
        return (chunk,)
    words = tuple(token.word for token in _cut(chunk, 0, len(chunk.rstrip("*"))))
    return (*words[:-1], words[-1] + "*") if chunk.endswith("*") and words else words


# --- Finding and weighing -------------------------------------------------------------------------


@dataclass(slots=True)
class _Found:
    """Each phrase as (number of its family, its first word, its last word)."""

    hits: list[tuple[int, int, int]] = field(default_factory=list)
    unless: list[tuple[int, int, int]] = field(default_factory=list)
    needed: list[tuple[int, int, int]] = field(default_factory=list)
    old: list[tuple[int, int, int]] = field(default_factory=list)
    fresh: list[tuple[int, int, int]] = field(default_factory=list)


def _find(tokens: list[_Token], book: _Book) -> _Found:
    """Every phrase of the book that stands in the text. None reaches over the end of a sentence."""
    found = _Found()
    keep = {"hit": found.hits, "unless": found.unless, "with": found.needed}
    keep |= {"old": found.old, "fresh": found.fresh}
    words = [token.word for token in tokens]
    # How far a phrase that stands at each word may reach: to the end of its sentence.
    reach = [len(tokens)] * len(tokens)
    for at in range(len(tokens) - 2, -1, -1):
        reach[at] = at + 1 if tokens[at + 1].sentence else reach[at + 1]
    for first, opening in enumerate(words):
        if opening not in book.root.words and opening[:3] not in book.root.starts:
            continue
        ahead = [(book.root, first)]
        while ahead:
            node, at = ahead.pop()
            word = words[at]
            nexts = [node.words[word]] if word in node.words else []
            if node.starts:
                nexts += [child for stem, child in node.starts.get(word[:3], ()) if word.startswith(stem)]
            for child in nexts:
                for kind, place in child.ends:
                    keep[kind].append((place, first, at))
                if at + 1 < reach[first]:
                    ahead.append((child, at + 1))
                    if child.gap is not None:
                        leap = min(at + 2 + GAP, reach[first])
                        ahead += [(child.gap, later) for later in range(at + 1, leap)]
    for at, word in enumerate(words):
        if at and len(word) == 4 and word.isdecimal() and int(word) in book.old_years:
            if words[at - 1] in book.words["old_before_year"]:
                found.old.append((-1, at, at))
    return found


def _weigh(tokens: list[_Token], found: _Found, book: _Book) -> list[_Hit]:
    # Which words lie inside an `unless` phrase, and where the `with` phrases are, per family: looked up
    # once, so
    # that a long message full of both stays linear.
    excused = {(place, at) for place, first, last in found.unless for at in range(first, last + 1)}
    needed: dict[int, list[tuple[int, int]]] = {}
    for place, first, last in found.needed:
        if len(needed.setdefault(place, [])) < 20 and not _negated(tokens, first, last, book):
            needed[place].append((first, last))
    old, fresh = {at for _, at, _ in found.old}, {at for _, at, _ in found.fresh}
    hits: list[_Hit] = []
    for place, first, last in found.hits:
        family = book.families[place]
        if any((place, at) in excused for at in range(first, last + 1)):
            continue
        if family.needs and all(first <= start and end <= last for start, end in needed.get(place, ())):
            continue
        level, themes, crisis = family.level, family.themes, family.crisis
        if not family.others and _said_of_another(tokens, first, book):
            level = min(level, Level.CONCERN if crisis else Level.NOTE)
            themes, crisis = ("stress",), False
        elif _negated(tokens, first, last, book):
            level = min(level, Level.CONCERN if crisis else Level.NONE)
        elif _long_ago(tokens, first, last, old, fresh):
            level = min(level, Level.CONCERN if crisis else Level.NOTE)
        elif not crisis and _only_asked(tokens, first, book):
            level = min(level, Level.CONCERN)
        hits.append(_Hit(level, place, first, last, themes, crisis))
    return hits


def _walk_back(
    tokens: list[_Token], first: int, small: frozenset[str], goal: frozenset[str], steps: int = 6
) -> int | None:
    """From the word before `first` back over small words of its clause to a word of `goal`: its place."""
    at = first
    for _ in range(steps):
        if at == 0 or tokens[at].clause:
            return None
        at -= 1
        if tokens[at].word in goal:
            return at
        if tokens[at].word not in small:
            return None
    return None


def _negated(tokens: list[_Token], first: int, last: int, book: _Book) -> bool:
    words = book.words
    at = first
    # In a list with "or", other complaints and their commas may lie between the "no" and the phrase.
    listing = last + 1 < len(tokens) and not tokens[last + 1].clause and tokens[last + 1].word in words["joiners"]
    for _ in range(9):
        if at == 0 or tokens[at].sentence or (tokens[at].clause and not listing):
            return False
        at -= 1
        word = tokens[at].word
        if word in words["negators"]:
            after = {token.word for token in tokens[last + 1 : last + 4]}
            first_time = word in words["first_time_negators"] and bool(after & words["first_time_after"])
            return not first_time
        if word in words["joiners"]:
            listing = True
        elif word not in words["negation_small"] and not (listing and word in words["complaints"]):
            return False
    return False


def _said_of_another(tokens: list[_Token], first: int, book: _Book) -> bool:
    words = book.words
    at = _walk_back(tokens, first, words["others_small"], words["others"])
    if at is None:
        return False
    if tokens[at].word in words["others_owning"]:
        return True
    opening = tokens[first].word
    if at == first - 1 and not (opening.endswith(("ed", "ing")) or opening in words["others_verbs"]):
        return False
    while at and not tokens[at].clause and tokens[at - 1].word in _ARTICLES:
        at -= 1
    return at == 0 or tokens[at].clause or tokens[at - 1].word not in words["others_not_after"]


_ARTICLES = {"the", "my", "our", "a", "an", "some", "another", "other", "old", "best", "poor", "this", "that"}


def _only_asked(tokens: list[_Token], first: int, book: _Book) -> bool:
    at = _walk_back(tokens, first, book.words["hypothetical_small"], book.words["hypothetical"])
    if at is None:
        return False
    return not (at and tokens[at - 1].word in book.words["not_hypothetical_after"])


def _long_ago(tokens: list[_Token], first: int, last: int, old: set[int], fresh: set[int]) -> bool:
    if not old:
        return False
    around = range(*_sentence_around(tokens, first, last, 15))
    return not old.isdisjoint(around) and fresh.isdisjoint(around)


def _sentence_around(tokens: list[_Token], first: int, last: int, reach: int) -> tuple[int, int]:
    """The words of the same sentence, at most `reach` to either side, as a half-open range."""
    start = first
    while start > max(0, first - reach) and not tokens[start].sentence:
        start -= 1
    end = last + 1
    while end < min(len(tokens), last + 1 + reach) and not tokens[end].sentence:
        end += 1
    return start, end


# --- Numbers --------------------------------------------------------------------------------------


def _scores(tokens: list[_Token], book: _Book) -> list[_Hit]:
    """Pain over 5 of 10 ("7/10", "seven out of ten") beside a word of pain or the body. Edge: coaching
    notes.
    """
    hits: list[_Hit] = []
    for place, family in enumerate(book.families):
        if family.number != "pain":
            continue
        for at, token in enumerate(tokens):
            last = at
            if token.word.endswith("/10"):
                score = int(token.word[:-3])
            elif at + 2 < len(tokens) and tokens[at + 1].word in {"out", "outta"}:
                out = [later.word for later in tokens[at + 1 : at + 4]]
                if not {"10", "ten"} & set(out[1:]):
                    continue
                score = _count(token.word, book)
                last = at + 1 + next(i for i, word in enumerate(out) if word in {"10", "ten"})
            else:
                continue
            if 5 < score <= 10 and _about_pain(tokens, at, last, book):
                hits.append(_Hit(family.level, place, at, last, family.themes, False))
    return hits


def _about_pain(tokens: list[_Token], first: int, last: int, book: _Book) -> bool:
    """What a score is of: the nearest telling word before it in the sentence, else the nearest behind it."""
    painful = book.words["pain"] | book.words["body"]
    start, end = _sentence_around(tokens, first, last, 6)
    after = [token.word for token in tokens[last + 1 : min(end, last + 4)]]
    for word in [token.word for token in reversed(tokens[start:first])] + after:
        if word in book.words["other_scores"]:
            return False
        if word in painful:
            return True
    return False


def _spans_of_days(tokens: list[_Token], book: _Book) -> list[_Hit]:
    """A niggle beyond five days ("for 8 days", "two weeks now") in a sentence on pain. Edge: coaching
    notes.
    """
    hits: list[_Hit] = []
    units = {
        "day": 1,
        "days": 1,
        "week": 7,
        "weeks": 7,
        "wk": 7,
        "wks": 7,
        "fortnight": 14,
        "month": 30,
        "months": 30,
    }
    for place, family in enumerate(book.families):
        if family.number != "days":
            continue
        for at, token in enumerate(tokens):
            if token.word not in units or at == 0:
                continue
            first = at - 2 if tokens[at - 1].word == "of" and at > 1 else at - 1
            if _count(tokens[first].word, book) * units[token.word] <= 5:
                continue
            while first and (tokens[first - 1].word == "a" or _count(tokens[first - 1].word, book)):
                first -= 1  # "a couple of", "two three weeks"
            cued = first and tokens[first - 1].word in book.words["span_before"]
            cued = cued or (at + 1 < len(tokens) and tokens[at + 1].word in book.words["span_after"])
            start, end = _sentence_around(tokens, first, at, 12)
            said = {word.word for word in tokens[start:end]}
            if not cued or said & book.words["relief"]:
                continue
            pains = [_negated(tokens, i, i, book) for i in range(start, end) if tokens[i].word in book.words["pain"]]
            if not all(pains) if pains else said & book.words["body"]:
                hits.append(_Hit(family.level, place, first, at, family.themes, False))
    return hits


def _count(word: str, book: _Book) -> int:
    if word.isascii() and word.isdecimal() and len(word) <= 4:
        return int(word)
    return book.counts.get(word, 0)


def _merged(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)
