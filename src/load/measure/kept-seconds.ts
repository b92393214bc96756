/**
 * What a thread or an agent has reported second by second, added up: all that is left of its share if it is lost. The
 * seconds tell less than totals do: no statuses, no checks, no URLs, no times of connecting.
 */
import { addRecords } from './counts-by-name.ts';
import { LatencyCounts, NO_LATENCIES } from './latency-counts.ts';
import { addCounters, type Counters, type RunTotals, type SecondReport, zeroCounters } from './run-totals.ts';
import { NO_URLS } from './url-totals.ts';

export class KeptSeconds {
  #counters: Counters = zeroCounters();
  #openMax = 0;
  #errors: Record<string, number> = {};
  readonly #latency = new LatencyCounts();
  readonly #lost = new LatencyCounts();
  #measuredMs = 0;
  #threads: { wallMs: number; cpuMs: number; waitedMs: number | undefined }[] = [];
  count = 0;

  /** Seconds of the warm-up are not counted. */
  add(report: SecondReport): void {
    if (report.second < 0) return;
    this.count++;
    this.#counters = addCounters([this.#counters, report.counters]);
    this.#openMax = Math.max(this.#openMax, report.counters.openMax);
    this.#errors = addRecords([this.#errors, report.errors]);
    this.#latency.addData(report.latency);
    this.#lost.addData(report.lost);
    this.#measuredMs += report.lengthMs;
    for (const [index, { wallMs, cpuMs, waitedMs }] of report.threads.entries()) {
      const sum = (this.#threads[index] ??= { wallMs: 0, cpuMs: 0, waitedMs: 0 });
      sum.wallMs += wallMs;
      sum.cpuMs += cpuMs;
      sum.waitedMs =
        sum.waitedMs === undefined || waitedMs === undefined ? undefined : sum.waitedMs + waitedMs;
    }
  }

  totals(engine: string): RunTotals {
    const { sent, answered, answeredLate, failed } = this.#counters;
    return {
      engine,
      measuredMs: this.#measuredMs,
      settledMs: this.#measuredMs,
      counters: {
        ...this.#counters,
        openMax: this.#openMax,
        // Nobody knows what became of these.
        unfinished: Math.max(0, sent - answered - answeredLate - failed),
      },
      statuses: {},
      errors: this.#errors,
      checks: {},
      urls: NO_URLS,
      latency: this.#latency.data(),
      lost: this.#lost.data(),
      serviceTime: NO_LATENCIES,
      connectTime: NO_LATENCIES,
      handshakeTime: NO_LATENCIES,
      handshakes: {},
      sendDelay: NO_LATENCIES,
      threads: this.#threads,
    };
  }
}
