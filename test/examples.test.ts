/** Every example does what its first lines say: each is run as written, and asked. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { CliProcess, PACKAGE, run } from './cli-run.ts';
import { FrameClient } from './websocket-client.ts';

const pathOf = (name: string) => fileURLToPath(new URL(`examples/${name}`, PACKAGE));

async function serve(
  t: TestContext,
  name: string,
  args: string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const cli = new CliProcess(t, ['serve', '-p', '0', '-w', '1', ...args, pathOf(name)], env);
  return (await cli.ready())['url'] ?? '';
}

async function textOf(url: string, init?: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  assert.ok(response.ok, `${url}: ${response.status}`);
  return response.text();
}

const post = (value: object): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json' },
});

const EXAMPLES: Record<string, (t: TestContext) => Promise<void>> = {
  async boot(t) {
    const url = await serve(t, 'boot', ['--boot']);
    const script = await textOf(`${url}/ipxe?mac=52-54-00-12-34-56`);
    assert.match(script, /\nkernel \/debian\/linux initrd=initrd\.gz .* hostname=node1 /);
    const preseed = await textOf(`${url}/preseed?mac=52:54:00:12:34:56`);
    assert.match(preseed, /^d-i partman-auto\/disk string \/dev\/nvme0n1$/m);
  },

  async 'chat.mjs'(t) {
    const port = Number(new URL(await serve(t, 'chat.mjs', ['-w', '2'])).port);
    const clients = await Promise.all([1, 2, 3, 4].map(() => FrameClient.open(port, '/chat?room=x')));
    const stranger = await FrameClient.open(port, '/chat?room=y');
    const [speaker, ...others] = clients as [FrameClient, ...FrameClient[]];
    // Each is in some thread or other, and hears what is said in the room.
    speaker.send(0x81, 'hello');
    for (const client of [speaker, ...others]) {
      const wanted = client === speaker ? 'you: hello' : 'hello';
      for (;;) if (String((await client.frame()).payload) === wanted) break;
    }
    assert.equal(stranger.raw.received.length, 0);
    for (const client of [...clients, stranger]) client.raw.destroy();
  },

  async 'hello.mjs'(t) {
    const url = await serve(t, 'hello.mjs');
    assert.equal(await textOf(url), 'Hello, World!');
    assert.deepEqual(JSON.parse(await textOf(`${url}/json`)), { message: 'Hello, World!' });
    assert.equal(await textOf(`${url}/echo`, { method: 'POST', body: 'again' }), 'again');
    assert.equal((await fetch(`${url}/none`)).status, 404);
  },

  async 'hono.mjs'(t) {
    const url = await serve(t, 'hono.mjs');
    assert.equal(await textOf(url), 'Hello from Hono');
    const first = await fetch(`${url}/users/7`);
    assert.deepEqual(await first.json(), { id: '7' });
    const again = await fetch(`${url}/users/7`, {
      headers: { 'if-none-match': first.headers.get('etag') ?? '' },
    });
    assert.equal(again.status, 304);
    assert.equal(await textOf(`${url}/echo`, post({ a: 1 })), '{"a":1}');
  },

  async 'h3.mjs'(t) {
    const url = await serve(t, 'h3.mjs');
    assert.equal(await textOf(url), 'Hello from H3');
    assert.deepEqual(JSON.parse(await textOf(`${url}/users/7`)), { id: '7' });
    assert.deepEqual(JSON.parse(await textOf(`${url}/echo`, post({ a: 1 }))), { a: 1 });
  },

  async 'files.mjs'(t) {
    const url = await serve(t, 'files.mjs');
    assert.match(await textOf(url), /<html/);
    const mark = await fetch(`${url}/mark.svg`);
    assert.equal(mark.headers.get('cache-control'), 'public, max-age=3600');
    assert.match(await mark.text(), /<svg/);
    assert.match(JSON.parse(await textOf(`${url}/api/time`)).time, /^\d{4}-/);
    assert.equal((await fetch(`${url}/none`)).status, 404);
  },

  async 'stream.mjs'(t) {
    const url = await serve(t, 'stream.mjs');
    const clock = await fetch(`${url}/clock`);
    const reader = clock.body!.getReader();
    assert.match(Buffer.from((await reader.read()).value!).toString(), /^data: \d{4}-/);
    await reader.cancel();
    const flood = await fetch(`${url}/flood?mb=3`);
    assert.equal((await flood.arrayBuffer()).byteLength, 3 * 1024 * 1024);
  },

  async 'items.mjs'(t) {
    const url = await serve(t, 'items.mjs');
    const created = await fetch(`${url}/items`, post({ name: 'tea' }));
    assert.equal(created.status, 201);
    const location = created.headers.get('location') ?? '';
    assert.deepEqual(JSON.parse(await textOf(url + location)), { name: 'tea', id: 1 });
    assert.equal(JSON.parse(await textOf(`${url}/items`)).length, 1);
    const wrong = await fetch(`${url}/items`, { method: 'POST', body: '{' });
    assert.equal(wrong.status, 400);
    assert.match(await wrong.text(), /^\{"error":/);
  },

  async 'express.mjs'(t) {
    const url = await serve(t, 'express.mjs');
    assert.equal(await textOf(url), 'Hello, World!');
    assert.deepEqual(JSON.parse(await textOf(`${url}/echo`, post({ a: 1 }))), { a: 1 });
  },

  async 'koa.mjs'(t) {
    const url = await serve(t, 'koa.mjs');
    assert.deepEqual(JSON.parse(await textOf(`${url}/x`)), { path: '/x', ip: '127.0.0.1' });
  },

  async 'fastify.mjs'(t) {
    const url = await serve(t, 'fastify.mjs');
    assert.deepEqual(JSON.parse(await textOf(url)), { hello: '127.0.0.1' });
  },

  async 'load.mjs'(t) {
    const url = await serve(t, 'items.mjs');
    const ended = await run(t, [
      'load',
      '--json',
      '-n',
      '200',
      '-c',
      '2',
      '--script',
      pathOf('load.mjs'),
      url,
    ]);
    assert.equal(ended.code, 0, ended.stderr);
    const { checks, requests } = JSON.parse(ended.stdout) as LoadResult;
    assert.equal(requests.succeeded, 200);
    for (const name of ['status', 'JSON', 'id']) assert.equal(checks[name]?.failed, 0, name);
    assert.ok(checks['status']!.passed === 200);
  },

  async 'upload.mjs'(t) {
    const url = await serve(t, 'upload.mjs');
    const bytes = Buffer.alloc(3_000_000, 'some large file');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    assert.deepEqual(JSON.parse(await textOf(url, { method: 'PUT', body: bytes })), {
      bytes: bytes.length,
      sha256,
    });
    assert.equal((await fetch(url)).status, 400);
  },

  async 'proxy.mjs'(t) {
    const upstream = createServer((request, response) => {
      response.setHeader('x-saw', String(request.headers['x-forwarded-for']));
      response.writeHead(request.url === '/made' ? 201 : 200);
      request.pipe(response);
    }).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    t.after(() => upstream.closeAllConnections());
    t.after(() => upstream.close());
    const { port } = upstream.address() as { port: number };
    const url = await serve(t, 'proxy.mjs', [], { UPSTREAM: `http://127.0.0.1:${port}` });
    const answer = await fetch(`${url}/made`, { method: 'POST', body: 'there and back' });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers.get('x-saw'), '127.0.0.1');
    assert.equal(await answer.text(), 'there and back');
    const dead = await serve(t, 'proxy.mjs', [], { UPSTREAM: 'http://127.0.0.1:1' });
    assert.equal((await fetch(dead)).status, 502);
  },

  async 'proved.mjs'(t) {
    const url = await serve(t, 'proved.mjs');
    assert.equal(await textOf(url), 'hello\n');
    assert.equal((await textOf(`${url}/large`)).length, 8 * 1024 * 1024);
    assert.equal(await textOf(`${url}/upload`, { method: 'POST', body: 'hello' }), '5 bytes\n');
  },

  async 'program.mjs'(t) {
    const child = spawn(process.execPath, [pathOf('program.mjs')], { env: { ...process.env, PORT: '0' } });
    t.after(() => child.kill('SIGKILL'));
    let stderr = '';
    child.stderr.on('data', (piece) => (stderr += piece));
    const ended = once(child, 'exit');
    const [line] = await Promise.race([once(child.stdout, 'data'), ended.then(() => [stderr])]);
    const url = /^listening at (\S+)/.exec(String(line))?.[1] ?? String(line);
    assert.equal(await textOf(url), 'Hello, 127.0.0.1\n');
    assert.match(await textOf(`${url}/hints`), /stylesheet/);
    await textOf(`${url}/later`);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null], stderr);
    assert.match(stderr, /the answer has left/);
  },

  async site(t) {
    const url = await serve(t, 'site');
    const page = await textOf(url);
    const links = [...page.matchAll(/(?:href|src)="([^":#]+)"/g)].map((match) => match[1]!);
    assert.ok(links.length >= 2);
    for (const link of links) await textOf(new URL(link, `${url}/`).href);
    const missing = await fetch(`${url}/none`);
    assert.equal(missing.status, 404);
    assert.match(await missing.text(), /<html/);
  },
};

for (const [name, check] of Object.entries(EXAMPLES)) test(`examples/${name} runs`, check);

test('no example goes without being run', () => {
  // Those in apps/ have a test of their own, reference-apps.long.test.ts.
  const found = readdirSync(new URL('examples/', PACKAGE))
    .filter((name) => name !== 'apps')
    .sort();
  assert.deepEqual(found, Object.keys(EXAMPLES).sort());
});
