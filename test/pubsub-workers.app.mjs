/**
 * For pubsub-workers.test.ts: `/read` is a stream of events, `/publish` sends one and tells by which thread, `/block` holds its
 * thread until a file is there.
 */
import { existsSync } from 'node:fs';
import { threadId } from 'node:worker_threads';
import { sse } from '#src/index.ts';

export default {
  fetch(request, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/read') return sse(request, { topics: 't' });
    if (pathname === '/block') {
      const word = new Int32Array(new SharedArrayBuffer(4));
      while (!existsSync(searchParams.get('until'))) Atomics.wait(word, 0, 0, 10);
      return new Response('');
    }
    context.publish('t', searchParams.get('data'));
    return new Response(`${threadId}`);
  },
};
