/** A server that publishes once a second to all who read: started by event-readers.alone.test.ts, which asks by messages. */
import { serve, sse } from 'holdfast';

const server = await serve({
  port: 0,
  engine: process.argv[2],
  timeouts: { idle: '10m' },
  fetch: (request) => sse(request, { topics: 'tick' }, { slowClient: 'drop' }),
});
let count = 0;
setInterval(() => server.publish('tick', JSON.stringify({ count: count++, text: 'x'.repeat(100) })), 1000);
process.on('message', async () => {
  const { rss } = process.memoryUsage();
  process.send({ cpu: process.cpuUsage(), rss, readers: await server.subscriberCount('tick') });
});
process.on('disconnect', () => process.exit(0));
process.send({ port: server.port });
