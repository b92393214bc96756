// Serves a folder, and says when asked for how long its loop has stood still since it was last asked. What the thread waited for a core is
// the neighbours' doing and does not count.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { coreWaitMs } from './core-wait.mjs';

const [, , index, engine, root, how] = process.argv;
const { files, serve } = await import(index);
const folder = files(root);
const server = await serve({
  port: 0,
  hostname: '127.0.0.1',
  engine,
  fetch(request, context) {
    const { pathname } = new URL(request.url);
    if (pathname === '/plain') return new Response('plain');
    // What the test has to notice.
    if (how === 'stops') return new Response(readFileSync(join(root, pathname)));
    return folder(request, context);
  },
});

let longestMs = 0;
const samples = [];
setInterval(() => {
  samples.push({ atMs: performance.now(), waitMs: coreWaitMs('/proc/thread-self') });
  // Where the thread lost its core between the two readings, the wait is in the next sample: so two intervals are looked at together.
  if (samples.length < 3) return;
  const [first, , last] = samples;
  longestMs = Math.max(longestMs, last.atMs - first.atMs - (last.waitMs - first.waitMs));
  samples.shift();
}, 1);
process.on('message', () => {
  process.send({ longestMs });
  longestMs = 0;
});
process.send({ port: server.port });
