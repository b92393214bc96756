/** What a run comes to, as plain data: the JSON that `--json` prints, out of which text and page are made. */
import type { GoodFigures } from './beside/good-client.ts';
import type { Finding } from './finding.ts';
import type { SliceResult } from './slices/slice.ts';
import type { Promises, TargetPaths } from './target/target.ts';
import type { VitalsSample } from './target/vitals.ts';

export interface ProveResult {
  readonly tool: 'holdfast prove';
  readonly version: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly seed: number;
  readonly command: string;
  readonly machine: string;
  readonly interrupted: boolean;
  readonly against: readonly string[];
  readonly targets: readonly TargetResult[];
}

export interface TargetResult {
  readonly name: string;
  readonly url: string;
  readonly promises: Promises;
  readonly paths: TargetPaths;
  /** Undefined where it could be attacked. */
  readonly failed: string | undefined;
  /** The good client while nothing else happened. */
  readonly quiet: GoodFigures | undefined;
  readonly slices: readonly TimedSlice[];
  readonly timeline: readonly TimelineEntry[];
  readonly vitals: readonly VitalsSample[];
}

export interface TimedSlice extends SliceResult {
  readonly fromMs: number;
  /** The good client beside it. */
  readonly beside: GoodFigures;
}

export interface TimelineEntry {
  /** Since the run against this target began. */
  readonly atMs: number;
  readonly slice: string;
  readonly text: string;
  readonly severity?: Finding['severity'];
}

export function findingsOf({ targets }: Pick<ProveResult, 'targets'>): Finding[] {
  return targets.flatMap(({ slices }) => slices.flatMap(({ findings }) => findings));
}
