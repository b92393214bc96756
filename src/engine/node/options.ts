/** What the node engine takes beside what every engine takes, and what differs between plain servers and those with TLS. */
import type { Server, ServerOpts } from 'node:net';
import type { EngineOptions } from '../engine.ts';
import type { EngineTlsOptions } from '../tls/tls-options.ts';
import type { NodeConnection } from './connection.ts';

/** Makes a server that is not listening yet. */
export type ServerFactory = (options: ServerOpts) => Server;

export interface NodeEngineOptions extends EngineOptions<NodeConnection> {
  /** Serve TLS on every listener. */
  readonly tls?: EngineTlsOptions;
  /**
   * Read into one buffer for all connections where this Node lets us (see adopt.ts); `false` uses 'data'
   * events, for comparison and for tests.
   * @default true
   */
  readonly sharedReadBuffer?: boolean;
}
