#!/bin/sh
### BEGIN INIT INFO
# Provides:          exampled
# Required-Start:    $remote_fs $syslog
# Required-Stop:     $remote_fs $syslog
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
# Short-Description: example daemon, under reapwait
### END INIT INFO

# An init script for a daemon that stays in the foreground. Copy it to /etc/init.d and change the settings.
#
# The daemon runs under reapwait, which ends all processes of the daemon when it exits or when it is stopped. The pidfile
# contains the handle of reapwait. A handle names one process for ever, so a stale pidfile never leads to another process
# that has the same PID. Exit statuses are those of the Linux Standard Base (LSB 5.0, section 22.2).

NAME=exampled
DAEMON=/usr/sbin/exampled     # a path, and options that need no quotes
LOG=/var/log/$NAME.log
RUN=/run
WAIT=20                       # seconds from TERM to KILL

PIDFILE=$RUN/$NAME.pid
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022                     # killwait refuses a pidfile that other users may write to

# running returns 0 if the daemon runs and 1 if it does not. If that is not known, it prints the reason and returns
# another status.
running() {
	reason=$(killwait -0 --pidfile "$PIDFILE" 2>&1)
	code=$?
	[ "$code" -le 1 ] || echo "$reason" >&2
	return "$code"
}

start() {
	running
	case $? in
	0) echo "$NAME is running already"; return 0 ;;
	1) ;;
	*) return 1 ;;
	esac
	# The daemon must not inherit the lock.
	# shellcheck disable=SC2086 # DAEMON is split into words
	handle=$(reapwait --detach --log "$LOG" -k "${WAIT}s" -- $DAEMON 9>&-) || return 1
	echo "$handle" >"$PIDFILE.new" && mv "$PIDFILE.new" "$PIDFILE" && return 0
	killwait "$handle"
	return 1
}

# stop returns 0 when the daemon is gone, also if it did not run. After TERM, reapwait ends the daemon within WAIT. If
# reapwait itself remains, killwait sends it KILL.
stop() {
	killwait -e -R "TERM/$((WAIT + 5))s/KILL/5s" --pidfile "$PIDFILE" || return 1
	rm -f "$PIDFILE"
}

restart() {
	stop && start
}

try_restart() {
	running
	case $? in
	0) restart ;;
	1) ;;
	*) return 1 ;;
	esac
}

status() {
	running
	case $? in
	0) echo "$NAME is running"; return 0 ;;
	1) ;;
	*) return 4 ;;
	esac
	if [ -e "$PIDFILE" ]; then
		echo "$NAME is dead, and $PIDFILE exists"
		return 1
	fi
	echo "$NAME is not running"
	return 3
}

# lock waits for other calls that hold the lock, and takes it until this call is over.
lock() {
	if [ ! -w "$RUN" ]; then
		echo "$NAME: cannot write to $RUN" >&2
		exit 4
	fi
	exec 9>"$RUN/$NAME.lock"
	flock 9 || exit 1
}

case ${1-} in
start | stop | restart) lock; "$1" ;;
try-restart | force-reload) lock; try_restart ;;
status) status ;;
*) echo "usage: $0 {start|stop|restart|try-restart|force-reload|status}" >&2; exit 2 ;;
esac
