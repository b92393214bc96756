/** Faults that are signals to the server's process: stopped for a while, as a machine that is suspended is, and told to reload. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../target/target.ts';
import { Wire } from '../wire/wire.ts';
import type { Fault, World } from './fault.ts';

const SHORT_STOP_MS = 1000;
/** So many of each kind wait for a server that is stopped. */
const WAITING = 6;
const ANSWER_MS_MAX = 2000;
const RELOADS = 5;
const RELOAD_EVERY_MS = 300;
const RELOADS_AT_ONCE = 20;

export const shortStop: Fault = {
  ...{ id: 'short-stop', name: `SIGSTOP, and SIGCONT ${SHORT_STOP_MS / 1000} s later` },
  ...{ recoveryMs: 2000, mayFail: false, takesMemory: false },
  async prepare() {
    return { changes: {}, strike: (world) => stopFor(world, SHORT_STOP_MS) };
  },
};

/** Every deadline passes meanwhile, and what clients sent in time is in the kernel when the server comes back. */
export const longStop: Fault = {
  ...{ id: 'long-stop', name: 'SIGSTOP, and SIGCONT behind every deadline' },
  ...{ recoveryMs: 2000, mayFail: true, takesMemory: false },
  async prepare({ promises: { headerMs, idleMs, bodyMs } }) {
    const finite = [headerMs, idleMs, bodyMs].filter((ms) => ms !== undefined && Number.isFinite(ms));
    const ms = Math.min(10_000, Math.max(SHORT_STOP_MS, ...finite.map(Number)) + 1000);
    return { changes: {}, strike: (world) => stopFor(world, ms) };
  },
};

export const reload: Fault = {
  ...{ id: 'reload', name: `${RELOADS} SIGHUP one after the other, and ${RELOADS_AT_ONCE} at once` },
  ...{ recoveryMs: 3000, mayFail: false, takesMemory: true },
  async prepare() {
    return {
      changes: {},
      async strike({ server }) {
        for (let n = 0; n < RELOADS; n++) {
          process.kill(server.pid, 'SIGHUP');
          await sleep(RELOAD_EVERY_MS);
        }
        for (let n = 0; n < RELOADS_AT_ONCE; n++) process.kill(server.pid, 'SIGHUP');
        await sleep(RELOAD_EVERY_MS);
      },
    };
  },
};

async function stopFor(world: World, ms: number): Promise<void> {
  const { target, pid } = world.server;
  const kept = await Promise.all(Array.from({ length: WAITING }, () => answered(target)));
  process.kill(pid, 'SIGSTOP');
  let waiting: Wire[] = [];
  try {
    const fresh = Array.from({ length: WAITING }, () => new Wire(target));
    waiting = [...kept, ...fresh];
    for (const wire of waiting) wire.write(requestOf(target));
    await sleep(ms, undefined, { signal: world.signal }).catch(() => {});
  } finally {
    // Whatever happens, no process of ours stays stopped.
    process.kill(pid, 'SIGCONT');
  }
  const isAnswered = (wire: Wire, count: number): boolean => wire.answers.wholeCount >= count;
  await Promise.all(
    waiting.map((wire, n) =>
      wire.until(() => isAnswered(wire, n < WAITING ? 2 : 1) || wire.isEnded, ANSWER_MS_MAX),
    ),
  );
  await tell(world, ms, 'on new connections', 'high', waiting.slice(WAITING), 1);
  await tell(world, ms, 'on kept connections', 'medium', waiting.slice(0, WAITING), 2);
  for (const wire of waiting) wire.destroy();
}

async function tell(
  world: World,
  ms: number,
  where: string,
  severity: 'high' | 'medium',
  wires: readonly Wire[],
  count: number,
): Promise<void> {
  const lost = wires.filter(({ answers }) => answers.wholeCount < count);
  world.count(`requests sent while it was stopped, ${where}`, wires.length);
  const [first] = lost;
  if (first === undefined || world.signal.aborted) return;
  await world.report({
    ...{ id: `stop-loses-requests-${where.replaceAll(' ', '-')}`, severity, exchange: first.events },
    figures: { stoppedMs: ms, lost: lost.length, of: wires.length },
    title: `Requests that came ${where} while the server's process was stopped for ${ms / 1000} s were not answered when it went on: ${lost.length} of ${wires.length}.`,
    meaning: 'A machine that is suspended or has no time for a while loses what clients have sent in time.',
    rule: 'deadlines are for what clients withhold',
  });
}

function requestOf({ authority, paths }: Target): string {
  return `GET ${paths.small} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
}

/** A kept connection on which one request was answered. */
async function answered(target: Target): Promise<Wire> {
  const wire = new Wire(target);
  await wire.until(() => wire.isConnected || wire.isClosed, ANSWER_MS_MAX);
  wire.write(requestOf(target));
  await wire.until(() => wire.answers.wholeCount > 0 || wire.isEnded, ANSWER_MS_MAX);
  return wire;
}
