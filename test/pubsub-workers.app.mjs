/** For pubsub-workers.test.ts: `/read` is a stream of events, `/publish` sends one and tells by which thread. */
import { threadId } from 'node:worker_threads';
import { sse } from '#src/index.ts';

export default {
  fetch(request, context) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === '/read') return sse(request, { topics: 't' });
    context.publish('t', searchParams.get('data'));
    return new Response(`${threadId}`);
  },
};
