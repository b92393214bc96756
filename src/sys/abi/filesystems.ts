/** What statfs(2) calls file systems: linux/magic.h. First those whose content is memory. */

export const TMPFS_MAGIC = 0x0102_1994;
export const RAMFS_MAGIC = 0x8584_58f6;
export const HUGETLBFS_MAGIC = 0x9584_58f6;

export const BTRFS_SUPER_MAGIC = 0x9123_683e;
/** Those before it, ext2 and ext3, have the same. */
export const EXT4_SUPER_MAGIC = 0xef53;
export const F2FS_SUPER_MAGIC = 0xf2f5_2010;
export const OVERLAYFS_SUPER_MAGIC = 0x794c_7630;
export const XFS_SUPER_MAGIC = 0x5846_5342;
