/**
 * Sends a queue that has files in it, by system calls: memory by sendmsg, with MSG_MORE before a file, files by sendfile(2) from the
 * page cache. No pipe, no memory, no thread a file: a reader who has stopped costs nothing until the socket is writable again.
 *
 * sendfile waits for the disk even where the socket does not block, so each window of a file is looked for in memory first, and read
 * into it off the loop where it is not there (window-reads.ts). What one connection sends at once is bounded, since 1 MiB takes some
 * 0.4 ms.
 *
 * sendfile knows no MSG_NOSIGNAL: for peers that are gone it raises SIGPIPE, which Node ignores.
 */
import { sendfile } from '../../sys/descriptor.ts';
import { ERRNO } from '../../sys/errno.ts';
import { readCachedBytes } from '../../sys/page-cache.ts';
import type { EngineCloseReason } from '../engine.ts';
import { KnownDevices } from './known-devices.ts';
import type { QueuedFile } from './queued-file.ts';
import type { SendBlock } from './send-block.ts';
import type { SendPool } from './send-pool.ts';
import type { WindowReads } from './window-reads.ts';

/**
 * What a connection sends of files before others have their turn: some 0.1 ms. Several such shares where nobody waits cost as much
 * CPU a MiB as one does (docs/decisions/0008-a-quarter-mib-of-a-file-at-a-time.md).
 */
const SHARE_BYTES = 256 * 1024;

/** The kernel may take more: others first. */
export const SENT_SHARE = 1;
/** It goes on when the file has been read, or the connection has been broken off. */
const SENT_UNTIL_TOLD = 2;

interface FileQueue {
  readonly fd: number;
  readonly firstBlock: SendBlock | null;
  /** FIN follows the last byte. */
  readonly endsBehind: boolean;
  took(size: number): void;
  /** So much of the first block, which is a file, has been taken. */
  tookFromFile(size: number): void;
  /** What was promised of a file cannot be sent. */
  breakOff(reason: EngineCloseReason, errno: number): void;
}

export class FileSending {
  readonly #pool: SendPool;
  readonly #counters: { bytesSent: number };
  readonly #reads: WindowReads;
  readonly #devices = new KnownDevices();

  constructor(pool: SendPool, counters: { bytesSent: number }, reads: WindowReads) {
    this.#pool = pool;
    this.#counters = counters;
    this.#reads = reads;
  }

  /** @returns 0 when all is sent, SENT_SHARE, SENT_UNTIL_TOLD, or a negative errno of the socket: EAGAIN when it takes no more */
  sendAll(queue: FileQueue): number {
    let left = SHARE_BYTES;
    for (let block = queue.firstBlock; block !== null; block = queue.firstBlock) {
      const { file } = block;
      if (file === null) {
        const result = this.#pool.gathered.sendAll(queue, queue.endsBehind, this.#counters);
        if (result < 0) return result;
        continue;
      }
      if (left === 0) return SENT_SHARE;
      if (file.at === file.openEnd && !this.#openWindow(queue, file)) return SENT_UNTIL_TOLD;
      const sent = sendfile(queue.fd, file.fd, file.at, Math.min(left, file.openEnd - file.at));
      if (sent > 0) {
        left -= sent;
        this.#counters.bytesSent += sent;
        queue.tookFromFile(sent);
      } else if (sent === 0) {
        queue.breakOff('file-short', 0);
        return SENT_UNTIL_TOLD;
      } else if (sent !== -ERRNO.EINTR) {
        if (!isOfFile(-sent)) return sent;
        queue.breakOff('file-failed', -sent);
        return SENT_UNTIL_TOLD;
      }
    }
    return 0;
  }

  /** @returns whether the next window can be sent; else it is being read, or the connection is broken off */
  #openWindow(queue: FileQueue, file: QueuedFile): boolean {
    if (file.isReading) return false;
    const { windowEnd } = file;
    if (file.readEnd < windowEnd) {
      const answer = readCachedBytes(file.fd, Math.max(file.at, file.readEnd), windowEnd);
      if (answer < 0 && !this.#isWarmAnyhow(file, -answer)) {
        if (isColdAnswer(-answer)) this.#reads.add(file);
        else queue.breakOff('file-failed', -answer);
        return false;
      }
    }
    if (!file.isUnchanged()) {
      queue.breakOff('file-changed', 0);
      return false;
    }
    file.openEnd = windowEnd;
    return true;
  }

  #isWarmAnyhow(file: QueuedFile, errno: number): boolean {
    return isNoAnswer(errno) && this.#devices.isInMemory(file.fd);
  }
}

/** The file system, or the kernel, does not know RWF_NOWAIT. */
function isNoAnswer(errno: number): boolean {
  return errno === ERRNO.EOPNOTSUPP || errno === ERRNO.ENOSYS;
}

/** It is on the disk, or nobody knows. */
function isColdAnswer(errno: number): boolean {
  return errno === ERRNO.EAGAIN || errno === ERRNO.EINTR || isNoAnswer(errno);
}

/** Whether sendfile failed for the file it reads and not for the socket it writes to. */
function isOfFile(errno: number): boolean {
  switch (errno) {
    case ERRNO.EIO:
    case ERRNO.EBADF:
    case ERRNO.EINVAL:
    case ERRNO.EISDIR:
    case ERRNO.EOVERFLOW:
    case ERRNO.ESPIPE:
    case ERRNO.ENXIO:
    case ERRNO.ENODEV:
    case ERRNO.ENODATA:
    case ERRNO.EUCLEAN:
    case ERRNO.EBADMSG:
    case ERRNO.EREMOTEIO:
    case ERRNO.ESTALE:
    case ERRNO.ENOKEY:
      return true;
    default:
      return false;
  }
}
