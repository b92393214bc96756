/**
 * The good client beside every attack, as the run sees it: how long its answers take while nothing happens and while
 * something does, and whether the server still answers who comes new. Its thread is good-client-main.ts.
 */
import { Worker } from 'node:worker_threads';
import type { Target } from '../target/target.ts';

export interface GoodClientData {
  readonly target: Target;
  readonly everyMs: number;
  readonly timeoutMs: number;
}

/** What its thread tells a few times a second. */
export interface GoodClientNews {
  readonly latencyMs: number[];
  readonly failures: string[];
  wrong: number;
  /** Of each new connection, how long its answer took; Infinity where none came. */
  readonly aliveMs: number[];
}

export interface GoodFigures {
  readonly answered: number;
  readonly failed: number;
  readonly wrong: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** New connections that were not answered. */
  readonly dead: number;
  readonly failures: readonly string[];
}

const EVERY_MS = 5;
const TIMEOUT_MS = 5000;
/** Of a longer slice every further latency takes the place of an earlier one: 200 a second for eight minutes. */
const LATENCIES_MAX = 100_000;

export class GoodClient {
  readonly #worker: Worker;
  #latencyMs: number[] = [];
  #answered = 0;
  #failed = 0;
  #wrong = 0;
  #dead = 0;
  #deadInARow = 0;
  #failures: string[] = [];

  constructor(target: Target) {
    const workerData: GoodClientData = { target, everyMs: EVERY_MS, timeoutMs: TIMEOUT_MS };
    this.#worker = new Worker(new URL('./good-client-main.js', import.meta.url), { workerData });
    this.#worker.on('message', (news: GoodClientNews) => this.#take(news));
    this.#worker.on('error', (error) =>
      this.#failures.push(`the good client itself failed: ${error.message}`),
    );
  }

  /** New connections that were not answered, since the last that was. */
  get deadInARow(): number {
    return this.#deadInARow;
  }

  /** @returns the figures since the last call, and begins anew */
  take(): GoodFigures {
    const sorted = Float64Array.from(this.#latencyMs).sort();
    const at = (share: number): number =>
      sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;
    const figures: GoodFigures = {
      ...{ answered: this.#answered, failed: this.#failed, wrong: this.#wrong, dead: this.#dead },
      ...{ p50Ms: rounded(at(0.5)), p99Ms: rounded(at(0.99)), maxMs: rounded(at(1)) },
      failures: this.#failures,
    };
    this.#latencyMs = [];
    this.#failures = [];
    this.#answered = this.#failed = this.#wrong = this.#dead = 0;
    return figures;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #take({ latencyMs, failures, wrong, aliveMs }: GoodClientNews): void {
    for (const each of latencyMs) {
      if (this.#latencyMs.length < LATENCIES_MAX) this.#latencyMs.push(each);
      else this.#latencyMs[this.#answered % LATENCIES_MAX] = each;
      this.#answered++;
    }
    this.#failed += failures.length;
    this.#wrong += wrong;
    if (this.#failures.length < 20) this.#failures.push(...failures.slice(0, 20));
    for (const each of aliveMs) {
      const isDead = each === Number.POSITIVE_INFINITY;
      this.#deadInARow = isDead ? this.#deadInARow + 1 : 0;
      if (isDead) this.#dead++;
    }
  }
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
