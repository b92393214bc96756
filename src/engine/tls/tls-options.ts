/** What TLS on an engine that owns descriptors takes. */

export interface EngineTlsOptions {
  /** PEM: the server's certificate, then those between it and a root. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** Opens an encrypted key. */
  readonly passphrase?: string;
  /** Protocols for ALPN, the better first (RFC 7301). */
  readonly alpn: readonly string[];
  /**
   * Encrypts session tickets: TICKET_KEY_BYTES of random. Threads with the same resume each other's sessions.
   * Without it each context makes its own.
   */
  readonly ticketKeys?: Uint8Array;
  /** Sent in the clear to a peer that has begun with HTTP instead of a handshake, before its connection is closed. */
  readonly answerToPlainText?: Uint8Array;
}

/** A name of 16 bytes, then keys of 32 for HMAC and AES: SSL_CTX_set_tlsext_ticket_keys of OpenSSL 3. */
export const TICKET_KEY_BYTES = 80;
