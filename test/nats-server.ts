/**
 * A real NATS server for tests: on loopback, on a port of its own, with its files in a folder of its own,
 * and gone when the test is.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './load-servers.ts';

/** Debian puts it where only root's PATH leads. */
const BINARY = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  .map((folder) => join(folder, 'nats-server'))
  .find((file) => existsSync(file));

/** Why tests that need it are skipped; false when it is here. */
export const NATS_MISSING: string | false = BINARY === undefined ? 'nats-server is not installed' : false;

export interface NatsServer {
  readonly port: number;
  readonly url: string;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** On the same port. */
  start(): Promise<void>;
}

/** @param configuration in NATS's own format; host and port are added */
export async function startNats(t: TestContext, configuration = ''): Promise<NatsServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-nats-'));
  const file = join(folder, 'nats.conf');
  writeFileSync(file, `host: 127.0.0.1\nport: ${port}\n${configuration}\n`);
  let child: ChildProcess | undefined;
  let log = '';
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child!.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  const start = async () => {
    child = spawn(BINARY!, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (log += text));
    for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 20) {
      if (await accepts(port)) return;
      if (child.exitCode !== null) break;
      await sleep(20);
    }
    throw new Error(`nats-server did not start: ${log}`);
  };
  t.after(async () => {
    await kill();
    rmSync(folder, { recursive: true });
  });
  await start();
  return { port, url: `nats://127.0.0.1:${port}`, kill, start };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
