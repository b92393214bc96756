/** The option `websocket` of `serve`, as programs write it. Types only: server/websocket-options.ts checks it. */
import type { Duration, Size } from '../base/units.ts';
import type { RequestContext } from './context.ts';
import type { HandlerRequest } from './handler-request.ts';
import type { Maybe, UpgradeAnswer, WebSocketHooks } from './websocket.ts';

export interface WebSocketOptions extends WebSocketHooks {
  /**
   * Called before `fetch` for each request that asks for WebSocket. It accepts by returning nothing, or what to accept with, and
   * refuses by returning a Response. Without it such requests go to `fetch`, which calls `context.upgrade()`.
   */
  upgrade?(
    request: HandlerRequest,
    context: RequestContext,
    // biome-ignore lint/suspicious/noConfusingVoidType: a hook that returns nothing
  ): Maybe<Response | UpgradeAnswer | void | undefined>;
  /** Longer messages end their connection with 1009; compressed ones count as inflated too. @default '1m' */
  maxPayloadBytes?: Size;
  /** What may wait to be sent to one peer. @default '16m' */
  backpressureBytesMax?: Size;
  /**
   * What becomes of a message that would be too much: it is dropped, or the connection is ended. With `'wait'`, the peer's own
   * messages are not read while it lags, and what is too much all the same is dropped.
   * @default 'close': a message that is lost in silence is worse than a connection that its client makes anew
   */
  onBackpressure?: 'drop' | 'close' | 'wait';
  /** A connection on which no message has gone either way for so long is closed with 1001. @default Infinity */
  idleTimeout?: Duration;
  /** A peer of which nothing was heard for so long is sent a ping. @default '30s', below the 60 s of usual load balancers */
  pingInterval?: Duration;
  /** One that has taken the ping and says nothing for so long is ended. @default '20s' */
  pongTimeout?: Duration;
  /** For the peer's part of the closing handshake. @default '5s' */
  closeTimeout?: Duration;
  /** When the server goes down, connections are closed with 1001, spread over this time, so that not all come back at once. @default '1s' */
  handover?: Duration;
  /** permessage-deflate (RFC 7692), each message by itself, with clients that offer it. @default false */
  compress?: boolean;
}
