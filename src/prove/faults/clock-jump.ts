/**
 * The clock on the wall jumps: half an hour ahead, and back. Setting the machine's clock is nobody's right, time namespaces shift
 * only clocks that count from a start, and libfaketime 0.9.10 shifts timers of the monotonic clock along. So a module that is
 * loaded into each thread before the application shifts what JavaScript is told, which is all that a server in it asks.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartedServer } from '../target/started-server.ts';
import { Withheld } from '../target/withheld.ts';
import { Wire } from '../wire/wire.ts';
import type { Fault, World } from './fault.ts';
import { loadedBefore } from './loaded-before.ts';

const JUMP_S = 1800;
const AT_MS = 700;
const ANSWER_MS_MAX = 2000;
/** Date is made once a second. */
const DATE_MS_MAX = 2500;
const NOISE_MS = 1000;

const SHIFTED_CLOCK = `
import { readFileSync } from 'node:fs';
const RealDate = Date;
let shiftMs = 0;
setInterval(() => { shiftMs = Number(readFileSync(process.env.HOLDFAST_PROVE_CLOCK, 'utf8')) * 1000 || 0; }, 20).unref();
globalThis.Date = class Date extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(RealDate.now() + shiftMs);
    else super(...values);
  }
  static now() { return RealDate.now() + shiftMs; }
};`;

export const clockJump: Fault = {
  ...{ id: 'clock-jump', name: `a clock that jumps ${JUMP_S / 60} minutes ahead, and back` },
  ...{ recoveryMs: 2000, mayFail: false, takesMemory: false },
  async prepare({ env }) {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-prove-'));
    const file = join(folder, 'clock');
    const jump = (bySeconds: number): Promise<void> => writeFile(file, String(bySeconds));
    await jump(0);
    return {
      changes: { env: loadedBefore(SHIFTED_CLOCK, { ...env, HOLDFAST_PROVE_CLOCK: file }) },
      async strike(world) {
        const headers = deadlineAcross(world);
        await sleep(AT_MS);
        await jump(JUMP_S);
        await dateFollows(world, JUMP_S);
        await jump(-JUMP_S);
        await dateFollows(world, -JUMP_S);
        await jump(0);
        await headers;
      },
      close: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

/** Half a head, begun before the jumps: its deadline is no matter of the wall's clock. */
async function deadlineAcross({ server, signal, report, note }: World): Promise<void> {
  const { headerMs } = server.promises;
  if (headerMs === undefined || !Number.isFinite(headerMs) || headerMs > 10_000) return;
  const withheld = new Withheld(server.target.pids);
  const wire = new Wire(server.target);
  await wire.until(() => wire.isConnected || wire.isClosed, ANSWER_MS_MAX);
  wire.write(`GET / HTTP/1.1\r\nHost: ${server.target.authority}\r\n`);
  const fromMs = wire.nowMs;
  await wire.until(() => wire.isEnded, headerMs + 4 * NOISE_MS);
  const lastedMs = Math.round((wire.endedAtMs ?? wire.nowMs) - fromMs);
  wire.destroy();
  const withheldMs = withheld.stop();
  note(`half a head across the jumps: ${wire.isEnded ? `ended after ${lastedMs} ms` : 'not ended'}`);
  if (signal.aborted || (wire.isEnded && Math.abs(lastedMs - headerMs) <= NOISE_MS + withheldMs)) return;
  await report({
    ...{ id: 'clock-moves-deadlines', severity: 'high', rule: 'the header deadline', exchange: wire.events },
    figures: { promisedMs: headerMs, lastedMs },
    title: `While the clock jumped, half a head was ${wire.isEnded ? `ended after ${lastedMs} ms` : 'not ended'}, where the server promises ${headerMs} ms.`,
    meaning: 'When the time is set, clients lose their connections, or hold them without an end.',
  });
}

/** Caches, and clients that compare, go by the Date field (RFC 9110 §6.6.1). */
async function dateFollows({ server, signal, report }: World, bySeconds: number): Promise<void> {
  const endMs = performance.now() + DATE_MS_MAX;
  let said: string | undefined;
  while (performance.now() < endMs && !signal.aborted) {
    said = await dateOf(server);
    if (said === undefined) return; // It sends none.
    if (Math.abs(Date.parse(said) - Date.now() - bySeconds * 1000) < 5000) return;
    await sleep(250);
  }
  await report({
    ...{
      id: 'date-does-not-follow',
      severity: 'low',
      rule: 'RFC 9110 §6.6.1',
      figures: { said: said ?? '', bySeconds },
    },
    title: `${DATE_MS_MAX / 1000} s after the clock had jumped by ${bySeconds} s, the Date field did not say so.`,
    meaning: 'Caches take answers for older or newer than they are.',
  });
}

async function dateOf({ target }: StartedServer): Promise<string | undefined> {
  const wire = new Wire(target);
  await wire.until(() => wire.isConnected || wire.isClosed, ANSWER_MS_MAX);
  wire.write(`GET ${target.paths.small} HTTP/1.1\r\nHost: ${target.authority}\r\nConnection: close\r\n\r\n`);
  await wire.until(() => wire.answers.wholeCount > 0 || wire.isEnded, ANSWER_MS_MAX);
  wire.destroy();
  return wire.answers.all[0]?.fields.get('date');
}
