"""A local Telegram: a Bot API server over HTTP as strict as the real one, and phones to talk through it.

It is the only fake in the project: tests, drills, `aidstation play` and `make run` without a token use it.

    markup.py    Telegram's HTML -> plain text and entities, or its error
    state.py     users, chats, messages, files; their JSON
    delivery.py  updates on their way to the bot: getUpdates and webhook
    limits.py    how fast a bot may send
    faults.py    what may go wrong on the way, to be switched on
    people.py    what people do: say, tap, edit, block ...
    groups.py    what they do with groups and their topics
    params.py    reading the parameters of a call
    chats.py     what the bot may do to chats and topics, and what every call must respect about its chat
    botapi.py    what else the bot may call, and the ledger by which tests judge
    server.py    all of it over HTTP, and the page with the phones
    phone.py     what one person holds, for scripts and tests
"""
