/**
 * The oracle for one stream: what has come of its request, what may go out of its answer, and how it ended. RFC 9113 §5.1.
 * Windows are the oracle's own: the server's are not looked at.
 */
import { contentComplaint } from '../answer-rules.ts';
import type { ExchangeRecord } from '../exchange-record.ts';
import { expectedAnswer, isTruncated, namedLength, throws } from '../expected-answer.ts';
import type { RequestPlan } from '../request-plan.ts';
import type { H2Request } from './request.ts';

const NEVER = Number.POSITIVE_INFINITY;

export type StreamEnd =
  | 'open'
  /** Answered to the end, and the request is whole. */
  | 'whole'
  | 'reset-by-client'
  | 'reset-by-server'
  /** It ended with its connection. */
  | 'gone'
  /** It came behind the last that the server takes. */
  | 'beyond';

export class StreamModel {
  readonly id: number;
  readonly request: H2Request;
  readonly plan: RequestPlan;
  /** The `delivering` in which its head came. */
  readonly openedIn: number;
  record: ExchangeRecord | undefined = undefined;
  end: StreamEnd = 'open';
  /** The `delivering` in which it was over, -1 while it is not. */
  closedIn = -1;
  // The request.
  isWhole: boolean;
  contentBytes = 0;
  /** Before what the server is reading now. */
  contentBefore = 0;
  /** Bytes of the DATA frames whose heads have come, padding included. */
  flowBytes = 0;
  /** What the client may still send. */
  credit: number;
  /** The client has reset it, with bytes that the server is reading. */
  isResetPending = false;
  // The answer.
  /** What the server may still send. */
  window: number;
  sentBytes = 0;
  status = 0;
  /** It was answered in the handler's place. */
  isFault = false;
  /** Its content is the server's own text. */
  #isOwnText = false;
  contentLength: number | undefined = undefined;
  headMs = NEVER;
  answeredMs = NEVER;
  /** Since when an answer is due. */
  owedMs = NEVER;
  /** Since when neither the windows nor the socket keep the server from going on, and since when a window does. */
  movableMs = NEVER;
  shutMs = NEVER;
  /** When the server wrote last, or the client's FIN came. */
  touchedMs = NEVER;
  #hasContinued = false;

  constructor(
    id: number,
    request: H2Request,
    openedIn: number,
    window: number,
    credit: number,
    isWhole: boolean,
  ) {
    this.id = id;
    this.request = request;
    this.plan = request.plan;
    this.openedIn = openedIn;
    this.window = window;
    this.credit = credit;
    this.isWhole = isWhole;
  }

  get isOpen(): boolean {
    return this.end === 'open';
  }

  /** Its answer is whole. */
  get isAnswered(): boolean {
    return this.answeredMs !== NEVER;
  }

  /** The session still has it: the server has not answered it whole. */
  get isHeld(): boolean {
    return this.isOpen && !this.isAnswered;
  }

  get name(): string {
    return `stream ${this.id}, request ${this.plan.id} (${this.plan.kind})`;
  }

  close(end: StreamEnd, receiveNumber: number): void {
    if (!this.isOpen) return;
    this.end = end;
    this.closedIn = receiveNumber;
    this.isResetPending = false;
    if (this.record !== undefined && !this.record.isFinished) this.record.isGone = true;
  }

  /** Content comes back to HEAD never, nor with a status that has none. */
  get #hasContent(): boolean {
    return this.plan.method !== 'HEAD' && (this.#isOwnText || expectedAnswer(this.plan).hasBody);
  }

  /** @returns what is wrong with an interim head */
  interimComplaint(status: number): string | undefined {
    if (this.status !== 0) return `an interim ${status} behind the head`;
    if (status === 103) return this.plan.hints ? undefined : 'hints that nobody gave';
    if (status !== 100) return `an interim ${status}`;
    if (!this.plan.expectsContinue || this.#hasContinued) return 'a 100 that nobody asked for';
    this.#hasContinued = true;
    return undefined;
  }

  /** The final head. @returns what is wrong with its fields */
  headComplaint(
    status: number,
    fields: ReadonlyMap<string, string>,
    isLast: boolean,
    nowMs: number,
  ): string | undefined {
    this.status = status;
    this.headMs = nowMs;
    this.touchedMs = nowMs;
    this.owedMs = NEVER;
    const isAnswer = fields.has('x-id') || (status === 500 && throws(this.plan));
    this.isFault = !isAnswer;
    this.#isOwnText = !fields.has('x-id');
    const { record } = this;
    if (record !== undefined) {
      record.isAnswered = true;
      record.isFault = this.isFault;
    }
    for (const name of ['connection', 'transfer-encoding', 'keep-alive', 'upgrade', 'proxy-connection'])
      if (fields.has(name)) return `a field ${name}`;
    const length = fields.get('content-length');
    if (length !== undefined && !/^\d+$/.test(length)) return `a content-length of ${length}`;
    this.contentLength = length === undefined ? undefined : Number(length);
    if ((status < 200 || status === 204) && length !== undefined) return `a content-length with ${status}`;
    if (!this.#hasContent && !isLast) return 'content is announced where there is none';
    return undefined;
  }

  /** @returns what is wrong with a piece of content */
  dataComplaint(bytes: Uint8Array, nowMs: number): string | undefined {
    const at = this.sentBytes;
    this.sentBytes += bytes.length;
    this.window -= bytes.length;
    this.touchedMs = nowMs;
    if (this.status === 0) return 'content before a head';
    if (bytes.length > 0 && !this.#hasContent) return 'content where there is none';
    if (this.contentLength !== undefined && this.sentBytes > this.contentLength)
      return 'more than its content-length';
    return this.#isOwnText ? undefined : contentComplaint(this.plan, at, bytes, 0, bytes.length);
  }

  /** END_STREAM. @param trailers undefined without @returns what is wrong with that */
  endComplaint(trailers: ReadonlyMap<string, string> | undefined, nowMs: number): string | undefined {
    const { plan, record, sentBytes } = this;
    this.answeredMs = nowMs;
    if (record !== undefined) record.isFinished = true;
    if (!this.#hasContent) return undefined;
    if (this.contentLength !== undefined && sentBytes !== this.contentLength)
      return `it ends after ${sentBytes} of ${this.contentLength} bytes`;
    if (this.isFault) return trailers === undefined ? undefined : 'trailers behind a fault';
    const wanted = plan.sendsTrailers ? String(plan.id) : undefined;
    if (trailers?.get('x-end') !== wanted) return 'its trailers are not those that the handler gave';
    if (this.#isOwnText) return undefined;
    // A byte too many may come in a piece of its own, when the client has all that it was promised.
    if (isTruncated(plan)) return plan.kind === 'length-long' ? undefined : 'it is answered whole';
    const { bodyBytes } = expectedAnswer(plan);
    return sentBytes === bodyBytes ? undefined : `it is answered with ${sentBytes} of ${bodyBytes} bytes`;
  }

  /** Content that the server has at hand and has not written: none of it waits for a source. */
  get hasContentReady(): boolean {
    if (this.status === 0 || this.#isOwnText || this.isAnswered || !this.isOpen || isTruncated(this.plan))
      return false;
    const { kind } = this.plan;
    if (kind === 'slow-stream' || kind === 'late' || kind === 'echo-stream') return false;
    const bytes = namedLength(this.plan) ?? expectedAnswer(this.plan).bodyBytes;
    return this.sentBytes < bytes;
  }
}
