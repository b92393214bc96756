/**
 * The server that is attacked, and what it promises. A target is an address that was looked up once: what is attacked is what was
 * checked to be attackable, whatever a name leads to later.
 */
import type { Operations } from '../sessions/operations.ts';

/** What good clients speak, and which attacks there are: of one version of HTTP, or in HTTP/1.1 and with the attacks of both. */
export type Speech = 'any' | 'h1' | 'h2';

/** A column of the matrix: a version of HTTP, in the clear or over TLS. */
export const PROTOCOLS = ['h1', 'h2', 'h1-tls', 'h2-tls'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface Target {
  /** Reports call it so: an engine's name, or host and port. */
  readonly name: string;
  readonly url: string;
  /** What a command line calls it, to have it again. */
  readonly again: string;
  readonly address: string;
  readonly port: number;
  /** What the Host field says. */
  readonly authority: string;
  readonly isSecure: boolean;
  /** @default 'any' */
  readonly speech?: Speech;
  readonly paths: TargetPaths;
  /** Its processes, where they are on this machine and may be looked at. */
  readonly pids: readonly number[];
  /** The admin port of a server of ours. */
  readonly adminUrl: string | undefined;
  /** It is ours, and refuses also what the RFCs leave to it. */
  readonly isOurs: boolean;
}

/** Where attacks find what they need; what a server does not have is undefined. */
export interface TargetPaths {
  /** Answers GET with the same few bytes each time. */
  readonly small: string;
  /** Answers with several megabytes. */
  readonly large: string | undefined;
  /** Reads the content that it is sent before it answers. */
  readonly upload: string | undefined;
  /** Neither reads what it is sent nor answers. */
  readonly hung: string | undefined;
  /** Becomes a WebSocket. */
  readonly websocket: string | undefined;
  /** Sends events with ids. */
  readonly events: string | undefined;
  /** What the walks of clients ask for, where it is not what the reference applications have. */
  readonly operations?: Operations | undefined;
}

/** What the server's operator has set, in milliseconds; `Infinity` is off, undefined unknown. */
export interface Promises {
  /** Until a head is whole: from accept, or from the first byte of a later request. */
  readonly headerMs: number | undefined;
  /** Between an answer and the next request. */
  readonly idleMs: number | undefined;
  /** Between pieces of a request's content. */
  readonly bodyMs: number | undefined;
}
