/**
 * A server of ours that the run starts itself, one an engine: a child process on a port that the system picks, with deadlines
 * that are short, so that a run is, and its admin port. It is ended with the run, whatever happens.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { CertificateFiles } from './certificate.ts';
import type { Promises, Protocol, Speech, Target, TargetPaths } from './target.ts';

export interface StartOrder {
  /** The file of the `holdfast` command. */
  readonly command: string;
  /** A folder or a module. */
  readonly target: string;
  readonly engine: string;
  readonly promises: Promises;
  readonly paths: TargetPaths;
  /** Environment variables whose URL the module reaches another service by. */
  readonly upstreams: readonly string[];
  /** @default in the clear, with the attacks of both versions of HTTP */
  readonly protocol?: Protocol | undefined;
  /** For protocols over TLS. */
  readonly certificate?: Pick<CertificateFiles, 'cert' | 'key'> | undefined;
  /** @default 1: what a module keeps in memory is there once */
  readonly workers?: number;
  /** Beside the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the command behind it, such as `prlimit`, in the same process. */
  readonly through?: readonly string[];
  /** @default 'off' */
  readonly log?: 'json' | 'off';
}

export interface StartedServer {
  readonly target: Target;
  readonly pid: number;
  readonly promises: Promises;
  /** Why its process has ended by itself. */
  readonly ended: () => string | undefined;
  stop(): Promise<void>;
}

/** On a machine that does other things a module may load for long; nobody measures it. */
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 3000;
const KEPT_ERROR_BYTES = 4000;

/** @throws Error saying why it did not start */
export async function startServer(order: StartOrder): Promise<StartedServer> {
  const { target, engine, paths, through = [] } = order;
  const [program, ...args] = [...through, process.execPath, ...argumentsOf(order)];
  const env = { ...process.env, ...order.env };
  const child = spawn(program!, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  // Whatever ends this process ends the server, one that is stopped by a signal too.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.removeListener('exit', kill));
  let errors = '';
  child.stderr.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-KEPT_ERROR_BYTES);
  });
  let isStopping = false;
  let end: string | undefined;
  child.on('error', ({ message }) => {
    end ??= message;
  });
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
  const { protocol } = order;
  const speech: Speech = protocol === undefined ? 'any' : protocol.startsWith('h1') ? 'h1' : 'h2';
  return {
    target: {
      ...{
        name: nameOf(order),
        url: String(said['url']),
        again: `${target} --engines ${engine}${protocol === undefined ? '' : ` --protocols ${protocol}`}`,
        address: hostname,
        port: Number(port),
      },
      ...{
        authority: `${hostname}:${port}`,
        isSecure: isSecure(order),
        speech,
        paths,
        pids: [child.pid!],
        adminUrl: String(said['admin']),
        isOurs: true,
      },
    },
    ...{ pid: child.pid!, promises: order.promises },
    ended: () => (isStopping ? undefined : end),
    async stop() {
      isStopping = true;
      await stopChild(child);
    },
  };
}

/** Reports call it so: an engine, and where there are several a protocol. */
export function nameOf({ engine, protocol }: Pick<StartOrder, 'engine' | 'protocol'>): string {
  return protocol === undefined ? engine : `${engine} ${protocol}`;
}

function isSecure({ protocol }: StartOrder): boolean {
  return protocol?.endsWith('-tls') === true;
}

function argumentsOf(order: StartOrder): string[] {
  const { command, target, engine, promises, workers = 1, log = 'off', certificate } = order;
  const { headerMs, idleMs, bodyMs } = promises;
  const timeouts = { header: headerMs, idle: idleMs, body: bodyMs };
  const flags: Record<string, string> = { port: '0', admin: '0', log, workers: String(workers), engine };
  if (isSecure(order) && certificate !== undefined)
    Object.assign(flags, { 'tls-cert': certificate.cert, 'tls-key': certificate.key });
  for (const [name, ms] of Object.entries(timeouts))
    if (ms !== undefined) flags[`${name}-timeout`] = durationText(ms);
  return [
    command,
    'serve',
    target,
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
  ];
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
