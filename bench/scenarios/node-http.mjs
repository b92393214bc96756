/**
 * What a request costs that a listener of node:http, or a framework made for it, answers: on Holdfast and on node:http, by
 * h2load. CPU of servers that take turns on one core, with the client on the other; the machine's speed drifts, so ratios
 * within a round count. Run it with the Node that is to be measured.
 *
 *     node bench/scenarios/node-http.mjs [ROUNDS=4] [APPS=raw,express,json,fastify,koa] [ENGINES=iouring,epoll]
 *
 * `json` is an Express application of five middlewares that answers a POST of JSON with JSON. Needs taskset and h2load.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT_DIR } from '../lib/paths.mjs';
import { median } from '../lib/stats.mjs';
import { cpuSeconds, freePort, listens } from '../lib/turn-taking.mjs';

const [rounds = '4', apps = 'raw,express,json,fastify,koa', engines = 'iouring,epoll'] =
  process.argv.slice(2);
const REQUESTS = 20_000;
const WARM_UP_REQUESTS = 30_000;
const CONNECTIONS = 64;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-node-http-'));
const body = join(folder, 'body.json');
writeFileSync(body, JSON.stringify({ name: 'tea', list: [1, 2, 3], text: 'x'.repeat(200) }));

/** Each gives `listener`; a Fastify app makes its own server, and is asked for its listener once it is ready. */
const APPS = {
  raw: `const listener = (req, res) => { res.setHeader('content-type', 'text/plain'); res.end('Hello, World!'); };`,
  express: `const listener = need('express')(); listener.get('/', (req, res) => res.send('Hello, World!'));`,
  json: `
    const express = need('express');
    const listener = express();
    listener.disable('x-powered-by');
    listener.use(need('helmet')(), need('cors')(), need('compression')());
    listener.use((req, res, next) => { req.startedMs = performance.now(); next(); });
    listener.use(express.json());
    listener.post('/', (req, res) => res.json({ you: req.body.name, count: req.body.list.length }));`,
  fastify: `
    const app = need('fastify')();
    app.get('/', async () => 'Hello, World!');
    await app.ready();
    const listener = app.routing;`,
  koa: `
    const app = new (need('koa'))();
    app.use((ctx) => { ctx.body = 'Hello, World!'; });
    const listener = app.callback();`,
};

const program = (app) => {
  const file = join(folder, `${app}.mjs`);
  writeFileSync(
    file,
    `import { createRequire } from 'node:module';
     import { createServer } from 'node:http';
     import { serve } from '${ROOT_DIR}dist/bundle/index.js';
     const require = createRequire('${ROOT_DIR}package.json');
     const need = (name) => { const it = require(name); return it.default ?? it; };
     const [port, engine] = process.argv.slice(2);
     ${APPS[app]}
     if (engine === 'node:http') createServer(listener).listen(Number(port), '127.0.0.1');
     else await serve({ port: Number(port), hostname: '127.0.0.1', engine, node: listener });`,
  );
  return file;
};

/** @returns how many were answered with success */
function load(app, url, requests) {
  const post = app === 'json' ? ['-d', body, '-H', 'content-type: application/json'] : [];
  const flags = ['--h1', '-c', String(CONNECTIONS), '-n', String(requests), ...post];
  const printed = execFileSync('taskset', ['-c', '1', 'h2load', ...flags, url], { encoding: 'utf8' });
  return Number(/(\d+) 2xx/.exec(printed)[1]);
}

async function measure(app) {
  const servers = [];
  try {
    for (const name of ['node:http', ...engines.split(',')]) {
      const port = await freePort();
      const command = ['-c', '0', process.execPath, program(app), String(port), name];
      const child = spawn('taskset', command, {
        stdio: 'inherit',
        env: { ...process.env, NODE_ENV: 'production' },
      });
      const url = `http://127.0.0.1:${port}/`;
      servers.push({ name, url, child, micros: [] });
      await listens(port);
      load(app, url, WARM_UP_REQUESTS);
    }
    for (let round = 0; round < Number(rounds); round++)
      for (const { url, child, micros } of servers) {
        const before = cpuSeconds(child.pid);
        const answered = load(app, url, REQUESTS);
        micros.push(((cpuSeconds(child.pid) - before) / answered) * 1e6);
      }
    for (const { name, micros } of servers) {
      const ratio = median(micros.map((value, round) => servers[0].micros[round] / value));
      const times = `${ratio.toFixed(2)} x the requests a CPU-second of node:http`;
      console.log(
        `${app.padEnd(8)} ${name.padEnd(10)} ${median(micros).toFixed(1).padStart(6)} us of CPU a request, ${times}`,
      );
    }
  } finally {
    for (const { child } of servers) child.kill();
  }
}

try {
  for (const app of apps.split(',')) {
    if (APPS[app] === undefined) throw new Error(`${app}: one of ${Object.keys(APPS).join(', ')} is needed`);
    await measure(app);
  }
} finally {
  rmSync(folder, { recursive: true });
}
