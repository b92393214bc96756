/**
 * What a load run found: plain data, made by the run, merged over threads and machines, printed, written
 * as JSON, drawn as HTML and compared with an earlier one. Everything that outlives a run is in here.
 * Units are in the names; a figure that could not be had is `undefined` and never 0.
 */

import type { LoadPlan } from '../plan/load-plan.ts';

/** Raised when a field changes its meaning; a reader of JSON refuses versions that it does not know. */
export const LOAD_RESULT_VERSION = 2;

export interface LoadResult {
  readonly version: typeof LOAD_RESULT_VERSION;
  readonly holdfastVersion: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly plan: PlanSummary;
  /** One for each machine that took part: this one, or the agents. */
  readonly machines: readonly MachineSummary[];
  /** Measured, without the warm-up. */
  readonly durationMs: number;
  /** Until the last answer: what was under way at the end of `durationMs` is awaited. Rates are over this time. */
  readonly settledMs: number;
  /** Whether it was stopped before its time (Ctrl-C). */
  readonly interrupted: boolean;
  readonly requests: RequestCounts;
  /** Answers by status code, `'200': 12345`. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests and connections that failed, by the name of the failure: `ECONNREFUSED`, `timeout`, `garbage`. */
  readonly errors: Readonly<Record<string, number>>;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** From the moment at which a request should have been sent (at a constant rate), else from its sending. */
  readonly latency: LatencySummary;
  /** From the actual sending, which hides stalls: shown beside `latency` at a constant rate. */
  readonly serviceTime: LatencySummary | undefined;
  /** Until the connection stood. */
  readonly connectTime: LatencySummary | undefined;
  /** Of TLS handshakes, the last part of connecting; undefined without TLS. */
  readonly handshakeTime?: LatencySummary | undefined;
  /** Undefined without TLS, and in results of versions that spoke none. */
  readonly handshakes?: HandshakeCounts | undefined;
  /** Where there are several URLs: of each, in the order of the plan, as far as there are rows. */
  readonly byUrl: readonly UrlFigures[];
  /** The figures of all others together, whose `url` is empty; undefined where there are none. */
  readonly otherUrls: UrlFigures | undefined;
  readonly connections: ConnectionCounts;
  readonly series: readonly SecondSample[];
  readonly cpu: CpuSummary;
  readonly verdict: Verdict;
  readonly thresholds: readonly ThresholdResult[];
  /** How a script's checks went, by name. */
  readonly checks: Readonly<Record<string, { readonly passed: number; readonly failed: number }>>;
  /** The steps of `--find-limit`, in the order they were tried. */
  readonly limitSearch: readonly LimitStep[];
}

/** The part of the plan that is told as it was. */
type PlannedValues = Pick<
  LoadPlan,
  | 'connections'
  | 'threads'
  | 'protocol'
  | 'pipeline'
  | 'ratePerSecond'
  | 'durationMs'
  | 'requestCount'
  | 'warmupMs'
  | 'rampMs'
  | 'thinkMinMs'
  | 'thinkMaxMs'
  | 'timeoutMs'
  | 'newConnection'
  | 'sourceAddresses'
>;

export interface PlanSummary extends PlannedValues {
  readonly urls: readonly string[];
  readonly method: string;
  readonly engine: string;
  /** Where connections went, in turn where a name has several that answer: `127.0.0.1:80`, `[::1]:80`, `unix:/path`. */
  readonly addresses: readonly string[];
  readonly script: string | undefined;
}

export interface MachineSummary {
  /** `local`, or the agent's name. */
  readonly name: string;
  readonly os: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly node: string;
  /** This machine's part of the answered requests. */
  readonly answered: number;
  /** Only agents have it: how far its beginning may have been from that of the machine that asked, at the most. */
  readonly startUncertaintyMs?: number;
  /** Only an agent has it that did not see the run through: when, why, and what of its share is missing. */
  readonly lost?: string;
}

interface RequestCounts {
  /** Begun: those that failed because no connection could be had are among them. */
  readonly sent: number;
  /** A whole answer came, whatever its status. */
  readonly answered: number;
  /** Answers with a status below 400 that passed the script's checks. */
  readonly succeeded: number;
  /** Answers of 400 and more or that a check refused, requests that ended without a whole answer, and those never sent. */
  readonly failed: number;
  /** Still under way when the run was broken off: neither answered nor failed. */
  readonly unfinished: number;
  /** Due by the schedule of a constant rate and never sent, for every connection was busy: failed, and not in `sent`. */
  readonly notSent: number;
  /** Due at the end of a constant rate, with every connection busy: sent within the next second, or never. */
  readonly waitingAtEnd: number;
  /** Sent once more, since the server had closed the connection under them; each counts once in all else. */
  readonly resent: number;
  /** All that were answered, divided by the time that they took: `settledMs`. */
  readonly answeredPerSecond: number;
}

export interface LatencyFigures {
  readonly count: number;
  /** `null`, as all the others, where nothing was recorded: 0 ms would be the best there is. */
  readonly minMs: number | null;
  readonly meanMs: number | null;
  readonly stdevMs: number | null;
  readonly maxMs: number | null;
  /** By percentile as written: `'50'`, `'90'`, `'99'`, `'99.9'`, `'99.99'`. */
  readonly percentilesMs: Readonly<Record<string, number | null>>;
}

export interface LatencySummary extends LatencyFigures {
  /** The whole histogram as HdrHistogram's compressed V2 encoding in base64, in microseconds: for merging and drawing. */
  readonly histogram: string;
  /** Points of the distribution for drawing: percentile (0 to 100) and milliseconds, rising. */
  readonly curve: readonly (readonly [percentile: number, ms: number])[];
}

export interface UrlFigures {
  readonly method: string;
  /** A script's request is counted without its query, with all others of that path. */
  readonly url: string;
  readonly answered: number;
  /** It counts what `requests` counts as failed. */
  readonly failed: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly latency: LatencyFigures;
}

export interface ConnectionCounts {
  readonly opened: number;
  /** Answers over a connection that had carried one before. */
  readonly reused: number;
  readonly refused: number;
  readonly reset: number;
  /** Connecting took longer than the time limit. */
  readonly timedOut: number;
  /** The server closed in the middle of an exchange. */
  readonly closedEarly: number;
  /** Ended by this side, because something came that answers no request. */
  readonly unsolicited: number;
  /** Failed in any other way; `errors` has the names. */
  readonly failed: number;
  readonly openMax: number;
  /** The most source ports to one destination in use at once, TIME_WAIT included; undefined where nobody tells. */
  readonly sourcePortsMax: number | undefined;
  /** How many there are to one destination, over all source addresses; undefined for unix sockets and other systems. */
  readonly sourcePortsAvailable: number | undefined;
}

/** Over the whole run, the warm-up included, in which most connections are made. */
interface HandshakeCounts {
  readonly full: number;
  /** They took a session up again. */
  readonly resumed: number;
  readonly failed: number;
  /** By version and cipher, `'TLSv1.3 TLS_AES_128_GCM_SHA256'`: connections. */
  readonly spoken: Readonly<Record<string, number>>;
}

export interface SecondSample {
  /** Whole seconds since the measured part began. */
  readonly second: number;
  /** Absent for whole seconds; the last one may be shorter. */
  readonly lengthMs?: number;
  readonly answered: number;
  readonly failed: number;
  readonly bytesReceived: number;
  /**
   * It is over all that ended in this second, and over what waited through all of it, with its wait so far: while a server hangs
   * the second says so, and not only the one in which the wait ends. `null`, as the next three, where there was neither.
   */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
  readonly open: number;
  readonly opened: number;
  readonly sourcePorts: number | undefined;
  /** Share of one core for each of the client's threads, summed: 1 is one core. */
  readonly clientCpu: number;
  /** What of this second says more about the client than about the server. */
  readonly marks: readonly SecondMark[];
}

export type SecondMark =
  | 'client-cpu'
  | 'client-waited-for-cpu'
  | 'late-timers'
  | 'receive-queue-full'
  | 'no-source-port'
  | 'no-descriptor';

export interface CpuSummary {
  readonly clientUserMs: number;
  readonly clientSystemMs: number;
  /** Time that the client's threads were ready to run and had no core. */
  readonly clientWaitedMs: number | undefined;
  /** The process that listens at the target, when it is on this machine and may be looked at. */
  readonly serverUserMs: number | undefined;
  readonly serverSystemMs: number | undefined;
}

export type LimitName =
  | 'server-cpu'
  | 'client-cpu'
  | 'ephemeral-ports'
  | 'descriptors'
  | 'network'
  | 'handler-time'
  | 'asked-rate'
  | 'errors'
  | 'unknown';

export interface Verdict {
  readonly limit: LimitName;
  /** One line: `limited by: ephemeral ports (28,232 to one destination; ...)`. */
  readonly sentence: string;
  readonly evidence: readonly string[];
  /** What to do about it; empty when there is nothing. */
  readonly remedies: readonly string[];
}

export interface ThresholdResult {
  /** What was asked: `p99 <= 10ms`, `error rate <= 0.1 %`. */
  readonly name: string;
  readonly limit: number;
  /** `null` where there is nothing to measure: not one request was answered or waited for. */
  readonly measured: number | null;
  readonly isMet: boolean;
}

export interface LimitStep {
  readonly ratePerSecond: number;
  readonly achievedPerSecond: number;
  readonly measuredMs: number | null;
  /** Failed requests over all that were due. */
  readonly failedShare: number;
  readonly isMet: boolean;
  /** What was not kept: the first that applies. */
  readonly missedBy?: 'failures' | 'latency' | 'rate';
}
