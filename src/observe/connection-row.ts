/**
 * One open connection as an operator sees it, and how its movement is judged from one look to the next.
 * Nothing here runs while nobody looks: a connection keeps plain counters, and the first look at it
 * makes the sample that later looks are compared with.
 */

import type { TlsSummary } from './tls-summary.ts';

/** A row of the connection table. Plain data: it crosses threads and becomes JSON. */
export interface ConnectionRow {
  /** Unique among the connections that its worker has ever had. */
  readonly id: number;
  /** Index of the thread that serves it; 0 without workers. */
  readonly worker: number;
  readonly state: string;
  /** For example `127.0.0.1:50000` or `[::1]:50000`; `unix`, or empty when the peer is gone. */
  readonly remoteAddress: string;
  readonly ageMs: number;
  /** In this state. */
  readonly stateMs: number;
  /** Begun, the one that is open included. */
  readonly requests: number;
  readonly bytesReceived: number;
  /** Handed to the kernel. */
  readonly bytesSent: number;
  /** Written and not yet taken by the kernel. */
  readonly unsentBytes: number;
  /** Not yet acknowledged by the peer, ours and the kernel's; null where the kernel does not tell. */
  readonly unacknowledgedBytes: number | null;
  /** What moved, both ways, since the look before; since accept on the first. */
  readonly rateBytesPerSecond: number;
  /**
   * Since the last byte is known to have moved, while bytes wait to be sent; 0 when none waits. Between two
   * looks a movement shows as an acknowledgement; before the first it shows when all that waited has left.
   */
  readonly stallMs: number;
  /** null in the clear. */
  readonly tls: TlsSummary | null;
  /** The method of the open request; null between requests. */
  readonly method: string | null;
  readonly target: string | null;
}

/** What one look found, on the engine's clock. */
export interface Look {
  readonly nowMs: number;
  readonly bytesReceived: number;
  /** Sent as far as anybody can tell: acknowledged where the kernel tells, else taken by the kernel. */
  readonly bytesMoved: number;
  /** Whether something waits to move. */
  readonly isWaiting: boolean;
  /** The last movement that the connection itself has noticed: an upper bound of the stall. */
  readonly noticedMs: number;
  /** When the peer last acknowledged anything, where the kernel tells: movement cannot be later. */
  readonly lastAckAtMs: number | undefined;
}

/** What is kept of a look for the next. */
export interface Sample {
  /** Where rates are counted from. */
  readonly sinceMs: number;
  readonly sinceBytes: number;
  /** Undefined before the first look: what has moved until then may have moved at any time. */
  readonly bytesMoved: number | undefined;
  readonly movedAtMs: number;
}

interface Movement {
  readonly rateBytesPerSecond: number;
  readonly stallMs: number;
  readonly sample: Sample;
}

/** Two people who look at once must not leave each other rates over a few milliseconds. */
const RATE_WINDOW_MS_MIN = 500;

/** A connection nobody has looked at yet. */
export function firstSample(acceptedAtMs: number): Sample {
  return { sinceMs: acceptedAtMs, sinceBytes: 0, bytesMoved: undefined, movedAtMs: acceptedAtMs };
}

/** Compares a look with the sample of the one before. */
export function movementOf(before: Sample, look: Look): Movement {
  const { nowMs } = look;
  let movedAtMs = Math.max(before.movedAtMs, look.noticedMs);
  // Estimates of what is in flight may make the sum step back; only growth is movement.
  const seenBytes = before.bytesMoved ?? look.bytesMoved;
  if (look.bytesMoved > seenBytes) movedAtMs = Math.max(movedAtMs, look.lastAckAtMs ?? nowMs);
  const bytes = look.bytesReceived + look.bytesMoved;
  const windowMs = nowMs - before.sinceMs;
  const isWindowOver = windowMs >= RATE_WINDOW_MS_MIN;
  return {
    rateBytesPerSecond:
      windowMs > 0 ? Math.max(0, Math.round(((bytes - before.sinceBytes) * 1000) / windowMs)) : 0,
    stallMs: look.isWaiting ? Math.max(0, Math.round(nowMs - movedAtMs)) : 0,
    sample: {
      sinceMs: isWindowOver ? nowMs : before.sinceMs,
      sinceBytes: isWindowOver ? bytes : before.sinceBytes,
      bytesMoved: Math.max(seenBytes, look.bytesMoved),
      movedAtMs: Math.min(movedAtMs, nowMs),
    },
  };
}

/** An address as it is written in URLs. */
export function addressText(
  address: { readonly family: string; readonly address: string; readonly port: number } | undefined,
): string {
  if (address === undefined) return '';
  if (address.family === 'unix') return 'unix';
  return address.family === 'IPv6'
    ? `[${address.address}]:${address.port}`
    : `${address.address}:${address.port}`;
}

/** For tables that show only so many: who stalls, then who has most waiting, then who has been here longest. */
export function busiestFirst(a: ConnectionRow, b: ConnectionRow): number {
  return b.stallMs - a.stallMs || b.unsentBytes - a.unsentBytes || b.ageMs - a.ageMs;
}
