/** h2spec, somebody else's suite for servers of HTTP/2, on every engine: with its strict cases, on the port that HTTP/1.1 is spoken on. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { serveOnSim } from './sim-bridge.ts';

const H2SPEC = process.env['H2SPEC'] ?? 'h2spec';
const hasH2spec = spawnSync(H2SPEC, ['--version']).status === 0;

const engines = await enginesHere();

const fetch = async (request: Request): Promise<Response> =>
  new Response((await request.text()) || 'Hello, World!');

async function judge(port: number): Promise<void> {
  const child = spawn(H2SPEC, ['-h', '127.0.0.1', '-p', String(port), '-S', '-o', '4']);
  const [output, [code]] = await Promise.all([buffer(child.stdout), once(child, 'exit')]);
  const text = output.toString();
  assert.match(text, /14\d tests, 14\d passed, 0 skipped, 0 failed/, text.slice(-3000));
  assert.equal(code, 0);
}

describe('h2spec', {
  skip: hasH2spec ? false : 'h2spec is neither on PATH nor where H2SPEC says',
}, () => {
  for (const { engine, skip } of engines)
    it(`passes on the ${engine} engine`, { skip }, async (t) => {
      const server = await serve({ port: 0, engine, logger: quiet, fetch });
      t.after(() => server.close(true));
      await judge(server.port);
    });

  it('passes on the simulated engine, and nothing is left there', async () => {
    const server = await serveOnSim({ fetch });
    await judge(server.port);
    assert.deepEqual(await server.close(), { connectionsLeft: 0, deadlinesLeft: 0 });
  });
});
