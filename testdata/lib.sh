# shellcheck shell=sh
# Functions for the shell parts of the scripts in testdata/scripts, in POSIX sh. A shell that `ns` runs shares its PID
# namespace with PID 1 only, which reaps orphans. A shell that a script runs without `ns` shares its PID namespace with
# testscript as well.
set -u

# Outside ns, signals could reach processes of the machine.
[ "$(cat /proc/1/comm)" = ns ] || { echo "lib.sh: not under ns" >&2; exit 125; }

T=$WORK/.t
mkdir -p "$T"

# rounds N: prints the numbers 1 to N times KILLBOX_TEST_FACTOR.
rounds() { seq 1 $(($1 * ${KILLBOX_TEST_FACTOR:-1})); }

# fail TEXT...: ends the whole script, also if called in a subshell.
trap 'exit 1' USR1
fail() {
	echo "FAIL: $*" >&2
	kill -USR1 $$
	exit 1
}

# status N CMD...: CMD must exit with N (or with one of N|M). Its output is then in $T/out and $T/err.
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

# out, err, not_out, not_err REGEXP: an extended regexp that a line of the output of the last `status` must or must
# not match.
out() { grep -Eq -e "$1" "$T/out" || fail "stdout does not match '$1': $(cat "$T/out")"; }
err() { grep -Eq -e "$1" "$T/err" || fail "stderr does not match '$1': $(cat "$T/err")"; }
not_out() { lacks "$1" "$T/out" || fail "stdout matches '$1': $(cat "$T/out")"; }
not_err() { lacks "$1" "$T/err" || fail "stderr matches '$1': $(cat "$T/err")"; }
# grep exits with 1 if no line matches, and with 2 if it fails.
lacks() {
	grep -Eq -e "$1" "$2"
	[ $? = 1 ]
}
no_out() { [ ! -s "$T/out" ] || fail "stdout is not empty: $(cat "$T/out")"; }
no_err() { [ ! -s "$T/err" ] || fail "stderr is not empty: $(cat "$T/err")"; }
silent() { no_out && no_err; }

# usage CMD...: CMD must fail with a usage error: exit status 2, two lines on stderr, nothing on stdout.
usage() {
	status 2 "$@"
	no_out
	[ "$(wc -l <"$T/err")" -eq 2 ] || fail "$*: a usage error is two lines, not: $(cat "$T/err")"
}

# same GOT WANT WHAT: the words must be equal.
same() { [ "$1" = "$2" ] || fail "$3: got '$1', want '$2'"; }

# sorted WORD...: prints the words in numerical order, on one line.
sorted() { printf '%s\n' "$@" | sort -n | tr '\n' ' '; }

# events FILE FILTER... FIELD...: the program of test/victims. If it fails, so does the script, even in a pipeline.
events() {
	command events "$@"
	# 141: SIGPIPE, because grep -q has read enough.
	case $? in 0 | 141) ;; *) fail "events $* has failed" ;; esac
}
# event FILTER... FIELD...: prints fields of the JSON events in the output of the last `status`, all on one line.
event() { events "$T/out" "$@" | tr '\n' ' ' | sed 's/ $//'; }

# start CMD...: runs CMD in the background, and returns when CMD has written a line to descriptor 3. The line is then
# in $ready, the PID of CMD in $pid. If the line consists of words NAME=VALUE, they set variables.
start() {
	rm -f "$T/ready"
	mkfifo "$T/ready"
	"$@" 3>"$T/ready" &
	pid=$!
	read_ready "$1" <"$T/ready" || fail "$* ended before it was ready"
	case $ready in *=*) eval "$ready" ;; esac
}

# read_ready CMD: reads the line. An actor may become sleep(1) after the line, so wait until it closes the
# descriptor.
read_ready() {
	read -r ready || return
	case $1 in */actor) cat >/dev/null ;; esac
}

# actor WORD...: starts the processes that the words describe, see test/victims/actor.
actor() { start "$BIN/actor" "$@"; }

# until_true CMD...: polls CMD until it succeeds, 6,000 times at intervals of 10 ms: a minute on an idle machine.
# Victims whose end is awaited live for 150 s, so that they do not end by themselves before that.
until_true() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 6000 ] || fail "still not true after a minute: $*"
		sleep 0.01
	done
}

# living PID: tests whether a thread of PID is alive. A zombie is not alive. A process whose first thread has exited
# is alive while another thread runs.
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

# alone [PID...]: tests whether this shell, PID 1 and these are the only living processes. If not, another one is in
# $left. It uses shell builtins only, because a new process would be found.
alone() {
	for dir in /proc/[0-9]*; do
		left=${dir#/proc/}
		case " 1 $$ $* " in *" $left "*) continue ;; esac
		if living "$left"; then return 1; fi
	done
}
none_left() { alone "$@" || fail "left over: $left $(describe "$left")$(cat "$T/err")"; }

# children PID: prints the PIDs of its children, one on each line.
children() {
	for dir in /proc/[0-9]*; do
		[ "$(parent "${dir#/proc/}")" = "$1" ] && echo "${dir#/proc/}"
	done
	return 0
}
has_children() { [ "$(children "$2" | wc -l)" -ge "$1" ]; }

# field PID N: prints field N of /proc/PID/stat; N is at least 3.
field() {
	tr '\n' ' ' <"/proc/$1/stat" 2>/dev/null | sed 's/.*) //' | cut -d ' ' -f $(($2 - 2))
}
state() { field "$1" 3; }
parent() { field "$1" 4; }
starttime() { field "$1" 22; }
# handle PID: prints the handle that killbox must print, with the inode of the pidfd if the kernel has pidfs (Linux
# 6.9) and pidfds are used.
handle() {
	inode=
	if [ "${KILLBOX_NO_PIDFD-}" != 1 ] && inode=$(victim inode "$1" 2>/dev/null); then inode=:${inode#*:}; fi
	echo "$1@$(starttime "$1")$inode"
}
in_state() { [ "$(state "$1")" = "$2" ]; }
wait_state() { until_true in_state "$1" "$2"; }
named() { [ "$(cat "/proc/$1/comm")" = "$2" ]; }

# sleeper [PROGRAM]: runs `sleep 150`, or a copy of sleep, in the background, and waits for its execve(2). $pid is
# the PID.
sleeper() {
	"${1:-sleep}" 150 &
	pid=$!
	until_true running "$pid" "${1:-sleep}"
}
running() { [ "$(tr '\0' '\n' <"/proc/$1/cmdline" | sed -n 1p)" = "$2" ]; }

# holds WAITER PID: tests whether WAITER has pinned the process, by a pidfd or by its folder in /proc, and sleeps. It
# then waits for the process. If the process ended earlier, WAITER would report that it does not exist.
holds() { pinned "$@" && asleep "$1"; }
# asleep PID: tests whether every thread of PID sleeps.
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

# waits N SIG PID CMD...: like status, but sends SIG to PID as soon as CMD has pinned PID and sleeps.
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

# answered PID: waits until PID has handled all signals that it was sent before. PID logs WINCH to the file `answer`.
# Pending signals with a lower number are delivered first.
answered() {
	rm -f answer
	kill -WINCH "$1"
	until_true test -s answer
}

# put_away PID...: ends these processes without killbox.
put_away() {
	kill -KILL "$@" 2>/dev/null
	kill -CONT "$@" 2>/dev/null
	for p in "$@"; do until_true dead "$p"; done
}

# clean_up: ends all processes of the namespace but PID 1 and this shell.
clean_up() { until_true kill_all; }
kill_all() {
	kill -KILL -1 2>/dev/null
	alone
}

# take_pid N CMD...: runs CMD in the background with N as its PID.
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

# both_paths FUNCTION...: calls FUNCTION with pidfds, and again without them.
both_paths() {
	unset KILLBOX_NO_PIDFD
	"$@"
	export KILLBOX_NO_PIDFD=1
	"$@"
	unset KILLBOX_NO_PIDFD
}

# as_user UID CMD...: runs CMD as user UID, in group UID and no other.
as_user() {
	uid=$1
	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"
}
