/**
 * For each named reason, when a connection may end by it: the right-hand side of "The life of a
 * connection" in ARCHITECTURE.md, as a table that is held against what the server does.
 */
import type { SimConnection } from '../engine/sim/connection.ts';
import type { Failure } from '../engine/sim/kernel-errors.ts';
import type { SimLink } from '../engine/sim/link.ts';
import { FAULTS } from '../protocol/error.ts';
import { DEATH_GRACE_MS } from './bounds.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { isTruncated } from './expected-answer.ts';
import type { FilePlan } from './file-plan.ts';
import type { RequestPlan } from './request-plan.ts';
import type { World } from './world.ts';

export type ClosingPhase =
  /** Accepted, no byte yet. */
  | 'accepted'
  /** Part of a head has come. */
  | 'head'
  /** Between requests. */
  | 'idle'
  /** A request is being answered. */
  | 'exchange'
  /** A request has come, and waits until the unsent bytes of answers are few enough. */
  | 'held'
  /** The last byte of a streamed answer is written; its source has not said so. */
  | 'ending'
  /** The last answer is written; FIN is owed. */
  | 'finishing'
  /** FIN is written; what comes is thrown away. */
  | 'linger'
  | 'ended';

type EndingCall = 'close' | 'reset' | 'shutdownWrite' | 'closed';

/** What the table needs to know of a connection. */
export interface EndingConnection {
  readonly phase: ClosingPhase;
  readonly dueMs: number;
  readonly isPeerEnded: boolean;
  /** It was accepted beyond a limit. */
  readonly isOverLimit: boolean;
  readonly faultStatus: number;
  readonly deliveredBytes: number;
  readonly exchange: ExchangeRecord | undefined;
  readonly request: RequestPlan | undefined;
  readonly peer: PeerFacts;
  deadlineComplaint(dueMs: number): string | undefined;
}

/** What became of the client's side of the link. */
export interface PeerFacts {
  readonly hasReset: boolean;
  /** The failure that a system call of the server's was told. */
  readonly brokenBy: Failure | undefined;
  readonly isVanished: boolean;
  readonly deadAtMs: number;
}

export function peerFacts(link: SimLink, deadPeerMs: number): PeerFacts {
  return {
    hasReset: link.peer.hasReset || link.wasCut || link.brokenBy === 'peer-reset',
    brokenBy: link.brokenBy,
    isVanished: link.isVanished,
    deadAtMs: link.lastHeardMs + deadPeerMs,
  };
}

/** A peer that is gone must not keep its slot. @returns what is wrong with closing `conn` as late as now */
export function lateDeathComplaint(conn: SimConnection, world: World): string | undefined {
  const lateMs = world.nowMs - world.delayMs - Math.max(conn.link.lastHeardMs, conn.openedMs);
  return conn.link.isVanished && lateMs > 2 * world.settings.timeouts.deadPeerMs + DEATH_GRACE_MS
    ? `a peer that is gone has kept its slot for ${Math.round(lateMs)} ms`
    : undefined;
}

/** A file that is not what was promised ends its connection, and the engine does that by itself. */
function fileEnds(fate: FilePlan['fate']): Row {
  return ({ exchange }, _world, call) => {
    if (call !== 'closed') return 'the engine ends it by itself';
    return exchange?.isAnswered === true && exchange.plan.file?.fate === fate ? OK : 'no such file is sent';
  };
}

type Row = (it: EndingConnection, world: World, call: EndingCall) => string | undefined;

const OK = undefined;

const CLOSES: Readonly<Record<string, Row>> = {
  'header-timeout': (it, _world, call) => {
    if (it.phase === 'finishing') return it.faultStatus === 408 ? OK : 'without a 408';
    if (it.phase !== 'accepted') return 'a 408 is due once a request has begun';
    return call === 'close' ? it.deadlineComplaint(it.dueMs) : 'there is nothing to linger for';
  },
  'idle-timeout': (it) =>
    it.phase === 'idle' ? it.deadlineComplaint(it.dueMs) : 'the idle deadline holds between requests only',
  'linger-timeout': (it) => (it.phase === 'linger' ? it.deadlineComplaint(it.dueMs) : 'it does not linger'),
  'client-closed': (it) => {
    const { phase, exchange } = it;
    // A stream that has had nothing to send for a while may be given up, and nothing else.
    if (exchange?.isAnswered === true && (phase === 'exchange' || phase === 'ending'))
      return it.deadlineComplaint(exchange.quietDueMs);
    if (!it.isPeerEnded) return 'the client has not sent FIN';
    return phase === 'exchange' || phase === 'finishing' ? 'a request is open' : OK;
  },
  'client-closed-in-head': (it) => (it.isPeerEnded && it.phase === 'head' ? OK : 'no FIN within a head'),
  'client-closed-in-body': (it) => {
    const { request } = it;
    // A body that broke a rule is never whole, however much of it comes.
    const isOpen =
      request !== undefined && (it.deliveredBytes < request.bodyEnd || request.bodyRefusal !== undefined);
    const isAnswering = it.phase === 'exchange' || it.phase === 'ending';
    return it.isPeerEnded && isAnswering && isOpen ? OK : 'no FIN within a body';
  },
  'response-failed': (it, world) => {
    const { exchange } = it;
    if (exchange === undefined || !exchange.isAnswered || exchange.isFinished)
      return 'no answer is under way';
    if (isTruncated(exchange.plan)) return OK;
    // An echo fails with the body that it echoes.
    if (exchange.plan.kind !== 'echo-stream') return 'the handler did not fail';
    const { bodyRefusal } = exchange.plan;
    if (bodyRefusal !== undefined && it.deliveredBytes >= bodyRefusal.fromBytes) return OK;
    const touchedMs =
      exchange.bodyTouchedMs === world.nowMs ? exchange.bodyTouchedBeforeMs : exchange.bodyTouchedMs;
    return world.nowMs < touchedMs + exchange.bodyMs ? 'the body did not fail' : OK;
  },
  drained: (it, world) => {
    if (!world.isDraining) return 'the server does not drain';
    if (it.phase === 'accepted') return it.deadlineComplaint(it.dueMs);
    if (it.phase !== 'idle') return 'a request is open';
    return world.idleGraceMs === 0 ? OK : it.deadlineComplaint(it.dueMs);
  },
  'file-short': fileEnds('short'),
  'file-changed': fileEnds('changed'),
  'file-failed': fileEnds('broken'),
  'peer-reset': (it, _world, call) => (call === 'closed' && it.peer.hasReset ? OK : 'the peer has not reset'),
  'io-error': (it, _world, call) =>
    call === 'closed' && it.peer.brokenBy === 'io-error' ? OK : 'no system call has failed',
  'peer-dead': (it, world, call) =>
    call === 'closed' || call === 'reset' ? deathComplaint(it, world) : 'nobody is there to read FIN',
  'engine-closed': (_it, world, call) =>
    call === 'closed' && world.isEngineClosing ? OK : 'the engine is not closing',
};

function deathComplaint(it: EndingConnection, world: World): string | undefined {
  if (it.peer.brokenBy === 'peer-dead') return OK;
  if (!it.peer.isVanished) return 'the peer lives';
  return world.nowMs < it.peer.deadAtMs ? 'too early' : OK;
}

/**
 * `shutdownWrite`, or a close for a fault or an answer of a client that has sent FIN or promised to send no more: after
 * the last answer only, be it that it has announced the end or that the server drains.
 */
const FINISHED: Row = (it, world, call) => {
  if (it.phase === 'idle' && world.isDraining) return OK;
  if (it.phase !== 'finishing') return 'no answer has ended';
  return call !== 'close' || it.isPeerEnded || hasPromised(it)
    ? OK
    : 'the client may send on: FIN, and lingering';
};

/** The client has said that it sends nothing behind its request, and has not. RFC 9112 §9.6 */
function hasPromised({ request, deliveredBytes }: EndingConnection): boolean {
  return request?.persists === false && deliveredBytes === request.bodyEnd;
}

/** @returns what is wrong with ending `it` for `reason` now */
export function closeComplaint(
  it: EndingConnection,
  world: World,
  call: EndingCall,
  reason: string,
): string | undefined {
  return (CLOSES[reason] ?? FINISHED)(it, world, call);
}

/** The engine ends it by RST, without being asked. */
export function isBreak(reason: string): boolean {
  return reason === 'engine-closed' || reason === 'io-error' || breaksFile(reason);
}

/** It breaks off what it sends: a file is not what was promised. */
export function breaksFile(reason: string): boolean {
  return reason.startsWith('file-');
}

/** The engine's own ends: the server may have wanted another before it heard of them. */
const UNASKED: readonly string[] = ['peer-reset', 'peer-dead', 'io-error', 'engine-closed'];

/**
 * The reason that the server counts, once for each connection.
 * @param faultStatus of the last answer, 0 for a handler's
 * @returns what is wrong with it
 */
export function countedComplaint(
  counted: readonly string[],
  first: string,
  faultStatus: number,
): string | undefined {
  if (counted.length !== 1) return `its end is counted ${counted.length} times (${counted.join(', ')})`;
  const reason = counted[0]!;
  // FIN after the last answer names no reason to the engine: it follows from the answer.
  if (UNASKED.includes(first)) return undefined;
  if (first !== '') return reason === first ? undefined : `its end is counted as ${reason}, not ${first}`;
  const fault = FAULTS.find(({ code }) => code === reason);
  if (faultStatus === 0)
    return reason === 'answered' || reason === 'drained' || fault !== undefined
      ? undefined
      : `its end is counted as ${reason}`;
  return fault?.status === faultStatus || (faultStatus === 500 && reason === 'answered')
    ? undefined
    : `a ${faultStatus} is counted as ${reason}`;
}
