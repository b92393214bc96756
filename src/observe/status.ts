/**
 * What the server does now, in one piece: the answer of `/status` and each event of `/events`. Counters count from the
 * start; whoever wants a rate takes two and compares, so that the server keeps nothing for those who look.
 */
import type { SectionReport } from './admin-section.ts';
import type { HistogramCounts } from './duration-histogram.ts';
import type { OffenderReport } from './offenders.ts';
import type { TransferRow } from './transfer-row.ts';

type Counts = Readonly<Record<string, number>>;

export interface WorkerStatus {
  readonly index: number;
  /** `serving`, or what its place is doing instead: `starting`, `replacing`, `waiting`, `closed`. */
  readonly state: string;
  /** Did not answer within a second: it blocks, and its numbers are the last that it told. */
  readonly isSilent: boolean;
  readonly open: number;
  readonly requests: number;
  readonly loopLag: HistogramCounts;
}

export interface Status {
  /** By the server's clock, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly version: string;
  readonly node: string;
  readonly url: string;
  readonly engine: { readonly name: string; readonly reason: string };
  /** Connections are accepted; else the server drains. */
  readonly isReady: boolean;
  readonly uptimeMs: number;
  readonly process: {
    readonly pid: number;
    readonly cpuSeconds: number;
    readonly residentBytes: number;
    /** null where the system does not tell. */
    readonly openDescriptors: number | null;
  };
  readonly requests: number;
  readonly aborted: number;
  readonly statusClasses: Counts;
  /** From the first byte of a request to the last of its answer. */
  readonly durations: HistogramCounts;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Waits in memory for slow readers. */
  readonly unsentBytes: number;
  readonly accepted: number;
  readonly open: number;
  /** Open connections, by state. */
  readonly states: Counts;
  readonly closeReasons: Counts;
  readonly deadlines: Counts;
  readonly http2Limits: Counts;
  readonly faults: Counts;
  /** Threads that serve; 0 when the main thread does. */
  readonly workerThreads: number;
  readonly workers: readonly WorkerStatus[];
  readonly transfers: {
    /** Under way for a second or longer. */
    readonly open: number;
    readonly rows: readonly TransferRow[];
  };
  readonly offenders: OffenderReport;
  readonly sections: readonly SectionReport[];
}
