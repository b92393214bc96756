/** What the network did while a run lasted: segments sent again, and how fast the link to the target is. */
import { isIPv4 } from 'node:net';
import type { ConnectTarget } from '../../engine/engine.ts';
import type { ProcFiles } from './proc-files.ts';
import { isOwnAddress } from './server-process.ts';

export interface NetworkFacts {
  /** All that this machine sent while the run lasted, whoever sent them. */
  readonly segmentsSent: number;
  readonly segmentsRetransmitted: number;
  readonly isLoopback: boolean;
  /** The speed of the interface towards the target; undefined where nobody tells. */
  readonly linkBitsPerSecond: number | undefined;
  readonly bytesMoved: number;
}

export interface SegmentCounts {
  readonly sent: number;
  readonly retransmitted: number;
}

/** Counts of this network namespace since it began: /proc/net/snmp has two lines for TCP, names and values. */
export function readSegments(files: ProcFiles): SegmentCounts | undefined {
  const lines = (files.text('/proc/net/snmp') ?? '').split('\n').filter((line) => line.startsWith('Tcp:'));
  const names = lines[0]?.split(' ');
  const values = lines[1]?.split(' ');
  if (names === undefined || values === undefined) return undefined;
  const value = (name: string) => Number(values[names.indexOf(name)]);
  return { sent: value('OutSegs'), retransmitted: value('RetransSegs') };
}

export function staysOnMachine(target: ConnectTarget): boolean {
  return 'unix' in target || isOwnAddress(target.address);
}

/** The speed of the interface that the route to the target leaves by; undefined for IPv6 and where nobody tells. */
export function linkBitsPerSecond(target: ConnectTarget, files: ProcFiles): number | undefined {
  if ('unix' in target || !isIPv4(target.address)) return undefined;
  const name = interfaceTowards(target.address, files.text('/proc/net/route') ?? '');
  const megabits = Number(files.text(`/sys/class/net/${name}/speed`) ?? Number.NaN);
  // -1 where the driver does not know, as for most virtual interfaces.
  return megabits > 0 ? megabits * 1e6 : undefined;
}

/** The longest matching prefix; addresses are words in the machine's byte order, in hexadecimal. */
export function interfaceTowards(address: string, table: string): string | undefined {
  const wanted = address.split('.').reduceRight((sum, part) => sum * 256 + Number(part), 0);
  let best: { name: string; bits: number } | undefined;
  for (const line of table.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const destination = Number.parseInt(fields[1] ?? '', 16);
    const mask = Number.parseInt(fields[7] ?? '', 16);
    if (Number.isNaN(destination) || Number.isNaN(mask)) continue;
    if ((wanted & mask) !== (destination & mask)) continue;
    const bits = mask.toString(2).replaceAll('0', '').length;
    if (best === undefined || bits > best.bits) best = { name: fields[0]!, bits };
  }
  return best?.name;
}
