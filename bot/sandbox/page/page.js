// The phones of the sandbox. The server sends the whole state at every change; this file shows what is new in it.
// Text of people and of the bot reaches the page through textContent only.
"use strict";

const TITLE = document.title;
const RING_MS = 1500, TOAST_MS = 4000, TAP_MS = 1500;
const HERE = { latitude: 51.507, longitude: -0.128 }; // what "Share my location" shares; the pin offers other places
const ONE_AT_A_TIME = matchMedia("(max-width: 940px)"); // as in page.css
const LINK = /^(https?:|tg:|tel:|mailto:)/i;
const WRAP = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote", spoiler: "span", text_link: "a",
};
const MEDIA = {
  voice: ["M9 6a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0ZM5 11a7 7 0 0 0 14 0M12 18v3", (c) => `Voice message, ${c.voice.duration} s`],
  photo: ["M4 5h16v14H4ZM4 16l5-5 5 5 3-3 3 3", () => "Photo"],
  sticker: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM9 10v.01M15 10v.01M8.5 14.5a4.5 4.5 0 0 0 7 0", (c) => `Sticker ${c.sticker.emoji ?? ""}`],
  location: ["M12 21s7-6.2 7-11.5a7 7 0 0 0-14 0C5 14.8 12 21 12 21Z", (c) => `${c.location.latitude.toFixed(2)}, ${c.location.longitude.toFixed(2)}`],
  contact: ["M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 20a8 8 0 0 1 16 0", (c) => `Contact ${c.contact.first_name}`],
  document: ["M7 3h7l4 4v14H7Z", (c) => c.document.file_name ?? "Document"],
};
const PRIVATE = "Aid Station"; // the name of the chat with the bot
const BLOCK = new Set(["blockquote", "expandable_blockquote", "pre"]);
const phones = new Map(); // user id -> what is on the screen

const $ = (selector, root = document) => root.querySelector(selector);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

async function post(what, body) {
  const answer = await fetch(`/ui/${what}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  }).catch(() => null);
  return answer?.ok ?? false;
}

// --- text with entities: offsets are UTF-16 units, which is how this language counts too ---

function rich(phone, text, entities) {
  const sorted = entities.filter((e) => WRAP[e.type]).sort((a, b) => a.offset - b.offset || b.length - a.length);
  const build = (from, to, inside) => {
    const out = [];
    let at = from;
    while (inside.length) {
      const [entity, ...rest] = inside;
      const end = Math.min(entity.offset + entity.length, to);
      if (entity.offset >= at) {
        out.push(...plain(phone, text.slice(at, entity.offset)));
        const children = build(entity.offset, end, rest.filter((e) => e.offset < end));
        out.push(wrap(entity, children));
        at = end;
        if (BLOCK.has(entity.type) && text[at] === "\n") at += 1; // a block ends its line by itself
      }
      inside = rest.filter((e) => e.offset >= at);
    }
    out.push(...plain(phone, text.slice(at, to)));
    return out;
  };
  return build(0, text.length, sorted);
}

function wrap(entity, children) {
  const element = make(WRAP[entity.type], {}, ...children);
  if (entity.type === "spoiler") { element.className = "spoiler"; element.tabIndex = 0; }
  if (entity.type === "text_link" && LINK.test(entity.url)) {
    element.href = entity.url;
    element.target = "_blank";
    element.rel = "noopener noreferrer";
  }
  return element;
}

function plain(phone, text) { // a command in a text can be tapped, as in the app
  return text.split(/(?<=^|\s)(\/[a-z][a-z0-9_]*)(?![\w/])/).filter(Boolean).map((part) =>
    /^\/[a-z]\w*$/.test(part) && !phone.quoting
      ? make("button", { type: "button", class: "command", onclick: () => phone.send("say", { text: part }) }, part)
      : part);
}

// --- one phone ---

class Phone {
  constructor(card) {
    this.id = card.user_id;
    this.name = card.name;
    this.bubbles = new Map(); // message id -> {version, element}
    this.unread = 0;
    this.room = "private"; // which chat is shown: that with the bot, or a group or topic
    this.rooms = new Map(); // key -> {button, heard: the newest message id, unread}
    this.noticed = null;
    this.first = true; // what was there before we looked does not ring
    this.editing = null;
    this.quoting = false;
    this.root = $("#phone-template").content.firstElementChild.cloneNode(true);
    this.root.dataset.phone = card.name;
    this.root.id = `phone-${card.user_id}`;
    this.root.setAttribute("aria-label", `${card.name}'s phone`);
    $(".avatar", this.root).textContent = [...card.name][0] ?? "?";
    $("h2", this.root).textContent = card.name;
    this.chat = $(".chat", this.root);
    this.chat.setAttribute("aria-label", `Messages on ${card.name}'s phone`);
    this.input = $("textarea", this.root);
    this.input.setAttribute("aria-label", `Message from ${card.name}`);
    this.tab = make("button", { type: "button", role: "tab", "aria-controls": this.root.id, "data-tab": card.name },
      card.name, make("span", { class: "badge", hidden: "" }));
    this.tab.addEventListener("click", () => show(this));
    this.wire();
  }

  send(what, body = {}) { // done where one looks: in the private chat, a group or a topic
    const { chat_id, thread_id } = this.place ?? {};
    return post(what, { user_id: this.id, chat_id, thread_id, ...body });
  }

  wire() {
    for (const kind of ["pointerdown", "focusin", "keydown"]) this.root.addEventListener(kind, () => this.look());
    this.input.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); this.say(); }
      if (event.key === "Escape") this.edit(null);
    });
    $(".composer", this.root).addEventListener("submit", (event) => { event.preventDefault(); this.say(); });
    const acts = {
      start: () => this.card.blocked ? this.send("unblock") : this.send("start", { code: this.card.start_code }),
      link: () => this.send("start", { code: this.card.start_code }),
      block: () => this.send(this.card.blocked ? "unblock" : "block"),
      sticker: () => this.send("sticker"),
      file: () => this.file.click(),
      photo: () => this.send("photo", { caption: this.take() }),
      voice: () => this.send("voice", { seconds: 7 }),
      cancel: () => this.edit(null),
      group: () => this.send("group"),
      topic: () => this.send("topic", { name: this.take() }),
      close: () => this.send(this.place.closed ? "reopen" : "close"),
      delete: () => this.send("delete"),
      let_in: () => this.send("let_in", { name: this.take() }),
      leave: () => this.send("leave"),
      rights: () => this.send("rights", { on: this.place.bot !== "administrator" }),
    };
    this.file = $("input[type=file]", this.root);
    this.file.addEventListener("change", () => {
      if (this.file.files.length) this.document(this.file.files[0]);
      this.file.value = ""; // so that the same file can be sent again
    });
    for (const button of this.root.querySelectorAll("[data-act]")) {
      button.addEventListener("click", () => { acts[button.dataset.act](); close(button); });
    }
    for (const button of this.root.querySelectorAll("[data-place]")) {
      const [latitude, longitude] = button.dataset.place.split(",").map(Number);
      button.addEventListener("click", () => { this.send("location", { latitude, longitude }); close(button); });
    }
  }

  async document(file) { // with what stands in the text field as its caption
    let bytes = "";
    for (const byte of new Uint8Array(await file.arrayBuffer())) bytes += String.fromCharCode(byte);
    this.send("document", { name: file.name, content: btoa(bytes), caption: this.take() });
  }

  take() {
    const text = this.input.value;
    this.input.value = "";
    return text;
  }

  async say() {
    const text = this.input.value;
    if (!text.trim()) return;
    const sent = this.editing
      ? await this.send("edit", { message_id: this.editing, text })
      : await this.send("say", { text });
    if (sent) this.edit(null);
  }

  edit(bubble) {
    this.editing = bubble ? bubble.id : null;
    this.input.value = bubble ? bubble.text : "";
    $(".editing", this.root).hidden = !bubble;
    if (bubble) this.input.focus();
  }

  // What the state says, onto the screen; only what changed is touched, so that focus and scroll stay.
  update(card) {
    this.card = card;
    const places = [{ name: PRIVATE, bubbles: card.bubbles }, ...card.groups].map((place) => ({ key: key(place), ...place }));
    this.place = places.find((place) => place.key === this.room) ?? places[0]; // a topic may be gone
    const elsewhere = this.bar(places);
    const turned = this.shown !== undefined && this.shown !== this.place.key;
    if (turned) { this.chat.replaceChildren(); this.bubbles.clear(); this.day = null; this.edit(null); }
    this.shown = this.room = this.place.key;
    this.controls(card, this.place);
    const atEnd = this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < 80;
    const quiet = this.first || turned;
    const rang = this.draw(this.place.bubbles, quiet);
    if (rang || quiet || atEnd) this.chat.scrollTop = this.chat.scrollHeight;
    this.notices(card.notices);
    const count = (quiet ? 0 : rang) + elsewhere;
    if (count && !this.first) this.ring(count);
    this.first = false;
  }

  // What can be done here: in the private chat, a group or a topic.
  controls(card, place) {
    const group = place.chat_id !== undefined;
    const where = !group ? "" : place.topic ? ` · ${place.group}, ${place.name}` : ` · ${place.group}`;
    $(".role", this.root).textContent = card.role + (card.blocked ? " · has blocked the bot" : where);
    const open = group || (card.started && !card.blocked);
    const shut = group && place.closed && !place.manages;
    $(".composer", this.root).hidden = !open || shut;
    $(".shut", this.root).hidden = !shut;
    const start = $(".start", this.root);
    start.hidden = open;
    start.textContent = card.blocked ? "Unblock" : "Start";
    const general = group && !place.thread_id;
    const shown = {
      block: !group && card.started, link: !group && card.start_code, sticker: !shut, file: !shut,
      group: !group && card.role.toLowerCase() === "coach" && !card.groups.length, topic: place.topic && place.administers,
      close: place.topic && place.manages, delete: place.topic && place.manages && !general, let_in: group, leave: group, rights: group && place.administers,
    };
    const named = {
      block: card.blocked ? "Unblock the bot" : "Block the bot", close: place.closed ? "Reopen the topic" : "Close the topic",
      rights: place.bot === "administrator" ? "Take the bot’s rights away" : "Give the bot its rights",
    };
    for (const [act, there] of Object.entries(shown)) $(`.menu [data-act=${act}]`, this.root).hidden = !there;
    for (const [act, name] of Object.entries(named)) $(`.menu [data-act=${act}]`, this.root).textContent = name;
    this.replies(open && !group ? card.keyboard : []);
  }

  // The chats one can turn to, once there is more than one. Gives how many messages with sound came into the others.
  bar(places) {
    const bar = $(".rooms", this.root);
    bar.hidden = places.length < 2;
    for (const [room, { button }] of this.rooms) {
      if (!places.some((place) => place.key === room)) { button.remove(); this.rooms.delete(room); }
    }
    let elsewhere = 0;
    for (const place of places) {
      let room = this.rooms.get(place.key);
      if (!room) {
        const button = make("button", { type: "button", role: "tab", onclick: () => this.turn(place.key) },
          make("span"), make("span", { class: "badge", hidden: "" }));
        room = { button, heard: this.first ? newest(place) : 0, unread: 0 };
        this.rooms.set(place.key, room);
        bar.append(button);
      }
      const here = place.key === this.place.key;
      const came = place.bubbles.filter((bubble) => bubble.id > room.heard && sounds(bubble)).length;
      room.heard = Math.max(room.heard, newest(place));
      room.unread = here ? 0 : room.unread + came;
      if (!here) elsewhere += came;
      room.button.dataset.room = place.name;
      room.button.setAttribute("aria-selected", String(here));
      room.button.classList.toggle("shut-topic", Boolean(place.closed));
      if (room.button.firstChild.textContent !== place.name) room.button.firstChild.textContent = place.name;
      room.button.lastChild.textContent = room.unread || "";
      room.button.lastChild.hidden = !room.unread;
    }
    return elsewhere;
  }

  turn(room) {
    this.room = room;
    this.update(this.card);
    this.rooms.get(this.room).button.scrollIntoView({ inline: "nearest", block: "nearest" });
  }

  draw(bubbles, quiet) {
    const there = new Set(bubbles.map((bubble) => bubble.id));
    for (const [id, shown] of this.bubbles) {
      if (!there.has(id)) { shown.element.remove(); this.bubbles.delete(id); }
    }
    let rang = 0;
    for (const bubble of bubbles) {
      const shown = this.bubbles.get(bubble.id);
      if (shown?.version === bubble.version) continue;
      const element = this.bubble(bubble);
      if (shown) {
        // The next question keeps the height of the last one, else its buttons slip away under the thumb.
        if ($(".keys", shown.element) && bubble.buttons.length) element.style.minHeight = `${shown.element.offsetHeight}px`;
        const focused = shown.element.contains(document.activeElement) && document.activeElement.dataset.button;
        shown.element.replaceWith(element);
        if (focused) ($("[data-button]", element) ?? this.chat).focus({ preventScroll: true });
      } else {
        for (const one of this.chat.querySelectorAll("[style]")) one.style.minHeight = ""; // no thumb is there any more
        if (this.day !== bubble.day) this.chat.append(make("li", { class: "day" }, bubble.day));
        this.day = bubble.day;
        this.chat.append(element);
        if (!quiet) element.classList.add("fresh");
        if (sounds(bubble)) rang += 1;
      }
      this.bubbles.set(bubble.id, { version: bubble.version, element });
    }
    const empty = $(".empty", this.chat);
    if (!bubbles.length && !empty) {
      const invited = this.place.chat_id !== undefined ? "Nothing here yet." : this.card.start_code ? `${this.name} has an invitation. Press START to open it.` : "Nothing here yet. Press START to meet the bot.";
      this.chat.append(make("li", { class: "empty" }, invited));
    }
    if (bubbles.length) empty?.remove();
    return rang;
  }

  bubble(bubble) {
    if (bubble.kind === "service") return make("li", { class: "day", "data-message": bubble.id }, bubble.text);
    const body = make("div", { class: "body" });
    if (this.place.chat_id !== undefined && !bubble.mine) body.append(make("div", { class: "from" }, bubble.by));
    if (bubble.content.forward_origin) body.append(make("div", { class: "meta" }, "Forwarded"));
    if (MEDIA[bubble.kind]) {
      const [path, words] = MEDIA[bubble.kind];
      const file = bubble.content.document;
      const label = file
        ? make("a", { href: `/ui/file/${encodeURIComponent(file.file_id)}`, download: words(bubble.content) }, words(bubble.content))
        : make("span", {}, words(bubble.content));
      const media = make("div", { class: "media" }, icon(path), label);
      body.append(media);
      if (bubble.kind === "photo") body.append(this.picture(bubble.content.photo.at(-1), media));
    }
    if (bubble.text) {
      this.quoting = bubble.mine;
      body.append(make("div", { class: "text", dir: "auto" }, ...rich(this, bubble.text, bubble.entities)));
    }
    const meta = make("div", { class: "meta" });
    if (bubble.mine && bubble.kind === "text") {
      meta.append(make("button", { type: "button", onclick: () => this.edit(bubble), "aria-label": `Edit: ${bubble.text}` }, "edit"));
    }
    meta.append(make("span", {}, `${bubble.edited ? "edited " : ""}${bubble.time}`));
    body.append(meta);
    const item = make("li", { class: `bubble ${bubble.mine ? "mine" : "theirs"}`, "data-message": bubble.id }, body);
    if (bubble.buttons.length) {
      item.append(make("div", { class: "keys", role: "group", "aria-label": "Answers" },
        ...bubble.buttons.map((row) => make("div", {}, ...row.map((button) => this.key(bubble, button))))));
    }
    return item;
  }

  // The picture itself. What a phone here "takes" is a single dot, and stays a word.
  picture(file, media) {
    const image = make("img", { class: "picture", alt: "Photo", hidden: "", src: `/ui/file/${encodeURIComponent(file.file_id)}` });
    image.addEventListener("load", () => {
      if (image.naturalWidth < 2) return;
      const atEnd = this.chat.scrollHeight - this.chat.scrollTop - this.chat.clientHeight < 80;
      image.hidden = false;
      media.hidden = true;
      if (atEnd) this.chat.scrollTop = this.chat.scrollHeight;
    });
    return image;
  }

  key(bubble, button) {
    if (button.url) {
      const href = LINK.test(button.url) ? button.url : "#";
      return make("a", { href, target: "_blank", rel: "noopener noreferrer", "data-button": button.text, dir: "auto" }, button.text);
    }
    const element = make("button", { type: "button", "data-button": button.text, dir: "auto" }, button.text);
    element.addEventListener("click", () => {
      element.setAttribute("aria-busy", "true");
      setTimeout(() => element.removeAttribute("aria-busy"), TAP_MS);
      this.send("tap", { message_id: bubble.id, data: button.data ?? "" });
    });
    return element;
  }

  replies(rows) {
    const shown = JSON.stringify(rows);
    if (shown === this.board) return;
    this.board = shown;
    const board = $(".replies", this.root);
    board.hidden = !rows.length;
    board.replaceChildren(...rows.map((row) => make("div", {}, ...row.map((button) => make("button", {
      type: "button", "data-button": button.text, dir: "auto",
      onclick: () => button.request === "location"
        ? this.send("location", HERE)
        : this.send("say", { text: button.text }),
    }, button.text)))));
  }

  notices(notices) {
    const newest = notices.at(-1);
    const version = newest?.version ?? 0;
    if (this.noticed !== null && version > this.noticed) {
      const toast = $(".toast", this.root);
      toast.textContent = newest.text;
      toast.hidden = false;
      clearTimeout(this.toasting);
      this.toasting = setTimeout(() => { toast.hidden = true; }, newest.alert ? 3 * TOAST_MS : TOAST_MS);
    }
    this.noticed = version;
  }

  // A message with sound: the phone lights up until somebody looks at it.
  ring(count) {
    const alone = ONE_AT_A_TIME.matches && this.root.classList.contains("shown");
    if (!document.hidden && (alone || this.root.contains(document.activeElement))) return;
    this.unread += count;
    for (const part of [this.root, this.tab]) part.classList.add("lit", "ringing");
    clearTimeout(this.ringing);
    this.ringing = setTimeout(() => this.still(), RING_MS);
    this.count();
  }

  look() {
    if (!this.unread) return;
    this.unread = 0;
    for (const part of [this.root, this.tab]) part.classList.remove("lit");
    this.still();
    this.count();
  }

  still() {
    for (const part of [this.root, this.tab]) part.classList.remove("ringing");
  }

  count() {
    for (const badge of [$(".badge", this.root), $(".badge", this.tab)]) {
      badge.textContent = this.unread || "";
      badge.hidden = !this.unread;
      badge.setAttribute("aria-label", `${this.unread} new`);
    }
    this.root.dataset.unread = this.unread;
    const waiting = [...phones.values()].filter((phone) => phone.unread);
    document.title = waiting.length
      ? `(${waiting.reduce((sum, phone) => sum + phone.unread, 0)}) ${waiting.map((phone) => phone.name).join(", ")} · ${TITLE}`
      : TITLE;
  }
}

function key(place) { return place.chat_id === undefined ? "private" : `${place.chat_id}/${place.thread_id ?? 0}`; }

function newest(place) { return place.bubbles.at(-1)?.id ?? 0; }

function sounds(bubble) { return !bubble.mine && !bubble.silent && bubble.kind !== "service"; }

function close(button) { button.closest("details")?.removeAttribute("open"); }

function show(phone) {
  for (const other of phones.values()) {
    other.root.classList.toggle("shown", other === phone);
    other.tab.setAttribute("aria-selected", String(other === phone));
    other.tab.tabIndex = other === phone ? 0 : -1;
  }
  phone.look();
  phone.chat.scrollTop = phone.chat.scrollHeight;
}

// --- the whole page ---

function render(state) {
  $("#clock").dateTime = state.clock.iso;
  for (const part of ["day", "time", "zone"]) {
    const element = $(`#clock-${part}`);
    if (element.textContent !== state.clock[part]) element.textContent = state.clock[part];
  }
  if ($("#note").textContent !== state.note) $("#note").textContent = state.note; // read out at a change only
  for (const box of document.querySelectorAll("[data-fault]")) box.checked = state.faults.includes(box.dataset.fault);
  const count = $("#faults .count");
  count.hidden = !state.faults.length;
  count.textContent = `${state.faults.length} on`;
  const there = new Set(state.phones.map((card) => card.user_id));
  for (const [id, phone] of phones) {
    if (!there.has(id)) { phone.root.remove(); phone.tab.remove(); phones.delete(id); }
  }
  for (const card of state.phones) {
    let phone = phones.get(card.user_id);
    if (!phone) {
      phone = new Phone(card);
      phones.set(card.user_id, phone);
      $("#phones").append(phone.root);
      $(".tabs").append(phone.tab);
    }
    phone.update(card);
  }
  if (phones.size && !$(".phone.shown")) show(phones.values().next().value);
}

for (const button of document.querySelectorAll("[data-clock]")) {
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    await post("clock", { step: button.dataset.step });
    button.removeAttribute("aria-busy");
  });
}
for (const box of document.querySelectorAll("[data-fault]")) {
  box.addEventListener("change", () => post("fault", { name: box.dataset.fault, on: box.checked }));
}
$(".tabs").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const all = [...phones.values()];
  const at = all.findIndex((phone) => phone.tab === document.activeElement);
  const next = all[(at + step + all.length) % all.length];
  show(next);
  next.tab.focus();
});
document.addEventListener("click", (event) => { // an open menu closes when one clicks beside it
  for (const details of document.querySelectorAll("details[open]")) {
    if (!details.contains(event.target)) details.removeAttribute("open");
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const details of document.querySelectorAll("details[open]")) {
    details.removeAttribute("open");
    $("summary", details).focus();
  }
});

const events = new EventSource("/ui/events");
events.onmessage = (event) => { $("#lost").hidden = true; render(JSON.parse(event.data)); };
events.onopen = () => { $("#lost").hidden = true; };
events.onerror = () => { $("#lost").hidden = false; };
