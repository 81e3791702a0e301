#!/sbin/openrc-run
# shellcheck shell=sh
# A service of OpenRC for a daemon that stays in the foreground. Copy it to /etc/init.d and change the settings.
#
# The daemon runs under reapwait, which ends all processes of the daemon when it exits or when it is stopped. The pidfile
# contains the handle of reapwait. A handle names one process for ever, so a stale pidfile never leads to another process
# that has the same PID.

name=exampled
command=/usr/sbin/exampled
command_args=                 # options that need no quotes
log=/var/log/$RC_SVCNAME.log
pidfile=/run/$RC_SVCNAME.pid
kill_after=20                 # seconds from TERM to KILL

# running returns 0 if the daemon runs and 1 if it does not. If that is not known, it prints the reason and returns
# another status.
running() {
	reason=$(killwait -0 --pidfile "$pidfile" 2>&1)
	code=$?
	[ "$code" -le 1 ] || eerror "$reason"
	return "$code"
}

# OpenRC calls start only for a service that it takes for stopped. After a crash of OpenRC or `zap`, the daemon may run.
start() {
	running
	case $? in
	0) ewarn "$name is running already"; return 0 ;;
	1) ;;
	*) return 1 ;;
	esac
	ebegin "Starting $name"
	# shellcheck disable=SC2086 # command_args is split into words
	handle=$(reapwait --detach --log "$log" -k "${kill_after}s" -- "$command" $command_args) || { eend $?; return; }
	# killwait refuses a pidfile that other users may write to.
	if (umask 022 && echo "$handle" >"$pidfile.new") && mv "$pidfile.new" "$pidfile"; then
		eend 0
	else
		killwait "$handle"
		eend 1
	fi
}

# After TERM, reapwait ends the daemon within kill_after seconds. If reapwait itself remains, killwait sends it KILL.
stop() {
	ebegin "Stopping $name"
	killwait -e -R "TERM/$((kill_after + 5))s/KILL/5s" --pidfile "$pidfile" && rm -f "$pidfile"
	eend $?
}

# The exit statuses are those of OpenRC: 3 if the service is stopped, 32 if the daemon has ended by itself.
status() {
	running
	case $? in
	0) einfo "status: started"; return 0 ;;
	1) ;;
	*) return 1 ;;
	esac
	if [ -e "$pidfile" ]; then
		eerror "status: crashed"
		return 32
	fi
	einfo "status: stopped"
	return 3
}
