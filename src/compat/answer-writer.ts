/**
 * How the bytes that node:http makes of an answer leave. HTTP/1 takes them as they are, head and framing included
 * (FramedWriter). Everywhere else the head is read again and the content handed on, as far as there is room
 * (PlannedWriter).
 */
import type { AnswerPlan } from '../http/answer-plan.ts';
import { isFramingField } from '../http/answer-plan.ts';
import type { AnswerSink, FramedSink } from '../http/answer-sink.ts';
import type { Trailers } from '../http/trailers.ts';
import type { OutgoingBody } from '../web/parts.ts';
import type { CoreResponse } from './core.ts';

export interface AnswerWriter {
  /** The head is decided and stands in `_header`; it has not been written. */
  begin(response: CoreResponse): void;
  /** @returns how many bytes of content were in it */
  write(data: string | Uint8Array, encoding: BufferEncoding | null): number;
  /** @returns whether all has been handed over; else it is when `drained` says so */
  end(response: CoreResponse): boolean;
  /** There is room again. @returns whether an end that was asked for has been written */
  drained(): boolean;
  /** A head of an interim answer, as node:http writes it. */
  interim(text: string): void;
  readonly hasRoom: boolean;
}

export class FramedWriter implements AnswerWriter {
  readonly #framing: FramedSink;
  readonly #sink: AnswerSink;
  /** Of content that has a length, what may still come; infinite for others. */
  #leftBytes = Number.POSITIVE_INFINITY;
  /** Bytes of the head that stand before the first content. */
  #headText: string | null = null;
  #isChunked = false;
  #chunkBytes = 0;
  #isInChunk = false;
  /** More content came than the head had told of. */
  isOverfull = false;

  constructor(framing: FramedSink, sink: AnswerSink) {
    this.#framing = framing;
    this.#sink = sink;
  }

  get hasRoom(): boolean {
    return this.#sink.room > 0;
  }

  begin(response: CoreResponse): void {
    this.#headText = response._header;
    this.#isChunked = response.chunkedEncoding === true;
    const { _contentLength: length, _hasBody: hasBody } = response;
    if (hasBody && !this.#isChunked && typeof length === 'number' && length >= 0) this.#leftBytes = length;
    // Nobody has taken the connection over: what follows 101 would be no HTTP.
    if (response._last || response.statusCode === 101) this.#framing.last();
  }

  /** @hot */
  write(data: string | Uint8Array, encoding: BufferEncoding | null): number {
    const head = this.#headText;
    let content = data;
    if (head !== null) {
      this.#headText = null;
      // node:http puts what comes first behind its head, in one string, where that is text.
      if (typeof data === 'string' && data.length > head.length) {
        if (!this.#isChunked && this.#leftBytes === Number.POSITIVE_INFINITY)
          return this.#put(data, encoding) - head.length;
        const own = sizeOf(data, encoding) - sizeOf(head, encoding);
        if (!this.#isChunked && own <= this.#leftBytes) {
          this.#leftBytes -= own;
          this.#put(data, encoding);
          return own;
        }
        this.#put(head, encoding);
        content = data.slice(head.length);
      } else {
        this.#put(data, encoding);
        return 0;
      }
    }
    if (this.#isChunked) {
      const size = this.#put(content, encoding);
      return this.#contentOfChunk(content, size);
    }
    if (this.#leftBytes === Number.POSITIVE_INFINITY) return this.#put(content, encoding);
    return this.#putUpTo(content, encoding);
  }

  /** What goes beyond the length that was told would be taken for another answer. */
  #putUpTo(content: string | Uint8Array, encoding: BufferEncoding | null): number {
    const size = sizeOf(content, encoding);
    if (size <= this.#leftBytes) {
      this.#leftBytes -= size;
      return this.#put(content, encoding);
    }
    const bytes = typeof content === 'string' ? Buffer.from(content, encoding ?? 'utf8') : content;
    const kept = bytes.subarray(0, this.#leftBytes);
    this.#leftBytes = 0;
    this.isOverfull = true;
    this.#framing.last();
    this.#framing.framed(kept);
    return kept.length;
  }

  /** node:http writes the size of a chunk, a line end, its content in one or more pieces, a line end. */
  #contentOfChunk(data: string | Uint8Array, size: number): number {
    if (this.#chunkBytes === 0) {
      if (typeof data !== 'string') return 0;
      this.#chunkBytes = Number.parseInt(data, 16) || 0;
      this.#isInChunk = false;
      return 0;
    }
    if (!this.#isInChunk) {
      this.#isInChunk = true;
      return 0;
    }
    this.#chunkBytes = Math.max(0, this.#chunkBytes - size);
    return size;
  }

  /** @returns its bytes @hot */
  #put(data: string | Uint8Array, encoding: BufferEncoding | null): number {
    const framing = this.#framing;
    if (typeof data !== 'string') {
      framing.framed(data);
      return data.length;
    }
    switch (encoding) {
      case null:
      case 'utf8':
      case 'utf-8':
        return framing.framedText(data, false);
      case 'latin1':
      case 'binary':
      case 'ascii':
        return framing.framedText(data, true);
      default: {
        const bytes = Buffer.from(data, encoding);
        framing.framed(bytes);
        return bytes.length;
      }
    }
  }

  end(): boolean {
    return true;
  }

  drained(): boolean {
    return false;
  }

  interim(text: string): void {
    this.#framing.framedText(text, true);
  }

  /** Bytes that are no answer of node:http's: of a listener that writes to its socket. */
  raw(data: string | Uint8Array, encoding: BufferEncoding | null): number {
    return this.#put(data, encoding);
  }
}

function sizeOf(data: string | Uint8Array, encoding: BufferEncoding | null): number {
  return typeof data === 'string' ? Buffer.byteLength(data, encoding ?? 'utf8') : data.length;
}

/** To a sink it only says that content follows. */
const FOLLOWING: OutgoingBody = {
  contentLength: undefined,
  read: () => Promise.resolve(undefined),
  cancel() {},
};

const NOTHING = new Uint8Array(0);

export class PlannedWriter implements AnswerWriter {
  readonly #sink: AnswerSink;
  readonly #plan: AnswerPlan;
  #head: string | null = null;
  #queue: Uint8Array[] = [];
  #trailers: Trailers | undefined = undefined;
  /** The head has been handed over, and its content may follow. */
  #isOpen = false;
  #isEnding = false;
  #hasBody = true;
  #length: number | null = null;
  #status = 0;
  #isEnded = false;

  constructor(sink: AnswerSink, plan: AnswerPlan) {
    this.#sink = sink;
    this.#plan = plan;
  }

  get hasRoom(): boolean {
    return this.#queue.length === 0 && this.#sink.room > 0;
  }

  begin(response: CoreResponse): void {
    this.#head = response._header;
    this.#status = response.statusCode;
    this.#hasBody = response._hasBody;
    this.#length = response._contentLength;
  }

  write(data: string | Uint8Array, encoding: BufferEncoding | null): number {
    let content = data;
    const head = this.#head;
    if (head !== null) {
      this.#head = null;
      if (typeof data !== 'string' || data.length < head.length) content = NOTHING;
      else content = data.slice(head.length);
      this.#sendHead(head, content);
    }
    if (content.length === 0 || !this.#isOpen) return 0;
    const bytes = typeof content === 'string' ? Buffer.from(content, encoding ?? 'utf8') : content;
    this.#put(bytes);
    return bytes.length;
  }

  #sendHead(head: string, content: string | Uint8Array): void {
    const plan = this.#plan;
    const names: string[] = [];
    const values: string[] = [];
    readFields(head, names, values);
    plan.status = this.#status;
    plan.statusText = '';
    plan.contentType = undefined;
    plan.names = names;
    plan.values = values;
    plan.bytes = null;
    plan.file = null;
    plan.unsent = null;
    plan.closes = false;
    plan.endsWithTrailers = false;
    plan.mayHaveContent = this.#hasBody;
    plan.contentLength = typeof this.#length === 'number' && this.#length >= 0 ? this.#length : -1;
    const isEmpty = !this.#hasBody || (plan.contentLength === 0 && content.length === 0);
    plan.stream = isEmpty ? null : FOLLOWING;
    this.#isOpen = !isEmpty;
    this.#isEnded = isEmpty;
    try {
      this.#sink.begin(plan);
    } finally {
      plan.forget();
    }
  }

  #put(bytes: Uint8Array): void {
    let at = 0;
    if (this.#queue.length === 0)
      while (at < bytes.length && this.#sink.takesBytes && this.#sink.room > 0)
        at = this.#sink.write(bytes, at, bytes.length);
    // Whoever wrote it may use its memory again.
    if (at < bytes.length && this.#sink.takesBytes)
      this.#queue.push(Uint8Array.prototype.slice.call(bytes, at));
  }

  end(response: CoreResponse): boolean {
    this.#isEnding = true;
    const { _trailer: trailer } = response;
    if (typeof trailer === 'string' && trailer !== '') {
      const names: string[] = [];
      const values: string[] = [];
      readLines(trailer, 0, names, values);
      this.#trailers = { names, values };
    }
    return this.#finish();
  }

  drained(): boolean {
    while (this.#queue.length > 0 && this.#sink.room > 0) {
      const bytes = this.#queue.shift()!;
      this.#putFirst(bytes);
    }
    return this.#isEnding && this.#finish();
  }

  #putFirst(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && this.#sink.takesBytes && this.#sink.room > 0)
      at = this.#sink.write(bytes, at, bytes.length);
    if (at < bytes.length) this.#queue.unshift(bytes.subarray(at));
  }

  #finish(): boolean {
    if (this.#queue.length > 0) return false;
    if (this.#isEnded) return true;
    this.#isEnded = true;
    this.#sink.end(this.#trailers);
    return true;
  }

  interim(text: string): void {
    const status = Number(text.slice(9, 12));
    if (status === 100) {
      this.#sink.continue();
      return;
    }
    const names: string[] = [];
    const values: string[] = [];
    readFields(text, names, values);
    this.#sink.interim(
      status,
      names.map((name, i): [string, string] => [name, values[i]!]),
    );
  }
}

/** Fields of a head that node:http made, without those that belong to a connection of HTTP/1. */
function readFields(head: string, names: string[], values: string[]): void {
  readLines(head, head.indexOf('\r\n') + 2, names, values);
}

function readLines(text: string, from: number, names: string[], values: string[]): void {
  let line = from;
  while (line < text.length) {
    const end = text.indexOf('\r\n', line);
    if (end === line || end < 0) return;
    const colon = text.indexOf(':', line);
    const name = text.slice(line, colon).toLowerCase();
    if (!isFramingField(name) && name !== 'upgrade') {
      names.push(name);
      values.push(text.slice(colon + 1, end).trim());
    }
    line = end + 2;
  }
}
