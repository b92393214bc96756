/**
 * What the admin port tells of the server as a whole, `/status` and `/events`: over sockets, on each engine, with workers
 * and without; and whom it tells.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { selectEngine } from '#src/engine/select.ts';
import { type EngineName, files, type ServeOptions, type Server, serve } from '#src/index.ts';
import type { Status } from '#src/observe/status.ts';
import type { TransferRow } from '#src/observe/transfer-row.ts';
import { EventStreamReader } from '#src/page/event-stream.ts';
import { headersOf, PING } from '#src/protocol/h2/server/core.fixture.ts';
import { CliProcess, endsWell, run } from './cli-run.ts';
import { openRawH2, requestOf } from './h2-raw-client.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

const ENGINES: EngineName[] = ['iouring', 'epoll', 'node'];
const module = 'test/admin-status.app.mjs';
const TOKEN = 'sesame-sesame-sesame';

const start = (options: ServeOptions): Promise<Server> =>
  serve({ module, port: 0, admin: 0, logger: quiet, ...options });

async function statusOf(server: Server): Promise<Status> {
  const response = await fetch(`${server.admin!.url}/status`);
  assert.equal(response.status, 200);
  return (await response.json()) as Status;
}

/** Asks until the status is as wanted, and gives that. */
async function statusWhen(server: Server, isSo: (status: Status) => boolean, what: string): Promise<Status> {
  const endMs = performance.now() + 10_000;
  for (;;) {
    const status = await statusOf(server);
    if (isSo(status)) return status;
    if (performance.now() > endMs) throw new Error(`${what} did not come about: ${JSON.stringify(status)}`);
    await sleep(50);
  }
}

async function clientOf(server: Server, text: string, isReading = true): Promise<RawClient> {
  const client = await RawClient.open(server.port);
  if (!isReading) client.socket.pause();
  client.write(text);
  return client;
}

for (const engine of ENGINES) {
  const isAvailable = await selectEngine(engine).then(
    () => true,
    () => false,
  );
  // Threads answer by the same messages on every engine.
  for (const workers of engine === 'epoll' ? [0, 2] : [0]) {
    const skip = !isAvailable
      ? `${engine} is not available here`
      : workers > 0 && process.platform !== 'linux'
        ? 'several threads need SO_REUSEPORT as Linux has it'
        : false;
    const where = workers === 0 ? 'in this thread' : `on ${workers} workers`;
    describe(`the status of a server ${where} (${engine})`, { skip }, () => {
      let server: Server;
      const clients: RawClient[] = [];
      before(async () => {
        server = await start({
          engine,
          workers,
          timeouts: { header: '600ms', linger: '100ms' },
          limits: { http2: { pings: { burst: 5, perSecond: 1 } } },
        });
      });
      after(async () => {
        for (const client of clients) client.destroy();
        await server.close(true);
      });

      it('tells of transfers what has moved of how much, and who is slow', async () => {
        const get = (path: string) => `GET ${path}?secret=1 HTTP/1.1\r\nHost: a\r\n\r\n`;
        clients.push(await clientOf(server, get('/file'), false));
        clients.push(await clientOf(server, get('/live')));
        clients.push(await clientOf(server, get('/never')));
        const upload = 'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n';
        clients.push(await clientOf(server, upload + 'x'.repeat(40_000)));
        const h2 = await openRawH2(server.port);
        clients.push(h2);
        h2.write(headersOf(1, requestOf('GET', '/live')));
        const byTarget = ({ transfers }: Status) => {
          const found: Record<string, TransferRow> = {};
          for (const row of transfers.rows) found[row.protocol === 'HTTP/2' ? 'h2' : row.target] = row;
          return found;
        };
        const status = await statusWhen(
          server,
          (each) => each.transfers.open === 5 && (byTarget(each)['/file']?.stallMs ?? 0) > 600,
          'five transfers, one of them slow',
        );
        const rows = byTarget(status);
        const { '/file': file, '/live': live, '/never': never, '/upload': uploading, h2: stream } = rows;
        assert.deepEqual(
          [file!.phase, file!.status, file!.method, file!.totalBytes],
          ['sending', 200, 'GET', 8_000_000],
        );
        assert.ok(file!.bytes >= 0 && file!.bytes < 8_000_000);
        assert.deepEqual([live!.phase, live!.totalBytes], ['sending', null]);
        assert.ok(live!.bytes > 0);
        assert.deepEqual([never!.phase, never!.status, never!.stallMs], ['handler', 0, 0]);
        assert.deepEqual(
          [uploading!.phase, uploading!.bytes, uploading!.totalBytes],
          ['receiving', 40_000, 100_000],
        );
        assert.ok(uploading!.stallMs > 500);
        assert.deepEqual([stream!.phase, stream!.target], ['sending', '/live']);
        for (const row of status.transfers.rows) {
          assert.match(row.remoteAddress, /^127\.0\.0\.1:\d+$/);
          assert.ok(row.ageMs >= 1000);
        }
        const ids = status.transfers.rows.map(({ worker, id }) => `${worker}.${id}`);
        assert.equal(new Set(ids).size, 5);
        const later = byTarget(
          await statusWhen(server, (each) => byTarget(each)['/live']!.bytes > live!.bytes, 'movement'),
        );
        assert.equal(later['/file']!.id, file!.id);
        assert.ok(later['/live']!.rateBytesPerSecond > 0);
        assert.ok(later['/live']!.stallMs < 500);
        clients[0]!.socket.resume();
        clients[3]!.write('x'.repeat(60_000));
        const ended = await statusWhen(
          server,
          (each) => each.transfers.open === 3,
          'the end of two transfers',
        );
        assert.equal(byTarget(ended)['/file'], undefined);
      });

      it('tells of those who go beyond deadlines and bounds, by address', async () => {
        for (let i = 0; i < 3; i++) clients.push(await clientOf(server, 'GET / HT'));
        clients.push(await RawClient.open(server.port));
        const h2 = await openRawH2(server.port);
        clients.push(h2);
        for (let i = 0; i < 40; i++) h2.write(PING);
        const { offenders } = await statusWhen(
          server,
          (each) => (each.offenders.rows[0]?.count ?? 0) >= 5,
          'five offences',
        );
        assert.equal(offenders.rows.length, 1);
        const [row] = offenders.rows;
        assert.equal(row!.address, '127.0.0.1');
        assert.deepEqual(row!.byOption, { 'timeouts.header': 4, 'limits.http2.pings': 1 });
        assert.ok(row!.lastMs <= row!.sinceMs);
      });

      it('tells of threads, the engine, states and what a handler wants shown', async () => {
        const status = await statusOf(server);
        assert.equal(status.workerThreads, workers);
        assert.deepEqual(
          status.workers.map(({ index, state, isSilent }) => [index, state, isSilent]),
          workers === 0
            ? [[0, 'serving', false]]
            : [
                [0, 'serving', false],
                [1, 'serving', false],
              ],
        );
        assert.equal(
          status.workers.reduce((sum, { open }) => sum + open, 0),
          status.open,
        );
        assert.equal(status.engine.name, engine);
        assert.ok(status.engine.reason.length > 5);
        assert.equal(status.isReady, true);
        assert.ok(status.uptimeMs > 0 && Math.abs(status.atMs - Date.now()) < 5000);
        assert.ok(status.durations.counts.reduce((sum, count) => sum + count, 0) > 0);
        assert.equal(status.sections.length, 1);
        assert.deepEqual(
          status.sections[0]!.rows.map(({ key, tone }) => [key, tone]),
          [['a', 'bad']],
        );
      });
    });
  }
}

test('the status is told again each second to whoever listens', async (t) => {
  const server = await start({});
  t.after(() => server.close(true));
  const abort = new AbortController();
  const response = await fetch(`${server.admin!.url}/events`, { signal: abort.signal });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const events = new EventStreamReader();
  const statuses: Status[] = [];
  const text = new TextDecoder();
  for await (const piece of response.body!) {
    for (const { name, data } of events.read(text.decode(piece as Uint8Array, { stream: true }))) {
      assert.equal(name, 'status');
      statuses.push(JSON.parse(data) as Status);
    }
    if (statuses.length >= 3) break;
  }
  abort.abort();
  const gaps = statuses.slice(1).map(({ atMs }, i) => atMs - statuses[i]!.atMs);
  for (const gap of gaps) assert.ok(gap > 500 && gap < 3000, `${gaps} ms`);
});

test('a file that the engine sends by itself is told with how far it is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-file-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const length = 16_000_000;
  writeFileSync(join(folder, 'large.img'), Buffer.alloc(length));
  const answer = files(folder);
  const server = await serve({
    fetch: (request) => answer(request),
    port: 0,
    admin: 0,
    logger: quiet,
  });
  t.after(() => server.close(true));
  const client = await clientOf(server, 'GET /large.img HTTP/1.1\r\nHost: a\r\n\r\n', false);
  t.after(() => client.destroy());
  const first = await statusWhen(
    server,
    ({ transfers }) => (transfers.rows[0]?.stallMs ?? 0) > 300,
    'a stall',
  );
  const [row] = first.transfers.rows;
  assert.deepEqual([row!.target, row!.phase, row!.totalBytes], ['/large.img', 'sending', length]);
  assert.ok(row!.bytes < length, `${row!.bytes}`);
  client.socket.resume();
  await client.until(({ received }) => received.length > length, 'all of it', 20_000);
  await statusWhen(server, ({ transfers }) => transfers.open === 0, 'the end');
});

test('a worker that blocks is told as silent, and does not hold the others up', async (t) => {
  if (process.platform !== 'linux') return t.skip('several threads need SO_REUSEPORT as Linux has it');
  const server = await start({ workers: 2 });
  t.after(() => server.close(true));
  const client = await clientOf(server, 'GET /block HTTP/1.1\r\nHost: a\r\n\r\n');
  t.after(() => client.destroy());
  const beganMs = performance.now();
  const status = await statusWhen(
    server,
    ({ workers }) => workers.some(({ isSilent }) => isSilent),
    'a silent worker',
  );
  assert.ok(performance.now() - beganMs < 2400);
  assert.equal(status.workers.filter(({ isSilent }) => isSilent).length, 1);
});

test('whoever listens hears the end of the server, and does not hold it up', async () => {
  const tookMs: number[] = [];
  // A busy machine may be late once; who is held up by a listener is so each time, for the drain time of the port.
  while (tookMs.length < 4 && !tookMs.some((ms) => ms < 450)) {
    const server = await start({});
    const response = await fetch(`${server.admin!.url}/events`);
    const all = response.text();
    await statusOf(server);
    const beganMs = performance.now();
    await server.close();
    tookMs.push(performance.now() - beganMs);
    assert.match(await all, /^event: status\ndata: \{/);
  }
  assert.ok(tookMs.at(-1)! < 450, `it took ${tookMs.join(', ')} ms`);
});

describe('an admin port with a token', () => {
  let server: Server;
  let url: string;
  before(async () => {
    server = await start({ admin: { port: 0, token: TOKEN, names: ['ops.example'] } });
    url = server.admin!.url;
  });
  after(() => server.close(true));

  it('tells nothing without it, by any path, and all with it', async () => {
    const authorization = `Bearer ${TOKEN}`;
    for (const path of ['/status', '/events', '/metrics', '/connections', '/stats']) {
      const refused = await fetch(url + path);
      assert.equal(refused.status, 401, path);
      assert.equal(refused.headers.get('www-authenticate'), 'Bearer realm="holdfast admin"');
      assert.match(await refused.text(), /admin\.token, --admin-token/);
      const wrong = await fetch(url + path, { headers: { authorization: `${authorization}x` } });
      assert.equal(wrong.status, 401);
      await wrong.text();
      const abort = new AbortController();
      const right = await fetch(url + path, { headers: { authorization }, signal: abort.signal });
      assert.equal(right.status, 200, path);
      abort.abort();
    }
  });

  it('lets probes ask, and sends the page that asks for the token, without a cookie', async () => {
    for (const path of ['/healthz', '/readyz', '/']) {
      const response = await fetch(url + path);
      assert.equal(response.status, 200, path);
      assert.equal(response.headers.get('set-cookie'), null);
      assert.ok(!(await response.text()).includes(TOKEN));
    }
  });

  it('answers to the names that it was given, and to no other', async () => {
    const client = await RawClient.open(server.admin!.port);
    const ask = async (host: string, path = '/status') => {
      client.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
      return (await client.response()).status;
    };
    assert.equal(await ask('ops.example'), 200);
    assert.equal(await ask('ops.example:9090'), 200);
    assert.equal(await ask('rebound.example'), 421);
    assert.equal(await ask('rebound.example', '/'), 421);
    assert.equal(await ask('rebound.example', '/healthz'), 200);
    client.destroy();
  });

  it('refuses what a page of another site asks for', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site, 'sec-fetch-mode': 'cors', authorization: `Bearer ${TOKEN}` };
      const client = await RawClient.open(server.admin!.port);
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      client.write(`GET /status HTTP/1.1\r\nHost: localhost\r\n${lines.join('')}\r\n`);
      assert.equal((await client.response()).status, 403, site);
      client.destroy();
    }
  });
});

test('a token or a name that is none is refused by its option, and the token is not shown', async () => {
  for (const [admin, option] of [
    [{ port: 0, token: 'short' }, 'admin.token'],
    [{ port: 0, token: 'spaces are not allowed' }, 'admin.token'],
    [{ port: 0, token: 5 }, 'admin.token'],
    [{ port: 0, token: 'x'.repeat(513) }, 'admin.token'],
    [{ port: 0, names: 'a' }, 'admin.names'],
    [{ port: 0, names: ['a:80'] }, 'admin.names'],
    [{ port: 0, names: [''] }, 'admin.names'],
    [{ port: 0, tokens: [] }, 'admin.tokens'],
  ] as const)
    await assert.rejects(
      start({ admin: admin as unknown as number }),
      (error: Error & { option: string }) => {
        assert.equal(error.option, option);
        assert.doesNotMatch(error.message, /short|spaces/);
        return true;
      },
    );
});

test('a port that is open to all without a token is warned of, and one with it is not', async (t) => {
  const lines: string[] = [];
  const logger = { ...quiet, warn: (line: unknown) => void lines.push(String(line)) };
  const open = await start({ admin: { port: 0, hostname: '0.0.0.0' }, logger });
  t.after(() => open.close(true));
  assert.equal(lines.filter((line) => /^the admin port on 0\.0\.0\.0 has no token/.test(line)).length, 1);
  lines.length = 0;
  const guarded = await start({ admin: { port: 0, hostname: '0.0.0.0', token: TOKEN }, logger });
  t.after(() => guarded.close(true));
  assert.deepEqual(
    lines.filter((line) => /token/.test(line)),
    [],
  );
});

test('the command line takes the token from the environment or a flag, and names from another', async (t) => {
  const cli = new CliProcess(
    t,
    ['serve', '-p', '0', '-w', '1', '--admin', '0', '--admin-names', 'a.example, b.example', module],
    {
      HOLDFAST_ADMIN_TOKEN: TOKEN,
    },
  );
  const { admin } = await cli.ready();
  assert.equal((await fetch(`${admin}/status`)).status, 401);
  assert.equal(
    (await fetch(`${admin}/status`, { headers: { authorization: `Bearer ${TOKEN}` } })).status,
    200,
  );
  const client = await RawClient.open(Number(new URL(admin!).port));
  client.write(`GET /status HTTP/1.1\r\nHost: b.example\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  assert.equal((await client.response()).status, 200);
  client.destroy();
  cli.child.kill('SIGTERM');
  await endsWell(cli);
  for (const [flags, pattern] of [
    [['--admin', '0', '--admin-token', 'short'], /^holdfast: --admin-token: .*16 to 512 letters/],
    [['--admin-token', TOKEN], /^holdfast: --admin-token is for the admin port: give --admin PORT too/],
    [['--admin', '0', '--admin-names', 'a:1'], /^holdfast: --admin-names: "a:1" is not allowed/],
  ] as const) {
    const refused = await run(t, ['serve', '-p', '0', ...flags, module]);
    assert.equal(refused.code, 2, refused.stderr);
    assert.match(refused.stderr, pattern);
    assert.doesNotMatch(refused.stderr, /short/);
  }
});
