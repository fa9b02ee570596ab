#!/bin/sh
# `aidstation COMMAND` for the operator of a systemd installation; installed as /usr/local/bin/aidstation, run as root.
# As the service's user, because a file that root makes beside the database would stop the service; with the service's
# settings and token, because `doctor` shall judge what runs.
set -eu
state=/var/lib/aidstation
etc=/etc/aidstation
DATABASE_URL=sqlite:///$state/aidstation.db
TELEGRAM_BOT_TOKEN=$(cat $etc/telegram_bot_token)
export DATABASE_URL TELEGRAM_BOT_TOKEN
if [ -e $etc/env ]; then
	set -a
	. $etc/env
	set +a
fi
cd $state
exec runuser -u aidstation -- /opt/aidstation/current/bin/aidstation "$@"
