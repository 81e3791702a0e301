# shellcheck shell=bash
# killbox shell-init bash: functions for bash 4.3 and later, to be read by eval.
#
# An interactive shell expands aliases when it reads a function. A backslash prevents that for a command, and "function"
# for the name of a function.

# _killbox_jobs [JOB]: prints what jobs -l does, without states and commands, which may be long. Called in a command
# substitution. A line of a command that looks like that of a process is one that jobs without -l prints as well.
function _killbox_jobs {
	\builtin local LC_ALL=C IFS=$'\n' _killbox_line _killbox_short
	\builtin set -f
	_killbox_short=$'\n'$(\builtin jobs "$@" 2>/dev/null) || \builtin :
	for _killbox_line in $(\builtin jobs -l "$@" 2>&1); do
		if [[ ${_killbox_line:0:60} =~ ^(\[[0-9]+\])?[-+]?\ +([0-9]+)\  ]]; then
			[[ $_killbox_short == *$'\n'"$_killbox_line"* ]] || \builtin printf '%s %s\n' "${BASH_REMATCH[@]:1}"
		elif [[ $_killbox_line == *': ambiguous job spec' ]]; then
			\builtin echo ambiguous
		fi
	done
}

# _killbox_call APPLET ARG...: runs the applet with jobs as operands, and keeps the shell from reporting the end of jobs
# that are operands.
function _killbox_call {
	\builtin local IFS=$' \t\n' _killbox_applet="$1" _killbox_shell="$BASHPID" _killbox_word _killbox_table _killbox_ended _killbox_status=0
	\builtin shift
	# With set -b, the shell would report the end of a job at once. "local -" needs bash 4.4.
	case $- in *b*) \builtin local - && \builtin set +b ;; esac
	# jobs sees the jobs of the shell in a command substitution, but in no other subshell.
	_killbox_table=$(_killbox_jobs)
	# The kernel limits an argument to 128 KiB. Without the table, the shell may report the end of a job whose PID
	# was an operand.
	if ((${#_killbox_table} > 100000)); then _killbox_table=; fi
	\builtin set -- -- "$@"
	for _killbox_word; do
		case $_killbox_word in
		%*) \builtin set -- -j "$_killbox_word" "$(_killbox_jobs -- "$_killbox_word")" "$@" ;;
		esac
		# The value of an option may be a list of jobs.
		case $_killbox_word in
		-*%* | *,%* | %*,*)
			while [[ $_killbox_word == *%* ]]; do
				_killbox_word=%${_killbox_word#*%},
				\builtin set -- -j "${_killbox_word%%,*}" "$(_killbox_jobs -- "${_killbox_word%%,*}")" "$@"
				_killbox_word=${_killbox_word#*,}
			done
			;;
		esac
	done
	# The shell reports the end of background jobs after each command in the foreground, but not after a command
	# substitution. So the applet runs in one, with the usual standard output. To descriptor 3 it writes the numbers of the
	# jobs that are operands. jobs drops those that have ended, and keeps their exit statuses for wait.
	if { \builtin :; } 2>/dev/null 4>&1; then
		{
			_killbox_ended=$(@killbox@ shell-call "$_killbox_applet" -s "$$" -s "$_killbox_shell" -t "$_killbox_table" "$@" 3>&1 >&4 4>&-) || _killbox_status=$?
		} 4>&1
	else
		_killbox_ended=$(@killbox@ shell-call "$_killbox_applet" -s "$$" -s "$_killbox_shell" -t "$_killbox_table" "$@" 3>&1 >&-) || _killbox_status=$?
	fi
	for _killbox_word in $_killbox_ended; do
		\builtin jobs "%$_killbox_word" >/dev/null 2>&1 || \builtin :
	done
	\builtin return "$_killbox_status"
}
function killwait { _killbox_call killwait "$@"; }
function tkill { _killbox_call tkill "$@"; }
function pgkill { _killbox_call pgkill "$@"; }
function freezekill { _killbox_call freezekill "$@"; }
function waitpid { _killbox_call waitpid "$@"; }
function reapwait {
	# A command that reapwait runs is a job of its own.
	case ${1-} in
	-z* | --zombies) _killbox_call reapwait "$@" ;;
	*) @killbox@ reapwait "$@" ;;
	esac
}
