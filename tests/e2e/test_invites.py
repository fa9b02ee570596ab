"""A code opens one seat, for one person, for a week; to everybody else it says nothing."""

from __future__ import annotations

import re
from datetime import timedelta

from storage import schema
from tests.world import Someone, World

NEUTRAL = "This is a private line between athletes and their coach."


async def _code(kim: Someone, name: str) -> str:
    await kim.says(f"/invite {name}")
    found = re.search(r"start=([0-9a-f]{32})", kim.sees(f"A seat for {name}").text)
    assert found is not None
    return found[1]


def _athletes(world: World) -> list[str]:
    return [one.name for one in world.everyone() if one.runs]


async def test_a_code_works_once(world: World) -> None:
    kim = await world.coach("Kim")
    code = await _code(kim, "Ann")
    ann, mallory = world.stranger("Ann"), world.stranger("Mallory")
    await ann.starts(code)
    ann.sees("Hello Ann")
    before = world.count()
    await mallory.starts(code)
    assert mallory.looks()[0].text.startswith(NEUTRAL)
    after = world.count()
    assert {name for name in after if after[name] != before[name]} == {"inbox", "outbox"}
    await ann.starts(code)  # the same link once more: goes on where it stood
    ann.sees("Hello Ann")
    assert _athletes(world) == ["Ann"]


async def test_an_expired_a_wrong_and_no_code_read_the_same(world: World) -> None:
    kim = await world.coach("Kim")
    code = await _code(kim, "Ann")
    await world.fast_forward(days=7, seconds=1)
    answers = set()
    for number, tried in enumerate((code, "0" * 32, code.upper(), code[:-1], "x" * 3000, "'; --", None)):
        stranger = world.stranger(f"Stranger{number}")
        await stranger.starts(tried)
        answers |= {bubble.text for bubble in stranger.looks()}
    assert len(answers) == 1 and next(iter(answers)).startswith(NEUTRAL)
    assert _athletes(world) == []


async def test_a_code_is_still_good_just_before_it_expires(world: World) -> None:
    kim = await world.coach("Kim")
    code = await _code(kim, "Ann")
    await world.fast_forward(days=6, hours=23, minutes=55)
    ann = world.stranger("Ann")
    await ann.starts(code)
    ann.sees("Hello Ann")


async def test_twenty_uses_of_one_code_at_once_give_exactly_one_seat(world: World) -> None:
    kim = await world.coach("Kim")
    code = await _code(kim, "Ann")
    crowd = [world.stranger(f"Someone{number}") for number in range(20)]
    for one in crowd:
        one.phone.starts(code)
    while world.api.updates.pending and await world.app.receive_once():
        pass

    await world.replicas_handle(4)
    await world.settle()
    seated = [one for one in crowd if one.got("Hello Ann")]
    assert len(seated) == 1 and _athletes(world) == ["Ann"]
    assert all(one.got(NEUTRAL) for one in crowd if one not in seated)
    (used,) = [row for row in world.rows(schema.invite) if row["used_at"] is not None]
    assert used["name"] == "Ann"


async def test_one_person_who_presses_start_many_times_joins_once(world: World) -> None:
    kim = await world.coach("Kim")
    code = await _code(kim, "Ann")
    ann = world.stranger("Ann")
    for _ in range(5):
        ann.phone.starts(code)
    await world.settle()
    assert _athletes(world) == ["Ann"]


async def test_joining_goes_on_where_it_stood_after_a_crash_and_a_day(world: World) -> None:
    kim = await world.coach("Kim")
    ann = world.stranger("Ann")
    await ann.starts(await _code(kim, "Ann"))
    await ann.taps("I am 18 or over", "I agree")
    await world.crash_and_restart()
    await ann.says("Riga")
    ann.sees("At what time shall I ask?")
    await world.crash_and_restart(down=timedelta(days=1))
    await ann.taps("07:00")
    await ann.taps("Done")
    await ann.says("none")
    await world.crash_and_restart()
    await ann.starts()
    ann.sees("What do you train for?")
    await ann.says("none")
    ann.sees("That is all, Ann.")
    kim.sees("Ann has joined")


async def test_who_has_not_agreed_is_asked_nothing_and_nothing_of_theirs_is_kept(world: World) -> None:
    kim = await world.coach("Kim")
    ann = world.stranger("Ann")
    await ann.starts(await _code(kim, "Ann"))
    await ann.says("my boss is a secret")
    ann.sees("I keep and pass on nothing before you have said yes")
    await ann.taps("I am 18 or over", "No")
    ann.sees("I ask nothing")
    await world.fast_forward(days=2)
    assert not ann.got("How did you sleep?")
    assert "secret" not in str(world.rows(schema.journal)) + str(world.rows(schema.outbox))
    assert not kim.got("secret")


async def test_a_coach_who_has_left_comes_back_as_an_athlete_and_stops_nobody(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", dana)
    number = dana.known.id
    await dana.says("/leave")
    await dana.taps("Leave")
    await dana.says("am I gone?")
    dana.sees(NEUTRAL)
    code = await _code(kim, "Dana")
    dana.phone.starts(code)
    ann.phone.says("/coach is anybody there?")  # behind her in the inbox
    await world.settle()
    dana.sees("Hello Dana. I am Kim’s aid station")
    kim.sees("is anybody there?")
    await dana.taps("I am 18 or over", "I agree")
    await dana.says("London", "07:00")
    await dana.taps("Done")
    await dana.says("none", "none")
    dana.sees("That is all, Dana.")
    kim.sees("Dana has joined")
    assert dana.known.id == number and (dana.known.runs, dana.known.coaches) == (True, False)
    await world.fast_forward_to("07:00")
    dana.sees("Good morning, Dana. How did you sleep?")


async def test_the_code_itself_is_nowhere_in_the_database_but_in_the_message_that_shows_it(world: World) -> None:
    kim = await world.coach("Kim")
    code = await _code(kim, "Ann")
    for table in schema.metadata.sorted_tables:
        if table.name not in ("outbox", "lease", "club"):
            assert code not in str(world.rows(table)), table.name
