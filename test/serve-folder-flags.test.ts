/** The flags of `holdfast serve` that are about a folder reach what answers, in this thread and in workers. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { CliProcess } from './cli-run.ts';

const base = mkdtempSync(join(tmpdir(), 'holdfast-flags-'));
const root = join(base, 'root');
after(() => rmSync(base, { recursive: true }));
mkdirSync(join(root, 'sub'), { recursive: true });
writeFileSync(join(base, 'outside.txt'), 'outside');
const TEXT = 'to be or not to be '.repeat(200);
for (const [name, content] of Object.entries({
  'index.html': 'home',
  'app.html': 'app',
  'app-3f2a1b9c.js': TEXT,
  'style.css': 'p{}',
  '.secret': 'secret',
  'disk.iso': 'iso',
}))
  writeFileSync(join(root, name), content);
for (const name of ['app-3f2a1b9c.js', 'style.css']) utimesSync(join(root, name), 1e9, 1e9);
symlinkSync(join(base, 'outside.txt'), join(root, 'link.txt'));

async function serve(t: TestContext, ...args: string[]) {
  const cli = new CliProcess(t, ['serve', '-p', '0', ...args, root]);
  const { url = '' } = await cli.ready();
  return async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(url + path, { headers });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

for (const workers of ['1', '2'])
  test(`every flag about a folder does what it says (${workers} workers)`, async (t) => {
    const ask = await serve(
      t,
      ...['-w', workers, '--spa=app.html', '--cors=https://a.example', '--cors=https://b.example'],
      ...['--cache-control', '*.css=public, max-age=60', '--cache-control', 'no-store', '--immutable'],
      ...[
        '--download=*.iso',
        '--dotfiles',
        '--symlinks',
        'all',
        '--no-listing',
        '--no-clean-urls',
        '--compress',
      ],
    );
    assert.equal((await ask('/users/7')).text, 'app');
    assert.equal((await ask('/sub/')).text, 'app');
    assert.equal((await ask('/missing.js')).status, 404);
    const css = await ask('/style.css', { origin: 'https://b.example' });
    assert.equal(css.headers.get('access-control-allow-origin'), 'https://b.example');
    assert.equal(css.headers.get('cache-control'), 'public, max-age=60');
    assert.equal((await ask('/')).headers.get('cache-control'), 'no-store');
    const iso = await ask('/disk.iso');
    assert.equal(iso.headers.get('content-disposition'), 'attachment; filename="disk.iso"');
    assert.equal((await ask('/.secret')).text, 'secret');
    assert.equal((await ask('/link.txt')).text, 'outside');
    const script = await ask('/app-3f2a1b9c.js', { 'accept-encoding': 'br' });
    // Decoded by the client already, which keeps the field.
    assert.equal(script.headers.get('content-encoding'), 'br');
    assert.equal(script.text, TEXT);
  });

test('without flags a folder is listed, hides names with a dot, and follows no link out of it', async (t) => {
  const ask = await serve(t, '-w', '1');
  assert.match((await ask('/sub/')).text, /This folder is empty/);
  for (const path of ['/.secret', '/link.txt', '/users/7']) assert.equal((await ask(path)).status, 404, path);
  const page = await ask('/app');
  assert.equal(page.text, 'app');
  assert.equal(page.headers.get('access-control-allow-origin'), null);
  assert.equal(page.headers.get('cache-control'), 'no-cache');
  const script = await ask('/app-3f2a1b9c.js', { 'accept-encoding': 'br' });
  assert.equal(script.headers.get('content-encoding'), null);
});
