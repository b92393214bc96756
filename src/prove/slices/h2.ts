/**
 * HTTP/2 under the attacks of the last years, one after the other, so that memory can be told apart: after how many frames
 * each is ended, if at all. And upgrades from HTTP/1.1 that are broken off at each of their stages.
 */
import { H2_ATTACKS, type H2Attack, speaksH2 } from '../h2/attacks.ts';
import { judgeEndless, playFrames } from '../h2/endless.ts';
import { play } from '../wire/play.ts';
import { type Script, type Step, send } from '../wire/script.ts';
import { lookBefore, reportIfDeaf, reportIfHeld } from './aftermath.ts';
import { inLanes, type Slice, type SliceContext } from './slice.ts';

const FIRST_FRAME_MS = 2000;
const MIB = 2 ** 20;
/** A server may have buffers; tens of megabytes for one connection are none. */
const GROWTH_MEDIUM = 32 * MIB;
const GROWTH_HIGH = 128 * MIB;
const UPGRADES_A_STAGE = 40;
const CODES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
];

export const h2: Slice = {
  name: 'h2',
  does: 'the published attacks on HTTP/2, and upgrades that are broken off at every stage',
  version: 'h2',
  mustBeZero: 'a crash, a hang, memory without a bound; an attack that is never ended is told',
  async run(context) {
    if (!(await speaksH2(context.target, FIRST_FRAME_MS))) return 'the server speaks no HTTP/2 here';
    const sendMs = Math.max(1000, context.budgetMs / (H2_ATTACKS.length + 1));
    for (const attack of H2_ATTACKS) {
      if (context.signal.aborted) break;
      await attackOnce(context, attack, sendMs);
    }
    if (!context.target.isSecure) await upgradeChurn(context);
    return undefined;
  },
};

async function attackOnce(context: SliceContext, attack: H2Attack, sendMs: number): Promise<void> {
  const { target } = context;
  const { name, id, known } = attack;
  const before = context.vitals().residentBytes;
  let most = before ?? 0;
  const watch = setInterval(() => {
    most = Math.max(most, context.vitals().residentBytes ?? 0);
  }, 100);
  const outcome = await playFrames(target, attack, sendMs);
  const { frames, sent, seconds, code, wire } = outcome;
  clearInterval(watch);
  if (context.signal.aborted) return;
  const growth = before === undefined ? 0 : Math.max(0, most - before);
  const how = code === undefined ? 'without GOAWAY' : `GOAWAY ${CODES[code] ?? code}`;
  const end = Number.isFinite(frames)
    ? `ended after ${frames} frames, ${how}`
    : `not ended after ${sent} frames`;
  context.count(Number.isFinite(frames) ? 'ended' : 'not ended');
  context.note(`${name}: ${end}${before === undefined ? '' : `, memory +${Math.round(growth / MIB)} MiB`}`);
  const figures = {
    frames: sent,
    seconds: Math.round(seconds * 10) / 10,
    memoryMiB: Math.round(growth / MIB),
  };
  if (growth > GROWTH_MEDIUM)
    await context.report({
      ...{
        id: `memory-${id}`,
        severity: growth > GROWTH_HIGH ? 'high' : 'medium',
        rule: `RFC 9113 §10.5 (${known})`,
        figures,
      },
      title: `${capital(name)}: the server's memory grew by ${Math.round(growth / MIB)} MiB for one connection.`,
      meaning: 'A few such connections use up the memory of the machine.',
    });
  const verdict = judgeEndless(target, attack, outcome);
  if (verdict === undefined) return;
  await context.report({
    ...{ ...verdict, figures, exchange: wire.events.slice(0, 20) },
    script: [{ kind: 'frames', attack: id, count: sent }],
    judge: { name: 'h2', input: {} },
  });
}

/** RFC 7540 §3.2: taken by few, refused by most, and a place where a connection changes what it is. */
async function upgradeChurn(context: SliceContext): Promise<void> {
  const { target, signal, concurrency } = context;
  const head = `GET ${target.paths.small} HTTP/1.1\r\nHost: ${target.authority}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`;
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const settings = '\0\0\0\x04\0\0\0\0\0';
  const reset: Step = { kind: 'reset' };
  const wait: Step = { kind: 'wait', ms: 5 };
  const stages: readonly Script[] = [
    [send(head.slice(0, -2)), reset],
    [send(head), reset],
    [send(head), wait, reset],
    [send(head), wait, send(preface.slice(0, 10)), reset],
    [send(head), wait, send(preface), reset],
    [send(head + preface + settings), reset],
    [send(head + preface + settings), wait, { kind: 'end' }],
    [send(head), { kind: 'end' }],
  ];
  const before = await lookBefore(context);
  const all = Array.from({ length: UPGRADES_A_STAGE }, () => stages).flat();
  await inLanes(all, concurrency, signal, async (script) => {
    await play(target, script, { settleMs: 20, signal });
    context.count('upgrades broken off');
  });
  context.note(`${all.length} upgrades to HTTP/2 broken off at ${stages.length} stages`);
  await reportIfDeaf(context, 'upgrades that were broken off');
  await reportIfHeld(context, before, 'upgrades that were broken off');
}

function capital(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}
