/**
 * Files as records: what the system has in memory is read into one buffer and encrypted from there, without a thread and
 * without memory for each piece. The disk is never waited for here: what is not in memory libuv's threads read
 * (file-pieces.ts), and all of a file where the system cannot tell.
 */
import { allocateGuarded, type Memory } from '../../sys/memory.ts';
import { readCached } from '../../sys/page-cache.ts';
import type { FileProgress } from '../file-progress.ts';
import { readPiece } from '../node/file-pieces.ts';
import type { RecordWriter } from './record-writer.ts';
import type { TlsConnection } from './tls-connection.ts';

const BUFFER_BYTES = 64 * 1024;
/** Sent of a file before others have their turn, as engines do without TLS (file-sending.ts). */
const SHARE_BYTES = 256 * 1024;

export class FileRecords {
  readonly #writer: RecordWriter;
  readonly #refused: (conn: TlsConnection) => void;
  /** Made when first needed. */
  #memory: Memory | undefined;

  /** @param refused told of a connection for which OpenSSL encrypts no more */
  constructor(writer: RecordWriter, refused: (conn: TlsConnection) => void) {
    this.#writer = writer;
    this.#refused = refused;
  }

  release(): void {
    this.#memory?.release();
  }

  /**
   * Sends of the file that is first in `conn.plain` a share, or what its reader has room for: each piece is given to the kernel at once,
   * so that a reader who has stopped holds one. `settle` has promised that `onDrained` comes for the rest.
   * @returns whether it is sent whole
   */
  send(conn: TlsConnection, file: FileProgress): boolean {
    const { inner, plain } = conn;
    this.#memory ??= allocateGuarded(BUFFER_BYTES);
    const { address } = this.#memory;
    const shareEnd = file.at + SHARE_BYTES;
    while (!file.isWhole) {
      if (file.isReading || file.at >= shareEnd || !inner.takesBytes || inner.unsentBytes >= BUFFER_BYTES)
        return false;
      const isFirst = file.at === file.openEnd;
      const { windowEnd } = file;
      const count = readCached(file.fd, address, Math.min(BUFFER_BYTES, windowEnd - file.at), file.at);
      if (count <= 0) {
        // Its end, or an error, are for them to find too.
        readPiece(file, conn);
        return false;
      }
      if (isFirst && !file.isUnchanged()) {
        conn.pieceFailed('file-changed', '');
        return false;
      }
      file.openEnd = windowEnd;
      if (!this.#writer.write(conn, address, count)) {
        this.#refused(conn);
        return false;
      }
      file.at += count;
      plain.bytes -= count;
      inner.settle();
    }
    return true;
  }
}
