/**
 * The TLS handshakes of one listener: which TCP connections lie below, and when none is under way any
 * more. `tls.Server` reports the end of each handshake exactly once, as 'secureConnection' or as
 * 'tlsClientError'.
 */
import type { Server, Socket } from 'node:net';

export class Handshakes {
  /** From accepting until the descriptor is closed, also after the handshake. */
  readonly #tcpSockets = new Set<Socket>();
  #pendingCount = 0;
  #waiting: (() => void)[] = [];

  constructor(server: Server) {
    server.on('connection', (tcp: Socket) => {
      this.#pendingCount++;
      this.#tcpSockets.add(tcp);
      tcp.once('close', () => this.#tcpSockets.delete(tcp));
    });
    server.on('secureConnection', () => this.#ended());
    server.on('tlsClientError', (_error: Error, socket: Socket) => {
      // After a handshake timeout Node only tells, and would leave the socket open for ever.
      socket.destroy();
      this.#ended();
    });
  }

  /** Resolves when no handshake is under way. */
  settled(): Promise<void> {
    if (this.#pendingCount === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  destroyAll(): void {
    for (const tcp of this.#tcpSockets) tcp.destroy();
  }

  #ended(): void {
    if (--this.#pendingCount > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
