/**
 * Reads the PROXY header of each connection before anybody else is told of it, TLS included: to the engine it is the handler, and
 * to the layer above a connection begins behind its header, with the ends that the proxy named. A peer that sends none, a wrong
 * one, or takes longer than a head may is closed without a word, for whoever gets past the proxy is none of its clients.
 */
import type { CloseReason, EngineConnection, EngineHandler, RemoteAddress } from '../engine/engine.ts';
import { PROXY_HEADER_BYTES_MAX, parseProxyHeader } from '../protocol/proxy/proxy-header.ts';

interface ProxyRules {
  /** Whether a connection from there begins with a header. */
  expects(peer: RemoteAddress | undefined): boolean;
  readonly timeoutMs: number;
  readonly nowMs: () => number;
  /** @param reason 'proxy-header' or 'proxy-timeout' */
  refused(reason: CloseReason, peer: RemoteAddress | undefined): void;
}

/** What has come of a header. */
interface Pending {
  bytes: Uint8Array;
  length: number;
}

const NOTHING = new Uint8Array(0);

export class ProxyLayer implements EngineHandler {
  readonly #next: EngineHandler;
  readonly #rules: ProxyRules;
  readonly #pending = new Map<EngineConnection, Pending>();
  /** Present where the layer above has it. */
  readonly onSending?: () => void;

  constructor(next: EngineHandler, rules: ProxyRules) {
    this.#next = next;
    this.#rules = rules;
    if (next.onSending !== undefined) this.onSending = () => next.onSending!();
  }

  get hasOpenWork(): boolean {
    return this.#next.hasOpenWork ?? true;
  }

  onAccept(conn: EngineConnection): void {
    if (!this.#rules.expects(conn.remoteAddress())) {
      this.#next.onAccept(conn);
      return;
    }
    this.#pending.set(conn, { bytes: NOTHING, length: 0 });
    conn.setDeadline(this.#rules.nowMs() + this.#rules.timeoutMs);
  }

  onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    const pending = this.#pending.get(conn);
    if (pending === undefined) {
      this.#next.onReceive(conn, bytes, start, end);
      return;
    }
    const before = pending.length;
    const header =
      before === 0
        ? parseProxyHeader(bytes, start, end)
        : parseProxyHeader(...appended(pending, bytes, start, end));
    if (header === 'malformed') this.#refuse(conn, 'proxy-header');
    else if (header === 'unfinished') {
      if (before === 0) appended(pending, bytes, start, end);
    } else {
      this.#pending.delete(conn);
      conn.proxied = header.ends;
      conn.setDeadline(Number.POSITIVE_INFINITY);
      this.#next.onAccept(conn);
      const rest = start + header.length - before;
      // The layer above may have ended it at once.
      if (rest < end && conn.takesBytes) this.#next.onReceive(conn, bytes, rest, end);
    }
  }

  #refuse(conn: EngineConnection, reason: CloseReason): void {
    this.#rules.refused(reason, conn.remoteAddress());
    conn.close(reason);
  }

  onDrained(conn: EngineConnection): void {
    if (!this.#pending.has(conn)) this.#next.onDrained(conn);
  }

  onPeerEnd(conn: EngineConnection): void {
    // Load balancers that only look whether somebody listens go without a word.
    if (this.#pending.has(conn)) conn.close('proxy-header');
    else this.#next.onPeerEnd(conn);
  }

  onPeerEndSeen(conn: EngineConnection): void {
    if (!this.#pending.has(conn)) this.#next.onPeerEndSeen?.(conn);
  }

  onDeadline(conn: EngineConnection): void {
    if (this.#pending.has(conn)) this.#refuse(conn, 'proxy-timeout');
    else this.#next.onDeadline(conn);
  }

  onClosed(conn: EngineConnection, reason: CloseReason): void {
    // Nobody above has heard of it.
    if (!this.#pending.delete(conn)) this.#next.onClosed(conn, reason);
  }

  onAcceptPaused(error: Parameters<NonNullable<EngineHandler['onAcceptPaused']>>[0]): void {
    this.#next.onAcceptPaused?.(error);
  }
}

/** @returns all that has come so far, as the parser wants it: no more is kept than a header can have */
function appended(
  pending: Pending,
  bytes: Uint8Array,
  start: number,
  end: number,
): [Uint8Array, number, number] {
  const size = Math.min(end - start, PROXY_HEADER_BYTES_MAX - pending.length);
  const length = pending.length + size;
  if (length > pending.bytes.length) {
    const larger = new Uint8Array(Math.min(PROXY_HEADER_BYTES_MAX, Math.max(128, 2 * length)));
    larger.set(pending.bytes.subarray(0, pending.length));
    pending.bytes = larger;
  }
  pending.bytes.set(bytes.subarray(start, start + size), pending.length);
  pending.length = length;
  return [pending.bytes, 0, length];
}
