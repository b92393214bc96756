/** Well-behaved clients in a thread of their own, and how long they waited. See good-clients.worker.ts. */
import { Worker } from 'node:worker_threads';

export interface GoodPlan {
  readonly port: number;
  readonly count: number;
  /** Between an answer and the next request of a client. */
  readonly thinkMs: number;
  /** Also asks for /block this often: a handler that holds the thread. */
  readonly blockEveryMs: number | undefined;
  /** @default false */
  readonly isTls?: boolean;
}

export interface GoodReport {
  readonly answered: number;
  readonly failures: string[];
  readonly latencyMs: number[];
}

export class GoodClients {
  readonly #worker: Worker;
  readonly #report: Promise<GoodReport>;

  constructor(plan: GoodPlan) {
    this.#worker = new Worker(new URL('./good-clients.worker.js', import.meta.url), { workerData: plan });
    this.#report = new Promise((resolve, reject) => {
      this.#worker.once('message', resolve);
      this.#worker.once('error', reject);
    });
    this.#report.catch(() => {});
  }

  async stop(): Promise<GoodReport> {
    this.#worker.postMessage('stop');
    const report = await this.#report;
    await this.#worker.terminate();
    return report;
  }
}
