# shellcheck shell=sh
# shellcheck disable=SC2154 # it does not know \read
# killbox shell-init sh --replace: kill and wait as well.
for _killbox_word in kill wait; do
	\command unalias "$_killbox_word" 2>/dev/null || :
done
\unset -v _killbox_word

# kill: the built-in, unless an operand or option is one that only the applet has.
kill() {
	for _killbox_word; do
		case $_killbox_word in
		--) break ;;
		--timeout | --timeout=* | --dry-run | --queue | --queue=* | --require-handler | --verbose | -q | -r)
			_killbox_call kill -s "$$" -f -- "$@"
			\return
			;;
		esac
	done
	for _killbox_word; do
		case $_killbox_word in
		[0-9]*[@:][0-9]*)
			_killbox_call kill -s "$$" -f -- "$@"
			\return
			;;
		esac
	done
	\unset -v _killbox_word
	\command kill "$@"
}

# _killbox_foreign PID: tests whether the process exists and is no child of this shell.
_killbox_foreign() {
	\set -- "$1" ''
	{
		while \command read -r _killbox_line; do
			case $_killbox_line in PPid:*) \set -- "$1" "${_killbox_line#PPid:?}" ;; esac
		done <"/proc/$1/status"
	} 2>/dev/null || :
	\unset -v _killbox_line
	[ -n "$2" ] && [ "$2" != "$$" ]
}

# wait: the built-in. killwait waits for handles and for processes that are no children of the shell.
wait() {
	_killbox_other=
	for _killbox_word; do
		case $_killbox_word in
		--) ;;
		-*)
			_killbox_other=
			break
			;;
		[0-9]*[@:][0-9]*) _killbox_other=1 ;;
		*[!0-9]* | '') ;;
		*) if _killbox_foreign "$_killbox_word"; then _killbox_other=1; fi ;;
		esac
	done
	if [ -z "$_killbox_other" ]; then
		\unset -v _killbox_word _killbox_other
		\command wait "$@"
		\return
	fi
	\unset -v _killbox_word _killbox_other
	if [ "$1" = -- ]; then \shift; fi
	while [ $# -gt 1 ]; do
		_killbox_wait "$1" || :
		\shift
	done
	_killbox_wait "$1"
}

# _killbox_wait OPERAND: waits for one operand of wait.
_killbox_wait() {
	case $1 in
	[0-9]*[@:][0-9]*) ;;
	*)
		if case $1 in *[!0-9]*) false ;; *) _killbox_foreign "$1" ;; esac then
			# The shell may remember an exit status that belongs to a child which had the PID before.
			if \command wait "$1" 2>/dev/null; then \return 0; else \set -- "$1" "$?"; fi
			if [ "$2" != 127 ] || ! _killbox_foreign "$1"; then \return "$2"; fi
		else
			\command wait "$1"
			\return
		fi
		;;
	esac
	_killbox_call killwait -s "$$" -f -- -qw --status "$1" >/dev/null
}
