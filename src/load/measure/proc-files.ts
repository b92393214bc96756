/** Reading of what Linux tells in files. Whatever is missing or not for us to see is undefined. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';

/** Some hundred lines of a table of sockets. */
const PIECE_BYTES = 16 * 1024;

/** Tests give their own. */
export interface ProcFiles {
  /** @param isEnough asked of what has been read so far: the kernel makes such a file while it is read, line by line */
  text(path: string, isEnough?: (text: string) => boolean): string | undefined;
  list(path: string): readonly string[];
  link(path: string): string | undefined;
}

export const PROC_FILES: ProcFiles = {
  text: (path, isEnough) =>
    attempt(() => (isEnough === undefined ? readFileSync(path, 'utf8') : readUntil(path, isEnough))),
  list: (path) => attempt(() => readdirSync(path)) ?? [],
  link: (path) => attempt(() => readlinkSync(path)),
};

function readUntil(path: string, isEnough: (text: string) => boolean): string {
  const fd = openSync(path, 'r');
  try {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    let text = '';
    for (let size = readSync(fd, piece); size > 0; size = readSync(fd, piece)) {
      text += piece.toString('latin1', 0, size);
      if (isEnough(text)) break;
    }
    return text;
  } finally {
    closeSync(fd);
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // Not Linux, gone meanwhile, or another user's: all mean that nothing is known.
    return undefined;
  }
}

/**
 * How many sockets of /proc/net/tcp or tcp6 lead to that port: `sl: LOCAL:PORT REMOTE:PORT ST ...`
 * (Documentation/networking/proc_net_tcp.rst). The table may have many thousand lines, so none is taken apart.
 * @param addressHex in the file's own spelling, words in the machine's byte order; undefined for any
 */
export function countSocketsTo(table: string, addressHex: string | undefined, port: number): number {
  const remote = `${addressHex === undefined ? '' : ` ${addressHex}`}:${hexOf(port)}`;
  // Behind a local address another address follows, and no state of two digits.
  const pattern = new RegExp(`${remote} [0-9A-F]{2} `, 'g');
  let count = 0;
  while (pattern.exec(table) !== null) count++;
  return count;
}

/** @returns inodes of the sockets that listen on that port. The kernel lists those that listen before all others. */
export function listeningInodes(files: ProcFiles, path: string, port: number): string[] {
  // `0A` is LISTEN (include/net/tcp_states.h).
  const table = files.text(path, (text) => /\n *\d+: \S+ \S+ (?!0A)[0-9A-F]{2} /.test(text)) ?? '';
  const pattern = new RegExp(`: [0-9A-F]+:${hexOf(port)} \\S+ 0A(?: +\\S+){5} +(\\d+)`, 'g');
  return [...table.matchAll(pattern)].map(([, inode]) => inode!);
}

function hexOf(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0');
}
