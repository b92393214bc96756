/**
 * Makes a script smaller for as long as it shows the same finding: first whole requests, then lines, then single bytes are left out
 * (delta debugging, Zeller and Hildebrandt 2002). It plays against a live server, so it is bounded in plays and in time.
 */
import { framesToJudge } from './h2/endless.ts';
import { JUDGES } from './judges.ts';
import { type ShrinkOrder, type Shrunk, shrinkSlowly } from './shrink-slowly.ts';
import { play } from './wire/play.ts';
import { type Script, type Step, sentBytes } from './wire/script.ts';

/** A play takes some milliseconds; what only shows by waiting takes its whole wait. */
const PLAYS_MAX = 600;
const TIME_MS_MAX = 5000;
/** Candidates that show nothing at once are given up: they cost more than they save. */
const SETTLE_MS = 80;

export function shrink(order: ShrinkOrder): Promise<Shrunk> {
  if (order.judge.name === 'h2') return shrinkFrames(order);
  return order.judge.name === 'http1' ? shrinkQuickly(order) : shrinkSlowly(order);
}

async function shrinkQuickly(order: ShrinkOrder): Promise<Shrunk> {
  const { target, judge, id, signal } = order;
  const judged = JUDGES[judge.name]!;
  const endMs = performance.now() + TIME_MS_MAX;
  let plays = 0;
  const shows = async (script: Script): Promise<boolean> => {
    if (plays >= PLAYS_MAX || performance.now() > endMs || signal.aborted) return false;
    if (!judged.couldShow(script, judge.input, id)) return false;
    plays++;
    const isEnough = judged.isEnough.bind(judged, script, judge.input);
    const wire = await play(target, script, { settleMs: SETTLE_MS, isEnough, signal });
    return judged.judge(script, judge.input, wire)?.id === id;
  };
  let script = order.script;
  // Most findings need no pauses and no pieces.
  const inOne = joined(script);
  if (inOne.length < script.length && (await shows(inOne))) script = inOne;
  for (const cut of [messagesOf, linesOf, bytesOf])
    script = gathered(await leaveOut(cut(script), (steps) => shows(gathered(steps))));
  return { script, plays };
}

/** An attack is its frames: fewer of them, for as long as a judge would say that nothing ends it. */
async function shrinkFrames({ target, script, judge, id }: ShrinkOrder): Promise<Shrunk> {
  const [step] = script;
  if (step?.kind !== 'frames') return { script, plays: 0 };
  const count = framesToJudge({ id: step.attack });
  if (count >= step.count) return { script, plays: 0 };
  const smaller: Script = [{ ...step, count }];
  const { verdict } = await JUDGES[judge.name]!.replay!(target, smaller, judge.input);
  return { script: verdict?.id === id ? smaller : script, plays: 1 };
}

/**
 * The smallest list that is found by leaving parts out of it, ever smaller ones.
 * @param shows whether a list still shows what it is about; `items` does
 */
export async function leaveOut<T>(
  items: readonly T[],
  shows: (items: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let left = items;
  for (let size = Math.ceil(left.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let isSmaller = true; isSmaller; ) {
      isSmaller = false;
      for (let at = 0; at < left.length && left.length > 1; ) {
        const without = [...left.slice(0, at), ...left.slice(at + size)];
        if (without.length > 0 && (await shows(without))) {
          left = without;
          isSmaller = true;
        } else at += size;
      }
    }
  }
  return left;
}

/** All that is sent, at once; whatever is no sending stays where it is. */
function joined(script: Script): Script {
  return gathered(script.filter(({ kind }) => kind !== 'wait'));
}

/** A request goes as a whole, since its length and its content need each other. */
const messagesOf = (script: Script): Script =>
  cutSends(script, /[\s\S]+?(?=(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS) \S* ?HTTP\/|$(?![\s\S]))/g);
const linesOf = (script: Script): Script => cutSends(script, /[^\n]*\n|[^\n]+$/g);
const bytesOf = (script: Script): Script => cutSends(script, /[\s\S]/g);

function cutSends(script: Script, pattern: RegExp): Step[] {
  return script.flatMap((step): Step[] =>
    step.kind === 'send'
      ? (step.bytes.match(pattern) ?? []).map((bytes) => ({ kind: 'send', bytes }))
      : [step],
  );
}

/** Pieces that follow each other become one again: with nothing between, they were one write or as good as that. */
function gathered(steps: Script): Script {
  const script: Step[] = [];
  for (const step of steps) {
    const last = script.at(-1);
    if (step.kind === 'send' && last?.kind === 'send')
      script[script.length - 1] = { kind: 'send', bytes: last.bytes + step.bytes };
    else script.push(step);
  }
  return sentBytes(script) === '' ? steps : script;
}
