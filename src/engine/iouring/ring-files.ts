/**
 * Files on the io_uring engine: sent by system calls, with a poll of the ring where the socket is full, and read by the ring, for the
 * page cache's sake alone, where they are not in memory. Where the file system can, the kernel waits for pages without a thread (ext4,
 * xfs, btrfs: FMODE_BUF_RASYNC); else its own workers read. The ring has no sendfile, and its splice always runs on workers.
 */
import { assert } from '../../base/assert.ts';
import { ERRNO } from '../../sys/errno.ts';
import { allocate, type Memory } from '../../sys/memory.ts';
import { CLOSING, type ConnectionOwner, DRAIN_OWED, HAS_FILE } from '../descriptor/connection.ts';
import { FileSending, SENT_SHARE } from '../descriptor/file-sending.ts';
import type { QueuedFile } from '../descriptor/queued-file.ts';
import { WindowReads } from '../descriptor/window-reads.ts';
import { type EngineHandler, FILE_WINDOW_BYTES } from '../engine.ts';
import { type IouringConnection, SEND_IN_FLIGHT, WRITABLE_ARMED } from './connection.ts';
import type { Ring } from './ring.ts';
import type { Submissions } from './submissions.ts';

/** What a disk has in its queue at once; the rest waits here. */
const RING_READS_MAX = 32;

export class RingFiles {
  readonly reads = new WindowReads(RING_READS_MAX, (file) => this.#beginRead(file));
  readonly #owner: ConnectionOwner;
  readonly #ring: Ring;
  readonly #submissions: Submissions;
  readonly #handler: EngineHandler<IouringConnection>;
  readonly #sending: FileSending;
  /** Those that are being read, by the number of the read. */
  readonly #files: (QueuedFile | undefined)[] = [];
  readonly #free: number[] = [];
  /** Written to by all reads at once; nobody looks. */
  #memory: Memory | undefined;

  constructor(
    owner: ConnectionOwner,
    ring: Ring,
    submissions: Submissions,
    handler: EngineHandler<IouringConnection>,
  ) {
    this.#owner = owner;
    this.#ring = ring;
    this.#submissions = submissions;
    this.#handler = handler;
    this.#sending = new FileSending(owner.sendPool, owner.counters, this.reads);
  }

  /** Sends what is before a file too: head and first bytes leave together. */
  send(conn: IouringConnection): void {
    if ((conn.flags & (SEND_IN_FLIGHT | WRITABLE_ARMED)) !== 0) return;
    const result = this.#sending.sendAll(conn);
    if (result === SENT_SHARE) this.#owner.touch(conn);
    else if (result === -ERRNO.EAGAIN) {
      // Behind the last file the ring sends.
      if ((conn.flags & HAS_FILE) === 0) return;
      conn.flags |= WRITABLE_ARMED;
      this.#submissions.awaitWritable(conn);
    } else if (result < 0) conn.sendFailed(-result);
    else if (result === 0) {
      conn.flags &= ~DRAIN_OWED;
      if ((conn.flags & CLOSING) === 0) this.#handler.onDrained(conn);
    }
  }

  /** The socket takes bytes again, or has failed, which the next send tells. */
  writable(conn: IouringConnection | undefined): void {
    assert(conn !== undefined, 'a poll outlived its connection');
    conn.flags &= ~WRITABLE_ARMED;
    this.#owner.touch(conn);
  }

  #beginRead(file: QueuedFile): boolean {
    if (this.#ring.room === 0) return false;
    this.#memory ??= allocate(FILE_WINDOW_BYTES);
    const number = this.#free.pop() ?? this.#files.length;
    this.#files[number] = file;
    this.#submissions.readFile(file.fd, file.at, file.windowEnd - file.at, this.#memory.address, number);
    return true;
  }

  /** @param result bytes, or a negative errno */
  completed(number: number, result: number): void {
    const file = this.#files[number]!;
    this.#files[number] = undefined;
    this.#free.push(number);
    this.reads.ended(file, result);
  }

  /** Nothing is being read any more. */
  release(): void {
    this.#memory?.release();
  }
}
