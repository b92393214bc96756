/** What OpenSSL says went wrong, as node:tls names it. */
import { type OpenSsl, takeOpenSslErrors } from '../../sys/openssl.ts';

/**
 * Of the first error in the queue, such as ERR_SSL_HTTP_REQUEST; the queue is empty then.
 * @param better what is known besides, and takes its place; empty for nothing
 */
export function takeErrorName(ssl: OpenSsl, better = ''): string {
  const [first] = takeOpenSslErrors(ssl);
  if (better !== '') return better;
  const reason = first?.split(':').at(-1);
  return reason === undefined
    ? 'ERR_SSL_SYSCALL'
    : `ERR_SSL_${reason.toUpperCase().replace(/[^A-Z0-9]+/g, '_')}`;
}
