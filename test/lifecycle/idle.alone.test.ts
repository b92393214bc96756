/** Keep-alive: the header deadline never applies between requests, the idle timeout always does. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { RawClient } from '../raw-client.ts';
import {
  atMost,
  becomes,
  EARLY_MS_MAX,
  type Figures,
  inParallel,
  judged,
  percentile,
  scaled,
  sleep,
} from './figures.ts';
import { LoopLag } from './loop-lag.ts';
import { Subject } from './subject-process.ts';

const COUNT = scaled(1000, 100);
const HEADER_MS = 300;
const IDLE_MS = scaled(5000, 1200);
const REQUEST = 'GET / HTTP/1.1\r\nHost: idle\r\n\r\n';

async function measure(t: TestContext, engine: EngineName): Promise<Figures> {
  const subject = await Subject.start(t, { engine, timeouts: { header: HEADER_MS, idle: IDLE_MS } });
  const before = await subject.resources();
  const lag = new LoopLag();
  const lateMs: number[] = [];
  let earlyMsMax = 0;
  let askedLastMs = 0;
  const clients: RawClient[] = [];
  await inParallel(COUNT, 50, async () => {
    const client = await RawClient.open(subject.port);
    const askedMs = performance.now();
    client.write(REQUEST);
    assert.equal((await client.response()).body, 'hello');
    const answeredMs = performance.now();
    askedLastMs = Math.max(askedLastMs, answeredMs);
    client.socket.on('end', () => {
      const nowMs = performance.now();
      lateMs.push(Math.max(0, nowMs - lag.lagMs(nowMs) - answeredMs - IDLE_MS));
      earlyMsMax = Math.max(earlyMsMax, askedMs + IDLE_MS - nowMs);
    });
    clients.push(client);
  });
  // At three times the header timeout, and well before the first may be idle for too long.
  await sleep(askedLastMs + 3 * HEADER_MS - performance.now());
  const closedEarly = clients.filter((client) => client.ended || client.closed).length;
  // The server measures from its own turn; half a second more is for a busy machine, and is reported.
  await becomes(() => clients.every((client) => client.ended), IDLE_MS + 500);
  const ended = clients.filter((client) => client.ended && client.error === undefined).length;
  const { closeReasons } = await subject.stats();
  for (const client of clients) client.destroy();
  lag.stop();
  await subject.assertNothingLeft(before.descriptors);
  return {
    connections: COUNT,
    closedPastHeaderDeadline: closedEarly,
    endedWithFin: ended,
    idleTimeouts: closeReasons['idle-timeout'] ?? 0,
    earlyMsMax,
    lateMsP50: percentile(lateMs, 0.5),
    lateMsP999: percentile(lateMs, 0.999),
  };
}

for (const { engine, skip } of await enginesHere()) {
  test(
    `${COUNT} idle connections outlive the header deadline and end with FIN at the idle timeout (${engine})`,
    { skip },
    (t) =>
      judged(
        t,
        'idle keep-alive',
        engine,
        () => measure(t, engine),
        (figures) => {
          assert.equal(figures['closedPastHeaderDeadline'], 0);
          assert.equal(figures['endedWithFin'], COUNT);
          assert.equal(figures['idleTimeouts'], COUNT);
          atMost(figures, 'earlyMsMax', EARLY_MS_MAX[engine]);
          atMost(figures, 'lateMsP999', 50);
        },
      ),
  );
}
