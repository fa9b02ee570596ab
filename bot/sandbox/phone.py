"""A phone in somebody's hand: what a person does and sees, for scripts and tests.

    ann = Phone(api, 1001, "Ann")
    ann.starts("CODE"); ann.taps("as usual"); ann.sees("Thank you"); ann.sees_nothing_more()

In a group the same phone is held at the group, or at one of its topics, and does and sees there what it does and sees:

    kim.at(group).says("hello all"); kim.in_topic(group, "Ann").says("rest today")

All of it acts at once on the sandbox, without waiting. Where the bot runs beside the test (a subprocess, a
task), use `will_see`, which waits. A bubble which the bot edits counts as new again, because the person sees
it change.
"""

from __future__ import annotations

import asyncio
import copy
import textwrap
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.sandbox.botapi import BotApi
from bot.sandbox.groups import told
from bot.sandbox.people import PICTURE_STUB
from bot.sandbox.state import GENERAL, Button, Buttons, Chat, Message, Notice

WIDTH = 72
BERLIN = (52.52, 13.405)


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message as the phone shows it. `mine`: written by the phone's owner; `by` is the name of the writer.
    `buttons` are inline buttons.
    """

    message_id: int
    mine: bool
    text: str
    buttons: Buttons
    edited: bool
    at: datetime
    version: int
    by: str

    @property
    def labels(self) -> list[str]:
        return [button.text for row in self.buttons for button in row]


class Phone:
    def __init__(
        self,
        api: BotApi,
        user_id: int,
        name: str,
        language_code: str = "en",
        place: tuple[float, float] = BERLIN,
    ) -> None:
        api.add_user(user_id, name, language_code=language_code)
        self.api, self.user_id, self.name, self.place = api, user_id, name, place
        self.chat_id = user_id  # where it is held: at the private chat with the bot
        self.thread_id: int | None = None
        self._seen = 0

    # --- where ------------------------------------------------------------------------------------

    def at(self, chat_id: int, thread_id: int | None = None) -> Phone:
        """The same phone held at a group: at this topic, else at what is in none."""
        there = copy.copy(self)
        there.chat_id, there.thread_id, there._seen = chat_id, thread_id, 0
        return there

    def in_topic(self, chat_id: int, name: str) -> Phone:
        """The same phone held at the newest topic whose name contains `name`."""
        topics = self.api.chats[chat_id].topics
        for topic in reversed(topics.values()):
            if name in topic.name:
                return self.at(chat_id, None if topic.id == GENERAL else topic.id)
        raise AssertionError(f"{self.name} sees no topic {name!r} among {[topic.name for topic in topics.values()]}")

    # --- doing ------------------------------------------------------------------------------------

    def starts(self, code: str | None = None) -> None:
        self.api.user_starts(self.user_id, code)

    def says(self, text: str, reply_to: str | None = None) -> None:
        """Send a text, as a reply to the newest bubble that contains `reply_to` if given."""
        target = self._find(reply_to).id if reply_to else None
        self.api.user_says(self.user_id, text, reply_to=target, **self._here())

    def taps(self, label: str) -> None:
        """Tap the newest button that contains `label`, in any case; a button under the input field counts
        too.
        """
        for message in reversed(self._messages()):
            if self._tap(message, label):
                return
        if not self._tap_keyboard(label):
            raise AssertionError(f"{self.name} sees no button {label!r}\n{self._buttons()}")

    def taps_old(self, label: str) -> None:
        """Tap a button that contains `label` in any bubble but the newest one which has buttons."""
        with_buttons = [message for message in self._messages() if _inline(message)]
        for message in reversed(with_buttons[:-1]):
            if self._tap(message, label):
                return
        raise AssertionError(f"{self.name} sees no old button {label!r}\n{self._buttons()}")

    def taps_data(self, message_id: int, data: str) -> None:
        """Send any callback data for any message, as only a hostile client does."""
        self.api.user_taps(self.user_id, self.chat_id, message_id, data)

    def edits(self, old_text: str, new_text: str) -> None:
        """Edit the newest own bubble that contains `old_text`."""
        self.api.user_edits(self.user_id, self._find(old_text, mine=True).id, new_text, self.chat_id)

    def sends_voice(self, seconds: int = 5, reply_to: str | None = None) -> None:
        target = self._find(reply_to).id if reply_to else None
        self.api.user_sends(self.user_id, "voice", seconds=seconds, reply_to=target, **self._here())

    def sends_photo(self, caption: str = "", reply_to: str | None = None) -> None:
        target = self._find(reply_to).id if reply_to else None
        self.api.user_sends(self.user_id, "photo", caption=caption, reply_to=target, **self._here())

    def sends_sticker(self) -> None:
        self.api.user_sends(self.user_id, "sticker", **self._here())

    def sends_document(
        self, file_name: str = "plan.pdf", caption: str = "", content: bytes = PICTURE_STUB, reply_to: str | None = None
    ) -> None:
        """Send a file, as a reply to the newest bubble that contains `reply_to` if given."""
        target = self._find(reply_to).id if reply_to else None
        self.api.user_sends(
            self.user_id,
            "document",
            caption=caption,
            reply_to=target,
            file_name=file_name,
            content=content,
            **self._here(),
        )

    def shares_location(self, lat: float | None = None, lon: float | None = None) -> None:
        """Share a place in degrees; the phone's own where none is given."""
        latitude = self.place[0] if lat is None else lat
        longitude = self.place[1] if lon is None else lon
        self.api.user_sends(self.user_id, "location", latitude=latitude, longitude=longitude, **self._here())

    def forwards(self, text: str, sender_name: str = "Somebody") -> None:
        self.api.user_sends(self.user_id, "forward", text=text, sender_name=sender_name, **self._here())

    def blocks(self) -> None:
        self.api.user_blocks(self.user_id)

    def unblocks(self) -> None:
        self.api.user_unblocks(self.user_id)

    def closes_topic(self) -> None:
        self.api.topic_closed(self.user_id, self.chat_id, self.thread_id or GENERAL)

    def reopens_topic(self) -> None:
        self.api.topic_reopened(self.user_id, self.chat_id, self.thread_id or GENERAL)

    def deletes_topic(self) -> None:
        self.api.topic_deleted(self.user_id, self.chat_id, self.thread_id or GENERAL)

    # --- seeing -----------------------------------------------------------------------------------

    def offering(self, label: str, text: str = "") -> list[Bubble]:
        """The bubbles with just this button (inline) and this text in them, oldest first."""
        found = [self._bubble(one) for one in self._messages() if any(button.text == label for button in _inline(one))]
        return [one for one in found if text in one.text]

    def screen(self) -> list[Bubble]:
        return [self._bubble(message) for message in self._messages()]

    @property
    def last(self) -> Bubble:
        """The bot's newest bubble."""
        bubbles = [self._bubble(message) for message in self._messages() if _of_bot(message)]
        if not bubbles:
            raise AssertionError(f"the bot has written nothing to {self.name}")
        return bubbles[-1]

    def opens(self, file_name: str) -> bytes:
        """What is in the newest file of the bot whose name ends so."""
        for message in reversed(self._messages()):
            document = message.content.get("document", {})
            if message.by is None and str(document.get("file_name", "")).endswith(file_name):
                return self.api.files[document["file_id"]].content
        raise AssertionError(f"{self.name} has no file {file_name!r}\n{self.transcript()}")

    @property
    def notices(self) -> list[Notice]:
        """The pop-ups that answered taps, oldest first."""
        return self.api.users[self.user_id].notices

    def unseen(self) -> list[Bubble]:
        """The bot's bubbles which came or changed since the last look, in the order in which they did."""
        messages = (one for one in self._messages() if _of_bot(one) and one.version > self._seen)
        return [self._bubble(message) for message in sorted(messages, key=lambda message: message.version)]

    def new(self) -> list[Bubble]:
        """The unseen bubbles; looking makes them seen."""
        bubbles = self.unseen()
        self._seen = max((bubble.version for bubble in bubbles), default=self._seen)
        return bubbles

    def sees(self, fragment: str) -> Bubble:
        """The first unseen bubble that contains `fragment`; it and all before it are then seen."""
        for bubble in self.unseen():
            if fragment in bubble.text:
                self._seen = bubble.version
                return bubble
        raise AssertionError(f"{self.name} does not see {fragment!r} among what is new\n{self.transcript()}")

    async def will_see(self, fragment: str, within: float = 10.0) -> Bubble:
        """Wait up to `within` real seconds for `sees`."""
        try:
            async with asyncio.timeout(within):
                while True:
                    version = self.api.version
                    if any(fragment in bubble.text for bubble in self.unseen()):
                        return self.sees(fragment)
                    await self.api.change(version)
        except TimeoutError:
            return self.sees(fragment)

    def sees_nothing_more(self) -> None:
        if self.unseen():
            raise AssertionError(f"{self.name} sees more than expected\n{self.transcript()}")

    def transcript(self) -> str:
        """The whole screen for human eyes: a paragraph per bubble, `*` before what is new, buttons in
        brackets.
        """
        unseen = {bubble.message_id for bubble in self.unseen()}
        paragraphs = [self._paragraph(bubble, new=bubble.message_id in unseen) for bubble in self.screen()]
        return f"--- {self.name}'s phone{self._place()} ---\n" + ("\n\n".join(paragraphs) or "(empty)") + "\n"

    def print_transcript(self) -> None:
        print(self.transcript())

    # --- shared -----------------------------------------------------------------------------------

    def _chat(self) -> Chat:
        return self.api.chats[self.chat_id]

    def _here(self) -> dict[str, Any]:
        return {"chat_id": self.chat_id, "thread_id": self.thread_id}

    def _place(self) -> str:
        chat = self._chat()
        topic = chat.topics.get(self.thread_id or GENERAL) if chat.is_forum else None
        return "" if chat.type == "private" else f" at {chat.title}{f', {topic.name}' if topic else ''}"

    def _messages(self) -> list[Message]:
        chat = self._chat()
        return [one for one in chat.messages.values() if one.thread_id == self.thread_id or not chat.is_forum]

    def _find(self, fragment: str, *, mine: bool = False) -> Message:
        for message in reversed(self._messages()):
            if fragment in _words(message) and (message.by == self.user_id or not mine):
                return message
        raise AssertionError(f"{self.name} has no bubble with {fragment!r}\n{self.transcript()}")

    def _tap(self, message: Message, label: str) -> bool:
        for button in _inline(message):
            if label.casefold() in button.text.casefold() and button.data is not None:
                self.api.user_taps(self.user_id, self.chat_id, message.id, button.data)
                return True
        return False

    def _tap_keyboard(self, label: str) -> bool:
        for row in self._chat().keyboard.buttons if self._chat().keyboard else ():  # type: ignore[union-attr]
            for button in row:
                if label.casefold() in button.text.casefold():
                    if button.request == "location":
                        self.shares_location()
                    elif button.request == "contact":
                        self.api.user_sends(self.user_id, "contact", first_name=self.name)
                    else:
                        self.says(button.text)
                    return True
        return False

    def _buttons(self) -> str:
        keyboard = self._chat().keyboard
        labels = [button.text for message in self._messages() for button in _inline(message)]
        labels += [button.text for row in keyboard.buttons for button in row] if keyboard else []
        return f"buttons in sight: {labels}\n{self.transcript()}"

    def _paragraph(self, bubble: Bubble, *, new: bool) -> str:
        indent = " " * 16 if bubble.mine else "  "
        lines = [f"{'* ' if new else ''}{bubble.at:%a %H:%M} {bubble.by}{' (edited)' if bubble.edited else ''}"]
        for line in bubble.text.splitlines() or [""]:
            lines += textwrap.wrap(line, WIDTH - len(indent)) or [""]
        lines += ["  ".join(f"[{button.text}]" for button in row) for row in bubble.buttons]
        return "\n".join(f"{indent}{line}".rstrip() for line in lines)

    def _bubble(self, message: Message) -> Bubble:
        inline = message.markup is not None and "inline_keyboard" in message.markup
        return Bubble(
            message.id,
            message.by == self.user_id,
            _words(message),
            message.buttons if inline else (),
            message.edited_at is not None,
            message.at,
            message.version,
            "Aid Station" if message.by is None else self.api.users[message.by].first_name,
        )


def _of_bot(message: Message) -> bool:
    return message.by is None and message.kind != "service"


def _inline(message: Message) -> list[Button]:
    if not message.markup or "inline_keyboard" not in message.markup:
        return []
    return [button for row in message.buttons for button in row]


def _words(message: Message) -> str:
    """What the bubble reads, with a word in brackets for what is not text."""
    match message.kind:
        case "text":
            return message.text
        case "voice":
            mark = f"[voice {message.content['voice']['duration']} s]"
        case "location":
            place = message.content["location"]
            mark = f"[location {place['latitude']:.3f}, {place['longitude']:.3f}]"
        case "document":
            mark = f"[document {message.content['document'].get('file_name', '')}]"
        case "service":
            mark = f"[{told(message.content)}]"
        case kind:
            mark = f"[{kind}]"
    return f"{mark} {message.text}".strip()
