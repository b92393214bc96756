import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyCounts, NO_LATENCIES, percentileUs } from './latency-counts.ts';
import { mergeTotals, type SecondReport, zeroCounters } from './run-totals.ts';
import { SecondGatherer } from './second-gatherer.ts';
import { Tally } from './tally.ts';
import { cpuBetween, parseSchedstat, readThreadCpu } from './thread-cpu.ts';

const cpu = (atMs: number) => ({ atMs, cpuMs: atMs / 2, waitedMs: atMs / 10 });

test('a tally hands out each second once, and the whole in the end', () => {
  const tally = new Tally(true, cpu(0));
  tally.underWay = 5;
  tally.counters.sent = 5;
  tally.answered(200, 10000, 5000, 0);
  tally.answered(503, 20000, 15000, 0);
  const first = tally.endSecond(0, cpu(1000), NO_LATENCIES);
  tally.answered(200, 30000, 25000, 0);
  tally.timedOut('timeout', 40, 35, 0);
  tally.failed('ECONNRESET', 700, 0);
  const second = tally.endSecond(1, cpu(2000), first.latency);
  assert.deepEqual(
    [first, second].map(({ counters: { answered, failed } }) => [answered, failed]),
    [
      [2, 0],
      [1, 2],
    ],
  );
  assert.deepEqual(
    [first, second].map(({ latency }) => latency.count),
    [2, 2],
  );
  assert.deepEqual(second.errors, { timeout: 1, ECONNRESET: 1 });
  assert.deepEqual([first.lost.count, second.lost.maxUs, second.waiting.count], [0, 700_000, 2]);
  assert.deepEqual(second.threads, [{ wallMs: 1000, cpuMs: 500, waitedMs: 100 }]);
  const totals = tally.totals('node', 2000, 2000, cpu(2000));
  assert.deepEqual(totals.statuses, { '200': 2, '503': 1 });
  assert.equal(totals.counters.refused, 1);
  assert.equal(totals.counters.unfinished, 0);
  assert.equal(totals.latency.count, 4);
  assert.equal(totals.lost.count, 1);
  assert.equal(percentileUs(totals.latency, 100), 40_000);
  assert.equal(percentileUs(totals.serviceTime, 100), 35_000);
  assert.deepEqual(structuredClone(totals), totals);
});

test('the end of the warm-up forgets what was counted, and keeps what is under way', () => {
  const tally = new Tally(false, cpu(0));
  tally.connectionOpened(1);
  tally.connectionOpened(2);
  tally.counters.sent = 7;
  tally.underWay = 2;
  tally.answered(200, 1000, 1000, 0);
  tally.failed('ECONNRESET', 0, 0);
  tally.underWay = 2;
  tally.endWarmup(cpu(1000), undefined);
  tally.answered(200, 1000, 1000, 0);
  tally.failed('timeout', 0, 0);
  const totals = tally.totals('node', 1000, 1000, cpu(2000));
  const { sent, answered, failed, opened, openMax } = totals.counters;
  assert.deepEqual([sent, answered, failed, opened, openMax], [2, 1, 1, 2, 2]);
  assert.deepEqual(totals.errors, { timeout: 1 });
  assert.equal(totals.connectTime.count, 2);
});

test('answers after the end are in the latencies, and not in the rate', () => {
  const tally = new Tally(false, cpu(0));
  tally.underWay = 2;
  tally.answered(200, 1000, 1000, 0);
  tally.isOver = true;
  tally.answered(200, 900000, 900000, 0);
  const { counters, latency } = tally.totals('node', 1000, 1000, cpu(1000));
  assert.deepEqual([counters.answered, counters.answeredLate, latency.count], [1, 1, 2]);
});

test('totals of parts add up', () => {
  const part = (answered: number) => {
    const tally = new Tally(false, cpu(0));
    for (let i = 0; i < answered; i++) tally.answered(200, (i + 1) * 1000, 0, 0);
    tally.checked('is fine', answered > 2);
    tally.failed('ECONNREFUSED', 0, 0);
    return tally.totals('iouring', 1000 + answered, 1000 + answered, cpu(1000));
  };
  const sum = mergeTotals([part(3), part(2)]);
  assert.equal(sum.counters.answered, 5);
  assert.equal(sum.measuredMs, 1003);
  assert.equal(sum.engine, 'iouring');
  assert.deepEqual(sum.statuses, { '200': 5 });
  assert.deepEqual(sum.errors, { ECONNREFUSED: 2 });
  assert.deepEqual(sum.checks, { 'is fine': { passed: 1, failed: 1 } });
  assert.equal(sum.latency.count, 5);
  assert.equal(sum.threads.length, 2);
});

function report(second: number, answered: number): SecondReport {
  const latency = new LatencyCounts();
  latency.recordMs(answered);
  return {
    second,
    lengthMs: 1000,
    counters: { ...zeroCounters(), answered },
    open: 1,
    latency: latency.data(),
    lost: NO_LATENCIES,
    waiting: latency.data(),
    errors: {},
    threads: [],
  };
}

test('a second is passed on when every source that still runs has told of it', () => {
  const passed: [number, number][] = [];
  const gatherer = new SecondGatherer(3, ({ second, counters, open }) => {
    passed.push([second, counters.answered]);
    assert.ok(open <= 3);
  });
  gatherer.add(0, report(0, 1));
  gatherer.add(1, report(0, 2));
  gatherer.add(0, report(1, 10));
  assert.deepEqual(passed, []);
  gatherer.add(2, report(0, 4));
  assert.deepEqual(passed, [[0, 7]]);
  gatherer.end(2);
  gatherer.add(1, report(1, 20));
  assert.deepEqual(passed, [
    [0, 7],
    [1, 30],
  ]);
  gatherer.end(0);
  gatherer.add(1, report(2, 5));
  assert.deepEqual(passed.at(-1), [2, 5]);
});

test('CPU time is read of the calling thread, and never runs backwards', () => {
  const before = readThreadCpu(0);
  let sum = 0;
  const untilMs = performance.now() + 30;
  while (performance.now() < untilMs) sum++;
  assert.ok(sum > 0);
  const spent = cpuBetween(before, readThreadCpu(30));
  assert.ok(spent.cpuMs > 0 && spent.wallMs === 30);
  assert.deepEqual(parseSchedstat('1500000 250000 3\n'), { cpuMs: 1.5, waitedMs: 0.25 });
});
