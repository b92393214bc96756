/**
 * Streams that a program gives to a server as connections, by `server.emit('connection', stream)`, which Node documents: node:http's
 * own server reads them, and what it tells is emitted by ours. Our engines have no part in it, and our deadlines neither.
 */
import type { EventEmitter } from 'node:events';
import { Server as CoreServer, type ServerOptions } from 'node:http';
import type { Duplex } from 'node:stream';

/** These tell of its own life, for which nobody has asked. */
const OWN_EVENTS = new Set<string | symbol>(['connection', 'listening', 'close', 'error']);

/** All else is another's to hear. */
class ToldServer extends CoreServer {
  readonly #teller: EventEmitter;

  constructor(teller: EventEmitter, options: ServerOptions) {
    super(options);
    this.#teller = teller;
  }

  override emit(event: string | symbol, ...given: unknown[]): boolean {
    if (OWN_EVENTS.has(event)) return super.emit(event as 'connection', ...(given as [never]));
    return this.#teller.emit(event, ...given);
  }

  override listenerCount(event: string | symbol): number {
    return OWN_EVENTS.has(event) ? super.listenerCount(event) : this.#teller.listenerCount(event);
  }
}

export class GivenStreams {
  readonly #core: CoreServer;

  /** @param options of node:http's createServer */
  constructor(server: EventEmitter, options: ServerOptions) {
    this.#core = new ToldServer(server, options);
    // It never listens itself; its look after late heads begins with this.
    this.#core.emit('listening');
  }

  take(stream: Duplex): void {
    this.#core.emit('connection', stream);
  }

  close(): void {
    this.#core.close();
  }
}
