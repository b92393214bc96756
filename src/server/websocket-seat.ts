/**
 * Where a thread has its WebSockets: the settings that new ones get, what they count, and the code, which is loaded when the
 * first one is asked for.
 */

import { emptyWebSocketCounts, type WebSocketCounts } from '../http/websocket/counts.ts';
import type { WebSocketSettings } from '../http/websocket/settings.ts';
import type { WebSocketThread } from '../http/websocket/thread.ts';
import type { AskingExchange } from '../http/websocket/upgrade.ts';
import type { FetchHandler, HandlerRequest, RequestContext } from '../web/context.ts';
import { type HoldfastRequest, sentHead } from '../web/request.ts';
import type { Response as LightResponse } from '../web/response.ts';
import type { UpgradeAnswer, UpgradeOptions } from '../web/websocket.ts';
import { LateCode } from './late-code.ts';
import { checkedHooks } from './websocket-options.ts';

type WebSocketCode = typeof import('./websocket.ts');

export class WebSocketSeat {
  readonly code = new LateCode<WebSocketCode>('./websocket.js', () => import('./websocket.ts'));
  readonly counts: WebSocketCounts = emptyWebSocketCounts();
  #settings: WebSocketSettings;
  #thread: WebSocketThread | undefined = undefined;

  constructor(settings: WebSocketSettings) {
    this.#settings = settings;
  }

  /** For those that are opened from now on. */
  use(settings: WebSocketSettings): void {
    this.#settings = settings;
    this.#thread = this.#thread?.successor(settings);
  }

  upgrade(exchange: AskingExchange, options: UpgradeOptions): LightResponse {
    const { WebSocketThread, upgradeToWebSocket, tools } = this.code.loaded;
    this.#thread ??= new WebSocketThread(this.#settings, this.counts, tools);
    const { hooks } = options;
    return upgradeToWebSocket(
      exchange,
      this.#thread,
      hooks === undefined ? options : { ...options, hooks: checkedHooks(hooks) },
    );
  }

  /** The thread ends: what zlib has goes back. */
  release(): void {
    this.#thread?.release();
  }

  /** @returns a handler that asks the hook `upgrade` of each request for WebSocket, if there is such a hook */
  handlerOf(fetch: FetchHandler): FetchHandler {
    const { upgrade } = this.#settings;
    if (upgrade === undefined) return fetch;
    const handler: FetchHandler = (request, context, executionCtx) => {
      if (!asks(request)) return fetch(request, context, executionCtx);
      const answer: unknown = upgrade(request, context);
      return isPromise(answer)
        ? answer.then((settled) => answerOf(settled, context))
        : answerOf(answer, context);
    };
    // What handlers carry for the admin page.
    return Object.assign(handler, fetch);
  }
}

const UPGRADE = /\nupgrade:[ \t]*websocket/i;

/** The head as it was sent costs no Headers to look at. */
function asks(request: HandlerRequest): boolean {
  return UPGRADE.test(sentHead(request as unknown as HoldfastRequest));
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}

/** A Response refuses, whatever its status; anything else accepts. */
function answerOf(answer: unknown, context: RequestContext): Response {
  if (typeof answer === 'object' && answer !== null && 'status' in answer) return answer as Response;
  return context.upgrade((answer ?? {}) as UpgradeAnswer);
}
