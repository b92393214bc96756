/**
 * Which seconds say more about the client than about the server. Pure: judged by what the threads
 * reported of that second.
 */
import type { SecondMark } from './load-result.ts';
import type { SecondReport } from './run-totals.ts';

/** A thread that uses more of its core is at its limit. */
export const BUSY_SHARE = 0.95;
/** If a thread was ready and without a core for more of the time, latencies are the scheduler's. */
const WAITED_SHARE = 0.1;
const LATE_SHARE = 0.01;
const LATE_MIN = 3;
const EXHAUSTED_SHARE = 0.01;
/** The timer that ends a second came this much late: the thread was held up. */
const SECOND_LATE_MS = 100;

const SECOND_MS = 1000;

export function marksOf(report: SecondReport): SecondMark[] {
  const marks: SecondMark[] = [];
  const { counters, threads, errors } = report;
  if (threads.some(({ cpuMs, wallMs }) => cpuMs > wallMs * BUSY_SHARE)) marks.push('client-cpu');
  if (threads.some(({ waitedMs, wallMs }) => (waitedMs ?? 0) > wallMs * WAITED_SHARE))
    marks.push('client-waited-for-cpu');
  const isLate = counters.lateSends >= LATE_MIN && counters.lateSends > counters.sent * LATE_SHARE;
  if (isLate || report.lengthMs > SECOND_MS + SECOND_LATE_MS) marks.push('late-timers');
  if (counters.receiveBufferExhaustions > counters.answered * EXHAUSTED_SHARE)
    marks.push('receive-queue-full');
  if (has(errors, 'EADDRNOTAVAIL')) marks.push('no-source-port');
  if (has(errors, 'EMFILE') || has(errors, 'ENFILE')) marks.push('no-descriptor');
  return marks;
}

function has(errors: Readonly<Record<string, number>>, name: string): boolean {
  return (errors[name] ?? 0) > 0;
}

/** Marks as people read them. */
export const MARK_TEXT: Readonly<Record<string, string>> = {
  'client-cpu': "client's CPU at its limit",
  'client-waited-for-cpu': 'client waited for a core',
  'late-timers': 'requests left late',
  'receive-queue-full': 'client out of receive buffers',
  'no-source-port': 'no source port free',
  'no-descriptor': 'no descriptor free',
};
