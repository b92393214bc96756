import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { AssertionFailure } from '../base/assert.ts';
import { isOpenFd } from './descriptor.ts';
import { eventfdWrite } from './event.ts';
import { Wakeup } from './wakeup.ts';

const skip = process.platform === 'linux' ? false : 'Linux only';

/** Long enough for anything that is going to happen on an idle loop, short enough to wait for. */
const SETTLE_MS = 20;

test('a signal wakes the event loop, each time anew', { skip }, async () => {
  const wakeup = new Wakeup();
  let wakes = 0;
  let woken = () => {};
  wakeup.start(() => {
    wakes++;
    // Promises run after the callback, as after any I/O of the runtime.
    Promise.resolve().then(() => woken());
  });
  for (let i = 1; i <= 5; i++) {
    const next = new Promise<void>((resolve) => (woken = resolve));
    eventfdWrite(wakeup.eventFd, 1);
    await next;
    assert.equal(wakes, i);
  }
  await delay(SETTLE_MS);
  assert.equal(wakes, 5);
  wakeup.close();
});

test('signals are counted together when they come in one turn, also before the start', { skip }, async () => {
  const wakeup = new Wakeup();
  for (let i = 0; i < 10; i++) eventfdWrite(wakeup.eventFd, 1);
  await delay(SETTLE_MS);
  let wakes = 0;
  wakeup.start(() => wakes++);
  await delay(SETTLE_MS);
  assert.equal(wakes, 1);
  wakeup.close();
});

test('a signal given inside of the callback wakes again', { skip }, async () => {
  const wakeup = new Wakeup();
  let wakes = 0;
  const done = new Promise<void>((resolve) => {
    wakeup.start(() => {
      if (++wakes < 100) eventfdWrite(wakeup.eventFd, 1);
      else resolve();
    });
  });
  eventfdWrite(wakeup.eventFd, 1);
  await done;
  assert.equal(wakes, 100);
  wakeup.close();
});

test('closing leaks no descriptor, is idempotent, and may happen inside of the callback', {
  skip,
}, async () => {
  const warmUp = new Wakeup();
  warmUp.close();
  await delay(SETTLE_MS);
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 20; i++) {
    const wakeup = new Wakeup();
    const { eventFd } = wakeup;
    if (i % 2 === 0) wakeup.start(() => wakeup.close());
    eventfdWrite(eventFd, 1);
    if (i % 2 !== 0) wakeup.close();
    wakeup.unref();
  }
  await delay(SETTLE_MS);
  assert.equal(readdirSync('/proc/self/fd').length, before);
  const closed = new Wakeup();
  closed.close();
  closed.close();
  assert.ok(!isOpenFd(closed.eventFd));
  assert.throws(() => closed.start(() => {}), AssertionFailure);
});

test('it keeps the thread alive while it is referenced', { skip }, async () => {
  const start = (call: string) =>
    inWorker(`const wakeup = new Wakeup(); wakeup.start(() => {}); ${call}; parentPort.postMessage('ready')`);
  // These would time the whole test out if they stayed.
  await Promise.all(['wakeup.unref()', 'wakeup.close()'].map((call) => once(start(call), 'exit')));
  const staying = start('wakeup.unref(); wakeup.ref()');
  await once(staying, 'message');
  const ended = once(staying, 'exit').then(() => 'ended');
  assert.equal(await Promise.race([ended, delay(5 * SETTLE_MS).then(() => 'alive')]), 'alive');
  await staying.terminate();
});

test('it works in a worker thread, with promises and timers', { skip }, async () => {
  const worker = inWorker(`
    const wakeup = new Wakeup();
    let wakes = 0;
    wakeup.start(async () => {
      wakes++;
      await null;
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (wakes < 3) return eventfdWrite(wakeup.eventFd, 1);
      wakeup.close();
      parentPort.postMessage(wakes);
    });
    eventfdWrite(wakeup.eventFd, 1);`);
  assert.deepEqual(await once(worker, 'message'), [3]);
  await worker.terminate();
});

function inWorker(script: string): Worker {
  const source = `const { parentPort, workerData } = require('node:worker_threads');
    Promise.all(workerData.map((url) => import(url))).then(([{ Wakeup }, { eventfdWrite }]) => { ${script} });`;
  const workerData = ['./wakeup.js', './event.js'].map((file) => new URL(file, import.meta.url).href);
  return new Worker(source, { eval: true, workerData });
}
