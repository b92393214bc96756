/**
 * The 64 bits of user_data that come back with every completion, as two 32-bit halves so that no
 * BigInt appears on the hot path:
 *
 *     high half                 low half
 *     63                    32  31        24 23                     0
 *     +----------------------+ +------------+-----------------------+
 *     |      generation      | | operation  |         slot          |
 *     +----------------------+ +------------+-----------------------+
 *
 * `slot` indexes the connection table (or the listener table for OP_ACCEPT); `generation` is the
 * slot's when the operation was submitted. A completion whose generation is not the slot's present
 * one belongs to a connection that is gone, and is dropped.
 */
import { SLOT_BITS } from '../descriptor/connection-table.ts';

export const SLOT_MASK = (1 << SLOT_BITS) - 1;

export const OP_ACCEPT = 1;
export const OP_RECEIVE = 2;
export const OP_SEND = 3;
export const OP_TIMER = 4;
/** Completions that carry no news unless they fail: shutdown, close, cancel, timer update. */
export const OP_QUIET = 5;
/** An outgoing connection stands, or has failed. */
export const OP_CONNECT = 6;
/** Something has happened to a socket that is not received from. */
export const OP_WATCH = 7;
/** An accept whose descriptor has been taken: see unread-accepts.ts. */
export const OP_TAKEN = 8;
/** Is the same as OP_RECEIVE, into a large buffer: see bulk-receives.ts. */
export const OP_RECEIVE_BULK = 9;
/** The socket takes bytes again, or has failed: asked for while a file is to be sent. */
export const OP_WRITABLE = 10;
/** A window of a file has been read; in place of a slot it has the number of the read (ring-reads.ts). */
export const OP_READ_FILE = 11;
