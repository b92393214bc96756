/** A file that a handler answers with: how large it is, which part of it is asked for, and what becomes of it meanwhile. */
import type { SeededRandom } from '../base/random.ts';
import { FILE_WINDOW_BYTES } from '../engine/engine.ts';

export interface FilePlan {
  /** When it is opened. */
  readonly sizeBytes: number;
  /** The part that is to be sent. */
  readonly start: number;
  readonly end: number;
  /** What the client asks for: RFC 9110 §14.2; undefined for the whole of it. */
  readonly range: string | undefined;
  /** Each window of it comes from a disk. */
  readonly isCold: boolean;
  readonly fate:
    | 'whole'
    /** It ends at `failAt`, within what is to be sent. */
    | 'short'
    /** It has another content when it is looked after for the `asks`th time. */
    | 'changed'
    /** It cannot be read from `failAt` on. */
    | 'broken';
  readonly failAt: number;
  readonly asks: number;
}

const LONG_FILE = 0.05;
const FILE_BYTES_MAX = 150_000;

export function drawFile(random: SeededRandom, method: string): FilePlan {
  const sizeBytes = random.chance(LONG_FILE)
    ? FILE_WINDOW_BYTES + random.between(1, FILE_BYTES_MAX)
    : random.between(1, random.pick([100, 5000, 5000, 20_000, FILE_BYTES_MAX]));
  const part = { start: 0, end: sizeBytes, range: undefined };
  // RFC 9110 §14.2: Range means nothing to any method but GET.
  const { start, end, range } = method === 'GET' && random.chance(0.4) ? drawRange(random, sizeBytes) : part;
  return {
    sizeBytes,
    start,
    end,
    range,
    isCold: random.chance(0.4),
    fate: random.chance(0.7) ? 'whole' : random.pick(['short', 'changed', 'broken'] as const),
    failAt: random.between(start, end - 1),
    asks: end - start > FILE_WINDOW_BYTES ? random.between(1, 2) : 1,
  };
}

function drawRange(random: SeededRandom, sizeBytes: number): Pick<FilePlan, 'start' | 'end' | 'range'> {
  const start = random.int(sizeBytes);
  const last = random.between(start, sizeBytes - 1);
  switch (random.int(4)) {
    case 0:
      return { start, end: sizeBytes, range: `bytes=${start}-` };
    case 1:
      return { start, end: sizeBytes, range: `bytes=-${sizeBytes - start}` };
    case 2:
      // What is beyond the end is left out.
      return { start, end: sizeBytes, range: `bytes=${start}-${sizeBytes + random.int(1000)}` };
    default:
      return { start, end: last + 1, range: `bytes=${start}-${last}` };
  }
}
