/**
 * What a file has in memory, and what is memory altogether: questions that never wait for a disk. All answer 0 or more, or a
 * negative errno.
 */
import { RWF_NOWAIT, statfs } from './abi/file.ts';
import { HUGETLBFS_MAGIC, RAMFS_MAGIC, TMPFS_MAGIC } from './abi/filesystems.ts';
import { iovec } from './abi/socket.ts';
import { SYSCALLS } from './abi/syscalls.ts';
import { loadFfi } from './ffi.ts';
import { scratch, storeAddress } from './memory.ts';

const NR_PREADV2 = SYSCALLS[process.arch === 'arm64' ? 'arm64' : 'x64'].preadv2;
/** Behind the list of one place, in the scratch page. */
const BYTE_AT = 64;
const FILES_IN_MEMORY = new Set([TMPFS_MAGIC, RAMFS_MAGIC, HUGETLBFS_MAGIC]);

/**
 * Reads one byte at `offset`, if that takes no disk: preadv2(2) with RWF_NOWAIT.
 * @hot one a MiB of a file
 * @returns 1; 0 at the end of the file; -EAGAIN where the page is not in memory, -EOPNOTSUPP where the file system cannot tell
 */
export function readCachedByte(fd: number, offset: number): number {
  const ffi = loadFfi();
  const { address, u32 } = scratch();
  storeAddress(u32, iovec.offset.iov_base / 4, address + BYTE_AT);
  storeAddress(u32, iovec.offset.iov_len / 4, 1);
  const count = ffi.libc.preadv2(NR_PREADV2, fd, address, 1, offset, 0, RWF_NOWAIT);
  return count < 0 ? -ffi.errno[0]! : count;
}

/**
 * Reads up to `size` bytes at `offset` to `address`, as many as take no disk: preadv2(2) with RWF_NOWAIT.
 * @hot one for each piece of a file
 * @returns how many; 0 at the end of the file; -EAGAIN where the first page is not in memory, -EOPNOTSUPP where the file system
 *   cannot tell
 */
export function readCached(fd: number, address: number, size: number, offset: number): number {
  const ffi = loadFfi();
  const { address: list, u32 } = scratch();
  storeAddress(u32, iovec.offset.iov_base / 4, address);
  storeAddress(u32, iovec.offset.iov_len / 4, size);
  const count = ffi.libc.preadv2(NR_PREADV2, fd, list, 1, offset, 0, RWF_NOWAIT);
  return count < 0 ? -ffi.errno[0]! : count;
}

/** What the kernel reads ahead by default, and so what comes into memory and goes from it together most often. */
const READ_AHEAD_BYTES = 128 * 1024;

/**
 * Asks `readCachedByte` for a byte of each read-ahead of [start, end), and for the last one: some 4 us a MiB. Each page would be asked
 * for by cachestat(2), since Linux 6.5, which takes 15.
 * @hot one a MiB of a file
 * @returns 1 where all are in memory, else the first other answer
 */
export function readCachedBytes(fd: number, start: number, end: number): number {
  for (let at = start; at < end - 1; at += READ_AHEAD_BYTES) {
    const answer = readCachedByte(fd, at);
    if (answer !== 1) return answer;
  }
  return readCachedByte(fd, end - 1);
}

/**
 * posix_fadvise(2). POSIX_FADV_DONTNEED drops what is in memory and written back; POSIX_FADV_WILLNEED reads it in, and may wait
 * for the disk while it asks.
 * @param length in bytes; 0 for all that follows
 */
export function adviseFile(fd: number, offset: number, length: number, advice: number): number {
  return 0 - loadFfi().libc.posix_fadvise(fd, offset, length, advice);
}

/** fstatfs(2): whether the file lies in memory and on no disk. @returns 1 or 0, or a negative errno */
export function isFileInMemory(fd: number): number {
  const ffi = loadFfi();
  const { address, u32 } = scratch();
  if (ffi.libc.fstatfs(fd, address) < 0) return -ffi.errno[0]!;
  return FILES_IN_MEMORY.has(u32[statfs.offset.f_type / 4]!) ? 1 : 0;
}
