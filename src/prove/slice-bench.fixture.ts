/** Runs one slice against one target without all that a run has around it: what it would report, and its grid. */
import { setMaxListeners } from 'node:events';
import { SeededRandom } from '../base/random.ts';
import type { Sighting, Slice, SliceContext } from './slices/slice.ts';
import type { StartOrder } from './target/started-server.ts';
import type { Promises, Target } from './target/target.ts';

const SEED = 20260101;

export async function sightingsOf(
  slice: Slice,
  target: Target,
  promises: Promises,
  { budgetMs = 300, against = [] as readonly Target[], order = undefined as StartOrder | undefined } = {},
): Promise<{ sightings: Map<string, Sighting>; grid: SliceContext['grid'] }> {
  const sightings = new Map<string, Sighting>();
  const end = new AbortController();
  setMaxListeners(0, end.signal);
  const context: SliceContext = {
    ...{
      target,
      against,
      promises,
      order,
      budgetMs,
      random: new SeededRandom(SEED),
      concurrency: 8,
      patienceMs: 3000,
    },
    ...{ signal: end.signal, grid: [], count() {}, note() {} },
    async report(sighting) {
      sightings.set(sighting.id, sightings.get(sighting.id) ?? sighting);
    },
    history: [],
    vitals: () => ({ residentBytes: undefined, descriptors: undefined }),
  };
  await slice.run(context);
  return { sightings, grid: context.grid };
}
