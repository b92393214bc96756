/** The port of plain HTTP that sends its clients to HTTPS, over sockets. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type ServeOptions, type Server, serve } from '#src/index.ts';
import { CliProcess } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { CERT, KEY } from './tls-keys.ts';
import { until } from './until.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-redirect-'));
after(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const module = file('app.mjs', `export default (request) => new Response('handler of ' + request.url);`);
const tls = { cert: CERT, key: KEY };

/** All that the port answers, until it closes. */
async function answerTo(server: Pick<Server, 'redirect'>, text: string): Promise<string> {
  const client = await RawClient.open(server.redirect!.port);
  client.write(text);
  await until(() => client.ended || client.closed, 'the end');
  client.destroy();
  return client.text;
}

async function withServer(options: ServeOptions, body: (server: Server) => Promise<void>): Promise<void> {
  const server = await serve({ port: 0, logger: quiet, tls, redirectHttp: 0, ...options });
  try {
    await body(server);
  } finally {
    await server.close(true);
  }
}

for (const { engine, skip } of await enginesHere())
  describe(`redirectHttp on ${engine}`, { skip }, () => {
    it('sends whatever is asked to HTTPS, with host, path and query as they were', () =>
      withServer({ engine, module }, async (server) => {
        const { port } = server;
        assert.match(server.redirect!.url, /^http:\/\/127\.0\.0\.1:\d+$/);
        for (const [request, location] of [
          ['GET / HTTP/1.1\r\nHost: example.com', `https://example.com:${port}/`],
          [
            'GET /a/../b%7e?x=%20&y HTTP/1.1\r\nHost: example.com:8080',
            `https://example.com:${port}/b%7e?x=%20&y`,
          ],
          ['HEAD /x HTTP/1.1\r\nHost: [::1]:80', `https://[::1]:${port}/x`],
          ['POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello', `https://a:${port}/form`],
          ['GET http://b.example/abs?q HTTP/1.1\r\nHost: b.example', `https://b.example:${port}/abs?q`],
        ] as const) {
          const answer = await answerTo(
            server,
            `${request}${request.includes('\r\n\r\n') ? '' : '\r\n\r\n'}`,
          );
          assert.match(answer, /^HTTP\/1\.1 308 /);
          assert.match(answer, /\r\nconnection: close\r\n/i);
          assert.equal(/\r\nlocation: (.*)\r\n/i.exec(answer)?.[1], location);
        }
      }));

    it('refuses hosts that are none, and lets nobody hold a connection', () =>
      withServer({ engine, module, timeouts: { header: '200ms' } }, async (server) => {
        for (const request of [
          'GET / HTTP/1.1\r\n\r\n',
          'GET / HTTP/1.0\r\n\r\n',
          'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
          'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n',
          'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n',
        ]) {
          const answer = await answerTo(server, request);
          assert.match(answer, /^HTTP\/1\.1 400 /, request);
          assert.doesNotMatch(answer, /location/i);
        }
        assert.match(await answerTo(server, 'GET / HTTP/1.1\r\nHost:'), /^HTTP\/1\.1 408 /);
        assert.equal(await answerTo(server, ''), '');
      }));
  });

it('with workers, challenges of ACME are answered by the handler, and a port that is forwarded is named', () =>
  withServer({ module, workers: 2, redirectHttp: { port: 0, publicPort: 443 } }, async (server) => {
    const path = '/.well-known/acme-challenge/token';
    const answer = await answerTo(server, `GET ${path} HTTP/1.1\r\nHost: example.com\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, new RegExp(`handler of http://example.com${path}$`));
    const other = await answerTo(server, 'GET /x HTTP/1.1\r\nHost: example.com\r\n\r\n');
    assert.match(other, /\r\nlocation: https:\/\/example\.com\/x\r\n/i);
  }));

it('is for servers with TLS, and says where it could not listen', async () => {
  const fetch = (): Response => new Response('');
  await assert.rejects(serve({ port: 0, fetch, redirectHttp: 0 }), /redirectHttp.*`tls`/);
  await assert.rejects(serve({ port: 0, fetch, tls, redirectHttp: { port: -1 } }), /redirectHttp\.port/);
  await assert.rejects(
    serve({ unix: join(folder, 'socket'), fetch, tls, redirectHttp: 0 }),
    /redirectHttp\.publicPort/,
  );
  await withServer({ fetch }, async ({ redirect }) => {
    await assert.rejects(
      serve({ port: 0, fetch, tls, logger: quiet, redirectHttp: redirect!.port }),
      /redirectHttp port 127\.0\.0\.1:\d+ is in use already/,
    );
  });
});

it('holdfast serve --redirect-http tells where it listens', async (t) => {
  const [cert, key] = [file('cert.pem', CERT), file('key.pem', KEY)];
  const flags = ['-p', '0', '-w', '1', '--tls-cert', cert, '--tls-key', key, '--redirect-http', '0'];
  const { url, redirect } = await new CliProcess(t, ['serve', module, ...flags]).ready();
  const response = await fetch(`${redirect}/x?y`, { redirect: 'manual' });
  assert.deepEqual([response.status, response.headers.get('location')], [308, `${url}/x?y`]);
});
