/**
 * Connections whose handshake is under way: the layer above is told of them only when it is complete. Each has its deadline
 * from accept on, however its bytes drip, and the layer above says who may begin one.
 */
import type { HandshakeRules, TlsEvent } from '../engine.ts';
import type { TlsConnection } from './tls-connection.ts';
import type { TlsTiming } from './tls-timing.ts';

/** One that began lately may still become a connection when the listener closes: a few round trips, of slow peers too. */
const LAST_MS = 1000;

export class PendingHandshakes {
  readonly #rules: HandshakeRules | undefined;
  readonly #timing: TlsTiming;
  /** The addresses under which the layer above counts them. */
  readonly #pending = new Map<TlsConnection, string>();
  #waiting: (() => void)[] = [];
  #isSettling = false;

  constructor(rules: HandshakeRules | undefined, timing: TlsTiming) {
    this.#rules = rules;
    this.#timing = timing;
  }

  begin(conn: TlsConnection): void {
    const { inner } = conn;
    const rules = this.#rules;
    const address = rules?.needsAddress === true ? (inner.remoteAddress()?.address ?? '') : '';
    this.#pending.set(conn, address);
    if (rules?.mayBegin(address) === false) {
      this.note('refused', '');
      // A handshake costs more than the request that it is for: beyond the limit there is none, and no answer.
      conn.close('tls-error');
      return;
    }
    const timeoutMs = this.#isSettling ? LAST_MS : (rules?.timeoutMs ?? Number.POSITIVE_INFINITY);
    if (timeoutMs !== Number.POSITIVE_INFINITY) inner.setDeadline(this.#timing.nowMs() + timeoutMs);
  }

  /** Its deadline has come. */
  late(conn: TlsConnection): void {
    if (conn.isClosing) return;
    this.#rules?.onTimeout(conn.inner.remoteAddress()?.address ?? '');
    this.note('late', '');
    conn.close('handshake-timeout');
  }

  /** It is a connection, or gone. Idempotent. */
  end(conn: TlsConnection): void {
    const address = this.#pending.get(conn);
    if (address === undefined) return;
    this.#pending.delete(conn);
    this.#rules?.onEnd(address);
    if (this.#pending.size > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** For counters. */
  note(event: TlsEvent, code: string): void {
    this.#rules?.onEvent?.(event, code);
  }

  /** The listener is closed: what is under way has a moment. Resolves when no handshake is. */
  settled(): Promise<void> {
    this.#isSettling = true;
    const atMs = this.#timing.nowMs() + Math.min(LAST_MS, this.#rules?.timeoutMs ?? LAST_MS);
    for (const conn of this.#pending.keys()) conn.inner.setDeadline(atMs);
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
