"""Each of these gets a clear answer and loses nothing."""

from __future__ import annotations

import pytest

from storage import schema
from tests.world import Someone, World

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
RIGHT_TO_LEFT = "\u202e\u05db\u05d5\u05d0\u05d1 \u05d1\u05d7\u05d6\u05d4 abc"


async def _pair(world: World) -> tuple[Someone, Someone]:
    kim = await world.coach("Kim")
    return kim, await world.athlete("Ann", kim)


async def test_4096_characters_arrive_whole_at_the_coach(world: World) -> None:
    kim, ann = await _pair(world)
    words = ("chest pain. " + " ".join(f"word{n}" for n in range(800)))[:4090] + "THEEND"
    assert len(words) == 4096
    await ann.says(words)
    ann.sees("Stop now")
    parts = [one.text for one in world.ledger if one.chat_id == kim.chat_id and one.method == "sendMessage"]
    together = "".join("".join(parts).split())
    for n in range(800):
        if f"word{n} " in words:
            assert f"word{n}" in together
    assert "THEEND" in together
    assert [one.words for one in world.journal(ann) if one.kind == "words"] == [words]
    await kim.taps("I have it")


async def test_more_than_a_message_can_hold_comes_as_several_and_all_of_it_arrives(world: World) -> None:
    kim, ann = await _pair(world)
    await ann.says("chest pain " + FAMILY * 900 + "THEEND")
    await world.fast_forward(minutes=1)
    got = "".join(one.text for one in world.ledger if one.chat_id == kim.chat_id)
    assert "THEEND" in got and got.count("👨") >= 900
    await kim.taps("I have it")


@pytest.mark.parametrize(
    "words",
    [
        FAMILY,
        RIGHT_TO_LEFT,
        "{{7*7}} {% for x in y %} {0.__class__} %s ${HOME}",
        "<b",
        "<b>bold</b> &amp; <script>alert(1)</script> </blockquote>",
        "*not* _markdown_ [link](tg://user?id=1)",
        "e\u0301" * 300,
        "\x07\x1b[31m",
        "'; DROP TABLE person; --",
    ],
)
async def test_what_is_typed_reaches_the_coach_letter_for_letter(world: World, words: str) -> None:
    kim, ann = await _pair(world)
    await ann.says(f"chest pain {words}")
    sent = next(one.text for one in ann.phone.screen() if one.mine and "chest pain" in one.text)
    assert sent in kim.sees("Ann · NOW").text
    assert "49" not in kim.phone.last.text.replace(sent, "").partition("#")[0]
    await kim.taps("Write to them")
    await kim.says(f"I read: {words}")
    assert sent.removeprefix("chest pain ") in ann.sees("I read:").text
    assert not world.rows(schema.outbox, status="dead")


async def test_a_name_full_of_markup_breaks_no_page(world: World) -> None:
    kim = await world.coach("K{{7*7}}<i>m")
    ann = await world.athlete("<b>Ann & Co {% raw %}", kim)
    await ann.says("chest pain")
    assert "alerting K{{7*7}}<i>m" in ann.sees("Stop now").text
    kim.sees("<b>Ann & Co {% raw %} · NOW")
    await kim.taps("I have it")
    ann.sees("K{{7*7}}<i>m has your words")


@pytest.mark.parametrize(
    "data",
    ["x" * 64, "x" * 65, "", "0:usual", "-1:1", "1:", "²:1", "99999999999999999999:1", "ack:ZZZZZ", "close:", "write:1",
     "do:", "do:fly", "urgent:ZZZZZ", "\x00", "1:usual:extra", "{{7*7}}"],
)  # fmt: skip
async def test_an_invented_button_is_answered_and_changes_nothing(world: World, data: str) -> None:
    kim, ann = await _pair(world)
    await ann.says("/help")
    ann.looks()
    before = world.count()
    await ann.taps_data(data)
    assert ann.phone.notices or ann.looks(), "it is answered"
    after = world.count()
    changed = {name for name in after if after[name] != before[name]}
    if data != "urgent:ZZZZZ":  # whoever presses "it can't wait" is heard, even on a button that names nothing
        assert changed == {"inbox", "outbox"}
        assert not world.escalations()
    else:
        await kim.taps("I have it")


async def test_somebody_elses_button_acts_for_nobody(world: World) -> None:
    kim, ann = await _pair(world)
    ben = await world.athlete("Ben", kim)
    await ann.says("chest pain")
    await ann.says("/checkin")
    (escalation,) = world.escalations()
    await ben.says("/help")
    dana = await world.coach("Dana")
    eve = await world.coach("Eve")
    await kim.says("/backup Dana")
    for someone in (ben, eve):
        for data in (f"ack:{escalation.short}", f"close:{escalation.short}", f"write:{ann.known.id}"):
            await someone.taps_data(data)
            someone.sees_notice("That question is closed")
    turn = next(
        str(b.data) for one in ann.phone.screen() for row in one.buttons for b in row if b.text == "All as usual"
    )
    await ben.taps_data(turn)
    assert not [one for one in world.journal(ben) if one.kind == "answer"]
    assert world.escalations()[0].open
    assert not ann.got("has your words")
    dana.looks()
    await kim.taps("I have it")


@pytest.mark.parametrize(
    "said",
    ["/invite Ben", "/queue", "/help", "hello", "/start", "/start wrongcode", "/coach", "{{7*7}}", "<b", "chest pain"],
)
async def test_a_stranger_reads_one_neutral_sentence_and_leaves_no_trace(world: World, said: str) -> None:
    kim, _ann = await _pair(world)
    mallory = world.stranger("Mallory")
    before = world.count()
    await mallory.says(said)
    (bubble,) = mallory.looks()
    assert bubble.text == (
        "This is a private line between athletes and their coach. "
        "If you were invited, please use the link that you were given."
    )
    after = world.count()
    assert {name for name in after if after[name] != before[name]} == {"inbox", "outbox"}
    kim.sees_nothing_more()


async def test_a_stranger_who_writes_without_end_is_answered_once_a_minute(world: World) -> None:
    await _pair(world)
    mallory = world.stranger("Mallory")
    for n in range(30):
        mallory.phone.says(f"hello {n}")
    await world.settle()
    assert len(mallory.got("private line")) <= 2


async def test_a_command_that_is_not_theirs_is_unknown_to_an_athlete(world: World) -> None:
    kim, ann = await _pair(world)
    before = world.count()
    for command in ("/invite Mallory", "/queue", "/athletes", "/backup Ann"):
        await ann.says(command)
        ann.sees("I do not know that command")
    after = world.count()
    assert after["invite"] == before["invite"]
    kim.sees_nothing_more()


async def test_places_dates_and_hours_that_cannot_be_are_asked_again_and_nothing_is_lost(world: World) -> None:
    kim, ann = await _pair(world)

    async def answers(command: str, *pairs: tuple[str, str]) -> None:
        await ann.says(command)
        ann.looks()
        for said, answer in pairs:
            await ann.says(said)
            ann.sees(answer)

    await answers("/zone", ("asdf", "I do not know that place"), ("Riga", "Riga"))
    await answers(
        "/hour",
        ("25:00", "A day has no such hour"),
        ("7:75", "An hour has no such minute"),
        ("soon", "I could not read a time"),
        ("6:45", "06:45"),
    )
    await answers(
        "/pause",
        ("30 February", "There is no such day"),
        ("29 February 2027", "There is no such day"),
        ("31 April", "There is no such day"),
        ("yesterday", "over already"),
        ("Sunday", "Sunday, 7 March"),
    )
    await answers("/pause", ("29 February", "Tuesday, 29 February"))  # 2028 has one
    await answers("/pause", ("Sunday", "Sunday, 7 March"))
    assert ann.known.zone == "Europe/Riga" and f"{ann.known.ask_at:%H:%M}" == "06:45"
    kim.sees_nothing_more()


async def test_a_photo_where_text_was_asked_is_kept_and_the_question_stays(world: World) -> None:
    kim = await world.coach("Kim")
    ann = world.stranger("Ann")
    await ann.starts(await world.stage.invite("Ann", coach=kim.phone))
    await ann.taps("I am 18 or over", "I agree")
    ann.sees("Where do you live?")
    await ann.sends("photo")
    ann.sees("For this question I need a tap or a text")
    await ann.sends("location", latitude=56.95, longitude=24.1)
    ann.sees("At what time shall I ask?")
    assert ann.known.joined_at is not None
