/**
 * What is asked of the servers. A workload is one request, byte for byte the same from both clients, over a
 * number of connections; `check` says what a right answer is, `beside` to whose CPU a request the table has ratios.
 */
const HELLO = 'Hello, World!';
const isHello = ({ body, type }) => body === HELLO && type.startsWith('text/plain');

/** What a current browser sends with a navigation: 20 fields with Host, about 1.1 KiB. */
const BROWSER_HEADERS = [
  ['Connection', 'keep-alive'],
  ['Cache-Control', 'max-age=0'],
  ['sec-ch-ua', '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"'],
  ['sec-ch-ua-mobile', '?0'],
  ['sec-ch-ua-platform', '"Linux"'],
  ['Upgrade-Insecure-Requests', '1'],
  [
    'User-Agent',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  ],
  [
    'Accept',
    'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
  ],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Sec-Fetch-Mode', 'navigate'],
  ['Sec-Fetch-User', '?1'],
  ['Sec-Fetch-Dest', 'document'],
  ['Referer', 'http://127.0.0.1/catalogue/books?page=3&sort=title'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Accept-Language', 'en-GB,en;q=0.9,de;q=0.8,fr;q=0.7'],
  [
    'Cookie',
    'session=7f3c2a91b4d84e5f9a60c1d2e3f40516; theme=dark; consent=analytics%3Dno%26ads%3Dno; seen=17',
  ],
  ['DNT', '1'],
  ['Sec-GPC', '1'],
  ['Priority', 'u=0, i'],
];

const ECHO_BODY = 'holdfast'.repeat(128); // 1 KiB

const get = (id, title, options = {}) => ({
  id,
  title,
  method: 'GET',
  path: '/',
  headers: [],
  body: '',
  connections: 64,
  depth: 1,
  closes: false,
  check: isHello,
  ...options,
});

export const WORKLOADS = [
  get('plaintext', 'Plaintext, 64 connections'),
  get('pipeline16', 'Plaintext, 16 pipelined', { depth: 16 }),
  get('json', 'JSON', {
    path: '/json',
    check: ({ body, type }) => body === '{"message":"Hello, World!"}' && type.startsWith('application/json'),
  }),
  get('post-echo', 'Echo of 1 KiB', {
    method: 'POST',
    path: '/echo',
    headers: [['Content-Type', 'application/octet-stream']],
    body: ECHO_BODY,
    check: ({ body }) => body === ECHO_BODY,
    beside: ['uwebsockets', 'bun', 'node-http'],
  }),
  get('headers20', 'Plaintext, 20 browser headers', { headers: BROWSER_HEADERS }),
  // The load client counts the zeros up: no two of these requests are the same.
  get('params', 'Path parameter, each another', {
    path: '/users/00000000',
    check: ({ body, type }) => body === '00000000' && type.startsWith('text/plain'),
  }),
  get('latency1', 'Plaintext, 1 connection', { connections: 1 }),
  get('connections512', 'Plaintext, 512 connections', { connections: 512 }),
  get('connect', 'A new connection a request', {
    headers: [['Connection', 'close']],
    closes: true,
    beside: ['nginx', 'floor', 'uwebsockets', 'bun', 'node-http'],
  }),
  // Measured by starting: lib/starts.mjs. The requests of it are none.
  {
    id: 'start',
    title: 'From its start until it serves',
    isStart: true,
    peers: [
      ...['bare', 'holdfast', 'holdfast-epoll', 'holdfast-node'],
      ...['node-http', 'fastify', 'uwebsockets', 'bun', 'nginx'],
    ],
  },
];

/** How long bodies are: what a server does at each end of one must not be what is measured. */
const BULK_BYTES = 64 * 1024 * 1024;
const FORM_FILE_BYTES = 50_000_000;
const FORM_BOUNDARY = '----holdfast-bench-4f1c9a';
const FORM_BEFORE = `--${FORM_BOUNDARY}\r\nContent-Disposition: form-data; name="title"\r\n\r\nnoise\r\n--${FORM_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="noise.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`;
const FORM_AFTER = `\r\n--${FORM_BOUNDARY}--\r\n`;

/**
 * Much in one body, measured by the byte (CPU-ms a GiB) with a client of its own, client/bulk.c: one connection, one
 * request after the other. `fillBytes` of noise follow `body` and precede `bodyEnd`.
 */
const bulk = (id, title, options) => ({
  id,
  title,
  method: 'POST',
  path: `/${id}`,
  headers: [],
  body: '',
  bodyEnd: '',
  fillBytes: 0,
  connections: 1,
  depth: 1,
  closes: false,
  isBulk: true,
  ...options,
});

export const BULK_WORKLOADS = [
  bulk('upload', 'Upload of 64 MiB, read as a stream', {
    fillBytes: BULK_BYTES,
    peers: ['holdfast', 'holdfast-epoll', 'holdfast-node', 'node-http', 'bun', 'hono-node'],
    check: ({ answer }) => answer === String(BULK_BYTES),
  }),
  bulk('download', 'Download of 64 MiB, streamed in pieces of 64 KiB', {
    method: 'GET',
    peers: ['holdfast', 'holdfast-epoll', 'holdfast-node', 'node-http', 'bun', 'hono-node'],
    check: ({ answerBytes }) => answerBytes === BULK_BYTES,
  }),
  bulk('formdata', 'formData() of 50 MB', {
    headers: [['Content-Type', `multipart/form-data; boundary=${FORM_BOUNDARY}`]],
    body: FORM_BEFORE,
    bodyEnd: FORM_AFTER,
    fillBytes: FORM_FILE_BYTES,
    peers: ['holdfast', 'holdfast-epoll', 'holdfast-node', 'bun', 'hono-node', 'hono-bun'],
    check: ({ answer }) => answer === String(FORM_FILE_BYTES),
  }),
];
WORKLOADS.push(...BULK_WORKLOADS);

const MIB = 1024 * 1024;
const HOLDFASTS = ['holdfast', 'holdfast-epoll', 'holdfast-node'];

/**
 * Asked by h2load (nghttp2), `streams` at once on each connection: HTTP/2 with prior knowledge, or HTTP/1.1 where
 * `protocol` says so. With `bytes`, so much content goes one way for each request, and it is measured by the GiB.
 */
const byH2load = (id, title, options) => ({
  ...get(id, title),
  protocol: 'h2',
  streams: 1,
  peers: [...HOLDFASTS, 'h2o', 'nginx', 'node-http2', 'bun-http2'],
  beside: ['h2o', 'nginx', 'node-http2', 'bun-http2'],
  ...options,
});

const download = {
  path: '/mib',
  bytes: MIB,
  connections: 8,
  isBulk: true,
  peers: [...HOLDFASTS, 'nginx', 'node-http2'],
  beside: ['nginx', 'node-http2'],
  check: ({ body }) => body.length === MIB,
};
const upload = {
  ...download,
  path: '/upload',
  method: 'POST',
  fillBytes: MIB,
  // nginx alone answers before it has read a body, and h2load then sends no more.
  peers: [...HOLDFASTS, 'node-http2'],
  beside: ['node-http2'],
  check: ({ body }) => body === String(MIB),
};
// node:http2 speaks HTTP/1.1 in TLS alone.
const overH1 = { protocol: 'h1', peers: [...HOLDFASTS, 'nginx'], beside: ['nginx'] };

WORKLOADS.push(
  byH2load('h2-m32', 'HTTP/2: plaintext, 64 connections of 32 streams', { streams: 32 }),
  byH2load('h2-m1', 'HTTP/2: plaintext, 64 connections of one stream', {}),
  byH2load('h2-one', 'HTTP/2: plaintext, one connection of one stream', { connections: 1 }),
  byH2load('h2-down', 'HTTP/2: 1 MiB answers, 8 connections', download),
  byH2load('h1-down', 'HTTP/1.1: 1 MiB answers, 8 connections', { ...download, ...overH1 }),
  byH2load('h2-up', 'HTTP/2: 1 MiB requests, 8 connections', upload),
  byH2load('h1-up', 'HTTP/1.1: 1 MiB requests, 8 connections', {
    ...upload,
    protocol: 'h1',
    peers: HOLDFASTS,
    beside: [],
  }),
);

/** The request as bytes on the wire; where noise is to be put in, a NUL stands for it. */
export function requestBytes(workload, port) {
  const lines = [`${workload.method} ${workload.path} HTTP/1.1`, `Host: 127.0.0.1:${port}`];
  for (const [name, value] of workload.headers) lines.push(`${name}: ${value}`);
  const { fillBytes = 0, bodyEnd = '' } = workload;
  const length = Buffer.byteLength(workload.body) + fillBytes + Buffer.byteLength(bodyEnd);
  if (length > 0) lines.push(`Content-Length: ${length}`);
  const fill = fillBytes > 0 ? `\0${bodyEnd}` : '';
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${workload.body}${fill}`);
}
