/** Whether a server has got over what was done to it: it answers who comes new, and holds nothing of who has left. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../target/target.ts';
import { type OwnAccount, ownAccount } from '../target/vitals.ts';
import { ask } from './baseline.ts';
import type { SliceContext } from './slice.ts';

interface Before {
  readonly descriptors: number | undefined;
  readonly account: OwnAccount | undefined;
}

/** The good client has two connections, and each look of ours one. */
const OPEN_SLACK = 4;
/** Files that are opened once, connections of the admin port. */
const DESCRIPTOR_SLACK = 10;
/** Behind the deadlines that it promises: closing takes its time too. */
const RECOVERY_MS = 5000;
/** Pools of an application let go of connections that nobody uses: pg's after 10 s. */
const POOL_MS = 12_000;
const LOOK_EVERY_MS = 250;

export async function lookBefore(context: SliceContext): Promise<Before> {
  return { descriptors: context.vitals().descriptors, account: await ownAccount(context.target) };
}

/** @param after what was done, as in `after reset storms` */
export async function reportIfDeaf(context: SliceContext, after: string): Promise<void> {
  for (let tries = 0; tries < 2; tries++) {
    const { status } = await ask(
      context.target,
      'GET',
      context.target.paths.small,
      undefined,
      context.signal,
    );
    if (status !== undefined || context.signal.aborted) return;
  }
  await context.report({
    id: 'refused-afterwards',
    severity: 'high',
    title: `After ${after} a new connection got no answer, twice, within four seconds each.`,
    meaning: 'Attackers of this kind keep others out for longer than they are there.',
    rule: 'a server outlives its clients',
  });
}

/** Waits for the server to let go of what it has been left with. */
export async function reportIfHeld(context: SliceContext, before: Before, after: string): Promise<void> {
  const { promises, signal, target } = context;
  const longestMs = Math.max(
    0,
    ...[promises.headerMs, promises.idleMs, promises.bodyMs]
      .filter((ms) => ms !== undefined && Number.isFinite(ms))
      .map(Number),
  );
  const fromMs = performance.now();
  const waitMs = ({ what }: Held): number =>
    Math.min(longestMs, 30_000) + (what === 'descriptors' ? POOL_MS : RECOVERY_MS);
  let held = await heldOf(context, before, target);
  while (held !== undefined && performance.now() < fromMs + waitMs(held) && !signal.aborted) {
    await sleep(LOOK_EVERY_MS);
    held = await heldOf(context, before, target);
  }
  if (held === undefined || signal.aborted) return;
  await context.report({
    id: 'left-behind',
    severity: 'high',
    title: `After ${after} the server still holds ${held.more} ${held.what} more than before, and nobody is connected.`,
    meaning: 'Each such round costs some more, until none is left.',
    rule: 'what a client leaves is given back',
    figures: { before: held.before, now: held.now },
  });
}

interface Held {
  readonly what: string;
  readonly before: number;
  readonly now: number;
  readonly more: number;
}

async function heldOf(context: SliceContext, before: Before, target: Target): Promise<Held | undefined> {
  const account = await ownAccount(target);
  const open = [before.account?.engine.open, account?.engine.open, 'connections', OPEN_SLACK] as const;
  const descriptors = [
    before.descriptors,
    context.vitals().descriptors,
    'descriptors',
    DESCRIPTOR_SLACK,
  ] as const;
  for (const [then, now, what, slack] of [open, descriptors])
    if (then !== undefined && now !== undefined && now > then + slack)
      return { what, before: then, now, more: now - then };
  return undefined;
}
