/** What statfs(2) calls file systems whose content is memory: linux/magic.h. */

export const TMPFS_MAGIC = 0x0102_1994;
export const RAMFS_MAGIC = 0x8584_58f6;
export const HUGETLBFS_MAGIC = 0x9584_58f6;
