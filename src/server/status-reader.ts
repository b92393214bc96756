/** Puts together what the server does now (observe/status.ts), out of what its threads tell and what the process costs. */
import { countDescriptors, readProcessCosts } from '../observe/process-numbers.ts';
import type { Status } from '../observe/status.ts';
import { packageVersion } from './package-version.ts';
import type { AdminSubject } from './watched-server.ts';

/** Reading the list of descriptors takes as long as there are descriptors: 1 ms for 5,000. */
const DESCRIPTORS_EVERY_MS = 10_000;

export class StatusReader {
  readonly #version = packageVersion();
  #openDescriptors: number | null = null;
  #countedAtMs = Number.NEGATIVE_INFINITY;

  /** @returns the status as JSON, in one line */
  async read(subject: AdminSubject): Promise<string> {
    const { stats, workers, transfers, offenders, sections } = await subject.observe();
    const { engine } = stats;
    const status: Status = {
      atMs: Date.now(),
      version: this.#version,
      node: process.version,
      url: subject.url,
      engine: subject.engine,
      isReady: subject.isAccepting,
      uptimeMs: Math.round(performance.now() - subject.startedAtMs),
      process: { pid: process.pid, ...readProcessCosts(), openDescriptors: this.#descriptors() },
      requests: stats.requests,
      aborted: stats.aborted,
      statusClasses: stats.statusClasses,
      durations: stats.durations,
      bytesReceived: engine.bytesReceived,
      bytesSent: engine.bytesSent,
      unsentBytes: stats.unsentBytes,
      accepted: engine.accepted,
      open: engine.open,
      states: stats.states,
      closeReasons: stats.closeReasons,
      deadlines: stats.deadlines,
      http2Limits: stats.http2Limits,
      faults: stats.faults,
      workerThreads: stats.workers,
      workers,
      transfers,
      offenders,
      sections,
    };
    return JSON.stringify(status);
  }

  #descriptors(): number | null {
    const nowMs = performance.now();
    if (nowMs - this.#countedAtMs >= DESCRIPTORS_EVERY_MS) {
      this.#countedAtMs = nowMs;
      this.#openDescriptors = countDescriptors() ?? null;
    }
    return this.#openDescriptors;
  }
}
