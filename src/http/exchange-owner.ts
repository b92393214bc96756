/** What an exchange tells and asks of whoever carries it: the session of HTTP/1, a stream of HTTP/2. */
import type { CloseReason, EngineConnection, RemoteAddress } from '../engine/engine.ts';
import type { Attachment } from './connection-account.ts';
import type { ExchangeRecord } from './exchange-host.ts';

export interface ExchangeOwner {
  /** One for all exchanges that it carries, one after the other. */
  attachment: Attachment | undefined;
  /** The connection's number, which no other of its thread has. */
  readonly connectionId: number;
  /** The client has sent FIN, as far as we have seen. */
  readonly hasPeerEnded: boolean;
  remoteAddress(): RemoteAddress | undefined;
  /** What TLS has agreed on; absent or undefined in the clear. */
  readonly secure?: EngineConnection['secure'];
  /** What a proxy in front has named. */
  readonly proxied?: EngineConnection['proxied'];
  localAddress(): RemoteAddress | undefined;
  /** The handler wants nothing more to do with it: the connection ends behind what was written, the stream by a reset. */
  abandon(reason: CloseReason): void;
  /** The answer has been written whole. */
  exchangeFinished(exchange: ExchangeRecord): void;
  /** The answer cannot be completed: the client has to see that. */
  exchangeBroken(exchange: ExchangeRecord, reason: CloseReason): void;
  /** What the exchange waits for has changed: its body deadline is to be set anew, and the earliest of all armed. */
  exchangeWaits(exchange: ExchangeRecord): void;
  /** A deadline of the exchange has moved. */
  armExchange(exchange: ExchangeRecord): void;
  /** A handler has ended whose client went before. */
  handlerEnded(): void;
}
