/** Everything that can be wrong before a server runs: one clear line, the right code, nothing left running. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { run } from './cli-run.ts';
import { CERT, ENCRYPTED_KEY, KEY, OTHER_KEY } from './tls-keys.ts';

let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  await writeFile(join(folder, 'empty.mjs'), 'export const nothing = 1;\n');
  await writeFile(join(folder, 'syntax.mjs'), 'export default () => new Response("x");\nlet let = 1;\n');
  await writeFile(
    join(folder, 'throws.mjs'),
    'const connect = () => {\nthrow new Error("no database"); };\nconnect();\n',
  );
  await writeFile(join(folder, 'string.mjs'), 'throw "just text";\n');
  await writeFile(join(folder, 'exits.mjs'), 'function check() { process.exit(3); }\nawait 1;\ncheck();\n');
  await writeFile(join(folder, 'waits.mjs'), 'await new Promise(() => {});\n');
  await writeFile(join(folder, 'no-app.mjs'), 'export default { handler: (req, res) => res.end() };\n');
  await writeFile(join(folder, 'imports.mjs'), 'import "./missing.mjs";\n');
  await writeFile(join(folder, 'good.mjs'), 'export default () => new Response("x");\n');
  await writeFile(join(folder, 'page.html'), '<p>');
  const keys = { cert: CERT, key: KEY, encrypted: ENCRYPTED_KEY, other: OTHER_KEY };
  for (const [name, pem] of Object.entries(keys)) await writeFile(join(folder, `${name}.pem`), pem);
  await writeFile(
    join(folder, 'typed.ts'),
    'const x: number = 1; export default () => new Response(String(x));\n',
  );
});
after(() => rm(folder, { recursive: true }));

const CASES: [string, string[], number, RegExp][] = [
  ['an unknown flag', ['serve', '--prot', '1'], 2, /unknown flag --prot; did you mean --port\?/],
  ['a bad duration', ['serve', '--idle-timeout', 'soon'], 2, /--idle-timeout: "soon" is not allowed; a duration is/],
  ['a bad size', ['serve', '--max-body-size', 'big'], 2, /--max-body-size: "big" is not allowed; a size is/],
  ['a bad port', ['serve', '-p', '70000'], 2, /-p: "70000" is not allowed; a whole number from 0 to 65535/],
  ['a bad worker count', ['serve', '-w', '0'], 2, /-w: "0" is not allowed/],
  ['an unknown engine', ['serve', '--engine', 'steam'], 2, /--engine: "steam" is not one of/],
  ['half of a certificate', ['serve', '--tls-cert', 'x.pem'], 2, /--tls-cert and --tls-key are given together/],
  ['a missing certificate', ['serve', '--tls-cert', 'no.pem', '--tls-key', 'no.pem'], 1, /no\.pem cannot be read \(ENOENT\)/],
  ['certificates without all their keys', ['serve', '--tls-cert', 'a', '--tls-cert', 'b', '--tls-key', 'c'], 2, /--tls-cert is given 2 times and --tls-key once: each certificate has its key/],
  ['what clients must show, without TLS', ['serve', '--tls-client-ca', 'x.pem'], 2, /--tls-client-ca is for HTTPS/],
  ['what was revoked, by nobody', ['serve', '--tls-cert', '@/cert.pem', '--tls-key', '@/key.pem', '--tls-client-crl', 'x'], 2, /--tls-client-crl is about certificates of clients: give --tls-client-ca too/],
  ['a cipher that is none', ['serve', '--tls-cert', '@/cert.pem', '--tls-key', '@/key.pem', '--tls-ciphers', 'ROT13', '@/good.mjs'], 2, /--tls-ciphers: "ROT13" is not allowed; no cipher of OpenSSL/],
  ['the second key of another certificate', ['serve', '--tls-cert', '@/cert.pem', '--tls-key', '@/key.pem', '--tls-cert', '@/cert.pem', '--tls-key', '@/other.pem', '@/good.mjs'], 2, /--tls-key: "\(a private key\)" is not allowed; it does not belong to the certificate in --tls-cert/],
  ['a port said twice', ['serve', '-l', '3000', '-p', '3001'], 2, /--listen and --port both say where to listen/],
  ['a proxy that is no address', ['serve', '--trust-proxy', 'fo'], 2, /--trust-proxy: "fo" is not allowed; a number of hops .*'all' or 'nobody'/],
  ['connections that wait, on the node engine', ['serve', '--when-full', 'pause', '--engine', 'node', '@/good.mjs'], 2, /--when-full: "pause" is not allowed; 'refuse'/],
  ['a head that holds nothing', ['serve', '--max-header-size', '64', '@/good.mjs'], 2, /--max-header-size: "64" is not allowed; 256 bytes to 1m/],
  ['a duration of nothing', ['serve', '--header-timeout', '0', '@/good.mjs'], 2, /--header-timeout: "0" is not allowed; 0 would mean off to some/],
  ['more connections than can be counted', ['serve', '--max-connections', '9999999999', '@/good.mjs'], 2, /--max-connections: "9999999999" is not allowed; a whole number from 1/],
  ['a path that no socket has', ['serve', '-l', `unix:/${'a'.repeat(120)}`, '@/good.mjs'], 2, /-l: "unix:\/a+" is not allowed; a path of 1 to 107 bytes/],
  ['an encrypted key without its passphrase', ['serve', '--tls-cert', '@/cert.pem', '--tls-key', '@/encrypted.pem', '@/good.mjs'], 2, /--tls-passphrase-file is missing; the private key is encrypted and needs its passphrase/],
  ['an encrypted key with another passphrase', ['serve', '--tls-cert', '@/cert.pem', '--tls-key', '@/encrypted.pem', '--tls-passphrase-file', '@/page.html', '@/good.mjs'], 2, /--tls-passphrase-file: "[^"]*page\.html" is not allowed; the private key is encrypted, and this does not open it/],
  ['the key of another certificate', ['serve', '--tls-cert', '@/cert.pem', '--tls-key', '@/other.pem', '@/good.mjs'], 2, /--tls-key: "[^"]*other\.pem" is not allowed; it does not belong to the certificate in --tls-cert/],
  ['a rule that is no field', ['serve', '--cache-control', '/assets/*=', '@'], 2, /--cache-control: "" is not allowed; what the field Cache-Control may hold/],
  ['an origin without its scheme', ['serve', '--cors=example.com', '@'], 2, /--cors: "example\.com" is not allowed; an origin as a browser sends it/],
  ['a page outside of the folder', ['serve', '--spa=../x.html', '@'], 2, /--spa: "\.\.\/x\.html" is not allowed; the name of a page in the folder/],
  ['names by half a path', ['serve', '--download=a/b', '@'], 2, /--download: "a\/b" is not allowed; a pattern of names/],
  ['links of a kind that is not there', ['serve', '--symlinks', 'some', '@'], 2, /--symlinks: "some" is not one of inside, all, none/],
  ['what is for folders', ['serve', '--spa', '@/good.mjs'], 2, /--spa is for folders; what is served is a module/],
  ['two targets', ['serve', 'a', 'b'], 2, /unexpected argument "b"/],
  ['an unknown command', ['srve'], 2, /unknown command srve; did you mean serve\?/],
  ['a flag before the command', ['--port', '3'], 2, /unknown flag --port; flags follow a command, as in: holdfast serve --port/],
  ['an object that is no app', ['serve', '-w', '1', '--node', '@/no-app.mjs'], 1, /no-app\.mjs cannot be loaded: node: an object \(Object\) is not allowed; a listener/],
  ['a program of its own', ['serve', '-w', '1', '@/empty.mjs'], 1, /its default export is missing \(a program that calls `serve` itself is started by node\)/],
  ['a missing folder', ['serve', '/no/such/folder'], 1, /\/no\/such\/folder: no such folder or module/],
  ['a file that is no module', ['serve', '@/page.html'], 1, /neither a folder nor a module/],
  ['a module without a handler', ['serve', '-w', '1', '@/empty.mjs'], 1, /empty\.mjs exports no handler/],
  ['a module without a handler, on threads', ['serve', '-w', '2', '@/empty.mjs'], 1, /empty\.mjs exports no handler/],
  ['a module that does not parse', ['serve', '-w', '1', '@/syntax.mjs'], 1, /syntax\.mjs cannot be loaded: .*syntax\.mjs:2/],
  ['a module that throws no error, on threads', ['serve', '-w', '2', '@/string.mjs'], 1, /string\.mjs cannot be loaded: just text$/m],
  ['a module that imports nothing there is', ['serve', '-w', '1', '@/imports.mjs'], 1, /imports\.mjs cannot be loaded: .*missing\.mjs/],
  ['an address of another machine', ['serve', '-w', '1', '-p', '0', '-H', '192.0.2.1', '@/good.mjs'], 1, /192\.0\.2\.1:0: this machine has no such address/],
  ['a name that nobody knows', ['serve', '-w', '1', '-p', '0', '-H', 'nobody.invalid', '@/good.mjs'], 1, /nobody\.invalid:0: the name cannot be looked up \(E/],
]; // biome-ignore format: one case a line

for (const [what, args, code, wanted] of CASES) {
  test(`${what} is told in one line and ends with ${code}`, async (t) => {
    const ended = await run(
      t,
      args.map((arg) => arg.replace('@', folder)),
    );
    assert.match(ended.stderr, wanted);
    assert.match(ended.stderr, /^holdfast: [^\n]+\n$/);
    assert.equal(ended.code, code);
    assert.equal(ended.stdout, '');
  });
}

test('a module that throws is told with its place and its stack, in this thread and on two', async (t) => {
  for (const workers of ['1', '2']) {
    const ended = await run(t, ['serve', '-w', workers, join(folder, 'throws.mjs')]);
    const [line, ...frames] = ended.stderr.trimEnd().split('\n');
    assert.match(line!, /^holdfast: .*throws\.mjs cannot be loaded: no database \(.*throws\.mjs:2\)$/);
    assert.match(frames[0]!, /^ +at connect \(file:.*throws\.mjs:2:\d+\)$/);
    assert.match(frames[1]!, /^ +at file:.*throws\.mjs:3:\d+$/);
    for (const frame of frames) assert.doesNotMatch(frame, /node:internal/);
    assert.equal(ended.code, 1);
  }
});

test('where one worker fails to load the module, the start ends, and none is tried again', async (t) => {
  const file = join(folder, 'once.mjs');
  // The first thread that comes fails, the other loads for ever.
  const mark = JSON.stringify(join(folder, 'mark'));
  await writeFile(
    file,
    `import { mkdirSync } from 'node:fs';
     let isFirst = true;
     try { mkdirSync(${mark}); } catch { isFirst = false; }
     if (isFirst) throw new Error('no database');
     await new Promise((resolve) => setTimeout(resolve, 20_000));\n`,
  );
  const ended = await run(t, ['serve', '-w', '2', file]);
  assert.equal(ended.stderr.match(/no database/g)?.length, 1, ended.stderr);
  assert.doesNotMatch(ended.stderr, /tried again/);
  assert.equal(ended.code, 1);
});

test('a module that ends the process while it is loaded is told with its place, and its code is kept', async (t) => {
  for (const workers of ['1', '2']) {
    const ended = await run(t, ['serve', '-w', workers, join(folder, 'exits.mjs')]);
    const [line, ...frames] = ended.stderr.trimEnd().split('\n');
    assert.match(line!, /^holdfast: .*exits\.mjs ended with code 3 while it was loaded \(process\.exit\)/);
    assert.match(frames[0]!, /^ +at check \(file:.*exits\.mjs:1:\d+\)$/);
    assert.equal(ended.code, 3);
    assert.equal(ended.stdout, '');
  }
});

test('a module that waits for what never comes is told, in this thread and on two', async (t) => {
  for (const workers of ['1', '2']) {
    const ended = await run(t, ['serve', '-w', workers, join(folder, 'waits.mjs')]);
    assert.match(
      ended.stderr,
      /^holdfast: .*waits\.mjs cannot be loaded: it waits for what never comes[^\n]*\n$/,
    );
    assert.equal(ended.code, 1);
  }
});

test('a port in use is told in one line, with one worker and with two', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  t.after(() => taken.close());
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  for (const workers of ['1', '2']) {
    const ended = await run(t, ['serve', '-w', workers, '-p', String(port), join(folder, 'good.mjs')]);
    assert.equal(
      ended.stderr,
      `holdfast: 127.0.0.1:${port} is in use already (EADDRINUSE); stop what listens there, or choose another port by --port, 0 for any free one\n`,
    );
    assert.equal(ended.code, 1);
  }
});

test('an engine that this host does not have is refused with its reason', async (t) => {
  // Forces an FFI library that Node before 26.1 lacks, and without FFI there is no io_uring.
  if (Number(process.versions.node.split('.')[0]) >= 26) return t.skip('this Node has node:ffi');
  const args = ['serve', '-w', '1', '-p', '0', '--engine', 'iouring', join(folder, 'good.mjs')];
  const ended = await run(t, args, { HOLDFAST_FFI: 'node' });
  assert.match(ended.stderr, /^holdfast: the engine 'iouring' cannot run here: [^\n]*node:ffi[^\n]*\n$/);
  assert.equal(ended.code, 1);
});

test('TypeScript is served or refused with what to do, by the version of Node', {
  skip: 'typescript' in process.features && process.features.typescript ? 'this Node loads it' : false,
}, async (t) => {
  const ended = await run(t, ['serve', join(folder, 'typed.ts')]);
  assert.match(ended.stderr, /typed\.ts: Node [\d.]+ does not load TypeScript; use Node 22\.18 or later/);
  assert.equal(ended.code, 1);
});

test('help and version go to standard output and end with 0', async (t) => {
  for (const args of [['--help'], ['serve', '--help'], ['doctor', '--help'], ['--version']]) {
    const ended = await run(t, args);
    for (const line of ended.stdout.split('\n')) assert.ok(line.length <= 80, line);
    assert.equal(ended.code, 0, args.join(' '));
    assert.notEqual(ended.stdout, '');
    assert.equal(ended.stderr, '');
  }
  assert.equal((await run(t, [])).code, 2);
});
