import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURE_NAMES } from '../client/failure-names.ts';
import type { LimitName, SecondSample } from '../measure/load-result.ts';
import type { ServerCpu } from '../measure/server-process.ts';
import type { PortFacts } from '../measure/source-ports.ts';
import { judge, type VerdictInput } from './verdict.ts';
import { CALM } from './verdict-input.fixture.ts';

const PORTS: PortFacts = {
  available: 28_232,
  heldMs: 60_000,
  reusesTimeWait: false,
  isLoopback: true,
  first: 32_768,
  last: 60_999,
};

function server(busiestShare: number, busiestWaitedShare = 0, threadCount = 1): ServerCpu {
  const cpuMs = busiestShare * 10_000;
  return {
    wallMs: 10_000,
    cpuMs,
    userMs: cpuMs / 4,
    systemMs: cpuMs,
    busiestShare,
    busiestWaitedShare,
    threadCount,
  };
}

const thread = (busy: number, waited: number) => ({
  wallMs: 10_000,
  cpuMs: busy * 10_000,
  waitedMs: waited * 10_000,
});

const second = {
  second: 0,
  answered: 1,
  failed: 0,
  bytesReceived: 1,
  p50Ms: 1,
  p99Ms: 1,
  p999Ms: 1,
  maxMs: 1,
  open: 1,
  opened: 0,
  sourcePorts: 1,
  clientCpu: 1,
};

const CASES: [string, Partial<VerdictInput>, LimitName, RegExp][] = [
  ['a server of one thread at its limit', { server: server(0.99) }, 'server-cpu', /its thread was at work 99\.0 % of the time; 0\.99 cores in all/],
  ['one busy thread of many', { server: server(0.97, 0.01, 12) }, 'server-cpu', /the busiest of its 12 threads/],
  ['a server that waits for a core', { server: server(0.6, 0.38) }, 'server-cpu', /waited for a core 38\.0 %/],
  ['a client at its limit', { threads: [thread(0.99, 0)], server: server(0.4) }, 'client-cpu', /this client's CPU \(its thread was at work 99\.0 %/],
  ['one of several client threads at its limit', { threads: [thread(0.3, 0), thread(0.98, 0)] }, 'client-cpu', /the busiest of its 2 threads/],
  ['a client on a busy core', { threads: [thread(0.5, 0.49)], server: server(0.3) }, 'client-cpu', /without a core for 49\.0 %/],
  ['a client on a core that is busy now and then', { threads: [thread(0.5, 0.3)], server: server(0.3) }, 'client-cpu', /without a core for 30\.0 %/],
  ['both busy, the server without a rest', { threads: [thread(0.95, 0)], server: server(0.99) }, 'server-cpu', /server CPU/],
  ['both busy, the client without a rest', { threads: [thread(1, 0)], server: server(0.91) }, 'client-cpu', /this client's CPU/],
  ['both on one core', { threads: [thread(0.45, 0.52)], server: server(0.52, 0.45) }, 'client-cpu', /both have to wait for cores/],
  ['slow answers, seen', { server: server(0.1) }, 'handler-time', /an answer takes 1\.20 ms, so 50 connections get 40,000\/s; the server's CPU was not busy/],
  ['slow answers, unseen', {}, 'handler-time', /cannot be seen from here/],
  ['ports used up', { errors: { EADDRNOTAVAIL: 5000 }, ports: PORTS, newConnection: true, connectionsOpened: 140_000 }, 'ephemeral-ports', /28,232 to one destination; at 14,000 connections\/s they last 2\.0 s.*held for 60 s.*5,000 connections found none free/],
  ['ports used up, and the client busy with it', { errors: { EADDRNOTAVAIL: 5000 }, ports: PORTS, threads: [thread(1, 0)] }, 'ephemeral-ports', /ephemeral ports/],
  ['ports that must be searched for', { threads: [thread(1, 0)], ports: { ...PORTS, reusesTimeWait: true, heldMs: 1000 }, newConnection: true, closedHere: 140_000 }, 'ephemeral-ports', /28,232 to one destination, each held for 1 s; at 14,000 connections\/s the system spends this client's CPU searching/],
  ['as many connections, with ports enough', { threads: [thread(1, 0)], ports: { ...PORTS, available: 8 * 28_232, reusesTimeWait: true, heldMs: 1000 }, newConnection: true, closedHere: 140_000 }, 'client-cpu', /this client's CPU/],
  ['descriptors used up', { errors: { EMFILE: 12, timeout: 3 } }, 'descriptors', /20,000 in this process; 12 connections could not be opened/],
  ['nobody listens', { errors: { ECONNREFUSED: 900 }, ended: 900, answered: 0, failedWithoutAnswer: 900 }, 'errors', /100 % of the requests had no answer; ECONNREFUSED 900 times/],
  ['a kept rate', { ratePerSecond: 40_000, dueCount: 400_000, threads: [thread(0.99, 0)] }, 'asked-rate', /40,000\/s, kept at 40,000\/s/],
  ['a kept ramp', { ratePerSecond: 80_000, dueCount: 400_000 }, 'asked-rate', /40,000\/s on average, growing to 80,000\/s, kept at 40,000\/s/],
  ['a server that lets nobody in', { answered: 0, ended: 0, connectionsOpened: 0 }, 'unknown', /not one connection stood/],
  ['a rate that the server cannot keep', { ratePerSecond: 80_000, dueCount: 800_000, server: server(0.99) }, 'server-cpu', /server CPU/],
  ['think time', { thinkMs: 1000, answered: 498, ended: 498, meanServiceMs: 2 }, 'asked-rate', /the think time \(1\.00 s on average/],
  ['a full link', { network: { segmentsSent: 1e6, segmentsRetransmitted: 10, isLoopback: false, linkBitsPerSecond: 1e9, bytesMoved: 1.18e9 } }, 'network', /94\.4 % of the link's speed/],
  ['a lossy network', { network: { segmentsSent: 1e6, segmentsRetransmitted: 30_000, isLoopback: false, linkBitsPerSecond: undefined, bytesMoved: 1e6 } }, 'network', /3\.00 % of the segments were sent again/],
  ['retransmissions that are nobody’s business on loopback', { network: { segmentsSent: 1e6, segmentsRetransmitted: 30_000, isLoopback: true, linkBitsPerSecond: undefined, bytesMoved: 1e6 } }, 'handler-time', /handler time/],
  ['connections that stand about', { meanServiceMs: 0.2 }, 'unknown', /neither CPU was busy/],
  ['a run of a moment', { measuredMs: 12, threads: [thread(1, 0)] }, 'unknown', /12 ms is too short to tell/],
]; // biome-ignore format: a case a line

for (const [what, change, limit, sentence] of CASES) {
  test(`${what}: ${limit}`, () => {
    const verdict = judge({ ...CALM, ...change });
    assert.equal(verdict.limit, limit, verdict.sentence);
    assert.match(verdict.sentence, sentence);
    assert.match(verdict.sentence, /^limited by: [^\n]+$/);
  });
}

test('failures have remedies of their own', () => {
  const remedy = (name: string) =>
    judge({ ...CALM, errors: { [name]: 900 }, ended: 900, answered: 0, failedWithoutAnswer: 900 })
      .remedies[0];
  assert.match(remedy(FAILURE_NAMES.notSent)!, /-r.*-c/);
  assert.match(remedy(FAILURE_NAMES.http1Answer)!, /without --h2/);
  assert.match(remedy('garbage: no status line (RFC 9112 §4)')!, /check the port/);
  assert.match(remedy('ENOENT')!, /--unix/);
});

test('remedies fit the case', () => {
  const remedies = (change: Partial<VerdictInput>) => judge({ ...CALM, ...change }).remedies.join('\n');
  const noPorts = { errors: { EADDRNOTAVAIL: 1 }, ports: PORTS, newConnection: true };
  assert.match(remedies(noPorts), /--source-addresses 127\.0\.0\.2-127\.0\.0\.9/);
  assert.match(remedies(noPorts), /Connection: close/);
  assert.match(remedies(noPorts), /ip_local_port_range.*\n.*tcp_tw_reuse=1/);
  const remote = { ...PORTS, isLoopback: false, first: 1024, last: 65_535, reusesTimeWait: true };
  assert.doesNotMatch(remedies({ ...noPorts, ports: remote }), /127\.0\.0\.2|sysctl/);
  assert.match(remedies({ threads: [thread(1, 0)] }), /--threads 2/);
  assert.doesNotMatch(remedies({ threads: [thread(1, 0)], cores: 1 }), /--threads/);
  assert.match(remedies({ server: server(0.1) }), /-c 100/);
  assert.match(remedies({ threads: [thread(0.5, 0.49)] }), /taskset/);
});

test('a server that stands still for seconds is told from one that is idle', () => {
  const still = { ...second, answered: 0, maxMs: 3400, marks: [] };
  const idle = { ...second, answered: 0, maxMs: null, marks: [] };
  const verdictOf = (...series: SecondSample[]) => judge({ ...CALM, meanServiceMs: 0.2, series });
  const found = verdictOf({ ...second, marks: [] }, still, { ...still, maxMs: 1400 });
  assert.equal(found.limit, 'handler-time');
  assert.match(
    found.sentence,
    /stood still \(in 2 of 3 seconds nothing was answered, .* for up to 3\.40 s\)/,
  );
  assert.equal(verdictOf(idle, idle).limit, 'unknown');
});

test('the evidence tells of both sides, of ports, of the schedule and of marked seconds', () => {
  const { evidence } = judge({
    ...CALM,
    server: server(0.5),
    ports: PORTS,
    portsMax: 20_000,
    ratePerSecond: 50_000,
    dueCount: 500_000,
    series: [{ ...second, marks: ['client-cpu'] }, { ...second, marks: [] }],
  }); // biome-ignore format: a case a line
  const text = evidence.join('\n');
  assert.match(text, /^client: 1 thread at work 30\.0 %, without a core 1\.00 % of the time$/m);
  assert.match(text, /^server: .* at work 50\.0 %/m);
  assert.match(text, /^source ports: 20,000 of 28,232 in use at the most$/m);
  assert.match(text, /^schedule: 500,000 requests were due, 400,000 answered in time/m);
  assert.match(text, /^client's CPU at its limit: in 1 of 2 seconds$/m);
});
