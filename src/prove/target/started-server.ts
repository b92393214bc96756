/**
 * A server of ours that the run starts itself, one an engine: a child process on a port that the system picks, with deadlines
 * that are short, so that a run is, and its admin port. It is ended with the run, whatever happens.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Promises, Target, TargetPaths } from './target.ts';

interface StartOrder {
  /** The file of the `holdfast` command. */
  readonly command: string;
  /** A folder or a module. */
  readonly target: string;
  readonly engine: string;
  readonly promises: Promises;
  readonly paths: TargetPaths;
}

export interface StartedServer {
  readonly target: Target;
  /** Why its process has ended by itself. */
  readonly ended: () => string | undefined;
  stop(): Promise<void>;
}

const START_MS_MAX = 20_000;
const STOP_MS_MAX = 3000;
const KEPT_ERROR_BYTES = 4000;

/** @throws Error saying why it did not start */
export async function startServer({
  command,
  target,
  engine,
  promises,
  paths,
}: StartOrder): Promise<StartedServer> {
  const { headerMs, idleMs, bodyMs } = promises;
  const timeouts = { header: headerMs, idle: idleMs, body: bodyMs };
  const flags = Object.entries(timeouts).flatMap(([name, ms]) =>
    ms === undefined ? [] : [`--${name}-timeout`, durationText(ms)],
  );
  const args = [
    command,
    'serve',
    target,
    '--port',
    '0',
    '--admin',
    '0',
    '--log',
    'off',
    '--workers',
    '1',
    '--engine',
    engine,
    ...flags,
  ];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-KEPT_ERROR_BYTES);
  });
  let isStopping = false;
  let end: string | undefined;
  child.on('exit', (code, signal) => {
    end ??= `${signal ?? `exit code ${code}`}${errors === '' ? '' : `: ${errors.trim()}`}`;
  });
  const line = await firstLine(child, () => end);
  if (line === undefined) {
    child.kill('SIGKILL');
    throw new Error(`holdfast serve ${target} --engine ${engine} did not start: ${end ?? errors.trim()}`);
  }
  const said = Object.fromEntries(line.split(' ').map((pair) => pair.split('=', 2)));
  const { hostname, port } = new URL(String(said['url']));
  return {
    target: {
      ...{
        name: String(said['engine']),
        url: String(said['url']),
        again: `${target} --engines ${engine}`,
        address: hostname,
        port: Number(port),
      },
      ...{
        authority: `${hostname}:${port}`,
        isSecure: false,
        paths,
        pids: [child.pid!],
        adminUrl: String(said['admin']),
        isOurs: true,
      },
    },
    ended: () => (isStopping ? undefined : end),
    async stop() {
      isStopping = true;
      await stopChild(child);
    },
  };
}

function durationText(ms: number): string {
  return Number.isFinite(ms) ? `${ms}ms` : 'off';
}

async function firstLine(child: ChildProcess, end: () => string | undefined): Promise<string | undefined> {
  let text = '';
  child.stdout!.on('data', (bytes: Buffer) => (text += bytes.toString()));
  const endMs = performance.now() + START_MS_MAX;
  while (!text.includes('\n')) {
    if (end() !== undefined || performance.now() > endMs) return undefined;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return text.slice(0, text.indexOf('\n'));
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, STOP_MS_MAX).unref())]);
}
