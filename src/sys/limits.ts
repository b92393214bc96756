/** Limits of this process that the kernel holds (getrlimit), read and raised. */
import { RLIM_INFINITY, RLIMIT_MEMLOCK, RLIMIT_NOFILE, rlimit } from './abi/file.ts';
import { loadFfi } from './ffi.ts';
import { scratch } from './memory.ts';

const SOFT = rlimit.offset.rlim_cur;
const HARD = rlimit.offset.rlim_max;

/** `Infinity` where there is no limit. */
interface ResourceLimit {
  /** What holds now. */
  readonly soft: number;
  /** How far this process may raise `soft` by itself. */
  readonly hard: number;
}

/** @returns the limit, or a negative errno */
export function getrlimit(resource: number): ResourceLimit | number {
  const ffi = loadFfi();
  const { view, address } = scratch();
  if (ffi.libc.getrlimit(resource, address) < 0) return -ffi.errno[0]!;
  return { soft: readLimit(view.getBigUint64(SOFT, true)), hard: readLimit(view.getBigUint64(HARD, true)) };
}

/** @returns 0, or a negative errno */
export function setrlimit(resource: number, limit: ResourceLimit): number {
  const ffi = loadFfi();
  const { view, address } = scratch();
  view.setBigUint64(SOFT, encodeLimit(limit.soft), true);
  view.setBigUint64(HARD, encodeLimit(limit.hard), true);
  return ffi.libc.setrlimit(resource, address) < 0 ? -ffi.errno[0]! : 0;
}

/**
 * Descriptors this process may have open. Node raises the soft limit to the hard one when it starts; this
 * repeats it for embedders and for limits lowered since.
 * @returns how many are allowed now, or a negative errno
 */
export function raiseDescriptorLimit(): number {
  const limit = getrlimit(RLIMIT_NOFILE);
  if (typeof limit === 'number' || limit.soft === limit.hard)
    return typeof limit === 'number' ? limit : limit.soft;
  const result = setrlimit(RLIMIT_NOFILE, { soft: limit.hard, hard: limit.hard });
  return result < 0 ? result : limit.hard;
}

/** Bytes of memory this process may pin, which registered buffers count against. */
export function lockedMemoryLimit(): ResourceLimit | number {
  return getrlimit(RLIMIT_MEMLOCK);
}

function readLimit(value: bigint): number {
  return value === RLIM_INFINITY ? Number.POSITIVE_INFINITY : Number(value);
}

function encodeLimit(value: number): bigint {
  return value === Number.POSITIVE_INFINITY ? RLIM_INFINITY : BigInt(value);
}
