/**
 * Capsules: what repeats a finding, made smaller before it is written down, with the exact bytes both ways of one more play.
 * And the way back: a capsule is played against a server, and its judge says whether the finding shows.
 */

import type { Capsule } from './finding.ts';
import type { Verdict } from './http1/judge.ts';
import { JUDGES } from './judges.ts';
import { shrink } from './shrink.ts';
import type { Sighting } from './slices/slice.ts';
import type { Target } from './target/target.ts';
import { ownAccount } from './target/vitals.ts';
import { play } from './wire/play.ts';
import { eventCount } from './wire/script.ts';
import type { WireEvent } from './wire/wire.ts';

interface CapsuleOrder {
  readonly sighting: Sighting;
  readonly slice: string;
  readonly seed: number;
  readonly target: Target;
  readonly signal: AbortSignal;
}

/** What follows is more of the same. */
const FRAME_EVENTS_SHOWN = 20;

export async function makeCapsule({ sighting, slice, seed, target, signal }: CapsuleOrder): Promise<Capsule> {
  const { id, judge, exchange = [] } = sighting;
  const base = {
    ...({
      format: 'holdfast-capsule/1',
      finding: `${slice}/${id}`,
      slice,
      seed,
      target: target.url,
    } as const),
    ...{ script: sighting.script, judge, exchange, shrunk: undefined },
    replay: `holdfast prove ${target.again} --seed ${seed} --slices ${slice}`,
    serverState: await ownAccount(target),
  };
  if (sighting.script === undefined || judge === undefined) return base;
  const replay = `holdfast prove ${target.again} --replay ${fileNameOf(base.finding, target.name)}`;
  const { script, plays } = await shrink({ target, script: sighting.script, judge, id, signal });
  const again = await playCapsule(target, { script, judge }, signal);
  // What is smaller has to show it once more; else the first sighting stands as it was.
  if (again?.verdict?.id !== id) return { ...base, replay };
  const shrunk = { eventsBefore: eventCount(sighting.script), eventsAfter: eventCount(script), plays };
  return { ...base, script, exchange: again.exchange, shrunk, replay };
}

/** @returns undefined where it has no script: then its seed repeats it */
export async function playCapsule(
  target: Target,
  { script, judge }: Pick<Capsule, 'script' | 'judge'>,
  signal: AbortSignal,
): Promise<{ verdict: Verdict | undefined; exchange: readonly WireEvent[] } | undefined> {
  const judged = judge === undefined ? undefined : JUDGES[judge.name];
  if (script === undefined || judge === undefined || judged === undefined) return undefined;
  if (judged.replay !== undefined) {
    const { verdict, wire } = await judged.replay(target, script, judge.input);
    return { verdict, exchange: wire.events.slice(0, FRAME_EVENTS_SHOWN) };
  }
  const patienceMs = judged.patienceMs(judge.input);
  const isEnough = judged.isEnough.bind(judged, script, judge.input);
  const wire = await play(target, script, { settleMs: patienceMs, patienceMs, isEnough, signal });
  return { verdict: judged.judge(script, judge.input, wire), exchange: wire.events };
}

/** Its file is called so: `malformed-two-lengths-epoll.json`. */
export function fileNameOf(finding: string, target: string): string {
  return `${`${finding}-${target}`.replace(/[^a-z0-9.]+/gi, '-')}.json`;
}

/**
 * A capsule as it was read from a file, which anybody may have written.
 * @throws Error saying what is wrong with it
 */
export function parseCapsule(text: string): Capsule {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is no JSON (${(error as Error).message})`);
  }
  const capsule = (typeof value === 'object' && value !== null ? value : {}) as Partial<Capsule>;
  if (capsule.format !== 'holdfast-capsule/1')
    throw new Error('it is no capsule: its format is not holdfast-capsule/1');
  if (
    typeof capsule.finding !== 'string' ||
    typeof capsule.slice !== 'string' ||
    !Number.isSafeInteger(capsule.seed)
  )
    throw new Error('finding, slice or seed is missing');
  if (capsule.judge !== undefined && !Object.hasOwn(JUDGES, String(capsule.judge?.name)))
    throw new Error(`no judge is called ${JSON.stringify(capsule.judge?.name)}`);
  if (capsule.script !== undefined && !(Array.isArray(capsule.script) && capsule.script.every(isStep)))
    throw new Error('its script is none');
  return capsule as Capsule;
}

function isStep(step: unknown): boolean {
  if (typeof step !== 'object' || step === null) return false;
  const { kind, bytes, ms, count, again, everyMs, attack } = step as Record<string, unknown>;
  switch (kind) {
    case 'send':
      return typeof bytes === 'string';
    case 'wait':
      return typeof ms === 'number' && ms >= 0 && ms <= 3_600_000;
    case 'answers':
      return Number.isSafeInteger(count);
    case 'frames':
      return typeof attack === 'string' && Number.isSafeInteger(count) && Number(count) <= 1_000_000;
    case 'drip':
      return typeof bytes === 'string' && typeof again === 'string' && again !== '' && Number(everyMs) >= 1;
    default:
      return kind === 'hold' || kind === 'read' || kind === 'end' || kind === 'reset';
  }
}
