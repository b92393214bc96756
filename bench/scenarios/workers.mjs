/**
 * Two workers against one, pipelined.
 *
 * On a machine of two cores the client must share them with two workers, so requests/s alone would show the
 * client's share and not the workers' scaling. Two things are done about it. The client is the lightest
 * there is: it sends ready-made batches and lets the kernel discard the answers (MSG_TRUNC). And beside the
 * throughput that came out, the capacity is computed from CPU: a worker that is never idle answers
 * 1 / (CPU a request) requests a second, so
 *
 *   speedup = (2 / CPU a request with two workers) / (1 / CPU a request with one)
 *
 * That counts all that sharing costs in cycles (locks that spin, caches, the kernel's), and what it would
 * cost in waiting shows as idle cores: `busyShare` must be near 1 for the figure to hold. Where there are
 * cores to spare, the client gets its own, and `throughputRatio` is the plain answer.
 *
 *   node bench/scenarios/workers.mjs [SECONDS=3] [ROUNDS=3]
 */
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { measure } from '../lib/load-clients.mjs';
import { CLIENT } from '../lib/paths.mjs';
import { ServerProcess } from '../lib/server-process.mjs';
import { holdfastCommand } from '../lib/start-holdfast.mjs';
import { median } from '../lib/stats.mjs';
import { WORKLOADS } from '../workloads.mjs';

const PORT = 19_303;
/** Enough connections that SO_REUSEPORT's hash spreads them evenly. */
const CONNECTIONS = 256;
const PIPELINED = { ...WORKLOADS.find((workload) => workload.id === 'pipeline16'), connections: CONNECTIONS };

/** @param start the command of a server with so many workers; Holdfast when left out */
export async function measureWorkers(
  seconds = 3,
  rounds = 3,
  start = (port, workers) => holdfastCommand(port, { workers }),
) {
  if (!existsSync(CLIENT)) throw new Error('bench/client is not built (node bench/setup.mjs)');
  const ones = [];
  const twos = [];
  for (let round = 0; round < rounds; round++) {
    ones.push(await oneRun(start(PORT, 1), 1, seconds));
    twos.push(await oneRun(start(PORT, 2), 2, seconds));
  }
  const of = (runs, figure) => median(runs.map((run) => run[figure]));
  const oneUs = of(ones, 'totalUs');
  const twoUs = of(twos, 'totalUs');
  return {
    speedup: (2 * oneUs) / twoUs,
    throughputRatio: of(twos, 'requestsPerSecond') / of(ones, 'requestsPerSecond'),
    one: { requestsPerSecond: of(ones, 'requestsPerSecond'), cpuUs: oneUs, clientUs: of(ones, 'clientUs') },
    two: { requestsPerSecond: of(twos, 'requestsPerSecond'), cpuUs: twoUs, clientUs: of(twos, 'clientUs') },
    busyShare: of(twos, 'busyShare'),
    clientHasOwnCore: cpus().length > 2,
  };
}

async function oneRun(command, workers, seconds) {
  const serverCpus = workers === 1 ? '0' : '0,1';
  const clientCpus = workers === 1 ? '1' : cpus().length > 2 ? '2' : '0,1';
  const server = new ServerProcess(`${workers} workers`, PORT, command, serverCpus);
  try {
    await server.ready();
    const figures = await measure({
      client: 'own',
      mode: 'discard',
      workload: PIPELINED,
      port: PORT,
      serverPids: () => server.pids(),
      cpus: clientCpus,
      warmupMs: 1000,
      windowMs: seconds * 1000,
    });
    const shared = workers === 2 && cpus().length === 2;
    return {
      ...figures,
      busyShare: (figures.serverShare + (shared ? figures.clientShare + figures.otherShare : 0)) / workers,
    };
  } finally {
    await server.end();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seconds = 3, rounds = 3] = process.argv.slice(2).map(Number);
  console.log(JSON.stringify(await measureWorkers(seconds, rounds)));
}
