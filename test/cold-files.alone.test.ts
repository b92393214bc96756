/**
 * Two hundred files that are on a disk and not in memory are asked for at once: the server's loop stands still no longer than for the same files
 * from memory, and whoever asks for something else hardly notices. The disk is made slow where a control group may do that.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { POSIX_FADV_DONTNEED } from '#src/sys/abi/file.ts';
import { ERRNO } from '#src/sys/errno.ts';
import { loadFfi } from '#src/sys/ffi.ts';
import { adviseFile, readCachedByte } from '#src/sys/page-cache.ts';
import { enginesHere } from './engines.ts';

const COUNT = 200;
/** Most are sent by the kernel; each fifth is read into memory. */
const LARGE_BYTES = 512 * 1024;
const SMALL_BYTES = 48 * 1024;
const CONNECTIONS = 40;
const DISK_BYTES_PER_SECOND = 40 * 1024 * 1024;
const QUIET_MS = 1500;
const WARM_RUNS = 3;
const STOP_MS = 5;
/** A turn of the engine may take so long (turn-time.ts), with cold files as without. */
const TURN_MS = 2;
/** A neighbour on the same cores may spoil one. */
const ATTEMPTS = 3;

const appOf = (name: string): string => fileURLToPath(new URL(`../test/${name}`, import.meta.url));
const INDEX = import.meta.resolve('#src/index.ts');
const sizeOf = (i: number): number => (i % 5 === 0 ? SMALL_BYTES : LARGE_BYTES);

function refusal(): string | false {
  try {
    loadFfi();
    return false;
  } catch (error) {
    return String(error);
  }
}

async function told(child: ChildProcess): Promise<Record<string, number>> {
  const [message] = (await once(child, 'message')) as [Record<string, number>];
  return message;
}

function ask(child: ChildProcess): Promise<Record<string, number>> {
  child.send('say');
  return told(child);
}

/** Has the kernel read for `pid` no faster than that. @returns what ends it, or why it cannot be */
function slowDisk(pid: number, path: string): (() => void) | string {
  const { dev } = statSync(path);
  const device = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`;
  const groups = [
    {
      at: '/sys/fs/cgroup/blkio',
      file: 'blkio.throttle.read_bps_device',
      line: `${device} ${DISK_BYTES_PER_SECOND}`,
    },
    { at: '/sys/fs/cgroup', file: 'io.max', line: `${device} rbps=${DISK_BYTES_PER_SECOND}` },
  ];
  let why = '';
  for (const { at, file, line } of groups) {
    const group = join(at, `holdfast-test-${pid}`);
    try {
      mkdirSync(group);
      writeFileSync(join(group, file), line);
      writeFileSync(join(group, 'cgroup.procs'), String(pid));
      return () => rmdirSync(group);
    } catch (error) {
      why = String(error);
      try {
        rmdirSync(group);
      } catch {
        // It was not made.
      }
    }
  }
  return why;
}

describe('files that are not in memory', { skip: refusal() }, async () => {
  const engines = await enginesHere();
  let root: string;

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'holdfast-cold-files-'));
    const content = Buffer.alloc(LARGE_BYTES, 'cold ');
    for (let i = 0; i < COUNT; i++) {
      const fd = openSync(join(root, `f${i}.bin`), 'w');
      writeSync(fd, content, 0, sizeOf(i));
      fsyncSync(fd);
      closeSync(fd);
    }
  });
  after(() => rmSync(root, { recursive: true }));

  /** @returns how many are on the disk alone now */
  function drop(): number {
    let count = 0;
    for (let i = 0; i < COUNT; i++) {
      const fd = openSync(join(root, `f${i}.bin`), 'r');
      adviseFile(fd, 0, 0, POSIX_FADV_DONTNEED);
      if (readCachedByte(fd, sizeOf(i) - 1) === -ERRNO.EAGAIN) count++;
      closeSync(fd);
    }
    return count;
  }

  async function start(
    engine: string,
    how: string,
  ): Promise<{ server: ChildProcess; port: number; end(): Promise<void> }> {
    const server = fork(appOf('cold-files.app.mjs'), [INDEX, engine, root, how], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const port = (await told(server))['port']!;
    return {
      server,
      port,
      async end() {
        server.kill('SIGKILL');
        await once(server, 'exit');
      },
    };
  }

  function fetchFile(port: number, agent: Agent, i: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const request = get({ port, path: `/f${i}.bin`, agent }, (response) => {
        let size = 0;
        response.on('data', (piece: Buffer) => {
          size += piece.length;
        });
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode === 200 && size === sizeOf(i)) resolve();
          else reject(new Error(`f${i}: ${response.statusCode} with ${size} bytes`));
        });
      });
      request.on('error', reject);
    });
  }

  async function fetchAll(port: number): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
    await Promise.all(Array.from({ length: COUNT }, (_, i) => fetchFile(port, agent, i)));
    agent.destroy();
  }

  /** @returns what is wrong, or undefined */
  async function attempt(
    t: TestContext,
    server: ChildProcess,
    asker: ChildProcess,
    port: number,
  ): Promise<string | undefined> {
    await Promise.all([ask(server), ask(asker)]);
    await sleep(QUIET_MS);
    const [, quiet] = await Promise.all([ask(server), ask(asker)]);
    // The same files from memory: what sending them costs the loop is no fault of the disk.
    for (let i = 0; i < WARM_RUNS; i++) await fetchAll(port);
    const [still] = await Promise.all([ask(server), ask(asker)]);
    const cold = drop();
    if (cold < COUNT * 0.9) return `only ${cold} files are on the disk alone`;
    const beganMs = performance.now();
    await fetchAll(port);
    const tookMs = performance.now() - beganMs;
    const [stopped, beside] = await Promise.all([ask(server), ask(asker)]);
    const said =
      `${cold} cold files in ${tookMs.toFixed(0)} ms: the loop stood still for ${stopped['longestMs']!.toFixed(1)} ms, ` +
      `from memory ${still['longestMs']!.toFixed(1)}; p99 beside them ${beside['p99Ms']!.toFixed(2)} ms of ${beside['count']}, ` +
      `without ${quiet['p99Ms']!.toFixed(2)} of ${quiet['count']}`;
    t.diagnostic(said);
    const isStill = stopped['longestMs']! - still['longestMs']! < STOP_MS;
    return isStill && beside['p99Ms']! <= Math.max(2 * quiet['p99Ms']!, TURN_MS) ? undefined : said;
  }

  // The node engine reads files in libuv's pool as well, and maps memory for them meanwhile, which waits for the pool's page faults.
  for (const { engine, skip } of engines.filter((each) => each.engine !== 'node'))
    it(`do not stop the loop, nor whoever asks for something else (${engine})`, { skip }, async (t) => {
      const { server, port, end } = await start(engine, 'serves');
      const asker = fork(appOf('cold-files-asker.app.mjs'), [String(port), String(server.pid)]);
      const slow = slowDisk(server.pid!, root);
      if (typeof slow === 'string') t.diagnostic(`the disk is as fast as it is: ${slow}`);
      try {
        await told(asker);
        // What has never run is compiled first.
        await fetchAll(port);
        let wrong: string | undefined;
        for (let i = 0; i < ATTEMPTS; i++) {
          wrong = await attempt(t, server, asker, port);
          if (wrong === undefined) return;
        }
        assert.fail(wrong);
      } finally {
        asker.kill('SIGKILL');
        await end();
        if (typeof slow === 'function') slow();
      }
    });

  it('are noticed where a handler waits for them', async (t) => {
    const { server, port, end } = await start('node', 'stops');
    const slow = slowDisk(server.pid!, root);
    try {
      if (typeof slow === 'string') {
        t.skip(`a fast disk may stop nobody for ${STOP_MS} ms: ${slow}`);
        return;
      }
      await ask(server);
      assert.ok(drop() >= COUNT * 0.9);
      await fetchAll(port);
      const { longestMs } = await ask(server);
      assert.ok(longestMs! > 2 * STOP_MS, `${longestMs} ms`);
    } finally {
      await end();
      if (typeof slow === 'function') slow();
    }
  });
});
