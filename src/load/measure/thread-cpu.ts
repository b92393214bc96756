/**
 * CPU time of the calling thread, and how long it was ready to run without a core. Linux tells both in
 * nanoseconds (`schedstat`, Documentation/scheduler/sched-stats.rst); elsewhere Node tells the first.
 */
import { readFileSync } from 'node:fs';

export interface CpuReading {
  readonly atMs: number;
  readonly cpuMs: number;
  readonly waitedMs: number | undefined;
}

/** Node 23.9 and later. */
type ThreadUsage = { threadCpuUsage?: () => { user: number; system: number } };

export function readThreadCpu(nowMs: number): CpuReading {
  if (process.platform === 'linux') {
    try {
      const { cpuMs, waitedMs } = parseSchedstat(readFileSync('/proc/thread-self/schedstat', 'utf8'));
      return { atMs: nowMs, cpuMs, waitedMs };
    } catch {
      // A kernel without CONFIG_SCHED_INFO: Node's own figure will do.
    }
  }
  const usage = (process as ThreadUsage).threadCpuUsage?.() ?? process.cpuUsage();
  return { atMs: nowMs, cpuMs: (usage.user + usage.system) / 1000, waitedMs: undefined };
}

/** @param text three numbers: nanoseconds on the CPU, nanoseconds on a run queue, time slices */
export function parseSchedstat(text: string): { cpuMs: number; waitedMs: number } {
  const [onCpuNs, waitedNs] = text.trim().split(' ').map(Number);
  return { cpuMs: (onCpuNs ?? 0) / 1e6, waitedMs: (waitedNs ?? 0) / 1e6 };
}

export function cpuBetween(
  before: CpuReading,
  after: CpuReading,
): {
  wallMs: number;
  cpuMs: number;
  waitedMs: number | undefined;
} {
  return {
    wallMs: after.atMs - before.atMs,
    cpuMs: after.cpuMs - before.cpuMs,
    waitedMs:
      after.waitedMs === undefined || before.waitedMs === undefined
        ? undefined
        : after.waitedMs - before.waitedMs,
  };
}
