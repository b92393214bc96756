/**
 * The suite of Hono's server for Node against Holdfast over sockets, where it is about what clients and handlers see.
 *
 *     node scripts/hono-suite.mjs FOLDER [--engine NAME]
 *
 * FOLDER is a checkout of https://github.com/honojs/node-server with its dependencies installed, no part of this
 * repository. Copies of two of its test files are put into it for the run, with Holdfast in the place of its server.
 * docs/conformance.md says what does not apply, and why.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { engine: { type: 'string', default: 'auto' } },
});
const folder = positionals[0];
const FILES = ['server', 'request-client-disconnect'];
if (folder === undefined || !existsSync(path.join(folder, 'test/server.test.ts'))) {
  console.error('usage: node scripts/hono-suite.mjs FOLDER, the folder of a checkout of honojs/node-server');
  process.exit(2);
}

/** The part of a server of node:http that the suite asks for. */
const ADAPTER = `
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';

const holdfast = createRequire(import.meta.url)(${JSON.stringify(path.join(ROOT, 'dist/bundle/index.js'))});
const logger = { debug() {}, info() {}, warn() {}, error() {} };

/** What of an IncomingMessage the suite asks for to know when the client has left. A short body is here soon. */
class Incoming {
  #request;
  #completeAt = performance.now() + 50;
  constructor(request) {
    this.#request = request;
  }
  get complete() {
    return performance.now() >= this.#completeAt;
  }
  once(event, listener) {
    const { signal } = this.#request;
    if (signal.aborted) listener();
    else signal.addEventListener('abort', listener, { once: true });
  }
}

class AdaptorServer extends EventEmitter {
  #app;
  #starting;
  #server;
  constructor(app) {
    super();
    this.#app = app;
  }
  listen(port, hostname, listener) {
    if (typeof hostname === 'function') [hostname, listener] = [undefined, hostname];
    if (listener) this.once('listening', listener);
    const fetch = (request) => this.#app.fetch(request, { incoming: new Incoming(request) });
    const options = { port: port ?? 0, hostname: hostname ?? '127.0.0.1', engine: ${JSON.stringify(flags.engine)}, logger, fetch };
    this.#starting = holdfast.serve(options).then((server) => {
      this.#server = server;
      this.emit('listening');
    }, (error) => this.emit('error', error));
    return this;
  }
  address() {
    return this.#server ? { address: '127.0.0.1', family: 'IPv4', port: this.#server.port } : null;
  }
  close(callback) {
    const closed = Promise.resolve(this.#starting).then(() => this.#server?.close(true));
    this.#server = undefined;
    closed.then(() => callback?.());
    return this;
  }
  closeAllConnections() {}
}

export const createAdaptorServer = (app) => new AdaptorServer(app);
export const serve = (options, listener) => {
  const server = createAdaptorServer(options);
  server.listen(options.port ?? 3000, options.hostname ?? '::', () => listener?.(server.address()));
  return server;
};
`;

const written = [put('holdfast-server.ts', ADAPTER)];
for (const name of FILES) {
  const text = readFileSync(path.join(folder, `test/${name}.test.ts`), 'utf8');
  written.push(put(`holdfast-${name}.test.ts`, text.replace("'../src/server'", "'./holdfast-server'")));
}
try {
  const vitest = path.join(folder, 'node_modules/vitest/vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', 'holdfast-', '--reporter=verbose'], {
    cwd: folder,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
} finally {
  for (const file of written) rmSync(file, { force: true });
}

function put(name, text) {
  const file = path.join(folder, 'test', name);
  writeFileSync(file, text);
  return file;
}
