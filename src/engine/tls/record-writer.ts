/** Writes plaintext as records, straight to where they are sent from. The only place that calls SSL_write. @hot */
import type { NativeFunction, OpenSsl } from '../../sys/openssl.ts';
import { LITTLE_BYTES, RECORD_BYTES, recordBytesOf, segmentBytesOf } from './record-sizes.ts';
import type { TlsConnection } from './tls-connection.ts';
import type { TlsMemory } from './tls-memory.ts';
import type { TlsTiming } from './tls-timing.ts';

/** Header, explicit nonce, tag, content type: 29 bytes in TLS 1.2 with AES-GCM, 22 in TLS 1.3; and room to spare. */
const RECORD_OVERHEAD_BYTES = 96;
/** Encrypted into one reservation (SEND_RESERVE_BYTES_MAX). */
const RUN_BYTES = 4 * RECORD_BYTES;

export class RecordWriter {
  readonly #memory: TlsMemory;
  readonly #write: NativeFunction;
  readonly #timing: TlsTiming;

  constructor(ssl: OpenSsl, memory: TlsMemory, timing: TlsTiming) {
    this.#timing = timing;
    this.#memory = memory;
    this.#write = ssl.functions.SSL_write;
  }

  /** @returns false where OpenSSL refuses, which ends the connection. @hot */
  write(conn: TlsConnection, address: number, size: number): boolean {
    const { inner } = conn;
    if (size <= LITTLE_BYTES) return this.#writeOne(conn, address, size);
    const firstBytes = segmentBytesOf(conn, size, this.#timing);
    for (let at = 0; at < size && inner.takesBytes; ) {
      const isFirst = at < firstBytes;
      const recordBytes = recordBytesOf(isFirst);
      const part = isFirst ? firstBytes : Math.min(size - at, RUN_BYTES);
      const room = part + Math.ceil(part / recordBytes) * RECORD_OVERHEAD_BYTES;
      const place = inner.reserve(room);
      this.#memory.aimAt(inner.out, place, room);
      const isTaken = this.#writeRecords(conn, address + at, part, isFirst ? recordBytes : part);
      inner.commit(this.#memory.bios.written);
      if (!isTaken) return false;
      at += part;
    }
    return true;
  }

  /**
   * OpenSSL makes full records of what it is given at once, and what it writes to takes all: there are no partial writes.
   * @param callBytes given at once
   * @hot
   */
  #writeRecords(conn: TlsConnection, address: number, size: number, callBytes: number): boolean {
    for (let at = 0; at < size; at += callBytes) {
      const part = Math.min(size - at, callBytes);
      if (this.#write(conn.boxedSsl[0], address + at, part) !== part) return false;
    }
    return true;
  }

  /** Little, as nearly all answers are. @param address passed on as it is, so that none is boxed anew. @hot */
  #writeOne(conn: TlsConnection, address: number, size: number): boolean {
    const { inner } = conn;
    if (size === 0 || !inner.takesBytes) return true;
    const room = size + RECORD_OVERHEAD_BYTES;
    const place = inner.reserve(room);
    this.#memory.aimAt(inner.out, place, room);
    const count = this.#write(conn.boxedSsl[0], address, size);
    inner.commit(this.#memory.bios.written);
    return count === size;
  }
}
