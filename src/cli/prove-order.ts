/** What a coordinator tells agents to do, as text that travels: all of it is checked by whoever reads it. */
import { OptionError } from '../base/errors.ts';
import type { Slice } from '../prove/slices/slice.ts';
import type { Promises, TargetPaths } from '../prove/target/target.ts';
import { readSlices } from './prove-settings.ts';

export interface TravellingOrder {
  readonly url: string;
  readonly slices: readonly Slice[];
  readonly seed: number;
  readonly concurrency: number;
  readonly durationMs: number;
  readonly promises: Promises;
  readonly paths: TargetPaths;
}

const DURATION_MS_MAX = 7 * 24 * 3600_000;
const CONCURRENCY_MAX = 5000;
const PLACES = ['large', 'upload', 'hung', 'websocket', 'events'] as const;

export function encodeProveOrder(order: TravellingOrder): string {
  // JSON knows no Infinity: a deadline that is off is told by a word.
  const told = (ms: number | undefined): number | 'off' | undefined =>
    ms === Number.POSITIVE_INFINITY ? 'off' : ms;
  const { headerMs, idleMs, bodyMs } = order.promises;
  const promises = { headerMs: told(headerMs), idleMs: told(idleMs), bodyMs: told(bodyMs) };
  return JSON.stringify({ ...order, promises, slices: order.slices.map(({ name }) => name).join(',') });
}

/** @throws OptionError, Error for what is no order */
export function readProveOrder(text: string): TravellingOrder {
  const order = JSON.parse(text) as Record<string, unknown>;
  const paths = (order['paths'] ?? {}) as Record<string, unknown>;
  const promises = (order['promises'] ?? {}) as Record<string, unknown>;
  const number = (name: string, max: number): number => {
    const value = order[name];
    if (typeof value !== 'number' || !(value >= 0 && value <= max))
      throw new OptionError(name, value, `0 to ${max}`);
    return value;
  };
  const place = (name: string): string | undefined => {
    const value = paths[name];
    if (value === undefined) return undefined;
    if (typeof value !== 'string' || !/^\/[!-~]*$/.test(value)) throw new OptionError(name, value, 'a path');
    return value;
  };
  const promise = (name: string): number | undefined => {
    const value = promises[name];
    if (value === undefined) return undefined;
    if (value === 'off') return Number.POSITIVE_INFINITY;
    if (typeof value !== 'number' || !(value > 0 && value <= DURATION_MS_MAX))
      throw new OptionError(name, value, 'a time');
    return value;
  };
  const { large, upload, hung, websocket, events } = Object.fromEntries(
    PLACES.map((name) => [name, place(name)]),
  );
  return {
    url: String(order['url']),
    slices: readSlices(String(order['slices'])),
    seed: number('seed', 2 ** 48),
    concurrency: number('concurrency', CONCURRENCY_MAX),
    durationMs: number('durationMs', DURATION_MS_MAX),
    promises: { headerMs: promise('headerMs'), idleMs: promise('idleMs'), bodyMs: promise('bodyMs') },
    paths: {
      ...{ small: place('small') ?? '/', large, upload, hung, websocket, events },
      operations: undefined,
    },
  };
}
