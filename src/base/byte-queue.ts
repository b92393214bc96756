/**
 * Bytes that wait in order, with memory in proportion to their number, however small the pieces in which they
 * come: an array of its own costs a piece some 200 bytes, so small ones are copied one behind another into
 * blocks. Pieces come out as blocks, each an array of its own that the caller may keep.
 *
 * Invariant: `memoryBytes` is at most twice `length` and one block.
 */
/** Small pieces share blocks up to this size; a larger piece is a block of its own. */
const BLOCK_BYTES_MAX = 16 * 1024;
/** From here on a piece that does not fit into the last block is not worth a shared one. */
const LARGE_BYTES = BLOCK_BYTES_MAX / 2;
const BLOCK_BYTES_MIN = 256;
/** Below this a loop is faster than `set`, which makes a view of the source first. */
const LOOP_BYTES_MAX = 32;

export class ByteQueue {
  /** Bytes that wait. */
  length = 0;
  /** What they occupy. */
  memoryBytes = 0;
  #blocks: Uint8Array[] = [];
  /** The first block that is still here: moving the others up at each `shift` would cost time in their number. */
  #first = 0;
  /** How much of the last block is filled; the others are full. */
  #filled = 0;
  readonly #allocate: (size: number) => Uint8Array;

  /** @param allocate gives blocks, which are filled before anybody sees them */
  constructor(allocate: (size: number) => Uint8Array = cleared) {
    this.#allocate = allocate;
  }

  /** Copies bytes[start..end). */
  push(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    if (size === 0) return;
    const count = this.#blocks.length;
    let block = count > this.#first ? this.#blocks[count - 1]! : undefined;
    if (block === undefined || block.length - this.#filled < size) {
      if (block !== undefined) this.#trim();
      if (block === undefined || size >= LARGE_BYTES) {
        // Alone so far, or large: exactly as long as it is, since often nothing follows.
        this.#add(this.#copy(bytes, start, end), size);
        return;
      }
      const wanted = Math.min(Math.max(this.length, BLOCK_BYTES_MIN), BLOCK_BYTES_MAX);
      block = this.#allocate(Math.max(wanted, size));
      this.#add(block, 0);
    }
    const at = this.#filled;
    if (size > LOOP_BYTES_MAX) block.set(bytes.subarray(start, end), at);
    else for (let i = 0; i < size; i++) block[at + i] = bytes[start + i]!;
    this.#filled = at + size;
    this.length += size;
  }

  /** Takes a piece that the caller gives away: as it is when it is large, copied when it is small. */
  give(piece: Uint8Array): void {
    if (piece.length < LARGE_BYTES) {
      this.push(piece, 0, piece.length);
      return;
    }
    if (this.#blocks.length > this.#first) this.#trim();
    this.#add(piece, piece.length);
  }

  /** The first block, undefined when nothing waits. Memory of its own, and full. */
  shift(): Uint8Array | undefined {
    const index = this.#first;
    const { length } = this.#blocks;
    if (index === length) return undefined;
    if (index === length - 1) this.#trim();
    const block = this.#blocks[index]!;
    this.length -= block.length;
    this.memoryBytes -= block.length;
    this.#blocks[index] = NOTHING;
    this.#first = index + 1;
    if (this.#first * 2 > length) {
      this.#blocks = this.#blocks.slice(this.#first);
      this.#first = 0;
    }
    return block;
  }

  /** All that waits, in one array of its own. */
  takeAll(): Uint8Array {
    if (this.#blocks.length - this.#first === 1) return this.shift()!;
    const all = this.#allocate(this.length);
    let at = 0;
    for (let block = this.shift(); block !== undefined; block = this.shift()) {
      all.set(block, at);
      at += block.length;
    }
    return all;
  }

  clear(): void {
    this.#blocks = [];
    this.#first = 0;
    this.#filled = 0;
    this.length = 0;
    this.memoryBytes = 0;
  }

  #add(block: Uint8Array, filled: number): void {
    this.#blocks.push(block);
    this.#filled = filled;
    this.length += filled;
    this.memoryBytes += block.length;
  }

  #copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const copy = this.#allocate(end - start);
    copy.set(bytes.subarray(start, end));
    return copy;
  }

  /** Cuts the last block to what it holds. */
  #trim(): void {
    const index = this.#blocks.length - 1;
    const block = this.#blocks[index]!;
    if (this.#filled === block.length) return;
    this.memoryBytes -= block.length - this.#filled;
    this.#blocks[index] = this.#copy(block, 0, this.#filled);
    this.#filled = this.#blocks[index].length;
  }
}

const NOTHING = new Uint8Array(0);

function cleared(size: number): Uint8Array {
  return new Uint8Array(size);
}
