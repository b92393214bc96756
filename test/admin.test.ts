/** The admin port: what it answers, and that its numbers move when connections do. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ServeOptions, type Server, serve } from '#src/index.ts';
import { CliProcess, endsWell, run } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

const APP = `
export default async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/endless')
    return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65536)) }));
  if (pathname === '/slow') await new Promise(() => {});
  if (pathname === '/body') return new Response(await request.text());
  if (pathname === '/crash') setTimeout(() => { throw new Error('on purpose'); }, 1);
  return new Response('hello');
};`;

interface Row {
  id: number;
  worker: number;
  state: string;
  remoteAddress: string;
  ageMs: number;
  stateMs: number;
  requests: number;
  bytesReceived: number;
  bytesSent: number;
  unsentBytes: number;
  unacknowledgedBytes: number | null;
  rateBytesPerSecond: number;
  stallMs: number;
  method: string | null;
  target: string | null;
}

async function rowsOf(server: Server): Promise<Row[]> {
  const response = await fetch(`${server.admin!.url}/connections`);
  const table = (await response.json()) as { shown: number; connections: Row[] };
  assert.equal(table.shown, table.connections.length);
  return table.connections;
}

/** The samples of /metrics by name and labels. */
async function metricsOf(server: Server): Promise<Map<string, number>> {
  const text = await (await fetch(`${server.admin!.url}/metrics`)).text();
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

async function until<T>(read: () => Promise<T>, holds: (value: T) => boolean, what: string): Promise<T> {
  const deadline = performance.now() + 5000;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (performance.now() > deadline) throw new Error(`${what} did not come: ${JSON.stringify(value)}`);
    await sleep(20);
  }
}

const request = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;

let folder: string;
let module: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-admin-'));
  module = join(folder, 'app.mjs');
  writeFileSync(module, APP);
});
after(() => rmSync(folder, { recursive: true, force: true }));

const start = (options: ServeOptions): Promise<Server> =>
  serve({ module, port: 0, admin: 0, logger: quiet, ...options });

for (const { engine, skip: whyNot } of await enginesHere()) {
  for (const workers of [0, 2]) {
    const where = workers === 0 ? 'in this thread' : `on ${workers} workers`;
    const skip =
      workers > 0 && process.platform !== 'linux'
        ? 'several threads need SO_REUSEPORT as Linux has it'
        : whyNot;
    describe(`the admin port of a server ${where} (${engine})`, { skip }, () => {
      let server: Server;
      before(async () => {
        server = await start({
          engine,
          workers,
          timeouts: { header: '800ms', idle: '800ms', body: '800ms', linger: '200ms' },
        });
        // The first fetch of a process takes its time, and the deadlines above do not wait for it.
        await metricsOf(server);
      });
      after(() => server.close(true));

      it('counts the deadlines that fire, and moves connections from state to state', async () => {
        const silent = await RawClient.open(server.port);
        const dripping = await RawClient.open(server.port);
        dripping.write('GET / HT');
        const idle = await RawClient.open(server.port);
        idle.write(request('/'));
        await idle.until((client) => client.received.length > 0, 'the answer');
        const uploading = await RawClient.open(server.port);
        uploading.write('POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab');
        const states = await until(
          async () => (await server.stats()).states,
          ({ accepted, head, idle, exchange }) =>
            accepted === 1 && head === 1 && idle === 1 && exchange === 1,
          'one connection in each state',
        );
        assert.equal(states.closing, 0);
        const rows = await rowsOf(server);
        assert.deepEqual(rows.map(({ state }) => state).sort(), ['accepted', 'exchange', 'head', 'idle']);
        const open = rows.find(({ state }) => state === 'exchange')!;
        assert.deepEqual([open.method, open.target, open.requests], ['POST', '/body', 1]);
        const between = rows.find(({ state }) => state === 'idle')!;
        assert.deepEqual([between.method, between.target], [null, null]);
        assert.equal(between.bytesReceived, request('/').length);
        assert.equal(between.bytesSent, idle.received.length);
        for (const row of rows) assert.match(row.remoteAddress, /^127\.0\.0\.1:\d+$/);

        const all = [silent, dripping, idle, uploading];
        await Promise.all(all.map((client) => client.until((c) => c.ended || c.closed, 'the end')));
        for (const client of all) client.socket.end();
        const metrics = await until(
          () => metricsOf(server),
          (samples) => samples.get('holdfast_connections_closed_total{reason="idle-timeout"}') === 1,
          'the ends',
        );
        const deadline = (name: string) => metrics.get(`holdfast_deadlines_total{deadline="${name}"}`);
        assert.equal(deadline('header'), 2);
        assert.equal(deadline('idle'), 1);
        assert.equal(deadline('body'), 1);
        assert.equal(deadline('handler'), 0);
        assert.equal(metrics.get('holdfast_faults_total{fault="header-timeout"}'), 1);
        assert.equal(metrics.get('holdfast_responses_total{class="4xx"}'), 2);
        assert.equal(metrics.get('holdfast_connections_accepted_total'), 4);
        assert.equal(metrics.get('holdfast_requests_total'), 2);
        assert.equal(metrics.get('holdfast_ready'), 1);
        assert.equal(metrics.get('holdfast_workers'), workers);
        assert.ok(metrics.get('process_resident_memory_bytes')! > 1e6);
        await until(
          async () => (await server.stats()).engine.open,
          (open) => open === 0,
          'no connection left',
        );
      });

      it('shows how long a reader that has stopped stalls, and what waits for it', async () => {
        const client = await RawClient.open(server.port);
        client.socket.pause();
        client.write(request('/endless'));
        const first = await until(
          async () => (await rowsOf(server))[0],
          (row) => row !== undefined && row.unsentBytes > 0 && row.stallMs > 600,
          // The kernels settle first: probes of a closed window carry some bytes over in the beginning.
          'a stall',
        );
        await sleep(300);
        const [second] = await rowsOf(server);
        assert.equal(second!.state, 'exchange');
        assert.ok(
          second!.stallMs >= first!.stallMs + 200,
          `${first!.stallMs} ms, then ${second!.stallMs} ms`,
        );
        assert.ok(second!.stallMs <= second!.ageMs);
        assert.ok(second!.bytesSent > 10_000 && second!.bytesSent === first!.bytesSent);
        assert.equal(second!.target, '/endless');
        if (engine !== 'node') assert.ok(second!.unacknowledgedBytes! >= second!.unsentBytes);
        const unsent = (await metricsOf(server)).get('holdfast_unsent_bytes')!;
        assert.ok(unsent > 0 && unsent < 512 * 1024, `${unsent} bytes`);

        client.socket.resume();
        const moving = await until(
          async () => (await rowsOf(server))[0],
          (row) => row !== undefined && row.bytesSent > second!.bytesSent && row.stallMs < 100,
          'movement',
        );
        assert.ok(moving!.rateBytesPerSecond > 0);
        client.destroy();
        await until(
          async () => (await server.stats()).engine.open,
          (open) => open === 0,
          'the end of the reader',
        );
        assert.equal((await server.stats()).unsentBytes, 0);
      });
    });
  }
}

describe('the admin port', () => {
  let server: Server;
  let url: string;
  before(async () => {
    server = await start({});
    url = server.admin!.url;
  });
  after(() => server.close(true));

  it('is on loopback, on a port of its own', () => {
    assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.notEqual(server.admin!.port, server.port);
  });

  it('answers health, readiness, stats and metrics with their types', async () => {
    for (const [path, type, pattern] of [
      ['/healthz', 'text/plain; charset=utf-8', /^ok\n$/],
      ['/readyz', 'text/plain; charset=utf-8', /^ready\n$/],
      ['/metrics', 'text/plain; version=0.0.4; charset=utf-8', /^# HELP holdfast_build_info /],
      ['/stats', 'application/json; charset=utf-8', /"deadlines":\{"header":\d/],
      ['/connections', 'application/json; charset=utf-8', /^\{"open":\d+,"shown":\d+,"connections":\[/],
      ['/', 'text/html; charset=utf-8', /^<!doctype html>/],
    ] as const) {
      const response = await fetch(url + path);
      assert.equal(response.status, 200, path);
      assert.equal(response.headers.get('content-type'), type);
      assert.equal(response.headers.get('cache-control'), 'no-store');
      assert.match(await response.text(), pattern);
      assert.equal((await fetch(url + path, { method: 'HEAD' })).status, 200, `HEAD ${path}`);
    }
  });

  it('refuses other methods, unknown paths and limits that are none', async () => {
    const posted = await fetch(`${url}/stats`, { method: 'POST' });
    assert.equal(posted.status, 405);
    assert.equal(posted.headers.get('allow'), 'GET, HEAD');
    assert.equal((await fetch(`${url}/nowhere`)).status, 404);
    assert.equal((await fetch(`${url}/connections?limit=-1`)).status, 400);
    assert.match(await (await fetch(`${url}/connections?limit=0`)).text(), /"connections":\[\]/);
  });

  it('answers on loopback only to names of this machine', async () => {
    const client = await RawClient.open(server.admin!.port);
    client.write('GET /connections HTTP/1.1\r\nHost: rebound.example\r\n\r\n');
    assert.equal((await client.response()).status, 421);
    client.write(`GET /connections HTTP/1.1\r\nHost: localhost:${server.admin!.port}\r\n\r\n`);
    assert.equal((await client.response()).status, 200);
    client.destroy();
  });

  it('lets the page run its own script and style, and nothing else', async () => {
    const response = await fetch(`${url}/`);
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /^default-src 'none'; script-src 'sha256-[\w+/=]+'; style-src 'sha256-[\w+/=]+';/);
  });
});

test('readiness ends when draining begins, and the admin port closes last', async (t) => {
  const server = await start({ timeouts: { drain: '400ms' } });
  t.after(() => server.close(true));
  const { url } = server.admin!;
  const client = await RawClient.open(server.port);
  client.write(request('/slow'));
  await until(
    async () => (await server.stats()).states.exchange,
    (count) => count === 1,
    'the request',
  );
  const closing = server.close();
  const ready = await fetch(`${url}/readyz`);
  assert.equal(ready.status, 503);
  assert.equal(await ready.text(), 'draining\n');
  assert.equal((await fetch(`${url}/healthz`)).status, 200);
  assert.deepEqual(await closing, { drained: 0, forced: 1 });
  const { deadlines, closeReasons } = await server.stats();
  assert.equal(deadlines.drain, 1);
  assert.equal(closeReasons['drain-timeout'], 1);
  await assert.rejects(fetch(`${url}/healthz`));
});

test('without the option there is no admin port', async (t) => {
  const server = await serve({ module, port: 0, logger: quiet });
  t.after(() => server.close(true));
  assert.equal(server.admin, undefined);
  await server.close();
});

test('an admin port that cannot be had stops the start, and leaves nothing behind', async (t) => {
  const server = await start({});
  t.after(() => server.close(true));
  const { port } = server.admin!;
  await assert.rejects(start({ admin: { port } }), { code: 'EADDRINUSE', option: 'admin' });
  await server.close(true);
  for (const [admin, option] of [
    [70_000, 'admin'],
    ['abc', 'admin'],
    [{ port: -1 }, 'admin.port'],
    [{ port: 1, host: 'a' }, 'admin.host'],
    [{ port: 1, hostname: '' }, 'admin.hostname'],
  ] as const)
    await assert.rejects(start({ admin: admin as unknown as number }), { code: 'HOLDFAST_OPTION', option });
});

describe('the numbers of workers', { skip: process.platform === 'linux' ? false : 'Linux only' }, () => {
  it('never step back when workers are replaced or crash', async (t) => {
    const server = await start({ workers: 2 });
    t.after(() => server.close(true));
    const ask = async (path: string) => {
      const client = await RawClient.open(server.port);
      client.write(request(path, 'Connection: close\r\n'));
      await client.until((c) => c.closed || c.ended, 'the answer');
      client.destroy();
    };
    for (let i = 0; i < 10; i++) await ask('/');
    assert.equal((await server.stats()).requests, 10);
    await server.reload();
    await until(
      async () => (await server.stats()).engine.open,
      (open) => open === 0,
      'the end of the old workers',
    );
    const reloaded = await server.stats();
    assert.equal(reloaded.requests, 10);
    assert.equal(reloaded.statusClasses['2xx'], 10);
    await ask('/crash');
    await until(
      async () => (await server.stats()).workers,
      (workers) => workers === 1,
      'the end of the one that crashed',
    );
    const crashed = await until(
      () => server.stats(),
      ({ workers }) => workers === 2,
      'its successor',
    );
    assert.ok(crashed.requests >= 10, `${crashed.requests} requests`);
    await server.close();
    assert.ok((await server.stats()).requests >= 10);
  });
});

test('the command line opens the admin port, and says which port is taken', async (t) => {
  const cli = new CliProcess(t, ['serve', '-p', '0', '-w', '1', '--admin', '0', '--log', 'json', module]);
  await cli.ready();
  const taken = await start({});
  t.after(() => taken.close(true));
  const refused = await run(t, ['serve', '-p', '0', '--admin', String(taken.admin!.port), module]);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /^holdfast: admin port 127\.0\.0\.1:\d+ is in use already \(EADDRINUSE\); .* another port by --admin/,
  );
  const bad = await run(t, ['serve', '--admin', 'everywhere', module]);
  assert.equal(bad.code, 2);
  cli.child.kill('SIGTERM');
  await endsWell(cli);
});

test('a program has pages and numbers of its own on the admin port, and takes none of its paths', async (t) => {
  const server = await serve({
    port: 0,
    logger: quiet,
    fetch: () => new Response('hello'),
    admin: {
      port: 0,
      routes: { '/jobs': () => Response.json([1]), '/healthz': () => new Response('taken') },
      metrics: () => 'jobs 1\n',
    },
  });
  t.after(() => server.close());
  const ask = async (path: string) => (await fetch(`${server.admin!.url}${path}`)).text();
  assert.equal(await ask('/jobs'), '[1]');
  assert.equal(await ask('/healthz'), 'ok\n');
  assert.match(await ask('/metrics'), /\nholdfast_ready 1\n[\s\S]*\njobs 1\n$/);
  assert.match(await ask('/none'), / \/jobs\n$/);
  for (const [admin, words] of [
    [
      { port: 0, routes: { jobs: () => new Response() } },
      /^admin\.routes: "jobs" is not allowed; paths such as/,
    ],
    [
      { port: 0, routes: { '/jobs': 'text' } },
      /^admin\.routes\["\/jobs"\]: "text" is not allowed; a function/,
    ],
    [{ port: 0, metrics: 5 }, /^admin\.metrics: 5 is not allowed/],
  ] as const)
    await assert.rejects(
      serve({ port: 0, fetch: () => new Response(), admin } as unknown as ServeOptions),
      (error: Error) => words.test(error.message),
    );
});
