# killbox shell-init zsh --replace: kill and wait as well.

# kill: the built-in, unless an operand or option is one that only the applet has.
kill() {
	builtin local _killbox_word _killbox_missing=0 _killbox_operands=0
	builtin local -a _killbox_words
	for _killbox_word; do
		case $_killbox_word in
		--) break ;;
		--timeout|--timeout=*|--dry-run|--queue|--queue=*|--require-handler|--verbose|-r)
			_killbox_call kill "$@"
			builtin return
			;;
		esac
	done
	for _killbox_word; do
		case $_killbox_word in
		[0-9]*[@:][0-9]*)
			_killbox_call kill "$@"
			builtin return
			;;
		esac
	done
	# The function itself has a number in the table of jobs, and no process. The built-in takes it for a job, and with job
	# control signals the process group of the shell.
	for _killbox_word; do
		case $_killbox_word in
		%*)
			if ! { [[ ${jobstates[$_killbox_word]-} == *=* ]] } 2>/dev/null; then
				builtin print -ru2 -- "kill: $_killbox_word: no such job"
				(( ++_killbox_missing ))
				continue
			fi
			_killbox_operands=1
			;;
		-*) ;;
		*) [[ ${_killbox_words[-1]-} == -[nqs] ]] || _killbox_operands=1 ;;
		esac
		_killbox_words+=("$_killbox_word")
	done
	(( !_killbox_missing || _killbox_operands )) || builtin return $_killbox_missing
	builtin kill "${_killbox_words[@]}"
	builtin return $(( $? + _killbox_missing ))
}

# _killbox_foreign PID: tests whether the process exists and is no child of this shell.
_killbox_foreign() {
	builtin local _killbox_key _killbox_value
	{
		while builtin read -r _killbox_key _killbox_value; do
			[[ $_killbox_key != PPid: ]] || { [[ $_killbox_value != ${sysparams[pid]} ]]; builtin return }
		done <"/proc/$1/status"
	} 2>/dev/null
	builtin return 1
}

# wait: the built-in. killwait waits for handles and for processes that are no children of the shell.
wait() {
	builtin local _killbox_word _killbox_other= _killbox_status=0
	builtin zmodload zsh/system || builtin return
	for _killbox_word; do
		case $_killbox_word in
		--) ;;
		[0-9]*[@:][0-9]*) _killbox_other=1 ;;
		*[!0-9]*|'') ;;
		*) if _killbox_foreign "$_killbox_word"; then _killbox_other=1; fi ;;
		esac
	done
	if [[ -z $_killbox_other ]]; then
		builtin wait "$@"
		builtin return
	fi
	for _killbox_word; do
		_killbox_status=0
		case $_killbox_word in
		--) continue ;;
		[0-9]*[@:][0-9]*) ;;
		*)
			# The shell may remember an exit status that belongs to a child which had the PID before.
			if [[ $_killbox_word != *[!0-9]* ]] && _killbox_foreign "$_killbox_word"; then
				builtin wait "$_killbox_word" 2>/dev/null || _killbox_status=$?
				if (( _killbox_status != 127 )) || ! _killbox_foreign "$_killbox_word"; then continue; fi
			else
				builtin wait "$_killbox_word" || _killbox_status=$?
				continue
			fi
			;;
		esac
		_killbox_status=0
		_killbox_call killwait -qw --status "$_killbox_word" >/dev/null || _killbox_status=$?
	done
	builtin return $_killbox_status
}
