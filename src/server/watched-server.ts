/** A server and the ports by which operators watch it, as they know each other. Types only. */

import type { Hub } from '../pubsub/hub.ts';
import type { Observation } from './observation.ts';
import type { AdminAddress, Server } from './server.ts';
import type { TlsTarget } from './tls-material.ts';

/** A server as it is watched from within. */
export interface WatchedServer extends Server, TlsTarget {
  /** The hub of the thread that started it. */
  readonly hub: Hub;
  /** All that the page shows, of all threads. Computed now; nothing is kept for it between two looks but of what was shown. */
  observe(): Promise<Observation>;
}

/** What an operator port watches. */
export type AdminSubject = Pick<
  WatchedServer,
  'url' | 'port' | 'engine' | 'isAccepting' | 'startedAtMs' | 'stats' | 'connections' | 'observe' | 'fetch'
>;

/** Where operators and probes ask, as far as each was wanted. */
export interface OperatorPorts {
  readonly admin: AdminAddress | undefined;
  readonly health: AdminAddress | undefined;
  /** Where plain HTTP is redirected. */
  readonly redirect: AdminAddress | undefined;
  /** From now on they tell of `subject`; before, that the server starts. */
  watch(subject: AdminSubject): void;
  close(): Promise<void>;
  ref(): void;
  unref(): void;
}
