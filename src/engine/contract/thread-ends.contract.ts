/**
 * Promises: a thread that ends in the midst of its turn leaves no connection open, whether it released its engine by
 * itself or its ledger is released by the thread that started it. Threads of one process share one descriptor table,
 * so nothing else would ever close what the kernel has accepted for it.
 */
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DescriptorLedger } from '../descriptor/ledger.ts';
import type { EndingThreadData, ThreadEnd } from './ending-thread.contract.ts';
import { Client, descriptorCount, type Subject, until } from './harness.contract.ts';

const CONNECTION_COUNT = 40;

export function threadEndsContract({ capabilities }: Subject): void {
  const run = async (end: ThreadEnd): Promise<void> => {
    const ledger = DescriptorLedger.allocate();
    const gate = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const { url, createEngine } = capabilities.module;
    const worker = new Worker(new URL('./ending-thread.contract.js', import.meta.url), {
      workerData: { module: url, createEngine, end, ledger, gate } satisfies EndingThreadData,
    });
    const ended = once(worker, 'exit');
    const [port] = (await once(worker, 'message')) as [number];
    const clients = await Promise.all(
      Array.from({ length: CONNECTION_COUNT }, () => Client.connect('127.0.0.1', port)),
    );
    for (const client of clients) {
      client.socket.write('anybody there?');
    }
    const spinning = end === 'terminated' ? once(worker, 'message') : undefined;
    Atomics.store(new Int32Array(gate), 0, 1);
    Atomics.notify(new Int32Array(gate), 0);
    if (spinning !== undefined) {
      await spinning;
      await worker.terminate();
    }
    await ended;
    DescriptorLedger.releaseAll(ledger, true);
    const open = (): number => clients.filter((client) => !client.hasEnded && !client.hasClosed).length;
    try {
      await until(
        () => open() === 0,
        () => `${open()} of ${CONNECTION_COUNT} connections to be ended`,
      );
    } finally {
      for (const client of clients) client.socket.destroy();
    }
  };

  for (const end of ['exit', 'terminated'] as const)
    test(`a thread whose end is ${end}, in the first of many onAccept, leaves no connection open`, async () => {
      // The first round loads what is loaded once.
      await run(end);
      const before = descriptorCount() ?? 0;
      await run(end);
      await until(
        () => (descriptorCount() ?? 0) <= before,
        () => `${before} descriptors, now ${descriptorCount()}`,
      );
    });
}
