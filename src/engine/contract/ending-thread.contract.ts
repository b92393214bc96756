/**
 * A worker thread that listens and ends in its first `onAccept`, with other connections behind it. Not a test itself;
 * endings of threads are held in lifetime.contract.ts.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { EngineOptions } from '../engine.ts';
import type { CreateEngine } from './harness.contract.ts';

/** `exit`: it releases its engine by itself, as threads do that call process.exit. `terminated`: it runs no line more. */
export type ThreadEnd = 'exit' | 'terminated';

export interface EndingThreadData {
  readonly module: string;
  readonly createEngine: string;
  readonly end: ThreadEnd;
  readonly ledger: SharedArrayBuffer;
  /** One word: 0 while the thread is to wait. */
  readonly gate: SharedArrayBuffer;
}

/** How long it waits for connections to pile up. */
const GATE_MS = 10_000;

const { module, createEngine, end, ledger, gate } = workerData as EndingThreadData;
const { [createEngine]: create } = (await import(module)) as Record<string, CreateEngine>;
const options: EngineOptions = {
  ledger,
  handler: {
    onAccept() {
      if (end === 'exit') process.exit(7);
      parentPort!.postMessage('spinning');
      for (;;);
    },
    onReceive() {},
    onDrained() {},
    onPeerEnd() {},
    onDeadline() {},
    onClosed() {},
  },
};
const engine = await create!(options);
process.on('exit', () => engine.releaseNow());
const { address } = await engine.listen({ port: 0, hostname: '127.0.0.1' });
// The kernel is to have been asked for connections before they come.
setTimeout(() => {
  parentPort!.postMessage(address.port);
  Atomics.wait(new Int32Array(gate), 0, 0, GATE_MS);
}, 50);
