#!/bin/sh
# Installs killbox, links to it and manual pages, and removes them again. A link or page that is not of killbox is
# never replaced or removed: with BINDIR=/usr/bin it may be that of procps.
# usage: install.sh install BINDIR MANDIR NAME...     (bin/killbox exists; NAME is an applet)
#        install.sh uninstall BINDIR MANDIR NAME...
set -eu

action=$1 bin=$2 man=$3
shift 3

# is_link NAME: reports whether BINDIR/NAME is a link to BINDIR/killbox: a symbolic link, or a hard link, which
# `killbox --install` makes.
is_link() {
	# shellcheck disable=SC3013 # dash and busybox have -ef, too
	[ "$(readlink "$bin/$1")" = killbox ] || [ "$bin/$1" -ef "$bin/killbox" ]
}
# is_page FILE: reports whether FILE is a manual page of killbox.
is_page() {
	grep -q '^\.Xr killbox [17]' "$1" 2>/dev/null
}
absent() { [ ! -e "$1" ] && [ ! -L "$1" ]; }
kept() {
	echo "install: $1 is not of killbox: kept" >&2
	status=3
}

status=0
case $action in
install)
	install -d "$bin" "$man/man1" "$man/man7"
	# A new file that replaces the old one: a running killbox cannot be overwritten.
	install -m 755 bin/killbox "$bin/killbox"
	for name; do
		if absent "$bin/$name" || is_link "$name"; then
			ln -sf killbox "$bin/$name"
		else
			kept "$bin/$name"
		fi
		if absent "$man/man1/$name.1" || is_page "$man/man1/$name.1"; then
			install -m 644 "man/$name.1" "$man/man1"
		else
			kept "$man/man1/$name.1"
		fi
	done
	install -m 644 man/killbox.1 "$man/man1"
	install -m 644 man/killbox.7 "$man/man7"
	;;
uninstall)
	for name; do
		! is_link "$name" || rm -f "$bin/$name"
		! is_page "$man/man1/$name.1" || rm -f "$man/man1/$name.1"
	done
	rm -f "$bin/killbox" "$man/man1/killbox.1" "$man/man7/killbox.7"
	;;
esac
exit $status
