/**
 * What an upload that is read in pieces costs the garbage collector: V8 by itself collects the whole heap each 16 to 64 MiB of
 * such pieces.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { enginesHere } from './engines.ts';

const APP = fileURLToPath(new URL('../test/upload-collections.app.mjs', import.meta.url));
const PIECE = Buffer.alloc(1024 * 1024);
const PIECE_COUNT = 384;
/** Six to seventeen without. Some come while the server warms up. */
const WHOLES_MAX = 3;

interface Told {
  readonly wholes: number;
  readonly exposed: readonly string[];
}

async function upload(port: number): Promise<string> {
  const sent = request({ port, method: 'POST', headers: { 'content-length': PIECE.length * PIECE_COUNT } });
  const answered = once(sent, 'response');
  for (let i = 0; i < PIECE_COUNT; i++) if (!sent.write(PIECE)) await once(sent, 'drain');
  sent.end();
  const [response] = await answered;
  return text(response);
}

for (const { engine, skip } of await enginesHere()) {
  test(`uploads do not have the whole heap collected, nor is gc() exposed (${engine})`, {
    skip,
  }, async (t) => {
    const child = spawn(process.execPath, [APP, engine], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.after(() => child.kill());
    const [line] = await once(child.stdout, 'data');
    const port = Number(line);
    assert.equal(await upload(port), String(PIECE.length * PIECE_COUNT));
    const told = (await (await fetch(`http://localhost:${port}/`)).json()) as Told;
    assert.ok(told.wholes <= WHOLES_MAX, `${told.wholes} collections of the whole heap`);
    assert.deepEqual(told.exposed, ['undefined', 'undefined']);
  });
}
