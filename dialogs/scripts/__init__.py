"""The conversations, one table each. Read them top to bottom: that is how they are asked."""

from __future__ import annotations

from dialogs.engine import Script
from dialogs.scripts.asking import CORRECT, SURE
from dialogs.scripts.checkin import MORNING, SESSION, SORE
from dialogs.scripts.coach import RELAY
from dialogs.scripts.erase import ERASE
from dialogs.scripts.importing import IMPORT, ORDER
from dialogs.scripts.joining import COACH_ONBOARDING, ONBOARDING
from dialogs.scripts.life import AWAY, BUSY, ILL, MOVE, OBJECT, REVISE
from dialogs.scripts.settings import DAYS_OFF, HOUR, PAUSE, ZONE

SCRIPTS: dict[str, Script] = {
    script.name: script
    for script in (
        MORNING,
        SESSION,
        SORE,
        SURE,
        CORRECT,
        ONBOARDING,
        COACH_ONBOARDING,
        HOUR,
        ZONE,
        DAYS_OFF,
        PAUSE,
        RELAY,
        ERASE,
        ILL,
        AWAY,
        MOVE,
        BUSY,
        OBJECT,
        REVISE,
        IMPORT,
        ORDER,
    )
}
