/**
 * The two load clients, behind one function: `measure(options)` runs a warm-up and a window and gives back
 * what the client saw and what CPU the server and the client spent meanwhile.
 *
 * Our own client (`client/client.c`) is the rule, because wrk is the limit beside the fastest servers here:
 * it spends 10 microseconds a request where ours spends 6, and the C floor that answers 142,000 requests a second
 * to ours answers 102,000 to wrk, at 87 % of its core. A server that idles wakes more often for each
 * request, so its CPU a request would be too high as well. wrk is there as a cross-check (`--client wrk`),
 * except for pipelining, where it falls behind further, and new connections: it counts as failed what a
 * server closes without having said so in a header.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { requestBytes } from '../workloads.mjs';
import { cpuBetween, readCpu } from './cpu.mjs';
import { measureByH2load } from './h2load.mjs';
import { BENCH_DIR, BULK_CLIENT, CLIENT } from './paths.mjs';

/** @returns 'wrk' or 'own' */
export function chooseClient(workload, wish, wrkInstalled) {
  if (wish !== 'wrk' || !wrkInstalled) return 'own';
  return workload.depth > 1 || workload.closes ? 'own' : 'wrk';
}

/**
 * @param options `client`, `workload`, `port`, `serverPids()`, `cpus` (of the client), `warmupMs`, `windowMs`,
 *   `mode` (own client: 'keep', 'close' or 'discard'; by the workload when left out)
 */
export async function measure(options) {
  if (options.workload.protocol !== undefined) return measureByH2load(options);
  if (options.workload.isBulk) return measureBulk(options);
  const raw = options.client === 'wrk' ? await runWrk(options) : await runOwn(options);
  const { server, counts } = raw;
  const clientShare = counts.cpuSeconds / counts.seconds;
  const micros = (seconds) => (counts.requests > 0 ? (seconds / counts.requests) * 1e6 : undefined);
  return {
    client: options.client,
    requests: counts.requests,
    seconds: counts.seconds,
    requestsPerSecond: counts.requests / counts.seconds,
    p50Us: counts.p50Us,
    p99Us: counts.p99Us,
    userUs: micros(server.userSeconds),
    systemUs: micros(server.systemSeconds),
    totalUs: micros(server.totalSeconds),
    userSeconds: server.userSeconds,
    serverShare: server.totalSeconds / server.seconds,
    clientShare,
    clientUs: micros(counts.cpuSeconds),
    otherShare: otherShare(server, counts),
    errors: counts.errors,
  };
}

/** Does what `measure` does, with what counts there: CPU a GiB of bodies. */
async function measureBulk({ workload, port, serverPids, cpus, warmupMs, windowMs }) {
  const args = [port, warmupMs, windowMs, workload.fillBytes].map(String);
  const { server, counts } = await runMarked(
    BULK_CLIENT,
    args,
    cpus,
    requestBytes(workload, port),
    serverPids,
  );
  if (counts.status !== 200 || !workload.check(counts)) {
    throw new Error(`answers ${counts.status} with ${counts.answerBytes} bytes: ${counts.answer}`);
  }
  const gibs = (counts.sentBytes + counts.receivedBytes) / 2 ** 30;
  const msPerGiB = (seconds) => (seconds / gibs) * 1000;
  return {
    client: 'bulk',
    requests: counts.requests,
    seconds: counts.seconds,
    requestsPerSecond: counts.requests / counts.seconds,
    mibPerSecond: (gibs * 1024) / counts.seconds,
    userMsPerGiB: msPerGiB(server.userSeconds),
    systemMsPerGiB: msPerGiB(server.systemSeconds),
    totalMsPerGiB: msPerGiB(server.totalSeconds),
    userSeconds: server.userSeconds,
    serverShare: server.totalSeconds / server.seconds,
    clientShare: counts.cpuSeconds / counts.seconds,
    otherShare: otherShare(server, counts),
    errors: 0,
  };
}

/**
 * A server's code is compiled while the first GiB moves, and V8 collects the whole heap again and again meanwhile: until
 * then bodies cost twice as much.
 */
const FIRST_WARMUP_MS = 6000;

/** Asks until the server is warm. @throws naming what is wrong with the answer */
export async function verifyBulk(workload, port, cpus) {
  await measureBulk({ workload, port, serverPids: () => [], cpus, warmupMs: 0, windowMs: FIRST_WARMUP_MS });
}

/** CPU of the machine that was neither the server's nor the client's: other processes, or a thief. */
function otherShare(server, counts) {
  return Math.max(0, (server.machineSeconds - server.totalSeconds - counts.cpuSeconds) / server.seconds);
}

function run(command, args, cpus, input) {
  const child = spawn('taskset', ['-c', cpus, command, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(input ?? '');
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ended with ${signal ?? `code ${code}`}`));
    });
  });
  return { child, ended };
}

async function runOwn({ workload, port, serverPids, cpus, warmupMs, windowMs, mode }) {
  const chosen = mode ?? (workload.closes ? 'close' : 'keep');
  const args = [port, workload.connections, workload.depth, warmupMs, windowMs, chosen].map(String);
  const { server, counts } = await runMarked(CLIENT, args, cpus, requestBytes(workload, port), serverPids);
  counts.errors += counts.badStatuses;
  return { server, counts };
}

/** One of our own clients, which says when its window begins and ends. */
async function runMarked(command, args, cpus, input, serverPids) {
  const { child, ended } = run(command, args, cpus, input);
  let before;
  let after;
  let counts;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'begin') before = readCpu(serverPids());
    else if (line === 'end') after = readCpu(serverPids());
    else counts = JSON.parse(line);
  });
  await ended;
  if (counts === undefined) throw new Error('the load client gave no counts');
  return { server: cpuBetween(before, after), counts };
}

async function runWrk({ workload, port, serverPids, cpus, warmupMs, windowMs }) {
  const args = (ms) => [
    ...['-t1', `-c${workload.connections}`, `-d${Math.max(1, Math.round(ms / 1000))}s`, '--latency'],
    ...['-s', `${BENCH_DIR}client/wrk.lua`, `http://127.0.0.1:${port}${workload.path}`],
    // To the script: the method, the body, then names and values.
    ...['--', workload.method, workload.body, ...workload.headers.flat()],
  ];
  if (warmupMs > 0) await collect(run('wrk', args(warmupMs), cpus));
  // wrk has no mark between connecting and loading, so its window is its whole life; connecting 512 times
  // is less than a thousandth of it.
  const before = readCpu(serverPids());
  const text = await collect(run('wrk', args(windowMs), cpus));
  const after = readCpu(serverPids());
  return { server: cpuBetween(before, after), counts: parseWrk(text) };
}

async function collect({ child, ended }) {
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  await ended;
  return text;
}

/** The line that `wrk.lua` writes at the end, with wrk's own counts. */
export function parseWrk(text) {
  const match = /^bench (\{.*\})$/m.exec(text);
  if (match === null) throw new Error(`wrk gave no counts: ${text.trim().split('\n').at(-1)}`);
  return JSON.parse(match[1]);
}
