/**
 * Starts the process of subject.ts, asks it things, and sees to its end. One a test: what a test leaves
 * behind in its server is then seen by that test and by nobody else.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { EngineName, ServeOptions, ServerStats } from '#src/index.ts';
import { becomes } from './figures.ts';
import { type held, type LedgerEntry, monotonicMs } from './subject-app.ts';

const MAIN = fileURLToPath(new URL('./subject.js', import.meta.url));
export const APP_MODULE = new URL('./subject-app.js', import.meta.url).href;

type PlainOptions = Pick<ServeOptions, 'timeouts' | 'limits' | 'workers' | 'module' | 'tls'>;

export type SubjectCommand = { readonly id: number } & (
  | {
      readonly name: 'start';
      readonly logger: 'quiet' | 'null' | 'stderr';
      readonly options: PlainOptions & { engine: EngineName };
    }
  | { readonly name: 'stats' | 'resources' | 'cpu' | 'ledger' | 'blocks' | 'reload' }
  | { readonly name: 'close'; readonly force: boolean }
);
type Order = SubjectCommand extends infer C ? (C extends unknown ? Omit<C, 'id'> : never) : never;

export interface SubjectReply {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

export interface SubjectResources {
  /** Open descriptors; 0 where the system does not tell. */
  readonly descriptors: number;
  readonly rssBytes: number;
  readonly cpuUs: number;
  readonly atMs: number;
}

export interface SubjectOptions extends PlainOptions {
  readonly engine: EngineName;
  /** `stderr` is a pipe that nobody reads. @default 'quiet' */
  readonly logger?: 'quiet' | 'null' | 'stderr';
  /** Limit on descriptors of the process. */
  readonly descriptorsMax?: number;
}

export class Subject {
  port = 0;
  readonly child: ChildProcess;
  /** What it wrote to standard error, when that is read. */
  stderr = '';
  readonly #waiting = new Map<number, (reply: SubjectReply) => void>();
  #commandId = 0;

  private constructor(descriptorsMax: number | undefined, readsErrors: boolean) {
    const node = [process.execPath, '--expose-gc', MAIN];
    const limited = ['/bin/sh', '-c', `ulimit -n ${descriptorsMax} && exec "$0" "$@"`, ...node];
    const [file, ...args] = descriptorsMax === undefined ? node : limited;
    this.child = spawn(file!, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    if (readsErrors) this.child.stderr!.on('data', (text: Buffer) => (this.stderr += text));
    this.child.on('message', (message: SubjectReply) => {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    });
    this.child.on('exit', (code, signal) => {
      for (const [id, settle] of this.#waiting)
        settle({ id, error: `the server's process ended (${code ?? signal}): ${this.stderr}` });
      this.#waiting.clear();
    });
  }

  /** A server that listens, and is gone when the test is. */
  static async start(t: TestContext, subject: SubjectOptions): Promise<Subject> {
    const { logger = 'quiet', descriptorsMax, ...options } = subject;
    const started = new Subject(descriptorsMax, logger !== 'stderr');
    t.after(() => started.stop());
    const { port } = await started.#ask<{ port: number }>({ name: 'start', logger, options });
    started.port = port;
    return started;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  stats(): Promise<ServerStats> {
    return this.#ask({ name: 'stats' });
  }

  async openConnections(): Promise<number> {
    return (await this.stats()).engine.open;
  }

  resources(): Promise<SubjectResources> {
    return this.#ask({ name: 'resources' });
  }

  /** What can be asked also when the process has no descriptor left. */
  cpu(): Promise<{ cpuUs: number; atMs: number }> {
    return this.#ask({ name: 'cpu' });
  }

  ledger(): Promise<{ ledger: Record<string, LedgerEntry>; held: typeof held }> {
    return this.#ask({ name: 'ledger' });
  }

  /** When /block held its thread, on this process's performance.now(). */
  async blocks(): Promise<[startMs: number, endMs: number][]> {
    const blocks = await this.#ask<[number, number][]>({ name: 'blocks' });
    const offsetMs = monotonicMs() - performance.now();
    return blocks.map(([startMs, endMs]) => [startMs - offsetMs, endMs - offsetMs]);
  }

  reload(): Promise<void> {
    return this.#ask({ name: 'reload' });
  }

  close(force = false): Promise<{ drained: number; forced: number }> {
    return this.#ask({ name: 'close', force });
  }

  /**
   * Fails unless the server comes back to no open connection and `descriptors` descriptors.
   * @param openCount connections that the test still holds
   */
  async assertNothingLeft(descriptors: number, openCount = 0, timeoutMs = 3000): Promise<void> {
    await becomes(async () => (await this.openConnections()) === openCount, timeoutMs);
    const { engine, closeReasons } = await this.stats();
    assert.equal(engine.open, openCount, `connections are left; closed: ${JSON.stringify(closeReasons)}`);
    assert.equal(engine.accepted - engine.closed, openCount);
    await this.assertDescriptors(descriptors + openCount, timeoutMs);
  }

  /** Fails unless no more than `descriptors` descriptors are open, now or soon. */
  async assertDescriptors(descriptors: number, timeoutMs = 3000): Promise<void> {
    await becomes(async () => (await this.resources()).descriptors <= descriptors, timeoutMs);
    const open = (await this.resources()).descriptors;
    assert.ok(open <= descriptors, `${open} descriptors are open, ${descriptors} were before`);
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }

  #ask<T>(order: Order): Promise<T> {
    const id = ++this.#commandId;
    return new Promise<T>((resolve, reject) => {
      if (!this.isRunning) return reject(new Error(`the server's process has ended: ${this.stderr}`));
      this.#waiting.set(id, (reply) => {
        if (reply.error !== undefined) reject(new Error(reply.error));
        else resolve(reply.value as T);
      });
      this.child.send({ ...order, id } as SubjectCommand);
    });
  }
}
