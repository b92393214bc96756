/**
 * `balance: 'kernel'` against `'least'`, two workers, few connections: what an uneven spread costs.
 *
 * SO_REUSEPORT picks a worker by a hash of the addresses, so of four connections all may fall to one worker,
 * which then does all the work beside an idle one; of 64 hardly. The handler spends 100 us of CPU on a
 * request, so that the workers are the limit and the client's share of the cores is small. Each round is a
 * new server and new connections, that is a new draw; rounds of both kinds alternate.
 *
 *   node bench/scenarios/balance.mjs [SECONDS=1] [ROUNDS=10]
 */
import { existsSync } from 'node:fs';
import { measure } from '../lib/load-clients.mjs';
import { CLIENT } from '../lib/paths.mjs';
import { ServerProcess } from '../lib/server-process.mjs';
import { holdfastCommand } from '../lib/start-holdfast.mjs';
import { median } from '../lib/stats.mjs';
import { WORKLOADS } from '../workloads.mjs';

const PORT = 19_304;
const CONNECTION_COUNTS = [2, 4, 8, 64];
const PLAINTEXT = WORKLOADS.find((workload) => workload.id === 'plaintext');

async function oneRun(balance, connections, seconds) {
  const command = holdfastCommand(PORT, { workers: 2, balance, module: 'busy' });
  const server = new ServerProcess(balance, PORT, command, '0,1');
  try {
    await server.ready();
    const { requestsPerSecond } = await measure({
      client: 'own',
      workload: { ...PLAINTEXT, connections },
      port: PORT,
      serverPids: () => server.pids(),
      cpus: '0,1',
      warmupMs: 300,
      windowMs: seconds * 1000,
    });
    return requestsPerSecond;
  } finally {
    await server.end();
  }
}

if (!existsSync(CLIENT)) throw new Error('bench/client is not built (node bench/setup.mjs)');
const [seconds = 1, rounds = 10] = process.argv.slice(2).map(Number);
for (const connections of CONNECTION_COUNTS) {
  const runs = { kernel: [], least: [] };
  for (let round = 0; round < rounds; round++)
    for (const balance of ['kernel', 'least'])
      runs[balance].push(await oneRun(balance, connections, seconds));
  const figures = (values) => ({
    medianPerSecond: Math.round(median(values)),
    worstPerSecond: Math.round(Math.min(...values)),
  });
  console.log(
    JSON.stringify({
      connections,
      rounds,
      kernel: figures(runs.kernel),
      least: figures(runs.least),
      leastOverKernel: Number((median(runs.least) / median(runs.kernel)).toFixed(2)),
    }),
  );
}
