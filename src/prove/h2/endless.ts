/** Attacks on HTTP/2 that are never ended: how one is played, and what is said of a server that lets it go on. */
import type { Verdict } from '../http1/judge.ts';
import type { Target } from '../target/target.ts';
import { attackH2, FRAMES, H2_ATTACKS, type H2Attack, type H2Outcome, type H2Target } from './attacks.ts';

const END_WAIT_MS = 3000;
const REPLAY_MS_MAX = 60_000;
/** Fewer show nothing: budgets of servers are some thousand frames. */
const FRAMES_TO_JUDGE = 10_000;

function placesOf(target: Target): H2Target {
  const { small, large, upload, hung } = target.paths;
  return { target, late: hung ?? small, hung: hung ?? upload ?? small, long: large ?? small };
}

/** @param sendMs no further frames are sent after that time */
export function playFrames(target: Target, attack: H2Attack, sendMs: number): Promise<H2Outcome> {
  return attackH2(placesOf(target), attack, { waitMs: END_WAIT_MS, sendMs });
}

/** @throws Error where no attack is called so */
export async function playAttack(
  target: Target,
  id: string,
  count: number,
): Promise<{ readonly attack: H2Attack; readonly outcome: H2Outcome }> {
  const known = H2_ATTACKS.find((each) => each.id === id);
  if (known === undefined) throw new Error(`no attack is called ${JSON.stringify(id)}`);
  const attack = { ...known, count };
  return { attack, outcome: await playFrames(target, attack, REPLAY_MS_MAX) };
}

/** How many of its frames have to go unpunished for it to be judged. */
export function framesToJudge({ id }: Pick<H2Attack, 'id'>): number {
  return Math.min(H2_ATTACKS.find((each) => each.id === id)?.count ?? FRAMES, FRAMES_TO_JUDGE);
}

export function judgeEndless(
  target: Target,
  attack: H2Attack,
  { frames, sent, seconds }: H2Outcome,
): Verdict | undefined {
  const { id, name, known } = attack;
  if (Number.isFinite(frames) || sent < framesToJudge(attack)) return undefined;
  const { hung, large } = target.paths;
  // Behind a closed window nothing is sent, so only a deadline can end it: hardly a server has one. And what
  // somebody reads, or has nothing to wait for, is no attack, however small its pieces are.
  const isMild =
    id === 'closed-window' ||
    (id === 'tiny-data' && hung === undefined) ||
    (id === 'byte-windows' && large === undefined);
  return {
    ...{ id: `never-ended-${id}`, severity: isMild ? 'low' : 'medium', rule: `RFC 9113 §10.5 (${known})` },
    title: `${name[0]!.toUpperCase()}${name.slice(1)}: not ended after ${sent} ${id === 'closed-window' || id === 'field-bomb' ? 'requests' : 'frames'} in ${Math.round(seconds * 10) / 10} s.`,
    meaning: 'One connection costs the server work for as long as it likes; nothing ends it.',
  };
}
