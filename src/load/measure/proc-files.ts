/** Reading of what Linux tells in files. Whatever is missing or not for us to see is undefined. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Tests give their own. */
export interface ProcFiles {
  text(path: string): string | undefined;
  list(path: string): readonly string[];
  link(path: string): string | undefined;
}

export const PROC_FILES: ProcFiles = {
  text: (path) => attempt(() => readFileSync(path, 'utf8')),
  list: (path) => attempt(() => readdirSync(path)) ?? [],
  link: (path) => attempt(() => readlinkSync(path)),
};

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // Not Linux, gone meanwhile, or another user's: all mean that nothing is known.
    return undefined;
  }
}

/** A line of /proc/net/tcp or tcp6 (Documentation/networking/proc_net_tcp.rst). */
interface SocketLine {
  /** The file's own spelling: hexadecimal words in the machine's byte order. */
  readonly localHex: string;
  readonly localPort: number;
  readonly remoteHex: string;
  readonly remotePort: number;
  /** `0A` is LISTEN, `06` TIME_WAIT, `01` ESTABLISHED (include/net/tcp_states.h). */
  readonly state: string;
  readonly inode: string;
}

export function parseSocketTable(text: string): SocketLine[] {
  const lines: SocketLine[] = [];
  for (const line of text.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const [, local, remote, state] = fields;
    const inode = fields[9];
    if (local === undefined || remote === undefined || state === undefined || inode === undefined) continue;
    const [localHex, localPort] = local.split(':');
    const [remoteHex, remotePort] = remote.split(':');
    lines.push({
      localHex: localHex!,
      localPort: Number.parseInt(localPort!, 16),
      remoteHex: remoteHex!,
      remotePort: Number.parseInt(remotePort!, 16),
      state,
      inode,
    });
  }
  return lines;
}
