/** A server for the dead-peer test, run inside a network namespace: `node server.js ENGINE PORT DEAD_PEER_MS`. */
import { type EngineName, Response, serve } from '#src/index.ts';

const [engine, port, deadPeer] = process.argv.slice(2);

/** Byte i of every download is i modulo 251: a prime, so that no block boundary hides a slip. */
function endless(limitBytes: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream(
    {
      pull(controller) {
        const size = Math.min(65_536, limitBytes - sent);
        if (size === 0) {
          controller.close();
          return;
        }
        const piece = new Uint8Array(size);
        for (let i = 0; i < size; i++) piece[i] = (sent + i) % 251;
        sent += size;
        controller.enqueue(piece);
      },
    },
    { highWaterMark: 0 },
  );
}

const server = await serve({
  port: Number(port),
  hostname: '0.0.0.0',
  engine: engine as EngineName,
  // Only dead-peer detection may end anything here.
  timeouts: { deadPeer: Number(deadPeer), idle: '10m', header: '10m', body: '10m' },
  limits: { bodyBytes: Number.POSITIVE_INFINITY },
  async fetch(request: Request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/upload') {
      await request.arrayBuffer();
      return new Response('done') as unknown as globalThis.Response;
    }
    if (pathname === '/download')
      return new Response(endless(Number.POSITIVE_INFINITY)) as unknown as globalThis.Response;
    if (pathname === '/exact') return new Response(endless(16_000_000)) as unknown as globalThis.Response;
    return new Response('hello') as unknown as globalThis.Response;
  },
});

setInterval(async () => {
  const stats = await server.stats();
  process.stdout.write(
    `${JSON.stringify({ open: stats.engine.open, closeReasons: stats.closeReasons, requests: stats.requests })}\n`,
  );
}, 100);
