/**
 * An engine that speaks TLS, over one that does not: what it gives the layer above are TlsConnections, all else is the
 * engine's own below. One that was made for a server accepts, one that was made for a client connects.
 */
import { assert } from '../../base/assert.ts';
import { SysError, UnavailableError } from '../../base/errors.ts';
import { ERRNO } from '../../sys/errno.ts';
import { loadOpenSsl } from '../../sys/openssl.ts';
import type {
  ConnectTarget,
  Engine,
  EngineName,
  EngineOptions,
  EngineStats,
  EngineTls,
  ListenAddress,
  Listener,
} from '../engine.ts';
import { TlsClientContext } from './client-context.ts';
import { ServerContexts } from './server-contexts.ts';
import type { TlsConnection } from './tls-connection.ts';
import { TlsLayer } from './tls-layer.ts';
import type { EngineTlsClientOptions, EngineTlsOptions } from './tls-options.ts';
import { MACHINE_TIMING, type TlsTiming } from './tls-timing.ts';

type CreateBelow = (options: EngineOptions) => Engine | Promise<Engine>;

/**
 * @param create makes the engine below
 * @param timing where that has a clock of its own
 * @throws UnavailableError where no OpenSSL can be called, or it refuses certificate or key
 */
export async function createTlsEngine(
  options: EngineOptions,
  tls: EngineTlsOptions,
  create: CreateBelow,
  timing = MACHINE_TIMING,
): Promise<Engine> {
  const contexts = new ServerContexts(loadOpenSsl(), tls, options.onError ?? (() => {}));
  return over(contexts, options, create, timing, tls.answerToPlainText);
}

/**
 * The side that connects.
 * @throws UnavailableError where no OpenSSL can be called, or it refuses a certificate or the key
 */
export async function createTlsClientEngine(
  options: EngineOptions,
  tls: EngineTlsClientOptions,
  create: CreateBelow,
): Promise<Engine> {
  return over(new TlsClientContext(loadOpenSsl(), tls), options, create, MACHINE_TIMING);
}

async function over(
  side: ServerContexts | TlsClientContext,
  options: EngineOptions,
  create: CreateBelow,
  timing: TlsTiming,
  answerToPlainText?: Uint8Array,
): Promise<Engine> {
  let layer: TlsLayer | undefined;
  try {
    layer = new TlsLayer(loadOpenSsl(), side, options, timing, answerToPlainText);
    return new TlsEngine(await create({ ...options, handler: layer }), layer, side);
  } catch (error) {
    if (layer === undefined) side.release();
    else layer.release();
    throw error;
  }
}

class TlsEngine implements Engine {
  readonly #inner: Engine;
  readonly #layer: TlsLayer;
  readonly tls: EngineTls | undefined;
  readonly #client: TlsClientContext | undefined;
  /** Present where the engine below has it: an exact moment. */
  readonly wakeAt?: (atMs: number) => void;
  #isReleased = false;
  #closing: Promise<void> | undefined;

  constructor(inner: Engine, layer: TlsLayer, side: ServerContexts | TlsClientContext) {
    this.#inner = inner;
    this.#layer = layer;
    this.tls = side instanceof ServerContexts ? side : undefined;
    this.#client = side instanceof TlsClientContext ? side : undefined;
    if (inner.wakeAt !== undefined) this.wakeAt = (atMs) => inner.wakeAt!(atMs);
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

  connect(target: ConnectTarget): TlsConnection {
    const client = this.#client;
    if (client === undefined) throw new UnavailableError('this engine was made to accept, not to connect');
    const name = target.serverName ?? '';
    const key = 'unix' in target ? name : `${name}:${target.port}`;
    const ssl = client.open(name, key);
    if (ssl === 0) throw new SysError('connect', ERRNO.ENOMEM, 'ENOMEM', '', 'no memory for TLS');
    try {
      return this.#layer.connecting(this.#inner.connect(target), ssl, key);
    } catch (error) {
      client.drop(ssl);
      throw error;
    }
  }

  *connections(): IterableIterator<TlsConnection> {
    for (const conn of this.#layers()) if (conn.stands || conn.isClient) yield conn;
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
