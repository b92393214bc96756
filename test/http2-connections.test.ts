/** HTTP/2 through real sockets, on every engine: deadlines, limits, how connections end, what operators see of them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ClientHttp2Session } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Response as LightResponse, type ServeOptions, type Server, serve } from '#src/index.ts';
import { HTTP2_PREFACE } from '#src/protocol/detect.ts';
import { headersOf, joined, settingsOf } from '#src/protocol/h2/server/core.fixture.ts';
import { CliProcess, endsWell } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { answerOf, ask, connectH2, leave } from './h2-client.ts';
import { requestOf } from './h2-raw-client.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-h2-'));
after(() => rmSync(folder, { recursive: true }));
const module = join(folder, 'app.mjs');
writeFileSync(
  module,
  `export default async (request) => {
    if (request.url.endsWith('/late')) await new Promise((resolve) => setTimeout(resolve, 100));
    return new Response(await request.text() || 'fine');
  };`,
);

for (const { engine, skip } of await enginesHere()) {
  async function served(t: TestContext, options: ServeOptions): Promise<Server> {
    const server = await serve({ port: 0, engine, logger: quiet, ...options });
    t.after(() => server.close(true));
    return server;
  }

  async function connected(t: TestContext, server: Server): Promise<ClientHttp2Session> {
    const client = await connectH2(server.url);
    t.after(() => leave(client));
    return client;
  }

  /** Answers when it is told to: `/held`; anything else at once. */
  function gate(): { fetch: NonNullable<ServeOptions['fetch']>; open: () => void; held: () => number } {
    let count = 0;
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    return {
      fetch: async (request) => {
        if (!request.url.includes('/held')) return new Response('at once');
        count++;
        await opened;
        return new Response(`held ${new URL(request.url).search}`);
      },
      open,
      held: () => count,
    };
  }

  describe(`connections of HTTP/2 (${engine})`, { skip }, () => {
    it('timeouts.handler answers 503 on its stream alone', async (t) => {
      const reasons: string[] = [];
      const server = await served(t, {
        timeouts: { handler: 300 },
        fetch: async (request) => {
          const isLate = request.url.endsWith('/late');
          request.signal.addEventListener('abort', () => reasons.push(request.signal.reason.code));
          if (isLate) await sleep(10_000, undefined, { ref: false });
          return new Response('done');
        },
      });
      const client = await connected(t, server);
      const late = ask(client, '/late');
      for (let i = 0; i < 5; i++) assert.equal((await ask(client, '/')).status, 200);
      assert.equal((await late).status, 503);
      assert.deepEqual(reasons, ['HOLDFAST_HANDLER_TIMEOUT']);
      assert.equal((await ask(client, '/')).status, 200);
      assert.equal((await server.stats()).deadlines.handler, 1);
    });

    it('timeouts.body answers 408 on its stream alone', async (t) => {
      const server = await served(t, {
        timeouts: { body: 600 },
        fetch: async (request) => new Response(await request.text()),
      });
      const client = await connected(t, server);
      const stalled = client.request({ ':method': 'POST', ':path': '/' });
      stalled.write('a');
      const slow = client.request({ ':method': 'POST', ':path': '/' });
      const slowAnswer = answerOf(slow);
      const stalledAnswer = answerOf(stalled);
      for (let i = 0; i < 8; i++) {
        slow.write('b');
        await sleep(90);
      }
      slow.end();
      assert.equal((await stalledAnswer).status, 408);
      assert.equal((await slowAnswer).text, 'bbbbbbbb');
      assert.equal((await server.stats()).deadlines.body, 1);
    });

    it('timeouts.idle ends a connection by GOAWAY, and none that works', async (t) => {
      const server = await served(t, {
        timeouts: { idle: 200 },
        fetch: async (request) => {
          if (request.url.endsWith('/long')) await sleep(500);
          return new Response('x');
        },
      });
      const client = await connected(t, server);
      const goneAway = once(client, 'goaway');
      const closed = once(client, 'close');
      assert.equal((await ask(client, '/long')).status, 200);
      assert.equal((await goneAway)[0], 0);
      await closed;
      await until(async () => (await server.stats()).closeReasons['idle-timeout'] === 1, 'counted');
    });

    it('limits.connections refuses those that are too many', async (t) => {
      const server = await served(t, { limits: { connections: 1 }, fetch: () => new Response('x') });
      const client = await connected(t, server);
      assert.equal((await ask(client, '/')).status, 200);
      const second = await RawClient.open(server.port);
      second.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
      assert.equal((await second.response()).status, 503);
      second.destroy();
      assert.equal((await ask(client, '/')).status, 200);
    });

    it('limits.requestsPerConnection ends a connection and loses nothing', async (t) => {
      const server = await served(t, {
        limits: { requestsPerConnection: 10 },
        fetch: async () => {
          await sleep(1);
          return new Response('x');
        },
      });
      const client = await connected(t, server);
      let isAway = false;
      client.on('goaway', () => (isAway = true));
      let asked = 0;
      while (!isAway && !client.closed) {
        const answers = [1, 2, 3].map(() => ask(client, '/'));
        asked += answers.length;
        for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
      }
      assert.ok(asked >= 10 && asked < 100, `${asked} were answered`);
      await until(() => client.closed, 'closed');
    });

    it('close() answers fifty streams that are busy, and ends by GOAWAY', async (t) => {
      const { fetch, open, held } = gate();
      const server = await served(t, { fetch });
      const client = await connected(t, server);
      const answers = Array.from({ length: 50 }, (_, n) => ask(client, `/held?${n}`));
      await until(() => held() === 50, 'all are held');
      const goneAway = once(client, 'goaway');
      const report = server.close();
      await goneAway;
      open();
      for (const [n, { text }] of (await Promise.all(answers)).entries()) assert.equal(text, `held ?${n}`);
      assert.deepEqual(await report, { drained: 1, forced: 0 });
    });

    it('close() ends a connection that is idle in no time, and one in the midst of an upload behind it', async (t) => {
      const server = await served(t, { fetch: async (request) => new Response(await request.text()) });
      const idle = await connected(t, server);
      assert.equal((await ask(idle, '/')).status, 200);
      const busy = await connected(t, server);
      const upload = busy.request({ ':method': 'POST', ':path': '/' });
      const answer = answerOf(upload);
      upload.write('half ');
      await until(async () => (await server.stats()).states.exchange === 1, 'the upload is open');
      const report = server.close();
      await once(idle, 'close');
      upload.end('whole');
      assert.equal((await answer).text, 'half whole');
      assert.deepEqual(await report, { drained: 2, forced: 0 });
    });

    it('close() asks nothing more of an idle connection that it is not to wait for', async (t) => {
      const server = await served(t, { fetch: () => new Response('fine') });
      const client = await RawClient.open(server.port!);
      t.after(() => client.socket.destroy());
      client.write(HTTP2_PREFACE);
      client.write(Buffer.from('000000040000000000', 'hex'));
      await until(async () => (await server.stats()).states.idle === 1, 'it is idle');
      assert.deepEqual(await server.close({ idleGraceMs: 0 }), { drained: 1, forced: 0 });
      await client.until(() => client.closed || client.ended, 'ended');
      const goAways = client.received.toString('hex').match(/00000807[0-9a-f]{26}/g) ?? [];
      // One, which names no stream: nobody waits for the answer to a PING.
      assert.deepEqual(goAways, ['000008070000000000' + '00000000' + '00000000']);
    });

    it('who sends thousands of requests at once lets others have their turn', async (t) => {
      let flooded = 0;
      let seen = 0;
      const server = await served(t, {
        fetch: (request) => {
          if (request.url.endsWith('/quiet')) seen = flooded;
          else {
            flooded++;
            for (const endMs = performance.now() + 0.1; performance.now() < endMs; );
          }
          // The platform's may be read by promises alone, and streams that are under way count.
          return new LightResponse('fine');
        },
      });
      const other = await connected(t, server);
      await ask(other, '/quiet');
      const flood = await RawClient.open(server.port!);
      t.after(() => flood.socket.destroy());
      const requests = Array.from({ length: 1500 }, (_, n) => headersOf(2 * n + 1, requestOf('GET', '/')));
      flood.write(joined(HTTP2_PREFACE, settingsOf(), ...requests));
      await until(() => flooded > 0, 'the flood has begun');
      await ask(other, '/quiet');
      assert.ok(seen < 750, `${seen} of 1500 came before`);
      await until(() => flooded === 1500, 'all are answered', 20_000);
    });

    it('reload() changes who answers the next stream', async (t) => {
      const { fetch, open, held } = gate();
      const server = await served(t, { fetch });
      const client = await connected(t, server);
      const before = ask(client, '/held');
      await until(() => held() === 1, 'it is held');
      await server.reload(() => new Response('anew'));
      assert.equal((await ask(client, '/')).text, 'anew');
      open();
      assert.equal((await before).text, 'held ');
    });

    it('stats and rows tell of streams as of requests', async (t) => {
      const { fetch, open, held } = gate();
      const server = await served(t, { fetch });
      const client = await connected(t, server);
      for (let i = 0; i < 5; i++) await ask(client, '/');
      await ask(client, '/', { ':method': 'TRACE' });
      const answers = [ask(client, '/held?a'), ask(client, '/held?b')];
      await until(() => held() === 2, 'they are held');
      const [row, ...more] = await server.connections();
      assert.deepEqual(more, []);
      assert.deepEqual(
        [row!.state, row!.requests, row!.method, row!.target],
        ['exchange', 8, 'GET', '/held'],
      );
      assert.ok(row!.bytesReceived > 100 && row!.bytesSent > 100);
      open();
      await Promise.all(answers);
      const aborted = client.request({ ':path': '/held' });
      aborted.on('error', () => {});
      aborted.close(8);
      await until(async () => (await server.connections())[0]?.state === 'idle', 'idle');
      const { requests, statusClasses, faults } = await server.stats();
      assert.ok(requests === 8 || requests === 9);
      assert.ok(statusClasses['2xx'] >= 7);
      assert.equal(statusClasses['5xx'], 1);
      assert.equal(faults['method-unsupported'], 1);
      client.close();
      await until(async () => (await server.connections()).length === 0, 'gone');
    });

    it('two workers serve many connections, and a reload of theirs loses nothing', async (t) => {
      const server = await serve({ port: 0, engine, logger: quiet, module, workers: 2 });
      t.after(() => server.close(true));
      const clients = await Promise.all(Array.from({ length: 12 }, () => connected(t, server)));
      const answers = clients.map((client) =>
        Promise.all([ask(client, '/late'), ask(client, '/', {}, 'sent')]),
      );
      await sleep(20);
      const reloaded = server.reload();
      for (const [late, sent] of await Promise.all(answers)) {
        assert.equal(late.text, 'fine');
        assert.equal(sent.text, 'sent');
      }
      await reloaded;
      const client = await connected(t, server);
      assert.equal((await ask(client, '/')).text, 'fine');
    });

    it('each stream has its line in the access log', async (t) => {
      const args = ['serve', module, '--port', '0', '--engine', engine, '--log', 'json'];
      const cli = new CliProcess(t, args);
      const { url } = await cli.ready();
      const client = await connectH2(url!);
      t.after(() => leave(client));
      await Promise.all([ask(client, '/a?b'), ask(client, '/c', {}, 'sent'), ask(client, '/late')]);
      const reset = client.request({ ':path': '/late' }).on('error', () => {});
      await sleep(30);
      reset.close(8);
      client.close();
      await once(client, 'close');
      cli.child.kill('SIGTERM');
      await endsWell(cli);
      const lines = cli.stderr.split('\n').filter((line) => line.includes('"/'));
      assert.equal(lines.length, 4, cli.stderr);
    });
  });
}
