/** What handlers see of the extensions of a PROXY header, as `context.proxyHeader`: their bytes read as what they stand for. */
import {
  PROXY_CLIENT_CERT,
  PROXY_CLIENT_TLS,
  PROXY_TLS_CERTIFICATE,
  PROXY_TLS_CIPHER,
  PROXY_TLS_COMMON_NAME,
  PROXY_TLS_VERSION,
  type ProxyExtensions,
  type ProxyTlsExtension,
} from '../protocol/proxy/proxy-extensions.ts';
import type { ProxyHeaderFacts, ProxyTls } from '../web/proxy-header.ts';

export function proxyFactsOf({ alpn, authority, uniqueId, tls, others }: ProxyExtensions): ProxyHeaderFacts {
  return {
    authority: textOf(authority),
    alpnProtocol: textOf(alpn),
    uniqueId,
    // A bit says whether the client speaks TLS at all: proxies send the extension for others too.
    tls: tls === undefined || (tls.client & PROXY_CLIENT_TLS) === 0 ? undefined : tlsOf(tls),
    extensions: others,
  };
}

function tlsOf({ client, verify, fields }: ProxyTlsExtension): ProxyTls {
  const hasCertificate = (client & PROXY_CLIENT_CERT) !== 0;
  return {
    version: textOf(fields.get(PROXY_TLS_VERSION)),
    cipher: textOf(fields.get(PROXY_TLS_CIPHER)),
    hasCertificate,
    authorized: hasCertificate && verify === 0,
    commonName: textOf(fields.get(PROXY_TLS_COMMON_NAME)),
    certificate: fields.get(PROXY_TLS_CERTIFICATE),
  };
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
