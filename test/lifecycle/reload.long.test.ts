/** Workers are replaced one after the other while clients ask on: no request fails, and nothing is left of the old ones. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { report, scaled, sleep } from './figures.ts';
import { ReloadClients } from './reload-clients.ts';
import { APP_MODULE, Subject } from './subject-process.ts';

const RELOADS = scaled(10, 2);
const WORKERS = 2;
const KEPT = scaled(20, 6);
const RENEWED = scaled(10, 4);
const BETWEEN_MS = scaled(500, 30);

async function run(t: TestContext, engine: EngineName): Promise<void> {
  const subject = await Subject.start(t, { engine, workers: WORKERS, module: APP_MODULE });
  await sleep(100);
  const before = await subject.resources();
  const clients = new ReloadClients(subject.port, KEPT, RENEWED, '/wait?ms=3', 'waited');
  await sleep(100);
  const reloadMs: number[] = [];
  for (let i = 0; i < RELOADS; i++) {
    const startMs = performance.now();
    await subject.reload();
    reloadMs.push(performance.now() - startMs);
    await sleep(BETWEEN_MS);
  }
  const { answered, resent, failures } = await clients.stop();
  await subject.assertDescriptors(before.descriptors);
  const after = await subject.resources();
  report(t, 'rolling reload', engine, {
    reloads: RELOADS,
    workers: WORKERS,
    answered,
    failed: failures.length,
    resent,
    reloadMsMax: Math.max(...reloadMs),
    descriptorsGrown: after.descriptors - before.descriptors,
    mibGrown: (after.rssBytes - before.rssBytes) / 2 ** 20,
  });
  assert.deepEqual(failures.slice(0, 3), []);
  assert.ok(answered > RELOADS * 10, `only ${answered} requests were answered meanwhile`);
  assert.equal((await subject.stats()).workers, WORKERS);
}

for (const { engine, skip } of await enginesHere())
  test(
    `${RELOADS} rolling reloads of ${WORKERS} workers under load fail no request (${engine})`,
    {
      skip:
        skip || (process.platform === 'linux' ? false : 'several threads need SO_REUSEPORT as Linux has it'),
    },
    (t) => run(t, engine),
  );
