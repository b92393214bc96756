/** What tests of `holdfast load https://…` share: roots and keys in a folder, servers, and a run that must end well. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext } from 'node:test';
import { CLIENT, ROOT } from '#src/engine/tls/tls-chains.fixture.ts';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { run } from './cli-run.ts';

/** A folder that lasts as long as the tests of the file, with `root.pem`, `client.pem` and `client.key`. */
export function tlsFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-load-tls-'));
  writeFileSync(join(folder, 'root.pem'), ROOT);
  writeFileSync(join(folder, 'client.pem'), CLIENT.cert);
  writeFileSync(join(folder, 'client.key'), CLIENT.key);
  after(() => rmSync(folder, { recursive: true }));
  return folder;
}

export async function loadWell(t: TestContext, args: readonly string[]): Promise<LoadResult> {
  const ended = await run(t, ['load', '--json', '--quiet', ...args]);
  assert.equal(ended.code, 0, ended.stderr);
  return JSON.parse(ended.stdout);
}

export async function portOf(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    (server as { closeAllConnections?(): void }).closeAllConnections?.();
  });
  return (server.address() as AddressInfo).port;
}

export async function httpsServer(t: TestContext, options: ServerOptions): Promise<string> {
  const server = createServer(options, (_request, response) => response.end('ok'));
  server.on('tlsClientError', () => {});
  return `https://127.0.0.1:${await portOf(t, server)}/`;
}
