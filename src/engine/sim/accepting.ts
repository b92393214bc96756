/**
 * The listening side of the simulated engine: which ports are open, who waits to be accepted, and the
 * pauses, be they asked for or for want of descriptors. It hands links over and opens no connection.
 */
import { assert } from '../../base/assert.ts';
import { SysError } from '../../base/errors.ts';
import type { ListenAddress, Listener } from '../engine.ts';
import { acceptFails, acceptRests } from './kernel-errors.ts';
import type { SimLink } from './link.ts';
import type { SimNetwork } from './network.ts';

const FIRST_PORT = 49_152; // RFC 6335 §6, the dynamic ports
const EADDRINUSE = 98; // include/uapi/asm-generic/errno.h

export interface AcceptOwner {
  accepted(link: SimLink): void;
  /** Accepting has paused for want of descriptors, or goes on. */
  acceptPaused(error: SysError | undefined): void;
  wake(atMs: number): void;
}

interface SimListener extends Listener {
  readonly backlog: SimLink[];
}

export class SimAccepting {
  /** Pauses for want of descriptors. */
  pauses = 0;
  readonly #network: SimNetwork;
  readonly #owner: AcceptOwner;
  readonly #listeners = new Map<number, SimListener>();
  /** Until when there is no descriptor; 0 when there are. */
  #pausedUntilMs = 0;
  /** By `pauseAccepting`. */
  #isStopped = false;
  /** Connections of listeners that were closed, which are accepted nevertheless. */
  #handedOver: SimLink[] = [];
  #unlistened: (() => void)[] = [];

  constructor(network: SimNetwork, owner: AcceptOwner) {
    this.#network = network;
    this.#owner = owner;
  }

  /** @throws SysError EADDRINUSE */
  listen(address: ListenAddress): Listener {
    assert('port' in address, 'the simulator listens on ports only');
    let { port } = address;
    if (port === 0) for (port = FIRST_PORT; this.#listeners.has(port); ) port++;
    if (this.#listeners.has(port)) throw new SysError('bind', EADDRINUSE, 'EADDRINUSE', `port ${port}`);
    const listener: SimListener = {
      address: { family: 'IPv4', address: address.hostname, port },
      backlog: [],
      close: () => this.#unlisten(port, listener),
    };
    this.#listeners.set(port, listener);
    return listener;
  }

  /** What the kernel has handed over already is still accepted, in the next turn; the rest is turned away. */
  #unlisten(port: number, listener: SimListener): Promise<void> {
    if (this.#listeners.get(port) !== listener) return Promise.resolve();
    this.#listeners.delete(port);
    const isPaused = this.#isStopped || this.#pausedUntilMs > 0;
    const kept = isPaused ? 0 : this.#network.random.int(listener.backlog.length + 1);
    for (const link of listener.backlog.splice(kept)) refuse(link);
    if (kept === 0) return Promise.resolve();
    this.#handedOver.push(...listener.backlog.splice(0));
    this.#owner.wake(this.#network.nowMs);
    return new Promise((resolve) => this.#unlistened.push(resolve));
  }

  /** @returns false when nobody listens on `port` */
  arrive(link: SimLink, port: number): boolean {
    const listener = this.#listeners.get(port);
    if (listener === undefined) return false;
    listener.backlog.push(link);
    this.#owner.wake(this.#network.nowMs);
    return true;
  }

  stop(): void {
    this.#isStopped = true;
  }

  resume(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#owner.wake(this.#network.nowMs);
  }

  /** Nobody listens any more, and nobody who waits is accepted. */
  close(): void {
    for (const listener of this.#listeners.values()) for (const link of listener.backlog) refuse(link);
    this.#listeners.clear();
    for (const link of this.#handedOver.splice(0)) refuse(link);
    for (const resolve of this.#unlistened.splice(0)) resolve();
  }

  /** In a turn: hands over everybody who waits, as far as there are descriptors. */
  acceptAll(): void {
    for (const link of this.#handedOver.splice(0)) this.#owner.accepted(link);
    for (const resolve of this.#unlistened.splice(0)) resolve();
    if (this.#isStopped || this.#pausedUntilMs > this.#network.nowMs) return;
    if (this.#pausedUntilMs > 0) {
      this.#pausedUntilMs = 0;
      this.#owner.acceptPaused(undefined);
    }
    const { random, faults } = this.#network;
    for (const listener of this.#listeners.values()) {
      while (listener.backlog.length > 0 && !this.#isStopped) {
        if (faults.acceptFailure > 0 && random.chance(faults.acceptFailure)) {
          this.#pause();
          return;
        }
        if (faults.acceptAbort > 0 && random.chance(faults.acceptAbort)) {
          this.#abort(listener.backlog.shift()!);
          continue;
        }
        this.#owner.accepted(listener.backlog.shift()!);
      }
    }
  }

  /** accept(2) fails for one connection, which is gone. */
  #abort(link: SimLink): void {
    const { random, injected } = this.#network;
    const { code } = acceptFails(random);
    injected.acceptAborts++;
    link.strike(`accept ${code}`);
    this.#network.trace?.(`peer ${link.id}: accept fails with ${code}`);
    refuse(link);
  }

  /** accept(2) found no descriptor, or no memory; after a while there are some again. */
  #pause(): void {
    const { random, faults, injected, nowMs } = this.#network;
    const { code, errno } = acceptRests(random);
    injected.acceptPauses++;
    for (const { backlog } of this.#listeners.values())
      for (const link of backlog) link.strike(`accept ${code}`);
    this.pauses++;
    const pauseMs = 1 + random.nextUnit() * faults.acceptPauseMsMax;
    this.#pausedUntilMs = nowMs + pauseMs;
    this.#network.after(pauseMs, () => this.#owner.wake(this.#network.nowMs));
    this.#network.trace?.(`server: ${code}, accepting pauses`);
    this.#owner.acceptPaused(new SysError('accept', errno, code, ''));
  }
}

/** A connection that is established and will not be accepted. */
function refuse(link: SimLink): void {
  link.serverGone = true;
  link.resetToPeer();
}
