/**
 * Judges what became of slow clients: those that withhold what they owe have to be ended on the deadline that the server
 * promises, those that are only slow have to be served. Moments are this side's, so what is late may be late by the way
 * there, and the median of several clients is what counts.
 */
import type { Figures, Severity } from '../finding.ts';
import type { Verdict } from '../http1/judge.ts';
import type { Wire } from '../wire/wire.ts';

/** From when a deadline counts. */
export type DeadlineStart = 'connect' | 'first byte' | 'second request' | 'last byte sent' | 'answer';

/** A busy client sees ends that late. */
const NOISE_MS = 1000;
/** Beyond that, without a promise, it is no question of patience any more. */
const NOBODY_WAITS_LONGER_MS = 120_000;

/** @returns undefined while it has not begun */
function startOf(wire: Wire, from: DeadlineStart): number | undefined {
  const { events } = wire;
  switch (from) {
    case 'connect':
      return events.find(({ what }) => what === 'connected')?.atMs;
    case 'first byte':
      return events.find(({ what }) => what === 'sent')?.atMs;
    case 'second request': {
      const answered = events.findIndex(({ what }) => what === 'received');
      return answered < 0 ? undefined : events.find(({ what }, at) => at > answered && what === 'sent')?.atMs;
    }
    case 'last byte sent':
      return events.findLast(({ what }) => what === 'sent')?.atMs;
    case 'answer':
      return events.findLast(({ what }) => what === 'received')?.atMs;
  }
}

interface Lateness {
  /** After the deadline, negative before it; of those that were ended. */
  readonly lateMs: readonly number[];
  readonly neverEnded: readonly Wire[];
  /** Since the start of their deadline. */
  readonly endedAfterMs: readonly number[];
}

export function latenessOf(wires: readonly Wire[], from: DeadlineStart, promiseMs: number): Lateness {
  const endedAfterMs: number[] = [];
  const neverEnded: Wire[] = [];
  for (const wire of wires) {
    const startMs = startOf(wire, from);
    if (startMs === undefined) continue;
    if (wire.endedAtMs === undefined) neverEnded.push(wire);
    else endedAfterMs.push(wire.endedAtMs - startMs);
  }
  endedAfterMs.sort((a, b) => a - b);
  return { endedAfterMs, neverEnded, lateMs: endedAfterMs.map((each) => each - promiseMs) };
}

/**
 * @param wires clients of one kind
 * @param input kind, deadline (which), from, promiseMs (0: none was made), patienceMs, withheldMs (by the machine, meanwhile)
 */
export function judgeDeadline(wires: readonly Wire[], input: Figures): Verdict | undefined {
  const promiseMs = Number(input['promiseMs']);
  const patienceMs = Number(input['patienceMs']);
  const kind = String(input['kind']);
  const { lateMs, neverEnded } = latenessOf(wires, input['from'] as DeadlineStart, promiseMs);
  const hasPromise = promiseMs > 0;
  if (neverEnded.length > 0)
    return {
      id: `never-ended-${input['id']}`,
      severity: hasPromise || patienceMs >= NOBODY_WAITS_LONGER_MS ? 'high' : 'low',
      title: `${kind}: not ended within ${seconds(patienceMs)}${hasPromise ? `, where the server promises ${seconds(promiseMs)}` : ', and the server promises nothing'}.`,
      meaning: hasPromise
        ? 'Each such client holds a connection for as long as it likes; some thousands of them are a Slowloris attack.'
        : 'Say what the server promises (--header-timeout, --idle-timeout, --body-timeout), or wait longer with --for.',
      rule: `the ${input['deadline']} deadline`,
    };
  if (!hasPromise || lateMs.length === 0) return undefined;
  const lateMsP50 = lateMs[Math.floor(lateMs.length / 2)]!;
  const severity = severityOf(lateMsP50 - Math.sign(lateMsP50) * withheldOf(input, lateMsP50), promiseMs);
  if (severity === undefined) return undefined;
  const isLate = lateMsP50 > 0;
  return {
    id: `${isLate ? 'late' : 'early'}-${input['id']}`,
    severity,
    title: `${kind}: ended ${seconds(Math.abs(lateMsP50))} ${isLate ? 'after' : 'before'} the deadline of ${seconds(promiseMs)}.`,
    meaning: isLate
      ? 'The deadline holds clients that withhold bytes longer than whoever set it believes.'
      : 'Clients that keep to what the server promises lose their connections.',
    rule: `the ${input['deadline']} deadline`,
  };
}

/** No more than it was late: what the machine has withheld makes nobody early. */
function withheldOf(input: Figures, lateMs: number): number {
  return Math.min(Number(input['withheldMs'] ?? 0), Math.abs(lateMs));
}

function severityOf(lateMs: number, promiseMs: number): Severity | undefined {
  if (lateMs >= Math.max(promiseMs, 2 * NOISE_MS)) return 'high';
  if (lateMs > NOISE_MS) return 'medium';
  return lateMs < -Math.max(NOISE_MS / 2, promiseMs / 10) ? 'medium' : undefined;
}

/**
 * @param input kind, id, answers (how many have to come whole), bytes (of content of each; 0 where it is not known)
 */
export function judgeLive(wires: readonly Wire[], input: Figures): Verdict | undefined {
  const answers = Number(input['answers']);
  const bytes = Number(input['bytes']);
  const isServed = ({ answers: { all, wholeCount, nonsense } }: Wire): boolean =>
    nonsense === undefined &&
    wholeCount >= answers &&
    all
      .slice(0, answers)
      .every(({ status, bodyBytes }) => status < 400 && (bytes === 0 || bodyBytes === bytes));
  const lost = wires.find((wire) => !isServed(wire));
  if (lost === undefined) return undefined;
  // A client that this machine has held up for longer than it had left was late itself.
  const marginMs = Number(input['marginMs'] ?? 0);
  if (marginMs > 0 && Number(input['withheldMs'] ?? 0) >= marginMs) return undefined;
  const last = lost.answers.all.at(-1);
  const how = lost.wasReset ? 'reset' : lost.isEnded ? 'ended' : 'left without an answer';
  return {
    id: `aborted-${input['id']}`,
    severity: 'high',
    title: `${input['kind']}: ${how} after ${lost.answers.wholeCount} of ${answers} answers${last === undefined ? '' : ` (last status ${last.status})`}.`,
    meaning:
      'A client that is alive and only slow loses what it was reading or sending: downloads over poor networks fail.',
    rule: 'RFC 9112 §9.5',
  };
}

export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 100) / 10} s`;
}
