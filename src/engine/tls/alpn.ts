/** Which protocol is spoken, of those that the client offers: RFC 7301 §3.2. */
import { SSL_TLSEXT_ERR_ALERT_FATAL, SSL_TLSEXT_ERR_OK } from '../../sys/abi/openssl.ts';
import { callbackForOpenSsl, foreignBytes } from '../../sys/openssl.ts';

/**
 * @param alpn names, the better first
 * @returns the address of a function for SSL_CTX_set_alpn_select_cb(3), which lives as long as the thread
 */
export function alpnCallback(alpn: readonly string[]): number {
  const offered = alpn.map((name) => Buffer.from(name, 'latin1'));
  return callbackForOpenSsl(
    ['address', 'address', 'address', 'address', 'uint', 'address'],
    (_ssl, out, outLength, list, length) => select(offered, out, outLength, list, length),
  );
}

/**
 * Without a match the handshake is refused, as node:tls and nginx do: RFC 7301 §3.2. A client that offers nothing is not asked about.
 * @param list as on the wire: names, each behind a byte with its length; OpenSSL has checked it
 */
function select(
  offered: readonly Buffer[],
  out: number,
  outLength: number,
  list: number,
  length: number,
): number {
  const bytes = Buffer.from(foreignBytes(list, length));
  for (const name of offered) {
    for (let at = 0; at < length; at += 1 + bytes[at]!) {
      if (!bytes.subarray(at + 1, at + 1 + bytes[at]!).equals(name)) continue;
      new DataView(foreignBytes(out, 8).buffer).setBigUint64(0, BigInt(list + at + 1), true);
      foreignBytes(outLength, 1)[0] = name.length;
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}
