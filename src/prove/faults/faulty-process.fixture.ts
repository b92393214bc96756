/**
 * A small server as a process of its own, started by the words that `holdfast serve` is started by: it gets over every fault,
 * unless FIXTURE_FAULT says which it does not. Its notes are kept by a store behind STORE_URL, which the tests have.
 */
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

const FAULT = process.env['FIXTURE_FAULT'];
const { values } = parseArgs({
  strict: false,
  args: process.argv.slice(3),
  options: { log: { type: 'string' }, 'header-timeout': { type: 'string' } },
});
const headerMs = Number.parseInt(String(values['header-timeout'] ?? '2000'), 10);

if (FAULT !== 'ends-on-hangup') process.on('SIGHUP', () => {});
if (FAULT !== 'ends-without-log') process.stderr.on('error', () => {});

const kept = new Map<string, string>();
let isStoreLost = false;

/** One question a connection: `SET key value` or `GET key`, and a line back. */
function askStore(line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    if (isStoreLost && FAULT === 'gives-up-store') reject(new Error('no store any more'));
    const { hostname, port } = new URL(process.env['STORE_URL']!);
    const store = connect({ host: hostname, port: Number(port), allowHalfOpen: true }, () =>
      store.end(`${line}\n`),
    );
    store.setTimeout(1000, () => store.destroy(new Error('silent')));
    store.on('error', (error) => {
      isStoreLost = true;
      reject(error);
    });
    text(store).then((answer) => (answer === '' ? reject(new Error('cut')) : resolve(answer)), reject);
  });
}

async function write(key: string, value: string): Promise<void> {
  const saving = askStore(`SET ${key} ${encodeURIComponent(value)}`);
  if (FAULT !== 'acknowledges-early') await saving;
  else saving.catch(() => {});
}

async function read(key: string): Promise<string> {
  return process.env['STORE_URL'] === undefined ? (kept.get(key) ?? '') : askStore(`GET ${key}`);
}

const server = createServer(
  { headersTimeout: headerMs, connectionsCheckingInterval: 50 },
  async (request, response) => {
    // Several of them may share a store.
    const key = request.url!.split('/').at(-1)!;
    const place = `${process.pid}-${key}`;
    if (values['log'] === 'json') process.stderr.write(`${JSON.stringify({ url: request.url })}\n`);
    const answer = (status: number, content?: object): void =>
      void response
        .writeHead(status, { date: new Date().toUTCString() })
        .end(content === undefined ? '' : JSON.stringify(content));
    try {
      const content = await text(request);
      if (request.url === '/login') return answer(200, { user: JSON.parse(content).user });
      if (!request.url!.startsWith('/notes/')) return answer(200, { hello: 'world' });
      if (request.method === 'PUT') {
        const { value } = JSON.parse(content);
        if (process.env['STORE_URL'] === undefined) kept.set(place, value);
        else await write(place, value);
        return answer(200, { key, value, version: 1 });
      }
      const value = await read(place);
      return value.trim() === '' || request.method === 'DELETE'
        ? answer(404)
        : answer(200, { key, value: decodeURIComponent(value.trim()), version: 1 });
    } catch {
      answer(503);
    }
  },
);

// Looks at the clock on the wall where it should look at one that nobody sets.
let lastMs = FAULT === 'ends-by-wall-clock' ? Date.now() : performance.now();
setInterval(() => {
  const nowMs = FAULT === 'ends-by-wall-clock' ? Date.now() : performance.now();
  const isLate = Math.abs(nowMs - lastMs) > 1500;
  if (isLate && FAULT !== undefined && /^ends-(by-wall-clock|when-late)$/.test(FAULT))
    server.closeAllConnections();
  lastMs = nowMs;
}, 50);

server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`ready url=http://127.0.0.1:${port} engine=fixture pid=${process.pid}\n`);
});
