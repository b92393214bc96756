/**
 * Counts as they travel: what threads hand to their machine goes on to the machine that asked, as JSON,
 * and is checked there before anything is added. Latencies go as the index-and-count pairs that are merged
 * everywhere: HdrHistogram's own encoding would lose the exact smallest and largest value, and need the
 * library to be undone for each second of each machine.
 */
import { COUNTS_LENGTH, LATENCY_US_MAX, type LatencyData } from '../measure/latency-counts.ts';
import {
  type CheckCounts,
  type Counters,
  type RunTotals,
  type SecondReport,
  type ThreadCpu,
  zeroCounters,
} from '../measure/run-totals.ts';
import { URL_ROWS_MAX, type UrlCounts, type UrlTotals } from '../measure/url-totals.ts';
import { Fields, unfit } from './fields.ts';

const COUNT_MAX = Number.MAX_SAFE_INTEGER;
const NAMES_MAX = 2000;
const THREADS_MAX = 1024;
const TIME_MS_MAX = 1e12;
/** The longest URL that plan-message.ts accepts. */
const URL_LENGTH_MAX = 8192;

export function encodeTotals(totals: RunTotals): Record<string, unknown> {
  return {
    ...totals,
    // A run that is broken off in its warm-up ends before its measured part begins.
    measuredMs: Math.max(0, totals.measuredMs),
    settledMs: Math.max(0, totals.settledMs),
    latency: encodeLatencies(totals.latency),
    lost: encodeLatencies(totals.lost),
    urls: encodeUrls(totals.urls),
    serviceTime: encodeLatencies(totals.serviceTime),
    connectTime: encodeLatencies(totals.connectTime),
    handshakeTime: encodeLatencies(totals.handshakeTime),
    sendDelay: encodeLatencies(totals.sendDelay),
  };
}

export function encodeSecond(report: SecondReport): Record<string, unknown> {
  return {
    ...report,
    latency: encodeLatencies(report.latency),
    lost: encodeLatencies(report.lost),
    waiting: encodeLatencies(report.waiting),
  };
}

function encodeLatencies({ pairs, ...rest }: LatencyData): Record<string, unknown> {
  return { ...rest, pairs: [...pairs] };
}

function encodeUrls({ rows, others, isBounded }: UrlTotals): Record<string, unknown> {
  const encode = (counts: UrlCounts) => ({ ...counts, latency: encodeLatencies(counts.latency) });
  return { rows: rows.map(encode), others: others === undefined ? undefined : encode(others), isBounded };
}

/** @throws WireError */
export function readTotals(totals: Fields): RunTotals {
  return {
    engine: totals.text('engine', 200),
    measuredMs: totals.number('measuredMs', 0, TIME_MS_MAX),
    settledMs: totals.number('settledMs', 0, TIME_MS_MAX),
    counters: readCounters(totals.object('counters')),
    statuses: readCounts(totals, 'statuses'),
    errors: readCounts(totals, 'errors'),
    checks: readChecks(totals),
    urls: readUrls(totals.object('urls')),
    latency: readLatencies(totals.object('latency')),
    lost: readLatencies(totals.object('lost')),
    serviceTime: readLatencies(totals.object('serviceTime')),
    connectTime: readLatencies(totals.object('connectTime')),
    handshakeTime: readLatencies(totals.object('handshakeTime')),
    handshakes: readCounts(totals, 'handshakes'),
    sendDelay: readLatencies(totals.object('sendDelay')),
    threads: readThreads(totals),
  };
}

/** @throws WireError */
export function readSecond(report: Fields): SecondReport {
  return {
    second: report.integer('second', -TIME_MS_MAX, TIME_MS_MAX),
    lengthMs: report.number('lengthMs', 0, TIME_MS_MAX),
    counters: readCounters(report.object('counters')),
    open: report.integer('open', 0, COUNT_MAX),
    latency: readLatencies(report.object('latency')),
    lost: readLatencies(report.object('lost')),
    waiting: readLatencies(report.object('waiting')),
    errors: readCounts(report, 'errors'),
    threads: readThreads(report),
  };
}

function readCounters(fields: Fields): Counters {
  const counters = zeroCounters();
  for (const name of Object.keys(counters) as (keyof Counters)[]) // it has no other keys
    counters[name] = fields.integer(name, -COUNT_MAX, COUNT_MAX); // below 0 where a second ends a warm-up
  return counters;
}

function readCounts(fields: Fields, name: string): Record<string, number> {
  return fields.record(name, NAMES_MAX, (inner, each) => inner.integer(each, 0, COUNT_MAX));
}

function readChecks(totals: Fields): CheckCounts {
  return totals.record('checks', NAMES_MAX, (inner, each) => {
    const check = inner.object(each);
    return { passed: check.integer('passed', 0, COUNT_MAX), failed: check.integer('failed', 0, COUNT_MAX) };
  });
}

function readUrls(urls: Fields): UrlTotals {
  return {
    rows: urls.list('rows', URL_ROWS_MAX, (value, path) => readUrl(new Fields(value, path))),
    others: urls.maybe('others', (name) => readUrl(urls.object(name))),
    isBounded: urls.flag('isBounded'),
  };
}

function readUrl(counts: Fields): UrlCounts {
  return {
    method: counts.text('method', URL_LENGTH_MAX),
    url: counts.text('url', URL_LENGTH_MAX),
    answered: counts.integer('answered', 0, COUNT_MAX),
    failed: counts.integer('failed', 0, COUNT_MAX),
    statuses: readCounts(counts, 'statuses'),
    latency: readLatencies(counts.object('latency')),
  };
}

function readThreads(fields: Fields): ThreadCpu[] {
  return fields.list('threads', THREADS_MAX, (value, path) => {
    const thread = new Fields(value, path);
    return {
      wallMs: thread.number('wallMs', 0, TIME_MS_MAX),
      cpuMs: thread.number('cpuMs', 0, TIME_MS_MAX),
      waitedMs: thread.maybe('waitedMs', (name) => thread.number(name, 0, TIME_MS_MAX)),
    };
  });
}

/** Indexes must rise and counts add up: adding them trusts both. */
function readLatencies(fields: Fields): LatencyData {
  const count = fields.integer('count', 0, COUNT_MAX);
  const pairs = fields.counts('pairs', COUNTS_LENGTH * 2);
  let sum = 0;
  let last = -1;
  for (let i = 0; i < pairs.length; i += 2) {
    const index = pairs[i]!;
    const times = pairs[i + 1] ?? 0;
    const isSound =
      Number.isInteger(index) &&
      index > last &&
      index < COUNTS_LENGTH &&
      Number.isSafeInteger(times) &&
      times > 0;
    if (!isSound) throw unfit(fields.at('pairs'), 'rising indexes with their counts');
    last = index;
    sum += times;
  }
  if (sum !== count) throw unfit(fields.at('count'), 'the sum of the counts');
  return {
    pairs: Float64Array.from(pairs),
    count,
    minUs: fields.number('minUs', 0, LATENCY_US_MAX),
    maxUs: fields.number('maxUs', 0, LATENCY_US_MAX),
  };
}
