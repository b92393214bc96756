// Every middleware of Hono that touches requests, answers or bodies, at once: `holdfast serve examples/apps/middleware.mjs`
// Made to be asked with odd requests: each of these wraps, clones, reads or replaces what Holdfast hands over.

import { Hono } from 'hono';
import { basicAuth } from 'hono/basic-auth';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { languageDetector } from 'hono/language';
import { methodOverride } from 'hono/method-override';
import { prettyJSON } from 'hono/pretty-json';
import { requestId } from 'hono/request-id';
import { secureHeaders } from 'hono/secure-headers';
import { stream, streamText } from 'hono/streaming';
import { timeout } from 'hono/timeout';
import { endTime, startTime, timing } from 'hono/timing';
import { trimTrailingSlash } from 'hono/trailing-slash';
import { validator } from 'hono/validator';

const app = new Hono();

app.use(requestId(), timing(), secureHeaders(), cors({ origin: 'https://example.org', credentials: true }));
app.use(prettyJSON(), trimTrailingSlash());
app.use(languageDetector({ supportedLanguages: ['en', 'de'], fallbackLanguage: 'en', caches: false }));
app.use('/etag/*', etag());
app.use('/compressed/*', compress());
app.use('/private/*', basicAuth({ username: 'ada', password: 'engine' }));
app.use('/slow/*', timeout(500));
app.use('/upload', bodyLimit({ maxSize: 1024 * 1024 }));
app.use('/override', methodOverride({ app }));

app.get('/', (c) => {
  startTime(c, 'greet');
  const text = c.get('language') === 'de' ? 'Hallo' : 'Hello';
  endTime(c, 'greet');
  return c.text(text);
});
app.get('/json', (c) => c.json({ id: c.get('requestId'), list: [1, 2, 3] }));
app.get('/etag/page', (c) => c.html('<p>the same each time</p>'));
app.get('/compressed/text', (c) => c.text('the quick brown fox jumps over the lazy dog\n'.repeat(1000)));
app.get('/compressed/stream', (c) =>
  streamText(c, async (out) => {
    for (let line = 0; line < 100; line++) await out.writeln(`line ${line}`);
  }),
);
app.get('/stream', (c) =>
  stream(c, async (out) => {
    for (let piece = 0; piece < 64; piece++) await out.write(new Uint8Array(16 * 1024).fill(piece));
  }),
);
app.get('/private/page', (c) => c.text('for Ada'));
app.get('/slow/page', async (c) => {
  await new Promise((resolve) => setTimeout(resolve, Number(c.req.query('ms') ?? 0)));
  return c.text('at last');
});
app.post('/upload', async (c) => {
  const bytes = await c.req.arrayBuffer();
  return c.json({ bytes: bytes.byteLength });
});
app.post('/form', async (c) => {
  const fields = await c.req.parseBody({ all: true });
  const told = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof File ? { name: value.name, type: value.type, bytes: value.size } : value,
  ]);
  return c.json(Object.fromEntries(told));
});
app.post(
  '/checked',
  validator('json', (value, c) =>
    Number.isInteger(value.count) ? value : c.json({ error: 'count: a whole number' }, 400),
  ),
  (c) => c.json({ twice: c.req.valid('json').count * 2 }),
);
app.post('/override', (c) => c.text('posted'));
app.delete('/override', (c) => c.text('deleted'));
app.get('/throws', () => {
  throw new Error('thrown on purpose');
});
app.onError((error, c) => c.json({ error: error.message }, error.status ?? 500));

export default app;
