/**
 * Source ports: how many there are to one destination, how long a closed connection keeps its own, and
 * how many are taken. A connection is told apart by its four addresses and ports, so each destination and
 * each source address has the whole range for itself.
 */
import { isIPv4 } from 'node:net';
import type { ConnectTarget } from '../../engine/engine.ts';
import { countSocketsTo, type ProcFiles } from './proc-files.ts';

/** TCP_TIMEWAIT_LEN, include/net/tcp.h. */
const TIME_WAIT_MS = 60_000;
/** net.ipv4.tcp_tw_reuse_delay; before 6.14 the kernel compared whole seconds. */
const REUSE_DELAY_MS = 1000;
/** Reading the table of sockets costs the kernel some microseconds a line: not when there are too many. */
const TABLE_LINES_MAX = 100_000;

export interface PortFacts {
  /** Over all source addresses, and all addresses of the destination. */
  readonly available: number;
  /** How long the port of a connection that this side closed cannot be used again for the same destination. */
  readonly heldMs: number;
  readonly reusesTimeWait: boolean;
  readonly isLoopback: boolean;
  readonly first: number;
  readonly last: number;
}

/** @returns undefined for unix sockets, and where the system does not tell */
export function readPortFacts(
  target: ConnectTarget,
  addressPairCount: number,
  files: ProcFiles,
): PortFacts | undefined {
  if ('unix' in target) return undefined;
  const range = files.text('/proc/sys/net/ipv4/ip_local_port_range')?.trim().split(/\s+/).map(Number);
  const [first, last] = range ?? [];
  if (first === undefined || last === undefined) return undefined;
  const reserved = countReserved(files.text('/proc/sys/net/ipv4/ip_local_reserved_ports') ?? '', first, last);
  const isLoopback = isLoopbackAddress(target.address);
  const reuse = Number(files.text('/proc/sys/net/ipv4/tcp_tw_reuse') ?? 0);
  // 2 is for connections that provably never leave the machine: tcp_twsk_unique asks for a loopback
  // address on either side. Timestamps must be on, as they are by default.
  const hasTimestamps = files.text('/proc/sys/net/ipv4/tcp_timestamps')?.trim() !== '0';
  const reusesTimeWait = hasTimestamps && (reuse === 1 || (reuse === 2 && isLoopback));
  const delayMs = Number(files.text('/proc/sys/net/ipv4/tcp_tw_reuse_delay') ?? REUSE_DELAY_MS);
  return {
    available: Math.max(0, last - first + 1 - reserved) * Math.max(1, addressPairCount),
    heldMs: reusesTimeWait ? delayMs : TIME_WAIT_MS,
    reusesTimeWait,
    isLoopback,
    first,
    last,
  };
}

/** net.ipv4.ip_local_reserved_ports: `8080,9148-9150`. */
export function countReserved(text: string, first: number, last: number): number {
  let count = 0;
  for (const part of text.trim().split(',')) {
    const [from, to = from] = part.split('-').map(Number);
    if (part === '' || from === undefined || to === undefined) continue;
    count += Math.max(0, Math.min(to, last) - Math.max(from, first) + 1);
  }
  return count;
}

export function isLoopbackAddress(address: string): boolean {
  return address.startsWith('127.') || address === '::1' || /^::ffff:127\./i.test(address);
}

/** Sockets in TIME_WAIT in this network namespace, whosever they are. */
function countTimeWaits(files: ProcFiles): number | undefined {
  const match = /^TCP:.*\btw (\d+)/m.exec(files.text('/proc/net/sockstat') ?? '');
  return match === null ? undefined : Number(match[1]);
}

/**
 * Source ports that are taken to this destination before the run begins, TIME_WAIT included.
 * @returns undefined where nobody tells, or where there are too many sockets to look
 */
export function countTakenPorts(target: ConnectTarget, files: ProcFiles): number | undefined {
  if ('unix' in target || (countTimeWaits(files) ?? TABLE_LINES_MAX) >= TABLE_LINES_MAX) return undefined;
  const text = files.text(isIPv4(target.address) ? '/proc/net/tcp' : '/proc/net/tcp6');
  return text === undefined ? undefined : countSocketsTo(text, addressHex(target.address), target.port);
}

/** The address as /proc/net/tcp writes it: a word in the machine's byte order. Undefined for IPv6: the port will do. */
function addressHex(address: string): string | undefined {
  if (!isIPv4(address)) return undefined;
  const bytes = address.split('.').map(Number);
  const hex = (
    Number(bytes[3]) * 2 ** 24 +
    (Number(bytes[2]) << 16) +
    (Number(bytes[1]) << 8) +
    Number(bytes[0])
  )
    .toString(16)
    .toUpperCase();
  return hex.padStart(8, '0');
}

/**
 * Follows how many source ports are taken: those of open connections, and those of closed ones that the
 * kernel still holds. Which of the system's TIME_WAITs are ours it does not say cheaply; ours are as many
 * as this side has closed in the last minute, and at most as many as there are.
 */
export class PortMeter {
  readonly #files: ProcFiles;
  readonly #before: number;
  readonly #available: number;
  /** Closed by this side, by second. */
  readonly #closed: { readonly atMs: number; readonly count: number }[] = [];
  max = 0;

  constructor(facts: PortFacts, takenBefore: number, files: ProcFiles) {
    this.#files = files;
    this.#available = facts.available;
    this.#before = takenBefore;
  }

  /** @param closedHere since the last sample */
  sample(nowMs: number, open: number, closedHere: number): number {
    this.#closed.push({ atMs: nowMs, count: closedHere });
    while (this.#closed.length > 0 && this.#closed[0]!.atMs < nowMs - TIME_WAIT_MS) this.#closed.shift();
    const held = this.#before + this.#closed.reduce((sum, { count }) => sum + count, 0);
    const taken = Math.min(open + Math.min(held, countTimeWaits(this.#files) ?? held), this.#available);
    this.max = Math.max(this.max, taken);
    return taken;
  }
}
