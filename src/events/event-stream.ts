/**
 * One answer of server-sent events on its way out. Whoever reads takes a piece when there is room for it; an event that comes
 * while somebody waits for it goes straight through, any other waits in a bounded queue. It ends once, under a name, and its
 * source is told then.
 */
import type { Message } from '../pubsub/message.ts';
import type { OutgoingBody } from '../web/parts.ts';
import type { PieceTaker } from '../web/pieces.ts';
import { EventQueue, type SlowClient } from './event-queue.ts';
import { eventText, MESSAGE_AS_EVENT, type ServerEvent } from './event-text.ts';

/** Why a stream of events has ended. */
export type EventsEnd = 'source-ended' | 'source-failed' | 'client-gone' | 'too-slow' | 'server-closing';

/** What feeds a stream. Each of its methods is called by the stream, and may end it. */
export interface EventSource {
  /** The first reader is there. */
  start(stream: EventStream): void;
  /** Somebody waits and nothing is there: for sources that are pulled. */
  wanted?(): void;
  /** The stream has ended; called once, behind `start`. */
  end(): void;
}

export interface EventStreamSettings {
  readonly heartbeatMs: number;
  readonly bufferBytes: number;
  readonly slowClient: SlowClient;
  readonly retryMs: number | undefined;
  /** Calls back when the server begins to drain. @returns what stops that */
  onClosing(call: () => void): () => void;
  onEnd(reason: EventsEnd, dropped: number): void;
  /** What the end of a source has thrown. */
  onError(error: unknown): void;
}

/** Events that have waited leave together, up to that. */
const PIECE_BYTES = 16 * 1024;
/** An empty comment, which no client shows. WHATWG HTML §9.2.7 recommends one every 15 seconds or so. */
const HEARTBEAT = Buffer.from(':\n\n');
/** How long clients of a server that closes wait, at least half of it: not all of them shall come back at once. */
const CLOSING_RETRY_MS = 2000;

export class EventStream implements OutgoingBody {
  readonly contentLength = undefined;
  readonly #source: EventSource;
  readonly #settings: EventStreamSettings;
  readonly #queue: EventQueue;
  /** What is sent before all that waits: messages that are kept for everybody, each in a form that all share. */
  #backlog: readonly Message[] = [];
  #backlogAt = 0;
  #taker: PieceTaker | undefined;
  #isStartDue = false;
  #hasStarted = false;
  /** Why no event comes any more; what waits is still sent. */
  #ended: EventsEnd | undefined;
  #error: unknown;
  /** Nobody reads any more. */
  #isOver = false;
  #isTakeDue = false;
  #isBusy = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopListening: (() => void) | undefined;

  constructor(source: EventSource, settings: EventStreamSettings) {
    this.#source = source;
    this.#settings = settings;
    this.#queue = new EventQueue(settings.bufferBytes, settings.slowClient);
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  // What its reader asks.

  read(): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      this.readTo({ pieceCame: resolve, piecesEnded: () => resolve(undefined), piecesFailed: reject });
    });
  }

  readTo(taker: PieceTaker): void {
    this.#taker = taker;
    if (!this.#isStartDue) {
      this.#isStartDue = true;
      queueMicrotask(this.#start);
    } else if (this.#hasWaiting || this.#ended !== undefined) this.#takeLater();
    else if (this.#hasStarted) this.#source.wanted?.();
  }

  /** The reader has gone. */
  cancel(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#taker = undefined;
    this.#backlog = [];
    this.#queue.clear();
    this.#end('client-gone');
  }

  // What its source says.

  /** Whether keys of events are of any use. */
  get coalesces(): boolean {
    return this.#settings.slowClient === 'coalesce';
  }

  /** @returns whether it will be sent, as far as is known now */
  send(event: ServerEvent | string, key?: string): boolean {
    return this.isOpen && this.sendBytes(Buffer.from(eventText(event)), key);
  }

  /** An event that was asked for by `wanted`. */
  give(event: ServerEvent | string): void {
    if (this.isOpen) this.sendBytes(Buffer.from(eventText(event)), undefined, true);
  }

  /** @param bytes encoded, which nobody changes from now on @hot */
  sendBytes(bytes: Uint8Array, key?: string, isPulled = false): boolean {
    if (this.#ended !== undefined) return false;
    this.#isBusy = true;
    const taker = this.#taker;
    if (taker !== undefined && !this.#hasWaiting) {
      this.#taker = undefined;
      taker.pieceCame(bytes);
      return true;
    }
    const { dropped } = this.#queue;
    if (!this.#queue.push(bytes, key, isPulled)) {
      // What waits is of no use to one who cannot keep up: the client comes back, and says what it had last.
      this.#queue.clear();
      this.#end('too-slow');
      this.#takeLater();
      return false;
    }
    return this.#queue.dropped === dropped;
  }

  /** Is sent before anything else. */
  replay(messages: readonly Message[]): void {
    this.#backlog = messages;
  }

  sourceEnded(): void {
    this.#end('source-ended');
    this.#takeLater();
  }

  sourceFailed(error: unknown): void {
    if (this.#ended !== undefined) return;
    this.#error = error;
    this.#end('source-failed');
    this.#takeLater();
  }

  readonly #start = (): void => {
    if (this.#isOver) return;
    const { retryMs, heartbeatMs } = this.#settings;
    if (retryMs !== undefined) this.send({ retry: retryMs });
    if (heartbeatMs !== Number.POSITIVE_INFINITY) this.#armHeartbeat();
    this.#stopListening = this.#settings.onClosing(() => this.#closing());
    if (!this.isOpen) return;
    // Not before: what is told above is read, and more is asked for, before the source knows its stream.
    this.#hasStarted = true;
    this.#source.start(this);
    if (this.#hasWaiting) this.#takeLater();
    else if (this.#taker !== undefined) this.#source.wanted?.();
  };

  get #hasWaiting(): boolean {
    return this.#backlogAt < this.#backlog.length || !this.#queue.isEmpty;
  }

  /** Never from within a call of the reader's. */
  #takeLater(): void {
    if (this.#isTakeDue || this.#taker === undefined) return;
    this.#isTakeDue = true;
    queueMicrotask(this.#take);
  }

  readonly #take = (): void => {
    this.#isTakeDue = false;
    const taker = this.#taker;
    if (taker === undefined) return;
    if (!this.#hasWaiting && this.#ended === undefined) return;
    this.#taker = undefined;
    if (this.#hasWaiting) taker.pieceCame(this.#takeWaiting());
    else {
      this.#isOver = true;
      if (this.#ended === 'source-failed') taker.piecesFailed(this.#error);
      else taker.piecesEnded();
    }
  };

  #takeWaiting(): Uint8Array {
    if (this.#backlogAt === this.#backlog.length) return this.#queue.take(PIECE_BYTES);
    const piece = this.#backlog[this.#backlogAt++]!.as(MESSAGE_AS_EVENT);
    if (this.#backlogAt === this.#backlog.length) {
      this.#backlog = [];
      this.#backlogAt = 0;
    }
    return piece;
  }

  /** The client is told, and told to come back, which it does to another process or thread. */
  #closing(): void {
    const { retryMs = CLOSING_RETRY_MS } = this.#settings;
    this.send({ comment: 'the server is closing', retry: Math.ceil((retryMs * (1 + Math.random())) / 2) });
    this.#end('server-closing');
    this.#takeLater();
  }

  #end(reason: EventsEnd): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    clearTimeout(this.#timer);
    this.#stopListening?.();
    if (this.#hasStarted) this.#guarded(() => this.#source.end());
    this.#guarded(() => this.#settings.onEnd(reason, this.#queue.dropped));
  }

  /** Both are code of the program's. */
  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#settings.onError(error);
    }
  }

  /** One timer a stream, which is not set anew for each event. */
  #armHeartbeat(): void {
    this.#isBusy = false;
    // Half of it: a whole half without a byte, and the client has waited for no longer than all of it.
    this.#timer = setTimeout(this.#beat, this.#settings.heartbeatMs / 2);
    // Its connection keeps the process alive, where it should.
    this.#timer.unref();
  }

  readonly #beat = (): void => {
    // Where something waits, it is the reader's turn.
    if (!this.#isBusy && this.#taker !== undefined && !this.#hasWaiting) this.sendBytes(HEARTBEAT);
    if (this.#ended === undefined) this.#armHeartbeat();
  };
}
