/**
 * Memory that the kernel sends from. Blocks of two sizes are cut from mmap'd arenas and reused last in,
 * first out, so that a busy server keeps writing to the same warm pages. A connection owns no block
 * while it has nothing to send: ten thousand idle connections cost nothing here.
 *
 * What was touched in a peak and is not used any more goes back to the system, page by page: the mapping stays, so
 * that no view of it ever points at nothing, and a block that is taken again is one of zeros.
 *
 * Knows nothing of rings or sockets. Invariant: a block is either in the free list or in exactly one
 * connection's queue, and there until the kernel does not read from it any more.
 */
import { allocate, discardPages, type Memory, pageBytes } from '../../sys/memory.ts';
import { SEND_RESERVE_BYTES_MAX } from '../engine.ts';
import { GatheredSend } from './gathered-send.ts';
import { SendBlock } from './send-block.ts';

/** A page: most answers fit. */
export const SMALL_BLOCK_BYTES = 4096;
/** The largest reservation; also what a streaming connection uses. */
export const LARGE_BLOCK_BYTES = SEND_RESERVE_BYTES_MAX;
/** Few mappings, and little touched before it is needed (the kernel gives pages on first write). */
const ARENA_BYTES = 4 * 1024 * 1024;
/**
 * The first is enough for most servers. V8 counts all of it as memory that its heap holds on to, and in a heap of few MiB that
 * decides how often the whole is collected: with 4 MiB an upload that is read as a stream cost twice as much.
 */
const FIRST_ARENA_BYTES = 512 * 1024;
/** Kept warm of each size, whatever happens: 15 streams, 256 answers. The node engine keeps as much. */
const KEPT_BYTES = 1024 * 1024;
/** What has been free for one such period is given back; twice that after a peak at most. */
const PERIOD_MS = 2000;
/** A step of so much takes some 0.5 ms, and leaves the thread to others then for a while. */
const STEP_BYTES_MAX = 2 * 1024 * 1024;
const STEP_BLOCKS_MAX = 128;
const STEP_PAUSE_MS = 10;

/**
 * Blocks of one size. The free ones are a stack: those at its bottom have been free for longest. From the bottom up
 * `#cleanCount` of them have no pages: new, or given back.
 */
class BlockList {
  readonly #blockBytes: number;
  readonly #keptCount: number;
  readonly #stepCount: number;
  readonly #arenas: Memory[] = [];
  /** `#freeCount` of them count. */
  readonly #free: SendBlock[] = [];
  #freeCount = 0;
  #cleanCount = 0;
  /** The fewest that were free in this period. Blocks below have been so all the time. */
  #lowestCount = 0;
  #inUse = 0;
  /** Runs while more blocks have pages than are kept. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(blockBytes: number) {
    this.#blockBytes = blockBytes;
    this.#keptCount = Math.floor(KEPT_BYTES / blockBytes);
    this.#stepCount = Math.min(STEP_BLOCKS_MAX, Math.floor(STEP_BYTES_MAX / blockBytes));
  }

  get inUse(): number {
    return this.#inUse;
  }

  /** @hot */
  take(): SendBlock {
    if (this.#freeCount === 0) this.#grow();
    const count = --this.#freeCount;
    const block = this.#free[count]!;
    if (count < this.#lowestCount) this.#reach(count);
    block.filled = 0;
    block.sent = 0;
    this.#inUse++;
    return block;
  }

  /** @hot */
  give(block: SendBlock): void {
    // It would keep what came behind it for as long as it is free: a lent body of any size.
    block.next = null;
    this.#free[this.#freeCount++] = block;
    this.#inUse--;
  }

  release(): void {
    clearTimeout(this.#timer);
    for (const arena of this.#arenas) arena.release();
    this.#arenas.length = 0;
    this.#free.length = 0;
    this.#freeCount = 0;
  }

  /** Fewer are free than before in this period. */
  #reach(count: number): void {
    this.#lowestCount = count;
    if (count < this.#cleanCount) this.#cleanCount = count;
    if (this.#timer === undefined) this.#wait(PERIOD_MS);
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(this.#discardIdle, ms);
    this.#timer.unref();
  }

  readonly #discardIdle = (): void => {
    this.#timer = undefined;
    // A block that shares a page with others cannot be given back (arm64 with pages of 16 or 64 KiB).
    if (this.#blockBytes % pageBytes() !== 0) return;
    const idleCount = this.#lowestCount - this.#keptCount;
    const end = Math.min(idleCount, this.#cleanCount + this.#stepCount);
    for (; this.#cleanCount < end; this.#cleanCount++)
      discardPages(this.#free[this.#cleanCount]!.address, this.#blockBytes);
    if (this.#cleanCount < idleCount) {
      this.#wait(STEP_PAUSE_MS);
      return;
    }
    if (this.#freeCount - this.#cleanCount + this.#inUse > this.#keptCount) {
      this.#lowestCount = this.#freeCount;
      this.#wait(PERIOD_MS);
    }
    // Nothing to do until a block without pages is taken.
    else this.#lowestCount = this.#cleanCount;
  };

  #grow(): void {
    const arenaBytes = this.#arenas.length === 0 ? FIRST_ARENA_BYTES : ARENA_BYTES;
    const arena = allocate(arenaBytes);
    this.#arenas.push(arena);
    for (let start = arenaBytes - this.#blockBytes; start >= 0; start -= this.#blockBytes)
      this.#free[this.#freeCount++] = new SendBlock(
        arena.bytes,
        start,
        arena.address + start,
        this.#blockBytes,
        false,
      );
    this.#cleanCount = this.#freeCount;
    this.#lowestCount = this.#freeCount;
  }
}

export class SendPool {
  readonly #small = new BlockList(SMALL_BLOCK_BYTES);
  readonly #large = new BlockList(LARGE_BLOCK_BYTES);
  #scratch: Uint8Array | undefined;
  #gathered: GatheredSend | undefined;

  /** A block with room for `size` bytes, owned by the caller until `give`. */
  take(size: number): SendBlock {
    return size <= SMALL_BLOCK_BYTES ? this.#small.take() : this.#large.take();
  }

  give(block: SendBlock): void {
    if (block.isBorrowed) return;
    if (block.capacity === SMALL_BLOCK_BYTES) this.#small.give(block);
    else this.#large.give(block);
  }

  /** For what lies in several blocks. Made when first needed. */
  get gathered(): GatheredSend {
    this.#gathered ??= new GatheredSend();
    return this.#gathered;
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
    this.#gathered?.release();
  }
}
