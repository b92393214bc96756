/**
 * A load run as plain data: everything that a thread, of this machine or another, needs to make its share
 * of it. Names are resolved and requests are encoded; what is in here survives a structured clone.
 */
import type { ConnectTarget, EngineName } from '../../engine/engine.ts';

/** In the clear they are spoken with prior knowledge of the server, over TLS one alone is offered by ALPN. */
export const LOAD_PROTOCOLS = ['http/1.1', 'h2'] as const;
export type LoadProtocol = (typeof LOAD_PROTOCOLS)[number];

export interface LoadPlan {
  readonly targets: readonly PlannedTarget[];
  /** Made in this order, over and over; with a script, what the command line names, and the script makes its own. */
  readonly requests: readonly PlannedRequest[];
  /** They are taken at random, and not in their order. */
  readonly randomOrder: boolean;
  readonly connections: number;
  readonly threads: number;
  readonly protocol: LoadProtocol;
  /** Requests under way at once on each connection: pipelined, or streams of HTTP/2. */
  readonly pipeline: number;
  readonly engine: 'auto' | EngineName;
  /** Undefined: each connection sends as fast as it is answered. */
  readonly ratePerSecond: number | undefined;
  /** Where in the interval between two requests this part's schedule begins, from 0 up to 1: parts interleave. */
  readonly phase: number;
  /** How long the measured part lasts. Undefined when `requestCount` ends the run. */
  readonly durationMs: number | undefined;
  /** Requests to make in all, the failed ones included. */
  readonly requestCount: number | undefined;
  readonly warmupMs: number;
  /** Connections, or the rate, grow over this time from nothing; it is part of what is measured. */
  readonly rampMs: number;
  /** Each connection waits between an answer and its next request, a random time between these. */
  readonly thinkMinMs: number;
  readonly thinkMaxMs: number;
  /** For connecting, and for an answer from its request's sending on. */
  readonly timeoutMs: number;
  /** Every request on a connection of its own. */
  readonly newConnection: boolean;
  /** Connections are spread over them; empty lets the system choose. */
  readonly sourceAddresses: readonly string[];
  readonly script: PlannedScript | undefined;
  /** All targets are of https, or none is. */
  readonly tls: PlannedTls | undefined;
  /** Think times and a random order are drawn from it. */
  readonly seed: number;
}

export interface PlannedTarget {
  /** `http://host:port` or with https, for people. */
  readonly origin: string;
  /** The Host field. */
  readonly authority: string;
  /** At least one. Where its name has several addresses that answer, connections go to them in turn. */
  readonly connects: readonly ConnectTarget[];
}

export interface PlannedTls {
  /** Whatever certificate the server has is taken. */
  readonly insecure: boolean;
  /** PEM: roots that are trusted beside those that Node trusts. */
  readonly ca: readonly string[];
  /** PEM: what this side shows of itself, and its key. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Sessions are taken up again. */
  readonly resume: boolean;
}

/** One distinct request, encoded once. */
export interface PlannedRequest {
  /** Index of its target. */
  readonly target: number;
  readonly method: string;
  readonly url: string;
  /** Path with query, as on the request line. */
  readonly path: string;
  /** Head and body as they are sent, or as `encodeH2Request` makes them. */
  readonly bytes: Uint8Array;
}

export interface PlannedScript {
  /** The name that the user gave. */
  readonly name: string;
  /** What a thread imports. */
  readonly url: string;
  /** Fields of `-H`, sent with every request that the script does not give them for. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/**
 * Shares a plan out: connections are divided as evenly as can be, rate and count by connections so that all
 * parts end together; all else is the same for all. A part that would have no connection, or no request to
 * make and so no end, is left out.
 * @param count of threads or of machines
 */
export function dividePlan(plan: LoadPlan, count: number): LoadPlan[] {
  const parts = Math.min(count, plan.connections, plan.requestCount ?? Number.POSITIVE_INFINITY);
  return Array.from({ length: parts }, (_, index) => {
    const connections = shareOf(plan.connections, parts, index);
    return {
      ...plan,
      connections,
      ratePerSecond:
        plan.ratePerSecond === undefined ? undefined : plan.ratePerSecond * (connections / plan.connections),
      requestCount:
        plan.requestCount === undefined
          ? undefined
          : countOf(plan.requestCount, plan.connections, parts, index),
      phase: (plan.phase + index) / parts,
      seed: plan.seed + index,
    };
  });
}

/** Pairs of a source and a destination address: each has all source ports for itself. */
export function addressPairCount({ targets, sourceAddresses }: LoadPlan): number {
  return Math.max(1, sourceAddresses.length) * targets[0]!.connects.length;
}

/** One request for each part, and the rest by connections: whole numbers that add up to `total`. */
function countOf(total: number, connections: number, parts: number, index: number): number {
  const before = index * Math.floor(connections / parts) + Math.min(index, connections % parts);
  const upTo = (place: number) =>
    place === connections ? total - parts : Math.floor(((total - parts) * place) / connections);
  return 1 + upTo(before + shareOf(connections, parts, index)) - upTo(before);
}

/** Whole numbers that add up to `total`, as equal as can be, larger ones first. */
function shareOf(total: number, parts: number, index: number): number {
  return Math.floor(total / parts) + (index < total % parts ? 1 : 0);
}
