/**
 * One request under way as an operator sees it: what has moved of how much, how fast, and for how long nothing has. A
 * transfer that stands still is slow and no error: whoever reads slowly is served.
 */

/** What the server is doing for it. */
export type TransferPhase =
  /** The request's content arrives. */
  | 'receiving'
  /** The handler has not answered yet. */
  | 'handler'
  /** The answer leaves. */
  | 'sending';

/** Plain data: it crosses threads and becomes JSON. */
export interface TransferRow {
  /** Unique among the transfers of its worker, and the same at each look. */
  readonly id: number;
  /** Index of the thread that serves it; 0 without workers. */
  readonly worker: number;
  /** The same number as in the connection table. */
  readonly connection: number;
  readonly protocol: 'HTTP/1.1' | 'HTTP/2';
  readonly remoteAddress: string;
  readonly method: string;
  /** Without the query, and only its beginning where it is long. */
  readonly target: string;
  /** 0 until the answer begins. */
  readonly status: number;
  readonly phase: TransferPhase;
  readonly ageMs: number;
  /** Content that is known to have arrived; while `receiving`, the request's. */
  readonly bytes: number;
  /** null where nobody has said. */
  readonly totalBytes: number | null;
  readonly rateBytesPerSecond: number;
  /** Since something moved, while something could; 0 while it moves, or waits for us. */
  readonly stallMs: number;
}

/** What decides whether a transfer is shown, known without a look at its peer. */
interface Telling {
  readonly ageMs: number;
  readonly bytes: number;
}

/**
 * Takes at most `countMax`: one half those that have been under way longest, the other those that have moved most.
 * @returns the oldest first
 */
export function mostTelling<T extends Telling>(transfers: readonly T[], countMax: number): T[] {
  const byAge = [...transfers].sort((a, b) => b.ageMs - a.ageMs);
  if (byAge.length <= countMax) return byAge;
  const oldest = byAge.slice(0, Math.ceil(countMax / 2));
  const largest = byAge
    .slice(oldest.length)
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, countMax - oldest.length);
  return [...oldest, ...largest].sort((a, b) => b.ageMs - a.ageMs);
}
