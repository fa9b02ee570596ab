"""Who may what in a coach's group: letters from topics, buttons, and who is in it, on the real inbox and database.

Kim and Dana have a group each; see GROUPS, AGREED and TOPICS of the club. The oracle is written by hand. Refused is
what comes from a topic of somebody else's athlete, of one who has not agreed or has another coach now, from a topic or
group that is none of ours, or from whoever does not answer for the athlete: then nothing has changed, and what can be
read in the group is the same whatever was said. Who is no coach of the club is a guest, and ends it for the coach whose
group it is; and even then nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from storage.db import open_db
from tests.e2e import rights_club as club_of
from tests.e2e.rights_club import ACTORS, AGREED, COACHES, GROUP, GROUPS, OWN, TOPICS, Club, Played, answers_for

LETTER = "letterof"  # in what is said; nobody but the athlete may read it
FILE = {"file_id": "f", "file_unique_id": "u", "duration": 3}
PLACES: list[tuple[int, int | None]] = [  # chat, thread
    *TOPICS,
    (-700, None),  # outside of topics
    (-700, 7777), (-700, -1), (-700, 81),  # no such topic there; one of the other group
    (-999, 71), (-999, None),  # nobody's group
]  # fmt: skip
SAID = ["hello there", "I have it", "I have it #ANN22", "' OR 1=1 --", "\u202eANN22"]


@dataclass(frozen=True, slots=True)
class Place:
    chat: int
    thread: int | None

    @property
    def owner(self) -> str | None:
        """Whose group it is."""
        return next((coach for coach, group in GROUPS.items() if group == self.chat), None)

    @property
    def athlete(self) -> str | None:
        """Whose topic it is, or was."""
        return TOPICS.get((self.chat, self.thread or 0))

    @property
    def leads_to(self) -> str | None:
        """To whom a letter from here may go."""
        athlete = self.athlete
        return athlete if athlete in AGREED and self.owner in OWN[athlete] else None


def may_write(actor: str, place: Place) -> bool:
    athlete = place.leads_to
    return athlete is not None and actor in COACHES and actor in answers_for(athlete)


# --- updates --------------------------------------------------------------------------------------------------------


def here(club: Club, actor: str, place: Place, **content: Any) -> dict[str, Any]:
    """A message in a group, as Telegram shows it to a bot that administers it."""
    found = club_of.message(club.chat(actor), **content)
    chat = {"id": place.chat, "type": "supergroup", "title": "G", "is_forum": True}
    topic = {} if place.thread is None else {"message_thread_id": place.thread, "is_topic_message": True}
    return {**found, "chat": chat, **topic}


def says(club: Club, actor: str, place: Place, text: str) -> dict[str, Any]:
    return {"message": here(club, actor, place, text=text)}


def taps(club: Club, actor: str, place: Place, data: str) -> dict[str, Any]:
    query = club_of.taps(club.chat(actor), data)["callback_query"]
    return {"callback_query": {**query, "message": here(club, actor, place, text="a copy")}}


def comes(club: Club, actor: str, place: Place) -> dict[str, Any]:
    user = {"id": club.chat(actor), "is_bot": False, "first_name": "X"}
    return {"message": here(club, "kim", place, new_chat_members=[user])}


# --- the judge ------------------------------------------------------------------------------------------------------


def refused(played: Played, actor: str, place: Place) -> Iterator[str]:
    """Nothing has changed, but that a guest has ended it."""
    guest = place.owner if actor not in COACHES else None
    for table, whose in played.touched():
        if guest is None or whose != {guest} or table not in ("person", "journal"):
            yield f"refused, but a row of {sorted(whose)} in {table} has changed"
    if guest is not None and played.fields(guest) != {"group", "version"}:
        yield f"a guest is there, and of {guest} {sorted(played.fields(guest))} has changed"
    for to, payload, _ in played.messages():
        if to not in {GROUP, guest}:
            yield f"refused, but {to} gets {payload.get('text')!r}"
        if LETTER in str(payload):
            yield f"{to} reads the letter"
    yield from unread(played, actor, place)


def written(played: Played, actor: str, place: Place) -> Iterator[str]:
    """It has reached the athlete, and nobody else."""
    athlete = place.leads_to or ""
    got = [payload for to, payload, _ in played.messages() if to == athlete and LETTER in str(payload)]
    if len(got) != 1:
        yield f"{athlete} reads it {len(got)} times"
    near = {actor, athlete, place.owner, GROUP, *OWN[athlete], *club_of.COVER[athlete]}
    for to, payload, row in played.messages():
        if to not in near or (to == GROUP and row["chat_id"] != place.chat):
            yield f"{to} gets {payload.get('text')!r}"
        if to != athlete and LETTER in str(payload):
            yield f"{to} reads the letter"
    for table, whose in played.touched():
        if not whose <= {actor, athlete, "?"}:
            yield f"a row of {sorted(whose)} in {table} has changed"
    yield from unread(played, actor, place)


def unread(played: Played, actor: str, place: Place) -> Iterator[str]:
    """No word of an athlete stands where its reader may not read it. In a group that of its topic's athlete may, and
    the name of who writes there, where that coach runs."""
    for to, payload, row in played.messages():
        for owner, kind, word in club_of.CANARIES:
            shown = to == GROUP and row["chat_id"] == place.chat and owner == place.athlete
            shown = shown and (kind == "name" or place.leads_to == owner)
            shown = shown or (to == GROUP and (owner, kind) == (actor, "name"))
            if word in str(payload) and not shown and not club_of.reads(to, owner, kind):
                yield f"{to} reads {word}"


def opened(url: str) -> Iterator[Club]:
    base = open_db(url)
    with base.engine.connect() as tx, tx.begin() as whole:
        club = Club(base, tx)
        club.link()
        yield club
        whole.rollback()
    base.close()


@pytest.fixture
def club(migrated_database_url: str) -> Iterator[Club]:
    yield from opened(migrated_database_url)


def cells(club: Club, places: Sequence[tuple[int, int | None]] = PLACES) -> list[tuple[str, Place]]:
    """All of them on SQLite; on PostgreSQL some of each, since the turns are the same."""
    every = [(actor, Place(*place)) for actor in ACTORS.values() for place in places]
    return every if club.base.is_sqlite else every[::7]


def test_a_letter_from_a_topic_is_its_coachs_to_write_and_reaches_nobody_else(club: Club) -> None:
    wrong: list[str] = []
    for actor, place in cells(club):
        what = f"{actor} in {place.thread} of {place.chat}"
        voice = here(club, actor, place, voice=FILE, caption=LETTER)
        for update in (says(club, actor, place, f"{LETTER} {actor}"), {"message": voice}):
            played = club.play(update)
            assert played.handled, what
            judge = written if may_write(actor, place) else refused
            wrong += [f"{what}: {one}" for one in judge(played, actor, place)]
    assert not wrong, "\n".join(wrong[:40])


def test_what_is_refused_reads_the_same_whatever_was_said(club: Club) -> None:
    wrong: list[str] = []
    for actor, place in cells(club):
        if may_write(actor, place):
            continue
        what = f"{actor} in {place.thread} of {place.chat}"
        heard = [club.play(says(club, actor, place, text)) for text in SAID]
        heard += [club.play({"edited_message": says(club, actor, place, text)["message"]}) for text in SAID[:1]]
        for played in heard:
            wrong += [f"{what}: {one}" for one in refused(played, actor, place)]
        for who in (GROUP, place.owner or GROUP):
            if any(one.told(who) != heard[0].told(who) for one in heard[1:-1]):
                wrong.append(f"{what}: {who} reads {[one.told(who) for one in heard]}")
        if place.athlete is None and actor in COACHES and heard[0].told(GROUP):
            wrong.append(f"{what}: there is no topic of ours, and the group reads {heard[0].told(GROUP)}")
    assert not wrong, "\n".join(wrong[:40])


def test_a_button_in_a_group_takes_what_is_this_coachs_and_looks_the_same_where_it_is_not(club: Club) -> None:
    wrong: list[str] = []
    for actor, place in cells(club, [(-700, 71), (-800, 81), (-700, None), (-999, 71)]):
        nothing = club.play(taps(club, actor, place, "ack:ZZZZZ"))
        for short, (whose, _, owner, closed) in club_of.WORRIES.items():
            # Below a copy, or below anything else there: it is the group that counts, so a few places are enough.
            mine = actor in COACHES and actor in answers_for(whose) and whose in AGREED and place.owner in OWN[whose]
            played = club.play(taps(club, actor, place, f"ack:{short}"))
            what = f"{actor} takes {short} in {place.thread} of {place.chat}"
            taken = [one for one in played.of("escalation") if one.row["acked_at"] is not None]
            if mine and owner is None and not closed:
                wrong += [] if len(taken) == 1 else [f"{what}: nothing is taken"]
            elif not mine or closed:
                wrong += [f"{what}: {one}" for one in refused(played, actor, place)]
                if played.told(GROUP) != nothing.told(GROUP):
                    wrong.append(f"{what}: reads {played.told(GROUP)}, but for what is not there {nothing.told(GROUP)}")
        for data in ("", f"write:{club.people['ann'].id}", "close:ANN33", "do:coach", "9" * 30):
            played = club.play(taps(club, actor, place, data))
            wrong += [f"{actor} taps {data}: {one}" for one in refused(played, actor, place)]
    assert not wrong, "\n".join(wrong[:40])


def test_whoever_comes_in_and_is_no_coach_ends_it_for_whose_group_it_is(club: Club) -> None:
    for actor in ACTORS.values():
        for chat in (*GROUPS.values(), -999):
            place = Place(chat, None)
            played = club.play(comes(club, actor, place))
            assert played.handled and not list(refused(played, actor, place)), (actor, chat)
            ended = place.owner is not None and actor not in COACHES
            heard = {to for to, _, _ in played.messages()}
            assert heard == ({place.owner, GROUP} if ended else set()), (actor, chat)


def test_only_a_coach_links_and_ends_and_only_what_is_their_own(club: Club) -> None:
    for actor, place in cells(club):
        for command in ("/link", "/unlink"):
            played = club.play(says(club, actor, place, command))
            if actor not in COACHES:
                assert not list(refused(played, actor, place)), (actor, place, command)
                continue
            assert {whose for table, whose in played.touched() if table != "due"} <= {frozenset({actor})}
            assert {to for to, _, _ in played.messages()} <= {actor, GROUP}
            assert ("group" in played.fields(actor)) == (command == "/unlink" and actor in GROUPS)
