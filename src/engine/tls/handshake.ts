/** One handshake, as far as it has come: what the callbacks of OpenSSL note, for those who compute it. */

/** An SSL_CTX, as the middle of a handshake sees it. */
interface HandshakeContext {
  readonly address: number;
  /** The answer of OCSP about an X509 of this context's. */
  stapleFor(certificate: number): Uint8Array | undefined;
}

export class Handshake {
  /** That SSL_new was called with. */
  readonly begunWith: HandshakeContext;
  /** The context that has been chosen. */
  context: HandshakeContext | undefined = undefined;
  /** What the client said, if that is a name. */
  serverName: string | undefined = undefined;
  alpnProtocol: string | undefined = undefined;
  /** The name whose certificate has to be found first: the handshake goes on when it has been. */
  awaited: string | undefined = undefined;
  /** No certificate could be found for it: it is refused. */
  hasFailed = false;

  constructor(begunWith: HandshakeContext) {
    this.begunWith = begunWith;
  }
}

/** Knows all contexts. */
export interface ContextChooser {
  /** That clients begin with. */
  readonly first: HandshakeContext;
  /** Whether clients are asked for a certificate, as SSL_set_verify takes it, and the address of a callback or 0. */
  readonly verifyMode: number;
  readonly verifyCallback: number;
  /** @returns undefined where it has to be asked about */
  choose(serverName: string | undefined): HandshakeContext | undefined;
}
