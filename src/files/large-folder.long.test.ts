/** A folder of more than a hundred thousand files is shown by every order, and the loop never stands meanwhile. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openDisk } from './disk.ts';
import { createFilesHandler } from './handler.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-many-'));
after(() => rmSync(root, { recursive: true }));
const COUNT = 100_000;
for (let i = 0; i < COUNT + 10; i++) writeFileSync(join(root, `${(i * 7919) % COUNT}-${i}`), '');

/** Turns on a machine that does other things too are long now and then: the median of the longest of each tenth counts. */
async function longestTurnMs(work: () => Promise<void>): Promise<number> {
  const turns: number[] = [];
  let lastMs = performance.now();
  const ticks = setInterval(() => {
    const nowMs = performance.now();
    turns.push(nowMs - lastMs);
    lastMs = nowMs;
  }, 1);
  await work();
  clearInterval(ticks);
  const tenth = Math.max(1, Math.floor(turns.length / 10));
  const longest = Array.from({ length: 10 }, (_, i) =>
    Math.max(0, ...turns.slice(i * tenth, (i + 1) * tenth)),
  );
  return longest.sort((a, b) => a - b)[5]!;
}

for (const [
  query,
  accept,
] of [['', 'text/html'], ['?sort=time', 'text/html'], ['?sort=size&order=asc', 'application/json']] as const) // biome-ignore format: a table
  test(`a hundred thousand files are shown${query === '' ? '' : ` by ${query}`} as ${accept}`, async () => {
    const handler = createFilesHandler(openDisk(root), { listing: true });
    let text = '';
    const longestMs = await longestTurnMs(async () => {
      const response = await handler({ method: 'GET', url: `/${query}`, headers: new Headers({ accept }) });
      assert.equal(response.status, 200);
      const decoder = new TextDecoder();
      for await (const piece of response.body!) text += decoder.decode(piece, { stream: true });
    });
    const count = text.match(accept === 'text/html' ? /<td><a href="\.\//g : /"type":"file"/g)?.length;
    assert.equal(count, COUNT);
    assert.match(
      text,
      accept === 'text/html' ? /There are more entries, which are not shown/ : /"truncated":true/,
    );
    assert.ok(longestMs < 500, `turns of ${longestMs} ms`);
  });
