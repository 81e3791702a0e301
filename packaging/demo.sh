#!/bin/sh
# Shows what killbox is for, on real processes, in a PID namespace of its own.
# usage: demo.sh BIN   (the folder with killbox and its links)
set -u

# Outside: become PID 1 of a new namespace. Nothing that happens there can
# reach a process of this machine, and nothing of it is left afterwards.
if [ "${1:-}" != inside ]; then
	bin=$(cd "${1:?usage: demo.sh BIN}" && pwd) || exit
	if ! command -v unshare >/dev/null; then
		echo "demo: needs unshare(1) of util-linux" >&2
		exit 1
	fi
	# In a chroot "/" is no mount point, and unshare cannot make it private: only /proc is mounted, and is made private first.
	set -- --pid --fork --kill-child --mount-proc --propagation unchanged
	if [ "$(id -u)" -ne 0 ]; then
		set -- --user --map-root-user "$@"
	fi
	if ! why=$(unshare "$@" true 2>&1); then
		echo "demo: no PID namespace of our own to play in, and it does not play on your machine" >&2
		echo "demo: $why" >&2
		echo "demo: try it as root, or where unprivileged user namespaces are permitted" >&2
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
# run CMD...: as if typed.
run() {
	printf '%s$%s %s\n' "$dim" "$plain" "$*"
	"$@"
	code=$?
	printf '%sexit status %d%s\n' "$dim" "$code" "$plain"
}
# others: who is there beside this script, from /proc alone.
others() {
	found=
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		[ "$pid" = 1 ] && continue
		# A zombie has no command line.
		[ -n "$(tr '\0' ' ' 2>/dev/null <"$dir/cmdline")" ] || continue
		read -r comm 2>/dev/null <"$dir/comm" || continue
		printf '  %s %s\n' "$pid" "$comm"
		found=yes
	done
	[ -n "$found" ] || echo '  nobody'
}

# The cast. Each is a script, so that it has a name of its own, and waits for
# a line that never comes.
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
orphan, and a daemon that called setsid and lost its parent. This would be ended:'
JOB_ID=42 setsid "$work/job" &
job=$!
read -r _ <"$work/ready"
sleep 0.2
run tkill -n $job
sleep 2

say 'TERM for everybody at once; KILL after one second, and only for who needs it.'
run tkill -v -k 1s $job
sleep 2

say 'Who is left? The daemon: nothing in /proc links it to the job any more.'
others
say 'But it has inherited the environment.'
run tkill -v --env JOB_ID=42
sleep 1

say 'Who is left?'
others
