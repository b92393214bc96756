/**
 * The calls on paths and descriptors that serving a folder needs, as promises over the callback API
 * (which costs a third of `node:fs/promises`, and no start has to load that), and what a refusal of theirs means for a client.
 */
import {
  close,
  constants,
  type Dir,
  fstat,
  lstat,
  type OpenDirOptions,
  open,
  opendir,
  read,
  readlink,
  realpath,
  type Stats,
  stat,
} from 'node:fs';

/**
 * O_NONBLOCK: opening what has become a FIFO must not wait for a writer. O_NOCTTY: nor may a terminal become
 * ours. Both mean nothing for regular files, and Windows has neither.
 */
export const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** The host has run out of something for now. */
const BUSY = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** The name leads to nothing that may be had: absent, too long, in a circle, forbidden, a socket, a device without a driver. */
const MISSING = new Set([
  'ENOENT',
  'ENOTDIR',
  'ENAMETOOLONG',
  'ELOOP',
  'EACCES',
  'EPERM',
  'EISDIR',
  'EINVAL',
  'EILSEQ',
  'ENXIO',
  'ENODEV',
]);

/** @throws the error itself when it says nothing about the name: a disk that fails must not look like a 404 */
export function refusalOf(error: unknown): 'busy' | 'missing' {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (BUSY.has(code)) return 'busy';
  if (MISSING.has(code)) return 'missing';
  throw error;
}

export function openDescriptor(path: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, OPEN_FLAGS, (error, fd) => {
      if (error === null) resolve(fd);
      else reject(error);
    });
  });
}

export function statDescriptor(fd: number): Promise<Stats> {
  return new Promise((resolve, reject) => {
    fstat(fd, (error, stats) => {
      if (error === null) resolve(stats);
      else reject(error);
    });
  });
}

export function statPath(path: Buffer): Promise<Stats> {
  return new Promise((resolve, reject) => {
    stat(path, (error, stats) => {
      if (error === null) resolve(stats);
      else reject(error);
    });
  });
}

/** @returns the facts of a symbolic link itself */
export function statLink(path: Buffer): Promise<Stats> {
  return new Promise((resolve, reject) => {
    lstat(path, (error, stats) => {
      if (error === null) resolve(stats);
      else reject(error);
    });
  });
}

export function realPath(path: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    realpath.native(path, 'buffer', (error, real) => {
      if (error === null) resolve(real);
      else reject(error);
    });
  });
}

/** @returns where a symbolic link leads, as it is written in it */
export function readLink(path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    readlink(path, 'buffer', (error, target) => {
      if (error === null) resolve(target);
      else reject(error);
    });
  });
}

export function openFolder(path: Buffer, options: OpenDirOptions = {}): Promise<Dir> {
  return new Promise((resolve, reject) => {
    opendir(path, options, (error, folder) => {
      if (error === null) resolve(folder);
      else reject(error);
    });
  });
}

/** Fills `into` from `offsetBytes` on, or as much of it as the file has. @returns how much that was */
export async function readFully(fd: number, into: Uint8Array, offsetBytes: number): Promise<number> {
  let count = 0;
  while (count < into.length) {
    const more = await readDescriptor(fd, count === 0 ? into : into.subarray(count), offsetBytes + count);
    if (more === 0) break;
    count += more;
  }
  return count;
}

export function readDescriptor(fd: number, into: Uint8Array, offsetBytes: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, into, 0, into.length, offsetBytes, (error, count) => {
      if (error === null) resolve(count);
      else reject(error);
    });
  });
}

/** Linux releases the descriptor even when close reports an error, so there is nothing to do about one. */
export function closeDescriptor(fd: number): Promise<void> {
  return new Promise((resolve) => {
    close(fd, () => resolve());
  });
}
