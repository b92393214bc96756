/**
 * Frames of HTTP/2 as bytes (RFC 9113 §4.1), written here and nowhere else: fields go out as literals that no table is needed
 * for (RFC 7541 §6.2.2). And a look at what comes: which frames, and what the last GOAWAY said.
 */

export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
const ACK = 0x1;
const HEADER_BYTES = 9;
export const INITIAL_WINDOW_SIZE = 4;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}

export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = Buffer.alloc(HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(streamId, 5);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

/** @param settings identifier and value, one after the other */
export function settings(...pairs: readonly number[]): Uint8Array {
  const payload = Buffer.alloc(pairs.length * 3);
  for (let at = 0; at < pairs.length; at += 2) {
    payload.writeUInt16BE(pairs[at]!, at * 3);
    payload.writeUInt32BE(pairs[at + 1]!, at * 3 + 2);
  }
  return frame(FRAME.settings, 0, 0, payload);
}

/** How a client begins: its preface, its settings, and an acknowledgement of whatever the server's are. */
export function beginning(...pairs: readonly number[]): Uint8Array {
  return joined(Buffer.from(PREFACE), settings(...pairs), frame(FRAME.settings, ACK, 0));
}

export const PING = frame(FRAME.ping, 0, 0, new Uint8Array(8));

export function reset(streamId: number): Uint8Array {
  return frame(FRAME.reset, 0, streamId, uint32(8));
}

export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frame(FRAME.windowUpdate, 0, streamId, uint32(increment));
}

/** A field block of literals without indexing. */
export function block(fields: readonly (readonly [name: string, value: string])[]): Uint8Array {
  return joined(...fields.flatMap(([name, value]) => [Uint8Array.of(0), literal(name), literal(value)]));
}

export function request(method: string, path: string, authority: string): Uint8Array {
  return block([
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', authority],
  ]);
}

export function headers(streamId: number, fields: Uint8Array, isLast = true): Uint8Array {
  return frame(FRAME.headers, END_HEADERS | (isLast ? END_STREAM : 0), streamId, fields);
}

/** A string with its length in 7 bits and more (RFC 7541 §5.1, §5.2), without Huffman coding. */
function literal(text: string): Uint8Array {
  return joined(Uint8Array.from(lengthOctets(text.length)), Buffer.from(text, 'latin1'));
}

function lengthOctets(length: number): number[] {
  if (length < 127) return [length];
  const octets = [127];
  let left = length - 127;
  for (; left >= 128; left >>= 7) octets.push((left & 127) | 128);
  return [...octets, left];
}

/** What has come on one connection, without its content. */
export class FrameWatch {
  #rest: Buffer = Buffer.alloc(0);
  /** So many bytes still come of a payload that is not looked at. */
  #skip = 0;
  readonly counts = new Map<number, number>();
  goAwayCode: number | undefined;

  readonly feed = (bytes: Uint8Array): void => {
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    let buffer = Buffer.concat([this.#rest, bytes.subarray(skipped)]);
    while (buffer.length >= HEADER_BYTES) {
      const length = buffer.readUIntBE(0, 3);
      const type = buffer[3]!;
      if (type === FRAME.goAway && buffer.length < HEADER_BYTES + 8) break;
      if (type === FRAME.goAway) this.goAwayCode = buffer.readUInt32BE(HEADER_BYTES + 4);
      this.counts.set(type, (this.counts.get(type) ?? 0) + 1);
      const end = HEADER_BYTES + length;
      this.#skip = Math.max(0, end - buffer.length);
      buffer = buffer.subarray(end);
    }
    this.#rest = Buffer.from(buffer);
  };
}
