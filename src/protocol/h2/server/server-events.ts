/**
 * What the core of an HTTP/2 connection tells its session, and what it asks of the connection below.
 */
import type { Http2Fault } from '../error-codes.ts';
import type { H2Stream } from './h2-stream.ts';
import type { RequestHead } from './head-cache.ts';

/** Memory that is sent from, as an engine's connection has it: what was committed in a turn leaves in one send. */
export interface H2Output {
  /** In which `reserve` gave a place; valid until the next `commit`. */
  readonly out: Uint8Array;
  /** @returns where at least `size` bytes may be written, 68 KiB at most */
  reserve(size: number): number;
  commit(size: number): void;
  /** Committed, and not taken by the kernel. */
  readonly unsentBytes: number;
  /** False when what is committed goes nowhere any more. */
  readonly takesBytes: boolean;
}

/** Milliseconds that only grow; read wherever something has a deadline. An engine is one. */
export interface Clock {
  readonly nowMs: number;
}

/**
 * Called from within `receive`, `drained`, `expire` and `abort`; `onDeadline`, `onActive` and `onEnd` also from within
 * calls on streams. Every call on the core is allowed in every event, but for those on a stream that is no longer the session's.
 */
export interface H2Events {
  /** `head` is shared with other requests. `isWhole`: no content follows, nor `onRequestEnd`. */
  onRequest(stream: H2Stream, head: RequestHead, isWhole: boolean): void;
  /** A request whose head is beyond the limits: 431 is the answer. The rest of the request comes as that of any other. */
  onHeadTooLarge(stream: H2Stream, isWhole: boolean, isHead: boolean): void;
  /** Content, borrowed until return. `consumed` is owed for each byte, when it has been read. */
  onData(stream: H2Stream, bytes: Uint8Array, start: number, end: number): void;
  /** The request is whole, with its trailers. The arrays are the session's. */
  onRequestEnd(stream: H2Stream, trailerNames: readonly string[], trailerValues: readonly string[]): void;
  /** The stream is over before its answer was, by the client's wish or its fault. It is not the session's any more. */
  onReset(stream: H2Stream, errorCode: number): void;
  /** `room` was 0 for this stream and is not now. It must be used in this call: others may come next. */
  onWindow(stream: H2Stream): void;
  /** The first stream has come, or the last has gone. */
  onActive(isActive: boolean): void;
  /** `expire` is to be called at this moment or soon after: earlier than was asked for before. */
  onDeadline(atMs: number): void;
  /** For counters and logs: a peer has broken a rule, or a bound was reached. */
  onFault(fault: Http2Fault): void;
  /**
   * Nothing more is read or written, and GOAWAY has gone out (but not to a client that does not speak HTTP/2): close gracefully.
   * All streams were reset before. @param fault undefined after a drain, or when stream ids are used up
   */
  onEnd(fault: Http2Fault | undefined): void;
}
