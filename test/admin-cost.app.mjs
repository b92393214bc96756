/** A server to be watched, and what it costs: started by admin-cost.alone.test.ts, which asks by messages. */
import { serve } from 'holdfast';

const piece = new Uint8Array(500);

async function app(request) {
  const { pathname } = new URL(request.url);
  if (pathname !== '/transfer') return new Response('hello');
  const pull = async (controller) => {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    controller.enqueue(piece);
  };
  return new Response(new ReadableStream({ pull }), { headers: { 'content-length': '1000000000' } });
}

const server = await serve({ fetch: app, port: 0, admin: 0, timeouts: { idle: '10m' } });
process.on('message', () => process.send(process.cpuUsage()));
process.on('disconnect', () => process.exit(0));
process.send({ port: server.port, admin: server.admin.url });
