import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Axis, countAxis, latencyAxis, percentileAxis, rateAxis, timeAxis } from './axis.ts';
import { linearScale, logScale, percentileScale } from './scale.ts';
import { multiples, NARROW_PLOT_PX, niceStep, placeTicks, WIDE_PLOT_PX } from './ticks.ts';

const labels = (axis: Axis) => axis.ticks.map((tick) => tick.label.replaceAll('\u00a0', ' '));

test('a linear and a log scale put values where they belong, and others on the border', () => {
  const linear = linearScale(0, 50);
  assert.deepEqual([-1, 0, 25, 50, 60].map(linear.at), [0, 0, 0.5, 1, 1]);
  const log = logScale(0.01, 100);
  assert.deepEqual([0, 0.01, 1, 100, 1000].map(log.at), [0, 0, 0.5, 1, 1]);
});

test('each further nine takes the same room on an axis of percentiles', () => {
  const scale = percentileScale(4);
  for (const [percentile, place] of [
    [0, 0],
    [90, 0.25],
    [99, 0.5],
    [99.9, 0.75],
    [99.99, 1],
    [99.9999, 1],
    [100, 1],
  ] as const)
    assert.ok(Math.abs(scale.at(percentile) - place) < 1e-9, `${percentile} is at ${scale.at(percentile)}`);
});

test('steps are 1, 2 or 5 times a power of ten', () => {
  assert.deepEqual(
    [1, 7, 10, 99, 0.03, 12_345].map((span) => niceStep(span, 5)),
    [0.2, 2, 2, 20, 0.01, 5000],
  );
  assert.deepEqual(multiples(0.1, 0, 0.5), [0, 0.1, 0.2, 0.3, 0.4, 0.5]);
});

test('a latency axis is linear for what is alike and log for what is not, with one unit, in its title', () => {
  const alike = latencyAxis([1.1, 1.8, 7.2]);
  assert.equal(alike.scale.kind, 'linear');
  assert.deepEqual(labels(alike), ['0', '2', '4', '6', '8']);
  assert.equal(alike.title, 'latency, ms');
  const far = latencyAxis([0.4, 1000]);
  assert.equal(far.scale.kind, 'log');
  assert.deepEqual(labels(far), ['1', '10', '100', '1,000']);
  assert.equal(far.title, 'latency, ms, log axis');
  const small = latencyAxis([0.0004, 0.0009]);
  assert.deepEqual(labels(small), ['0', '0.2', '0.4', '0.6', '0.8', '1']);
  assert.equal(small.title, 'latency, µs');
  // Charts of one report share theirs.
  assert.deepEqual(labels(latencyAxis([0.04, 0.09], 'ms')), ['0', '0.02', '0.04', '0.06', '0.08', '0.1']);
});

test('an axis of time suits the length of the run', () => {
  assert.deepEqual(labels(timeAxis(10)), [
    '0 s',
    '1 s',
    '2 s',
    '3 s',
    '4 s',
    '5 s',
    '6 s',
    '7 s',
    '8 s',
    '9 s',
    '10 s',
  ]);
  assert.equal(labels(timeAxis(3600)).at(-1), '1:00:00');
  assert.equal(labels(timeAxis(600))[1], '1:00');
  assert.equal(labels(timeAxis(0))[0], '0 s');
});

test('percentiles end where single requests are told apart', () => {
  assert.deepEqual(labels(percentileAxis([28_232])), ['0 %', '50 %', '90 %', '99 %', '99.9 %', '99.99 %']);
  assert.deepEqual(labels(percentileAxis([1])), ['0 %', '50 %', '90 %']);
  assert.deepEqual(labels(percentileAxis([])), ['0 %', '50 %', '90 %']);
});

test('nothing is counted in halves where only whole ones exist', () => {
  assert.deepEqual(labels(countAxis('', [3], true)), ['0', '1', '2', '3']);
  assert.deepEqual(labels(countAxis('', [0], true)), ['0', '1']);
  assert.deepEqual(labels(countAxis('', [], false)).length > 1, true);
});

test('small steps have the digits that tell them apart', () => {
  assert.deepEqual(labels(countAxis('', [0.017], false)), ['0', '0.005', '0.010', '0.015', '0.020']);
  assert.deepEqual(labels(countAxis('', [0.8], false)), ['0', '0.2', '0.4', '0.6', '0.8']);
});

test('rates that lie powers of ten apart are on a log axis, with room for marks at its ends', () => {
  const far = rateAxis('', [1, 53, 3390]);
  assert.equal(far.scale.kind, 'log');
  assert.deepEqual(labels(far), ['1', '10', '100', '1,000']);
  assert.ok(far.scale.at(1) > 0 && far.scale.at(5000) < 1);
  const near = rateAxis('', [20_000, 40_000]);
  assert.equal(near.scale.kind, 'linear');
  assert.ok(near.scale.at(40_000) < 1);
  assert.ok(rateAxis('', []).ticks.length > 0);
});

test('parts of a second are marked in the shortest runs only', () => {
  assert.deepEqual(labels(timeAxis(3)), ['0 s', '1 s', '2 s', '3 s']);
  assert.deepEqual(labels(timeAxis(1)), ['0 s', '0.5 s', '1 s']);
});

const anyNumbers = fc.array(fc.oneof(fc.double(), fc.double({ min: 0, max: 1e9, noNaN: true })), {
  maxLength: 6,
});

test('every axis holds all that is drawn, has few ticks, and they rise', () => {
  fc.assert(
    fc.property(anyNumbers, (values) => {
      const finite = values.filter((value) => Number.isFinite(value) && value > 1e-4 && value < 1e15);
      for (const axis of [latencyAxis(finite), countAxis('', finite, true), timeAxis(finite[0] ?? 0)]) {
        assert.ok(
          axis.ticks.length >= 1 && axis.ticks.length <= 16,
          `${axis.ticks.length} ticks for ${finite}`,
        );
        const places = axis.ticks.map((tick) => axis.scale.at(tick.value));
        for (const [i, place] of places.entries()) assert.ok(i === 0 || place > places[i - 1]!);
      }
      const most = Math.max(0, ...finite);
      assert.ok(latencyAxis(finite).scale.high >= most * (1 - 1e-9));
      assert.ok(countAxis('', finite, false).scale.high >= most * (1 - 1e-9));
    }),
  );
});

test('values that are no numbers break no axis', () => {
  for (const values of [[Number.NaN], [Number.POSITIVE_INFINITY], [-5], [0, 0], [5e-324], [1e300]])
    for (const axis of [
      latencyAxis(values),
      countAxis('', values, true),
      timeAxis(values[0]!),
      percentileAxis(values),
    ])
      for (const tick of axis.ticks) assert.doesNotMatch(tick.label, /NaN|Infinity|undefined/);
});

test('labels that are shown side by side never touch, and in even steps where the steps are even', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.3, max: 100_000, noNaN: true }), (seconds) => {
      const axis = timeAxis(seconds);
      const ticks = placeTicks(axis.ticks, axis.scale);
      for (const [shown, widthPx] of [
        [ticks.filter((tick) => tick.inNarrow), NARROW_PLOT_PX],
        [ticks.filter((tick) => tick.inWide), WIDE_PLOT_PX],
      ] as const) {
        assert.ok(shown.length >= 1);
        for (let i = 1; i < shown.length; i++) {
          const apartPx = (shown[i]!.at - shown[i - 1]!.at) * widthPx;
          assert.ok(apartPx > shown[i]!.label.length * 7, `${seconds} s: ${shown.map((tick) => tick.label)}`);
          if (i > 1) {
            const [a, b] = [shown[i]!.value - shown[i - 1]!.value, shown[i - 1]!.value - shown[i - 2]!.value];
            assert.ok(Math.abs(a - b) < 1e-6 * seconds, `${seconds} s: ${shown.map((tick) => tick.label)}`);
          }
        }
      }
    }),
  );
});
