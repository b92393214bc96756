/**
 * Raw HTTP/1.1 that is wrong in every way that is known, and streams out of a seed that nobody has thought of: named cases
 * over several servers make the grid, every split of some streams shows whether a reading depends on how bytes arrive.
 */
import type { Figures } from '../finding.ts';
import { namedCases } from '../http1/cases.ts';
import { makeStream } from '../http1/grammar.ts';
import { observe, signatureOf } from '../http1/judge.ts';
import { RULES } from '../http1/rules.ts';
import { readStream } from '../http1/strict-reader.ts';
import { JUDGES } from '../judges.ts';
import type { Target } from '../target/target.ts';
import { play } from '../wire/play.ts';
import { type Script, send, sentBytes } from '../wire/script.ts';
import { findCarrier } from './baseline.ts';
import { type GridRow, inLanes, type Slice, type SliceContext } from './slice.ts';

/** What a server says at once it has said by then; what matters is asked a second time, with patience. */
const LAST_LOOK_MS = 15_000;
const SETTLE_MS = 250;
const SPLIT_STREAMS_MAX = 8;
/** A stream has some 150 places to be cut at. */
const SPLIT_STREAM_MS = 1500;
const JUDGE = JUDGES['http1']!;

export const malformed: Slice = {
  name: 'malformed',
  does: 'sends HTTP/1.1 that is wrong: smuggling, chunks, NUL, line ends, sizes, in pieces of every length',
  version: 'h1',
  mustBeZero: 'accepted what must be refused; two readings of the same bytes; a good request refused',
  async run(context) {
    const carrier = await findCarrier(context.target, context.signal);
    context.note(`content goes by ${carrier.contentMethod ?? 'no method: only heads are tried'}`);
    const input: Figures = { strict: context.target.isOurs ? 1 : 0 };
    const cases = namedCases(carrier);
    await inLanes(cases, context.concurrency, context.signal, async ({ name, bytes }) => {
      await tryScript(context, [send(bytes)], input);
      const row = await gridRow(context, name, bytes);
      if (row !== undefined) context.grid.push(row);
      context.count('named cases');
    });
    context.note(`${cases.length} named cases over ${1 + context.against.length} servers`);
    await everySplit(
      context,
      cases.map(({ bytes }) => bytes),
      input,
    );
    let made = 0;
    const endMs = performance.now() + context.budgetMs * 0.5;
    const streams = function* (): Generator<Script> {
      while (performance.now() < endMs) {
        made++;
        yield makeStream(context.random.fork(), carrier);
      }
    };
    await inLanes(streams(), context.concurrency, context.signal, async (script) => {
      await tryScript(context, script, input);
      context.count('streams from the seed');
    });
    context.note(`${made} streams from the seed`);
    return undefined;
  },
};

async function tryScript(context: SliceContext, script: Script, input: Figures): Promise<void> {
  const { target, signal } = context;
  const isEnough = JUDGE.isEnough.bind(JUDGE, script, input);
  const first = await play(target, script, { settleMs: SETTLE_MS, isEnough, signal });
  const reading = readStream(sentBytes(script), input['strict'] === 1);
  context.count(reading.fault === undefined ? 'sent without a fault' : 'sent with a fault');
  const isSilent = !first.isEnded && (reading.fault !== undefined || reading.isWhole);
  if (signal.aborted || (JUDGE.judge(script, input, first) === undefined && !isSilent)) return;
  // A second look, with time enough for a machine that is busy: also at whoever has said too little so far.
  const again = { settleMs: SETTLE_MS, patienceMs: JUDGE.patienceMs(input), isEnough, signal };
  let wire = await play(target, script, again);
  // Silence is told from slowness by more patience alone.
  if (JUDGE.judge(script, input, wire)?.id === 'valid-unanswered' && !wire.isEnded)
    wire = await play(target, script, { ...again, patienceMs: LAST_LOOK_MS });
  const verdict = JUDGE.judge(script, input, wire);
  if (verdict === undefined || signal.aborted) return;
  await context.report({
    ...verdict,
    figures: { statuses: observe(wire).statuses.join(' ') },
    ...{ script, exchange: wire.events, judge: { name: 'http1', input } },
  });
}

/** @returns undefined where all read it alike, as it should be */
async function gridRow(context: SliceContext, name: string, bytes: string): Promise<GridRow | undefined> {
  const { against, target, signal } = context;
  const readings: string[] = [];
  for (const each of [target, ...against]) {
    // Hosts differ; everything else is the same.
    const own = bytes.replaceAll(`Host: ${target.authority}`, `Host: ${each.authority}`);
    readings.push(await signatureFrom(each, [send(own)], signal));
  }
  const { fault, liberties, requests } = readStream(bytes, false);
  const rule = fault ?? [...liberties][0];
  const expected =
    fault !== undefined
      ? 'to be refused'
      : rule === undefined
        ? `${requests.length} answers`
        : 'may be repaired or refused';
  return {
    name,
    readings,
    expected,
    rule: rule === undefined ? 'RFC 9112 §2.1' : RULES[rule].section,
    bytes,
  };
}

async function signatureFrom(target: Target, script: Script, signal: AbortSignal): Promise<string> {
  const bytes = sentBytes(script);
  const { requests, isWhole } = readStream(bytes, false);
  const wire = await play(target, script, {
    settleMs: SETTLE_MS,
    isEnough: ({ answers }) => isWhole && answers.wholeCount > requests.length,
    signal,
  });
  return signatureOf(observe(wire));
}

/** Two pieces, cut at every byte: whoever reads them otherwise than the whole reads what arrives, and not what was sent. */
async function everySplit(context: SliceContext, streams: readonly string[], input: Figures): Promise<void> {
  const { target, signal, concurrency } = context;
  const streamCount = Math.min(SPLIT_STREAMS_MAX, Math.ceil((context.budgetMs * 0.3) / SPLIT_STREAM_MS));
  // Good ones show what is lost, others what is let through.
  const good = streams.filter((bytes) => readStream(bytes, true).isWhole);
  const chosen = Array.from({ length: streamCount }, (_, n) =>
    context.random.pick(n % 2 === 0 ? good : streams),
  );
  for (const bytes of chosen) {
    const whole = await acceptedOf(target, [send(bytes)], input, signal, JUDGE.patienceMs(input));
    const cuts = Array.from({ length: bytes.length - 1 }, (_, at) => at + 1);
    await inLanes(cuts, concurrency, signal, async (cut) => {
      const script: Script = [send(bytes.slice(0, cut)), { kind: 'wait', ms: 25 }, send(bytes.slice(cut))];
      const accepted = await acceptedOf(target, script, input, signal);
      context.count('splits');
      if (!isOtherReading(whole, accepted) || signal.aborted) return;
      // Slow answers are no other reading.
      const split = await acceptedOf(target, script, input, signal, JUDGE.patienceMs(input));
      if (!isOtherReading(whole, split) || signal.aborted) return;
      await context.report({
        id: 'reading-depends-on-split',
        severity: 'high',
        title: `The same bytes are answered ${whole.count} times with success when they come at once, and ${split.count} times in two pieces.`,
        meaning: 'What a request means must not depend on how the network cuts it.',
        rule: 'RFC 9112 §2.2',
        figures: { cut, whole: whole.count, split: split.count },
        script,
      });
    });
  }
  context.note(`${chosen.length} streams in two pieces, cut at every byte`);
}

interface Accepted {
  readonly count: number;
  readonly saysClose: boolean;
}

/** Whoever answers before the content has come, and says that it closes, may do so sooner or later. */
function isOtherReading(whole: Accepted, split: Accepted): boolean {
  return split.count > whole.count ? !whole.saysClose : split.count < whole.count && !split.saysClose;
}

async function acceptedOf(
  target: Target,
  script: Script,
  input: Figures,
  signal: AbortSignal,
  patienceMs?: number,
): Promise<Accepted> {
  const wire = await play(target, script, {
    ...{ settleMs: 2 * SETTLE_MS, isEnough: JUDGE.isEnough.bind(JUDGE, script, input), signal },
    ...(patienceMs === undefined ? {} : { patienceMs }),
  });
  const { statuses, saysClose } = observe(wire);
  return { count: statuses.filter((status) => status < 400).length, saysClose };
}
