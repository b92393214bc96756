/** `holdfast serve --watch`: what a module has loaded is watched, and nothing that it writes beside itself. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CliProcess } from './cli-run.ts';

let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-watch-'));
});
after(() => rm(folder, { recursive: true }));

const MODULE = `
import { appendFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { part } from './lib/part.mjs';
import { shared } from '../shared.mjs';
import required from './required.cjs';
const here = new URL('.', import.meta.url);
let lazy = '-';
export default async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === '/lazy') lazy = (await import('./lazy.mjs')).lazy;
  if (pathname === '/write') {
    appendFileSync(new URL('requests.txt', here), request.url);
    writeFileSync(new URL('state.json', here), String(Date.now()));
    writeFileSync(new URL('state.db', here), String(Date.now()));
    mkdirSync(new URL('uploads', here), { recursive: true });
    writeFileSync(new URL('uploads/part.mjs', here), 'not ours');
  }
  return new Response([part, shared, required, lazy].join(' '));
};
`;

test('imports, requires and later imports reload, wherever they are; what the program writes does not', async (t) => {
  const app = join(folder, 'app');
  await mkdir(join(app, 'lib'), { recursive: true });
  const files: Record<string, (version: number) => string> = {
    'lib/part.mjs': (version) => `export const part = 'part${version}';\n`,
    '../shared.mjs': (version) => `export const shared = 'shared${version}';\n`,
    'required.cjs': () => "module.exports = require('./deeper.cjs');\n",
    'deeper.cjs': (version) => `module.exports = 'deeper${version}';\n`,
    'lazy.mjs': (version) => `export const lazy = 'lazy${version}';\n`,
  };
  await writeFile(join(app, 'main.mjs'), MODULE);
  for (const [name, text] of Object.entries(files)) await writeFile(join(app, name), text(1));
  const cli = new CliProcess(t, ['serve', '-p', '0', '-w', '1', '--watch', join(app, 'main.mjs')]);
  const { url } = await cli.ready();
  const ask = async (path: string) =>
    (await fetch(`${url}${path}`, { headers: { connection: 'close' } })).text();
  assert.equal(await ask('/lazy'), 'part1 shared1 deeper1 lazy1');
  let reloads = 0;
  const reloaded = async (change: string) => {
    reloads++;
    const count = () => cli.stderr.match(/: reloaded|INFO +reloaded|reloaded$/gm)?.length ?? 0;
    await cli.until(() => count() >= reloads, `reload ${reloads}, for ${change}`);
    const changes = cli.stderr.match(/changed: .*/g) ?? [];
    assert.deepEqual(changes.length, reloads, changes.join('\n'));
    assert.equal(changes.at(-1), `changed: ${change}`);
  };
  const save = async (name: string, version: number) => {
    await ask('/write');
    // Editors write files in this way.
    await writeFile(join(app, `${name}.new`), files[name]!(version));
    await rename(join(app, `${name}.new`), join(app, name));
    await reloaded(name);
  };
  await save('lazy.mjs', 2);
  assert.equal(await ask('/lazy'), 'part1 shared1 deeper1 lazy2');
  await save('lib/part.mjs', 2);
  await save('../shared.mjs', 2);
  await save('deeper.cjs', 2);
  assert.equal(await ask('/'), 'part2 shared2 deeper2 -');
});

test('a file whose lack made a reload fail reloads when it comes', async (t) => {
  const file = join(folder, 'wants.mjs');
  await writeFile(file, 'export default () => new Response("one");\n');
  const cli = new CliProcess(t, ['serve', '-p', '0', '-w', '1', '--watch', file]);
  const { url } = await cli.ready();
  await writeFile(file, 'import { two } from "./wanted.mjs"; export default () => new Response(two);\n');
  await cli.until(() => cli.stderr.includes('reload failed'), 'the failure');
  await writeFile(join(folder, 'wanted.mjs'), 'export const two = "two";\n');
  await cli.until(() => cli.stderr.includes('reloaded'), 'the reload');
  assert.equal(await (await fetch(url!, { headers: { connection: 'close' } })).text(), 'two');
});
