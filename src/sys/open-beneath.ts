/** openat2(2): opening by a path that is kept to what was asked for, on the way that the kernel itself walks. */
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from './abi/file.ts';
import {
  AT_FDCWD,
  open_how,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  SYS_openat2,
} from './abi/openat2.ts';
import { ERRNO } from './errno.ts';
import { loadFfi } from './ffi.ts';
import { PAGE_BYTES, scratch } from './memory.ts';

/** Behind the structure, in the scratch page. */
const PATH_AT = 64;

/** A folder to look below, links on the way to it followed. @returns a descriptor that nothing can be read by, or a negative errno */
export function openFolderPath(path: Uint8Array): number {
  return openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, RESOLVE_CACHED);
}

/**
 * What is named below a folder, on a way without any link, and without a wait for the disk.
 * @returns a descriptor that nothing can be read by: it tells what the thing is without opening it. Or a negative errno: -EAGAIN where
 *   the disk would have to be asked, -ELOOP where a link is on the way, -EXDEV where the way leads out
 */
export function openPathBeneath(folderFd: number, path: Uint8Array): number {
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_CACHED;
  return openat2(folderFd, path, O_PATH | O_CLOEXEC, resolve);
}

function openat2(folderFd: number, path: Uint8Array, flags: number, resolve: number): number {
  if (path.length >= PAGE_BYTES - PATH_AT) return -ERRNO.ENAMETOOLONG;
  const ffi = loadFfi();
  const { address, bytes, u32 } = scratch();
  u32.fill(0, 0, open_how.size / 4);
  u32[open_how.offset.flags / 4] = flags;
  u32[open_how.offset.resolve / 4] = resolve;
  bytes.set(path, PATH_AT);
  bytes[PATH_AT + path.length] = 0;
  const fd = ffi.libc.openat2(SYS_openat2, folderFd, address + PATH_AT, address, open_how.size);
  return fd < 0 ? -ffi.errno[0]! : fd;
}
