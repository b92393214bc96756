import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hourRun, oneSecondRun, singleRun, zeroRun } from './border-runs.fixture.ts';
import { stretchesOf } from './line.ts';
import { momentsOf, secondsAMoment } from './moments.ts';
import { healthyRun, portsRun } from './sample-runs.fixture.ts';

test('a short run has a moment for each second', () => {
  const run = healthyRun();
  const moments = momentsOf(run);
  assert.equal(moments.length, 30);
  assert.equal(moments[17]!.answeredPerSecond, run.series[17]!.answered);
  assert.equal(moments[17]!.p999Ms, run.series[17]!.p999Ms);
});

test('in a long run rates are means, and the worst second is kept', () => {
  const run = hourRun();
  assert.equal(secondsAMoment(run), 5);
  const moments = momentsOf(run);
  assert.equal(moments.length, 720);
  const answered = run.series.slice(595, 600).map((sample) => sample.answered);
  assert.equal(moments[119]!.answeredPerSecond, answered.reduce((a, b) => a + b) / 5);
  assert.equal(moments[119]!.p99Ms, run.series[599]!.p99Ms);
  assert.deepEqual(moments[119]!.marks, ['client-cpu', 'receive-queue-full', 'no-descriptor']);
});

test('a last second that was cut short counts as what it is', () => {
  const run = { ...healthyRun(), durationMs: 29_500 };
  const last = momentsOf(run).at(-1)!;
  assert.equal(last.answeredPerSecond, run.series[29]!.answered / 0.5);
  assert.equal(last.to, 29.5);
  assert.equal(momentsOf({ ...run, durationMs: 29_100 }).length, 29);
});

test('where nothing was answered there is no latency', () => {
  for (const moment of momentsOf(zeroRun())) assert.equal(moment.p99Ms, undefined);
  const moments = momentsOf(portsRun());
  assert.ok(moments[0]!.p50Ms! > 0);
  assert.equal(moments[10]!.p50Ms, undefined);
});

test('a run of milliseconds has no seconds to show, one of a second has one', () => {
  assert.equal(momentsOf(singleRun()).length, 0);
  assert.equal(momentsOf(oneSecondRun()).length, 1);
});

test('a line is broken where a point is missing or no number', () => {
  assert.deepEqual(stretchesOf([[0, 1], [1, 2], undefined, [3, 4], [4, Number.NaN], [5, 6]]), [
    [
      [0, 1],
      [1, 2],
    ],
    [[3, 4]],
    [[5, 6]],
  ]);
  assert.deepEqual(stretchesOf([]), []);
});
