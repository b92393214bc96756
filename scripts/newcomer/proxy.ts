/** Hono's proxy helper between two servers, over sockets, on the engines there are. */
import { serve } from 'holdfast';
import { Hono } from 'hono';
import { proxy } from 'hono/proxy';

const upstream = await serve({
  port: 0,
  async fetch(request) {
    const headers = { 'x-seen': request.headers.get('x-asked') ?? '', 'set-cookie': 'a=1' };
    return new Response(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`, {
      headers,
    });
  },
});

const app = new Hono();
app.all('/api/*', (c) => proxy(upstream.url + c.req.path.slice('/api'.length), c.req.raw));
app.get('/own', (c) => c.json(Object.fromEntries(c.req.raw.headers)));

for (const engine of ['auto', 'node'] as const) {
  const server = await serve({ port: 0, engine, fetch: app.fetch });
  const got = await fetch(`${server.url}/api/things?a=1`, { headers: { 'X-Asked': 'yes' } });
  expect(await got.text(), 'GET /things ');
  expect(got.headers.get('x-seen'), 'yes');
  expect(got.headers.getSetCookie().join(), 'a=1');
  const posted = await fetch(`${server.url}/api/things`, { method: 'POST', body: 'a body' });
  expect(await posted.text(), 'POST /things a body');
  const own = (await (await fetch(`${server.url}/own`, { headers: { 'X-Asked': 'me' } })).json()) as Record<
    string,
    string
  >;
  expect(own['x-asked'], 'me');
  await server.close();
  console.log(`${server.engine.name}: proxied`);
}
await upstream.close();

function expect(value: unknown, wanted: string): void {
  if (value !== wanted)
    throw new Error(`${JSON.stringify(value)} came in place of ${JSON.stringify(wanted)}`);
}
