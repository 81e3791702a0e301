# shellcheck shell=sh
# What the scripts of testdata/scripts have in common. POSIX sh, sourced by a program that runs under `ns`:
# the only other process in its PID namespace is then PID 1, which reaps orphans.
set -u

# Signals must not reach the machine that this runs on.
[ "$(cat /proc/1/comm)" = ns ] || { echo "lib.sh: not under ns" >&2; exit 125; }

T=$WORK/.t
mkdir -p "$T"

# rounds N: the numbers of N rounds, or of more where a developer wants more.
rounds() { seq 1 $(($1 * ${KILLBOX_TEST_FACTOR:-1})); }

# fail ends the script, from a subshell too.
trap 'exit 1' USR1
fail() {
	echo "FAIL: $*" >&2
	kill -USR1 $$
	exit 1
}

# status N CMD...: CMD must exit with N (or with one of N|M). What it wrote is then in $T/out and $T/err.
status() {
	codes=$1
	shift
	"$@" >"$T/out" 2>"$T/err"
	got=$?
	case "|$codes|" in *"|$got|"*) return ;; esac
	{
		echo "[stdout]"
		cat "$T/out"
		echo "[stderr]"
		cat "$T/err"
	} >&2
	fail "$*: exit $got, not $codes"
}

# The output of the last `status`: an extended regexp that a line must or must not match.
out() { grep -Eq -e "$1" "$T/out" || fail "stdout does not match '$1': $(cat "$T/out")"; }
err() { grep -Eq -e "$1" "$T/err" || fail "stderr does not match '$1': $(cat "$T/err")"; }
not_out() { lacks "$1" "$T/out" || fail "stdout matches '$1': $(cat "$T/out")"; }
not_err() { lacks "$1" "$T/err" || fail "stderr matches '$1': $(cat "$T/err")"; }
# A grep that has failed has not looked.
lacks() {
	grep -Eq -e "$1" "$2"
	[ $? = 1 ]
}
no_out() { [ ! -s "$T/out" ] || fail "stdout is not empty: $(cat "$T/out")"; }
no_err() { [ ! -s "$T/err" ] || fail "stderr is not empty: $(cat "$T/err")"; }
silent() { no_out && no_err; }

# usage CMD...: a usage error: exit 2, two lines on stderr, nothing on stdout.
usage() {
	status 2 "$@"
	no_out
	[ "$(wc -l <"$T/err")" -eq 2 ] || fail "$*: a usage error is two lines, not: $(cat "$T/err")"
}

# same GOT WANT WHAT
same() { [ "$1" = "$2" ] || fail "$3: got '$1', want '$2'"; }

# sorted WORD...: the words in numerical order, on one line.
sorted() { printf '%s\n' "$@" | sort -n | tr '\n' ' '; }

# events FILE FILTER... FIELD...: as in test/victims, and fails the script, which would not hear of it from a pipeline.
events() {
	command events "$@"
	# 141: a grep -q has seen enough.
	case $? in 0 | 141) ;; *) fail "events $* has failed" ;; esac
}
# event FILTER... FIELD...: fields of JSON events on the last stdout, all on one line.
event() { events "$T/out" "$@" | tr '\n' ' ' | sed 's/ $//'; }

# start CMD...: runs CMD in the background and returns when it has written a line to descriptor 3. The line is in $ready,
# and assigned to variables where it is of the form name=value. $pid is CMD's.
start() {
	rm -f "$T/ready"
	mkfifo "$T/ready"
	"$@" 3>"$T/ready" &
	pid=$!
	read_ready "$1" <"$T/ready" || fail "$* ended before it was ready"
	case $ready in *=*) eval "$ready" ;; esac
}

# read_ready CMD: reads the line, and waits for an actor to close the descriptor: it may become sleep(1) after the line.
read_ready() {
	read -r ready || return
	case $1 in */actor) cat >/dev/null ;; esac
}

# actor WORD...: starts the processes that the words describe, see test/victims/actor.
actor() { start "$BIN/actor" "$@"; }

# until_true CMD...: waits for what another process is about to do, a minute at most, as long as the machine has nothing
# else to do. A victim must not have ended by itself by then: victims that are waited for live for 150 s.
until_true() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 6000 ] || fail "still not true after a minute: $*"
		sleep 0.01
	done
}

# living PID: whether a thread of PID is alive. A zombie is not; a process whose first thread alone has exited is.
living() {
	case $1 in '' | *[!0-9]*) fail "no PID: '$1'" ;; esac
	for task in /proc/"$1"/task/*/status; do
		while read -r key letter _; do
			[ "$key" = State: ] || continue
			case $letter in [ZX]) ;; *) return 0 ;; esac
		done 2>/dev/null <"$task"
	done 2>/dev/null
	return 1
}
dead() { ! living "$1"; }
alive() {
	[ $# -gt 0 ] || fail "alive: no PID"
	for p in "$@"; do living "$p" || fail "$p is not alive"; done
}
gone() {
	[ $# -gt 0 ] || fail "gone: no PID"
	for p in "$@"; do dead "$p" || fail "$p is still there: $(describe "$p")"; done
}

describe() { tr '\0' ' ' <"/proc/$1/cmdline" 2>/dev/null; sed -n '/^State/p' "/proc/$1/status" 2>/dev/null; }

# alone [PID...]: whether no process lives but this shell, PID 1 and those named; another is then in $left.
# Looks without starting a process.
alone() {
	for dir in /proc/[0-9]*; do
		left=${dir#/proc/}
		case " 1 $$ $* " in *" $left "*) continue ;; esac
		if living "$left"; then return 1; fi
	done
}
nobody_left() { alone "$@" || fail "left over: $left $(describe "$left")$(cat "$T/err")"; }

# children PID: the PIDs of its children, a line each.
children() {
	for dir in /proc/[0-9]*; do
		[ "$(parent "${dir#/proc/}")" = "$1" ] && echo "${dir#/proc/}"
	done
	return 0
}
has_children() { [ "$(children "$2" | wc -l)" -ge "$1" ]; }

# field PID N: field N of /proc/PID/stat, from the third on.
field() {
	tr '\n' ' ' <"/proc/$1/stat" 2>/dev/null | sed 's/.*) //' | cut -d ' ' -f $(($2 - 2))
}
state() { field "$1" 3; }
parent() { field "$1" 4; }
starttime() { field "$1" 22; }
# handle PID: prints the handle as killbox does: with the inode of the pidfd if the kernel has pidfs and pidfds are used.
handle() {
	inode=
	if [ "${KILLBOX_NO_PIDFD-}" != 1 ] && inode=$(victim inode "$1" 2>/dev/null); then inode=:${inode#*:}; fi
	echo "$1@$(starttime "$1")$inode"
}
in_state() { [ "$(state "$1")" = "$2" ]; }
wait_state() { until_true in_state "$1" "$2"; }
named() { [ "$(cat "/proc/$1/comm")" = "$2" ]; }

# sleeper [PROGRAM]: a `sleep 150` in the background, or a copy of it; its PID is in $pid, and it has become what it is to be.
sleeper() {
	"${1:-sleep}" 150 &
	pid=$!
	until_true running "$pid" "${1:-sleep}"
}
running() { [ "$(tr '\0' '\n' <"/proc/$1/cmdline" | sed -n 1p)" = "$2" ]; }

# holds WAITER PID: WAITER has pinned the process, by a pidfd or by its folder, and now sleeps: it has judged it, and will
# see it go. For WAITER, a process that ends before that was never there.
holds() { pinned "$@" && asleep "$1"; }
# asleep PID: every thread of it.
asleep() {
	for task in /proc/"$1"/task/*/status; do
		while read -r key letter _; do
			case $key$letter in State:S) ;; State:*) return 1 ;; esac
		done <"$task"
	done 2>/dev/null
}
pinned() {
	grep -qs "^Pid:[[:space:]]*$2\$" /proc/"$1"/fdinfo/* && return
	for fd in /proc/"$1"/fd/*; do
		[ "$(readlink "$fd")" != "/proc/$2" ] || return 0
	done
	return 1
}

# waits N SIG PID CMD...: like status, but PID gets the signal only when CMD holds it, however long that takes.
waits() {
	codes=$1 signal=$2 held=$3
	shift 3
	"$@" >"$T/waiter.out" 2>"$T/waiter.err" &
	waiter=$!
	until_true holds "$waiter" "$held"
	kill "-$signal" "$held"
	status "$codes" waiter_ends
}
waiter_ends() {
	wait "$waiter"
	ended=$?
	cat "$T/waiter.out"
	cat "$T/waiter.err" >&2
	return $ended
}

# answered PID: it has done what the signals before have it do. It logs WINCH to the file `answer`; the answer to a lower
# number comes first, even where both are pending.
answered() {
	rm -f answer
	kill -WINCH "$1"
	until_true test -s answer
}

# put_away PID...: ends what a test no longer needs, without killbox.
put_away() {
	kill -KILL "$@" 2>/dev/null
	kill -CONT "$@" 2>/dev/null
	for p in "$@"; do until_true dead "$p"; done
}

# clean_up ends everything in the namespace but PID 1 and this shell.
clean_up() { until_true nobody_survives; }
nobody_survives() {
	kill -KILL -1 2>/dev/null
	alone
}

# take_pid N CMD...: like CMD in the background, with N for its PID.
take_pid() {
	number=$1
	shift
	tries=0
	while :; do
		echo $((number - 1)) >/proc/sys/kernel/ns_last_pid || fail "ns_last_pid cannot be written"
		"$@" &
		pid=$!
		[ "$pid" = "$number" ] && return
		kill -KILL "$pid"
		wait "$pid"
		tries=$((tries + 1))
		[ $tries -lt 1000 ] || fail "could not get PID $number"
	done
}

# both_paths CMD...: CMD, a function, with pidfds and without them.
both_paths() {
	unset KILLBOX_NO_PIDFD
	"$@"
	export KILLBOX_NO_PIDFD=1
	"$@"
	unset KILLBOX_NO_PIDFD
}

# as_user UID CMD...
as_user() {
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
}
