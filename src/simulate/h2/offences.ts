/**
 * What clients of HTTP/2 send that must end a request or the connection, with the code that the RFC names: the oracle's own
 * table, written without a look at the core.
 */
import {
  COMPRESSION_ERROR,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  PROTOCOL_ERROR,
} from '../../protocol/h2/error-codes.ts';
import * as frame from '../../protocol/h2/frames.ts';
import type { AbuseBounds } from '../../protocol/h2/server/server-settings.ts';
import type { Flood } from './sent-frames.ts';

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/** Fields that make a request malformed. RFC 9113 §8.1.1 */
export const BAD_FIELDS: readonly (readonly [string, string])[] = [
  ['connection', 'close'],
  ['transfer-encoding', 'chunked'],
  ['X-Upper', 'a'],
  ['te', 'gzip'],
  [':late', 'pseudo'],
  ['host', 'other'],
  ['x-bad', 'a\nb'],
];
export const NOTHING = new Uint8Array(0);
/** More than one connection's frames: what is allowed at once, and so many a second. */
export function floodsOf(bounds: AbuseBounds): readonly Flood[] {
  const { pings, settings, windowUpdates, priorities, strayFrames, emptyData } = bounds;
  return [
    { kind: 'ping', ...pings },
    { kind: 'settings', ...settings },
    { kind: 'window', ...windowUpdates },
    { kind: 'priority', ...priorities },
    { kind: 'stray', ...strayFrames },
    { kind: 'empty', ...emptyData },
  ];
}
/** Frames that end a connection, each with the code that RFC 9113 names. */
export const OFFENCES: readonly (readonly [frame: RawFrame, errorCode: number])[] = [
  [raw(frame.FRAME_DATA, 0, 0, new Uint8Array(3)), PROTOCOL_ERROR],
  [raw(frame.FRAME_HEADERS, frame.FLAG_END_HEADERS, 2, Uint8Array.of(0x82)), PROTOCOL_ERROR],
  [raw(frame.FRAME_HEADERS, frame.FLAG_END_HEADERS, 0, Uint8Array.of(0x82)), PROTOCOL_ERROR],
  [
    raw(frame.FRAME_HEADERS, frame.FLAG_END_HEADERS, 1_000_001, Uint8Array.of(0xff, 0xff, 0xff, 0x7f)),
    COMPRESSION_ERROR,
  ],
  [raw(frame.FRAME_CONTINUATION, 0, 1, NOTHING), PROTOCOL_ERROR],
  [raw(frame.FRAME_PUSH_PROMISE, frame.FLAG_END_HEADERS, 1, new Uint8Array(5)), PROTOCOL_ERROR],
  [raw(frame.FRAME_PING, 0, 0, new Uint8Array(7)), FRAME_SIZE_ERROR],
  [raw(frame.FRAME_PING, 0, 3, new Uint8Array(8)), PROTOCOL_ERROR],
  [raw(frame.FRAME_SETTINGS, 0, 0, new Uint8Array(5)), FRAME_SIZE_ERROR],
  [raw(frame.FRAME_SETTINGS, 0, 0, Uint8Array.of(0, 4, 0x80, 0, 0, 0)), FLOW_CONTROL_ERROR],
  [raw(frame.FRAME_SETTINGS, 0, 0, Uint8Array.of(0, 5, 0, 0, 0, 1)), PROTOCOL_ERROR],
  [raw(frame.FRAME_SETTINGS, frame.FLAG_ACK, 0, new Uint8Array(6)), FRAME_SIZE_ERROR],
  [raw(frame.FRAME_WINDOW_UPDATE, 0, 0, new Uint8Array(4)), PROTOCOL_ERROR],
  [raw(frame.FRAME_WINDOW_UPDATE, 0, 1_000_000, Uint8Array.of(0, 0, 0, 1)), PROTOCOL_ERROR],
  [raw(frame.FRAME_RST_STREAM, 0, 1_000_000, new Uint8Array(4)), PROTOCOL_ERROR],
  [raw(frame.FRAME_DATA, 0, 1_000_000, new Uint8Array(1)), PROTOCOL_ERROR],
  [raw(frame.FRAME_GOAWAY, 0, 1, new Uint8Array(8)), PROTOCOL_ERROR],
];

export function raw(type: number, flags: number, streamId: number, payload: Uint8Array): RawFrame {
  return { type, flags, streamId, payload };
}
