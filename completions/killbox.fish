# Completions of fish 3.4 or later for killbox, printed by `killbox completion fish`: do not edit.

set -g __killbox_table (string split \n -- '
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
')

# __killbox_words APPLET: prints the words between the applet and the cursor, escaped. It fails if the command line is not one
# of the applet.
function __killbox_words --argument-names applet
	set -l words (commandline -opc)
	set -l name (string replace -r '^.*/' '' -- $words[1])
	set -e words[1]
	if test "$name" = killbox
		set -l i 1
		while string match -q -- '-*' "$words[$i]"
			set i (math $i + 1)
		end
		if set -q words[$i]
			set name $words[$i]
			set words $words[(math $i + 1)..]
		end
	end
	test "$name" = "$applet"; or return 1
	string escape -- $words
	return 0
end

# __killbox_place APPLET: prints the number of operands up to the one that begins a command, and then the number of words
# from the command to the cursor. It prints nothing if the applet runs no command.
function __killbox_place --argument-names applet
	set -l left __killbox_left_(string replace - _ -- $applet)
	set -l takes __killbox_takes_(string replace - _ -- $applet)
	set -q $left; or return
	set left $$left
	set takes $$takes
	set -l words (__killbox_words $applet)
	set -l ended
	while set -q words[1]
		switch "$ended$words[1]"
			case --
				set ended yes
			case '-*'
				contains -- $words[1] $takes; and set -e words[1]
			case '*'
				set left (math $left - 1)
				test $left = 0; and break
		end
		set -e words[1]
	end
	echo $left
	count $words
	return 0
end

# __killbox_at APPLET [LEFT]: the word at the cursor is one of the applet, not of a command that it runs. With LEFT, it is
# the operand with which LEFT operands remain up to the command; with 0, it is a word after the command.
function __killbox_at --argument-names applet left
	__killbox_words $applet >/dev/null; or return 1
	set -l place (__killbox_place $applet)
	if test -n "$left"
		test "$place[1]" = $left
	else
		test "$place[1]" != 0
	end
end

# __killbox_command APPLET: offers what the shell offers for the command that the applet runs.
function __killbox_command --argument-names applet
	set -l place (__killbox_place $applet)
	set -l words (commandline -opc)
	if test $place[1] = 0
		complete -C "$(string join ' ' -- (string escape -- $words[(math 0 - $place[2])..]) (commandline -ct))"
	else
		complete -C "$(commandline -ct)"
	end
end

# __killbox_given NAMES: one of the options is on the command line.
function __killbox_given --argument-names names
	for name in (string split , -- $names)
		contains -- $name (commandline -opc); and return 0
	end
	return 1
end

# __killbox_values KIND [LETTER]: prints the values of this kind. LETTER is the letter of the option.
function __killbox_values --argument-names kind letter
	set -l token (commandline -ct)
	switch "$token"
		case '--*=*'
			set token (string replace -r '^--[^=]*=' '' -- $token)
		case '-*'
			test -z "$letter"; or set token (string replace -r "^-[^-$letter]*$letter" '' -- $token)
	end
	# A missing killbox leaves the list empty.
	command killbox completion values $kind "$(string unescape -- $token)" 2>/dev/null
end

# __killbox_names: prints the applets and plug-ins.
function __killbox_names
	for name in (command killbox --list 2>/dev/null)
		printf '%s\t%s\n' $name (string replace -r '^\S+ \S+ ' '' -- (string match -- "applet $name *" "plugin $name *" $__killbox_table))
	end
end

# __killbox_action KIND [LETTER]: sets action to the options of complete for values of this kind.
function __killbox_action --no-scope-shadowing
	switch $argv[1]
		case any
			set action -x
		case file
			set action -r -F
		case directory
			set action -x -a '(__fish_complete_directories)'
		case command
			set action -x -a '(__fish_complete_command)'
		case user gid
			set action -x -a "(__fish_complete_$argv[1]s)"
		case 'user,' 'gid,'
			set action -x -a "(__fish_complete_list , __fish_complete_"(string replace , s -- $argv[1])")"
		case '*|*'
			set action -x -a "$(string replace -a '|' ' ' -- $argv[1])"
		case '*'
			set action -x -k -a "(__killbox_values $argv)"
	end
	set action (string replace _gids _groups -- $action)
end

# __killbox_load NAME...: makes the completions of these commands from the table.
function __killbox_load
	for name in $argv
		complete -e -c $name
	end
	set -l applet
	set -l key
	set -l on
	set -l at
	set -l without
	set -l action
	for line in $__killbox_table
		set -l word (string split -m 1 ' ' -- $line)
		switch $line
			case 'applet *' 'plugin *'
				set applet (string split ' ' -- $line)[2]
				set on -c killbox
				if contains -- $applet $argv; and test $applet != killbox
					set on $on -c $applet
				end
				set at "__killbox_at $applet"
				set without
				set key (string replace - _ -- $applet)
				set -e __killbox_left_$key
				set -g __killbox_takes_$key
			case '-*'
				set -l names (string replace -r '(=|\[=).*' '' -- $word[1])
				set -l takes (string replace -r '^[^=]*=?' '' -- $word[1] | string trim -r -c ']')
				set -l options
				set -l letter
				for name in (string split , -- $names)
					switch $name
						case '--*'
							set options $options -l (string sub -s 3 -- $name)
						case '*'
							set letter (string sub -s 2 -- $name)
							set options $options -s $letter
					end
				end
				set action
				if test -n "$takes"
					__killbox_action $takes $letter
					if string match -q '*[=*' -- $word[1]
						set action[1] -f
					else
						set -a __killbox_takes_$key (string split , -- $names)
					end
				end
				complete $on -n $at $options $action -d $word[2]
			case shorthand
				complete $on -n "$at; and string match -qr '^-[A-Z]' -- (commandline -ct)" -a '(__killbox_values shorthand)'
			case 'with *'
				set -l with (string split ' ' -- $word[2])
				__killbox_action $with[2]
				complete $on -n "$at; and __killbox_given $with[1]" $action
				set without "$without; and not __killbox_given $with[1]"
			case 'operands *'
				set -l kinds (string split ' ' -- $word[2])
				if test $kinds[-1] != command
					__killbox_action $kinds[-1]
					complete $on -n "$at$without" $action
					continue
				end
				set -l left (count $kinds)
				set -g __killbox_left_$key $left
				for kind in $kinds[1..-2]
					__killbox_action $kind
					complete $on -n "$at $left$without" $action
					set left (math $left - 1)
				end
				complete $on -n "$at 1$without" -f -a "(__killbox_command $applet)"
				complete $on -n "$at 0" -f -a "(__killbox_command $applet)"
		end
	end
	complete -c killbox -n '__killbox_at killbox; and not __killbox_given --install' -f -a '(__killbox_names)'
	complete -c killbox -n '__killbox_at killbox; and not __killbox_given --install' -f -a help -d 'describe an applet'
	complete -c killbox -n '__killbox_at killbox; and not __killbox_given --install' -f -a completion -d 'print the completions of a shell'
	complete -c killbox -n '__killbox_at killbox; and not __killbox_given --install' -f -a shell-init -d 'print functions that take jobs of a shell'
	complete -c killbox -n '__killbox_at help' -f -a '(__killbox_names)'
	complete -c killbox -n '__killbox_at shell-init' -f -a 'bash zsh sh'
	complete -c killbox -n '__killbox_at shell-init' -l replace
	complete -c killbox -n '__killbox_at completion; and test (count (__killbox_words completion)) = 0' -f -a 'bash zsh fish'
	complete -c killbox -n '__killbox_at completion; and test (count (__killbox_words completion)) != 0' -f -a '(__killbox_names)'
end

__killbox_load killbox freezekill killwait pgkill reapwait tkill
