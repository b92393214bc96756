/**
 * A server whose handler answers `/answered` alone, with an access log: `node client-leaves.app.mjs ENGINE` prints its port.
 */
import { serve } from '../dist/bundle/index.js';

const server = await serve({
  port: 0,
  engine: process.argv[2],
  accessLog: 'json',
  fetch: ({ url }) => (url.endsWith('/answered') ? new Response('x') : new Promise(() => {})),
});
console.log(server.port);
