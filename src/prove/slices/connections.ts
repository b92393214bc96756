/**
 * Peers that treat connections badly: resets at every stage, half-closed ones, bursts, bytes behind the last answer. What
 * they leave behind has to be given back, and who comes next has to be answered.
 */
import { play } from '../wire/play.ts';
import { type Script, type Step, send } from '../wire/script.ts';
import type { Wire } from '../wire/wire.ts';
import { lookBefore, reportIfDeaf, reportIfHeld } from './aftermath.ts';
import { findCarrier } from './baseline.ts';
import { inLanes, type Sighting, type Slice, type SliceContext } from './slice.ts';

/** Each costs this side a port for a minute: some thousand in a run are no burden. */
const RESETS_A_STAGE_MAX = 300;
const BURST_MAX = 1000;
/** What was seen lost on a connection that is open: SYNs are sent again after 1 and 3 seconds. */
const ANSWER_MS = 8000;
const FIN_MS = 5000;
/** More than a socket's receive buffer takes at once. */
const BEHIND_BYTES = 512 * 1024;

export const connections: Slice = {
  name: 'connections',
  does: 'resets at every stage, half-closed peers, bursts, bytes behind the last answer',
  version: 'h1',
  mustBeZero: 'refused after a storm; a leaked connection or descriptor; an answer that a reset may destroy',
  async run(context) {
    const before = await lookBefore(context);
    await resetStorms(context);
    await halfClosed(context);
    await behindTheLastAnswer(context);
    await burst(context);
    await reportIfHeld(context, before, 'resets, half-closed peers and bursts');
    return undefined;
  },
};

async function resetStorms(context: SliceContext): Promise<void> {
  const { target, signal, concurrency, random } = context;
  const { contentMethod, contentPath } = await findCarrier(target, signal);
  const { small, large } = target.paths;
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: ${target.authority}\r\n\r\n`;
  const reset: Step = { kind: 'reset' };
  const stages: Record<string, Script> = {
    'right after they connected': [reset],
    'in the middle of a head': [send(get(small).slice(0, 20)), reset],
    'behind a request': [send(get(small)), reset],
    'behind ten pipelined requests': [send(get(small).repeat(10)), reset],
    'in the middle of an answer': [
      { kind: 'hold' },
      send(get(large ?? small)),
      { kind: 'wait', ms: 5 },
      reset,
    ],
  };
  if (contentMethod !== undefined)
    stages['in the middle of content'] = [
      send(
        `${contentMethod} ${contentPath} HTTP/1.1\r\nHost: ${target.authority}\r\nContent-Length: 100000\r\n\r\n0123456789`,
      ),
      { kind: 'wait', ms: random.between(1, 5) },
      reset,
    ];
  const count = Math.min(RESETS_A_STAGE_MAX, concurrency * 8);
  for (const [stage, script] of Object.entries(stages)) {
    await inLanes(
      Array.from({ length: count }, () => script),
      concurrency,
      signal,
      async (each) => {
        await play(target, each, { settleMs: 1, signal });
        context.count('resets');
      },
    );
    context.note(`${count} clients reset ${stage}`);
    await reportIfDeaf(context, `${count} resets ${stage}`);
  }
}

async function halfClosed(context: SliceContext): Promise<void> {
  const { target, signal } = context;
  const request = `GET ${target.paths.small} HTTP/1.1\r\nHost: ${target.authority}\r\n\r\n`;
  const fin: Step = { kind: 'end' };
  const answer: Step = { kind: 'answers', count: 1 };
  const isAnswered = (wire: Wire): boolean => wire.answers.wholeCount > 0;
  const asked = await play(target, [send(request), fin], {
    settleMs: ANSWER_MS,
    patienceMs: ANSWER_MS,
    isEnough: isAnswered,
    signal,
  });
  context.count('half-closed');
  if (!isAnswered(asked))
    await report(context, [send(request), fin], asked, {
      ...{ id: 'half-closed-unanswered', severity: 'medium', rule: 'RFC 9112 §9.6' },
      title: 'A client that sends its request and then FIN gets no answer.',
      meaning: 'Such clients exist (nc, some libraries, proxies); their requests are lost.',
    });
  // Nobody sends anything any more, and nothing is owed: the server has to see it.
  const ends: readonly (readonly [string, string, Script])[] = [
    ['idle', 'An idle client that sends FIN is still held five seconds later.', [send(request), answer, fin]],
    [
      'half-head',
      'A client that sends half a head and then FIN is still held five seconds later.',
      [send(request.slice(0, 20)), fin],
    ],
    ['silent', 'A client that sends nothing but FIN is still held five seconds later.', [fin]],
  ];
  for (const [id, title, script] of ends) {
    const wire = await play(target, script, { settleMs: FIN_MS, patienceMs: FIN_MS, signal });
    context.count('half-closed');
    if (!wire.isEnded)
      await report(context, script, wire, {
        ...{ id: `fin-unseen-${id}`, severity: 'high', title, rule: 'RFC 9112 §9.6' },
        meaning:
          'Connections that nobody has any more are held, each with its descriptor, until a deadline comes.',
      });
  }
}

/** RFC 9112 §9.6: a close with unread bytes behind becomes a reset, which destroys what the client has not read. */
async function behindTheLastAnswer(context: SliceContext): Promise<void> {
  const { target, signal } = context;
  const last = `GET ${target.paths.small} HTTP/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`;
  const script: Script = [
    { kind: 'hold' },
    send(last + 'x'.repeat(BEHIND_BYTES)),
    { kind: 'wait', ms: 300 },
    { kind: 'read' },
    { kind: 'answers', count: 1 },
  ];
  let lost: Wire | undefined;
  for (let times = 0; times < 5; times++) {
    const wire = await play(target, script, { settleMs: 2000, signal });
    context.count('last answers with bytes behind');
    if (wire.answers.wholeCount === 0 || wire.wasReset) lost = wire;
  }
  if (lost === undefined) return;
  await report(context, script, lost, {
    ...{ id: 'answer-destroyed', severity: 'medium', rule: 'RFC 9112 §9.6' },
    title:
      'Behind an answer with Connection: close came a reset, since there were more bytes behind its request.',
    meaning:
      'A reset may overtake the answer: clients that send on, as uploads that are refused do, then never read why.',
  });
}

async function burst(context: SliceContext): Promise<void> {
  const { target, signal, concurrency, promises } = context;
  const count = Math.min(BURST_MAX, concurrency * 10);
  const script = [
    send(`GET ${target.paths.small} HTTP/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`),
  ];
  const wires = await Promise.all(
    Array.from({ length: count }, () =>
      play(target, script, {
        settleMs: ANSWER_MS,
        patienceMs: ANSWER_MS,
        isEnough: ({ answers }) => answers.wholeCount > 0,
        signal,
      }),
    ),
  );
  if (signal.aborted) return;
  const unanswered = wires.filter(({ answers }) => answers.wholeCount === 0);
  // Handshakes of so many take this process seconds: whoever asked behind the deadline is the slow one of the two.
  const { headerMs = Number.POSITIVE_INFINITY } = promises;
  const isOwnFault = ({ events, endedAtMs = 0 }: Wire): boolean =>
    (events.find(({ what }) => what === 'sent')?.atMs ?? endedAtMs) >= headerMs / 2;
  const lost = unanswered.filter((wire) => !isOwnFault(wire));
  context.count('burst: answered', count - unanswered.length);
  if (unanswered.length > lost.length)
    context.count('burst: too slow themselves', unanswered.length - lost.length);
  context.note(`${count} clients at once: ${count - unanswered.length} answered`);
  if (lost.length === 0) return;
  await report(context, script, lost[0]!, {
    ...{ id: 'burst-unanswered', severity: 'high', rule: 'a good client is served whatever others do' },
    title: `Of ${count} clients that came at once, ${lost.length} got no answer within eight seconds.`,
    meaning: 'A crowd of ordinary clients is turned away.',
    figures: { clients: count, lost: lost.length },
  });
}

async function report(context: SliceContext, script: Script, wire: Wire, sighting: Sighting): Promise<void> {
  if (context.signal.aborted) return;
  await context.report({ ...sighting, script, exchange: wire.events });
}
