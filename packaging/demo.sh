#!/bin/sh
# Shows what killbox does, with real processes, in a PID namespace of its own.
# usage: demo.sh BIN   (the folder with killbox and its links)
set -u

# Outside the namespace: become PID 1 of a new one. No signal from inside can reach a process of this machine, and
# all processes inside end with PID 1.
if [ "${1:-}" != inside ]; then
	bin=$(cd "${1:?usage: demo.sh BIN}" && pwd) || exit
	if ! command -v unshare >/dev/null; then
		echo "demo: needs unshare(1) of util-linux" >&2
		exit 1
	fi
	# In a chroot "/" is no mount point, so unshare cannot make it private. With --propagation unchanged, unshare does
	# not try to, and --mount-proc makes only /proc private before it mounts the new one.
	set -- --pid --fork --kill-child --mount-proc --propagation unchanged
	if [ "$(id -u)" -ne 0 ]; then
		set -- --user --map-root-user "$@"
	fi
	if ! why=$(unshare "$@" true 2>&1); then
		echo "demo: cannot make a PID namespace, and runs nowhere else" >&2
		echo "demo: $why" >&2
		echo "demo: run it as root, or permit unprivileged user namespaces" >&2
		exit 1
	fi
	exec unshare "$@" sh "$0" inside "$bin"
fi

PATH=$2:$PATH
work=$(mktemp -d) || exit
trap 'rm -rf "$work"' EXIT

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
else
	bold='' dim='' plain=''
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
# run CMD...: prints CMD as a command line, runs it, and prints its exit status.
run() {
	printf '%s$%s %s\n' "$dim" "$plain" "$*"
	"$@"
	code=$?
	printf '%sexit status %d%s\n' "$dim" "$code" "$plain"
}
# others: prints all processes but PID 1, by means of /proc only.
others() {
	found=
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		[ "$pid" = 1 ] && continue
		# Skip zombies, which have no command line.
		[ -n "$(tr '\0' ' ' 2>/dev/null <"$dir/cmdline")" ] || continue
		read -r comm 2>/dev/null <"$dir/comm" || continue
		printf '  %s %s\n' "$pid" "$comm"
		found=yes
	done
	[ -n "$found" ] || echo '  none'
}

# The processes of the job. Each is a script, so that it has a name of its own, and waits for a line that never
# comes.
mkfifo "$work/ready" "$work/never"
cat >"$work/helper" <<'EOF'
#!/bin/sh
read -r _ <>never
EOF
cp "$work/helper" "$work/orphan"
cp "$work/helper" "$work/daemon"
cat >"$work/deaf" <<'EOF'
#!/bin/sh
trap '' TERM
read -r _ <>never
EOF
cat >"$work/job" <<EOF
#!/bin/sh
cd "$work"
./deaf | cat | sort >result &
(./orphan &)
setsid ./helper &
setsid sh -c './daemon &'
echo ready >ready
wait
EOF
chmod +x "$work"/*

say 'A job: a pipeline whose first stage ignores TERM, a helper in a session of its own, an
orphan, and a daemon: an orphan that called setsid. tkill -n shows what tkill would signal:'
JOB_ID=42 setsid "$work/job" &
job=$!
read -r _ <"$work/ready"
sleep 0.2
run tkill -n $job
sleep 2

say 'TERM is sent to all of them together. After one second, KILL is sent to those that remain.'
run tkill -v -k 1s $job
sleep 2

say 'The daemon remains: nothing in /proc links it to the job any more.'
others
say 'It has inherited the environment of the job, and --env finds it.'
run tkill -v --env JOB_ID=42
sleep 1

say 'Remaining processes:'
others
