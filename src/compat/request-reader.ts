/**
 * The content of a request on its way into its IncomingMessage: asked for when somebody reads, piece by piece, so that a
 * handler that pauses pauses the client, and one that reads has the body's deadline.
 */
import type { CoreRequest } from './core.ts';
import { linesOf } from './message-head.ts';
import type { IncomingContent } from './node-exchange.ts';

interface ReaderOwner {
  /** What listeners of the request throw, and whatever else goes wrong here. */
  failed(error: unknown): void;
  /** A piece has come. */
  moved(): void;
}

export class RequestReader {
  readonly #request: CoreRequest;
  readonly #body: IncomingContent | null;
  readonly #owner: ReaderOwner;
  #isReading = false;
  #isBegun = false;
  #isOver = false;
  #onOver: (() => void) | undefined = undefined;

  constructor(request: CoreRequest, body: IncomingContent | null, owner: ReaderOwner) {
    this.#request = request;
    this.#body = body;
    this.#owner = owner;
  }

  /** Somebody has asked for content. */
  get isBegun(): boolean {
    return this.#isBegun;
  }

  /** `_read` of the message. */
  read(): void {
    if (!this.#isBegun) {
      this.#isBegun = true;
      // Until somebody asks, node:http holds the stream back from reading ahead.
      this.#request._readableState.readingMore = false;
    }
    const body = this.#body;
    if (this.#isOver || this.#isReading) return;
    const whole = body === null ? undefined : body.takeBuffered();
    if (body === null) this.#end();
    else if (whole !== undefined) {
      if (whole.length > 0) this.#request.push(bufferOf(whole));
      this.#endOf(body);
    } else {
      this.#isReading = true;
      body.read().then(
        (piece) => this.#take(body, piece),
        () => this.#broken(),
      );
    }
  }

  #take(body: IncomingContent, piece: Uint8Array | undefined): void {
    this.#isReading = false;
    try {
      this.#owner.moved();
      if (piece === undefined) this.#endOf(body);
      else if (!this.#request.destroyed) this.#request.push(bufferOf(piece));
      // Nobody takes it any more: the rest is passed over, so that the connection may go on.
      else this.read();
    } catch (error) {
      this.#owner.failed(error);
    }
  }

  #endOf(body: IncomingContent): void {
    const { trailerText } = body;
    // Only content of unknown length can be followed by fields.
    if (body.contentLength !== undefined) this.#end();
    else if (trailerText !== undefined) this.#endWith(linesOf(trailerText));
    else
      body.trailers().then(
        (trailers) => this.#endWith(Array.from(trailers).flat()),
        () => this.#broken(),
      );
  }

  /** @param lines names and values in turn */
  #endWith(lines: string[]): void {
    const request = this.#request;
    request.complete = true;
    // What is added to a message that is complete becomes its trailers.
    request._addHeaderLines(lines, lines.length);
    this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#request.complete = true;
    try {
      if (!this.#request.destroyed) this.#request.push(null);
    } catch (error) {
      this.#owner.failed(error);
    }
    this.#onOver?.();
  }

  /** It broke a rule, its deadline, or its client has gone: the exchange tells everybody else. */
  #broken(): void {
    this.#isReading = false;
    this.#isOver = true;
    this.#onOver?.();
  }

  /** Calls `onOver` when nothing of it is to come any more, which may be at once. */
  whenOver(onOver: () => void): void {
    if (this.#isOver || this.#body === null || this.#body.complete) onOver();
    else this.#onOver = onOver;
  }

  /** The answer is whole: what nobody has begun to read is passed over, as node:http does it. */
  passOver(): void {
    const request = this.#request;
    if (this.#isBegun) return;
    const isHere = this.#body === null || this.#body.complete;
    // Its end is not missed where nobody listens.
    if (isHere && request._eventsCount === 0) return;
    // From 24 on Node does not let one flow that is complete: its end has to stand in the stream by then.
    if (isHere) this.read();
    request._dump();
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
