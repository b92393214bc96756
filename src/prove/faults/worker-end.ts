/**
 * One of several workers ends by itself, as by an error in an application that nobody caught. Workers are threads, which no
 * signal reaches: a module that is loaded into each before the application waits for a file, and throws.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import { loadedBefore } from './loaded-before.ts';

const WORKERS = 2;
const ENDS = 3;
/** A worker that ended is replaced at once, and later than that when it ends again soon. */
const BETWEEN_MS = 1500;

/** The first worker to look takes the file away, and ends. */
const LOADED_BEFORE = `
import { isMainThread } from 'node:worker_threads';
import { rmSync } from 'node:fs';
if (!isMainThread) setInterval(() => {
  try { rmSync(process.env.HOLDFAST_PROVE_WORD); } catch { return; }
  throw new Error('planted by holdfast prove');
}, 20).unref();`;

export const workerEnd: Fault = {
  ...{ id: 'worker-end', name: `the end of a worker, ${ENDS} times` },
  ...{ recoveryMs: 5000, mayFail: true, takesMemory: true },
  async prepare({ env }) {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-prove-'));
    const word = join(folder, 'end');
    return {
      changes: { workers: WORKERS, env: loadedBefore(LOADED_BEFORE, { ...env, HOLDFAST_PROVE_WORD: word }) },
      async strike({ count }) {
        for (let n = 0; n < ENDS; n++) {
          await writeFile(word, '');
          await sleep(BETWEEN_MS);
          if (!existsSync(word)) count('workers ended');
        }
      },
      close: () => rm(folder, { recursive: true, force: true }),
    };
  },
};
