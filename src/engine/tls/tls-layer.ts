/**
 * TLS between an engine and the layer above: a connection in, a connection out. To the engine it is the handler; the layer
 * above is its handler in turn. The only place that calls SSL_read and SSL_write.
 *
 * Ciphertext is read where the engine has received it, and written where it will be sent from; handshakes and alerts go
 * through a scratch buffer, since they come when something is read. Plaintext of several records is handed over
 * at once. Nothing is encrypted before the end of the turn (`onSending`), so that a turn's answers share records.
 *
 * OpenSSL's queue of errors is the thread's, and Node's too: it is emptied before it is asked about an error.
 */
import { assert } from '../../base/assert.ts';
import type { SysError } from '../../base/errors.ts';
import { SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN } from '../../sys/abi/openssl.ts';
import { addressOf, allocate } from '../../sys/memory.ts';
import { type NativeFunction, type OpenSsl, takeOpenSslErrors } from '../../sys/openssl.ts';
import { SendPool } from '../descriptor/send-pool.ts';
import type { CloseReason, EngineConnection, EngineHandler, EngineOptions } from '../engine.ts';
import { FileProgress } from '../file-progress.ts';
import { readPiece } from '../node/file-pieces.ts';
import { PendingHandshakes } from './pending-handshakes.ts';
import { SharedBios } from './shared-bios.ts';
import { TlsConnection, type TlsOwner } from './tls-connection.ts';
import type { TlsContext } from './tls-context.ts';

/** The most plaintext of one record. RFC 8446 §5.1 */
const RECORD_BYTES = 16 * 1024;
/** Header, explicit nonce, tag, content type: 29 bytes in TLS 1.2 with AES-GCM, 22 in TLS 1.3; and room to spare. */
const RECORD_OVERHEAD_BYTES = 96;
/** Encrypted into one reservation (SEND_RESERVE_BYTES_MAX). */
const RUN_BYTES = 4 * RECORD_BYTES;
/** Other engines hand over as much at once. */
const TEXT_BYTES = 64 * 1024;
/** A handshake's answer with its chain of certificates has to fit: 100 KiB is what OpenSSL itself takes from a peer. */
const SCRATCH_BYTES = 256 * 1024;
/** So much of a file is encrypted before its reader has taken it, and a piece more is being read. */
const FILE_AHEAD_BYTES = 128 * 1024;
/** What an alert, tickets or a key update may take. */
const SCRATCH_BYTES_MIN = 4096;
const HANDSHAKE_BYTES_MAX = 128 * 1024;

export class TlsLayer implements EngineHandler, TlsOwner {
  readonly pool = new SendPool();
  readonly #handler: EngineHandler<TlsConnection>;
  readonly #handshakes: PendingHandshakes;
  readonly #ssl: OpenSsl;
  readonly #read: NativeFunction;
  readonly #write: NativeFunction;
  readonly #context: TlsContext;
  readonly #answerToPlainText: Uint8Array | undefined;
  readonly #bios: SharedBios;
  readonly #text = allocate(TEXT_BYTES);
  readonly #scratch = allocate(SCRATCH_BYTES);
  /** Output goes to the scratch buffer, of which so much has been taken. */
  #isAimedAtScratch = false;
  #taken = 0;
  /** Where memory that others own lies: asking costs ten times as much as looking here. */
  readonly #addresses = new WeakMap<Uint8Array, number>();
  #knownBytes: Uint8Array | undefined;
  #knownAddress = 0;
  readonly #wanted: TlsConnection[] = [];
  #wantedCount = 0;
  #isScheduled = false;
  /** OpenSSL's errors are emptied once a turn, since what failed in node:crypto would be taken for ours. */
  #isQueueClear = false;
  /** What SSL_read answered last. */
  #lastCount = 0;

  /** @throws UnavailableError where this OpenSSL cannot be used */
  constructor(
    ssl: OpenSsl,
    context: TlsContext,
    { handler, handshakes }: EngineOptions,
    answerToPlainText: Uint8Array | undefined,
  ) {
    this.#ssl = ssl;
    this.#answerToPlainText = answerToPlainText;
    this.#handler = handler as EngineHandler<TlsConnection>;
    this.#handshakes = new PendingHandshakes(handshakes);
    this.#context = context;
    this.#read = ssl.functions.SSL_read;
    this.#write = ssl.functions.SSL_write;
    this.#bios = new SharedBios(ssl);
  }

  get hasOpenWork(): boolean {
    return this.#handler.hasOpenWork !== false;
  }

  /** No connection is accepted any more: resolves when no handshake is under way. */
  settled(): Promise<void> {
    return this.#handshakes.settled();
  }

  /** No connection is left. */
  release(): void {
    this.#bios.release();
    this.#context.release();
    this.#text.release();
    this.#scratch.release();
    this.pool.release();
  }

  // EngineHandler: what the engine below tells

  onAccept(inner: EngineConnection): void {
    const { functions } = this.#ssl;
    const ssl = functions.SSL_new(this.#context.address);
    inner.user = undefined;
    // Without memory for it: the layer above has not heard of it, and never will.
    if (ssl === 0) {
      inner.reset('tls-error');
      return;
    }
    functions.SSL_set_accept_state(ssl);
    this.#bios.attachTo(ssl);
    const conn = new TlsConnection(this, inner, ssl);
    inner.user = conn;
    this.#handshakes.begin(conn);
  }

  /** @hot */
  onReceive(inner: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn === undefined || conn.isClosing) return;
    if (conn.held !== undefined) conn.held = Buffer.concat([conn.held, bytes.subarray(start, end)]);
    else if (conn.isPaused) conn.held = Buffer.from(bytes.subarray(start, end));
    else this.#decrypt(conn, bytes, start, end);
  }

  onDrained(inner: EngineConnection): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn?.isOwedDrain !== true) return;
    if (!conn.plain.isEmpty) {
      this.encrypt(conn);
      return;
    }
    conn.isOwedDrain = false;
    if (!conn.isClosing) this.#handler.onDrained(conn);
  }

  /** Whether close_notify came before is not told: HTTP's own framing finds what was cut off. RFC 9112 §9.8 */
  onPeerEnd(inner: EngineConnection): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn === undefined) return;
    // What came before it has not been handed over yet.
    if (conn.held !== undefined) conn.isEndHeld = true;
    else this.#peerEnded(conn);
  }

  onPeerEndSeen(inner: EngineConnection): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn?.stands === true && !conn.hasPeerEnded) this.#handler.onPeerEndSeen?.(conn);
  }

  onDeadline(inner: EngineConnection): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn === undefined) return;
    if (conn.stands) this.#handler.onDeadline(conn);
    else this.#handshakes.late(conn);
  }

  onClosed(inner: EngineConnection, reason: CloseReason): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn === undefined) return;
    const hasStood = conn.stands;
    this.forget(conn);
    if (hasStood) this.#handler.onClosed(conn, reason);
  }

  onAcceptPaused(error: SysError | undefined): void {
    this.#handler.onAcceptPaused?.(error);
  }

  /** Frees what a connection holds. */
  forget(conn: TlsConnection): void {
    if (!conn.stands) this.#handshakes.end(conn);
    conn.isClosing = true;
    conn.isEnding = true;
    conn.held = undefined;
    conn.plain.drop(this.pool);
    if (conn.ssl !== 0) this.#ssl.functions.SSL_free(conn.ssl);
    conn.ssl = 0;
  }

  // TlsOwner: what connections ask

  /** @hot */
  want(conn: TlsConnection): void {
    if (conn.isWanted) return;
    conn.isWanted = true;
    this.#wanted[this.#wantedCount++] = conn;
    // Also in a turn: what is written behind its last look at `onSending` must not wait for the next.
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#sendLater);
  }

  readonly #sendLater = (): void => {
    this.#isScheduled = false;
    this.onSending();
  };

  /** The engine is about to send what the turn has written. @hot */
  onSending(): void {
    let at = 0;
    try {
      while (at < this.#wantedCount) {
        const conn = this.#wanted[at++]!;
        conn.isWanted = false;
        if (conn.ssl === 0) continue;
        if (conn.held !== undefined && !conn.isPaused) this.#decryptHeld(conn);
        if (conn.isEndHeld && !conn.isPaused) this.#peerEnded(conn);
        this.encrypt(conn);
      }
    } finally {
      // A callback that threw leaves the others where they are.
      this.#wanted.copyWithin(0, at, this.#wantedCount);
      this.#wantedCount -= at;
      this.#isQueueClear = false;
    }
  }

  /** @hot */
  encrypt(conn: TlsConnection): void {
    const { plain } = conn;
    for (let first = plain.first; first !== undefined; first = plain.first) {
      if (first instanceof FileProgress) {
        if (!first.isReading && conn.inner.unsentBytes < FILE_AHEAD_BYTES) readPiece(first, conn);
        return;
      }
      this.#encryptRange(conn, first.address, first.filled);
      plain.dropFirst(this.pool);
    }
    if (conn.isEnding) conn.end();
  }

  filePieceCame(conn: TlsConnection, piece: Uint8Array): void {
    const { plain } = conn;
    const file = plain.first as FileProgress;
    this.encryptFrom(conn, piece);
    file.at += piece.length;
    plain.bytes -= piece.length;
    if (file.isWhole) plain.dropFirst(this.pool);
    this.encrypt(conn);
  }

  encryptFrom(conn: TlsConnection, bytes: Uint8Array): void {
    this.#encryptRange(conn, addressOf(bytes), bytes.length);
  }

  /** @hot */
  #encryptRange(conn: TlsConnection, address: number, size: number): void {
    const { inner } = conn;
    for (let at = 0; at < size && inner.takesBytes; ) {
      const part = Math.min(size - at, RUN_BYTES);
      const room = part + Math.ceil(part / RECORD_BYTES) * RECORD_OVERHEAD_BYTES;
      const place = inner.reserve(room);
      this.#bios.aim(this.#addressOf(inner.out) + place, room);
      this.#isAimedAtScratch = false;
      // A record at a time where partial writes are allowed.
      let taken = 0;
      while (taken < part) {
        const count = this.#write(conn.ssl, address + at + taken, part - taken);
        if (count <= 0) break;
        taken += count;
      }
      inner.commit(this.#bios.written);
      if (taken < part) {
        this.#fail(conn);
        return;
      }
      at += part;
    }
  }

  notify(conn: TlsConnection): void {
    if (conn.isNotified) return;
    conn.isNotified = true;
    this.#aimAtScratch(SCRATCH_BYTES_MIN);
    this.#ssl.functions.SSL_shutdown(conn.ssl);
    this.#sendScratch(conn);
  }

  // Decryption

  /** @hot */
  #decrypt(conn: TlsConnection, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#isQueueClear) {
      this.#isQueueClear = true;
      this.#ssl.functions.ERR_clear_error();
    }
    const base = this.#addressOf(bytes);
    this.#bios.feed(base + start, end - start);
    if (!conn.stands && !this.#shakeHands(conn)) return;
    for (let left = this.#bios.unread; left > 0; ) {
      if (conn.isPaused) {
        conn.held = Buffer.from(bytes.subarray(end - left, end));
        return;
      }
      this.#bios.feed(base + end - left, left);
      const size = this.#readRecords(conn);
      left = this.#bios.unread;
      // Before others are called: an error's reason is in a queue of the thread.
      const error = this.#lastCount > 0 ? 0 : this.#ssl.functions.SSL_get_error(conn.ssl, this.#lastCount);
      const isBroken = error !== 0 && error !== SSL_ERROR_WANT_READ && error !== SSL_ERROR_ZERO_RETURN;
      if (isBroken) conn.tlsError = this.#errorName();
      this.#sendScratch(conn);
      if (size > 0 && !this.#handOver(conn, size, bytes, end - left, end)) return;
      if (isBroken) this.#break(conn);
      else if (error === SSL_ERROR_ZERO_RETURN) this.#notified(conn);
      if (error !== 0) return;
    }
  }

  /** @returns bytes of plaintext, those of as many records as came and as there is room for. @hot */
  #readRecords(conn: TlsConnection): number {
    this.#aimAtScratch(SCRATCH_BYTES_MIN);
    let filled = 0;
    do {
      const count = this.#read(conn.ssl, this.#text.address + filled, TEXT_BYTES - filled);
      this.#lastCount = count;
      if (count <= 0) break;
      filled += count;
    } while (this.#bios.unread > 0 && TEXT_BYTES - filled >= RECORD_BYTES);
    return filled;
  }

  /** @returns whether it is complete and the connection goes on */
  #shakeHands(conn: TlsConnection): boolean {
    this.#aimAtScratch(HANDSHAKE_BYTES_MAX);
    const { functions } = this.#ssl;
    const result = functions.SSL_do_handshake(conn.ssl);
    const isBroken = result <= 0 && functions.SSL_get_error(conn.ssl, result) !== SSL_ERROR_WANT_READ;
    if (isBroken) conn.tlsError = this.#errorName();
    this.#sendScratch(conn);
    if (isBroken) this.#break(conn);
    return result > 0 && this.#stand(conn);
  }

  /**
   * Hands plaintext over. What has come behind it, bytes[start..end), is not lost if the layer above throws.
   * @returns whether the connection goes on. @hot
   */
  #handOver(conn: TlsConnection, size: number, bytes: Uint8Array, start: number, end: number): boolean {
    let hasReturned = false;
    try {
      this.#handler.onReceive(conn, this.#text.bytes, 0, size);
      hasReturned = true;
    } finally {
      if (!hasReturned && !conn.isClosing && start < end) {
        conn.held = Buffer.from(bytes.subarray(start, end));
        this.want(conn);
      }
    }
    return !conn.isClosing;
  }

  #decryptHeld(conn: TlsConnection): void {
    const bytes = conn.held!;
    conn.held = undefined;
    this.#decrypt(conn, bytes, 0, bytes.length);
  }

  /** The handshake is complete: the layer above hears of the connection. @returns whether it goes on */
  #stand(conn: TlsConnection): boolean {
    conn.stands = true;
    this.#handshakes.end(conn);
    conn.inner.setDeadline(Number.POSITIVE_INFINITY);
    this.#handler.onAccept(conn);
    return !conn.isClosing;
  }

  /** The peer's close_notify, which waits to be read like the bytes before it. */
  #notified(conn: TlsConnection): void {
    if (conn.isPaused) conn.isEndHeld = true;
    else this.#peerEnded(conn);
  }

  #peerEnded(conn: TlsConnection): void {
    if (conn.hasPeerEnded || conn.isClosing) return;
    conn.hasPeerEnded = true;
    // Within a handshake it is the end of all.
    if (conn.stands) this.#handler.onPeerEnd(conn);
    else conn.close('peer-reset');
  }

  /** The peer broke the rules, or none of its offers can be taken. An alert has been sent: SSL_get_error(3) allows no more. */
  #break(conn: TlsConnection): void {
    conn.isNotified = true;
    conn.plain.drop(this.pool);
    if (conn.tlsError === 'ERR_SSL_HTTP_REQUEST') this.#answerPlainText(conn.inner);
    conn.close('tls-error');
  }

  #answerPlainText(inner: EngineConnection): void {
    const answer = this.#answerToPlainText;
    if (answer === undefined) return;
    const place = inner.reserve(answer.length);
    inner.out.set(answer, place);
    inner.commit(answer.length);
  }

  #fail(conn: TlsConnection): void {
    conn.tlsError = this.#errorName();
    conn.isNotified = true;
    conn.reset('tls-error');
  }

  /** Node's name for the same error, such as ERR_SSL_HTTP_REQUEST. */
  #errorName(): string {
    const [first] = takeOpenSslErrors(this.#ssl);
    const reason = first?.split(':').at(-1);
    return reason === undefined
      ? 'ERR_SSL_SYSCALL'
      : `ERR_SSL_${reason.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`;
  }

  // Memory

  #aimAtScratch(room: number): void {
    if (this.#isAimedAtScratch && SCRATCH_BYTES - this.#bios.written >= room) return;
    this.#bios.aim(this.#scratch.address, SCRATCH_BYTES);
    this.#isAimedAtScratch = true;
    this.#taken = 0;
  }

  /** What OpenSSL has to say of its own: handshakes, alerts, tickets. @hot */
  #sendScratch(conn: TlsConnection): void {
    if (!this.#isAimedAtScratch) return;
    const end = this.#bios.written;
    const { inner } = conn;
    for (let at = this.#taken; at < end; ) {
      const size = Math.min(end - at, RUN_BYTES);
      const place = inner.reserve(size);
      inner.out.set(this.#scratch.bytes.subarray(at, at + size), place);
      inner.commit(size);
      at += size;
    }
    this.#taken = end;
  }

  /** @hot */
  #addressOf(bytes: Uint8Array): number {
    if (bytes === this.#knownBytes) return this.#knownAddress;
    let address = this.#addresses.get(bytes);
    if (address === undefined) {
      address = addressOf(bytes);
      assert(address !== 0, 'memory without an address');
      this.#addresses.set(bytes, address);
    }
    this.#knownBytes = bytes;
    this.#knownAddress = address;
    return address;
  }
}
