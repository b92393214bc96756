/**
 * io_uring's three system calls. What they mean is the engine's business; this only makes them, and
 * answers 0 or more, or a negative errno.
 */
import { SYSCALLS } from './abi/syscalls.ts';
import { loadFfi } from './ffi.ts';
import type { Memory } from './memory.ts';

const NR = SYSCALLS[process.arch === 'arm64' ? 'arm64' : 'x64'];
const NR_SETUP = NR.io_uring_setup;
const NR_ENTER = NR.io_uring_enter;
const NR_REGISTER = NR.io_uring_register;

/**
 * @param params an io_uring_params: flags in, offsets and features out
 * @returns the ring's descriptor, or a negative errno
 */
export function ioUringSetup(entries: number, params: Memory): number {
  const ffi = loadFfi();
  const fd = ffi.libc.io_uring_setup(NR_SETUP, entries, params.address);
  return fd < 0 ? -ffi.errno[0]! : fd;
}

/**
 * Submits, and waits for `minComplete` completions when the flags have IORING_ENTER_GETEVENTS.
 * @hot one a turn
 * @returns entries taken, or a negative errno
 */
export function ioUringEnter(fd: number, toSubmit: number, minComplete: number, flags: number): number {
  const ffi = loadFfi();
  const taken = ffi.libc.io_uring_enter(NR_ENTER, fd, toSubmit, minComplete, flags, 0);
  return taken < 0 ? -ffi.errno[0]! : taken;
}

/**
 * The same with an io_uring_getevents_arg, for a wait with a timeout; `flags` must have
 * IORING_ENTER_EXT_ARG.
 * @returns entries taken, or a negative errno (ETIME when the time ran out)
 */
export function ioUringEnterArg(
  fd: number,
  toSubmit: number,
  minComplete: number,
  flags: number,
  argumentAddress: number,
  argumentLength: number,
): number {
  const ffi = loadFfi();
  const taken = ffi.libc.io_uring_enter_ext(
    NR_ENTER,
    fd,
    toSubmit,
    minComplete,
    flags,
    argumentAddress,
    argumentLength,
  );
  return taken < 0 ? -ffi.errno[0]! : taken;
}

/** @returns 0 or more, as the registration says, or a negative errno */
export function ioUringRegister(fd: number, opcode: number, address: number, count: number): number {
  const ffi = loadFfi();
  const result = ffi.libc.io_uring_register(NR_REGISTER, fd, opcode, address, count);
  return result < 0 ? -ffi.errno[0]! : result;
}
