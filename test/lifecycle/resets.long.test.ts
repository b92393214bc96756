/** Clients that reset at any stage of a request, thousands of times: nothing leaks and nothing falls. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { SeededRandom } from '#src/base/random.ts';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { askOnce } from './ask-once.ts';
import { becomes, inParallel, report, SEED, scaled } from './figures.ts';
import { Subject } from './subject-process.ts';

const COUNT = scaled(10_000, 600);
const CONCURRENCY = 50;
/** Half a second is the longest that an engine takes, and the machine may be busy with something else. */
const NOTICED_WITHIN_MS = 10_000;
const UPLOAD = Buffer.alloc(48 * 1024, 0x61);

interface Stage {
  readonly name: string;
  /** What is sent before the reset, in pieces with a moment between them. */
  pieces(random: SeededRandom): (string | Buffer)[];
  /** Bytes of the answer to wait for first; more than there are is a wait that time ends. */
  readonly answerBytes: number;
  /**
   * Nothing is ever written: then FIN alone tells nobody that a client has gone and does not only wait
   * (RFC 9112 §9.6), so these go by RST.
   */
  readonly isSilent?: true;
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: reset\r\n\r\n`;
const post = (path: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: reset\r\nContent-Length: ${length}\r\n\r\n`;

const STAGES: readonly Stage[] = [
  { name: 'after connecting', pieces: () => [], answerBytes: 0 },
  { name: 'within the head', pieces: (random) => [get('/').slice(0, random.between(1, 25))], answerBytes: 0 },
  { name: 'behind a request', pieces: () => [get('/')], answerBytes: 0 },
  { name: 'when answered', pieces: () => [get('/')], answerBytes: 1 },
  { name: 'while the handler waits', pieces: () => [get('/wait?ms=20')], answerBytes: 0 },
  {
    name: 'with a second request behind one that waits',
    pieces: () => [get('/wait?ms=20') + get('/')],
    answerBytes: 0,
  },
  {
    name: 'for ever waiting',
    pieces: () => [get('/never')],
    answerBytes: 0,
    isSilent: true,
  },
  {
    name: 'for ever waiting, more requests behind',
    pieces: () => [get('/never'), get('/')],
    answerBytes: 0,
    isSilent: true,
  },
  {
    name: 'for ever waiting, with the reset close behind more requests',
    pieces: () => [get('/never') + get('/')],
    answerBytes: 0,
    isSilent: true,
  },
  { name: 'at the begin of a stream', pieces: () => [get('/pattern?bytes=300000')], answerBytes: 1 },
  { name: 'within a stream', pieces: () => [get('/endless')], answerBytes: 200_000 },
  { name: 'before reading a stream', pieces: () => [get('/endless')], answerBytes: 0 },
  {
    name: 'within a timed stream',
    pieces: () => [get('/watched?id=r&pieces=1000&gapMs=1')],
    answerBytes: 400,
  },
  { name: 'within a body', pieces: () => [post('/read', 100_000), UPLOAD], answerBytes: 0 },
  {
    name: 'within a body that nobody reads',
    pieces: () => [post('/never', 1_000_000), UPLOAD, UPLOAD, UPLOAD],
    answerBytes: 0,
    isSilent: true,
  },
  {
    name: 'within a body that was refused',
    pieces: () => [post('/refuse', 1_000_000), UPLOAD],
    answerBytes: 1,
  },
  {
    name: 'within a chunk',
    pieces: () => ['POST /read HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab'],
    answerBytes: 0,
  },
  {
    name: 'before 100 Continue',
    pieces: () => ['POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n'],
    answerBytes: 1,
  },
  { name: 'after a pipeline', pieces: () => [get('/').repeat(40)], answerBytes: 1 },
  {
    name: 'after Connection: close',
    pieces: () => ['GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
    answerBytes: 1,
  },
  { name: 'after bad bytes', pieces: () => ['\0\0\0\0\r\n\r\n'], answerBytes: 1 },
];

/** How a client goes: mostly RST, sometimes FIN, sometimes FIN with RST behind it. */
function resetOne(port: number, stage: Stage, random: SeededRandom): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    let received = 0;
    let isLeaving = false;
    const leave = (): void => {
      if (isLeaving) return;
      isLeaving = true;
      clearTimeout(timer);
      const way = stage.isSilent === true ? 9 : random.int(10);
      if (way === 0) socket.destroy();
      else if (way === 1) socket.end(() => socket.resetAndDestroy());
      else socket.resetAndDestroy();
    };
    // One that waits for an answer that does not come leaves too.
    const timer = setTimeout(leave, 500);
    const step = (pieces: (string | Buffer)[]): void => {
      if (isLeaving) return;
      const piece = pieces.shift();
      if (piece !== undefined) {
        socket.write(piece);
        setTimeout(step, random.int(3), pieces);
      } else if (stage.answerBytes === 0) setTimeout(leave, random.int(8));
      else if (received >= stage.answerBytes) leave();
    };
    socket.on('connect', () => step(stage.pieces(random)));
    socket.on('data', (data: Buffer) => {
      received += data.length;
      if (stage.answerBytes > 0 && received >= stage.answerBytes) leave();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function run(t: TestContext, engine: EngineName): Promise<void> {
  const subject = await Subject.start(t, { engine, timeouts: { linger: 200 } });
  assert.equal(await askOnce(subject.port, true), '');
  const before = await subject.resources();
  const random = new SeededRandom(SEED);
  await inParallel(COUNT, CONCURRENCY, (i) =>
    resetOne(subject.port, STAGES[i % STAGES.length]!, random.fork()),
  );
  const isQuiet = await becomes(async () => (await subject.openConnections()) === 0, NOTICED_WITHIN_MS);
  const after = await subject.resources();
  const { engine: stats, closeReasons, aborted } = await subject.stats();
  const { held } = await subject.ledger();
  report(t, 'resets', engine, {
    resets: COUNT,
    stages: STAGES.length,
    openConnections: stats.open,
    descriptorsLeft: after.descriptors - before.descriptors - stats.open,
    producersLeft: held.producers,
    aborted,
    mibGrown: (after.rssBytes - before.rssBytes) / 2 ** 20,
    reasons: Object.entries(closeReasons)
      .map(([name, count]) => `${name}:${count}`)
      .join(','),
    seed: SEED,
  });
  assert.ok(isQuiet, `${stats.open} connections are left whose clients have gone; HOLDFAST_SEED=${SEED}`);
  await subject.assertNothingLeft(before.descriptors);
  assert.equal(held.producers, 0, 'a producer runs on for a client that has gone');
  assert.ok(subject.isRunning && subject.stderr === '', subject.stderr);
  assert.equal(await askOnce(subject.port, true), '');
}

for (const { engine, skip } of await enginesHere()) {
  test(`${COUNT} resets at random stages leak nothing (${engine})`, { skip }, (t) => run(t, engine));

  test(`a client that resets is let go, whatever it waited for (${engine})`, { skip }, async (t) => {
    const subject = await Subject.start(t, { engine, timeouts: { linger: 200 } });
    let held = 0;
    for (const stage of STAGES)
      await t.test(stage.name, async () => {
        const random = new SeededRandom(SEED);
        await inParallel(20, 20, () => resetOne(subject.port, stage, random.fork()));
        await becomes(async () => (await subject.openConnections()) <= held, NOTICED_WITHIN_MS);
        const left = (await subject.openConnections()) - held;
        held += left;
        assert.equal(left, 0, `the server still holds ${left} of 20`);
      });
  });
}
