# shellcheck shell=sh
# shellcheck disable=SC2154
# For examples_*.txtar, which run the examples of the manual pages as they stand there: programs of the names that occur in
# them, at the numbers that occur in them. Sourced after lib.sh.

# The examples may write here: it is the namespace's own.
mount -t tmpfs none /run || fail 'no /run of our own'
PATH=$PWD/programs:$PATH
mkdir -p programs

# program NAME: one of that name that stays for as many seconds as its operand says.
program() { [ -e "programs/$1" ] || cp "$(command -v sleep)" "programs/$1"; }
# at N NAME: runs that program with N for its PID.
at() {
	program "$2"
	take_pid "$1" env "$2" 150 # a shell function may be called so
	until_true running "$pid" "$2"
}
# script NAME: a program of that name from stdin.
script() {
	{
		echo '#!/bin/sh'
		cat
	} >"programs/$1"
	chmod +x "programs/$1"
}
# In the current directory too, for those that the examples call so.
here() { ln -sf "programs/$1" "$1"; }

# child PID NAME: whether PID has a child that runs NAME; it is in $pid then.
child() {
	for pid in $(children "$1"); do running "$pid" "$2" && return; done
	return 1
}
# watching PID: whether it has all its targets, and waits for them.
watching() { ls -l "/proc/$1/fd" >"$T/fd" 2>&1 && grep -q pidfd "$T/fd" && grep -q eventpoll "$T/fd"; }
watched_by() { child "$1" "$2" && watching "$pid"; }
