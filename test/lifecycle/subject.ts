/**
 * The main file of the process that holds the server under test, so that the load of a test never delays
 * what it measures. Told what to do by subject-process.ts over the channel that Node gives to children; it
 * ends when that channel does.
 */
import { openSync, readdirSync } from 'node:fs';
import { type LoggerLike, type ServeOptions, type Server, serve } from '#src/index.ts';
import { createLogger } from '#src/observe/logger.ts';
import handler, { blocks, held, ledger } from './subject-app.ts';
import type { SubjectCommand, SubjectReply, SubjectResources } from './subject-process.ts';

const QUIET: LoggerLike = { debug() {}, info() {}, warn() {}, error() {} };

let server: Server | undefined;

process.on('message', (command: SubjectCommand) => {
  perform(command).then(
    (value) => reply({ id: command.id, value }),
    (error: Error) => reply({ id: command.id, error: `${error.message}\n${error.stack}` }),
  );
});
process.on('disconnect', () => process.exit(0));

function reply(message: SubjectReply): void {
  if (process.connected) process.send?.(message);
}

async function perform(command: SubjectCommand): Promise<unknown> {
  switch (command.name) {
    case 'start': {
      const { logger, options } = command;
      const common: ServeOptions = { port: 0, hostname: '127.0.0.1', logger: loggerOf(logger), ...options };
      server = await serve(common.module === undefined ? { ...common, fetch: handler } : common);
      return { port: server.port, engine: server.engine.name };
    }
    case 'stats':
      return server?.stats();
    case 'resources':
      return resources();
    case 'cpu':
      return cpu();
    case 'ledger':
      return { ledger: Object.fromEntries(ledger), held };
    case 'blocks':
      return blocks;
    case 'reload':
      return server?.reload();
    case 'close':
      return server?.close({ force: command.force });
  }
}

function loggerOf(kind: 'quiet' | 'null' | 'stderr'): LoggerLike {
  if (kind === 'quiet') return QUIET;
  return createLogger(kind === 'null' ? { fd: openSync('/dev/null', 'w') } : {});
}

function resources(): SubjectResources {
  globalThis.gc?.();
  return {
    ...cpu(),
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    rssBytes: process.memoryUsage.rss(),
  };
}

function cpu(): { cpuUs: number; atMs: number } {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, atMs: performance.now() };
}
