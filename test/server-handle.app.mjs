/** A server in a process of its own, for server-handle.test.ts: node server-handle.app.mjs ENGINE WORKERS WHAT */
import { connect } from 'node:net';
import { serve } from '../dist/index.js';

const [engine, workers, what] = process.argv.slice(2);
const module = new URL('./server-handle.app.handler.mjs', import.meta.url);
const server = await serve({
  port: 0,
  engine,
  ...(workers === '0' ? { fetch: (await import(module)).default } : { workers: Number(workers), module }),
});
const client = connect(server.port, '127.0.0.1').unref();
client.on('data', (data) => process.stdout.write(data.toString('latin1').slice(0, 15)));
if (what === 'unref') server.unref();
else if (what === 'ref again') {
  server.unref();
  server.ref();
  setTimeout(() => {
    process.stdout.write('closed after 300 ms');
    void server.close();
  }, 300).unref();
} else if (what === 'close') {
  server.unref();
  await new Promise((resolve) => client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n', resolve));
  await new Promise((resolve) => setTimeout(resolve, 100));
  await server.close();
}
