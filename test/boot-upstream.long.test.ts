/** Fifty machines and an artifact that only the upstream has, over sockets on every engine. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ENGINES, folderOf, startBoot } from './boot-servers.ts';
import { until } from './until.ts';

const MACHINES = 50;
const SIZE = 1024 * 1024 + 17;
const CONTENT = Buffer.alloc(SIZE, 'the right bytes of an initrd. ');
const SUM = createHash('sha256').update(CONTENT).digest('hex');

interface Mirror {
  readonly url: string;
  readonly asked: string[];
}

/** A mirror whose one file breaks off in the middle once, and whose sum is what a test wants. */
async function mirror(t: TestContext, sum: string): Promise<Mirror> {
  const asked: string[] = [];
  const server = createServer((message: IncomingMessage, response: ServerResponse) => {
    const path = message.url!;
    if (path === '/os/initrd.gz.sha256') response.end(`${sum}  initrd.gz\n`);
    else if (path !== '/os/initrd.gz') response.writeHead(404).end();
    else {
      const { range } = message.headers;
      asked.push(range ?? 'whole');
      const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
      const fields = { etag: '"1"', 'content-length': SIZE - from };
      if (from > 0)
        response
          .writeHead(206, { ...fields, 'content-range': `bytes ${from}-${SIZE - 1}/${SIZE}` })
          .end(CONTENT.subarray(from));
      else
        response
          .writeHead(200, fields)
          .write(CONTENT.subarray(0, SIZE >> 1), () => setTimeout(() => response.destroy(), 200));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

interface Fetched {
  readonly status: number;
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

/** From an address of its own, as a machine has. */
function fetchFrom(port: number, localAddress: string): Promise<Fetched> {
  return new Promise((resolve) => {
    const asking = request(
      { host: '127.0.0.1', port, path: '/os/initrd.gz', localAddress, agent: false },
      (response) => {
        const pieces: Buffer[] = [];
        const end = (): void =>
          resolve({ status: response.statusCode!, bytes: Buffer.concat(pieces), isWhole: response.complete });
        response
          .on('data', (piece: Buffer) => pieces.push(piece))
          .on('error', () => {})
          .on('close', end);
      },
    );
    // A reset may overtake the head: that is an end without an answer.
    asking.on('error', () => resolve({ status: 0, bytes: Buffer.alloc(0), isWhole: false })).end();
  });
}

const everybody = (port: number): Promise<Fetched[]> =>
  Promise.all(Array.from({ length: MACHINES }, (_, index) => fetchFrom(port, `127.0.1.${index + 1}`)));

for (const engine of ENGINES) {
  test(`fifty machines get right copies by one request, and the file stays (engine ${engine})`, async (t) => {
    const { url, asked } = await mirror(t, SUM);
    const folder = folderOf(t, {});
    const server = await startBoot(t, engine, folder, '--upstream', url, '--admin', '0', '--log', 'pretty');
    if (server === undefined) return;
    for (const { status, bytes, isWhole } of await everybody(server.port))
      assert.deepEqual([status, isWhole, bytes.equals(CONTENT)], [200, true, true]);
    assert.equal(asked[0], 'whole');
    assert.ok(asked.length === 2 && /^bytes=[1-9]/.test(asked[1]!), `${asked}`);
    await until(() => server.cli.stderr.includes('fetched and kept os/initrd.gz'), 'the end of the fetch');
    assert.ok(readFileSync(join(folder, 'os/initrd.gz')).equals(CONTENT));
    const again = await fetchFrom(server.port, '127.0.1.1');
    assert.ok(again.bytes.equals(CONTENT));
    assert.equal(asked.length, 2, 'it comes from the folder by now');
    const { machines } = (await (await fetch(`${server.adminUrl}/machines`)).json()) as {
      machines: { machine: string; transfers: { source: string; outcome: string; bytes: number }[] }[];
    };
    assert.equal(machines.length, MACHINES);
    const first = machines.find(({ machine }) => machine === '127.0.1.1')!.transfers;
    assert.deepEqual(
      first.map(({ source, outcome, bytes }) => [source, outcome, bytes]),
      [
        ['folder', 'completed', SIZE],
        ['upstream', 'completed', SIZE],
      ],
    );
    const metrics = await (await fetch(`${server.adminUrl}/metrics`)).text();
    assert.match(metrics, /\nholdfast_boot_upstream_files_total\{outcome="kept"\} 1\n/);
  });

  test(`fifty machines get no wrong copy of an upstream that lies about its checksum (engine ${engine})`, async (t) => {
    const { url } = await mirror(t, '0'.repeat(64));
    const folder = folderOf(t, {});
    const server = await startBoot(t, engine, folder, '--upstream', url);
    if (server === undefined) return;
    for (const { status, bytes, isWhole } of await everybody(server.port))
      assert.ok(
        status === 502 || (!isWhole && bytes.length < SIZE),
        `${status}, ${bytes.length} bytes, whole: ${isWhole}`,
      );
    await until(() => server.cli.stderr.includes('the checksum is wrong'), 'the reason');
    assert.equal(existsSync(join(folder, 'os/initrd.gz')), false);
    assert.equal((await fetch(`${server.url}/.holdfast-partial/`)).status, 404);
  });
}

test('only allowed paths go to the upstream, scripts never do, and flags that are wrong are refused', async (t) => {
  const { url, asked } = await mirror(t, SUM);
  const folder = folderOf(t, {});
  const server = (await startBoot(t, 'node', folder, '--upstream', url, '--upstream-allow', '/debian/*'))!;
  for (const path of ['/os/initrd.gz', '/.git/config'])
    assert.equal((await fetch(`${server.url}${path}`)).status, 404);
  assert.equal((await fetch(`${server.url}/autoexec.ipxe`)).status, 200);
  assert.deepEqual(asked, []);
  const start = (...args: string[]) => startBoot(t, 'node', folder, ...args);
  await assert.rejects(
    start('--upstream', 'mirror'),
    /--upstream: "mirror" is not allowed; a URL without a query/,
  );
  await assert.rejects(start('--upstream', `${url}/?x`), /--upstream: .* is not allowed/);
  await assert.rejects(
    start('--upstream', url, '--upstream-allow', 'a/b'),
    /--upstream-allow: "a\/b" is not allowed; a pattern with/,
  );
  await assert.rejects(start('--upstream-allow', '*.efi'), /--upstream-allow goes with --upstream alone/);
});
