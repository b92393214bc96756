/**
 * What happens in folders, told by inotify(7): one instance, whose news are taken when somebody wants to know. Nothing wakes anybody.
 * Knows no files of ours: it gives the number of a watch, what happened, and to which name.
 */
import { closeSync, openSync } from 'node:fs';
import {
  BTRFS_SUPER_MAGIC,
  EXT4_SUPER_MAGIC,
  F2FS_SUPER_MAGIC,
  OVERLAYFS_SUPER_MAGIC,
  RAMFS_MAGIC,
  TMPFS_MAGIC,
  XFS_SUPER_MAGIC,
} from './abi/filesystems.ts';
import {
  IN_ATTRIB,
  IN_CLOEXEC,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_DONT_FOLLOW,
  IN_IGNORED,
  IN_ISDIR,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_NONBLOCK,
  IN_ONLYDIR,
  IN_Q_OVERFLOW,
  IN_UNMOUNT,
  inotify_event,
} from './abi/inotify.ts';
import { dup3 } from './descriptor.ts';
import { ERRNO } from './errno.ts';
import { loadFfi } from './ffi.ts';
import { ownedMemory, PAGE_BYTES, scratch } from './memory.ts';
import { closeFd } from './socket.ts';

const CHILD_EVENTS = IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE;
const OWN_EVENTS = IN_DELETE_SELF | IN_MOVE_SELF;
/** The watch itself tells nothing any more, or something else than it did. */
const LOST_EVENTS = OWN_EVENTS | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED;

/** Some 400 events. Whoever has missed more is better off to look at everything anew. */
const BUFFER_BYTES = 16 * 1024;
/** The longest: a name of 255 bytes and its zero. */
const EVENT_BYTES_MAX = inotify_event.size + 256;

/** File systems that only this machine changes, and whose changes all pass by inotify. NFS, SMB, FUSE and 9P do not. */
const TOLD_OF = new Set([
  BTRFS_SUPER_MAGIC,
  EXT4_SUPER_MAGIC,
  F2FS_SUPER_MAGIC,
  OVERLAYFS_SUPER_MAGIC,
  RAMFS_MAGIC,
  TMPFS_MAGIC,
  XFS_SUPER_MAGIC,
]);

/** @param type as statfs(2) tells it */
export function isToldOf(type: number): boolean {
  return TOLD_OF.has(type);
}

/** Hears of one thing that happened in the folder with that watch. @param name bytes, one a character */
type EventListener = (watch: number, name: string, isFolder: boolean) => void;

export class FolderEvents {
  readonly #fd: number;
  readonly #memory = ownedMemory(BUFFER_BYTES);
  readonly #view: DataView;

  private constructor(fd: number) {
    this.#fd = fd;
    this.#view = new DataView(this.#memory.bytes.buffer);
  }

  /** @returns undefined where there is none to be had: instances are few (fs.inotify.max_user_instances), and sandboxes forbid them */
  static open(): FolderEvents | undefined {
    const { libc } = loadFfi();
    const fd = libc.inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) return undefined;
    // Under a number that Node has given: it closes those of a thread that ends without a word.
    let own = -1;
    try {
      own = openSync('/dev/null', 'r');
    } catch {
      // Descriptors have run out.
    }
    const isOwn = own >= 0 && dup3(fd, own, IN_CLOEXEC) >= 0;
    closeFd(fd);
    if (isOwn) return new FolderEvents(own);
    if (own >= 0) closeSync(own);
    return undefined;
  }

  /**
   * @param path of a folder
   * @param follows a link that its last name is
   * @returns the number of the watch, the same for the same folder; or a negative errno: ENOSPC where there are too many, ENOTDIR for a link
   */
  watch(path: Uint8Array, follows: boolean): number {
    if (path.length >= PAGE_BYTES) return -ERRNO.ENAMETOOLONG;
    const ffi = loadFfi();
    const { address, bytes } = scratch();
    bytes.set(path);
    bytes[path.length] = 0;
    const mask = CHILD_EVENTS | OWN_EVENTS | IN_ONLYDIR | (follows ? 0 : IN_DONT_FOLLOW);
    const watch = ffi.libc.inotify_add_watch(this.#fd, address, mask);
    return watch < 0 ? -ffi.errno[0]! : watch;
  }

  /** @returns false where not all can be told: what was known of any folder is not known any more */
  take(listener: EventListener): boolean {
    const { libc } = loadFfi();
    const size = libc.read(this.#fd, this.#memory.address, BUFFER_BYTES);
    // Nothing has come.
    if (size < 0) return true;
    if (size > BUFFER_BYTES - EVENT_BYTES_MAX) return false;
    const view = this.#view;
    const { offset } = inotify_event;
    for (let at = 0; at < size; ) {
      const mask = view.getUint32(at + offset.mask, true);
      if ((mask & LOST_EVENTS) !== 0) return false;
      const length = view.getUint32(at + offset.len, true);
      const start = at + inotify_event.size;
      const name = nameIn(this.#memory.bytes, start, start + length);
      listener(view.getInt32(at + offset.wd, true), name, (mask & IN_ISDIR) !== 0);
      at = start + length;
    }
    return true;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function nameIn(bytes: Uint8Array, start: number, end: number): string {
  const zero = bytes.indexOf(0, start);
  const nameEnd = zero < start || zero > end ? end : zero;
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, nameEnd - start).toString('latin1');
}
