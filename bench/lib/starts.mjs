/**
 * How long programs take from spawn until they serve, for the workload `start`: to the ready line where there is one,
 * else until the port accepts. Every process is a new one, on the server's CPU, and the kernel's caches are warm. The
 * reference is Node with a program that does nothing but write such a line: no start in Node can be faster. CPU time
 * is what a neighbour on the machine spoils least.
 */
import { spawn } from 'node:child_process';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree, readCpu } from './cpu.mjs';
import { median } from './stats.mjs';

const STARTS_A_ROUND = 7;
const READY_TIMEOUT_MS = 15_000;
const POLL_MS = 1;

/**
 * @param start `{ command, args, until }`, `until` 'line' or 'port'
 * @returns medians of some starts: milliseconds, and those of CPU time
 */
export async function measureStart(start, port, cpus, starts = STARTS_A_ROUND) {
  const times = [];
  // The first fills the page cache, and is let end by itself: Node writes what it has compiled when a process ends.
  await startOnce(start, port, cpus, 'SIGTERM');
  for (let i = 0; i < starts; i++) times.push(await startOnce(start, port, cpus));
  return {
    startMs: median(times.map(({ ms }) => ms)),
    startCpuMs: median(times.map(({ cpuMs }) => cpuMs)),
  };
}

/** One start of it. @returns milliseconds until it is ready, and those of CPU time */
export async function startOnce({ command, args, until }, port, cpus, signal = 'SIGKILL') {
  if (await accepts(port)) throw new Error(`port ${port} is taken`);
  const begin = performance.now();
  const child = spawn('taskset', ['-c', cpus, command, ...args], {
    env: environment(),
    stdio: ['ignore', until === 'line' ? 'pipe' : 'ignore', 'ignore'],
    // A group of its own, which ends as a whole: nginx has children.
    detached: true,
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const late = new AbortController();
  try {
    await Promise.race([
      until === 'line' ? readyLine(child) : accepting(port, child),
      sleep(READY_TIMEOUT_MS, undefined, { signal: late.signal }).then(() => {
        throw new Error(`not ready within ${READY_TIMEOUT_MS} ms`);
      }),
    ]);
    return { ms: performance.now() - begin, cpuMs: readCpu(processTree(child.pid)).totalNs / 1e6 };
  } finally {
    late.abort();
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, signal);
    await ended;
    while (await accepts(port)) await sleep(POLL_MS);
  }
}

/** Certificates that this machine adds make each start of Node read hundreds, on Node 20 for 70 ms: nobody's figure. */
function environment() {
  const { NODE_EXTRA_CA_CERTS: _certificates, ...rest } = process.env;
  return { ...rest, NODE_ENV: 'production' };
}

function readyLine(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      if (/^ready url=/m.test(text)) resolve();
    });
    child.once('exit', (code) => reject(new Error(`ended with code ${code} before it was ready`)));
  });
}

async function accepting(port, child) {
  while (!(await accepts(port))) {
    if (child.exitCode !== null) throw new Error(`ended with code ${child.exitCode} before it was ready`);
    await sleep(POLL_MS);
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
