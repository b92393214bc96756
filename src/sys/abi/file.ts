/**
 * Descriptors, files and memory: asm-generic/fcntl.h, mman.h, eventfd.h, resource.h, statfs.h. Only what is the
 * same on x64 and arm64, but for three O_ flags that arm64 numbers in its own way.
 */
import { array, struct } from '../layout.ts';

const IS_ARM64 = process.arch === 'arm64';

export const O_RDONLY = 0;
export const O_WRONLY = 0o1;
export const O_RDWR = 0o2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = IS_ARM64 ? 0o40000 : 0o200000;
export const O_NOFOLLOW = IS_ARM64 ? 0o100000 : 0o400000;
export const O_DIRECT = IS_ARM64 ? 0o200000 : 0o40000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

export const F_DUPFD = 0;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_DUPFD_CLOEXEC = 1030;
export const F_SETPIPE_SZ = 1031;
export const F_GETPIPE_SZ = 1032;
export const FD_CLOEXEC = 1;

export const EFD_SEMAPHORE = 1;
export const EFD_CLOEXEC = 0o2000000;
export const EFD_NONBLOCK = 0o4000;

export const PROT_NONE = 0;
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_FIXED = 0x10;
export const MAP_ANONYMOUS = 0x20;
/** Fault the pages in now. */
export const MAP_POPULATE = 0x8000;
export const MAP_HUGETLB = 0x40000;
export const MADV_DONTNEED = 4;
export const MADV_DONTFORK = 10;
export const MADV_HUGEPAGE = 14;
export const MADV_DONTDUMP = 16;

export const SPLICE_F_MOVE = 1;
export const SPLICE_F_NONBLOCK = 2;
export const SPLICE_F_MORE = 4;

export const POSIX_FADV_WILLNEED = 3;
export const POSIX_FADV_DONTNEED = 4;

/** preadv2(2): answer EAGAIN in place of waiting for the disk. 4.14 */
export const RWF_NOWAIT = 8;

/** f_type and the sizes are words of the machine, which has 64 bits. */
export const statfs = struct('statfs', 120, {
  f_type: 's64',
  f_bsize: 's64',
  f_blocks: 'u64',
  f_bfree: 'u64',
  f_bavail: 'u64',
  f_files: 'u64',
  f_ffree: 'u64',
  f_fsid: array('s32', 2),
  f_namelen: 's64',
  f_frsize: 's64',
  f_flags: 's64',
  f_spare: array('s64', 4),
});

export const rlimit = struct('rlimit', 16, { rlim_cur: 'u64', rlim_max: 'u64' });

export const RLIMIT_NOFILE = 7;
export const RLIMIT_MEMLOCK = 8;
/** RLIM_INFINITY is all ones, which no number holds: read as `Infinity`. */
export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;
