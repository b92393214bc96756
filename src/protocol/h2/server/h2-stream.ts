/**
 * A stream: one request and its answer, as the connection keeps it. Data alone; what it means is the core's
 * (server-core.ts). Used again when it is over, so that a request makes none.
 *
 * The session may read it and owns `user`. It is the session's from `onRequest` until `onDone` or `onReset`, and must
 * not be touched afterwards.
 */
import { LENGTH_UNKNOWN } from '../message-fields.ts';
import { URGENCY_DEFAULT } from '../priority.ts';
import type { RequestHead } from './head-cache.ts';

/** No deadline. */
export const NEVER = Number.POSITIVE_INFINITY;

export class H2Stream {
  /** 0 while it is nobody's. */
  id = 0;
  /** Belongs to the session. */
  user: unknown = undefined;
  /** Undefined for the request that an upgrade from HTTP/1 has brought. */
  head: RequestHead | undefined = undefined;
  /** RFC 9218 §4 */
  urgency = URGENCY_DEFAULT;
  takesTurns = true;

  // The answer.
  hasSentHead = false;
  /** Its last frame has been written. */
  isAnswered = false;
  /** What the peer allows; below zero after it has made its windows smaller. RFC 9113 §6.9.2 */
  sendWindow = 0;
  sentBytes = 0;
  /** `room` was 0 and `onWindow` is owed. */
  isWaiting = false;
  /** It stands in the order of those that are waiting and have a window. */
  isQueued = false;

  // The request.
  /** The client has ended it. */
  isWhole = false;
  receiveWindow = 0;
  /** How large the window is that the client is given again and again. */
  windowBytes = 0;
  /** Handed over and not consumed. */
  unreadBytes = 0;
  /** Consumed, and not given back to the stream's window. */
  spentBytes = 0;
  /** What is to come by its content-length, LENGTH_UNKNOWN without one. */
  contentLeft = LENGTH_UNKNOWN;
  tinyUnread = 0;

  /** What its head counts for while it is open. */
  headBytes = 0;
  /** Waiting for a window, or lingering: it is ended then. */
  deadlineMs = NEVER;
  /** The next of those whose ids fall together in the table. */
  nextInSlot: H2Stream | undefined = undefined;

  /** Clears what the last request has left. @hot */
  begin(id: number, head: RequestHead | undefined, sendWindow: number, receiveWindow: number): void {
    this.id = id;
    this.head = head;
    this.urgency = head === undefined ? URGENCY_DEFAULT : head.urgency;
    this.takesTurns = head === undefined || head.takesTurns;
    this.hasSentHead = false;
    this.isAnswered = false;
    this.sendWindow = sendWindow;
    this.sentBytes = 0;
    this.isWaiting = false;
    this.isQueued = false;
    this.isWhole = false;
    this.receiveWindow = receiveWindow;
    this.windowBytes = receiveWindow;
    this.unreadBytes = 0;
    this.spentBytes = 0;
    this.contentLeft = LENGTH_UNKNOWN;
    this.tinyUnread = 0;
    this.deadlineMs = NEVER;
  }
}

/** Streams that are over, for the next requests of any connection of the thread. */
export class StreamPool {
  readonly #free: H2Stream[] = [];
  readonly #keptMax: number;

  constructor(keptMax = 4096) {
    this.#keptMax = keptMax;
  }

  take(): H2Stream {
    return this.#free.pop() ?? new H2Stream();
  }

  giveBack(stream: H2Stream): void {
    stream.id = 0;
    stream.user = undefined;
    stream.head = undefined;
    if (this.#free.length < this.#keptMax) this.#free.push(stream);
  }
}
