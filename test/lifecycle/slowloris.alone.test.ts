/**
 * Slowloris of five kinds beside clients that behave: each is ended at its deadline, none later for how
 * it drips, and the others do not notice.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { atMost, becomes, EARLY_MS_MAX, type Figures, judged, percentile, scaled, sleep } from './figures.ts';
import { GoodClients } from './good-clients.ts';
import { lateness, runSlowClients, SLOW_KINDS } from './slow-clients.ts';
import { Subject } from './subject-process.ts';

const SLOW_COUNT = scaled(2000, 200);
const GOOD_COUNT = 20;
const HEADER_MS = scaled(5000, 700);
const LINGER_MS = 300;
const THINK_MS = 10;
const QUIET_MS = scaled(5000, 400);
/** What a neighbour on the machine may cost a good client at the 99th percentile in a run of a few seconds. */
const NOISE_MS = scaled(0, 5);

async function attack(
  t: TestContext,
  engine: EngineName,
  blockEveryMs: number | undefined,
): Promise<Figures> {
  const subject = await Subject.start(t, {
    engine,
    timeouts: { header: HEADER_MS, linger: LINGER_MS },
  });
  const before = await subject.resources();
  const clientsPlan = { port: subject.port, count: GOOD_COUNT, thinkMs: THINK_MS, blockEveryMs };
  const warm = new GoodClients(clientsPlan);
  await sleep(300);
  await warm.stop();
  const alone = new GoodClients(clientsPlan);
  await sleep(QUIET_MS);
  const quiet = await alone.stop();

  const good = new GoodClients(clientsPlan);
  await sleep(100);
  const slow = await runSlowClients({
    port: subject.port,
    count: SLOW_COUNT,
    headerMs: HEADER_MS,
    dripEveryMs: scaled(1000, 200),
    openOverMs: scaled(3000, 400),
    patienceMs: 1000,
    signal: { stop: false },
  });
  const attacked = await good.stop();
  const notReleased = await becomes(async () => (await subject.openConnections()) === 0, LINGER_MS + 1500);
  assert.ok(notReleased, `the server still holds ${await subject.openConnections()} connections`);
  for (const client of slow) client.socket.destroy();
  await subject.assertNothingLeft(before.descriptors);

  assert.deepEqual(attacked.failures, [], 'good clients are answered, all of them');
  const late = lateness(slow, HEADER_MS, await subject.blocks());
  for (const kind of SLOW_KINDS) {
    const ofKind = slow.filter((client) => client.kind === kind);
    const wrong = ofKind.filter(
      (client) => client.statuses !== client.expectedStatuses || client.error !== '',
    );
    // A reset instead of FIN is what a client sees that writes after the end of the linger time.
    const seen = wrong
      .map((client) => `${client.statuses} ${client.error}`)
      .filter((each) => !/ (ECONNRESET|EPIPE)$/.test(each));
    assert.deepEqual(
      seen.slice(0, 3),
      [],
      `${kind}: answered ${ofKind[0]?.expectedStatuses || 'nothing'}, then ended`,
    );
  }
  const { closeReasons } = await subject.stats();
  const quietP99 = percentile(quiet.latencyMs, 0.99);
  const goodP99 = percentile(attacked.latencyMs, 0.99);
  return {
    slowClients: slow.length,
    closed: late.lateMs.length,
    earlyMsMax: late.earlyMsMax,
    lateMsP50: percentile(late.lateMs, 0.5),
    lateMsP999: percentile(late.lateMs, 0.999),
    lateMsMax: percentile(late.lateMs, 1),
    goodAnswers: attacked.answered,
    quietMsP99: quietP99,
    goodMsP99: goodP99,
    goodRatio: goodP99 / quietP99,
    goodLimitMs: 1.5 * quietP99 + NOISE_MS,
    reasons: Object.entries(closeReasons)
      .map(([name, count]) => `${name}:${count}`)
      .join(','),
  };
}

for (const { engine, skip } of await enginesHere()) {
  test(
    `${SLOW_COUNT} slowloris of five kinds end on their deadline, and good clients do not notice (${engine})`,
    { skip },
    (t) =>
      judged(
        t,
        'slowloris',
        engine,
        () => attack(t, engine, undefined),
        (figures) => {
          assert.equal(figures['closed'], SLOW_COUNT, 'all were closed');
          atMost(figures, 'earlyMsMax', EARLY_MS_MAX[engine]);
          atMost(figures, 'lateMsP999', 50);
          atMost(figures, 'goodMsP99', Number(figures['goodLimitMs']));
        },
      ),
  );

  test(
    `the same while a handler holds the thread for 200 ms each second: none is late by more than 250 ms (${engine})`,
    { skip },
    (t) =>
      judged(
        t,
        'slowloris, blocked',
        engine,
        () => attack(t, engine, 1000),
        (figures) => {
          assert.equal(figures['closed'], SLOW_COUNT, 'all were closed');
          atMost(figures, 'earlyMsMax', EARLY_MS_MAX[engine]);
          atMost(figures, 'lateMsMax', 250);
        },
      ),
  );
}
