/**
 * TLS between an engine and the layer above: a connection in, a connection out. To the engine it is the handler; the layer
 * above is its handler in turn. The only place that calls SSL_read; record-writer.ts writes.
 *
 * Ciphertext is read where the engine has received it, and written where it will be sent from; handshakes and alerts go
 * through a scratch buffer, since they come when something is read. Plaintext of several records is handed over
 * at once. Nothing is encrypted before the end of the turn (`onSending`), so that a turn's answers share records.
 *
 * OpenSSL's queue of errors is the thread's, and Node's too: it is emptied before it is asked about an error.
 */
import type { SysError } from '../../base/errors.ts';
import { moveWithin } from '../../base/move-within.ts';
import {
  SSL_ERROR_WANT_CLIENT_HELLO_CB,
  SSL_ERROR_WANT_READ,
  SSL_ERROR_ZERO_RETURN,
} from '../../sys/abi/openssl.ts';
import { addressOf } from '../../sys/memory.ts';
import type { NativeFunction, OpenSsl } from '../../sys/openssl.ts';
import { SendPool } from '../descriptor/send-pool.ts';
import type { CloseReason, EngineConnection, EngineHandler, EngineOptions } from '../engine.ts';
import { FileProgress } from '../file-progress.ts';
import { TlsClientContext } from './client-context.ts';
import { takeErrorName } from './error-name.ts';
import { FileRecords } from './file-records.ts';
import { Handshake } from './handshake.ts';
import { HandshakeTurns } from './handshake-turns.ts';
import { PendingHandshakes } from './pending-handshakes.ts';
import { RECORD_BYTES } from './record-sizes.ts';
import { RecordWriter } from './record-writer.ts';
import { ServerContexts } from './server-contexts.ts';
import { TlsConnection, type TlsOwner } from './tls-connection.ts';
import { TEXT_BYTES, TlsMemory } from './tls-memory.ts';
import type { TlsTiming } from './tls-timing.ts';

/** What an alert, tickets or a key update may take. */
const SCRATCH_BYTES_MIN = 4096;
const HANDSHAKE_BYTES_MAX = 128 * 1024;
/** A handshake that waits for its turn is not read further behind so much; a client's first flight has some 2 KiB. */
const WAITING_BYTES_MAX = 16 * 1024;
/**
 * Records behind each other that carry no application data: key updates, warnings. Each costs its arithmetic, and nobody who
 * has something to say needs many (RFC 8446 §4.6.3 sets no bound). BoringSSL takes 32, Go 16.
 */
const USELESS_RECORDS_MAX = 32;

export class TlsLayer implements EngineHandler, TlsOwner {
  readonly pool = new SendPool();
  readonly #handler: EngineHandler<TlsConnection>;
  readonly #handshakes: PendingHandshakes;
  readonly #turns: HandshakeTurns;
  readonly #timing: TlsTiming;
  readonly #ssl: OpenSsl;
  readonly #read: NativeFunction;
  readonly #writer: RecordWriter;
  readonly #files: FileRecords;
  readonly #side: ServerContexts | TlsClientContext;
  readonly #contexts: ServerContexts | undefined;
  readonly #client: TlsClientContext | undefined;
  readonly #hasPending: NativeFunction;
  readonly #answerToPlainText: Uint8Array | undefined;
  readonly #memory: TlsMemory;
  readonly #wanted: TlsConnection[] = [];
  #wantedCount = 0;
  /** OpenSSL's errors are emptied once a turn, since what failed in node:crypto would be taken for ours. */
  #isQueueClear = false;
  /** What SSL_read answered last. */
  #lastCount = 0;

  /** @throws UnavailableError where this OpenSSL cannot be used */
  constructor(
    ssl: OpenSsl,
    side: ServerContexts | TlsClientContext,
    { handler, handshakes }: EngineOptions,
    timing: TlsTiming,
    answerToPlainText?: Uint8Array,
  ) {
    this.#ssl = ssl;
    this.#timing = timing;
    this.#answerToPlainText = answerToPlainText;
    this.#handler = handler as EngineHandler<TlsConnection>;
    this.#handshakes = new PendingHandshakes(handshakes, timing);
    this.#turns = new HandshakeTurns((conn) => this.#shakeHeld(conn), timing);
    this.#side = side;
    this.#contexts = side instanceof ServerContexts ? side : undefined;
    this.#client = side instanceof TlsClientContext ? side : undefined;
    this.#read = ssl.functions.SSL_read;
    this.#hasPending = ssl.functions.SSL_has_pending;
    this.#memory = new TlsMemory(ssl);
    this.#writer = new RecordWriter(ssl, this.#memory, timing);
    this.#files = new FileRecords(this.#writer, (conn) => this.#fail(conn));
  }

  get hasOpenWork(): boolean {
    // Handshakes that wait for their turn are begun behind the rest of the loop.
    return this.#handler.hasOpenWork !== false || this.#turns.waiting > 0;
  }

  /** No connection is accepted any more: resolves when no handshake is under way. */
  settled(): Promise<void> {
    return this.#handshakes.settled();
  }

  /** No connection is left. */
  release(): void {
    this.#memory.release();
    this.#files.release();
    this.#side.release();
    this.pool.release();
  }

  // EngineHandler: what the engine below tells

  onAccept(inner: EngineConnection): void {
    const { functions } = this.#ssl;
    const first = this.#contexts?.first;
    const ssl = first === undefined ? 0 : functions.SSL_new(first.address);
    inner.user = undefined;
    // Without memory for it: the layer above has not heard of it, and never will.
    if (ssl === 0 || first === undefined) {
      inner.reset('tls-error');
      return;
    }
    functions.SSL_set_accept_state(ssl);
    this.#memory.bios.attachTo(ssl);
    const conn = new TlsConnection(this, inner, ssl, new Handshake(first));
    inner.user = conn;
    this.#handshakes.begin(conn);
  }

  /** A connection that is being made: the layer above knows it at once. @param key of its server's session */
  connecting(inner: EngineConnection, ssl: number, key: string): TlsConnection {
    this.#memory.bios.attachTo(ssl);
    const conn = new TlsConnection(this, inner, ssl, undefined);
    conn.serverKey = key;
    inner.user = conn;
    return conn;
  }

  /** Its TCP connection stands: the handshake begins. */
  onConnect(inner: EngineConnection): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn === undefined || conn.ssl === 0) return;
    conn.beganMs = this.#timing.nowMs();
    this.#clearErrors();
    this.#memory.bios.starve();
    this.#shakeHands(conn);
  }

  /** @hot */
  onReceive(inner: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn === undefined || conn.isDeaf) return;
    if (conn.held !== undefined) {
      conn.held = Buffer.concat([conn.held, bytes.subarray(start, end)]);
      if (!conn.stands && conn.held.length > WAITING_BYTES_MAX) inner.pauseReading();
    } else if (conn.isPaused) conn.held = Buffer.from(bytes.subarray(start, end));
    else if (!conn.stands && !this.#turns.isFree) {
      conn.held = Buffer.from(bytes.subarray(start, end));
      this.#turns.hold(conn);
    } else this.#decrypt(conn, bytes, start, end);
  }

  onDrained(inner: EngineConnection): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn?.isOwedDrain !== true) return;
    if (!conn.plain.isEmpty) {
      this.encrypt(conn);
      return;
    }
    if (!conn.stands) return;
    conn.isOwedDrain = false;
    if (!conn.isClosing) this.#handler.onDrained(conn);
  }

  /** Without close_notify before it is counted, and no more: HTTP's own framing finds what was cut off. RFC 9112 §9.8 */
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
    if (conn.stands || conn.isClient) this.#handler.onDeadline(conn);
    else this.#handshakes.late(conn);
  }

  onClosed(inner: EngineConnection, reason: CloseReason): void {
    const conn = inner.user as TlsConnection | undefined;
    if (conn === undefined) return;
    const isKnown = conn.stands || conn.isClient;
    this.forget(conn);
    if (isKnown) this.#handler.onClosed(conn, reason);
  }

  onWake(): void {
    this.#handler.onWake?.();
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
    if (conn.isClient && conn.stands && conn.ssl !== 0) this.#client!.keepSession(conn.serverKey, conn.ssl);
    if (conn.ssl !== 0) this.#ssl.functions.SSL_free(conn.ssl);
    conn.ssl = 0;
  }

  // TlsOwner: what connections ask

  /** @hot */
  want(conn: TlsConnection): void {
    if (conn.isWanted) return;
    conn.isWanted = true;
    this.#wanted[this.#wantedCount++] = conn;
    conn.inner.askToSend!();
  }

  /** The engine is about to send what the turn has written. @hot */
  onSending(): void {
    let at = 0;
    try {
      while (at < this.#wantedCount) {
        const conn = this.#wanted[at++]!;
        conn.isWanted = false;
        if (conn.ssl === 0) continue;
        // A handshake waits for its own turn.
        if (conn.stands) this.#takeHeld(conn);
        this.encrypt(conn);
      }
    } finally {
      this.#turns.othersServed();
      // A callback that threw leaves the others where they are.
      moveWithin(this.#wanted, 0, at, this.#wantedCount);
      this.#wantedCount -= at;
      this.#isQueueClear = false;
    }
  }

  /** @hot */
  encrypt(conn: TlsConnection): void {
    // What a client writes before its handshake waits here.
    if (conn.isClient && !conn.stands) return;
    for (let file = this.encryptMemory(conn); file !== null; file = this.encryptMemory(conn)) {
      if (!this.#files.send(conn, file)) return;
      conn.plain.dropFirst(this.pool);
    }
    if (conn.isEnding) conn.end();
  }

  /** @hot */
  encryptMemory(conn: TlsConnection): FileProgress | null {
    const { plain } = conn;
    for (let first = plain.first; first !== null; first = plain.first) {
      if (first instanceof FileProgress) return first;
      this.#encryptRange(conn, first.boxedAddress[0], first.filled);
      plain.dropFirst(this.pool);
    }
    return null;
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
    if (!this.#writer.write(conn, address, size)) this.#fail(conn);
  }

  notify(conn: TlsConnection): void {
    if (conn.isNotified) return;
    conn.isNotified = true;
    this.#memory.aimAtScratch(SCRATCH_BYTES_MIN);
    this.#ssl.functions.SSL_shutdown(conn.ssl);
    this.#memory.sendScratch(conn.inner);
  }

  // Decryption

  /** @hot */
  #decrypt(conn: TlsConnection, bytes: Uint8Array, start: number, end: number): void {
    this.#clearErrors();
    const base = this.#memory.addressOf(bytes);
    this.#memory.bios.feed(base + start, end - start);
    const goesOn = conn.stands || this.#shakeHands(conn);
    for (let left = this.#memory.bios.unread; left > 0 && (goesOn || conn.isPaused); ) {
      if (conn.isPaused) {
        conn.held = Buffer.from(bytes.subarray(end - left, end));
        return;
      }
      this.#memory.bios.feed(base + end - left, left);
      const size = this.#readRecords(conn);
      left = this.#memory.bios.unread;
      // Before others are called: an error's reason is in a queue of the thread.
      const error = this.#lastCount > 0 ? 0 : this.#ssl.functions.SSL_get_error(conn.ssl, this.#lastCount);
      const isBroken = error !== 0 && error !== SSL_ERROR_WANT_READ && error !== SSL_ERROR_ZERO_RETURN;
      if (isBroken) conn.tlsError = takeErrorName(this.#ssl);
      this.#memory.sendScratch(conn.inner);
      if (size > 0 && !this.#handOver(conn, size, bytes, end - left, end)) return;
      if (error === 0) continue;
      if (isBroken) this.#break(conn);
      else if (error === SSL_ERROR_ZERO_RETURN) this.#notified(conn);
      else if (!this.#isFlood(conn, left)) continue;
      return;
    }
  }

  /**
   * SSL_read has found no plaintext: what came was a part of a record, or one that carries none.
   * @param left what it has not looked at, since it returns behind each record (SSL_MODE_AUTO_RETRY is off)
   * @returns whether there were too many of these, and it ends
   */
  #isFlood(conn: TlsConnection, left: number): boolean {
    // A part of a record is kept in OpenSSL's own buffer.
    if (left === 0 && this.#hasPending(conn.ssl) !== 0) return false;
    if (++conn.uselessRecords <= USELESS_RECORDS_MAX) return false;
    // Its name in other versions of OpenSSL and in BoringSSL.
    conn.tlsError = 'ERR_SSL_TOO_MANY_KEY_UPDATES';
    this.#handshakes.note('broken', conn.tlsError);
    conn.close('tls-error');
    return true;
  }

  #clearErrors(): void {
    if (this.#isQueueClear) return;
    this.#isQueueClear = true;
    this.#ssl.functions.ERR_clear_error();
  }

  /** @returns bytes of plaintext, those of as many records as came and as there is room for. @hot */
  #readRecords(conn: TlsConnection): number {
    this.#memory.aimAtScratch(SCRATCH_BYTES_MIN);
    let filled = 0;
    do {
      const { text, textAddress } = this.#memory;
      const address = filled === 0 ? textAddress[0] : text.address + filled;
      const count = this.#read(conn.boxedSsl[0], address, TEXT_BYTES - filled);
      this.#lastCount = count;
      if (count <= 0) break;
      conn.uselessRecords = 0;
      filled += count;
    } while (this.#memory.bios.unread > 0 && TEXT_BYTES - filled >= RECORD_BYTES);
    return filled;
  }

  /** @returns whether it is complete and the connection goes on */
  #shakeHands(conn: TlsConnection): boolean {
    this.#memory.aimAtScratch(HANDSHAKE_BYTES_MAX);
    const { functions } = this.#ssl;
    const callbacks = this.#contexts?.callbacks;
    const beganMs = this.#timing.nowMs();
    if (callbacks !== undefined) callbacks.current = conn.handshake;
    const result = functions.SSL_do_handshake(conn.ssl);
    if (callbacks !== undefined) callbacks.current = undefined;
    this.#turns.spent(this.#timing.nowMs() - beganMs);
    const error = result > 0 ? 0 : functions.SSL_get_error(conn.ssl, result);
    const isLate = error === SSL_ERROR_WANT_CLIENT_HELLO_CB;
    const isBroken = error !== 0 && error !== SSL_ERROR_WANT_READ && !isLate;
    if (isBroken) conn.tlsError = takeErrorName(this.#ssl, this.#client?.certificateError(conn.ssl));
    this.#memory.sendScratch(conn.inner);
    if (isBroken) this.#break(conn);
    if (isLate) this.#awaitName(conn, conn.handshake!.awaited!);
    return result > 0 && this.#stand(conn);
  }

  /** The certificate for the name that the client has said is to be found first. Its deadline runs on. */
  #awaitName(conn: TlsConnection, serverName: string): void {
    conn.pauseReading();
    void this.#contexts!.ask(serverName).then((isKnown) => {
      if (conn.ssl === 0 || conn.isClosing) return;
      conn.handshake!.hasFailed = !isKnown;
      conn.resumeReading();
      this.#turns.hold(conn);
    });
  }

  /**
   * Hands plaintext over. What has come behind it, bytes[start..end), is not lost if the layer above throws.
   * @returns whether the connection goes on. @hot
   */
  #handOver(conn: TlsConnection, size: number, bytes: Uint8Array, start: number, end: number): boolean {
    let hasReturned = false;
    try {
      this.#handler.onReceive(conn, this.#memory.text.bytes, 0, size);
      hasReturned = true;
    } finally {
      if (!hasReturned && !conn.isClosing && start < end) {
        conn.held = Buffer.from(bytes.subarray(start, end));
        this.want(conn);
      }
    }
    return !conn.isClosing;
  }

  /** What was held back, where nothing stands against it any more. */
  #takeHeld(conn: TlsConnection): void {
    const bytes = conn.held;
    if (bytes !== undefined && !conn.isPaused) {
      conn.held = undefined;
      this.#decrypt(conn, bytes, 0, bytes.length);
    }
    if (conn.isEndHeld && !conn.isPaused) this.#peerEnded(conn);
  }

  /** Its handshake's turn has come. */
  #shakeHeld(conn: TlsConnection): void {
    if (conn.isDeaf) return;
    if (conn.held !== undefined && conn.held.length > WAITING_BYTES_MAX) conn.inner.resumeReading();
    if (conn.handshake?.awaited !== undefined && !conn.isPaused) {
      // It goes on with the message that it has; what has come behind that is held.
      this.#ssl.functions.ERR_clear_error();
      this.#memory.bios.starve();
      this.#shakeHands(conn);
    }
    if (!conn.isDeaf) this.#takeHeld(conn);
  }

  /** The handshake is complete: the layer above hears of the connection. @returns whether it goes on */
  #stand(conn: TlsConnection): boolean {
    conn.stands = true;
    conn.secure = this.#side.secureOf(conn.ssl, conn.handshake);
    conn.handshake = undefined;
    if (conn.isClient) {
      conn.handshakeMs = this.#timing.nowMs() - conn.beganMs;
      if (!conn.isClosing) this.#handler.onConnect?.(conn);
      this.want(conn);
      return !conn.isClosing;
    }
    this.#handshakes.end(conn);
    this.#handshakes.note(conn.secure.resumed ? 'resumed' : 'full', '');
    conn.inner.setDeadline(Number.POSITIVE_INFINITY);
    this.#handler.onAccept(conn);
    return !conn.isClosing;
  }

  /** The peer's close_notify, which waits to be read like the bytes before it. */
  #notified(conn: TlsConnection): void {
    conn.isPeerNotified = true;
    if (conn.isPaused) conn.isEndHeld = true;
    else this.#peerEnded(conn);
  }

  #peerEnded(conn: TlsConnection): void {
    if (conn.hasPeerEnded || conn.isDeaf) return;
    conn.hasPeerEnded = true;
    // Within a handshake it is the end of all.
    if (conn.stands) {
      if (!conn.isPeerNotified) this.#handshakes.note('truncated', '');
      this.#handler.onPeerEnd(conn);
    } else if (conn.isClient) {
      conn.tlsError = 'ECONNRESET';
      this.#break(conn);
    } else conn.close('peer-reset');
  }

  /** The peer broke the rules, or none of its offers can be taken. An alert has been sent: SSL_get_error(3) allows no more. */
  #break(conn: TlsConnection): void {
    this.#handshakes.note(conn.stands ? 'broken' : 'failed', conn.tlsError);
    conn.isNotified = true;
    conn.plain.drop(this.pool);
    if (conn.tlsError === 'ERR_SSL_HTTP_REQUEST') conn.sendPlainText(this.#answerToPlainText);
    conn.close('tls-error');
  }

  #fail(conn: TlsConnection): void {
    conn.tlsError = takeErrorName(this.#ssl);
    this.#handshakes.note('broken', conn.tlsError);
    conn.isNotified = true;
    conn.reset('tls-error');
  }
}
