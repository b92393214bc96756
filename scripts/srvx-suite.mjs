/**
 * srvx's shared suite (test/_tests.ts, which it runs on Node, Bun and Deno) against Holdfast over sockets.
 *
 *     node scripts/srvx-suite.mjs FOLDER [--engine NAME]
 *
 * FOLDER is a checkout of https://github.com/h3js/srvx with its dependencies installed, no part of this repository. One
 * test file is put into it for the run. docs/conformance.md says what does not apply, and why.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { engine: { type: 'string', default: 'auto' } },
});
const folder = positionals[0];
if (folder === undefined || !existsSync(path.join(folder, 'test/_tests.ts'))) {
  console.error('usage: node scripts/srvx-suite.mjs FOLDER, the folder of a checkout of srvx');
  process.exit(2);
}

/** Plugins and middleware are srvx's own; they are run in front of the handler, as srvx does. */
const ADAPTER = `
import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe } from 'vitest';
import { FastResponse } from '../src/adapters/node.ts';
import { fixture } from './_fixture.ts';
import { addTests } from './_tests.ts';

const { Response: Light, serve } = createRequire(import.meta.url)(${JSON.stringify(path.join(ROOT, 'dist/bundle/index.js'))});
const logger = { debug() {}, info() {}, warn() {}, error() {} };

const CLASSES = { 'Response of the platform': globalThis.Response, 'Response of Holdfast': Light, 'FastResponse of srvx': FastResponse };
for (const [name, Class] of Object.entries(CLASSES)) {
  describe.sequential(name, () => {
    let server;
    beforeAll(async () => {
      const options = fixture({}, Class);
      for (const plugin of options.plugins) plugin({ options });
      const { middleware, fetch, error } = options;
      const from = (at) => (request) =>
        at < middleware.length ? middleware[at](request, () => from(at + 1)(request)) : fetch(request);
      server = await serve({ port: 0, hostname: 'localhost', engine: ${JSON.stringify(flags.engine)}, logger, fetch: from(0), error });
    });
    afterAll(() => server.close(true));
    addTests({ url: (path) => new URL(path, server.url).href, runtime: 'node', fastResponse: Class === FastResponse });
  });
}
`;

const file = path.join(folder, 'test/holdfast.test.ts');
writeFileSync(file, ADAPTER);
try {
  const vitest = path.join(folder, 'node_modules/vitest/vitest.mjs');
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', 'test/holdfast.test.ts', '--typecheck.enabled=false', '--reporter=verbose'],
    { cwd: folder, stdio: 'inherit' },
  );
  process.exitCode = status ?? 1;
} finally {
  rmSync(file, { force: true });
}
