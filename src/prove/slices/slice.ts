/**
 * What a slice of the attack is: a kind of peer that servers meet, with what it counts and what must be zero. It is given
 * its target, its time and its randomness, and reports findings; it prints nothing and knows no other slice.
 */
import type { SeededRandom } from '../../base/random.ts';
import type { Figures, Finding, Severity } from '../finding.ts';
import type { StartOrder } from '../target/started-server.ts';
import type { Promises, Target } from '../target/target.ts';
import type { Vitals, VitalsSample } from '../target/vitals.ts';
import type { Script } from '../wire/script.ts';
import type { WireEvent } from '../wire/wire.ts';

export interface Slice {
  readonly name: string;
  /** What it does, for people. */
  readonly does: string;
  /** The version of HTTP that it is about; both where it does not say. */
  readonly version?: 'h1' | 'h2';
  /** What of its counters has to stay zero, for people. */
  readonly mustBeZero: string;
  /** @returns why there was nothing to do here, where that is so */
  run(context: SliceContext): Promise<string | undefined>;
}

/** A finding as its slice sees it; the run knows seed, slice and target. */
export interface Sighting {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
  readonly meaning: string;
  readonly rule: string;
  readonly figures?: Figures;
  /** What was done on the connection on which it shows. */
  readonly script?: Script;
  readonly exchange?: readonly WireEvent[];
  readonly judge?: { readonly name: string; readonly input: Figures };
}

export interface SliceContext {
  readonly target: Target;
  /** Others that are asked the same, for comparison. */
  readonly against: readonly Target[];
  readonly promises: Promises;
  /** By which another server like the target can be started; undefined where the target is not ours to start. */
  readonly order: StartOrder | undefined;
  readonly random: SeededRandom;
  readonly concurrency: number;
  /** How long waiting for what a server never promised makes sense. */
  readonly patienceMs: number;
  /** What it may take, in milliseconds: a slice that has no natural end stops then. */
  readonly budgetMs: number;
  /** Aborted when the run is broken off, or the server is dead. */
  readonly signal: AbortSignal;
  count(name: string, by?: number): void;
  /** What was thrown and what happened, for the timeline. */
  note(text: string): void;
  report(sighting: Sighting): Promise<void>;
  readonly grid: GridRow[];
  vitals(): Vitals;
  /** Once a second since the run began. */
  readonly history: readonly VitalsSample[];
}

/** One stream of bytes and how each server read it, in the order of the target and those it is compared with. */
export interface GridRow {
  readonly name: string;
  readonly readings: readonly string[];
  /** What the RFCs say of it. */
  readonly expected: string;
  readonly rule: string;
  readonly bytes: string;
}

export interface SliceResult {
  readonly name: string;
  readonly does: string;
  readonly mustBeZero: string;
  /** Undefined where it ran. */
  readonly skipped: string | undefined;
  readonly durationMs: number;
  readonly counters: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  readonly grid: readonly GridRow[];
}

/** Runs `work` for each, so many at a time; what has not begun when the signal comes is left out. */
export async function inLanes<T>(
  items: Iterable<T>,
  lanes: number,
  signal: AbortSignal,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    while (!signal.aborted) {
      const next = iterator.next();
      if (next.done === true) return;
      await work(next.value);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
