/**
 * What all life-cycle tests share about measuring: how large a run is, and where the figures go.
 * `HOLDFAST_FULL=1` runs the full counts and judges the first attempt; without it counts are scaled down, and what depends on
 * a quiet machine may be tried again, because a neighbour's compiler on the same two cores is no fault of the server.
 */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import type { EngineName } from '#src/index.ts';

export const IS_FULL = process.env['HOLDFAST_FULL'] === '1';
/** Seed of everything random; a failure prints it. */
export const SEED = Number(process.env['HOLDFAST_SEED'] ?? 20260101);

export const scaled = (full: number, small: number): number => (IS_FULL ? full : small);

/** How much before its deadline an engine may seem to end a connection: two processes read the clock. */
export const EARLY_MS_MAX: Readonly<Record<EngineName, number>> = { iouring: 5, epoll: 5, node: 5, sim: 0 };

export type Figures = Readonly<Record<string, number | string>>;

/** Prints the figures of one row of the table, and adds them to the file that `HOLDFAST_FIGURES` names. */
export function report(t: TestContext, row: string, engine: EngineName, figures: Figures): void {
  const rounded = Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, typeof value === 'number' ? round(value) : value]),
  );
  const words = Object.entries(rounded).map(([name, value]) => `${name}=${value}`);
  t.diagnostic(`${row} [${engine}${IS_FULL ? ', full' : ', scaled down'}]: ${words.join(' ')}`);
  const file = process.env['HOLDFAST_FIGURES'];
  if (file !== undefined)
    appendFileSync(file, `${JSON.stringify({ row, engine, full: IS_FULL, figures: rounded })}\n`);
}

const round = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(4)));

/** Attempts of a scaled-down run at what depends on the machine being quiet. */
const ATTEMPTS = IS_FULL ? 1 : 3;

/**
 * Measures, reports, and judges; on a busy machine again.
 * @param judge throws when the figures are not good enough
 */
export async function judged(
  t: TestContext,
  row: string,
  engine: EngineName,
  measure: () => Promise<Figures>,
  judge: (figures: Figures) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const figures = await measure();
    report(t, row, engine, figures);
    try {
      judge(figures);
      return;
    } catch (error) {
      if (attempt >= ATTEMPTS) throw error;
      t.diagnostic(`attempt ${attempt} of ${ATTEMPTS} was not good enough: ${(error as Error).message}`);
    }
  }
}

/** Fails, with all figures, unless the figure called `name` is at most `most`. */
export function atMost(figures: Figures, name: string, most: number): void {
  const value = Number(figures[name]);
  assert.ok(value <= most, `${name} is ${value}, at most ${most} is allowed; ${JSON.stringify(figures)}`);
}

/** @param share 0.5 for the median, 0.999 for p99.9 */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)]!;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Polls until `isTrue`. @returns whether it came true in time */
export async function becomes(
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs: number,
  everyMs = 10,
): Promise<boolean> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    if (await isTrue()) return true;
    if (performance.now() >= endMs) return false;
    await sleep(everyMs);
  }
}

/** Runs `work` for 0 to `count` - 1, `concurrency` at a time. */
export async function inParallel(
  count: number,
  concurrency: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, count) }, lane));
}
