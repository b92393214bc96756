/** inotify (uapi/linux/inotify.h): what happens in folders. */
import { struct } from '../layout.ts';

/** The name follows, `len` bytes with zeros at their end. */
export const inotify_event = struct('inotify_event', 16, {
  wd: 's32',
  mask: 'u32',
  cookie: 'u32',
  len: 'u32',
});

export const IN_CLOEXEC = 0o2000000;
export const IN_NONBLOCK = 0o4000;

export const IN_MODIFY = 0x0002;
export const IN_ATTRIB = 0x0004;
export const IN_MOVED_FROM = 0x0040;
export const IN_MOVED_TO = 0x0080;
export const IN_CREATE = 0x0100;
export const IN_DELETE = 0x0200;
export const IN_DELETE_SELF = 0x0400;
export const IN_MOVE_SELF = 0x0800;
export const IN_UNMOUNT = 0x2000;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x0100_0000;
export const IN_DONT_FOLLOW = 0x0200_0000;
export const IN_ISDIR = 0x4000_0000;
