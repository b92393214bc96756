/**
 * A worker thread's main file: loads the module, serves it with an engine of its own, and ends when told.
 * Not imported by anything; workers.ts starts it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { installGlobals } from '../web/globals.ts';
import { loadModule } from './module.ts';
import { checkOptions } from './options.ts';
import { serveHere, type ThreadServer } from './serve.ts';
import { errorData, type FromWorker, type ToWorker, type WorkerData } from './worker-messages.ts';

const port = parentPort;
assert(port !== null, 'worker.ts runs in worker threads only');
const { module, options, shared } = workerData as WorkerData;
const tell = (message: FromWorker) => port.postMessage(message);

async function start(): Promise<ThreadServer> {
  if (options.globals === true) installGlobals();
  const { fetch, error } = await loadModule(new URL(module));
  const withHandler = { ...options, fetch, ...(error === undefined ? {} : { error }) };
  return serveHere(withHandler, checkOptions(withHandler), { shared });
}

start().then(
  (server) => {
    port.on('message', (message: ToWorker) => {
      if (message.type === 'close') void server.close(message);
      else if (message.type === 'stats')
        void server.stats().then((stats) => tell({ type: 'stats', id: message.id, stats }));
      else
        void server
          .connections(message.countMax)
          .then((rows) => tell({ type: 'connections', id: message.id, rows }));
    });
    // Threads share one descriptor table: what this one leaves open would stay open, its clients hanging.
    process.on('exit', () => server.releaseNow());
    process.on('uncaughtException', (error) => {
      console.error('worker: uncaught exception', error);
      process.exit(1);
    });
    server.finished.then(async (report) => {
      tell({ type: 'closed', report, stats: await server.stats() });
      port.close();
    });
    tell({
      type: 'ready',
      engine: server.engine,
      port: server.port,
      hostname: server.hostname,
      url: server.url,
    });
  },
  (error) => {
    tell({ type: 'failed', error: errorData(error) });
    port.close();
  },
);
