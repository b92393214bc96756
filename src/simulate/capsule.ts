/**
 * A finding that can be handed on: the seed and how its world was made smaller, what was found, the exact bytes both ways of
 * each connection, and what the server said of its connections at that moment. `--capsule FILE` replays it.
 */
import type { ConnectionRow } from '../observe/connection-row.ts';
import { checkedNarrowing, type Narrowing } from './narrowing.ts';
import { type RecordedConnection, Recording } from './recording.ts';
import { type RunOptions, type RunReport, runSeed } from './run.ts';
import { shrink } from './shrink.ts';

const KIND = 'holdfast-simulation';

interface Capsule {
  readonly capsule: typeof KIND;
  readonly seed: number;
  readonly narrowing: Narrowing;
  readonly finding: string;
  readonly events: number;
  readonly eventsBefore: number;
  /** SHA-256 of all that happened, line by line: a replay has the same. */
  readonly traceHash: string;
  readonly connections: readonly RecordedConnection[];
  /** What the server said of them when it was found. */
  readonly server: readonly ConnectionRow[];
}

/** What a replay needs of it. */
export type CapsuleToReplay = Pick<Capsule, 'seed' | 'narrowing' | 'finding' | 'traceHash'>;

/** Shrinks the world of a seed in which something was found, and writes down what happens in what is left. */
export async function makeCapsule(first: RunReport, options: RunOptions = {}): Promise<Capsule> {
  const { narrowing, eventsBefore } = await shrink(first, options);
  const recording = new Recording();
  const report = await runSeed(first.seed, { ...options, narrowing, endsWithFinding: true, recording });
  return {
    capsule: KIND,
    seed: first.seed,
    narrowing,
    finding: report.findings[0]!,
    events: report.totals.events,
    eventsBefore,
    traceHash: recording.hash(),
    connections: recording.connections,
    server: recording.rows,
  };
}

/**
 * @param text of a capsule's file
 * @throws Error that says what is wrong with it
 */
export function readCapsule(text: string): CapsuleToReplay {
  const value = JSON.parse(text) as Partial<Capsule>;
  if (value.capsule !== KIND) throw new Error(`no capsule of the simulator: its "capsule" is not "${KIND}"`);
  const { seed, narrowing, finding, traceHash } = value;
  if (!Number.isSafeInteger(seed)) throw new Error('seed: a whole number is needed');
  if (typeof finding !== 'string' || typeof traceHash !== 'string')
    throw new Error('finding and traceHash: texts are needed');
  return { seed: seed!, narrowing: checkedNarrowing(narrowing), finding, traceHash };
}
