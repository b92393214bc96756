import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type CompileCache, keepCompiled } from './compile-cache.ts';

function directoryFor(env: NodeJS.ProcessEnv): string | undefined {
  let asked: string | undefined;
  keepCompiled(env, {
    enableCompileCache(directory) {
      asked = directory;
    },
  });
  return asked;
}

test('the cache lies in the folder that the user keeps caches in', () => {
  assert.equal(directoryFor({ XDG_CACHE_HOME: '/x', HOME: '/users/me' }), '/x/holdfast');
  assert.equal(directoryFor({ XDG_CACHE_HOME: 'x', HOME: '/users/me' }), '/users/me/.cache/holdfast');
  assert.equal(directoryFor({ HOME: '/users/me' }), '/users/me/.cache/holdfast');
});

test('a process without a home has none', () => {
  assert.equal(directoryFor({}), undefined);
  assert.equal(directoryFor({ HOME: '/' }), undefined);
  assert.equal(directoryFor({ HOME: '' }), undefined);
});

test('a Node that cannot keep any goes without', () => {
  keepCompiled({ HOME: '/users/me' }, {});
});

const { enableCompileCache } = process.getBuiltinModule('node:module') as CompileCache;

test('the shipped command leaves behind what it has compiled of a server, and not only of itself', {
  skip: enableCompileCache === undefined && 'this Node has none',
}, () => {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-cache-'));
  try {
    const main = fileURLToPath(new URL('../bundle/main.js', import.meta.url));
    const env: NodeJS.ProcessEnv = { ...process.env, XDG_CACHE_HOME: directory };
    delete env['NODE_COMPILE_CACHE'];
    delete env['NODE_DISABLE_COMPILE_CACHE'];
    execFileSync(process.execPath, [main, 'serve', '--help'], { env });
    const files = readdirSync(join(directory, 'holdfast'), { recursive: true }).map((name) =>
      join(directory, 'holdfast', String(name)),
    );
    const largestBytes = Math.max(...files.map((file) => statSync(file)).map(({ size }) => size));
    assert.ok(largestBytes > 100_000, `the largest file has ${largestBytes} bytes`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
