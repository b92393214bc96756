/**
 * What files of a folder cost, beside nginx (sendfile, open_file_cache) and Bun: the server's CPU a file, for files of several sizes that
 * are in memory. One connection that asks for one file after the other, and for small ones 16 of them, of which a server takes
 * several at a look. Rounds are interleaved, so that what else the machine does meets all alike; ratios are what counts.
 *
 *   node bench/scenarios/files.mjs [ROUNDS=5] [WINDOW_MS=1000] [PEER,...]
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure } from '../lib/load-clients.mjs';
import { BENCH_DIR, BULK_CLIENT, BUN, CLIENT, ROOT_DIR } from '../lib/paths.mjs';
import { ServerProcess } from '../lib/server-process.mjs';
import { formatTable, median, ratio, short } from '../lib/stats.mjs';
import { findProgram } from '../peers.mjs';

const KIB = 1024;
const MANY = 16;
const CASES = {
  '4 KiB': { bytes: 4 * KIB, connections: 1 },
  [`4 KiB x ${MANY}`]: { bytes: 4 * KIB, connections: MANY },
  '64 KiB': { bytes: 64 * KIB, connections: 1 },
  [`64 KiB x ${MANY}`]: { bytes: 64 * KIB, connections: MANY },
  '1 MiB': { bytes: 1024 * KIB, connections: 1 },
  '10 MiB': { bytes: 10 * 1024 * KIB, connections: 1 },
};
const FIRST_PORT = 19_340;
const REFERENCE = 'nginx';

const rounds = Number(process.argv[2] ?? 5);
const windowMs = Number(process.argv[3] ?? 1000);
const wanted = process.argv[4]?.split(',');
if (!existsSync(BULK_CLIENT) || !existsSync(CLIENT))
  throw new Error('bench/client is not built (node bench/setup.mjs)');

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-files-'));
for (const { bytes } of Object.values(CASES))
  writeFileSync(join(folder, `f${bytes}`), Buffer.alloc(bytes, '.'));

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

async function usPerFile(server, { bytes, connections }, warmupMs) {
  const options = { port: server.port, serverPids: () => server.pids(), cpus: '1', warmupMs, windowMs };
  const asked = { method: 'GET', path: `/f${bytes}`, headers: [], body: '' };
  if (connections > 1) {
    const { totalUs, errors } = await measure({
      ...options,
      workload: { ...asked, connections, depth: 1 },
      mode: 'discard',
    });
    if (errors > 0) throw new Error(`${server.name}: ${errors} requests failed`);
    return totalUs;
  }
  const check = ({ answerBytes }) => answerBytes === bytes;
  const { totalMsPerGiB } = await measure({
    ...options,
    workload: { ...asked, isBulk: true, fillBytes: 0, check },
  });
  return (totalMsPerGiB * 1e3 * bytes) / 2 ** 30;
}

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
    for (const [what, each] of Object.entries(CASES)) {
      for (const server of servers) {
        server.thaw();
        const us = await usPerFile(server, each, round === 0 ? 3000 : 200);
        server.freeze();
        // The first round warms.
        if (round === 0) continue;
        const of = results.get(server.name);
        if (!of.has(what)) of.set(what, []);
        of.get(what).push(us);
      }
    }
  }
  const rows = [['CPU us a file', ...Object.keys(CASES)]];
  for (const { name } of servers) {
    const cells = Object.keys(CASES).map((what) => {
      const us = median(results.get(name).get(what));
      const reference = results.get(REFERENCE)?.get(what);
      const beside = reference === undefined ? '' : ` (${short(ratio(us, median(reference)))})`;
      return `${us.toFixed(us < 100 ? 1 : 0)}${beside}`;
    });
    rows.push([name, ...cells]);
  }
  process.stdout.write(`${formatTable(rows)}\n`);
} finally {
  for (const server of servers) await server.end();
  rmSync(folder, { recursive: true });
}
