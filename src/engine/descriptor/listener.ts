/**
 * What an engine that owns descriptors keeps of a listener, and when accepting rests: not one listener, but all that
 * have failed, until a connection closes or a while has passed. Whether an error makes it rest is for
 * accept-errors.ts to say; how connections are accepted is each engine's own.
 */
import { sysError } from '../../sys/errno.ts';
import type { EngineHandler, EngineStats } from '../engine.ts';
import { Reserve } from '../reserve.ts';
import type { AcceptFailures } from './accept-errors.ts';
import type { DescriptorConnection } from './connection.ts';
import type { DescriptorLedger } from './ledger.ts';
import type { ListeningSocket } from './listening-socket.ts';

/**
 * How long accepting rests after EMFILE and its like when no connection closes meanwhile, and how long it must then go
 * well before it is said to.
 */
const ACCEPT_RETRY_MS = 250;

export interface DescriptorListener {
  readonly socket: ListeningSocket;
  /** The kernel will tell of the next connection by itself. */
  armed: boolean;
  closing: boolean;
  /** Resolves the promise of its `close`. */
  onStopped: (() => void) | undefined;
  /** Paused for want of descriptors. */
  paused: boolean;
  /** Paused by the layer above. */
  held: boolean;
  /** Connections may wait that another thread has been told of: `lookNow`. */
  looksNow: boolean;
  /** The end of an armed accept has been asked for. */
  cancelling: boolean;
  readonly failures: AcceptFailures;
}

/** What the rest needs of its engine. */
interface RestingEngine<C extends DescriptorConnection> {
  readonly listeners: readonly DescriptorListener[];
  readonly ledger: DescriptorLedger | undefined;
  readonly handler: EngineHandler<C>;
  readonly counters: EngineStats;
  /** Accepting is to be tried again in a turn soon. */
  readonly schedule: () => void;
}

export class AcceptRest<C extends DescriptorConnection> {
  readonly #engine: RestingEngine<C>;
  /** Only while there is something to accept: an engine that could not be made must leave nothing behind. */
  #reserve: Reserve | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** The error for which accepting rests, as told to the handler; 0 for none. */
  #toldErrno = 0;

  constructor(engine: RestingEngine<C>) {
    this.#engine = engine;
  }

  /** There is something to accept from now on. */
  begin(): void {
    this.#reserve ??= Reserve.open(this.#engine.ledger);
  }

  release(): void {
    clearTimeout(this.#retry);
    this.#reserve?.release();
    this.#reserve = undefined;
  }

  /**
   * An accept failed, or what follows one.
   * @param errno positive
   * @returns whether accepting from `listener` rests now
   */
  failed(listener: DescriptorListener, errno: number): boolean {
    if (listener.paused) return true;
    if (!listener.failures.failed(errno)) return false;
    listener.paused = true;
    // One descriptor for the process's own needs: a log, a file, the admin port.
    this.#reserve?.release();
    this.#reserve = undefined;
    this.#engine.counters.acceptPauses++;
    this.#retryLater();
    // Each attempt that fails likewise is no news.
    if (this.#toldErrno !== errno) {
      this.#toldErrno = errno;
      this.#engine.handler.onAcceptPaused?.(sysError('accept', errno, listener.socket.address.address));
    }
    return true;
  }

  /** A connection has closed, and its descriptor can be another's. */
  closed(): void {
    if (this.#retry !== undefined) this.#end();
  }

  #retryLater(): void {
    if (this.#retry !== undefined) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      if (this.#engine.listeners.some((listener) => listener.paused)) this.#end();
      else {
        this.#toldErrno = 0;
        this.#engine.handler.onAcceptPaused?.(undefined);
      }
    }, ACCEPT_RETRY_MS);
    this.#retry.unref();
  }

  #end(): void {
    let ended = false;
    for (const listener of this.#engine.listeners) {
      ended ||= listener.paused;
      listener.paused = false;
    }
    if (!ended) return;
    this.begin();
    this.#engine.schedule();
    this.#retryLater();
  }
}
