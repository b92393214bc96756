/**
 * The exchange of a listener with a Request that came through no connection of ours: `toFetch(listener)(request)`, in tests,
 * below another handler or another server. What the listener writes becomes a Response, whose body is pulled at its reader's
 * pace.
 */
import type { CloseReason, RemoteAddress } from '../engine/engine.ts';
import type { AnswerBody } from '../http/answer-body.ts';
import { AnswerPlan } from '../http/answer-plan.ts';
import { type AnswerSink, RESPONSE_HIGH_WATER_BYTES } from '../http/answer-sink.ts';
import type { Attachment } from '../http/connection-account.ts';
import { ClientGoneError } from '../http/errors.ts';
import type { ConnectionTls } from '../web/connection-tls.ts';
import type { RequestContext } from '../web/context.ts';
import type { CoreRequest } from './core.ts';
import type { ListenerApp } from './listener-app.ts';
import type { AnswerHost, AnswerOwner, IncomingContent, NodeExchange } from './node-exchange.ts';

/** No answer of HTTP has less. */
const NO_CONTENT = new Set([204, 205, 304]);

export function respondDetached(
  app: ListenerApp,
  request: Request,
  context: RequestContext | undefined,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    const exchange = new DetachedExchange(request, context, resolve, reject);
    app.respond(exchange, (message) => readHead(message, request));
  });
}

function readHead(message: CoreRequest, request: Request): void {
  const { pathname, search, host } = new URL(request.url);
  message.httpVersionMajor = 1;
  message.httpVersionMinor = 1;
  message.httpVersion = '1.1';
  message.method = request.method;
  message.url = pathname + search;
  const lines: string[] = [];
  if (!request.headers.has('host')) lines.push('host', host);
  for (const [name, value] of request.headers as unknown as Iterable<[string, string]>)
    lines.push(name, value);
  if (request.body !== null && !request.headers.has('content-length'))
    lines.push('transfer-encoding', 'chunked');
  message._addHeaderLines(lines, lines.length);
}

class DetachedExchange implements NodeExchange, AnswerHost, AnswerOwner {
  readonly host = this;
  readonly owner = this;
  readonly sink: ResponseSink;
  readonly body: IncomingContent | null;
  readonly request = undefined;
  readonly bodyBytes = 0;
  isFinished = false;
  responseBytes = 0;
  expectsContinue = false;
  readonly expectsOther = false;
  takeover = undefined;
  attachment: Attachment | undefined = undefined;
  readonly scheme: 'http' | 'https';
  readonly settings = { timeouts: { idleMs: 0, bodyMs: Number.POSITIVE_INFINITY } };
  readonly plan = new AnswerPlan();
  /** The caller's own context is the right one. */
  readonly scope = {
    run<T>(work: (this: T) => void, self: T): void {
      work.call(self);
    },
  };
  readonly #context: RequestContext | undefined;
  readonly #fail: (reason: unknown) => void;
  #writer: AnswerBody | null = null;
  #isSettled = false;

  constructor(
    request: Request,
    context: RequestContext | undefined,
    answer: (response: Response) => void,
    fail: (reason: unknown) => void,
  ) {
    this.scheme = request.url.startsWith('https:') ? 'https' : 'http';
    this.#context = context;
    this.#fail = fail;
    this.body = request.body === null ? null : new StreamedContent(request.body);
    this.sink = new ResponseSink(answer, {
      drained: () => this.#writer?.drained(),
      cancelled: (reason) => this.#gone(reason),
    });
    // Listening to a signal costs, and most who call us have none that ever aborts.
    const { signal } = request;
    if (signal !== undefined && signal !== null) {
      const onAbort = (): void => this.#gone(signal.reason);
      if (signal.aborted) queueMicrotask(onAbort);
      else signal.addEventListener('abort', onAbort, { once: true });
    }
  }

  get nowMs(): number {
    return performance.now();
  }

  remoteAddress(): RemoteAddress | undefined {
    return this.#context?.remoteAddress;
  }

  localAddress(): undefined {
    return undefined;
  }

  get secure(): ConnectionTls | undefined {
    return this.#context?.tls;
  }

  abandon(reason: CloseReason): void {
    this.#gone(new ClientGoneError(String(reason)));
  }

  #gone(reason: unknown): void {
    if (this.isFinished) return;
    this.isFinished = true;
    this.#isSettled = true;
    this.sink.fail(reason);
    this.#fail(reason);
    this.#writer?.cancel(reason);
  }

  writtenBy(writer: AnswerBody): void {
    this.#writer = writer;
  }

  awaited(): void {}

  begins(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    return true;
  }

  finish(): void {
    this.isFinished = true;
  }

  failed(error: unknown): void {
    this.#gone(error);
  }

  breakOff(error: unknown): void {
    this.#gone(error);
  }

  lingersForBody(): void {}

  /** Nobody here has a log. */
  report(): void {}
}

/** The body of a Request of any kind. */
class StreamedContent implements IncomingContent {
  complete = false;
  readonly contentLength = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  }

  takeBuffered(): undefined {
    return undefined;
  }

  async read(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#reader.read();
    if (!done) return value;
    this.complete = true;
    return undefined;
  }

  trailers(): Promise<Iterable<readonly [string, string]>> {
    return Promise.resolve([]);
  }
}

interface SinkOwner {
  drained(): void;
  cancelled(reason: unknown): void;
}

/** Makes a Response of what is written. */
class ResponseSink implements AnswerSink {
  readonly #answer: (response: Response) => void;
  readonly #owner: SinkOwner;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined = undefined;
  #isOver = false;

  constructor(answer: (response: Response) => void, owner: SinkOwner) {
    this.#answer = answer;
    this.#owner = owner;
  }

  shortText(): boolean {
    return false;
  }

  begin(plan: AnswerPlan): boolean {
    const headers = new Headers();
    plan.names.forEach((name, i) => {
      headers.append(name, plan.values[i]!);
    });
    const hasContent = plan.stream !== null && !NO_CONTENT.has(plan.status);
    if (hasContent && plan.contentLength >= 0) headers.set('content-length', String(plan.contentLength));
    const body = hasContent ? this.#open() : null;
    this.#answer(new Response(body, { status: plan.status, headers }));
    return !hasContent;
  }

  #open(): ReadableStream<Uint8Array> {
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#owner.drained(),
        cancel: (reason) => {
          this.#isOver = true;
          this.#owner.cancelled(reason);
        },
      },
      { highWaterMark: RESPONSE_HIGH_WATER_BYTES, size: (bytes) => bytes?.byteLength ?? 0 },
    );
  }

  fault(): number {
    return 0;
  }

  get room(): number {
    return this.#isOver ? 0 : Math.max(0, this.#controller?.desiredSize ?? 0);
  }

  get unsentBytes(): number {
    return this.#controller === undefined ? 0 : RESPONSE_HIGH_WATER_BYTES - this.room;
  }

  get takesBytes(): boolean {
    return !this.#isOver && this.#controller !== undefined;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    // Its reader keeps it, and who wrote it may use it again.
    this.#controller?.enqueue(Uint8Array.prototype.slice.call(bytes, start, end) as Uint8Array<ArrayBuffer>);
    return end;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.close();
  }

  fail(reason: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller?.error(reason);
  }

  interim(): void {}

  continue(): void {}

  yields(): void {}

  last(): void {}
}
