/**
 * Main file of a thread that makes load: makes the engine, loads the script if there is one, waits for
 * the word to begin, and hands back its totals. Not imported by anything; run-on-threads.ts starts it.
 */
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import { selectLoadEngine } from './load-engine.ts';
import { monotonicMs } from './monotonic-clock.ts';
import { PlannedSource } from './request-source.ts';
import { loadScript } from './script-loader.ts';
import { ScriptSource } from './script-source.ts';
import type { FromThread, ThreadData, ToThread } from './thread-messages.ts';
import { ThreadRun } from './thread-run.ts';

const port = parentPort;
assert(port !== null, 'worker.ts runs in worker threads only');
const { plan } = workerData as ThreadData;
const tell = (message: FromThread) => port.postMessage(message);

async function prepare(): Promise<ThreadRun> {
  const selection = await selectLoadEngine(plan);
  const script = plan.script === undefined ? undefined : await loadScript(plan.script.url, plan.script.name);
  const run = new ThreadRun({
    plan,
    makeSource: (onCheck, urls) =>
      script === undefined ? new PlannedSource(plan, urls) : new ScriptSource(plan, script, onCheck, urls),
    makeEngine: (handler) => selection.create(handler),
    onSecond: (report) => tell({ type: 'second', report }),
    onDone: (totals) => {
      tell({ type: 'done', totals });
      port!.close();
    },
  });
  const engine = await run.prepare();
  process.on('exit', () => engine.releaseNow());
  tell({ type: 'ready', engine: selection.name, reason: selection.reason });
  return run;
}

prepare().then(
  (run) => {
    port.on('message', (message: ToThread) => {
      if (message.type === 'start') run.start(performance.now() + message.atMs - monotonicMs());
      else run.stop();
    });
  },
  (error) => {
    tell({
      type: 'failed',
      message: error instanceof Error ? error.message : String(error),
      code: (error as { code?: string }).code ?? '',
    });
    port.close();
  },
);
