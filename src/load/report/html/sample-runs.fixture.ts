/**
 * The runs that the report has to show well: usual ones, those that end badly, and those at the borders of what
 * can be drawn. Each is one made-up story with figures that fit it.
 */
import type { SeededRandom } from '../../../base/random.ts';
import type { LoadResult } from '../../measure/load-result.ts';
import { formatMs } from './numbers.ts';
import { longTailed, makeResult } from './sample-results.fixture.ts';

/** The server's one core does what it can, with a short tail from its garbage collector. */
export function healthyRun(
  options: { seed?: number; perSecond?: number; medianMs?: number } = {},
): LoadResult {
  const { seed = 11, perSecond = 48_200, medianMs = 1.18 } = options;
  return makeResult({
    seed,
    seconds: 30,
    second: (second, random) => {
      const swing = 1 + (random.nextUnit() - 0.5) * 0.035 - (second === 17 ? 0.06 : 0);
      return {
        answered: Math.round(perSecond * swing),
        latencyMs: (draws) =>
          draws.chance(0.006) ? longTailed(draws, 5.2, 0.35) : longTailed(draws, medianMs / swing, 0.16),
        open: 64,
        opened: second === 0 ? 64 : 0,
        sourcePorts: 64,
        clientCpu: 0.575 + random.nextUnit() * 0.05,
      };
    },
    result: ({ p99Ms }) => ({
      verdict: {
        limit: 'server-cpu',
        sentence: 'limited by: server CPU (0.99 of 1 core busy; this client used 0.60 of 1)',
        evidence: [
          'The process that listens at 127.0.0.1:8080 used 29.8 s of CPU in 30 s, and has one thread.',
          'This client had 40 % of its core left; no second is marked.',
          'Source ports: 64 of 28,232 in use.',
        ],
        remedies: [
          'To find the rate at which latency stays low, search for it: --find-limit p99=5ms.',
          'To see what the server does with more cores, give it more workers.',
        ],
      },
      thresholds: [
        { name: 'p99 <= 10ms', limit: 10, measured: p99Ms, isMet: true },
        { name: 'error rate <= 0.1 %', limit: 0.001, measured: 0, isMet: true },
      ],
    }),
  });
}

/** The server stands still for a second out of ten; requests that were due meanwhile wait. */
export function stalledRun(): LoadResult {
  const isStalled = (second: number) => second % 10 === 6;
  return makeResult({
    seed: 23,
    seconds: 40,
    plan: { ratePerSecond: 10_000, threads: 2, connections: 100 },
    second: (second) => {
      const after = second > 0 && isStalled(second - 1);
      const usual = (random: SeededRandom) => longTailed(random, 0.41, 0.32);
      const waited = (random: SeededRandom) => 20 + random.nextUnit() * 985;
      return {
        answered: isStalled(second) ? 120 : after ? 19_880 : 10_000,
        latencyMs: (random) =>
          isStalled(second) || (after && random.chance(0.5)) ? waited(random) : usual(random),
        serviceMs: (random) => (isStalled(second) ? waited(random) : usual(random)),
        open: 100,
        opened: second === 0 ? 100 : 0,
        sourcePorts: 100,
        clientCpu: after ? 0.94 : 0.22,
        marks: after ? ['client-cpu', 'late-timers'] : second === 21 ? ['client-waited-for-cpu'] : [],
      };
    },
    result: ({ p99Ms, serviceP99Ms }) => ({
      verdict: {
        limit: 'asked-rate',
        sentence: 'limited by: the asked rate (10,000 of 10,000 requests/s were answered)',
        evidence: [
          'In 4 of 40 seconds fewer than 2 % of the requests that were due were answered; all were made up for in the second after.',
          `p99 from the intended send time is ${formatMs(p99Ms)}; from the actual sending it would seem to be ${formatMs(serviceP99Ms)}.`,
        ],
        remedies: [
          'Look for what stops the server for a second every ten: a collector, a log rotation, a lock.',
        ],
      },
      thresholds: [
        { name: 'p99 <= 10ms', limit: 10, measured: p99Ms, isMet: false },
        { name: 'error rate <= 1 %', limit: 0.01, measured: 0, isMet: true },
      ],
    }),
  });
}

/** One connection for each request, until TIME_WAIT holds every source port. */
export function portsRun(): LoadResult {
  let used = 0;
  return makeResult({
    seed: 5,
    seconds: 20,
    plan: { newConnection: true, connections: 10, threads: 2, thinkMinMs: 0, thinkMaxMs: 20 },
    second: (second, random) => {
      const left = 28_232 - used;
      const opened = Math.min(Math.round(9300 + random.nextUnit() * 500), left);
      used += opened;
      const isOut = left < 9000;
      return {
        answered: opened,
        failed: isOut ? 31_000 + random.int(2400) : 0,
        latencyMs: (draws) => longTailed(draws, 0.52, 0.3),
        open: isOut ? random.int(3) : 10,
        opened,
        sourcePorts: used,
        clientCpu: 0.7 + random.nextUnit() * 0.1 + (isOut ? 0.2 : 0),
        marks: isOut ? (second % 5 === 4 ? ['client-cpu', 'no-source-port'] : ['no-source-port']) : [],
      };
    },
    result: ({ failed }) => ({
      verdict: {
        limit: 'ephemeral-ports',
        sentence:
          'limited by: ephemeral ports (28,232 to one destination; at 9,500 connections/s they last 3 s)',
        evidence: [
          'connect() failed with EADDRNOTAVAIL in 17 of 20 seconds.',
          'All 28,232 source ports of net.ipv4.ip_local_port_range (32768 to 60999) were in use, 28,222 of them in TIME_WAIT, which lasts 60 s.',
        ],
        remedies: [
          'Keep connections open: leave out --new-connection (-b).',
          'The target is on this machine: --source-addresses 127.0.0.2-127.0.0.9 multiplies the ports by 8.',
          'Widen the range: sysctl net.ipv4.ip_local_port_range="1024 65535".',
        ],
      },
      errors: { EADDRNOTAVAIL: failed },
      connectTime: undefined,
    }),
  });
}

/** What a change of the server brought: the new run, and two before it, the older under another plan. */
export function comparedRuns(): { result: LoadResult; before: LoadResult[] } {
  const result = healthyRun({ seed: 31, perSecond: 48_900, medianMs: 1.16 });
  const slower = healthyRun({ seed: 32, perSecond: 41_200, medianMs: 1.41 });
  const oldest = healthyRun({ seed: 33, perSecond: 36_100, medianMs: 3.2 });
  return {
    result,
    before: [
      { ...slower, startedAt: '2025-11-20T09:12:40.000Z' },
      {
        ...oldest,
        startedAt: '2025-11-02T16:01:05.000Z',
        plan: { ...oldest.plan, connections: 128 },
        machines: oldest.machines.map((machine) => ({ ...machine, cpu: 'Intel Xeon E-2288G', cores: 16 })),
      },
    ],
  };
}

/** Nothing listens there, then something that is no HTTP server. */
export function failedRun(): LoadResult {
  return makeResult({
    seed: 77,
    seconds: 10,
    second: (second, random) => ({
      answered: 0,
      failed: second < 7 ? 1200 + random.int(300) : 640 + random.int(60),
      latencyMs: () => 1,
      open: second < 7 ? 0 : 12,
      opened: second < 7 ? 0 : 640,
      sourcePorts: second < 7 ? 0 : 640 * (second - 6),
      clientCpu: 0.11,
    }),
    result: ({ failed }) => ({
      verdict: {
        limit: 'errors',
        sentence: 'limited by: errors (no request was answered; 81 % were refused with ECONNREFUSED)',
        evidence: [
          'No request was answered in 10 s.',
          'For 7 s nothing listened at 127.0.0.1:8080; then what listened did not speak HTTP.',
        ],
        remedies: ['Look whether the server runs, and whether this is its port.'],
      },
      errors: { ECONNREFUSED: failed - 2130, garbage: 1870, ECONNRESET: 203, timeout: 57 },
      thresholds: [{ name: 'error rate <= 0.1 %', limit: 0.001, measured: 1, isMet: false }],
    }),
  });
}

/** Two agents, a script with checks, statuses of all kinds, and a search for the limit. */
export function searchedRun(): LoadResult {
  const rates = [20_000, 40_000, 30_000, 35_000, 32_500, 33_750, 33_125];
  const made = makeResult({
    seed: 41,
    seconds: 60,
    plan: {
      urls: [
        'https://shop.example/',
        'https://shop.example/basket?id=7',
        'https://shop.example/search?q=a%20lamp',
      ],
      ratePerSecond: 33_125,
      script: 'buy-a-lamp.ts',
      connections: 400,
      rampMs: 5000,
    },
    second: (_second, random) => ({
      answered: 33_000 + random.int(200),
      failed: random.int(30),
      latencyMs: (draws) => longTailed(draws, 2.1, 0.42),
      serviceMs: (draws) => longTailed(draws, 2.0, 0.4),
      open: 400,
      opened: random.int(4),
      sourcePorts: 400 + random.int(20),
      clientCpu: 1.1 + random.nextUnit() * 0.2,
    }),
    result: ({ answered }) => ({
      verdict: {
        limit: 'handler-time',
        sentence: 'limited by: handler time (p99 passes 10 ms above 33,125 requests/s)',
        evidence: ['Neither client nor server used more than 70 % of its CPU.'],
        remedies: [],
      },
      statuses: { '200': answered - 5210, '304': 4100, '404': 612, '500': 410, '503': 88 },
      checks: {
        'the basket holds one lamp': { passed: 120_312, failed: 0 },
        'the price is 39.90': { passed: 120_290, failed: 22 },
      },
      limitSearch: rates.map((rate) => ({
        ratePerSecond: rate,
        achievedPerSecond: Math.min(rate, 36_900) * 0.9991,
        measuredMs: rate > 36_000 ? 412 : 3.1 + 8 * (rate / 34_000) ** 9,
        failedShare: rate > 36_000 ? 0.021 : 0,
        isMet: rate <= 33_500,
        ...(rate > 36_000
          ? { missedBy: 'failures' as const }
          : rate > 33_500
            ? { missedBy: 'latency' as const }
            : {}),
      })),
    }),
  });
  const half = Math.floor(made.requests.answered / 2);
  return {
    ...made,
    // Like in a run, answers of 400 and more are answered and failed.
    requests: {
      ...made.requests,
      succeeded: made.requests.answered - 1110,
      failed: made.requests.failed + 1110,
    },
    errors: { timeout: made.requests.failed },
    machines: [
      { ...made.machines[0]!, name: 'agent-fra-1', answered: half },
      { ...made.machines[0]!, name: 'agent-fra-2', answered: made.requests.answered - half },
    ],
    connectTime: made.serviceTime,
  };
}
