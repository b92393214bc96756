/** What a connection has to send, in one place: a block of the pool, memory that the layer above has lent, or a range of a file. */
import { addressOf } from '../../sys/memory.ts';
import type { QueuedFile } from './queued-file.ts';

const NO_BYTES = new Uint8Array(0);

export class SendBlock {
  /** The memory; `start` is where this block begins in it. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly address: number;
  /**
   * The address again, for calls through FFI: a number beyond 2^31 that is read from a field is boxed anew for
   * each call, 16 bytes; in an array that holds something else too it stays boxed, and reading it allocates nothing.
   */
  readonly boxedAddress: readonly [number, null];
  readonly capacity: number;
  /** Nothing of the pool's, and nothing is ever added to it. */
  readonly isBorrowed: boolean;
  /** A file, and no memory at all. */
  readonly file: QueuedFile | null;
  /** Bytes written so far, counted from `start`. */
  filled = 0;
  /** Bytes that the kernel has taken, counted from `start`. */
  sent = 0;
  next: SendBlock | null = null;

  constructor(
    bytes: Uint8Array,
    start: number,
    address: number,
    capacity: number,
    isBorrowed: boolean,
    file: QueuedFile | null = null,
  ) {
    this.bytes = bytes;
    this.start = start;
    this.address = address;
    this.boxedAddress = [this.address, null];
    this.capacity = capacity;
    this.isBorrowed = isBorrowed;
    this.file = file;
  }

  static borrowing(bytes: Uint8Array): SendBlock {
    const block = new SendBlock(bytes, 0, addressOf(bytes), bytes.length, true);
    block.filled = bytes.length;
    return block;
  }

  static ofFile(file: QueuedFile): SendBlock {
    return new SendBlock(NO_BYTES, 0, 0, 0, true, file);
  }
}
