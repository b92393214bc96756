/** Starts `child.contract.ts` with an engine of its own: for limits and process life. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ChildMode, ChildState } from './child.contract.ts';
import { type EngineCapabilities, until } from './harness.contract.ts';

export interface Child {
  /** Its lines, parsed. */
  readonly said: Record<string, unknown>[];
  readonly hasExited: boolean;
  ask(): Promise<ChildState>;
  stop(): Promise<void>;
}

export interface ChildLimits {
  /** `ulimit -n`. */
  readonly descriptorsMax?: number;
  /** A descriptor that the child gets as its descriptor 3. */
  readonly inherit?: number;
  /** The port that it connects to, for the mode 'connect'. */
  readonly connectTo?: number;
}

/** Resolves when the child listens, or is connected. */
export async function startChild(
  { module }: EngineCapabilities,
  mode: ChildMode,
  { descriptorsMax, inherit, connectTo }: ChildLimits,
): Promise<Child> {
  const script = fileURLToPath(new URL(`./child.contract.js`, import.meta.url));
  const args = [process.execPath, script, module.url, module.createEngine, mode, String(connectTo ?? 0)];
  const limited =
    descriptorsMax === undefined
      ? args
      : ['sh', '-c', `ulimit -n ${descriptorsMax}; exec "$0" "$@"`, ...args];
  const child = spawn(limited[0]!, limited.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe', inherit ?? 'ignore'],
  });
  const said: Record<string, unknown>[] = [];
  let last: ChildState | undefined;
  let states = 0;
  let hasExited = false;
  let stderr = '';
  child.stderr!.on('data', (text: Buffer) => {
    stderr += text.toString();
  });
  child.once('exit', () => {
    hasExited = true;
  });
  child.stdin!.on('error', () => {});
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const value = JSON.parse(line) as Record<string, unknown>;
    said.push(value);
    if ('cpuMs' in value) {
      last = value as unknown as ChildState;
      states++;
    }
  });
  await until(
    () => said.length > 0 || hasExited,
    () => `the child to listen; it said: ${stderr}`,
  );
  assert.ok(said.length > 0, `the child ended: ${stderr}`);
  return {
    said,
    get hasExited() {
      return hasExited;
    },
    async ask() {
      const before = states;
      child.stdin!.write('\n');
      await until(() => states > before || hasExited, 'an answer of the child');
      assert.ok(last !== undefined && !hasExited, `the child ended: ${stderr}`);
      return last;
    },
    async stop() {
      child.stdin!.end();
      child.kill('SIGKILL');
      await until(() => hasExited, 'the child to end');
    },
  };
}
