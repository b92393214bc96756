/** A program that a bundler put into one file, with Holdfast in it: it serves, and says what it lost. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const PROGRAM = `
import { serve } from ${JSON.stringify(fileURLToPath(import.meta.resolve('holdfast')))};
const workers = Number(process.env.WORKERS);
const server = await serve({ module: new URL('./app.mjs', import.meta.url), port: 0, workers, admin: 0 });
const answer = await (await fetch(server.url)).text();
console.log(server.engine.name, answer, (await fetch(server.admin.url + '/metrics')).status);
await server.close();`;

test('a bundled program serves on node with a warning that names the cause, and workers are refused in a sentence', {
  skip: process.platform === 'linux' ? false : 'elsewhere node is the engine that there is',
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-bundled-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'program.mjs'), PROGRAM);
  await writeFile(join(folder, 'app.mjs'), 'export default () => new Response("hello");\n');
  const bundle = await rolldown({ input: join(folder, 'program.mjs'), platform: 'node' });
  await bundle.write({ file: join(folder, 'bundled.mjs'), format: 'esm', codeSplitting: false });
  await bundle.close();
  const run = (workers: string) => {
    const env = { ...process.env, WORKERS: workers, NODE_PATH: '' };
    return spawnSync(process.execPath, [join(folder, 'bundled.mjs')], {
      env,
      encoding: 'utf8',
      timeout: 20_000,
    });
  };
  const alone = run('0');
  assert.match(alone.stdout, / hello 200\n$/, alone.stderr);
  if (alone.stdout.startsWith('node'))
    assert.match(alone.stderr, /warn +the engine is node, which is slower: .*iouring cannot: .*koffi/);
  const threads = run('2');
  assert.notEqual(threads.status, 0);
  assert.match(
    threads.stderr,
    /workers: .*worker\.js is missing, .*was this program bundled\? Keep the package holdfast out/,
  );
});

test('who has asked for the node engine is not warned', () => {
  const program = PROGRAM.replace('port: 0,', "port: 0, engine: 'node',").replace(
    "new URL('./app.mjs', import.meta.url)",
    '\'data:text/javascript,export default () => new Response("hello")\'',
  );
  const env = { ...process.env, WORKERS: '0' };
  const args = ['--input-type=module', '-e', `${program};`];
  const { stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: 'utf8', timeout: 20_000 });
  assert.deepEqual([stdout, stderr], ['node hello 200\n', '']);
});
