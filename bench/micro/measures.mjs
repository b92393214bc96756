/**
 * What counting the latency of an answer costs: one by one with a clock reading each, and as the server does it, one
 * reading for all that are answered in a turn.
 */
import { DurationHistogram } from '../../dist/observe/duration-histogram.js';
import { Measures } from '../../dist/server/measures.js';

const COUNT = 2_000_000;

function time(name, work, count) {
  work();
  const begin = performance.now();
  work();
  console.log(`${name}: ${(((performance.now() - begin) * 1e6) / count).toFixed(1)} ns`);
}

const histogram = new DurationHistogram();
time(
  'record',
  () => {
    for (let i = 0; i < COUNT; i++) histogram.record((i & 1023) * 0.05);
  },
  COUNT,
);
time(
  'clock',
  () => {
    for (let i = 0; i < COUNT; i++) histogram.record(performance.now() & 7);
  },
  COUNT,
);

const measures = new Measures();
for (const perTurn of [1, 16, 256]) {
  const turns = Math.min(100_000, COUNT / perTurn);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 3; round++) {
    const begin = performance.now();
    for (let turn = 0; turn < turns; turn++) {
      const nowMs = turn + 0.5;
      for (let i = 0; i < perTurn; i++) measures.answered(nowMs, nowMs);
      await undefined;
    }
    best = Math.min(best, ((performance.now() - begin) * 1e6) / (turns * perTurn));
  }
  console.log(`answered, ${perTurn} a turn: ${best.toFixed(1)} ns each`);
}
measures.stop();
