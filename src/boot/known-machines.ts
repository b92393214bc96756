/**
 * Which machine an address is: the one that last said what it is from there. Files are asked for by address alone, and so
 * are documents of installers that cannot fill in a query.
 */
import type { MachineFacts } from './machine-facts.ts';

/** A large site boots from a few of its servers; who was seen longest ago is forgotten first. */
const ADDRESSES_MAX = 20_000;

export class KnownMachines {
  readonly #byAddress = new Map<string, MachineFacts>();

  seen(address: string, facts: MachineFacts): void {
    this.#byAddress.delete(address);
    this.#byAddress.set(address, facts);
    if (this.#byAddress.size <= ADDRESSES_MAX) return;
    for (const oldest of this.#byAddress.keys()) {
      this.#byAddress.delete(oldest);
      return;
    }
  }

  at(address: string): MachineFacts | undefined {
    return this.#byAddress.get(address);
  }
}
