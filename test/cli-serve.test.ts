/** `holdfast serve` from start to stop, over loopback: folder, module, signals, reload, watch. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, open, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CLIENT, LATE, ONE, ROOT, WILD } from '#src/engine/tls/certificates.fixture.ts';
import { CliProcess, endsWell, MAIN, PACKAGE } from './cli-run.ts';
import { CERT, ENCRYPTED_KEY } from './tls-keys.ts';
import { until } from './until.ts';

const SITE = fileURLToPath(new URL('examples/site', PACKAGE));
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-serve-'));
  await writeFile(join(folder, 'hello.mjs'), 'export default () => new Response("hello");\n');
  await writeFile(join(folder, 'never.mjs'), 'export default () => new Promise(() => {});\n');
  await writeFile(
    join(folder, 'slow.mjs'),
    'export default { async fetch() { await new Promise((r) => setTimeout(r, 400)); return new Response("late"); } };\n',
  );
});
after(() => rm(folder, { recursive: true }));

const serve = (t: TestContext, ...args: string[]) => new CliProcess(t, ['serve', '-p', '0', ...args]);

test('the ready line is the only one on standard output, and it is true', async (t) => {
  const cli = serve(t, '-w', '1', join(folder, 'hello.mjs'));
  const ready = await cli.ready();
  assert.match(ready['url'] ?? '', /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.match(ready['engine'] ?? '', /^(iouring|epoll|node)$/);
  assert.equal(ready['workers'], '1');
  assert.equal(ready['pid'], String(cli.child.pid));
  assert.equal(await (await fetch(`${ready['url']}/`)).text(), 'hello');
  cli.child.kill('SIGTERM');
  const ended = await cli.ended;
  assert.equal(ended.code, 0);
  assert.equal(ended.stdout.split('\n').length, 2);
  assert.equal(ended.stderr, '', 'nothing is said where no terminal is');
});

test('each engine serves a module when it is asked for', async (t) => {
  const cli = serve(t, '-w', '1', '--engine', 'node', join(folder, 'hello.mjs'));
  const ready = await cli.ready();
  assert.equal(ready['engine'], 'node');
  assert.equal(await (await fetch(`${ready['url']}/`)).text(), 'hello');
});

async function ringsOf(pid: number): Promise<number> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => '')),
  );
  return links.filter((link) => link.includes('[io_uring]')).length;
}

test('an ordinary user with too little locked memory for a ring is served by epoll, and told why', async (t) => {
  const uid = 65534;
  if (process.getuid?.() !== 0) return t.skip('only root can become another user');
  if (spawnSync('test', ['-r', MAIN], { uid }).status !== 0)
    return t.skip('that user cannot read the package');
  await chmod(folder, 0o755);
  const idle = spawn(process.execPath, ['-e', 'console.log(); setInterval(() => {}, 1000)'], {
    stdio: 'pipe',
  });
  t.after(() => idle.kill());
  await once(idle.stdout, 'data');
  const idleRings = await ringsOf(idle.pid!);
  // The first is too little for a ring, the second for its buffers.
  for (const lockedKib of [64, 150]) {
    const args = ['serve', '-p', '0', '-w', '1', join(folder, 'hello.mjs')];
    const cli = new CliProcess(t, args, {}, { uid, lockedKib });
    const { url, engine } = await cli.ready();
    if (engine === 'iouring') return t.skip('this kernel does not count rings as locked memory');
    if (engine === 'node') return t.skip('neither io_uring nor epoll can be had here');
    assert.equal(await (await fetch(`${url}/`)).text(), 'hello');
    const warned = () => /the engine is epoll.*io_uring_\w+: ENOMEM.*ulimit -l/.test(cli.stderr);
    await cli.until(warned, 'the warning');
    // libuv may have rings of its own, here as in a program that does nothing.
    const rings = await ringsOf(cli.child.pid!);
    assert.ok(rings <= idleRings, `${rings} rings are open, ${idleRings} in a Node.js that idles`);
  }
});

test('a folder is served with types, ranges, conditional requests and its 404 page', async (t) => {
  const cli = serve(t, '-w', '2', SITE);
  const { url, workers } = await cli.ready();
  assert.equal(workers, '2');
  const page = await fetch(`${url}/`);
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.match(await page.text(), /Holdfast/);
  const etag = page.headers.get('etag') ?? '';
  assert.equal((await fetch(`${url}/`, { headers: { 'if-none-match': etag } })).status, 304);
  const part = await fetch(`${url}/style.css`, { headers: { range: 'bytes=0-4' } });
  assert.equal(part.status, 206);
  assert.equal(await part.text(), ':root');
  const head = await fetch(`${url}/style.css`, { method: 'HEAD' });
  assert.equal(Number(head.headers.get('content-length')), (await stat(join(SITE, 'style.css'))).size);
  const lost = await fetch(`${url}/nowhere`);
  assert.equal(lost.status, 404);
  assert.match(await lost.text(), /Nothing holds here/);
  assert.equal((await fetch(`${url}/`, { method: 'POST', body: 'x' })).status, 405);
});

test('a folder without an index file is listed', async (t) => {
  const cli = serve(t, '-w', '1', folder);
  const { url } = await cli.ready();
  const page = await (await fetch(`${url}/`)).text();
  assert.match(page, /href="\.\/hello\.mjs"/);
});

test('no raw target leads out of the folder', async (t) => {
  const cli = serve(t, '-w', '1', SITE);
  const { url } = await cli.ready();
  const { port } = new URL(url ?? '');
  for (const target of [
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2f..%2fpackage.json',
    '/..\\package.json',
    '/%00',
    '//etc/passwd',
  ]) {
    const status = await new Promise<number>((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port, path: target }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      request.on('error', reject);
      request.end();
    });
    assert.ok(status === 404 || status === 400, `${target}: ${status}`);
  }
});

test('SIGTERM and SIGINT finish the answer under way, then end with 0', async (t) => {
  const finishes = async (signal: NodeJS.Signals, workers: string) => {
    const cli = serve(t, '-w', workers, join(folder, 'slow.mjs'));
    const { url } = await cli.ready();
    const answer = fetch(`${url}/`).then((response) => response.text());
    await new Promise((resolve) => setTimeout(resolve, 100));
    cli.child.kill(signal);
    assert.equal(await answer, 'late');
    await endsWell(cli);
  };
  await Promise.all([finishes('SIGTERM', '1'), finishes('SIGINT', '1'), finishes('SIGTERM', '2')]);
});

test('a second SIGINT does not wait and ends with 130', async (t) => {
  for (const workers of ['1', '2']) {
    const cli = serve(t, '-w', workers, join(folder, 'never.mjs'));
    const { url } = await cli.ready();
    const socket = connect(Number(new URL(url ?? '').port), '127.0.0.1');
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const begin = performance.now();
    cli.child.kill('SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 200));
    cli.child.kill('SIGINT');
    assert.equal((await cli.ended).code, 130);
    assert.ok(performance.now() - begin < 1500);
  }
});

test('signals before the module is loaded: SIGINT and SIGTERM end the command, SIGHUP does not', async (t) => {
  await writeFile(
    join(folder, 'loading.mjs'),
    'console.error("loading"); await new Promise((r) => setTimeout(r, 10_000)); export default 1;\n',
  );
  const ends = async (workers: string, signal: NodeJS.Signals, code: number) => {
    const cli = serve(t, '-w', workers, join(folder, 'loading.mjs'));
    await cli.until(() => cli.stderr.includes('loading'), 'the module');
    cli.child.kill('SIGHUP');
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(cli.child.signalCode, null, 'SIGHUP does not end it');
    const begin = performance.now();
    cli.child.kill(signal);
    assert.equal((await cli.ended).code, code);
    assert.ok(performance.now() - begin < 3000);
  };
  for (const workers of ['1', '2'])
    await Promise.all([ends(workers, 'SIGTERM', 0), ends(workers, 'SIGINT', 130)]);
});

test('a reload that fails says what failed and where', async (t) => {
  const saysWhere = async (workers: string) => {
    const file = join(folder, `broken${workers}.mjs`);
    await writeFile(file, 'export default () => new Response("one");\n');
    const cli = serve(t, '-w', workers, file);
    const { url } = await cli.ready();
    await writeFile(file, '\n\nthrow new Error("no database");\n');
    cli.child.kill('SIGHUP');
    await cli.until(() => cli.stderr.includes('reload failed'), 'the failure');
    assert.match(cli.stderr, /reload failed, the old one goes on: .*no database/);
    assert.match(cli.stderr, new RegExp(`broken${workers}\\.mjs.*:3`));
    assert.equal(await (await fetch(`${url}/`)).text(), 'one');
  };
  await Promise.all(['1', '2'].map(saysWhere));
});

test('--drain-delay: not ready and serving, then the end', async (t) => {
  const ports = ['--admin', '0', '--health', '0'];
  const cli = serve(t, '-w', '1', ...ports, '--drain-delay', '500ms', join(folder, 'hello.mjs'));
  const { url, admin, health } = await cli.ready();
  assert.match(await (await fetch(`${admin}/metrics`)).text(), /holdfast_/, 'the ready line says where');
  const isReady = async () => (await fetch(`${health}/readyz`)).ok;
  assert.equal(await isReady(), true);
  cli.child.kill('SIGTERM');
  while (await isReady()) await pause(5);
  assert.equal(await (await fetch(`${url}/`)).text(), 'hello');
  await endsWell(cli);
});

test('SIGHUP loads the module anew and loses no request', async (t) => {
  for (const workers of ['1', '2']) {
    const file = join(folder, `version${workers}.mjs`);
    await writeFile(file, 'export default () => new Response("one");\n');
    const cli = serve(t, '-w', workers, file);
    const { url } = await cli.ready();
    const answer = async () => {
      // A connection of its own: one kept alive may be closed by the server just when it is used again.
      const response = await fetch(`${url}/`, { headers: { connection: 'close' } });
      assert.equal(response.status, 200);
      return response.text();
    };
    assert.equal(await answer(), 'one');
    await writeFile(file, 'export default () => new Response("two");\n');
    cli.child.kill('SIGHUP');
    const seen = new Set<string>();
    const giveUpAtMs = performance.now() + 10_000;
    for (let i = 0; performance.now() < giveUpAtMs && !(seen.has('two') && i > 50); i++) {
      seen.add(await answer());
    }
    assert.ok(seen.has('two'), 'the new module never answered');
    cli.child.kill('SIGTERM');
    await endsWell(cli);
  }
});

test('--watch reloads on a change, says what changed, and keeps the old module when the new one fails', async (t) => {
  const file = join(folder, 'watched.mjs');
  await writeFile(file, 'export default () => new Response("one");\n');
  const cli = serve(t, '-w', '1', '--watch', '--log', 'json', file);
  const { url } = await cli.ready();
  const answer = async () => (await fetch(`${url}/`, { headers: { connection: 'close' } })).text();
  assert.equal(await answer(), 'one');
  await writeFile(file, 'export default () => new Response("two");\n');
  await cli.until(() => cli.stderr.includes('"msg":"reloaded"'), 'the reload');
  assert.match(cli.stderr, /changed: .*watched\.mjs/);
  assert.equal(await answer(), 'two');
  await writeFile(file, 'export default (\n');
  await cli.until(() => cli.stderr.includes('reload failed'), 'the failed reload');
  assert.equal(await answer(), 'two');
});

test('--watch takes no notice of the log that the server itself writes beside the module', async (t) => {
  const place = await mkdtemp(join(folder, 'logged-'));
  await writeFile(join(place, 'app.mjs'), 'export default () => new Response("one");\n');
  const log = await open(join(place, 'output.txt'), 'w');
  const child = spawn(
    process.execPath,
    [MAIN, 'serve', '-p', '0', '-w', '1', '--watch', join(place, 'app.mjs')],
    {
      stdio: ['ignore', log.fd, log.fd],
    },
  );
  t.after(async () => {
    child.kill('SIGKILL');
    await log.close();
  });
  const written = () => readFile(join(place, 'output.txt'), 'utf8');
  const until = async (pattern: RegExp) => {
    while (!pattern.test(await written())) await pause(20);
  };
  await until(/^ready /);
  await writeFile(join(place, 'app.mjs'), 'export default () => new Response("two");\n');
  await until(/reloaded/);
  await pause(400);
  assert.equal((await written()).match(/changed: /g)?.length, 1, await written());
});

// Forces an FFI library that Node before 26.1 lacks; so it is where koffi is not installed, and on other systems.
const NO_FFI = { HOLDFAST_FFI: 'node' };
const hasNodeFfi = Number(process.versions.node.split('.')[0]) >= 26 ? 'this Node has node:ffi' : false;

test('without FFI the command serves by one thread on the node engine, and reloads', {
  skip: hasNodeFfi,
}, async (t) => {
  const file = join(folder, 'portable.mjs');
  await writeFile(file, 'export default () => new Response("one");\n');
  const cli = new CliProcess(t, ['serve', '-p', '0', '--watch', file], NO_FFI);
  const ready = await cli.ready();
  assert.equal(ready['engine'], 'node');
  assert.equal(ready['workers'], '1');
  const answer = async () => (await fetch(ready['url']!, { headers: { connection: 'close' } })).text();
  assert.equal(await answer(), 'one');
  await writeFile(file, 'export default () => new Response("two");\n');
  await cli.until(() => cli.stderr.includes('reloaded'), 'the reload');
  assert.equal(await answer(), 'two');
  assert.match(cli.stderr, /--watch: on this host a reload loads the module anew, and not what it imports/);
});

test('without FFI several workers that are asked for are refused with what to do', {
  skip: hasNodeFfi,
}, async (t) => {
  const ended = await new CliProcess(t, ['serve', '-p', '0', '-w', '2', join(folder, 'hello.mjs')], NO_FFI)
    .ended;
  assert.match(ended.stderr, /^holdfast: -w: threads share a port .* -w 1 on the command line/);
  assert.equal(ended.code, 1);
});

test('an encrypted key is opened by the passphrase in a file', async (t) => {
  for (const [name, text] of Object.entries({ cert: CERT, key: ENCRYPTED_KEY, passphrase: 'secret\n' }))
    await writeFile(join(folder, name), text);
  const tls = ['cert', 'key', 'passphrase-file'].flatMap((name) => [
    `--tls-${name}`,
    join(folder, name.replace('-file', '')),
  ]);
  const { url } = await serve(t, '-w', '1', ...tls, join(folder, 'hello.mjs')).ready();
  const text = await new Promise<string>((resolve, reject) => {
    httpsRequest(url!, { ca: CERT, servername: 'localhost', agent: false }, (response) => {
      response.setEncoding('utf8').once('data', resolve);
    })
      .on('error', reject)
      .end();
  });
  assert.equal(text, 'hello');
});

test('certificates by name, clients that must show theirs, and files that are read anew on SIGHUP', async (t) => {
  for (const [name, { cert, key }] of Object.entries({ one: ONE, wild: WILD, late: LATE })) {
    await writeFile(join(folder, `${name}.crt`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  }
  await writeFile(join(folder, 'ca.crt'), ROOT);
  const pair = (name: string) => [
    '--tls-cert',
    join(folder, `${name}.crt`),
    '--tls-key',
    join(folder, `${name}.key`),
  ];
  const client = ['--tls-client-ca', join(folder, 'ca.crt'), '--tls-min-version', '1.3'];
  const cli = serve(t, '-w', '1', ...pair('one'), ...pair('wild'), ...client, join(folder, 'hello.mjs'));
  const { url } = await cli.ready();
  const ask = (servername: string, identity: object = CLIENT) =>
    new Promise<string>((resolve, reject) => {
      const options = {
        ca: ROOT,
        servername,
        agent: false,
        checkServerIdentity: () => undefined,
        ...identity,
      };
      httpsRequest(url!, options, (response) => {
        resolve(String((response.socket as TLSSocket).getPeerCertificate().subject.CN));
        response.resume();
      })
        .on('error', reject)
        .end();
    });
  assert.equal(await ask('one.example'), 'one.example');
  assert.equal(await ask('a.wild.example'), 'wild');
  await assert.rejects(ask('one.example', {}));
  await assert.rejects(ask('one.example', { ...CLIENT, maxVersion: 'TLSv1.2' }));
  await writeFile(join(folder, 'one.crt'), LATE.cert);
  await writeFile(join(folder, 'one.key'), LATE.key);
  cli.child.kill('SIGHUP');
  await until(async () => (await ask('nobody.test')) === 'late.example', 'the new certificate');
  // What does not fit together is told, and changes nothing.
  await writeFile(join(folder, 'one.key'), ONE.key);
  cli.child.kill('SIGHUP');
  await until(
    async () => /the certificates of before serve on: tls\[0\]\.key: .* does not belong/.test(cli.stderr),
    'the refusal',
  );
  assert.equal(await ask('nobody.test'), 'late.example');
});

test('a unix socket is served and its path is in the ready line', async (t) => {
  const path = join(folder, 'a.sock');
  const cli = new CliProcess(t, ['serve', '-w', '1', '-l', `unix:${path}`, join(folder, 'hello.mjs')]);
  assert.equal((await cli.ready())['url'], `unix:${path}`);
  const text = await new Promise<string>((resolve, reject) => {
    const request = httpRequest({ socketPath: path, path: '/' }, (response) => {
      response.setEncoding('utf8').once('data', resolve);
    });
    request.on('error', reject);
    request.end();
  });
  assert.equal(text, 'hello');
});

test('--log json writes one parsable line a request', async (t) => {
  const cli = serve(t, '-w', '1', '--log', 'json', join(folder, 'hello.mjs'));
  const { url } = await cli.ready();
  await (await fetch(`${url}/a?b`)).text();
  await cli.until(() => cli.stderr.includes('/a?b'), 'the access line');
  const record = cli.stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .find((each) => each.target === '/a?b');
  assert.equal(record.status, 200);
  assert.equal(record.bytes, 5);
  assert.equal(record.method, 'GET');
});

test('TypeScript is served through a loader, by --import, in this thread and on workers', async (t) => {
  // It does what tsx does, for as much TypeScript as one line of a test.
  const hooks = `export async function load(url, context, next) {
    if (!new URL(url).pathname.endsWith('.ts')) return next(url, context);
    const { source } = await next(url, { ...context, format: 'module' });
    return { format: 'module', shortCircuit: true, source: String(source).replaceAll(/: (?:number|Request)\\b/g, '') };
  }`;
  const loader = join(folder, 'loader.mjs');
  await writeFile(join(folder, 'hooks.mjs'), hooks.replaceAll('\\\\', '\\'));
  await writeFile(
    loader,
    'import { register } from "node:module"; register("./hooks.mjs", import.meta.url);\n',
  );
  const file = join(folder, 'typed.ts');
  await writeFile(file, 'const x: number = 7; export default (r: Request) => new Response(r.method + x);\n');
  const isServed = async (workers: string) => {
    const args = ['serve', '-p', '0', '-w', workers, file];
    const cli = new CliProcess(t, args, { NODE_OPTIONS: `--import=${pathToFileURL(loader)}` });
    assert.equal(await (await fetch((await cli.ready())['url']!)).text(), 'GET7');
    cli.child.kill('SIGTERM');
    await endsWell(cli);
  };
  await Promise.all(['1', '2'].map(isServed));
});

test('standard error that is a socket nobody reads does not keep SIGTERM from ending it', async (t) => {
  const path = join(folder, 'errors.sock');
  const held: Socket[] = [];
  const listener = createServer({ pauseOnConnect: true }, (socket) => held.push(socket)).listen(path);
  await once(listener, 'listening');
  const errors = connect({ path });
  await once(errors, 'connect');
  t.after(() => {
    for (const socket of [...held, errors]) socket.destroy();
    listener.close();
  });
  for (const workers of ['1', '2']) {
    const child = spawn(
      process.execPath,
      [MAIN, 'serve', '-p', '0', '-w', workers, '--log', 'json', join(folder, 'hello.mjs')],
      { stdio: ['ignore', 'pipe', errors] },
    );
    t.after(() => child.kill('SIGKILL'));
    const [ready] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string];
    const url = /url=(\S+)/.exec(ready)?.[1];
    for (let i = 0; i < 300; i++) await (await fetch(`${url}/${'x'.repeat(4000)}`)).text();
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 8000);
    assert.deepEqual(await exit, [0, null]);
    clearTimeout(late);
  }
});
