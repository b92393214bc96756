/**
 * Slow clients in their kinds, all at once: those that withhold what they owe have to be ended on the promised deadline,
 * however many bytes they drip; those that are only slow have to be served, however long they pause.
 */
import type { Figures } from '../finding.ts';
import { judgeDeadline, judgeLive, latenessOf, seconds } from '../slow/deadlines.ts';
import { type LiveKind, livingSlowly, type SlowKind, withholding } from '../slow/kinds.ts';
import { Withheld } from '../target/withheld.ts';
import { play } from '../wire/play.ts';
import type { Wire } from '../wire/wire.ts';
import { ask, findCarrier } from './baseline.ts';
import type { Slice, SliceContext } from './slice.ts';

/** Behind a deadline: what is not ended by then will not be. Twice the promise tells `late` from `never`. */
const AFTER_MS = 5000;

export const slow: Slice = {
  name: 'slow',
  does: 'withholds bytes in every way that a client can, and reads and sends slowly',
  version: 'h1',
  mustBeZero:
    'a client that withholds bytes and is not ended on the deadline; a live slow client that is aborted',
  async run(context) {
    const { target, promises, signal } = context;
    const { contentMethod } = await findCarrier(target, signal);
    const path = target.paths.large ?? target.paths.small;
    const { bytes } = await ask(target, 'GET', path, undefined, signal);
    const owing = withholding(target, promises, contentMethod).filter(({ deadline }) =>
      isOn(context, deadline),
    );
    const alive = livingSlowly(target, promises, contentMethod, { path, bytes });
    if (!alive.some(({ id }) => id.endsWith('reader')))
      context.note(
        `no slow readers: ${path} answers with ${bytes} bytes, which fit into the kernels' buffers; see --large-path`,
      );
    const each = Math.max(1, Math.floor(context.concurrency / (owing.length + alive.length)));
    context.note(
      `${each} clients each of ${owing.length} kinds that withhold, and of ${alive.length} that are slow`,
    );
    await Promise.all([
      ...owing.map((kind) => withhold(context, kind, each)),
      ...alive.map((kind) => live(context, kind, Math.min(each, 4))),
    ]);
    return undefined;
  },
};

function promiseOf({ promises }: SliceContext, deadline: SlowKind['deadline']): number | undefined {
  return { header: promises.headerMs, idle: promises.idleMs, body: promises.bodyMs }[deadline];
}

/** What the operator has switched off is no promise. */
function isOn(context: SliceContext, deadline: SlowKind['deadline']): boolean {
  return promiseOf(context, deadline) !== Number.POSITIVE_INFINITY;
}

async function withhold(context: SliceContext, slow: SlowKind, count: number): Promise<void> {
  const { target, signal } = context;
  const promiseMs = promiseOf(context, slow.deadline) ?? 0;
  const patienceMs = promiseMs > 0 ? 2 * promiseMs + AFTER_MS : context.patienceMs;
  const withheld = new Withheld(target.pids);
  const wires = await Promise.all(
    Array.from({ length: count }, () =>
      play(target, slow.script, { settleMs: patienceMs, patienceMs, signal }),
    ),
  );
  const withheldMs = withheld.stop();
  if (signal.aborted) return;
  const { id, kind, deadline, from } = slow;
  // Whoever answers before the content has come has no deadline for it left: the rest is its own affair.
  const owing =
    deadline === 'body'
      ? wires.filter(({ answers }) => !answers.all.some(({ status }) => status < 400))
      : wires;
  const input: Figures = { id, kind, deadline, from, promiseMs, patienceMs, withheldMs };
  const { endedAfterMs, neverEnded, lateMs } = latenessOf(owing, from, promiseMs);
  context.count(`${id}: ended`, endedAfterMs.length);
  if (neverEnded.length > 0) context.count(`${id}: not ended`, neverEnded.length);
  if (owing.length < wires.length)
    context.count(`${id}: answered before its content came`, wires.length - owing.length);
  const middle = endedAfterMs[Math.floor(endedAfterMs.length / 2)];
  if (middle !== undefined)
    context.note(
      `${kind}: ended after ${seconds(middle)}${promiseMs > 0 ? `, ${Math.round(lateMs[Math.floor(lateMs.length / 2)]!)} ms from the deadline` : ''}`,
    );
  const verdict = judgeDeadline(owing, input);
  const shown: Wire | undefined = neverEnded[0] ?? owing.at(-1);
  if (verdict === undefined || shown === undefined) return;
  await context.report({
    ...verdict,
    figures: {
      clients: owing.length,
      notEnded: neverEnded.length,
      lateMsMax: Math.round(lateMs.at(-1) ?? 0),
      withheldMs,
    },
    ...{ script: slow.script, exchange: shown.events, judge: { name: 'deadline', input } },
  });
}

async function live(
  context: SliceContext,
  { id, kind, script, answers, bytes, marginMs = 0 }: LiveKind,
  count: number,
): Promise<void> {
  const { target, signal } = context;
  const pausesMs = script.reduce((sum, step) => sum + (step.kind === 'wait' ? step.ms : 0), 0);
  const patienceMs = pausesMs + 30_000;
  const isEnough = (wire: Wire): boolean => wire.answers.wholeCount >= answers;
  const withheld = new Withheld(target.pids);
  const wires = await Promise.all(
    Array.from({ length: count }, () =>
      play(target, script, { settleMs: patienceMs, patienceMs, isEnough, signal }),
    ),
  );
  const withheldMs = withheld.stop();
  if (signal.aborted) return;
  const input: Figures = { id, kind, answers, bytes, patienceMs, withheldMs, marginMs };
  context.count(`${id}: served`, wires.filter(isEnough).length);
  context.note(`${kind}: ${wires.filter(isEnough).length} of ${count} served`);
  const verdict = judgeLive(wires, input);
  const shown = wires.find((wire) => !isEnough(wire)) ?? wires[0];
  if (verdict === undefined || shown === undefined) return;
  await context.report({ ...verdict, script, exchange: shown.events, judge: { name: 'live', input } });
}
