import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FileStamps } from './file-stamps.ts';
import { TlsFiles } from './tls-files.ts';

const text = (name: string): string => `-----BEGIN ${name}-----\n-----END ${name}-----\n`;

async function changesOf(
  t: { after(call: () => void): void },
  path: string,
  change: () => void,
): Promise<{ reads: string[] }> {
  const reads: string[] = [];
  const read = (): void => {
    const files = new TlsFiles();
    try {
      reads.push(files.pem('tls.cert', path));
    } catch {
      reads.push('failed');
      return;
    }
    stamps.watch(files.seen);
  };
  const stamps = new FileStamps(async () => read(), 20, 10);
  t.after(() => stamps.stop());
  read();
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.equal(reads.length, 1, 'nothing has changed');
  change();
  for (let waitedMs = 0; reads.length < 2 && waitedMs < 5000; waitedMs += 10)
    await new Promise((resolve) => setTimeout(resolve, 10));
  await new Promise((resolve) => setTimeout(resolve, 100));
  return { reads };
}

test('a file is read anew, once, when it is written to, renamed over, reached by another link, or gone and back', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-stamps-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);
  const cases: Record<string, { path: string; change: () => void; last: string }> = {};

  writeFileSync(at('written'), text('A'));
  cases['written to'] = {
    path: at('written'),
    change: () => writeFileSync(at('written'), text('BB')),
    last: text('BB'),
  };

  writeFileSync(at('renamed'), text('A'));
  cases['renamed over'] = {
    path: at('renamed'),
    change: () => {
      writeFileSync(at('renamed.new'), text('B'));
      renameSync(at('renamed.new'), at('renamed'));
    },
    last: text('B'),
  };

  // Kubernetes mounts secrets so: tls.crt -> ..data/tls.crt, ..data -> a folder of its own for each version.
  for (const version of ['1', '2']) {
    mkdirSync(at(`..${version}`));
    writeFileSync(join(at(`..${version}`), 'tls.crt'), text(version));
  }
  symlinkSync('..1', at('..data'));
  symlinkSync('..data/tls.crt', at('tls.crt'));
  cases['reached by another link'] = {
    path: at('tls.crt'),
    change: () => {
      symlinkSync('..2', at('..data_tmp'));
      renameSync(at('..data_tmp'), at('..data'));
    },
    last: text('2'),
  };

  writeFileSync(at('gone'), text('A'));
  cases['gone'] = { path: at('gone'), change: () => rmSync(at('gone')), last: 'failed' };

  await Promise.all(
    Object.entries(cases).map(async ([name, { path, change, last }]) => {
      const { reads } = await changesOf(t, path, change);
      assert.equal(reads.length, 2, name);
      assert.equal(reads[1], last, name);
    }),
  );
});
