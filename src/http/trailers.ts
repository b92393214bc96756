/**
 * Fields behind the content (RFC 9110 §6.5): those that a request brings, for whoever asks, and those that an answer is
 * to end with.
 */
import { isForbiddenTrailer } from '../protocol/semantics/trailers.ts';
import type { InterimFields } from '../web/context.ts';
import { fieldName, fieldValue } from '../web/field-rules.ts';
import type { Headers } from '../web/headers.ts';

/** An answer's trailers: all are checked, and names are in lower case. */
export interface Trailers {
  readonly names: readonly string[];
  readonly values: readonly string[];
}

/** @throws TypeError when one cannot be sent, or may not come so late (RFC 9110 §6.5.1) */
export function checkedTrailers(fields: InterimFields): Trailers {
  const names: string[] = [];
  const values: string[] = [];
  for (const [given, value] of fieldPairs(fields)) {
    const name = fieldName(given);
    if (isForbiddenTrailer(name))
      throw new TypeError(`trailers: the field ${JSON.stringify(name)} may not come behind the content`);
    names.push(name);
    values.push(fieldValue(value));
  }
  return { names, values };
}

/** A list is as many fields. */
export function fieldPairs(fields: InterimFields): [string, string][] {
  if (Symbol.iterator in fields)
    return Array.from(fields as Iterable<readonly [string, string]>, ([name, value]) => [
      name,
      String(value),
    ]);
  return Object.entries(fields).flatMap(([name, value]) =>
    typeof value === 'object'
      ? value.map((each): [string, string] => [name, String(each)])
      : [[name, String(value)] as [string, string]],
  );
}

/** The trailers of a request whose content is still coming: settled once, with it. */
export class AwaitedTrailers {
  readonly promise: Promise<Headers>;
  #resolve!: (trailers: Headers) => void;
  #reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Nobody has to listen.
    this.promise.catch(() => {});
  }

  come(trailers: Headers): void {
    this.#resolve(trailers);
  }

  fail(reason: unknown): void {
    this.#reject(reason);
  }
}
