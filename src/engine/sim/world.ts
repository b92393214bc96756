/**
 * What links and their directions ask of the world that they are in: its clock, its order of events, its chance.
 */
import type { SeededRandom } from '../../base/random.ts';
import type { SimEvent } from './event-queue.ts';
import type { InjectedFaults, NetworkFaults } from './faults.ts';
import type { SimFiles } from './files.ts';

export interface SimWorld {
  /** Milliseconds, fractional; never goes back. */
  readonly nowMs: number;
  readonly random: SeededRandom;
  readonly faults: NetworkFaults;
  readonly injected: InjectedFaults;
  /** Writes the run down; `undefined` costs nothing. */
  readonly trace: ((text: string) => void) | undefined;
  /** @param atMs in the past is now */
  at(atMs: number, event: SimEvent): void;
  after(delayMs: number, run: () => void): void;
  readonly files: SimFiles;
}
