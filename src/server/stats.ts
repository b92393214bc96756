/** Sums of the threads' numbers. */
import { type EngineStats, emptyEngineStats } from '../engine/engine.ts';
import { emptyWebSocketCounts } from '../http/websocket/counts.ts';
import { addCounts, emptyCounts } from '../observe/duration-histogram.ts';
import { countsByBound } from '../protocol/h2/error-codes.ts';
import type { ServerStats } from './server.ts';
import type { WorkerNumbers } from './server-thread.ts';
import { noTls } from './tls-counts.ts';

/** @param workers how many threads the numbers come from */
export function mergeStats(all: readonly ServerStats[], workers: number): ServerStats {
  const engine: EngineStats = emptyEngineStats();
  const statusClasses = { '1xx': 0, '2xx': 0, '3xx': 0, '4xx': 0, '5xx': 0 };
  const closeReasons: Record<string, number> = {};
  const faults: Record<string, number> = {};
  const http2Limits = countsByBound(() => 0);
  const tls = noTls();
  const deadlines = { header: 0, idle: 0, body: 0, handler: 0, linger: 0, stall: 0, deadPeer: 0, drain: 0 };
  const states = { accepted: 0, head: 0, idle: 0, exchange: 0, upgraded: 0, linger: 0, closing: 0 };
  const websocket = emptyWebSocketCounts();
  const pubsubDropped = { thread: 0, machine: 0 };
  let requests = 0;
  let aborted = 0;
  let unsentBytes = 0;
  let durations = emptyCounts();
  const byWorker: Record<string, WorkerNumbers> = {};
  for (const each of all) {
    requests += each.requests;
    aborted += each.aborted;
    unsentBytes += each.unsentBytes;
    durations = addCounts(durations, each.durations);
    for (const [worker, numbers] of Object.entries(each.byWorker)) {
      const before = byWorker[worker];
      byWorker[worker] =
        before === undefined
          ? numbers
          : {
              requests: before.requests + numbers.requests,
              loopLag: addCounts(before.loopLag, numbers.loopLag),
            };
    }
    addInto(engine, each.engine);
    addInto(statusClasses, each.statusClasses);
    addInto(closeReasons, each.closeReasons);
    addInto(faults, each.faults);
    addInto(http2Limits, each.http2Limits);
    addInto(tls.events, each.tls.events);
    addInto(tls.errors, each.tls.errors);
    addInto(deadlines, each.deadlines);
    addInto(states, each.states);
    addInto(websocket, each.websocket);
    addInto(pubsubDropped, each.pubsubDropped);
  }
  return {
    requests,
    aborted,
    statusClasses,
    closeReasons,
    faults,
    http2Limits,
    tls,
    deadlines,
    states,
    websocket,
    pubsubDropped,
    unsentBytes,
    durations,
    byWorker,
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

/** What a thread tells of itself is of worker 0: it does not know which it is. */
export function ofWorker(stats: ServerStats, index: number): ServerStats {
  const own = stats.byWorker['0'];
  return index === 0 || own === undefined ? stats : { ...stats, byWorker: { [index]: own } };
}
