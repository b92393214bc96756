/**
 * What a thread hands back: sums that can be added over threads and machines, as plain data. Nothing in
 * here is a percentile or a rate, since those cannot be added.
 */
import { addRecords } from './counts-by-name.ts';
import { type LatencyData, mergeLatencies } from './latency-counts.ts';
import { mergeUrls, type UrlTotals } from './url-totals.ts';

/** Everything that is counted. A run's are its parts', added; so each is a plain number. */
export interface Counters {
  /** Requests begun: those that got no connection are among them. */
  sent: number;
  /** Whole answers that came while the run lasted. */
  answered: number;
  /** Whole answers to what was under way at the end, awaited afterwards. */
  answeredLate: number;
  /** Answers of 400 and more. */
  refused: number;
  /** Answers below 400 that a script's check did not accept. */
  checkFailed: number;
  /** Requests that ended without a whole answer, and answers that came to no request. */
  failed: number;
  /** Under way when the run was broken off. */
  unfinished: number;
  /** Due by the schedule of a constant rate, and never sent, for every connection was busy. */
  notSent: number;
  /** Due at the end of a constant rate, with every connection busy: sent a little later, or never. */
  waitingAtEnd: number;
  bytesReceived: number;
  bytesSent: number;
  opened: number;
  /** Answers over a connection that had carried one before. */
  reused: number;
  /** Requests that were sent once more, since the server had closed the connection under them. */
  resent: number;
  /** Requests lost with a kept connection that the server closed, and which may not be sent again. */
  notRepeated: number;
  connectRefused: number;
  reset: number;
  connectTimedOut: number;
  closedEarly: number;
  /** Connections on which something came that answers no request. */
  unsolicited: number;
  connectFailed: number;
  /** TLS handshakes that made keys of their own, and those that took a session up again; the warm-up's are among them. */
  handshakesFull: number;
  handshakesResumed: number;
  handshakesFailed: number;
  /** The most at once; added over parts, which peak at about the same time. */
  openMax: number;
  /** Closed by this side first: each holds its source port in TIME_WAIT. */
  closedHere: number;
  /** Sends of a constant rate that came later than LATE_SEND_MS although a connection was free. */
  lateSends: number;
  /** Times that the engine had no receive buffer left. */
  receiveBufferExhaustions: number;
}

export function zeroCounters(): Counters {
  return {
    sent: 0,
    answered: 0,
    answeredLate: 0,
    refused: 0,
    checkFailed: 0,
    failed: 0,
    unfinished: 0,
    notSent: 0,
    waitingAtEnd: 0,
    bytesReceived: 0,
    bytesSent: 0,
    opened: 0,
    reused: 0,
    resent: 0,
    notRepeated: 0,
    connectRefused: 0,
    reset: 0,
    connectTimedOut: 0,
    closedEarly: 0,
    unsolicited: 0,
    connectFailed: 0,
    handshakesFull: 0,
    handshakesResumed: 0,
    handshakesFailed: 0,
    openMax: 0,
    closedHere: 0,
    lateSends: 0,
    receiveBufferExhaustions: 0,
  };
}

/** CPU time of one thread over the measured part. */
export interface ThreadCpu {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Ready to run and without a core; undefined where the system does not tell. */
  readonly waitedMs: number | undefined;
}

export type CheckCounts = Readonly<Record<string, { readonly passed: number; readonly failed: number }>>;

/** The sums of one thread, or of many. */
export interface RunTotals {
  readonly engine: string;
  /** Length of the measured part, the longest of all parts. */
  readonly measuredMs: number;
  /** Until the last answer, to what was under way at the end of the measured part; the longest of all parts. */
  readonly settledMs: number;
  readonly counters: Readonly<Counters>;
  readonly statuses: Readonly<Record<string, number>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly checks: CheckCounts;
  /** Empty where there is one URL. */
  readonly urls: UrlTotals;
  readonly latency: LatencyData;
  /** What requests waited for that failed otherwise than by the time limit, which `latency` does not hold. */
  readonly lost: LatencyData;
  /** Empty unless at a constant rate. */
  readonly serviceTime: LatencyData;
  readonly connectTime: LatencyData;
  /** From the standing of TCP connections to the end of their TLS handshakes. */
  readonly handshakeTime: LatencyData;
  /** What TLS was spoken, by connections: `TLSv1.3 TLS_AES_128_GCM_SHA256`. */
  readonly handshakes: Readonly<Record<string, number>>;
  /** How late sends of a constant rate were although a connection was free. */
  readonly sendDelay: LatencyData;
  readonly threads: readonly ThreadCpu[];
}

/** One second of one thread, or of many: what progress, the series and the marks are made of. */
export interface SecondReport {
  /** Whole seconds since the measured part began; below 0 in the warm-up. */
  readonly second: number;
  /** Shorter than a second for the last one. */
  readonly lengthMs: number;
  /** What happened in this second alone, but for `openMax`. */
  readonly counters: Readonly<Counters>;
  /** At its end. */
  readonly open: number;
  readonly latency: LatencyData;
  /** What requests waited for that failed in it otherwise than by the time limit. */
  readonly lost: LatencyData;
  /** How long those have waited so far that were due before it began, and have neither answer nor failure at its end. */
  readonly waiting: LatencyData;
  readonly errors: Readonly<Record<string, number>>;
  readonly threads: readonly ThreadCpu[];
}

export function mergeTotals(parts: readonly RunTotals[]): RunTotals {
  return {
    engine: [...new Set(parts.map(({ engine }) => engine))].join(', '),
    measuredMs: Math.max(0, ...parts.map(({ measuredMs }) => measuredMs)),
    settledMs: Math.max(0, ...parts.map(({ settledMs }) => settledMs)),
    counters: addCounters(parts.map(({ counters }) => counters)),
    statuses: addRecords(parts.map(({ statuses }) => statuses)),
    errors: addRecords(parts.map(({ errors }) => errors)),
    checks: addChecks(parts.map(({ checks }) => checks)),
    urls: mergeUrls(parts.map(({ urls }) => urls)),
    latency: mergeLatencies(parts.map(({ latency }) => latency)),
    lost: mergeLatencies(parts.map(({ lost }) => lost)),
    serviceTime: mergeLatencies(parts.map(({ serviceTime }) => serviceTime)),
    connectTime: mergeLatencies(parts.map(({ connectTime }) => connectTime)),
    handshakeTime: mergeLatencies(parts.map(({ handshakeTime }) => handshakeTime)),
    handshakes: addRecords(parts.map(({ handshakes }) => handshakes)),
    sendDelay: mergeLatencies(parts.map(({ sendDelay }) => sendDelay)),
    threads: parts.flatMap(({ threads }) => threads),
  };
}

/** @param reports of the same second */
export function mergeSeconds(reports: readonly SecondReport[]): SecondReport {
  return {
    second: reports[0]?.second ?? 0,
    lengthMs: Math.max(0, ...reports.map(({ lengthMs }) => lengthMs)),
    counters: addCounters(reports.map(({ counters }) => counters)),
    open: reports.reduce((sum, { open }) => sum + open, 0),
    latency: mergeLatencies(reports.map(({ latency }) => latency)),
    lost: mergeLatencies(reports.map(({ lost }) => lost)),
    waiting: mergeLatencies(reports.map(({ waiting }) => waiting)),
    errors: addRecords(reports.map(({ errors }) => errors)),
    threads: reports.flatMap(({ threads }) => threads),
  };
}

export function addCounters(parts: readonly Readonly<Counters>[]): Counters {
  const sum = zeroCounters();
  for (const part of parts) for (const name of counterNames(sum)) sum[name] += part[name];
  return sum;
}

/** What has been counted since `before`. */
export function counterDifference(now: Readonly<Counters>, before: Readonly<Counters>): Counters {
  const difference = { ...now };
  for (const name of counterNames(difference)) if (name !== 'openMax') difference[name] -= before[name];
  return difference;
}

function counterNames(counters: Counters): (keyof Counters)[] {
  return Object.keys(counters) as (keyof Counters)[]; // a Counters has no other keys
}

function addChecks(parts: readonly CheckCounts[]): CheckCounts {
  const sum: Record<string, { passed: number; failed: number }> = {};
  for (const part of parts) {
    for (const [name, { passed, failed }] of Object.entries(part)) {
      const entry = (sum[name] ??= { passed: 0, failed: 0 });
      entry.passed += passed;
      entry.failed += failed;
    }
  }
  return sum;
}

/** Everything that was due and has had its end, for better or worse. */
export function endedCount(counters: Readonly<Counters>): number {
  return counters.answered + counters.answeredLate + counters.failed + counters.notSent;
}

/** Requests that came to no answer, whatever they were told instead. */
export function unansweredCount(counters: Readonly<Counters>): number {
  return counters.failed + counters.notSent;
}

/** Failed requests over all that have ended; 1 where none has. */
export function errorShare(counters: Readonly<Counters>): number {
  const ended = endedCount(counters);
  const failed = counters.failed + counters.refused + counters.checkFailed + counters.notSent;
  return ended === 0 ? 1 : failed / ended;
}
