/** Slices that come by several times in a long run, and what their rounds come to together. */
import type { Finding } from './finding.ts';
import type { TimedSlice } from './results.ts';
import type { Slice } from './slices/slice.ts';

/** What looks at the whole of a run comes once, at its end. */
const LAST = 'invariants';

/** @param goesOn asked after each round: attacks may take less time than they are given */
export function* inRounds(slices: readonly Slice[], goesOn: () => boolean): Generator<Slice> {
  const again = slices.filter(({ name }) => name !== LAST);
  do yield* again;
  while (again.length > 0 && goesOn());
  yield* slices.filter(({ name }) => name === LAST);
}

/** Waits are those of the worse round. */
export function joinedSlices(one: TimedSlice, other: TimedSlice): TimedSlice {
  const counters = { ...one.counters };
  for (const [name, count] of Object.entries(other.counters)) counters[name] = (counters[name] ?? 0) + count;
  const findings: Finding[] = [...one.findings];
  for (const finding of other.findings) {
    const at = findings.findIndex(({ id }) => id === finding.id);
    if (at < 0) findings.push(finding);
    else findings[at] = { ...findings[at]!, times: findings[at]!.times + finding.times };
  }
  const worse = other.beside.p99Ms > one.beside.p99Ms ? other.beside : one.beside;
  return {
    ...{ ...one, counters, findings, durationMs: one.durationMs + other.durationMs },
    grid: one.grid.length > 0 ? one.grid : other.grid,
    beside: {
      ...{ ...worse, failures: [...one.beside.failures, ...other.beside.failures].slice(0, 20) },
      answered: one.beside.answered + other.beside.answered,
      failed: one.beside.failed + other.beside.failed,
      wrong: one.beside.wrong + other.beside.wrong,
      dead: one.beside.dead + other.beside.dead,
    },
  };
}
