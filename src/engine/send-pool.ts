/**
 * Memory that the kernel sends from. Blocks of two sizes are cut from mmap'd arenas and reused last in,
 * first out, so that a busy server keeps writing to the same warm pages. A connection owns no block
 * while it has nothing to send: ten thousand idle connections cost nothing here.
 *
 * Knows nothing of rings or sockets. Invariant: a block is either in the free list or in exactly one
 * connection's queue.
 */
import { assert } from '../base/assert.ts';
import { allocate, type Memory } from '../sys/memory.ts';
import { SEND_RESERVE_BYTES_MAX } from './engine.ts';

/** A page: most answers fit. */
export const SMALL_BLOCK_BYTES = 4096;
/** The largest reservation; also what a streaming connection uses. */
export const LARGE_BLOCK_BYTES = SEND_RESERVE_BYTES_MAX;
/** Arena sizes: few mappings, and little touched before it is needed (the kernel gives pages on first write). */
const ARENA_BYTES = 4 * 1024 * 1024;

export class SendBlock {
  /** The arena's memory; `start` is where this block begins in it. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly address: number;
  /**
   * The address again, for calls through FFI: a number beyond 2^31 that is read from a field is boxed anew for
   * each call, 16 bytes; in an array that holds something else too it stays boxed, and reading it allocates nothing.
   */
  readonly boxedAddress: readonly [number, null];
  readonly capacity: number;
  /** Bytes written so far, counted from `start`. */
  filled = 0;
  /** Bytes that the kernel has taken, counted from `start`. */
  sent = 0;
  next: SendBlock | null = null;

  constructor(arena: Memory, start: number, capacity: number) {
    this.bytes = arena.bytes;
    this.start = start;
    this.address = arena.address + start;
    this.boxedAddress = [this.address, null];
    this.capacity = capacity;
  }
}

class BlockList {
  readonly #blockBytes: number;
  readonly #arenas: Memory[] = [];
  #free: SendBlock | null = null;
  #inUse = 0;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
  }

  get inUse(): number {
    return this.#inUse;
  }

  take(): SendBlock {
    let block = this.#free;
    if (block === null) block = this.#grow();
    this.#free = block.next;
    block.next = null;
    block.filled = 0;
    block.sent = 0;
    this.#inUse++;
    return block;
  }

  give(block: SendBlock): void {
    block.next = this.#free;
    this.#free = block;
    this.#inUse--;
  }

  release(): void {
    for (const arena of this.#arenas) arena.release();
    this.#arenas.length = 0;
    this.#free = null;
  }

  #grow(): SendBlock {
    const arena = allocate(ARENA_BYTES);
    this.#arenas.push(arena);
    for (let start = ARENA_BYTES - this.#blockBytes; start >= 0; start -= this.#blockBytes) {
      const block = new SendBlock(arena, start, this.#blockBytes);
      block.next = this.#free;
      this.#free = block;
    }
    assert(this.#free !== null, 'a new arena has no blocks');
    return this.#free;
  }
}

export class SendPool {
  readonly #small = new BlockList(SMALL_BLOCK_BYTES);
  readonly #large = new BlockList(LARGE_BLOCK_BYTES);
  #scratch: Uint8Array | undefined;

  /** A block with room for `size` bytes, owned by the caller until `give`. */
  take(size: number): SendBlock {
    return size <= SMALL_BLOCK_BYTES ? this.#small.take() : this.#large.take();
  }

  give(block: SendBlock): void {
    if (block.capacity === SMALL_BLOCK_BYTES) this.#small.give(block);
    else this.#large.give(block);
  }

  /** Where writes to connections that are gone end up: nobody reads it. */
  get scratch(): Uint8Array {
    this.#scratch ??= new Uint8Array(SEND_RESERVE_BYTES_MAX);
    return this.#scratch;
  }

  get blocksInUse(): number {
    return this.#small.inUse + this.#large.inUse;
  }

  release(): void {
    this.#small.release();
    this.#large.release();
  }
}
