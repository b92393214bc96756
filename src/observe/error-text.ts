/**
 * The text of an error that somebody else made: its properties may be of any kind, and may throw when they are
 * read (a Proxy that was revoked, `Error.prepareStackTrace` that gives call sites). Nothing here throws.
 */
import { show } from '../base/errors.ts';

/** Does what `instanceof` does, which throws for a Proxy that was revoked. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

/** The property where it is text, else what it is in its place; empty where it is not there or cannot be read. */
export function textProperty(error: Error, name: 'name' | 'message' | 'stack'): string {
  try {
    const value: unknown = error[name];
    return typeof value === 'string' ? value : value === undefined || value === null ? '' : show(value);
  } catch {
    return '';
  }
}

export function codeOf(error: Error): unknown {
  try {
    return 'code' in error ? error.code : undefined;
  } catch {
    return undefined;
  }
}

/** The lines of its stack, without the message. */
export function stackFrames(error: Error): string {
  const stack = textProperty(error, 'stack');
  const first = stack.search(/^\s+at /m);
  return first === -1 ? '' : stack.slice(first);
}
