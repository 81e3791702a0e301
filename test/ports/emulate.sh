#!/bin/sh
# Usage: unshare --user --map-root-user --mount sh emulate.sh COMMAND...
# Runs COMMAND where the kernel starts programs of other architectures with qemu-user. The registrations belong to the user
# namespace (Linux 6.7), and end with it.
set -eu

if ! mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null; then
	echo "emulate.sh: no binfmt_misc in a user namespace (Linux 6.7): only programs that the kernel runs itself are tested" >&2
	exec "$@"
fi

# register EMULATOR CLASS ORDER MACHINE: e_ident[EI_CLASS], e_ident[EI_DATA] and e_machine of the ELF header (elf(5)). A
# program has e_type 2 or 3.
register() {
	emulator=$(command -v "$1" || command -v "$1-static") || return 0
	zeros='\x00\x00\x00\x00\x00\x00\x00\x00'
	ones='\xff\xff\xff\xff\xff\xff\xff\xff'
	type='\x02\x00' types='\xfe\xff' machine="\\x$4\\x00"
	if [ "$3" = 02 ]; then
		type='\x00\x02' types='\xff\xfe' machine="\\x00\\x$4"
	fi
	# O and C: the emulator gets the program as a descriptor. F: the emulator is found in any mount namespace. P: the
	# program gets its own argument 0.
	printf '%s' ":$1:M::\\x7fELF\\x$2\\x$3\\x01\\x00$zeros$type$machine:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00$ones$types\\xff\\xff:$emulator:POCF" \
		>/proc/sys/fs/binfmt_misc/register
}

register qemu-aarch64 02 01 b7
register qemu-arm 01 01 28
register qemu-riscv64 02 01 f3
register qemu-s390x 02 02 16
register qemu-ppc64le 02 01 15
register qemu-ppc64 02 02 15
register qemu-mips 01 02 08
register qemu-mipsel 01 01 08
register qemu-mips64 02 02 08
register qemu-mips64el 02 01 08

exec "$@"
