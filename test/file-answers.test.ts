/**
 * Answers whose body is a file, through real sockets, on every engine that this host offers: whole behind their heads, between other
 * answers, given back once, and broken off where the file is not what was promised.
 */
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, read, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { selectEngine } from '#src/engine/select.ts';
import { type EngineName, Response as LightResponse, type Server, serve } from '#src/index.ts';
import { fileResponse } from '#src/web/file-response.ts';
import { ask, connectH2, leave } from './h2-client.ts';
import { RawClient } from './raw-client.ts';

const ENGINES: EngineName[] = ['iouring', 'epoll', 'node'];
const MIB = 1024 * 1024;
const CONTENT = Buffer.alloc(12 * MIB);
for (let at = 0; at + 4 <= CONTENT.length; at += 4) CONTENT.writeUInt32LE((at * 2654435761) >>> 0, at);

const toEnd = (client: RawClient): Promise<void> =>
  client.until(({ ended, closed }) => ended || closed, 'the end', 20_000);

for (const engine of ENGINES) {
  const choice = await selectEngine(engine).catch((error: Error) => error);
  const skip = choice instanceof Error ? choice.message : false;

  describe(`answers that are files, on ${engine}`, { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-file-answers-'));
    const errors: string[] = [];
    let server: Server;
    let fd = -1;
    let opened = 0;
    let closed = 0;
    let isUnchanged = true;

    const fetch = (
      request: Request,
      context: { trailers(fields: Record<string, string>): void; pace(rate: string): void },
    ): Response => {
      const { pathname, searchParams } = new URL(request.url);
      if (pathname === '/text') return new LightResponse('text') as unknown as Response;
      if (pathname === '/trailers') context.trailers({ 'x-sum': '1' });
      const offset = Number(searchParams.get('from') ?? 0);
      const length = Number(searchParams.get('length') ?? CONTENT.length - offset);
      const pace = searchParams.get('pace');
      const says = searchParams.get('says');
      if (says !== null) context.pace(says);
      opened++;
      return fileResponse(
        {
          fd,
          offset,
          length,
          paceBytesPerSecond: pace === null ? undefined : Number(pace),
          verify: () => isUnchanged,
          read: (into, at) =>
            new Promise((resolve, reject) =>
              read(fd, into, 0, into.length, at, (error, count) => (error ? reject(error) : resolve(count))),
            ),
          close: () => void closed++,
        },
        { headers: { 'content-type': 'application/x-file' } },
      ) as unknown as Response;
    };

    before(async () => {
      fd = openSync(join(folder, 'file'), 'w+');
      writeSync(fd, CONTENT);
      const logger = {
        debug() {},
        info() {},
        warn() {},
        error: (...given: unknown[]) => void errors.push(JSON.stringify(given)),
      };
      server = await serve({ port: 0, engine, fetch, logger });
    });
    after(async () => {
      await server.close({ force: true });
      closeSync(fd);
      rmSync(folder, { recursive: true });
    });

    const get = async (target: string, init?: RequestInit): Promise<Response> =>
      await globalThis.fetch(new URL(target, server.url), init);
    async function allClosed(): Promise<void> {
      for (let tries = 0; tries < 400 && closed < opened; tries++) await sleep(5);
      assert.equal(closed, opened);
    }

    it('they come whole, with their length and type, as a part, and empty', async () => {
      for (const [from, length] of [
        [0, CONTENT.length],
        [7, 3 * MIB],
        [MIB - 3, 10],
        [5, 0],
      ] as const) {
        const response = await get(`/?from=${from}&length=${length}`);
        assert.equal(response.headers.get('content-length'), String(length));
        assert.equal(response.headers.get('content-type'), 'application/x-file');
        const bytes = Buffer.from(await response.arrayBuffer());
        assert.ok(bytes.equals(CONTENT.subarray(from, from + length)));
      }
      await allClosed();
    });

    it('HEAD and a client that leaves close the file', async () => {
      const head = await get('/', { method: 'HEAD' });
      assert.equal(head.headers.get('content-length'), String(CONTENT.length));
      const client = await RawClient.open(server.port);
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until(() => client.received.length > 100_000, 'some bytes');
      client.destroy();
      await allClosed();
    });

    it('pipelined requests are answered behind each other, HTTP/1.0 and close end with FIN', async () => {
      const client = await RawClient.open(server.port);
      client.write(
        'GET /?from=1&length=1000000 HTTP/1.1\r\nHost: a\r\n\r\n' +
          'GET /text HTTP/1.1\r\nHost: a\r\n\r\n' +
          'GET /?from=2&length=2000000 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      );
      await toEnd(client);
      const bytes = client.received;
      const parts = bytes.toString('latin1').split(/HTTP\/1\.1 200 OK\r\n(?:[^\r]+\r\n)+\r\n/);
      assert.equal(parts.length, 4);
      assert.ok(parts[1] === CONTENT.toString('latin1', 1, 1_000_001));
      assert.equal(parts[2], 'text');
      assert.ok(parts[3] === CONTENT.toString('latin1', 2, 2_000_002));
      const old = await RawClient.open(server.port);
      old.write('GET /?length=500000 HTTP/1.0\r\n\r\n');
      await toEnd(old);
      const all = old.received;
      assert.ok(all.subarray(all.length - 500_000).equals(CONTENT.subarray(0, 500_000)));
      await allClosed();
    });

    it('trailers make it pieces in chunks, and HTTP/2 makes it DATA', async () => {
      const client = await RawClient.open(server.port);
      client.write(
        'GET /trailers?length=300000 HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close\r\n\r\n',
      );
      await toEnd(client);
      assert.match(client.text, /transfer-encoding: chunked[\s\S]*x-sum: 1\r\n\r\n$/i);
      const session = await connectH2(server.url);
      const answer = await ask(session, '/?from=9');
      assert.ok(answer.content.equals(CONTENT.subarray(9)));
      await leave(session);
      await allClosed();
    });

    it('a file that is not what was promised breaks the connection, and the log says why', async () => {
      isUnchanged = false;
      await assert.rejects(async () => (await get('/')).arrayBuffer());
      isUnchanged = true;
      await allClosed();
      const client = await RawClient.open(server.port);
      client.socket.pause();
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await sleep(50);
      ftruncateSync(fd, CONTENT.length - 1);
      client.socket.resume();
      await toEnd(client);
      assert.equal(await client.wasReset(), true);
      const contentAt = client.received.indexOf('\r\n\r\n') + 4;
      assert.ok(client.received.length - contentAt < CONTENT.length);
      writeSync(fd, CONTENT, CONTENT.length - 1, 1, CONTENT.length - 1);
      await allClosed();
      assert.equal(
        errors.filter((text) => text.includes('HOLDFAST_FILE_CHANGED')).length,
        1,
        errors.join('\n'),
      );
      assert.equal(errors.filter((text) => text.includes('HOLDFAST_FILE_SHORT')).length, 1);
      assert.equal((await server.stats()).closeReasons['file-short'], 1);
    });

    it('what waits of a file counts for no memory, and is shown in its row', async () => {
      const client = await RawClient.open(server.port);
      client.socket.pause();
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const waiting = async () =>
        (await server.connections()).map((row) => row.unsentBytes).find((each) => each > MIB) ?? 0;
      let rest = 0;
      for (let tries = 0; tries < 400 && rest === 0; tries++) {
        await sleep(5);
        rest = await waiting();
      }
      assert.ok(rest > MIB, 'some of it waits');
      const { unsentBytes } = await server.stats();
      assert.ok(unsentBytes <= 128 * 1024, `${unsentBytes} bytes in memory`);
      client.destroy();
      await allClosed();
    });

    it('a pace holds for its answer', {
      skip: engine === 'node',
    }, async () => {
      const client = await RawClient.open(server.port);
      // The first ten segments of a connection are not paced, and loopback's have 64 KiB.
      client.write(`GET /?length=${3 * MIB}&pace=4000000 HTTP/1.1\r\nHost: a\r\n\r\n`);
      const beganMs = performance.now();
      await client.until(() => client.received.length > 3 * MIB, 'the paced answer');
      const pacedMs = performance.now() - beganMs;
      client.write(`GET /?length=${3 * MIB} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      await toEnd(client);
      assert.ok(pacedMs > 300, `paced: ${pacedMs} ms`);
    });

    it('a handler says how fast its answer leaves, also over HTTP/2, and the next goes at full speed', {
      skip: engine === 'node',
    }, async () => {
      const session = await connectH2(server.url);
      const took = async (target: string): Promise<number> => {
        const beganMs = performance.now();
        assert.equal((await ask(session, target)).content.length, 3 * MIB);
        return performance.now() - beganMs;
      };
      const pacedMs = await took(`/?length=${3 * MIB}&says=4m`);
      assert.ok(pacedMs > 300, `paced over HTTP/2: ${pacedMs} ms`);
      const paced = await took(`/?length=${3 * MIB}&pace=4000000`);
      assert.ok(paced > 300, `a paced file over HTTP/2: ${paced} ms`);
      const freeMs = await took(`/?length=${3 * MIB}`);
      assert.ok(freeMs < pacedMs, `not paced: ${freeMs} ms`);
      await leave(session);
      const client = await RawClient.open(server.port);
      const beganMs = performance.now();
      client.write(`GET /?length=${3 * MIB}&says=4m HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      await toEnd(client);
      assert.ok(performance.now() - beganMs > 300);
      await allClosed();
    });
  });
}
