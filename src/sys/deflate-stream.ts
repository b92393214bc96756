/**
 * Raw DEFLATE (RFC 1951) by zlib, a message at a time: a stream is made once and reset for each, so a call costs what the
 * message costs. Bytes go in and out by two regions of memory that zlib sees.
 */
import { assert } from '../base/assert.ts';
import {
  Z_BUF_ERROR,
  Z_DEFAULT_STRATEGY,
  Z_DEFLATED,
  Z_NO_FLUSH,
  Z_OK,
  Z_STREAM_END,
  Z_SYNC_FLUSH,
  z_stream,
} from './abi/zlib.ts';
import { type OwnedMemory, ownedMemory, storeAddress } from './memory.ts';
import { loadZlib, type Zlib } from './zlib.ts';

const REGION_BYTES = 64 * 1024;
const STREAM_BYTES = 4096;
const WORD = 4;

const { next_in, avail_in, next_out, avail_out } = z_stream.offset;

/** zlib's own default. */
const MEM_LEVEL = 8;

/** A z_stream, and what it reads and writes. */
abstract class Stream {
  protected readonly zlib: Zlib = loadZlib();
  readonly #stream: OwnedMemory = ownedMemory(STREAM_BYTES);
  readonly #in: OwnedMemory = ownedMemory(REGION_BYTES);
  readonly #out: OwnedMemory = ownedMemory(REGION_BYTES);
  readonly #words = new Uint32Array(this.#stream.bytes.buffer);
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #isReleased = false;

  constructor() {
    this.#stream.bytes.fill(0);
  }

  protected get address(): number {
    return this.#stream.address;
  }

  protected abstract step(flush: number): number;
  protected abstract end(): void;

  /** Gives zlib's memory back. Idempotent; nothing may be called afterwards. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.end();
  }

  /**
   * Runs parts of one input through, the last one with Z_SYNC_FLUSH.
   * @param bytesMax of output: beyond, it stops
   * @returns what came out: memory of the stream, valid until the next call, where it fits there; undefined for more than
   *   `bytesMax`; the error of zlib where there was one
   */
  protected run(bytes: Uint8Array, tail: Uint8Array, bytesMax: number): Uint8Array | undefined | number {
    this.#gathered = [];
    this.#gatheredBytes = 0;
    this.#openOut();
    const total = bytes.length + tail.length;
    for (let at = 0; at < total || at === 0; at += REGION_BYTES) {
      const to = Math.min(total, at + REGION_BYTES);
      this.#feed(bytes, tail, at, to);
      const result = this.#consume(to === total ? Z_SYNC_FLUSH : Z_NO_FLUSH, bytesMax);
      if (result === Z_STREAM_END) break;
      if (result !== Z_OK) return result;
      if (this.#bytesOut > bytesMax) return undefined;
      if (total === 0) break;
    }
    return this.#bytesOut > bytesMax ? undefined : this.#whole();
  }

  /** Puts (bytes + tail)[at..to) where zlib reads. */
  #feed(bytes: Uint8Array, tail: Uint8Array, at: number, to: number): void {
    const input = this.#in.bytes;
    const split = Math.min(to, bytes.length);
    if (at < split) input.set(bytes.subarray(at, split));
    if (to > split)
      input.set(
        tail.subarray(Math.max(at, bytes.length) - bytes.length, to - bytes.length),
        Math.max(split, at) - at,
      );
    storeAddress(this.#words, next_in / WORD, this.#in.address);
    this.#words[avail_in / WORD] = to - at;
  }

  /** Until the input is used up and, with a flush, all that it gives is out. */
  #consume(flush: number, bytesMax: number): number {
    for (;;) {
      const result = this.step(flush);
      // No progress was possible: nothing is left.
      if (result === Z_BUF_ERROR) return Z_OK;
      if (result !== Z_OK) return result;
      if (this.#words[avail_out / WORD] !== 0) return Z_OK;
      if (this.#bytesOut > bytesMax) return Z_OK;
      this.#gathered.push(this.#out.bytes.slice());
      this.#gatheredBytes += REGION_BYTES;
      this.#openOut();
    }
  }

  #openOut(): void {
    storeAddress(this.#words, next_out / WORD, this.#out.address);
    this.#words[avail_out / WORD] = REGION_BYTES;
  }

  get #bytesOut(): number {
    return this.#gatheredBytes + REGION_BYTES - this.#words[avail_out / WORD]!;
  }

  #whole(): Uint8Array {
    const last = this.#out.bytes.subarray(0, REGION_BYTES - this.#words[avail_out / WORD]!);
    if (this.#gathered.length === 0) return last;
    const whole = Buffer.concat([...this.#gathered, last]);
    this.#gathered = [];
    return whole;
  }
}

const NO_BYTES = new Uint8Array(0);

export class DeflateStream extends Stream {
  /** @param windowBits 9 to 15 @throws UnavailableError */
  constructor(level: number, windowBits: number) {
    super();
    const { functions, versionAddress } = this.zlib;
    const result = functions.deflateInit2_(
      this.address,
      level,
      Z_DEFLATED,
      -windowBits,
      MEM_LEVEL,
      Z_DEFAULT_STRATEGY,
      versionAddress,
      z_stream.size,
    );
    assert(result === Z_OK, `deflateInit2: ${result}`);
  }

  /** @returns it compressed and flushed, ending in 00 00 FF FF: borrowed until the next call */
  compress(bytes: Uint8Array): Uint8Array {
    this.zlib.functions.deflateReset(this.address);
    const result = this.run(bytes, NO_BYTES, Number.POSITIVE_INFINITY);
    assert(result instanceof Uint8Array, `deflate: ${result}`);
    return result;
  }

  protected step(flush: number): number {
    return this.zlib.functions.deflate(this.address, flush);
  }

  protected end(): void {
    this.zlib.functions.deflateEnd(this.address);
  }
}

export class InflateStream extends Stream {
  /** @throws UnavailableError */
  constructor() {
    super();
    const { functions, versionAddress } = this.zlib;
    const result = functions.inflateInit2_(this.address, -15, versionAddress, z_stream.size);
    assert(result === Z_OK, `inflateInit2: ${result}`);
  }

  /**
   * @param tail read behind `bytes`
   * @returns it inflated, borrowed until the next call; undefined beyond `bytesMax`; the error of zlib for what is no DEFLATE
   */
  inflate(bytes: Uint8Array, tail: Uint8Array, bytesMax: number): Uint8Array | undefined | number {
    this.zlib.functions.inflateReset(this.address);
    return this.run(bytes, tail, bytesMax);
  }

  protected step(flush: number): number {
    return this.zlib.functions.inflate(this.address, flush);
  }

  protected end(): void {
    this.zlib.functions.inflateEnd(this.address);
  }
}
