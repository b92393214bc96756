/** The benchmark's Hono application, one for every server that carries it. `Hono` comes from the caller's copy. */
import { download, formdata, upload } from './bulk.mjs';

export function createHonoApp(Hono) {
  return new Hono()
    .get('/', (c) => c.text('Hello, World!'))
    .get('/json', (c) => c.json({ message: 'Hello, World!' }))
    .post('/echo', async (c) =>
      c.body(await c.req.arrayBuffer(), 200, { 'content-type': 'application/octet-stream' }),
    )
    .get('/users/:id', (c) => c.text(c.req.param('id')))
    .post('/upload', (c) => upload(c.req.raw, Response))
    .get('/download', () => download(Response))
    .post('/formdata', (c) => formdata(c.req, Response));
}
