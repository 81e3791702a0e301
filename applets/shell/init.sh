# shellcheck shell=sh
# killbox shell-init sh: functions for dash, the ash of busybox and other POSIX shells, to be read by eval.
#
# A backslash keeps an alias from being expanded, and command a function from being called. The name of a function must not
# be an alias. Variables would not be local to a function, but the arguments that set gives to it are.
for _killbox_word in killwait tkill pgkill freezekill waitpid reapwait; do
	\command unalias "$_killbox_word" 2>/dev/null || :
done
\unset -v _killbox_word

# _killbox_write JOB: writes what the shell knows about a job to the here-document. A line of a command that looks like that
# of a process is one that jobs without -l prints as well.
_killbox_write() {
	{
		\command printf '%s\0' "$1"
		# 2>&1 is not for the group: with set -x, dash and ash would write their trace to descriptor 9.
		\command jobs -l "$1" 2>&1 || :
		\command printf '\0'
		\command jobs "$1" 2>&1 || :
		\command printf '\0'
	} >>/proc/self/fd/9
}

# _killbox_call APPLET -s PID -f -- ARG...: runs the applet with jobs as operands.
#
# dash shows its jobs in no subshell. So the shell itself appends them to the here-document, a pipe or file, which the
# applet reads. The here-document has one line already: for an empty one, bash opens /dev/null.
_killbox_call() {
	{
		case $* in *%*) @killbox@ shell-pipe || : ;; esac
		for _killbox_word; do
			case $_killbox_word in
			%*) _killbox_write "$_killbox_word" ;;
			esac
			# The value of an option may be a list of jobs.
			case $_killbox_word in
			-*%* | *,%* | %*,*)
				while case $_killbox_word in *%*) ;; *) false ;; esac do
					_killbox_word=%${_killbox_word#*%},
					_killbox_write "${_killbox_word%%,*}"
					_killbox_word=${_killbox_word#*,}
				done
				;;
			esac
		done
		\unset -v _killbox_word
		if @killbox@ shell-call "$@"; then \set -- 0; else \set -- "$?"; fi
	} 9<<-END
		jobs
	END
	# A shell with job control reports the end of a job after a command, unless jobs has shown it.
	case $- in *[im]*) \command jobs >/dev/null || : ;; esac
	\return "$1"
}
killwait() { _killbox_call killwait -s "$$" -f -- "$@"; }
tkill() { _killbox_call tkill -s "$$" -f -- "$@"; }
pgkill() { _killbox_call pgkill -s "$$" -f -- "$@"; }
freezekill() { _killbox_call freezekill -s "$$" -f -- "$@"; }
waitpid() { _killbox_call waitpid -s "$$" -f -- "$@"; }
reapwait() {
	# A command that reapwait runs is a job of its own.
	case ${1-} in
	-z* | --zombies) _killbox_call reapwait -s "$$" -f -- "$@" ;;
	*) @killbox@ reapwait "$@" ;;
	esac
}
