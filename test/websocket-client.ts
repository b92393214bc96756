/** A WebSocket client that writes frames itself, over a raw socket: what is legal is for the test to decide. */
import assert from 'node:assert/strict';
import { RawClient } from './raw-client.ts';

export interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly isCompressed: boolean;
  readonly payload: Buffer;
}

export class FrameClient {
  readonly raw: RawClient;
  head = '';

  private constructor(raw: RawClient) {
    this.raw = raw;
  }

  static async open(port: number, path = '/', fields = ''): Promise<FrameClient> {
    const client = new FrameClient(await RawClient.open(port));
    client.raw.write(
      `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}\r\n`,
    );
    await client.raw.until((c) => c.text.includes('\r\n\r\n'), 'the 101');
    const end = client.raw.received.indexOf('\r\n\r\n') + 4;
    client.head = client.raw.text.slice(0, end);
    client.raw.received = client.raw.received.subarray(end);
    assert.match(client.head, /^HTTP\/1\.1 101 /);
    return client;
  }

  send(first: number, payload: string | Uint8Array = ''): void {
    this.raw.write(maskedFrame(first, payload));
  }

  /** The next frame, taken out of what was received. */
  async frame(timeoutMs?: number): Promise<Frame> {
    let found: [Frame, number] | undefined;
    await this.raw.until(
      ({ received }) => (found = frameIn(received)) !== undefined || this.raw.closed,
      'a frame',
      timeoutMs,
    );
    if (found === undefined) throw new Error('the connection ended without a frame');
    this.raw.received = this.raw.received.subarray(found[1]);
    return found[0];
  }

  /** The next frame is a close frame. @returns its code and reason */
  async closeFrame(): Promise<string> {
    const { opcode, payload } = await this.frame();
    assert.equal(opcode, 8);
    return payload.length === 0
      ? 'none'
      : `${payload.readUInt16BE(0)} ${payload.subarray(2).toString('utf8')}`;
  }
}

/** @param first FIN, RSV bits and the opcode */
export function maskedFrame(first: number, payload: string | Uint8Array): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'utf8') : Buffer.from(payload);
  const { length } = bytes;
  const head =
    length < 126
      ? Buffer.from([first, length])
      : length < 65_536
        ? Buffer.from([first, 126, length >> 8, length & 255])
        : Buffer.alloc(10);
  if (length >= 65_536) {
    head[0] = first;
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  head[1]! |= 0x80;
  const key = Buffer.from([0x37, 0xfa, 0x21, 0x3d]);
  return Buffer.concat([head, key, bytes.map((byte, i) => byte ^ key[i & 3]!)]);
}

function frameIn(bytes: Buffer): [Frame, number] | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const at = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < at) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < at + length) return undefined;
  const first = bytes[0]!;
  return [
    {
      opcode: first & 15,
      isFinal: first >= 0x80,
      isCompressed: (first & 0x40) !== 0,
      payload: bytes.subarray(at, at + length),
    },
    at + length,
  ];
}
