/**
 * From a seed to one world: which faults at which rates, which timeouts and limits, which kinds of
 * clients and handlers. Each run leaves most of what could happen out, so that what remains happens in
 * combinations that a run with everything would never reach.
 */

import type { SeededRandom } from '../base/random.ts';
import { type NetworkFaults, NO_FAULTS } from '../engine/sim/faults.ts';
import { DEFAULT_WEBSOCKET_SETTINGS } from '../http/websocket/settings.ts';
import { DEFAULT_H2_LIMITS } from '../protocol/h2/server/server-settings.ts';
import type { Settings } from '../server/options.ts';
import { HEAD_BYTES_MAX, HEADER_COUNT_MAX, TARGET_BYTES_MAX } from './refusals.ts';

/** What a handler does with its request. */
export const HANDLER_KINDS = [
  'text', 'long-text', 'bytes', 'async-text', 'stream', 'slow-stream', 'stream-error', 'length-short', 'length-long',
  'echo', 'echo-stream', 'drink', 'early', 'throw', 'reject', 'no-content', 'not-modified', 'asks-close',
  'never', 'late', 'file',
] as const; // biome-ignore format: one list
/** Those that a client asks for by itself are drawn for no other. */
export type HandlerKind = (typeof HANDLER_KINDS)[number] | 'websocket';

export const CLIENT_KINDS = [
  'keep-alive', 'pipeline', 'slow-reader', 'silent', 'drip', 'endless-head', 'drip-second', 'drip-behind',
  'malformed', 'half-closer', 'resetter', 'vanisher', 'uploader', 'stalled-upload', 'bad-chunks', 'continuer',
  'over-limit', 'quitter', 'http10', 'flood',
] as const; // biome-ignore format: one list
/** Those that speak HTTP/2. */
export const H2_CLIENT_KINDS = [
  'h2-requests', 'h2-upgrade', 'h2-uploads', 'h2-windows', 'h2-stalled', 'h2-resets', 'h2-leaver', 'h2-half-closer',
  'h2-slow-reader', 'h2-zero-window', 'h2-silent', 'h2-half-preface', 'h2-slowloris', 'h2-flood', 'h2-offender',
  'h2-endless-block', 'h2-malformed', 'h2-overrun', 'h2-rapid-reset', 'h2-canceller',
] as const; // biome-ignore format: one list
export const WEBSOCKET_CLIENT_KINDS = ['ws-talker', 'ws-deaf', 'ws-offender', 'ws-leaver'] as const;
export type WebSocketClientKind = (typeof WEBSOCKET_CLIENT_KINDS)[number];
export type H1ClientKind = (typeof CLIENT_KINDS)[number];
export type H2ClientKind = (typeof H2_CLIENT_KINDS)[number];
export type ClientKind = H1ClientKind | H2ClientKind | WebSocketClientKind;

export interface Swarm {
  readonly faults: NetworkFaults;
  readonly settings: Settings;
  readonly clientKinds: readonly ClientKind[];
  readonly handlerKinds: readonly HandlerKind[];
  readonly clientCount: number;
  /** Clients come within this. */
  readonly arrivalMsMax: number;
  /** When the server gets another handler, which does the same; undefined: never. */
  readonly reloadAtMs: number | undefined;
  /** When the server begins to drain; undefined: never. */
  readonly drainAtMs: number | undefined;
  readonly idleGraceMs: number;
  /** Says who answers for a handler that threw, and whether at once. */
  readonly errorHook: 'none' | 'sync' | 'async';
}

const NEVER = Number.POSITIVE_INFINITY;
/** Whoever floods is ended after few frames, which is the same to see and takes less time. No honest client comes near these. */
const SMALL_BOUNDS = {
  ...DEFAULT_H2_LIMITS.bounds,
  resets: { ...DEFAULT_H2_LIMITS.bounds.resets, burst: 16, perSecond: 5 },
  settings: { ...DEFAULT_H2_LIMITS.bounds.settings, burst: 30 },
  pings: { ...DEFAULT_H2_LIMITS.bounds.pings, burst: 60 },
  priorities: { ...DEFAULT_H2_LIMITS.bounds.priorities, burst: 50 },
  emptyData: { ...DEFAULT_H2_LIMITS.bounds.emptyData, burst: 25 },
  strayFrames: { ...DEFAULT_H2_LIMITS.bounds.strayFrames, burst: 400, perSecond: 40 },
};

export function drawSwarm(random: SeededRandom): Swarm {
  const settings = drawSettings(random);
  const handlerKinds = some(random, HANDLER_KINDS).filter(
    // Without a deadline of its own such a handler would only show that nothing happens.
    (kind) => settings.timeouts.handlerMs !== NEVER || (kind !== 'never' && kind !== 'late'),
  );
  const arrivalMsMax = random.pick([0, 20, 500]);
  return {
    faults: drawFaults(random),
    settings,
    clientKinds: drawClientKinds(random, settings.http2),
    handlerKinds: handlerKinds.length === 0 ? ['text'] : handlerKinds,
    clientCount: random.between(1, 6),
    arrivalMsMax,
    errorHook: random.pick(['none', 'none', 'sync', 'async'] as const),
    idleGraceMs: random.pick([0, 0, 100, 1000]),
    reloadAtMs: random.chance(0.1) ? 1000 + random.nextUnit() * 1000 : undefined,
    drainAtMs: random.chance(0.12) ? 1000 + random.nextUnit() * random.pick([50, 1000, 20_000]) : undefined,
  };
}

/** Where the server speaks HTTP/2, most clients do, and some speak HTTP/1 beside them. */
function drawClientKinds(random: SeededRandom, http2: boolean): ClientKind[] {
  const kinds: ClientKind[] = random.chance(0.2) ? some(random, WEBSOCKET_CLIENT_KINDS) : [];
  if (!http2) return [...kinds, ...some(random, CLIENT_KINDS)];
  kinds.push(...some(random, H2_CLIENT_KINDS));
  return random.chance(0.5) ? kinds : [...kinds, ...some(random, CLIENT_KINDS)];
}

/** Small bounds are reached by small clients. */
function drawH2(random: SeededRandom): Settings['h2'] {
  return {
    streamWindowBytes: random.pick([65_535, 65_535, 16_384, 1000]),
    growthBytes: random.pick([1 << 20, 30_000, 0]),
    connectionWindowBytes: random.pick([1 << 20, 65_535]),
    unsentBytesMax: random.pick([64 * 1024, 64 * 1024, 8192]),
    drainGraceMs: random.pick([1000, 100]),
  };
}

function drawSettings(random: SeededRandom): Settings {
  return {
    proxies: undefined,
    headerProxies: undefined,
    pubsub: {
      nats: undefined,
      topicsMax: 100,
      subscriptionsMax: 10,
      messageBytesMax: 65_536,
      replay: undefined,
    },
    websocket: DEFAULT_WEBSOCKET_SETTINGS,
    // Where it does not speak HTTP/2, the preface is one malformed request of many.
    http2: random.chance(0.5),
    h2: drawH2(random),
    timeouts: {
      headerMs: random.pick([200, 1000, 10_000]),
      idleMs: random.pick([300, 5000, 76_000]),
      bodyMs: random.pick([150, 2000, 30_000]),
      handlerMs: random.pick([NEVER, NEVER, 250, 4000]),
      deadPeerMs: random.pick([4000, 120_000]),
      lingerMs: random.pick([400, 2000]),
      stallMs: random.pick([60_000, 2000]),
      drainMs: random.pick([500, 30_000]),
      startMs: 30_000,
    },
    limits: {
      headBytesMax: HEAD_BYTES_MAX,
      headerCountMax: HEADER_COUNT_MAX,
      targetBytesMax: TARGET_BYTES_MAX,
      bodyBytesMax: random.pick([1000, 20_000, 200_000]),
      requestsPerConnectionMax: random.pick([NEVER, NEVER, NEVER, 1, 3]),
      connectionsMax: random.chance(0.1) ? random.between(1, 3) : NEVER,
      connectionsPerAddressMax: random.chance(0.05) ? random.between(1, 3) : NEVER,
      handshakesPerAddressMax: NEVER,
      pausesWhenFull: random.chance(0.5),
      http2: {
        ...DEFAULT_H2_LIMITS,
        streamCountMax: random.pick([128, 128, 3]),
        bounds: {
          ...(random.chance(0.9) ? SMALL_BOUNDS : DEFAULT_H2_LIMITS.bounds),
          stalledAnswersMax: random.pick([10, 2]),
        },
      },
    },
  };
}

function drawFaults(random: SeededRandom): NetworkFaults {
  /** Half of the time a fault is left out. */
  const rate = (most: number): number => (random.chance(0.5) ? 0 : random.nextUnit() * most);
  return {
    ...NO_FAULTS,
    latencyMsMax: random.pick([0, 1, 30, 300]),
    jitterMsMax: random.pick([0, 0, 2, 40]),
    segmentBytesMax: random.pick([64, 1460, 16_384, 65_536]),
    tinySegment: rate(0.5),
    shortReceive: rate(0.6),
    shortWrite: rate(0.5),
    lateSend: rate(0.5),
    turnDelay: rate(0.2),
    turnDelayMsMax: random.pick([1, 20, 400]),
    clockJump: random.chance(0.05) ? 0.02 : 0,
    clockJumpMsMax: random.pick([50, 5000]),
    linkReset: random.chance(0.15) ? 0.5 : 0,
    linkResetWithinMs: random.pick([10, 300, 5000]),
    acceptFailure: random.chance(0.15) ? 0.4 : 0,
    acceptPauseMsMax: random.pick([5, 200]),
    acceptAbort: random.chance(0.1) ? 0.2 : 0,
    sendFailure: random.chance(0.15) ? 0.04 : 0,
    receiveFailure: random.chance(0.15) ? 0.04 : 0,
    addressFailure: random.chance(0.1) ? 0.3 : 0,
    givenReceive: rate(1),
    receiveExhaustion: rate(0.2),
    ringFull: rate(0.2),
    closeDelayMsMax: random.pick([0, 0, 1, 30]),
    resetDropsUnread: random.pick([0, 0.5, 1]),
    sendBufferBytes: random.pick([4096, 16_384, 262_144]),
    receiveBufferBytes: random.pick([4096, 16_384, 131_072]),
    deadlinesFirst: rate(1),
  };
}

/** Some of the items: now one, now all. */
function some<T>(random: SeededRandom, items: readonly T[]): T[] {
  const share = random.nextUnit();
  const chosen = items.filter(() => random.chance(share));
  return chosen.length === 0 ? [random.pick(items)] : chosen;
}
