/** Opening by openat2(2), Linux 5.6: linux/openat2.h. */
import { struct } from '../layout.ts';

/** The same on every architecture. */
export const SYS_openat2 = 437;

export const AT_FDCWD = -100;

export const open_how = struct('open_how', 24, { flags: 'u64', mode: 'u64', resolve: 'u64' });

/** No way across a mount, by /proc's magic links, by any link, out of the folder, without what is in memory (5.12). */
export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_CACHED = 0x20;
