/**
 * Plays a script on a connection of its own and says what came of it. The same script, played against the same server,
 * sends the same bytes in the same order: whatever is random was decided when the script was made.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Target } from '../target/target.ts';
import type { Script, Step } from './script.ts';
import { Wire } from './wire.ts';

interface PlayOptions {
  /** How long nothing has to come, after the script, for the server to have said all that it will. */
  readonly settleMs: number;
  /** How long to wait for the end of the connection, from connect. @default no longer than `settleMs` */
  readonly patienceMs?: number;
  /** What makes waiting longer pointless. */
  readonly isEnough?: (wire: Wire) => boolean;
  readonly signal: AbortSignal;
}

const CONNECT_MS_MAX = 3000;
const SILENT_LOOKS = 5;

/** @returns the wire, closed on this side; what happened is on it */
export async function play(target: Target, script: Script, options: PlayOptions): Promise<Wire> {
  const wire = new Wire(target);
  const drips = new Set<NodeJS.Timeout>();
  const stop = (): void => wire.destroy();
  options.signal.addEventListener('abort', stop, { once: true });
  try {
    await wire.until(() => wire.isConnected || wire.isClosed, CONNECT_MS_MAX);
    for (const step of script) {
      if (wire.isClosed) break;
      await take(wire, step, drips, options);
    }
    await settle(wire, options);
  } finally {
    options.signal.removeEventListener('abort', stop);
    for (const drip of drips) clearInterval(drip);
    wire.destroy();
  }
  return wire;
}

async function take(wire: Wire, step: Step, drips: Set<NodeJS.Timeout>, options: PlayOptions): Promise<void> {
  switch (step.kind) {
    case 'send':
      return wire.write(step.bytes);
    case 'wait':
      await sleep(step.ms, undefined, { signal: options.signal }).catch(() => {});
      return;
    case 'answers': {
      const timeoutMs = options.patienceMs ?? 20 * options.settleMs;
      await wire.until(() => wire.answers.wholeCount >= step.count || wire.isEnded, timeoutMs);
      return;
    }
    case 'drip':
      drips.add(startDrip(wire, step));
      return;
    case 'hold':
      return wire.hold();
    case 'read':
      return wire.read();
    case 'end':
      return wire.end();
    case 'reset':
      return wire.reset();
    case 'frames':
      return; // No connection of HTTP/1.1 sends them: h2/replay.ts does.
  }
}

function startDrip(wire: Wire, { bytes, again, everyMs }: Step & { kind: 'drip' }): NodeJS.Timeout {
  let at = 0;
  const next = (): void => {
    const byte = at < bytes.length ? bytes[at]! : again[(at - bytes.length) % again.length]!;
    at++;
    wire.write(byte);
  };
  next();
  return setInterval(next, everyMs);
}

async function settle(wire: Wire, { settleMs, patienceMs, isEnough }: PlayOptions): Promise<void> {
  const isOver = (): boolean => wire.isEnded || isEnough?.(wire) === true;
  if (patienceMs !== undefined) {
    await wire.until(isOver, patienceMs - wire.nowMs);
    return;
  }
  // In several looks: on a machine that is busy each of them takes longer, and what has come meanwhile is seen.
  for (let looks = 0, seen = wire.receivedBytes; looks < SILENT_LOOKS && !isOver(); looks++) {
    await wire.until(isOver, settleMs / SILENT_LOOKS);
    if (wire.receivedBytes !== seen) looks = -1;
    seen = wire.receivedBytes;
  }
}
