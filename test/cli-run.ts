/**
 * Runs the built `holdfast` command as a user would: a process of its own, signals, exit codes, and what
 * it writes. Whatever a test starts here is stopped by the end of that test.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

/** The package's folder: built tests lie elsewhere than their sources, so it is asked for by name. */
export const PACKAGE = new URL('.', import.meta.resolve('holdfast/package.json'));

export const MAIN = fileURLToPath(new URL('dist/bundle/main.js', PACKAGE));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Another user, with a limit to the memory that it may lock. Only root can give these. */
export interface Confinement {
  readonly uid: number;
  readonly lockedKib: number;
}

export class CliProcess {
  stdout = '';
  stderr = '';
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;

  constructor(
    t: TestContext,
    args: readonly string[],
    env: NodeJS.ProcessEnv = {},
    confinement?: Confinement,
  ) {
    const { PORT: _port, HOST: _host, ...inherited } = process.env;
    const command = [process.execPath, MAIN, ...args];
    if (confinement !== undefined)
      command.unshift('sh', '-c', 'ulimit -l "$0" && exec "$@"', String(confinement.lockedKib));
    this.child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited, ...env },
      ...(confinement === undefined ? {} : { uid: confinement.uid }),
    });
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
    t.after(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** Waits for the ready line and returns what it says. */
  async ready(): Promise<Record<string, string>> {
    await this.until(() => this.stdout.includes('\n'), 'the ready line');
    const [word, ...pairs] = this.stdout.trimEnd().split(' ');
    if (word !== 'ready') throw new Error(`unexpected line on standard output: ${this.stdout}`);
    return Object.fromEntries(
      pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
  }

  /** Polls until `isTrue`, the process ends or 10 s have passed. */
  async until(isTrue: () => boolean, what: string): Promise<void> {
    for (let waitedMs = 0; waitedMs < 10_000; waitedMs += 5) {
      if (isTrue()) return;
      if (this.child.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (!isTrue()) throw new Error(`${what} did not come; standard error: ${this.stderr}`);
  }
}

/** Waits for the end, which must be one with exit code 0; says how it was otherwise. */
export async function endsWell(cli: CliProcess): Promise<void> {
  const { code, signal, stderr } = await cli.ended;
  assert.equal(code, 0, `ended by ${signal ?? `code ${code}`}; standard error: ${stderr}`);
}

export function run(t: TestContext, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return new CliProcess(t, args, env).ended;
}
