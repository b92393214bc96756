/**
 * What others on the thread feel while somebody floods the server: how late its timers are, and how long a quiet
 * client waits for its answers, beside the same without a flood.
 *
 *     node bench/scenarios/floods.mjs [--seconds 2] [--engine NAME]... [--flood NAME]... [--tree BUILT-TREE]
 *
 * Server, flood and quiet client are processes of their own, and on two cores most of what is waited is the scheduler's
 * doing: in the row `burn` two processes do nothing but compute. So each figure is given twice: in ms of the clock, and in
 * ms of CPU time that the server's thread spent meanwhile, on others and on itself. The second is the server's own.
 */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { FLOODS } from './floods-client.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    engine: { type: 'string', multiple: true, default: ['iouring', 'epoll', 'node'] },
    flood: { type: 'string', multiple: true, default: ['quiet', 'burn', ...Object.keys(FLOODS)] },
    tree: { type: 'string', default: new URL('../../', import.meta.url).pathname },
  },
});
const QUIET_PAUSE_MS = 3;
const WARM_UP_MS = 1500;
const file = (name) => new URL(name, import.meta.url).pathname;

function told(child, question) {
  return new Promise((resolve) => {
    child.once('message', resolve);
    if (question !== undefined) child.send(question);
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks one thing after the other, resting between. @returns latencies in ms, sorted */
async function askQuietly(port, pid, endMs) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const latencies = [];
  const cpu = [];
  try {
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    while (performance.now() < endMs) {
      const begunCpuMs = threadCpuMs(pid);
      const begunMs = performance.now();
      socket.write('GET /quiet HTTP/1.1\r\nhost: x\r\n\r\n');
      const answer = new Promise((resolve) => socket.once('data', resolve));
      const isThere = await Promise.race([answer, sleep(5000).then(() => false)]);
      latencies.push(performance.now() - begunMs);
      cpu.push(threadCpuMs(pid) - begunCpuMs);
      if (isThere === false) break;
      await sleep(QUIET_PAUSE_MS);
    }
  } finally {
    socket.destroy();
  }
  return { latencies: sorted(latencies), cpu: sorted(cpu) };
}

/** CPU time of the main thread of `pid`, proc(5). */
function threadCpuMs(pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}

const sorted = (figures) => figures.sort((a, b) => a - b);

const of = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

async function measure(engine, flood) {
  const server = fork(file('floods-server.mjs'), [engine, values.tree]);
  const { port } = await told(server);
  const seconds = Number(values.seconds);
  const client = flood === 'quiet' ? undefined : fork(file('floods-client.mjs'), [flood, String(port)]);
  // Code is compiled, and modules are loaded, once.
  await askQuietly(port, server.pid, performance.now() + WARM_UP_MS);
  server.send('begin');
  const quiet = await askQuietly(port, server.pid, performance.now() + seconds * 1000);
  const { lateMs, busyMs, served } = await told(server, 'end');
  // Node's own handler for it runs like a timer.
  const askedMs = performance.now();
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  const exitMs = performance.now() - askedMs;
  client?.kill('SIGKILL');
  const show = (figures, ...shares) =>
    shares.map((share) => of(figures, share).toFixed(2).padStart(7)).join('');
  console.log(
    `${engine.padEnd(8)}${flood.padEnd(11)} timer max${show(lateMs, 1)} cpu${show(busyMs, 0.99, 1)}` +
      ` | quiet p50,99${show(quiet.latencies, 0.5, 0.99)} cpu${show(quiet.cpu, 0.5, 0.99, 1)} (${quiet.cpu.length})` +
      ` | SIGTERM ${exitMs.toFixed(0).padStart(4)} | ${Math.round(served / seconds)}/s`,
  );
}

for (const engine of values.engine) for (const flood of values.flood) await measure(engine, flood);
