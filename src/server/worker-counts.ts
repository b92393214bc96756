/**
 * What the worker threads count, added up in the main thread. It asks and remembers; starting and
 * ending workers is workers.ts'.
 *
 * Sums never step back, or graphs would show a flood where a worker was replaced: what a thread counted
 * is kept when it ends, in full when it ended in order, else as far as it was last asked.
 */
import type { Worker } from 'node:worker_threads';
import type { ConnectionRow } from '../observe/connection-row.ts';
import { observationOf, type ThreadAnswer } from './observation.ts';
import type { ServerStats } from './server.ts';
import { mergeStats, ofWorker } from './stats.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

/** A thread that blocks must not make the others' numbers wait: its last ones are taken then. */
const ANSWER_MS = 1000;

interface Entry {
  readonly index: number;
  stats: ServerStats;
}

export class WorkerCounts {
  readonly #living = new Map<Worker, Entry>();
  readonly #waiting = new Map<number, (answer: FromWorker | undefined) => void>();
  #ended = mergeStats([], 0);
  #askId = 0;
  readonly #ownDropped: () => ServerStats['pubsubDropped'];

  /** @param ownDropped of what the main thread has published itself */
  constructor(ownDropped: () => ServerStats['pubsubDropped']) {
    this.#ownDropped = ownDropped;
  }

  /** @param index the worker's, for the rows of its connections */
  joined(worker: Worker, index: number): void {
    this.#living.set(worker, { index, stats: mergeStats([], 0) });
  }

  /** A message with an `id`: the answer to a question. */
  answered(message: Extract<FromWorker, { id: number }>): void {
    this.#waiting.get(message.id)?.(message);
  }

  /** The last word of a worker that ends in order. */
  ending(worker: Worker, stats: ServerStats): void {
    const entry = this.#living.get(worker);
    if (entry !== undefined) entry.stats = ofWorker(stats, entry.index);
  }

  left(worker: Worker): void {
    const entry = this.#living.get(worker);
    if (entry === undefined) return;
    this.#living.delete(worker);
    const { engine } = entry.stats;
    const gone: ServerStats = {
      ...entry.stats,
      states: mergeStats([], 0).states,
      unsentBytes: 0,
      engine: { ...engine, open: 0 },
    };
    this.#ended = mergeStats([this.#ended, gone], 0);
  }

  /** @param workers how many threads serve now */
  async stats(workers: number): Promise<ServerStats> {
    await Promise.all(
      [...this.#living].map(async ([worker, entry]) => {
        const answer = await this.#ask(worker, (id) => ({ type: 'stats', id }));
        // Its last word counts more than an answer that was on its way.
        if (answer?.type === 'stats' && answer.stats.requests >= entry.stats.requests)
          entry.stats = ofWorker(answer.stats, entry.index);
      }),
    );
    return this.#sum(workers);
  }

  /** A worker that has left meanwhile is among the ended. It is counted once, whatever the order of events. */
  #sum(workers: number): ServerStats {
    const own = { ...mergeStats([], 0), pubsubDropped: this.#ownDropped() };
    return mergeStats([own, this.#ended, ...[...this.#living.values()].map(({ stats }) => stats)], workers);
  }

  /**
   * What the page shows: as `stats`, and what each thread tells beside its counters.
   * @param workers how many threads serve now
   */
  async observe(workers: number): Promise<{ stats: ServerStats; threads: ThreadAnswer[] }> {
    const threads = await Promise.all(
      [...this.#living].map(async ([worker, entry]) => {
        const { index } = entry;
        const answer = await this.#ask(worker, (id) => ({ type: 'observe', id }));
        if (answer?.type !== 'observed') return { index, stats: entry.stats, observation: undefined };
        const { stats, ...observation } = answer.observation;
        if (stats.requests >= entry.stats.requests) entry.stats = ofWorker(stats, index);
        return { index, stats: entry.stats, observation: observationOf(index, observation) };
      }),
    );
    return { stats: this.#sum(workers), threads };
  }

  /** @returns rows of at most `countMax` connections of each worker, with its index */
  async connections(countMax: number): Promise<ConnectionRow[]> {
    const tables = await Promise.all(
      [...this.#living].map(async ([worker, { index }]) => {
        const answer = await this.#ask(worker, (id) => ({ type: 'connections', id, countMax }));
        if (answer?.type !== 'connections') return [];
        return answer.rows.map((row) => ({ ...row, worker: index }));
      }),
    );
    return tables.flat();
  }

  /** @returns the subscribers of `topic` in all threads that answer */
  async subscribers(topic: string): Promise<number> {
    const counts = await Promise.all(
      [...this.#living.keys()].map(async (worker) => {
        const answer = await this.#ask(worker, (id) => ({ type: 'subscribers', id, topic }));
        return answer?.type === 'subscribers' ? answer.count : 0;
      }),
    );
    return counts.reduce((sum, each) => sum + each, 0);
  }

  /** @returns undefined when the worker ends first or does not answer */
  #ask(worker: Worker, question: (id: number) => ToWorker): Promise<FromWorker | undefined> {
    const id = ++this.#askId;
    return new Promise((resolve) => {
      const settle = (answer: FromWorker | undefined): void => {
        clearTimeout(patience);
        worker.off('exit', gone);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const gone = (): void => settle(undefined);
      const patience = setTimeout(gone, ANSWER_MS);
      worker.once('exit', gone);
      this.#waiting.set(id, settle);
      worker.postMessage(question(id));
    });
  }
}
