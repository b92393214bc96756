/** What a start leaves for later: Node's own fetch classes, which take 50 ms of CPU time to load. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { CliProcess, endsWell } from './cli-run.ts';

/** undici, which these classes are of, is known by what it leaves at the global object. */
const IS_LOADED =
  "Object.getOwnPropertySymbols(globalThis).some((each) => each.description.startsWith('undici.'))";

test('a server is ready and waits without Node’s fetch classes, and they are there for its first answer', () => {
  const program = `
    const { serve, Response } = await import(${JSON.stringify(import.meta.resolve('holdfast'))});
    const server = await serve({ fetch: () => new Response('x'), port: 0 });
    await new Promise((resolve) => setTimeout(resolve, 10));
    const told = [${IS_LOADED}, new Response('x') instanceof globalThis.Response];
    await server.close(true);
    console.log(told.join());`;
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(told, 'false,true\n');
});

test('a folder is served without them', async (t) => {
  const atExit = `process.on('exit', () => console.log('loaded:', ${IS_LOADED}));`;
  const cli = new CliProcess(t, ['serve', 'docs', '--port', '0'], {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(atExit)}`,
  });
  const { url } = await cli.ready();
  assert.equal((await fetch(`${url}/options.md`)).status, 200);
  cli.child.kill('SIGTERM');
  await endsWell(cli);
  assert.match(cli.stdout, /^loaded: false$/m);
});
