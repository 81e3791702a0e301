#!/bin/sh
# Installs killbox, links to it, manual pages, completions and the plug-in killbox-pick, and removes them again. A file
# that is not of killbox is never replaced or removed: with BINDIR=/usr/bin it may be that of procps.
# usage: install.sh install BINDIR MANDIR DATADIR NAME...     (bin/killbox exists; NAME is an applet)
#        install.sh uninstall BINDIR MANDIR DATADIR NAME...
set -eu

action=$1 bin=$2 man=$3 data=$4
bash=$data/bash-completion/completions zsh=$data/zsh/site-functions fish=$data/fish/vendor_completions.d
shift 4

# The other commands that have completions, which are not the drop-ins: bash-completion and others have those of kill.
completed=$(sed -n '1s/^#compdef killbox //p' completions/_killbox)

# is_link NAME: reports whether BINDIR/NAME is a link to BINDIR/killbox: a symbolic link, or a hard link, which
# `killbox --install` makes.
is_link() {
	# shellcheck disable=SC3013 # dash and busybox have -ef, too
	[ "$(readlink "$bin/$1")" = killbox ] || [ "$bin/$1" -ef "$bin/killbox" ]
}
# is_text FILE: reports whether FILE is a manual page, a completion or a plug-in of killbox.
is_text() {
	grep -q -e '^\.Xr killbox [17]' -e '^# Completions of .* for killbox, printed by ' -e '^# killbox-pick: ' "$1" 2>/dev/null
}
absent() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
kept() {
	echo "install: $1 is not of killbox: kept" >&2
	status=3
}
# copy MODE FROM TO: installs a text.
copy() {
	if absent "$3" || is_text "$3"; then
		install -m "$1" "$2" "$3"
	else
		kept "$3"
	fi
}
# add_name TARGET FILE: makes FILE a symbolic link to TARGET, so that a completion or page has a second name.
add_name() {
	if absent "$2" || is_text "$2" || [ "$(readlink "$2")" = "$1" ]; then
		ln -sf "$1" "$2"
	else
		kept "$2"
	fi
}
# remove FILE [TARGET]: removes FILE if it is a text of killbox, or a symbolic link to TARGET.
remove() {
	if is_text "$1" || { [ -L "$1" ] && [ "$(readlink "$1")" = "${2-}" ]; }; then
		rm -f "$1"
	fi
}

status=0
case $action in
install)
	for dir in "$bin" "$man" "$data"; do
		while absent "$dir"; do dir=$(dirname "$dir"); done
		if [ ! -d "$dir" ] || [ ! -w "$dir" ]; then
			echo "install: cannot write to $dir: nothing is installed. PREFIX=\$HOME/.local is for a user; with BINDIR give DATADIR, too" >&2
			exit 1
		fi
	done
	install -d "$bin" "$man/man1" "$man/man7" "$bash" "$zsh" "$fish"
	# A new file that replaces the old one: a running killbox cannot be overwritten.
	install -m 755 bin/killbox "$bin/killbox"
	for name; do
		if absent "$bin/$name" || is_link "$name"; then
			ln -sf killbox "$bin/$name"
		else
			kept "$bin/$name"
		fi
		copy 644 "man/$name.1" "$man/man1/$name.1"
	done
	install -m 644 man/killbox.1 "$man/man1"
	install -m 644 man/killbox.7 "$man/man7"
	copy 755 packaging/plugins/killbox-pick "$bin/killbox-pick"
	add_name ../man7/killbox.7 "$man/man1/killbox-pick.1"
	copy 644 completions/killbox.bash "$bash/killbox"
	copy 644 completions/_killbox "$zsh/_killbox"
	copy 644 completions/killbox.fish "$fish/killbox.fish"
	for name in $completed; do
		add_name killbox "$bash/$name"
		add_name killbox.fish "$fish/$name.fish"
	done
	;;
uninstall)
	for name; do
		! is_link "$name" || rm -f "$bin/$name"
		remove "$man/man1/$name.1"
	done
	for name in $completed; do
		remove "$bash/$name" killbox
		remove "$fish/$name.fish" killbox.fish
	done
	remove "$bash/killbox"
	remove "$zsh/_killbox"
	remove "$fish/killbox.fish"
	remove "$bin/killbox-pick"
	remove "$man/man1/killbox-pick.1" ../man7/killbox.7
	rm -f "$bin/killbox" "$man/man1/killbox.1" "$man/man7/killbox.7"
	;;
esac
exit $status
