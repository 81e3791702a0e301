#!/bin/sh
# Makes the pictures of README.md from real runs, in a PID namespace of its own: the tree of tkill -n, and the status
# line.
# usage: pictures.sh BIN DIR   (BIN has killbox, its links and pictures of packaging/pictures; DIR gets the images)
set -eu

if [ "$1" != inside ]; then
	bin=$(cd "$1" && pwd) dir=$(cd "$2" && pwd)
	command -v tmux >/dev/null || {
		echo 'pictures: no tmux: make check-deps installs it' >&2
		exit 1
	}
	exec unshare --pid --fork --kill-child --mount-proc "$bin/reapwait" --no-pair sh "$0" inside "$bin" "$dir"
fi
PATH=$2:$PATH dir=$3
work=$(mktemp -d)
export TMUX_TMPDIR="$work" LC_ALL=C.UTF-8
trap 'tmux -L pictures kill-server 2>/dev/null; rm -rf "$work"' EXIT
cd "$work"

# The job. Its programs are scripts, so that each has a name of its own, and wait for a line that never comes.
mkfifo never ready
for name in uploader watcher; do
	printf '%s\n' '#!/bin/sh' 'read -r _ <>never' >$name
done
printf '%s\n' '#!/bin/sh' "trap '' TERM" 'read -r _ <>never' >producer
cat >nightly <<'END'
#!/bin/sh
./producer --all 2026 | sort -u >result &
setsid ./uploader --to backup &
(./watcher &)
echo ready >ready
wait
END
chmod +x nightly producer uploader watcher

# until_shown REGEXP: waits until a line of the screen matches.
until_shown() {
	tries=0
	until tmux -L pictures capture-pane -p | grep -q -e "$1"; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || {
			echo "pictures: not on the screen: $1" >&2
			tmux -L pictures capture-pane -p >&2
			exit 1
		}
		sleep 0.1
	done
}
type_line() {
	tmux -L pictures send-keys -l "$1"
	tmux -L pictures send-keys Enter
}
# picture FILE: draws the screen, without empty prompts.
picture() { tmux -L pictures capture-pane -ep | sed '/^\$ *$/d' | pictures >"$dir/$1"; }

# shellcheck disable=SC2016 # the shell in the terminal expands $job
tmux -L pictures -f /dev/null new-session -d -x 80 -y 24 'PS1="$ " exec bash --norc --noprofile'
until_shown '^\$'
# Without job control, setsid(1) need not fork, and $! leads the session of the job.
type_line 'set +m; setsid ./nightly & read -r _ <ready; clear'
until_shown '^\$ *$'
sleep 0.5
type_line 'tkill -n $!'
until_shown '^ladder: '
until_shown '^\$ *$'
picture tree.svg
type_line 'clear'
until_shown '^\$ *$'
type_line 'tkill -k 9s $!'
until_shown ' gone, KILL in '
picture status.svg
