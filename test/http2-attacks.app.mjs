// Serves HTTP/2, and says how much memory it has and which faults it has counted when asked.
import { readFileSync } from 'node:fs';

const { serve } = await import(process.argv[2]);
const piece = new Uint8Array(16 * 1024).fill(97);
const server = await serve({
  port: 0,
  hostname: '127.0.0.1',
  engine: process.argv[3],
  timeouts: { stall: Number(process.argv[4]) },
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/never') return new Promise(() => {});
    if (pathname === '/late') await new Promise((resolve) => setTimeout(resolve, 20));
    if (pathname === '/video')
      return new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(piece) }, { highWaterMark: 0 }),
      );
    return new Response('Hello, World!');
  },
});
process.on('message', async () => {
  globalThis.gc();
  const anonBytes = Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  const { faults, engine } = await server.stats();
  process.send({ anonBytes, faults, open: engine.open });
});
process.send({ url: server.url, port: server.port });
