/** A server on a name in Linux's abstract namespace, written `@name`: served by each engine, with workers, and found by the load tool. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ListenError, OptionError, serve } from '#src/index.ts';
import { CliProcess, endsWell, run } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';

const isLinux = process.platform === 'linux';
const skipElsewhere = isLinux ? false : 'only Linux has that namespace';
/** What the portable engine makes of such names (src/engine/node/listen.ts). */
const isOldNode = Number.parseInt(process.versions.node, 10) < 22;
const engines = await enginesHere();
const loadEngine = engines.some(({ engine, skip }) => engine === 'epoll' && skip === false)
  ? 'epoll'
  : 'node';

let count = 0;
const nameOf = (what: string) => `@holdfast-${what}-${process.pid}-${count++}`;

for (const { engine, skip } of engines)
  test(`serve({ unix: '@name' }) is served by ${engine}, and holdfast load --unix finds it`, {
    skip: skip || skipElsewhere || (loadEngine === 'node' && isOldNode && 'nobody here could connect'),
  }, async (t) => {
    const unix = nameOf(engine);
    const options = { unix, engine, logger: quiet, fetch: () => new Response('ok') };
    if (engine === 'node' && isOldNode) {
      await assert.rejects(serve(options), (error: unknown) => {
        assert.ok(error instanceof ListenError);
        assert.match(error.message, /@holdfast-node.*needs Node 22/);
        return true;
      });
      return;
    }
    const server = await serve(options);
    t.after(() => server.close(true));
    assert.deepEqual([server.url, server.hostname, server.port], [`unix:${unix}`, unix, 0]);
    await assert.rejects(serve(options), {
      code: 'EADDRINUSE',
      message: /the unix socket @holdfast-.* is in use/,
    });
    const { code, stdout, stderr } = await run(t, ['load', '--json', '-n', '4', '-c', '1', '--engine', loadEngine, '--unix', unix, 'http://a/']); // biome-ignore format: one call
    assert.equal(code, 0, stderr);
    const result = JSON.parse(stdout);
    assert.equal(result.requests.answered, 4);
    assert.deepEqual(result.plan.addresses, [`unix:${unix}`]);
  });

test('the command listens on such a name with two workers, and makes no file of it', {
  skip: skipElsewhere || (loadEngine === 'node' && 'workers need FFI'),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-abstract-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'app.mjs'), "export default () => new Response('ok');\n");
  const unix = nameOf('command');
  const server = new CliProcess(t, ['serve', '-l', `unix:${unix}`, '-w', '2', join(folder, 'app.mjs')]);
  assert.equal((await server.ready())['url'], `unix:${unix}`);
  const loaded = await run(t, ['load', '--json', '-n', '4', '-c', '2', '--unix', unix, 'http://a/']);
  assert.equal(loaded.code, 0, loaded.stderr);
  assert.equal(JSON.parse(loaded.stdout).requests.answered, 4);
  server.child.kill('SIGTERM');
  await endsWell(server);
  assert.deepEqual(readdirSync(folder), ['app.mjs']);
});

test('a path with a NUL in it is no path', async () => {
  for (const unix of ['a\0b', '@a\0b'])
    await assert.rejects(serve({ unix, fetch: () => new Response() }), OptionError);
});
