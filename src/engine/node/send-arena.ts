/**
 * The memory that responses are written into. A few blocks, shared by all connections of the engine:
 * a connection holds memory only while it has bytes that the kernel has not taken, so an idle one
 * holds none.
 *
 * A block is a stack. Segments are put on top during a turn; at its end the top falls back to the
 * highest segment that the kernel did not take at once (`floor`), so fast connections use the same few
 * KiB again and again, warm in the cache, and the segments of slow ones are packed side by side.
 *
 * The first blocks are plain memory and stay. Those of a peak are memory that V8 maps and unmaps by itself: what malloc
 * gave stays with the process once it has been freed. Writing byte by byte takes twice as long there, and a stream
 * through it 15 % more.
 *
 * Invariant: `pins` counts the segments of a block that hold committed bytes. A block without pins is
 * free, and only the current block is ever written to.
 */
import { assert } from '../../base/assert.ts';
import { SEND_RESERVE_BYTES_MAX } from '../engine.ts';

/**
 * Twice the largest reservation. One stuck connection can keep one block alive, so this is also the
 * factor by which sharing can cost more than the high-water mark that each connection may hold anyway.
 */
const BLOCK_BYTES = 2 * SEND_RESERVE_BYTES_MAX;

/** Blocks of plain memory: 1 MiB a thread, made when they are needed. */
const PLAIN_BLOCKS_MAX = 8;
/** Others that are kept for the next burst. What is beyond goes back to the system when it is collected. */
const SPARE_BLOCKS_MAX = 8;

/** ECMA-262 §25.1.4.1, which every supported release of Node has and the compiler's library for older programs has not. */
const Resizable = ArrayBuffer as new (size: number, options: { maxByteLength: number }) => ArrayBuffer;

/** Smaller pieces are malloc's: whole pages of them are rare. */
export const MAPPED_BYTES_MIN = 16 * 1024;

/**
 * Memory that goes back to the system when it is collected. What malloc gives stays with the process: 2,000 pieces of
 * 60 KB left 126 MiB behind. V8 maps and unmaps a resizable buffer by itself, though this one never changes its size.
 */
export function memoryOf(size: number): Buffer {
  if (size < MAPPED_BYTES_MIN) return Buffer.allocUnsafeSlow(size);
  return Buffer.from(new Resizable(size, { maxByteLength: size }));
}

export class SendBlock {
  /** What the layer above writes to: a plain Uint8Array, the same shape that other engines give. */
  readonly bytes: Uint8Array;
  /** The same memory as a Buffer: `socket.write` would wrap anything else in a new one. */
  readonly buffer: Buffer;
  /** Bytes from here on are free. */
  used = 0;
  /** `used` falls back to this at the end of the turn. */
  floor = 0;
  pins = 0;
  /** Not the current block any more, in a turn that has not ended. */
  isRetiring = false;
  readonly isPlain: boolean;

  constructor(isPlain: boolean) {
    this.isPlain = isPlain;
    this.buffer = isPlain ? Buffer.allocUnsafeSlow(BLOCK_BYTES) : memoryOf(BLOCK_BYTES);
    this.bytes = new Uint8Array(this.buffer.buffer, 0, BLOCK_BYTES);
  }
}

export class SendArena {
  current = new SendBlock(true);
  #plainCount = 1;
  /** What a connection that is gone may write to; nobody reads it. Made when first needed. */
  #scratch: Uint8Array | undefined;
  readonly #plain: SendBlock[] = [];
  readonly #spare: SendBlock[] = [];
  /** Blocks replaced in this turn: a reservation in one of them may still be committed. */
  readonly #retiring: SendBlock[] = [];

  get scratch(): Uint8Array {
    this.#scratch ??= new Uint8Array(SEND_RESERVE_BYTES_MAX);
    return this.#scratch;
  }

  /** The current block, or a new one if the current one has less than `size` bytes left. @hot */
  withRoom(size: number): SendBlock {
    const block = this.current;
    if (block.used + size <= BLOCK_BYTES) return block;
    assert(size <= SEND_RESERVE_BYTES_MAX, 'reservation of more than SEND_RESERVE_BYTES_MAX');
    const following = this.#plain.pop() ?? this.#spare.pop() ?? this.#make();
    this.current = following;
    block.isRetiring = true;
    this.#retiring.push(block);
    return following;
  }

  /** One segment of `block` is not needed any more. @hot */
  unpin(block: SendBlock): void {
    assert(block.pins > 0, 'a send block is unpinned more often than pinned');
    if (--block.pins > 0) return;
    if (block === this.current) {
      block.used = 0;
      block.floor = 0;
    } else if (!block.isRetiring) this.#free(block);
  }

  /** As `unpin`, within a turn: what lies below block[start..end) may be reserved and not committed yet. @hot */
  takeBack(block: SendBlock, start: number, end: number): void {
    assert(block.pins > 0, 'a send block is unpinned more often than pinned');
    block.pins--;
    if (block === this.current) {
      if (block.used === end) block.used = start;
    } else if (block.pins === 0 && !block.isRetiring) this.#free(block);
  }

  /** To be called when every connection that wrote in this turn has been flushed. @hot */
  endTurn(): void {
    this.current.used = this.current.floor;
    while (this.#retiring.length > 0) {
      const block = this.#retiring.pop()!;
      block.isRetiring = false;
      if (block.pins === 0) this.#free(block);
    }
  }

  #make(): SendBlock {
    const isPlain = this.#plainCount < PLAIN_BLOCKS_MAX;
    if (isPlain) this.#plainCount++;
    return new SendBlock(isPlain);
  }

  #free(block: SendBlock): void {
    block.used = 0;
    block.floor = 0;
    if (block.isPlain) this.#plain.push(block);
    else if (this.#spare.length < SPARE_BLOCKS_MAX) this.#spare.push(block);
  }
}
