# shellcheck shell=bash
# killbox shell-init bash --replace: kill and wait as well.

# kill: the built-in, unless an operand or option is one that only the applet has.
function kill {
	\builtin local _killbox_word
	for _killbox_word; do
		case $_killbox_word in
		--) break ;;
		--timeout | --timeout=* | --dry-run | --queue | --queue=* | --require-handler | --verbose | -q | -r)
			_killbox_call kill "$@"
			\builtin return
			;;
		esac
	done
	for _killbox_word; do
		case $_killbox_word in
		[0-9]*[@:][0-9]*)
			_killbox_call kill "$@"
			\builtin return
			;;
		esac
	done
	\builtin kill "$@"
}

# _killbox_foreign PID: tests whether the process exists and is no child of this shell.
function _killbox_foreign {
	\builtin local IFS=$' \t\n' _killbox_key _killbox_value
	{
		while \builtin read -r _killbox_key _killbox_value; do
			case $_killbox_key in PPid:) [[ $_killbox_value != "$BASHPID" ]]; \builtin return ;; esac
		done <"/proc/$1/status"
	} 2>/dev/null
	\builtin return 1
}

# wait: the built-in. killwait waits for handles and for processes that are no children of the shell.
function wait {
	\builtin local _killbox_word _killbox_other='' _killbox_status=0
	for _killbox_word; do
		case $_killbox_word in
		-f | --) ;;
		-*)
			_killbox_other=''
			break
			;;
		[0-9]*[@:][0-9]*) _killbox_other=1 ;;
		*[!0-9]* | '') ;;
		*) if _killbox_foreign "$_killbox_word"; then _killbox_other=1; fi ;;
		esac
	done
	if [[ -z $_killbox_other ]]; then
		\builtin wait "$@"
		\builtin return
	fi
	for _killbox_word; do
		case $_killbox_word in
		-f | --) continue ;;
		[0-9]*[@:][0-9]*) ;;
		*)
			# The shell may remember an exit status that belongs to a child which had the PID before.
			_killbox_status=0
			if [[ $_killbox_word != *[!0-9]* ]] && _killbox_foreign "$_killbox_word"; then
				\builtin wait "$_killbox_word" 2>/dev/null || _killbox_status=$?
				if ((_killbox_status != 127)) || ! _killbox_foreign "$_killbox_word"; then continue; fi
			else
				\builtin wait "$_killbox_word" || _killbox_status=$?
				continue
			fi
			;;
		esac
		_killbox_status=0
		_killbox_call killwait -qw --status "$_killbox_word" >/dev/null || _killbox_status=$?
	done
	\builtin return "$_killbox_status"
}
