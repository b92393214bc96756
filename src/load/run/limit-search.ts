/**
 * Finds the highest constant rate that keeps a threshold: how fast the server answers at all is measured
 * first, then rates are doubled until one misses, then the gap is halved. Each step is a short run of its
 * own; the runs come in as a function. A step that misses is made once more before it is believed: one
 * hiccup of a machine must not halve the answer.
 */

import { type LatencyThreshold, measuredMs } from '../judge/thresholds.ts';
import type { LimitStep, LoadResult } from '../measure/load-result.ts';
import { latencyLimit, percent, shownLatency, significant } from '../measure/number-text.ts';
import type { LoadRunOptions } from './run-coordinator.ts';

/** The first rate tried, as a share of what the server answered flat out. */
const FIRST_SHARE = 1 / 8;
/** The answer is as good as this: two runs of the same rate differ by more. */
const PRECISION = 0.03;
/** Doubling from 1/8 to beyond 1 takes four, halving to 3 % five more. */
const STEPS_MAX = 14;
/** If a larger share of what was due waits at the end, the queue would have gone on growing. */
const WAITING_SHARE_MAX = 0.02;
const PROBE_MS = 2000;
/** A rate is tried so often until one try keeps the threshold. */
const ATTEMPTS = 2;

export interface SearchStep {
  readonly rate: number;
  readonly isMet: boolean;
}

/**
 * What to try next, from what was tried. Pure.
 * @param capacity requests a second that the server answers flat out
 * @returns undefined when the answer is near enough
 */
export function nextRate(steps: readonly SearchStep[], capacity: number): number | undefined {
  if (steps.length >= STEPS_MAX) return undefined;
  const met = Math.max(0, ...steps.filter(({ isMet }) => isMet).map(({ rate }) => rate));
  const missed = Math.min(...steps.filter(({ isMet }) => !isMet).map(({ rate }) => rate));
  if (steps.length === 0) return rounded(capacity * FIRST_SHARE);
  if (missed === Number.POSITIVE_INFINITY) {
    // Above what it answers flat out nothing can be kept.
    return met >= capacity ? undefined : rounded(Math.min(met * 2, capacity * 1.02));
  }
  if (met === 0) return missed <= RATE_MIN ? undefined : rounded(missed / 4);
  if (missed / met <= 1 + PRECISION) return undefined;
  const middle = rounded((met + missed) / 2);
  return middle > met && middle < missed ? middle : undefined;
}

/** Three digits: nobody asks for 12,347/s. */
function rounded(rate: number): number {
  return Math.max(RATE_MIN, Number(rate.toPrecision(3)));
}

/** One request in ten seconds: a step must see some. */
const RATE_MIN = 0.1;

/**
 * @param makeRun makes one run; the label is for its progress
 * @returns the result of the best run, with all steps in `limitSearch` and the answer as its verdict
 */
export async function findLimit(
  threshold: LatencyThreshold,
  options: LoadRunOptions,
  makeRun: (options: LoadRunOptions, label: string) => Promise<LoadResult>,
): Promise<LoadResult> {
  const { plan } = options;
  const probe = await makeRun({ ...options, plan: { ...plan, durationMs: PROBE_MS } }, 'flat out  ');
  const capacity = probe.requests.answeredPerSecond;
  const steps: LimitStep[] = [];
  const tried: SearchStep[] = [];
  /** What limited each step, by its rate. */
  const verdicts = new Map<number, string>();
  let best: LoadResult | undefined;
  let last = probe;
  let isInterrupted = probe.interrupted;
  for (;;) {
    const rate = capacity === 0 || isInterrupted ? undefined : nextRate(tried, capacity);
    if (rate === undefined) break;
    let isMet = false;
    for (let attempt = 0; attempt < ATTEMPTS && !isMet; attempt++) {
      const result = await makeRun(
        { ...options, plan: { ...plan, ratePerSecond: rate } },
        `${significant(rate)}/s  `,
      );
      isInterrupted = result.interrupted;
      if (isInterrupted) break;
      last = result;
      const step = judgeStep(threshold, rate, last);
      steps.push(step);
      isMet = step.isMet;
    }
    if (isInterrupted) break;
    if (!isMet && last.verdict.limit !== 'asked-rate') verdicts.set(rate, last.verdict.sentence);
    tried.push({ rate, isMet });
    if (isMet && rate > (best?.plan.ratePerSecond ?? 0)) best = last;
  }
  return answer(threshold, best, { ...last, interrupted: isInterrupted }, capacity, steps, verdicts);
}

function judgeStep(threshold: LatencyThreshold, rate: number, result: LoadResult): LimitStep {
  const { percentilesMs, meanMs, maxMs } = result.latency;
  const ms = measuredMs(threshold, {
    percentileMs: (percentile) => percentilesMs[String(percentile)] ?? percentileOfCurve(result, percentile),
    meanMs,
    maxMs,
    answered: result.requests.answered,
    unanswered: 0, // more than one in a thousand is a failure below
    errorShare: 0,
  });
  const achieved = result.requests.answeredPerSecond;
  const { failed, sent, notSent, waitingAtEnd } = result.requests;
  const failedShare = failed / Math.max(1, sent + notSent);
  const missedBy =
    failedShare > FAILED_SHARE_MAX
      ? 'failures'
      : ms === null || ms > threshold.limitMs
        ? 'latency'
        : waitingAtEnd > 1 + (sent + notSent) * WAITING_SHARE_MAX
          ? 'rate'
          : undefined;
  return {
    ratePerSecond: rate,
    achievedPerSecond: achieved,
    measuredMs: ms,
    failedShare,
    isMet: missedBy === undefined,
    ...(missedBy === undefined ? {} : { missedBy }),
  };
}

/** A server that refuses what it cannot serve in time has not kept the limit. */
const FAILED_SHARE_MAX = 0.001;

/** For percentiles that no summary has: the next point of the curve, which is the higher one. */
function percentileOfCurve({ latency: { curve, maxMs } }: LoadResult, percentile: number): number | null {
  return curve.find(([at]) => at >= percentile)?.[1] ?? maxMs;
}

function answer(
  threshold: LatencyThreshold,
  best: LoadResult | undefined,
  last: LoadResult,
  capacity: number,
  steps: readonly LimitStep[],
  verdicts: ReadonlyMap<number, string>,
): LoadResult {
  const name = `${threshold.what} <= ${latencyLimit(threshold.limitMs)}`;
  const shown = best ?? last;
  const rate = best?.plan.ratePerSecond ?? 0;
  const missed = steps.filter(({ isMet, ratePerSecond }) => !isMet && ratePerSecond > rate);
  const next = missed.sort((a, b) => a.ratePerSecond - b.ratePerSecond)[0];
  const { interrupted } = last;
  const sentence = interrupted
    ? `the search was broken off${best === undefined ? '' : `; ${significant(rate)} requests/s kept ${name} until then`}`
    : best === undefined
      ? `no rate keeps ${name}`
      : `${significant(rate)} requests/s is the highest rate that keeps ${name}`;
  return {
    ...shown,
    interrupted,
    limitSearch: steps,
    thresholds: [
      ...shown.thresholds,
      {
        name,
        limit: threshold.limitMs,
        measured:
          steps.find(({ ratePerSecond }) => ratePerSecond === rate)?.measuredMs ??
          steps.at(-1)?.measuredMs ??
          null,
        isMet: best !== undefined && !interrupted,
      },
    ],
    verdict: {
      limit: interrupted ? 'unknown' : best === undefined ? last.verdict.limit : 'asked-rate',
      sentence,
      evidence: [
        `flat out the server answered ${significant(capacity)}/s`,
        ...(next === undefined
          ? []
          : [
              `at ${significant(next.ratePerSecond)}/s it was ${shownLatency(next.measuredMs)}, with ${significant(next.achievedPerSecond)}/s answered${
                next.missedBy === 'failures'
                  ? `, and ${percent(next.failedShare)} of the requests failed`
                  : ''
              }`,
            ]),
        ...(next !== undefined && verdicts.has(next.ratePerSecond)
          ? [`there it was ${verdicts.get(next.ratePerSecond)}`]
          : []),
      ],
      remedies: [],
    },
  };
}
