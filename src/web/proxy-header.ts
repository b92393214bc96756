/** What a handler sees of a PROXY header's extensions, as `context.proxyHeader`. Types only. docs/options.md is the page for users. */

/** What the proxy in front has said of the client's connection to it. */
export interface ProxyHeaderFacts {
  /** The name that the client asked for (SNI), or that the proxy has found out. */
  readonly authority: string | undefined;
  /** What client and proxy have agreed on by ALPN: `h2`. */
  readonly alpnProtocol: string | undefined;
  /** The proxy's own number of the connection, 128 bytes at most. */
  readonly uniqueId: Uint8Array | undefined;
  /** Where the client speaks TLS with the proxy. */
  readonly tls: ProxyTls | undefined;
  /** All others in their order: of clouds (0xEA, 0xEE, 0xE0) and of whoever runs the proxy. */
  readonly extensions: readonly { readonly type: number; readonly value: Uint8Array }[];
}

/** TLS between the client and the proxy, in the proxy's words. */
export interface ProxyTls {
  /** The proxy's name for it, such as `TLSv1.3`. */
  readonly version: string | undefined;
  readonly cipher: string | undefined;
  /** The client has shown a certificate. */
  readonly hasCertificate: boolean;
  /** It has, and the proxy has found it good. */
  readonly authorized: boolean;
  /** The certificate's common name. */
  readonly commonName: string | undefined;
  /** DER, from proxies that send it. */
  readonly certificate: Uint8Array | undefined;
}
