/**
 * nginx in front of Holdfast, with the very configuration that docs/deploy.md gives: what a proxy does to
 * connections, streams and uploads is not what a test client does. Skips where nginx is not installed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { freePort } from './load-servers.ts';

/** Debian puts it where only root's PATH leads. */
const BINARY = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  .map((folder) => join(folder, 'nginx'))
  .find((file) => existsSync(file));

const UPLOAD_BYTES = 3_000_000;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** @returns the port of an nginx that passes everything on to `port` */
async function nginxBefore(t: TestContext, port: number): Promise<number> {
  const [, documented] = /```nginx\n([\s\S]*?)```/.exec(readFileSync('docs/deploy.md', 'utf8'))!;
  const listen = await freePort();
  const site = documented!
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('listen 80;', `listen 127.0.0.1:${listen};`);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-nginx-'));
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${join(folder, 'pid')}; events {}\n` +
      `http { access_log off; ${paths.join(' ')}\n${site}\n}\n`,
  );
  const child = spawn(BINARY!, ['-p', folder, '-e', 'stderr', '-c', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true });
  });
  for (let waitedMs = 0; waitedMs < 10_000 && child.exitCode === null; waitedMs += 50) {
    const isUp = await fetch(`http://127.0.0.1:${listen}/hello`).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return listen;
    await sleep(50);
  }
  throw new Error(`nginx did not start: ${log}`);
}

for (const { engine, skip: whyNot } of await enginesHere()) {
  const skip = BINARY === undefined ? 'nginx is not installed' : whyNot;
  test(`nginx in front of the ${engine} engine`, { skip }, async (t) => {
    let streamsCancelled = 0;
    const server = await serve({
      port: 0,
      engine,
      trustProxy: 1,
      fetch: async (request, context) => {
        const url = new URL(request.url);
        if (url.pathname === '/hello') return new Response('hello');
        if (url.pathname === '/upload') return new Response(sha256(await request.bytes()));
        if (url.pathname === '/who')
          return Response.json({ url: request.url, peer: context.remoteAddress?.address, ip: context.ip });
        if (url.pathname === '/ticks') {
          let timer: ReturnType<typeof setInterval>;
          const events = new ReadableStream({
            start(controller) {
              let tick = 0;
              timer = setInterval(
                () => controller.enqueue(new TextEncoder().encode(`data: ${tick++}\n\n`)),
                20,
              );
            },
            cancel() {
              clearInterval(timer);
              streamsCancelled++;
            },
          });
          return new Response(events, { headers: { 'content-type': 'text/event-stream' } });
        }
        return new Response('no such page', { status: 404 });
      },
    });
    t.after(() => server.close(true));
    const origin = `http://127.0.0.1:${await nginxBefore(t, server.port)}`;

    await t.test('keeps its connections, many requests on few', async () => {
      const before = (await server.stats()).engine.accepted;
      for (let i = 0; i < 50; i++) assert.equal(await (await fetch(`${origin}/hello`)).text(), 'hello');
      assert.ok((await server.stats()).engine.accepted - before <= 5);
    });

    await t.test('passes uploads on, byte for byte', async () => {
      const bytes = randomBytes(UPLOAD_BYTES);
      const response = await fetch(`${origin}/upload`, { method: 'POST', body: bytes });
      assert.equal(await response.text(), sha256(bytes));
    });

    await t.test('passes events on as they come, and the end of a client', async () => {
      const abort = new AbortController();
      const response = await fetch(`${origin}/ticks`, { signal: abort.signal });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      while (!text.includes('data: 2')) text += (await reader.read()).value;
      abort.abort();
      for (let waitedMs = 0; waitedMs < 5000 && streamsCancelled === 0; waitedMs += 20) await sleep(20);
      assert.equal(streamsCancelled, 1);
    });

    await t.test('names the host that the client asked and the client, who cannot name another', async () => {
      const headers = { 'x-forwarded-for': '192.0.2.7', 'x-forwarded-proto': 'https' };
      const response = await fetch(`${origin}/who`, { headers });
      const { url, peer, ip } = (await response.json()) as Record<string, string>;
      assert.equal(url, 'http://127.0.0.1/who');
      assert.equal(peer, '127.0.0.1');
      assert.equal(ip, '127.0.0.1');
    });
  });
}
