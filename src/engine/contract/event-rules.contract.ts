/**
 * The order of events that `engine.ts` promises, as rules over a trace: what an engine told of each connection and what it was
 * asked. They know no engine, so that a trace of the simulator and one of a kernel are held to the same.
 *
 * Beside that they note which event followed which, and in which state: what a kernel shows, the simulator has to show too.
 */
import type { EngineCloseReason } from '../engine.ts';

/** What an engine tells. */
export type Told =
  | { readonly what: 'accept' | 'connect' | 'drained' | 'peer-end' | 'peer-end-seen' | 'deadline' }
  | { readonly what: 'receive'; readonly bytes: number }
  | { readonly what: 'closed'; readonly reason: string };

/** What is asked of a connection. */
export type Asked =
  | { readonly what: 'commit'; readonly bytes: number }
  | { readonly what: 'make' | 'settle' | 'pause' | 'resume' | 'shutdown' }
  | { readonly what: 'close' | 'reset'; readonly reason: string }
  | { readonly what: 'set-deadline'; readonly atMs: number };

/** What the peer did, where somebody knows. */
export type Peers =
  | { readonly what: 'peer-sent'; readonly bytes: number }
  | { readonly what: 'peer-fin' | 'peer-reset' };

export type TraceEvent = (Told | Asked | Peers) & { readonly conn: number; readonly nowMs: number };

const NEVER = Number.POSITIVE_INFINITY;

const OWN_REASONS: Record<EngineCloseReason, true> = {
  'peer-reset': true,
  'peer-dead': true,
  'engine-closed': true,
  'io-error': true,
  'connect-failed': true,
  'file-short': true,
  'file-changed': true,
  'file-failed': true,
};
/** TLS has some of its own. */
const TLS_REASON = /^tls-/;

/** One connection. */
class Life {
  isMade = false;
  isStanding = false;
  isClosed = false;
  isPaused = false;
  hasShutDown = false;
  /** The first end that was asked for, and whether by RST. */
  askedReason: string | undefined = undefined;
  isAborting = false;
  hasPeerEnded = false;
  hasPeerEndBeenSeen = false;
  deadlineMs = NEVER;
  /** Something was committed since the last `drained`. */
  hasPressure = false;
  receivedBytes = 0;
  sentBytes: number | undefined = undefined;
  hasPeerFin = false;
  hasPeerReset = false;
  last = 'nothing';
}

export class EventRules {
  /** `before > event [state]`, of all connections. */
  readonly transitions = new Set<string>();
  readonly #lives = new Map<number, Life>();

  /** @returns what is wrong with it */
  event(event: TraceEvent): string | undefined {
    let life = this.#lives.get(event.conn);
    if (life === undefined) {
      life = new Life();
      this.#lives.set(event.conn, life);
    }
    const complaint = ruleOf(life, event);
    if (isTold(event)) this.#note(life, event);
    apply(life, event);
    return complaint === undefined ? undefined : `${event.what}: ${complaint}`;
  }

  #note(life: Life, event: TraceEvent): void {
    const state = [
      life.isPaused ? 'paused' : '',
      life.hasShutDown ? 'shut' : '',
      life.askedReason === undefined ? '' : life.isAborting ? 'aborting' : 'closing',
    ].join('');
    const name = event.what === 'closed' ? `closed ${reasonName(life, event.reason)}` : event.what;
    this.transitions.add(`${life.last} > ${name} [${state}]`);
    life.last = event.what;
  }
}

function isTold(event: TraceEvent): event is Told & TraceEvent {
  switch (event.what) {
    case 'accept':
    case 'connect':
    case 'receive':
    case 'drained':
    case 'peer-end':
    case 'peer-end-seen':
    case 'deadline':
    case 'closed':
      return true;
    default:
      return false;
  }
}

/** Reasons of the layer above are all alike. */
function reasonName({ askedReason }: Life, reason: string): string {
  return reason === askedReason ? 'as asked' : reason;
}

function ruleOf(life: Life, event: TraceEvent): string | undefined {
  if (isTold(event)) {
    if (life.isClosed) return 'after closed';
    if (event.what === 'accept') return life.isStanding || life.isMade ? 'a second time' : undefined;
    if (event.what === 'connect')
      return life.isMade && !life.isStanding ? undefined : 'of none that was made, or twice';
    if (!life.isStanding && !life.isMade) return 'before accept';
    if (!life.isStanding && event.what !== 'closed' && event.what !== 'deadline') return 'before it stands';
  }
  switch (event.what) {
    case 'receive':
      return receiveRule(life, event.bytes);
    case 'peer-end':
      if (life.hasPeerEnded) return 'a second time';
      if (life.sentBytes !== undefined && !life.hasPeerFin) return 'and the peer has sent none';
      if (life.sentBytes !== undefined && life.receivedBytes < life.sentBytes)
        return `after ${life.receivedBytes} of ${life.sentBytes} bytes`;
      return handedRule(life);
    case 'peer-end-seen':
      if (life.hasPeerEndBeenSeen) return 'a second time';
      if (life.hasPeerEnded) return 'after the end was read';
      if (life.sentBytes !== undefined && !life.hasPeerFin && !life.hasPeerReset)
        return 'and the peer has sent none';
      return life.isPaused ? endedRule(life) : 'and reading goes on';
    case 'drained':
      if (!life.hasPressure) return 'and nothing was written since';
      return endedRule(life);
    case 'deadline':
      if (life.deadlineMs === NEVER) return 'and none is set';
      return event.nowMs < life.deadlineMs ? `${life.deadlineMs - event.nowMs} ms early` : undefined;
    case 'closed':
      return closedRule(life, event.reason);
    default:
      return undefined;
  }
}

function receiveRule(life: Life, bytes: number): string | undefined {
  if (bytes <= 0) return 'no bytes';
  if (life.hasPeerEnded) return 'after the end';
  if (life.sentBytes !== undefined && life.receivedBytes + bytes > life.sentBytes)
    return `${life.receivedBytes + bytes} bytes of ${life.sentBytes}`;
  return handedRule(life);
}

/** Nothing is handed to whoever pauses, or has asked for the end. */
function handedRule(life: Life): string | undefined {
  return life.isPaused ? 'while reading is paused' : endedRule(life);
}

function endedRule(life: Life): string | undefined {
  return life.askedReason === undefined ? undefined : 'after an end was asked for';
}

function closedRule(life: Life, reason: string): string | undefined {
  const isOwn = reason in OWN_REASONS || TLS_REASON.test(reason);
  if (reason !== life.askedReason && !isOwn) return `by ${reason}, for which nobody asked`;
  if (reason === 'connect-failed' && life.isStanding) return 'connect-failed, yet it stood';
  return undefined;
}

function apply(life: Life, event: TraceEvent): void {
  switch (event.what) {
    case 'accept':
    case 'connect':
      life.isStanding = true;
      return;
    case 'receive':
      life.receivedBytes += event.bytes;
      return;
    case 'drained':
      life.hasPressure = false;
      return;
    case 'peer-end':
      life.hasPeerEnded = true;
      return;
    case 'peer-end-seen':
      life.hasPeerEndBeenSeen = true;
      return;
    case 'deadline':
      life.deadlineMs = NEVER;
      return;
    case 'closed':
      life.isClosed = true;
      return;
    case 'peer-sent':
      life.sentBytes = (life.sentBytes ?? 0) + event.bytes;
      return;
    case 'peer-reset':
      life.hasPeerReset = true;
      return;
    case 'peer-fin':
      life.hasPeerFin = true;
      life.sentBytes ??= 0;
      return;
    default:
      if (!life.isClosed) applyAsked(life, event);
  }
}

function applyAsked(life: Life, event: Asked): void {
  switch (event.what) {
    case 'make':
      life.isMade = true;
      return;
    case 'commit':
      if (event.bytes > 0 && life.askedReason === undefined && !life.hasShutDown) life.hasPressure = true;
      return;
    case 'settle':
      life.hasPressure = true;
      return;
    case 'pause':
      life.isPaused = true;
      return;
    case 'resume':
      life.isPaused = false;
      return;
    case 'shutdown':
      if (life.askedReason === undefined) life.hasShutDown = true;
      return;
    case 'close':
    case 'reset':
      // Some engines ask themselves when they close.
      if (event.reason in OWN_REASONS) return;
      if (event.what === 'reset') life.isAborting = true;
      life.askedReason ??= event.reason;
      return;
    case 'set-deadline':
      life.deadlineMs = event.atMs;
  }
}
