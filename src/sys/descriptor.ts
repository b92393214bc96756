/**
 * Calls on any descriptor: read, write, duplicate, flags, and moving bytes from one to another without
 * a copy. All answer 0 or more, or a negative errno.
 */
import { F_GETFD, F_GETFL, F_GETPIPE_SZ, F_SETFL, F_SETPIPE_SZ, O_NONBLOCK } from './abi/file.ts';
import { loadFfi } from './ffi.ts';
import { scratch } from './memory.ts';

/** @returns what the command gives */
export function fcntl(fd: number, command: number, argument: number): number {
  const ffi = loadFfi();
  const result = ffi.libc.fcntl(fd, command, argument);
  return result < 0 ? -ffi.errno[0]! : result;
}

export function isOpenFd(fd: number): boolean {
  return fcntl(fd, F_GETFD, 0) >= 0;
}

export function setNonBlocking(fd: number, nonBlocking: boolean): number {
  const flags = fcntl(fd, F_GETFL, 0);
  if (flags < 0) return flags;
  return fcntl(fd, F_SETFL, nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

/** @returns bytes the pipe now holds: the kernel rounds up to a power of two of pages */
export function setPipeCapacity(fd: number, byteLength: number): number {
  return fcntl(fd, F_SETPIPE_SZ, byteLength);
}

export function pipeCapacity(fd: number): number {
  return fcntl(fd, F_GETPIPE_SZ, 0);
}

/** @returns bytes read, 0 at the end */
export function readFd(fd: number, address: number, length: number): number {
  const ffi = loadFfi();
  const count = ffi.libc.read(fd, address, length);
  return count < 0 ? -ffi.errno[0]! : count;
}

export function writeFd(fd: number, address: number, length: number): number {
  const ffi = loadFfi();
  const count = ffi.libc.write(fd, address, length);
  return count < 0 ? -ffi.errno[0]! : count;
}

/** Reads at a place of its own; the descriptor's offset stays. */
export function preadFd(fd: number, address: number, length: number, offset: number): number {
  const ffi = loadFfi();
  const count = ffi.libc.pread(fd, address, length, offset);
  return count < 0 ? -ffi.errno[0]! : count;
}

/**
 * A file's pages into a socket, without passing through here.
 * @hot several a file
 * @param offset where in the file; the descriptor's own offset stays
 * @returns bytes taken, 0 at the end of the file
 */
export function sendfile(toFd: number, fromFd: number, offset: number, length: number): number {
  const ffi = loadFfi();
  const page = scratch();
  page.u32[0] = offset >>> 0;
  page.u32[1] = Math.floor(offset / 2 ** 32);
  const count = ffi.libc.sendfile(toFd, fromFd, page.address, length);
  return count < 0 ? -ffi.errno[0]! : count;
}

/**
 * Pages from or to a pipe.
 * @param fromOffset where in the source, which is then no pipe and keeps its own offset; undefined reads on
 * @hot several a file
 * @returns bytes moved, 0 at the end
 */
export function splice(
  fromFd: number,
  fromOffset: number | undefined,
  toFd: number,
  length: number,
  flags: number,
): number {
  const ffi = loadFfi();
  let offsetAddress = 0;
  if (fromOffset !== undefined) {
    const page = scratch();
    page.u32[0] = fromOffset >>> 0;
    page.u32[1] = Math.floor(fromOffset / 2 ** 32);
    offsetAddress = page.address;
  }
  const count = ffi.libc.splice(fromFd, offsetAddress, toFd, 0, length, flags);
  return count < 0 ? -ffi.errno[0]! : count;
}

/** `to` refers to what `from` does; what it referred to before is closed. */
export function dup3(from: number, to: number, flags: number): number {
  const ffi = loadFfi();
  const result = ffi.libc.dup3(from, to, flags);
  return result < 0 ? -ffi.errno[0]! : result;
}

export interface Pipe {
  readonly readFd: number;
  readonly writeFd: number;
}

/** Both ends of a new pipe, or a negative errno. */
export function pipe2(flags: number): Pipe | number {
  const ffi = loadFfi();
  const page = scratch();
  const result = ffi.libc.pipe2(page.address, flags);
  return result < 0 ? -ffi.errno[0]! : { readFd: page.i32[0]!, writeFd: page.i32[1]! };
}
