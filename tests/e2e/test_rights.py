"""The rights of the people in it, as they have them on the phone: a copy of everything, and its end."""

from __future__ import annotations

import json
import re
import shutil
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot import handle
from bot.app import KEEPING
from bot.sandbox.state import Delivered
from storage import lease, schema
from storage.inbox import Incoming
from tests.storage.club import NOW
from tests.world import Someone, World, opened


def documents(world: World, who: Someone) -> dict[str, bytes]:
    """The files that stand in this person's chat, by name."""
    found = {}
    for message in world.api.chats[who.chat_id].messages.values():
        if message.kind == "document" and message.by is None:
            about = message.content["document"]
            found[about["file_name"]] = world.api.files[about["file_id"]].content
    return found


def sent_documents(world: World, who: Someone) -> list[Delivered]:
    return [one for one in world.ledger if one.method == "sendDocument" and one.chat_id == who.chat_id]


def holding(world: World, *words: str) -> list[str]:
    """The tables in which one of these words stands anywhere."""
    found = []
    for table in schema.metadata.sorted_tables:
        rows = world.read(lambda tx, table=table: tx.execute(sa.select(table)).mappings().all())  # type: ignore[misc]
        found += [table.name for row in rows for word in words if word in json.dumps(dict(row), default=str)]
    return found


def the_bytes(world: World) -> bytes:
    """The files of an SQLite database as they lie on the disk; of PostgreSQL nothing."""
    place = world.app.base.engine.url.database
    if not world.app.base.is_sqlite or place is None:
        return b""
    return b"".join(path.read_bytes() for path in Path(place).parent.glob(f"{Path(place).name}*"))


async def lived(world: World) -> tuple[Someone, Someone, Someone]:
    """Kim coaches Ann and Ben, and both have said, answered, sent and flagged what one does."""
    kim = await world.coach("Kim")
    ann, ben = await world.athlete("Ann", kim), await world.athlete("Ben", kim)
    await world.fast_forward_to("07:00")
    for one in (ann, ben):
        await one.taps("All as usual")
        await one.says(f"canary{one.name} slept like a stone", f"i fainted earlier, canary{one.name}")
        await one.sends("photo", caption=f"look canary{one.name}")
        await one.edits("slept like a stone", f"slept badly canary{one.name}")
    for one in (ann, ben):
        kim.phone.says(f"dear {one.name}, rest", reply_to=f"i fainted earlier, canary{one.name}")
        await world.settle()
    await kim.says("/queue", "/athletes")
    await world.fast_forward_to("07:00")
    for one in (ann, ben):
        await one.says(f"canary{one.name} and one more day")
    await world.fast_forward_to("07:05")
    return kim, ann, ben


async def close_all(world: World, kim: Someone) -> None:
    for one in world.escalations():
        await kim.taps_data(f"close:{one.short}")


async def test_an_export_brings_two_files_with_everything_and_nobody_elses(world: World) -> None:
    kim, ann, _ben = await lived(world)
    await ann.says("/export")
    ann.sees("I am gathering everything")
    ann.sees("to read and to print")
    ann.sees("The same as data")
    found = documents(world, ann)
    assert sorted(found) == ["aidstation-2027-03-03.html", "aidstation-2027-03-03.json"]
    page, data = (found[f"aidstation-2027-03-03.{end}"].decode() for end in ("html", "json"))
    whole = json.loads(data)
    assert whole["person"]["name"] == "Ann" and whole["person"]["coach"] == "Kim"
    for word in ("canaryAnn slept like a stone", "slept badly canaryAnn", "look canaryAnn", "dear Ann, rest"):
        assert word in data and word in page
    assert "canaryBen" not in data + page and "Ben" not in data + page
    assert re.search(r"<time>07:00</time>", page) and "<script" not in page
    await kim.says("/export")
    theirs = b"".join(documents(world, kim).values()).decode()
    assert "dear Ann, rest" in theirs and "canary" not in theirs
    assert not documents(world, _ben)


async def test_two_exports_in_a_minute_are_one_and_a_lost_answer_brings_it_again(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    ann.phone.says("/export")
    ann.phone.says("/export")
    await world.settle()
    assert len(sent_documents(world, ann)) == 2
    await world.fast_forward(minutes=2)
    world.fault("after", "sendDocument")
    await ann.says("/export")
    await world.fast_forward(minutes=1)
    assert len(sent_documents(world, ann)) == 5  # one of them twice: rather twice than not at all


async def test_three_years_fit_into_a_file_that_telegram_takes(sqlite_template: Path, tmp_path: Path) -> None:
    shutil.copyfile(sqlite_template, tmp_path / "club.db")
    async with opened(f"sqlite:///{tmp_path / 'club.db'}") as world:
        await _three_years(world)


async def _three_years(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    lines = 3 * 365 * 9
    with world.app.base.begin() as tx:
        me = ann.known.id
        row = {"person_id": me, "by_id": me, "kind": "words", "name": "free", "cause": "x", "saved_at": NOW}
        tx.execute(
            sa.insert(schema.journal),
            [
                {**row, "at": NOW - timedelta(hours=3 * n), "day": (NOW - timedelta(hours=3 * n)).date()}
                | {"words": f"line {n} with <b>some</b> words about how it went today, ünïcode included"}
                for n in range(lines)
            ],
        )
    await ann.says("/export")
    found = documents(world, ann)
    assert len(found) == 2
    for content in found.values():
        assert content.count(b"with ") == lines and len(content) < 8_000_000


async def test_after_an_erasure_no_table_and_no_byte_holds_a_word_of_it(world: World) -> None:
    kim, ann, _ = await lived(world)
    await close_all(world, kim)
    shorts = [one.short for one in world.escalations() if one.athlete_id == ann.known.id]
    before = b"canaryAnn" in the_bytes(world)
    await ann.says("/export")
    kim.looks()
    await ann.says("/erase")
    ann.sees("This erases everything that I keep about you")
    await ann.taps("Erase everything")
    ann.sees("Erased. Receipt")
    ann.sees_nothing_more()
    assert not [one for one in ann.phone.screen() if "Erase everything" in one.labels]
    kim.sees("Ann has gone, and has had everything erased.")
    kim.sees_nothing_more()
    assert before or not world.app.base.is_sqlite
    assert set(holding(world, "Ann")) <= {"outbox"}  # the word to Kim, which has left and goes with the next sweep
    await world.app.keep_once()
    assert holding(world, "Ann", *shorts) == []
    assert holding(world, "canaryBen")
    bytes_ = the_bytes(world)
    assert not [word for word in (b"canaryAnn", b"Ann", *(one.encode() for one in shorts)) if word in bytes_]
    (ledger,) = world.rows(schema.erasure)
    assert ledger["counts"]["journal"] > 10 and ledger["counts"]["inbox"] > 5
    for button in (f"ack:{shorts[0]}", f"write:{ledger['person_id']}", f"erase:{ledger['person_id']}"):
        await kim.taps_data(button)
        kim.sees_notice("That question is closed.")
    assert {one.name for one in world.everyone()} == {"Kim", "Ben"}


async def test_the_receipt_names_nobody_and_goes_after_a_day(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    chat = ann.chat_id
    await ann.says("/erase", "yes")
    receipt = re.search(r"Receipt (\w+)-(\w+)", ann.sees("Erased. Receipt").text)
    (ledger,) = world.rows(schema.erasure)
    assert receipt is not None and ledger["receipt"] == receipt[1] + receipt[2]
    rows = world.rows(schema.outbox, chat_id=chat)
    assert rows and all(one["to_person"] is None and "Ann" not in json.dumps(one["payload"]) for one in rows)
    await world.fast_forward(days=1, minutes=1)
    await world.app.keep_once()
    assert not world.rows(schema.outbox, chat_id=chat)


async def test_whoever_was_erased_is_a_stranger_and_may_come_again(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    number = ann.known.id
    ann.phone.says("/erase")
    await world.settle()
    ann.looks()
    ann.phone.taps("Erase everything")
    ann.phone.taps("Erase everything")  # twice, before we have looked
    ann.phone.says("/erase")
    await world.settle()
    assert len(ann.got("Erased. Receipt")) == 1 and len(world.rows(schema.erasure)) == 1
    ann.looks()
    await world.fast_forward(minutes=1)
    await ann.says("chest pain")
    ann.sees("This is a private line between athletes and their coach.")
    kim.sees("Ann has gone")
    kim.sees_nothing_more()
    await kim.says("/invite Ann")
    code = kim.phone.last.text.partition("Code: ")[2][:32]
    await ann.starts(code)
    ann.sees("Hello Ann. I am Kim’s aid station")
    assert ann.known.id > number


async def test_an_update_that_telegram_repeats_does_not_come_back_to_life(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("lovely easy run today")
    rows = [Incoming(row["key"], row["who"], row["raw"]) for row in world.rows(schema.inbox, who=str(ann.chat_id))]
    assert any("lovely easy run today" in row.raw for row in rows)
    await ann.says("/erase", "yes")
    ann.looks()
    await world.app.store(rows)
    await world.settle()
    ann.sees_nothing_more()
    assert holding(world, "lovely easy run today") == []


@pytest.mark.parametrize("before", ["confirm", "handle", "send", "record"])
async def test_a_crash_anywhere_erases_once_and_gives_the_receipt(world: World, before: str) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("/erase")
    ann.phone.taps("Erase everything")
    await world.crash_and_restart(before=before, down=timedelta(minutes=2))  # type: ignore[arg-type]
    await world.fast_forward(minutes=2)
    assert len(world.rows(schema.erasure)) == 1 and {one.name for one in world.everyone()} == {"Kim"}
    ann.sees("Erased. Receipt")
    kim.sees("Ann has gone")


async def test_with_something_open_the_coach_decides_and_the_athlete_is_told(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await ann.says("i fainted earlier today", "/erase")
    await ann.taps("Erase everything")
    ann.sees("Your wish is kept; nothing is erased yet.")
    kim.sees("Ann wants everything about them erased.")
    assert ann.known.erase_asked is not None
    await ann.blocks()
    await kim.taps("I have it")
    await world.fast_forward_to("07:01")
    kim.sees("Ann wants everything about them erased.")
    ann.looks()
    await kim.taps("Erase now")
    kim.sees("Everything about Ann is erased, as they wished")
    await world.fast_forward(minutes=5)
    assert [one.name for one in world.everyone()] == ["Kim"]
    ann.sees_nothing_more()  # who has blocked the bot gets no receipt; the ledger has it
    assert len(world.rows(schema.erasure)) == 1
    await world.fast_forward(days=2)
    world.expect("outbox dead")


async def test_a_coach_who_goes_leaves_the_athletes_to_the_next_one(world: World) -> None:
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    await kim.says("/erase")
    kim.sees("Your athlete goes to Dana")
    await kim.taps("Erase everything")
    kim.sees("Erased. Receipt")
    ann.sees("Kim no longer coaches here. From now on Dana reads your answers")
    dana.sees("Kim no longer coaches here. Yours from now on, and told so: Ann.")
    await world.app.keep_once()
    assert holding(world, "Kim") == [] and b"Kim" not in the_bytes(world)
    await ann.says("chest pain")
    dana.sees("Ann · NOW")
    await dana.taps("I have it")
    await world.fast_forward(days=1)
    kim.sees_nothing_more()


@pytest.mark.parametrize("by_operator", [False, True])
async def test_what_a_backup_had_taken_is_with_somebody_again_when_the_backup_is_erased(
    world: World, by_operator: bool
) -> None:
    """Ann has read that Dana has it. Dana goes for good, and so does the asking what came of it."""
    kim, dana = await world.coach("Kim"), await world.coach("Dana")
    ann = await world.athlete("Ann", kim)
    await ann.says("chest pain")
    await world.fast_forward(minutes=20)
    dana.sees("Ann · NOW")
    await dana.taps("I have it")
    ann.sees("Dana has your words and has taken this on")
    kim.looks()
    gone_at = world.now
    if by_operator:
        erase = partial(handle.erase, world.app.base, world.now, lambda: "5" * 64, "bot", dana.known.id)
        await world.app.in_thread(erase)
        await world.settle()
    else:
        await dana.says("/erase")
        await dana.taps("Erase everything")
    assert "Dana" not in {one.name for one in world.everyone()}
    (worry,) = world.escalations()
    assert worry.open and worry.owner_id is None
    kim.sees("Ann · NOW")
    await world.fast_forward(minutes=10)
    assert len(kim.got("Ann · NOW", gone_at)) == 2, "and again until somebody has it"
    assert "Dana" not in str([row["data"] for row in world.rows(schema.due)]), "what hands it back names nobody"
    await kim.taps("I have it")
    ann.sees("Kim has your words and has taken this on")
    (worry,) = world.escalations()
    assert worry.owner_id == kim.known.id
    await world.fast_forward(minutes=5)


async def test_only_one_process_sweeps_at_a_time(world: World) -> None:
    kim = await world.coach("Kim")
    ann = await world.athlete("Ann", kim)
    await world.fast_forward(days=8)
    with world.app.base.begin() as tx:
        assert lease.hold(tx, KEEPING, "another", world.now, 60)
    before = len(world.rows(schema.inbox))
    assert await world.app.keep_once() == 0 and len(world.rows(schema.inbox)) == before
    await world.fast_forward(minutes=2)
    assert await world.app.keep_once() > 0 and not world.rows(schema.inbox, who=str(ann.chat_id))
    with world.app.base.begin() as tx:
        assert lease.hold(tx, KEEPING, "another", world.now, 60)  # given back at the end
        lease.release(tx, KEEPING, "another")
