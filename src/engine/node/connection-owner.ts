/** What a connection of the node engine needs of whoever owns it. */
import type { NodeConnection } from './connection.ts';
import type { SendArena } from './send-arena.ts';

/** What a connection asks of its engine. */
export interface ConnectionOwner {
  readonly arena: SendArena;
  /** Flush `conn` at the end of this turn, or of the microtask queue when no turn is running. */
  touched(conn: NodeConnection): void;
  setDeadline(slot: number, atMs: number): void;
  /** Nothing is read any more, for now or for good. */
  unread(conn: NodeConnection): void;
  /** Bytes have come; @returns whether to go on reading. */
  received(conn: NodeConnection, bytes: Uint8Array, end: number): boolean;
  socketConnected(conn: NodeConnection): void;
  peerEnded(conn: NodeConnection): void;
  socketClosed(conn: NodeConnection): void;
  /** A write that had to wait is through. */
  wrote(conn: NodeConnection): void;
  /** Everything was taken at once, and `onDrained` is owed all the same. */
  drained(conn: NodeConnection): void;
  countSent(byteCount: number): void;
}
