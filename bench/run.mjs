/**
 * The benchmark: Holdfast beside the servers of its field. `npm run bench -- --help` tells the options,
 * `bench/README.md` how to read the results.
 *
 * Every server is started once, pinned to the first CPU, checked for right answers and frozen. Then, round
 * by round and workload by workload, each is thawed, warmed, measured and frozen again, in an order that
 * rotates with the round, so that drift of the machine falls on all alike. The client and this process have
 * the second CPU.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { drawChart } from './lib/chart.mjs';
import { verifyByHttp2, warmByH2load } from './lib/h2load.mjs';
import { chooseClient, measure, verifyBulk } from './lib/load-clients.mjs';
import { BULK_CLIENT, CLIENT } from './lib/paths.mjs';
import { parseRunOptions, USAGE } from './lib/run-options.mjs';
import { ServerProcess } from './lib/server-process.mjs';
import { measureStart } from './lib/starts.mjs';
import { formatTable, short } from './lib/stats.mjs';
import { LEGEND, summarise, workloadTable } from './lib/summary.mjs';
import { verifyAnswer } from './lib/verify.mjs';
import { findProgram } from './peers.mjs';
import { judge } from './targets.mjs';

const SERVER_CPU = '0';
const CLIENT_CPU = '1';
const FIRST_PORT = 19_100;
const START_PORT = 19_099;

const say = (text) => console.error(text);

async function main() {
  const options = parseRunOptions(process.argv.slice(2));
  if (options.help) return console.log(USAGE);
  if (!existsSync(CLIENT) || !existsSync(BULK_CLIENT))
    throw new Error('bench/client is not built (node bench/setup.mjs)');
  if (cpus().length < 2) throw new Error('two CPUs are needed: one for the server, one for the client');
  execFileSync('taskset', ['-a', '-p', '-c', CLIENT_CPU, String(process.pid)], { stdio: 'ignore' });

  const servers = new Map();
  const skipped = [];
  const endAll = () => Promise.all([...servers.values()].map(({ running }) => running?.end()));
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => endAll().finally(() => process.exit(130)));
  }
  try {
    await startAll(options, servers, skipped);
    const rounds = await measureAll(options, servers, skipped);
    const results = collect(options, servers, skipped, rounds);
    await endAll();
    if (options.scenarios) results.scenarios = await runScenarios();
    results.targets = judge(results);
    report(options, results);
  } finally {
    await endAll();
  }
}

/** Starts every server that is there, checks its answers and freezes it. */
async function startAll(options, servers, skipped) {
  let port = FIRST_PORT;
  for (const peer of options.peers) {
    port++;
    const asked = options.workloads.filter(
      ({ id, peers }) => peers?.includes(peer.id) !== false && peer.only?.includes(id) !== false,
    );
    if (asked.length === 0) continue;
    const missing =
      peer.missing() ??
      (asked.every(({ protocol }) => protocol !== undefined) && findProgram('h2load') === undefined
        ? 'h2load is not installed'
        : undefined);
    if (missing !== undefined) {
      skipped.push({ peer: peer.id, title: peer.title, reason: missing });
      continue;
    }
    const workloads = new Set(asked.filter(({ isStart }) => isStart).map(({ id }) => id));
    servers.set(peer.id, { peer, running: undefined, workloads, date: undefined });
    if (workloads.size === asked.length) continue;
    const running = new ServerProcess(peer.id, port, peer.start(port), SERVER_CPU);
    servers.get(peer.id).running = running;
    try {
      await running.ready();
    } catch (error) {
      await running.end();
      servers.delete(peer.id);
      skipped.push({ peer: peer.id, title: peer.title, reason: error.message });
      continue;
    }
    for (const workload of asked.filter(({ isStart }) => !isStart)) {
      const reason = peer.without?.[workload.id] ?? (await wrongAnswer(servers.get(peer.id), workload));
      if (reason === undefined) workloads.add(workload.id);
      else skipped.push({ peer: peer.id, title: peer.title, workload: workload.id, reason });
    }
    running.freeze();
  }
  for (const { title, workload, reason } of skipped)
    say(`skipped: ${title}${workload ? `, ${workload}` : ''}: ${reason}`);
  if (servers.size === 0) throw new Error('there is no server to measure');
}

async function wrongAnswer(entry, workload) {
  try {
    if (workload.protocol === 'h2') {
      await verifyByHttp2(workload, portFor(entry, workload));
    }
    // An answer by HTTP/1.1 is the one by HTTP/2, which has been looked at.
    if (workload.protocol !== undefined) {
      await warmByH2load(workload, portFor(entry, workload), CLIENT_CPU);
      return undefined;
    }
    if (workload.isBulk) {
      await verifyBulk(workload, entry.running.port, CLIENT_CPU);
      return undefined;
    }
    const { date } = await verifyAnswer(workload, entry.running.port);
    entry.date ??= date;
    return undefined;
  } catch (error) {
    return error.message;
  }
}

function portFor({ peer, running }, { protocol }) {
  return protocol === 'h2' && peer.h2Port !== undefined ? peer.h2Port(running.port) : running.port;
}

async function measureAll(options, servers, skipped) {
  const hasWrk = findProgram('wrk') !== undefined;
  if (options.client === 'wrk' && !hasWrk) say('wrk is not installed: bench/client loads everything');
  const rounds = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const workload of options.workloads) {
      const entries = [...servers.values()].filter((entry) => entry.workloads.has(workload.id));
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[(i + round) % entries.length];
        const { peer, running } = entry;
        if (!workload.isStart) running.thaw();
        try {
          const figures = workload.isStart
            ? await startFigures(peer)
            : await measure({
                client: chooseClient(workload, options.client, hasWrk),
                workload,
                port: portFor(entry, workload),
                serverPids: () => running.pids(),
                cpus: CLIENT_CPU,
                warmupMs: options.warmupMs,
                windowMs: options.windowMs,
              });
          rounds.push({ round, workload: workload.id, peer: peer.id, ...figures });
          say(
            `${round + 1}/${options.rounds} ${workload.id.padEnd(15)} ${peer.title.padEnd(26)} ${inShort(workload, figures)}` +
              `${workload.isStart ? '' : `  client ${Math.round(figures.clientShare * 100)}%`}${figures.errors > 0 ? `  ${figures.errors} errors` : ''}`,
          );
        } catch (error) {
          say(`${peer.title}, ${workload.id}: ${error.message}`);
          skipped.push({ peer: peer.id, title: peer.title, workload: workload.id, reason: error.message });
          entry.workloads.delete(workload.id);
          if (running?.isRunning === false) entry.workloads.clear();
        } finally {
          if (!workload.isStart) running.freeze();
        }
      }
    }
  }
  return rounds;
}

/** A port of their own: the servers that are measured otherwise are there, frozen. */
async function startFigures(peer) {
  const start = peer.startUp?.(START_PORT) ?? { ...peer.start(START_PORT), until: 'port' };
  return { ...(await measureStart(start, START_PORT, SERVER_CPU)), errors: 0 };
}

function inShort(workload, figures) {
  if (workload.isStart)
    return `${short(figures.startMs).padStart(7)} ms  ${short(figures.startCpuMs).padStart(6)} CPU-ms`;
  if (workload.isBulk)
    return `${short(figures.mibPerSecond).padStart(7)} MiB/s  ${short(figures.totalMsPerGiB).padStart(6)} ms/GiB`;
  return `${short(figures.requestsPerSecond).padStart(7)} req/s  ${short(figures.totalUs).padStart(6)} us`;
}

function collect(options, servers, skipped, rounds) {
  const rows = {};
  for (const workload of options.workloads) {
    rows[workload.id] = {};
    for (const { peer } of servers.values()) {
      const own = rounds.filter((each) => each.workload === workload.id && each.peer === peer.id);
      if (own.length > 0) rows[workload.id][peer.id] = summarise(own);
    }
  }
  return {
    about: {
      client: options.client,
      at: new Date().toISOString(),
      cpu: cpus()[0].model.trim(),
      cpus: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release().replace(/^(\d+\.\d+).*/, '$1'),
      node: process.versions.node,
      rounds: options.rounds,
      windowSeconds: options.windowMs / 1000,
      warmupSeconds: options.warmupMs / 1000,
    },
    workloads: options.workloads.map(({ id, title, connections, depth }) => ({
      id,
      title,
      connections,
      depth,
    })),
    peers: [...servers.values()].map(({ peer, date }) => ({
      id: peer.id,
      title: peer.title,
      version: peer.version(),
      date,
    })),
    skipped,
    rows,
    rounds,
  };
}

async function runScenarios() {
  const { measureIdleMemory } = await import('./scenarios/idle-memory.mjs');
  const { measureWorkers } = await import('./scenarios/workers.mjs');
  const scenarios = {};
  for (const [name, scenario] of Object.entries({
    idleMemory: measureIdleMemory,
    workers: measureWorkers,
  })) {
    try {
      scenarios[name] = await scenario();
      say(`${name}: ${JSON.stringify(scenarios[name])}`);
    } catch (error) {
      scenarios[name] = { failed: error.message };
      say(`${name}: ${error.message}`);
    }
  }
  return scenarios;
}

function report(options, results) {
  for (const workload of options.workloads) {
    console.log(`\n${workloadTable(workload, results.peers, results.rows[workload.id])}`);
  }
  console.log(`\n${LEGEND}`);
  const marks = new Map([
    [true, 'met'],
    [false, 'MISSED'],
    [undefined, 'not measured'],
  ]);
  console.log(
    `\n${formatTable(results.targets.map(({ text, value, met }) => [text, short(value), marks.get(met)]))}`,
  );
  const versions = results.peers.map(({ title, version }) =>
    version === undefined ? title : `${title} ${version}`,
  );
  console.log(`\nmeasured: ${versions.join('; ')}`);
  for (const { title, workload, reason } of results.skipped) {
    console.log(`skipped: ${title}${workload ? `, ${workload}` : ''}: ${reason}`);
  }
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, `${JSON.stringify(results, null, 1)}\n`);
  say(`results: ${options.json}`);
  if (options.svg !== undefined) {
    writeFileSync(options.svg, drawChart(results));
    say(`chart: ${options.svg}`);
  }
}

main().catch((error) => {
  console.error(`bench: ${error.message}`);
  process.exitCode = 1;
});
