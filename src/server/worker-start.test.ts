import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { StartsUnderWay, WorkerStart } from './worker-start.ts';

describe('the start of a worker', () => {
  it('may be stopped before the native module is loaded and after, not meanwhile', () => {
    const start = new WorkerStart();
    start.enterNative();
    assert.equal(start.tryStop(), false);
    start.failed();
    assert.equal(start.tryStop(), true);
    const other = new WorkerStart();
    other.enterNative();
    other.adopted();
    assert.equal(other.hasAdopted, true);
    assert.equal(other.tryStop(), true);
    assert.equal(other.hasAdopted, true, 'a thread that serves has its connections to finish');
  });

  it('ends where it would load the native module, once it is stopped', async () => {
    const start = new WorkerStart();
    assert.equal(start.tryStop(), true);
    const worker = new Worker(
      `const { workerData, parentPort } = require('node:worker_threads');
       import(workerData.file).then(({ WorkerStart }) => {
         parentPort.postMessage('before');
         new WorkerStart(workerData.buffer).enterNative();
         parentPort.postMessage('after');
       });`,
      {
        eval: true,
        workerData: { file: new URL('./worker-start.js', import.meta.url).href, buffer: start.buffer },
      },
    );
    const said: unknown[] = [];
    worker.on('message', (message) => said.push(message));
    await new Promise((resolve) => worker.once('message', resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await worker.terminate();
    assert.deepEqual(said, ['before']);
  });

  it('is waited for by a process that exits while the native module is being loaded', async () => {
    const start = new WorkerStart();
    const starts = new StartsUnderWay();
    const before = process.listenerCount('exit');
    starts.add(start);
    assert.equal(process.listenerCount('exit'), before + 1);
    const stopAll = process.listeners('exit').at(-1) as () => void;
    start.enterNative();
    const leaver = new Worker(
      `const { workerData } = require('node:worker_threads');
       import(workerData.file).then(({ WorkerStart }) => setTimeout(() => new WorkerStart(workerData.buffer).failed(), 100));`,
      {
        eval: true,
        workerData: { file: new URL('./worker-start.js', import.meta.url).href, buffer: start.buffer },
      },
    );
    await new Promise((resolve) => leaver.once('online', resolve));
    stopAll();
    assert.equal(start.tryStop(), true, 'it has left, and was stopped');
    await leaver.terminate();
    starts.delete(start);
    assert.equal(process.listenerCount('exit'), before);
  });
});
