/** A client of HTTP/2 that writes frames as bytes and looks for frames in what comes: the tests decide what is allowed. */
import { FRAME_GOAWAY, FRAME_HEADER_BYTES, FRAME_RST_STREAM } from '#src/protocol/h2/frames.ts';
import { beginningOf, type Fields } from '#src/protocol/h2/server/core.fixture.ts';
import { RawClient } from './raw-client.ts';

/** @param settings of the client: identifier and value, one after the other */
export async function openRawH2(port: number, settings: readonly number[] = []): Promise<RawClient> {
  const client = await RawClient.open(port);
  client.write(beginningOf(...settings));
  return client;
}

export function requestOf(method: string, path: string): Fields {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'a'],
  ];
}

export interface FrameSeen {
  readonly id: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** The frames of one type that have come whole. */
export function framesIn(bytes: Buffer, type: number): FrameSeen[] {
  const found: FrameSeen[] = [];
  for (let at = 0; at + FRAME_HEADER_BYTES <= bytes.length; ) {
    const from = at + FRAME_HEADER_BYTES;
    const end = from + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    if (bytes[at + 3] === type)
      found.push({
        id: bytes.readUInt32BE(at + 5),
        flags: bytes[at + 4]!,
        payload: bytes.subarray(from, end),
      });
    at = end;
  }
  return found;
}

/** What the last GOAWAY said; undefined where none has come. */
export function goAwayCode(client: RawClient): number | undefined {
  return framesIn(client.received, FRAME_GOAWAY).at(-1)?.payload.readUInt32BE(4);
}

/** What the last RST_STREAM said. */
export function resetCode(client: RawClient): number | undefined {
  return framesIn(client.received, FRAME_RST_STREAM).at(-1)?.payload.readUInt32BE(0);
}
