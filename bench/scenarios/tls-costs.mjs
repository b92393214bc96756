/**
 * What TLS costs beside nginx and node:https with the same certificate: full and resumed handshakes, 10 MiB down and up, and
 * what an idle connection holds. CPU of servers that take turns on one core, with the client on the other; the machine's speed
 * drifts, so ratios within a round count. Full handshakes come 400 at once, resumed ones one after the other; what is moved in bulk
 * goes over one connection a round.
 *
 *     node bench/scenarios/tls-costs.mjs WHAT [ROUNDS=4] [SERVERS=nginx,iouring,epoll,node-https]
 *     WHAT: full, resumed, download, upload, idle
 *
 * Needs taskset, openssl, h2load, curl and nginx. NODE and BUN are the executables that serve, where others than this one and the benchmark's.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { CERTIFICATE, KEY } from '../../dist/engine/node/tls-keys.fixture.js';
import { BUN, ROOT_DIR } from '../lib/paths.mjs';
import { median } from '../lib/stats.mjs';
import { cpuSeconds, freePort, listens } from '../lib/turn-taking.mjs';
import { residentBytes } from './idle-memory.mjs';

const [what = 'full', rounds = '4', wanted = 'nginx,iouring,epoll,node-https'] = process.argv.slice(2);
const BULK_BYTES = 10 * 1024 * 1024;
const TRANSFERS = 8;
const HANDSHAKE_SECONDS = 1;
const HANDSHAKES = 400;
const IDLE_COUNT = 2000;
const WARM_COUNT = { full: 4000, resumed: 4000, download: 60, upload: 60 };
const WARM_TRIES = 10;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-tls-'));
const file = (name, text) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const cert = file('cert.pem', CERTIFICATE);
const key = file('key.pem', KEY);
const bulk = file('bulk', Buffer.alloc(BULK_BYTES, 'what is sent is not looked at '));
const sink = file('sink', '');

const holdfast = file(
  'holdfast.mjs',
  `import { files, Response, serve } from '${ROOT_DIR}dist/bundle/index.js';
   const [port, engine] = process.argv.slice(2);
   const folder = files('${folder}');
   const fetch = async (request, context) => {
     if (request.method === 'POST') {
       for await (const _piece of request.body);
       return new Response('taken');
     }
     return new URL(request.url).pathname === '/' ? new Response('Hello, World!') : folder(request, context);
   };
   await serve({ port: Number(port), hostname: '127.0.0.1', engine, tls: { cert: '${cert}', key: '${key}' }, fetch });`,
);
const nodeHttps = file(
  'node-https.mjs',
  `import { createReadStream, readFileSync } from 'node:fs';
   import { createServer } from 'node:https';
   createServer({ cert: readFileSync('${cert}'), key: readFileSync('${key}') }, (request, response) => {
     if (request.method === 'POST') request.on('data', () => {}).on('end', () => response.end('taken'));
     else if (request.url === '/bulk') {
       response.writeHead(200, { 'content-length': ${BULK_BYTES} });
       createReadStream('${bulk}', { highWaterMark: 65536 }).pipe(response);
     } else response.end('Hello, World!');
   }).listen(Number(process.argv[2]), '127.0.0.1');`,
);
const bunServe = file(
  'bun.mjs',
  `Bun.serve({ port: Number(process.argv[2]), hostname: '127.0.0.1', tls: { cert: Bun.file('${cert}'), key: Bun.file('${key}') },
     async fetch(request) {
       if (request.method === 'POST') {
         for await (const _piece of request.body);
         return new Response('taken');
       }
       return new Response(request.url.endsWith('/bulk') ? Bun.file('${bulk}') : 'Hello, World!');
     } });`,
);
const nginxConf = (port) => {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  // What is posted goes to a proxied echo of itself: nginx reads no body that nobody asks for.
  return file(
    'nginx.conf',
    `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error; worker_rlimit_nofile 20000;
     events { worker_connections 8192; }
     http { access_log off; keepalive_requests 100000000; keepalive_timeout 600; client_max_body_size 100m; sendfile on;
     ${paths.join(' ')} client_body_buffer_size 64k;
     server { listen unix:${folder}/sink.sock; location / { return 200 taken; } }
     server { listen 127.0.0.1:${port} ssl backlog=4096; ssl_certificate ${cert}; ssl_certificate_key ${key};
     ssl_protocols TLSv1.2 TLSv1.3; root ${folder};
     location = / { default_type text/plain; return 200 "Hello, World!"; } location /bulk { }
     location /post { proxy_request_buffering off; proxy_pass http://unix:${folder}/sink.sock; } } }`,
  );
};
/** Another release of Node may serve than asks. */
const NODE = process.env.NODE ?? process.execPath;
const COMMANDS = {
  nginx: (port) => ['nginx', '-c', nginxConf(port)],
  iouring: (port) => [NODE, holdfast, port, 'iouring'],
  epoll: (port) => [NODE, holdfast, port, 'epoll'],
  'node-https': (port) => [NODE, nodeHttps, port],
  bun: (port) => [process.env.BUN ?? BUN, bunServe, port],
};

const onOther = (command, args) =>
  execFileSync('taskset', ['-c', '1', command, ...args.map(String)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });

/** @returns how many there were. */
function load(port) {
  const url = `https://127.0.0.1:${port}`;
  if (what === 'full') {
    const text = onOther('h2load', ['--h1', '-n', HANDSHAKES, '-c', HANDSHAKES, `${url}/`]);
    return Number(/(\d+) succeeded/.exec(text)[1]);
  }
  if (what === 'resumed') {
    const text = onOther('openssl', [
      's_time',
      '-connect',
      `127.0.0.1:${port}`,
      '-reuse',
      '-time',
      HANDSHAKE_SECONDS,
      '-www',
      '/',
    ]);
    // The last line is of real seconds.
    return Number([...text.matchAll(/(\d+) connections in/g)].at(-1)[1]);
  }
  const sent = what === 'download' ? [] : ['-H', 'Expect:', '--data-binary', `@${bulk}`];
  const path = what === 'download' ? 'bulk' : 'post';
  const each = Array.from({ length: TRANSFERS }, () => ['-o', sink, `${url}/${path}`]).flat();
  onOther('curl', ['-skf', '--http1.1', ...sent, ...each]);
  return TRANSFERS;
}

async function holdOpen(port, count) {
  const sockets = [];
  while (sockets.length < count)
    sockets.push(
      ...(await Promise.all(
        Array.from(
          { length: Math.min(100, count - sockets.length) },
          () =>
            new Promise((resolve, reject) => {
              const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
              socket.once('error', reject);
              socket.once('data', () => resolve(socket));
              socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
            }),
        ),
      )),
    );
  return sockets;
}

/** What the second so many connections add: the first fill pools and heaps. */
async function idle(servers) {
  for (const { name, port, child } of servers) {
    const resident = async () => {
      await sleep(3000);
      return residentBytes(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
    };
    const first = await holdOpen(port, IDLE_COUNT);
    const before = await resident();
    const second = await holdOpen(port, IDLE_COUNT);
    const each = ((await resident()) - before) / IDLE_COUNT / 1024;
    console.log(`${name.padEnd(12)} ${each.toFixed(1)} KiB a connection`);
    for (const socket of [...first, ...second]) socket.destroy();
  }
}

const servers = [];
try {
  for (const name of wanted.split(',')) {
    const port = await freePort();
    const child = spawn('taskset', ['-c', '0', ...COMMANDS[name](port).map(String)], { stdio: 'inherit' });
    servers.push({ name, port, child, micros: [] });
    await listens(port);
  }
  if (what === 'idle') await idle(servers);
  else {
    // What V8 has not compiled yet costs a handshake twice as much.
    for (const { port } of servers)
      for (let done = 0, tries = 0; done < WARM_COUNT[what] && tries < WARM_TRIES; tries++)
        done += load(port);
    for (let round = 0; round < Number(rounds); round++)
      for (const { port, child, micros } of servers) {
        const before = cpuSeconds(child.pid);
        const count = load(port);
        micros.push(((cpuSeconds(child.pid) - before) / count) * 1e6);
      }
    for (const { name, micros } of servers) {
      const ratio = median(micros.map((value, round) => value / servers[0].micros[round]));
      console.log(
        `${name.padEnd(12)} ${median(micros).toFixed(0)} us of CPU each, ${ratio.toFixed(2)} x ${servers[0].name}`,
      );
    }
  }
} finally {
  for (const { child } of servers) child.kill();
  rmSync(folder, { recursive: true });
}
