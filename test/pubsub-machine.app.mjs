/** One machine of a server for pubsub-nats.long.test.ts: tells all that it is sent, and publishes what it is told to. */
import { serve, sse } from '#src/index.ts';

const server = await serve({
  port: 0,
  pubsub: process.argv[2],
  engine: 'node',
  logger: {
    debug() {},
    info: (text) => process.send({ log: text }),
    warn: (text) => process.send({ log: text }),
    error: (text) => process.send({ log: text }),
  },
  fetch: (request) => sse(request, { topics: 't' }),
});
const response = await fetch(server.url);
process.on('message', ({ publish, close }) => {
  if (publish !== undefined) server.publish('t', publish);
  if (close) server.close().then(() => process.exit(0));
});
process.on('disconnect', () => process.exit(0));
while ((await server.subscriberCount('t')) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
process.send({ ready: true });
const decoder = new TextDecoder();
let text = '';
for await (const piece of response.body) {
  text += decoder.decode(piece, { stream: true });
  const events = text.split('\n\n');
  text = events.pop();
  for (const event of events) if (event.startsWith('data: ')) process.send({ data: event.slice(6) });
}
