/**
 * What a fault is: something that happens to a server from outside, lasts for a while, and is over. Each gets a server of its
 * own, with good clients beside it, so that what it does to them is its own too.
 */
import type { Sighting } from '../slices/slice.ts';
import type { StartedServer, StartOrder } from '../target/started-server.ts';
import type { Ledger } from './ledger.ts';

export interface Fault {
  readonly id: string;
  /** Sentences put it behind "after" and "by". */
  readonly name: string;
  /** After its end, within which everything has to be as before. */
  readonly recoveryMs: number;
  /** While it lasts, requests may fail; where it does not say so, none may. */
  readonly mayFail: boolean;
  /** What a module keeps in memory is gone by it, as it should be. */
  readonly takesMemory: boolean;
  /** @returns what makes it possible, or why it is not to be had here */
  prepare(order: StartOrder): Promise<Arranged | string>;
}

/** Things made ready for one server. */
export interface Arranged {
  readonly changes: Partial<StartOrder>;
  /** Makes the fault happen, and resolves when it is over. */
  strike(world: World): Promise<void>;
  close?(): Promise<void>;
}

export interface World {
  readonly server: StartedServer;
  readonly ledger: Ledger | undefined;
  readonly signal: AbortSignal;
  note(text: string): void;
  count(name: string, by?: number): void;
  report(sighting: Sighting): Promise<void>;
}
