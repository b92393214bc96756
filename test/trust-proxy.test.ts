/** Behind a proxy: `context.ip`, `request.ip`, `request.url` and the access log, on every engine and from the command. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type RequestContext, type ServeOptions, serve } from '#src/index.ts';
import { CliProcess, endsWell } from './cli-run.ts';
import { enginesHere } from './engines.ts';

const tell = (request: Request, context: RequestContext) => {
  assert.equal((request as Request & { ip?: string }).ip, context.ip);
  return new Response(`${context.ip} ${request.url} ${context.remoteAddress?.address}`);
};
const FIELDS = {
  host: 'inner:8080',
  'x-forwarded-for': '6.6.6.6, 203.0.113.7',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'shop.example',
};

/** Over one connection a request after the other, so that a head may be remembered. */
function ask(port: number, fields: Record<string, string>, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host, port, path: '/cart?a=1', headers: fields }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve(text));
    });
    request.on('error', reject).end();
  });
}

for (const { engine, skip } of await enginesHere()) {
  test(`a trusted proxy names the client, its scheme and host, on ${engine}`, { skip }, async () => {
    const told = async (options: ServeOptions, fields: Record<string, string> = FIELDS, host?: string) => {
      const server = await serve({ port: 0, engine, fetch: tell, ...options });
      try {
        const first = await ask(server.port, fields, host);
        for (let i = 0; i < 3; i++) assert.equal(await ask(server.port, fields, host), first);
        return first;
      } finally {
        await server.close(true);
      }
    };
    const url = 'https://shop.example/cart?a=1';
    assert.equal(await told({}), '127.0.0.1 http://inner:8080/cart?a=1 127.0.0.1');
    assert.equal(await told({ trustProxy: 'loopback' }), `203.0.113.7 ${url} 127.0.0.1`);
    assert.equal(await told({ trustProxy: 1 }), `203.0.113.7 ${url} 127.0.0.1`);
    assert.equal(await told({ trustProxy: true }), `6.6.6.6 ${url} 127.0.0.1`);
    assert.equal(
      await told({ trustProxy: ['192.0.2.0/24'] }),
      '127.0.0.1 http://inner:8080/cart?a=1 127.0.0.1',
    );
    const forwarded = { host: 'inner', forwarded: 'for="[2001:db8::9]";proto=https;host=shop.example' };
    assert.equal(await told({ trustProxy: 'loopback' }, forwarded), `2001:db8::9 ${url} 127.0.0.1`);
    const bad = { ...FIELDS, 'x-forwarded-host': 'a/../b', 'x-forwarded-proto': 'javascript' };
    assert.equal(await told({ trustProxy: 1 }, bad), '203.0.113.7 http://inner:8080/cart?a=1 127.0.0.1');
    // A dual-stack socket names IPv4 clients as IPv6.
    assert.equal(
      (await told({ trustProxy: 'loopback', hostname: '::' })).split(' ').slice(0, 2).join(' '),
      `203.0.113.7 ${url}`,
    );
    assert.match(await told({ hostname: '::' }), /^127\.0\.0\.1 http:/);
    assert.equal(
      await told({ trustProxy: 'loopback', hostname: '::1' }, FIELDS, '::1'),
      `203.0.113.7 ${url} ::1`,
    );
  });
}

test('equal heads of a trusted proxy and of somebody else are told apart', async () => {
  const server = await serve({ port: 0, hostname: '127.0.0.1', fetch: tell, trustProxy: '127.0.0.2' });
  const from = (localAddress: string) =>
    new Promise<string>((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port: server.port, localAddress, headers: FIELDS }, (response) => {
        response.setEncoding('utf8').once('data', resolve);
      })
        .on('error', reject)
        .end();
    });
  for (let i = 0; i < 3; i++) {
    assert.equal(await from('127.0.0.2'), '203.0.113.7 https://shop.example/ 127.0.0.2');
    assert.equal(await from('127.0.0.3'), '127.0.0.3 http://inner:8080/ 127.0.0.3');
  }
  await server.close(true);
});

test('--trust-proxy is for one thread and for several, and the access log names the client', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-trust-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'app.mjs');
  await writeFile(
    file,
    'export default (request, context) => new Response(context.ip + " " + request.url);\n',
  );
  for (const [workers, trust] of [
    ['1', 'loopback'],
    ['2', '1'],
    ['1', '127.0.0.0/8, ::1'],
  ] as const) {
    const args = ['serve', '-p', '0', '-w', workers, '--log', 'json', '--trust-proxy', trust, file];
    const cli = new CliProcess(t, args);
    const { port } = new URL((await cli.ready())['url']!);
    assert.equal(await ask(Number(port), FIELDS), '203.0.113.7 https://shop.example/cart?a=1');
    await cli.until(() => cli.stderr.includes('"remote":"203.0.113.7"'), 'the access line');
    cli.child.kill('SIGTERM');
    await endsWell(cli);
  }
  const refused = await new CliProcess(t, ['serve', '--trust-proxy', 'localhost', file]).ended;
  assert.match(refused.stderr, /^holdfast: --trust-proxy: "localhost" is not allowed; /);
  assert.equal(refused.code, 2);
});
