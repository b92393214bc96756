/** An address that cannot be had: one class, the system's code, what to do, and the caller's place in the stack. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ListenError, type ServeOptions, serve } from '#src/index.ts';
import { PACKAGE } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';

const module = 'data:text/javascript,export default () => new Response("ok")';
const taken = createServer().listen(0, '127.0.0.1').unref();
await new Promise((resolve) => taken.once('listening', resolve));
const { port } = taken.address() as { port: number };

/** What is asked for, the code, and how the message begins. */
const CASES: [string, ServeOptions, string, string][] = [
  ['a port in use', { port }, 'EADDRINUSE', `127.0.0.1:${port} is in use already (EADDRINUSE); stop`],
  ['an address of another machine', { port: 0, hostname: '192.0.2.1' }, 'EADDRNOTAVAIL', '192.0.2.1:0: this machine'],
  ['a folder that is not there', { unix: '/no/such/a.sock' }, 'ENOENT', 'the unix socket /no/such/a.sock cannot be made, because its folder'],
  ['an admin port in use', { port: 0, admin: port }, 'EADDRINUSE', `admin port 127.0.0.1:${port} is in use already`],
]; // biome-ignore format: one case a line

for (const { engine, skip } of await enginesHere())
  for (const workers of [0, 1, 2])
    describe(`refused addresses (${engine}, ${workers} workers)`, {
      skip: skip || (workers > 0 && process.platform !== 'linux' ? 'workers are for Linux' : false),
    }, () => {
      for (const [what, options, code, message] of CASES)
        it(what, async () => {
          const given = { ...options, module, workers, engine, logger: quiet } as ServeOptions;
          await assert.rejects(serve(given), (error) => {
            assert.ok(error instanceof ListenError, String(error));
            assert.equal(error.code, code);
            assert.equal(error.message.slice(0, message.length), message);
            const frames = error.stack!.split('\n').slice(1);
            assert.match(frames[0]!, /listen-errors\.test\.js/, 'the first frame is the caller');
            for (const frame of frames) assert.doesNotMatch(frame, /dist\/(?:server|engine|sys)\//);
            return true;
          });
        });
    });

it('a program that does not catch it shows what is wrong and where it called serve', async () => {
  const source = `import { serve } from 'holdfast';\n\nawait serve({ port: ${port}, fetch: () => new Response('') });\n`;
  const stderr = await new Promise<string>((resolve) => {
    const args = ['--input-type=module', '--eval', source];
    execFile(process.execPath, args, { cwd: fileURLToPath(PACKAGE) }, (_, __, text) => resolve(text));
  });
  assert.match(stderr, new RegExp(`^ListenError: 127\\.0\\.0\\.1:${port} is in use already`, 'm'));
  assert.match(stderr, /\[eval1\]:3:\d+/);
  assert.doesNotMatch(stderr, /dist\/bundle/);
});
