/**
 * What files of a folder cost, beside nginx (sendfile, open_file_cache) and Bun: the server's CPU a MiB, for files of several sizes that
 * are in memory. One client, one connection, one file after the other. Rounds are interleaved, so that what else the machine does
 * meets all alike; ratios are what counts.
 *
 *   node bench/scenarios/files.mjs [ROUNDS=5] [WINDOW_MS=1000] [PEER,...]
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure } from '../lib/load-clients.mjs';
import { BENCH_DIR, BULK_CLIENT, BUN, ROOT_DIR } from '../lib/paths.mjs';
import { ServerProcess } from '../lib/server-process.mjs';
import { formatTable, median, ratio, short } from '../lib/stats.mjs';
import { findProgram } from '../peers.mjs';

const KIB = 1024;
const SIZES = { '4 KiB': 4 * KIB, '64 KiB': 64 * KIB, '1 MiB': 1024 * KIB, '10 MiB': 10 * 1024 * KIB };
const FIRST_PORT = 19_340;
const REFERENCE = 'nginx';

const rounds = Number(process.argv[2] ?? 5);
const windowMs = Number(process.argv[3] ?? 1000);
const wanted = process.argv[4]?.split(',');
if (!existsSync(BULK_CLIENT)) throw new Error('bench/client is not built (node bench/setup.mjs)');

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-files-'));
for (const bytes of Object.values(SIZES)) writeFileSync(join(folder, `f${bytes}`), Buffer.alloc(bytes, '.'));

const holdfast = (engine) => (port) => ({
  command: process.execPath,
  args: [
    `${ROOT_DIR}dist/bundle/main.js`,
    'serve',
    folder,
    '-p',
    String(port),
    '-w',
    '1',
    '--engine',
    engine,
  ],
});

function nginx(port) {
  const own = join(folder, '..', `${folder.split('/').at(-1)}-nginx`);
  mkdirSync(own, { recursive: true });
  const text = readFileSync(`${BENCH_DIR}servers/nginx-files.conf`, 'utf8')
    .replaceAll('@DIR@', own)
    .replaceAll('@WWW@', folder)
    .replaceAll('@PORT@', String(port))
    .replaceAll('@USER@', process.getuid() === 0 ? 'user root;' : '');
  writeFileSync(join(own, 'nginx.conf'), text);
  return { command: findProgram('nginx'), args: ['-e', 'stderr', '-c', join(own, 'nginx.conf')] };
}

const PEERS = {
  iouring: holdfast('iouring'),
  epoll: holdfast('epoll'),
  node: holdfast('node'),
  ...(findProgram('nginx') === undefined ? {} : { nginx }),
  ...(existsSync(BUN)
    ? { bun: (port) => ({ command: BUN, args: [`${BENCH_DIR}servers/bun-files.mjs`, String(port), folder] }) }
    : {}),
};

const servers = [];
try {
  for (const [name, start] of Object.entries(PEERS)) {
    if (wanted !== undefined && !wanted.includes(name)) continue;
    const server = new ServerProcess(
      name,
      FIRST_PORT + servers.length,
      start(FIRST_PORT + servers.length),
      '0',
    );
    servers.push(server);
    await server.ready();
    server.freeze();
  }
  const results = new Map(servers.map(({ name }) => [name, new Map()]));
  for (let round = 0; round <= rounds; round++) {
    for (const [size, bytes] of Object.entries(SIZES)) {
      for (const server of servers) {
        server.thaw();
        const workload = {
          isBulk: true,
          method: 'GET',
          path: `/f${bytes}`,
          headers: [],
          body: '',
          fillBytes: 0,
          check: ({ answerBytes }) => answerBytes === bytes,
        };
        const { port } = server;
        const serverPids = () => server.pids();
        const taken = await measure({
          workload,
          port,
          serverPids,
          cpus: '1',
          warmupMs: round === 0 ? 3000 : 200,
          windowMs,
        });
        server.freeze();
        // The first round warms.
        if (round === 0) continue;
        const of = results.get(server.name);
        if (!of.has(size)) of.set(size, []);
        of.get(size).push(taken);
      }
    }
  }
  const usPerMib = (name, size) =>
    median(
      results
        .get(name)
        .get(size)
        .map(({ totalMsPerGiB }) => (totalMsPerGiB * 1000) / 1024),
    );
  const rows = [['CPU us a MiB', ...Object.keys(SIZES)]];
  for (const { name } of servers) {
    const cells = Object.keys(SIZES).map((size) => {
      const us = usPerMib(name, size);
      const beside = results.has(REFERENCE) ? ` (${short(ratio(us, usPerMib(REFERENCE, size)))})` : '';
      return `${us.toFixed(0)}${beside}`;
    });
    rows.push([name, ...cells]);
  }
  process.stdout.write(`${formatTable(rows)}\n`);
} finally {
  for (const server of servers) await server.end();
  rmSync(folder, { recursive: true });
}
