/**
 * Linux AIO, for the one operation that libuv cannot do for us: a poll that signals an eventfd when it
 * is done. All answer 0 or more, or a negative errno.
 *
 * A context is an address in our own address space (the kernel maps its ring there), so a number holds it.
 */
import { SYSCALLS } from './abi/syscalls.ts';
import { loadFfi } from './ffi.ts';
import { scratch } from './memory.ts';

const NR = SYSCALLS[process.arch === 'arm64' ? 'arm64' : 'x64'];
const NR_SETUP = NR.io_setup;
const NR_DESTROY = NR.io_destroy;
const NR_SUBMIT = NR.io_submit;
const NR_GETEVENTS = NR.io_getevents;

/** @returns the context, or a negative errno */
export function ioSetup(eventCountMax: number): number {
  const ffi = loadFfi();
  const { address, u32 } = scratch();
  u32[0] = 0;
  u32[1] = 0;
  if (ffi.libc.io_setup(NR_SETUP, eventCountMax, address) < 0) return -ffi.errno[0]!;
  return u32[0]! + u32[1]! * 2 ** 32;
}

/**
 * Cancels what is pending, waits for it, and releases the context. Slow: it waits for an RCU grace
 * period, about 30 ms, with the thread blocked. For the end of an engine only.
 */
export function ioDestroy(context: number): number {
  const ffi = loadFfi();
  return ffi.libc.io_destroy(NR_DESTROY, context) < 0 ? -ffi.errno[0]! : 0;
}

/**
 * @param iocbsAddress an array of `count` addresses of iocb
 * @hot one a sleep
 * @returns how many were taken
 */
export function ioSubmit(context: number, count: number, iocbsAddress: number): number {
  const ffi = loadFfi();
  const taken = ffi.libc.io_submit(NR_SUBMIT, context, count, iocbsAddress);
  return taken < 0 ? -ffi.errno[0]! : taken;
}

/**
 * @param eventsAddress memory for `countMax` of io_event
 * @param timeoutAddress a timespec; 0 waits for ever. With `countMin` 0 nothing is waited for in either case
 * @hot one a wake
 * @returns how many events were written
 */
export function ioGetevents(
  context: number,
  countMin: number,
  countMax: number,
  eventsAddress: number,
  timeoutAddress: number,
): number {
  const ffi = loadFfi();
  const count = ffi.libc.io_getevents(
    NR_GETEVENTS,
    context,
    countMin,
    countMax,
    eventsAddress,
    timeoutAddress,
  );
  return count < 0 ? -ffi.errno[0]! : count;
}
