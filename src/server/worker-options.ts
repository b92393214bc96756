/** What a worker thread is told of the options: what can be cloned, and its share of what is limited for the whole. */

import { createLogger } from '../observe/logger.ts';
import { shareOfLimits } from './admission.ts';
import { guardedLogger } from './guarded-logger.ts';
import type { ServeOptions, Settings } from './options.ts';
import { readPubsub } from './pubsub-options.ts';
import type { WorkerOptions } from './worker-messages.ts';

/** @param fd its listening socket; undefined where it has to bind for itself */
export function optionsOfWorker(options: ServeOptions, index: number, fd: number | undefined): WorkerOptions {
  const { engine, timeouts, accessLog, globals, http2, trustProxy, proxyProtocol, node, compat } = options;
  const { hostname, port } = options;
  // One connection to NATS serves all threads: the main thread's.
  const { nats: _nats, ...pubsub } = readPubsub(options.pubsub ?? {});
  const limits = options.limits && shareOfLimits(options.limits, index, options.workers!);
  const given = {
    engine,
    timeouts,
    limits,
    accessLog,
    globals,
    http2,
    trustProxy,
    proxyProtocol,
    pubsub,
    node,
    compat,
  };
  const address = fd === undefined ? { hostname, port } : { fd };
  return Object.fromEntries(
    Object.entries({ ...given, ...address }).filter(([, value]) => value !== undefined),
  ) as WorkerOptions;
}

/** One whose share of `limits.connections` is none could only refuse what the kernel gives it: it is not started. */
export function withUsefulWorkers(options: ServeOptions, { limits }: Settings): ServeOptions {
  const { connectionsMax } = limits;
  const workers = options.workers!;
  if (workers <= connectionsMax) return options;
  guardedLogger(options.logger ?? createLogger()).warn(
    `limits.connections: ${connectionsMax} connections keep ${connectionsMax} of ${workers} workers busy; no more are started`,
  );
  return { ...options, workers: connectionsMax };
}
