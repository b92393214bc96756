// A Hono app is an object with `fetch`, and so a handler: `holdfast serve examples/hono.mjs`.
// It needs the package: npm install hono

import { Hono } from 'hono';
import { etag } from 'hono/etag';

const app = new Hono();

app.get('/', (c) => c.text('Hello from Hono'));
app.get('/users/:id', etag(), (c) => c.json({ id: c.req.param('id') }));
app.post('/echo', async (c) => c.json(await c.req.json()));
app.notFound((c) => c.text('Not Found', 404));

export default app;
