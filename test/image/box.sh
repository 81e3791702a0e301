#!/bin/sh
# box NAME IMAGE FILTER [ARG...]: runs IMAGE under runc, as the container NAME. ARG... replaces the command of the image,
# not its entry point. FILTER, in the language of jq, changes config.json, which is that of `runc spec` (no
# new privileges, a read-only root) with what the image says. The working directory is writable in the container, as
# /work. Descriptor 3 is passed on if it is open.
#
# The test has installed this file as bin/box, and the images in bin/images: IMAGE is a folder, IMAGE.json its
# configuration. The cgroups of the containers are below one with the name of bin, which the test removes.
set -eu
bin=${0%/*} name=$1 image=$2 filter=$3
shift 3

mkdir "$name"
(cd "$name" && runc spec)
jq --slurpfile image "$bin/images/$image.json" --arg root "$bin/images/$image" --arg work "$PWD" \
	--arg cgroup "/${bin##*/}/box-$(date +%s%N)" '
	$image[0].config as $image
	| (($image.User // "") + ":0" | if startswith(":") then "0:0" else . end | split(":") | map(tonumber)) as $user
	| .process.terminal = false
	| .process.args = ($image.Entrypoint // []) + (if ($ARGS.positional | length) > 0 then $ARGS.positional else $image.Cmd end)
	| .process.env = ($image.Env // .process.env)
	| .process.user = {uid: $user[0], gid: $user[1]}
	| .process.cwd = "/work"
	| .root.path = $root
	| .mounts += [{destination: "/work", type: "bind", source: $work, options: ["bind", "rw"]}]
	| .linux.cgroupsPath = $cgroup
	| '"$filter" "$name/config.json" --args -- "$@" >"$name/config.new"
mv "$name/config.new" "$name/config.json"
fds=0
[ ! -e /proc/self/fd/3 ] || fds=1
exec runc --root "$PWD/.runc" run --preserve-fds "$fds" --bundle "$name" "$name"
