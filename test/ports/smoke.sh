#!/bin/sh
# Usage: unshare --pid --fork --kill-child --mount-proc sh smoke.sh BIN native|emulated
# Runs the five and the drop-ins of BIN on real processes. BIN contains killbox and its links. This shell is PID 1.
set -u
PATH=$1:$PATH
failed=0

# victim: starts a process that ends by itself, and sets $pid.
victim() { sleep 60 & pid=$!; }

# shellcheck disable=SC2317 # called by until_true
leads_group() { [ "$(ps -o pgid= -p "$pid")" -eq "$pid" ]; }
# shellcheck disable=SC2317
has_two_children() { [ "$(ps -o pid= --ppid "$pid" | wc -l)" -eq 2 ]; }
# until_true CMD: waits until CMD succeeds, up to a minute.
until_true() {
	tries=0
	until "$1"; do
		tries=$((tries + 1))
		if [ "$tries" -gt 6000 ]; then
			echo "smoke.sh: not true after a minute: $1" >&2
			exit 1
		fi
		sleep .01
	done
}

# is WANT WORD...: the command exits with WANT.
is() {
	want=$1
	shift
	"$@" </dev/null
	got=$?
	if [ "$got" != "$want" ]; then
		echo "smoke.sh: $*: exit $got, not $want" >&2
		failed=1
	fi
}

# ended WANT: the victim ended with this status.
ended() {
	wait "$pid"
	got=$?
	if [ "$got" != "$1" ]; then
		echo "smoke.sh: the victim of '$2': exit $got, not $1" >&2
		failed=1
	fi
}

kind=$2
if [ "$kind" = emulated ]; then
	echo "smoke.sh: not run: the pair, reapwait below PID 1 (qemu-user refuses PR_SET_CHILD_SUBREAPER), and freezing (it refuses clone(2) without SIGCHLD)"
fi

victim; is 0 killwait "$pid"; ended 143 killwait
victim; is 0 killwait -s USR1 "$pid"; ended 138 'killwait -s USR1'
is 1 killwait -w "$pid"
is 2 killwait
victim; is 0 tkill "$pid"; ended 143 tkill
if [ "$kind" = native ]; then
	victim; is 0 freezekill "$pid"; ended 143 freezekill
	victim; is 0 freezekill --no-guard "$pid"; ended 143 'freezekill --no-guard'
fi
setsid sleep 60 & pid=$!
until_true leads_group
is 0 pgkill "$pid"; ended 143 pgkill
sh -c 'sleep 60 & sleep 60 & wait' & pid=$!
until_true has_two_children
is 0 tkill "$pid"; ended 143 'tkill of a tree'
is 1 sh -c 'ps -e -o args= | grep "[s]leep 60"'

is 7 timeout 60 sh -c 'exit 7'
is 124 timeout .1 sleep 60
is 137 timeout -s KILL .1 sleep 60
is 143 timeout 60 sh -c 'kill $$'
is 126 timeout 60 /
is 127 timeout 60 ./missing

# A PID namespace in which the program is PID 1, and so needs no PR_SET_CHILD_SUBREAPER.
# shellcheck disable=SC2317 # called by is
first() { unshare --pid --fork --kill-child --mount-proc "$@"; }
is 7 first reapwait sh -c 'exit 7'
is 143 first reapwait sh -c 'kill $$'
is 127 first reapwait ./missing
is 7 first tini -- sh -c 'exit 7'
is 7 first docker-init -- sh -c 'sleep 60 & exit 7'
if [ "$kind" = native ]; then
	is 7 reapwait sh -c 'sleep 60 & exit 7'
	is 7 reapwait --no-pair sh -c 'sleep 60 & exit 7'
	is 143 reapwait sh -c 'kill $$'
fi

# Every signal by its name and by its number. The names of the shell are those of the machine on which it runs. A shell
# without job control starts background processes with INT and QUIT ignored.
for number in 1 4 5 6 7 8 9 10 11 12 13 14 15 16 24 25 26 27 29 30 31; do
	name=$(env kill -l "$number")
	[ "$name" = STKFLT ] || is 0 test "$name" = "$(sh -c "kill -l $number" | sed 's/^POLL$/IO/')"
	victim; is 0 env kill -s "$name" "$pid"; ended $((128 + number)) "kill -s $name"
done
number=34
while [ "$number" -le 64 ]; do
	is 0 test "$(env kill -l "$(env kill -l "$number")")" = "$number"
	number=$((number + 1))
done

victim; is 0 pgrep -x sleep >/dev/null; is 0 pidof sleep >/dev/null; is 0 pkill -x sleep; ended 143 pkill
victim; is 0 killall sleep; ended 143 killall
is 0 sh -c 'sleep 3 & exec waitpid "$!"'
is 0 sh -c 'sleep 3 & exec pidwait -x sleep'
victim; is 0 setsid killall5 -9; ended 137 killall5
exit "$failed"
