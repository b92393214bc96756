// Serves a folder, and says how much memory the process has when asked.
import { readFileSync } from 'node:fs';

const { files, serve } = await import(process.argv[2]);
const server = await serve({
  port: 0,
  hostname: '127.0.0.1',
  engine: process.argv[3],
  fetch: files(process.argv[4]),
});
process.on('message', async () => {
  globalThis.gc();
  const anonBytes = Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  const { engine, closeReasons, unsentBytes } = await server.stats();
  process.send({ anonBytes, open: engine.open, closeReasons, unsentBytes });
});
process.send({ port: server.port });
