/** A server whose handler never answers, with an access log: `node client-leaves.app.mjs ENGINE` prints its port. */
import { serve } from '../dist/bundle/index.js';

const server = await serve({
  port: 0,
  engine: process.argv[2],
  accessLog: 'json',
  fetch: () => new Promise(() => {}),
});
console.log(server.port);
