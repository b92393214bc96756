/** One machine's share of a run, as an agent makes it: the plan on threads, and a watch on what limits it here. */

import type { MachineFacts } from '../measure/machine-facts.ts';
import { mergeTotals, type RunTotals, type SecondReport } from '../measure/run-totals.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { runOnThreads } from '../run/run-on-threads.ts';
import { RunWatch } from '../run/run-watch.ts';

interface ShareObserver {
  /** All threads have their engines. Rejecting calls the run off, as `runOnThreads` has it. */
  startAtMs(engine: string, reason: string): Promise<number>;
  onSecond(report: SecondReport): void;
}

export interface ShareResult {
  readonly totals: RunTotals;
  readonly facts: MachineFacts;
}

export type RunShare = (plan: LoadPlan, observer: ShareObserver, signal: AbortSignal) => Promise<ShareResult>;

/** @param descriptorsMax that this process may have open; undefined where nobody tells */
export function makeRunShare(descriptorsMax: number | undefined): RunShare {
  return async (plan, observer, signal) => {
    const watch = new RunWatch({
      plan,
      descriptorsMax,
      onSecond: (_sample, report) => observer.onSecond(report),
    });
    let chosen: readonly [engine: string, reason: string] = ['', ''];
    const parts = await runOnThreads(
      plan,
      {
        onReady: (engine, reason) => (chosen = [engine, reason]),
        onStart: () => watch.onStart(),
        onSecond: (report) => watch.onSecond(report),
      },
      signal,
      { startAtMs: () => observer.startAtMs(...chosen) },
    );
    watch.end();
    return { totals: mergeTotals(parts), facts: watch.facts() };
  };
}
