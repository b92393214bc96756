/**
 * Makes a script smaller whose finding shows only after a wait: all candidates of a round are played at the same time, each on its
 * connection, and the smallest that still shows it goes into the next round. So a round costs one wait.
 */
import type { Figures } from './finding.ts';
import { JUDGES } from './judges.ts';
import type { Target } from './target/target.ts';
import { play } from './wire/play.ts';
import { eventCount, type Script, type Step } from './wire/script.ts';

export interface ShrinkOrder {
  readonly target: Target;
  readonly script: Script;
  readonly judge: { readonly name: string; readonly input: Figures };
  readonly id: string;
  readonly signal: AbortSignal;
}

export interface Shrunk {
  readonly script: Script;
  readonly plays: number;
}

const ROUNDS_MAX = 4;
const CANDIDATES_MAX = 48;
/** Nobody waits longer than that for a capsule to be smaller. */
const WAIT_MS_MAX = 15_000;
/** Behind twice the deadline: what is not ended by then will not be. */
const AFTER_MS = 1500;

export async function shrinkSlowly({ target, script, judge, id, signal }: ShrinkOrder): Promise<Shrunk> {
  const judged = JUDGES[judge.name]!;
  const promiseMs = Number(judge.input['promiseMs'] ?? 0);
  const wholeMs = judged.patienceMs(judge.input);
  const patienceMs = promiseMs > 0 ? Math.min(wholeMs, 2 * promiseMs + AFTER_MS) : wholeMs;
  let plays = 0;
  if (patienceMs > WAIT_MS_MAX) return { script, plays };
  const shows = async (candidate: Script): Promise<boolean> => {
    plays++;
    const isEnough = judged.isEnough.bind(judged, candidate, judge.input);
    const wire = await play(target, candidate, { settleMs: patienceMs, patienceMs, isEnough, signal });
    return judged.judge(candidate, judge.input, wire)?.id === id;
  };
  let best = script;
  for (let round = 0; round < ROUNDS_MAX && !signal.aborted; round++) {
    const candidates = smallerThan(best);
    const shown = await Promise.all(candidates.map(shows));
    // They are in order, the smallest first.
    const smallest = candidates.find((_, index) => shown[index]);
    if (smallest === undefined || signal.aborted) break;
    best = smallest;
  }
  return { script: best, plays };
}

/** Scripts with something left out, the smallest first. */
function smallerThan(script: Script): Script[] {
  const without = script.map((_, at) => script.filter((_step, index) => index !== at));
  const lessOf = script.flatMap((step, at) => lessThan(step).map((less) => script.with(at, less)));
  return [...without, ...lessOf]
    .filter((candidate) => candidate.length > 0 && eventCount(candidate) < eventCount(script))
    .sort((a, b) => eventCount(a) - eventCount(b))
    .slice(0, CANDIDATES_MAX);
}

function lessThan(step: Step): Step[] {
  if (step.kind === 'drip') {
    const [last = 'a'] = step.again;
    return [
      { ...step, bytes: '', again: last },
      { ...step, bytes: step.bytes.slice(0, 1), again: last },
      { ...step, bytes: '' },
    ];
  }
  if (step.kind !== 'send') return [];
  const { bytes } = step;
  const ends: string[] = [];
  for (let length = 1; length < bytes.length; length *= 2)
    ends.push(bytes.slice(0, length), bytes.slice(0, -length));
  const lines = bytes.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const fewer = lines.map((_, at) => lines.filter((_line, index) => index !== at).join(''));
  return [...ends, ...fewer].filter((less) => less !== '').map((less) => ({ ...step, bytes: less }));
}
