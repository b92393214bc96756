/** `holdfast load https://…` as users run it: against Holdfast on each engine, node:https and nginx. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { LOCALHOST, OTHER_HOST, ROOT } from '#src/engine/tls/tls-chains.fixture.ts';
import { type Server as HoldfastServer, serve } from '#src/index.ts';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { run } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { freePort } from './load-servers.ts';
import { httpsServer, loadWell, portOf, tlsFolder } from './load-tls.ts';
import { quiet } from './quiet-logger.ts';
import { until } from './until.ts';

const folder = tlsFolder();
const CACERT = join(folder, 'root.pem');

for (const { engine, skip } of await enginesHere())
  describe(`over the ${engine} engine`, { skip }, () => {
    let server: HoldfastServer;
    before(async () => {
      server = await serve({
        port: 0,
        hostname: '127.0.0.1',
        engine,
        tls: LOCALHOST,
        logger: quiet,
        fetch: (request) => new Response(new URL(request.url).protocol),
      });
    });
    after(() => server.close(true));

    test('each request has a connection, and sessions are taken up again', async (t) => {
      const result = await loadWell(t, [
        ...['--engine', engine, '--cacert', CACERT, '-n', '60', '-c', '2', '--new-connection'],
        server.url,
      ]);
      assert.equal(result.plan.engine, engine);
      assert.deepEqual(result.statuses, { '200': 60 });
      const { full, resumed, failed, spoken } = result.handshakes!;
      assert.equal(full + resumed, 60);
      // Those that begin before the first has ended have no session; a busy machine has a few more.
      assert.ok(resumed >= 30, `${resumed} resumed`);
      assert.equal(failed, 0);
      assert.equal(
        Object.values(spoken).reduce((sum, count) => sum + count, 0),
        60,
      );
      assert.match(Object.keys(spoken)[0]!, /^TLSv1\.3 TLS_/);
      assert.equal(result.handshakeTime!.count, 60);
      assert.ok(result.handshakeTime!.meanMs! <= result.connectTime!.meanMs!);
    });

    test('HTTP/2 is spoken when it is asked for, and when the server chooses it', async (t) => {
      for (const flag of ['--h2', '--alpn']) {
        const result = await loadWell(t, [
          ...['--engine', engine, '--cacert', CACERT, flag, '-m', '4', '-n', '40', '-c', '2'],
          server.url,
        ]);
        assert.deepEqual([result.plan.protocol, result.plan.pipeline], ['h2', 4]);
        assert.deepEqual(result.statuses, { '200': 40 });
        assert.equal(result.handshakes!.full, 2);
      }
    });
  });

describe('node:https', () => {
  test('what is refused is taken with --insecure, or by the name that it has', async (t) => {
    const url = await httpsServer(t, OTHER_HOST);
    for (const args of [['-k'], ['--cacert', CACERT, '--server-name', 'other.example']]) {
      const result = await loadWell(t, [...args, '-n', '5', '-c', '1', url]);
      assert.deepEqual(result.statuses, { '200': 5 });
    }
  });

  test('a client certificate is shown; without it the run names what the server says', async (t) => {
    const url = await httpsServer(t, { ...LOCALHOST, ca: ROOT, requestCert: true, rejectUnauthorized: true });
    const own = ['--cert', join(folder, 'client.pem'), '--key', join(folder, 'client.key')];
    const result = await loadWell(t, ['--cacert', CACERT, ...own, '-n', '5', '-c', '1', url]);
    assert.deepEqual(result.statuses, { '200': 5 });
    const ended = await run(t, ['load', '--cacert', CACERT, '-n', '3', '-c', '1', '--json', url]);
    assert.equal(ended.code, 1);
    const { errors } = JSON.parse(ended.stdout) as LoadResult;
    assert.match(Object.keys(errors).join(' '), /CERTIFICATE_REQUIRED|ECONNRESET|closed early/);
  });

  test('full handshakes are made where sessions are not to be taken up', async (t) => {
    const url = await httpsServer(t, LOCALHOST);
    const args = ['--cacert', CACERT, '--no-resume', '--new-connection', '-n', '10', '-c', '1'];
    const { handshakes } = await loadWell(t, [...args, url]);
    assert.deepEqual([handshakes!.full, handshakes!.resumed], [10, 0]);
  });

  test('a server without HTTP/2 is told of before the run, and with --alpn is loaded without', async (t) => {
    const url = await httpsServer(t, LOCALHOST);
    const ended = await run(t, ['load', '--cacert', CACERT, '--h2', '-n', '5', url]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /HTTP\/2 when it is offered|does not speak the protocol that was offered/);
    const { plan } = await loadWell(t, ['--cacert', CACERT, '--alpn', '--new-connection', '-n', '5', url]);
    assert.equal(plan.protocol, 'http/1.1');
  });

  test('the scheme that HTTP/2 tells is https', async (t) => {
    const server = createSecureServer(LOCALHOST);
    const schemes = new Set<unknown>();
    server.on('stream', (stream, headers) => {
      schemes.add(headers[':scheme']);
      stream.respond({ ':status': 204 });
      stream.end();
    });
    const url = `https://127.0.0.1:${await portOf(t, server)}/`;
    await loadWell(t, ['--cacert', CACERT, '--h2', '-n', '5', '-c', '1', url]);
    assert.deepEqual([...schemes], ['https']);
  });

  test('a port of http is told as one', async (t) => {
    const server = await serve({
      port: 0,
      hostname: '127.0.0.1',
      logger: quiet,
      fetch: () => new Response(),
    });
    t.after(() => server.close(true));
    const ended = await run(t, ['load', '-n', '5', server.url.replace('http:', 'https:')]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /it does not answer in TLS; is this the port for http\?/);
  });

  test('siege loads https, and shows one exchange', async (t) => {
    const url = await httpsServer(t, LOCALHOST);
    const common = ['siege', '--rc', '/dev/null', '--cacert', CACERT];
    const ended = await run(t, [...common, '-b', '-c', '2', '-r', '3', url]);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /Transactions:\s+6 hits/);
    const shown = await run(t, [...common, '-p', url]);
    assert.match(shown.stdout, /HTTP\/1\.1 200 OK[\s\S]*ok$/);
    const refused = await run(t, ['siege', '--rc', '/dev/null', '-b', '-r', '1', url]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /trust its root with --cacert/);
  });
});

const NGINX = ['/usr/sbin', ...(process.env['PATH'] ?? '').split(delimiter)]
  .map((path) => join(path, 'nginx'))
  .find((path) => existsSync(path));

test('nginx, over HTTP/1.1 and HTTP/2', {
  skip: NGINX === undefined && 'nginx is not installed',
}, async (t) => {
  const port = await freePort();
  writeFileSync(join(folder, 'cert.pem'), LOCALHOST.cert);
  writeFileSync(join(folder, 'key.pem'), LOCALHOST.key);
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr crit; events {}
    http { access_log off; ${paths.map((path) => `${path}_temp_path ${folder}/${path};`).join(' ')}
      server { listen 127.0.0.1:${port} ssl http2; ssl_certificate ${folder}/cert.pem;
        ssl_certificate_key ${folder}/key.pem; ssl_session_tickets on; keepalive_requests 20;
        location / { return 200 "nginx"; } } }`,
  );
  const nginx = spawn(NGINX!, ['-c', join(folder, 'nginx.conf'), '-p', folder], { stdio: 'ignore' });
  t.after(() => nginx.kill('SIGKILL'));
  await until(
    () =>
      new Promise<boolean>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => socket.destroy() && resolve(true));
        socket.on('error', () => resolve(false));
      }),
    'nginx listens',
  );
  const url = `https://localhost:${port}/`;
  for (const flags of [
    ['--pipeline', '4'],
    ['--h2', '-m', '4'],
  ]) {
    const result = await loadWell(t, ['--cacert', CACERT, ...flags, '-n', '200', '-c', '2', url]);
    assert.deepEqual(result.statuses, { '200': 200 });
    // nginx closes each connection behind 20 requests, and the next one resumes.
    assert.ok(result.handshakes!.resumed > 0, JSON.stringify(result.handshakes));
  }
});
