/**
 * What a keep-alive request of 13 bytes costs over TLS 1.3, by h2load, beside nginx with the same certificate: CPU a request
 * of servers that take turns, on one core, with the client on the other.
 *
 *     node bench/scenarios/tls.mjs [ROUNDS=4] [h2load's flags, such as "-c 64 -m 32"; default "--h1 -c 64"] [SERVERS=nginx,iouring,epoll]
 *
 * SERVERS may have node-https and bun too; BUN is its executable, where another than the benchmark's.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CERTIFICATE, KEY } from '../../dist/engine/node/tls-keys.fixture.js';
import { BUN, ROOT_DIR } from '../lib/paths.mjs';
import { median } from '../lib/stats.mjs';
import { cpuSeconds, freePort, listens } from '../lib/turn-taking.mjs';

const [rounds = '4', flags = '--h1 -c 64', wanted = 'nginx,iouring,epoll'] = process.argv.slice(2);
const REQUESTS = 30_000;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-tls-'));
const file = (name, text) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const cert = file('cert.pem', CERTIFICATE);
const key = file('key.pem', KEY);
const program = file(
  'server.mjs',
  `import { Response, serve } from '${ROOT_DIR}dist/bundle/index.js';
   const [port, engine] = process.argv.slice(2);
   const tls = { cert: '${cert}', key: '${key}' };
   await serve({ port: Number(port), hostname: '127.0.0.1', engine, tls, fetch: () => new Response('Hello, World!') });`,
);
const nodeHttps = file(
  'node-https.mjs',
  `import { readFileSync } from 'node:fs';
   import { createServer } from 'node:https';
   createServer({ cert: readFileSync('${cert}'), key: readFileSync('${key}') }, (_, response) => {
     response.setHeader('content-type', 'text/plain;charset=UTF-8');
     response.end('Hello, World!');
   }).listen(Number(process.argv[2]), '127.0.0.1');`,
);
const bunServe = file(
  'bun.mjs',
  `Bun.serve({ port: Number(process.argv[2]), hostname: '127.0.0.1', fetch: () => new Response('Hello, World!'),
     tls: { cert: Bun.file('${cert}'), key: Bun.file('${key}') } });`,
);
const nginxConf = (port) =>
  file(
    'nginx.conf',
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error; events { worker_connections 4096; }
     http { access_log off; keepalive_requests 100000000; server { listen 127.0.0.1:${port} ssl http2;
     ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3;
     location / { default_type text/plain; return 200 "Hello, World!"; } } }`,
  );

const commandOf = (name, port) => {
  if (name === 'nginx') return ['nginx', '-c', nginxConf(port)];
  if (name === 'bun') return [process.env.BUN ?? BUN, bunServe, port];
  return name === 'node-https'
    ? [process.execPath, nodeHttps, port]
    : [process.execPath, program, port, name];
};

const load = (port) =>
  execFileSync(
    'taskset',
    ['-c', '1', 'h2load', ...flags.split(' '), '-n', String(REQUESTS), `https://127.0.0.1:${port}/`],
    {
      encoding: 'utf8',
    },
  );
const servers = [];
try {
  for (const name of wanted.split(',')) {
    const port = await freePort();
    const command = commandOf(name, port);
    const child = spawn('taskset', ['-c', '0', ...command.map(String)], { stdio: 'inherit' });
    servers.push({ name, port, child, micros: [] });
    await listens(port);
    load(port);
  }
  for (let round = 0; round < Number(rounds); round++)
    for (const { port, child, micros } of servers) {
      const before = cpuSeconds(child.pid);
      const answered = Number(/(\d+) succeeded/.exec(load(port))[1]);
      micros.push(((cpuSeconds(child.pid) - before) / answered) * 1e6);
    }
  for (const { name, micros } of servers) {
    const ratio = median(micros.map((value, round) => value / servers[0].micros[round]));
    console.log(
      `${name.padEnd(8)} ${median(micros).toFixed(2)} us of CPU a request, ${ratio.toFixed(2)} x ${servers[0].name}`,
    );
  }
} finally {
  for (const { child } of servers) child.kill();
  rmSync(folder, { recursive: true });
}
