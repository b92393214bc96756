/**
 * One target from beginning to end: a good client alone, then slice after slice with the good client beside each, and what
 * became of the server afterwards. It prints nothing; whoever watches is told line by line.
 */
import { setMaxListeners } from 'node:events';
import { SeededRandom } from '../base/random.ts';
import { GoodClient, type GoodFigures } from './beside/good-client.ts';
import { makeCapsule } from './capsules.ts';
import type { Finding, Severity } from './finding.ts';
import type { TargetResult, TimedSlice, TimelineEntry } from './results.ts';
import { inRounds, joinedSlices } from './rounds.ts';
import type { GridRow, Sighting, Slice, SliceContext } from './slices/slice.ts';
import type { StartOrder } from './target/started-server.ts';
import type { Promises, Target } from './target/target.ts';
import { readVitals, type VitalsSample } from './target/vitals.ts';

interface AttackOrder {
  readonly target: Target;
  readonly against: readonly Target[];
  readonly promises: Promises;
  readonly slices: readonly Slice[];
  readonly seed: number;
  readonly concurrency: number;
  /** For all slices together. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
  readonly start: StartOrder | undefined;
  /** Why the server's process has ended by itself; undefined while it runs, or where it is not ours. */
  readonly endOfServer: () => string | undefined;
  onProgress(entry: TimelineEntry): void;
}

const QUIET_MS = 1500;
/** New connections, a second apart, that nobody answers within five: then nobody lives there. */
const DEAD_AFTER = 2;
const ROUND_MS = 5 * 60_000;
const WATCH_EVERY_MS = 1000;
/** Ends of one kind are one finding; how often it was seen is counted. */
const TIMELINE_MAX = 2000;
/** Two hours, a second each. */
const VITALS_MAX = 7200;

export async function attackTarget(order: AttackOrder): Promise<TargetResult> {
  const { target, promises, slices } = order;
  const run = new TargetRun(order);
  try {
    const quiet = await run.quiet();
    const results = new Map<string, TimedSlice>();
    const endMs = performance.now() + order.durationMs;
    const isLong = (): boolean => roundsOf(order) > 1 && performance.now() < endMs;
    for (const slice of inRounds(slices, isLong)) {
      if (order.signal.aborted || run.isDead) break;
      const result = await run.slice(slice);
      const earlier = results.get(slice.name);
      results.set(slice.name, earlier === undefined ? result : joinedSlices(earlier, result));
    }
    const { name, url, paths } = target;
    return {
      ...{ name, url, promises, paths, failed: undefined, quiet, slices: [...results.values()] },
      ...run.records,
    };
  } finally {
    await run.stop();
  }
}

/** What has an hour comes by several times, so that memory which only grows is told from memory that one attack takes. */
function roundsOf({ durationMs }: Pick<AttackOrder, 'durationMs'>): number {
  return Math.max(1, Math.floor(durationMs / ROUND_MS));
}

class TargetRun {
  readonly #order: AttackOrder;
  readonly #client: GoodClient;
  readonly #startMs = performance.now();
  readonly #watch: NodeJS.Timeout;
  readonly #random: SeededRandom;
  readonly records: { readonly timeline: TimelineEntry[]; readonly vitals: VitalsSample[] } = {
    timeline: [],
    vitals: [],
  };
  isDead = false;
  #unansweredAtDeath = 0;
  #sliceName = 'quiet';
  #quiet: GoodFigures | undefined;
  /** Ends the slice under way when the server is dead. */
  readonly #death = new AbortController();
  /** The run is broken off, or the server is dead. */
  readonly #signal: AbortSignal;

  constructor(order: AttackOrder) {
    this.#order = order;
    this.#random = new SeededRandom(order.seed);
    this.#signal = AbortSignal.any([order.signal, this.#death.signal]);
    // Each attacker listens to it while its connection is open.
    setMaxListeners(0, this.#signal);
    this.#client = new GoodClient(order.target);
    this.#watch = setInterval(() => this.#look(), WATCH_EVERY_MS);
    this.#look();
  }

  async stop(): Promise<void> {
    clearInterval(this.#watch);
    await this.#client.stop();
  }

  async quiet(): Promise<GoodFigures> {
    await pause(QUIET_MS, this.#order.signal);
    this.#quiet = this.#client.take();
    return this.#quiet;
  }

  async slice(slice: Slice): Promise<TimedSlice> {
    const { signal } = this.#order;
    this.#sliceName = slice.name;
    const fromMs = this.#nowMs;
    const counters: Record<string, number> = {};
    const grid: GridRow[] = [];
    const sightings = new Map<string, { readonly sighting: Sighting; times: number }>();
    const context = this.#contextOf(slice, counters, grid, sightings);
    this.#note(slice.does);
    let skipped: string | undefined;
    try {
      skipped = foreignTo(slice, this.#order.target) ?? (await slice.run(context));
    } catch (error) {
      if (!this.#signal.aborted) throw error;
    }
    // What the good client has waited for belongs to this slice.
    await pause(300, signal);
    const beside = this.#client.take();
    // Whoever breaks a run off at a terminal ends the server by the same keys.
    if (!signal.aborted) for (const sighting of this.#seenBeside(beside)) await context.report(sighting);
    const findings = await this.#findings(slice, sightings);
    const { name, does, mustBeZero } = slice;
    const durationMs = this.#nowMs - fromMs;
    return {
      ...{ name, does, mustBeZero, skipped, fromMs, durationMs },
      ...{ counters, grid, beside, findings },
    };
  }

  #contextOf(
    slice: Slice,
    counters: Record<string, number>,
    grid: GridRow[],
    sightings: Map<string, { readonly sighting: Sighting; times: number }>,
  ): SliceContext {
    const { target, against, promises, concurrency, durationMs, slices, start: order } = this.#order;
    const budgetMs = durationMs / slices.length / roundsOf(this.#order);
    return {
      ...{ target, against, promises, order, concurrency, budgetMs, signal: this.#signal, grid },
      patienceMs: Math.max(budgetMs, durationMs / 2 / roundsOf(this.#order)),
      random: this.#random.fork(),
      vitals: () => readVitals(target.pids),
      history: this.records.vitals,
      count: (name, by = 1) => {
        counters[name] = (counters[name] ?? 0) + by;
      },
      note: (text) => this.#note(text),
      report: async (sighting) => {
        const known = sightings.get(sighting.id);
        if (known !== undefined) {
          known.times++;
          return;
        }
        sightings.set(sighting.id, { sighting, times: 1 });
        this.#note(`${slice.name}/${sighting.id}: ${sighting.title}`, sighting.severity);
      },
    };
  }

  /** What the good client met is a finding of whatever went on beside it. */
  #seenBeside(beside: GoodFigures): Sighting[] {
    const found: Sighting[] = [];
    const figures = { ...beside, failures: [...new Set(beside.failures)].slice(0, 3).join('; ') };
    const end = this.#order.endOfServer();
    if (end !== undefined)
      found.push({
        ...{ id: 'server-ended', severity: 'high', figures, rule: 'a server outlives its clients' },
        ...{
          title: `The server's process ended: ${end}.`,
          meaning: 'One client ends the service for everybody.',
        },
      });
    else if (this.isDead)
      found.push({
        ...{ id: 'stopped-answering', severity: 'high', figures, rule: 'a server outlives its clients' },
        title: `The server stopped answering: ${this.#unansweredAtDeath} new connections in a row got no answer.`,
        meaning: 'Attackers of this kind can keep everybody else out.',
      });
    else if (beside.failed > 0)
      found.push({
        ...{ id: beside.wrong > 0 ? 'wrong-answer-beside' : 'failed-beside', severity: 'high', figures },
        ...{ rule: 'a good client is served whatever others do' },
        title: `Beside this attack ${beside.failed} requests of a good client failed: ${figures.failures}.`,
        meaning:
          beside.wrong > 0
            ? 'Clients get answers that are not theirs.'
            : 'What others do costs a good client its answers.',
      });
    const quiet = this.#quiet;
    if (!this.isDead && quiet !== undefined && beside.p99Ms > Math.max(500, 20 * quiet.p99Ms))
      found.push({
        ...{
          id: 'slow-beside',
          severity: 'medium',
          figures,
          rule: 'a good client is served whatever others do',
        },
        title: `Beside this attack a good client waited ${beside.p99Ms} ms (p99), ${quiet.p99Ms} ms while it was quiet.`,
        meaning: 'Attackers of this kind make the service slow for everybody.',
      });
    return found;
  }

  async #findings(
    { name: slice }: Slice,
    sightings: ReadonlyMap<string, { readonly sighting: Sighting; readonly times: number }>,
  ): Promise<Finding[]> {
    const { target, seed } = this.#order;
    const findings: Finding[] = [];
    for (const { sighting, times } of sightings.values()) {
      const { id, severity, title, meaning, rule, figures = {} } = sighting;
      const capsule = await makeCapsule({ sighting, slice, seed, target, signal: this.#signal });
      findings.push({
        id: `${slice}/${id}`,
        slice,
        target: target.name,
        severity,
        title,
        meaning,
        rule,
        seed,
        figures,
        times,
        capsule,
      });
    }
    return findings;
  }

  get #nowMs(): number {
    return performance.now() - this.#startMs;
  }

  #note(text: string, severity?: Severity): void {
    const entry: TimelineEntry = {
      atMs: Math.round(this.#nowMs),
      slice: this.#sliceName,
      text,
      ...(severity === undefined ? {} : { severity }),
    };
    if (this.records.timeline.length < TIMELINE_MAX) this.records.timeline.push(entry);
    this.#order.onProgress(entry);
  }

  #look(): void {
    const { vitals } = this.records;
    vitals.push({ atMs: Math.round(this.#nowMs), ...readVitals(this.#order.target.pids) });
    // Of a long run every second look is forgotten, again and again: a slope needs no more.
    if (vitals.length > VITALS_MAX)
      vitals.splice(0, VITALS_MAX, ...vitals.slice(0, VITALS_MAX).filter((_, n) => n % 2 === 0));
    const isGone = this.#client.deadInARow >= DEAD_AFTER || this.#order.endOfServer() !== undefined;
    if (!isGone || this.isDead) return;
    this.isDead = true;
    this.#unansweredAtDeath = this.#client.deadInARow;
    this.#note('the server does not answer any more', 'high');
    this.#death.abort();
  }
}

/** @returns why a slice has nothing to do where only the other version of HTTP is spoken */
function foreignTo({ version }: Slice, { speech = 'any' }: Target): string | undefined {
  if (version === undefined || speech === 'any' || version === speech) return undefined;
  return version === 'h1' ? 'it is about HTTP/1.1' : 'it is about HTTP/2';
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
