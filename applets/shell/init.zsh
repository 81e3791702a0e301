# killbox shell-init zsh: functions for zsh 5.0 and later. emulate reads them without aliases and with the default options,
# which the functions also have when they run.

# _killbox_call APPLET ARG...: runs the applet with jobs as operands. Without job control (MONITOR), the shell reports
# nothing about jobs that end. jobs drops those that were operands, and keeps their exit statuses for wait.
_killbox_call() {
	builtin setopt local_options no_monitor no_notify
	builtin local _killbox_applet="$1" _killbox_word _killbox_number _killbox_status=0
	builtin shift
	builtin local -a _killbox_jobs _killbox_named
	# jobstates prints a line for a name that no job has.
	{
		for _killbox_word; do
			[[ $_killbox_word != %* ]] || _killbox_jobs+=(-j "$_killbox_word" "${jobstates[$_killbox_word]-}")
			# The value of an option may be a list of jobs.
			if [[ $_killbox_word == (-*%*|*,%*|%*,*) ]]; then
				for _killbox_number in ${(s:,:)_killbox_word}; do
					[[ $_killbox_number != *%* ]] || _killbox_jobs+=(-j "%${_killbox_number#*%}" "${jobstates[%${_killbox_number#*%}]-}")
				done
			fi
			for _killbox_number in ${(k)jobstates}; do
				case $_killbox_word in
				%*) [[ ${jobstates[$_killbox_number]} != "${jobstates[$_killbox_word]-}" ]] || _killbox_named+=($_killbox_number) ;;
				[0-9]*) [[ ${jobstates[$_killbox_number]} != *:${_killbox_word%%[@:]*}=* ]] || _killbox_named+=($_killbox_number) ;;
				esac
			done
		done
	} 2>/dev/null
	@killbox@ shell-call "$_killbox_applet" -s "$$" "${_killbox_jobs[@]}" -- "$@" || _killbox_status=$?
	for _killbox_number in $_killbox_named; do
		builtin jobs %$_killbox_number &>/dev/null
	done
	builtin return $_killbox_status
}
killwait() { _killbox_call killwait "$@" }
tkill() { _killbox_call tkill "$@" }
pgkill() { _killbox_call pgkill "$@" }
freezekill() { _killbox_call freezekill "$@" }
waitpid() { _killbox_call waitpid "$@" }
reapwait() {
	# A command that reapwait runs is a job of its own.
	case ${1-} in
	-z*|--zombies) _killbox_call reapwait "$@" ;;
	*) @killbox@ reapwait "$@" ;;
	esac
}
