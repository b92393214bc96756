/** What the process itself costs, read when it is asked for. */
import { readdirSync } from 'node:fs';

interface ProcessCosts {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
}

export interface ProcessNumbers extends ProcessCosts {
  readonly startedAtSeconds: number;
  /** Undefined where the system does not tell. */
  readonly openDescriptors: number | undefined;
}

export function readProcessNumbers(): ProcessNumbers {
  return {
    ...readProcessCosts(),
    startedAtSeconds: Math.round(performance.timeOrigin) / 1000,
    openDescriptors: countDescriptors(),
  };
}

export function readProcessCosts(): ProcessCosts {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
}

/** Takes time with their number. @returns undefined where the system does not tell */
export function countDescriptors(): number | undefined {
  try {
    // Less the one that reads the folder.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}
