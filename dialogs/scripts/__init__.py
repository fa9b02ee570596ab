"""The conversations, one table each. Read them top to bottom: that is how they are asked."""

from __future__ import annotations

from dialogs.engine import Script
from dialogs.scripts.asking import CORRECT, SURE
from dialogs.scripts.checkin import MORNING, SESSION, SORE
from dialogs.scripts.coach import RELAY
from dialogs.scripts.concerns import CAME, NOTE
from dialogs.scripts.cover import BROADCAST, LEAVE
from dialogs.scripts.desk import ADD, JOT, ME, WHOM
from dialogs.scripts.erase import ERASE
from dialogs.scripts.followups import FOLLOW
from dialogs.scripts.guardians import GROWN, GUARDIAN, STOP
from dialogs.scripts.health import HEALTH
from dialogs.scripts.importing import IMPORT, ORDER
from dialogs.scripts.joining import COACH_ONBOARDING, ONBOARDING
from dialogs.scripts.life import AWAY, BUSY, ILL, MOVE, OBJECT, REVISE
from dialogs.scripts.races import RACE
from dialogs.scripts.settings import DAYS_OFF, HOUR, PAUSE, ZONE
from dialogs.scripts.week import WEEK, WEEKDAY

SCRIPTS: dict[str, Script] = {
    script.name: script
    for script in (
        MORNING,
        SESSION,
        SORE,
        FOLLOW,
        RACE,
        HEALTH,
        SURE,
        CORRECT,
        ONBOARDING,
        COACH_ONBOARDING,
        GUARDIAN,
        STOP,
        GROWN,
        HOUR,
        ZONE,
        DAYS_OFF,
        PAUSE,
        RELAY,
        NOTE,
        CAME,
        ERASE,
        ILL,
        AWAY,
        MOVE,
        BUSY,
        OBJECT,
        REVISE,
        IMPORT,
        ORDER,
        ME,
        ADD,
        JOT,
        WHOM,
        WEEK,
        WEEKDAY,
        LEAVE,
        BROADCAST,
    )
}
