/** What all threads together tell whoever looks at the page. */
import { mergeSections } from '../observe/admin-section.ts';
import { emptyCounts } from '../observe/duration-histogram.ts';
import { mergeOffenders } from '../observe/offenders.ts';
import type { WorkerStatus } from '../observe/status.ts';
import { mostTelling } from '../observe/transfer-row.ts';
import type { ServerStats } from './server.ts';
import { type ThreadObservation, TRANSFER_ROWS_MAX } from './thread-observation.ts';

export interface Observation extends ThreadObservation {
  readonly stats: ServerStats;
  readonly workers: readonly WorkerStatus[];
}

function mergeObservations(all: readonly ThreadObservation[]): ThreadObservation {
  return {
    transfers: {
      open: all.reduce((sum, { transfers }) => sum + transfers.open, 0),
      rows: mostTelling(
        all.flatMap(({ transfers }) => transfers.rows),
        TRANSFER_ROWS_MAX,
      ),
    },
    offenders: mergeOffenders(all.map(({ offenders }) => offenders)),
    sections: mergeSections(all.flatMap(({ sections }) => sections)),
  };
}

/** One place among the workers. */
interface Place {
  readonly index: number;
  readonly state: string;
}

/** What one thread has answered. */
export interface ThreadAnswer {
  readonly index: number;
  /** Its last ones, where it did not answer in time. */
  readonly stats: ServerStats;
  /** undefined where it did not answer. */
  readonly observation: ThreadObservation | undefined;
}

/** What all threads have answered. */
interface Answers {
  /** The sum, with those that have ended. */
  readonly stats: ServerStats;
  readonly threads: readonly ThreadAnswer[];
}

export function observationOfAll({ stats, threads }: Answers, places: readonly Place[]): Observation {
  const told = threads.flatMap(({ observation }) => (observation === undefined ? [] : [observation]));
  return {
    ...mergeObservations(told),
    stats,
    workers: places.map(({ index, state }) => {
      // Two while one takes over from the other.
      const own = threads.filter((thread) => thread.index === index);
      const counted = stats.byWorker[index];
      return {
        index,
        state,
        isSilent: own.some(({ observation }) => observation === undefined),
        open: own.reduce((sum, thread) => sum + thread.stats.engine.open, 0),
        requests: counted?.requests ?? 0,
        loopLag: counted?.loopLag ?? emptyCounts(),
      };
    }),
  };
}

/** @param index of the worker that tells */
export function observationOf(index: number, observation: ThreadObservation): ThreadObservation {
  if (index === 0) return observation;
  const { open, rows } = observation.transfers;
  return { ...observation, transfers: { open, rows: rows.map((row) => ({ ...row, worker: index })) } };
}
