/** The hub of one thread, made with its settings. */
import type { LoggerLike } from '../observe/logger-like.ts';
import { Hub, type HubLimits } from '../pubsub/hub.ts';

export function createHub(limits: HubLimits, logger: LoggerLike): Hub {
  // Ids of a former process must not look like ours.
  return new Hub(limits, uniqueName(), (error) => logger.error('a subscriber failed', error));
}

/** Nobody has to be kept from guessing it, and no start has to load Node's cryptography for it. */
function uniqueName(): string {
  const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
  return microseconds.toString(36) + Math.random().toString(36).slice(2, 8);
}
