/** One request under way on an HTTP/2 connection, and what has come of its answer. Used again, ticket by ticket. */
import type { FieldList } from '../../protocol/h2/field-list.ts';
import type { ReceiveWindow } from '../../protocol/h2/flow-window.ts';
import { LENGTH_UNKNOWN } from '../../protocol/h2/message-fields.ts';
import type { AnswerContent, EncodedRequest } from './client.ts';
import { KeptContent } from './kept-content.ts';

export class H2Answer {
  readonly ticket: number;
  /** 0 until its stream is opened. */
  streamId = 0;
  /** Requests are counted, so that the oldest is known. */
  order = 0;
  request!: EncodedRequest;
  window!: ReceiveWindow;
  status = 0;
  #declaredBytes = LENGTH_UNKNOWN;
  #bytes = 0;
  readonly #content: KeptContent | undefined;

  constructor(ticket: number, keepsContent: boolean) {
    this.ticket = ticket;
    this.#content = keepsContent ? new KeptContent() : undefined;
  }

  begin(request: EncodedRequest, order: number): void {
    this.request = request;
    this.order = order;
    this.streamId = 0;
    this.status = 0;
    this.#declaredBytes = LENGTH_UNKNOWN;
    this.#bytes = 0;
  }

  open(streamId: number, window: ReceiveWindow): void {
    this.streamId = streamId;
    this.window = window;
  }

  /** The head of the final answer has come. */
  get hasBegun(): boolean {
    return this.status !== 0;
  }

  headCame(status: number, list: FieldList): void {
    this.status = status;
    for (let i = 1; i < list.count; i++)
      if (list.names[i] === 'content-length') this.#declaredBytes = Number(list.values[i]);
    if (this.#content === undefined) return;
    const lines = [`HTTP/2 ${status}`];
    for (let i = 1; i < list.count; i++) lines.push(`${list.names[i]}: ${list.values[i]}`);
    this.#content.begin(status, `${lines.join('\r\n')}\r\n\r\n`);
  }

  contentCame(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes += end - start;
    this.#content?.addBody(bytes, start, end);
  }

  /** RFC 9113 §8.1.1: a length that does not fit is a malformed answer; HEAD and 304 have one without content. */
  get hasItsLength(): boolean {
    if (this.#declaredBytes === LENGTH_UNKNOWN || this.#bytes === this.#declaredBytes) return true;
    return this.#bytes === 0 && (this.request.method === 'HEAD' || this.status === 304);
  }

  takeContent(): AnswerContent | undefined {
    return this.#content?.take();
  }
}
