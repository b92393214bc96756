/** What the process itself costs, read when it is asked for. */
import { readdirSync } from 'node:fs';

export interface ProcessNumbers {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly startedAtSeconds: number;
  /** Undefined where the system does not tell. */
  readonly openDescriptors: number | undefined;
}

export function readProcessNumbers(): ProcessNumbers {
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    startedAtSeconds: Math.round(performance.timeOrigin) / 1000,
    openDescriptors: countDescriptors(),
  };
}

function countDescriptors(): number | undefined {
  try {
    // Less the one that reads the folder.
    return readdirSync('/proc/self/fd').length - 1;
  } catch {
    return undefined;
  }
}
