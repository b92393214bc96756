/** The numbers of a running server as Prometheus gets them, and the ports that they and the probes are asked at. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type ServeOptions, type Server, serve } from '#src/index.ts';
import { checkExposition, type Family } from '#src/observe/exposition-rules.contract.ts';
import { CliProcess, endsWell } from './cli-run.ts';
import { enginesHere } from './engines.ts';

let folder = '';
let module = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-metrics-'));
  module = join(folder, 'app.mjs');
  await writeFile(
    module,
    `export default async (request) => {
       const { pathname } = new URL(request.url);
       if (pathname === '/busy') for (const end = performance.now() + 60; performance.now() < end;);
       if (pathname === '/slow') await new Promise((resolve) => setTimeout(resolve, 60));
       if (pathname === '/stall') for (const end = performance.now() + 260; performance.now() < end;);
       if (pathname === '/never') await new Promise(() => {});
       return new Response('ok');
     };`,
  );
});
after(() => rm(folder, { recursive: true }));

async function metricsOf(server: Server): Promise<Map<string, Family>> {
  return checkExposition(await (await fetch(`${server.admin!.url}/metrics`)).text());
}

/** How many took longer than `seconds`. */
function above(family: Family | undefined, seconds: number): number {
  const buckets = family!.samples.filter(({ name }) => name.endsWith('_bucket'));
  const upTo = buckets.filter(({ labels }) => labels['le'] === String(seconds));
  const all = buckets.filter(({ labels }) => labels['le'] === '+Inf');
  const sum = (samples: typeof buckets) => samples.reduce((total, { value }) => total + value, 0);
  return sum(all) - sum(upTo);
}

const DURATIONS = 'holdfast_http_request_duration_seconds';
const LAG = 'holdfast_event_loop_lag_seconds';

for (const workers of [0, 2]) {
  for (const { engine, skip } of await enginesHere()) {
    test(`latency and lag are counted, on ${engine} with ${workers} workers`, { skip }, async (t) => {
      const server = await serve({ module, workers, engine, port: 0, admin: 0 });
      t.after(() => server.close(true));
      const ask = async (path: string) =>
        (await fetch(server.url + path, { headers: { connection: 'close' } })).text();
      for (let i = 0; i < 20; i++) await ask('/');
      const quick = await metricsOf(server);
      const count = (families: Map<string, Family>, name: string) =>
        families.get(DURATIONS)!.samples.find((sample) => sample.name === `${DURATIONS}_${name}`)!.value;
      assert.equal(count(quick, 'count'), 20);
      assert.equal(above(quick.get(DURATIONS), 1), 0);
      // A handler that works without waiting is answered in the turn that it came in, and took its time all the same.
      await ask('/busy');
      await ask('/slow');
      await Promise.all(Array.from({ length: 2 }, () => ask('/stall')));
      await new Promise((resolve) => setTimeout(resolve, 150));
      const later = await metricsOf(server);
      assert.equal(count(later, 'count'), 24);
      assert.equal(above(later.get(DURATIONS), 0.05) - above(quick.get(DURATIONS), 0.05), 4);
      assert.ok(above(later.get(DURATIONS), 0.25) >= 2);
      assert.ok(count(later, 'sum') > 2 * 0.26);
      assert.ok(above(later.get(LAG), 0.1) > 0, 'the loop stood still');
      const labels = new Set(later.get(LAG)!.samples.map((sample) => sample.labels['worker']));
      assert.deepEqual([...labels].sort(), workers === 0 ? ['0'] : ['0', '1']);
      const byWorker = later.get('holdfast_worker_requests_total')!.samples;
      assert.equal(
        byWorker.reduce((sum, { value }) => sum + value, 0),
        24,
      );
    });
  }
}

test('the health port tells alive and ready, to whatever name it is asked by, and nothing else', async () => {
  const server = await serve({ module, port: 0, health: 0, admin: 0 });
  const { health, admin } = server;
  assert.equal(health?.hostname, '127.0.0.1');
  const status = async (path: string) => (await fetch(health!.url + path)).status;
  assert.equal(await status('/healthz'), 200);
  assert.equal(await status('/readyz'), 200);
  for (const path of ['/', '/metrics', '/stats', '/connections']) assert.equal(await status(path), 404, path);
  const named = await new Promise<number | undefined>((resolve, reject) => {
    const headers = { host: 'pod.cluster.local' };
    httpRequest({ port: health!.port, host: '127.0.0.1', path: '/readyz', headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
  assert.equal(named, 200);
  assert.equal((await fetch(`${admin!.url}/healthz`)).status, 200);
  await server.close();
  await assert.rejects(fetch(`${health!.url}/healthz`));
  await assert.rejects(fetch(`${admin!.url}/healthz`));
});

test('a health port needs no admin port, and listens where the server does', async () => {
  const server = await serve({ module, port: 0, hostname: '0.0.0.0', health: 0 });
  assert.equal(server.admin, undefined);
  assert.equal(server.health?.hostname, '0.0.0.0');
  assert.equal((await fetch(`http://127.0.0.1:${server.health!.port}/readyz`)).status, 200);
  assert.equal((await server.stats()).durations.sumSeconds, 0, 'without an admin port nothing is measured');
  const loopback = await serve({
    module,
    port: 0,
    hostname: '0.0.0.0',
    health: { port: 0, hostname: '127.0.0.1' },
  });
  assert.equal(loopback.health?.hostname, '127.0.0.1');
  await Promise.all([server.close(), loopback.close()]);
});

test('a health port that is taken is told, and nothing is left listening', async () => {
  const taken = await serve({ module, port: 0 });
  const options: ServeOptions = { module, port: 0, admin: 0, health: taken.port };
  await assert.rejects(serve(options), { code: 'EADDRINUSE', option: 'health' });
  await assert.rejects(
    serve({ module, port: 0, health: {} as never }),
    /health\.port: undefined is not allowed/,
  );
  await taken.close();
});

test('--health opens it, also with workers, and /readyz is 503 while the server drains', async (t) => {
  const drains = async (workers: string) => {
    const cli = new CliProcess(t, [
      'serve',
      '-p',
      '0',
      '-w',
      workers,
      '--health',
      '0',
      '--drain-timeout',
      '2s',
      module,
    ]);
    const { url, health } = await cli.ready();
    const status = async (path: string) => (await fetch(health + path)).status;
    assert.deepEqual([await status('/readyz'), await status('/metrics')], [200, 404]);
    fetch(`${url}/never`).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 200));
    cli.child.kill('SIGTERM');
    let last = 200;
    for (let i = 0; i < 50 && last === 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      last = await status('/readyz');
    }
    assert.equal(last, 503);
    assert.equal(await status('/healthz'), 200);
    await endsWell(cli);
  };
  await Promise.all(['1', '2'].map(drains));
  const taken = await serve({ module, port: 0 });
  const refused = await new CliProcess(t, [
    'serve',
    '-p',
    '0',
    '-w',
    '1',
    '--health',
    String(taken.port),
    module,
  ]).ended;
  assert.match(
    refused.stderr,
    /^holdfast: health port 127\.0\.0\.1:\d+ is in use already \(EADDRINUSE\); stop what listens there, or choose another port by --health/,
  );
  await taken.close();
});

test('rows of connections show no query: what clients search for is not the operator to read', async (t) => {
  const server = await serve({ module, port: 0, admin: 0 });
  t.after(() => server.close(true));
  fetch(`${server.url}/never?token=secret`).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 200));
  const text = await (await fetch(`${server.admin!.url}/connections`)).text();
  assert.match(text, /"target":"\/never"/);
  assert.doesNotMatch(text, /secret/);
});
