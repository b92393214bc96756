import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DURATION_BOUNDS_SECONDS } from '../observe/duration-histogram.ts';
import type { Status } from '../observe/status.ts';
import { History, WINDOW_SECONDS } from './history.ts';
import { percentile } from './percentile.ts';

const BUCKETS = DURATION_BOUNDS_SECONDS.length + 1;
const counts = (at: Readonly<Record<number, number>>) =>
  Array.from({ length: BUCKETS }, (_, i) => at[i] ?? 0);

/** @param second since the start of the server */
function status(second: number, given: Partial<Status> = {}, pid = 1): Status {
  return {
    atMs: 1_000_000 + second * 1000,
    uptimeMs: second * 1000,
    process: { pid, cpuSeconds: second * 0.25, residentBytes: 1, openDescriptors: null },
    requests: second * 100,
    bytesSent: second * 1000,
    bytesReceived: 0,
    statusClasses: { '5xx': second },
    open: 7,
    durations: { counts: counts({ 3: second * 10 }), sumSeconds: 0 },
    workers: [
      {
        index: 0,
        state: 'serving',
        isSilent: false,
        open: 7,
        requests: 0,
        loopLag: { counts: counts({ 5: second }), sumSeconds: 0 },
      },
    ],
    ...given,
  } as unknown as Status;
}

test('two statuses make rates, and one makes none', () => {
  const history = new History();
  history.add(status(10));
  assert.equal(history.seconds[0]!.requests, null);
  assert.equal(history.seconds[0]!.open, 7);
  history.add(status(12));
  const second = history.seconds[1]!;
  assert.deepEqual([second.requests, second.sent, second.failed, second.cpu], [100, 1000, 1, 0.25]);
  assert.ok(second.p50! > 0.5 && second.p50! <= 1, `${second.p50}`);
  assert.ok(second.lag! > 2.5 && second.lag! <= 5);
});

test('a server that was started anew, or not heard, leaves a gap and no negative rate', () => {
  const history = new History();
  for (const second of [10, 11]) history.add(status(second));
  history.add(status(21));
  assert.deepEqual(history.column('open'), [7, 7, null, 7]);
  history.add({ ...status(1, {}, 2), atMs: 1_000_000 + 23_000 });
  assert.equal(history.column('requests').at(-1), null);
  assert.equal(history.column('open').at(-2), null);
  history.add({ ...status(2, {}, 2), atMs: 1_000_000 + 24_000 });
  assert.equal(history.column('requests').at(-1), 100);
  const times = history.column('at') as number[];
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
});

test('what is older than the window is forgotten, and a minute of durations is added up', () => {
  const history = new History();
  for (let second = 1; second <= WINDOW_SECONDS + 100; second++) history.add(status(second));
  assert.ok(history.seconds.length <= WINDOW_SECONDS + 4, `${history.seconds.length} seconds`);
  assert.equal(history.durations()!.seconds, 60);
  assert.equal(history.durations()!.counts[3], 600);
  assert.equal(history.ago(60)!.uptimeMs, (WINDOW_SECONDS + 40) * 1000);
});

test('percentiles lie within their bucket, and nothing has none', () => {
  assert.equal(percentile(counts({}), 0.99), null);
  assert.equal(percentile(counts({ [BUCKETS - 1]: 4 }), 0.5), 60_000);
  assert.equal(percentile(counts({ 0: 100 }), 0.5), 0.05);
  assert.ok(Math.abs(percentile(counts({ 5: 90, 9: 10 }), 0.9)! - 5) < 1e-9);
  assert.equal(percentile(counts({ 5: 90, 9: 10 }), 1), 100);
});
