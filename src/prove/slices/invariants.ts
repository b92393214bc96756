/**
 * What has to hold whatever was done: memory that comes to rest, descriptors that are given back, counters that agree. It
 * comes last, and looks at the whole of the run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type OwnAccount, ownAccount } from '../target/vitals.ts';
import { reportIfHeld } from './aftermath.ts';
import type { Slice, SliceContext } from './slice.ts';

const LOOKS = 5;
const LOOK_EVERY_MS = 150;
const MIB = 2 ** 20;
/** Heaps breathe: in a shorter time no slope means anything. */
const SLOPE_MINUTES_MIN = 10;
const SLOPE_MIB_AN_HOUR_MAX = 1;
/** The smallest growth over the time that is looked at which is no breathing. */
const SLOPE_GROWTH_MIB = 8;
const GROWTH_BYTES_MAX = 256 * MIB;
/** What starts, compiles and fills its caches is over by then. */
const WARM_UP_SHARE = 0.3;

export const invariants: Slice = {
  name: 'invariants',
  does: 'looks at memory, descriptors and counters over the whole run',
  mustBeZero:
    'a leaked descriptor or connection; counters that contradict each other; memory that only grows',
  async run(context) {
    const seen = context.history.filter(({ residentBytes }) => residentBytes !== undefined);
    if (seen.length < 2) return "the server's processes are not to be seen from here";
    await memory(context);
    await reportIfHeld(context, { descriptors: seen[0]!.descriptors, account: undefined }, 'the whole run');
    await counters(context);
    return undefined;
  },
};

async function memory(context: SliceContext): Promise<void> {
  const seen = context.history.flatMap(({ atMs, residentBytes }) =>
    residentBytes === undefined ? [] : [{ atMs, residentBytes }],
  );
  const first = seen[0]!.residentBytes;
  const now = seen.at(-1)!.residentBytes;
  const rule = 'memory has a bound';
  context.count('memory at the beginning, MiB', Math.round(first / MIB));
  context.count('memory at the end, MiB', Math.round(now / MIB));
  if (now - first > GROWTH_BYTES_MAX)
    await context.report({
      ...{
        id: 'memory-kept',
        severity: 'medium',
        rule,
        figures: { beforeMiB: Math.round(first / MIB), nowMiB: Math.round(now / MIB) },
      },
      title: `The server holds ${Math.round((now - first) / MIB)} MiB more than before the run.`,
      meaning: 'Memory that attackers made it take is not given back.',
    });
  const warm = seen.filter(({ atMs }) => atMs >= seen.at(-1)!.atMs * WARM_UP_SHARE);
  const minutes = (warm.at(-1)!.atMs - warm[0]!.atMs) / 60_000;
  if (minutes < SLOPE_MINUTES_MIN) return;
  const mibAnHour = (slopeOf(warm) * 3600_000) / MIB;
  context.count('memory, MiB an hour', Math.round(mibAnHour * 10) / 10);
  if (mibAnHour <= SLOPE_MIB_AN_HOUR_MAX || (mibAnHour * minutes) / 60 < SLOPE_GROWTH_MIB) return;
  await context.report({
    ...{
      id: 'memory-slope',
      severity: 'medium',
      rule,
      figures: { mibAnHour: Math.round(mibAnHour), minutes: Math.round(minutes) },
    },
    title: `The server's memory grows by ${Math.round(mibAnHour)} MiB an hour, after it has warmed up.`,
    meaning: 'In some days it is used up.',
  });
}

/** Least squares, in bytes a millisecond. */
function slopeOf(points: readonly { readonly atMs: number; readonly residentBytes: number }[]): number {
  const meanX = points.reduce((sum, { atMs }) => sum + atMs, 0) / points.length;
  const meanY = points.reduce((sum, { residentBytes }) => sum + residentBytes, 0) / points.length;
  let products = 0;
  let squares = 0;
  for (const { atMs, residentBytes } of points) {
    products += (atMs - meanX) * (residentBytes - meanY);
    squares += (atMs - meanX) ** 2;
  }
  return squares === 0 ? 0 : products / squares;
}

/** A server of ours says how many connections it has had, has now, and in which state. */
async function counters(context: SliceContext): Promise<void> {
  let account = await ownAccount(context.target);
  // One that comes or goes at that moment is counted here already, and there not yet.
  for (let looks = 1; looks < LOOKS && account !== undefined && !doesAgree(account); looks++) {
    await sleep(LOOK_EVERY_MS);
    account = await ownAccount(context.target);
  }
  if (account === undefined) return;
  const { accepted, closed, open } = account.engine;
  context.count('connections accepted', accepted);
  if (doesAgree(account)) return;
  const inStates = statesOf(account);
  await context.report({
    ...{ id: 'counters-disagree', severity: 'medium', rule: 'counters that must agree' },
    figures: { accepted, closed, open, inStates },
    title: `The server counts ${accepted} accepted and ${closed} closed connections, ${open} open ones, and ${inStates} by their states.`,
    meaning: 'Whoever watches it by these numbers is misled, and something has been lost.',
  });
}

function doesAgree(account: OwnAccount): boolean {
  const { accepted, closed, open } = account.engine;
  return accepted - closed === open && Math.abs(statesOf(account) - open) <= 1;
}

function statesOf({ states }: OwnAccount): number {
  return Object.values(states).reduce((sum, count) => sum + count, 0);
}
