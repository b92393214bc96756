/**
 * What a handler gets beside the Request. Types only: the server implements them, and adds what needs
 * the connection (upgrade, early hints, trailers).
 */

export interface ClientAddress {
  readonly family: 'IPv4' | 'IPv6' | 'unix';
  /** The address as text, without brackets; empty for a unix socket. */
  readonly address: string;
  readonly port: number;
}

export interface RequestContext {
  /** The peer, or the client that a trusted proxy names; undefined when the peer is already gone. */
  readonly remoteAddress: ClientAddress | undefined;
  /** Work that goes on after the answer: a graceful shutdown waits for it, up to its deadline. */
  waitUntil(work: Promise<unknown>): void;
  /**
   * Settles when the exchange is over: resolves when the last byte was handed to the kernel, rejects
   * with the reason when the client went before. Nobody has to listen: a rejection that is not
   * handled goes unreported.
   */
  readonly completed: Promise<void>;
  /** Sends `103 Early Hints` now; a no-op once the answer has begun and for HTTP/1.0. RFC 8297 */
  earlyHints(headers: Record<string, string>): void;
  /**
   * Aborts when the server begins to drain, at shutdown or because a worker is replaced. The request goes on: a
   * stream without an end (server-sent events) ends itself now, so that its client connects elsewhere and the
   * server need not cut it at the drain deadline.
   */
  readonly closing: AbortSignal;
  /** As `request.signal`. */
  readonly signal?: AbortSignal;
}

/** A fetch handler, as `serve` takes it. */
export type FetchHandler<Context extends RequestContext = RequestContext> = (
  request: Request,
  context: Context,
) => Response | Promise<Response>;
