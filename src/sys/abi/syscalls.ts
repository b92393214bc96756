/**
 * Numbers of the system calls that libc has no function for, or not every libc: preadv2 came to musl in 1.2.5. io_uring's are
 * the same on every architecture; the others are not. Sources: asm/unistd_64.h for x64, asm-generic/unistd.h for arm64.
 */

interface SyscallNumbers {
  readonly io_setup: number;
  readonly io_destroy: number;
  readonly io_submit: number;
  readonly io_getevents: number;
  readonly preadv2: number;
  readonly io_uring_setup: number;
  readonly io_uring_enter: number;
  readonly io_uring_register: number;
}

const IO_URING = { io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427 } as const;

export const SYSCALLS: Readonly<Record<'x64' | 'arm64', SyscallNumbers>> = {
  x64: { io_setup: 206, io_destroy: 207, io_getevents: 208, io_submit: 209, preadv2: 327, ...IO_URING },
  arm64: { io_setup: 0, io_destroy: 1, io_submit: 2, io_getevents: 4, preadv2: 286, ...IO_URING },
};
