/** A server that has run out of descriptors neither spins nor stays deaf: when some are freed it accepts again. */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { atMost, type Figures, judged, scaled, sleep } from './figures.ts';
import { Subject } from './subject-process.ts';

/** Node itself takes some 20 to 30. */
const DESCRIPTORS_MAX = 100;
const CLIENT_COUNT = 150;
const FULL_MS = scaled(5000, 1000);
const REQUEST = 'GET / HTTP/1.1\r\nHost: full\r\n\r\n';

async function measure(t: TestContext, engine: EngineName): Promise<Figures> {
  const subject = await Subject.start(t, { engine, descriptorsMax: DESCRIPTORS_MAX });
  const clients: Socket[] = [];
  let answered = 0;
  for (let i = 0; i < CLIENT_COUNT; i++) {
    const socket = connect({ port: subject.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.once('data', () => answered++);
    socket.write(REQUEST);
    clients.push(socket);
  }
  await sleep(500);
  const cpuBefore = await subject.cpu();
  await sleep(FULL_MS);
  const cpuAfter = await subject.cpu();
  const answeredWhileFull = answered;
  const { engine: stats } = await subject.stats();

  const freedMs = performance.now();
  for (const client of clients) client.destroy();
  // Those that still waited in the kernel's queue come first, and are gone already.
  const again = await new Promise<number>((resolve) => {
    const ask = (): void => {
      const socket = connect({ port: subject.port, host: '127.0.0.1' });
      socket.on('error', () => {});
      socket.once('data', () => {
        resolve(performance.now() - freedMs);
        socket.destroy();
      });
      // The node engine closes what it has no descriptor for: a client tries anew.
      socket.on('close', () => {
        if (performance.now() - freedMs < 5000) setTimeout(ask, 5);
        else resolve(Number.POSITIVE_INFINITY);
      });
      socket.write(REQUEST);
    };
    ask();
  });
  return {
    limit: DESCRIPTORS_MAX,
    clients: CLIENT_COUNT,
    answeredWhileFull,
    acceptPauses: stats.acceptPauses,
    cpuPercentWhileFull: (100 * (cpuAfter.cpuUs - cpuBefore.cpuUs)) / 1000 / (cpuAfter.atMs - cpuBefore.atMs),
    answeredAgainAfterMs: again,
  };
}

for (const { engine, skip } of await enginesHere()) {
  test(
    `out of descriptors the server rests, and accepts again within 1 s of their being freed (${engine})`,
    {
      skip: skip || (process.platform === 'linux' ? false : 'needs a shell with ulimit'),
    },
    (t) =>
      judged(
        t,
        'descriptors exhausted',
        engine,
        () => measure(t, engine),
        (figures) => {
          assert.ok(Number(figures['answeredWhileFull']) > 30, 'some were served');
          assert.ok(Number(figures['answeredWhileFull']) < CLIENT_COUNT, 'the limit was reached');
          atMost(figures, 'cpuPercentWhileFull', 20);
          atMost(figures, 'answeredAgainAfterMs', 1000);
        },
      ),
  );
}
