/** The server of floods.mjs: what floods ask for, and how late its timers are. */
import { readFileSync } from 'node:fs';

const [engine, tree] = process.argv.slice(2);
const { serve, Response } = await import(`${tree}/dist/bundle/index.js`);

const TIMER_MS = 1;
const piece = new Uint8Array(65_536).fill(120);
const small = new Uint8Array(1).fill(120);
let served = 0;
let lateMs = [];
let busyMs = [];

async function* endless(bytes) {
  for (;;) yield bytes;
}

async function answer() {
  served++;
  return new Response('hello');
}

async function drink(request) {
  let size = 0;
  for await (const bytes of request.body) {
    size += bytes.length;
    served += bytes.length / 65_536;
  }
  return new Response(String(size));
}

const server = await serve({
  port: 0,
  engine,
  limits: { bodyBytes: Number.POSITIVE_INFINITY },
  fetch(request) {
    const path = new URL(request.url).pathname;
    if (path === '/sync') {
      served++;
      return new Response('hello');
    }
    if (path === '/download') return new Response(endless(piece));
    if (path === '/crumbs') return new Response(endless(small));
    if (path === '/upload') return drink(request);
    return answer();
  },
});

process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
process.on('message', (message) => {
  if (message === 'begin') {
    served = 0;
    lateMs = [];
    busyMs = [];
  } else process.send({ lateMs: sorted(lateMs), busyMs: sorted(busyMs), served: Math.round(served) });
});

const sorted = (figures) => figures.sort((a, b) => a - b);

function threadCpuMs() {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}

function watch() {
  const dueMs = performance.now() + TIMER_MS;
  const begunCpuMs = threadCpuMs();
  setTimeout(() => {
    lateMs.push(Math.max(0, performance.now() - dueMs));
    // The timer's own wait is no part of its lateness in CPU time.
    busyMs.push(Math.max(0, threadCpuMs() - begunCpuMs - TIMER_MS));
    watch();
  }, TIMER_MS);
}
watch();
process.send({ port: server.port });
