/**
 * `holdfast load` against wrk, in CPU-microseconds a request: nginx on core 0, the two clients in turn on
 * core 1, each with one thread and 64 connections. wrk has its C event loop and sends the same bytes over
 * and over; that is the yardstick for ours, which also keeps its records. A client that spends less makes
 * more requests, as long as it is the limit.
 *
 * Then ours at a constant rate, which wrk cannot: how near it comes to what was asked for.
 *
 *   node bench/scenarios/load-client.mjs [SECONDS=3] [ROUNDS=5] [RATE=20000]
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { measure } from '../lib/load-clients.mjs';
import { ROOT_DIR } from '../lib/paths.mjs';
import { ServerProcess } from '../lib/server-process.mjs';
import { median } from '../lib/stats.mjs';
import { findProgram, PEERS } from '../peers.mjs';
import { WORKLOADS } from '../workloads.mjs';

const PORT = 19_305;
const CONNECTIONS = 64;
const MAIN = `${ROOT_DIR}dist/bundle/main.js`;
const PLAINTEXT = { ...WORKLOADS.find(({ id }) => id === 'plaintext'), connections: CONNECTIONS };
const run = promisify(execFile);

async function runWrk(serverPids, seconds) {
  const { requestsPerSecond, clientUs, errors } = await measure({
    client: 'wrk',
    workload: PLAINTEXT,
    port: PORT,
    serverPids,
    cpus: '1',
    warmupMs: 0,
    windowMs: seconds * 1000,
  });
  if (errors > 0) throw new Error(`${errors} requests of wrk failed`);
  return { requestsPerSecond, clientUs };
}

async function runHoldfast(seconds, ...more) {
  const { stdout } = await run('taskset', [
    ...['-c', '1', process.execPath, MAIN, 'load', `http://127.0.0.1:${PORT}${PLAINTEXT.path}`, '--json'],
    ...['--connections', String(CONNECTIONS), '--threads', '1', '--duration', `${seconds}s`, ...more],
  ]);
  const { requests, cpu } = JSON.parse(stdout);
  if (requests.failed > 0) throw new Error(`${requests.failed} requests of holdfast load failed`);
  return {
    requestsPerSecond: requests.answeredPerSecond,
    clientUs: ((cpu.clientUserMs + cpu.clientSystemMs) * 1000) / requests.answered,
  };
}

const nginx = PEERS.find(({ id }) => id === 'nginx');
const missing = nginx.missing() ?? (findProgram('wrk') === undefined ? 'wrk is not installed' : undefined);
if (missing !== undefined) throw new Error(missing);
if (!existsSync(MAIN)) throw new Error('dist/bundle/main.js is not built (npm run build)');
const [seconds = 3, rounds = 5, rate = 20_000] = process.argv.slice(2).map(Number);
const server = new ServerProcess('nginx', PORT, nginx.start(PORT), '0');
try {
  await server.ready();
  const runs = { wrk: [], holdfast: [] };
  for (let round = 0; round < rounds; round++) {
    runs.wrk.push(await runWrk(() => server.pids(), seconds));
    runs.holdfast.push(await runHoldfast(seconds));
  }
  const of = (client, name) => median(runs[client].map((each) => each[name]));
  for (const client of ['wrk', 'holdfast']) {
    console.log(
      `${client.padEnd(8)}  ${Math.round(of(client, 'requestsPerSecond'))} requests/s, ` +
        `${of(client, 'clientUs').toFixed(2)} us CPU a request`,
    );
  }
  const ratio = (name) => (of('holdfast', name) / of('wrk', name)).toFixed(2);
  console.log(`holdfast / wrk: requests/s ${ratio('requestsPerSecond')}, CPU a request ${ratio('clientUs')}`);
  const paced = await runHoldfast(seconds, '--rate', String(rate));
  console.log(`asked for ${rate} requests/s: ${Math.round(paced.requestsPerSecond)}`);
} finally {
  await server.end();
}
