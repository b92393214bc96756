/**
 * Where each new connection goes: the addresses of its target in turn, and within each round of them the next
 * source address, so that every pair has its turn.
 */
import type { ConnectTarget } from '../../engine/engine.ts';
import type { LoadPlan } from '../plan/load-plan.ts';

export class AddressTurns {
  readonly #plan: LoadPlan;
  /** By target: connections begun. Parts of a plan come in at different places, so that not all begin with the first. */
  readonly #turns: Uint32Array;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#turns = Uint32Array.from(plan.targets, ({ connects }) => Math.floor(plan.phase * connects.length));
  }

  next(targetIndex: number): ConnectTarget {
    const { connects } = this.#plan.targets[targetIndex]!;
    const { sourceAddresses } = this.#plan;
    const turn = this.#turns[targetIndex]!++;
    const connect = connects[turn % connects.length]!;
    if (sourceAddresses.length === 0 || 'unix' in connect) return connect;
    const round = Math.floor(turn / connects.length);
    return { ...connect, localAddress: sourceAddresses[round % sourceAddresses.length]! };
  }
}
