import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyCounts, NO_LATENCIES } from '../measure/latency-counts.ts';
import { mergeTotals, type RunTotals, type SecondReport, zeroCounters } from '../measure/run-totals.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { readMachineFacts, readMachineKind } from './facts-message.ts';
import { Fields } from './fields.ts';
import { WireError } from './frame.ts';
import { encodePlan, readPlan } from './plan-message.ts';
import { SAMPLE_PLAN } from './sample-plan.fixture.ts';
import { encodeSecond, encodeTotals, readSecond, readTotals } from './totals-message.ts';

const travel = (value: unknown) => new Fields(JSON.parse(JSON.stringify(value)), 'plan');
const malformed = (error: unknown) => error instanceof WireError && error.code === 'malformed';

test('a plan arrives as it was', () => {
  assert.deepEqual(readPlan(travel(encodePlan(SAMPLE_PLAN))), SAMPLE_PLAN);
  const endless: LoadPlan = {
    ...SAMPLE_PLAN,
    timeoutMs: Number.POSITIVE_INFINITY,
    ratePerSecond: undefined,
    requestCount: undefined,
    sourceAddresses: [],
  };
  assert.deepEqual(readPlan(travel(encodePlan(endless))), endless);
});

test('a plan with a script, or to a unix socket, does not travel', () => {
  const script = { name: 's.mjs', url: 'file:///s.mjs', headers: [] };
  assert.throws(() => encodePlan({ ...SAMPLE_PLAN, script }), malformed);
  const [target] = SAMPLE_PLAN.targets;
  const targets = [{ ...target!, connects: [{ unix: '/run/docker.sock' }] }];
  assert.throws(() => encodePlan({ ...SAMPLE_PLAN, targets }), malformed);
  // An agent refuses it as well, if somebody sends it all the same.
  const plain = encodePlan(SAMPLE_PLAN);
  assert.throws(() => readPlan(travel({ ...plain, script })), malformed);
  assert.throws(() => readPlan(travel({ ...plain, targets })), malformed);
});

test('each field of a plan that is missing or of another kind is refused by its name', () => {
  const plain = encodePlan(SAMPLE_PLAN);
  const optional = ['ratePerSecond', 'durationMs', 'requestCount', 'timeoutMs', 'script', 'tls'];
  for (const name of Object.keys(plain)) {
    const without = { ...plain, [name]: undefined };
    if (optional.includes(name)) readPlan(travel(without));
    else assert.throws(() => readPlan(travel(without)), new RegExp(`plan\\.${name}\\b`), name);
    for (const value of [null, 'x', -1e300, {}, [{}]])
      assert.throws(() => readPlan(travel({ ...plain, [name]: value })), malformed, `${name}: ${value}`);
  }
  assert.throws(
    () => readPlan(travel({ ...plain, durationMs: undefined, requestCount: undefined })),
    /no end/,
  );
});

test('a target is an address and a port, and a request is for one of the targets', () => {
  const plain = encodePlan(SAMPLE_PLAN) as { targets: object[]; requests: object[] };
  const withConnect = (connect: object) =>
    travel({ ...plain, targets: [{ ...plain.targets[0], connects: [connect] }, plain.targets[1]] });
  assert.throws(() => readPlan(withConnect({ family: 'IPv4', address: 'example.com', port: 80 })), malformed);
  assert.throws(() => readPlan(withConnect({ family: 'IPv4', address: '10.0.0.1', port: 0 })), malformed);
  for (const change of [{ target: 2 }, { target: -1 }, { bytes: '' }, { bytes: 5 }])
    assert.throws(
      () => readPlan(travel({ ...plain, requests: [{ ...plain.requests[0], ...change }] })),
      malformed,
    );
});

function latencies(seed: number) {
  const counts = new LatencyCounts();
  for (let i = 1; i < 500; i++) counts.recordUs((i * i * seed) % 90_000_000);
  return counts.data();
}

const TOTALS: RunTotals = {
  engine: 'iouring',
  measuredMs: 9999.5,
  settledMs: 9999.5,
  counters: { ...zeroCounters(), sent: 500, answered: 499, bytesSent: 2 ** 40 },
  statuses: { '200': 490, '503': 9 },
  errors: { ECONNRESET: 1, constructor: 2 },
  checks: { 'is ok': { passed: 3, failed: 1 } },
  urls: {
    rows: [
      {
        method: 'GET',
        url: 'http://a/1',
        answered: 5,
        failed: 1,
        statuses: { '200': 5 },
        latency: latencies(5),
      },
      { method: 'GET', url: 'http://a/2', answered: 0, failed: 9, statuses: {}, latency: NO_LATENCIES },
    ],
    others: { method: '', url: '', answered: 1, failed: 0, statuses: { '200': 1 }, latency: latencies(1) },
    isBounded: true,
  },
  latency: latencies(7),
  lost: latencies(17),
  serviceTime: latencies(11),
  connectTime: latencies(13),
  handshakeTime: latencies(3),
  handshakes: { 'TLSv1.3 TLS_AES_128_GCM_SHA256': 5 },
  sendDelay: NO_LATENCIES,
  threads: [
    { wallMs: 10, cpuMs: 5, waitedMs: 1 },
    { wallMs: 10, cpuMs: 5, waitedMs: undefined },
  ],
};

const SECOND: SecondReport = {
  second: -1,
  lengthMs: 1000.25,
  counters: { ...zeroCounters(), sent: -3, openMax: 7 },
  open: 7,
  latency: latencies(3),
  lost: latencies(5),
  waiting: latencies(2),
  errors: {},
  threads: TOTALS.threads,
};

test('totals and seconds arrive as they were, and merge as if they had never travelled', () => {
  const arrived = readTotals(travel(encodeTotals(TOTALS)));
  assert.deepEqual(arrived, TOTALS);
  assert.deepEqual(mergeTotals([arrived, arrived]), mergeTotals([TOTALS, TOTALS]));
  assert.deepEqual(readSecond(travel(encodeSecond(SECOND))), SECOND);
});

test('counts that do not hold together are refused before anything is added', () => {
  const plain = JSON.parse(JSON.stringify(encodeTotals(TOTALS)));
  const withLatency = (latency: object) => travel({ ...plain, latency });
  const bad = [
    { pairs: [5, 1, 4, 1], count: 2, minUs: 1, maxUs: 9 },
    { pairs: [5, 1, 5, 1], count: 2, minUs: 1, maxUs: 9 },
    { pairs: [5], count: 0, minUs: 1, maxUs: 9 },
    { pairs: [5, 0], count: 0, minUs: 1, maxUs: 9 },
    { pairs: [5.5, 1], count: 1, minUs: 1, maxUs: 9 },
    { pairs: [1e9, 1], count: 1, minUs: 1, maxUs: 9 },
    { pairs: [5, 1], count: 2, minUs: 1, maxUs: 9 },
    { pairs: [5, null], count: 1, minUs: 1, maxUs: 9 },
    { pairs: 'none', count: 0, minUs: 1, maxUs: 9 },
  ];
  readTotals(withLatency({ pairs: [5, 1, 6, 2], count: 3, minUs: 1, maxUs: 9 }));
  for (const latency of bad) assert.throws(() => readTotals(withLatency(latency)), malformed);
  for (const name of Object.keys(plain))
    assert.throws(() => readTotals(travel({ ...plain, [name]: undefined })), malformed, name);
  for (const name of Object.keys(plain.counters)) {
    const counters = { ...plain.counters, [name]: 'many' };
    assert.throws(() => readTotals(travel({ ...plain, counters })), malformed, name);
  }
});

test('a field called __proto__ is a field like any other', () => {
  const plain = JSON.stringify(encodeTotals({ ...TOTALS, errors: {} }));
  const text = plain.replace('"errors":{}', '"errors":{"__proto__":4}');
  const { errors } = readTotals(new Fields(JSON.parse(text), ''));
  assert.deepEqual(Object.entries(errors), [['__proto__', 4]]);
});

test('what a machine tells of itself is checked, what it does not know stays out', () => {
  const facts = {
    cores: 4,
    userMs: 1,
    systemMs: 2,
    server: undefined,
    ports: { available: 28_232, heldMs: 1000, reusesTimeWait: true, isLoopback: false, first: 1, last: 2 },
    portsMax: 12,
    descriptorsMax: undefined,
    network: undefined,
  };
  assert.deepEqual(readMachineFacts(travel(facts)), facts);
  assert.throws(() => readMachineFacts(travel({ ...facts, cores: 0 })), malformed);
  assert.throws(() => readMachineFacts(travel({ ...facts, ports: { available: 1 } })), malformed);
  const kind = { os: 'Linux', cpu: 'x', cores: 2, memoryBytes: 1, node: '20' };
  assert.deepEqual(readMachineKind(travel(kind)), kind);
  assert.throws(() => readMachineKind(travel({ ...kind, os: 'x'.repeat(301) })), malformed);
});
