/** What handlers and hooks of every kind are given: the request, addresses, and how fields are written. Types only. */

export interface ClientAddress {
  readonly family: 'IPv4' | 'IPv6' | 'unix';
  /** The address as text, without brackets; empty for a unix socket. */
  readonly address: string;
  readonly port: number;
}

/** Fields of an interim answer; a list is sent as one line a value. */
export type InterimFields =
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[]>>;

/** What a handler gets: the platform's Request, with the client's address on it as srvx has it. */
export interface HandlerRequest extends Request {
  /** The same as `context.ip`, and optional, so that a handler can be called with any Request, in a test or by another handler. */
  readonly ip?: string | undefined;
  /** What the pattern of its route names (`routes`), decoded; empty without one. */
  readonly params?: Readonly<Record<string, string>>;
}
