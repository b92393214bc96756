/**
 * What TLS has agreed on with a client, in the form in which handlers see it. Read when the handshake is complete, so that
 * nothing of it refers to the connection; a client's certificate is taken apart when somebody asks.
 */
import { X509Certificate } from 'node:crypto';
import type { TlsVersion } from './tls-options.ts';

/** A client's certificate. */
class PeerCertificate {
  /** DER. */
  readonly raw: Uint8Array;
  #parsed: X509Certificate | undefined = undefined;

  constructor(raw: Uint8Array) {
    this.raw = raw;
  }

  /** As `X509Certificate` of node:crypto writes it: `CN=...`, a line for each part. */
  get subject(): string {
    return this.#certificate.subject ?? '';
  }

  get issuer(): string {
    return this.#certificate.issuer ?? '';
  }

  /** Such as `DNS:device-7.example, URI:spiffe://example/device-7`. */
  get subjectAltName(): string | undefined {
    return this.#certificate.subjectAltName;
  }

  get serialNumber(): string {
    return this.#certificate.serialNumber;
  }

  get validFrom(): Date {
    return new Date(this.#certificate.validFrom);
  }

  get validTo(): Date {
    return new Date(this.#certificate.validTo);
  }

  /** SHA-256 of it, in hexadecimal with colons. */
  get fingerprint256(): string {
    return this.#certificate.fingerprint256;
  }

  get #certificate(): X509Certificate {
    return (this.#parsed ??= new X509Certificate(this.raw));
  }
}

interface SecureConnectionInit {
  readonly version: TlsVersion;
  readonly cipher: string;
  readonly serverName: string | undefined;
  readonly alpnProtocol: string | undefined;
  readonly resumed: boolean;
  /** DER. */
  readonly peerCertificate: Uint8Array | undefined;
  /** Why the certificate is not trusted; undefined where it is. */
  readonly authorizationError: string | undefined;
}

export class SecureConnection {
  readonly version: TlsVersion;
  readonly cipher: string;
  readonly serverName: string | undefined;
  readonly alpnProtocol: string | undefined;
  readonly resumed: boolean;
  readonly peerCertificate: PeerCertificate | undefined;
  readonly authorized: boolean;
  readonly authorizationError: string | undefined;

  constructor(init: SecureConnectionInit) {
    this.version = init.version;
    this.cipher = init.cipher;
    this.serverName = init.serverName;
    this.alpnProtocol = init.alpnProtocol;
    this.resumed = init.resumed;
    const { peerCertificate, authorizationError } = init;
    this.peerCertificate = peerCertificate === undefined ? undefined : new PeerCertificate(peerCertificate);
    this.authorized = peerCertificate !== undefined && authorizationError === undefined;
    this.authorizationError = peerCertificate === undefined ? undefined : authorizationError;
  }
}
