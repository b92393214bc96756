/**
 * A server that reads uploads in pieces and tells how often its whole heap was collected: `node upload-collections.app.mjs ENGINE`
 * prints its port. Its heap is that of a usual program: in one below 8 MiB V8 puts such collections off.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { runInNewContext } from 'node:vm';
import { Response, serve } from '../dist/bundle/index.js';

const ballast = Array.from({ length: 20_000 }, (_, index) => ({ index, name: `item ${index}` }));
let wholes = 0;
const observer = new PerformanceObserver((list) => {
  for (const { detail } of list.getEntries())
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) wholes++;
});
observer.observe({ entryTypes: ['gc'] });

async function upload(request) {
  let bytes = 0;
  for await (const piece of request.body) bytes += piece.length;
  return new Response(String(bytes));
}

const server = await serve({
  port: 0,
  engine: process.argv[2],
  limits: { bodyBytes: '1g' },
  fetch(request) {
    if (request.method === 'POST') return upload(request);
    const exposed = [typeof globalThis.gc, runInNewContext('typeof gc')];
    return Response.json({ wholes, exposed, items: ballast.length });
  },
});
console.log(server.port);
