/**
 * Errors that say what is wrong with a call of `serve` show where it was called. Our own frames mean nothing to
 * whoever reads that, and after the first wait they would be all there is.
 */
import { OptionError, UnavailableError } from '../base/errors.ts';
import { ListenError } from './listen-error.ts';

/** @param called the public function; frames from its caller on are kept */
export function callPlace(called: (...args: never[]) => unknown): { readonly stack?: string } {
  const place: { stack?: string } = {};
  Error.captureStackTrace?.(place, called);
  return place;
}

/** @returns the error, with the call's frames where it is about the call */
export function seenFrom(error: unknown, { stack }: { readonly stack?: string }): unknown {
  const isAboutCall =
    error instanceof OptionError || error instanceof ListenError || error instanceof UnavailableError;
  const frames = stack?.indexOf('\n    at ') ?? -1;
  if (isAboutCall) error.stack = `${error.name}: ${error.message}${frames < 0 ? '' : stack!.slice(frames)}`;
  return error;
}
