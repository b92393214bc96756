/** What a worker leaves that ends without a word, out of memory or terminated: its sockets are released, and it is replaced. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '#src/index.ts';
import { MAIN } from './cli-run.ts';
import { quiet } from './quiet-logger.ts';
import { get, isRefused, RawClient } from './raw-client.ts';

const skip = process.platform === 'linux' ? false : 'several threads need SO_REUSEPORT as Linux has it';

describe('workers that end without a word', { skip }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-leftovers-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const engine of ['iouring', 'epoll', 'node'] as const) {
    it(`releases what a worker leaves that runs out of memory, and replaces it (${engine})`, async (t) => {
      const file = join(folder, 'hungry.mjs');
      writeFileSync(
        file,
        `import { threadId } from 'node:worker_threads';
         const kept = [];
         export default (request) => {
           if (!request.url.endsWith('/eat')) return new Response(String(threadId));
           for (;;) kept.push(new Array(5_000).fill(kept.length));
         };`,
      );
      // A process of its own: the limit that the threads inherit is set by a flag.
      const cli = spawn(
        process.execPath,
        ['--max-old-space-size=64', MAIN, 'serve', '-w', '2', '-p', '0', '--engine', engine, file],
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let words = '';
      cli.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
      try {
        const [ready] = (await once(cli.stdout.setEncoding('utf8'), 'data')) as [string];
        const port = Number(/:(\d+) /.exec(ready)?.[1]);
        const descriptors = () => readdirSync(`/proc/${cli.pid}/fd`).length;
        const before = descriptors();
        const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(port)));
        for (const client of clients) client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        const threads = await Promise.all(clients.map(async (client) => (await client.response()).body));
        clients[0]!.write('GET /eat HTTP/1.1\r\nHost: a\r\n\r\n');
        await Promise.all(
          clients.map(
            async (client, i) =>
              threads[i] !== threads[0] || client.until((c) => c.closed || c.ended, 'the end'),
          ),
        );
        await sleep(100);
        if (cli.exitCode !== null || cli.signalCode !== null) {
          t.skip('this Node ended the whole process, as some do when a thread wants much memory at once');
          return;
        }
        for (const [i, client] of clients.entries())
          if (threads[i] !== threads[0]) assert.equal(client.ended, false, 'the other worker goes on');
        // No listening socket is left that nobody accepts from: every new connection is answered.
        const seen = new Set<string>();
        const giveUpAtMs = performance.now() + 20_000;
        while (seen.size < 2 && performance.now() < giveUpAtMs) seen.add(await get(port, '/'));
        assert.equal(seen.size, 2, 'there are two workers again');
        for (let i = 0; i < 40; i++) seen.add(await get(port, '/'));
        assert.equal(seen.has(threads[0]!), false);
        for (const client of clients) client.destroy();
        while (descriptors() > before + 6 && performance.now() < giveUpAtMs) await sleep(20);
        assert.ok(
          descriptors() <= before + 6,
          `${before} descriptors before, ${descriptors()} now; ${words}`,
        );
      } finally {
        if (cli.kill('SIGKILL')) await once(cli, 'exit');
      }
    });
  }

  for (const engine of ['iouring', 'epoll', 'node'] as const) {
    it(`releases what a worker leaves that has to be terminated (${engine})`, async () => {
      const file = join(folder, `endless-${engine}.mjs`);
      writeFileSync(
        file,
        `export default (request) => {
           if (request.url.endsWith('/endless')) for (;;);
           return new Response('ok');
         };`,
      );
      const server = await serve({ module: file, workers: 2, port: 0, engine, logger: quiet });
      const before = readdirSync('/proc/self/fd').length;
      const clients = await Promise.all(Array.from({ length: 10 }, () => RawClient.open(server.port)));
      for (const client of clients) client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await Promise.all(clients.map((client) => client.response()));
      clients[0]!.write('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n');
      await sleep(50);
      await server.close(true);
      await Promise.all(clients.map((client) => client.until((c) => c.closed || c.ended, 'the end')));
      for (const client of clients) client.destroy();
      const giveUpAtMs = performance.now() + 10_000;
      // The kernel takes a ring apart in its own time, and until then an accept on it holds the socket.
      while ((await isRefused(server.port)) === false && performance.now() < giveUpAtMs) await sleep(20);
      assert.ok(await isRefused(server.port), 'nobody listens any more');
      while (readdirSync('/proc/self/fd').length > before && performance.now() < giveUpAtMs) await sleep(20);
      assert.ok(readdirSync('/proc/self/fd').length <= before, 'descriptors of the thread were released');
    });
  }
});
