/**
 * Dead or only slow? Peers in network namespaces that this file makes and removes: one whose link is
 * taken down in mid-download, idle and in mid-upload, and beside it one that keeps its window closed for
 * three times the dead-peer period and then reads everything.
 *
 * HOLDFAST_FULL=1 runs it with the period of 10 s; otherwise it is 4 s.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { enginesHere } from './engines.ts';

const DEAD_PEER_MS = process.env['HOLDFAST_FULL'] === '1' ? 10_000 : 4000;
const GRACE_MS = 5000;
const NAME = `hf${process.pid}`;
const file = (name: string) => fileURLToPath(new URL(`./dead-peer/${name}`, import.meta.url));

const engines = await enginesHere();

function canMakeNamespaces(): string | false {
  if (process.platform !== 'linux') return 'network namespaces are Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    execFileSync('ip', ['netns', 'add', `${NAME}probe`], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'delete', `${NAME}probe`], { stdio: 'ignore' });
    return false;
  } catch {
    return 'network namespaces cannot be made here (iproute2, CAP_SYS_ADMIN)';
  }
}

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] });
const inside = (space: string, ...args: string[]) => ip('netns', 'exec', `${NAME}${space}`, 'ip', ...args);

class Child {
  readonly process: ChildProcess;
  lines: string[] = [];
  #rest = '';

  constructor(space: string, script: string, ...args: string[]) {
    this.process = spawn(
      'ip',
      ['netns', 'exec', `${NAME}${space}`, process.execPath, file(script), ...args],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    this.process.stdout!.on('data', (data: Buffer) => {
      const lines = (this.#rest + data.toString()).split('\n');
      this.#rest = lines.pop()!;
      this.lines.push(...lines);
    });
  }

  async line(start: string, timeoutMs: number): Promise<string> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const found = this.lines.find((line) => line.startsWith(start));
      if (found !== undefined) return found;
      if (performance.now() > endMs)
        throw new Error(
          `no line "${start}" in ${timeoutMs} ms; there are ${JSON.stringify(this.lines.slice(-5))}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  get stats(): { open: number; closeReasons: Record<string, number> } {
    return JSON.parse(this.lines.at(-1) ?? '{"open":-1,"closeReasons":{}}');
  }

  stop(): void {
    this.process.kill('SIGKILL');
  }
}

const impossible = canMakeNamespaces();

describe('dead peers and slow readers', { skip: impossible, concurrency: true }, () => {
  const children: Child[] = [];
  before(() => {
    // Two links from the server's namespace: one is cut, the other stays.
    for (const space of ['s', 'a', 'b']) ip('netns', 'add', `${NAME}${space}`);
    for (const [space, subnet] of [
      ['a', '10.213.1'],
      ['b', '10.213.2'],
    ] as const) {
      ip(
        'link',
        'add',
        `${NAME}${space}0`,
        'netns',
        `${NAME}s`,
        'type',
        'veth',
        'peer',
        'name',
        `${NAME}${space}1`,
        'netns',
        `${NAME}${space}`,
      );
      inside('s', 'addr', 'add', `${subnet}.1/24`, 'dev', `${NAME}${space}0`);
      inside('s', 'link', 'set', `${NAME}${space}0`, 'up');
      inside(space, 'addr', 'add', `${subnet}.2/24`, 'dev', `${NAME}${space}1`);
      inside(space, 'link', 'set', `${NAME}${space}1`, 'up');
    }
  });
  after(() => {
    for (const child of children) child.stop();
    for (const space of ['s', 'a', 'b']) {
      try {
        ip('netns', 'delete', `${NAME}${space}`);
      } catch {
        // What was never made cannot be removed.
      }
    }
  });

  let cut: Promise<unknown> | undefined;
  const ready: Promise<void>[] = [];

  for (const [index, { engine, skip }] of engines.entries()) {
    it(`${engine}: a cut link frees the slots in the period and ${GRACE_MS} ms; a closed window waits and completes`, {
      skip,
    }, async (t) => {
      const port = String(8000 + index);
      const start = (...args: [string, string, ...string[]]) => {
        const child = new Child(...args);
        children.push(child);
        return child;
      };
      const prepare = async () => {
        const server = start('s', 'server.js', engine, port, String(DEAD_PEER_MS));
        await server.line('{', 10_000);
        // The portable engine has keepalive only: a peer that dies with data outstanding takes TCP's own time.
        const modes = engine === 'node' ? ['idle', 'upload'] : ['idle', 'download', 'upload'];
        const doomed = modes.map((mode) => start('a', 'client.js', mode, '10.213.1.1', port));
        const slow = start('b', 'client.js', 'pause', '10.213.2.1', port, String(3 * DEAD_PEER_MS));
        for (const child of [...doomed, slow]) await child.line('started', 10_000);
        return { server, slow, count: modes.length };
      };
      const prepared = prepare();
      ready.push(prepared.then(() => {}));
      const { server, slow, count } = await prepared;
      // libuv probes for ten seconds, after a second at least.
      const periodMs = engine === 'node' ? Math.max(DEAD_PEER_MS, 11_000) : DEAD_PEER_MS;
      // All engines share the link, so it is cut when all are ready.
      await new Promise((resolve) => setTimeout(resolve, 1000));
      assert.equal(server.stats.open, count + 1);
      cut ??= Promise.all(ready).then(() => inside('s', 'link', 'set', `${NAME}a0`, 'down'));
      await cut;
      const cutMs = performance.now();
      while (server.stats.open > 1) {
        assert.ok(
          performance.now() - cutMs < periodMs + GRACE_MS,
          `still ${server.stats.open} open: ${JSON.stringify(server.stats)}`,
        );
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const freedMs = performance.now() - cutMs;
      assert.ok(freedMs > DEAD_PEER_MS / 2, `given up after ${freedMs} ms already`);
      t.diagnostic(
        `${engine}: ${count} slots freed ${Math.round(freedMs)} ms after the cut, period ${DEAD_PEER_MS} ms; ${JSON.stringify(server.stats.closeReasons)}`,
      );
      assert.equal(await slow.line('complete', 3 * DEAD_PEER_MS + 20_000), 'complete 16000000 0');
    });
  }
});
