/** What is reloaded under traffic: one of each kind of answer that lives longer than a moment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sse } from '#src/index.ts';

async function* ticks() {
  for (let i = 0; ; i++) {
    yield { id: `${i}`, data: i };
    await sleep(20);
  }
}

export const websocket = {
  message(peer, message) {
    peer.send(message.data);
  },
};

export default {
  async fetch(request, context) {
    const { pathname } = new URL(request.url);
    if (pathname === '/socket') return context.upgrade();
    if (pathname === '/events') return sse(request, ticks(), { retry: 100 });
    if (pathname === '/echo') return new Response(request.body);
    if (pathname === '/slow') await sleep(100);
    return new Response('whole\n');
  },
};
