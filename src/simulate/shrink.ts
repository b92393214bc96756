/**
 * Makes the world of a seed smaller for as long as the same thing is found in it: fewer clients, shorter scripts, fewer
 * faults. What is left is what a person reads. The way of it is delta debugging (Zeller and Hildebrandt, "Simplifying and
 * isolating failure-inducing input", 2002).
 */
import { FAULT_NAMES, type Narrowing, OMISSION_NAMES } from './narrowing.ts';
import { type RunOptions, type RunReport, runSeed } from './run.ts';

/** Worlds that are tried at most; one takes some 5 ms. */
const TRIALS_MAX = 600;

interface Shrunk {
  readonly narrowing: Narrowing;
  /** The smallest world, which ends with its first finding. */
  readonly report: RunReport;
  /** Events of the whole world that the seed drew. */
  readonly eventsBefore: number;
  readonly trials: number;
}

/** @param first what was found in the whole world */
export async function shrink(first: RunReport, options: RunOptions = {}): Promise<Shrunk> {
  const shrinker = new Shrinker(first, options);
  await shrinker.go();
  const { narrowing, report, trials } = shrinker;
  return { narrowing, report, trials, eventsBefore: first.totals.events };
}

/** What makes two findings the same: all but moments, amounts and numbers of connections. */
export function kindOf(finding: string): string {
  return finding
    .split('\n', 1)[0]!
    .replace(/^at [\d.]+ ms: /, '')
    .replace(/\d+(\.\d+)?/g, '#');
}

class Shrinker {
  narrowing: Narrowing = {};
  report: RunReport;
  trials = 0;
  readonly #options: RunOptions;
  readonly #kind: string;

  constructor(first: RunReport, options: RunOptions) {
    this.report = first;
    this.#options = options;
    this.#kind = kindOf(first.findings[0]!);
  }

  async go(): Promise<void> {
    await this.#try({});
    for (let before = Number.POSITIVE_INFINITY; this.report.totals.events < before; ) {
      before = this.report.totals.events;
      await this.#clients();
      await this.#omit('calm', FAULT_NAMES);
      await this.#omit('without', OMISSION_NAMES);
      for (const client of this.narrowing.clients ?? []) await this.#steps(client);
    }
    await this.#forgetAbsent();
  }

  /** The scripts of clients that stay away say nothing. */
  async #forgetAbsent(): Promise<void> {
    const { clients = [], steps = {} } = this.narrowing;
    const present = Object.entries(steps).filter(([client]) => clients.includes(Number(client)));
    await this.#try({ ...this.narrowing, steps: Object.fromEntries(present) });
  }

  async #clients(): Promise<void> {
    const all = this.narrowing.clients ?? this.report.clients.map((_, index) => index);
    const clients = await reduce(all, (kept) => this.#try({ ...this.narrowing, clients: kept }));
    if (this.narrowing.clients === undefined) this.narrowing = { ...this.narrowing, clients };
  }

  /** Leaves out as many as can be: those that remain are the ones that it needs. */
  async #omit(field: 'calm' | 'without', names: readonly string[]): Promise<void> {
    const omitted = this.narrowing[field] ?? [];
    const present = names.filter((name) => !omitted.includes(name));
    await reduce(present, (kept) => {
      const gone = names.filter((name) => !kept.includes(name));
      return this.#try({ ...this.narrowing, [field]: gone });
    });
  }

  async #steps(client: number): Promise<void> {
    const walked =
      this.narrowing.steps?.[client] ??
      Array.from({ length: this.report.clients[client]!.steps }, (_, at) => at);
    await reduce(walked, (kept) =>
      this.#try({ ...this.narrowing, steps: { ...this.narrowing.steps, [client]: kept } }),
    );
  }

  /** Keeps the world if the same is found in it, and it is no larger. */
  async #try(narrowing: Narrowing): Promise<boolean> {
    if (this.trials > TRIALS_MAX) return false;
    this.trials++;
    const report = await runSeed(this.report.seed, { ...this.#options, narrowing, endsWithFinding: true });
    const [finding] = report.findings;
    if (finding === undefined || kindOf(finding) !== this.#kind) return false;
    if (report.totals.events > this.report.totals.events) return false;
    this.narrowing = narrowing;
    this.report = report;
    return true;
  }
}

/**
 * The least of `items` that `holds`: halves, quarters and so on are left out while it does.
 * @param holds is told what would be kept
 */
async function reduce<T>(items: readonly T[], holds: (kept: T[]) => Promise<boolean>): Promise<readonly T[]> {
  let kept = [...items];
  for (let size = kept.length; size >= 1; ) {
    let hasShrunk = false;
    for (let start = 0; start < kept.length; ) {
      const without = [...kept.slice(0, start), ...kept.slice(start + size)];
      if (await holds(without)) {
        kept = without;
        hasShrunk = true;
      } else start += size;
    }
    if (!hasShrunk || size > kept.length) size = Math.floor(Math.min(size, kept.length * 2) / 2);
  }
  return kept;
}
