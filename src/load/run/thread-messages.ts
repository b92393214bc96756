/** What the main thread and the threads that make the load tell each other. All of it is plain data. */

import type { RunTotals, SecondReport } from '../measure/run-totals.ts';
import type { LoadPlan } from '../plan/load-plan.ts';

export interface ThreadData {
  /** This thread's part. */
  readonly plan: LoadPlan;
}

export type ToThread =
  | {
      readonly type: 'start';
      /** By `monotonicMs`. */
      readonly atMs: number;
    }
  /** Break off: what is under way stays unfinished. */
  | { readonly type: 'stop' };

export type FromThread =
  | { readonly type: 'ready'; readonly engine: string; readonly reason: string }
  | { readonly type: 'second'; readonly report: SecondReport }
  | { readonly type: 'done'; readonly totals: RunTotals }
  | { readonly type: 'failed'; readonly message: string; readonly code: string };
