/**
 * What the web room costs by itself: time and memory of the objects that every request makes, beside
 * the platform's. Run after a build: `node bench/micro/web.mjs`; with `--expose-gc` the bytes are exact.
 * Prints a table; the figure is the best of several rounds, because noise only ever adds.
 */
import { performance } from 'node:perf_hooks';
import { Headers } from '../../dist/web/headers.js';
import { ResponseParts, responseParts } from '../../dist/web/parts.js';
import { createRequest } from '../../dist/web/request.js';
import { Response } from '../../dist/web/response.js';

const BROWSER_FIELDS = [
  'Host: localhost:8080',
  'Connection: keep-alive',
  'sec-ch-ua: "Chromium";v="130", "Not?A_Brand";v="99"',
  'sec-ch-ua-mobile: ?0',
  'sec-ch-ua-platform: "Linux"',
  'Upgrade-Insecure-Requests: 1',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Sec-Fetch-Site: same-origin',
  'Sec-Fetch-Mode: navigate',
  'Sec-Fetch-User: ?1',
  'Sec-Fetch-Dest: document',
  'Referer: http://localhost:8080/index.html',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-US,en;q=0.9',
  'Cookie: session=0123456789abcdef; theme=dark',
  'If-None-Match: "abc"',
  'Cache-Control: max-age=0',
  'Priority: u=0, i',
  'X-Request-Id: 42',
];
const line = 'GET /hello/world?name=x HTTP/1.1\r\n';
// By way of bytes, as the server gets it: a string put together of parts is read twice as slowly.
const head = Buffer.from(`${line}${BROWSER_FIELDS.join('\r\n')}\r\n\r\n`, 'latin1').toString('latin1');
const body = new TextEncoder().encode('{"hello":"world","count":12345}');
const incoming = {
  contentLength: body.length,
  takeBuffered: () => body,
  read: async () => undefined,
  cancel() {},
};
const port = {
  forwarded: () => undefined,
  scheme: 'http',
  defaultAuthority: 'localhost:8080',
  abortSignal: () => new AbortController().signal,
  requestBody: () => incoming,
};
const hostStart = line.length + 6;
const positions = (hasContent) => ({
  methodStart: 0,
  method: hasContent ? 3 : 1,
  methodEnd: 3,
  targetStart: 4,
  targetEnd: 23,
  hostStart,
  hostEnd: hostStart + 14,
  fieldsStart: line.length,
  fieldsEnd: head.length - 2,
  hasContent,
});
const WITHOUT_BODY = positions(false);
const WITH_BODY = positions(true);
const make = (hasBody) => createRequest(port, hasBody ? WITH_BODY : WITHOUT_BODY, head);

const parts = new ResponseParts();
const data = { hello: 'world', count: 12345 };
const htmlInit = { headers: { 'content-type': 'text/html' } };
const fieldsInit = {
  status: 404,
  headers: { 'content-type': 'text/html', 'cache-control': 'no-store', 'x-a': '1' },
};
const bytes = new TextEncoder().encode('Hello, World!');

let sink;
const CASES = {
  createRequest: (n) => {
    for (let i = 0; i < n; i++) sink = make(false);
  },
  'request.method + url': (n) => {
    for (let i = 0; i < n; i++) {
      const r = make(false);
      sink = r.method;
      sink = r.url;
    }
  },
  'request.headers.get, 20 fields': (n) => {
    for (let i = 0; i < n; i++) sink = make(false).headers.get('accept-language');
  },
  'iterate 20 fields': (n) => {
    for (let i = 0; i < n; i++) for (const entry of make(false).headers) sink = entry;
  },
  "new Response('Hello')": (n) => {
    for (let i = 0; i < n; i++) sink = new Response('Hello');
  },
  'new Response(bytes)': (n) => {
    for (let i = 0; i < n; i++) sink = new Response(bytes);
  },
  'new Response, content-type': (n) => {
    for (let i = 0; i < n; i++) sink = new Response('Hello', htmlInit);
  },
  'new Response, status, 3 fields': (n) => {
    for (let i = 0; i < n; i++) sink = new Response('Hello', fieldsInit);
  },
  'JSON.stringify alone': (n) => {
    for (let i = 0; i < n; i++) sink = JSON.stringify(data);
  },
  'Response.json': (n) => {
    for (let i = 0; i < n; i++) sink = Response.json(data);
  },
  "responseParts(new Response('Hello'))": (n) => {
    for (let i = 0; i < n; i++) sink = responseParts(new Response('Hello'), parts);
  },
  'response.headers.set + parts': (n) => {
    for (let i = 0; i < n; i++) {
      const r = new Response('Hello');
      r.headers.set('x-a', '1');
      sink = responseParts(r, parts);
    }
  },
  'new Headers(record)': (n) => {
    for (let i = 0; i < n; i++) sink = new Headers(fieldsInit.headers);
  },
};
const ASYNC_CASES = {
  'await request.text()': async (n) => {
    for (let i = 0; i < n; i++) sink = await make(true).text();
  },
  'await request.json()': async (n) => {
    for (let i = 0; i < n; i++) sink = await make(true).json();
  },
  'JSON.parse alone': async (n) => {
    for (let i = 0; i < n; i++) sink = await JSON.parse('{"hello":"world","count":12345}');
  },
};
const PLATFORM_CASES = {
  "platform new Response('Hello')": (n) => {
    for (let i = 0; i < n; i++) sink = new globalThis.Response('Hello');
  },
  'platform parts': (n) => {
    for (let i = 0; i < n; i++) sink = responseParts(new globalThis.Response('Hello'), parts);
  },
  'platform new Request': (n) => {
    for (let i = 0; i < n; i++) sink = new globalThis.Request('http://localhost:8080/');
  },
  'platform new Headers(record)': (n) => {
    for (let i = 0; i < n; i++) sink = new globalThis.Headers(fieldsInit.headers);
  },
};

const ROUNDS = 50; // short ones, so that some fall between the slices of whatever else runs

async function measure(name, run, count) {
  for (let round = 0; round < 10; round++) await run(count);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await run(count);
    best = Math.min(best, performance.now() - start);
  }
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const few = 2000; // little enough to stay in the young generation, so that nothing is collected
  await run(few);
  const bytesEach = (process.memoryUsage().heapUsed - before) / few;
  console.log(
    `${name.padEnd(40)} ${((best * 1e6) / count).toFixed(1).padStart(9)} ns ${bytesEach.toFixed(0).padStart(7)} B`,
  );
}

for (const [name, run] of Object.entries(CASES)) await measure(name, run, 20_000);
for (const [name, run] of Object.entries(ASYNC_CASES)) await measure(name, run, 5_000);
for (const [name, run] of Object.entries(PLATFORM_CASES)) await measure(name, run, 500);
if (sink === undefined) throw new Error('nothing was measured');
