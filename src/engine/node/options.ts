/** What the node engine takes beside what every engine takes, and what differs between plain servers and those with TLS. */
import type { Server, ServerOpts, Socket } from 'node:net';
import type { ConnectTarget, EngineOptions } from '../engine.ts';
import type { EngineTlsOptions } from '../tls/tls-options.ts';
import type { NodeConnection } from './connection.ts';
import type { ResetSocket } from './socket-endings.ts';

/** Makes a server that is not listening yet. */
export type ServerFactory = (options: ServerOpts) => Server;

/** TLS on connections that are made: connect-tls.ts. */
export interface Connector {
  readonly reset: ResetSocket;
  /** A TLS socket over the TCP one, which need not stand yet. */
  over(tcp: Socket, target: ConnectTarget): Socket;
  /** @param socket of `over`, whose handshake and failures are told to `conn` */
  watch(socket: Socket, tcp: Socket, conn: NodeConnection): void;
}

export interface NodeEngineOptions extends EngineOptions<NodeConnection> {
  /** Serve TLS on every listener. */
  readonly tls?: EngineTlsOptions;
  /** Speaks TLS on connections that are made. */
  readonly connector?: Connector;
  /**
   * Read into one buffer for all connections where this Node lets us (see adopt.ts); `false` uses 'data'
   * events, for comparison and for tests.
   * @default true
   */
  readonly sharedReadBuffer?: boolean;
}
