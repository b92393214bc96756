/**
 * Suites of frameworks that make servers of node:http, and how each is run so that the end of every test can be read. They are
 * no part of this repository: each is a checkout with its dependencies installed, in a folder of its name.
 *
 * `run` gives the arguments of `node`; `reads` the form of what it prints.
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_TEST_REPORTER = fileURLToPath(new URL('node-test-results.mjs', import.meta.url));

export const SUITES = {
  express: mocha('expressjs/express', 'v5.2.1', [
    '--require',
    'test/support/env',
    '--check-leaks',
    'test/',
    'test/acceptance/',
  ]),
  express4: mocha('expressjs/express', 'v4.22.2', [
    '--require',
    'test/support/env',
    '--check-leaks',
    'test/',
    'test/acceptance/',
  ]),
  connect: mocha('senchalabs/connect', '3.7.0', ['--require', 'test/support/env', '--check-leaks', 'test/']),
  supertest: mocha('ladjs/supertest', 'v6.3.4', ['--exit', '--require', 'should', '--check-leaks']),
  ws: mocha('websockets/ws', '8.21.0', ['--exit', 'test/*.test.js']),
  'engine.io': {
    ...mocha('socketio/socket.io', 'main', ['--exit']),
    in: 'socket.io/packages/engine.io',
  },
  // Each file for itself: the index also asks for uWebSockets.js, which is another server.
  'socket.io': {
    ...mocha('socketio/socket.io', 'main', [
      '--import=tsx',
      '--exit',
      '--timeout',
      '10000',
      '--ignore',
      'test/{index,uws}.ts',
      'test/*.ts',
    ]),
    in: 'socket.io/packages/socket.io',
  },
  koa: nodeTest('koajs/koa', 'v3.2.0', '__tests__'),
  fastify: nodeTest('fastify/fastify', 'v5.12.1', 'test'),
  srvx: {
    from: 'h3js/srvx',
    at: 'v0.12.7',
    reads: 'vitest',
    run: () => [
      'node_modules/vitest/vitest.mjs',
      'run',
      'test/node.test.ts',
      'test/node-adapters.test.ts',
      '--typecheck.enabled=false',
      '--reporter=json',
    ],
  },
};

function mocha(from, at, args) {
  return {
    from,
    at,
    reads: 'mocha',
    run: (folder) => [mochaOf(folder), '--reporter', 'json', ...args],
  };
}

function nodeTest(from, at, folder) {
  return {
    from,
    at,
    reads: 'node:test',
    run: (checkout) => [
      '--test',
      `--test-reporter=${NODE_TEST_REPORTER}`,
      '--test-timeout=60000',
      '--test-concurrency=2',
      ...testFiles(path.join(checkout, folder)),
    ],
  };
}

function testFiles(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => /\.test\.m?js$/.test(name) && !name.includes('node_modules'))
    .map((name) => path.join(folder, name))
    .sort();
}

/** Workspaces keep what they share above them, and older releases had another name for it. */
function mochaOf(folder) {
  for (let at = folder; ; at = path.dirname(at)) {
    const found = ['mocha.js', 'mocha']
      .map((name) => path.join(at, 'node_modules/mocha/bin', name))
      .find((file) => existsSync(file));
    if (found !== undefined) return found;
    if (at === path.dirname(at)) throw new Error(`mocha is not installed in ${folder}`);
  }
}

/** How each runner is asked for results, and how these are read. */
export const READERS = {
  'node:test': (args) => ({
    args,
    results: (text) =>
      text
        .split('\n')
        .filter((line) => line.startsWith('{"file"'))
        .map((line) => JSON.parse(line)),
  }),
  mocha: (args, output) => ({
    args: [...args, '--reporter-option', `output=${output}`],
    results: (text) => {
      const { tests = [], pending = [] } = text === '' ? {} : JSON.parse(text);
      const skipped = new Set(pending.map(({ fullTitle }) => fullTitle));
      return tests.map(({ file, fullTitle, err }) => ({
        file,
        path: [fullTitle],
        ok: err.message === undefined && err.stack === undefined,
        isSkipped: skipped.has(fullTitle),
        why: firstLine(err.message),
      }));
    },
  }),
  vitest: (args, output) => ({
    args: [...args, `--outputFile=${output}`],
    results: (text) =>
      (text === '' ? [] : JSON.parse(text).testResults).flatMap(({ name, assertionResults }) =>
        assertionResults.map(({ fullName, status, failureMessages }) => ({
          file: name,
          path: [fullName],
          ok: status !== 'failed',
          isSkipped: status !== 'passed' && status !== 'failed',
          why: firstLine(failureMessages?.[0]),
        })),
      ),
  }),
};

function firstLine(text) {
  return String(text ?? '')
    .split('\n')[0]
    .slice(0, 200);
}
