/**
 * What the load generator asks of a protocol as a client: one link a connection, on which requests are
 * started and whose bytes are fed in; answers come out by ticket, so that they may come in any order.
 * HTTP/1.1 is `h1-client.ts`, HTTP/2 `h2-client.ts`. A link knows bytes and messages, and no time, no counts, no schedule.
 */
import type { EngineConnection } from '../../engine/engine.ts';

/** A request as a link sends it. */
export interface EncodedRequest {
  readonly method: string;
  readonly bytes: Uint8Array;
}

/** Kept of an answer for a script that checks it. */
export interface AnswerContent {
  readonly status: number;
  /** Status line and field lines, latin1. */
  readonly head: string;
  readonly body: Uint8Array;
}

export interface ClientLink {
  /** The owner's number for it; the link never reads it. */
  readonly index: number;
  /** Requests that were started and have no whole answer yet. */
  readonly underWay: number;
  /** Another request may be started now. */
  readonly mayStart: boolean;
  /** The connection carries no exchange after those answered so far: the server said so, or broke a rule. */
  readonly isSpent: boolean;
  /** Part of an answer has come, and not the whole. */
  readonly isMidAnswer: boolean;
  /** A new connection, which need not stand yet, replaces whatever was before. */
  attach(conn: EngineConnection): void;
  /** The connection is of no interest any more. Requests under way are forgotten. */
  detach(): void;
  /** @returns a ticket from 0 to the depth, which `onAnswer` gives back */
  start(request: EncodedRequest): number;
  /** `bytes` is the engine's, valid during the call. */
  receive(bytes: Uint8Array, start: number, end: number): void;
  /** The server has finished sending: an answer without a length ends here. */
  peerEnded(): void;
  /** The engine has sent all: the rest of a long request may follow. */
  drained(): void;
  /**
   * Gives one request up, and the connection goes on.
   * @returns false where that cannot be: the answers come in order, so nothing behind it would ever be read
   */
  abandon(ticket: number): boolean;
  /** Calls `each` with the tickets of what is under way, oldest first. */
  eachUnderWay(each: (ticket: number) => void): void;
}

/** It hears of answers. It may start requests and detach the link from inside of these calls. */
export interface AnswerHandler {
  /** A whole final answer. `content` only where the client was asked to keep it. */
  onAnswer(link: ClientLink, ticket: number, status: number, content: AnswerContent | undefined): void;
  /**
   * Nothing more can come of the connection.
   * @param error what it is called: garbage with its fault; an unsolicited answer, after which it is no longer
   *   sure whose the others were; or closed early, where the server says so on an idle connection
   */
  onBroken(link: ClientLink, error: string): void;
  /** One request has failed, and the connection goes on. @param error what it is called */
  onFailed(link: ClientLink, ticket: number, error: string): void;
}

export interface ClientOptions {
  /** Requests under way at once on one connection. */
  readonly depth: number;
  /** Keep head and body of every answer, for checks. */
  readonly keepsContent: boolean;
}

export interface Client {
  createLink(index: number): ClientLink;
}
