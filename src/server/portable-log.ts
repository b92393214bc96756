/**
 * A logger of another thread. What is logged crosses by structured clone, which takes neither functions nor
 * an error's class and code: so errors are taken apart here and put together there, and what cannot cross is shown as text.
 */
import { show } from '../base/errors.ts';
import type { LogLevel } from '../observe/logger.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import { type ErrorData, errorData, errorFromData } from './worker-messages.ts';

/** Marks an error among the values; no property of a user's object is called so. */
const ERROR_KEY = '\0holdfast-error';
/** Deeper than that nobody reads. */
const DEPTH_MAX = 6;

/** @param send called with what survives a structured clone */
export function remoteLogger(send: (level: LogLevel, values: readonly unknown[]) => void): LoggerLike {
  const log =
    (level: LogLevel) =>
    (...values: unknown[]): void =>
      send(
        level,
        values.map((value) => portable(value, 0)),
      );
  return { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
}

/** @returns a value that can be cloned; never throws, whatever `value` does */
function portable(value: unknown, depth: number): unknown {
  if (typeof value === 'function' || typeof value === 'symbol') return show(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth > DEPTH_MAX) return show(value);
  try {
    if (value instanceof Error) return { [ERROR_KEY]: errorData(value) };
    if (Array.isArray(value)) return value.map((each) => portable(each, depth + 1));
    if (isPlain(value))
      return Object.fromEntries(
        Object.entries(value).map(([name, each]) => [name, portable(each, depth + 1)]),
      );
    return structuredClone(value);
  } catch {
    return show(value);
  }
}

/** The values as they were, as far as they could cross. */
export function restored(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(restored);
  if (!isPlain(value)) return value;
  const data = (value as Record<string, unknown>)[ERROR_KEY];
  if (data !== undefined) return errorFromData(data as ErrorData);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, restored(each)]));
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
