#!/bin/bash
# Checks the packages: builds a release twice in different folders and environments and compares the bytes, lints the
# Debian packages, and installs, uses, upgrades and removes the packages below a root of their own. All processes are
# in a PID namespace. Needs root (unshare --map-root-user is enough), dpkg, jq, lintian and rpm.
# usage: check-packages.sh VERSION FIVE DROPINS    (in the root of the repository)
set -euo pipefail

version=$1
read -ra five <<<"$2"
read -ra dropins <<<"$3"
arch=$(go env GOARCH)
old=0.0.9

fail() {
	echo "check-packages: $*" >&2
	exit 1
}

# copy DIR: copies the tree, with the changes that are not committed. Deleted files are still in the index.
copy() {
	mkdir -p "$1"
	git ls-files -z --cached --others --exclude-standard | tar --null --files-from - --ignore-failed-read --create |
		tar --extract --no-same-permissions -C "$1"
}

# build: makes a release of two architectures twice. The second has another folder, umask, time zone, host name and
# number of processors.
build() {
	local tree=$work/a/longer/path
	SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
	export SOURCE_DATE_EPOCH
	copy "$work/first"
	make --no-print-directory -C "$work/first" dist RELEASE_ARCHES="$arch arm"
	(umask 077 && copy "$tree")
	umask=$(umask)
	umask 077
	# shellcheck disable=SC2016 # the inner shell expands
	TZ=Pacific/Auckland unshare --uts sh -c 'hostname other && exec taskset -c 0 make --silent -C "$1" dist RELEASE_ARCHES="$2"' \
		sh "$tree" "$arch arm" >"$work/second.log"
	umask "$umask"
	(cd "$work/first/dist" && sha256sum --quiet --check SHA256SUMS)
	diff "$work/first/dist/SHA256SUMS" "$tree/dist/SHA256SUMS" || fail 'two builds differ'
	echo "two builds are equal:"
	cat "$work/first/dist/SHA256SUMS"
	set -- "$work/first/bin/packages" -out "$work/old" -version $old -five "${five[*]}" -dropins "${dropins[*]}" \
		-maintainer 'Old <old@killbox.example>'
	"$@"
	"$@" -arch "$arch" -binary "$work/first/dist/killbox-$version-linux-$arch"
}

# bill_of_materials: checks the fields that SPDX 2.3 demands, and that the document names the modules of the binary.
bill_of_materials() {
	local document=$work/first/dist/killbox-$version.spdx.json binary=$work/first/dist/killbox-$version-linux-$arch
	jq -e --arg digest "$(sha256sum "$binary" | cut -d ' ' -f 1)" '
		.spdxVersion == "SPDX-2.3" and .dataLicense == "CC0-1.0" and .SPDXID == "SPDXRef-DOCUMENT"
		and .name and (.documentNamespace | startswith("https://")) and .creationInfo.created and .creationInfo.creators[0]
		and (.packages | all(.name and .downloadLocation and .licenseDeclared))
		and (.files | all(.fileName and .copyrightText and .checksums[0].algorithm == "SHA1"))
		and ([.relationships[] | .spdxElementId, .relatedSpdxElement] - [.SPDXID, (.packages, .files)[].SPDXID] == [])
		and any(.files[].checksums[]; .checksumValue == $digest)' "$document" >"$work/jq" || fail "$document is wrong"
	diff <(jq -r '.packages[] | select(.name | contains(".")) | .name + " " + .versionInfo' "$document") \
		<(go version -m "$binary" | awk '$1 == "dep" { print $2, $3 }') || fail "$document has other modules than $binary"
}

# has_files ROOT ZSH: checks the files of an installation below ROOT, with the completions of zsh in the folder ZSH, and
# that /usr/bin has no others.
has_files() {
	local root=$1 name
	[ "$(find "$root/usr/bin" -mindepth 1 -printf '%f\n' | sort | xargs)" = "$(printf '%s\n' killbox killbox-pick "${five[@]}" | sort | xargs)" ] ||
		fail "$root/usr/bin has other programs"
	for name in killbox killbox-pick "${five[@]}"; do
		grep -q '^\.Dt ' <(zcat "$root/usr/share/man/man1/$name.1.gz") || fail "$name has no manual page"
	done
	for name in "${dropins[@]}"; do
		[ "$root/usr/lib/killbox/bin/$name" -ef "$root/usr/bin/killbox" ] || fail "$name is no link to killbox"
		grep -q '^\.Dt ' <(zcat "$root/usr/lib/killbox/man/man1/$name.1.gz") || fail "$name has no manual page"
	done
	[ -z "$(find "$root" -xtype l)" ] || fail "$root has links to nothing: $(find "$root" -xtype l)"
	for name in killbox "${five[@]}"; do
		[ -s "$root/usr/share/bash-completion/completions/$name" ] || fail "$name has no completion for bash"
		[ -s "$root/usr/share/fish/vendor_completions.d/$name.fish" ] || fail "$name has no completion for fish"
	done
	[ -s "$root/usr/share/zsh/$2/_killbox" ] || fail 'killbox has no completion for zsh'
}

# uses ROOT VERSION: runs programs of the installation.
uses() {
	PATH=$1/usr/lib/killbox/bin:$1/usr/bin:$PATH sh -eu -c '
		[ "$(killbox --version)" = "killbox $1" ]
		[ "$(env kill --version)" = "kill (killbox) $1" ]
		killbox --list | grep -qx pick
		sleep 1000 & killwait $!
		sleep 1000 & env kill $!
		! wait $!
		reapwait -- sh -c "setsid sleep 1000 &"
		! pgrep -x sleep
		timeout .01 sleep 1000 || [ $? = 124 ]
	' sh "$2" || fail "the programs below $1 do not work"
}

# base ROOT: makes the folders that every distribution has.
base() {
	mkdir -p "$1"/usr/{bin,lib} "$1"/usr/share/{doc,licenses,man/man1,man/man7} "$1"/var/lib/{dpkg/{info,triggers,updates},rpm}
}

# nothing_left ROOT: checks that below ROOT there is only what base makes, and the data of the package manager. dpkg
# removes folders that no package has.
nothing_left() {
	local left
	base "$1"
	base "$work/empty"
	list() { (cd "$1" && find . -path './var/lib/*/*' -prune -o -print | sort); }
	left=$(diff <(list "$work/empty") <(list "$1")) || fail "left behind: $left"
}

session_deb() {
	local root=$work/deb new=$work/first/dist debian
	debian=$(dpkg --print-architecture)
	base "$root"
	: >"$root/var/lib/dpkg/status"
	# The configuration of the machine may exclude manual pages.
	run() {
		echo "+ dpkg $*"
		dpkg --root="$root" --log=/dev/null --path-include='*' "$@" 2>&1
	}
	run --install "$work/old/killbox_$old-1_$debian.deb" "$work/old/killbox-dropins_$old-1_all.deb"
	[ "$(dpkg-query --root="$root" -W)" = "killbox	$old-1
killbox-dropins	$old-1" ] || fail 'dpkg has not installed both packages'
	has_files "$root" vendor-completions
	# A process that runs during the upgrade keeps what it needs.
	mkfifo "$work/running"
	"$root/usr/bin/reapwait" -- sh -c "setsid sleep 1000 & echo \$! >'$work/running'; wait" &
	local running=$! child
	read -r child <"$work/running"
	run --install "$new/killbox_$version-1_$debian.deb" "$new/killbox-dropins_$version-1_all.deb"
	kill "$running"
	! wait "$running" || fail 'TERM has not ended reapwait'
	! kill -0 "$child" 2>"$work/gone" || fail 'reapwait has left a process after an upgrade'
	has_files "$root" vendor-completions
	uses "$root" "$version"
	! run --remove killbox || fail 'killbox was removed, although killbox-dropins needs it'
	run --remove killbox-dropins
	run --purge killbox
	[ -z "$(dpkg-query --root="$root" -W)" ] || fail 'dpkg knows the packages after purge'
	! find "$root/var/lib/dpkg/info" -name 'killbox*' | grep . || fail 'dpkg has files of the packages after purge'
	nothing_left "$root"
}

session_rpm() {
	local root=$work/rpm new=$work/first/dist machine
	machine=$(uname -m)
	base "$root"
	# Debian's rpm does not install without --force-debian.
	run() {
		echo "+ rpm $*"
		rpm --root="$root" --dbpath=/var/lib/rpm "$@" 2>&1
	}
	run --install --force-debian "$work/old/killbox-$old-1.$machine.rpm" "$work/old/killbox-dropins-$old-1.noarch.rpm"
	run --upgrade --force-debian "$new/killbox-$version-1.$machine.rpm" "$new/killbox-dropins-$version-1.noarch.rpm"
	run --verify killbox killbox-dropins
	has_files "$root" site-functions
	uses "$root" "$version"
	! run --erase --force-debian killbox || fail 'killbox was erased, although killbox-dropins needs it'
	run --erase --force-debian killbox-dropins killbox
	[ -z "$(rpm --root="$root" --dbpath=/var/lib/rpm -qa)" ] || fail 'rpm knows the packages after erase'
	nothing_left "$root"
}

session_apk() {
	local root=$work/apk name
	mkdir "$root"
	for name in "killbox_$version-r1_$(uname -m)" "killbox-dropins_$version-r1_noarch"; do
		echo "+ tar -x $name.apk"
		tar --extract --warning=no-unknown-keyword -z -f "$work/first/dist/$name.apk" -C "$root"
	done
	has_files "$root" site-functions
	uses "$root" "$version"
}

if [ -z "${CHECK_PACKAGES-}" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	build
	bill_of_materials
	# The packages are not uploaded to Debian, so no bug of Debian asks for them.
	echo '+ lintian'
	lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$work"/first/dist/*.deb
	CHECK_PACKAGES=$work unshare --pid --fork --kill-child --mount-proc bash "$0" "$@"
	echo 'check-packages: no errors'
else
	work=$CHECK_PACKAGES
	session_deb
	session_rpm
	session_apk
fi
