// Serves without end to whoever asks, and says how much memory it has when asked.
import { readFileSync } from 'node:fs';

const { serve } = await import(process.argv[2]);
// Always the same: what a handler makes and drops is its own, and malloc keeps much of it.
const piece = new Uint8Array(16 * 1024).fill(97);
const server = await serve({
  port: 0,
  hostname: '127.0.0.1',
  engine: process.argv[3],
  fetch: () =>
    new Response(
      new ReadableStream({ pull: (controller) => controller.enqueue(piece) }, { highWaterMark: 0 }),
    ),
});
process.on('message', async () => {
  globalThis.gc();
  const anonBytes = Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  process.send({ anonBytes, open: (await server.stats()).engine.open });
});
process.send({ port: server.port });
