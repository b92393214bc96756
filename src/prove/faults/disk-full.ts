/**
 * A disk without space: the server's log and its temporary files are on a file system of 64 KiB of its own, which is filled,
 * and given its space back. Where mounting is not allowed, a limit on the size of files does the same to the log alone.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartedServer } from '../target/started-server.ts';
import { Wire } from '../wire/wire.ts';
import type { Fault, World } from './fault.ts';

const DISK_BYTES = 64 * 1024;
const FULL_MS = 1500;
const LOG_AGAIN_MS = 2000;
const FILLED_MS_MAX = 5000;

/** In its own mount namespace: a disk at $0, the log on it, and temporary files too. */
const ON_A_SMALL_DISK = `mount -t tmpfs -o size=${DISK_BYTES} none "$0" && export TMPDIR="$0" && exec "$@" 2>"$0/log"`;
const BEHIND_A_LIMIT = `exec prlimit --fsize=${DISK_BYTES}:unlimited "$@" 2>"$0/log"`;

export const diskFull: Fault = {
  ...{ id: 'disk-full', name: 'a disk that is full' },
  ...{ recoveryMs: 3000, mayFail: false, takesMemory: false },
  async prepare() {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-prove-'));
    const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
    const through = [
      ['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c', ON_A_SMALL_DISK, folder],
      ['sh', '-c', BEHIND_A_LIMIT, folder],
    ].find(works);
    if (through === undefined) {
      await close();
      return 'neither a file system can be mounted here (unshare, mount) nor is there prlimit';
    }
    const isMounted = through[0] === 'unshare';
    return {
      changes: { through, log: 'json' },
      strike: (world) => fill(world, isMounted, (pid) => logOf(folder, isMounted, pid)),
      close,
    };
  },
};

function works(through: readonly string[]): boolean {
  try {
    execFileSync(through[0]!, [...through.slice(1), 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The log's path outside of the server's namespace. */
function logOf(folder: string, isMounted: boolean, pid: number): string {
  return isMounted ? `/proc/${pid}/root${folder}/log` : join(folder, 'log');
}

async function fill(world: World, isMounted: boolean, logAt: (pid: number) => string): Promise<void> {
  const { server } = world;
  const log = logAt(server.pid);
  const isFull = async (): Promise<boolean> => (await stat(log)).size >= DISK_BYTES - 8192;
  const endMs = performance.now() + FILLED_MS_MAX;
  while (!(await isFull()) && performance.now() < endMs) await ask(server, 50);
  world.note(`the log has ${(await stat(log)).size} bytes of ${DISK_BYTES}`);
  await ask(server, 100);
  await sleep(FULL_MS);
  if (server.ended() !== undefined) return;
  // Space comes back; a log that is appended to goes on from its beginning.
  if (!isMounted) execFileSync('prlimit', ['--pid', String(server.pid), '--fsize=unlimited']);
  await truncate(log, 0);
  const emptyAt = (await stat(log)).blocks;
  await ask(server, 20);
  await sleep(LOG_AGAIN_MS);
  await ask(server, 20);
  await sleep(200);
  if ((await stat(log)).blocks > emptyAt || world.signal.aborted) return;
  await world.report({
    ...{ id: 'log-stays-silent', severity: 'medium', rule: 'what is over is over' },
    title: 'The log was written no more after its disk had space again.',
    meaning: 'Whoever looks for what happened afterwards finds nothing.',
  });
}

/** Requests that leave long lines in the log. */
async function ask({ target }: StartedServer, count: number): Promise<void> {
  const wire = new Wire(target);
  const { small } = target.paths;
  const path = `${small}${small.includes('?') ? '&' : '?'}${'x'.repeat(900)}`;
  await wire.until(() => wire.isConnected || wire.isClosed, 2000);
  for (let n = 0; n < count && !wire.isEnded; n++) {
    wire.write(`GET ${path} HTTP/1.1\r\nHost: ${target.authority}\r\n\r\n`);
    await wire.until(() => wire.answers.wholeCount > n || wire.isEnded, 2000);
  }
  wire.destroy();
}
