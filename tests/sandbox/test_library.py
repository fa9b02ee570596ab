"""The real python-telegram-bot is content with every shape the sandbox makes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    LinkPreviewOptions,
    MenuButtonCommands,
    Message,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
    ReplyParameters,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
)

from bot.sandbox.botapi import BotApi
from bot.sandbox.faults import Fault
from bot.sandbox.people import PICTURE_STUB
from bot.sandbox.phone import Phone

YES = InlineKeyboardMarkup([[InlineKeyboardButton("As usual", callback_data="u:1")]])


async def test_a_message_is_sent_tapped_answered_and_edited(bot: Bot, api: BotApi, ann: Phone) -> None:
    sent = await bot.send_message(
        ann.user_id,
        "<b>Good morning</b> &amp; how do you feel?",
        parse_mode="HTML",
        reply_markup=YES,
        protect_content=True,
        disable_notification=True,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    assert (sent.text, sent.text_html) == (
        "Good morning & how do you feel?",
        "<b>Good morning</b> &amp; how do you feel?",
    )
    assert sent.has_protected_content
    assert sent.date == api.now()
    ann.sees("Good morning & how")
    ann.taps("as USUAL")
    (update,) = await bot.get_updates(timeout=0)
    assert update.callback_query and update.callback_query.data == "u:1"
    assert isinstance(update.callback_query.message, Message)
    assert update.callback_query.message.reply_markup == YES
    assert await update.callback_query.answer("Noted")
    assert ann.notices[-1].text == "Noted"
    edited = await bot.edit_message_text("Noted: as usual", ann.user_id, sent.message_id)
    assert isinstance(edited, Message) and edited.edit_date
    assert ann.sees("Noted").edited
    ann.sees_nothing_more()
    assert [entry.method for entry in api.ledger] == ["sendMessage", "answerCallbackQuery", "editMessageText"]


async def test_everything_a_person_can_send_is_parsed(bot: Bot, api: BotApi, ann: Phone) -> None:
    sent = await bot.send_message(ann.user_id, "Where are you?")
    ann.starts("CODE-1")
    ann.says("hello", reply_to="Where")
    ann.edits("hello", "hello!")
    ann.sends_voice(7)
    ann.sends_photo("my foot")
    ann.sends_sticker()
    ann.shares_location(52.5, 13.4)
    ann.sends_document(caption="the plan")
    ann.forwards("You should rest", "Kim")
    api.user_sends(ann.user_id, "contact", phone_number="+15550100", first_name="Ben")
    ann.blocks()
    ann.unblocks()
    updates = await bot.get_updates(timeout=0)
    start, reply, edit, voice, photo, sticker, location, document, forward, contact, block, unblock = updates
    assert start.message and start.message.text == "/start CODE-1" and start.message.entities[0].length == 6
    assert reply.message and reply.message.reply_to_message and reply.message.reply_to_message.id == sent.id
    assert edit.edited_message and edit.edited_message.text == "hello!" and edit.edited_message.edit_date
    assert voice.message and voice.message.voice and voice.message.voice.duration == timedelta(seconds=7)
    assert photo.message and photo.message.photo and photo.message.caption == "my foot"
    assert sticker.message and sticker.message.sticker
    assert location.message and location.message.location and location.message.location.latitude == 52.5
    assert document.message and document.message.document and document.message.caption == "the plan"
    assert forward.message and forward.message.forward_origin and forward.message.text == "You should rest"
    assert contact.message and contact.message.contact and contact.message.contact.first_name == "Ben"
    assert block.my_chat_member and block.my_chat_member.new_chat_member.status == "kicked"
    assert unblock.my_chat_member and unblock.my_chat_member.new_chat_member.status == "member"
    assert all(update.effective_user and update.effective_user.id == ann.user_id for update in updates)


async def test_files_go_up_and_come_down(bot: Bot, api: BotApi, ann: Phone) -> None:
    api.limits = False
    photo = await bot.send_photo(
        ann.user_id, PICTURE_STUB, caption="<i>your week</i>", parse_mode="HTML", reply_markup=YES
    )
    assert photo.photo and photo.caption == "your week"
    assert (await bot.send_document(ann.user_id, b"a,b\n1,2\n", filename="export.csv")).document
    voice = await bot.send_voice(ann.user_id, b"OggS", duration=3)
    assert voice.voice and await bot.send_voice(ann.user_id, voice.voice.file_id)
    file = await bot.get_file(photo.photo[-1].file_id)
    assert bytes(await file.download_as_bytearray()) == PICTURE_STUB
    ann.sends_voice()
    (update,) = await bot.get_updates(timeout=0)
    assert update.message and update.message.voice
    assert (await (await bot.get_file(update.message.voice.file_id)).download_as_bytearray())[:4] == b"OggS"
    copy = await bot.copy_message(ann.user_id, ann.user_id, update.message.message_id)
    forwarded = await bot.forward_message(ann.user_id, ann.user_id, update.message.message_id)
    assert copy.message_id < forwarded.message_id and forwarded.forward_origin


async def test_the_small_methods_answer_in_the_right_shape(bot: Bot, api: BotApi, ann: Phone) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot) == (123456, "aid_station_sandbox_bot", True)
    commands = [BotCommand("checkin", "Check in now")]
    assert await bot.set_my_commands(commands) and list(await bot.get_my_commands()) == commands
    assert await bot.get_my_commands(language_code="de") == ()
    assert await bot.set_my_description("To your coach") and await bot.set_my_short_description("Coach")
    assert await bot.set_chat_menu_button(menu_button=MenuButtonCommands())
    assert await bot.send_chat_action(ann.user_id, "typing")
    chat = await bot.get_chat(ann.user_id)
    assert (chat.type, chat.first_name) == ("private", "Ann")
    sent = await bot.send_message(ann.user_id, "soon gone")
    assert await bot.edit_message_reply_markup(ann.user_id, sent.message_id, reply_markup=YES)
    assert await bot.delete_message(ann.user_id, sent.message_id)
    assert "soon gone" not in ann.transcript()
    assert await bot.set_webhook("http://127.0.0.1:1/hook", secret_token="s", allowed_updates=["message"])
    info = await bot.get_webhook_info()
    assert info.url == "http://127.0.0.1:1/hook" and info.allowed_updates == ("message",)
    assert await bot.delete_webhook()


async def test_a_reply_keyboard_asks_for_a_place_and_goes_away(bot: Bot, api: BotApi, ann: Phone) -> None:
    ask = ReplyKeyboardMarkup([[KeyboardButton("Share my place", request_location=True)], ["Type a city"]])
    await bot.send_message(ann.user_id, "Where do you run?", reply_markup=ask)
    ann.taps("share my")
    ann.taps("type a")
    place, typed = await bot.get_updates(timeout=0)
    assert place.message and place.message.location
    assert typed.message and typed.message.text == "Type a city"
    await bot.send_message(ann.user_id, "Thanks", reply_markup=ReplyKeyboardRemove())
    with pytest.raises(AssertionError, match="sees no button"):
        ann.taps("share my")


async def test_a_group_moves_and_the_library_hears_the_new_id(bot: Bot, api: BotApi, ann: Phone) -> None:
    group = api.group_created(ann.user_id, "Squad")
    await bot.send_message(group, "Hello squad")
    new = api.group_migrates(ann.user_id, group)
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(group, "Hello again")
    assert moved.value.new_chat_id == new
    assert (await bot.send_message(new, "Hello again")).chat.type == "supergroup"
    joined, made, out, into = await bot.get_updates(timeout=0)
    assert joined.my_chat_member and joined.my_chat_member.new_chat_member.status == "member"
    assert made.message and made.message.group_chat_created
    assert out.message and out.message.migrate_to_chat_id == new
    assert into.message and into.message.migrate_from_chat_id == group
    api.bot_removed(ann.user_id, new)
    with pytest.raises(Forbidden, match="kicked from the supergroup"):
        await bot.send_message(new, "Anybody?")


async def test_each_refusal_becomes_the_right_error_of_the_library(bot: Bot, url: str, api: BotApi, ann: Phone) -> None:
    with pytest.raises(BadRequest, match=r"(?i)chat not found"):
        await bot.send_message(999, "x")
    with pytest.raises(BadRequest, match=r"(?i)can't parse entities"):
        await bot.send_message(ann.user_id, "5 < 6", parse_mode="HTML")
    with pytest.raises(BadRequest, match=r"(?i)message to be replied not found"):
        await bot.send_message(ann.user_id, "x", reply_parameters=ReplyParameters(7))
    with pytest.raises(InvalidToken):
        async with Bot("123456:wrong", base_url=f"{url}/bot"):
            pass
    ann.blocks()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ann.user_id, "x")


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (409, Conflict),
        (429, RetryAfter),
        (502, NetworkError),
        (403, Forbidden),
        (401, InvalidToken),
        ("before", NetworkError),
    ],
)
async def test_each_fault_becomes_the_right_error_of_the_library(
    bot: Bot, api: BotApi, ann: Phone, kind: str | int, error: type[Exception]
) -> None:
    api.faults = [Fault(kind)]
    with pytest.raises(error):
        await bot.send_message(ann.user_id, "x")
    assert not api.ledger
    await bot.send_message(ann.user_id, "x")
    assert len(api.ledger) == 1


async def test_the_library_knows_every_field_the_sandbox_makes(bot: Bot, api: BotApi, ann: Phone) -> None:
    ann.says("/help me")
    ann.sends_voice()
    api.user_sends(ann.user_id, "audio")
    api.user_sends(ann.user_id, "video_note")
    ann.forwards("rest")
    ann.blocks()
    for pending in api.updates.pending:
        update = Update.de_json(pending.body, bot)
        assert update
        unknown = [part.api_kwargs for part in (update, update.message, update.my_chat_member) if part]
        assert not any(unknown)
