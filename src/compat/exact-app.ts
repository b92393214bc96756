/**
 * node:http itself on our connections (`compat: 'exact'`): each connection is given to an `http.Server` as a Duplex, which
 * Node documents for its 'connection' event. Whatever Node's parser, timers and pipelining do is as it is there, and costs what
 * it costs; this side moves the bytes and has the look after dead peers, admission and the end.
 */
import { Server as CoreServer, type RequestListener, type ServerResponse } from 'node:http';
import type { Exchange } from '../http/exchange.ts';
import type { ExchangeHost, ExchangeRecord } from '../http/exchange-host.ts';
import type { ReplacedSession } from '../http/session.ts';
import type { ServerFace } from './core.ts';
import type { ListenerApp } from './listener-app.ts';
import { SocketSession } from './upgraded-socket.ts';

/** How often Node looks whether a head is late: at its own 30 s a slow client would keep a connection for half a minute more. */
const LOOK_MS = 1000;

export class ExactApp {
  readonly #app: ListenerApp;
  #core: CoreServer | undefined = undefined;

  /** @param app answers what comes through no connection, and HTTP/2 */
  constructor(app: ListenerApp) {
    this.#app = app;
  }

  /** An exchange that another protocol than HTTP/1 has begun. */
  answer(exchange: Exchange): void {
    this.#app.answer(exchange);
  }

  /** A connection has been accepted. */
  accept(host: ExchangeHost, from: ReplacedSession): void {
    const core = (this.#core ??= this.#open(host));
    const session = new ExactSession(host, from, core);
    from.engine.user = session;
    session.begin();
  }

  #open(host: ExchangeHost): CoreServer {
    const { headerMs, idleMs, bodyMs } = host.settings.timeouts;
    const core = new CoreServer({
      headersTimeout: finite(headerMs),
      keepAliveTimeout: finite(idleMs),
      requestTimeout: 0,
      maxHeaderSize: host.settings.limits.headBytesMax,
      connectionsCheckingInterval: LOOK_MS,
    });
    core.maxHeadersCount = finite(host.settings.limits.headerCountMax);
    core.timeout = finite(Math.max(idleMs, bodyMs));
    core.on('request', (_, response: ServerResponse) => {
      if (host.isDraining) response.shouldKeepAlive = false;
    });
    const { server } = this.#app;
    for (const event of server.eventNames())
      for (const listener of server.listeners(event))
        core.on(event as 'request', listener as RequestListener);
    // It never listens itself; its look after late heads begins with this.
    core.emit('listening');
    return core;
  }
}

/** Node has 0 for what is off. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 0;
}

class ExactSession extends SocketSession {
  readonly #core: CoreServer;

  constructor(host: ExchangeHost, from: ReplacedSession, core: CoreServer) {
    const record = {
      startedAtMs: host.nowMs,
      status: 0,
      responseBytes: 0,
      methodName: '-',
      target: '-',
      peerIp: undefined,
    } as ExchangeRecord;
    super(host, record, from, core as unknown as ServerFace, (socket) => core.emit('connection', socket));
    this.#core = core;
  }

  /** Those that wait for a request end now; answers under way say that they are the last. */
  override drain(): void {
    this.#core.closeIdleConnections();
  }
}
