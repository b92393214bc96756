/**
 * A whole run: every target after the other, each attacked by the same slices with the same seed, so that what one engine
 * does and another does not is the engine's.
 */
import { cpus, release, type } from 'node:os';
import { attackTarget } from './attack-target.ts';
import type { ProveResult, TargetResult, TimelineEntry } from './results.ts';
import type { Slice } from './slices/slice.ts';
import { nameOf, type StartedServer, type StartOrder, startServer } from './target/started-server.ts';
import type { Promises, Target, TargetPaths } from './target/target.ts';

type ServerInReach = Pick<StartedServer, 'target' | 'ended' | 'stop'>;

/** A target that is there, or one that is started when its turn comes. */
export interface Subject {
  readonly name: string;
  /** How it is started; undefined where it is there. */
  readonly order: StartOrder | undefined;
  /** @throws Error saying why it did not start */
  begin(): Promise<ServerInReach>;
}

export interface ProveOrder {
  readonly subjects: readonly Subject[];
  readonly against: readonly Target[];
  readonly promises: Promises;
  readonly paths: TargetPaths;
  readonly slices: readonly Slice[];
  readonly seed: number;
  readonly concurrency: number;
  /** For all targets together. */
  readonly durationMs: number;
  readonly signal: AbortSignal;
  readonly version: string;
  readonly command: string;
  onProgress(target: string, entry: TimelineEntry): void;
}

export function machineText(): string {
  const all = cpus();
  return `${type()} ${release()}, ${all.length} cores (${all[0]?.model ?? 'unknown'}), Node ${process.versions.node}`;
}

export function thereAlready(target: Target): Subject {
  const server: ServerInReach = { target, ended: () => undefined, stop: async () => {} };
  return { name: target.name, order: undefined, begin: async () => server };
}

export function startedBy(order: StartOrder): Subject {
  return { name: nameOf(order), order, begin: () => startServer(order) };
}

export async function prove(order: ProveOrder): Promise<ProveResult> {
  const startedAt = new Date().toISOString();
  const startMs = performance.now();
  const targets: TargetResult[] = [];
  for (const subject of order.subjects) {
    if (order.signal.aborted) break;
    targets.push(await attackSubject(order, subject));
  }
  const { version, seed, command, against, signal } = order;
  return {
    ...{ tool: 'holdfast prove', version, startedAt, seed, command, targets },
    durationMs: Math.round(performance.now() - startMs),
    machine: machineText(),
    interrupted: signal.aborted,
    against: against.map(({ name }) => name),
  };
}

async function attackSubject(order: ProveOrder, subject: Subject): Promise<TargetResult> {
  const { promises, paths, slices, seed, concurrency, signal, against } = order;
  let server: ServerInReach;
  try {
    server = await subject.begin();
  } catch (error) {
    const failed = (error as Error).message;
    return {
      ...{ name: subject.name, url: '', promises, paths, failed, quiet: undefined },
      slices: [],
      timeline: [],
      vitals: [],
    };
  }
  try {
    return await attackTarget({
      ...{ target: server.target, against, promises, slices, seed, concurrency, signal },
      durationMs: order.durationMs / order.subjects.length,
      start: subject.order,
      endOfServer: server.ended,
      onProgress: (entry) => order.onProgress(server.target.name, entry),
    });
  } finally {
    await server.stop();
  }
}
