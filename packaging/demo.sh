#!/bin/sh
# Shows what killbox does, with real processes, in a PID namespace of its own.
# usage: demo.sh BIN   (the folder with killbox, its links, and demo-server of packaging/demo)
set -u

# Outside the namespace: become PID 1 of a new one. No signal from inside can reach a process of this machine, and
# all processes inside end with PID 1.
if [ "${1:-}" != inside ]; then
	bin=$(cd "${1:?usage: demo.sh BIN}" && pwd) || exit
	if ! command -v unshare >/dev/null; then
		echo "demo: no unshare(1): install util-linux" >&2
		exit 1
	fi
	# In a chroot "/" is no mount point, so unshare cannot make it private. With --propagation unchanged, unshare does
	# not try to, and --mount-proc makes only /proc private before it mounts the new one. In a network namespace of its
	# own, port 8080 is free.
	set -- --pid --fork --kill-child --mount-proc --net --propagation unchanged
	if [ "$(id -u)" -ne 0 ]; then
		set -- --user --map-root-user "$@"
	fi
	if ! why=$(unshare "$@" true 2>&1); then
		echo "demo: no namespace ($why): run it as root, or permit unprivileged user namespaces" >&2
		exit 1
	fi
	# The folder is removed here, because KILL may end the processes inside: unshare(1) sends it when Ctrl-C ends it.
	work=$(mktemp -d) || exit
	trap 'rm -rf "$work"' EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	unshare "$@" sh "$0" inside "$bin" "$work"
	exit
fi

PATH=$2:$PATH work=$3
# unshare(1) of some versions does not end at Ctrl-C, and PID 1 gets only signals that it handles.
trap 'exit 130' INT

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
else
	bold='' dim='' plain=''
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# run LINE: prints the line as a command line, runs it, and prints its exit status.
run() {
	printf '%s$%s %s\n' "$dim" "$plain" "$1"
	eval "$1"
	code=$?
	printf '%sexit status %d%s\n' "$dim" "$code" "$plain"
}
# others: prints all processes but PID 1, by means of /proc only.
others() {
	found=
	for pid in $(cd /proc && printf '%s\n' [0-9]* | sort -n); do
		[ "$pid" = 1 ] && continue
		dir=/proc/$pid
		# Skip zombies, which have no command line.
		[ -n "$(tr '\0' ' ' 2>/dev/null <"$dir/cmdline")" ] || continue
		read -r comm 2>/dev/null <"$dir/comm" || continue
		printf '  %s %s\n' "$pid" "$comm"
		found=yes
	done
	[ -n "$found" ] || echo '  none'
}

# The processes of the job. Each is a script, so that it has a name of its own, writes a line when it is ready, and
# waits for a line that never comes.
cd "$work" || exit
mkfifo ready never
exec 3<>ready
# ready N: waits for N lines.
ready() { for _ in $(seq "$1"); do read -r _ <&3; done; }
cat >helper <<'EOF'
#!/bin/sh
echo >ready
read -r _ <>never
EOF
cp helper orphan
cp helper daemon
cat >deaf <<'EOF'
#!/bin/sh
trap '' TERM
echo >ready
read -r _ <>never
EOF
cat >job <<'EOF'
#!/bin/sh
./deaf | cat | sort >result &
(./orphan &)
setsid ./helper &
setsid sh -c './daemon &'
echo >ready
wait
EOF
cat >tests <<'EOF'
#!/bin/sh
setsid ./helper >&- 2>&- &
echo '12 tests passed'
EOF
chmod +x helper orphan daemon deaf job tests

say 'A server listens on port 8080. killwait --port ends it, and returns when the port is free:'
demo-server 8080 >ready &
ready 1
run 'killwait -v --port 8080'
say 'So the next server can start at once:'
run 'demo-server 8080 >ready &'
ready 1
killwait $!
sleep 2

say 'A job: a pipeline whose first stage ignores TERM, a helper in a session of its own, an
orphan, and a daemon: an orphan that called setsid. tkill -n shows what tkill would signal:'
JOB_ID=42 setsid ./job &
job=$!
ready 5
sleep 0.2
run "tkill -n $job"
sleep 3

say 'TERM is sent to all of them together. After one second, KILL is sent to those that remain.'
run "tkill -v -k 1s $job"
sleep 2

say 'The daemon remains: nothing in /proc links it to the job any more.'
others
say 'It has inherited the environment of the job, and --env finds it.'
run 'tkill -v --env JOB_ID=42'
sleep 2

say 'reapwait loses no orphan, and leaves none, even if KILL is sent to reapwait itself:'
setsid reapwait ./job &
job=$!
ready 5
sleep 0.2
others
sleep 2
run "killwait -v -KILL $job"
# reapwait has a second process. It ends the rest as soon as it notices.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ "$(others)" != '  none' ] || break
	sleep 0.1
done
say 'Remaining processes:'
others
sleep 2

say 'Tests that leave a process behind fail, and the process is ended:'
run 'reapwait --leaks=fail ./tests'

say 'Remaining processes:'
others
