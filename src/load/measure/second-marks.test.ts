import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_LATENCIES } from './latency-counts.ts';
import { type SecondReport, zeroCounters } from './run-totals.ts';
import { marksOf } from './second-marks.ts';

const QUIET: SecondReport = {
  second: 3,
  lengthMs: 1000,
  counters: { ...zeroCounters(), sent: 1000, answered: 1000 },
  open: 10,
  latency: NO_LATENCIES,
  lost: NO_LATENCIES,
  waiting: NO_LATENCIES,
  errors: {},
  threads: [{ wallMs: 1000, cpuMs: 500, waitedMs: 20 }],
};

test('a second is marked for what was the client’s own', () => {
  const marks = (change: Partial<SecondReport>, counters = {}) =>
    marksOf({ ...QUIET, ...change, counters: { ...QUIET.counters, ...counters } });
  assert.deepEqual(marks({}), []);
  assert.deepEqual(marks({ threads: [{ wallMs: 1000, cpuMs: 990, waitedMs: 0 }] }), ['client-cpu']);
  assert.deepEqual(marks({ threads: [...QUIET.threads, { wallMs: 1000, cpuMs: 500, waitedMs: 200 }] }), [
    'client-waited-for-cpu',
  ]);
  assert.deepEqual(marks({ threads: [{ wallMs: 1000, cpuMs: 5, waitedMs: undefined }] }), []);
  assert.deepEqual(marks({}, { lateSends: 11 }), ['late-timers']);
  assert.deepEqual(marks({}, { lateSends: 2, sent: 2 }), []);
  assert.deepEqual(marks({ lengthMs: 1300 }), ['late-timers']);
  assert.deepEqual(marks({}, { receiveBufferExhaustions: 20 }), ['receive-queue-full']);
  assert.deepEqual(marks({ errors: { EADDRNOTAVAIL: 1, EMFILE: 1 } }), ['no-source-port', 'no-descriptor']);
});
