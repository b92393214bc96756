/** One thread's share of the load, over an engine that a test plays: no sockets, no clock but the test's. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ConnectTarget, Engine, EngineConnection } from '../../engine/engine.ts';
import { H1Client } from '../client/h1-client.ts';
import { Tally } from '../measure/tally.ts';
import { PLAN } from '../plan/load-plan.fixture.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { ClosedPacing, type Pacing } from './pacing.ts';
import { RequestDriver } from './request-driver.ts';
import { PlannedSource } from './request-source.ts';

const REQUEST = PLAN.requests[0]!.bytes;
const ANSWER = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello',
);

class PlayedConnection {
  user: unknown = undefined;
  out = new Uint8Array(64 * 1024);
  isOpen = true;
  unsentBytes = 0;
  errorCode = '';
  committed = 0;
  ended = '';
  deadlineMs = 0;
  readonly target: ConnectTarget;
  constructor(target: ConnectTarget) {
    this.target = target;
  }
  reserve(): number {
    return 0;
  }
  commit(size: number): void {
    this.committed += size;
  }
  close(reason: string): void {
    this.ended = `close ${reason}`;
  }
  reset(reason: string): void {
    this.ended = `reset ${reason}`;
  }
  setDeadline(atMs: number): void {
    this.deadlineMs = atMs;
  }
}

class PlayedEngine {
  nowMs = 1000.5;
  readonly made: PlayedConnection[] = [];
  refuses: string | undefined;
  connect(target: ConnectTarget): EngineConnection {
    if (this.refuses !== undefined) throw Object.assign(new Error('no'), { code: this.refuses });
    const conn = new PlayedConnection(target);
    this.made.push(conn);
    return conn as unknown as EngineConnection;
  }
}

function setUp(
  t: TestContext,
  change: Partial<LoadPlan> = {},
  makePacing?: (thread: RequestDriver) => Pacing,
) {
  t.after(() => thread.abandon());
  const plan = { ...PLAN, ...change };
  const engine = new PlayedEngine();
  const tally = new Tally(plan.ratePerSecond !== undefined, { atMs: 0, cpuMs: 0, waitedMs: 0 });
  let idle = 0;
  const thread = new RequestDriver({
    plan,
    tally,
    source: new PlannedSource(plan),
    makeClient: (handler) => new H1Client(handler, { depth: plan.pipeline, keepsContent: false }),
    onIdle: () => idle++,
  });
  thread.bind(engine as unknown as Engine, makePacing?.(thread) ?? new ClosedPacing(thread));
  const last = () => engine.made[engine.made.length - 1]!;
  return {
    engine,
    tally,
    thread,
    last,
    idle: () => idle,
    conn: () => last() as unknown as EngineConnection,
  };
}

test('latency counts from when the connection stands, for connections that are kept', (t) => {
  const { engine, tally, thread, conn, last } = setUp(t);
  thread.begin(thread.slots[0]!, undefined);
  assert.equal(last().committed, REQUEST.length);
  engine.nowMs += 50;
  thread.onConnect(conn());
  engine.nowMs += 7;
  thread.onReceive(conn(), ANSWER, 0, ANSWER.length);
  const { latency, connectTime } = tally.totals('sim', 1, 1, { atMs: 1, cpuMs: 0, waitedMs: 0 });
  assert.equal(latency.maxUs, 7000);
  assert.equal(connectTime.maxUs, 50_000);
  assert.equal(last().committed, 2 * REQUEST.length);
});

test('with a connection for each request, connecting is part of the latency', (t) => {
  const { engine, tally, thread, conn } = setUp(t, { newConnection: true });
  thread.begin(thread.slots[0]!, undefined);
  engine.nowMs += 50;
  thread.onConnect(conn());
  engine.nowMs += 7;
  const first = engine.made[0]!;
  thread.onReceive(conn(), ANSWER, 0, ANSWER.length);
  assert.equal(first.ended, 'close done');
  assert.equal(engine.made.length, 2);
  assert.equal(tally.counters.closedHere, 1);
  const { latency } = tally.totals('sim', 1, 1, { atMs: 1, cpuMs: 0, waitedMs: 0 });
  assert.equal(latency.maxUs, 57_000);
});

test('a connection whose end the server announced is left to the server, for a while', (t) => {
  const { engine, tally, thread, conn } = setUp(t);
  thread.begin(thread.slots[0]!, undefined);
  thread.onConnect(conn());
  const first = engine.made[0]!;
  const closing = Buffer.from(ANSWER.toString().replace('keep-alive', 'close'));
  thread.onReceive(conn(), closing, 0, closing.length);
  assert.equal(engine.made.length, 2, 'the next request has a connection of its own');
  assert.equal(first.ended, '');
  assert.equal(first.deadlineMs, engine.nowMs + 1000);
  thread.onDeadline(first as unknown as EngineConnection);
  assert.equal(first.ended, 'close server left it open');
  assert.equal(tally.counters.closedHere, 1);
});

test('pipelined requests behind an announced close are made again, and count once', (t) => {
  const { engine, tally, thread, conn } = setUp(t, { pipeline: 4 });
  thread.begin(thread.slots[0]!, undefined);
  thread.onConnect(conn());
  assert.equal(engine.made[0]!.committed, 4 * REQUEST.length);
  const closing = Buffer.from(ANSWER.toString().replace('keep-alive', 'close'));
  thread.onReceive(conn(), closing, 0, closing.length);
  assert.equal(engine.made.length, 2);
  assert.equal(engine.made[1]!.committed, 4 * REQUEST.length);
  assert.equal(tally.counters.sent, 5);
  assert.equal(tally.underWay, 4);
});

test('what the system refuses at once fails under its name, and is tried again later', (t) => {
  const { engine, tally, thread } = setUp(t, { requestCount: 2 });
  engine.refuses = 'EADDRNOTAVAIL';
  thread.begin(thread.slots[0]!, undefined);
  assert.equal(tally.counters.failed, 1);
  assert.equal(tally.counters.connectFailed, 1);
  engine.refuses = undefined;
  thread.onPauseOver(0);
  assert.equal(engine.made.length, 1);
});

test('a request is not made again where that could do something twice', (t) => {
  for (const [method, isRepeated] of [
    ['GET', true],
    ['POST', false],
  ] as const) {
    const { engine, tally, thread, conn } = setUp(t, {
      requests: [{ ...PLAN.requests[0]!, method }],
    });
    thread.begin(thread.slots[0]!, undefined);
    thread.onConnect(conn());
    thread.onReceive(conn(), ANSWER, 0, ANSWER.length);
    thread.onPeerEnd(conn());
    assert.equal(tally.counters.failed, isRepeated ? 0 : 1, method);
    assert.equal(engine.made.length, isRepeated ? 2 : 1, method);
    assert.equal(tally.counters.closedEarly, 1);
  }
});

test('the last of a count of requests ends the run', (t) => {
  const { thread, conn, idle, tally } = setUp(t, { requestCount: 3 });
  thread.begin(thread.slots[0]!, undefined);
  thread.onConnect(conn());
  for (let i = 0; i < 3; i++) thread.onReceive(conn(), ANSWER, 0, ANSWER.length);
  assert.equal(idle(), 1);
  assert.equal(tally.counters.answered, 3);
  assert.equal(tally.underWay, 0);
});

/** One number in a box for each of a million requests would be 16 MB; looking costs some hundred bytes each time. */
const GROWTH_BYTES_MAX = 4 * 1024 * 1024;

test('an answer and the next request allocate nothing', (t) => {
  const { engine, thread, conn, tally } = setUp(t);
  thread.begin(thread.slots[0]!, undefined);
  const one = conn();
  thread.onConnect(one);
  const bytes = new Uint8Array(ANSWER);
  const round = () => {
    engine.nowMs += 0.137;
    thread.onReceive(one, bytes, 0, bytes.length);
  };
  for (let i = 0; i < 400_000; i++) round();
  const before = process.memoryUsage().heapUsed;
  let growth = 0;
  for (let i = 0; i < 1_000_000; i++) {
    round();
    // Looked at often enough that garbage shows before a collection takes it away.
    if (i % 10_000 === 0) growth = Math.max(growth, process.memoryUsage().heapUsed - before);
  }
  assert.equal(tally.counters.answered, 1_400_000);
  assert.ok(growth < GROWTH_BYTES_MAX, `${growth} bytes`);
});

test('an answer behind the one that was due fails what was begun meanwhile, and ends the connection', (t) => {
  const { tally, thread, conn, last } = setUp(t);
  thread.begin(thread.slots[0]!, undefined);
  thread.onConnect(conn());
  const first = last();
  const two = Buffer.concat([ANSWER, ANSWER]);
  thread.onReceive(conn(), two, 0, two.length);
  assert.equal(first.ended, 'reset unsolicited answer');
  const { counters, errors } = tally.totals('sim', 1, 1, { atMs: 1, cpuMs: 0, waitedMs: 0 });
  assert.equal(counters.answered, 1);
  assert.equal(counters.failed, 1);
  assert.equal(counters.unsolicited, 1);
  assert.equal(tally.underWay, 0);
  assert.deepEqual(errors, { 'unsolicited answer': 1 });
});

test('an answer to nothing on an idle connection fails alone, and a 408 there fails nothing', (t) => {
  for (const [text, failedCount, ended] of [
    [ANSWER.toString(), 1, 'reset unsolicited answer'],
    ['HTTP/1.1 408 Request Timeout\r\n\r\n', 0, 'close server closed'],
  ] as const) {
    const { tally, thread, conn, last } = setUp(t);
    thread.open(thread.slots[0]!);
    // Its place is free again before any request is begun, as at a constant rate.
    const bytes = Buffer.from(text);
    thread.onReceive(conn(), bytes, 0, bytes.length);
    assert.equal(last().ended, ended);
    assert.equal(tally.counters.failed, failedCount);
    assert.equal(tally.counters.unsolicited, failedCount);
    assert.equal(tally.underWay, 0);
    thread.begin(thread.slots[0]!, undefined);
    assert.notEqual(last().ended, ended, 'the next request has a connection of its own');
  }
});

test('connections go to all addresses of a target in turn, and every pair with a source address has its turn', (t) => {
  const addressed = (address: string) => ({ family: 'IPv4', address, port: 80 }) as const;
  const targets = [{ ...PLAN.targets[0]!, connects: [addressed('10.0.0.1'), addressed('10.0.0.2')] }];
  const goTo = (change: Partial<LoadPlan>) => {
    const { engine, thread } = setUp(t, { targets, connections: 4, ...change });
    for (const slot of thread.slots) thread.open(slot);
    return engine.made.map(({ target }) => {
      assert.ok(!('unix' in target));
      return `${target.localAddress ?? ''}>${target.address}`;
    });
  };
  assert.deepEqual(goTo({}), ['>10.0.0.1', '>10.0.0.2', '>10.0.0.1', '>10.0.0.2']);
  // Parts of a plan come in at different places, so that many small parts do not all begin with the first.
  assert.deepEqual(goTo({ phase: 0.5, connections: 1 }), ['>10.0.0.2']);
  assert.deepEqual(goTo({ sourceAddresses: ['127.0.0.2', '127.0.0.3'] }), [
    '127.0.0.2>10.0.0.1',
    '127.0.0.2>10.0.0.2',
    '127.0.0.3>10.0.0.1',
    '127.0.0.3>10.0.0.2',
  ]);
});
