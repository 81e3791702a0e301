//go:build exactsignals

#include "textflag.h"
#ifdef GOARCH_ppc64
#include "asm_ppc64x.h"
#endif

// killbox_start is where the program is entered, with -ldflags=-E=killbox_start: before the Go runtime can open /dev/null
// over a closed standard output, it is asked for, as fcntl(1, F_GETFD). Nothing else is touched that the runtime's own
// entry reads: the stack.
#ifdef GOARCH_amd64
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOVL	$72, AX
	MOVL	$1, DI
	MOVL	$1, SI
	SYSCALL
	MOVQ	AX, ·stdoutAtStart(SB)
	JMP	_rt0_amd64_linux(SB)
#endif
#ifdef GOARCH_386
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOVL	$55, AX
	MOVL	$1, BX
	MOVL	$1, CX
	INT	$0x80
	MOVL	AX, ·stdoutAtStart(SB)
	JMP	_rt0_386_linux(SB)
#endif
#ifdef GOARCH_arm64
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOVD	$25, R8
	MOVD	$1, R0
	MOVD	$1, R1
	SVC
	MOVD	R0, ·stdoutAtStart(SB)
	JMP	_rt0_arm64_linux(SB)
#endif
#ifdef GOARCH_arm
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOVW	$55, R7
	MOVW	$1, R0
	MOVW	$1, R1
	SWI	$0
	MOVW	R0, ·stdoutAtStart(SB)
	JMP	_rt0_arm_linux(SB)
#endif
#ifdef GOARCH_riscv64
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOV	$25, A7
	MOV	$1, A0
	MOV	$1, A1
	ECALL
	MOV	A0, ·stdoutAtStart(SB)
	JMP	_rt0_riscv64_linux(SB)
#endif
#ifdef GOARCH_loong64
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOVV	$25, R11
	MOVV	$1, R4
	MOVV	$1, R5
	SYSCALL
	MOVV	R4, ·stdoutAtStart(SB)
	JMP	_rt0_loong64_linux(SB)
#endif
#ifdef GOARCH_s390x
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOVD	$55, R1
	MOVD	$1, R2
	MOVD	$1, R3
	SYSCALL
	MOVD	R2, ·stdoutAtStart(SB)
	JMP	_rt0_s390x_linux(SB)
#endif
// From here on an error is a positive number, beside a flag.
#ifdef GOARCH_mips
#define ENTRY _rt0_mips_linux
#endif
#ifdef GOARCH_mipsle
#define ENTRY _rt0_mipsle_linux
#endif
#ifdef ENTRY
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOVW	$4055, R2
	MOVW	$1, R4
	MOVW	$1, R5
	SYSCALL
	MOVW	R2, ·stdoutAtStart(SB)
	JMP	ENTRY(SB)
#endif
#ifdef GOARCH_mips64
#define ENTRY64 _rt0_mips64_linux
#endif
#ifdef GOARCH_mips64le
#define ENTRY64 _rt0_mips64le_linux
#endif
#ifdef ENTRY64
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOVV	$5070, R2
	MOVV	$1, R4
	MOVV	$1, R5
	SYSCALL
	MOVV	R2, ·stdoutAtStart(SB)
	JMP	ENTRY64(SB)
#endif
#ifdef GOARCH_ppc64le
TEXT killbox_start(SB),NOSPLIT|NOFRAME,$0
	MOVD	$55, R0
	MOVD	$1, R3
	MOVD	$1, R4
	SYSCALL
	MOVD	R3, ·stdoutAtStart(SB)
	JMP	_rt0_ppc64le_linux(SB)
#endif
#ifdef GOARCH_ppc64
DEFINE_PPC64X_FUNCDESC(killbox_start, begin<>)

TEXT begin<>(SB),NOSPLIT|NOFRAME,$0
	MOVD	$55, R0
	MOVD	$1, R3
	MOVD	$1, R4
	SYSCALL
	MOVD	R3, ·stdoutAtStart(SB)
	XOR	R0, R0
	MOVD	0(R1), R3
	ADD	$8, R1, R4
	JMP	runtime·rt0_go(SB)
#endif
