/**
 * Compresses and inflates WebSocket messages: by the zlib of the process, called through FFI, where one stream serves all connections
 * of the thread at 10 to 13 us for 800 bytes; else by node:zlib, which makes a stream for each message and takes four times as long.
 */
import zlib from 'node:zlib';
import { UnavailableError } from '../base/errors.ts';
import type { MessageCompressor } from '../http/websocket/compressor.ts';
import { DeflateStream, InflateStream } from '../sys/deflate-stream.ts';
import { loadZlib } from '../sys/zlib.ts';

/** What ws takes: 4 costs a third more time for 2 % fewer bytes. */
const LEVEL = 3;
const WINDOW_BITS_MAX = 15;

/** What a flush ends with: it is not sent, and put back before inflating. RFC 7692 §7.2.1 */
const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);

/** @returns what is used here, for people */
export function compressorSource(): { readonly isNative: boolean; readonly reason: string } {
  try {
    const { version, source } = loadZlib();
    return { isNative: true, reason: `zlib ${version} ${source}` };
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    return { isNative: false, reason: `a stream for each message: ${error.message}` };
  }
}

export function createCompressor(): MessageCompressor {
  return compressorSource().isNative ? new NativeCompressor() : new NodeCompressor();
}

export class NativeCompressor implements MessageCompressor {
  /** By the bits of its window: nearly all clients take the largest. */
  readonly #deflates = new Map<number, DeflateStream>();
  #inflate: InflateStream | undefined = undefined;

  compress(bytes: Uint8Array, windowBits: number): Uint8Array {
    let stream = this.#deflates.get(windowBits);
    if (stream === undefined) {
      stream = new DeflateStream(LEVEL, windowBits);
      this.#deflates.set(windowBits, stream);
    }
    return withoutTail(stream.compress(bytes));
  }

  inflate(bytes: Uint8Array, bytesMax: number): Uint8Array | undefined | null {
    this.#inflate ??= new InflateStream();
    const result = this.#inflate.inflate(bytes, TAIL, bytesMax);
    return typeof result === 'number' ? null : result;
  }

  release(): void {
    for (const stream of this.#deflates.values()) stream.release();
    this.#deflates.clear();
    this.#inflate?.release();
    this.#inflate = undefined;
  }
}

export class NodeCompressor implements MessageCompressor {
  compress(bytes: Uint8Array, windowBits: number): Uint8Array {
    const { Z_SYNC_FLUSH } = zlib.constants;
    return withoutTail(zlib.deflateRawSync(bytes, { level: LEVEL, windowBits, finishFlush: Z_SYNC_FLUSH }));
  }

  inflate(bytes: Uint8Array, bytesMax: number): Uint8Array | undefined | null {
    try {
      return zlib.inflateRawSync(Buffer.concat([bytes, TAIL]), {
        windowBits: WINDOW_BITS_MAX,
        finishFlush: zlib.constants.Z_SYNC_FLUSH,
        maxOutputLength: bytesMax,
      });
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? undefined : null;
    }
  }

  release(): void {}
}

function withoutTail(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length - TAIL.length);
}
