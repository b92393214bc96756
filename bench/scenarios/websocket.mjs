/**
 * What messages of WebSockets cost beside uWebSockets.js, Bun and ws: an echo of 64 bytes with many connections, or one message
 * published to many. CPU of servers that take turns on one core, with a client of raw frames on the other; the machine's speed
 * drifts, so ratios within a round count.
 *
 *     node bench/scenarios/websocket.mjs [MODE=echo] [CONNECTIONS=1000] [ROUNDS=3] [SERVERS=iouring,epoll,uwebsockets,bun,ws]
 *     MODE: echo, publish
 *
 * Needs taskset and a C compiler, and `node bench/setup.mjs npm` for Bun and uWebSockets.js. A server that is not there is left out.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseSchedstat } from '../lib/cpu.mjs';
import { BENCH_DIR, BUN, NPM_DIR, ROOT_DIR } from '../lib/paths.mjs';

const [mode = 'echo', connections = '1000', rounds = '3', wanted = 'iouring,epoll,uwebsockets,bun,ws'] =
  process.argv.slice(2);
const WARM_UP_MS = 500;
const WINDOW_MS = 2000;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-websocket-'));
const file = (name, text) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const publishes = mode === 'publish';

const holdfast = file(
  'holdfast.mjs',
  `import { serve } from '${ROOT_DIR}dist/bundle/index.js';
   const [port, engine] = process.argv.slice(2);
   const websocket = ${
     publishes
       ? "{ open: (peer) => void peer.subscribe('t'), message: (_peer, message) => void server.publish('t', message.data) }"
       : '{ message(peer, message) { peer.send(message.data); } }'
   };
   const fetch = (_request, context) => context.upgrade();
   const server = await serve({ port: Number(port), hostname: '127.0.0.1', engine, fetch, websocket });`,
);
const bun = file(
  'bun.mjs',
  `const server = Bun.serve({
     port: Number(process.argv[2]),
     hostname: '127.0.0.1',
     fetch: (request, server) => (server.upgrade(request) ? undefined : new Response('no')),
     websocket: ${
       publishes
         ? "{ open: (ws) => void ws.subscribe('t'), message: (_ws, message) => void server.publish('t', message) }"
         : '{ message(ws, message) { ws.send(message); } }'
     },
   });`,
);
const uwebsockets = file(
  'uwebsockets.mjs',
  `import { createRequire } from 'node:module';
   const uws = createRequire(import.meta.url)('${NPM_DIR}node_modules/uwebsockets');
   const app = uws.App();
   app.ws('/*', ${
     publishes
       ? "{ open: (ws) => void ws.subscribe('t'), message: (_ws, message, isBinary) => void app.publish('t', message, isBinary) }"
       : '{ message(ws, message, isBinary) { ws.send(message, isBinary); } }'
   }).listen('127.0.0.1', Number(process.argv[2]), () => {});`,
);
const ws = file(
  'ws.mjs',
  `import { createRequire } from 'node:module';
   const { WebSocketServer } = createRequire('${ROOT_DIR}package.json')('ws');
   const server = new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1' });
   server.on('connection', (ws) => ws.on('message', (data, isBinary) => {
     ${publishes ? 'for (const each of server.clients) each.send(data, { binary: isBinary });' : 'ws.send(data, { binary: isBinary });'}
   }));`,
);

const node = process.execPath;
const commands = {
  iouring: (port) => [node, holdfast, port, 'iouring'],
  epoll: (port) => [node, holdfast, port, 'epoll'],
  node: (port) => [node, holdfast, port, 'node'],
  uwebsockets: (port) => [node, uwebsockets, port],
  bun: (port) => [BUN, bun, port],
  ws: (port) => [node, ws, port],
};
const isThere = {
  uwebsockets: () => existsSync(`${NPM_DIR}node_modules/uwebsockets`),
  bun: () => existsSync(BUN),
  ws: () => existsSync(`${ROOT_DIR}node_modules/ws`),
};

const cpuNs = (pid) =>
  readdirSync(`/proc/${pid}/task`).reduce(
    (sum, thread) => sum + parseSchedstat(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')),
    0,
  );

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function start(name) {
  const port = await freePort();
  const child = spawn('taskset', ['-c', '0', ...commands[name](String(port))], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (let i = 0; i < 100; i++) {
    const isUp = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isUp) return { name, port, child };
    await sleep(50);
  }
  throw new Error(`${name} does not listen`);
}

/** @returns CPU microseconds of the server for a message that its clients got */
async function measure({ port, child }) {
  child.kill('SIGCONT');
  const client = spawn('taskset', [
    '-c',
    '1',
    join(folder, 'client'),
    String(port),
    connections,
    mode,
    String(WARM_UP_MS),
    String(WINDOW_MS),
  ]);
  let text = '';
  let begun = 0;
  let ended = 0;
  client.stdout.setEncoding('utf8').on('data', (piece) => {
    text += piece;
    if (begun === 0 && text.includes('begin')) begun = cpuNs(child.pid);
    if (ended === 0 && text.includes('end\n')) ended = cpuNs(child.pid);
  });
  client.stderr.pipe(process.stderr);
  await new Promise((resolve) => client.on('close', resolve));
  child.kill('SIGSTOP');
  const { messages } = JSON.parse(text.split('\n').at(-2));
  return { us: (ended - begun) / 1000 / messages, rate: messages / (WINDOW_MS / 1000) };
}

execFileSync('cc', ['-O2', '-o', join(folder, 'client'), `${BENCH_DIR}client/websocket.c`]);
const servers = [];
for (const name of wanted.split(',')) {
  if (isThere[name]?.() === false) console.log(`${name} is not installed: left out`);
  else servers.push(await start(name));
}
for (const { child } of servers) child.kill('SIGSTOP');
try {
  const results = new Map(servers.map(({ name }) => [name, []]));
  for (let round = 0; round < Number(rounds); round++)
    for (const server of servers) results.get(server.name).push(await measure(server));
  const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
  const own = results.get(servers[0].name);
  console.log(`${mode}, ${connections} connections, medians of ${rounds} rounds`);
  for (const [name, list] of results) {
    const ratio = median(list.map(({ us }, i) => us / own[i].us));
    console.log(
      `${name.padEnd(12)} ${median(list.map(({ us }) => us)).toFixed(2)} us of CPU a message, ${ratio.toFixed(2)} x, ${Math.round(median(list.map(({ rate }) => rate)))} a second`,
    );
  }
} finally {
  for (const { child } of servers) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
}
