/**
 * One fault from beginning to end: a server, good clients beside it, the fault, its end, and whether everything is as before:
 * nobody who may not fail has failed, everybody is answered again in time, and what was acknowledged is there.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sighting } from '../slices/slice.ts';
import { seconds } from '../slow/deadlines.ts';
import { type StartOrder, startServer } from '../target/started-server.ts';
import type { Arranged, Fault, World } from './fault.ts';
import { Ledger } from './ledger.ts';
import { type Visit, Visitors } from './visitors.ts';

const BEFORE_MS = 500;
/** Behind the time that it has to recover in: what fails there will go on to fail. */
const AFTER_MS = 700;

type Teller = Pick<World, 'signal' | 'note' | 'count' | 'report'>;

export async function runFault(fault: Fault, order: StartOrder, teller: Teller): Promise<void> {
  const arranged = await fault.prepare(order);
  if (typeof arranged === 'string') {
    teller.count('faults left out');
    teller.note(`${fault.name}: left out, ${arranged}`);
    return;
  }
  try {
    await strike(fault, arranged, { ...order, ...arranged.changes }, teller);
  } finally {
    await arranged.close?.();
  }
}

async function strike(fault: Fault, arranged: Arranged, order: StartOrder, teller: Teller): Promise<void> {
  const server = await startServer(order).catch((error: Error) => {
    teller.count('faults left out');
    teller.note(`${fault.name}: left out, ${error.message}`);
  });
  if (server === undefined) return;
  let ledger: Ledger | undefined;
  let visitors: Visitors | undefined;
  try {
    ledger = await Ledger.open(server.target, teller.signal);
    visitors = new Visitors(server.target);
    await sleep(BEFORE_MS);
    const fromMs = performance.now();
    await arranged.strike({ ...teller, server, ledger }).catch(async (error: unknown) => {
      // What cannot be done to a server that has ended is no matter any more; its end is heard of a little later.
      await sleep(BEFORE_MS);
      if (server.ended() === undefined) throw error;
    });
    const toMs = performance.now();
    await sleep(fault.recoveryMs + AFTER_MS);
    const end = server.ended();
    await Promise.all([visitors.stop(), ledger?.stop()]);
    if (teller.signal.aborted) return;
    teller.count('faults');
    if (end !== undefined) return await teller.report(ended(fault, end));
    const seen = { fromMs, toMs, visits: visitors.visits, writes: ledger?.writes ?? [] };
    teller.note(`${fault.name}: ${told(seen)}`);
    await judge(fault, seen, teller);
    const keeps = !fault.takesMemory || order.upstreams.length > 0;
    if (ledger !== undefined && keeps) await audit(fault, ledger, teller);
  } finally {
    await server.stop();
    await Promise.all([visitors?.stop(), ledger?.stop()]);
  }
}

interface Seen {
  /** When the fault began, and was over. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly visits: readonly Visit[];
  readonly writes: readonly Visit[];
}

/** How long after the end of the fault somebody who asked then was answered. */
function recoveryOf(visits: readonly Visit[], toMs: number): number | undefined {
  const answered = visits.filter(({ endedAtMs, failure }) => failure === undefined && endedAtMs >= toMs);
  return answered.length === 0 ? undefined : Math.min(...answered.map(({ endedAtMs }) => endedAtMs)) - toMs;
}

function told({ fromMs, toMs, visits, writes }: Seen): string {
  const failed = (all: readonly Visit[]): number => all.filter(({ failure }) => failure !== undefined).length;
  const after = recoveryOf([...visits, ...writes], toMs);
  const words = [
    `lasted ${seconds(toMs - fromMs)}`,
    `${failed(visits)} of ${visits.length} requests failed`,
    after === undefined ? 'nobody was answered afterwards' : `answered ${seconds(after)} after its end`,
  ];
  if (writes.length > 0) words.push(`${failed(writes)} of ${writes.length} writes were not acknowledged`);
  return words.join(', ');
}

async function judge(fault: Fault, seen: Seen, { report, count }: Teller): Promise<void> {
  const { toMs } = seen;
  const byMs = toMs + fault.recoveryMs;
  for (const [what, visits] of [
    ['requests', seen.visits],
    ['writes', seen.writes],
  ] as const) {
    const failed = visits.filter(({ failure }) => failure !== undefined);
    count(`${what} asked`, visits.length);
    count(`${what} failed`, failed.length);
    const late = failed.find(({ askedAtMs }) => askedAtMs > byMs);
    const isSilent =
      visits.length > 0 &&
      !visits.some(({ endedAtMs, failure }) => failure === undefined && endedAtMs > toMs);
    if (late !== undefined || isSilent)
      await report({
        ...{
          id: `no-recovery-${fault.id}`,
          severity: 'high',
          rule: 'what is over is over',
          figures: { recoveryMs: fault.recoveryMs },
        },
        title: `${seconds(fault.recoveryMs)} after ${fault.name}, ${what} still failed: ${late?.failure ?? 'nobody was answered'}.`,
        meaning: 'What was a disturbance becomes an outage, until somebody restarts the server.',
      });
    const lost = failed.find(({ askedAtMs }) => askedAtMs <= byMs);
    if (fault.mayFail || lost === undefined) continue;
    await report({
      ...{
        id: `failed-${fault.id}`,
        severity: 'high',
        rule: 'a good client is served whatever happens to the server',
      },
      figures: { failed: failed.length, asked: visits.length },
      title: `By ${fault.name}, ${failed.length} of ${visits.length} ${what} failed: ${lost.failure}.`,
      meaning: 'Clients lose requests to something that a server can get over without their noticing.',
    });
  }
}

async function audit(fault: Fault, ledger: Ledger, { report, count }: Teller): Promise<void> {
  count('writes acknowledged', ledger.acknowledgedCount);
  const losses = await ledger.losses();
  const [first] = losses;
  if (first === undefined) return;
  await report({
    ...{
      id: `lost-write-${fault.id}`,
      severity: 'high',
      rule: 'what was acknowledged is kept',
      figures: { ...first, lost: losses.length },
    },
    title: `After ${fault.name}, a note that was acknowledged as "${first.acknowledged}" was "${first.read}".`,
    meaning: 'What a client was told to be done is not: data is lost.',
  });
}

function ended(fault: Fault, end: string): Sighting {
  return {
    ...{ id: `ended-${fault.id}`, severity: 'high', rule: 'a server outlives what happens to it' },
    title: `The server's process ended by ${fault.name}: ${end.slice(0, 400)}.`,
    meaning: 'A disturbance ends the service for everybody.',
  };
}
