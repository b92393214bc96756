/**
 * Answers that stand: whole ones, from memory, which a handler gives to every request with the same head. A server asks such a
 * handler for them before it makes a Request, so that what is asked for again and again costs neither Request nor Response. Only a
 * handler that runs no code of programs has them; it is a fetch handler all the same, for whoever calls it as one.
 */
import type { ReadyFields } from './response.ts';

const STANDING = Symbol('holdfast.standing');

export interface StandingAnswer {
  readonly fields: ReadyFields;
  /** null for an answer to HEAD. */
  readonly content: Uint8Array | null;
  readonly contentLength: number;
}

/**
 * @param head of a request, as it was sent
 * @returns what it is answered with now, valid until the next call; undefined where that has to be found out by the handler
 */
export type StandingAnswers = (head: string) => StandingAnswer | undefined;

interface MaybeStanding {
  readonly [STANDING]?: StandingAnswers;
}

/** Makes `fetch` a handler whose server may ask `find` first. */
export function withStanding<Handler extends object>(fetch: Handler, find: StandingAnswers): Handler {
  return Object.defineProperty(fetch, STANDING, { value: find });
}

export function standingOf(fetch: object): StandingAnswers | undefined {
  return (fetch as MaybeStanding)[STANDING];
}
