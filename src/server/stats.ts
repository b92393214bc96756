/** Sums of the threads' numbers. */
import { type EngineStats, emptyEngineStats } from '../engine/engine.ts';
import type { ServerStats } from './serve.ts';

/** @param workers how many threads the numbers come from */
export function mergeStats(all: readonly ServerStats[], workers: number): ServerStats {
  const engine: EngineStats = emptyEngineStats();
  const statusClasses = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
  const closeReasons: Record<string, number> = {};
  const faults: Record<string, number> = {};
  const deadlines = { header: 0, idle: 0, body: 0, handler: 0, linger: 0, deadPeer: 0, drain: 0 };
  const states = { accepted: 0, head: 0, idle: 0, exchange: 0, linger: 0, closing: 0 };
  let requests = 0;
  let aborted = 0;
  let unsentBytes = 0;
  for (const each of all) {
    requests += each.requests;
    aborted += each.aborted;
    unsentBytes += each.unsentBytes;
    addInto(engine, each.engine);
    addInto(statusClasses, each.statusClasses);
    addInto(closeReasons, each.closeReasons);
    addInto(faults, each.faults);
    addInto(deadlines, each.deadlines);
    addInto(states, each.states);
  }
  return {
    requests,
    aborted,
    statusClasses,
    closeReasons,
    faults,
    deadlines,
    states,
    unsentBytes,
    engine,
    workers,
  };
}

/** Both are tables of numbers by name; interfaces have no index signature, so they come as objects. */
function addInto(sum: object, add: object): void {
  const into = sum as Record<string, number>;
  for (const [name, value] of Object.entries(add as Record<string, number>))
    into[name] = (into[name] ?? 0) + value;
}
