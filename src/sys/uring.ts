/**
 * io_uring's three system calls, which answer 0 or more, or a negative errno, and what a ring says it can do.
 */
import { io_uring_probe, io_uring_probe_op } from './abi/io-uring.ts';
import {
  IO_URING_OP_SUPPORTED,
  IORING_OP_SEND_ZC,
  IORING_OP_SOCKET,
  IORING_REGISTER_PROBE,
} from './abi/io-uring-ops.ts';
import { SYSCALLS } from './abi/syscalls.ts';
import { loadFfi } from './ffi.ts';
import { type Memory, scratch } from './memory.ts';

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

/** @returns 0 or more, as the registration says, or a negative errno */
export function ioUringRegister(fd: number, opcode: number, address: number, count: number): number {
  const ffi = loadFfi();
  const result = ffi.libc.io_uring_register(NR_REGISTER, fd, opcode, address, count);
  return result < 0 ? -ffi.errno[0]! : result;
}

/** The numbers (IORING_OP) of all operations that the ring's kernel says it supports. */
export function ringOperations(fd: number): ReadonlySet<number> {
  const operations = new Set<number>();
  const countMax = 256;
  const { address, view, bytes } = scratch();
  bytes.fill(0);
  if (ioUringRegister(fd, IORING_REGISTER_PROBE, address, countMax) < 0) return operations;
  const count = view.getUint8(io_uring_probe.offset.ops_len);
  for (let i = 0; i < count; i++) {
    const at = io_uring_probe.size + i * io_uring_probe_op.size;
    if ((view.getUint16(at + io_uring_probe_op.offset.flags, true) & IO_URING_OP_SUPPORTED) !== 0) {
      operations.add(view.getUint8(at + io_uring_probe_op.offset.op));
    }
  }
  return operations;
}

// Flags of an operation cannot be asked for; each of these came in one release with an operation.

/** 5.19 */
export function hasMultishotAccept(operations: ReadonlySet<number>): boolean {
  return operations.has(IORING_OP_SOCKET);
}

/** 6.0 */
export function hasMultishotReceive(operations: ReadonlySet<number>): boolean {
  return operations.has(IORING_OP_SEND_ZC);
}
