/**
 * What a handler gets beside the Request. Types only: the server implements them. Names are those of
 * WinterTC's proposed Fetch Server API, `ServerContext`, where it has one (jasnell/proposal-fetch-server,
 * index.bs, of 2026-08-15); `passThroughOnException` and `props` make it what Hono and modules for
 * Cloudflare Workers call `executionCtx`. docs/context.md is the page for users.
 */

import type { ConnectionTls } from './connection-tls.ts';
import type { ClientAddress, HandlerRequest, InterimFields } from './handler-request.ts';
import type { ProxyHeaderFacts } from './proxy-header.ts';
import type { UpgradeOptions } from './websocket.ts';

export type { ConnectionTls, PeerCertificate } from './connection-tls.ts';
export type { ClientAddress, HandlerRequest, InterimFields } from './handler-request.ts';
export type { ProxyHeaderFacts, ProxyTls } from './proxy-header.ts';

export interface RequestContext {
  /** What the pattern of the route names (`routes`), decoded; empty without one. The same as `request.params`. */
  readonly params: Readonly<Record<string, string>>;
  /** The first argument of the handler. */
  readonly request: HandlerRequest;
  /** The other end of the connection: the client or the proxy nearest to us; undefined when it is already gone. */
  readonly remoteAddress: ClientAddress | undefined;
  /**
   * The client's address as text: `remoteAddress`, or whom proxies that are trusted name (`trustProxy`). undefined for a
   * unix socket about which nobody said anything, and when the peer had gone before anybody asked.
   */
  readonly ip: string | undefined;
  /** Whether the connection to us is TLS; what a proxy in front speaks is the scheme of `request.url`. */
  readonly encrypted: boolean;
  /** What TLS has agreed on; undefined in the clear. */
  readonly tls: ConnectionTls | undefined;
  /**
   * What a PROXY header of version 2 has said beside addresses (`proxyProtocol`), decoded at each call; undefined where there was none,
   * or it said no more.
   */
  readonly proxyHeader: ProxyHeaderFacts | undefined;
  /** The same as `request.signal`: it aborts when the client goes, or sends FIN, before the last byte was handed over. */
  readonly signal: AbortSignal;
  /** Work that goes on after the answer: a graceful shutdown waits for it, up to its deadline. A rejection is logged. */
  waitUntil(work: Promise<unknown>): void;
  /**
   * Settles when the exchange is over: resolves when the last byte was handed to the kernel, rejects
   * with the reason when the client went before. Nobody has to listen: a rejection that is not
   * handled goes unreported.
   */
  readonly completed: Promise<void>;
  /** Bytes of the answer's content that have been written so far, while it is sent as well as behind its end. */
  readonly responseBytes: number;
  /**
   * Aborts when the server begins to drain, at shutdown or because a worker is replaced. The request goes on: a
   * stream without an end (server-sent events) ends itself now, so that its client connects elsewhere and the
   * server need not cut it at the drain deadline.
   */
  readonly closing: AbortSignal;
  /**
   * Sends an interim answer (1xx) now; a no-op once the answer has begun and for HTTP/1.0.
   * @throws RangeError for a status that is not from 100 to 199, and for 101
   * @throws TypeError for fields that cannot be sent
   */
  sendInformational(status: number, headers?: InterimFields): void;
  /** `sendInformational(103, headers)`. RFC 8297 */
  earlyHints(headers: InterimFields): void;
  /**
   * Fields to end the answer with, behind its content (RFC 9110 §6.5): gRPC's status, a digest. Until the last byte has been
   * written; later fields replace earlier ones. HTTP/2 sends them always; HTTP/1.1
   * to clients that say `TE: trailers`, behind a body in chunks: given before the answer, they make it one.
   * @throws TypeError for fields that cannot be sent, or may not come so late
   */
  trailers(fields: InterimFields): void;
  /**
   * So much of the answer leaves in a second at most, as `'1m'` or a number of bytes; `Infinity` takes that back. By the kernel
   * (SO_MAX_PACING_RATE), for answers of more than 64 KiB: before the answer or while it is sent. On a connection of HTTP/2 all streams
   * share the sum of what its paced answers may have. docs/context.md
   * The `node` engine has no such thing.
   * @throws OptionError for less than 1 KiB a second
   */
  pace(bytesPerSecond: number | string): void;
  /** Fields behind the request's content, once all of that has come; none for most requests. Rejects as the content does. */
  readonly requestTrailers: Promise<Headers>;
  /**
   * Sends a message to all who have subscribed to `topic`: WebSocket peers and readers of server-sent events, in every
   * thread and machine of the server. Bytes are copied. docs/events.md
   * @returns how many subscribers of this thread it was handed to
   * @throws TypeError for what is no topic or no message
   * @throws PubsubLimitError for a message that is too long
   */
  publish(
    topic: string,
    data: string | ArrayBuffer | ArrayBufferView,
    options?: { readonly id?: string | undefined; readonly event?: string | undefined },
  ): number;
  /** Subscribers of `topic` in this thread. */
  subscriberCount(topic: string): number;
  /**
   * Makes this a WebSocket: the handler returns the Response that it gets here. Where the request asks for none, or not soundly, that
   * Response says so (426, 400). docs/websocket.md
   * @throws TypeError for options that cannot be, and where the connection cannot change any more
   */
  upgrade(options?: UpgradeOptions): Response;
  /** Does nothing: there is no other handler that could take over. */
  passThroughOnException(): void;
  /** Always empty: nothing configures a single request here. */
  // biome-ignore lint/suspicious/noExplicitAny: Hono's ExecutionContext declares it so, and must take ours
  readonly props: any;
}

/**
 * A fetch handler. It is called with the context twice, since what runs on Hono and on Workers takes
 * `(request, env, executionCtx)`: there both `c.env` and `c.executionCtx` are the context.
 */
export type FetchHandler = (
  request: HandlerRequest,
  context: RequestContext,
  executionCtx: RequestContext,
) => Response | Promise<Response>;

/** Anything with a handler as its `fetch`: apps of Hono, H3, Elysia or itty-router, an instance of a class. */
export interface FetchApp {
  readonly fetch: FetchHandler;
}
