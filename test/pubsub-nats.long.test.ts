/** Topics over machines, by a real NATS server: what arrives, and what becomes of it when a machine or that server is killed. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { type LoggerLike, serve } from '#src/index.ts';
import { NATS_MISSING, startNats } from './nats-server.ts';
import { quiet } from './quiet-logger.ts';
import { get } from './raw-client.ts';
import { until } from './until.ts';

interface Said {
  readonly data?: string;
  readonly log?: string;
  readonly ready?: true;
}

/** A process of its own with a server and one reader. */
async function machine(t: TestContext, nats: string) {
  const child: ChildProcess = fork(new URL('../test/pubsub-machine.app.mjs', import.meta.url), [nats], { stdio: 'inherit' }); // biome-ignore format: one call
  const got: string[] = [];
  const logs: string[] = [];
  let isReady = false;
  child.on('message', ({ data, log, ready }: Said) => {
    if (data !== undefined) got.push(data);
    if (log !== undefined) logs.push(log);
    isReady ||= ready === true;
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  t.after(kill);
  await until(() => isReady, 'a machine', 15_000);
  return { got, logs, kill, publish: (text: string) => child.send({ publish: text }) };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `${from + i}`);

test('what one machine publishes is read on all, in order and once; one that is killed and comes back misses what came meanwhile and nothing else', {
  skip: NATS_MISSING,
}, async (t) => {
  // biome-ignore format: one name
  const nats = await startNats(t);
  const [a, b] = await Promise.all([machine(t, nats.url), machine(t, nats.url)]);
  for (const text of numbers(0, 500)) a!.publish(text);
  b!.publish('from b');
  await until(() => a!.got.length === 501 && b!.got.length === 501, 'every message');
  for (const { got } of [a!, b!]) assert.deepEqual(got.filter((text) => text !== 'from b'), numbers(0, 500)); // biome-ignore format: one check
  await b!.kill();
  for (const text of numbers(500, 600)) a!.publish(text);
  await until(() => a!.got.length === 601, 'what is published while b is away');
  const again = await machine(t, nats.url);
  for (const text of numbers(600, 1000)) a!.publish(text);
  await until(() => again.got.length === 400 && a!.got.length === 1001, 'what is published behind that');
  assert.deepEqual(again.got, numbers(600, 1000));
});

test('while the NATS server is away a machine serves its own, and what it publishes meanwhile arrives when that is back', {
  skip: NATS_MISSING,
}, async (t) => {
  // biome-ignore format: one name
  const nats = await startNats(t);
  const [a, b] = await Promise.all([machine(t, nats.url), machine(t, nats.url)]);
  a!.publish('first');
  await until(() => b!.got.length === 1, 'the first');
  await nats.kill();
  const away = (text: string) => /the NATS server is gone/.test(text);
  await until(() => a!.logs.some(away) && b!.logs.some(away), 'that it is seen');
  for (const text of numbers(0, 50)) a!.publish(text);
  await until(() => a!.got.length === 51, "a's own");
  assert.equal(b!.got.length, 1);
  await nats.start();
  const isBack = ({ logs }: { logs: string[] }) => logs.some((text) => /is there; (50|0) messages waited/.test(text) && logs.some(away)); // biome-ignore format: one line
  await until(() => isBack(a!) && isBack(b!), 'that it is back', 10_000);
  // The client is back before its subscription is: what is published in between reaches nobody there.
  const again = setInterval(() => a!.publish('last'), 50);
  await until(() => b!.got.includes('last'), 'what is published behind that').finally(() =>
    clearInterval(again),
  );
  // A machine that is back later than the one that publishes misses what waited; the other has it from the beginning.
  const middle = b!.got.slice(1).filter((text) => text !== 'last');
  assert.deepEqual(middle, numbers(50 - middle.length, 50));
});

test('a server starts without its NATS server, says so, and finds it later; threads share one connection', {
  skip: NATS_MISSING,
}, async (t) => {
  // biome-ignore format: one name
  const nats = await startNats(t);
  await nats.kill();
  const logs: string[] = [];
  const log = (text: unknown) => void logs.push(String(text));
  const logger = { ...quiet, info: log, warn: log } as LoggerLike;
  const module = new URL('../test/pubsub-workers.app.mjs', import.meta.url);
  const server = await serve({ module, workers: 2, port: 0, logger, pubsub: nats.url });
  t.after(() => server.close(true));
  assert.match(logs.join('\n'), /no NATS server listens there/);
  await nats.start();
  await until(() => logs.some((text) => /the NATS server is there/.test(text)), 'the connection', 10_000);
  const other = await machine(t, nats.url);
  // By a worker, through the main thread, to the other machine.
  await get(server.port, '/publish?data=hello');
  await until(() => other.got.includes('hello'), 'a message of a worker');
  assert.deepEqual(other.got, ['hello']);
});
