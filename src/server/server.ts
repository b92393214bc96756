/**
 * What `serve` gives back, and what is asked of whatever stands around a server: types that all of the room share.
 */
import type { EngineName, EngineOptions, EngineStats } from '../engine/engine.ts';
import type { ConnectionRow } from '../observe/connection-row.ts';
import type { MessageData, PublishOptions } from '../pubsub/message.ts';
import type { RoutedHandler } from '../routes/route-types.ts';
import type { FetchHandler } from '../web/context.ts';
import type { CloseOptions } from './close-plan.ts';
import type { ServerThreadStats } from './server-thread.ts';
import type { CloseReport } from './thread-closing.ts';
import type { TlsOptions } from './tls-options.ts';

/** Rows of `connections()` when nobody says how many. */
export const CONNECTION_ROWS_MAX = 1000;

/** A thread's place among those that share connections (engine/descriptor/handoff.ts). */
export type HandoffPlace = NonNullable<EngineOptions['handoff']>;
/** What the engine of a worker thread shares with other threads. */
export type SharedMemory = Pick<EngineOptions, 'handoff' | 'ledger'>;

export interface EngineChoice {
  readonly name: EngineName;
  /** Why this one, in a sentence. */
  readonly reason: string;
}

export interface ServerStats extends ServerThreadStats {
  readonly engine: EngineStats;
  readonly workers: number;
}

export interface AdminAddress {
  readonly url: string;
  readonly port: number;
  readonly hostname: string;
}

export interface Server {
  /** Where clients reach it, as `http://127.0.0.1:8080`; `unix:/path` for a unix socket. */
  readonly url: string;
  /** 0 for a unix socket. */
  readonly port: number;
  readonly hostname: string;
  readonly engine: EngineChoice;
  /** The admin port, where one was asked for. */
  readonly admin: AdminAddress | undefined;
  /** The health port, where one was asked for. */
  readonly health: AdminAddress | undefined;
  /** The port of plain HTTP that redirects here (`redirectHttp`), where one was asked for. */
  readonly redirect: AdminAddress | undefined;
  /** True from when connections are accepted until `close`, whose delay no longer counts: what `/readyz` tells. */
  readonly isAccepting: boolean;
  /** On the clock of `performance.now()`. */
  readonly startedAtMs: number;
  /** Resolves when connections are accepted; `serve` resolves then too. */
  readonly ready: Promise<Server>;
  /** Resolves when the server has closed, however that went. */
  readonly finished: Promise<CloseReport>;
  /**
   * Graceful by default: stop accepting, answer what is under way, close idle connections. Idempotent: later calls
   * get the report of the first, and one that forces cuts it short.
   */
  close(options?: CloseOptions | boolean): Promise<CloseReport>;
  /**
   * New requests go to `handler`, or to `routes` and `fetch` in an object. Without one the module is loaded anew, with
   * workers by one after the other; where it cannot be loaded, it rejects and the old one goes on.
   */
  reload(handler?: FetchHandler | RoutedHandler): Promise<void>;
  /**
   * Certificates and rules of TLS for connections that begin from now on, in all workers; those that stand keep theirs. Rules
   * that are not named stay as they are. Without an argument the files of `tls` are read anew. What cannot be used changes
   * nothing, and rejects.
   */
  setTls(tls?: TlsOptions | readonly TlsOptions[]): Promise<void>;
  stats(): Promise<ServerStats>;
  /** Open connections, one row each, at most `countMax`: those that stall first. @default 1000 */
  connections(countMax?: number): Promise<ConnectionRow[]>;
  /**
   * Sends a message to all who have subscribed to `topic`, in all threads, as `context.publish` does (docs/events.md).
   * @returns how many subscribers of this thread it was handed to: those of workers are not known here
   */
  publish(topic: string, data: MessageData, options?: PublishOptions): number;
  /** Subscribers of `topic` in all threads. */
  subscriberCount(topic: string): Promise<number>;
  /** Calls the handler without a socket. */
  fetch(request: Request): Promise<Response>;
  /** The server keeps the process alive, as it does from the start. */
  ref(): void;
  /** It does not, nor do its connections and requests under way. `close` is waited for all the same. */
  unref(): void;
  /** `await using`: closes gracefully. */
  [Symbol.asyncDispose](): Promise<void>;
}
