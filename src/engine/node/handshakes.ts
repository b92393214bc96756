/**
 * The TLS handshakes of one listener: which TCP connections lie below, when each must have become a connection, and
 * when none is under way any more. `tls.Server` tells of the end of most handshakes, as 'secureConnection' or as
 * 'tlsClientError', and of some not at all: of a peer that has sent FIN, of one whose socket we destroy. So what
 * counts here is the TCP socket, from accept to its handshake's end or its own.
 */
import type { Server, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { HandshakeRules } from '../engine.ts';

/** One that began lately may still become a connection when the listener closes: a few round trips, of slow peers too. */
const LAST_MS = 1000;

export class Handshakes {
  readonly #rules: HandshakeRules | undefined;
  /** From accepting until the descriptor is closed, also after the handshake. */
  readonly #tcpSockets = new Set<Socket>();
  /** Under way, in the order of accept, so the first is the first to be late. */
  readonly #pending = new Map<Socket, { readonly acceptedMs: number; readonly address: string }>();
  #timeoutMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: (() => void)[] = [];

  constructor(server: Server, rules: HandshakeRules | undefined) {
    this.#rules = rules;
    this.#timeoutMs = rules?.timeoutMs ?? Number.POSITIVE_INFINITY;
    // Before tls.Server's own listener, which makes its TLS socket half-open or not as the TCP socket is.
    server.prependListener('connection', (tcp: Socket) => this.#begin(tcp));
    server.on('secureConnection', (socket: Socket) => {
      // FIN within the handshake is its end; later it is only the peer's (RFC 9112 §9.6).
      socket.allowHalfOpen = true;
      rules?.onEvent?.((socket as TLSSocket).isSessionReused() ? 'resumed' : 'full', '');
      this.#ended(this.#below(socket));
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const tcp = this.#below(socket);
      // One that was ended for being late fails too.
      if (tcp !== undefined && this.#pending.has(tcp)) rules?.onEvent?.('failed', error.code ?? '');
      socket.destroy();
      tcp?.destroy();
      this.#ended(tcp);
    });
  }

  /** Under way now. */
  get count(): number {
    return this.#pending.size;
  }

  /** The listener is closed: what is under way has a moment. Resolves when no handshake is. */
  settled(): Promise<void> {
    this.#timeoutMs = Math.min(this.#timeoutMs, LAST_MS);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#endLate();
    if (this.#pending.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  destroyAll(): void {
    for (const tcp of this.#tcpSockets) tcp.destroy();
    for (const tcp of [...this.#pending.keys()]) this.#ended(tcp);
  }

  #begin(tcp: Socket): void {
    this.#tcpSockets.add(tcp);
    tcp.once('close', () => {
      this.#tcpSockets.delete(tcp);
      this.#ended(tcp);
    });
    tcp.allowHalfOpen = false;
    const address = tcp.remoteAddress ?? '';
    this.#pending.set(tcp, { acceptedMs: performance.now(), address });
    if (this.#rules?.mayBegin(address) === false) {
      this.#rules.onEvent?.('refused', '');
      // A handshake costs more than the request that it is for: beyond the limit there is none, and no answer.
      tcp.destroy();
      this.#ended(tcp);
      return;
    }
    if (this.#timer === undefined) this.#endLate();
  }

  /** Ends those that are late, and comes back for the next. */
  #endLate(): void {
    this.#timer = undefined;
    if (this.#timeoutMs === Number.POSITIVE_INFINITY) return;
    const now = performance.now();
    for (const [tcp, { acceptedMs, address }] of this.#pending) {
      const leftMs = acceptedMs + this.#timeoutMs - now;
      if (leftMs > 0) {
        this.#timer = setTimeout(() => this.#endLate(), Math.ceil(leftMs));
        this.#timer.unref();
        return;
      }
      this.#rules?.onTimeout(address);
      this.#rules?.onEvent?.('late', '');
      tcp.destroy();
      this.#ended(tcp);
    }
  }

  /** `_parent` is not documented; without it the ports of both ends tell which TCP socket it is. */
  #below(socket: Socket): Socket | undefined {
    const parent = (socket as { _parent?: Socket | null })._parent;
    if (parent !== undefined && parent !== null && this.#pending.has(parent)) return parent;
    const { remotePort, remoteAddress } = socket;
    for (const tcp of this.#pending.keys())
      if (tcp.remotePort === remotePort && tcp.remoteAddress === remoteAddress) return tcp;
    return undefined;
  }

  #ended(tcp: Socket | undefined): void {
    const pending = tcp && this.#pending.get(tcp);
    if (pending === undefined) return;
    this.#pending.delete(tcp!);
    this.#rules?.onEnd(pending.address);
    if (this.#pending.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
