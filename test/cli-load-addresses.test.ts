/** A name with several addresses: connections go to all that answer, in turn, and the output says so. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { run } from './cli-run.ts';
import { OK } from './load-servers.ts';

/** `two.test` has these addresses, for the command alone: it is told before it begins. */
function resolver(...addresses: string[]): NodeJS.ProcessEnv {
  const code = `
    import dns from 'node:dns/promises';
    import { syncBuiltinESMExports } from 'node:module';
    const { lookup } = dns;
    dns.lookup = (name, options) =>
      name === 'two.test'
        ? Promise.resolve(${JSON.stringify(addresses)}.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })))
        : lookup(name, options);
    syncBuiltinESMExports();`;
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(code)}` };
}

interface Counted {
  requests: number;
  connections: number;
}

/** One port on each address, with its own counts. */
async function startOn(t: TestContext, addresses: readonly string[]) {
  const counts = new Map<string, Counted>();
  let port = 0;
  for (const address of addresses) {
    const count: Counted = { requests: 0, connections: 0 };
    counts.set(address, count);
    const server: Server = createServer((socket) => {
      socket.on('error', () => {});
      let hasAsked = false;
      socket.on('data', (chunk) => {
        for (const _ of chunk.toString('latin1').matchAll(/\r\n\r\n/g)) {
          // What is tried before the run only connects.
          if (!hasAsked) count.connections++;
          hasAsked = true;
          count.requests++;
          socket.write(OK);
        }
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port, exclusive: true }, resolve);
    });
    ({ port } = server.address() as { port: number });
    t.after(() => server.close());
  }
  return { port, counts, url: `http://two.test:${port}/` };
}

const BOTH = ['127.0.0.1', '127.0.0.2'];

test('connections go to the addresses of a name in turn, which text and JSON say', async (t) => {
  const { url, port, counts } = await startOn(t, BOTH);
  const args = ['-c', '6', '-n', '60', '--threads', '2', url];
  const json = await run(t, ['load', '--json', ...args], resolver(...BOTH));
  const result: LoadResult = JSON.parse(json.stdout);
  assert.deepEqual(result.plan.addresses, [`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
  assert.equal(result.requests.answered, 60);
  const seen = [...counts.values()];
  assert.deepEqual(
    seen.map(({ connections }) => connections),
    [3, 3],
  );
  assert.equal(
    seen.reduce((sum, { requests }) => sum + requests, 0),
    60,
  );
  const text = await run(t, ['load', ...args], resolver(...BOTH));
  assert.match(text.stdout, new RegExp(`to 127\\.0\\.0\\.1:${port},? (?:127|\\n)[\\s\\S]*in turn`));
});

test('each request on a connection of its own goes to the next address', async (t) => {
  const { url, counts } = await startOn(t, BOTH);
  const { stdout } = await run(
    t,
    ['load', '--json', '-c', '1', '-n', '20', '--new-connection', url],
    resolver(...BOTH),
  );
  assert.equal(JSON.parse(stdout).requests.answered, 20);
  assert.deepEqual(
    [...counts.values()].map(({ requests }) => requests),
    [10, 10],
  );
});

test('an address that nothing listens on is passed over, and a single one needs no word', async (t) => {
  const { url, port, counts } = await startOn(t, ['127.0.0.2']);
  const { stdout, code } = await run(t, ['load', '-c', '2', '-n', '20', url], resolver(...BOTH));
  assert.equal(code, 0);
  assert.doesNotMatch(stdout, /in turn/);
  assert.equal(counts.get('127.0.0.2')!.requests, 20);
  const json = await run(t, ['load', '--json', '-n', '20', '-c', '2', url], resolver(...BOTH));
  assert.deepEqual(JSON.parse(json.stdout).plan.addresses, [`127.0.0.2:${port}`]);
});

test('an address that ends in the middle of the run fails its share', async (t) => {
  const { url, counts } = await startOn(t, BOTH);
  // The second address is there when it is tried before the run, and no more afterwards.
  const dead = createServer((socket) => void socket.destroy());
  const port = Number(new URL(url).port);
  await new Promise<void>((resolve) => dead.listen({ host: '127.0.0.3', port, exclusive: true }, resolve));
  t.after(() => dead.close());
  const { stdout } = await run(
    t,
    ['load', '--json', '-c', '1', '-n', '30', '--new-connection', url],
    resolver('127.0.0.1', '127.0.0.3'),
  );
  const { requests }: LoadResult = JSON.parse(stdout);
  assert.deepEqual([requests.answered, requests.failed], [15, 15]);
  assert.equal(counts.get('127.0.0.1')!.requests, 15);
});

test('both families of localhost are used where both answer', async (t) => {
  const started = await startOn(t, ['127.0.0.1', '::1']).catch(() => undefined);
  if (started === undefined) {
    t.skip('no IPv6 on loopback');
    return;
  }
  const { url, port } = started;
  const { stdout } = await run(
    t,
    ['load', '--json', '-c', '2', '-n', '20', url],
    resolver('::1', '127.0.0.1'),
  );
  assert.deepEqual(JSON.parse(stdout).plan.addresses, [`[::1]:${port}`, `127.0.0.1:${port}`]);
  for (const { connections } of started.counts.values()) assert.equal(connections, 1);
});
