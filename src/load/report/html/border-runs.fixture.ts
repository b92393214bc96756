/**
 * Runs at the borders of what can be drawn: none of them is usual, all of them happen. And one whose every text
 * was written by somebody who means harm.
 */
import type { LoadResult } from '../../measure/load-result.ts';
import { longTailed, makeResult } from './sample-results.fixture.ts';

const UNKNOWN = {
  limit: 'unknown',
  sentence: 'limited by: nothing that was found',
  evidence: [],
  remedies: [],
} as const;

/** Stopped before the first request. */
export function emptyRun(): LoadResult {
  const made = makeResult({
    seed: 1,
    seconds: 0,
    second: () => ({ answered: 0, latencyMs: () => 1, open: 0, clientCpu: 0 }),
    result: () => ({ verdict: UNKNOWN, interrupted: true }),
  });
  return { ...made, machines: [], plan: { ...made.plan, urls: [], durationMs: undefined, requestCount: 10 } };
}

/** `-n 1`. */
export function singleRun(): LoadResult {
  const made = makeResult({
    seed: 2,
    seconds: 1,
    second: () => ({ answered: 1, latencyMs: () => 0.812, open: 1, opened: 1, clientCpu: 0.01 }),
    result: () => ({ verdict: UNKNOWN }),
  });
  return {
    ...made,
    durationMs: 3.4,
    plan: { ...made.plan, durationMs: undefined, requestCount: 1, connections: 1 },
    requests: { ...made.requests, answeredPerSecond: 294 },
    cpu: { ...made.cpu, clientWaitedMs: undefined, serverUserMs: undefined, serverSystemMs: undefined },
  };
}

export function oneSecondRun(): LoadResult {
  return makeResult({
    seed: 3,
    seconds: 1,
    second: () => ({
      answered: 31,
      latencyMs: (r) => longTailed(r, 12, 0.5),
      open: 4,
      opened: 4,
      clientCpu: 0.04,
    }),
    result: () => ({ verdict: UNKNOWN }),
  });
}

/** Seconds in which nothing happened at all. */
export function zeroRun(): LoadResult {
  return makeResult({
    seed: 4,
    seconds: 12,
    second: () => ({ answered: 0, latencyMs: () => 1, open: 0, sourcePorts: 0, clientCpu: 0 }),
    result: () => ({ verdict: UNKNOWN }),
  });
}

export function hourRun(): LoadResult {
  return makeResult({
    seed: 6,
    seconds: 3600,
    plan: { ratePerSecond: 1_250_000, connections: 12_000, threads: 64 },
    second: (second, random) => ({
      answered: second % 600 === 599 ? 900_000 : 1_250_000 - random.int(4000),
      failed: second % 700 === 3 ? 12 : 0,
      latencyMs: (draws) => longTailed(draws, second % 600 === 599 ? 90 : 3, 0.4),
      serviceMs: (draws) => longTailed(draws, 2.5, 0.4),
      open: 12_000,
      opened: second === 0 ? 12_000 : 0,
      sourcePorts: 12_000,
      clientCpu: 40 + random.nextUnit() * 9,
      marks: second % 600 === 599 ? ['client-cpu', 'receive-queue-full', 'no-descriptor'] : [],
    }),
    result: () => ({ verdict: UNKNOWN }),
  });
}

/** From 2 µs to 200 s: five decades and more. */
export function wideRun(): LoadResult {
  return makeResult({
    seed: 7,
    seconds: 25,
    second: (second, random) => ({
      answered: second % 6 === 4 ? 0 : random.int(3) === 0 ? 7 : 4000,
      latencyMs: (draws) => 0.002 * 10 ** (draws.nextUnit() ** 6 * 8),
      open: 3,
      opened: second % 2,
      clientCpu: 0.4,
    }),
    result: () => ({ verdict: UNKNOWN }),
  });
}

/** What breaks out of text, out of an attribute, out of a script element; and what hides. */
export const HOSTILE = `</script><script>window.harmed=1</script><img src=x onerror="window.harmed=1">"'&<!--\u202egpj.exe\u0000`;

/** Each text that came from outside, or might have. */
export function hostileRun(): LoadResult {
  const made = oneSecondRun();
  return {
    ...made,
    holdfastVersion: HOSTILE,
    startedAt: HOSTILE,
    plan: {
      ...made.plan,
      urls: [HOSTILE, `http://a/${'long'.repeat(300)}`],
      method: HOSTILE,
      engine: HOSTILE,
      sourceAddresses: [HOSTILE],
      addresses: [HOSTILE, HOSTILE],
      script: HOSTILE,
    },
    machines: [{ ...made.machines[0]!, name: HOSTILE, os: HOSTILE, cpu: HOSTILE, node: HOSTILE }],
    statuses: { [HOSTILE]: 3, '299': 1, '200': 27 },
    errors: { [HOSTILE]: 3, __proto__x: 1, constructor: 2, ['E'.repeat(400)]: 1 },
    checks: { [HOSTILE]: { passed: 1, failed: 1 } },
    verdict: { limit: 'unknown', sentence: HOSTILE, evidence: [HOSTILE], remedies: [HOSTILE] },
    thresholds: [{ name: HOSTILE, limit: 1, measured: 2, isMet: false }],
    latency: {
      ...made.latency,
      percentilesMs: { ...made.latency.percentilesMs, [HOSTILE]: 1 },
      histogram: HOSTILE,
    },
    series: made.series.map((sample) => ({ ...sample, marks: [HOSTILE as never] })),
  };
}
