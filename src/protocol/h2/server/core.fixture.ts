/**
 * A core between a client that is made of bytes and a session that writes down what it is told: for tests. What the
 * core sends comes back as one line a frame; the clock stands where the test puts it.
 */
import { HTTP2_PREFACE } from '../../detect.ts';
import { latin1Text } from '../../semantics/octets.ts';
import { ERROR_CODE_NAMES, type Http2Fault } from '../error-codes.ts';
import * as frame from '../frames.ts';
import { encodedBytesMax, encodeFieldInto } from '../hpack-encoder.ts';
import { H2Thread } from './connection-state.ts';
import type { H2Stream } from './h2-stream.ts';
import type { RequestHead } from './head-cache.ts';
import { responseBlock } from './response-block.ts';
import { H2Server } from './server-core.ts';
import type { H2Events, H2Output } from './server-events.ts';
import { DEFAULT_H2_SETTINGS, type H2Settings } from './server-settings.ts';

const FRAME_NAMES = [
  'DATA',
  'HEADERS',
  'PRIORITY',
  'RST_STREAM',
  'SETTINGS',
  'PUSH_PROMISE',
  'PING',
  'GOAWAY',
  'WINDOW_UPDATE',
  'CONTINUATION',
];
export const GREETING_BLOCK = responseBlock(200, ['content-length'], ['5']);
export const HEAD_BLOCK = responseBlock(200, [], []);
export const GREETING = Uint8Array.of(0x68, 0x65, 0x6c, 0x6c, 0x6f);

export type Fields = readonly (readonly [name: string, value: string])[];

export const GET: Fields = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/'],
  [':authority', 'a'],
];
export const POST: Fields = [[':method', 'POST'], ...GET.slice(1)];

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function frameOf(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = new Uint8Array(frame.FRAME_HEADER_BYTES + payload.length);
  frame.frameHeaderInto(bytes, 0, payload.length, type, flags, streamId);
  bytes.set(payload, frame.FRAME_HEADER_BYTES);
  return bytes;
}

export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function blockOf(fields: Fields): Uint8Array {
  const room = fields.reduce((sum, [name, value]) => sum + encodedBytesMax(name, value), 0);
  const out = new Uint8Array(room);
  let at = 0;
  for (const [name, value] of fields) at = encodeFieldInto(out, at, name, value);
  return out.slice(0, at);
}

export function headersOf(streamId: number, fields: Fields, isLast = true): Uint8Array {
  const flags = frame.FLAG_END_HEADERS | (isLast ? frame.FLAG_END_STREAM : 0);
  return frameOf(frame.FRAME_HEADERS, flags, streamId, blockOf(fields));
}

export function dataOf(streamId: number, size: number, isLast = false): Uint8Array {
  return frameOf(frame.FRAME_DATA, isLast ? frame.FLAG_END_STREAM : 0, streamId, new Uint8Array(size));
}

export function resetOf(streamId: number, errorCode = 8): Uint8Array {
  return frameOf(frame.FRAME_RST_STREAM, 0, streamId, uint32(errorCode));
}

export function windowUpdateOf(streamId: number, increment: number): Uint8Array {
  return frameOf(frame.FRAME_WINDOW_UPDATE, 0, streamId, uint32(increment));
}

/** @param settings identifier and value, one after the other */
export function settingsOf(...settings: number[]): Uint8Array {
  const bytes = new Uint8Array(frame.FRAME_HEADER_BYTES + (settings.length / 2) * frame.SETTING_BYTES);
  frame.settingsInto(bytes, 0, settings);
  return bytes;
}

export const SETTINGS_ACK = frameOf(frame.FRAME_SETTINGS, frame.FLAG_ACK, 0);
export const PING = frameOf(frame.FRAME_PING, 0, 0, new Uint8Array(8));

/** How a client begins that has taken our settings: its preface, its own settings, an acknowledgement. */
export function beginningOf(...settings: number[]): Uint8Array {
  return joined(HTTP2_PREFACE, settingsOf(...settings), SETTINGS_ACK);
}

interface Answer {
  left: number;
}

export class CoreBench implements H2Output, H2Events {
  out: Uint8Array = new Uint8Array(80 * 1024);
  unsentBytes = 0;
  takesBytes = true;
  readonly clock = { nowMs: 1000 };
  readonly core: H2Server;
  /** What the session was told, a line each. */
  readonly log: string[] = [];
  /** Faults by code. */
  readonly faults = new Map<string, number>();
  readonly heads: RequestHead[] = [];
  /** Open requests that the session owns. */
  readonly streams = new Map<number, H2Stream>();
  /** What requests are answered with: so many bytes, by window; undefined holds them. */
  contentBytes: number | undefined = GREETING.length;
  /** Each request is to be the last that is read at once. */
  holds = false;
  /** Whether content is read as it comes. */
  reads = true;
  /** Written and not looked at. */
  #written: Uint8Array[] = [];
  readonly #content = new Uint8Array(1 << 20);

  constructor(settings: Partial<H2Settings> = {}) {
    const all = { ...DEFAULT_H2_SETTINGS, textOf: latin1Text, ...settings };
    this.core = new H2Server(new H2Thread(all, this.clock), this, this);
    this.core.begin();
  }

  /** A client that has sent its preface and has got ours. */
  static connected(settings: Partial<H2Settings> = {}, ...peerSettings: number[]): CoreBench {
    const bench = new CoreBench(settings);
    bench.send(beginningOf(...peerSettings));
    bench.frames();
    return bench;
  }

  /** @returns what was held */
  send(...parts: readonly Uint8Array[]): Uint8Array {
    const bytes = joined(...parts);
    return bytes.subarray(this.core.receive(bytes, 0, bytes.length));
  }

  /** The kernel takes what was written. */
  flush(): void {
    this.unsentBytes = 0;
    this.core.drained();
  }

  /** The frames written since the last call, as `DATA 1 5 end`. */
  frames(): string[] {
    const bytes = joined(...this.#written);
    this.#written = [];
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; ) {
      const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
      lines.push(describe(bytes, at, length));
      at += frame.FRAME_HEADER_BYTES + length;
    }
    return lines;
  }

  // H2Output

  reserve(size: number): number {
    if (size > 68 * 1024) throw new Error(`reserved ${size}`);
    return 0;
  }

  commit(size: number): void {
    if (!this.takesBytes) return;
    this.#written.push(this.out.slice(0, size));
    this.unsentBytes += size;
  }

  // H2Events

  onRequest(stream: H2Stream, head: RequestHead, isWhole: boolean): void {
    this.log.push(`request ${stream.id} ${head.fields.method} ${head.fields.path}${isWhole ? ' whole' : ''}`);
    this.heads.push(head);
    this.#begin(stream, isWhole);
    if (this.holds) this.core.hold();
  }

  onHeadTooLarge(stream: H2Stream, isWhole: boolean): void {
    this.log.push(`too large ${stream.id}`);
    this.#begin(stream, isWhole);
  }

  onData(stream: H2Stream, bytes: Uint8Array, start: number, end: number): void {
    this.#mustBeOpen(stream);
    const last = this.log.at(-1)?.split(' ') ?? [];
    // Pieces of one frame as one, so that splits do not show.
    if (last[0] === 'data' && last[1] === String(stream.id))
      this.log[this.log.length - 1] = `data ${stream.id} ${Number(last[2]) + end - start}`;
    else this.log.push(`data ${stream.id} ${bytes.subarray(start, end).length}`);
    if (this.reads) this.core.consumed(stream, end - start);
  }

  onRequestEnd(stream: H2Stream, names: readonly string[], values: readonly string[]): void {
    this.#mustBeOpen(stream);
    const trailers = names.map((name, at) => ` ${name}=${values[at]}`).join('');
    this.log.push(`end ${stream.id}${trailers}`);
    this.answer(stream);
  }

  onReset(stream: H2Stream, errorCode: number): void {
    this.#mustBeOpen(stream);
    this.log.push(`reset ${stream.id} ${ERROR_CODE_NAMES[errorCode] ?? errorCode}`);
    this.streams.delete(stream.id);
  }

  onWindow(stream: H2Stream): void {
    this.#mustBeOpen(stream);
    this.#goOn(stream);
  }

  onActive(isActive: boolean): void {
    this.log.push(isActive ? 'active' : 'idle');
  }

  onDeadline(): void {}

  onFault(why: Http2Fault): void {
    this.faults.set(why.code, (this.faults.get(why.code) ?? 0) + 1);
  }

  onEnd(why: Http2Fault | undefined): void {
    this.log.push(`over ${why === undefined ? 'well' : why.code}`);
    if (this.streams.size > 0) throw new Error('streams are left open at the end');
  }

  /** Answers as `contentBytes` says. */
  answer(stream: H2Stream): void {
    if (this.contentBytes === undefined) return;
    const { id } = stream;
    if (this.contentBytes === GREETING.length) {
      const block = GREETING_BLOCK;
      // What ends the last answer may end the connection, before the call returns.
      this.streams.delete(id);
      if (this.core.respond(stream, block, 0, block.length, GREETING, 0, GREETING.length)) return;
      this.streams.set(id, stream);
    }
    stream.user = { left: this.contentBytes } satisfies Answer;
    if (this.contentBytes === 0) this.streams.delete(id);
    this.core.sendHead(stream, HEAD_BLOCK, 0, HEAD_BLOCK.length, this.contentBytes === 0);
    if (this.contentBytes > 0) this.#goOn(stream);
  }

  #begin(stream: H2Stream, isWhole: boolean): void {
    if (this.streams.has(stream.id)) throw new Error(`stream ${stream.id} came twice`);
    this.streams.set(stream.id, stream);
    if (isWhole) this.answer(stream);
  }

  #goOn(stream: H2Stream): void {
    const answer = stream.user as Answer;
    const { id } = stream;
    while (answer.left > 0) {
      const size = Math.min(this.core.room(stream), answer.left);
      if (size === 0) return;
      answer.left -= size;
      if (answer.left === 0) this.streams.delete(id);
      this.core.write(stream, this.#content, 0, size, answer.left === 0);
    }
  }

  #mustBeOpen(stream: H2Stream): void {
    if (this.streams.get(stream.id) !== stream) throw new Error(`stream ${stream.id} is not the session's`);
  }
}

function describe(bytes: Uint8Array, at: number, length: number): string {
  const type = bytes[at + 3]!;
  const flags = bytes[at + 4]!;
  const id = frame.readUint32(bytes, at + 5);
  const payload = at + frame.FRAME_HEADER_BYTES;
  const name = FRAME_NAMES[type]!;
  const end = (flags & frame.FLAG_END_STREAM) === 0 ? '' : ' end';
  const code = (from: number): string => ERROR_CODE_NAMES[frame.readUint32(bytes, from)]!;
  switch (type) {
    case frame.FRAME_DATA:
      return `${name} ${id} ${length}${end}`;
    case frame.FRAME_HEADERS:
      return `${name} ${id}${end}`;
    case frame.FRAME_RST_STREAM:
      return `${name} ${id} ${code(payload)}`;
    case frame.FRAME_GOAWAY:
      return `${name} ${frame.readUint32(bytes, payload)} ${code(payload + 4)}`;
    case frame.FRAME_WINDOW_UPDATE:
      return `${name} ${id} ${frame.readUint32(bytes, payload)}`;
    case frame.FRAME_SETTINGS:
    case frame.FRAME_PING:
      return (flags & frame.FLAG_ACK) === 0 ? name : `${name} ack`;
    default:
      return `${name} ${id}`;
  }
}
