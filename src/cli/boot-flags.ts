/** Flags of `holdfast serve` that are for boot servers alone: loaded with every server, so it knows nothing of these. */
import type { GivenFlag } from './arguments.ts';
import { UsageError } from './failure.ts';

const BOOT_FLAGS = ['state', 'webhook', 'upstream', 'upstream-allow'] as const;

/** @throws UsageError for flags that mean nothing without `--boot` */
export function refuseBootFlags(given: ReadonlyMap<string, GivenFlag>): void {
  for (const flag of BOOT_FLAGS)
    if (given.has(flag)) throw new UsageError(`${given.get(flag)!.spelling} goes with --boot alone`);
}
