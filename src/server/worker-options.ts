/** What a worker thread is told of the options: what can be cloned, and its share of what is limited for the whole. */
import { shareOfLimits } from './admission.ts';
import type { ServeOptions } from './options.ts';
import type { WorkerOptions } from './worker-messages.ts';

/** @param fd its listening socket; undefined where it has to bind for itself */
export function optionsOfWorker(options: ServeOptions, index: number, fd: number | undefined): WorkerOptions {
  const { engine, timeouts, accessLog, globals, http2, tls, trustProxy, pubsub, hostname, port } = options;
  const limits = options.limits && shareOfLimits(options.limits, index, options.workers!);
  const given = { engine, timeouts, limits, accessLog, globals, http2, tls, trustProxy, pubsub };
  const address = fd === undefined ? { hostname, port } : { fd };
  return Object.fromEntries(
    Object.entries({ ...given, ...address }).filter(([, value]) => value !== undefined),
  ) as WorkerOptions;
}
