/**
 * The handlers of the simulation. Each does what the plan of its request says, in virtual time, and
 * writes into the exchange's record what only the handler can know: that it waits, that its signal
 * aborted, that its stream was cancelled.
 */
import type { SimNetwork } from '../engine/sim/network.ts';
import type { ErrorHandler } from '../http/exchange-host.ts';
import type { FetchHandler, RequestContext } from '../web/context.ts';
import { platformBody } from '../web/platform.ts';
import { Response as LightResponse } from '../web/response.ts';
import type { WebSocketHooks } from '../web/websocket.ts';
import type { ConnectionOracle } from './connection-oracle.ts';
import { contentBytes, contentText, isContent } from './content.ts';
import type { ExchangeRecord } from './exchange-record.ts';
import { answerContentId, namedLength } from './expected-answer.ts';
import { answerWithFile } from './planned-file.ts';
import type { RequestPlan } from './request-plan.ts';
import type { Swarm } from './swarm.ts';
import { count } from './totals.ts';
import { BYE, BYE_CODE } from './websocket/client-plan.ts';
import type { World } from './world.ts';

/** Says back what it hears, and closes when it is told to. */
const ECHO: WebSocketHooks = {
  message(peer, message) {
    if (message.isText && message.data === BYE) peer.close(BYE_CODE);
    else peer.send(message.data);
  },
};

/** Where the handlers find what a request is about. */
export interface PlannedRequest {
  readonly plan: RequestPlan;
  readonly model: ConnectionOracle;
}

export class SimHandlers {
  readonly fetch: FetchHandler;
  readonly error: ErrorHandler | undefined;
  readonly #errorHook: Swarm['errorHook'];
  readonly #world: World;
  readonly #network: SimNetwork;
  readonly #planned: ReadonlyMap<number, PlannedRequest>;

  constructor(world: World, planned: ReadonlyMap<number, PlannedRequest>, errorHook: Swarm['errorHook']) {
    this.#world = world;
    this.#network = world.network;
    this.#planned = planned;
    this.#errorHook = errorHook;
    this.error = errorHook === 'none' ? undefined : (_error, request) => this.#answerFailure(request);
    this.fetch = (request, context) => this.#handle(request, context);
  }

  #handle(request: Request, context: RequestContext): Response | Promise<Response> {
    const planned = this.#plannedFor(request);
    if (planned === undefined) {
      this.#world.find(`the handler is called for ${request.method} ${request.url}, which nobody sent`);
      return new Response('');
    }
    const { plan, model } = planned;
    this.#world.totals.requests++;
    count(this.#world.totals.handlers, plan.kind);
    const exchange = model.handlerCalled(plan);
    if (request.method !== plan.method) model.find(`${plan.method} came as ${request.method}`);
    if (plan.watchesSignal) {
      exchange.signal = request.signal;
      request.signal.addEventListener('abort', () => exchange.abortCount++);
    }
    context.completed.then(
      () => {
        exchange.completed = 'resolved';
      },
      () => {
        exchange.completed = 'rejected';
      },
    );
    if (plan.sendsTrailers) context.trailers({ 'x-end': String(plan.id) });
    if (plan.hints) context.earlyHints({ link: '</style.css>; rel=preload' });
    if (plan.leavesWork) context.waitUntil(this.#work(plan));
    let answer: Response | Promise<Response>;
    try {
      answer = this.#answer(plan, exchange, request, model, context);
    } catch (error) {
      this.#failed(exchange, model);
      throw error;
    }
    if (!(answer instanceof Promise)) {
      model.handlerAnswered(exchange);
      return answer;
    }
    exchange.isAsync = true;
    answer.then(
      () => model.handlerAnswered(exchange),
      () => this.#failed(exchange, model),
    );
    return answer;
  }

  /** An answer is due at once, unless the error hook takes its time. */
  #failed(exchange: ExchangeRecord, model: ConnectionOracle): void {
    if (this.#errorHook !== 'async') model.handlerAnswered(exchange);
  }

  #answerFailure(request: Request): Response | Promise<Response> {
    const planned = this.#plannedFor(request);
    if (planned === undefined) return new Response('');
    const { plan, model } = planned;
    const headers = { 'x-id': String(plan.id) };
    const answer = (): Response => {
      const exchange = model.exchangeOf(plan);
      if (exchange !== undefined && this.#errorHook === 'async') model.handlerAnswered(exchange);
      return respond(plan, contentText(answerContentId(plan), plan.responseBytes), headers, 500);
    };
    if (this.#errorHook !== 'async') return answer();
    // The handler's deadline holds for the hook that answers in its place.
    const exchange = model.exchangeOf(plan);
    if (exchange !== undefined) exchange.isAsync = true;
    return this.#later(plan.delayMs, answer);
  }

  /** Work that goes on when the answer is out, and may fail. */
  #work(plan: RequestPlan): Promise<void> {
    return this.#later(plan.delayMs, () => {
      if (plan.usesPlatform) throw new Error('the work fails');
    });
  }

  #plannedFor(request: Request): PlannedRequest | undefined {
    return this.#planned.get(Number(request.url.slice(request.url.indexOf('/r/') + 3)));
  }

  #answer(
    plan: RequestPlan,
    exchange: ExchangeRecord,
    request: Request,
    model: ConnectionOracle,
    context: RequestContext,
  ): Response | Promise<Response> {
    const headers: Record<string, string> = { 'x-id': String(plan.id) };
    const id = answerContentId(plan);
    switch (plan.kind) {
      case 'text':
      case 'long-text':
        return respond(plan, contentText(id, plan.responseBytes), headers);
      case 'bytes':
        return respond(plan, contentBytes(id, plan.responseBytes).slice(), headers);
      case 'async-text':
        return this.#later(plan.delayMs, () => respond(plan, contentText(id, plan.responseBytes), headers));
      case 'asks-close':
        headers['connection'] = 'close';
        return respond(plan, contentText(id, plan.responseBytes), headers);
      case 'no-content':
        return respond(plan, null, headers, 204);
      case 'not-modified':
        return respond(plan, null, headers, 304);
      case 'stream':
      case 'slow-stream':
      case 'stream-error':
      case 'length-short':
      case 'length-long':
        return this.#streamed(plan, exchange, headers);
      case 'late': {
        const { handlerMs } = this.#world.settings.timeouts;
        return this.#later(handlerMs * 0.9 + plan.delayMs, () => this.#streamed(plan, exchange, headers));
      }
      case 'throw':
        throw new Error('the handler throws');
      case 'reject':
        return this.#later(plan.delayMs, () => {
          throw new Error('the handler rejects');
        });
      case 'websocket':
        return context.upgrade({ hooks: ECHO });
      case 'file':
        return answerWithFile(this.#world, plan, request, headers);
      case 'never':
        return new Promise(() => {});
      case 'echo-stream':
        exchange.isWaitHidden = true;
        exchange.bodyTouchedMs = this.#world.nowMs;
        return respond(plan, request.body, headers);
      case 'echo':
        return this.#echo(plan, exchange, request, headers);
      case 'drink':
      case 'early':
        return this.#drink(plan, exchange, request, headers, model, context);
    }
  }

  async #echo(
    plan: RequestPlan,
    exchange: ExchangeRecord,
    request: Request,
    headers: Record<string, string>,
  ): Promise<Response> {
    exchange.waits(this.#world.nowMs);
    try {
      const bytes = await request.arrayBuffer();
      return respond(plan, new Uint8Array(bytes), headers);
    } finally {
      exchange.waitIsOver();
    }
  }

  /** Reads piece by piece, with pauses; an early one answers after the first. */
  async #drink(
    plan: RequestPlan,
    exchange: ExchangeRecord,
    request: Request,
    headers: Record<string, string>,
    model: ConnectionOracle,
    context: RequestContext,
  ): Promise<Response> {
    const reader = request.body?.getReader();
    let at = 0;
    let pauses = 0;
    while (reader !== undefined) {
      exchange.waits(this.#world.nowMs);
      let result: { done: boolean; value?: Uint8Array };
      try {
        result = await reader.read();
      } finally {
        exchange.waitIsOver();
      }
      if (result.value !== undefined) {
        const piece = result.value;
        if (at + piece.length > plan.bodyBytesMax || !isContent(plan.id, at, piece, 0, piece.length)) {
          model.find(`the body of request ${plan.id} is wrong after ${at} bytes`);
        }
        at += piece.length;
      }
      if (result.done) {
        if (at !== plan.bodyBytes)
          model.find(`the body of request ${plan.id} ends after ${at} of ${plan.bodyBytes} bytes`);
        if (plan.hasTrailers && (await context.requestTrailers).get('x-last') !== String(plan.id))
          model.find(`the trailers of request ${plan.id} are lost`);
        break;
      }
      if (plan.kind === 'early') {
        if (plan.usesPlatform) void reader.cancel();
        break;
      }
      // Every pause is an event: a body in many pieces is drunk up in the end.
      if (plan.delayMs > 1 && pauses++ < 20) await this.#later(plan.delayMs, () => undefined);
    }
    return respond(plan, contentText(answerContentId(plan), plan.responseBytes), headers);
  }

  #streamed(plan: RequestPlan, exchange: ExchangeRecord, headers: Record<string, string>): Response {
    const length = namedLength(plan);
    if (length !== undefined) headers['content-length'] = String(length);
    return respond(plan, this.#stream(plan, exchange), headers);
  }

  #stream(plan: RequestPlan, exchange: ExchangeRecord): ReadableStream<Uint8Array> {
    const { responseBytes, pieceBytes, kind } = plan;
    const id = answerContentId(plan);
    const isSlow = kind === 'slow-stream' || (kind === 'late' && plan.delayMs > 20);
    const failAt = kind === 'stream-error' ? responseBytes >> 1 : Number.POSITIVE_INFINITY;
    let at = 0;
    exchange.stream = 'open';
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          if (isSlow) await this.#later(plan.delayMs / 4, () => undefined);
          if (exchange.cancelCount > 0) return;
          const size = Math.min(pieceBytes, responseBytes - at, failAt - at);
          if (at === failAt) {
            exchange.stream = 'errored';
            controller.error(new Error('the source fails'));
          } else if (size === 0) {
            exchange.stream = 'closed';
            controller.close();
          } else {
            controller.enqueue(contentBytes(id, responseBytes).slice(at, at + size));
            at += size;
          }
        },
        cancel: () => {
          exchange.cancelCount++;
        },
      },
      { highWaterMark: plan.namesLength ? 1 : 0 },
    );
  }

  #later<T>(delayMs: number, make: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#network.after(delayMs, () => {
        try {
          resolve(make());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

let showsSource: boolean | undefined;

/**
 * Whether a platform Response shows what it was made of (Node 20 and 22). Where it does not, its body is
 * sent as a stream whose length nobody knows, which ends an HTTP/1.0 connection.
 */
function platformShowsSource(): boolean {
  showsSource ??= platformBody(new Response('x')) !== undefined;
  return showsSource;
}

function respond(
  plan: RequestPlan,
  body: string | Uint8Array | ReadableStream<Uint8Array> | null,
  headers: Record<string, string>,
  status = 200,
): Response {
  const isStream = body instanceof ReadableStream;
  if (plan.usesPlatform && (isStream || platformShowsSource()))
    return new Response(body as ConstructorParameters<typeof Response>[0], { status, headers });
  return new LightResponse(body, { status, headers }) as unknown as Response;
}
