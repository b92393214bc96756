/**
 * How long `holdfast serve MODULE` takes to be there: from spawn to its `ready` line, and to the first
 * answered request. Node's own start, with an empty program, is measured in between: what is left is ours.
 * Every process here is a new one and the caches of the kernel are warm.
 *
 *   node bench/scenarios/startup.mjs [RUNS=10]
 */
import { spawn } from 'node:child_process';
import { get } from 'node:http';
import { fileURLToPath } from 'node:url';
import { holdfastCommand } from '../lib/start-holdfast.mjs';
import { median } from '../lib/stats.mjs';

const PORT = 19_301;
const READY_TIMEOUT_MS = 10_000;

/** @returns medians in milliseconds */
export async function measureStartup(runs = 10, command = holdfastCommand(PORT)) {
  const ready = [];
  const answered = [];
  const bare = [];
  await startOnce(command); // fills the page cache
  for (let i = 0; i < runs; i++) {
    bare.push(await bareNode());
    const times = await startOnce(command);
    ready.push(times.readyMs);
    answered.push(times.answeredMs);
  }
  return {
    runs,
    readyMs: median(ready),
    readyMsMax: Math.max(...ready),
    answeredMs: median(answered),
    bareNodeMs: median(bare),
  };
}

async function startOnce({ command, args }) {
  const startMs = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    const url = await readyLine(child);
    const readyMs = performance.now() - startMs;
    await answer(url);
    return { readyMs, answeredMs: performance.now() - startMs };
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

function readyLine(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error('no ready line')), READY_TIMEOUT_MS);
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const match = /^ready url=(\S+)/m.exec(text);
      if (match === null) return;
      clearTimeout(timer);
      resolve(match[1]);
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`ended with code ${code} before it was ready`));
    });
  });
}

function answer(url) {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      response.resume().on('end', resolve);
    }).on('error', reject);
  });
}

function bareNode() {
  const startMs = performance.now();
  return new Promise((resolve) => {
    spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }).once('exit', () =>
      resolve(performance.now() - startMs),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await measureStartup(Number(process.argv[2] ?? 10))));
}
