/** A folder over real sockets, on every engine: swaps under way, listings of large folders, clients that leave. */
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CliProcess } from './cli-run.ts';
import { RawClient } from './raw-client.ts';
import { until } from './until.ts';

const base = mkdtempSync(join(tmpdir(), 'holdfast-folder-'));
after(() => rmSync(base, { recursive: true }));

const ENGINES = ['iouring', 'epoll', 'node'];
/** Far more than the buffers of both sockets grow to, and a client reads before it is told to stop. */
const LARGE_BYTES = 32 * 1024 * 1024;

async function serve(
  t: TestContext,
  engine: string,
  ...args: string[]
): Promise<{ cli: CliProcess; url: string; port: number } | undefined> {
  const cli = new CliProcess(t, ['serve', '-p', '0', '--engine', engine, ...args]);
  try {
    const { url = '' } = await cli.ready();
    return { cli, url, port: Number(new URL(url).port) };
  } catch (error) {
    if (engine !== 'iouring' || !cli.stderr.includes('io_uring')) throw error;
    t.skip('this host has no io_uring');
    return undefined;
  }
}

function swap(folder: string, release: string): void {
  symlinkSync(release, join(folder, 'next'));
  renameSync(join(folder, 'next'), join(folder, 'current'));
}

/** Descriptors of a process that lead below a folder. */
function openFiles(pid: number, folder: string): number {
  const names = readdirSync(`/proc/${pid}/fd`);
  return names.filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

/** Asks with the target as it stands, which no URL parser tidies first. */
function rawGet(port: number, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
    socket.on('error', reject).on('close', () => resolve(text));
    socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  });
}

for (const engine of ENGINES) {
  test(`a swapped link is followed at once, and old validators are not taken for new ones (engine ${engine})`, async (t) => {
    const folder = mkdtempSync(join(base, 'swap-'));
    for (const release of ['one', 'two']) {
      mkdirSync(join(folder, release));
      writeFileSync(join(folder, release, 'app.js'), release);
      writeFileSync(join(folder, release, 'large.js'), release.repeat(100_000));
      for (const name of ['app.js', 'large.js']) utimesSync(join(folder, release, name), 1, 1);
    }
    swap(folder, 'one');
    const server = await serve(t, engine, '-w', '2', join(folder, 'current'));
    if (server === undefined) return;
    for (const name of ['app.js', 'large.js']) {
      for (const release of ['two', 'one', 'two']) {
        const first = await fetch(`${server.url}/${name}`);
        await first.text();
        swap(folder, release);
        const second = await fetch(`${server.url}/${name}`, {
          headers: {
            'if-none-match': first.headers.get('etag') ?? '',
            'if-modified-since': first.headers.get('last-modified') ?? '',
          },
        });
        assert.equal(second.status, 200);
        assert.equal((await second.text()).slice(0, 3), release);
      }
      swap(folder, 'one');
    }
    swap(folder, 'two');
    rmSync(join(folder, 'one'), { recursive: true });
    assert.equal(await (await fetch(`${server.url}/app.js`)).text(), 'two');
  });

  test(`a file that shrinks while it is sent ends the connection by a reset, short of the length that was promised (engine ${engine})`, async (t) => {
    const folder = mkdtempSync(join(base, 'shrink-'));
    const name = join(folder, 'large.bin');
    writeFileSync(name, Buffer.alloc(LARGE_BYTES, 'x'));
    const server = await serve(t, engine, '-w', '1', folder);
    if (server === undefined) return;
    const client = await RawClient.open(server.port);
    client.write('GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(({ text }) => text.includes('\r\n\r\n'), 'the head');
    client.socket.pause();
    await new Promise((resolve) => setTimeout(resolve, 200));
    truncateSync(name, 1000);
    client.socket.resume();
    await client.until((each) => each.ended || each.closed, 'the end');
    const [head] = client.text.split('\r\n\r\n', 1);
    assert.match(head!, new RegExp(`^content-length: ${LARGE_BYTES}$`, 'im'));
    const bytes = client.received.length - head!.length - 4;
    assert.ok(bytes > 1000 && bytes < LARGE_BYTES, String(bytes));
    assert.equal(await client.wasReset(), true);
    client.destroy();
    await until(() => openFiles(server.cli.child.pid!, folder) === 0, 'the end of the descriptor');
  });

  test(`a file that is written anew in place while it is sent ends the connection by a reset, never as if it were whole (engine ${engine})`, async (t) => {
    const folder = mkdtempSync(join(base, 'anew-'));
    const name = join(folder, 'large.bin');
    writeFileSync(name, Buffer.alloc(LARGE_BYTES, 'x'));
    utimesSync(name, 1e9, 1e9);
    await sleep(25);
    const server = await serve(t, engine, '-w', '1', folder);
    if (server === undefined) return;
    const client = await RawClient.open(server.port);
    client.write('GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until(({ text }) => text.includes('\r\n\r\n'), 'the head');
    client.socket.pause();
    assert.match(client.text, /^etag: "/im);
    await sleep(200);
    writeFileSync(name, Buffer.alloc(LARGE_BYTES, 'y'), { flag: 'r+' });
    client.socket.resume();
    await client.until((each) => each.ended || each.closed, 'the end');
    const [head] = client.text.split('\r\n\r\n', 1);
    assert.ok(client.received.length - head!.length - 4 < LARGE_BYTES);
    assert.equal(await client.wasReset(), true);
    client.destroy();
    // Whoever asks again gets the new one, under another tag.
    const response = await fetch(`${server.url}/large.bin`);
    assert.equal((await response.text()).slice(-3), 'yyy');
    assert.notEqual(response.headers.get('etag'), /^etag: (.*)\r$/im.exec(head!)![1]);
  });

  test(`clients that leave in the middle of files and listings leave no descriptor behind (engine ${engine})`, async (t) => {
    const folder = mkdtempSync(join(base, 'leave-'));
    writeFileSync(join(folder, 'large.bin'), Buffer.alloc(LARGE_BYTES, 'x'));
    mkdirSync(join(folder, 'many'));
    for (let i = 0; i < 2000; i++) writeFileSync(join(folder, 'many', `file-${'x'.repeat(200)}-${i}`), '');
    const server = await serve(t, engine, '-w', '1', folder);
    if (server === undefined) return;
    for (let round = 0; round < 3; round++) {
      const sockets = ['/large.bin', '/many/', '/large.bin', '/many/'].flatMap((target) =>
        Array.from({ length: 5 }, () => {
          const socket = connect(server.port, '127.0.0.1');
          socket.on('error', () => {});
          socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
          return socket;
        }),
      );
      await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
      for (const [i, socket] of sockets.entries()) {
        if (i % 2 === 0) socket.resetAndDestroy();
        else socket.destroy();
      }
    }
    await until(() => openFiles(server.cli.child.pid!, folder) === 0, 'the end of all descriptors');
    const page = await (await fetch(`${server.url}/many/`)).text();
    assert.equal(page.split('href="./').length - 1, 2000);
  });

  test(`a small file under constant writing is always answered, framed right (engine ${engine})`, async (t) => {
    const folder = mkdtempSync(join(base, 'busy-'));
    const name = join(folder, 'status.json');
    const server = await serve(t, engine, '-w', '1', folder);
    if (server === undefined) return;
    let isOver = false;
    t.after(() => (isOver = true));
    let round = 0;
    const write = (): void => {
      if (isOver) return;
      writeFileSync(name, String(++round % 10).repeat(1 + ((round * 7919) % 60_000)));
      setImmediate(write);
    };
    write();
    for (let i = 0; i < 150; i++) {
      const response = await fetch(`${server.url}/status.json`);
      assert.equal(response.status, 200);
      assert.equal((await response.text()).length, Number(response.headers.get('content-length')));
    }
    isOver = true;
  });

  test(`a folder without its slash leads to itself, whatever it is called and however it is asked for (engine ${engine})`, async (t) => {
    const folder = mkdtempSync(join(base, 'slash-'));
    for (const name of ['evil.example', 'a:b', 'a b?#%', '@host', '..x']) mkdirSync(join(folder, name));
    const server = await serve(t, engine, '-w', '1', folder);
    if (server === undefined) return;
    const targets = [
      '//evil.example',
      '///evil.example',
      '/a%3Ab',
      '/a%20b%3F%23%25',
      '/@host',
      '/@host?x=//evil.example',
    ];
    for (const target of targets) {
      const answer = await rawGet(server.port, target);
      assert.match(answer, /^HTTP\/1\.1 301 /, target);
      const location = new URL(/^location: (.*)\r$/im.exec(answer)![1]!, `http://here${target}`);
      assert.equal(location.host, 'here', target);
      assert.match(await rawGet(server.port, location.pathname), /^HTTP\/1\.1 200 /, target);
    }
  });
}

for (const [workers, args] of [
  ['1', []],
  ['2', []],
  ['1', ['--watch']],
  ['2', ['--watch']],
] as [string, string[]][]) {
  test(`a module behind a swapped link is served after ${args[0] ?? 'SIGHUP'} (${workers} workers)`, async (t) => {
    const folder = mkdtempSync(join(base, 'module-'));
    for (const release of ['one', 'two']) {
      mkdirSync(join(folder, release));
      writeFileSync(join(folder, release, 'text.mjs'), `export const text = '${release}';\n`);
      writeFileSync(
        join(folder, release, 'app.mjs'),
        "import { text } from './text.mjs';\nexport default () => new Response(text);\n",
      );
    }
    swap(folder, 'one');
    const server = await serve(t, 'auto', '-w', workers, ...args, join(folder, 'current', 'app.mjs'));
    const ask = async () => (await fetch(server!.url)).text();
    const isAll = async (text: string) => {
      for (let i = 0; i < 8; i++) if ((await ask()) !== text) return false;
      return true;
    };
    assert.equal(await ask(), 'one');
    for (const release of ['two', 'one', 'two']) {
      swap(folder, release);
      if (args.length === 0) server!.cli.child.kill('SIGHUP');
      await until(() => isAll(release), release);
    }
    // What the link leads to now is what is watched.
    if (args.length === 0 || workers === '1') return;
    writeFileSync(join(folder, 'two', 'text.mjs'), "export const text = 'three';\n");
    await until(() => isAll('three'), 'three');
  });
}
