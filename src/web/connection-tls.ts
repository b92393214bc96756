/** What a handler sees of TLS, as `context.tls`. Types only: the engines implement them. docs/tls.md is the page for users. */

/** A client's certificate. `new X509Certificate(raw)` of node:crypto tells the rest. */
export interface PeerCertificate {
  /** DER. */
  readonly raw: Uint8Array;
  /** A line for each part, as `CN=device 7`. */
  readonly subject: string;
  readonly issuer: string;
  /** Such as `DNS:device-7.example, URI:spiffe://example/device-7`. */
  readonly subjectAltName: string | undefined;
  readonly serialNumber: string;
  readonly validFrom: Date;
  readonly validTo: Date;
  /** SHA-256 of it, in hexadecimal with colons. */
  readonly fingerprint256: string;
}

/** What TLS has agreed on with the client. */
export interface ConnectionTls {
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's name, as `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
  /** The name that the client asked for, in small letters (SNI). */
  readonly serverName: string | undefined;
  /** Such as `h2`; undefined where the client offered nothing. */
  readonly alpnProtocol: string | undefined;
  /** A session was resumed: there was no full handshake. */
  readonly resumed: boolean;
  /** Where clients are asked (`tls.requestCert`), and this one has one. */
  readonly peerCertificate: PeerCertificate | undefined;
  /** It has one, and `tls.ca` vouches for it. */
  readonly authorized: boolean;
  /** Why not, as node:tls names it: `CERT_HAS_EXPIRED`. Undefined where there is no certificate. */
  readonly authorizationError: string | undefined;
}
