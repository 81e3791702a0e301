# shellcheck shell=bash
# Completions of bash 4.4 or later for killbox, printed by `killbox completion bash`: do not edit.

_killbox_table='
applet killbox
--list print the names of the applets and plug-ins
--install link every applet into DIR
-s,--symbolic with --install: symbolic links instead of hard ones
--force with --install: replace other files, too
--replace with shell-init, whose functions take jobs such as %1: kill and wait, too
-h,--help print this help and exit
-V,--version print the version and exit
with --install directory
applet docker-init run a command as the init of a container
-e,--expect=any exit with 0 if COMMAND exits with CODE (repeatable)
-g,--group forward signals to the process group of COMMAND
-h,--help print this help and exit
--keep when COMMAND has exited, do not signal the remaining processes
-l,--license print the license and exit
-p,--parent-death=signal have the kernel send SIGNAL to this process when its parent is gone
-s,--subreaper adopt orphans without being PID 1
-v,--verbose print more messages (repeatable)
--version print the version and exit
-w,--warn warn of each reaped orphan
operands command
applet freezekill stop processes together, signal them, resume them
-s,--signal=signal send SIG first, by name or number; also -SIG (default TERM)
shorthand
-k,--kill-after=duration send KILL after DUR (default 5s)
--no-kill never send KILL
-R,--retry=ladder use this ladder: SIG/DUR/...; DUR alone means SIG/DUR/KILL/DUR
-t,--timeout=duration limit the whole call to DUR
--hook=command before each step but the first, run COMMAND by sh -c for each remaining process
--hook-timeout=duration kill a hook that takes longer (default 10s)
--strict exit 5 if the first step was not enough
--hold stop the targets, print their handles, resume at the end of standard input or on a signal
--thaw send CONT, and do nothing else
--no-guard start no guardian, which resumes the targets if this process is killed
--prove=duration always require the proof that no process escaped, and try for DUR (default 1s)
-T,--tree include all descendants of the targets
-a,--all end every process outside of this session but PID 1 and kernel threads
--cgroup=cgroup+process end the members of a cgroup v2 and of those below it
--orphans with -T: include all orphans that were forked from the tree, not only the new ones
--no-strays with -T: include no orphans
-o,--omit=process, exclude these
--force allow PID 1 and kernel threads as targets
-e,--exited exit 0 if a target does not exist or nothing matches
--name=name select by NAME: the executable'\''s or argv[0]'\''s base name, comm, or a script'\''s name, exactly
--full=any select by REGEX on the command line
--user=user select by effective USER, a name or number
--tty=terminal select by controlling TTY
--group=group select by process group PGID
--session=session select by session SID
--parent=process select by parent
--env=any select by environment
--owner-gone select by environment: an owner mark whose owner is gone
--state=state select by state: any of LETTERS
--older=duration select processes started DUR ago or earlier
--newer=duration select processes started less than DUR ago
--exe=file select by executable FILE, also if it was removed or replaced
--cwd=directory select by working directory DIR, or below it
--rss-over=size select by resident memory above SIZE, such as 500M
--pidfile=file select the process whose PID or handle is in FILE
--port=port select what listens on [tcp:|udp:]PORT; return when the port is free
--open=file select what has FILE open or mapped; return when nothing has
--mount=directory select what uses the mount at DIR; return when nothing does
-n,--dry-run signal nothing; print what would be signalled
--handles signal nothing; print the handles of what would be signalled
-v,--verbose print a line for each signal sent and each process gone
-j,--json print events as JSON, one object a line
-q,--quiet print nothing but usage errors
--color[=auto|always|never] with -n: colours, if standard output is a terminal, always, or never
-h,--help print this help and exit
-V,--version print the version and exit
operands process
applet kill send signals to processes
-s,--signal=signal send SIG instead of TERM; also -SIG
shorthand
-n=number send the signal with the number NUM
-q,--queue=any send VALUE with the signal (sigqueue(3))
--timeout=any send SIG to the processes that remain MS milliseconds later, and wait (repeatable)
-a,--all with NAME, signal processes of other users, too
-p,--pid print the PIDs and signal nothing
-r,--require-handler signal only processes that have a handler for the signal
-l,--list list signals, or translate names, numbers, exit statuses and 0x masks
-L,--table list signals with their numbers; also -t
-d,--show-process-state=process print the signals that PID has pending, blocks, ignores and catches
--dry-run signal nothing; print what would be signalled
--verbose print the PID of each process that is signalled
-h,--help print this help and exit
-V,--version print the version and exit; also -v
with -l,--list signal
operands process+name
applet killall signal processes by name
-e,--exact skip processes whose names are cut off and cannot be found in full
-I,--ignore-case ignore case
-g,--process-group signal the process group of each process that matches, once
-y,--younger-than=any only processes started less than TIME ago: 90s 5m 2h 1d 1w 1M 1y
-o,--older-than=any only processes started more than TIME ago
-i,--interactive ask before each signal
-l,--list-signals list the signals
-q,--quiet do not report names that no process has
-r,--regexp the names are extended regular expressions
-s,--signal=signal send SIGNAL instead of TERM; also -SIGNAL
shorthand
-u,--user=user only processes with this real user
-v,--verbose report each process that was signalled
-w,--wait wait until all signalled processes are gone
--dry-run signal nothing; print what would be signalled
-n,--ns=process only processes in the PID namespace of PID
-Z,--context=any only processes whose security context matches
-V,--version print the version
-h,--help print this
operands name
applet killall5 signal all processes outside of this session
-s,--signal=signal send SIG; also -SIG (default KILL)
shorthand
-o,--omit=process, exclude these
--dry-run signal nothing; print what would be signalled
-h,--help print this help and exit
-V,--version print the version and exit
applet killwait signal processes, wait until they are gone, escalate
-s,--signal=signal send SIG first, by name or number; also -SIG (default TERM)
shorthand
-k,--kill-after=duration send KILL after DUR (default 5s)
--no-kill never send KILL
-R,--retry=ladder use this ladder: SIG/DUR/...; DUR alone means SIG/DUR/KILL/DUR
-t,--timeout=duration limit the whole call to DUR
--hook=command before each step but the first, run COMMAND by sh -c for each remaining process
--hook-timeout=duration kill a hook that takes longer (default 10s)
--strict exit 5 if the first step was not enough
-w,--wait-only send nothing; only wait
--any return when one target is gone
--count=any return when N targets are gone
--reaped wait until the parents have reaped the targets, too
-o,--omit=process, exclude these
--force allow PID 1 and kernel threads as targets
-e,--exited exit 0 if a target does not exist or nothing matches
--name=name select by NAME: the executable'\''s or argv[0]'\''s base name, comm, or a script'\''s name, exactly
--full=any select by REGEX on the command line
--user=user select by effective USER, a name or number
--tty=terminal select by controlling TTY
--group=group select by process group PGID
--session=session select by session SID
--parent=process select by parent
--env=any select by environment
--owner-gone select by environment: an owner mark whose owner is gone
--state=state select by state: any of LETTERS
--older=duration select processes started DUR ago or earlier
--newer=duration select processes started less than DUR ago
--exe=file select by executable FILE, also if it was removed or replaced
--cwd=directory select by working directory DIR, or below it
--rss-over=size select by resident memory above SIZE, such as 500M
--pidfile=file select the process whose PID or handle is in FILE
--port=port select what listens on [tcp:|udp:]PORT; return when the port is free
--open=file select what has FILE open or mapped; return when nothing has
--mount=directory select what uses the mount at DIR; return when nothing does
--cgroup=cgroup select by cgroup PATH, or below it
--status[=last|first|worst] print the exit status of each target, and exit with the last, the first that is not 0, or the worst
--why print what each target is doing and what ends it, and do nothing else
--owner-mark print the owner mark of the process, and do nothing else
-l,--list list signals, or translate names, numbers and exit statuses
-L,--table list signals with their numbers
-n,--dry-run signal nothing; print what would be signalled
--handles signal nothing; print the handles of what would be signalled
-v,--verbose print a line for each signal sent and each process gone
-j,--json print events as JSON, one object a line
-q,--quiet print nothing but usage errors
--color[=auto|always|never] with -n: colours, if standard output is a terminal, always, or never
-h,--help print this help and exit
-V,--version print the version and exit
with -l,--list signal
operands process
applet pgkill end process groups and sessions
-s,--signal=signal send SIG first, by name or number; also -SIG (default TERM)
shorthand
-k,--kill-after=duration send KILL after DUR (default 5s)
--no-kill never send KILL
-R,--retry=ladder use this ladder: SIG/DUR/...; DUR alone means SIG/DUR/KILL/DUR
-t,--timeout=duration limit the whole call to DUR
--hook=command before each step but the first, run COMMAND by sh -c for each remaining process
--hook-timeout=duration kill a hook that takes longer (default 10s)
--strict exit 5 if the first step was not enough
--prove=duration try for DUR to prove that no process escaped (default 1s)
-m,--mixed send the first signal to the leaders alone, and then use the ladder for what remains
--of the operands are processes: end their groups
-S,--session the operands are sessions: end all their groups
-e,--exited exit 0 if a group does not exist
-n,--dry-run signal nothing; print what would be signalled
--handles signal nothing; print the handles of what would be signalled
-v,--verbose print a line for each signal sent and each process gone
-j,--json print events as JSON, one object a line
-q,--quiet print nothing but usage errors
--color[=auto|always|never] with -n: colours, if standard output is a terminal, always, or never
-h,--help print this help and exit
-V,--version print the version and exit
with -S,--session session
with --of process
operands group
applet pgrep list processes by name and other attributes
-d,--delimiter=any specify output delimiter
-l,--list-name list PID and process name
-a,--list-full list PID and full command line
-Q,--shell-quote with -l and -a: quote for a shell
--quiet print nothing
--signal=signal the signal of --require-handler
-v,--inverse negates the matching
-w,--lightweight list all TID
-c,--count count of matching processes
-f,--full use full process name to match
-g,--pgroup=group, match listed process group IDs
-G,--group=gid, match real group IDs
-H,--require-handler match only if signal handler is present
-i,--ignore-case match case insensitively
-n,--newest select most recently started
-o,--oldest select least recently started
-O,--older=any select where older than seconds
-p,--pid=process, match process IDs
-P,--parent=process, match only child processes of the given parent
-s,--session=session, match session IDs
-t,--terminal=terminal, match by controlling terminal
-u,--euid=user, match by effective IDs
-U,--uid=user, match by real IDs
-x,--exact match exactly with the command name
-F,--pidfile=file read PIDs from file
-L,--logpidfile fail if PID file is not locked
-r,--runstates=state match runstates [D,S,Z,...]
-A,--ignore-ancestors exclude our ancestors from results
--cgroup=cgroup, match by cgroup v2 names
--env=any, match on environment variable
--ns=process match the processes that belong to the same namespace as <pid>
--nslist=cgroup|ipc|mnt|net|pid|time|user|uts list which namespaces will be considered for the --ns option. Available namespaces: cgroup, ipc, mnt, net, pid, time, user, uts
-h,--help display this help and exit
-V,--version output version information and exit
operands name
applet pidof find processes by program
-s,--single-shot print one PID for each program
-c,--check-root only processes with the same root folder; for root
-q,--quiet print nothing
-w,--with-workers compare also the kernel'\''s name of the process, which finds kernel threads and zombies
-x,--also-scripts compare also the script that the process runs
-z,--zombies find zombies, by the kernel'\''s name
-t,--lightweight print the IDs of the threads
-o,--omit-pid=process, exclude these PIDs; %PPID is the caller
-S,--separator=any print <sep> between PIDs; also -d
-h,--help print this help
-V,--version print the version
operands name
applet pidwait wait for processes by name and other attributes
-e,--echo display PIDs before waiting
--inverse negates the matching
--signal=signal the signal of --require-handler
--timeout=duration wait at most <duration>, then exit 124
-c,--count count of matching processes
-f,--full use full process name to match
-g,--pgroup=group, match listed process group IDs
-G,--group=gid, match real group IDs
-H,--require-handler match only if signal handler is present
-i,--ignore-case match case insensitively
-n,--newest select most recently started
-o,--oldest select least recently started
-O,--older=any select where older than seconds
-p,--pid=process, match process IDs
-P,--parent=process, match only child processes of the given parent
-s,--session=session, match session IDs
-t,--terminal=terminal, match by controlling terminal
-u,--euid=user, match by effective IDs
-U,--uid=user, match by real IDs
-x,--exact match exactly with the command name
-F,--pidfile=file read PIDs from file
-L,--logpidfile fail if PID file is not locked
-r,--runstates=state match runstates [D,S,Z,...]
-A,--ignore-ancestors exclude our ancestors from results
--cgroup=cgroup, match by cgroup v2 names
--env=any, match on environment variable
--ns=process match the processes that belong to the same namespace as <pid>
--nslist=cgroup|ipc|mnt|net|pid|time|user|uts list which namespaces will be considered for the --ns option. Available namespaces: cgroup, ipc, mnt, net, pid, time, user, uts
-h,--help display this help and exit
-V,--version output version information and exit
operands name
applet pkill signal processes by name and other attributes
--signal=signal signal to send (either number or name)
shorthand
-q,--queue=any integer value to be sent with the signal
-m,--mrelease free the memory of killed processes at once
-e,--echo display what is killed
--dry-run display what would be killed (-n is --newest)
--inverse negates the matching
-Q,--shell-quote with -e: quote the name for a shell
-c,--count count of matching processes
-f,--full use full process name to match
-g,--pgroup=group, match listed process group IDs
-G,--group=gid, match real group IDs
-H,--require-handler match only if signal handler is present
-i,--ignore-case match case insensitively
-n,--newest select most recently started
-o,--oldest select least recently started
-O,--older=any select where older than seconds
-p,--pid=process, match process IDs
-P,--parent=process, match only child processes of the given parent
-s,--session=session, match session IDs
-t,--terminal=terminal, match by controlling terminal
-u,--euid=user, match by effective IDs
-U,--uid=user, match by real IDs
-x,--exact match exactly with the command name
-F,--pidfile=file read PIDs from file
-L,--logpidfile fail if PID file is not locked
-r,--runstates=state match runstates [D,S,Z,...]
-A,--ignore-ancestors exclude our ancestors from results
--cgroup=cgroup, match by cgroup v2 names
--env=any, match on environment variable
--ns=process match the processes that belong to the same namespace as <pid>
--nslist=cgroup|ipc|mnt|net|pid|time|user|uts list which namespaces will be considered for the --ns option. Available namespaces: cgroup, ipc, mnt, net, pid, time, user, uts
-h,--help display this help and exit
-V,--version output version information and exit
operands name
applet reapwait run a command and end everything that it has started
-g,--group run COMMAND in a process group of its own, and forward signals to the group
-S,--new-session run COMMAND in a session of its own
--tag=any add NAME=VALUE to the environment of COMMAND
--mark name reapwait as the owner in the environment of COMMAND, for --owner-gone
--pidns run COMMAND in a PID namespace of its own
--no-new-privs let no set-uid program of COMMAND gain privileges
--detach run in the background, and print the handle of reapwait
--log=file with --detach: append output and errors to FILE
--pidfile=file write the PID of reapwait to FILE
--no-pair run as one process; if it is sent KILL, the others remain
-t,--timeout=duration end all processes and exit 124 if COMMAND still runs after DUR; with --linger, if any does
--linger when COMMAND has exited, wait for the remaining processes
--keep when COMMAND has exited, do not signal the remaining processes
--leaks=end|warn|fail end what COMMAND leaves behind, silently; report it; or exit with N, too
--settle=duration before that, wait up to DUR for the processes to end by themselves (default 200ms)
--until-eof end all processes when the other end of standard input is closed
--die-with-parent[=process] end all processes when the parent, which must be PID, is gone
--remap=any exit with M if COMMAND exits with N
-s,--signal=signal begin the ladder with SIG; also -SIG (default TERM)
shorthand
-k,--kill-after=duration send KILL after DUR (default 5s)
--no-kill never send KILL
-R,--retry=ladder use this ladder: SIG/DUR/...; DUR alone means SIG/DUR/KILL/DUR
--hook=command before each step but the first, run COMMAND by sh -c for each remaining process
--hook-timeout=duration kill a hook that takes longer (default 10s)
--rewrite=forwarding forward signal A as B, or not at all
-z,--zombies list zombies, all or the children of the operands
--nudge with -z: send CHLD to the parents, and wait
--kill-parent with -z: end the parents that still do not reap
--force with --kill-parent: end ancestors of reapwait, too
--report print a line to standard error for each reaped process
--report-fd=any print the same to descriptor N
-n,--dry-run signal nothing; print what would be signalled
--handles signal nothing; print the handles of what would be signalled
-v,--verbose print a line for each signal sent and each process gone
-j,--json print events as JSON, one object a line
-q,--quiet print nothing but usage errors
--color[=auto|always|never] with -n: colours, if standard output is a terminal, always, or never
-h,--help print this help and exit
-V,--version print the version and exit
with -z,--zombies process
operands command
applet timeout run a command with a time limit
-f,--foreground stay in the process group, and signal COMMAND only
--group-only signal the process group only, not descendants that have left it
-k,--kill-after=duration send KILL if COMMAND still runs this long after the first signal
-p,--preserve-status exit with COMMAND'\''s status even if it is timed out
-s,--signal=signal send SIGNAL instead of TERM
-v,--verbose report each signal on standard error
--help print this help and exit
--version print the version and exit
operands duration command
applet tini run a command as the init of a container
-e,--expect=any exit with 0 if COMMAND exits with CODE (repeatable)
-g,--group forward signals to the process group of COMMAND
-h,--help print this help and exit
--keep when COMMAND has exited, do not signal the remaining processes
-l,--license print the license and exit
-p,--parent-death=signal have the kernel send SIGNAL to this process when its parent is gone
-s,--subreaper adopt orphans without being PID 1
-v,--verbose print more messages (repeatable)
--version print the version and exit
-w,--warn warn of each reaped orphan
operands command
applet tkill end process trees
-s,--signal=signal send SIG first, by name or number; also -SIG (default TERM)
shorthand
-k,--kill-after=duration send KILL after DUR (default 5s)
--no-kill never send KILL
-R,--retry=ladder use this ladder: SIG/DUR/...; DUR alone means SIG/DUR/KILL/DUR
-t,--timeout=duration limit the whole call to DUR
--hook=command before each step but the first, run COMMAND by sh -c for each remaining process
--hook-timeout=duration kill a hook that takes longer (default 10s)
--strict exit 5 if the first step was not enough
-m,--mixed send the first signal to the targets alone, and then use the ladder for what remains
--no-freeze do not stop the targets first: for processes that must not be sent STOP
--no-guard start no guardian, which resumes the targets if this process is killed
--prove=duration always require the proof that no process escaped, and try for DUR (default 1s)
-c,--children end all descendants, but not the target itself
--orphans include all orphans that were forked from the tree, not only the new ones
--no-strays include no orphans
-o,--omit=process, exclude these
--force allow PID 1 and kernel threads as targets
-e,--exited exit 0 if a target does not exist or nothing matches
--name=name select by NAME: the executable'\''s or argv[0]'\''s base name, comm, or a script'\''s name, exactly
--full=any select by REGEX on the command line
--user=user select by effective USER, a name or number
--tty=terminal select by controlling TTY
--group=group select by process group PGID
--session=session select by session SID
--parent=process select by parent
--env=any select by environment
--owner-gone select by environment: an owner mark whose owner is gone
--state=state select by state: any of LETTERS
--older=duration select processes started DUR ago or earlier
--newer=duration select processes started less than DUR ago
--exe=file select by executable FILE, also if it was removed or replaced
--cwd=directory select by working directory DIR, or below it
--rss-over=size select by resident memory above SIZE, such as 500M
--pidfile=file select the process whose PID or handle is in FILE
--port=port select what listens on [tcp:|udp:]PORT; return when the port is free
--open=file select what has FILE open or mapped; return when nothing has
--mount=directory select what uses the mount at DIR; return when nothing does
--cgroup=cgroup select by cgroup PATH, or below it
-n,--dry-run signal nothing; print what would be signalled
--handles signal nothing; print the handles of what would be signalled
-v,--verbose print a line for each signal sent and each process gone
-j,--json print events as JSON, one object a line
-q,--quiet print nothing but usage errors
--color[=auto|always|never] with -n: colours, if standard output is a terminal, always, or never
-h,--help print this help and exit
-V,--version print the version and exit
operands process
applet waitpid wait for processes that need not be children
-v,--verbose report each process that has ended
-t,--timeout=duration wait at most DUR
-e,--exited ignore processes that are already gone
-c,--count=any return when N processes are gone
-h,--help print this help and exit
-V,--version print the version and exit
operands process
plugin pick choose processes from a list, and end them
-a,--all list the processes of all users
-s,--signal=signal send SIG first, by name or number; also -SIG (default TERM)
shorthand
-k,--kill-after=duration send KILL after DUR (default 5s)
--no-kill never send KILL
-R,--retry=ladder use this ladder: SIG/DUR/...; DUR alone means SIG/DUR/KILL/DUR
-t,--timeout=duration limit the whole call to DUR
--hook=command before each step but the first, run COMMAND by sh -c for each remaining process
--hook-timeout=duration kill a hook that takes longer (default 10s)
--strict exit 5 if the first step was not enough
--reaped wait until the parents have reaped the targets, too
-n,--dry-run signal nothing; print what would be signalled
--handles signal nothing; print the handles of what would be signalled
-v,--verbose print a line for each signal sent and each process gone
-j,--json print events as JSON, one object a line
-q,--quiet print nothing but usage errors
-h,--help print this help and exit
operands any
'

# _killbox_read APPLET: sets options, shorthand, operands and withs to what the table has for the applet.
_killbox_read() {
	local line found=''
	options=() operands=() withs=() shorthand=''
	while IFS= read -r line; do
		case $found$line in
		'yesapplet '* | 'yesplugin '*) return 0 ;;
		"applet $1" | "applet $1 "* | "plugin $1 "*) found=yes ;;
		yes-*) options+=("${line%% *}") ;;
		yesshorthand) shorthand=yes ;;
		'yesoperands '*) read -ra operands <<<"${line#* }" ;;
		'yeswith '*) withs+=("${line#* }") ;;
		esac
	done <<<"$_killbox_table"
	[[ -n $found ]]
}

# _killbox_add PREFIX WORD...: adds the words that begin with the value so far, each after PREFIX. A character that the
# shell acts on is quoted. $value is what has been typed of the value, and $quote the quotation mark before it.
_killbox_add() {
	local prefix=$1 word char
	shift
	for word; do
		[[ $word == "$value"* ]] || continue
		case ${quote-} in
		\') [[ $word != *\'* ]] || continue ;;
		\") for char in \\ \" \$ \`; do word=${word//"$char"/\\"$char"}; done ;;
		*) [[ $word =~ ^[A-Za-z0-9_./:=,@%+-]+$ ]] || printf -v word %q "$word" ;;
		esac
		found+=("$prefix$word")
	done
}

# _killbox_unquote: removes the quotes and backslashes from value, and sets quote.
_killbox_unquote() {
	[[ $value != [\"\']* ]] || quote=${value:0:1} value=${value:1}
	# shellcheck disable=SC2162 # read without -r removes the backslashes
	[[ $quote == \' ]] || IFS= read value <<<"$value"
}

# _killbox_values PREFIX KIND: adds the values of this kind, each after PREFIX.
_killbox_values() {
	local prefix=$1 kind=$2 head line words=() quote=''
	local -A seen=()
	_killbox_unquote
	case $kind in
	any) ;;
	*'|'*)
		IFS='|' read -ra words <<<"$kind"
		_killbox_add "$prefix" "${words[@]}"
		;;
	file | directory | command)
		[[ $kind != command || $value == */* ]] || kind=-c
		kind=${kind/#file/-f} kind=${kind/#directory/-d} kind=${kind/#command/-f}
		mapfile -t words < <(compgen "$kind" -- "$value")
		# Of a command that several folders of PATH contain, compgen prints several lines.
		for line in "${words[@]}"; do
			[[ -n ${seen[$line]-} ]] || found+=("$prefix$line")
			seen[$line]=yes
		done
		[[ $kind == -c ]] || compopt -o filenames
		;;
	user* | gid*)
		[[ $kind == *, && $value == *,* ]] && head=${value%,*},
		prefix+=${head-} value=${value#"${head-}"}
		kind=${kind/#user*/-u} kind=${kind/#gid*/-g}
		mapfile -t words < <(compgen "$kind" -- "$value")
		_killbox_add "$prefix" "${words[@]}"
		;;
	*)
		# exec, so that no further shell is among the processes. A missing killbox leaves the list empty.
		while IFS= read -r line; do
			_killbox_add "$prefix" "${line%%$'\t'*}"
			# The list that a second Tab shows has descriptions. They do not change what the values have in common.
			[[ $line != *$'\t'* || ${#found[@]} = 0 || $line != "$value"* ]] || texts[${#found[@]} - 1]=${line#*$'\t'}
		done < <(exec killbox completion values "$kind" "$value" 2>/dev/null)
		;;
	esac
}

# _killbox_takes NAME: sets takes to the kind of the argument of an option, optional if the argument may be left out. NAME
# may be the beginning of the long name of one option.
_killbox_takes() {
	local option name names fits=0
	takes='' optional=''
	for option in "${options[@]}"; do
		IFS=, read -ra names <<<"${option%%[[=]*}"
		for name in "${names[@]}"; do
			[[ $name == "$1" || $1 == --?* && $name == "$1"* ]] || continue
			takes='' optional=''
			[[ $option != *=* ]] || takes=${option#*=}
			[[ $option != *'[='* ]] || takes=${takes%']'} optional=yes
			[[ $name != "$1" ]] || return 0
			((fits += 1))
		done
	done
	[[ $fits == 1 ]] || takes='' optional=''
}

# _killbox_letters WORD: reads a word of one-letter options. It sets takes if an option in it takes an argument, and letter
# to the word up to that option.
_killbox_letters() {
	local i
	letter='' takes=''
	for ((i = 1; i < ${#1}; i++)); do
		_killbox_takes "-${1:i:1}"
		[[ -z $takes ]] || { letter=${1:0:i+1} && return; }
	done
}

# _killbox_words: sets words to the words up to the cursor, and at to the place of each in COMP_WORDS. Readline also breaks
# words at the other characters of COMP_WORDBREAKS, such as "=".
_killbox_words() {
	local i blanks rest=${COMP_LINE:0:COMP_POINT}
	for ((i = 0; i <= COMP_CWORD; i++)); do
		blanks=${rest%%[![:space:]]*}
		rest=${rest#"$blanks"}
		if [[ $i -gt 0 && -z $blanks ]]; then
			((i < COMP_CWORD)) || COMP_WORDS[i]=$rest
			words[${#words[@]} - 1]+=${COMP_WORDS[i]}
		else
			((i < COMP_CWORD)) || COMP_WORDS[i]=$rest
			words+=("${COMP_WORDS[i]}")
			at+=("$i")
		fi
		rest=${rest#"${COMP_WORDS[i]}"}
	done
}

# _killbox_command N: completes the command that begins with word N, as the shell does elsewhere.
_killbox_command() {
	local handler spec rest=$COMP_LINE COMP_WORDS=("${COMP_WORDS[@]:at[$1]}")
	local COMP_CWORD=$((COMP_CWORD - at[$1])) i
	local name=${COMP_WORDS[0]}
	if [[ $COMP_CWORD == 0 ]]; then
		value=$name
		_killbox_values '' command
		return
	fi
	if declare -F _comp_load >/dev/null; then
		_comp_load -- "$name"
	elif declare -F __load_completion >/dev/null; then
		__load_completion "$name"
	fi
	spec=$(complete -p -- "${name##*/}" 2>/dev/null) # no completion: files
	if [[ $spec != *' -F '* ]]; then
		value=$current
		_killbox_values '' file
		return
	fi
	for ((i = 0; i < $1; i++)); do
		rest=${rest#"${rest%%[![:space:]]*}"}
		rest=${rest#"${words[i]}"}
	done
	rest=${rest#"${rest%%[![:space:]]*}"}
	local COMP_POINT=$((COMP_POINT - ${#COMP_LINE} + ${#rest})) COMP_LINE=$rest
	[[ $spec != *' -o filenames '* ]] || compopt -o filenames
	[[ $spec != *' -o nospace '* ]] || compopt -o nospace
	handler=${spec##* -F }
	"${handler%% *}" "$name" "$current" "${COMP_WORDS[COMP_CWORD - 1]}"
	delegated=yes
}

# _killbox_option: adds options, and signals in the form -TERM.
_killbox_option() {
	local option name names
	value=$current
	for option in "${options[@]}"; do
		IFS=, read -ra names <<<"${option%%[[=]*}"
		for name in "${names[@]}"; do
			case $name$option in
			--*'[='*) _killbox_add '' "$name" "$name=" ;;
			--*=*) _killbox_add '' "$name=" ;;
			*) _killbox_add '' "$name" ;;
			esac
		done
	done
	[[ $current != -[A-Z]* || -z $shorthand ]] || _killbox_values '' shorthand
}

# _killbox_line: completes the last of words.
_killbox_line() {
	local options operands withs shorthand i=0 last=$((${#words[@]} - 1)) name current=${words[-1]} takes optional letter=''
	local pending='' ended='' count=0 with='' value line
	name=${words[0]##*/}
	if [[ $name == killbox ]]; then
		for ((i = 1; i < last; i++)); do [[ ${words[i]} == -* ]] || break; done
		if ((i == last)) && [[ $current != -* ]]; then
			value=$current
			[[ ${words[*]} == *' --install '* ]] && _killbox_values '' directory && return
			mapfile -t operands < <(exec killbox --list 2>/dev/null) # a missing killbox leaves the list empty
			_killbox_add '' "${operands[@]}" help completion shell-init
			return
		fi
		((i == last)) || name=${words[i]}
	fi
	value=$current
	case $name in
	help)
		mapfile -t operands < <(exec killbox --list 2>/dev/null)
		_killbox_add '' "${operands[@]}"
		return
		;;
	shell-init)
		_killbox_add '' bash zsh sh --replace
		return
		;;
	completion)
		if ((i + 1 == last)); then
			_killbox_add '' bash zsh fish
		else
			while read -r line name _; do
				[[ $line != applet ]] || _killbox_add '' "$name"
			done <<<"$_killbox_table"
		fi
		return
		;;
	esac
	_killbox_read "$name" || return
	[[ $name != killbox ]] || i=0
	for ((i += 1; i < last; i++)); do
		if [[ -n $pending ]]; then
			pending=''
			continue
		fi
		case $ended${words[i]} in
		--) ended=yes ;;
		--*=*) ;;
		--?*)
			_killbox_takes "${words[i]}"
			[[ -n $optional ]] || pending=$takes
			;;
		-?*)
			# -STOP is a signal, although in pkill the letter P takes an argument.
			[[ -z $shorthand || ${words[i]} != -[A-Z][A-Z]* ]] || continue
			_killbox_letters "${words[i]}"
			[[ $letter != "${words[i]}" || -n $optional ]] || pending=$takes
			;;
		*)
			if [[ ${operands[count < ${#operands[@]} ? count : ${#operands[@]} - 1]-} == command && -z $with ]]; then
				_killbox_command "$i"
				return
			fi
			((count += 1))
			;;
		esac
		for line in "${withs[@]}"; do
			[[ ",${line% *}," != *",${words[i]},"* ]] || with=${line##* }
		done
	done
	if [[ -n $pending ]]; then
		_killbox_values '' "$pending"
	elif [[ -z $ended && $current == --*=* ]]; then
		_killbox_takes "${current%%=*}"
		value=${current#*=}
		[[ -z $takes ]] || _killbox_values "${current%%=*}=" "$takes"
	elif [[ -z $ended && $current == -* ]]; then
		_killbox_option
		[[ $current == --* ]] || _killbox_letters "$current"
		if [[ -n $letter && $letter != "$current" && -z $optional ]]; then
			value=${current#"$letter"}
			_killbox_values "$letter" "$takes"
		fi
	elif [[ ${#operands[@]} -gt 0 ]]; then
		# A shell function of this name may take jobs of the shell.
		if [[ $current == %* && $(type -t -- "${words[0]}") == function ]]; then
			mapfile -t operands < <(jobs -p)
			for ((i = 1; i <= ${#operands[@]}; i++)); do _killbox_add '' "%$i"; done
			return
		fi
		[[ -z $with ]] || operands=("$with")
		_killbox_values '' "${operands[count < ${#operands[@]} ? count : ${#operands[@]} - 1]}"
	fi
}

_killbox() {
	local words=() at=() found=() texts=() delegated='' head upto char i
	local COMP_WORDS=("${COMP_WORDS[@]}") IFS=$' \t\n'
	COMPREPLY=()
	_killbox_words
	_killbox_line
	[[ -z $delegated ]] || return 0
	# Readline replaces only what follows the last of these characters, and "@" itself.
	head=''
	for char in = : @; do
		[[ $COMP_WORDBREAKS == *"$char"* && ${words[-1]} == *"$char"* ]] || continue
		upto=${words[-1]%"$char"*}${char#@}
		((${#upto} <= ${#head})) || head=$upto
	done
	for i in "${!found[@]}"; do
		COMPREPLY+=("${found[i]#"$head"}")
	done
	if [[ ${#found[@]} == 1 ]]; then
		[[ ${found[0]} != *[=/] ]] || compopt -o nospace 2>/dev/null
		return 0
	fi
	case ${COMP_TYPE-} in
	63 | 33 | 64)
		for i in "${!texts[@]}"; do
			printf -v "COMPREPLY[i]" '%s  (%s)' "${COMPREPLY[i]}" "${texts[i]}"
			COMPREPLY[i]=${COMPREPLY[i]:0:${COLUMNS:-80}-2}
		done
		;;
	esac
}

complete -o nosort -F _killbox killbox freezekill killwait pgkill reapwait tkill
