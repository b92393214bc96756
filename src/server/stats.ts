/** Sums of the threads' numbers. */
import type { EngineStats } from '../engine/engine.ts';
import type { ServerStats } from './serve.ts';

/** @param workers how many threads the numbers come from */
export function mergeStats(all: readonly ServerStats[], workers: number): ServerStats {
  const engine: EngineStats = {
    accepted: 0,
    closed: 0,
    open: 0,
    bytesReceived: 0,
    bytesSent: 0,
    turns: 0,
    acceptPauses: 0,
    receiveBufferExhaustions: 0,
    submissionQueueFull: 0,
    completionQueueOverflows: 0,
  };
  const statusClasses = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
  const closeReasons: Record<string, number> = {};
  const faults: Record<string, number> = {};
  let requests = 0;
  let aborted = 0;
  for (const each of all) {
    requests += each.requests;
    aborted += each.aborted;
    addInto(engine as unknown as Record<string, number>, each.engine as unknown as Record<string, number>);
    addInto(statusClasses, each.statusClasses);
    addInto(closeReasons, each.closeReasons);
    addInto(faults, each.faults);
  }
  return { requests, aborted, statusClasses, closeReasons, faults, engine, workers };
}

function addInto(sum: Record<string, number>, add: Record<string, number>): void {
  for (const [name, value] of Object.entries(add)) sum[name] = (sum[name] ?? 0) + value;
}
