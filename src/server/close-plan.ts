/** How a server is to close: what a caller wrote, checked, and with its defaults. Plain data: workers are sent it. */
import { OptionError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import { parseDuration, parsePause } from '../base/units.ts';

export interface CloseOptions {
  /** Reset what is open instead of waiting for answers under way. @default false */
  readonly force?: boolean;
  /**
   * How long everything goes on as before, while `/readyz` already answers 503: the time that a load balancer takes to
   * learn of it and to send its clients elsewhere. New connections are served. @default 0
   */
  readonly delay?: Duration;
  /** How long answers under way are waited for, after the delay. @default `timeouts.drain` */
  readonly timeout?: Duration;
  /**
   * How long a connection that is idle may still ask, and be answered with `Connection: close`, before it
   * is closed. A request that crosses with our FIN is lost to its client; after such a time without one that
   * is rare. @default 250 for `close()`, 1000 after a signal and when a worker is replaced
   */
  readonly idleGraceMs?: number;
}

export interface ClosePlan {
  readonly force: boolean;
  readonly delayMs: number;
  readonly drainMs: number;
  readonly idleGraceMs: number;
}

/** Busy clients ask again within it; and a program that ends does not feel it. */
const CLOSE_IDLE_GRACE_MS = 250;
/** For an end that nobody at a keyboard waits for. */
export const SHUTDOWN_IDLE_GRACE_MS = 1000;

/** @throws OptionError */
export function closePlan(options: CloseOptions | boolean, drainMs: number): ClosePlan {
  const asked = typeof options === 'boolean' ? { force: options } : options;
  if (typeof asked !== 'object' || asked === null)
    throw new OptionError('close', asked, 'true (force), or { force, delay, timeout, idleGraceMs }');
  return {
    force: asked.force === true,
    delayMs: parsePause('close.delay', asked.delay),
    drainMs: asked.timeout === undefined ? drainMs : parseDuration('close.timeout', asked.timeout),
    idleGraceMs: parsePause('close.idleGraceMs', asked.idleGraceMs ?? CLOSE_IDLE_GRACE_MS),
  };
}
