/**
 * What a run has to keep: `p99=10ms`, an error rate. Parsed from the command line, held against a result.
 */
import { OptionError } from '../../base/errors.ts';
import { rankOf } from '../measure/latency-counts.ts';
import type { ThresholdResult } from '../measure/load-result.ts';
import { latencyLimit, percent } from '../measure/number-text.ts';

export interface LatencyThreshold {
  /** `p99`, `mean` or `max`. */
  readonly what: string;
  /** For `p99` 99; undefined for mean and max. */
  readonly percentile: number | undefined;
  readonly limitMs: number;
}

const SLO = /^(p(\d{1,2}(?:\.\d+)?)|mean|max)\s*(?:<=?|=)\s*(\S+)$/;
const SLO_ALLOWED = "a percentile, mean or max with its limit: 'p99=10ms', 'p99.9<50ms', 'max=1s'";

/** @throws OptionError */
export function parseLatencyThreshold(option: string, text: string): LatencyThreshold {
  const match = SLO.exec(text);
  if (match === null) throw new OptionError(option, text, SLO_ALLOWED);
  const [, what, percentile, limit] = match;
  return {
    what: what!,
    percentile: percentile === undefined ? undefined : Number(percentile),
    limitMs: parseMilliseconds(option, limit!),
  };
}

const MS_BY_UNIT: Readonly<Record<string, number>> = { us: 0.001, µs: 0.001, ms: 1, s: 1000, m: 60_000 };

/** A bare number could be seconds or milliseconds, and a limit that is off is none. @throws OptionError */
function parseMilliseconds(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(us|µs|ms|s|m)$/.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * MS_BY_UNIT[match[2]!]!;
  if (ms > 0) return ms;
  throw new OptionError(
    option,
    text,
    "a time above 0 with its unit, such as '800us', '10ms', '1.5s' or '1m'",
  );
}

/** `0.1%` or `0.001`, as a share. @throws OptionError */
export function parseShare(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(\s*%)?$/.exec(text);
  const share = match === null ? Number.NaN : Number(match[1]) / (match[2] === undefined ? 1 : 100);
  if (!(share >= 0 && share <= 1))
    throw new OptionError(option, text, "a share such as '0.1%' or 0.001, at most 100%");
  return share;
}

/** What the thresholds are held against. */
export interface Measured {
  /** In milliseconds. */
  percentileMs(percentile: number): number | null;
  readonly meanMs: number | null;
  readonly maxMs: number | null;
  readonly answered: number;
  /** Requests without an answer; they are slower than any limit. */
  readonly unanswered: number;
  /** Failed requests over all that ended. */
  readonly errorShare: number;
}

export function judgeThresholds(
  latencies: readonly LatencyThreshold[],
  errorShareMax: number | undefined,
  measured: Measured,
): ThresholdResult[] {
  const results = latencies.map((threshold): ThresholdResult => {
    const ms = measuredMs(threshold, measured);
    return {
      name: `${threshold.what} <= ${latencyLimit(threshold.limitMs)}`,
      limit: threshold.limitMs,
      measured: ms,
      isMet: ms !== null && ms <= threshold.limitMs && isAnswered(threshold, measured),
    };
  });
  if (errorShareMax !== undefined) {
    results.push({
      name: `error rate <= ${percent(errorShareMax)}`,
      limit: errorShareMax,
      measured: measured.errorShare,
      isMet: measured.errorShare <= errorShareMax,
    });
  }
  return results;
}

/** Whether the limit is about requests that were answered: also where it is longer than the time limit. */
function isAnswered({ what, percentile }: LatencyThreshold, { answered, unanswered }: Measured): boolean {
  if (percentile !== undefined) return rankOf(percentile, answered + unanswered) <= answered;
  return answered > 0 && (what === 'mean' || unanswered === 0);
}

export function measuredMs({ what, percentile }: LatencyThreshold, measured: Measured): number | null {
  if (percentile !== undefined) return measured.percentileMs(percentile);
  return what === 'max' ? measured.maxMs : measured.meanMs;
}
