/**
 * Judges by name: each says how long a script has to be watched and whether what happened is what was found. A capsule
 * names its judge, so that a finding can be played again, and made smaller, by whoever has the file.
 */
import type { Figures } from './finding.ts';
import { judgeEndless, playAttack } from './h2/endless.ts';
import { judgeStream, observe, type Verdict } from './http1/judge.ts';
import { readStream } from './http1/strict-reader.ts';
import { judgeDeadline, judgeLive } from './slow/deadlines.ts';
import type { Target } from './target/target.ts';
import { type Script, sentBytes } from './wire/script.ts';
import type { Wire } from './wire/wire.ts';

interface Replayed {
  readonly wire: Wire;
  readonly verdict: Verdict | undefined;
}

interface Judge {
  /** How long the connection is watched, in milliseconds since it was opened. */
  patienceMs(input: Figures): number;
  judge(script: Script, input: Figures, wire: Wire): Verdict | undefined;
  /** Watching on could change nothing. */
  isEnough(script: Script, input: Figures, wire: Wire): boolean;
  /** Plays it where `play` cannot; else undefined. */
  readonly replay?: (target: Target, script: Script, input: Figures) => Promise<Replayed>;
  /** Whether the script could show that finding at all: what cannot is not played while one is made smaller. */
  couldShow(script: Script, input: Figures, id: string): boolean;
}

/** Answers under way, on a machine that does other things. */
const ANSWER_MS_MAX = 3000;

const http1: Judge = {
  patienceMs: () => ANSWER_MS_MAX,
  judge: (script, input, wire) => judgeStream(sentBytes(script), observe(wire), input['strict'] === 1),
  isEnough(script, input, wire) {
    const bytes = sentBytes(script);
    const seen = observe(wire);
    const verdict = judgeStream(bytes, seen, input['strict'] === 1);
    if (verdict !== undefined && verdict.id !== 'valid-unanswered') return true;
    const { requests, isWhole } = readStream(bytes, false);
    return isWhole && wire.answers.wholeCount >= requests.length;
  },
  couldShow(script, input, id) {
    const { fault, isWhole } = readStream(sentBytes(script), input['strict'] === 1);
    if (fault !== undefined) return id === fault || id === `${fault}-goes-on`;
    return isWhole ? WHOLE_IDS.has(id) : id === 'answered-unfinished';
  },
};

const WHOLE_IDS = new Set([
  'more-answers-than-requests',
  'valid-refused',
  'valid-unanswered',
  'ended-without-answer',
]);

const deadline: Judge = {
  patienceMs: (input) => Number(input['patienceMs']),
  judge: (_script, input, wire) => judgeDeadline([wire], input),
  isEnough: (_script, _input, wire) => wire.isEnded,
  couldShow: (script) => script.length > 0,
};

const live: Judge = {
  patienceMs: (input) => Number(input['patienceMs']),
  judge: (_script, input, wire) => judgeLive([wire], input),
  isEnough: (_script, input, wire) => wire.answers.wholeCount >= Number(input['answers']),
  couldShow: () => true,
};

const h2: Judge = {
  patienceMs: () => 0,
  judge: () => undefined,
  isEnough: () => true,
  couldShow: () => true,
  async replay(target, script) {
    const [step] = script;
    if (step?.kind !== 'frames') throw new Error('it has no frames');
    const { attack, outcome } = await playAttack(target, step.attack, step.count);
    return { wire: outcome.wire, verdict: judgeEndless(target, attack, outcome) };
  },
};

export const JUDGES: Readonly<Record<string, Judge>> = { http1, deadline, live, h2 };
