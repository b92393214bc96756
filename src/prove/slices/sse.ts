/**
 * Readers of server-sent events that are killed in the middle of the stream, and come back with the id that they had: no
 * event may come twice or be lost between, and nothing may be left of who has gone.
 */
import { Wire } from '../wire/wire.ts';
import { lookBefore, reportIfDeaf, reportIfHeld } from './aftermath.ts';
import { inLanes, type Slice, type SliceContext } from './slice.ts';

const FIRST_EVENT_MS = 5000;
const ROUNDS_MAX = 20;
const EVENTS_A_ROUND = 3;

export const sse: Slice = {
  name: 'sse',
  does: 'kills readers of events in mid-stream, and comes back with Last-Event-ID',
  version: 'h1',
  mustBeZero: 'a reader that is left behind; an event lost or doubled over a reconnect',
  async run(context) {
    const { target, signal, concurrency } = context;
    if (target.paths.events === undefined) return 'no --events-path was given';
    const before = await lookBefore(context);
    const first = await read(context, undefined, 1);
    if (first.length === 0)
      return `${target.paths.events} sends no event with an id within ${FIRST_EVENT_MS / 1000} s`;
    const readers = Array.from({ length: concurrency }, (_, n) => n);
    const endMs = performance.now() + context.budgetMs;
    await inLanes(readers, concurrency, signal, () => comeAndGo(context, endMs));
    await reportIfDeaf(context, 'readers of events that were killed');
    await reportIfHeld(context, before, 'readers of events that were killed');
    return undefined;
  },
};

async function comeAndGo(context: SliceContext, endMs: number): Promise<void> {
  let last: string | undefined;
  for (let round = 0; round < ROUNDS_MAX && performance.now() < endMs && !context.signal.aborted; round++) {
    const ids = await read(context, last, EVENTS_A_ROUND);
    context.count('events', ids.length);
    const problem = problemOf(last, ids);
    if (problem !== undefined && !context.signal.aborted)
      await context.report({
        ...{ id: `event-${problem}`, severity: 'high', rule: 'HTML, server-sent events: Last-Event-ID' },
        title: `A reader that came back with Last-Event-ID ${last} got the events ${ids.join(', ')}: one was ${problem}.`,
        meaning: 'Whoever counts on events to arrive once each is wrong.',
      });
    last = ids.at(-1) ?? last;
  }
}

/** Only numbers that rise by one tell of a gap. */
function problemOf(last: string | undefined, ids: readonly string[]): 'lost' | 'doubled' | undefined {
  const all = last === undefined ? ids : [last, ...ids];
  for (let at = 1; at < all.length; at++) {
    if (all.slice(0, at).includes(all[at]!)) return 'doubled';
    const [before, now] = [Number(all[at - 1]), Number(all[at])];
    if (Number.isInteger(before) && Number.isInteger(now) && now > before + 1) return 'lost';
  }
  return undefined;
}

/** Reads so many events and is gone, by RST. @returns their ids */
async function read(context: SliceContext, last: string | undefined, count: number): Promise<string[]> {
  const { paths, authority } = context.target;
  const wire = new Wire(context.target, { onBytes: () => {} });
  const since = last === undefined ? '' : `Last-Event-ID: ${last}\r\n`;
  wire.write(
    `GET ${paths.events} HTTP/1.1\r\nHost: ${authority}\r\nAccept: text/event-stream\r\n${since}\r\n`,
  );
  const ids = (): string[] =>
    [...wire.received.matchAll(/^id: ?([^\r\n]*)\r?\n(?=[\s\S]*?\n\r?\n)/gm)].map(([, id]) => id!);
  await wire.until(() => ids().length >= count || wire.isEnded, FIRST_EVENT_MS);
  const seen = ids();
  wire.reset();
  wire.destroy();
  context.count('readers killed');
  return seen;
}
