/**
 * An engine that speaks TLS, over one that does not: what it gives the layer above are TlsConnections, all else is the
 * engine's own below. Servers only: it makes no connections.
 */
import { assert } from '../../base/assert.ts';
import { UnavailableError } from '../../base/errors.ts';
import { loadOpenSsl } from '../../sys/openssl.ts';
import type {
  Engine,
  EngineName,
  EngineOptions,
  EngineStats,
  EngineTls,
  ListenAddress,
  Listener,
} from '../engine.ts';
import { ServerContexts } from './server-contexts.ts';
import type { TlsConnection } from './tls-connection.ts';
import { TlsLayer } from './tls-layer.ts';
import type { EngineTlsOptions } from './tls-options.ts';

/**
 * @param create makes the engine below
 * @throws UnavailableError where no OpenSSL can be called, or it refuses certificate or key
 */
export async function createTlsEngine(
  options: EngineOptions,
  tls: EngineTlsOptions,
  create: (options: EngineOptions) => Engine | Promise<Engine>,
): Promise<Engine> {
  const ssl = loadOpenSsl();
  const contexts = new ServerContexts(ssl, tls, options.onError ?? (() => {}));
  let layer: TlsLayer | undefined;
  try {
    layer = new TlsLayer(ssl, contexts, options, tls.answerToPlainText);
    return new TlsEngine(await create({ ...options, handler: layer }), layer, contexts);
  } catch (error) {
    if (layer === undefined) contexts.release();
    else layer.release();
    throw error;
  }
}

class TlsEngine implements Engine {
  readonly #inner: Engine;
  readonly #layer: TlsLayer;
  readonly tls: EngineTls;
  #isReleased = false;
  #closing: Promise<void> | undefined;

  constructor(inner: Engine, layer: TlsLayer, contexts: ServerContexts) {
    this.#inner = inner;
    this.#layer = layer;
    this.tls = contexts;
  }

  get name(): EngineName {
    return this.#inner.name;
  }

  get nowMs(): number {
    return this.#inner.nowMs;
  }

  get arrivalMs(): number {
    return this.#inner.arrivalMs;
  }

  get shouldYield(): boolean {
    return this.#inner.shouldYield;
  }

  get isInTurn(): boolean {
    return this.#inner.isInTurn;
  }

  get connectionCount(): number {
    return this.#inner.connectionCount;
  }

  async listen(address: ListenAddress): Promise<Listener> {
    const listener = await this.#inner.listen(address);
    return {
      address: listener.address,
      close: () => listener.close().then(() => this.#layer.settled()),
      ...(listener.lookNow === undefined ? {} : { lookNow: () => listener.lookNow!() }),
    };
  }

  connect(): never {
    throw new UnavailableError('this engine makes no connections with TLS');
  }

  *connections(): IterableIterator<TlsConnection> {
    for (const conn of this.#layers()) if (conn.stands) yield conn;
  }

  /** Those in a handshake too. */
  *#layers(): IterableIterator<TlsConnection> {
    for (const { user } of this.#inner.connections()) if (user !== undefined) yield user as TlsConnection;
  }

  pauseAccepting(): void {
    this.#inner.pauseAccepting();
  }

  resumeAccepting(): void {
    this.#inner.resumeAccepting();
  }

  stats(): EngineStats {
    return this.#inner.stats();
  }

  close(): Promise<void> {
    this.#closing ??= this.#inner.close().then(() => this.#release());
    return this.#closing;
  }

  /** No connection is left. Callbacks of a thread that ends would be lost to the others. */
  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#layer.release();
  }

  releaseNow(): void {
    assert(this.#closing === undefined || !this.#inner.isInTurn, 'released in a turn of its end');
    for (const conn of this.#layers()) this.#layer.forget(conn);
    this.#inner.releaseNow();
    this.#release();
  }

  ref(): void {
    this.#inner.ref();
  }

  unref(): void {
    this.#inner.unref();
  }
}
