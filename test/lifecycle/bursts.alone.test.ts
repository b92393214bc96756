/** Bursts of connections that live for one request: none fails, none is left, and the next one is served at once. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { askOnce } from './ask-once.ts';
import { atMost, type Figures, inParallel, judged, percentile, scaled } from './figures.ts';
import { Subject } from './subject-process.ts';

const BURST_COUNT = 20;
const CONNECTIONS_PER_BURST = scaled(1000, 100);
const CONCURRENCY = scaled(200, 50);

async function measure(t: TestContext, engine: EngineName): Promise<Figures> {
  const subject = await Subject.start(t, { engine });
  assert.equal(await askOnce(subject.port, true), '');
  await subject.assertNothingLeft(Number.POSITIVE_INFINITY);
  const before = await subject.resources();
  const failures: string[] = [];
  const nextMs: number[] = [];
  const startMs = performance.now();
  for (let burst = 0; burst < BURST_COUNT; burst++) {
    await inParallel(CONNECTIONS_PER_BURST, CONCURRENCY, async (i) => {
      const failure = await askOnce(subject.port, (burst + i) % 2 === 0);
      if (failure !== '') failures.push(failure);
    });
    const askedMs = performance.now();
    const failure = await askOnce(subject.port, true);
    if (failure !== '') failures.push(failure);
    nextMs.push(performance.now() - askedMs);
  }
  const seconds = (performance.now() - startMs) / 1000;
  const { requests } = await subject.stats();
  await subject.assertNothingLeft(before.descriptors);
  assert.deepEqual(failures.slice(0, 3), []);
  assert.equal(requests, 1 + BURST_COUNT * (CONNECTIONS_PER_BURST + 1));
  return {
    bursts: BURST_COUNT,
    connections: BURST_COUNT * CONNECTIONS_PER_BURST,
    failed: failures.length,
    nextMsP50: percentile(nextMs, 0.5),
    nextMsMax: percentile(nextMs, 1),
    connectionsPerSecond: (BURST_COUNT * CONNECTIONS_PER_BURST) / seconds,
  };
}

for (const { engine, skip } of await enginesHere()) {
  test(
    `${BURST_COUNT} bursts of ${CONNECTIONS_PER_BURST} connections leave nothing behind, and the next is answered in 50 ms (${engine})`,
    { skip },
    (t) =>
      judged(
        t,
        'bursts',
        engine,
        () => measure(t, engine),
        (figures) => {
          assert.equal(figures['failed'], 0);
          atMost(figures, 'nextMsMax', 50);
        },
      ),
  );
}
