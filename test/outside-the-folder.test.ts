/**
 * Two hundred and more tries to be given what lies outside of a folder, or what is no file, over a socket with the target as it
 * stands: none gets a byte of it, and nothing special is opened to find out what it is.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type EngineName, files, type Server, serve } from '#src/index.ts';
import { RawClient } from './raw-client.ts';

const SECRET = 'what nobody may have';
const base = mkdtempSync(join(tmpdir(), 'holdfast-outside-'));
const root = join(base, 'root');
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const listener = createServer();

before(async () => {
  mkdirSync(join(root, 'sub', 'deep'), { recursive: true });
  mkdirSync(join(root, '.hidden'));
  mkdirSync(join(base, 'root-beside'));
  for (const name of ['secret.txt', 'root-beside/secret.txt', 'root/.hidden/secret.txt', 'root/.secret.txt', 'root/unreadable.txt']) writeFileSync(join(base, name), SECRET); // biome-ignore format: a list
  writeFileSync(join(root, 'sub', 'file.txt'), 'allowed');
  chmodSync(join(root, 'unreadable.txt'), 0);
  const links: Record<string, string> = {
    'to-secret': '../secret.txt',
    'to-absolute': join(base, 'secret.txt'),
    'to-parent': '..',
    'to-beside': '../root-beside',
    'to-root-of-all': '/',
    'to-proc': '/proc/self',
    'to-zero': '/dev/zero',
    'to-tty': '/dev/tty',
    'to-itself': 'to-itself',
    'sub/up-twice': '../../secret.txt',
    'sub/around': '../to-parent/secret.txt',
    'hidden-by-link': '.hidden',
  };
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(root, name));
  execFileSync('mkfifo', [join(root, 'fifo')]);
  await new Promise<void>((resolve) => listener.listen(join(root, 'socket'), resolve));
  try {
    execFileSync('mknod', [join(root, 'device'), 'c', '1', '5'], { stdio: 'ignore' });
  } catch {
    // Only root makes devices: to others it is a name that leads nowhere.
  }
});
after(() => {
  listener.close();
  rmSync(base, { recursive: true });
});

/** Ways to write two dots and a slash that somebody, somewhere, has taken for that. */
const UPS = [
  '../', '..%2f', '..%2F', '%2e%2e/', '%2E%2E/', '.%2e/', '%2e./', '%2e%2e%2f', '..%5c', '..\\', '%2e%2e%5c', '....//',
  '..;/', '..%00/', '..%0d/', '%252e%252e/', '%252e%252e%252f', '%c0%ae%c0%ae/', '%c0%ae%c0%ae%c0%af', '%u002e%u002e/',
  '..%c0%af', '..%ef%bc%8f', '%uff0e%uff0e/', '.../', '..%3f/', '..#/', '.%00./', './../', './/../', '%2f../',
]; // biome-ignore format: a list
const ENDS = ['secret.txt', 'root-beside/secret.txt', 'root/.secret.txt'];

function tries(): string[] {
  const found: string[] = [];
  for (const up of UPS) {
    for (const end of ENDS) found.push(`/${up}${end}`);
    found.push(
      `/sub/${up}${up}secret.txt`,
      `/sub/deep/${up.repeat(3)}secret.txt`,
      `/${up.repeat(12)}etc/passwd`,
    );
  }
  const absolute = join(base, 'secret.txt');
  found.push(
    ...['to-secret', 'to-absolute', 'to-parent/secret.txt', 'to-beside/secret.txt', 'to-beside/', 'to-parent/', 'sub/up-twice'],
    ...['sub/around', 'to-root-of-all/etc/passwd', 'to-root-of-all/', 'to-proc/environ', 'to-proc/cmdline', 'to-zero', 'to-tty'],
    ...['to-itself', 'to-itself/x', 'hidden-by-link/.secret.txt', '.secret.txt', '.hidden/secret.txt', '%2ehidden/secret.txt'],
    ...['fifo', 'fifo/', 'fifo.html', 'socket', 'device', 'unreadable.txt/', 'sub/file.txt/', 'sub/file.txt/../../../secret.txt'],
    ...[absolute, encodeURIComponent(absolute), `/${absolute}`, `sub/${absolute}`, `file://${absolute}`],
    ...['%00', 'sub/file.txt%00', 'sub/file.txt%00.html', 'sub%00/../secret.txt', '.', '..', '%2e', '%2e%2e', 'sub/..%00'],
    ...['~', '~root/.profile', 'C:/secret.txt', 'C:%5csecret.txt', '%5c%5chost%5cshare', 'sub/file.txt::$DATA', 'con', 'nul'],
  ); // biome-ignore format: a list
  return found.map((each) => (each.startsWith('/') ? each : `/${each}`));
}

async function answerTo(port: number, target: string): Promise<string> {
  const client = await RawClient.open(port);
  client.write(`GET ${target.replaceAll(' ', '%20')} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await client.until(({ ended, closed }) => ended || closed, `the end of ${target}`);
  const { text } = client;
  client.destroy();
  return text;
}

for (const engine of ['epoll', 'node'] as EngineName[])
  test(`two hundred tries get nothing from outside, and open nothing that is no file (engine ${engine})`, async () => {
    const server: Server = await serve({
      port: 0,
      engine,
      logger: quiet,
      fetch: files(root, { listing: true }),
    });
    let fifoWasOpened = false;
    const watching = setInterval(() => {
      try {
        // ENXIO as long as nobody has it open for reading.
        closeSync(openSync(join(root, 'fifo'), constants.O_WRONLY | constants.O_NONBLOCK));
        fifoWasOpened = true;
      } catch {}
    }, 1);
    try {
      const all = tries();
      assert.ok(all.length >= 200, String(all.length));
      for (const target of all) {
        const answer = await answerTo(server.port, target);
        const status = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
        assert.ok(!answer.includes(SECRET), `${target} gave it`);
        assert.ok(!/root:x:0|HOME=|PATH=/.test(answer), `${target} gave a file of the system`);
        // What dots in a URL mean may lead back into the folder, as a browser would have it.
        const isInside = status === 200 && /allowed|<title>\/(?:sub\/(?:deep\/)?)?<\/title>/.test(answer);
        assert.ok([400, 404, 301].includes(status) || isInside, `${target}: ${answer.slice(0, 200)}`);
        if (status === 301) {
          const location = /^location: (.*)\r$/im.exec(answer)![1]!;
          assert.equal(new URL(location, 'http://here/').host, 'here', target);
        }
      }
      assert.match(await answerTo(server.port, '/sub/file.txt'), /allowed$/);
      assert.equal(fifoWasOpened, false);
      const page = await answerTo(server.port, '/');
      assert.ok(page.includes('>sub/'));
      for (const name of [
        'fifo',
        'socket',
        'device',
        'to-secret',
        'to-parent',
        'to-zero',
        '.secret',
        'to-itself',
      ])
        assert.ok(!page.includes(`>${name}`), `${name} is listed`);
    } finally {
      clearInterval(watching);
      await server.close(true);
    }
  });
