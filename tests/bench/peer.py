"""The peer: a check-in of six questions as python-telegram-bot's own documentation would write it.

A ConversationHandler in memory, inline buttons, one handler per state, the library's own HTTP client, polling. It is
run as a process of its own (`python -m tests.bench.peer`, with TELEGRAM_BOT_TOKEN and TELEGRAM_API_URL) and shares
nothing with Aid Station.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.constants import ParseMode
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    ConversationHandler,
)

QUESTIONS = (
    ("sleep", "How did you sleep?\n<i>1 very badly · 3 all right · 5 very well</i>"),
    ("fatigue", "How fresh do you feel?\n<i>1 worn out · 3 all right · 5 fresh</i>"),
    ("soreness", "And your muscles?\n<i>1 very sore · 3 a little sore · 5 not sore</i>"),
    ("stress", "How much is on your mind?\n<i>1 far too much · 3 manageable · 5 calm</i>"),
    ("mood", "What is your mood?\n<i>1 very low · 3 all right · 5 very good</i>"),
    ("energy", "How much do you want to run today?\n<i>1 not at all · 3 all right · 5 very much</i>"),
)
THANKS = "Kept, thank you."

KEYBOARD = InlineKeyboardMarkup(
    [
        [InlineKeyboardButton(str(n), callback_data=str(n)) for n in range(1, 6)],
        [InlineKeyboardButton("Enough for today", callback_data="enough")],
    ]
)
AFTER = InlineKeyboardMarkup([[InlineKeyboardButton("Change", callback_data="change")]])


def text_of(step: int, given: dict[str, int]) -> str:
    so_far = " · ".join(f"{name} {value}" for name, value in given.items())
    question = QUESTIONS[step][1] if step < len(QUESTIONS) else THANKS
    return f"{question}\n<i>So far: {so_far}</i>" if so_far else question


async def begin(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    """The command, or the button below an earlier check-in: ask the first question in a new message."""
    if update.callback_query:
        await update.callback_query.answer()
    assert update.effective_chat and context.user_data is not None
    context.user_data["answers"] = {}
    await context.bot.send_message(
        update.effective_chat.id, text_of(0, {}), reply_markup=KEYBOARD, parse_mode=ParseMode.HTML
    )
    return 0


def answered(step: int) -> Any:
    """The handler of one state: keep the answer, ask the next question in place."""

    async def handler(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
        query = update.callback_query
        assert query and query.data and context.user_data is not None
        await query.answer()
        given = context.user_data["answers"]
        given[QUESTIONS[step][0]] = int(query.data)
        last = step + 1 == len(QUESTIONS)
        await query.edit_message_text(
            text_of(step + 1, given), reply_markup=AFTER if last else KEYBOARD, parse_mode=ParseMode.HTML
        )
        return ConversationHandler.END if last else step + 1

    return handler


async def enough(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    assert update.callback_query
    await update.callback_query.answer()
    await update.callback_query.edit_message_text(THANKS, reply_markup=AFTER)
    return ConversationHandler.END


def main() -> None:
    logging.basicConfig(format="%(asctime)s - %(name)s - %(levelname)s - %(message)s", level=logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    address = os.environ["TELEGRAM_API_URL"]
    application = Application.builder().token(os.environ["TELEGRAM_BOT_TOKEN"]).base_url(f"{address}/bot").build()
    application.add_handler(
        ConversationHandler(
            entry_points=[CommandHandler("checkin", begin), CallbackQueryHandler(begin, pattern="^change$")],
            states={step: [CallbackQueryHandler(answered(step), pattern="^[1-5]$")] for step in range(len(QUESTIONS))},
            fallbacks=[CallbackQueryHandler(enough, pattern="^enough$")],
        )
    )
    application.run_polling(allowed_updates=Update.ALL_TYPES)


if __name__ == "__main__":
    main()
