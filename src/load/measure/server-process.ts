/**
 * The process that listens at the target, when it is on this machine and may be looked at: found by its
 * socket's inode among all processes' descriptors, then followed by the scheduler's own figures, thread by
 * thread, since a server of one thread is at its limit with one core however many there are.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { ConnectTarget } from '../../engine/engine.ts';
import { unixText } from '../../engine/unix-path.ts';
import { listeningInodes, type ProcFiles } from './proc-files.ts';
import { isLoopbackAddress } from './source-ports.ts';

export interface ServerReading {
  readonly atMs: number;
  /** By process and thread, `pid/tid`. */
  readonly threads: ReadonlyMap<string, { readonly cpuMs: number; readonly waitedMs: number }>;
  readonly userTicks: number;
  readonly systemTicks: number;
}

export interface ServerCpu {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly userMs: number;
  readonly systemMs: number;
  /** Shares of a core, of the busiest thread: at work, and ready but without a core. */
  readonly busiestShare: number;
  readonly busiestWaitedShare: number;
  readonly threadCount: number;
}

/** @returns the processes that hold a listening socket for `target`; none when they cannot be seen */
export function findServerPids(target: ConnectTarget, files: ProcFiles): number[] {
  const inodes = listeningSockets(target, files);
  if (inodes.size === 0) return [];
  const pids: number[] = [];
  for (const name of files.list('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const folder = `/proc/${name}/fd`;
    if (files.list(folder).some((fd) => inodes.has(files.link(`${folder}/${fd}`) ?? '')))
      pids.push(Number(name));
  }
  return pids;
}

/** Links of descriptors name them so: `socket:[123]`. */
function listeningSockets(target: ConnectTarget, files: ProcFiles): Set<string> {
  const found = new Set<string>();
  if ('unix' in target) {
    for (const line of (files.text('/proc/net/unix') ?? '').split('\n')) {
      const fields = line.trim().split(/\s+/);
      if (fields[7] === unixText(target.unix)) found.add(`socket:[${fields[6]}]`);
    }
    return found;
  }
  if (!isOwnAddress(target.address)) return found;
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6'])
    for (const inode of listeningInodes(files, file, target.port)) found.add(`socket:[${inode}]`);
  return found;
}

export function isOwnAddress(address: string): boolean {
  if (isLoopbackAddress(address)) return true;
  if (!isIPv4(address) && !isIPv6(address)) return false;
  return Object.values(networkInterfaces()).some((list) => list?.some((each) => each.address === address));
}

export function readServer(pids: readonly number[], files: ProcFiles, nowMs: number): ServerReading {
  const threads = new Map<string, { cpuMs: number; waitedMs: number }>();
  let userTicks = 0;
  let systemTicks = 0;
  for (const pid of pids) {
    const stat = files.text(`/proc/${pid}/stat`);
    if (stat !== undefined) {
      // The name in parentheses may hold anything: counting begins after it (proc_pid_stat(5)).
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      userTicks += Number(fields[11]);
      systemTicks += Number(fields[12]);
    }
    for (const tid of files.list(`/proc/${pid}/task`)) {
      const text = files.text(`/proc/${pid}/task/${tid}/schedstat`);
      if (text === undefined) continue;
      const [onCpuNs, waitedNs] = text.trim().split(' ').map(Number);
      threads.set(`${pid}/${tid}`, { cpuMs: (onCpuNs ?? 0) / 1e6, waitedMs: (waitedNs ?? 0) / 1e6 });
    }
  }
  return { atMs: nowMs, threads, userTicks, systemTicks };
}

/** @returns undefined when nothing was seen at both moments */
export function serverCpuBetween(before: ServerReading, after: ServerReading): ServerCpu | undefined {
  const wallMs = after.atMs - before.atMs;
  if (after.threads.size === 0 || wallMs <= 0) return undefined;
  let cpuMs = 0;
  let busiest = { cpuMs: 0, waitedMs: 0 };
  for (const [key, now] of after.threads) {
    const then = before.threads.get(key) ?? { cpuMs: 0, waitedMs: 0 };
    const spent = { cpuMs: now.cpuMs - then.cpuMs, waitedMs: now.waitedMs - then.waitedMs };
    cpuMs += spent.cpuMs;
    if (spent.cpuMs > busiest.cpuMs) busiest = spent;
  }
  const userTicks = after.userTicks - before.userTicks;
  const ticks = userTicks + after.systemTicks - before.systemTicks;
  // The scheduler's sum is exact; ticks only tell how it splits.
  const userShare = ticks > 0 ? userTicks / ticks : 0;
  return {
    wallMs,
    cpuMs,
    userMs: cpuMs * userShare,
    systemMs: cpuMs * (1 - userShare),
    busiestShare: busiest.cpuMs / wallMs,
    busiestWaitedShare: busiest.waitedMs / wallMs,
    threadCount: after.threads.size,
  };
}
