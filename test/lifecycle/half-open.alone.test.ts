/**
 * TLS handshakes of five kinds that never come to their end, beside clients that behave: each is let go at its deadline from
 * accept, however its bytes drip, what is no TLS at once, and the others do not notice.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { CLIENT_FLIGHTS } from '#src/engine/tls/client-flights.fixture.ts';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { CERT, KEY } from '../tls-keys.ts';
import { atMost, becomes, EARLY_MS_MAX, type Figures, judged, percentile, scaled, sleep } from './figures.ts';
import { GoodClients } from './good-clients.ts';
import { Subject } from './subject-process.ts';

const COUNT = scaled(2000, 200);
const GOOD_COUNT = 20;
const HEADER_MS = scaled(5000, 1500);
const DRIP_EVERY_MS = scaled(1000, 200);
/** The node engine needs a millisecond or two for each, and one that is accepted late is let go late. */
const OPEN_OVER_MS = { node: scaled(8000, 1500), other: scaled(3000, 1000) };
const THINK_MS = 10;
const QUIET_MS = scaled(5000, 400);
/** What a neighbour on the machine may cost a good client at the 99th percentile in a run of a few seconds. */
const NOISE_MS = scaled(0, 8);

const HELLO = CLIENT_FLIGHTS['tls13']![0]!;
/** What each says at first, and then as long as it is let. */
const KINDS = [
  { name: 'silent', first: Buffer.alloc(0), drip: () => Buffer.alloc(0), isEndedAtOnce: false },
  {
    name: 'a byte at a time',
    first: HELLO.subarray(0, 1),
    drip: (n: number) => HELLO.subarray(n, n + 1),
    isEndedAtOnce: false,
  },
  { name: 'hello, then silence', first: HELLO, drip: () => Buffer.alloc(0), isEndedAtOnce: false },
  {
    name: 'records of few bytes',
    first: fragment(0),
    drip: fragment,
    isEndedAtOnce: false,
  },
  {
    name: 'hello, then garbage',
    first: Buffer.concat([HELLO, Buffer.alloc(300, 0x55)]),
    drip: () => Buffer.alloc(0),
    isEndedAtOnce: true,
  },
] as const;

/** The nth piece of a ClientHello, in a record of its own. */
function fragment(n: number): Buffer {
  const piece = HELLO.subarray(5 + 4 * n, 5 + 4 * n + 4);
  return Buffer.concat([Buffer.of(22, 3, 1, 0, piece.length), piece]);
}

interface HalfOpen {
  readonly kind: (typeof KINDS)[number];
  readonly socket: Socket;
  openedMs: number;
  endedMs: number;
}

async function open(port: number, engine: EngineName): Promise<HalfOpen[]> {
  const overMs = engine === 'node' ? OPEN_OVER_MS.node : OPEN_OVER_MS.other;
  const all: HalfOpen[] = [];
  const startMs = performance.now();
  for (let i = 0; i < COUNT; i++) {
    const dueMs = startMs + (i * overMs) / COUNT;
    if (performance.now() < dueMs) await sleep(dueMs - performance.now());
    const kind = KINDS[i % KINDS.length]!;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const client: HalfOpen = { kind, socket, openedMs: 0, endedMs: 0 };
    all.push(client);
    let drips = 0;
    let timer: ReturnType<typeof setInterval> | undefined;
    const ended = (): void => {
      clearInterval(timer);
      if (client.endedMs === 0) client.endedMs = performance.now();
    };
    socket.on('connect', () => {
      client.openedMs = performance.now();
      if (kind.first.length > 0) socket.write(kind.first);
      timer = setInterval(() => {
        const bytes = kind.drip(++drips);
        if (bytes.length > 0) socket.write(bytes);
      }, DRIP_EVERY_MS);
    });
    socket.on('data', () => {});
    socket.on('end', ended).on('close', ended).on('error', ended);
  }
  return all;
}

async function attack(t: TestContext, engine: EngineName): Promise<Figures> {
  const tls = { cert: CERT, key: KEY };
  const subject = await Subject.start(t, { engine, tls, timeouts: { header: HEADER_MS } });
  const clients = {
    port: subject.port,
    count: GOOD_COUNT,
    thinkMs: THINK_MS,
    blockEveryMs: undefined,
    isTls: true,
  };
  const warm = new GoodClients(clients);
  await sleep(500);
  await warm.stop();
  const alone = new GoodClients(clients);
  await sleep(QUIET_MS + 200);
  const quiet = await alone.stop();

  const good = new GoodClients(clients);
  await sleep(300);
  const halfOpen = await open(subject.port, engine);
  const hasEnded = await becomes(() => halfOpen.every(({ endedMs }) => endedMs > 0), HEADER_MS + 3000);
  const attacked = await good.stop();
  assert.deepEqual(attacked.failures, [], 'good clients are answered, all of them');
  const isReleased = await becomes(async () => (await subject.openConnections()) === 0, 3000);
  assert.ok(isReleased, `the server still holds ${await subject.openConnections()} connections`);
  for (const { socket } of halfOpen) socket.destroy();

  const lasted = ({ openedMs, endedMs }: HalfOpen): number => endedMs - openedMs;
  const patient = halfOpen.filter(({ kind }) => !kind.isEndedAtOnce).map(lasted);
  const refused = halfOpen.filter(({ kind }) => kind.isEndedAtOnce).map(lasted);
  const { tls: counted } = await subject.stats();
  const quietP99 = percentile(quiet.latencyMs, 0.99);
  const goodP99 = percentile(attacked.latencyMs, 0.99);
  return {
    hung: hasEnded ? 0 : halfOpen.filter(({ endedMs }) => endedMs === 0).length,
    late: counted.events.late,
    earlyMsMax: HEADER_MS - Math.min(...patient),
    lateMsP50: percentile(patient, 0.5) - HEADER_MS,
    lateMsP999: percentile(patient, 0.999) - HEADER_MS,
    refusedMsP999: percentile(refused, 0.999),
    goodAnswers: attacked.answered,
    quietMsP99: quietP99,
    goodMsP99: goodP99,
    goodRatio: goodP99 / quietP99,
    goodLimitMs: 1.5 * quietP99 + NOISE_MS,
  };
}

for (const { engine, skip } of await enginesHere())
  test(
    `${COUNT} TLS handshakes of five kinds end on their deadline, and good clients do not notice (${engine})`,
    { skip },
    (t) =>
      judged(
        t,
        'half-open handshakes',
        engine,
        () => attack(t, engine),
        (figures) => {
          assert.equal(figures['hung'], 0, 'all were closed');
          assert.equal(figures['late'], (COUNT / KINDS.length) * 4, 'the others were refused');
          atMost(figures, 'earlyMsMax', EARLY_MS_MAX[engine]);
          atMost(figures, 'lateMsP999', 50);
          atMost(figures, 'refusedMsP999', HEADER_MS / 2);
          atMost(figures, 'goodMsP99', Number(figures['goodLimitMs']));
        },
      ),
  );
