/**
 * A body of the platform's Response whose length the platform keeps to itself (undici 7 and later: Node 24). Text, bytes
 * and most forms are here as soon as they are asked for, and their end follows at once. So a short look tells: where all
 * has come it is sent as bytes, with its length, else what came goes first and the rest follows when it comes.
 */
import { concatBytes } from '../base/bytes.ts';
import type { OutgoingBody, StreamPieces } from './pieces.ts';

/** Microtasks in which what is ready comes: seen on Node 24 and 26 were 4 for text and 9 for the parts of a form. */
const READY_TICKS = 16;
/** A form of text takes two pieces a field. */
const PIECES_MAX = 64;
/** From there on, what is gathered of several pieces leaves as they are. The first may be of any size: it is in memory. */
const GATHERED_BYTES_MAX = 64 * 1024;

export class EarlyPieces implements OutgoingBody {
  readonly contentLength = undefined;
  readonly #rest: StreamPieces;
  #gathered: Uint8Array[] = [];
  /** A read that is under way. */
  #pending: Promise<Uint8Array | undefined> | undefined;

  /** @param rest of a byte stream: its pieces are nobody else's memory */
  constructor(rest: StreamPieces) {
    this.#rest = rest;
  }

  /** Once, before the first `read`. @returns all of it, or itself when there is more to wait for. Never rejects */
  async look(): Promise<Uint8Array | OutgoingBody> {
    const pieces = this.#gathered;
    for (let bytes = 0; pieces.length < PIECES_MAX && (pieces.length < 2 || bytes < GATHERED_BYTES_MAX); ) {
      const reading = this.#rest.read();
      this.#pending = reading;
      // The end of a blob takes a turn of the loop. The first piece is not waited for: it may be an hour away.
      if (!(await settles(reading, pieces.length === 1))) return this;
      let piece: Uint8Array | undefined;
      try {
        piece = await reading;
      } catch {
        // Whoever reads is told.
        return this;
      }
      this.#pending = undefined;
      if (piece === undefined) return joined(pieces);
      pieces.push(piece);
      bytes += piece.length;
    }
    return this;
  }

  read(): Promise<Uint8Array | undefined> {
    const piece = this.#gathered.shift();
    if (piece !== undefined) return Promise.resolve(piece);
    const pending = this.#pending;
    this.#pending = undefined;
    return pending ?? this.#rest.read();
  }

  cancel(reason?: unknown): void {
    this.#gathered = [];
    this.#rest.cancel(reason);
  }
}

async function settles(reading: Promise<unknown>, isTurnWaited: boolean): Promise<boolean> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  reading.then(settle, settle);
  for (let tick = 0; tick < READY_TICKS && !isSettled; tick++) await undefined;
  if (isSettled || !isTurnWaited) return isSettled;
  await new Promise<void>((resolve) => setImmediate(resolve));
  for (let tick = 0; tick < READY_TICKS && !isSettled; tick++) await undefined;
  return isSettled;
}

function joined(pieces: Uint8Array[]): Uint8Array {
  let all = pieces[0] ?? new Uint8Array(0);
  for (const piece of pieces.slice(1)) all = concatBytes(all, 0, all.length, piece, 0, piece.length);
  return all;
}
