/** Deadlines cost nothing while they do not come: ten thousand idle connections leave a core idle. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { atMost, becomes, type Figures, inParallel, judged, scaled, sleep } from './figures.ts';
import { Subject } from './subject-process.ts';

const COUNT = scaled(10_000, 1000);
const WATCHED_MS = scaled(20_000, 1000);

async function measure(t: TestContext, engine: EngineName): Promise<Figures> {
  // The default timeouts but for the header's, which has to outlast the measurement.
  const subject = await Subject.start(t, { engine, timeouts: { header: '60s' } });
  const before = await subject.resources();
  const sockets: Socket[] = [];
  await inParallel(
    COUNT,
    100,
    (i) =>
      new Promise<void>((resolve, reject) => {
        const socket = connect({ port: subject.port, host: '127.0.0.1' });
        sockets.push(socket);
        socket.on('error', reject);
        // Half have asked once and are idle by the idle timeout, half by the header's.
        if (i % 2 === 0) {
          socket.write('GET / HTTP/1.1\r\nHost: idle\r\n\r\n');
          socket.once('data', () => resolve());
        } else socket.on('connect', () => resolve());
      }),
  );
  assert.ok(await becomes(async () => (await subject.openConnections()) === COUNT, 5000));
  const during = await subject.resources();
  await sleep(300);
  const turnsBefore = (await subject.stats()).engine.turns;
  const start = await subject.cpu();
  await sleep(WATCHED_MS);
  const end = await subject.cpu();
  const turns = (await subject.stats()).engine.turns - turnsBefore;
  const open = await subject.openConnections();
  for (const socket of sockets) socket.destroy();
  await subject.assertNothingLeft(before.descriptors, 0, 10_000);
  return {
    connections: COUNT,
    open,
    cpuPercent: (100 * (end.cpuUs - start.cpuUs)) / 1000 / (end.atMs - start.atMs),
    turnsPerSecond: (1000 * turns) / (end.atMs - start.atMs),
    bytesEach: (during.rssBytes - before.rssBytes) / COUNT,
  };
}

for (const { engine, skip } of await enginesHere())
  test(`the deadlines of ${COUNT} idle connections take less than 1 % of a core (${engine})`, { skip }, (t) =>
    judged(
      t,
      'cost of deadlines',
      engine,
      () => measure(t, engine),
      (figures) => {
        assert.equal(figures['open'], COUNT);
        atMost(figures, 'cpuPercent', 1);
      },
    ),
  );
