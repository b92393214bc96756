/** SIGHUP to the command line's server under load: the new code serves, and no request fails. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { SERVE_FLAGS } from '#src/cli/serve-flags.ts';
import type { EngineName } from '#src/index.ts';
import { CliProcess } from '../cli-run.ts';
import { enginesHere } from '../engines.ts';
import { becomes, report, scaled, sleep } from './figures.ts';
import { ReloadClients } from './reload-clients.ts';

const HANGUPS = scaled(10, 2);
let folder = '';
let module = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-hangup-'));
  module = join(folder, 'app.mjs');
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Always answers `hello`; the version is a field, so that old and new are told apart. */
function writeVersion(version: number): void {
  writeFileSync(
    module,
    `export default () => new Response('hello', { headers: { 'x-version': '${version}' } });\n`,
  );
}

async function run(t: TestContext, engine: EngineName, workers: number): Promise<void> {
  writeVersion(0);
  const args = ['serve', '-p', '0', '-w', String(workers), '--engine', engine, module];
  const cli = new CliProcess(t, args);
  const { url } = await cli.ready();
  const port = Number(new URL(url ?? '').port);
  const version = async (): Promise<string | null> =>
    (await fetch(`${url}/`, { headers: { connection: 'close' } })).headers.get('x-version');
  const descriptors = (): number => readdirSync(`/proc/${cli.child.pid}/fd`).length;
  await version();
  const before = descriptors();
  const clients = new ReloadClients(port, 6, 4, '/', 'hello');
  await sleep(100);
  for (let i = 1; i <= HANGUPS; i++) {
    writeVersion(i);
    cli.child.kill('SIGHUP');
    // Threads are replaced one after the other: all of them, when several in a row say so.
    let inARow = 0;
    const isNew = async () => (inARow = (await version()) === String(i) ? inARow + 1 : 0) >= 8 * workers;
    assert.ok(await becomes(isNew, 10_000, 2), `version ${i} does not serve`);
  }
  const { answered, resent, failures } = await clients.stop();
  await becomes(() => descriptors() <= before, 3000);
  report(t, `SIGHUP, ${workers} worker${workers > 1 ? 's' : ''}`, engine, {
    hangups: HANGUPS,
    answered,
    failed: failures.length,
    resent,
    descriptorsGrown: descriptors() - before,
  });
  assert.deepEqual(failures.slice(0, 3), []);
  assert.ok(descriptors() <= before, `${descriptors()} descriptors, ${before} before`);
  cli.child.kill('SIGTERM');
  assert.equal((await cli.ended).code, 0);
}

const offered: readonly string[] = SERVE_FLAGS.engine.choices;
for (const { engine, skip } of await enginesHere())
  for (const workers of [1, 2])
    test(
      `SIGHUP under load fails no request, with ${workers} worker${workers > 1 ? 's' : ''} (${engine})`,
      {
        skip:
          skip ||
          (offered.includes(engine) ? false : `--engine does not offer ${engine}`) ||
          (process.platform === 'linux' ? false : 'looks into /proc'),
      },
      (t) => run(t, engine, workers),
    );
