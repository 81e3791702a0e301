# shellcheck shell=sh
# `start net sh $LIB/hosts.sh [OPTION...]` starts the hosts node1, node2 and node3, for scripts that use ssh(1). A host is
# a PID and mount namespace in which sshd(8) is PID 1. It listens on 127.0.0.1, 127.0.0.2 or 127.0.0.3 in a network
# namespace that the hosts share. An OPTION is a line of sshd_config(5).
#
# The script writes `idle=FILE` to descriptor 3 when all hosts accept connections. FILE contains the PIDs of all processes
# of the idle hosts. On a host, HOME is WORK, because bash reads ~/.bashrc when sshd starts it. bin/ssh is ssh(1) with a
# configuration of its own. `nsenter -t $net -n CMD...` runs CMD in the network namespace.
set -eu
[ "$(cat /proc/1/comm)" = ns ] || { echo "hosts.sh: not under ns" >&2; exit 125; }
[ "${1-}" = --inside ] || exec unshare --net sh "$0" --inside "$@"
shift

cd "$WORK"
mkdir -p bin
ssh-keygen -q -t ed25519 -N '' -f hostkey
ssh-keygen -q -t ed25519 -N '' -f userkey
ssh=$(command -v ssh)
PATH=$WORK/bin:$PATH
# The first ConnectTimeout counts: clush gives 15 seconds, too few for a loaded machine.
cat >bin/ssh <<END
#!/bin/sh
exec $ssh -F $WORK/ssh_config -o ConnectTimeout=100 "\$@"
END
chmod 755 bin/ssh
cat >ssh_config <<END
Host node1
HostName 127.0.0.1
Host node2
HostName 127.0.0.2
Host node3
HostName 127.0.0.3
Host *
User root
Port 2222
IdentityFile $WORK/userkey
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
LogLevel ERROR
BatchMode yes
KexAlgorithms curve25519-sha256
END
{
	cat <<END
Port 2222
HostKey $WORK/hostkey
AuthorizedKeysFile $WORK/userkey.pub
StrictModes no
UsePAM no
PermitRootLogin yes
PidFile none
SetEnv PATH=$PATH HOME=$WORK
END
	printf '%s\n' "$@"
} >sshd_config
# /run, and so the pidfiles there, belong to one host.
cat >host.sh <<'END'
mount -t tmpfs none /run
mkdir /run/sshd
exec /usr/sbin/sshd -D -e -f "$WORK/sshd_config" -o "ListenAddress=127.0.0.$1"
END

ip link set lo up
for n in 1 2 3; do
	unshare --pid --fork --kill-child --mount-proc --mount sh host.sh "$n" >"sshd$n.log" 2>&1 3>&- &
	echo $! >>idle
done
for n in 1 2 3; do
	tries=0
	until ssh -n "node$n" true 2>"ssh$n.log"; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || { echo "hosts.sh: node$n:" >&2; cat "ssh$n.log" "sshd$n.log" >&2; exit 1; }
		sleep 0.1
	done
done
# The children of unshare(1): sshd, PID 1 of each host.
while read -r pid; do cat "/proc/$pid/task/$pid/children"; done <idle >listeners
echo $$ >>idle
cat listeners >>idle
echo "idle=$WORK/idle" >&3
exec 3>&-
wait
