/**
 * All bytes of an upstream file from some byte on, in order and once, over as many requests as it takes. After a break it
 * asks for the rest by Range, if the upstream has a validator (If-Range); else, and where ranges are not known, it reads again
 * from the first byte and compares what came before by its hash. The bytes of two versions are never joined.
 */
import { createHash, type Hash } from 'node:crypto';
import { askUpstream, type UpstreamAnswer, UpstreamError } from './upstream-request.ts';

/** Breaks in a row in which nothing came. */
const ATTEMPTS_MAX = 5;
const PAUSE_MS = 500;

export interface UpstreamFacts {
  readonly sizeBytes: number | undefined;
  readonly validator: string | undefined;
  readonly lastModified: string | undefined;
}

export class UpstreamRead {
  readonly #url: URL;
  readonly #signal: AbortSignal;
  readonly #pauseMs: number;
  readonly #silenceMs: number | undefined;
  /** Hash of all bytes before `offset`. */
  readonly hash: Hash;
  /** A piece counts once the next one is asked for: whoever could not take it goes on from before it. */
  offset: number;
  facts: UpstreamFacts | undefined;
  /** Requests that were sent. */
  requests = 0;

  /** @param begun another that has come to `offset`, with what it knows */
  constructor(
    url: URL,
    signal: AbortSignal,
    begun?: { readonly hash: Hash; readonly offset: number; readonly facts: UpstreamFacts },
    timing: { readonly pauseMs?: number; readonly silenceMs?: number } = {},
  ) {
    this.#url = url;
    this.#signal = signal;
    this.hash = begun?.hash.copy() ?? createHash('sha256');
    this.offset = begun?.offset ?? 0;
    this.facts = begun?.facts;
    this.#pauseMs = timing.pauseMs ?? PAUSE_MS;
    this.#silenceMs = timing.silenceMs;
  }

  /**
   * Calls `known` as soon as the upstream has told what the file is.
   * @throws UpstreamError when it cannot be had whole
   */
  async *bytes(known: (facts: UpstreamFacts) => void = () => {}): AsyncGenerator<Buffer, void> {
    for (let attempt = 1; ; attempt++) {
      const before = this.offset;
      try {
        const answer = await this.#ask();
        this.#check(answer);
        known(this.facts!);
        yield* this.#read(answer);
        return;
      } catch (error) {
        if (this.#signal.aborted || !isPassing(error)) throw error;
        if (this.offset > before) attempt = 0;
        if (attempt >= ATTEMPTS_MAX) throw error;
      }
      await pause(this.#pauseMs * attempt, this.#signal);
    }
  }

  #ask(): Promise<UpstreamAnswer> {
    this.requests++;
    return askUpstream(this.#url, this.offset, this.facts?.validator, this.#signal, this.#silenceMs);
  }

  #check({ sizeBytes, validator, lastModified, body }: UpstreamAnswer): void {
    if (this.facts === undefined) this.facts = { sizeBytes, validator, lastModified };
    else if (sizeBytes !== this.facts.sizeBytes) {
      body.destroy();
      throw changed();
    }
  }

  async *#read({ firstByte, body }: UpstreamAnswer): AsyncGenerator<Buffer, void> {
    // What came before, once more: only its hash is wanted.
    const again = createHash('sha256');
    let at = firstByte;
    const start = this.offset;
    for await (const piece of body as AsyncIterable<Buffer>) {
      let rest = piece;
      if (at < start) {
        const old = piece.subarray(0, start - at);
        again.update(old);
        at += old.length;
        rest = piece.subarray(old.length);
        if (at === start && again.digest('hex') !== this.hash.copy().digest('hex')) throw changed();
      }
      if (rest.length === 0) continue;
      at += rest.length;
      yield rest;
      this.hash.update(rest);
      this.offset = at;
    }
    const { sizeBytes } = this.facts!;
    if (at < start || (sizeBytes !== undefined && at !== sizeBytes))
      throw new UpstreamError(
        `the upstream ended at byte ${at} of ${sizeBytes ?? 'what was there before'}`,
        502,
        true,
      );
  }
}

function changed(): UpstreamError {
  return new UpstreamError('the upstream has another version of the file by now');
}

/** A connection that broke is an error of Node's. */
function isPassing(error: unknown): boolean {
  return !(error instanceof UpstreamError) || error.isPassing;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', ended);
      resolve();
    }, ms);
    signal.addEventListener('abort', ended, { once: true });
  });
}
