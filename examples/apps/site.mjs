// A site, the page of its API, and the API itself behind a reverse proxy:
//   holdfast serve -p 8081 -w 1 examples/apps/sessions.mjs
//   UPSTREAM=http://127.0.0.1:8081 holdfast serve examples/apps/site.mjs     /  /api/...  /docs  /notes.openapi.yaml

import { readFileSync } from 'node:fs';
import { files } from 'holdfast';
import { Hono } from 'hono';
import { html } from 'hono/html';
import { proxy } from 'hono/proxy';

const upstream = process.env.UPSTREAM ?? 'http://127.0.0.1:8081';
const description = readFileSync(new URL('./notes.openapi.yaml', import.meta.url), 'utf8');
const folder = files(new URL('../site', import.meta.url), { spa: false });

const app = new Hono();

app.get('/notes.openapi.yaml', (c) => c.text(description, 200, { 'content-type': 'application/yaml' }));
app.get('/docs', (c) => c.html(docsPage()));

app.all('/api/*', async (c) => {
  const target = new URL(c.req.path.slice('/api'.length) + new URL(c.req.url).search, upstream);
  try {
    return await proxy(target, {
      raw: c.req.raw,
      signal: c.req.raw.signal,
      headers: { ...c.req.header(), host: undefined, 'x-forwarded-for': c.executionCtx.ip ?? 'unknown' },
    });
  } catch (error) {
    if (c.req.raw.signal.aborted) throw error;
    return c.text('502 Bad Gateway\n', 502);
  }
});

app.all('*', (c) => folder(c.req.raw, c.executionCtx));

export default app;

/** The paths and methods of the description, a row each. It is our own file, so its indentation is known. */
function docsPage() {
  const rows = [];
  let path = '';
  let method = '';
  for (const line of description.split('\n')) {
    path = /^ {2}(\/\S*):$/.exec(line)?.[1] ?? path;
    method = /^ {4}(get|put|post|delete):$/.exec(line)?.[1] ?? method;
    const summary = /^ {6}summary: (.+)$/.exec(line)?.[1];
    if (summary !== undefined) rows.push({ method: method.toUpperCase(), path, summary });
  }
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>Notes</title>
        <style>
          body { font: 16px/1.5 system-ui; margin: 2rem auto; max-width: 48rem; padding: 0 1rem }
          td { padding: 0.25rem 1rem 0.25rem 0 }
        </style>
      </head>
      <body>
        <h1>Notes</h1>
        <p>The whole description: <a href="/notes.openapi.yaml">notes.openapi.yaml</a></p>
        <table>
          ${rows.map((row) => html`<tr><td>${row.method}</td><td><code>${row.path}</code></td><td>${row.summary}</td></tr>`)}
        </table>
      </body>
    </html>`;
}
