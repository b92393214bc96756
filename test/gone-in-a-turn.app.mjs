/**
 * A server for floods.test.ts: streams at `/gated` wait, until a request to `/open` lets all of them go on for ever.
 * `/burn` keeps the thread busy, so that what clients do meanwhile comes in one turn, and `/open` so that this turn is spent.
 * `node gone-in-a-turn.app.mjs ENGINE`, with a channel to its parent, which is told the port.
 */
import { Response, serve } from '../dist/bundle/index.js';

const BURN_MS = 400;
const SPENT_MS = 50;
const piece = new Uint8Array(1024);
let open;
const opened = new Promise((resolve) => {
  open = resolve;
});

async function* gated() {
  yield piece;
  await opened;
  for (;;) yield piece;
}

function burn(ms) {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

const server = await serve({
  port: 0,
  engine: process.argv[2],
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/gated') return new Response(gated());
    if (pathname === '/burn') burn(BURN_MS);
    if (pathname === '/open') {
      burn(SPENT_MS);
      open();
    }
    return new Response('done');
  },
});
process.on('disconnect', () => process.exit(0));
process.send({ port: server.port });
