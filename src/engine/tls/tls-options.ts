/** What engines take for TLS: plain data, which crosses threads, and one function. The same for all of them. */

/** A certificate with its key. */
export interface TlsCertificate {
  /** PEM: the server's certificate, then those between it and a root. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** Opens an encrypted key. */
  readonly passphrase?: string;
  /** What kind its key is of, as node:crypto names it. Clients choose among those of one name. */
  readonly keyType: string;
  /** The names that it is for, in small letters; a leftmost label of `*` stands for any one label. */
  readonly names: readonly string[];
  /** An answer of OCSP in DER, given to clients that ask. */
  readonly ocsp?: Uint8Array;
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** Finds the certificate for a name that none of those given has; undefined leaves it to the default. */
export type FindCertificate = (serverName: string) => Promise<TlsCertificate | undefined>;

export interface EngineTlsOptions {
  /** The first is for clients that name nobody, or nobody that is known. Never empty. */
  readonly certificates: readonly TlsCertificate[];
  /** @default 'TLSv1.2' */
  readonly minVersion?: TlsVersion;
  /** @default 'TLSv1.3' */
  readonly maxVersion?: TlsVersion;
  /** For TLS 1.2, in OpenSSL's words. @default those of Mozilla's "intermediate" */
  readonly ciphers?: string;
  /** For TLS 1.3. @default all three */
  readonly cipherSuites?: string;
  /** For the key exchange, the better first, by colons. @default X25519MLKEM768 where the library has it, X25519, P-256, P-384 */
  readonly groups?: string;
  /** Whether clients are asked for a certificate, and must have one that `ca` vouches for. @default 'none' */
  readonly clients?: 'none' | 'ask' | 'require';
  /** PEM: whose certificates of clients are trusted. */
  readonly ca?: string;
  /** PEM: which of them are revoked; then each authority in their chains needs its list. */
  readonly crl?: string;
  /** Protocols for ALPN, the better first (RFC 7301). */
  readonly alpn: readonly string[];
  /**
   * Encrypt session tickets: TICKET_KEY_BYTES of random each, the newest first, at most TICKET_KEYS_MAX. Threads with the same resume
   * each other's sessions. Without it each engine makes its own.
   */
  readonly ticketKeys?: readonly Uint8Array[];
  /** Sent in the clear to a peer that has begun with HTTP instead of a handshake, before its connection is closed. */
  readonly answerToPlainText?: Uint8Array;
  /** Asked for names that no certificate has. */
  readonly findCertificate?: FindCertificate;
}

/** What the side that connects takes. */
export interface EngineTlsClientOptions {
  /** Protocols that are offered, the better first (RFC 7301). Whether one was chosen is the caller's to look at. */
  readonly alpn: readonly string[];
  /** Take whatever certificate comes, for whatever name. @default false: a chain to a root, and the name, are checked */
  readonly insecure?: boolean;
  /** PEM: roots that are trusted. */
  readonly ca: readonly string[];
  /** PEM: the client's own certificate, then those between it and a root; its key with it. */
  readonly cert?: string;
  readonly key?: string;
  /** Take a session up again with the server that gave it, as browsers do. */
  readonly resume: boolean;
}

/** A name of 16 bytes, then keys of 32 for HMAC-SHA-256 and for AES-256. */
export const TICKET_KEY_BYTES = 80;
/** One encrypts, all open what clients bring. */
export const TICKET_KEYS_MAX = 4;
/** How long a session may be resumed: OpenSSL's own choice for TLS, and what keys are kept for. */
export const SESSION_SECONDS = 2 * 60 * 60;

/**
 * Mozilla's "intermediate" (guidelines 5.7): forward secrecy and AEAD, without the DHE suites, which need parameters of their own.
 * The client chooses, since it knows whether its processor has AES.
 */
export const DEFAULT_CIPHERS =
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:' +
  'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:' +
  'ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305';
export const DEFAULT_CIPHER_SUITES =
  'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';
/** The first that the library takes: OpenSSL has X25519MLKEM768 from 3.5 on, and refuses a list with a name that it does not know. */
export const DEFAULT_GROUPS = ['X25519MLKEM768:X25519:P-256:P-384', 'X25519:P-256:P-384'] as const;
