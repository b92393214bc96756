/**
 * A worker thread's main file: loads the module, serves it with an engine of its own, and ends when told.
 * Not imported by anything; worker-thread.ts starts it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import { installGlobals } from '../web/globals.ts';
import { loadModule, type ServedModule, takenSentence } from './module.ts';
import { nodeModeOf } from './node-listener.ts';
import { checkOptions } from './options.ts';
import { remoteLogger } from './portable-log.ts';
import { serveHere, type ThreadServer } from './thread-server.ts';
import { errorData, type FromWorker, type ToWorker, type WorkerData } from './worker-messages.ts';
import { WorkerStart } from './worker-start.ts';
import { RemoteTls } from './worker-tls.ts';

const port = parentPort;
assert(port !== null, 'worker.ts runs in worker threads only');
const {
  module,
  options,
  index,
  shared,
  measures,
  start: startState,
  reportsLoads,
  links,
  tls: material,
} = workerData as WorkerData;
const tell = (message: FromWorker) => port.postMessage(message);
const logger = remoteLogger((level, values) => tell({ type: 'log', level, values }));

const tls = material === undefined ? undefined : new RemoteTls(material, tell);

async function start(): Promise<ThreadServer> {
  if (options.globals === true) installGlobals();
  const { fetch, error, websocket, taken } = await loadWatched(new URL(module));
  if (taken !== undefined && index === 0) logger.info(takenSentence(taken));
  const { node: _, ...others } = options;
  const served = {
    ...others,
    fetch,
    logger,
    ...(error === undefined ? {} : { error }),
    ...(websocket === undefined ? {} : { websocket }),
  };
  const reached = new WorkerStart(startState);
  const onAdopt = () => reached.adopted();
  const onStopped = () => tell({ type: 'stopped' });
  const settings = checkOptions(served);
  reached.enterNative();
  try {
    return await serveHere(served, settings, { shared, measures, links, tls, onAdopt, onStopped });
  } catch (error) {
    reached.failed();
    throw error;
  }
}

const tellFailure = (error: unknown) => tell({ type: 'failed', error: errorData(error) });

async function loadWatched(url: URL): Promise<ServedModule> {
  const mode = nodeModeOf(options);
  if (!reportsLoads) return loadModule(url, tellFailure, mode);
  const { reportLoads } = await import('./loaded-files.ts');
  const tellRest = reportLoads((file) => tell({ type: 'loaded', file }));
  return loadModule(url, tellFailure, mode).finally(tellRest);
}

async function takeTls(
  server: ThreadServer,
  { id, material }: Extract<ToWorker, { type: 'tls' }>,
): Promise<void> {
  try {
    await server.takeTls(material);
    tell({ type: 'tls-taken', id, error: undefined });
  } catch (error) {
    tell({ type: 'tls-taken', id, error: errorData(error) });
  }
}

start().then(
  (server) => {
    port.on('message', (message: ToWorker) => {
      if (message.type === 'close') void server.closeBy(message.plan);
      else if (message.type === 'link') server.joinThread(message.link);
      else if (message.type === 'look') server.lookNow();
      else if (message.type === 'extend') server.extendDrain(message.drainMs);
      else if (message.type === 'tls') void takeTls(server, message);
      else if (message.type === 'ticket-keys') server.takeTicketKeys(message.keys);
      else if (message.type === 'certificate') tls?.answered(message);
      else if (message.type === 'stats')
        void server.stats().then((stats) => tell({ type: 'stats', id: message.id, stats }));
      else if (message.type === 'observe')
        void server.observe().then((observation) => tell({ type: 'observed', id: message.id, observation }));
      else if (message.type === 'subscribers')
        void server
          .subscriberCount(message.topic)
          .then((count) => tell({ type: 'subscribers', id: message.id, count }));
      else
        void server
          .connections(message.countMax)
          .then((rows) => tell({ type: 'connections', id: message.id, rows }));
    });
    // Threads share one descriptor table: what this one leaves open would stay open, its clients hanging.
    process.on('exit', () => server.releaseNow());
    process.on('uncaughtException', (error) => {
      logger.error('uncaught exception in a worker, which ends by it', error);
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
    tellFailure(error);
    port.close();
  },
);
