/**
 * What a start leaves for later: Node's own fetch classes, which take 50 ms of CPU time to load, its cryptography, which
 * takes 8, and our HTTP/2.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { CliProcess, endsWell } from './cli-run.ts';

/** undici, which these classes are of, is known by what it leaves at the global object. */
const IS_LOADED =
  "Object.getOwnPropertySymbols(globalThis).some((each) => each.description.startsWith('undici.'))";

test('a server is ready and waits without Node’s fetch classes, and they are there for its first answer', () => {
  const program = `
    const { serve, Response } = await import(${JSON.stringify(import.meta.resolve('holdfast'))});
    const server = await serve({ fetch: () => new Response('x'), port: 0 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    const told = [${IS_LOADED}, new Response('x') instanceof globalThis.Response];
    await server.close(true);
    console.log(told.join());`;
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(told, 'false,true\n');
});

test('a folder is served without them', async (t) => {
  const atExit = `process.on('exit', () => console.log('loaded:', ${IS_LOADED}));`;
  const cli = new CliProcess(t, ['serve', 'docs', '--port', '0'], {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(atExit)}`,
  });
  const { url } = await cli.ready();
  assert.equal((await fetch(`${url}/options.md`)).status, 200);
  cli.child.kill('SIGTERM');
  await endsWell(cli);
  assert.match(cli.stdout, /^loaded: false$/m);
});

test('a folder waits for its first request without Node’s cryptography', async (t) => {
  const atExit =
    "process.on('exit', () => console.log('has:', process.moduleLoadList.includes('NativeModule crypto')));";
  const cli = new CliProcess(t, ['serve', 'docs', '--port', '0'], {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(atExit)}`,
  });
  await cli.ready();
  cli.child.kill('SIGTERM');
  await endsWell(cli);
  assert.match(cli.stdout, /^has: false$/m);
});

/** Ours, with a folder: the command, what every server loads, what `serve` needs beside it, the folder's module. */
const FILES_MAX = 4;
/**
 * 630 KB when this was written: a seventh more is for what grows. Whoever comes near asks what could be loaded when it is needed, as
 * HTTP/2, TLS, the admin port and boots are.
 */
const BYTES_MAX = 720_000;
/** Modules of Node's that a program which does nothing does not load. 75 on Node 20, 66 on 24, 63 on 26. */
const BUILTINS_MAX = 82;

test('a start loads few files, few bytes and few modules of Node’s', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const count = "process.moduleLoadList.filter((each) => each.startsWith('NativeModule')).length";
  const atExit = `process.on('exit', () => console.log('has:', ${count}));`;
  const cli = new CliProcess(t, ['serve', 'docs', '--port', '0', '--workers', '1'], {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(atExit)}`,
    NODE_V8_COVERAGE: folder,
  });
  await cli.ready();
  cli.child.kill('SIGTERM');
  await endsWell(cli);
  const builtins = Number(/^has: (\d+)$/m.exec(cli.stdout)![1]);
  const bare = Number(execFileSync(process.execPath, ['-e', `console.log(${count})`], { encoding: 'utf8' }));
  const loaded = new Map<string, number>();
  for (const name of readdirSync(folder)) {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] };
    for (const { url } of result)
      if (url.startsWith('file:')) loaded.set(url.replace(/\?.*/, ''), statSync(new URL(url)).size);
  }
  const bytes = [...loaded.values()].reduce((sum, each) => sum + each, 0);
  assert.ok(bytes > 100_000, 'the command’s own files were seen');
  assert.ok(bytes <= BYTES_MAX, `${bytes} bytes`);
  assert.ok(loaded.size <= FILES_MAX, [...loaded.keys()].join('\n'));
  assert.ok(builtins - bare <= BUILTINS_MAX, `${builtins - bare} modules of Node's`);
});

/** What is shipped, in a copy whose file for HTTP/2 leaves a mark when it is loaded. @returns its index */
function markedCopy(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-start-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(fileURLToPath(new URL('.', import.meta.resolve('holdfast'))), folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  renameSync(join(folder, 'http2.js'), join(folder, 'http2-itself.js'));
  writeFileSync(
    join(folder, 'http2.js'),
    "globalThis.isHttp2Loaded = true;\nexport * from './http2-itself.js';\n",
  );
  return pathToFileURL(join(folder, 'index.js')).href;
}

/** Tells whether HTTP/2 was loaded when the server was ready, what a client of HTTP/1.1 got, and one of HTTP/2. */
const askByBoth = (index: string): string => `
  import { connect } from 'node:http2';
  const { serve, Response } = await import(${JSON.stringify(index)});
  const server = await serve({ fetch: (request) => new Response(request.method), port: 0, engine: 'node' });
  const told = [globalThis.isHttp2Loaded, await (await fetch(server.url)).text(), globalThis.isHttp2Loaded];
  const client = connect(server.url);
  const stream = client.request({ ':path': '/' });
  let text = '';
  for await (const piece of stream.setEncoding('utf8')) text += piece;
  told.push(text, globalThis.isHttp2Loaded);
  client.close();
  await server.close(true);
  console.log(told.join());`;

test('HTTP/2 is loaded when the first client speaks it', (t) => {
  const args = ['--input-type=module', '-e', askByBoth(markedCopy(t))];
  assert.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }), ',GET,,GET,true\n');
});

test('HTTP/2 is there from the start where `require` takes no ES modules', (t) => {
  const args = ['--no-experimental-require-module', '--input-type=module', '-e', askByBoth(markedCopy(t))];
  assert.equal(execFileSync(process.execPath, args, { encoding: 'utf8' }), 'true,GET,true,GET,true\n');
});
