import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DoctorReport, reportText } from './doctor-report.ts';
import { judgeLimits, ringsAreCounted } from './host-limits.ts';

const GOOD = {
  descriptorsSoft: 1_048_576,
  descriptorsHard: 1_048_576,
  memlockBytes: 8 * 1024 * 1024,
  somaxconn: 4096,
  portFirst: 32_768,
  portLast: 60_999,
  timeWaitReuse: 2,
  locksWithoutLimit: false,
  countsRings: true,
  workers: 4,
};

const REPORT: DoctorReport = {
  holdfast: '0.1.0',
  system: { node: '20.20.2', platform: 'linux', arch: 'x64', kernel: '6.1.0', container: 'docker' },
  ffi: { name: 'koffi', reason: 'node:ffi is not in this Node.js' },
  tls: { available: true, reason: 'TLS by OpenSSL 3.0.19 of this Node' },
  compression: { isNative: true, reason: 'zlib 1.3.0 of this Node, called directly' },
  engines: [
    {
      name: 'iouring',
      available: false,
      reason: 'io_uring_setup: EPERM (a seccomp profile forbids it, as the default one of Docker does)',
    },
    { name: 'node', available: true, reason: 'works wherever Node.js does' },
  ],
  chosen: { name: 'node', reason: 'io_uring is forbidden here' },
  cpu: { cores: 4, quotaCores: 1.5, workers: 4 },
  ...judgeLimits({ ...GOOD, descriptorsHard: 1024, descriptorsSoft: 1024, somaxconn: 128 }),
};

test('a host without low limits gets no advice', () => {
  const { limits, advice } = judgeLimits(GOOD);
  assert.deepEqual(advice, []);
  assert.ok(limits.every((limit) => limit.verdict === 'fine'));
});

test('ephemeral ports are counted and divided by the minute that each is held', () => {
  const ports = judgeLimits(GOOD).limits.find((limit) => limit.name === 'ports');
  assert.match(ports?.value ?? '', /28,232 of them/);
  assert.match(ports?.meaning ?? '', /^470 new outgoing connections a second/);
});

test('each low limit comes with something to type', () => {
  const { limits, advice } = judgeLimits({
    ...GOOD,
    descriptorsHard: 1024,
    somaxconn: 128,
    portFirst: 60_000,
  });
  assert.deepEqual(
    limits.filter((limit) => limit.verdict !== 'fine').map((limit) => limit.name),
    ['descriptors', 'somaxconn', 'ports'],
  );
  assert.equal(advice.length, 3);
  for (const { change } of advice) assert.match(change, /ulimit|sysctl/);
});

test('locked memory is judged where rings count against it, by the workers of this machine', () => {
  const memlock = (change: object) =>
    judgeLimits({ ...GOOD, ...change }).limits.find((limit) => limit.name === 'memlock');
  assert.match(memlock({})?.meaning ?? '', /^enough for 51 io_uring workers/);
  assert.equal(memlock({ workers: 25 })?.verdict, 'fine');
  assert.equal(memlock({ workers: 26 })?.verdict, 'low');
  assert.equal(memlock({ workers: 26, countsRings: false })?.verdict, 'fine');
  assert.equal(memlock({ workers: 26, locksWithoutLimit: true })?.verdict, 'fine');
  assert.equal(memlock({ workers: 26, memlockBytes: Number.POSITIVE_INFINITY })?.verdict, 'fine');
  const { advice } = judgeLimits({ ...GOOD, workers: 26 });
  assert.match(advice[0]?.change ?? '', /ulimit -l unlimited/);
});

test('rings count as locked memory before 5.12 and from 6.14 on', () => {
  const counted = ['5.10.0-28-amd64', '5.12.0', '6.1.0', '6.13.9', '6.14.0-rc1', '6.18.1', '7.0.2'].filter(
    ringsAreCounted,
  );
  assert.deepEqual(counted, ['5.10.0-28-amd64', '6.14.0-rc1', '6.18.1', '7.0.2']);
});

test('what a system does not tell is left out', () => {
  const nothing = Object.fromEntries(Object.keys(GOOD).map((name) => [name, undefined])) as never;
  assert.deepEqual(judgeLimits(nothing), { limits: [], advice: [] });
});

test('the page names every engine with its reason, fits its width, and has colours only when asked', () => {
  const page = reportText(REPORT, false);
  assert.match(page, /iouring +no +io_uring_setup: EPERM/);
  assert.match(page, /node +yes +works wherever/);
  for (const line of page.split('\n')) assert.ok(line.length <= 92, line);
  assert.ok(!page.includes('\x1b'));
  assert.ok(reportText(REPORT, true).includes('\x1b[32myes'));
});

test('a Node.js that gets no fixes any more is named, with the one that is recommended', () => {
  assert.match(
    reportText(REPORT, false),
    /Node\.js +20\.20\.2 +24 is recommended: this one gets no fixes any more/,
  );
  const current = { ...REPORT, system: { ...REPORT.system, node: '24.1.0' } };
  assert.doesNotMatch(reportText(current, false), /recommended/);
});
